"""Need slots: a thing asks for the same again and again, and at most one order of a slot is open. [SLT-1]

A slot is a name that a party gives to a want of its own, as in `toner`. It is taken from the announcement of
a need until that need ends without an order, or its order's contract is completed.
"""

from thingmarket.contract.approvals import PendingId
from thingmarket.contract.contract import Contract, ContractState
from thingmarket.contract.standing import StandingOrder
from thingmarket.errors import Code, Refusal
from thingmarket.ids import ContractId, Digest, PartyId
from thingmarket.market.records import NeedRecord, TimerKind
from thingmarket.market.state import State
from thingmarket.time import UnixMs

Slot = tuple[PartyId, str]
"""Who gave the name, and the name."""


def check_free(state: State, party: PartyId, name: str) -> None:
    """Refuse what would be a second want or order of a slot, and say what it has (SLOT_TAKEN). [SLT-2]"""
    need = state.slots.get((party, name))
    if need is not None:
        contract = state.needs[need].contract
        raise _taken(f"order {contract.hex()}" if contract else f"need {need.hex()}")
    standing = state.calendar.in_slot.get((party, name))
    if standing is not None and is_open(state, state.standing_orders[standing]):
        raise _taken(f"order {state.standing_orders[standing].last.hex()}")


def _taken(by: str) -> Refusal:
    return Refusal(Code.SLOT_TAKEN, f"open in this slot: {by}", "SLT-2")


def is_open(state: State, standing: StandingOrder) -> bool:
    """Whether what a standing order made last still waits or is not over."""
    pending = state.pendings.get(PendingId(standing.last))
    if pending is not None and pending.waits:
        return True
    contract = state.contracts.get(ContractId(pending.contract if pending else standing.last))
    return contract is not None and not contract.over


def take(state: State, digest: Digest, record: NeedRecord) -> None:
    """A need was announced; its slot is its own, if it names one."""
    if record.need.slot:
        state.slots.put((record.announcer, record.need.slot), digest)


def leave(state: State, record: NeedRecord) -> None:
    """Nothing is open for a need any more."""
    slot = (record.announcer, record.need.slot)
    if record.need.slot and slot in state.slots:
        state.slots.drop(slot)


def completed(state: State, contract: Contract, now_ms: UnixMs) -> None:
    """A contract is over; what it filled may be asked for again. [SLT-3]"""
    if contract.need and contract.state is ContractState.COMPLETED:
        leave(state, state.needs[Digest(contract.need)])
        state.keep_for_now(TimerKind.NEED, Digest(contract.need), now_ms)
