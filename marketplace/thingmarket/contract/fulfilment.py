"""The fulfilment unit: from plan to acceptance, one table for people and for bits. [FUL-1]"""

from enum import Enum
from typing import Final

from thingmarket.transitions import Protocol, Role, Silence, Step


class FulfilmentState(Enum):
    """Where the goods are."""

    PLANNED = "PLANNED"
    READY = "READY"
    DELIVERED = "DELIVERED"
    ACCEPTED = "ACCEPTED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


FULFILMENT: Final = Protocol(
    "FUL",
    start=FulfilmentState.PLANNED,
    steps=(
        Step(FulfilmentState.PLANNED, "Ready", Role.SELLER, FulfilmentState.READY),
        Step(FulfilmentState.PLANNED, "Delivered", Role.SELLER, FulfilmentState.DELIVERED),
        Step(FulfilmentState.PLANNED, "Failed", Role.SELLER, FulfilmentState.FAILED),
        Step(FulfilmentState.PLANNED, "Cancel", Role.BUYER, FulfilmentState.CANCELLED),
        Step(FulfilmentState.PLANNED, "Exchange", Role.NODE, FulfilmentState.ACCEPTED),
        Step(FulfilmentState.READY, "Delivered", Role.SELLER, FulfilmentState.DELIVERED),
        Step(FulfilmentState.READY, "Failed", Role.SELLER, FulfilmentState.FAILED),
        Step(FulfilmentState.READY, "Cancel", Role.BUYER, FulfilmentState.CANCELLED),
        Step(FulfilmentState.DELIVERED, "AcceptDelivery", Role.BUYER, FulfilmentState.ACCEPTED),
    ),
    silences=(
        # Goods that never came are the seller's loss; goods that nobody complained about are accepted.
        Silence(FulfilmentState.PLANNED, "deliver_by", FulfilmentState.FAILED),
        Silence(FulfilmentState.READY, "deliver_by", FulfilmentState.FAILED),
        Silence(FulfilmentState.DELIVERED, "inspect_by", FulfilmentState.ACCEPTED),
    ),
)
