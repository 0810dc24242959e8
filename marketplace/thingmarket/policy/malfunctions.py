"""What is broken, as a thing or its owner reports it: typed facts, and how bad it is. [THG-9]"""

from dataclasses import dataclass
from enum import IntEnum, unique

from thingmarket.catalog.attributes import check_name
from thingmarket.catalog.labels import check_label
from thingmarket.errors import Code, Refusal
from thingmarket.identity import did
from thingmarket.ids import KEY_BYTES, PartyId, checked_bytes
from thingmarket.limits import FACTS_MAX, ID_CHARS_MAX, INTEGER_MAX
from thingmarket.policy.decision import Fact


@unique
class Severity(IntEnum):
    """How bad a malfunction is; a critical one quarantines the thing."""

    MINOR = 1
    DEGRADED = 2
    CRITICAL = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportMalfunction:
    """A component that does not work as it should, with what was measured."""

    key: bytes
    thing: str
    component: str
    severity: Severity
    facts: tuple[Fact, ...] = ()


def check_report_malfunction(report: ReportMalfunction) -> None:
    """Refuse a component that is no name (BAD_FIELD), over 16 facts, unnamed, repeated or too big ones."""
    checked_bytes(report.key, KEY_BYTES, "key")
    did.decode(PartyId(report.thing))
    check_name(report.component, "component")
    if len(report.facts) > FACTS_MAX:
        raise Refusal(Code.BAD_FIELD, f"{len(report.facts)} facts; at most {FACTS_MAX}")
    for fact in report.facts:
        check_name(fact.name, "fact")
        if isinstance(fact.value, str):
            check_label(fact.value, ID_CHARS_MAX, fact.name)
        elif not -INTEGER_MAX <= fact.value <= INTEGER_MAX:
            raise Refusal(Code.OUT_OF_RANGE, f"{fact.name}={fact.value} is beyond 2^53-1")
    if len({fact.name for fact in report.facts}) < len(report.facts):
        raise Refusal(Code.BAD_FIELD, "a fact is given twice")
