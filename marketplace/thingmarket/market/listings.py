"""Entries about offers and needs: publish, announce, withdraw, expire."""

from dataclasses import replace

from thingmarket.catalog.needs import Need, WithdrawNeed, check_need_times
from thingmarket.catalog.offers import Offer, WithdrawOffer, check_offer_times
from thingmarket.errors import Code, Refusal
from thingmarket.identity.mandates import Action
from thingmarket.ids import Digest, PartyId
from thingmarket.limits import (
    LEDGER_AMOUNT_MAX,
    NEEDS_KEPT_PER_THING_MAX,
    NEEDS_MAX,
    NEEDS_PER_OWNER_MAX,
    OFFERS_MAX,
    OFFERS_PER_OWNER_MAX,
)
from thingmarket.market import settling, slots
from thingmarket.market.authority import Authority, permit
from thingmarket.market.entries import Command, Notice, NoticeKind
from thingmarket.market.escrows import GUARDED
from thingmarket.market.forgetting import forget_need, forget_offer
from thingmarket.market.records import ListingState, NeedRecord, OfferRecord, TimerKind
from thingmarket.market.result import Result
from thingmarket.market.shadow import need_ended
from thingmarket.market.state import State
from thingmarket.money import currency_of
from thingmarket.policy.acts import Act
from thingmarket.settlement.accounts import AccountKind, AccountNumber
from thingmarket.settlement.escrow import TransferCode, derived_id_of
from thingmarket.settlement.transfers import Status, Transfer
from thingmarket.time import UnixMs

GOODS_LEDGERS_FROM = 2**32  # below are the ISO numbers of currencies


def publish(state: State, command: Command, offer: Offer, authority: Authority, seq: int) -> Result:
    """Put a firm promise into the catalogue and its stock into the goods ledger. [CAT-8]"""
    now_ms = authority.now_ms
    check_offer_times(offer, now_ms)
    if offer.currency not in state.currencies:
        raise Refusal(Code.UNKNOWN_CURRENCY, f"this node has no ledger for {offer.currency}")
    if offer.tax_row not in state.tax_basis_points:
        known = ", ".join(sorted(state.tax_basis_points))
        raise Refusal(Code.UNKNOWN_TAX_CATEGORY, f"tax {offer.tax_row}; known: {known}")
    decision = permit(state, authority, _act(state, authority, Action.SELL, offer.category))
    if state.indexes.offers_live_of.get(authority.owner, 0) >= OFFERS_PER_OWNER_MAX:
        raise Refusal(Code.FULL, "too many live offers; withdraw some first", "CAT-8")
    if len(state.offers) >= OFFERS_MAX:
        raise Refusal(Code.FULL, "this node is full of offers; what ended goes within days", "CAT-21")
    if _declared(state, authority.owner, offer.product_id) + offer.stock_steps > LEDGER_AMOUNT_MAX:
        raise Refusal(Code.OUT_OF_RANGE, "the stock ever declared of this product passes 2^62 steps")
    digest = command.body_digest
    if digest in state.offers:
        raise Refusal(Code.ALREADY_KNOWN, "this very offer was published already")
    _open(state, command, offer, authority, seq)
    notice = Notice(authority.owner, NoticeKind.OFFER, digest, ListingState.LIVE.value)
    return Result(reference=digest, decision=decision, notices=(notice,))


def _open(state: State, command: Command, offer: Offer, authority: Authority, seq: int) -> None:
    digest = command.body_digest
    goods_ledger, stock = _stocked(state, digest, offer, authority)
    record = OfferRecord(
        offer=offer,
        seller=command.header.sender,
        seller_owner=authority.owner,
        mandate_leaf=command.header.mandate_leaf,
        state=ListingState.LIVE,
        goods_ledger=goods_ledger,
        stock_account=stock,
        seq=seq,
        signed_bytes=command.signed_bytes,
    )
    if state.charges.reserve_basis_points:
        settling.reserve_account(state, authority.owner, currency_of(offer.currency).ledger)
    state.offers.put(digest, record)
    state.timers.set(offer.valid_until_ms, TimerKind.OFFER, digest)


