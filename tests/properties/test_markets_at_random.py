"""Random days in markets: whatever is sent, the books add up, and a replay comes to the same."""

from random import Random
from typing import Final

import pytest

from tests.builders import Actor, World, limit, replayed
from thingmarket.identity.envelope import TypeId
from thingmarket.identity.things import SetThingState, ThingOrder
from thingmarket.limits import HOUR_MS, MINUTE_MS, SECOND_MS
from thingmarket.market.market import Market
from thingmarket.market.state import State
from thingmarket.matching.records import Kind, MarketState, TimeInForce
from thingmarket.trading.frame import Order
from thingmarket.wire import things as wire_things

STEPS: Final = 60
SEEDS: Final = 24
PRICES: Final = (80, 120)


class Days:
    """Somebody who throws dice; three markets, two owners with money and goods, three things of theirs."""

    def __init__(self, seed: int) -> None:
        self.dice = Random(seed)
        self.world = world = World()
        world.market_of(band_basis_points=800, halt_ms=MINUTE_MS, fee_basis_points=30)
        world.market_of(market=2, auction_every_ms=10 * SECOND_MS, product_id="toner")
        world.market_of(
            market=3, product_id="power", offset_ticks=100, lot_steps=5, closes_ms=world.time_ms + HOUR_MS
        )
        self.owners = [world.owner(name, fund=6_000) for name in ("anna", "bert")]
        for owner in self.owners:
            for market in (1, 2, 3):
                world.declare(owner, 150, market)
        self.things = [
            world.thing("meter", self.owners[0], limits=(limit(2_500, per_order_minor=700),)),
            world.thing(
                "car", self.owners[0], limits=(limit(4_000, max_open_orders=3, cosign_above_minor=800),)
            ),
            world.thing("pump", self.owners[1], limits=(limit(9_000, orders_per_day=12),)),
        ]

    def run(self) -> None:
        """Do one thing after the other; the world checks its books after each."""
        acts = [self.frame] * 12 + [self.wait] * 4 + [self.withdraw, self.state, self.suspend, self.revoke]
        for _ in range(STEPS):
            self.dice.choice(acts)()

    def frame(self) -> None:
        sender = self.dice.choice([*self.owners, *self.things])
        self.world.frame(sender, *(self.order(sender) for _ in range(self.dice.randint(1, 8))))

    def order(self, sender: Actor) -> Order:
        dice, market = self.dice, self.dice.randint(1, 3)
        resting = [one for each in (sender, *self.things) for one in self.world.rests(each)]
        kind = dice.choice([Kind.NEW_LIMIT] * 6 + [Kind.NEW_MARKET, Kind.CANCEL, Kind.REDUCE, Kind.REPLACE])
        named = dice.choice(resting) if resting and kind not in (Kind.NEW_LIMIT, Kind.NEW_MARKET) else 0
        found = self.world.state.desk.order(named)
        tif = dice.choice(list(TimeInForce)[:2] * 3 + list(TimeInForce))
        if kind is Kind.NEW_MARKET:
            tif = TimeInForce.IOC
        return Order(
            kind=kind,
            side=found.side if found else dice.randint(1, 2),
            tif=TimeInForce.GTC if kind is Kind.REPLACE else tif,
            flags=dice.choice([0, 0, 0, 1, 4]) if kind is Kind.NEW_LIMIT else 0,
            market=found.market if found else market,
            quantity=dice.randint(1, 9),
            price=dice.randint(*PRICES),
            order_id=named,
            expires_ms=self.world.time_ms + dice.randint(1, 90) * SECOND_MS if tif is TimeInForce.GTD else 0,
        )

    def wait(self) -> None:
        self.world.pass_time(self.dice.choice([1, SECOND_MS, 15 * SECOND_MS, 2 * MINUTE_MS]))

    def withdraw(self) -> None:
        self.world.take_out(self.dice.choice(self.owners), self.dice.randint(1, 200), self.dice.randint(1, 3))

    def state(self) -> None:
        states = [MarketState.HALTED, MarketState.AUCTION, MarketState.CONTINUOUS, MarketState.CONTINUOUS]
        market = self.dice.randint(1, 2)
        uncross = self.dice.random() < 0.5
        self.world.put_market(market, self.dice.choice(states), uncross=uncross)

    def suspend(self) -> None:
        thing = self.dice.choice(self.things)
        word = self.dice.choice([ThingOrder.SUSPEND, ThingOrder.RESUME, ThingOrder.RESUME])
        body = SetThingState(key=self.world.key(), thing=thing.id, order=word, reason="dice")
        owner = self.world.actors[thing.owner]
        self.world.send(owner, TypeId.SET_THING_STATE, wire_things.set_thing_state_body(body))

    def revoke(self) -> None:
        place = self.dice.randrange(len(self.things))
        thing = self.things[place]
        owner = self.world.actors[thing.owner]
        self.world.revoke(owner, mandate=thing.mandate_leaf)
        limits = (limit(1_500),)
        self.things[place] = self.world.present(thing, self.world.mandate(owner, thing.id, limits=limits))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_is_sent_the_books_add_up_and_a_replay_comes_to_the_same(seed: int) -> None:
    """[MKT-7] [MKT-8] [MKT-10] [LOG-3]"""
    days = Days(seed)
    world = days.world
    days.run()
    middle = State.restore(world.state.snapshot())
    at = len(world.log)
    days.run()
    assert world.state.trade_fees.get("EUR", 0) == world.fees_of()
    market, outcomes = replayed(world.log)
    assert outcomes == world.outcomes
    assert market.state.state_root() == world.state.state_root()
    restored, later = replayed(world.log[at:], Market(middle))
    assert later == world.outcomes[at:]
    assert restored.state.state_root() == world.state.state_root()


def test_the_dice_reach_trades_halts_refusals_and_the_end_of_authority() -> None:
    """A test of chance is worth what it reaches."""
    kinds: set[str] = set()
    traded = False
    for seed in range(6):
        days = Days(seed)
        days.run()
        for slot in days.world.state.seats:
            kinds.add(f"seat {slot > 0}")
        traded = traded or bool(days.world.state.trade_fees)
        for record in days.world.state.markets.values():
            kinds.add(days.world.state.desk.state_of(record.listed.market).name)
    assert traded
    assert kinds >= {"CONTINUOUS", "HALTED", "AUCTION"}
