"""Each rule of the owner, holding and not holding, with the facts it looked at. [POL-1]"""

from dataclasses import replace
from typing import Any

from pytest import mark

from tests.support.mandates import (
    BOUND,
    FREE,
    ITEM,
    LIMIT,
    NOW,
    OTHER_NODE,
    OTHER_SELLER,
    PURCHASE,
    ROOT,
    SELLER,
    approval_of,
    child_of,
    meet,
)
from thingmarket.canonical import packer, unpacker
from thingmarket.identity.effective import EffectiveMandate
from thingmarket.identity.mandates import LEAST_AUTONOMY, Action, Approval, Autonomy, Mandate
from thingmarket.identity.scopes import EVERYTHING, NOTHING, Scope
from thingmarket.ids import Digest
from thingmarket.limits import DAY_MS, INTEGER_MAX
from thingmarket.policy.authorize import authorize
from thingmarket.policy.cosign import NOBODY_SPOKE, cosign_of
from thingmarket.policy.decision import Decision, Verdict
from thingmarket.policy.rules import RULES
from thingmarket.policy.spending import SpendingCounter
from thingmarket.time import UnixMs, utc_day
from thingmarket.wire.identity import issued

ALLOW, DENY, NEED_COSIGN = Verdict.ALLOW, Verdict.DENY, Verdict.NEED_COSIGN


def decide(
    mandate: Mandate, approval: Approval | None = None, counters: dict[Any, Any] | None = None, **act: Any
) -> Decision:
    asked, chain = replace(PURCHASE, **act), meet(mandate)
    words = [approval] if approval else []
    cosign = cosign_of(words, chain, body_digest=asked.body_digest, time_ms=asked.time_ms)
    return authorize(chain, asked, counters or {}, cosign if words else NOBODY_SPOKE)


def changed(mandate: Mandate, **changes: Any) -> Mandate:
    return issued(replace(mandate, **changes))


def limited(**changes: Any) -> Mandate:
    return changed(ROOT, limits=(replace(LIMIT, **changes),))


def spent_of(leaf: Digest, *, day_minor: int, total_minor: int, day: int | None = None) -> dict[Any, Any]:
    counter = SpendingCounter(
        day=utc_day(NOW) if day is None else day,  # type: ignore[arg-type]
        day_minor=day_minor,
        total_minor=total_minor,
        orders=1,
    )
    return {(leaf, "EUR"): counter}


def facts_of(decision: Decision) -> dict[str, int | str]:
    return {fact.name: fact.value for fact in decision.facts}


def assert_denied(decision: Decision, rule: str) -> None:
    assert (decision.verdict, decision.rules) == (DENY, (rule,))
    assert rule in RULES and not decision.allows


def test_a_purchase_within_all_rules_is_allowed_and_names_them_all() -> None:  # [POL-2]
    decision = decide(BOUND)
    assert decision.verdict is ALLOW and decision.allows
    named = "AUT-0 AUT-1 ACT-1 TIM-1 TIM-2 NOD-1 CAT-1 PAR-1"
    named += " ITM-1 ITM-2 ITM-3 ITM-4 LIM-0 LIM-1 LIM-2 LIM-3 LIM-4"
    assert decision.rules == tuple(named.split())
    assert set(decision.rules) <= RULES.keys()


def test_rules_that_a_mandate_does_not_use_are_not_named() -> None:
    assert not [rule for rule in decide(ROOT).rules if rule.startswith("ITM")]
    assert decide(ROOT, action=Action.ANNOUNCE).rules[-1] == "PAR-1"


def test_the_owner_himself_is_not_limited() -> None:  # [OWN-1]
    decision = authorize(None, PURCHASE, {})
    assert (decision.verdict, decision.rules) == (ALLOW, ("OWN-1",))
    assert facts_of(decision) == {"action": "BUY"}


# --- autonomy [MAN-5]


def test_an_announcers_purchase_is_refused_even_with_an_approval() -> None:  # [AUT-0]
    announcer = changed(ROOT, autonomy=Autonomy.ANNOUNCER)
    approval = approval_of(meet(announcer).leaf)
    assert_denied(decide(announcer), "AUT-0")
    assert_denied(decide(announcer, approval), "AUT-0")
    # Whether it is listed, in time, or affordable, is not asked any more.
    poor = changed(announcer, actions=(Action.ANNOUNCE,), limits=(), nodes=NOTHING)
    assert_denied(decide(poor, approval, time_ms=UnixMs(NOW + 99 * DAY_MS)), "AUT-0")


