"""What an owner's rules leave who orders: a permit for each side, headroom for each currency. [MKT-8]"""

from collections.abc import Iterable
from typing import Final

from thingmarket.errors import Code
from thingmarket.identity.effective import EffectiveLimit, EffectiveMandate
from thingmarket.identity.mandates import Action
from thingmarket.identity.things import NO_PROBATION, ThingState
from thingmarket.limits import INTEGER_MAX
from thingmarket.market.authority import Authority
from thingmarket.market.order_records import MarketRecord
from thingmarket.market.records import ThingRecord
from thingmarket.market.state import State
from thingmarket.market.thing_standing import orders_of_day
from thingmarket.matching.records import Side
from thingmarket.money import currency_of
from thingmarket.policy.acts import Act
from thingmarket.policy.decision import Decision
from thingmarket.policy.order_rules import buys_items, order_decision
from thingmarket.policy.question import WHOLE_UNIT
from thingmarket.policy.spending import (
    NOTHING_SPENT,
    orders_in_day,
    spent_in_day,
    spent_in_month,
)
from thingmarket.time import UnixMs, utc_day, utc_month
from thingmarket.trading.commands import ListedMarket
from thingmarket.trading.permits import OWNER_PERMIT, UNLIMITED, Headroom, Permit
from thingmarket.values import changed

_PERMITS_KEPT: Final = 65_536  # some 20 MB; then they are made anew
_ACTIONS: Final = {Side.BUY: Action.BUY, Side.SELL: Action.SELL}


def permits_of(
    state: State, authority: Authority, thing: ThingRecord | None, sides: Iterable[tuple[int, int]]
) -> dict[tuple[int, int], Permit]:
    """A permit for every side of a known market that a frame touches."""
    kept = _kept(state, authority)
    try:
        permits = {name: kept[name] for name in sides}
    except KeyError:
        permits = _made(state, authority, kept, sides)
    if thing is not None and on_probation(state, thing):
        for name, permit in permits.items():
            if name[1] == Side.BUY:
                least = min(permit.order_max_minor, state.probation.order_minor)
                permits[name] = changed(permit, order_max_minor=least)
    return permits


def _made(
    state: State, authority: Authority, kept: dict[tuple[int, int], Permit], sides: Iterable[tuple[int, int]]
) -> dict[tuple[int, int], Permit]:
    """Those that are kept, and the others, which are kept from now on; a market not known has none."""
    permits = {}
    for name in sides:
        permit = kept.get(name)
        if permit is None:
            record = state.markets.get(name[0])
            if record is None:
                continue
            permit = kept[name] = _permit(state, authority, record, name[1])
            state.books.permits_made += 1
        permits[name] = permit
    return permits


def _kept(state: State, authority: Authority) -> dict[tuple[int, int], Permit]:
    """Permits of the mandate that were made before; those of the time of day are made for each frame."""
    mandate, permits = authority.mandate, state.books.permits
    if mandate is None or mandate.windows or authority.now_ms < mandate.not_before_ms:
        return {}
    if state.books.permits_made >= _PERMITS_KEPT:
        permits.clear()
        state.books.permits_made = 0
    found = permits.get(mandate.leaf)
    if found is not None and found[0] is mandate:
        return found[1]
    fresh: dict[tuple[int, int], Permit] = {}
    permits[mandate.leaf] = (mandate, fresh)
    return fresh


def _permit(state: State, authority: Authority, record: MarketRecord, side: int) -> Permit:
    if authority.mandate is None:
        return OWNER_PERMIT
    if not side_decision(state, authority, record, side).allows:
        return Permit(refusal=Code.DENIED)
    return _limits_of(authority.mandate, record.listed, side)


def side_decision(state: State, authority: Authority, record: MarketRecord, side: int) -> Decision:
    """What the rules say about one side of a market, with the facts that they looked at."""
    assert authority.mandate is not None, "an owner who acts himself asks nobody"
    listed = record.listed
    act = Act(
        action=_ACTIONS[Side(side)],
        time_ms=authority.now_ms,
        node=state.node,
        category=listed.category,
        product_id=listed.product_id,
        currency=listed.currency,
        unit=listed.unit,
        unit_scale=listed.unit_scale,
    )
    return order_decision(authority.mandate, act)


