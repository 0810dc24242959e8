"""Standing orders: one signed wish that buys again and again from one offer. [STO-1]"""

from dataclasses import dataclass
from enum import Enum
from typing import Final, NewType

from thingmarket.catalog.attributes import check_name
from thingmarket.contract.orders import SealedRef, check_delivery
from thingmarket.errors import Code, Refusal
from thingmarket.ids import DIGEST_BYTES, KEY_BYTES, Digest, PartyId, checked_bytes
from thingmarket.limits import (
    STANDING_FIRST_MS_MAX,
    STANDING_INTERVAL_MS_MAX,
    STANDING_INTERVAL_MS_MIN,
    STANDING_OCCURRENCES_MAX,
)
from thingmarket.money import checked_amount, currency_of
from thingmarket.quantity import checked_steps
from thingmarket.transitions import Protocol, Role, Silence, Step

StandingId = NewType("StandingId", bytes)
"""Derived from the log position of its opening, 16 bytes."""

STANDING_ID_BYTES: Final = 16


class StandingState(Enum):
    """Whether a standing order still buys."""

    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    ENDED = "ENDED"


STANDING: Final = Protocol(
    "STO",
    start=StandingState.ACTIVE,
    steps=(
        Step(StandingState.ACTIVE, "EndStandingOrder", Role.BUYER, StandingState.ENDED),
        Step(StandingState.ACTIVE, "NothingLeft", Role.NODE, StandingState.ENDED),
        Step(StandingState.ACTIVE, "RefusedInARow", Role.NODE, StandingState.SUSPENDED),
        Step(StandingState.SUSPENDED, "EndStandingOrder", Role.BUYER, StandingState.ENDED),
        Step(StandingState.SUSPENDED, "NothingLeft", Role.NODE, StandingState.ENDED),
    ),
    silences=(
        Silence(StandingState.ACTIVE, "next_ms: it buys", StandingState.ACTIVE),
        Silence(StandingState.SUSPENDED, "next_ms: nobody opened it anew", StandingState.ENDED),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenStandingOrder:
    """Buys `quantity_steps` of an offer every `interval_ms`, from `first_ms` (0: at once), so many times.

    `total_max_minor` is the most that one purchase may cost, tax included; in `slot`, unless it is empty,
    nothing is bought while an order of that slot is open.
    """

    key: bytes
    offer: bytes
    quantity_steps: int
    currency: str
    total_max_minor: int
    interval_ms: int
    occurrences_max: int
    first_ms: int = 0
    slot: str = ""
    delivery: tuple[SealedRef, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EndStandingOrder:
    """Ends a standing order; what it bought stands."""

    key: bytes
    standing_order: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingOrder:
    """An opened standing order and what has come of it. Times in Unix milliseconds.

    `next_ms` is when it buys next, or when its state ends by silence; `last` is the contract or waiting
    order that it made last; `code`, `reason` and `rule` are those of the last occurrence that was skipped.
    `cause` says what ended or suspended it.
    """

    id: StandingId
    state: StandingState
    wish: OpenStandingOrder
    buyer: PartyId
    owner: PartyId
    mandate_leaf: bytes
    next_ms: int
    seq: int
    changed_seq: int
    signed_bytes: bytes
    made: int = 0
    skipped: int = 0
    refused_in_a_row: int = 0
    last: bytes = b""
    code: int = 0
    reason: str = ""
    rule: str = ""
    cause: str = ""

    @property
    def offer(self) -> Digest:
        """What it buys from."""
        return Digest(self.wish.offer)

    @property
    def occurrences(self) -> int:
        """How many times it was its turn."""
        return self.made + self.skipped


def check_open_standing_order(wish: OpenStandingOrder) -> None:
    """Refuse a wish that breaks a rule of its own fields (BAD_ID, BAD_FIELD, OUT_OF_RANGE)."""
    checked_bytes(wish.key, KEY_BYTES, "key")
    checked_bytes(wish.offer, DIGEST_BYTES, "offer")
    checked_steps(wish.quantity_steps, "quantity_steps")
    currency_of(wish.currency)
    checked_amount(wish.total_max_minor, "total_max_minor")
    if not STANDING_INTERVAL_MS_MIN <= wish.interval_ms <= STANDING_INTERVAL_MS_MAX:
        between = f"{STANDING_INTERVAL_MS_MIN} and {STANDING_INTERVAL_MS_MAX}"
        raise Refusal(Code.OUT_OF_RANGE, f"interval_ms={wish.interval_ms} is not between {between}")
    if not 1 <= wish.occurrences_max <= STANDING_OCCURRENCES_MAX:
        raise Refusal(Code.OUT_OF_RANGE, f"occurrences_max is 1 to {STANDING_OCCURRENCES_MAX}")
    if wish.first_ms < 0:
        raise Refusal(Code.OUT_OF_RANGE, "first_ms is a time, or 0 for at once")
    if wish.slot:
        check_name(wish.slot, "slot")
    check_delivery(wish.delivery)


def check_first(wish: OpenStandingOrder, now_ms: int) -> None:
    """Refuse a beginning that is too far off at its entry time (OUT_OF_RANGE)."""
    if wish.first_ms > now_ms + STANDING_FIRST_MS_MAX:
        raise Refusal(Code.OUT_OF_RANGE, f"first_ms is over {STANDING_FIRST_MS_MAX} ms after {now_ms}")


def check_end_standing_order(wish: EndStandingOrder) -> None:
    """Refuse ids of another length (BAD_ID)."""
    checked_bytes(wish.key, KEY_BYTES, "key")
    checked_bytes(wish.standing_order, STANDING_ID_BYTES, "standing_order")
