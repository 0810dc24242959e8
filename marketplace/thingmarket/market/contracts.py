"""The contract of a purchase: made, its goods and money held, its sides told, ended. [CON-1]"""

from dataclasses import dataclass
from typing import Final

from thingmarket.catalog.pricing import Price
from thingmarket.catalog.terms import SettlementKind
from thingmarket.contract.contract import CONTRACT, Contract, ContractState, FulfilmentEvent
from thingmarket.contract.fulfilment import FULFILMENT, FulfilmentState
from thingmarket.contract.orders import Purchase
from thingmarket.contract.units import Unit, units_of
from thingmarket.errors import LEDGER_STATUS_BASE, Code, Refusal
from thingmarket.ids import ContractId, Digest, PartyId, derived_id
from thingmarket.limits import CONTRACTS_MAX, LEDGER_AMOUNT_MAX
from thingmarket.market import budgets, points, settling, slots
from thingmarket.market.authority import Authority
from thingmarket.market.entries import Notice, NoticeKind
from thingmarket.market.escrows import ROWS_MAX, escrow_accounts, portion
from thingmarket.market.listings import end_need, reopen_need
from thingmarket.market.promised import offer_of
from thingmarket.market.records import ListingState, NeedRecord, OfferRecord, TimerKind
from thingmarket.market.state import State
from thingmarket.negotiation.dialogue import NEGOTIATION, NegotiationState
from thingmarket.settlement.accounts import AccountKind
from thingmarket.settlement.transfers import Status
from thingmarket.time import UnixMs
from thingmarket.transitions import Role
from thingmarket.values import changed, quick