def _limits_of(mandate: EffectiveMandate, listed: ListedMarket, side: int) -> Permit:
    """Limits of one order, in the market's own ticks and lots. [LIM-1] [LIM-2] [ITM-3] [ITM-4]"""
    limit = mandate.limit(listed.currency)
    if side == Side.SELL:
        return Permit()
    assert limit is not None, "LIM-0 was looked at"
    unit_minor, lots = limit.per_item_minor, INTEGER_MAX
    if buys_items(mandate):
        agreed = [
            item
            for items in mandate.bound_items
            for item in items
            if (item.product_id, item.currency, item.unit, item.unit_scale)
            == (listed.product_id, listed.currency, listed.unit, listed.unit_scale)
        ]
        unit_minor = min(unit_minor, *(item.max_unit_price_minor for item in agreed))
        lots = min(item.max_quantity_steps for item in agreed) // listed.lot_steps
    per_tick = listed.tick_minor * WHOLE_UNIT[listed.unit_scale]
    highest = listed.offset_ticks + unit_minor * listed.lot_steps // per_tick
    return Permit(
        price_high=min(highest, INTEGER_MAX),
        order_max_minor=limit.per_order_minor,
        lots_max=lots,
        cosign_above_minor=limit.cosign_above_minor,
    )


def without_room(
    escrow: Iterable[MarketRecord],
    permits: dict[tuple[int, int], Permit],
    headroom: dict[int, Headroom],
) -> dict[tuple[int, int], Permit]:
    """Permits to buy with escrow where no order more may be open: one that does not rest is open, too."""
    found = {}
    for record in escrow:
        name = (record.listed.market, int(Side.BUY))
        room = headroom[currency_of(record.listed.currency).ledger]
        if name in permits and not room.open_left and not permits[name].refusal:
            found[name] = changed(permits[name], refusal=Code.OVER_OPEN_ORDERS)
    return found


# --- what counters leave


def headroom_of(
    state: State, authority: Authority, thing: ThingRecord | None, currencies: Iterable[str]
) -> dict[int, Headroom]:
    """What is left in each currency, by money ledger: the least over the links of the mandate."""
    mandate, found = authority.mandate, {}
    for currency in currencies:
        room = UNLIMITED
        if mandate is not None:
            room = _headroom(state, mandate.limit(currency), currency, authority.now_ms)
        if thing is not None and on_probation(state, thing):
            left = state.probation.orders_per_day - orders_of_day(thing, authority.now_ms)
            room = changed(room, orders_left=max(0, min(room.orders_left, left)))
        found[currency_of(currency).ledger] = room
    return found


def _headroom(state: State, limit: EffectiveLimit | None, currency: str, now_ms: UnixMs) -> Headroom:
    if limit is None:
        return Headroom(amount_left_minor=0)  # who sells pays nothing, but at a price below zero
    return Headroom(
        amount_left_minor=max(0, min(budget_rooms(state, limit, currency, now_ms).values())),
        orders_left=max(0, min(order_rooms(state, limit, currency, now_ms).values())),
        open_left=max(0, min(rest_rooms(state, limit, currency).values())),
    )


def budget_rooms(state: State, limit: EffectiveLimit, currency: str, now_ms: UnixMs) -> dict[str, int]:
    """What each rule leaves to spend, the least over all links; what rests in books counts everywhere."""
    day = utc_day(now_ms)
    month = utc_month(day)
    rooms = {"LIM-3": INTEGER_MAX, "LIM-4": INTEGER_MAX, "LIM-5": INTEGER_MAX, "LIM-9": INTEGER_MAX}
    for budget in limit.budgets:
        counter = state.spending.get((budget.link, currency), NOTHING_SPENT)
        booked = counter.book_minor
        left = (
            budget.per_day_minor - spent_in_day(counter, day) - booked,
            budget.total_minor - counter.total_minor - booked,
            budget.per_month_minor - spent_in_month(counter, month) - booked,
            budget.liability_cap_minor - counter.open_minor - booked,
        )
        for rule, room in zip(rooms, left, strict=True):
            rooms[rule] = min(rooms[rule], room)
    return rooms


def order_rooms(state: State, limit: EffectiveLimit, currency: str, now_ms: UnixMs) -> dict[str, int]:
    """How many orders the day leaves, the least over all links."""
    day, least = utc_day(now_ms), INTEGER_MAX
    for budget in limit.budgets:
        counter = state.spending.get((budget.link, currency), NOTHING_SPENT)
        least = min(least, budget.orders_per_day - orders_in_day(counter, day))
    return {"LIM-6": least}


def rest_rooms(state: State, limit: EffectiveLimit, currency: str) -> dict[str, int]:
    """How many orders more may be open, the least over all links: a resting one holds money, too."""
    rooms = {"LIM-7": INTEGER_MAX, "LIM-8": INTEGER_MAX}
    for budget in limit.budgets:
        counter = state.spending.get((budget.link, currency), NOTHING_SPENT)
        orders = budget.max_open_orders - counter.open_orders - counter.book_orders
        holds = budget.max_open_holds - counter.open_holds - counter.book_orders
        rooms["LIM-7"], rooms["LIM-8"] = min(rooms["LIM-7"], orders), min(rooms["LIM-8"], holds)
    return rooms


def on_probation(state: State, thing: ThingRecord) -> bool:
    """Whether what a thing buys is limited and counted, because it is new. [THG-8]"""
    return thing.state is ThingState.REGISTERED and state.probation != NO_PROBATION
