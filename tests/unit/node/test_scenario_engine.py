"""How a scenario's expectations are held against what happened, and how its sheets are read."""

import json
from dataclasses import replace
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thingmarket.catalog.attributes import Attribute, ScaledInteger
from thingmarket.catalog.needs import Comparison, Constraint
from thingmarket.errors import Code, Refusal
from thingmarket.money import CURRENCIES
from thingmarket_node.cli.amounts import LateType, SpanType, minor_of, written
from thingmarket_node.cli.sheets import SHEET_BYTES_MAX, need_of, offer_of, read_sheet
from thingmarket_node.scenarios import engine
from thingmarket_node.scenarios.expectations import (
    Check,
    Expected,
    Found,
    Refused,
    Report,
    Trade,
    Turnover,
    judge,
)

KEY = b"k" * 16
MONEY = "all money together, minor units"
WALLETS = "all wallets, as the node adds them up"
NOW_MS = 1_800_000_000_000
EUR = CURRENCIES["EUR"]
TRADE = Trade(
    buyer="anna",
    seller="bob",
    product="ink",
    total_minor=1_190,
    ended="ACCEPTED",
    cause="AcceptDelivery",
    need=True,
    rules=("OWN-1",),
)
REFUSED = Refused(who="printer", what="buys twice", code="NEED_ENDED", rule="BUY-3")
EXPECTED = Expected(trades=(TRADE,), refusals=(REFUSED,), balances_minor={"anna": 8_810, "bob": 1_190})
OFFER = {
    "product_id": "ink",
    "title": "Ink",
    "category": "44103105",
    "currency": "EUR",
    "price_minor": 1_000,
    "stock_steps": 5,
}
NEED = {"title": "Ink is low", "category": "44103105", "quantity_steps": 1}


def as_expected() -> Found:
    return Found(
        deposits_minor={"anna": 10_000, "bob": 0},
        trades=[TRADE],
        refusals=[REFUSED],
        balances_minor={"anna": 8_810, "bob": 1_190},
        books_minor={"wallets": 10_000, "escrow": 0, "fees": 0},
    )


def failed(found: Found) -> set[str]:
    return {check.name for check in judge(EXPECTED, found) if not check.holds}


def report(found: Found) -> Report:
    return Report(scenario="s", checks=judge(EXPECTED, found), found=found, duration_ms=1_500)


def test_what_was_expected_passes() -> None:
    assert failed(as_expected()) == set()
    value = report(as_expected()).value()
    assert (value["passed"], value["trades"], value["refusals"]) == (True, 1, 1)
    assert (value["money_conserved"], value["duration_s"]) == (True, 1.5)
    assert json.loads(json.dumps(value)) == json.loads(json.dumps(value)), "it can be written as JSON"


def test_a_run_without_checks_shows_nothing() -> None:
    assert not Report(scenario="s", checks=(), found=Found(), duration_ms=0).passed
    assert not Found().money_conserved


@pytest.mark.parametrize(
    "change",
    [
        {"total_minor": 1_189},
        {"seller": "carol"},
        {"product": "paper"},
        {"ended": "FAILED"},
        {"cause": "silence: inspection"},
        {"need": False},
        {"rules": ("AUT-0",)},
        {"units": 2},
        {"late_credit_minor": 1},
    ],
)
def test_a_trade_that_differs_in_anything_does_not_pass(change: dict[str, object]) -> None:
    found = as_expected()
    found.trades = [replace(TRADE, **change)]  # type: ignore[arg-type]
    assert failed(found) == {"trade 1"}


def test_a_trade_too_many_or_too_few_does_not_pass() -> None:
    found = as_expected()
    found.trades.append(TRADE)
    assert failed(found) == {"number of trades", "trade 2"}
    found.trades.clear()
    assert failed(found) == {"number of trades", "trade 1"}


def test_a_refusal_by_another_code_or_rule_does_not_pass() -> None:
    for other in (replace(REFUSED, code="DENIED"), replace(REFUSED, rule="BUY-1")):
        found = as_expected()
        found.refusals = [other]
        assert failed(found) == {"refusal 1"}


def test_a_refusal_that_did_not_come_does_not_pass() -> None:
    found = as_expected()
    found.refusals = []
    assert failed(found) == {"number of refusals", "refusal 1"}


