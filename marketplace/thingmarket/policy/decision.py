"""A decision and its reasons: explanations are data, rendered at the edge. [POL-1]"""

from dataclasses import dataclass
from enum import IntEnum, unique

from thingmarket.values import quick


@unique
class Verdict(IntEnum):
    """Answers of a decision."""

    ALLOW = 1
    DENY = 2
    NEED_COSIGN = 3


@quick
@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that a rule looked at: a dotted name and a whole number or a short text."""

    name: str
    value: int | str


@quick
@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict, the ids of the rules that decided, and the facts in the order they were looked at.

    When it is ALLOW, all rules that were looked at are named: each of them had to hold.
    """

    verdict: Verdict
    rules: tuple[str, ...]
    facts: tuple[Fact, ...]

    @property
    def allows(self) -> bool:
        """True when the act may be done now."""
        return self.verdict is Verdict.ALLOW