def _stocked(state: State, digest: Digest, offer: Offer, authority: Authority) -> tuple[int, AccountNumber]:
    """Declare the stock of an offer: the ledger of its product, and the account that it is on."""
    declaration = derived_id_of(digest, authority.now_ms, TransferCode.STOCK)
    state.ledger.check_room(3)
    state.ledger.check_unused(declaration)
    goods_ledger = state.goods_ledgers.get(offer.product_id)
    if goods_ledger is None:
        goods_ledger = GOODS_LEDGERS_FROM + len(state.goods_ledgers)
        state.goods_ledgers.put(offer.product_id, goods_ledger)
    number = state.party(authority.owner).number
    origin = state.ledger.open(owner=number, ledger=goods_ledger, kind=AccountKind.GOODS_ORIGIN)
    stock = state.ledger.open(
        owner=number, ledger=goods_ledger, kind=AccountKind.GOODS, reference=digest, flags=GUARDED
    )
    declared = Transfer(
        id=declaration,
        debit=origin,
        credit=stock,
        amount=offer.stock_steps,
        ledger=goods_ledger,
        code=TransferCode.STOCK,
    )
    status = state.ledger.submit(declared.pack(), authority.now_ms)[0]
    assert status == Status.CREATED, f"a first declaration of stock is always possible, not {status}"
    return goods_ledger, stock


def _declared(state: State, owner: PartyId, product_id: str) -> int:
    ledger = state.goods_ledgers.get(product_id)
    number = state.party(owner).number
    origin = ledger and state.ledger.find(owner=number, ledger=ledger, kind=AccountKind.GOODS_ORIGIN)
    return state.ledger.balance(origin).debits_posted if origin else 0


def withdraw_offer(state: State, command: Command, body: WithdrawOffer, authority: Authority) -> Result:
    """End an offer; contracts made from it stand. [CAT-2]"""
    digest = Digest(body.offer)
    record = state.offers.get(digest)
    if record is None:
        raise Refusal(Code.UNKNOWN_OFFER, "no such offer")
    _check_own(authority, command.header.sender, owner=record.seller_owner, maker=record.seller)
    decision = permit(state, authority, _act(state, authority, Action.SELL, record.offer.category))
    if record.state is not ListingState.LIVE:
        raise Refusal(Code.OFFER_ENDED, f"the offer is {record.state.value}")
    return Result(
        decision=decision, notices=(end_offer(state, digest, ListingState.WITHDRAWN, authority.now_ms),)
    )


def end_offer(state: State, digest: Digest, how: ListingState, now_ms: UnixMs) -> Notice:
    """End a live offer, whatever the cause."""
    record = state.offers[digest]
    state.offers.put(digest, replace(record, state=how))
    state.timers.cancel(record.offer.valid_until_ms, TimerKind.OFFER, digest)
    state.keep_for_now(TimerKind.OFFER, digest, now_ms)
    return Notice(record.seller_owner, NoticeKind.OFFER, digest, how.value)


def offer_due(state: State, digest: Digest, now_ms: UnixMs) -> tuple[Notice, ...]:
    """The time of an offer is over; or the time for which one that ended is kept."""
    if state.offers[digest].state is ListingState.LIVE:
        return (end_offer(state, digest, ListingState.EXPIRED, now_ms),)
    forget_offer(state, digest, now_ms)
    return ()


