"""The examples, as they stand: two programs that trade with each other through a node."""

import os
import subprocess
import sys
from pathlib import Path

from tests.network.node_process import NodeProcess
from tests.tidy.repository import ROOT

ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join(str(ROOT / name) for name in ("marketplace", "node", "client")),
}


def example(name: str, card: Path, folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, str(ROOT / "examples" / name), str(card), str(folder)],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_the_printer_and_the_seller_of_the_examples_trade_twice(node: NodeProcess, tmp_path: Path) -> None:
    card = tmp_path / "node.card"
    card.write_text(node.card_text + "\n")
    sold = ""
    for _ in range(2):  # started again, both go on with the keys that they have
        with (
            example("seller_sells_ink.py", card, tmp_path / "seller") as seller,
            example("printer_buys_ink.py", card, tmp_path / "printer") as printer,
        ):
            try:
                bought = printer.communicate(timeout=60)[0]
                sold = seller.communicate(timeout=60)[0]
            finally:
                printer.kill()
                seller.kill()
        assert printer.returncode == 0 and "COMPLETED: paid 2380 EUR" in bought, bought
        assert seller.returncode == 0 and "deliver to: Ada Lovelace" in sold, sold
    assert "earned 4760 EUR" in sold


def test_the_examples_are_short() -> None:
    for path in (ROOT / "examples").glob("*.py"):
        assert len(path.read_text().splitlines()) < 80, path.name


def test_the_sdk_needs_nothing_but_the_base_install() -> None:  # F14
    program = (
        "import sys, thingmarket_client\n"
        "extras = {'aiosqlite', 'click', 'cryptography', 'rich', 'uvloop', 'thingmarket_node'}\n"
        "print(sorted(extras & {name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
