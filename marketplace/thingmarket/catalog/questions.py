"""Questions for facts that an offer does not state, and their answers. [CAT-15]"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from thingmarket.catalog.attributes import COMPUTED, Attribute, check_attributes, check_name
from thingmarket.catalog.offers import Offer
from thingmarket.errors import Code, Refusal
from thingmarket.ids import DIGEST_BYTES, KEY_BYTES, checked_bytes
from thingmarket.limits import QUESTION_LIFE_MS, QUESTION_NAMES_MAX
from thingmarket.time import UnixMs, checked_time
from thingmarket.transitions import Protocol, Role, Silence, Step


class QuestionState(Enum):
    """What has become of a question."""

    ASKED = "ASKED"
    ANSWERED = "ANSWERED"
    DECLINED = "DECLINED"
    EXPIRED = "EXPIRED"


QUESTION: Final = Protocol(
    "ASK",
    start=QuestionState.ASKED,
    steps=(
        Step(QuestionState.ASKED, "AnswerFacts", Role.SELLER, QuestionState.ANSWERED),
        Step(QuestionState.ASKED, "DeclineFacts", Role.SELLER, QuestionState.DECLINED),
    ),
    # Nothing is bought on silence: the facts stay missing, and may be asked for again.
    silences=(Silence(QuestionState.ASKED, "deadline", QuestionState.EXPIRED),),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskFacts:
    """Asks the seller of an offer for facts that it does not state, by their names."""

    key: bytes
    offer: bytes
    names: tuple[str, ...]
    deadline_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFacts:
    """The seller's facts, some or all that were asked for; without any he declines.

    The offer is named again, so that his signature binds the facts to it.
    """

    key: bytes
    question: bytes
    offer: bytes
    attributes: tuple[Attribute, ...] = ()

    @property
    def message(self) -> str:
        """Its name in the table."""
        return "AnswerFacts" if self.attributes else "DeclineFacts"


def check_ask_facts(question: AskFacts) -> None:
    """Refuse bad ids, no name or over 8, and names that do not ascend or that the market computes."""
    checked_bytes(question.key, KEY_BYTES, "key")
    checked_bytes(question.offer, DIGEST_BYTES, "offer")
    if not 1 <= len(question.names) <= QUESTION_NAMES_MAX:
        raise Refusal(Code.BAD_FIELD, f"{len(question.names)} names, not 1 to {QUESTION_NAMES_MAX}", "CAT-15")
    last = ""
    for name in question.names:
        check_name(name, "name")
        if name in COMPUTED:
            raise Refusal(Code.BAD_FIELD, f"{name} is computed: every offer has it", "CAT-15")
        if name <= last:
            raise Refusal(Code.BAD_FIELD, f"name {name} does not follow {last} in order", "CAT-15")
        last = name
    checked_time(question.deadline_ms, "deadline_ms")


def check_answer_facts(answer: AnswerFacts) -> None:
    """Refuse bad ids, and facts that an offer could not state either."""
    checked_bytes(answer.key, KEY_BYTES, "key")
    checked_bytes(answer.question, DIGEST_BYTES, "question")
    checked_bytes(answer.offer, DIGEST_BYTES, "offer")
    if len(answer.attributes) > QUESTION_NAMES_MAX:
        raise Refusal(
            Code.BAD_FIELD,
            f"{len(answer.attributes)} facts; at most {QUESTION_NAMES_MAX} were asked",
            "CAT-16",
        )
    check_attributes(answer.attributes)


def check_deadline(question: AskFacts, offer: Offer, now_ms: UnixMs) -> None:
    """Refuse a deadline that has passed, is too far off, or lies behind the offer's end (OUT_OF_RANGE)."""
    latest_ms = min(now_ms + QUESTION_LIFE_MS, offer.valid_until_ms)
    if not now_ms < question.deadline_ms <= latest_ms:
        reason = f"deadline_ms={question.deadline_ms} is not after {now_ms} and up to {latest_ms}"
        raise Refusal(Code.OUT_OF_RANGE, reason, "CAT-15")


def with_facts(offer: Offer, answered: tuple[Attribute, ...]) -> Offer:
    """The offer as if the answered facts stood in it; its own always count first. [CAT-17]"""
    if not answered:
        return offer
    facts: Mapping[str, Attribute] = {fact.name: fact for fact in (*answered, *offer.attributes)}
    return replace(offer, attributes=tuple(facts[name] for name in sorted(facts)))