@mark.parametrize("level", Autonomy)
@mark.parametrize("action", Action)
def test_a_level_permits_the_actions_from_its_own_level_down(level: Autonomy, action: Action) -> None:
    # [AUT-1]
    mandate = changed(ROOT, autonomy=level, bound_items=(ITEM,))
    decision = decide(mandate, action=action)
    if level >= LEAST_AUTONOMY[action]:
        assert decision.verdict is ALLOW
    else:
        assert_denied(decision, "AUT-0" if level is Autonomy.ANNOUNCER else "AUT-1")


def test_levels_are_those_of_the_mission() -> None:
    announcer = {action for action in Action if LEAST_AUTONOMY[action] is Autonomy.ANNOUNCER}
    assert announcer == {Action.ANNOUNCE, Action.QUOTE_REQUEST, Action.FEEDBACK}
    assert LEAST_AUTONOMY[Action.SELL] is LEAST_AUTONOMY[Action.BUY] is Autonomy.BOUND
    assert LEAST_AUTONOMY[Action.NEGOTIATE] is Autonomy.ADAPTABLE
    assert LEAST_AUTONOMY[Action.SUBDELEGATE] is Autonomy.AUTONOMOUS
    assert LEAST_AUTONOMY.keys() == set(Action)


# --- action, time, place, category, counterparty


@mark.parametrize("action", Action)
def test_an_action_that_is_not_listed_is_refused(action: Action) -> None:  # [ACT-1]
    others = tuple(one for one in Action if one is not action)
    assert_denied(decide(changed(ROOT, actions=others), action=action), "ACT-1")
    assert decide(changed(ROOT, actions=(action,)), action=action).verdict is ALLOW


def test_a_mandate_is_valid_from_its_first_moment_until_before_its_last() -> None:  # [TIM-1] [TIM-2]
    assert_denied(decide(ROOT, time_ms=ROOT.not_before_ms - 1), "TIM-1")
    assert decide(ROOT, time_ms=ROOT.not_before_ms).allows
    assert decide(ROOT, time_ms=ROOT.expires_ms - 1).allows
    assert_denied(decide(ROOT, time_ms=ROOT.expires_ms), "TIM-2")


def test_a_mandate_is_used_at_its_nodes_only() -> None:  # [NOD-1]
    assert_denied(decide(ROOT, node=OTHER_NODE), "NOD-1")
    assert decide(changed(ROOT, nodes=EVERYTHING), node=OTHER_NODE).allows
    assert_denied(decide(changed(ROOT, nodes=NOTHING)), "NOD-1")


def test_only_permitted_categories_are_bought_announced_and_offered() -> None:  # [CAT-1]
    for action in (Action.BUY, Action.ANNOUNCE, Action.SELL, Action.NEGOTIATE):
        assert_denied(decide(ROOT, action=action, category="44121500"), "CAT-1")
        assert_denied(decide(ROOT, action=action, category="45"), "CAT-1")
        assert decide(ROOT, action=action, category="44103105").allows


def test_a_purchase_without_category_or_counterparty_is_refused() -> None:
    assert_denied(decide(ROOT, category=""), "CAT-1")
    assert_denied(decide(ROOT, counterparty=""), "PAR-1")
    assert decide(ROOT, action=Action.SELL, category="", counterparty="").allows


def test_only_permitted_counterparties_are_dealt_with() -> None:  # [PAR-1]
    narrow = changed(ROOT, counterparties=Scope(any=True, exclude=(SELLER,)))
    for action in (Action.BUY, Action.SELL):
        assert_denied(decide(narrow, action=action), "PAR-1")
        assert decide(narrow, action=action, counterparty=OTHER_SELLER).allows


# --- agreed items


def test_a_bound_thing_buys_agreed_items_only() -> None:  # [ITM-1] [ITM-2]
    assert_denied(decide(BOUND, product_id="ink-blue"), "ITM-1")
    # A step of another unit may be a thousand times as much: it is another item.
    assert_denied(decide(BOUND, unit="KGM"), "ITM-1")
    assert_denied(decide(BOUND, unit_scale=1), "ITM-1")
    assert_denied(decide(BOUND, currency="USD"), "ITM-1")
    assert_denied(decide(BOUND, counterparty=OTHER_SELLER), "ITM-2")
    assert decide(BOUND).allows


def test_given_items_restrict_every_level_and_without_them_higher_ones_are_free() -> None:
    assert_denied(decide(changed(ROOT, bound_items=(ITEM,)), product_id="ink-blue"), "ITM-1")
    assert decide(ROOT, product_id="ink-blue").allows


