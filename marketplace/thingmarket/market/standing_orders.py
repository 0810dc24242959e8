"""Standing orders at work: opened, bought for, skipped, suspended, ended, forgotten. [STO-1]"""

from dataclasses import replace
from itertools import islice

from thingmarket.catalog.pricing import price
from thingmarket.contract.orders import Purchase
from thingmarket.contract.standing import (
    STANDING,
    EndStandingOrder,
    OpenStandingOrder,
    StandingId,
    StandingOrder,
    StandingState,
    check_first,
)
from thingmarket.errors import Code, Refusal
from thingmarket.ids import Digest, derived_id, digest
from thingmarket.limits import (
    SEARCH_RESULTS_MAX,
    STANDING_KEPT_MS,
    STANDING_ORDERS_MAX,
    STANDING_ORDERS_PER_OWNER_MAX,
    STANDING_PER_ENTRY_MAX,
    STANDING_REFUSALS_MAX,
    STANDING_SUSPENDED_MS,
)
from thingmarket.market import approvals, slots
from thingmarket.market.authority import Authority, decide, denied_by
from thingmarket.market.denied import Counted, count
from thingmarket.market.entries import Command, Notice, NoticeKind
from thingmarket.market.indexes import Reader
from thingmarket.market.purchases import act_of, buy, checked_order
from thingmarket.market.records import ListingState, TimerKind
from thingmarket.market.result import Result
from thingmarket.market.state import State
from thingmarket.money import Money, currency_of
from thingmarket.policy.decision import Verdict
from thingmarket.time import UnixMs
from thingmarket.transitions import Role


def open_order(
    state: State, command: Command, body: OpenStandingOrder, authority: Authority, seq: int
) -> Result:
    """Take a standing order that the owner's rules would let buy once now, or ask about. [STO-2]"""
    now_ms, sender = authority.now_ms, command.header.sender
    check_first(body, now_ms)
    held = state.calendar.open_of.get(authority.owner, 0)
    if held >= STANDING_ORDERS_PER_OWNER_MAX or len(state.standing_orders) >= STANDING_ORDERS_MAX:
        raise Refusal(Code.FULL, "too many standing orders; end some first", "STO-2")
    if body.slot and (sender, body.slot) in state.calendar.in_slot:
        raise Refusal(Code.SLOT_TAKEN, "this slot has a standing order already", "SLT-4")
    record = StandingOrder(
        id=StandingId(derived_id(now_ms, b"standing", state.network_id, seq.to_bytes(8, "big"))),
        state=STANDING.start,
        wish=body,
        buyer=sender,
        owner=authority.owner,
        mandate_leaf=command.header.mandate_leaf,
        next_ms=max(body.first_ms, now_ms + 1),
        seq=seq,
        changed_seq=seq,
        signed_bytes=command.signed_bytes,
    )
    order = checked_order(state, sender, _purchase(state, record, now_ms), _digest(record), authority)
    decision = decide(state, authority, act_of(state, order, authority))
    if decision.verdict is Verdict.DENY:
        raise denied_by(decision)
    if decision.verdict is Verdict.NEED_COSIGN and authority.mandate is not None:
        approvals.check_quorum(authority.mandate, approvals.willing_of(state, authority.mandate), decision)
    state.standing_orders.put(record.id, record)
    _wait(state, record)
    return Result(reference=record.id, decision=decision, notices=(_notice(record, "ACTIVE"),))


def end_order(
    state: State, command: Command, body: EndStandingOrder, authority: Authority, seq: int
) -> Result:
    """Its buyer or his owner ends it; what it bought stands. [STO-6]"""
    record = state.standing_orders.get(StandingId(body.standing_order))
    sender = command.header.sender
    if record is None or record.owner != authority.owner or sender not in (record.buyer, record.owner):
        raise Refusal(Code.UNKNOWN_STANDING_ORDER, "no such standing order of this party", "STO-6")
    notices = _ended(state, record, seq=seq, now_ms=authority.now_ms, cause="its buyer's side", by=Role.BUYER)
    return Result(reference=record.id, notices=notices)


def mandate_ended(state: State, leaf: Digest, seq: int, now_ms: UnixMs) -> tuple[Notice, ...]:
    """A mandate was revoked or expired: what buys under it ends in the same entry. [STO-6]"""
    notices: tuple[Notice, ...] = ()
    for name in sorted(state.calendar.under.get(leaf, ())):
        record = state.standing_orders[name]
        notices += _ended(state, record, seq=seq, now_ms=now_ms, cause="mandate")
    return notices