@given(st.integers(-3, 3))
def test_a_balance_passes_only_to_the_cent(off_minor: int) -> None:
    found = as_expected()
    found.balances_minor["bob"] += off_minor
    assert failed(found) == ({"balance of bob, minor units", MONEY, WALLETS} if off_minor else set())
    assert found.money_conserved == (off_minor == 0)


def test_money_that_moved_between_wallets_is_conserved_but_does_not_pass() -> None:
    found = as_expected()
    found.balances_minor = {"anna": 8_811, "bob": 1_189}
    assert found.money_conserved
    assert failed(found) == {"balance of anna, minor units", "balance of bob, minor units"}


def test_money_in_escrow_counts() -> None:
    found = as_expected()
    found.balances_minor["bob"] -= 100
    found.escrow_minor = 100
    assert found.money_conserved
    assert "all escrows, as the node adds them up" in failed(found)
    found.books_minor |= {"wallets": 9_900, "escrow": 100}
    assert failed(found) == {"balance of bob, minor units"}


def test_what_the_operator_holds_counts_and_must_be_expected() -> None:
    found = as_expected()
    found.balances_minor["bob"] -= 30
    found.books_minor |= {"wallets": 9_970, "fees": 10, "tax DE:S": 20}
    assert found.money_conserved
    fees, tax = "the node's fees, minor units", "the node's tax DE:S, minor units"
    assert failed(found) == {"balance of bob, minor units", fees, tax}
    taken = replace(
        EXPECTED,
        balances_minor={"anna": 8_810, "bob": 1_160},
        operator_minor={"fees": 10, "tax DE:S": 20},
    )
    assert all(check.holds for check in judge(taken, found))
    del found.books_minor["fees"]
    assert not found.money_conserved


def test_points_and_decisions_must_be_as_expected() -> None:
    found = as_expected()
    found.points = {"anna": 15, "bob": -15}
    found.decisions = {"anna": {"allow": 2}}
    assert failed(found) == {"points of anna", "points of bob"}
    wanted = replace(EXPECTED, points=found.points, decisions={"anna": {"allow": 2}})
    assert all(check.holds for check in judge(wanted, found))
    found.points = {"anna": 15, "bob": -14}
    found.decisions = {"anna": {"allow": 1, "deny LIM-2": 1}}
    wrong = {check.name for check in judge(wanted, found) if not check.holds}
    assert wrong == {"points of bob", "points given less points held", "decisions for anna"}


def test_what_books_turned_over_and_left_in_goods_must_be_as_expected() -> None:
    found = as_expected()
    found.turnover = {"ink": Turnover(trades=2, lots=3, cash_minor=300, fee_minor=3)}
    found.goods = {"anna ink": 3}
    assert failed(found) == {"turnover of ink", "goods of anna ink"}
    wanted = replace(EXPECTED, turnover=dict(found.turnover), goods={"anna ink": 3})
    assert all(check.holds for check in judge(wanted, found))
    for change in ({"trades": 1}, {"lots": 2}, {"cash_minor": 301}, {"fee_minor": 2}):
        found.turnover = {"ink": replace(wanted.turnover["ink"], **change)}
        assert {check.name for check in judge(wanted, found) if not check.holds} == {"turnover of ink"}


def test_a_check_of_the_play_counts() -> None:
    found = as_expected()
    found.checks.append(Check("the story goes to its end", "yes", "the shop did not open"))
    assert failed(found) == {"the story goes to its end"}


@pytest.mark.parametrize("name", engine.MODULES)
def test_every_scenario_states_what_must_come_of_it(name: str) -> None:
    scenario = engine.find(name)
    assert scenario.title
    assert scenario.expected.trades or scenario.expected.turnover
    assert scenario.expected.refusals
    assert set(scenario.expected.balances_minor) == set(scenario.deposits_minor)
    paid_in = sum(scenario.deposits_minor.values())
    held = (*scenario.expected.balances_minor.values(), *scenario.expected.operator_minor.values())
    assert sum(held) == paid_in, "the final balances add up"
    assert sum(scenario.expected.points.values()) == 0, "points are somebody's whom somebody gave"


def test_a_scenario_that_is_not_there_is_refused() -> None:
    with pytest.raises(Refusal) as refusal:
        engine.find("no-such-story")
    assert refusal.value.number == Code.UNKNOWN_ENTRY


# --- sheets and amounts


