"""Rules of the fields that most mandates leave open: each holding and not, with its facts. [POL-1]"""

from dataclasses import replace
from typing import Any

from pytest import mark

from tests.support.mandates import (
    LIMIT,
    NODE,
    NOW,
    OTHER_SELLER,
    OWNER,
    PURCHASE,
    ROOT,
    SELLER,
    STATED,
    STRICT,
    child_of,
    meet,
)
from thingmarket.catalog.attributes import Attribute, ScaledInteger
from thingmarket.identity.effective import Count, Term
from thingmarket.identity.mandates import Action, Mandate, SpendingLimit
from thingmarket.identity.scopes import NOTHING, Scope
from thingmarket.identity.terms import GeoBox, Place, Places, Week, WeeklyWindow
from thingmarket.limits import DAY_MS, MINUTE_MS
from thingmarket.policy.acts import Act, DataShared
from thingmarket.policy.authorize import authorize
from thingmarket.policy.cosign import NOBODY_SPOKE, Cosign
from thingmarket.policy.decision import Decision, Verdict
from thingmarket.policy.rules import RULES
from thingmarket.policy.spending import NOTHING_SPENT, Counters, reservation_of
from thingmarket.time import UnixMs, utc_day, utc_month
from thingmarket.wire.identity import issued

ALLOWED: Act = replace(PURCHASE, **STATED)
MONDAY = UnixMs(1_830_297_600_000 + 2 * DAY_MS)  # 2028-01-03T00:00Z
OFFICE = Week(windows=(WeeklyWindow(days_mask=0b001_1111, start_minute=540, end_minute=1_020),))
KREUZBERG = Places(boxes=(GeoBox(south_e7=524_9, west_e7=133_8, north_e7=525_1, east_e7=134_4),))


def changed(**changes: Any) -> Mandate:
    return issued(replace(ROOT, **changes))


def decide(mandate: Mandate, act: Act = PURCHASE, counters: Counters | None = None) -> Decision:
    return authorize(meet(mandate), act, counters or {})


def rule_of(decision: Decision) -> str:
    assert decision.verdict is Verdict.DENY and decision.rules[0] in RULES
    return decision.rules[0]


def facts_of(decision: Decision) -> dict[str, int | str]:
    return {fact.name: fact.value for fact in decision.facts}


def test_a_mandate_with_every_field_lets_a_purchase_through_that_meets_them_all() -> None:  # [POL-2]
    decision = authorize(meet(STRICT), ALLOWED, {})
    assert decision.allows
    named = "AUT-0 AUT-1 ACT-1 TIM-1 TIM-2 TIM-3 NOD-1 GEO-1 CAT-1 PAR-1 PAR-2 PAR-3 CRT-1 SLA-1 SLA-2 SLA-3"
    named += " LIM-0 LIM-1 LIM-2 LIM-3 LIM-4 LIM-5 LIM-6 LIM-7 LIM-8 LIM-9"
    assert decision.rules == tuple(named.split())
    assert meet(STRICT).bites == tuple(term for term in Term if term is not Term.ACCOUNT)
    assert meet(STRICT).limits[0].bites == tuple(Count)


def test_a_rule_that_cannot_refuse_is_not_looked_at() -> None:
    assert meet(ROOT).bites == () == meet(ROOT).limits[0].bites
    idle = changed(limits=(replace(LIMIT, per_month_minor=20_000, liability_cap_minor=20_000),))
    assert meet(idle).limits[0].bites == ()  # the total refuses before they do


# --- when


@mark.parametrize(
    ("minutes", "allowed"),
    [
        (540 - 1, False),
        (540, True),
        (1_020 - 1, True),
        (1_020, False),
        (4 * 1_440 + 540, True),  # Friday
        (5 * 1_440 + 540, False),  # Saturday
        (6 * 1_440 + 1_439, False),
        (7 * 1_440 + 540, True),  # Monday again
    ],
)
def test_a_window_holds_from_its_first_minute_until_before_its_last(minutes: int, allowed: bool) -> None:
    # [TIM-3]
    act = replace(PURCHASE, time_ms=UnixMs(MONDAY + minutes * MINUTE_MS))
    mandate = changed(windows=OFFICE, not_before_ms=MONDAY, expires_ms=MONDAY + 20 * DAY_MS)
    decision = decide(mandate, act)
    assert decision.allows if allowed else rule_of(decision) == "TIM-3"
    assert facts_of(decision)["time.minute"] == minutes % 1_440
    last_ms = replace(act, time_ms=UnixMs(act.time_ms + MINUTE_MS - 1))
    assert decide(mandate, last_ms).allows is allowed


