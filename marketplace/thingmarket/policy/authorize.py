"""May this be done? One pure function from mandate, act and counters to a decision with its reasons."""

from typing import Final

from thingmarket.identity.effective import EffectiveMandate
from thingmarket.identity.mandates import Action, Approval, Autonomy
from thingmarket.policy.acts import Act
from thingmarket.policy.decision import Decision, Fact, Verdict
from thingmarket.policy.rules import Question, course_of
from thingmarket.policy.spending import Counters

# The same for every decision, so made once.
_ACTION_FACTS: Final = {action: Fact("action", action.name) for action in Action}
_AUTONOMY_FACTS: Final = {level: Fact("autonomy", level.name) for level in Autonomy}


def authorize(
    mandate: EffectiveMandate | None, act: Act, counters: Counters, approval: Approval | None = None
) -> Decision:
    """Allow, deny or ask for the owner's approval, by the rules in their fixed order.

    The first rule that does not hold decides; the facts up to there are kept. `mandate` is None when the
    owner acts himself. Whether a link was revoked, and who signed `approval`, the caller has checked.
    """
    if mandate is None:
        return Decision(Verdict.ALLOW, ("OWN-1",), (_ACTION_FACTS[act.action],))
    facts = [_AUTONOMY_FACTS[mandate.autonomy], _ACTION_FACTS[act.action]]
    course = course_of(mandate, act)
    question = Question(mandate, act, counters, facts)
    for rule, holds in course.steps:
        if not holds(question):
            return Decision(Verdict.DENY, (rule,), tuple(facts))
    if act.action is not Action.BUY:
        return Decision(Verdict.ALLOW, course.names, tuple(facts))
    return _cosigned(question, approval, course.names)


def _cosigned(question: Question, approval: Approval | None, names: tuple[str, ...]) -> Decision:
    facts, threshold = question.facts, question.limit.cosign_above_minor
    if approval is not None and not _is_for(approval, question.mandate, question.act):
        # Another order's, mandate's or owner's approval, or one too late, is no answer to this order.
        facts.append(Fact("approval", "of something else or expired"))
        approval = None
    if approval is not None and not approval.approved:
        facts.append(Fact("approval", "rejected"))
        return Decision(Verdict.DENY, ("COS-3",), tuple(facts))
    facts.append(Fact("cosign.above", threshold))
    if question.act.payable_minor <= threshold:
        return Decision(Verdict.ALLOW, names, tuple(facts))
    if approval is None:
        return Decision(Verdict.NEED_COSIGN, ("COS-1",), tuple(facts))
    facts.append(Fact("approval", "approved"))
    return Decision(Verdict.ALLOW, (*names, "COS-2"), tuple(facts))


def _is_for(approval: Approval, mandate: EffectiveMandate, act: Act) -> bool:
    return (
        approval.body_digest == act.body_digest
        and approval.mandate_leaf == mandate.leaf
        and approval.owner == mandate.root_owner
        and approval.network_id == mandate.network_id
        and approval.counts_at(act.time_ms)
    )
