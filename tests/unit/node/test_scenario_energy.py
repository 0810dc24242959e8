"""The neighbourhood on paper: curves, what houses want, and an auction by its rule."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thingmarket.matching.engine import Engine
from thingmarket.matching.records import (
    Command,
    EventKind,
    Kind,
    MarketState,
    Side,
    TimeInForce,
    unpack_events,
)
from thingmarket_node.scenarios.energy_curves import QUARTERS, STEP_WH, day_of
from thingmarket_node.scenarios.energy_house import (
    FEED_IN_TICKS,
    RETAIL_TICKS,
    Battery,
    Bid,
    Car,
    House,
    clock,
)
from thingmarket_node.scenarios.energy_rehearsal import clear, rehearse
from thingmarket_node.scenarios.energy_street import HOUSES, house

MARKET = 1


def sunny(blocks: int = 24, peak_watts: int = 5_000) -> House:
    day = day_of("h", load_percent=100, peak_watts=peak_watts, blocks=blocks, seed=1)
    return House(name="h", number=3, day=day)


# --- curves


def test_a_day_is_a_plausible_one() -> None:
    day = sunny().day
    assert 8_000 < sum(day.load) < 13_000, "some eleven kilowatt-hours a day"
    assert 20_000 < sum(day.sun) < 45_000, "some six hours of the peak"
    assert max(day.load_forecast) == day.load_forecast[19], "people are at home in the evening"
    assert (
        day.sun_forecast[0] == day.sun_forecast[23] == 0 and max(day.sun_forecast) in day.sun_forecast[11:15]
    )
    assert all(wh % STEP_WH == 0 for wh in (*day.load, *day.sun, *day.load_forecast, *day.sun_forecast))


def test_the_same_seed_is_the_same_day_and_another_one_is_not() -> None:
    one, again = sunny().day, sunny().day
    other = day_of("h", load_percent=100, peak_watts=5_000, blocks=24, seed=2)
    assert one == again and one.load != other.load and one.load_forecast == other.load_forecast


def test_quarters_and_hours_add_up_to_the_same_day() -> None:
    by_quarter, by_hour = sunny(QUARTERS).day, sunny(24).day
    for name in ("load", "sun"):
        assert abs(sum(getattr(by_quarter, name)) - sum(getattr(by_hour, name))) <= QUARTERS * STEP_WH


def test_a_clock_counts_quarters() -> None:
    assert (clock(0, 96), clock(95, 96), clock(13, 24)) == ("00:00", "23:45", "13:00")


# --- houses


@pytest.mark.parametrize("blocks", [24, 96])
def test_no_two_houses_ever_name_the_same_price(blocks: int) -> None:
    """Else it would count who spoke first, and they all speak at the same time."""
    street = [house(number, blocks) for number in range(HOUSES)]
    for block in range(blocks):
        prices = [bid.ticks for one in street for bid in one.bids(block)]
        assert len(prices) == len(set(prices))
        assert all(FEED_IN_TICKS < price < RETAIL_TICKS for price in prices)
        street = [one.after(block, 0)[0] for one in street]


@given(st.integers(0, HOUSES - 1), st.lists(st.integers(-300, 300), min_size=24, max_size=24))
def test_whatever_was_traded_every_watt_hour_goes_somewhere(number: int, traded: list[int]) -> None:
    here = house(number, 24)
    for block, lots in enumerate(traded):
        before, bought_wh = here, lots * STEP_WH
        here, metered = here.after(block, bought_wh)
        stored, charged = here.stored_wh - before.stored_wh, here.charged_wh - before.charged_wh
        assert metered == here.day.load[block] - here.day.sun[block] + stored + charged
        assert 0 <= here.stored_wh <= here.battery.capacity_wh
        assert abs(stored) <= here.battery.power_w
        assert 0 <= charged <= here.car.power_w
    assert here.charged_wh == here.car.need_wh, "the car drives tomorrow"


def test_a_house_either_sells_or_buys() -> None:
    for number in range(HOUSES):
        here = house(number, 24)
        for block in range(24):
            assert len({bid.sells for bid in here.bids(block)}) <= 1
            here, _ = here.after(block, 0)


def test_a_battery_gives_what_is_missing_before_anything_is_bought() -> None:
    dark = day_of("h", load_percent=100, peak_watts=0, blocks=24, seed=1)
    full = House(
        name="h", number=0, day=dark, battery=Battery(capacity_wh=8_000, power_w=3_000), stored_wh=8_000
    )
    assert full.bids(2) == ()
    after, metered = full.after(2, 0)
    assert (metered, after.stored_wh) == (0, 8_000 - dark.load[2])


def test_a_car_is_patient_until_its_last_blocks() -> None:
    dark = day_of("h", load_percent=100, peak_watts=0, blocks=24, seed=1)
    car = Car(need_wh=15_000, from_hour=18, until_hour=24, power_w=10_000)
    here = House(name="h", number=0, day=dark, car=car)
    assert [bid.wh for bid in here.bids(18)][1:] == [10_000]
    needed = here.bids(22)
    assert needed[0].wh == dark.load_forecast[22] + 5_000 and needed[0].ticks > needed[1].ticks
    assert [bid.wh for bid in here.bids(17)] == [dark.load_forecast[17]], "it is not at home"


# --- the day


@pytest.mark.parametrize(("houses", "blocks"), [(6, 24), (HOUSES, 24), (HOUSES, QUARTERS)])
def test_everybody_gains_and_nobody_pays_more_than_retail(houses: int, blocks: int) -> None:
    day = rehearse([house(number, blocks) for number in range(houses)])
    assert min(day.saved.values()) > 0
    assert all(not price or FEED_IN_TICKS < price < RETAIL_TICKS for price in day.prices)
    fees = sum(one.fee_minor for one in day.traded)
    assert sum(day.paid.values()) == day.grid_minor + fees, "what the houses pay, somebody gets"


BIDS = st.lists(
    st.tuples(st.booleans(), st.integers(1, 40), st.integers(801, 900)), max_size=24, unique_by=lambda b: b[2]
)


@given(BIDS)
def test_an_auction_on_paper_is_that_of_the_book(rows: list[tuple[bool, int, int]]) -> None:
    bids = [
        (str(number), Bid(sells=sells, wh=lots * STEP_WH, ticks=ticks))
        for number, (sells, lots, ticks) in enumerate(rows, 1)
    ]
    book = Engine(kind="python")
    commands = [Command(kind=Kind.SET_STATE, tif=MarketState.AUCTION, market=MARKET)]
    commands += [
        Command(
            kind=Kind.NEW_LIMIT,
            side=Side.SELL if bid.sells else Side.BUY,
            tif=TimeInForce.GTC,
            market=MARKET,
            quantity=bid.wh // STEP_WH,
            price=bid.ticks,
            order_id=int(name),
            account=int(name),
        )
        for name, bid in bids
    ]
    commands.append(Command(kind=Kind.UNCROSS, market=MARKET))
    events = list(unpack_events(book.process(b"".join(command.pack() for command in commands))))
    trades = [
        (one.maker, one.taker, one.price, one.quantity) for one in events if one.kind is EventKind.TRADE
    ]
    price, found = clear(bids)
    assert [(int(one.buyer), int(one.seller), one.ticks, one.lots) for one in found] == trades
    assert price == events[-1].price


def test_the_day_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from thingmarket_node.scenarios.energy_plot import draw

    names = ["house-01", "house-02"]
    figures = {
        "begins": [clock(block, 24) for block in range(24)],
        "price_ticks": [0] * 12 + [1_500] * 12,
        "neighbours_wh": [1_000] * 24,
        "utility_wh": [500] * 24,
        "saved_minor": dict.fromkeys(names, 1_000_000),
        "alone_minor": dict.fromkeys(names, 5_000_000),
    }
    draw(tmp_path / "day.svg", json.loads(json.dumps(figures)))
    assert "<svg" in (tmp_path / "day.svg").read_text()