def test_the_unit_price_of_an_item_is_compared_exactly() -> None:  # [ITM-3]
    # 900 for one whole unit is allowed. 3 x 300 = 900; one more for the three is too much.
    assert decide(BOUND, price_minor=900).allows
    assert_denied(decide(BOUND, price_minor=901), "ITM-3")
    assert decide(BOUND, price_minor=2_700, price_base_steps=3).allows
    assert_denied(decide(BOUND, price_minor=2_701, price_base_steps=3), "ITM-3")
    # In thousandths, 1,000 steps are one unit: 9 for 10 steps are 900 for one unit.
    fine = changed(BOUND, bound_items=(replace(ITEM, unit_scale=3),))
    assert decide(
        fine, price_minor=9, price_base_steps=10, unit_scale=3, payable_minor=1, quantity_steps=4
    ).allows
    assert_denied(decide(fine, price_minor=10, price_base_steps=11, unit_scale=3), "ITM-3")


def test_the_quantity_of_an_item_is_limited() -> None:  # [ITM-4]
    assert decide(BOUND, quantity_steps=4, payable_minor=3_600).allows
    assert_denied(decide(BOUND, quantity_steps=5, payable_minor=3_600), "ITM-4")


def test_the_item_lists_of_all_links_must_agree() -> None:
    parent = changed(
        ROOT, bound_items=(replace(ITEM, max_quantity_steps=9), replace(ITEM, product_id="toner"))
    )
    chain = meet(parent, child_of(parent, bound_items=(ITEM,)))
    assert authorize(chain, PURCHASE, {}).allows
    assert_denied(authorize(chain, replace(PURCHASE, product_id="toner"), {}), "ITM-1")
    assert_denied(authorize(chain, replace(PURCHASE, quantity_steps=5), {}), "ITM-4")


# --- spending [MAN-7]


def test_nothing_is_spent_in_a_currency_without_a_limit() -> None:  # [LIM-0]
    assert_denied(decide(ROOT, currency="USD"), "LIM-0")
    assert_denied(decide(changed(ROOT, limits=())), "LIM-0")


@mark.parametrize(
    ("limit", "rule"),
    [
        ("per_item_minor", "LIM-1"),
        ("per_order_minor", "LIM-2"),
        ("per_day_minor", "LIM-3"),
        ("total_minor", "LIM-4"),
    ],
)
def test_a_limit_may_be_reached_exactly_and_zero_allows_nothing(limit: str, rule: str) -> None:
    # [LIM-1] [LIM-2] [LIM-3] [LIM-4]
    assert decide(limited(**{limit: 952})).allows
    assert_denied(decide(limited(**{limit: 951})), rule)
    assert_denied(decide(limited(**{limit: 0})), rule)


def test_the_limit_of_an_item_is_for_one_whole_unit_whatever_is_bought() -> None:
    assert decide(ROOT, payable_minor=4_000, quantity_steps=4).allows
    assert_denied(decide(ROOT, payable_minor=4_001, quantity_steps=4), "LIM-1")
    # 500 of 1,000 steps: half a unit may cost half.
    assert decide(ROOT, payable_minor=500, quantity_steps=500, unit_scale=3).allows
    assert_denied(decide(ROOT, payable_minor=501, quantity_steps=500, unit_scale=3), "LIM-1")


@mark.parametrize("payable_minor", [0, -1])
def test_an_order_that_costs_nothing_or_less_is_refused(payable_minor: int) -> None:
    assert_denied(decide(ROOT, payable_minor=payable_minor), "LIM-2")


def test_the_largest_numbers_are_compared_without_loss() -> None:
    names = ("per_item_minor", "per_order_minor", "per_day_minor", "total_minor", "cosign_above_minor")
    most = limited(**dict.fromkeys(names, INTEGER_MAX))
    assert decide(most, payable_minor=INTEGER_MAX).allows
    assert_denied(decide(most, payable_minor=INTEGER_MAX + 1), "LIM-1")
    spent = spent_of(meet(most).leaf, day_minor=1, total_minor=1)
    assert_denied(decide(most, None, spent, payable_minor=INTEGER_MAX), "LIM-3")


def test_a_day_is_full_when_its_limit_is_reached_and_the_facts_say_so() -> None:
    leaf = meet(ROOT).leaf
    assert decide(ROOT, None, spent_of(leaf, day_minor=7_048, total_minor=7_048)).allows
    decision = decide(ROOT, None, spent_of(leaf, day_minor=7_049, total_minor=7_049))
    assert_denied(decision, "LIM-3")
    facts = facts_of(decision)
    assert facts["budget.day.spent"] == 7_049
    assert facts["budget.day.asked"] == 952
    assert facts["budget.day.allowed"] == 8_000
    assert "budget.total.spent" not in facts


