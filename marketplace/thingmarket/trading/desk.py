"""The desk: orders are admitted, matched and settled in one call, on the rows of the ledger.

It is the readable one, which specifies the compiled one; thingmarket.trading.front gives either. Its parts:
terms (of a market), frame (records and statuses), permits (what it is told and what it tells), shape,
admission and own_prices (may an order go to the book), placing (one frame), settling (events become holds
and payments), resting, rows and floor (what it knows).
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from itertools import islice
from typing import Final, Self

from thingmarket.errors import Code, Refusal
from thingmarket.limits import FOK_MAKERS_MAX, RESTING_PER_OWNER_MAX
from thingmarket.matching.engine import Asked, Engine
from thingmarket.matching.records import Command, Kind, MarketState, Reason
from thingmarket.matching.snapshot import limits_of, unpack
from thingmarket.settlement.ledger import Ledger
from thingmarket.trading.admission import Admission, Sender
from thingmarket.trading.floor import Floor
from thingmarket.trading.frame import (
    COUNTER_MAX,
    SLOT_MAX,
    book_status,
    check_frame,
    markets_of,
    slot_of,
    touched,
)
from thingmarket.trading.own_prices import OwnPrices
from thingmarket.trading.permits import Effects, Headroom, Permit, Placed
from thingmarket.trading.placing import Placing
from thingmarket.trading.resting import RestingOrder
from thingmarket.trading.rows import Rows
from thingmarket.trading.settling import Settling
from thingmarket.trading.terms import MarketTerms, checked

NO_REFERENCE_PRICE: Final = 0
DIGEST_BYTES: Final = 32

DESK_MAGIC: Final = b"tmdesk01"
DESK_PERSON: Final = b"tm-desk"
_Level = tuple[int, int, int]


class Desk:
    """A matching engine joined with the accounts of a ledger.

    Every call is complete in itself: it changes rows of the ledger and the book together, or refuses and
    changes nothing. The desk has no clock, asks nobody, and what it does follows from its arguments alone.
    """

    __slots__ = ("_digest", "_floor")

    def __init__(
        self,
        *,
        ledger: Ledger,
        operator: int,
        kind: Asked = "auto",
        resting_per_owner_max: int = RESTING_PER_OWNER_MAX,
    ) -> None:
        """Start without a market; `operator` is the owner number that fees and holds are kept under."""
        self._floor = Floor(
            ledger=ledger,
            rows=Rows(ledger.accounts, operator),
            engine=Engine(kind, fok_makers_max=FOK_MAKERS_MAX),
            resting_per_owner_max=resting_per_owner_max,
        )
        self._digest = bytes(DIGEST_BYTES)

    def open_market(self, terms: MarketTerms) -> None:
        """Begin a market, which trades continuously (ALREADY_KNOWN, OUT_OF_RANGE, BAD_FIELD, FULL)."""
        if checked(terms).number in self._floor.markets:
            raise Refusal(Code.ALREADY_KNOWN, f"there is a market {terms.number}", "ORD-2")
        self._floor.rows.open_market(terms)
        self._floor.markets[terms.number] = terms

    def place(
        self,
        orders: bytes,
        *,
        slot: int,
        owner_number: int,
        last_counter: int,
        permits: Mapping[tuple[int, int], Permit],
        headroom: Mapping[int, Headroom],
        bands: Mapping[int, tuple[int, int]],
        now_ms: int,
        acts_for_owner: bool,
    ) -> Placed:
        """Take a frame: a status for each order, and what all of them did (MALFORMED, TOO_LARGE, FULL).

        `permits` are by market and side: one that is missing is NOT_PERMITTED. `headroom` is by money ledger,
        a missing one is unlimited; `bands` are lowest and highest price by market, a missing one is none.
        """
        assert 0 < slot <= SLOT_MAX and owner_number > 0 and 0 <= last_counter <= COUNTER_MAX, "a known seat"
        check_frame(orders)
        floor = self._floor
        markets = [floor.markets[number] for number in markets_of(orders) if number in floor.markets]
        lacking = {name for terms in markets for name in floor.rows.missing(owner_number, terms)}
        floor.rows.accounts.check_room(len(lacking))
        sender = Sender(
            slot=slot,
            owner=owner_number,
            acts_for_owner=acts_for_owner,
            permits=permits,
            headroom=headroom,
            bands=bands,
        )
        admission = Admission(sender, floor.rows, markets)
        own_prices = OwnPrices(floor, owner_number, markets)
        placing = Placing(floor, sender, admission, own_prices, last_counter=last_counter, now_ms=now_ms)
        placed = placing.place(orders)
        self._chain(placed)
        return placed

    def touched(self, orders: bytes) -> tuple[tuple[int, int], ...]:
        """Market and side of what a frame places or replaces, ascending: those that need a permit."""
        return touched(orders)

    def cancel(self, slot: int) -> Effects:
        """Cancel all resting orders of a slot, in ascending id."""
        return self.cancel_orders(self.orders_of(slot))

    def cancel_orders(self, order_ids: Iterable[int]) -> Effects:
        """Cancel resting orders, in ascending id; what rests no more is passed over."""
        return self._end(Kind.CANCEL, sorted(set(order_ids)))

    def expire(self, order_ids: Iterable[int]) -> Effects:
        """End resting orders whose time has come, in the order given; what rests no more is passed over."""
        return self._end(Kind.EXPIRE, dict.fromkeys(order_ids))

    def set_state(self, market: int, state: MarketState) -> Effects:
        """Change what a market takes (UNKNOWN_MARKET, 44009, 44015)."""
        self._check_known(market)
        if self.state_of(market) is MarketState.CLOSED and state is not MarketState.CLOSED:
            raise Refusal(book_status(Reason.WRONG_STATE), "a closed market stays closed", "BOK-19")
        bid, _, ask, _ = self.best(market)
        if state is MarketState.CONTINUOUS and 0 < ask <= bid:
            raise Refusal(book_status(Reason.BOOK_CROSSED), "the book has to be uncrossed first", "BOK-19")
        effects = self._carry_out([Command(kind=Kind.SET_STATE, tif=state, market=market)])
        self._floor.states[market] = state
        return effects

    def uncross(self, market: int, reference: int = NO_REFERENCE_PRICE) -> Effects:
        """Hold the auction of a market (UNKNOWN_MARKET, 44009); `reference` breaks ties of the price."""
        self._check_known(market)
        if self.state_of(market) is not MarketState.AUCTION:
            raise Refusal(book_status(Reason.WRONG_STATE), "only an auction is uncrossed", "BOK-20")
        return self._carry_out([Command(kind=Kind.UNCROSS, price=reference, market=market)])

    @property
    def kind(self) -> str:
        """Which of the two this is: "python" or "native"."""
        return "python"

    def terms(self, market: int) -> MarketTerms | None:
        """The terms of a market, if there is one."""
        return self._floor.markets.get(market)

    def state_of(self, market: int) -> MarketState:
        """What a market takes at the moment."""
        return self._floor.state_of(market)

    def orders_of(self, slot: int) -> tuple[int, ...]:
        """Ids of the resting orders of a slot, ascending."""
        return self._floor.orders.of_slot(slot)

    def orders_after(self, slot: int, after: int, most: int) -> tuple[int, ...]:
        """The first ids of the resting orders of a slot behind one, ascending."""
        return self._floor.orders.of_slot_after(slot, after, most)

    def count_of(self, slot: int) -> int:
        """How many orders of a slot rest."""
        return self._floor.orders.count(slot)

    def count_of_owner(self, owner_number: int) -> int:
        """How many orders of an owner rest, by whatever slots."""
        return self._floor.orders.count_of_owner(owner_number)

    def orders_in(self, market: int) -> tuple[int, ...]:
        """Ids of the resting orders of a market, ascending."""
        return self._floor.orders.of_market(market)

    def order(self, order_id: int) -> RestingOrder | None:
        """A resting order, as it is now."""
        return self._floor.orders.get(order_id)

    def best(self, market: int) -> tuple[int, int, int, int]:
        """Best bid and its quantity, best ask and its quantity; 0 where there is none."""
        return self._floor.engine.best(market)

    def depth(self, market: int, levels: int) -> tuple[list[_Level], list[_Level]]:
        """Price, quantity and number of orders of the best levels: buys, sells."""
        return self._floor.engine.depth(market, levels)

    @property
    def state_hash(self) -> bytes:
        """The book in 32 bytes."""
        return self._floor.engine.state_hash()

    @property
    def digest(self) -> bytes:
        """Chain over the events of all calls: BLAKE2b-256 of the one before and the events of the call."""
        return self._digest

    def snapshot(self) -> bytes:
        """The book and the chain; terms and balances are in the state and the ledger."""
        return DESK_MAGIC + self._digest + self._floor.engine.snapshot()

    @classmethod
    def restore(
        cls,
        data: bytes,
        *,
        ledger: Ledger,
        operator: int,
        terms: Iterable[MarketTerms],
        kind: Asked = "auto",
        resting_per_owner_max: int = RESTING_PER_OWNER_MAX,
    ) -> Self:
        """Read `snapshot` back beside the ledger and the terms of the same moment (MALFORMED)."""
        start = len(DESK_MAGIC) + DIGEST_BYTES
        if len(data) < start or not data.startswith(DESK_MAGIC):
            raise Refusal(Code.MALFORMED, "a desk snapshot is cut off or none at all")
        desk = cls(ledger=ledger, operator=operator, kind=kind, resting_per_owner_max=resting_per_owner_max)
        desk._digest = data[len(DESK_MAGIC) : start]
        for each in terms:
            desk._floor.rows.check_market(each)
            desk._floor.markets[each.number] = each
        desk._floor.engine = Engine.restore(data[start:], kind, fok_makers_max=FOK_MAKERS_MAX)
        desk._know_orders(data[start:])
        if any(desk._floor.violations()):
            raise Refusal(Code.MALFORMED, "a desk snapshot is of another moment than its ledger")
        return desk

    def check_invariants(self) -> None:
        """Assert that what accounts hold is what the resting orders imply, and the ledger is in order."""
        found = list(islice(self._floor.violations(), 5))
        assert not found, "; ".join(found)
        self._floor.ledger.check_invariants()

    def _know_orders(self, book: bytes) -> None:
        """Learn who rests, and what markets take, from the snapshot of the book."""
        resting = unpack(book, *limits_of(book))
        for market in resting.markets_ascending():
            if market.number not in self._floor.markets:
                raise Refusal(Code.MALFORMED, f"the book of market {market.number} has no terms")
            self._floor.states[market.number] = MarketState(market.state)
            for order in market:
                if slot_of(order.id) > SLOT_MAX:
                    raise Refusal(Code.MALFORMED, f"order {order.id} is of no slot")
                if self._floor.rows.missing(order.account, self._floor.markets[market.number]):
                    raise Refusal(Code.MALFORMED, f"the owner of order {order.id} has no accounts")
                self._floor.orders.add(
                    RestingOrder(
                        id=order.id,
                        owner=order.account,
                        market=market.number,
                        side=order.side,
                        price=order.price,
                        remaining=order.remaining,
                    )
                )

    def _end(self, kind: Kind, order_ids: Iterable[int]) -> Effects:
        resting = [order for order in map(self.order, order_ids) if order]
        return self._carry_out(
            [
                Command(kind=kind, market=order.market, order_id=order.id, account=order.owner)
                for order in resting
            ]
        )

    def _carry_out(self, commands: Iterable[Command]) -> Effects:
        """Let the book do what was asked for before, and settle it."""
        settling = Settling(self._floor.markets, self._floor.rows, self._floor.orders)
        for command in commands:
            settling.apply(self._floor.engine.process(command.pack()))
        effects = settling.effects()
        self._chain(effects)
        return effects

    def _check_known(self, market: int) -> None:
        if market not in self._floor.markets:
            raise Refusal(Code.UNKNOWN_MARKET, f"there is no market {market}", "ORD-2")

    def _chain(self, effects: Effects) -> None:
        if effects.events:
            chain = blake2b(self._digest + effects.events, digest_size=DIGEST_BYTES, person=DESK_PERSON)
            self._digest = chain.digest()
