"""Random orders of random siblings over days and months: no link ever spends more than it may. [MAN-7]"""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests.support.mandates import LIMIT, NOW, PURCHASE, ROOT, THINGS, child_of, meet
from thingmarket.identity.effective import EffectiveMandate, LinkBudget
from thingmarket.identity.mandates import Mandate, SpendingLimit
from thingmarket.ids import Digest
from thingmarket.limits import DAY_MS
from thingmarket.policy.authorize import authorize
from thingmarket.policy.cosign import NOBODY_SPOKE
from thingmarket.policy.spending import (
    Counted,
    CounterKey,
    Reservation,
    SpendingCounter,
    close_order,
    commit,
    release,
    reservation_of,
    reserve,
    spend,
)
from thingmarket.time import UnixMs, UtcDay, UtcMonth, utc_month
from thingmarket.wire.identity import issued

BEGIN = UnixMs(NOW // DAY_MS * DAY_MS)  # 2027-01-15: forty days reach over two ends of months
LIFE_DAYS = 60
MOST = st.sampled_from((20, 40, 60, 90))
LIMITS = st.builds(
    lambda **of: replace(LIMIT, per_item_minor=60, per_order_minor=60, cosign_above_minor=60, **of),
    per_day_minor=MOST,
    per_month_minor=MOST,
    total_minor=st.sampled_from((60, 100, 300)),
    orders_per_day=st.integers(2, 6),
    max_open_orders=st.integers(2, 8),
    max_open_holds=st.integers(2, 8),
    liability_cap_minor=MOST,
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("spend", "reserve", "commit", "release", "close")),
        st.integers(0, 4),  # who
        st.integers(1, 25),  # how much
        st.sampled_from((0, 0, 0, 0, 1, 1, 9, 20)),  # days that pass before
        st.integers(0, 99),  # which of those that wait or are open
    ),
    min_size=10,
    max_size=60,
)


def within(limit: SpendingLimit, above: SpendingLimit) -> SpendingLimit:
    names = [name for name in limit.__slots__ if name != "currency"]
    return replace(limit, **{name: min(getattr(limit, name), getattr(above, name)) for name in names})


@st.composite
def families(draw: st.DrawFn) -> list[EffectiveMandate]:
    """A parent, two siblings below it, and a grandchild below each: each with limits of its own."""
    top = draw(LIMITS)
    life: dict[str, Any] = {"not_before_ms": BEGIN, "expires_ms": BEGIN + LIFE_DAYS * DAY_MS}
    parent = issued(replace(ROOT, limits=(top,), **life))
    chains: list[tuple[Mandate, ...]] = [(parent,)]
    for thing in (1, 2):
        limit = within(draw(LIMITS), top)
        child = child_of(parent, subject=THINGS[thing], limits=(limit,), mandate_id=bytes([thing]) * 16)
        below = child_of(child, subject=THINGS[3], limits=(within(draw(LIMITS), limit),))
        chains += [(parent, child), (parent, child, below)]
    return [meet(*chain) for chain in chains]


@dataclass
class Order:
    """What one order did, written down apart from the counters."""

    mandate: EffectiveMandate
    reservation: Reservation
    amount_minor: int
    state: str = "open"


@dataclass
class Books:
    """The counters, and every order that was ever placed."""

    counters: dict[CounterKey, SpendingCounter] = field(default_factory=dict)
    orders: list[Order] = field(default_factory=list)

    def put(self, counted: Counted) -> None:
        self.counters.update(counted)

    def place(self, mandate: EffectiveMandate, amount: int, time_ms: UnixMs, *, waits: bool) -> None:
        act = replace(PURCHASE, time_ms=time_ms, payable_minor=amount, quantity_steps=9)
        if not authorize(mandate, act, self.counters).allows:
            return
        order = reservation_of(mandate, currency="EUR", time_ms=time_ms, amount_minor=amount)
        self.put((reserve if waits else spend)(self.counters, order))
        self.orders.append(Order(mandate, order, amount, "waits" if waits else "open"))

    def some(self, state: str, which: int) -> Order | None:
        found = [order for order in self.orders if order.state == state]
        return found[which % len(found)] if found else None

    def step(self, what: str, amount: int, which: int, time_ms: UnixMs) -> None:
        """Answer one order that waits, or end one that is open."""
        order = self.some("open" if what == "close" else "waits", which)
        if order is None:
            return
        if what == "commit":
            price = max(1, order.amount_minor - amount // 5)  # now and then a better one
            act = replace(PURCHASE, time_ms=time_ms, payable_minor=price, quantity_steps=9)
            if not authorize(order.mandate, act, self.counters, NOBODY_SPOKE, order.reservation).allows:
                return
            order.amount_minor = price
            self.put(commit(self.counters, order.reservation, amount_minor=order.amount_minor))
            order.state = "open"
        elif what == "release":
            self.put(release(self.counters, order.reservation))
            order.state, order.amount_minor = "released", 0
        else:
            links, amount = order.mandate.links, order.amount_minor
            self.put(close_order(self.counters, links, currency="EUR", amount_minor=amount))
            order.state = "closed"


def check(books: Books, budget: LinkBudget, link: Digest) -> None:
    """Add up every order under a link by hand, and hold it against the link's budget and its counter."""
    mine = [order for order in books.orders if link in order.mandate.links]
    days: dict[UtcDay, int] = defaultdict(int)
    months: dict[UtcMonth, int] = defaultdict(int)
    placed: dict[UtcDay, int] = defaultdict(int)
    for order in mine:
        days[order.reservation.day] += order.amount_minor
        months[utc_month(order.reservation.day)] += order.amount_minor
        placed[order.reservation.day] += 1
    open_now = [order for order in mine if order.state in ("waits", "open")]
    held = [order for order in mine if order.state == "open"]
    assert max(days.values(), default=0) <= budget.per_day_minor
    assert max(months.values(), default=0) <= budget.per_month_minor
    assert max(placed.values(), default=0) <= budget.orders_per_day
    assert sum(days.values()) <= budget.total_minor
    assert len(open_now) <= budget.max_open_orders
    assert len(held) <= budget.max_open_holds
    assert sum(order.amount_minor for order in open_now) <= budget.liability_cap_minor
    counter = books.counters.get((link, "EUR"))
    if counter is not None:
        assert counter.day_minor == days[counter.day]
        assert counter.month_minor == months[counter.month]
        assert counter.total_minor == sum(days.values())
        assert counter.day_orders == placed[counter.day] and counter.orders == len(mine)
        assert (counter.open_orders, counter.open_holds) == (len(open_now), len(held))
        assert counter.open_minor == sum(order.amount_minor for order in open_now)
        assert counter.reserved_minor == sum(o.amount_minor for o in mine if o.state == "waits")


@settings(max_examples=300)
@given(families(), STEPS)
def test_siblings_together_never_spend_more_than_their_ancestors_may(
    chains: list[EffectiveMandate], steps: list[tuple[str, int, int, int, int]]
) -> None:
    books, time_ms = Books(), BEGIN
    for what, who, amount, days, which in steps:
        time_ms = UnixMs(min(time_ms + days * DAY_MS, BEGIN + LIFE_DAYS * DAY_MS - 1))
        if what in ("spend", "reserve"):
            books.place(chains[who], amount, time_ms, waits=what == "reserve")
        else:
            books.step(what, amount, which, time_ms)
        for chain in chains:
            for budget in chain.limits[0].budgets:
                check(books, budget, budget.link)
    event(f"{min(len(books.orders), 8)} orders placed")
