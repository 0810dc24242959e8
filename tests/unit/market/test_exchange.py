"""Money of one currency for another, by rates with money set aside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import Actor, World
from thingmarket.errors import LEDGER_STATUS_BASE, Code, Refusal
from thingmarket.limits import DAY_MS, RATE_LIFE_MS
from thingmarket.market.exchange import live_rates
from thingmarket.market.state import State
from thingmarket.settlement import accounts
from thingmarket.settlement.transfers import Status

EXCEEDS_CREDITS = LEDGER_STATUS_BASE + Status.EXCEEDS_CREDITS


class Bureau:
    """An owner who has dollars and another who has euros."""

    def __init__(self) -> None:
        self.world = World(currencies=("EUR", "USD"))
        self.bank = self.world.owner("bank", fund=5_000_00, currency="USD")
        self.anna = self.world.owner("anna", fund=1_000_00)

    def published(self, by: Actor | None = None, **changes: int) -> bytes:
        outcome = self.world.rate(by or self.bank, **changes)
        assert outcome.code == 0, outcome
        return outcome.reference


@pytest.fixture
def bureau() -> Bureau:
    return Bureau()


def test_a_conversion_moves_both_currencies_or_none(bureau: Bureau) -> None:
    """[FX-2]"""
    rate = bureau.published()
    assert bureau.world.convert(bureau.anna, rate, 100_00, 110_00).code == 0
    assert (bureau.world.balance(bureau.anna), bureau.world.balance(bureau.anna, "USD")) == (900_00, 110_00)


def test_what_a_rate_may_give_is_set_aside_and_the_rest_comes_back(bureau: Bureau) -> None:
    """[FX-1]"""
    rate = bureau.published()
    assert bureau.world.balance(bureau.bank, "USD") == 5_000_00 - 1_100_00
    bureau.world.convert(bureau.anna, rate, 100_00)
    bureau.world.pass_time(DAY_MS)
    assert bureau.world.balance(bureau.bank, "USD") == 5_000_00 - 110_00
    assert bureau.world.balance(bureau.bank, "EUR") == 100_00
    assert bureau.world.convert(bureau.anna, rate, 1_00).code == Code.UNKNOWN_RATE


def test_the_operator_brings_the_money_of_his_rates_from_outside(bureau: Bureau) -> None:
    """[FX-1] [SET-2]"""
    rate = bureau.published(bureau.world.operator)
    assert bureau.world.deposited("USD") == 5_000_00 + 1_100_00
    bureau.world.convert(bureau.anna, rate, 100_00)
    bureau.world.pass_time(DAY_MS)
    assert (bureau.world.deposited("USD"), bureau.world.deposited("EUR")) == (5_000_00 + 110_00, 900_00)


@given(st.lists(st.integers(1, 7), max_size=12), st.integers(1, 50), st.integers(1, 50))
def test_many_small_conversions_never_drain_the_one_who_gives(amounts: list[int], num: int, den: int) -> None:
    """[FX-3]"""
    bureau = Bureau()
    if 100 * num // den == 0:
        return
    rate = bureau.published(numerator=num, denominator=den, max_minor=100)
    for amount in amounts:
        bureau.world.convert(bureau.anna, rate, amount)
    given_minor = bureau.world.balance(bureau.anna, "USD")
    taken = 1_000_00 - bureau.world.balance(bureau.anna)
    assert given_minor * den <= taken * num


@pytest.mark.parametrize(
    ("minor", "least", "code"),
    [
        (1_000_01, 1, Code.OUT_OF_RANGE),
        (100, 111, Code.RATE_TOO_LOW),
        (999_99, 1, 0),
    ],
)
def test_a_conversion_is_refused_above_what_is_left_and_below_the_least(
    bureau: Bureau, minor: int, least: int, code: int
) -> None:
    """[FX-2]"""
    assert bureau.world.convert(bureau.anna, bureau.published(), minor, least).code == code


def test_a_conversion_that_would_give_nothing_is_refused(bureau: Bureau) -> None:
    """[FX-3]"""
    rate = bureau.published(numerator=1, denominator=100)
    assert bureau.world.convert(bureau.anna, rate, 99).code == Code.RATE_TOO_LOW


def test_who_has_too_little_neither_publishes_nor_converts(bureau: Bureau) -> None:
    """[FX-1] [FX-2]"""
    assert bureau.world.rate(bureau.anna).code == EXCEEDS_CREDITS
    assert bureau.world.rate(bureau.bank, max_minor=5_000_00).code == EXCEEDS_CREDITS
    rate = bureau.published()
    assert bureau.world.convert(bureau.world.owner("eve"), rate, 1_00).code == EXCEEDS_CREDITS
    assert bureau.world.convert(bureau.anna, b"\0" * 32, 1_00).code == Code.UNKNOWN_RATE
    assert bureau.world.convert(bureau.bank, rate, 1_00).code == Code.SELF_PURCHASE


def test_things_change_no_money_and_the_operator_converts_none(bureau: Bureau) -> None:
    """[FX-1]"""
    thing = bureau.world.thing("printer", bureau.anna)
    rate = bureau.published()
    for sender in (thing, bureau.world.operator):
        assert bureau.world.convert(sender, rate, 1_00).code == Code.NOT_PERMITTED
    assert bureau.world.rate(thing).code == Code.NOT_PERMITTED


@pytest.mark.parametrize(
    "changes",
    [
        {"to_currency": "EUR"},
        {"numerator": 0},
        {"denominator": 0},
        {"max_minor": 0},
        {"numerator": 1, "denominator": 10**9, "max_minor": 10},
        {"numerator": 2**53 - 1, "denominator": 1},
    ],
)
def test_a_rate_that_is_none_is_refused(bureau: Bureau, changes: dict[str, object]) -> None:
    """[FX-1]"""
    with pytest.raises(Refusal):
        bureau.world.rate(bureau.bank, **changes)


def test_a_rate_lives_for_a_bounded_time_in_currencies_of_the_node(bureau: Bureau) -> None:
    """[FX-1]"""
    world = bureau.world
    for valid_until_ms in (world.time_ms, world.time_ms + RATE_LIFE_MS + 1):
        assert world.rate(bureau.bank, valid_until_ms=valid_until_ms).code == Code.OUT_OF_RANGE
    assert world.rate(bureau.bank, to_currency="GBP").code == Code.UNKNOWN_CURRENCY


def test_live_rates_are_found_by_their_currencies(bureau: Bureau) -> None:
    """[FX-4]"""
    rate = bureau.published()
    state = bureau.world.state
    assert [digest for digest, _ in live_rates(state, "EUR", "USD")] == [rate]
    assert live_rates(state, "", "") and not live_rates(state, "USD", "")


def test_live_rates_stand_in_the_order_of_the_log_after_a_restart_too(bureau: Bureau) -> None:
    """[FX-4] [LOG-4]"""
    rates = [bureau.published(numerator=100 + n, max_minor=10_00) for n in range(9)]
    for state in (bureau.world.state, State.restore(bureau.world.state.snapshot())):
        assert [digest for digest, _ in live_rates(state, "", "USD")] == rates


def test_a_rate_ends_and_gives_back_although_the_ledger_has_no_room_left(
    bureau: Bureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[FX-1] [FX-2]"""
    world, rate = bureau.world, bureau.published()
    monkeypatch.setattr(accounts, "ACCOUNTS_MAX", world.state.ledger.size)
    assert world.convert(bureau.anna, rate, 100_00).code == Code.FULL, "room for the taker's wallet is asked"
    monkeypatch.setattr(accounts, "ACCOUNTS_MAX", world.state.ledger.size + 1)
    assert world.convert(bureau.anna, rate, 100_00).code == 0
    world.pass_time(DAY_MS)
    assert not world.state.rates and world.balance(bureau.bank) == 100_00
