"""Feedback: what was promised against what was measured, never stars. [FBK-1]"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum, unique
from typing import Final

from thingmarket.catalog.attributes import ScaledInteger, check_name
from thingmarket.contract.contract import Contract
from thingmarket.contract.units import Unit
from thingmarket.errors import Code, Refusal
from thingmarket.ids import CONTRACT_ID_BYTES, KEY_BYTES, ContractId, PartyId, checked_bytes, derived_id
from thingmarket.limits import FACTS_MAX
from thingmarket.proportions import WHOLE_MILLIONTHS
from thingmarket.time import UnixMs
from thingmarket.transitions import Protocol, Role, Silence, Step


@unique
class Better(IntEnum):
    """Which way a measured fact is better than the promised one."""

    HIGHER = 1
    LOWER = 2


class FeedbackState(Enum):
    """Whether the buyer of a contract that ended has spoken."""

    OPEN = "OPEN"
    ASKED = "ASKED"
    GIVEN = "GIVEN"
    NOT_GIVEN = "NOT_GIVEN"


# Nobody has to speak: what was not given in time is not asked for any more.
FEEDBACK: Final = Protocol(
    "FBK",
    start=FeedbackState.OPEN,
    steps=(
        Step(FeedbackState.OPEN, "AskFeedback", Role.SELLER, FeedbackState.ASKED),
        Step(FeedbackState.OPEN, "GiveFeedback", Role.BUYER, FeedbackState.GIVEN),
        Step(FeedbackState.ASKED, "GiveFeedback", Role.BUYER, FeedbackState.GIVEN),
    ),
    silences=(
        Silence(FeedbackState.OPEN, "feedback time", FeedbackState.NOT_GIVEN),
        Silence(FeedbackState.ASKED, "feedback time", FeedbackState.NOT_GIVEN),
    ),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """One fact that the thing measured, of those that the offer promised."""

    name: str
    value: ScaledInteger
    better: Better


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveFeedback:
    """The buyer's feedback on a contract that has ended."""

    key: bytes
    contract: bytes
    feedback_key: bytes
    measured: tuple[Measured, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AskFeedback:
    """The seller asks the buyer for feedback."""

    key: bytes
    contract: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLevel:
    """One promise and what was measured, in steps of 10^-scale of a unit."""

    name: str
    promised_steps: int
    measured_steps: int
    scale: int = 0
    unit: str = ""
    met: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What the market keeps about the feedback of one contract; `levels` is empty until it is given."""

    contract: ContractId
    state: FeedbackState
    by: PartyId
    by_owner: PartyId
    about: PartyId
    product_id: str
    time_ms: int
    seq: int
    levels: tuple[ServiceLevel, ...] = ()

    @property
    def satisfaction_millionths(self) -> int:
        """The share of promises that were kept, rounded down."""
        kept = sum(level.met for level in self.levels)
        return kept * WHOLE_MILLIONTHS // len(self.levels) if self.levels else 0


def minted_key(contract: ContractId, created_ms: int, seq: int) -> bytes:
    """The key that a contract mints for its feedback, 16 bytes; both sides can derive it. [FBK-2]"""
    return derived_id(UnixMs(created_ms), b"feedback", contract, seq.to_bytes(8, "big"))


def feedback_key(contract: Contract) -> bytes:
    """The key that a contract minted."""
    return minted_key(contract.id, contract.created_ms, contract.seq)


def measured_by_the_node(units: tuple[Unit, ...]) -> tuple[ServiceLevel, ...]:
    """What the log itself tells: whether all goods came, and how late the latest of them. [FBK-4]"""
    promised = sum(unit.quantity_steps for unit in units)
    came = [unit for unit in units if unit.delivered_ms]
    arrived = sum(unit.quantity_steps for unit in came)
    late_ms = max((max(0, unit.delivered_ms - unit.deliver_by_ms) for unit in came), default=0)
    goods = ServiceLevel(
        name="delivery.quantity", promised_steps=promised, measured_steps=arrived, met=arrived >= promised
    )
    time = ServiceLevel(
        name="delivery.late_ms", promised_steps=0, measured_steps=late_ms, met=bool(came) and late_ms == 0
    )
    return goods, time


def compared(measured: Measured, promised: Mapping[str, ScaledInteger]) -> ServiceLevel:
    """Hold a measured fact against the promised one (NOT_PROMISED: none in that unit and scale). [FBK-3]"""
    wanted = promised.get(measured.name)
    if wanted is None or (wanted.unit, wanted.scale) != (measured.value.unit, measured.value.scale):
        raise Refusal(
            Code.NOT_PROMISED, f"the offer promises no {measured.name} in this unit and scale", "FBK-3"
        )
    higher = measured.better is Better.HIGHER
    met = measured.value.steps >= wanted.steps if higher else measured.value.steps <= wanted.steps
    return ServiceLevel(
        name=measured.name,
        promised_steps=wanted.steps,
        measured_steps=measured.value.steps,
        scale=wanted.scale,
        unit=wanted.unit,
        met=met,
    )


def check_give_feedback(body: GiveFeedback) -> None:
    """Refuse a wrong shape (BAD_ID, BAD_FIELD, TOO_LARGE)."""
    checked_bytes(body.key, KEY_BYTES, "key")
    checked_bytes(body.contract, CONTRACT_ID_BYTES, "contract")
    checked_bytes(body.feedback_key, KEY_BYTES, "feedback_key")
    if len(body.measured) > FACTS_MAX:
        raise Refusal(Code.TOO_LARGE, f"{len(body.measured)} measured facts; at most {FACTS_MAX}")
    names = [one.name for one in body.measured]
    for name in names:
        check_name(name, "measured")
    if names != sorted(set(names)):
        raise Refusal(Code.BAD_FIELD, "measured facts stand in ascending order, each once")


def check_ask_feedback(body: AskFeedback) -> None:
    """Refuse a wrong shape (BAD_ID)."""
    checked_bytes(body.key, KEY_BYTES, "key")
    checked_bytes(body.contract, CONTRACT_ID_BYTES, "contract")