def test_what_was_agreed_before_is_carried_out_at_any_hour() -> None:  # [TIM-3]
    night = UnixMs(MONDAY + 2 * 3_600_000)
    mandate = changed(windows=OFFICE, not_before_ms=MONDAY, expires_ms=MONDAY + DAY_MS)
    sells = replace(PURCHASE, action=Action.SELL, time_ms=night)
    assert rule_of(decide(mandate, sells)) == "TIM-3"
    assert decide(mandate, replace(sells, follows=True)).allows


def test_every_link_has_its_own_windows() -> None:
    times: dict[str, Any] = {"not_before_ms": MONDAY, "expires_ms": MONDAY + 9 * DAY_MS}
    parent = changed(windows=OFFICE, **times)
    noon = Week(windows=(WeeklyWindow(days_mask=1, start_minute=720, end_minute=780),))
    chain = meet(parent, child_of(parent, windows=noon))
    at = [MONDAY + minute * MINUTE_MS for minute in (600, 720, 780)]
    assert [authorize(chain, replace(PURCHASE, time_ms=UnixMs(ms)), {}).allows for ms in at] == [
        False,
        True,
        False,
    ]


def test_an_empty_week_and_no_places_allow_nothing() -> None:  # [MAN-2]
    assert rule_of(decide(changed(windows=Week()))) == "TIM-3"
    assert rule_of(decide(changed(geo=Places()), replace(PURCHASE, place=Place(0, 0)))) == "GEO-1"


# --- where


@mark.parametrize(
    ("place", "allowed"),
    [
        (Place(525_0, 134_0), True),
        (Place(524_9, 133_8), True),
        (Place(525_1, 134_4), True),
        (Place(524_8, 134_0), False),
        (Place(525_0, 134_5), False),
        (None, False),
    ],
)
def test_a_purchase_is_for_a_permitted_place_or_denied(place: Place | None, allowed: bool) -> None:
    # [GEO-1]
    decision = decide(changed(geo=KREUZBERG), replace(PURCHASE, place=place))
    assert decision.allows if allowed else rule_of(decision) == "GEO-1"
    if place is None:
        assert facts_of(decision)["place"] == "not stated"


def test_an_act_that_is_about_no_place_is_not_held_back_by_places() -> None:
    assert decide(changed(geo=KREUZBERG), replace(PURCHASE, action=Action.ANNOUNCE)).allows


# --- who and what


def test_a_denied_counterparty_is_not_dealt_with() -> None:  # [PAR-2]
    mandate = changed(deny_counterparties=(SELLER,))
    for action in (Action.BUY, Action.SELL):
        assert rule_of(decide(mandate, replace(PURCHASE, action=action))) == "PAR-2"
    assert decide(mandate, replace(PURCHASE, counterparty=OTHER_SELLER)).allows


def test_what_sells_has_the_assurance_that_is_asked() -> None:  # [PAR-3]
    mandate = changed(min_assurance=2)
    decision = decide(mandate, replace(PURCHASE, counterparty_assurance=1))
    assert rule_of(decision) == "PAR-3"
    assert facts_of(decision)["assurance.asked"] == 2
    assert decide(mandate, replace(PURCHASE, counterparty_assurance=2)).allows


@mark.parametrize("value", [False, "yes", ScaledInteger(1)])
def test_an_offer_states_every_certificate_as_yes(value: Any) -> None:  # [CRT-1]
    mandate = changed(required_certificates=("eu.blue_angel",))
    missing = decide(mandate)
    assert rule_of(missing) == "CRT-1"
    assert facts_of(missing)["certificate.eu.blue_angel"] == "not stated"
    states = replace(PURCHASE, attributes=(Attribute("certificate.eu.blue_angel", True),))
    assert decide(mandate, states).allows
    wrong = replace(PURCHASE, attributes=(Attribute("certificate.eu.blue_angel", value),))
    assert rule_of(decide(mandate, wrong)) == "CRT-1"


def test_an_offer_promises_delivery_in_time() -> None:  # [SLA-1]
    mandate = changed(delivery_max_ms=DAY_MS)
    assert decide(mandate, replace(PURCHASE, delivery_ms=DAY_MS)).allows
    assert rule_of(decide(mandate, replace(PURCHASE, delivery_ms=DAY_MS + 1))) == "SLA-1"


