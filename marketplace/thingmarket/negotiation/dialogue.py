"""The negotiation table. A purchase enters at AGREED: the signed offer is the seller's firm promise."""

from enum import Enum
from typing import Final

from thingmarket.transitions import Protocol, Role, Step


class NegotiationState(Enum):
    """States of a negotiation, named as in the Dataspace Protocol."""

    AGREED = "AGREED"
    VERIFIED = "VERIFIED"
    FINALIZED = "FINALIZED"
    TERMINATED = "TERMINATED"


NEGOTIATION: Final = Protocol(
    "NEG",
    start=NegotiationState.AGREED,
    steps=(
        Step(NegotiationState.AGREED, "Verify", Role.BUYER, NegotiationState.VERIFIED),
        Step(NegotiationState.AGREED, "Terminate", Role.BUYER, NegotiationState.TERMINATED),
        Step(NegotiationState.VERIFIED, "Finalize", Role.NODE, NegotiationState.FINALIZED),
    ),
    driven_by="the entry that made it",
)
