"""Amounts of a command line are written as people write them, with a point, and JSON counts minor units."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from thingmarket.errors import Code
from thingmarket_node.scenarios.processes import PROGRAM, Running, environment


class Bureau:
    """A node of two currencies whose operator gives 1.10 USD for each EUR, and an owner with 300.00 EUR."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with ExitStack() as programs:  # what was started ends, too, when opening fails
            self.programs = programs
            self._open()
            self.programs = programs.pop_all()

    def _open(self) -> None:
        currencies = ("--currency", "EUR", "--currency", "USD")
        self.did("node", "init", "market", "--plaintext", *currencies, "--play-money", "300.00")
        run = [*PROGRAM, "node", "run", "market", "--json"]
        self.node = Running.start("node", run, self.folder, lambda line: None)
        self.programs.callback(self.node.stop)
        self.node.wait_for("ready")
        self.did("owner", "init", "anna", "--node", "market")
        self.did("owner", "fund", "anna", "300.00")
        made = self.did(
            "node", "rate", "market", "110/100", "--from", "EUR", "--to", "USD", "--most", "1000.00"
        )
        self.rate: str = made["rate"]

    def said(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        done = subprocess.run(
            [*PROGRAM, *arguments, "--json"],
            cwd=self.folder,
            env=environment(os.environ),
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.returncode, json.loads(done.stdout.splitlines()[-1])

    def did(self, *arguments: str) -> dict[str, Any]:
        code, value = self.said(*arguments)
        assert code == 0, value
        return value


@pytest.fixture(scope="module")
def bureau(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bureau]:
    built = Bureau(tmp_path_factory.mktemp("bureau"))
    yield built
    built.programs.close()


def test_the_least_of_a_conversion_is_an_amount_of_the_currency_that_is_given(bureau: Bureau) -> None:
    code, told = bureau.said("owner", "convert", "anna", bureau.rate, "100.00", "--at-least", "110.01")
    assert (code, told["refused"]["number"]) == (1, Code.RATE_TOO_LOW)
    done = bureau.did("owner", "convert", "anna", bureau.rate, "100.00", "--at-least", "110.00")
    assert (done["amount_minor"], done["at_least_minor"]) == (10_000, 11_000)
    unknown = ("owner", "convert", "anna", "00" * 32, "100.00", "--at-least", "1.00")
    assert bureau.said(*unknown)[1]["refused"]["number"] == Code.UNKNOWN_RATE


def test_points_are_so_many_for_so_much_net_and_worth_an_amount(bureau: Bureau) -> None:
    made = bureau.did("owner", "programme", "anna", "club", "--earn", "3", "--per", "2.00", "--worth", "0.01")
    assert (made["earn_basis_points"], made["value_minor"]) == (150, 1)