@mark.parametrize(
    ("attribute", "allowed"),
    [
        (Attribute("warranty", ScaledInteger(365, 0, "DAY")), True),
        (Attribute("warranty", ScaledInteger(3_649, 1, "DAY")), False),
        (Attribute("warranty", ScaledInteger(24, 0, "MON")), False),
        (Attribute("warranty", "two years"), False),
        (Attribute("waranty", ScaledInteger(365, 0, "DAY")), False),
    ],
)
def test_an_offer_states_a_warranty_in_days(attribute: Attribute, allowed: bool) -> None:  # [SLA-2]
    decision = decide(changed(warranty_min_days=365), replace(PURCHASE, attributes=(attribute,)))
    assert decision.allows if allowed else rule_of(decision) == "SLA-2"
    assert "warranty" in facts_of(decision)


@mark.parametrize(
    ("attribute", "allowed"),
    [
        (Attribute("co2", ScaledInteger(250, 0, "GRM")), True),
        (Attribute("co2", ScaledInteger(2_501, 1, "GRM")), False),
        (Attribute("co2", ScaledInteger(0, 0, "KGM")), False),
        (Attribute("co", ScaledInteger(0, 0, "GRM")), False),
    ],
)
def test_an_offer_states_emissions_in_grams(attribute: Attribute, allowed: bool) -> None:  # [SLA-3]
    decision = decide(changed(co2_max_grams=250), replace(PURCHASE, attributes=(attribute,)))
    assert decision.allows if allowed else rule_of(decision) == "SLA-3"
    assert "co2" in facts_of(decision)


def test_without_the_owners_account_nothing_is_bought() -> None:  # [ACC-1]
    assert rule_of(decide(changed(settle_accounts=NOTHING))) == "ACC-1"
    assert decide(changed(settle_accounts=Scope(include=(OWNER,)))).allows
    assert decide(changed(settle_accounts=NOTHING), replace(PURCHASE, action=Action.SELL)).allows


# --- data


def share(**changes: Any) -> Act:
    shared = DataShared(kinds=("usage",), purpose="delivery", retention_days=30)
    return replace(PURCHASE, action=Action.DATA_SHARE, shared=replace(shared, **changes))


def test_only_permitted_data_is_shared_for_what_and_how_long_it_is_permitted() -> None:
    # [DAT-1] [DAT-2] [DAT-3]
    assert decide(ROOT, share()).allows
    assert decide(ROOT, share(kinds=("consumption", "usage"))).allows
    assert rule_of(decide(ROOT, share(kinds=("contact", "usage")))) == "DAT-1"
    assert rule_of(decide(ROOT, share(purpose="advertising"))) == "DAT-2"
    assert rule_of(decide(ROOT, share(retention_days=31))) == "DAT-3"
    unsaid = decide(ROOT, replace(PURCHASE, action=Action.DATA_SHARE, shared=None))
    assert rule_of(unsaid) == "DAT-1" and facts_of(unsaid)["data"] == "not stated"


# --- counts


def counted(**counts: int) -> Counters:
    month = utc_month(utc_day(NOW))
    counter = replace(NOTHING_SPENT, day=utc_day(NOW), month=month, **counts)
    return {(meet(STRICT).links[0], "EUR"): counter}


@mark.parametrize(
    ("rule", "counter", "most", "fact"),
    [
        ("LIM-5", "month_minor", 10_000 - 952, "budget.month.spent"),
        ("LIM-6", "day_orders", 2, "orders.day.spent"),
        ("LIM-7", "open_orders", 3, "orders.open.spent"),
        ("LIM-8", "open_holds", 1, "orders.held.spent"),
        ("LIM-9", "open_minor", 9_000 - 952, "budget.open.spent"),
    ],
)
def test_a_count_is_used_up_to_its_limit(rule: str, counter: str, most: int, fact: str) -> None:
    # [LIM-5] [LIM-6] [LIM-7] [LIM-8] [LIM-9]
    assert authorize(meet(STRICT), ALLOWED, counted(**{counter: most})).allows
    decision = authorize(meet(STRICT), ALLOWED, counted(**{counter: most + 1}))
    assert rule_of(decision) == rule
    assert facts_of(decision)[fact] == most + 1


def changed_limit(field: str, value: Any) -> SpendingLimit:
    return replace(LIMIT, **{field: value})


