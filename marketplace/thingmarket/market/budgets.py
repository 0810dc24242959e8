"""The counters of a buyer's mandate follow his orders and contracts, in the same entry. [MAN-7]"""

from thingmarket.contract.contract import Contract
from thingmarket.ids import Digest
from thingmarket.market.state import State
from thingmarket.policy import spending
from thingmarket.policy.spending import Booked, Counted, Reservation
from thingmarket.time import UnixMs


def reserve(state: State, order: Reservation) -> None:
    """An order waits for somebody's word."""
    _put(state, spending.reserve(state.spending, order))


def spend(state: State, order: Reservation) -> None:
    """An order became a contract at once."""
    _put(state, spending.spend(state.spending, order))


def commit(state: State, order: Reservation, *, amount_minor: int) -> None:
    """An order that waited became a contract of this amount, at most the reserved one."""
    _put(state, spending.commit(state.spending, order, amount_minor=amount_minor))


def release(state: State, order: Reservation) -> None:
    """An order that waited came to nothing."""
    _put(state, spending.release(state.spending, order))


def close(state: State, contract: Contract) -> None:
    """A contract has ended, however: called once, in the entry in which its last unit becomes final."""
    if not contract.mandate_leaf:
        return  # the owner bought himself: nobody counts for him
    links = state.mandates[Digest(contract.mandate_leaf)].effective.links
    counted = spending.close_order(
        state.spending, links, currency=contract.currency, amount_minor=contract.total_minor
    )
    _put(state, counted)


def count_book(
    state: State, links: tuple[Digest, ...], currency: str, now_ms: UnixMs, booked: Booked
) -> None:
    """Orders of the book came, went or were paid: once for each sender and entry. [MKT-8]"""
    _put(state, spending.count_book(state.spending, links, currency, now_ms, booked))


def count_fill(state: State, contract: Contract, now_ms: UnixMs) -> None:
    """An order of the book became a contract, which is open until it ends. [MKT-16]"""
    if not contract.mandate_leaf:
        return
    links = state.mandates[Digest(contract.mandate_leaf)].effective.links
    _put(
        state,
        spending.count_fill(state.spending, links, contract.currency, now_ms, contract.total_minor),
    )


def _put(state: State, counted: Counted) -> None:
    for key, counter in counted:
        state.spending.put(key, counter)
