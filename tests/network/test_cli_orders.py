"""Markets on the command line, typed as the README has it: opened, traded in, looked at, halted."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from thingmarket.errors import BOOK_REASON_BASE, Code
from thingmarket.matching.records import Reason
from thingmarket_node.scenarios.processes import PROGRAM, Running, environment


class Exchange:
    """A node with a market for ink, anna's printer with money, bob's shop with ink."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with ExitStack() as programs:  # what was started ends, too, when opening fails
            self.programs = programs
            self._open()
            self.programs = programs.pop_all()

    def _open(self) -> None:
        self.did("node", "init", "market", "--plaintext", "--play-money", "200.00")
        self.start()
        for owner in ("anna", "bob"):
            self.did("owner", "init", owner, "--node", "market")
        for thing in ("printer", "shop"):
            self.did("thing", "init", thing, "--node", "market")
        self.did("owner", "fund", "anna", "200.00")
        self.did("owner", "mandate", "bob", "shop", "--autonomy", "bound", "--may", "sell")
        spend = "order=60.00,day=200.00,total=200.00"
        self.did("owner", "mandate", "anna", "printer", "--autonomy", "adaptable", "--spend", spend)
        opened = self.did(*OPEN)
        assert opened == {"market": 1, "state": "CONTINUOUS"}

    def start(self) -> None:
        command = [*PROGRAM, "node", "run", "market", "--json"]
        self.node = Running.start("node", command, self.folder, lambda _: None)
        self.programs.callback(self.node.stop)
        self.node.wait_for("ready")

    def ran(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*PROGRAM, *arguments],
            cwd=self.folder,
            env=environment(os.environ),
            capture_output=True,
            text=True,
            timeout=60,
        )

    def said(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        done = self.ran(*arguments, "--json")
        return done.returncode, json.loads(done.stdout.splitlines()[-1])

    def did(self, *arguments: str) -> dict[str, Any]:
        code, value = self.said(*arguments)
        assert code == 0, value
        return value


INK = ("--product", "ink-black", "--category", "44103105", "--title", "Black ink")
POWER = ("--product", "power", "--category", "26110000", "--title", "Power")
BOTH = (("owner", "bob"), ("thing", "shop"))
OPEN = ("node", "market", "open", "market", "1", *INK)


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    built = Exchange(tmp_path_factory.mktemp("exchange"))
    yield built
    built.programs.close()


def test_things_trade_in_a_market_and_see_it(exchange: Exchange) -> None:
    exchange.did("thing", "goods", "declare", "shop", "1", "100")
    sold = exchange.did("thing", "order", "sell", "shop", "1", "5", "0.20", "--for", "2h")
    assert (sold["rests_lots"], sold["fills"]) == (5, [])
    bought = exchange.did("thing", "order", "buy", "printer", "1", "3", "0.25", "--what-is-left", "at-once")
    assert (bought["rests_lots"], bought["fills"]) == (0, [{"price_ticks": 20, "lots": 3}])

    depth = exchange.did("market", "depth", "anna", "1")
    assert (depth["bids"], depth["asks"]) == ([], [{"price_ticks": 20, "lots": 2, "orders": 1}])
    (trade,) = exchange.did("market", "trades", "printer", "1")["trades"]
    assert (trade["cash_minor"], trade["buy_order"], trade["sell_order"]) == (60, bought["order"], 0)
    (market,) = exchange.did("market", "list", "anna")["markets"]
    assert (market["last_ticks"], market["state"]) == (20, "CONTINUOUS")
    assert exchange.did("market", "watch", "shop", "1", "--most", "1") == {"changes": 1}

    shown = exchange.ran("market", "depth", "anna", "1").stdout
    assert "Black ink, CONTINUOUS, EUR a lot" in shown and "0.20" in shown
    assert "0.20 EUR" in exchange.ran("thing", "order", "list", "shop").stdout
    (resting,) = exchange.did("thing", "order", "list", "shop")["orders"]
    assert (resting["order"], resting["lots"], resting["side"]) == (sold["order"], 2, "sell")
    assert resting["expires_ms"] > 0
    assert exchange.did("thing", "order", "cancel", "shop", str(sold["order"])) == {"cancelled": 1}
    assert exchange.did("thing", "order", "cancel", "shop", "--all") == {"cancelled": 0}
    assert exchange.did("thing", "goods", "withdraw", "shop", "1", "97")["quantity_steps"] == 97


def test_goods_are_listed_as_there_held_and_free(exchange: Exchange) -> None:
    """[MKT-4]"""
    exchange.did("owner", "goods", "declare", "bob", "1", "20")
    placed = exchange.did("thing", "order", "sell", "shop", "1", "6", "5.00")
    told = [exchange.did(who, "goods", "list", home)["goods"] for who, home in BOTH]
    assert told[0] == told[1], "of an owner and of his thing"
    (ink,) = told[0]
    assert (ink["product_id"], ink["held_steps"], ink["free_steps"]) == ("ink-black", 6, 14)
    assert ink["owned_steps"] == 20, "and 3 were sold"
    assert "ink-black" in exchange.ran("owner", "goods", "list", "bob").stdout
    code, told_wrong = exchange.said("thing", "order", "sell", "shop", "1", "15", "5.00")
    assert code == 1 and "goods list" in told_wrong["refused"]["next"]
    refused = exchange.ran("thing", "order", "sell", "shop", "1", "15", "5.00").stderr
    assert f"  entry: {told_wrong['refused']['seq'] + 1}; `thingmarket explain --entry` tells" in refused
    exchange.did("owner", "order", "cancel", "bob", str(placed["order"]), "--of", thing_of(exchange))
    exchange.did("owner", "goods", "withdraw", "bob", "1", "20")


def thing_of(exchange: Exchange) -> str:
    """The id of bob's shop."""
    (shop,) = exchange.did("owner", "things", "bob")["things"]
    return str(shop["thing"])


def test_a_price_below_zero_is_typed_as_it_is(exchange: Exchange) -> None:
    exchange.did("node", "market", "open", "market", "3", *POWER, "--negative", "100")
    bought = exchange.did("owner", "order", "buy", "anna", "3", "1", "-0.03", "--for", "2h")
    (resting,) = exchange.did("owner", "order", "list", "anna")["orders"]
    assert (resting["order"], resting["price_ticks"]) == (bought["order"], 97)
    again = exchange.did("owner", "order", "buy", "anna", "3", "1", "-0.04")
    assert exchange.did("owner", "order", "cancel", "anna", str(again["order"])) == {"cancelled": 1}
    code, told = exchange.said("owner", "order", "cancel", "anna", str(again["order"]))
    assert (code, told["refused"]["number"]) == (1, BOOK_REASON_BASE + Reason.UNKNOWN_ORDER)
    assert "market trades" in told["refused"]["next"]
    assert exchange.said("owner", "order", "buy", "anna", "3", "1", "0.03", "--fro", "2h")[0] == 2
    # An order is found in whatever market it rests.
    assert exchange.did("owner", "order", "cancel", "anna", str(bought["order"])) == {"cancelled": 1}


def test_an_owner_takes_back_the_orders_of_a_thing_that_its_folder_names(exchange: Exchange) -> None:
    exchange.did("node", "market", "open", "market", "4", "--product", "tape", *INK[2:])
    placed = exchange.did("thing", "order", "buy", "printer", "4", "2", "0.10")
    assert "--of THING" in exchange.ran("owner", "order", "cancel", "anna", "--all").stdout
    (resting,) = exchange.did("owner", "order", "list", "anna", "--of", "printer")["orders"]
    assert resting["order"] == placed["order"]
    assert exchange.did("owner", "order", "cancel", "anna", "--all", "--of", "printer") == {"cancelled": 1}
    assert "--of THING" in exchange.ran("owner", "order", "list", "anna").stdout


def test_why_nothing_of_an_order_rests_is_said_and_explained(exchange: Exchange) -> None:
    exchange.did("node", "market", "open", "market", "5", "--product", "clips", *INK[2:])
    exchange.did("owner", "goods", "declare", "anna", "5", "1")
    exchange.did("owner", "order", "sell", "anna", "5", "1", "0.10")
    buying = ("thing", "order", "buy", "printer", "5", "1")
    assert "an order of the same owner" in exchange.ran(*buying, "0.10").stdout
    assert "was dropped" in exchange.ran(*buying, "0.05", "--what-is-left", "at-once").stdout
    resting = exchange.ran(*buying, "0.05").stdout
    found = re.search(r"`thingmarket (explain --entry [0-9]+ --home printer)` tells more", resting)
    assert found is not None, "who places an order without --json is told what explains it"
    shown = exchange.ran(*found[1].split()).stdout
    (order,) = exchange.did("thing", "order", "list", "printer")["orders"]
    assert str(order["order"]) in shown and "taken" in shown
    exchange.did("thing", "order", "cancel", "printer", "--all")
    exchange.did("owner", "order", "cancel", "anna", "--all")


def test_an_entry_behind_the_end_of_the_log_is_not_said_to_be_of_another_party(exchange: Exchange) -> None:
    code, told = exchange.said("explain", "--entry", "99999", "--home", "anna")
    assert (code, told["refused"]["number"]) == (1, Code.UNKNOWN_ENTRY)
    assert re.fullmatch("the log ends at entry [0-9]+; there is no 99999", told["refused"]["reason"])
    assert told["refused"]["next"] == ""


def test_who_explains_by_the_number_of_an_order_is_pointed_to_the_entry(exchange: Exchange) -> None:
    code, told = exchange.said("explain", "5497558138881", "--home", "anna")
    assert code == 2 and "--entry" in told["refused"]["reason"]
    assert "--entry" not in exchange.said("explain", "not-hexadecimal")[1]["refused"]["reason"]


def test_the_operator_halts_and_resumes_and_nobody_opens_it_twice(exchange: Exchange) -> None:
    assert exchange.did("node", "market", "state", "market", "1", "halted")["state"] == "HALTED"
    code, told = exchange.said("owner", "order", "buy", "anna", "1", "1", "0.05")
    assert (code, told["refused"]["number"]) == (1, BOOK_REASON_BASE + Reason.WRONG_STATE)
    assert told["refused"]["name"] == "WRONG_STATE" and "market list" in told["refused"]["next"]
    assert exchange.did("node", "market", "state", "market", "1", "continuous")["state"] == "CONTINUOUS"
    assert exchange.said(*OPEN)[1]["refused"]["number"] == Code.ALREADY_KNOWN
    assert exchange.did("node", "market", "list", "market")["markets"][0]["market"] == 1


def test_what_is_wrong_is_said_with_the_next_step(exchange: Exchange) -> None:
    for line, number in (
        (("thing", "order", "sell", "shop", "1", "500", "0.20"), Code.OUT_OF_STOCK),
        (("thing", "order", "buy", "printer", "1", "1000", "0.20"), Code.OVER_ORDER),
        (("owner", "order", "buy", "bob", "1", "1", "9.00"), 45_056),
        (("thing", "order", "buy", "printer", "7", "1", "0.20"), Code.UNKNOWN_MARKET),
        (("thing", "order", "buy", "printer", "1", "1", "0.205"), Code.BAD_FIELD),
        (("thing", "order", "cancel", "shop", "5"), BOOK_REASON_BASE + Reason.UNKNOWN_ORDER),
        (("market", "depth", "anna", "7"), Code.UNKNOWN_MARKET),
    ):
        code, told = exchange.said(*line)
        assert (code, told["refused"]["number"]) == (1, number), told
    assert exchange.said("thing", "order", "cancel", "shop")[0] == 2
    for words, advice in ((("water", "1"), "market list"), (("1", "1.5"), "whole number of lots")):
        code, told = exchange.said("thing", "order", "buy", "printer", *words, "0.20")
        assert code == 2 and advice in told["refused"]["reason"]


def test_a_market_is_followed_live_by_a_program(exchange: Exchange) -> None:
    following = Running.start(
        "watch",
        [*PROGRAM, "market", "watch", "anna", "1", "--json", "--most", "2"],
        exchange.folder,
        lambda _: None,
    )
    first = following.wait_for("book")
    exchange.did("owner", "order", "buy", "anna", "1", "4", "0.07")
    assert following.process.wait(30) == 0
    assert first["bids"] == [] and first["trades"] == []
    assert exchange.did("owner", "order", "cancel", "anna", "--all") == {"cancelled": 1}


def test_trades_before_the_last_start_are_not_silently_missing(exchange: Exchange) -> None:
    """[MKT-14]"""
    known = exchange.did("market", "trades", "anna", "1")
    assert known["trades"] and (known["forgotten_seq"], known["forgotten_ms"]) == (0, 0)
    last = known["trades"][-1]
    exchange.node.stop()
    exchange.start()
    known = exchange.did("market", "trades", "anna", "1")
    assert known["trades"] == [] and known["forgotten_seq"] >= last["seq"]
    assert known["forgotten_ms"] >= last["time_ms"]
    shown = exchange.ran("market", "trades", "anna", "1").stdout
    assert "Trades up to" in shown and f"log position {known['forgotten_seq']}" in shown
    since = str(known["forgotten_seq"])
    assert "Trades up to" not in exchange.ran("market", "trades", "anna", "1", "--since", since).stdout


def test_ones_own_trades_are_read_and_explained_after_a_restart(exchange: Exchange) -> None:
    """[INS-3] [INS-4]"""
    exchange.did("node", "market", "open", "market", "6", "--product", "pens", *INK[2:])
    exchange.did("thing", "goods", "declare", "shop", "6", "10")
    offered = exchange.did("thing", "order", "sell", "shop", "6", "5", "0.20", "--for", "2h")
    spent, earned = (_report(exchange, who) for who in ("anna", "bob"))
    bought = exchange.did("thing", "order", "buy", "printer", "6", "3", "0.25", "--what-is-left", "at-once")
    exchange.node.stop()
    for file in (exchange.folder / "market").glob("projection.db*"):
        file.unlink()
    exchange.start()

    (row,) = (one for one in exchange.did("owner", "orders", "anna")["trades"] if one["market"] == 6)
    assert (row["side"], row["lots"], row["order"]) == ("buy", 3, bought["order"])
    assert (row["price_minor"], row["cash_minor"], row["currency"]) == (20, 60, "EUR")
    assert "pens" in exchange.ran("owner", "orders", "bob").stdout
    assert _report(exchange, "anna")["spent"] == spent["spent"] + 60
    assert _report(exchange, "bob")["earned"] == earned["earned"] + 60

    for placed, home, other in ((bought, "anna", offered), (offered, "shop", bought)):
        why = ("explain", "--entry", str(placed["seq"]), "--home", home)
        (trade,) = exchange.did(*why)["trades"]
        assert (trade["order"], trade["lots"], trade["seq"]) == (placed["order"], 3, bought["seq"])
        shown = exchange.ran(*why).stdout
        assert "0.20 EUR" in shown and "0.60 EUR" in shown and str(other["order"]) not in shown
        assert "ticks" not in shown
    exchange.did("thing", "order", "cancel", "shop", "--all")


def _report(exchange: Exchange, owner: str) -> dict[str, int]:
    """What an owner spent and earned in all."""
    rows = exchange.did("owner", "report", owner)["spending"]
    parts = {"spent": "total_minor", "earned": "income_minor"}
    return {name: sum(row[part] for row in rows) for name, part in parts.items()}
