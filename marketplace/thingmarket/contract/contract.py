"""The contract: what was promised for how much, and what has become of it."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from thingmarket.contract.fulfilment import FulfilmentState
from thingmarket.ids import ContractId, Digest, PartyId
from thingmarket.policy.decision import Fact
from thingmarket.settlement.escrow import EscrowState
from thingmarket.transitions import Protocol, Role, Step


class ContractState(Enum):
    """What has become of a contract."""

    ACTIVE = "ACTIVE"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


# The node itself moves a contract, when its fulfilment unit became final. [CON-2]
CONTRACT: Final = Protocol(
    "CON",
    start=ContractState.ACTIVE,
    steps=(
        Step(ContractState.ACTIVE, "UnitAccepted", Role.NODE, ContractState.COMPLETED),
        Step(ContractState.ACTIVE, "UnitFailed", Role.NODE, ContractState.CANCELLED),
    ),
    driven_by="FUL",
)

UNIT_MESSAGES: Final = {FulfilmentState.ACCEPTED: "UnitAccepted", FulfilmentState.FAILED: "UnitFailed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FulfilmentEvent:
    """One step of the fulfilment unit and what caused it: a message's name, or a deadline's."""

    state: FulfilmentState
    seq: int
    time_ms: int
    cause: str
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A binding trade. Amounts in minor units of `currency`, times in Unix milliseconds."""

    id: ContractId
    state: ContractState
    fulfilment: FulfilmentState
    escrow: EscrowState
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
    deliver_by_ms: int
    inspection_ms: int
    seq: int
    changed_seq: int
    mandate_leaf: bytes = b""
    need: bytes = b""
    choice: bytes = b""
    sealed: tuple[bytes, ...] = ()
    inspect_by_ms: int = 0
    history: tuple[FulfilmentEvent, ...] = ()

    def role_of(self, *, party: PartyId, owner: PartyId) -> Role | None:
        """Which side a party speaks for: only the party that signed, or its owner. [CON-3]"""
        if owner == self.buyer_owner and party in (self.buyer, self.buyer_owner):
            return Role.BUYER
        if owner == self.seller_owner and party in (self.seller, self.seller_owner):
            return Role.SELLER
        return None
