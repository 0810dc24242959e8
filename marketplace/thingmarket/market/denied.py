"""Refusals that say why: with the decision of the rules, and those that count against whom they refuse."""

from thingmarket.errors import Code, Refusal
from thingmarket.market.entries import Notice
from thingmarket.market.records import DeviceRecord, ThingRecord
from thingmarket.market.state import State
from thingmarket.policy.decision import Decision, Fact, Verdict
from thingmarket.policy.rules import RULES


class Denied(Refusal):
    """A refusal by the owner's rules; carries the decision with its facts."""

    def __init__(self, number: int, reason: str, rule: str, decision: Decision) -> None:
        """Keep the decision beside the refusal."""
        super().__init__(number, reason, rule)
        self.decision = decision


class Counted(Denied):
    """A refusal that is remembered of one thing or device: its row is all that the entry changes. [THG-11]"""

    def __init__(
        self,
        number: Code,
        reason: str,
        decision: Decision,
        *,
        row: ThingRecord | DeviceRecord,
        notices: tuple[Notice, ...] = (),
    ) -> None:
        """Name the row as it is afterwards, and who is told."""
        super().__init__(number, reason, decision.rules[0], decision)
        self.row = row
        self.notices = notices


COUNTED_CODES = frozenset((Code.GUARD_TRIPPED, Code.WRONG_CLAIM_CODE))
"""The codes of refusals that change one row; all others change nothing."""


def denied(rule: str, *facts: Fact) -> Denied:
    """The refusal by one rule that looked at these facts (DENIED)."""
    return Denied(Code.DENIED, f"not so: {RULES[rule]}", rule, Decision(Verdict.DENY, (rule,), facts))


def count(state: State, refusal: Counted) -> tuple[Notice, ...]:
    """Change the one row that a counted refusal names. [THG-11]"""
    row = refusal.row
    if isinstance(row, ThingRecord):
        state.things.put((row.owner, row.thing), row)
    else:
        state.devices.put(row.device, row)
    return refusal.notices
