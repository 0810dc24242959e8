"""May this be done? One pure function from mandate, act and counters to a decision with its reasons."""

from typing import Final

from thingmarket.identity.effective import EffectiveMandate
from thingmarket.identity.mandates import Action, Autonomy
from thingmarket.policy.acts import Act
from thingmarket.policy.cosign import NOBODY_SPOKE, Cosign, may_cosign, yeses
from thingmarket.policy.decision import Decision, Fact, Verdict
from thingmarket.policy.question import Question
from thingmarket.policy.rules import course_of
from thingmarket.policy.spending import Counters, Reservation

# The same for every decision, so made once.
_ACTION_FACTS: Final = {action: Fact("action", action.name) for action in Action}
_AUTONOMY_FACTS: Final = {level: Fact("autonomy", level.name) for level in Autonomy}


def authorize(
    mandate: EffectiveMandate | None,
    act: Act,
    counters: Counters,
    cosign: Cosign = NOBODY_SPOKE,
    reserved: Reservation | None = None,
) -> Decision:
    """Allow, deny or ask for approval, by the rules in their fixed order.

    The first rule that does not hold decides; the facts up to there are kept. `mandate` is None when the
    owner acts himself. `reserved` is what this very order has reserved already: then only its amount is
    looked at, no counter. Whether a link was revoked, and who signed what `cosign`
    says, the caller has checked.
    """
    if mandate is None:
        return Decision(Verdict.ALLOW, ("OWN-1",), (_ACTION_FACTS[act.action],))
    facts = [_AUTONOMY_FACTS[mandate.autonomy], _ACTION_FACTS[act.action]]
    question = Question(mandate, act, counters, facts, reserved)
    course = course_of(question)
    for rule, holds in course.steps:
        if not holds(question):
            return Decision(Verdict.DENY, (rule,), tuple(facts))
    if act.action is not Action.BUY:
        return Decision(Verdict.ALLOW, course.names, tuple(facts))
    return _cosigned(question, cosign, course.names)


def _cosigned(question: Question, cosign: Cosign, names: tuple[str, ...]) -> Decision:
    facts, threshold = question.facts, question.limit.cosign_above_minor
    if cosign is not NOBODY_SPOKE:
        if cosign.void:
            # Another order's, mandate's or stranger's word, or one too late, is no answer to this order.
            facts.append(Fact("approval", "of something else or expired"))
        if any(may_cosign(question.mandate, party) for party in cosign.rejected):
            facts.append(Fact("approval", "rejected"))
            return Decision(Verdict.DENY, ("COS-3",), tuple(facts))
    facts.append(Fact("cosign.above", threshold))
    if question.act.payable_minor <= threshold:
        return Decision(Verdict.ALLOW, names, tuple(facts))
    mandate = question.mandate
    approved = len(yeses(cosign, mandate))
    if approved:
        facts.append(Fact("approval", "approved"))
    if mandate.cosign_quorum > 1:
        facts.append(Fact("cosign.approved", approved))
        facts.append(Fact("cosign.quorum", mandate.cosign_quorum))
    if approved < mandate.cosign_quorum:
        return Decision(Verdict.NEED_COSIGN, ("COS-1",), tuple(facts))
    return Decision(Verdict.ALLOW, (*names, "COS-2"), tuple(facts))
