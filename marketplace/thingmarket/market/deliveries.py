"""What happens to a contract after it was made: steps of the seller, acceptance, deadlines."""

from dataclasses import replace

from thingmarket.contract.contract import Contract, FulfilmentEvent
from thingmarket.contract.fulfilment import FULFILMENT, FulfilmentState
from thingmarket.contract.orders import CONTRACT_ID_BYTES, AcceptDelivery, Fulfil, FulfilStep
from thingmarket.contract.units import Unit
from thingmarket.errors import Code, Refusal
from thingmarket.identity.mandates import Action
from thingmarket.ids import ContractId
from thingmarket.market import settling
from thingmarket.market.authority import Authority, permit
from thingmarket.market.contracts import contract_notices, ended, fails_ms, timer_of, wait_for_delivery
from thingmarket.market.entries import Command, Notice
from thingmarket.market.records import TimerKind
from thingmarket.market.result import Result
from thingmarket.market.state import State
from thingmarket.policy.acts import Act
from thingmarket.policy.decision import Decision
from thingmarket.time import UnixMs
from thingmarket.transitions import Role

MESSAGES = {FulfilStep.READY: "Ready", FulfilStep.DELIVERED: "Delivered", FulfilStep.FAILED: "Failed"}


def fulfil(state: State, command: Command, body: Fulfil, authority: Authority, seq: int) -> Result:
    """The seller reports a step. [FUL-2]"""
    contract, role = contract_of(state, command, body.contract, authority)
    decision = permit_for(state, contract, authority, Action.SELL)
    message, unit = MESSAGES[body.step], contract.unit(0)
    then = FULFILMENT.after(unit.fulfilment, message, role)
    event = FulfilmentEvent(
        state=then, seq=seq, time_ms=authority.now_ms, cause=message, facts=body.facts, unit=unit.number
    )
    return Result(reference=contract.id, decision=decision, notices=moved(state, contract, unit, event))


def accept(state: State, command: Command, body: AcceptDelivery, authority: Authority, seq: int) -> Result:
    """The buyer accepts; escrow is released. [FUL-3]"""
    contract, role = contract_of(state, command, body.contract, authority)
    decision = permit_for(state, contract, authority, Action.ACCEPT_DELIVERY)
    unit = contract.unit(0)
    then = FULFILMENT.after(unit.fulfilment, "AcceptDelivery", role)
    event = FulfilmentEvent(
        state=then, seq=seq, time_ms=authority.now_ms, cause="AcceptDelivery", unit=unit.number
    )
    return Result(reference=contract.id, decision=decision, notices=moved(state, contract, unit, event))


def deadline(state: State, kind: TimerKind, reference: bytes, seq: int, now_ms: UnixMs) -> tuple[Notice, ...]:
    """Nobody spoke in time: the table says what that means. [FUL-4]"""
    contract = state.contracts[ContractId(reference[:CONTRACT_ID_BYTES])]
    unit = contract.unit(reference[CONTRACT_ID_BYTES])
    then = FULFILMENT.after_silence(unit.fulfilment)
    cause = f"silence: {kind.name.lower()}"
    event = FulfilmentEvent(state=then, seq=seq, time_ms=now_ms, cause=cause, unit=unit.number)
    return moved(state, contract, unit, event)


def contract_of(state: State, command: Command, name: bytes, authority: Authority) -> tuple[Contract, Role]:
    """The contract of this name and the side that the sender is of (UNKNOWN_CONTRACT). [CON-3]"""
    contract: Contract | None = state.contracts.get(ContractId(name))
    role = contract.role_of(party=command.header.sender, owner=authority.owner) if contract else None
    if contract is None or role is None:
        # The same answer for both, so that strangers learn nothing.
        raise Refusal(Code.UNKNOWN_CONTRACT, "no such contract of this party", "CON-3")
    return contract, role


def permit_for(state: State, contract: Contract, authority: Authority, action: Action) -> Decision:
    """Whether the owner's rules let the sender do this to a contract."""
    category = state.offers[contract.offer].offer.category
    act = Act(action=action, time_ms=authority.now_ms, node=state.node, category=category, follows=True)
    return permit(state, authority, act)


def moved(
    state: State, contract: Contract, unit: Unit, event: FulfilmentEvent, *, fee_minor: int = 0
) -> tuple[Notice, ...]:
    """A unit takes a step; when it is final its money moves, in the same entry."""
    stop_waiting(state, contract, unit)
    now_ms = UnixMs(event.time_ms)
    unit = replace(unit, fulfilment=event.state)
    if event.state is FulfilmentState.DELIVERED:
        unit = replace(unit, delivered_ms=now_ms, inspect_by_ms=now_ms + contract.inspection_ms)
    contract = replace(contract.with_unit(unit), changed_seq=event.seq, history=(*contract.history, event))
    notices: tuple[Notice, ...] = ()
    if event.state is FulfilmentState.ACCEPTED:
        contract, notices = settling.release(state, contract, unit, seq=event.seq, now_ms=now_ms)
    elif unit.final:
        contract, notices = settling.refund(
            state, contract, unit, seq=event.seq, now_ms=now_ms, fee_minor=fee_minor
        )
    elif event.state is FulfilmentState.DELIVERED:
        state.timers.set(unit.inspect_by_ms, TimerKind.INSPECTION, timer_of(contract, unit))
    else:
        wait_for_delivery(state, contract, unit)
    contract, more = ended(state, contract, now_ms)
    state.contracts.put(contract.id, contract)
    return contract_notices(contract) + notices + more


def stop_waiting(state: State, contract: Contract, unit: Unit) -> None:
    """Close whichever deadline a unit has open."""
    reference = timer_of(contract, unit)
    state.timers.cancel(fails_ms(state, contract, unit), TimerKind.DELIVERY, reference)
    state.timers.cancel(unit.inspect_by_ms, TimerKind.INSPECTION, reference)
