"""What it costs to cancel, known before the purchase: a price for each state of a unit. [CAN-3]"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from thingmarket.catalog.terms import Terms
from thingmarket.contract.contract import Contract, ContractState
from thingmarket.contract.fulfilment import FULFILMENT, FulfilmentState
from thingmarket.contract.units import Unit
from thingmarket.errors import Code, Refusal
from thingmarket.ids import CONTRACT_ID_BYTES, KEY_BYTES, checked_bytes
from thingmarket.limits import INTEGER_MAX
from thingmarket.proportions import WHOLE_BASIS_POINTS

CANCELLABLE: Final = tuple(row.state for row in FULFILMENT.steps if row.message == "Cancel")
"""States in which a unit can be cancelled, as far as the offer's terms let it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """The buyer's end of what was not delivered yet, for at most `max_fee_minor`."""

    key: bytes
    contract: bytes
    max_fee_minor: int


@dataclass(frozen=True, slots=True)
class UnitFee:
    """What cancelling one unit costs, minor units."""

    unit: int
    fee_minor: int


def check_cancel(wish: Cancel) -> None:
    """Refuse ids of another length or a fee that cannot be (BAD_ID, OUT_OF_RANGE)."""
    checked_bytes(wish.key, KEY_BYTES, "key")
    checked_bytes(wish.contract, CONTRACT_ID_BYTES, "contract")
    if not 0 <= wish.max_fee_minor <= INTEGER_MAX:
        raise Refusal(Code.OUT_OF_RANGE, f"max_fee_minor={wish.max_fee_minor} is not 0..2^53-1")


def fee_in(terms: Terms, state: FulfilmentState, total_minor: int) -> int | None:
    """Price of cancelling in a state, rounded down; None when the terms do not let it. [CAN-3]"""
    points = {
        FulfilmentState.PLANNED: terms.cancel_planned_basis_points,
        FulfilmentState.READY: terms.cancel_ready_basis_points,
    }.get(state)
    return None if points is None else total_minor * points // WHOLE_BASIS_POINTS


def fee_of_all(terms: Terms, units: Iterable[Unit], state: FulfilmentState) -> int | None:
    """Price of cancelling all these units if they were in a state; None when that cannot be."""
    due = [fee_in(terms, state, unit.total_minor) for unit in units]
    known = [fee for fee in due if fee is not None]
    return sum(known) if len(known) == len(due) else None


def unit_fee(terms: Terms, contract: Contract, unit: Unit, now_ms: int) -> int | None:
    """Price of cancelling a unit now; None when it cannot be."""
    if unit.fulfilment not in CANCELLABLE:
        return None
    if contract.state is ContractState.PENDING or now_ms > unit.deliver_by_ms:
        return 0  # [CAN-1] in time; [CAN-4] who is late has no claim
    return fee_in(terms, unit.fulfilment, unit.total_minor)


def fees(terms: Terms, contract: Contract, now_ms: int) -> tuple[UnitFee, ...]:
    """What cancelling ends, and at what price: every unit that was not delivered (NOT_CANCELLABLE)."""
    found = []
    for unit in contract.units:
        if unit.fulfilment not in CANCELLABLE:
            continue
        fee = unit_fee(terms, contract, unit, now_ms)
        if fee is None:
            state = unit.fulfilment.value
            why = f"unit {unit.number} is {state}: the offer has no price for that"
            raise Refusal(Code.NOT_CANCELLABLE, why, "CAN-3")
        found.append(UnitFee(unit.number, fee))
    if not found:
        raise Refusal(Code.WRONG_STATE, "nothing is left to cancel", "CAN-2")
    return tuple(found)
