"""The contract: what was promised for how much, and what has become of each part of it."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from thingmarket.contract.fulfilment import FulfilmentState
from thingmarket.contract.units import Unit
from thingmarket.errors import Code, Refusal
from thingmarket.ids import ContractId, Digest, PartyId
from thingmarket.policy.decision import Fact
from thingmarket.settlement.escrow import EscrowState
from thingmarket.transitions import Protocol, Role, Silence, Step
from thingmarket.values import changed, quick


class ContractState(Enum):
    """What has become of a contract."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


# The node itself moves a contract: by its time to cancel for nothing, and by its units. [CON-2]
CONTRACT: Final = Protocol(
    "CON",
    start=ContractState.PENDING,
    steps=(
        Step(ContractState.PENDING, "Start", Role.NODE, ContractState.ACTIVE),
        Step(ContractState.PENDING, "NothingDelivered", Role.NODE, ContractState.CANCELLED),
        Step(ContractState.ACTIVE, "AllFinal", Role.NODE, ContractState.COMPLETED),
        Step(ContractState.ACTIVE, "NothingDelivered", Role.NODE, ContractState.CANCELLED),
    ),
    silences=(Silence(ContractState.PENDING, "cancel window", ContractState.ACTIVE),),
    driven_by="FUL",
)

UNIT_MESSAGES: Final = {
    FulfilmentState.ACCEPTED: "UnitAccepted",
    FulfilmentState.FAILED: "UnitFailed",
    FulfilmentState.CANCELLED: "UnitCancelled",
}
"""What a unit that has become final says to the escrow."""

OPEN_STATES: Final = (ContractState.PENDING, ContractState.ACTIVE)
"""States in which escrow holds money."""


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class FulfilmentEvent:
    """One step of a unit and what caused it: a message's name, or a deadline's; unit 0 is all of them."""

    state: FulfilmentState
    seq: int
    time_ms: int
    cause: str
    facts: tuple[Fact, ...] = ()
    unit: int = 0


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A binding trade. Amounts in minor units of `currency`, times in Unix milliseconds.

    One of two orders in a book has a `market` in the place of an offer, and the mandate of its seller.
    """

    id: ContractId
    state: ContractState
    buyer: PartyId
    buyer_owner: PartyId
    seller: PartyId
    seller_owner: PartyId
    offer: Digest
    quantity_steps: int
    currency: str
    net_minor: int
    tax_minor: int
    total_minor: int
    created_ms: int
    inspection_ms: int
    seq: int
    changed_seq: int
    units: tuple[Unit, ...]
    mandate_leaf: bytes = b""
    need: bytes = b""
    announcer: str = ""  # who announced the need; it is forgotten before the contract
    choice: bytes = b""
    sealed: tuple[bytes, ...] = ()
    history: tuple[FulfilmentEvent, ...] = ()
    opened_seq: int = 0  # log position of the standing order that bought it; 0: it was bought by itself
    market: int = 0  # [MKT-16]
    seller_leaf: bytes = b""

    def role_of(self, *, party: PartyId, owner: PartyId) -> Role | None:
        """Which side a party speaks for: only the party that signed, or its owner. [CON-3]"""
        if owner == self.buyer_owner and party in (self.buyer, self.buyer_owner):
            return Role.BUYER
        if owner == self.seller_owner and party in (self.seller, self.seller_owner):
            return Role.SELLER
        return None

    def unit(self, number: int) -> Unit:
        """The unit of this number; 0 is the first that is open, or the last (UNKNOWN_UNIT)."""
        if number == 0:
            return next((unit for unit in self.units if not unit.final), self.units[-1])
        if number > len(self.units):
            raise Refusal(Code.UNKNOWN_UNIT, f"unit {number} of {len(self.units)}", "CON-4")
        return self.units[number - 1]

    def with_unit(self, unit: Unit) -> "Contract":
        """The contract with one unit changed, or a next one added."""
        return changed(self, units=self.units_with(unit))

    def units_with(self, unit: Unit) -> tuple[Unit, ...]:
        """The units with one of them changed, or a next one added."""
        before, after = self.units[: unit.number - 1], self.units[unit.number :]
        assert unit.number <= len(self.units) + 1, "units are numbered without gaps"
        return (*before, unit, *after)

    @property
    def over(self) -> bool:
        """Whether every unit is final."""
        return self.units[0].final if len(self.units) == 1 else all(unit.final for unit in self.units)

    # What a reader of a contract of one unit looks for; of several, that of the first open or the last one.

    @property
    def fulfilment(self) -> FulfilmentState:
        """Where the goods are: of the first unit that is open; ACCEPTED when it is over and any was."""
        if len(self.units) == 1:
            return self.units[0].fulfilment
        if self.over and any(unit.fulfilment is FulfilmentState.ACCEPTED for unit in self.units):
            return FulfilmentState.ACCEPTED
        return self.unit(0).fulfilment

    @property
    def escrow(self) -> EscrowState:
        """HELD while any unit's money is; then RELEASED when any was."""
        states = [unit.escrow for unit in self.units]
        return next(
            state
            for state in (EscrowState.HELD, EscrowState.RELEASED, EscrowState.REFUNDED)
            if state in states
        )

    @property
    def held_minor(self) -> int:
        """What escrow holds."""
        return sum(unit.total_minor for unit in self.units if unit.escrow is EscrowState.HELD)

    @property
    def deliver_by_ms(self) -> int:
        """When delivery is due."""
        return self.unit(0).deliver_by_ms

    @property
    def inspect_by_ms(self) -> int:
        """When inspection ends; 0 before delivery."""
        return self.unit(0).inspect_by_ms