def test_an_offer_sheet_says_only_what_is_special() -> None:
    attributes = {"pages": 1_200, "colour": "black", "refilled": True, "weight": {"steps": 52, "unit": "GRM"}}
    offer = offer_of({**OFFER, "attributes": attributes}, key=KEY, now_ms=NOW_MS)
    assert (offer.unit, offer.price_base_steps, offer.min_steps, offer.max_steps) == ("C62", 1, 1, 5)
    assert offer.valid_until_ms > NOW_MS
    assert offer.attributes == (
        Attribute("colour", "black"),
        Attribute("pages", ScaledInteger(1_200)),
        Attribute("refilled", True),
        Attribute("weight", ScaledInteger(52, 0, "GRM")),
    )


def test_a_need_sheet_names_its_comparisons() -> None:
    must = [{"attribute": "pages", "comparison": "at_least", "values": [1_000]}]
    need = need_of({**NEED, "must": must}, key=KEY, now_ms=NOW_MS)
    assert need.must == (Constraint("pages", Comparison.AT_LEAST, (ScaledInteger(1_000),)),)


@pytest.mark.parametrize(
    "change",
    [
        {"prize_minor": 1},
        {"fulfilment": "BY_DRONE"},
        {"stock_steps": "five"},
        {"attributes": []},
        {"attributes": {"pages": None}},
        {"attributes": {"pages": {"steps": 1, "unity": "GRM"}}},
        {"price_minor": None},
        {"valid_for_ms": "long"},
    ],
)
def test_an_offer_sheet_that_is_wrong_is_refused_in_words(change: dict[str, object]) -> None:
    with pytest.raises(Refusal) as refusal:
        offer_of({**OFFER, **change}, key=KEY, now_ms=NOW_MS)
    assert refusal.value.number == Code.BAD_FIELD


def test_an_offer_sheet_without_a_price_is_refused() -> None:
    sheet = {name: value for name, value in OFFER.items() if name != "price_minor"}
    with pytest.raises(Refusal, match="an offer sheet needs price_minor"):
        offer_of(sheet, key=KEY, now_ms=NOW_MS)


def test_a_text_where_a_sheet_has_a_number_is_refused_by_the_name_of_its_field() -> None:
    with pytest.raises(Refusal, match="stock_steps is a whole number, not 'five'"):
        offer_of({**OFFER, "stock_steps": "five"}, key=KEY, now_ms=NOW_MS)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", Code.MALFORMED),
        ("[]", Code.MALFORMED),
        ('{"price_minor": 15.9}', Code.MALFORMED),
        ("[" * 100_000, Code.TOO_LARGE),
        ("[" * 60_000, Code.MALFORMED),
    ],
)
def test_a_file_that_is_no_sheet_is_refused(tmp_path: Path, text: str, code: Code) -> None:
    file = tmp_path / "sheet.json"
    file.write_text(text)
    with pytest.raises(Refusal) as refusal:
        read_sheet(file)
    assert refusal.value.number == code
    assert SHEET_BYTES_MAX < 100_000


@given(st.integers(0, 10**12), st.sampled_from(sorted(CURRENCIES)))
def test_an_amount_is_read_as_it_is_written(minor: int, code: str) -> None:
    assert minor_of(written(minor, code).split()[0], CURRENCIES[code]) == minor


@pytest.mark.parametrize(
    "text", ["", "-1.00", "1.5", "1.234", "1,50", "1e3", "\u0661.00", "nan", " 1.00", "1." + "0" * 9]
)
def test_what_is_no_amount_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="no amount in EUR"):
        minor_of(text, EUR)


@pytest.mark.parametrize(
    ("text", "span_ms"), [("2s", 2_000), ("20m", 1_200_000), ("2h", 7_200_000), ("7d", 604_800_000)]
)
def test_a_span_of_time_has_one_unit(text: str, span_ms: int) -> None:
    assert SpanType().convert(text, None, None) == span_ms


@pytest.mark.parametrize("text", ["", "s", "2", "2w", "-2s", "1.5h", "2 h", "\u0662s", "1" * 7 + "d"])
def test_what_is_no_span_of_time_is_told(text: str) -> None:
    with pytest.raises(click.BadParameter, match="no span of time"):
        SpanType().convert(text, None, None)


def test_a_late_delivery_names_its_order_and_seconds() -> None:
    assert LateType().convert("2=3", None, None) == (2, 3_000)
    for text in ("", "2", "=3", "2=", "2=-1", "two=3"):
        with pytest.raises(click.BadParameter, match="second order three seconds late"):
            LateType().convert(text, None, None)