STARTED: Final = CONTRACT.after(CONTRACT.start, "Start", Role.NODE)
"""A contract that nobody may cancel for nothing."""


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A purchase with everything that it refers to, checked against the catalogue."""

    purchase: Purchase
    body_digest: Digest
    buyer: PartyId
    listing: OfferRecord
    price: Price
    need: NeedRecord | None
    opened_seq: int = 0


def make(
    state: State, order: Order, authority: Authority, seq: int, cause: bytes = b""
) -> tuple[Contract, tuple[Notice, ...]]:
    """Hold goods and money and make the contract. `cause` tells apart what one entry makes."""
    if len(state.contracts) >= CONTRACTS_MAX:
        raise Refusal(Code.FULL, f"this node holds {CONTRACTS_MAX} contracts already")
    contract = _contract(state, order, authority, seq, cause)
    _check_guards(state, contract)
    notices: tuple[Notice, ...] = ()
    if order.need is not None:
        state.contracts.put(contract.id, contract)  # who looks at the end of a need looks at what filled it
        notices = (
            end_need(state, Digest(order.purchase.need), ListingState.FILLED, authority.now_ms, contract.id),
        )
    if order.listing.offer.terms.settlement is SettlementKind.DVP:
        contract, more = _exchanged(state, contract, authority.now_ms)
        notices += more
    else:
        hold(state, contract)
        _wait(state, contract)
    points.redeem(state, contract)
    state.contracts.put(contract.id, contract)
    return contract, contract_notices(contract) + notices


def _contract(state: State, order: Order, authority: Authority, seq: int, cause: bytes) -> Contract:
    agreed = NEGOTIATION.after(NEGOTIATION.start, "Verify", Role.BUYER)
    finalized = NEGOTIATION.after(agreed, "Finalize", Role.NODE)
    assert finalized is NegotiationState.FINALIZED, "a purchase is finalized in its own entry"
    now_ms, offer = authority.now_ms, order.listing.offer
    planned = FulfilmentEvent(state=FULFILMENT.start, seq=seq, time_ms=now_ms, cause="Purchase")
    return Contract(
        id=ContractId(derived_id(now_ms, b"contract", state.network_id, seq.to_bytes(8, "big") + cause)),
        state=CONTRACT.start if offer.terms.cancel_window_ms else STARTED,
        buyer=order.buyer,
        buyer_owner=authority.owner,
        seller=order.listing.seller,
        seller_owner=order.listing.seller_owner,
        offer=Digest(order.purchase.offer),
        quantity_steps=order.purchase.quantity_steps,
        currency=offer.currency,
        net_minor=order.price.net_minor,
        tax_minor=order.price.tax_minor,
        total_minor=order.price.total_minor,
        created_ms=now_ms,
        inspection_ms=offer.inspection_ms,
        seq=seq,
        changed_seq=seq,
        units=units_of(
            offer, order.price, order.purchase.quantity_steps, now_ms, points=order.purchase.points
        ),
        mandate_leaf=authority.mandate.leaf if authority.mandate else b"",
        need=order.purchase.need,
        announcer=order.need.announcer if order.need else "",
        choice=order.purchase.choice,
        sealed=tuple(sealed.commitment for sealed in order.purchase.delivery),
        history=(planned,),
        opened_seq=order.opened_seq,
    )


def _check_guards(state: State, contract: Contract) -> None:
    """Refuse what the ledger would refuse, in words, before anything moves."""
    ledger, listing = state.ledger, state.offers[contract.offer]
    stock = ledger.balance(listing.stock_account)
    if stock.free < contract.quantity_steps:
        raise Refusal(Code.OUT_OF_STOCK, f"{stock.free} steps are left", "BUY-5")
    wallet = state.wallet(contract.buyer_owner, contract.currency)
    if wallet is None or wallet.free < contract.total_minor:
        raise Refusal(
            LEDGER_STATUS_BASE + Status.EXCEEDS_CREDITS, "the owner's wallet holds too little", "BUY-5"
        )
    _check_columns(state, contract)
    ledger.check_room(ROWS_MAX)


def _check_columns(state: State, contract: Contract) -> None:
    # Columns only ever grow; below 2^62 whatever is open can still be paid out within 2^63.
    for owner in (contract.buyer_owner, contract.seller_owner):
        wallet = state.wallet(owner, contract.currency)
        if wallet is not None and wallet.credits_posted + contract.total_minor > LEDGER_AMOUNT_MAX:
            raise Refusal(Code.OUT_OF_RANGE, "a wallet's turnover would pass 2^62 minor units", "SET-6")
    goods = state.ledger.find(
        owner=state.party(contract.buyer_owner).number,
        ledger=state.offers[contract.offer].goods_ledger,
        kind=AccountKind.GOODS,
    )
    held = state.ledger.balance(goods) if goods else None
    if held and held.credits_posted + held.credits_pending + contract.quantity_steps > LEDGER_AMOUNT_MAX:
        raise Refusal(Code.OUT_OF_RANGE, "the goods ever bought would pass 2^62 steps", "SET-6")
    settling.check_columns(state, contract)


def hold(state: State, contract: Contract) -> None:
    """Set aside the goods of a contract and put its money into escrow; the guards were asked before."""
    chain = escrow_accounts(state, contract).fund([portion(unit) for unit in contract.units])
    statuses = state.ledger.submit(chain, contract.created_ms)
    assert not any(statuses), f"the guards were asked before, yet {list(statuses)}"


def _exchanged(state: State, contract: Contract, now_ms: UnixMs) -> tuple[Contract, tuple[Notice, ...]]:
    """Delivery versus payment: goods and money change hands in this entry, and it is over. [CON-8]"""
    (planned,) = contract.units
    state_now = FULFILMENT.after(planned.fulfilment, "Exchange", Role.NODE)
    unit = changed(planned, fulfilment=state_now, delivered_ms=now_ms)
    event = FulfilmentEvent(
        state=state_now, seq=contract.seq, time_ms=now_ms, cause="Exchange", unit=unit.number
    )
    contract = changed(contract.with_unit(unit), history=(*contract.history, event))
    contract = settling.exchange(state, contract, unit, seq=contract.seq, now_ms=now_ms)
    return ended(state, contract, now_ms)


def _wait(state: State, contract: Contract) -> None:
    """Open the deadlines of a contract that was just made."""
    for unit in contract.units:
        wait_for_delivery(state, contract, unit)
    if contract.state is ContractState.PENDING:
        state.timers.set(starts_ms(state, contract), TimerKind.START, contract.id)


def starts_ms(state: State, contract: Contract) -> int:
    """When the time to cancel for nothing is over, Unix milliseconds. [CAN-1]"""
    return contract.created_ms + offer_of(state, contract).terms.cancel_window_ms


def start(state: State, name: bytes, seq: int) -> tuple[Notice, ...]:
    """Nobody cancelled in time: the seller may begin. [CAN-1]"""
    contract = state.contracts[ContractId(name)]
    contract = changed(contract, state=CONTRACT.after_silence(contract.state), changed_seq=seq)
    state.contracts.put(contract.id, contract)
    return contract_notices(contract)


def timer_of(contract: Contract, unit: Unit) -> bytes:
    """What the deadlines of a unit refer to: the contract and, in one byte, the unit."""
    return contract.id + bytes((unit.number,))


def wait_for_delivery(state: State, contract: Contract, unit: Unit) -> None:
    """Open the deadline of a unit that has to be delivered. [FUL-4]"""
    state.timers.set(fails_ms(state, contract, unit), TimerKind.DELIVERY, timer_of(contract, unit))


def fails_ms(state: State, contract: Contract, unit: Unit) -> int:
    """When a unit that was not delivered has failed: its grace is over. Unix milliseconds."""
    return unit.deliver_by_ms + offer_of(state, contract).terms.grace_ms


def ended(state: State, contract: Contract, now_ms: UnixMs) -> tuple[Contract, tuple[Notice, ...]]:
    """When every unit is final, the contract is; its order is closed and an unfilled need open. [CON-2]"""
    if not contract.over:
        return contract, ()
    if contract.state is ContractState.PENDING:
        state.timers.cancel(starts_ms(state, contract), TimerKind.START, contract.id)
    delivered = any(unit.fulfilment is FulfilmentState.ACCEPTED for unit in contract.units)
    message = "AllFinal" if delivered else "NothingDelivered"
    contract = changed(contract, state=CONTRACT.after(contract.state, message, Role.NODE))
    budgets.close(state, contract)
    slots.completed(state, contract, now_ms)
    if contract.need and contract.state is ContractState.CANCELLED:
        return contract, (reopen_need(state, Digest(contract.need), now_ms),)
    return contract, ()


def contract_notices(contract: Contract) -> tuple[Notice, ...]:
    """Tell both sides what a contract has come to."""
    state = contract.fulfilment.value
    return tuple(
        Notice(owner, NoticeKind.CONTRACT, contract.id, state)
        for owner in (contract.buyer_owner, contract.seller_owner)
    )