def due(state: State, name: bytes, seq: int, now_ms: UnixMs, turn: int) -> tuple[Notice, ...]:
    """The time of a standing order came, as the `turn`-th of its entry, from 0. [STO-3]"""
    record = state.standing_orders[StandingId(name)]
    if turn >= STANDING_PER_ENTRY_MAX:  # [STO-7] the rest has its turn in entries of its own
        record = replace(record, next_ms=now_ms + turn // STANDING_PER_ENTRY_MAX)
        state.standing_orders.put(record.id, record)
        _wait(state, record)
        return ()
    if record.state is StandingState.ENDED:
        state.standing_orders.drop(record.id)
        return ()
    if record.state is StandingState.SUSPENDED:
        assert STANDING.after_silence(record.state) is StandingState.ENDED, "nobody opened it anew"
        return _ended(state, record, seq=seq, now_ms=now_ms, cause=record.cause)
    listing = state.offers[record.offer]
    # After a long stop the offer may be over by now although its own deadline has its turn later.
    if listing.state is not ListingState.LIVE or listing.offer.valid_until_ms <= now_ms:
        return _ended(state, record, seq=seq, now_ms=now_ms, cause="offer")
    return _occurred(state, record, seq, now_ms)


def _occurred(state: State, record: StandingOrder, seq: int, now_ms: UnixMs) -> tuple[Notice, ...]:
    mark = state.undo.mark
    try:
        result = _bought(state, record, seq, now_ms)
    except Refusal as refusal:
        state.undo.roll_back(mark)
        told = count(state, refusal) if isinstance(refusal, Counted) else ()
        # [STO-5] that the last one is still on its way is no refusal of this one
        refused = record.refused_in_a_row + (refusal.number != Code.SLOT_TAKEN)
        record = replace(
            record,
            skipped=record.skipped + 1,
            refused_in_a_row=refused,
            code=refusal.number,
            reason=refusal.reason,
            rule=refusal.rule,
        )
        notices = (*told, _notice(record, f"SKIPPED {refusal.name}"))
    else:
        record = replace(record, made=record.made + 1, refused_in_a_row=0, last=result.reference)
        notices = (_notice(record, "ASKED" if result.pending else "BOUGHT"), *result.notices)
    record = replace(record, changed_seq=seq)
    if record.occurrences >= record.wish.occurrences_max:
        return notices + _ended(state, record, seq=seq, now_ms=now_ms, cause="count")
    if record.refused_in_a_row >= STANDING_REFUSALS_MAX:
        then = STANDING.after(record.state, "RefusedInARow", Role.NODE)
        record = replace(record, state=then, next_ms=now_ms + STANDING_SUSPENDED_MS, cause=record.reason)
        notices += (_notice(record, then.value),)
    else:
        record = replace(record, next_ms=_next_ms(record, now_ms))
    state.standing_orders.put(record.id, record)
    _wait(state, record)
    return notices


def _bought(state: State, record: StandingOrder, seq: int, now_ms: UnixMs) -> Result:
    if record.wish.slot:
        slots.check_free(state, record.buyer, record.wish.slot)
    mandate = state.mandate(record.mandate_leaf) if record.mandate_leaf else None
    authority = Authority(owner=record.owner, mandate=mandate, now_ms=now_ms)
    wish = _purchase(state, record, now_ms)
    order = checked_order(state, record.buyer, wish, _digest(record), authority)
    order = replace(order, opened_seq=record.seq)
    return buy(state, order, authority, seq, signed_bytes=record.signed_bytes, cause=record.id)


def _purchase(state: State, record: StandingOrder, now_ms: UnixMs) -> Purchase:
    """The purchase of this occurrence, at today's price if that is not above the most (WRONG_TOTAL)."""
    wish = record.wish
    listing = state.offers.get(record.offer)
    if listing is None:
        raise Refusal(Code.UNKNOWN_OFFER, "no such offer on this node", "BUY-1")
    rate = state.tax_basis_points[listing.offer.tax_row]
    total_minor = price(listing.offer, wish.quantity_steps, rate).total_minor
    if (wish.currency, True) != (listing.offer.currency, total_minor <= wish.total_max_minor):
        payable = Money(total_minor, currency_of(listing.offer.currency))
        most = Money(wish.total_max_minor, currency_of(wish.currency))
        raise Refusal(Code.WRONG_TOTAL, f"payable is {payable}, at most {most} was wished for", "STO-2")
    return Purchase(
        key=derived_id(now_ms, b"occurrence", record.id, record.occurrences.to_bytes(8, "big")),
        offer=wish.offer,
        quantity_steps=wish.quantity_steps,
        currency=wish.currency,
        total_minor=total_minor,
        delivery=wish.delivery,
    )


def _digest(record: StandingOrder) -> Digest:
    """Stands for the body of an occurrence, which nobody signs by itself."""
    return digest(record.id + record.occurrences.to_bytes(8, "big"))


def _next_ms(record: StandingOrder, now_ms: UnixMs) -> int:
    """The next time of its calendar; times that passed while the node was down are not made up for."""
    interval_ms = record.wish.interval_ms
    return record.next_ms + interval_ms * max(1, (now_ms - record.next_ms) // interval_ms + 1)


def _ended(
    state: State, record: StandingOrder, *, seq: int, now_ms: UnixMs, cause: str, by: Role = Role.NODE
) -> tuple[Notice, ...]:
    """It buys no more; for a week it can still be read."""
    then = STANDING.after(record.state, "EndStandingOrder" if by is Role.BUYER else "NothingLeft", by)
    state.timers.cancel(record.next_ms, TimerKind.STANDING_ORDER, record.id)
    record = replace(
        record,
        state=then,
        changed_seq=seq,
        next_ms=now_ms + STANDING_KEPT_MS,
        cause=cause,
    )
    state.standing_orders.put(record.id, record)
    _wait(state, record)
    return (_notice(record, record.state.value),)


def _wait(state: State, record: StandingOrder) -> None:
    state.timers.set(record.next_ms, TimerKind.STANDING_ORDER, record.id)


def _notice(record: StandingOrder, word: str) -> Notice:
    return Notice(record.owner, NoticeKind.STANDING_ORDER, record.id, word)


def listed(state: State, reader: Reader, after_seq: int) -> tuple[StandingOrder, ...]:
    """Standing orders of an owner, or those of a thing itself, oldest first. [STO-8]"""
    timeline = state.calendar.of.get(reader.owner)
    orders = (state.standing_orders[name] for _, name in timeline.after(after_seq)) if timeline else ()
    own = (order for order in orders if reader.party in (order.owner, order.buyer))
    return tuple(islice(own, SEARCH_RESULTS_MAX))
