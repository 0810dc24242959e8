"""What happens to a contract after it was made: steps of the seller, acceptance, deadlines."""

from thingmarket.catalog.terms import Terms
from thingmarket.contract.contract import Contract, ContractState, FulfilmentEvent
from thingmarket.contract.fulfilment import FULFILMENT, FulfilmentState
from thingmarket.contract.orders import AcceptDelivery, Fulfil, FulfilStep
from thingmarket.contract.units import Unit, divided
from thingmarket.errors import Code, Refusal
from thingmarket.identity.mandates import Action
from thingmarket.ids import CONTRACT_ID_BYTES, ContractId
from thingmarket.limits import DAY_MS, FACTS_OF_CONTRACT_MAX, UNITS_MAX
from thingmarket.market import settling
from thingmarket.market.authority import Authority, permit
from thingmarket.market.contracts import contract_notices, ended, fails_ms, timer_of, wait_for_delivery
from thingmarket.market.entries import Command, Notice
from thingmarket.market.escrows import escrow_accounts, portion
from thingmarket.market.promised import offer_of
from thingmarket.market.records import TimerKind
from thingmarket.market.result import Result
from thingmarket.market.state import State
from thingmarket.policy.acts import Act
from thingmarket.policy.decision import Decision, Fact
from thingmarket.proportions import WHOLE_BASIS_POINTS
from thingmarket.time import UnixMs
from thingmarket.transitions import Role
from thingmarket.values import changed

MESSAGES = {FulfilStep.READY: "Ready", FulfilStep.DELIVERED: "Delivered", FulfilStep.FAILED: "Failed"}


def fulfil(state: State, command: Command, body: Fulfil, authority: Authority, seq: int) -> Result:
    """The seller reports a step of a unit, or the delivery of a part of it. [FUL-2]"""
    contract, role = contract_of(state, command, body.contract, authority)
    decision = permit_for(state, contract, authority, Action.SELL)
    unit = contract.unit(body.unit)
    then = FULFILMENT.after(unit.fulfilment, MESSAGES[body.step], role)
    if contract.state is ContractState.PENDING and body.step is not FulfilStep.FAILED:
        raise Refusal(Code.WRONG_STATE, "the buyer may still cancel for nothing: do not begin", "CAN-1")
    _check_room(contract, body.facts)
    if body.part_steps > unit.quantity_steps:
        raise Refusal(Code.WRONG_QUANTITY, f"unit {unit.number} has {unit.quantity_steps} steps", "FUL-6")
    if 0 < body.part_steps < unit.quantity_steps:
        contract = _divided(state, contract, unit, body.part_steps, authority.now_ms)
        unit = contract.unit(unit.number)
    event = FulfilmentEvent(
        state=then,
        seq=seq,
        time_ms=authority.now_ms,
        cause=MESSAGES[body.step],
        facts=body.facts,
        unit=unit.number,
    )
    return Result(reference=contract.id, decision=decision, notices=_moved(state, contract, unit, event))


def accept(state: State, command: Command, body: AcceptDelivery, authority: Authority, seq: int) -> Result:
    """The buyer accepts a unit, and may say what he measured; escrow is released. [FUL-3]"""
    contract, role = contract_of(state, command, body.contract, authority)
    decision = permit_for(state, contract, authority, Action.ACCEPT_DELIVERY)
    unit = contract.unit(body.unit) if body.unit else _delivered_first(contract)
    then = FULFILMENT.after(unit.fulfilment, "AcceptDelivery", role)
    _check_room(contract, body.facts)
    event = FulfilmentEvent(
        state=then,
        seq=seq,
        time_ms=authority.now_ms,
        cause="AcceptDelivery",
        facts=body.facts,
        unit=unit.number,
    )
    return Result(reference=contract.id, decision=decision, notices=_moved(state, contract, unit, event))


def deadline(state: State, kind: TimerKind, reference: bytes, seq: int, now_ms: UnixMs) -> tuple[Notice, ...]:
    """Nobody spoke in time: the table says what that means. [FUL-4]"""
    contract = state.contracts[ContractId(reference[:CONTRACT_ID_BYTES])]
    unit = contract.unit(reference[CONTRACT_ID_BYTES])
    then = FULFILMENT.after_silence(unit.fulfilment)
    cause = f"silence: {kind.name.lower()}"
    event = FulfilmentEvent(state=then, seq=seq, time_ms=now_ms, cause=cause, unit=unit.number)
    return _moved(state, contract, unit, event)


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
    category = offer_of(state, contract).category
    act = Act(action=action, time_ms=authority.now_ms, node=state.node, category=category, follows=True)
    return permit(state, authority, act)