def test_a_day_begins_anew_at_midnight_utc() -> None:
    midnight = utc_day(NOW) * DAY_MS + DAY_MS
    full = spent_of(meet(ROOT).leaf, day_minor=8_000, total_minor=8_000)
    assert_denied(decide(ROOT, None, full, time_ms=UnixMs(midnight - 1)), "LIM-3")
    assert decide(ROOT, None, full, time_ms=UnixMs(midnight)).allows


def test_the_total_never_begins_anew() -> None:
    earlier = utc_day(NOW) - 3
    leaf = meet(ROOT).leaf
    assert decide(ROOT, None, spent_of(leaf, day=earlier, day_minor=1, total_minor=19_048)).allows
    assert_denied(decide(ROOT, None, spent_of(leaf, day=earlier, day_minor=1, total_minor=19_049)), "LIM-4")


def test_what_a_sibling_spent_counts_against_the_parents_budget() -> None:
    chain = meet(ROOT, child_of(ROOT))
    decision = authorize(chain, PURCHASE, spent_of(chain.links[0], day_minor=7_500, total_minor=7_500))
    assert_denied(decision, "LIM-3")
    assert facts_of(decision)["budget.day.depth"] == 0


# --- approval [MAN-9]


def test_above_the_threshold_the_owner_is_asked() -> None:  # [COS-1]
    assert decide(limited(cosign_above_minor=952)).allows
    for threshold in (951, 0):
        decision = decide(limited(cosign_above_minor=threshold))
        assert (decision.verdict, decision.rules) == (NEED_COSIGN, ("COS-1",))
        assert facts_of(decision)["cosign.above"] == threshold


def test_the_owners_approval_of_this_order_allows_it() -> None:  # [COS-2]
    mandate = limited(cosign_above_minor=0)
    decision = decide(mandate, approval_of(meet(mandate).leaf))
    assert decision.verdict is ALLOW
    assert decision.rules[-1] == "COS-2"


@mark.parametrize(
    "changes",
    [
        {"body_digest": Digest(bytes(32))},
        {"mandate_leaf": Digest(bytes(32))},
        {"owner": SELLER},
        {"network_id": bytes(16)},
        {"expires_ms": NOW},
        {"approved": False, "body_digest": Digest(bytes(32))},
    ],
)
def test_an_approval_of_something_else_or_too_late_is_none(changes: dict[str, Any]) -> None:
    mandate = limited(cosign_above_minor=0)
    decision = decide(mandate, approval_of(meet(mandate).leaf, **changes))
    assert (decision.verdict, decision.rules) == (NEED_COSIGN, ("COS-1",))


def test_an_approval_counts_until_just_before_it_expires() -> None:
    mandate = limited(cosign_above_minor=0)
    assert decide(mandate, approval_of(meet(mandate).leaf, expires_ms=NOW + 1)).allows


def test_the_owners_no_counts_below_the_threshold_too() -> None:  # [COS-3]
    for mandate in (limited(cosign_above_minor=0), ROOT):
        assert_denied(decide(mandate, approval_of(meet(mandate).leaf, approved=False)), "COS-3")


def test_an_approval_lifts_no_limit() -> None:
    mandate = limited(per_order_minor=951)
    assert_denied(decide(mandate, approval_of(meet(mandate).leaf)), "LIM-2")


# --- the decision as a value


def test_every_rule_has_its_sentence_and_every_fact_fits_its_message() -> None:
    for decision in (decide(BOUND), decide(FREE), decide(limited(cosign_above_minor=0))):
        assert set(decision.rules) <= RULES.keys()
        assert len(decision.rules) <= 32 and len(decision.facts) <= 64
        assert all(len(fact.name) <= 64 and len(str(fact.value)) <= 128 for fact in decision.facts)
    assert all(sentence.endswith(".") for sentence in RULES.values())


def test_the_same_question_has_the_same_answer() -> None:
    assert decide(BOUND) == decide(BOUND)


def test_what_is_stored_reads_back_as_it_was() -> None:
    chain = meet(BOUND)
    for kind, value in ((EffectiveMandate, chain), (Mandate, BOUND), (Decision, decide(BOUND))):
        assert unpacker(kind)(packer(kind)(value)) == value
