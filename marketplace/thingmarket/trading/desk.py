"""The desk: orders are admitted, matched and settled in one call, on the rows of the ledger."""

from collections.abc import Iterable, Mapping
from typing import Final, Self

from thingmarket.matching.records import MarketState
from thingmarket.settlement.ledger import Ledger
from thingmarket.trading.permits import Effects, Headroom, Permit, Placed
from thingmarket.trading.resting import RestingOrder
from thingmarket.trading.terms import MarketTerms

NO_REFERENCE_PRICE: Final = 0


class Desk:
    """A matching engine joined with the accounts of a ledger: the readable one, which specifies the compiled.

    Every call is complete in itself: it changes rows of the ledger and the book together, or refuses and
    changes nothing. The desk has no clock, asks nobody, and what it does follows from its arguments alone.
    """

    def __init__(self, *, ledger: Ledger, operator: int, kind: str = "auto") -> None:
        """Start without a market; `operator` is the owner number that fees and holds are kept under."""
        raise NotImplementedError

    def open_market(self, terms: MarketTerms) -> None:
        """Begin a market, which trades continuously (ALREADY_KNOWN, OUT_OF_RANGE, BAD_FIELD, FULL)."""
        raise NotImplementedError

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
        raise NotImplementedError

    def cancel(self, slot: int) -> Effects:
        """Cancel all resting orders of a slot, in ascending id."""
        raise NotImplementedError

    def cancel_orders(self, order_ids: Iterable[int]) -> Effects:
        """Cancel resting orders, in ascending id; one that rests no more is passed over."""
        raise NotImplementedError

    def expire(self, order_ids: Iterable[int]) -> Effects:
        """End resting orders whose time has come, in the order given; what rests no more is passed over."""
        raise NotImplementedError

    def set_state(self, market: int, state: MarketState) -> Effects:
        """Change what a market takes (UNKNOWN_MARKET, 44009, 44015)."""
        raise NotImplementedError

    def uncross(self, market: int, reference: int = NO_REFERENCE_PRICE) -> Effects:
        """Hold the auction of a market (UNKNOWN_MARKET, 44009); `reference` breaks ties of the price."""
        raise NotImplementedError

    def terms(self, market: int) -> MarketTerms | None:
        """The terms of a market, if there is one."""
        raise NotImplementedError

    def state_of(self, market: int) -> MarketState:
        """What a market takes at the moment."""
        raise NotImplementedError

    def orders_of(self, slot: int) -> tuple[int, ...]:
        """Ids of the resting orders of a slot, ascending."""
        raise NotImplementedError

    def order(self, order_id: int) -> RestingOrder | None:
        """A resting order, as it is now."""
        raise NotImplementedError

    def best(self, market: int) -> tuple[int, int, int, int]:
        """Best bid and its quantity, best ask and its quantity; 0 where there is none."""
        raise NotImplementedError

    def depth(
        self, market: int, levels: int
    ) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]]:
        """Price, quantity and number of orders of the best levels: buys, sells."""
        raise NotImplementedError

    @property
    def seq(self) -> int:
        """Number of the last event."""
        raise NotImplementedError

    @property
    def digest(self) -> bytes:
        """Chain over the events of all calls: BLAKE2b-256 of the one before and the events of the call."""
        raise NotImplementedError

    def snapshot(self) -> bytes:
        """The book and the chain; terms and balances are in the state and the ledger."""
        raise NotImplementedError

    @classmethod
    def restore(
        cls, data: bytes, *, ledger: Ledger, operator: int, terms: Iterable[MarketTerms], kind: str = "auto"
    ) -> Self:
        """Read `snapshot` back beside the ledger and the terms of the same moment (MALFORMED)."""
        raise NotImplementedError

    def check_invariants(self) -> None:
        """Assert that what accounts hold is what the resting orders imply, and the ledger is in order."""
        raise NotImplementedError
