"""What a mandate says of orders on one side of a market, before price and quantity are known. [MKT-8]"""

from typing import Final

from thingmarket.identity.effective import EffectiveMandate
from thingmarket.identity.mandates import Action, Autonomy
from thingmarket.policy.acts import Act
from thingmarket.policy.amounts import AMOUNTS
from thingmarket.policy.decision import Decision, Fact, Verdict
from thingmarket.policy.demands import BUYS, ITEMS
from thingmarket.policy.permissions import ACTS
from thingmarket.policy.question import Check, Question

# The rules whose answer does not depend on price and quantity; the others become limits of a permit.
_CURRENCY: Final = AMOUNTS[:1]
_ITEM: Final = ITEMS[:2]


def order_decision(mandate: EffectiveMandate, act: Act) -> Decision:
    """Whether orders like `act` may be placed at all; a book's other side is nobody, of no assurance."""
    facts = [Fact("autonomy", mandate.autonomy.name), Fact("action", act.action.name)]
    question = Question(mandate, act, {}, facts)
    rules = _rules(mandate, act.action)
    for rule, holds in rules:
        if not holds(question):
            return Decision(Verdict.DENY, (rule,), tuple(facts))
    return Decision(Verdict.ALLOW, tuple(rule for rule, _ in rules), tuple(facts))


def _rules(mandate: EffectiveMandate, action: Action) -> list[tuple[str, Check]]:
    rules = [(name, check) for name, check, term in ACTS if term is None or term in mandate.bites]
    if action is not Action.BUY:
        return rules
    rules += [(name, check) for name, check, term in BUYS if term is None or term in mandate.bites]
    if buys_items(mandate):
        rules += [(name, check) for name, check, _ in _ITEM]
    return rules + [(name, check) for name, check, _ in _CURRENCY]


def buys_items(mandate: EffectiveMandate) -> bool:
    """Whether only agreed items are bought: a BOUND thing, or one whose owner lists some."""
    return bool(mandate.bound_items) or mandate.autonomy <= Autonomy.BOUND
