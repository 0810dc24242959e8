"""What happens to a contract after it was made: steps of the seller, acceptance, deadlines."""

from dataclasses import replace

from thingmarket.contract.contract import Contract, FulfilmentEvent
from thingmarket.contract.fulfilment import FULFILMENT, FulfilmentState
from thingmarket.contract.orders import AcceptDelivery, Fulfil, FulfilStep
from thingmarket.errors import Code, Refusal
from thingmarket.identity.mandates import Action
from thingmarket.ids import ContractId, Digest
from thingmarket.market.authority import Authority, permit
from thingmarket.market.contracts import contract_notices
from thingmarket.market.entries import Command, Notice
from thingmarket.market.listings import reopen_need
from thingmarket.market.records import TimerKind
from thingmarket.market.result import Result
from thingmarket.market.settling import settle
from thingmarket.market.state import State
from thingmarket.policy.acts import Act
from thingmarket.policy.decision import Decision
from thingmarket.settlement.escrow import EscrowState
from thingmarket.time import UnixMs
from thingmarket.transitions import Role

MESSAGES = {FulfilStep.READY: "Ready", FulfilStep.DELIVERED: "Delivered", FulfilStep.FAILED: "Failed"}


def fulfil(state: State, command: Command, body: Fulfil, authority: Authority, seq: int) -> Result:
    """The seller reports a step. [FUL-2]"""
    contract, role = _contract(state, command, body.contract, authority)
    decision = _permit(state, contract, authority, Action.SELL)
    message = MESSAGES[body.step]
    then = FULFILMENT.after(contract.fulfilment, message, role)
    event = FulfilmentEvent(state=then, seq=seq, time_ms=authority.now_ms, cause=message, facts=body.facts)
    notices = _move(state, contract, event)
    return Result(reference=contract.id, decision=decision, notices=notices)


def accept(state: State, command: Command, body: AcceptDelivery, authority: Authority, seq: int) -> Result:
    """The buyer accepts; escrow is released. [FUL-3]"""
    contract, role = _contract(state, command, body.contract, authority)
    decision = _permit(state, contract, authority, Action.ACCEPT_DELIVERY)
    then = FULFILMENT.after(contract.fulfilment, "AcceptDelivery", role)
    event = FulfilmentEvent(state=then, seq=seq, time_ms=authority.now_ms, cause="AcceptDelivery")
    notices = _move(state, contract, event)
    return Result(reference=contract.id, decision=decision, notices=notices)


def deadline(
    state: State, kind: TimerKind, contract_id: bytes, seq: int, now_ms: UnixMs
) -> tuple[Notice, ...]:
    """Nobody spoke in time: the table says what that means. [FUL-4]"""
    contract = state.contracts[ContractId(contract_id)]
    then = FULFILMENT.after_silence(contract.fulfilment)
    event = FulfilmentEvent(state=then, seq=seq, time_ms=now_ms, cause=f"silence: {kind.name.lower()}")
    return _move(state, contract, event)


def _contract(state: State, command: Command, name: bytes, authority: Authority) -> tuple[Contract, Role]:
    contract: Contract | None = state.contracts.get(ContractId(name))
    role = contract.role_of(party=command.header.sender, owner=authority.owner) if contract else None
    if contract is None or role is None:
        # The same answer for both, so that strangers learn nothing.
        raise Refusal(Code.UNKNOWN_CONTRACT, "no such contract of this party", "CON-3")
    return contract, role


def _permit(state: State, contract: Contract, authority: Authority, action: Action) -> Decision:
    category = state.offers[contract.offer].offer.category
    return permit(
        state, authority, Act(action=action, time_ms=authority.now_ms, node=state.node, category=category)
    )


def _move(state: State, contract: Contract, event: FulfilmentEvent) -> tuple[Notice, ...]:
    moved = replace(
        contract, fulfilment=event.state, changed_seq=event.seq, history=(*contract.history, event)
    )
    state.timers.cancel(contract.deliver_by_ms, TimerKind.DELIVERY, contract.id)
    state.timers.cancel(contract.inspect_by_ms, TimerKind.INSPECTION, contract.id)
    notices: tuple[Notice, ...] = ()
    if FULFILMENT.is_final(event.state):
        moved, notices = settle(state, moved)
        if contract.need and moved.escrow is EscrowState.REFUNDED:
            notices += (reopen_need(state, Digest(contract.need), UnixMs(event.time_ms)),)
    elif event.state is FulfilmentState.DELIVERED:
        moved = replace(moved, inspect_by_ms=event.time_ms + contract.inspection_ms)
        state.timers.set(moved.inspect_by_ms, TimerKind.INSPECTION, contract.id)
    else:
        state.timers.set(contract.deliver_by_ms, TimerKind.DELIVERY, contract.id)
    state.contracts.put(contract.id, moved)
    return contract_notices(moved) + notices
