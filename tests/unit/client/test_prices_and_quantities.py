"""What a caller writes as a price or a quantity becomes ticks, steps and lots exactly, or is refused."""

from decimal import Decimal

import pytest

from thingmarket.errors import Code, Refusal
from thingmarket.matching.records import MarketState
from thingmarket.trading.commands import ListedMarket
from thingmarket.wire.market_data import ListedSeen
from thingmarket_client.live_book import Amount, Market

MARKET = Market(
    ListedSeen(
        terms=ListedMarket(
            market=1,
            title="Cola",
            product_id="cola",
            category="drinks",
            unit="LTR",
            unit_scale=3,
            currency="EUR",
            tick_minor=5,
            lot_steps=500,
            offset_ticks=10,
        ),
        state=MarketState.CONTINUOUS,
        bid_ticks=0,
        bid_lots=0,
        ask_ticks=0,
        ask_lots=0,
        last_ticks=0,
        next_change_ms=0,
    )
)


@pytest.mark.parametrize(
    ("price", "ticks"), [("0.25", 15), (Decimal("0.05"), 11), (1, 30), ("-0.10", 8), ("1e2", 2010)]
)
def test_a_price_is_a_number_of_ticks_from_the_price_that_costs_nothing(price: Amount, ticks: int) -> None:
    assert MARKET.ticks(price) == ticks
    assert MARKET.money(ticks) == Decimal(price)


@pytest.mark.parametrize("price", ["0.26", "0.001", "0.250000000000000001", "-0.01"])
def test_a_price_between_two_ticks_is_refused(price: str) -> None:
    with pytest.raises(Refusal, match=r"0\.05 apart") as refusal:
        MARKET.ticks(price)
    assert refusal.value.number == Code.BAD_FIELD


def test_a_quantity_is_a_number_of_steps_and_lots() -> None:
    assert MARKET.steps("1.5") == 1_500
    assert MARKET.lots("1.5") == 3
    assert MARKET.quantity(3) == Decimal("1.5")


@pytest.mark.parametrize("quantity", ["0.0001", "1.50000000000000001"])
def test_a_quantity_between_two_steps_is_refused(quantity: str) -> None:
    with pytest.raises(Refusal) as refusal:
        MARKET.steps(quantity)
    assert refusal.value.number == Code.WRONG_QUANTITY


def test_a_quantity_between_two_lots_is_refused() -> None:
    with pytest.raises(Refusal, match=r"0\.500") as refusal:
        MARKET.lots("0.7")
    assert refusal.value.number == Code.WRONG_QUANTITY


@pytest.mark.parametrize(
    "text",
    [
        "",
        "much",
        "NaN",
        "sNaN",
        "Infinity",
        "-Infinity",
        "1e18",
        "1e999999",
        "0e999999",
        "1e-19",
        "1e-999999",
    ],
)
def test_what_is_no_number_of_a_market_is_refused(text: str) -> None:
    for read in (MARKET.ticks, MARKET.steps, MARKET.lots):
        with pytest.raises(Refusal) as refusal:
            read(text)
        assert refusal.value.number == Code.BAD_FIELD
