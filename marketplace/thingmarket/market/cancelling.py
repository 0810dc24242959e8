"""Cancelling what was not delivered, at the price that the offer named; and asking for that price. [CAN-2]"""

from collections.abc import Sequence

from thingmarket.catalog.offers import check_quantity
from thingmarket.catalog.pricing import price
from thingmarket.catalog.terms import SettlementKind, Terms
from thingmarket.contract.cancelling import CANCELLABLE, Cancel, fee_of_all, fees, unit_fee
from thingmarket.contract.contract import ContractState, FulfilmentEvent
from thingmarket.contract.fulfilment import FULFILMENT
from thingmarket.contract.units import Unit, units_of
from thingmarket.errors import Code, Refusal
from thingmarket.identity.mandates import Action
from thingmarket.ids import ContractId, Digest
from thingmarket.market.authority import Authority
from thingmarket.market.contracts import starts_ms
from thingmarket.market.deliveries import contract_of, permit_for, settled, stepped
from thingmarket.market.entries import Command
from thingmarket.market.indexes import Reader
from thingmarket.market.promised import offer_of
from thingmarket.market.result import Result
from thingmarket.market.state import State
from thingmarket.market.views import CancelPreview, StatePrice
from thingmarket.money import Money, currency_of
from thingmarket.transitions import Role


def cancel(state: State, command: Command, body: Cancel, authority: Authority, seq: int) -> Result:
    """End every unit that was not delivered; its fee goes to the seller, the rest back to the buyer."""
    contract, role = contract_of(state, command, body.contract, authority)
    decision = permit_for(state, contract, authority, Action.CANCEL)
    if role is not Role.BUYER:
        raise Refusal(Code.NOT_PERMITTED, "the buyer cancels; a seller reports FAILED", "CAN-2")
    due = fees(offer_of(state, contract).terms, contract, authority.now_ms)
    fee_minor = sum(each.fee_minor for each in due)
    if fee_minor > body.max_fee_minor:
        fee, most = (Money(each, currency_of(contract.currency)) for each in (fee_minor, body.max_fee_minor))
        raise Refusal(Code.FEE_TOO_HIGH, f"cancelling costs {fee}, more than {most}", "CAN-2")
    for each in due:
        unit = contract.unit(each.unit)
        event = FulfilmentEvent(
            state=FULFILMENT.after(unit.fulfilment, "Cancel", role),
            seq=seq,
            time_ms=authority.now_ms,
            cause="Cancel",
            unit=unit.number,
        )
        contract = stepped(state, contract, unit, event, fee_minor=each.fee_minor)
    notices = settled(state, contract, authority.now_ms)
    return Result(reference=contract.id, decision=decision, notices=notices)


def preview(
    state: State, reader: Reader, contract: bytes, offer: bytes, quantity_steps: int
) -> CancelPreview:
    """What cancelling costs: of a contract, or of what an offer would come to (BAD_FIELD for both)."""
    if bool(contract) == bool(offer):
        raise Refusal(Code.BAD_FIELD, "name a contract, or an offer and a quantity", "CAN-5")
    if contract:
        return preview_contract(state, reader, contract)
    return preview_offer(state, offer, quantity_steps)


def preview_offer(state: State, digest: bytes, quantity_steps: int) -> CancelPreview:
    """What cancelling a purchase made now would cost (UNKNOWN_OFFER, WRONG_QUANTITY). [CAN-5]"""
    record = state.offers.get(Digest(digest))
    if record is None:
        raise Refusal(Code.UNKNOWN_OFFER, "no such offer on this node", "CAN-5")
    offer, now_ms = record.offer, state.time_ms
    check_quantity(offer, quantity_steps)
    cost = price(offer, quantity_steps, state.tax_basis_points[offer.tax_row])
    units, window_ms = units_of(offer, cost, quantity_steps, now_ms), offer.terms.cancel_window_ms
    if offer.terms.settlement is SettlementKind.DVP:
        units = ()
    return CancelPreview(
        currency=offer.currency,
        total_minor=sum(unit.total_minor for unit in units),
        by_state=_by_state(offer.terms, units),
        free_until_ms=now_ms + window_ms if window_ms else 0,
        now_minor=0 if window_ms else _by_state(offer.terms, units)[0].fee_minor,
    )


def preview_contract(state: State, reader: Reader, name: bytes) -> CancelPreview:
    """What cancelling a contract costs now (UNKNOWN_CONTRACT for who is no side of it). [CAN-5]"""
    contract = state.contracts.get(ContractId(name))
    if contract is None or reader not in state.indexes.readers_of(contract):
        raise Refusal(Code.UNKNOWN_CONTRACT, "no such contract of this party", "CON-3")
    terms = offer_of(state, contract).terms
    units = [unit for unit in contract.units if unit.fulfilment in CANCELLABLE]
    due = [unit_fee(terms, contract, unit, state.time_ms) for unit in units]
    known = [fee for fee in due if fee is not None]
    pending = contract.state is ContractState.PENDING
    return CancelPreview(
        currency=contract.currency,
        total_minor=sum(unit.total_minor for unit in units),
        by_state=_by_state(terms, units),
        free_until_ms=starts_ms(state, contract) if pending else 0,
        now_minor=sum(known) if units and len(known) == len(due) else None,
    )


def _by_state(terms: Terms, units: Sequence[Unit]) -> tuple[StatePrice, ...]:
    return tuple(
        StatePrice(state=each.value, fee_minor=fee_of_all(terms, units, each) if units else None)
        for each in CANCELLABLE
    )
