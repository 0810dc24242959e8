"""What the world outside learns of an applied entry: its outcome, and the rows that it is about."""

from typing import Final

from thingmarket.catalog.offers import Offer
from thingmarket.contract.approvals import PendingId, PendingOrder
from thingmarket.contract.contract import Contract
from thingmarket.contract.orders import Purchase
from thingmarket.ids import ContractId, Digest, PartyId
from thingmarket.market.entries import Command, Entry, NoticeKind, Outcome
from thingmarket.market.order_records import Seat
from thingmarket.market.promised import offer_of
from thingmarket.market.refunds import refunded_minor
from thingmarket.market.state import State
from thingmarket.matching.records import EVENT, EVENT_BYTES, EventKind
from thingmarket.trading.commands import ListedMarket
from thingmarket.trading.frame import slot_of
from thingmarket.trading.terms import MarketTerms
from thingmarket_node.core.forgetting import forgettings
from thingmarket_node.core.messages import Published, Traded

_OF_CONTRACTS: Final = (NoticeKind.CONTRACT, NoticeKind.INVOICE)  # a refund changes no state, but the books


def published(state: State, entry: Entry, outcome: Outcome, body: bytes) -> Published:
    """Point at the frozen rows as they are right after the entry; nothing is copied."""
    command = entry.content if isinstance(entry.content, Command) else None
    waiting = _waiting(state, outcome)
    return Published(
        seq=entry.seq,
        time_ms=entry.time_ms,
        sender=command.header.sender if command else "",
        body=body,
        outcome=outcome,
        command=command,
        owner=_owner(state, command) if command else "",
        listing=_listing(state, command) if command else None,
        trades=_trades(state, outcome),
        floor=_floor(state, outcome.events),
        waiting=waiting,
        forgotten=forgettings(state, waiting),
    )


def _floor(state: State, events: bytes) -> Traded | None:
    if EventKind.TRADE not in events[::EVENT_BYTES]:  # the kind is the first byte of each
        return None
    markets: dict[int, tuple[ListedMarket, MarketTerms]] = {}
    seats: dict[int, Seat] = {}
    numbers: dict[PartyId, int] = {}
    for kind, _, _, _, market, _, maker, taker, _, _, _ in EVENT.iter_unpack(events):
        if kind != EventKind.TRADE:
            continue
        if market not in markets:
            terms = state.desk.terms(market)
            assert terms is not None, "who trades has terms"
            markets[market] = (state.markets[market].listed, terms)
        for slot in (slot_of(maker), slot_of(taker)):
            if slot not in seats:
                seat = seats[slot] = state.seats[slot]
                numbers[seat.owner] = state.party(seat.owner).number
    return Traded(markets=markets, seats=seats, numbers=numbers)


def _waiting(state: State, outcome: Outcome) -> tuple[PendingOrder, ...]:
    changed = dict.fromkeys(
        PendingId(notice.reference) for notice in outcome.notices if notice.kind is NoticeKind.APPROVAL
    )
    return tuple(state.pendings[name] for name in changed)


def _owner(state: State, command: Command) -> str:
    header = command.header
    if not header.mandate_leaf:
        return header.sender
    record = state.mandates.get(Digest(header.mandate_leaf))
    if record is None or record.effective.subject != header.sender:
        return ""  # who names the mandate of another thing, and is refused for it, stands in nobody's books
    return record.effective.root_owner


def _listing(state: State, command: Command) -> Offer | None:
    if not isinstance(command.body, Purchase):
        return None
    record = state.offers.get(Digest(command.body.offer))
    return record.offer if record else None


def _trades(state: State, outcome: Outcome) -> tuple[tuple[Contract, Offer, int], ...]:
    changed = dict.fromkeys(notice.reference for notice in outcome.notices if notice.kind in _OF_CONTRACTS)
    contracts = [state.contracts[ContractId(reference)] for reference in changed]
    return tuple(
        (contract, offer_of(state, contract), refunded_minor(state, contract)) for contract in contracts
    )