def stepped(
    state: State, contract: Contract, unit: Unit, event: FulfilmentEvent, *, fee_minor: int = 0
) -> Contract:
    """A unit takes a step; when it is final its money moves, in the same entry."""
    _stop_waiting(state, contract, unit)
    now_ms = UnixMs(event.time_ms)
    if event.state is FulfilmentState.DELIVERED:
        unit = changed(
            unit,
            fulfilment=event.state,
            delivered_ms=now_ms,
            inspect_by_ms=now_ms + contract.inspection_ms,
            late_credit_minor=late_credit(offer_of(state, contract).terms, unit, now_ms),
        )
    else:
        unit = changed(unit, fulfilment=event.state)
    contract = changed(
        contract,
        units=contract.units_with(unit),
        changed_seq=event.seq,
        history=(*contract.history, event),
    )
    if event.state is FulfilmentState.ACCEPTED:
        return settling.release(state, contract, unit, seq=event.seq, now_ms=now_ms)
    if unit.final:
        return settling.refund(state, contract, unit, seq=event.seq, now_ms=now_ms, fee_minor=fee_minor)
    if event.state is FulfilmentState.DELIVERED:
        state.timers.set(unit.inspect_by_ms, TimerKind.INSPECTION, timer_of(contract, unit))
    else:
        wait_for_delivery(state, contract, unit)
    return contract


def settled(state: State, contract: Contract, now_ms: UnixMs) -> tuple[Notice, ...]:
    """The steps of an entry are done: the contract ends if it is over, is kept, and its sides are told."""
    contract, notices = ended(state, contract, now_ms)
    state.contracts.put(contract.id, contract)
    return contract_notices(contract) + notices


def late_credit(terms: Terms, unit: Unit, delivered_ms: int) -> int:
    """What a unit delivered now owes its buyer, minor units: by the millisecond, up to the most. [FUL-7]"""
    late_ms = max(0, delivered_ms - unit.deliver_by_ms)
    total, per_day = unit.total_minor, terms.late_credit_basis_points_per_day
    by_time = total * per_day * late_ms // (WHOLE_BASIS_POINTS * DAY_MS)
    return min(by_time, total * terms.late_credit_max_basis_points // WHOLE_BASIS_POINTS)


def _moved(state: State, contract: Contract, unit: Unit, event: FulfilmentEvent) -> tuple[Notice, ...]:
    contract = stepped(state, contract, unit, event)
    return settled(state, contract, UnixMs(event.time_ms))


def _delivered_first(contract: Contract) -> Unit:
    delivered = (unit for unit in contract.units if unit.fulfilment is FulfilmentState.DELIVERED)
    return next(delivered, contract.unit(0))


def _divided(state: State, contract: Contract, unit: Unit, delivered_steps: int, now_ms: UnixMs) -> Contract:
    """The unit keeps what is delivered, a new one has the rest; the goods are held anew, as two. [FUL-6]"""
    if len(contract.units) >= UNITS_MAX:
        raise Refusal(Code.FULL, f"{UNITS_MAX} units already: deliver the rest at once", "FUL-6")
    now, later = divided(unit, delivered_steps, len(contract.units) + 1)
    _stop_waiting(state, contract, unit)
    chain = escrow_accounts(state, contract).divide(portion(unit), (portion(now), portion(later)))
    statuses = state.ledger.submit(chain, now_ms)
    assert not any(statuses), f"what is held can be held in two, yet {list(statuses)}"
    contract = contract.with_unit(now).with_unit(later)
    wait_for_delivery(state, contract, later)
    return contract


def _check_room(contract: Contract, facts: tuple[Fact, ...]) -> None:
    known = sum(len(event.facts) for event in contract.history)
    if known + len(facts) > FACTS_OF_CONTRACT_MAX:
        raise Refusal(Code.FULL, f"a contract keeps at most {FACTS_OF_CONTRACT_MAX} facts", "FUL-8")


def _stop_waiting(state: State, contract: Contract, unit: Unit) -> None:
    """Close whichever deadline a unit has open."""
    reference = timer_of(contract, unit)
    state.timers.cancel(fails_ms(state, contract, unit), TimerKind.DELIVERY, reference)
    state.timers.cancel(unit.inspect_by_ms, TimerKind.INSPECTION, reference)