def announce(state: State, command: Command, need: Need, authority: Authority, seq: int) -> Result:
    """Say what a thing needs; at most one contract fills it. [CAT-3]"""
    check_need_times(need, authority.now_ms)
    decision = permit(state, authority, _act(state, authority, Action.ANNOUNCE, need.category))
    if state.indexes.needs_live_of.get(authority.owner, 0) >= NEEDS_PER_OWNER_MAX:
        raise Refusal(Code.FULL, "too many open needs; withdraw some first", "CAT-3")
    if state.indexes.needs_kept_of.get(command.header.sender, 0) >= NEEDS_KEPT_PER_THING_MAX:
        reason = "too many needs of this thing came to nothing; they are forgotten within days"
        raise Refusal(Code.FULL, reason, "CAT-21")
    if len(state.needs) >= NEEDS_MAX:
        raise Refusal(Code.FULL, "this node is full of needs; what ended goes within days", "CAT-21")
    digest = command.body_digest
    if digest in state.needs:
        raise Refusal(Code.ALREADY_KNOWN, "this very need was announced already")
    if need.slot:
        slots.check_free(state, command.header.sender, need.slot)
    record = NeedRecord(
        need=need,
        announcer=command.header.sender,
        owner=authority.owner,
        state=ListingState.LIVE,
        seq=seq,
        signed_bytes=command.signed_bytes,
    )
    state.needs.put(digest, record)
    slots.take(state, digest, record)
    state.timers.set(need.valid_until_ms, TimerKind.NEED, digest)
    return Result(reference=digest, decision=decision, notices=(need_notice(digest, record),))


def withdraw_need(state: State, command: Command, body: WithdrawNeed, authority: Authority) -> Result:
    """End a need that is still open."""
    digest = Digest(body.need)
    record = state.needs.get(digest)
    if record is None:
        raise Refusal(Code.UNKNOWN_NEED, "no such need")
    _check_own(authority, command.header.sender, owner=record.owner, maker=record.announcer)
    decision = permit(state, authority, _act(state, authority, Action.ANNOUNCE, record.need.category))
    if record.state is not ListingState.LIVE:
        raise Refusal(Code.NEED_ENDED, f"the need is {record.word}")
    return Result(
        decision=decision, notices=(end_need(state, digest, ListingState.WITHDRAWN, authority.now_ms),)
    )


def end_need(
    state: State, digest: Digest, how: ListingState, now_ms: UnixMs, contract: bytes = b""
) -> Notice:
    """End an open need, whatever the cause."""
    record = replace(state.needs[digest], state=how, contract=contract)
    state.needs.put(digest, record)
    need_ended(state, digest, contract)
    state.timers.cancel(record.need.valid_until_ms, TimerKind.NEED, digest)
    if not contract:
        slots.leave(state, record)
        state.keep_for_now(TimerKind.NEED, digest, now_ms)
    return need_notice(digest, record)


def need_due(state: State, digest: Digest, now_ms: UnixMs) -> tuple[Notice, ...]:
    """The time of a need is over; or the time for which one that ended is kept."""
    if state.needs[digest].state is ListingState.LIVE:
        return (end_need(state, digest, ListingState.EXPIRED, now_ms),)
    forget_need(state, digest)
    return ()


def reopen_need(state: State, digest: Digest, now_ms: UnixMs) -> Notice:
    """The contract that filled a need failed: it is open again, if its time is not over. [CAT-3]"""
    record = state.needs[digest]
    over = record.need.valid_until_ms <= now_ms
    record = replace(record, state=ListingState.EXPIRED if over else ListingState.LIVE, contract=b"")
    state.needs.put(digest, record)
    if over:
        slots.leave(state, record)
        state.keep_for_now(TimerKind.NEED, digest, now_ms)
    else:
        state.timers.set(record.need.valid_until_ms, TimerKind.NEED, digest)
    return need_notice(digest, record)


def need_notice(digest: Digest, record: NeedRecord) -> Notice:
    """Tell the owner what his need came to."""
    return Notice(record.owner, NoticeKind.NEED, digest, record.word)


def _act(state: State, authority: Authority, action: Action, category: str) -> Act:
    return Act(action=action, time_ms=authority.now_ms, node=state.node, category=category)


def _check_own(authority: Authority, sender: PartyId, *, owner: PartyId, maker: PartyId) -> None:
    if authority.owner != owner or sender not in (owner, maker):
        raise Refusal(Code.NOT_PERMITTED, "only who made it, or the owner, may end it")