def test_a_limit_of_nothing_allows_nothing() -> None:  # [MAN-7]
    for field in ("per_month_minor", "orders_per_day", "max_open_orders", "max_open_holds"):
        assert not decide(changed(limits=(changed_limit(field, 0),))).allows
    assert not decide(changed(limits=(replace(LIMIT, liability_cap_minor=0),))).allows


def test_what_is_reserved_is_not_counted_a_second_time_and_not_exceeded() -> None:  # [LIM-10]
    chain = meet(STRICT)
    used_up = counted(day_minor=8_000, month_minor=10_000, total_minor=20_000, open_orders=4, day_orders=3)
    reserved = reservation_of(chain, currency="EUR", time_ms=NOW, amount_minor=952)
    assert not authorize(chain, ALLOWED, used_up).allows
    decision = authorize(chain, ALLOWED, used_up, NOBODY_SPOKE, reserved)
    assert decision.allows and decision.rules[-1] == "LIM-10" and "LIM-3" not in decision.rules
    cheaper = replace(ALLOWED, payable_minor=951)
    assert authorize(chain, cheaper, used_up, NOBODY_SPOKE, reserved).allows
    dearer = replace(ALLOWED, payable_minor=953)
    assert rule_of(authorize(chain, dearer, used_up, NOBODY_SPOKE, reserved)) == "LIM-10"
    night = replace(ALLOWED, time_ms=UnixMs(NOW + DAY_MS // 2))  # the owner answers when he is awake
    assert authorize(chain, night, used_up, NOBODY_SPOKE, reserved).allows


# --- approvals of several


BIG = replace(ALLOWED, payable_minor=952)
ASKS = issued(replace(STRICT, limits=(replace(STRICT.limits[0], cosign_above_minor=0),)))


@mark.parametrize(
    ("approved", "enough"),
    [
        ((), False),
        ((OWNER,), False),
        ((OWNER, OWNER), False),
        ((OWNER, OTHER_SELLER), False),
        ((OWNER, SELLER), True),
        ((SELLER, NODE), True),
        ((OWNER, SELLER, NODE), True),
    ],
)
def test_as_many_approve_as_the_quorum_each_counted_once(approved: Any, enough: bool) -> None:
    # [COS-1] [COS-2]
    decision = authorize(meet(ASKS), BIG, {}, Cosign(approved=approved))
    if enough:
        assert decision.allows and decision.rules[-1] == "COS-2"
    else:
        assert (decision.verdict, decision.rules) == (Verdict.NEED_COSIGN, ("COS-1",))
    assert facts_of(decision)["cosign.quorum"] == 2


def test_one_who_was_asked_rejects_and_a_stranger_does_not() -> None:  # [COS-3]
    yes = (OWNER, SELLER)
    assert rule_of(authorize(meet(ASKS), BIG, {}, Cosign(approved=yes, rejected=(NODE,)))) == "COS-3"
    assert authorize(meet(ASKS), BIG, {}, Cosign(approved=yes, rejected=(OTHER_SELLER,))).allows


def test_a_child_is_approved_by_none_but_its_parents_cosigners() -> None:  # [MAN-30]
    chain = meet(ASKS, child_of(ASKS, cosigners=(SELLER,)))
    assert chain.cosigners == (SELLER,) and chain.cosign_quorum == 2
    assert authorize(chain, BIG, {}, Cosign(approved=(OWNER, SELLER))).allows
    assert not authorize(chain, BIG, {}, Cosign(approved=(OWNER, NODE))).allows


def test_the_meet_asks_what_any_link_asks_and_waits_as_short_as_any() -> None:  # [MAN-3]
    child = child_of(
        STRICT,
        deny_counterparties=tuple(sorted((OTHER_SELLER, OWNER))),
        required_certificates=("a", "eu.blue_angel", "iso.14001"),
        min_assurance=3,
        cosign_quorum=3,
        cosign_ttl_ms=60_000,
        delivery_max_ms=1,
        warranty_min_days=400,
        co2_max_grams=1,
        data_retention_days=1,
    )
    chain = meet(STRICT, child)
    assert chain.deny_counterparties == child.deny_counterparties
    assert chain.required_certificates == child.required_certificates
    assert (chain.min_assurance, chain.cosign_quorum, chain.cosign_ttl_ms) == (3, 3, 60_000)
    assert (chain.delivery_max_ms, chain.warranty_min_days, chain.co2_max_grams) == (1, 400, 1)
    assert (chain.data_retention_days, chain.budget_authorities) == (1, (NODE,))
