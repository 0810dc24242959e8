"""One link, the rule of each field between parent and child, and the meet of a chain. [MAN-1] [MAN-3]"""

from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from typing import Any

from pytest import mark, raises

from tests.support.mandates import (
    BOUND,
    FREE,
    ITEM,
    LIMIT,
    NETWORK,
    NODE,
    NOW,
    OTHER_NODE,
    OTHER_SELLER,
    OWNER,
    ROOT,
    SELLER,
    STRICT,
    THINGS,
    child_of,
    meet,
)
from thingmarket.errors import Code, Refusal
from thingmarket.identity.commands import Revoke
from thingmarket.identity.effective import effective
from thingmarket.identity.mandates import LIMIT_FIELDS, Action, Autonomy, Mandate, mandate_digest
from thingmarket.identity.narrowing import LINK_RULES, check_root, narrower
from thingmarket.identity.scopes import EVERYTHING, Scope
from thingmarket.identity.terms import ALWAYS, ANYWHERE, GeoBox, Places, Week, WeeklyWindow
from thingmarket.ids import Digest, Key, PartyId
from thingmarket.limits import DAY_MS, INTEGER_MAX, MANDATE_ROOT_LIFE_MS
from thingmarket.wire.identity import issued

# A parent in the middle of a chain, with room above and below in every field.
PARENT = issued(
    replace(
        STRICT,
        bound_items=(ITEM,),
        limits=(*STRICT.limits, replace(LIMIT, currency="USD")),
        data_scopes=Scope(include=("usage",)),
        revocation_epoch=5,
        max_depth=1,
    )
)
WIDER_ITEM = replace(ITEM, sellers=Scope(include=tuple(sorted((SELLER, OTHER_SELLER)))))
NOT_SUBDELEGATE = tuple(action for action in Action if action is not Action.SUBDELEGATE)


def limit_with(**changes: Any) -> dict[str, Any]:
    return {"limits": (replace(STRICT.limits[0], **changes), replace(LIMIT, currency="USD"))}


def box(south: int, west: int, north: int, east: int) -> dict[str, Any]:
    return {"geo": Places(boxes=(GeoBox(south_e7=south, west_e7=west, north_e7=north, east_e7=east),))}


def window(days: int, start: int, end: int) -> dict[str, Any]:
    return {"windows": Week(windows=(WeeklyWindow(days_mask=days, start_minute=start, end_minute=end),))}


# Every enforced field of a link and each way to make it one step broader than PARENT.
BROADER: list[tuple[str, dict[str, Any], str]] = [
    ("network_id", {"network_id": bytes(16)}, "MAN-15"),
    ("issuer", {"issuer": THINGS[3]}, "MAN-10"),
    ("subject", {"subject": THINGS[0]}, "MAN-14"),
    (
        "root_owner",
        {"root_owner": OTHER_SELLER, "settle_accounts": EVERYTHING, "refund_destination": ""},
        "MAN-11",
    ),
    ("parent_digest", {"parent_digest": bytes(32)}, "MAN-12"),
    ("depth", {"depth": 2, "max_depth": 2}, "MAN-13"),
    ("max_depth", {"max_depth": 2}, "MAN-16"),
    ("not_before_ms", {"not_before_ms": PARENT.not_before_ms - 1}, "MAN-17"),
    ("expires_ms", {"expires_ms": PARENT.expires_ms + 1}, "MAN-17"),
    ("categories", {"categories": EVERYTHING}, "MAN-21"),
    ("categories", {"categories": Scope(include=("4",), exclude=("4412",))}, "MAN-21"),
    ("categories", {"categories": Scope(include=("44", "45"), exclude=("4412",))}, "MAN-21"),
    ("categories", {"categories": Scope(include=("44",))}, "MAN-21"),
    ("categories", {"categories": Scope(include=("44",), exclude=("44121",))}, "MAN-21"),
    ("categories", {"categories": Scope(include=("4412",))}, "MAN-21"),
    ("bound_items", {"bound_items": ()}, "MAN-22"),
    ("bound_items", {"bound_items": (replace(ITEM, product_id="ink-blue"),)}, "MAN-22"),
    ("bound_items", {"bound_items": (ITEM, replace(ITEM, product_id="ink-blue"))}, "MAN-22"),
    ("bound_items", {"bound_items": (replace(ITEM, currency="USD"),)}, "MAN-22"),
    ("bound_items", {"bound_items": (replace(ITEM, max_unit_price_minor=901),)}, "MAN-22"),
    ("bound_items", {"bound_items": (replace(ITEM, max_quantity_steps=5),)}, "MAN-22"),
    ("bound_items", {"bound_items": (replace(ITEM, unit="KGM"),)}, "MAN-22"),
    ("bound_items", {"bound_items": (replace(ITEM, unit_scale=1),)}, "MAN-22"),
    ("bound_items", {"bound_items": (WIDER_ITEM,)}, "MAN-22"),
    ("counterparties", {"counterparties": EVERYTHING}, "MAN-23"),
    (
        "counterparties",
        {"counterparties": Scope(include=tuple(sorted((SELLER, OTHER_SELLER, OWNER))))},
        "MAN-23",
    ),
    ("limits", limit_with(per_item_minor=1_001), "MAN-24"),
    ("limits", limit_with(per_order_minor=5_001), "MAN-24"),
    ("limits", limit_with(per_day_minor=8_001), "MAN-24"),
    ("limits", limit_with(total_minor=20_001), "MAN-24"),
    ("limits", limit_with(cosign_above_minor=5_001), "MAN-24"),
    ("limits", {"limits": (replace(LIMIT, currency="CHF"), *PARENT.limits)}, "MAN-24"),
    ("nodes", {"nodes": EVERYTHING}, "MAN-25"),
    ("nodes", {"nodes": Scope(include=tuple(sorted((NODE, OTHER_NODE))))}, "MAN-25"),
    ("revocation_epoch", {"revocation_epoch": 6}, "MAN-26"),
    ("revocation_epoch", {"revocation_epoch": 4}, "MAN-26"),
    ("limits", limit_with(per_month_minor=10_001), "MAN-24"),
    ("limits", limit_with(orders_per_day=4), "MAN-24"),
    ("limits", limit_with(max_open_orders=5), "MAN-24"),
    ("limits", limit_with(max_open_holds=3), "MAN-24"),
    ("limits", limit_with(liability_cap_minor=9_001), "MAN-24"),
    ("deny_counterparties", {"deny_counterparties": ()}, "MAN-27"),
    ("deny_counterparties", {"deny_counterparties": (SELLER,)}, "MAN-27"),
    ("min_assurance", {"min_assurance": 0}, "MAN-28"),
    ("required_certificates", {"required_certificates": ("eu.blue_angel",)}, "MAN-29"),
    ("cosigners", {"cosigners": tuple(sorted((SELLER, NODE, OTHER_NODE)))}, "MAN-30"),
    ("cosigners", {"cosigners": (OTHER_NODE,)}, "MAN-30"),
    ("cosign_quorum", {"cosign_quorum": 1}, "MAN-31"),
    ("cosign_ttl_ms", {"cosign_ttl_ms": 3_600_001}, "MAN-32"),
    ("geo", {"geo": ANYWHERE}, "MAN-33"),
    ("geo", box(-1, 0, 20, 20), "MAN-33"),
    ("geo", box(0, -1, 20, 20), "MAN-33"),
    ("geo", box(0, 0, 21, 20), "MAN-33"),
    ("geo", box(0, 0, 20, 21), "MAN-33"),
    ("windows", {"windows": ALWAYS}, "MAN-34"),
    ("windows", window(0b111_1111, 479, 1_080), "MAN-34"),
    ("windows", window(0b111_1111, 480, 1_081), "MAN-34"),
    ("data_scopes", {"data_scopes": EVERYTHING}, "MAN-35"),
    ("data_scopes", {"data_scopes": Scope(include=("contact", "usage"))}, "MAN-35"),
    ("data_purposes", {"data_purposes": EVERYTHING}, "MAN-35"),
    ("data_retention_days", {"data_retention_days": 31}, "MAN-35"),
    ("budget_authority", {"budget_authority": OTHER_NODE}, "MAN-36"),
    ("budget_authority", {"budget_authority": ""}, "MAN-36"),
    ("terms_hash", {"terms_hash": bytes(32)}, "MAN-37"),
    ("delivery_max_ms", {"delivery_max_ms": 2 * DAY_MS + 1}, "MAN-38"),
    ("warranty_min_days", {"warranty_min_days": 364}, "MAN-38"),
    ("co2_max_grams", {"co2_max_grams": 251}, "MAN-38"),
    ("settle_accounts", {"settle_accounts": EVERYTHING}, "MAN-39"),
    ("refund_destination", {"refund_destination": ""}, "MAN-39"),
]
# What no rule compares: random names, the bytes themselves, and by what rules the subject decides.
FREE_FIELDS = {"mandate_id", "nonce", "signed_bytes", "rules_hash"}
# Their parent must be AUTONOMOUS and list SUBDELEGATE to have a child at all: tested by themselves.
APART = {"autonomy", "actions"}


def refusal_of(act: Callable[[], object]) -> Refusal:
    with raises(Refusal) as refused:
        act()
    return refused.value


def test_a_child_with_its_parents_permissions_is_accepted() -> None:
    narrower(child_of(PARENT), PARENT)


@mark.parametrize(("field", "changes", "rule"), BROADER)
def test_a_child_that_is_one_step_broader_is_refused_by_the_rule_of_the_field(
    field: str, changes: dict[str, Any], rule: str
) -> None:  # [MAN-21] [MAN-22] [MAN-23] [MAN-24] [MAN-25] [MAN-26] [MAN-27] [MAN-28] [MAN-29]
    # [MAN-30] [MAN-31] [MAN-32] [MAN-33] [MAN-34] [MAN-35] [MAN-36] [MAN-37] [MAN-38] [MAN-39]
    child = child_of(PARENT, **changes)
    refusal = refusal_of(lambda: narrower(child, PARENT))
    assert refusal.rule == rule
    assert field in refusal.reason
    assert refusal.number in (Code.MANDATE_BROADER, Code.CHAIN_BROKEN, Code.WRONG_NETWORK)


# Every field again, one step the other way: a child may be narrower in each.
NARROWER: list[tuple[str, dict[str, Any]]] = [
    ("max_depth", {"depth": 1, "max_depth": 1}),
    ("not_before_ms", {"not_before_ms": PARENT.not_before_ms + 1}),
    ("expires_ms", {"expires_ms": PARENT.expires_ms - 1}),
    ("categories", {"categories": Scope(include=("441",), exclude=("4412",))}),
    ("bound_items", {"bound_items": (replace(ITEM, max_unit_price_minor=899, max_quantity_steps=3),)}),
    ("counterparties", {"counterparties": Scope(include=(SELLER,))}),
    *(("limits", limit_with(**{field: getattr(STRICT.limits[0], field) - 1})) for field in LIMIT_FIELDS),
    ("limits", {"limits": ()}),
    ("nodes", {"nodes": Scope()}),
    ("deny_counterparties", {"deny_counterparties": tuple(sorted((OTHER_SELLER, SELLER)))}),
    ("min_assurance", {"min_assurance": 2}),
    ("required_certificates", {"required_certificates": ("a", "eu.blue_angel", "iso.14001")}),
    ("cosigners", {"cosigners": (SELLER,)}),
    ("cosign_quorum", {"cosign_quorum": 3}),
    ("cosign_ttl_ms", {"cosign_ttl_ms": 3_599_999}),
    ("geo", box(1, 1, 19, 19)),
    ("geo", {"geo": Places()}),
    ("windows", window(0b000_0001, 481, 1_079)),
    ("windows", {"windows": Week()}),
    ("data_scopes", {"data_scopes": Scope()}),
    ("data_purposes", {"data_purposes": Scope()}),
    ("data_retention_days", {"data_retention_days": 29}),
    ("terms_hash", {"terms_hash": b""}),
    ("rules_hash", {"rules_hash": bytes(32)}),
    ("delivery_max_ms", {"delivery_max_ms": 2 * DAY_MS - 1}),
    ("warranty_min_days", {"warranty_min_days": 366}),
    ("co2_max_grams", {"co2_max_grams": 249}),
    ("settle_accounts", {"settle_accounts": Scope()}),
]


@mark.parametrize(("field", "changes"), NARROWER)
def test_a_child_that_is_one_step_narrower_is_accepted(field: str, changes: dict[str, Any]) -> None:
    child = child_of(PARENT, **changes)
    assert getattr(child, field) != getattr(child_of(PARENT), field) or field == "max_depth"
    narrower(child, PARENT)


def test_every_field_of_a_link_and_every_rule_is_broadened_once() -> None:
    # [MAN-10] [MAN-11] [MAN-12] [MAN-13] [MAN-14] [MAN-15] [MAN-16] [MAN-17]
    names = {field.name for field in fields(Mandate)}
    assert {field for field, _, _ in BROADER} == names - FREE_FIELDS - APART
    assert {rule for _, _, rule in BROADER} == {rule.id for rule in LINK_RULES} - {
        "MAN-18",
        "MAN-19",
        "MAN-20",
    }


def test_a_level_above_the_parents_is_refused() -> None:  # [MAN-18] [MAN-19]
    # A parent below AUTONOMOUS may have no child at all, so the rule of the level stands behind another.
    child = child_of(PARENT)
    for level in (Autonomy.ANNOUNCER, Autonomy.BOUND, Autonomy.ADAPTABLE):
        lower = issued(replace(PARENT, autonomy=level))
        assert refusal_of(partial(narrower, child_of(lower), lower)).rule == "MAN-18"
        [rule] = [rule for rule in LINK_RULES if rule.field == "autonomy"]
        assert not rule.holds(child, lower) and rule.holds(child_of(lower), lower)


@mark.parametrize("action", [action for action in Action if action is not Action.SUBDELEGATE])
def test_an_action_that_the_parent_does_not_list_is_refused(action: Action) -> None:  # [MAN-20]
    parent = issued(replace(PARENT, actions=tuple(one for one in Action if one is not action)))
    child = child_of(parent, actions=tuple(Action))
    assert refusal_of(lambda: narrower(child, parent)).rule == "MAN-20"


def test_only_a_parent_that_may_subdelegate_has_children() -> None:
    parent = issued(replace(PARENT, actions=NOT_SUBDELEGATE))
    refusal = refusal_of(lambda: narrower(child_of(parent), parent))
    assert (refusal.number, refusal.rule) == (Code.MANDATE_BROADER, "MAN-18")


def test_a_parent_at_its_deepest_link_has_no_children() -> None:
    parent = issued(replace(PARENT, max_depth=0))
    assert refusal_of(lambda: narrower(child_of(parent, max_depth=1), parent)).rule == "MAN-16"


def test_a_child_may_exclude_more_include_less_and_stay_outside_what_is_excluded() -> None:
    for categories in (
        Scope(include=("4410",)),
        Scope(include=("44",), exclude=("4411", "4412")),
        Scope(include=("44",), exclude=("441",)),
        Scope(),
    ):
        narrower(child_of(PARENT, categories=categories), PARENT)


def test_a_free_parent_accepts_any_items_categories_parties_and_nodes() -> None:
    narrower(
        child_of(
            FREE,
            bound_items=(ITEM,),
            categories=Scope(include=("1",)),
            counterparties=Scope(include=(SELLER,)),
            nodes=Scope(any=True, exclude=(NODE,)),
            autonomy=Autonomy.BOUND,
        ),
        FREE,
    )


# --- the root


def test_a_root_is_issued_by_its_owner() -> None:
    check_root(ROOT)
    stranger = issued(replace(ROOT, issuer=SELLER))
    assert refusal_of(lambda: check_root(stranger)).number == Code.CHAIN_BROKEN
    assert refusal_of(lambda: check_root(child_of(ROOT))).number == Code.CHAIN_BROKEN


def test_a_root_lives_for_366_days_at_most() -> None:
    longest = replace(ROOT, expires_ms=ROOT.not_before_ms + MANDATE_ROOT_LIFE_MS)
    check_root(longest)
    refusal = refusal_of(lambda: check_root(replace(longest, expires_ms=longest.expires_ms + 1)))
    assert refusal.number == Code.OUT_OF_RANGE


# --- the shape of one link


@mark.parametrize(
    ("changes", "code"),
    [
        ({"network_id": bytes(15)}, Code.BAD_ID),
        ({"mandate_id": bytes(17)}, Code.BAD_ID),
        ({"nonce": b""}, Code.BAD_ID),
        ({"parent_digest": bytes(32)}, Code.BAD_ID),
        ({"depth": 1, "parent_digest": b""}, Code.BAD_ID),
        ({"issuer": "tm:party:nobody"}, Code.BAD_ID),
        ({"subject": OWNER}, Code.BAD_ID),
        ({"root_owner": THINGS[1]}, Code.BAD_ID),
        ({"depth": 3, "max_depth": 3, "parent_digest": bytes(32)}, Code.OUT_OF_RANGE),
        ({"depth": 2, "max_depth": 1, "parent_digest": bytes(32)}, Code.OUT_OF_RANGE),
        ({"max_depth": 3}, Code.OUT_OF_RANGE),
        ({"max_depth": -1}, Code.OUT_OF_RANGE),
        ({"not_before_ms": 0}, Code.OUT_OF_RANGE),
        ({"expires_ms": 2**53}, Code.OUT_OF_RANGE),
        ({"expires_ms": ROOT.not_before_ms}, Code.OUT_OF_RANGE),
        ({"revocation_epoch": INTEGER_MAX + 1}, Code.OUT_OF_RANGE),
        ({"actions": (Action.BUY, Action.ANNOUNCE)}, Code.BAD_FIELD),
        ({"actions": (Action.BUY, Action.BUY)}, Code.BAD_FIELD),
        ({"categories": Scope(any=True, include=("44",))}, Code.BAD_FIELD),
        ({"categories": Scope(include=("44", "44"))}, Code.BAD_FIELD),
        ({"categories": Scope(include=("45", "44"))}, Code.BAD_FIELD),
        ({"categories": Scope(include=("",))}, Code.BAD_FIELD),
        ({"categories": Scope(include=("٤٤",))}, Code.BAD_FIELD),
        ({"categories": Scope(include=("441031050",))}, Code.BAD_FIELD),
        ({"categories": Scope(include=tuple(str(code) for code in range(10, 43)))}, Code.TOO_LARGE),
        ({"counterparties": Scope(exclude=(THINGS[1],))}, Code.BAD_ID),
        ({"nodes": Scope(include=("node",))}, Code.BAD_ID),
        ({"limits": (LIMIT, LIMIT)}, Code.BAD_FIELD),
        ({"limits": (replace(LIMIT, currency="USD"), LIMIT)}, Code.BAD_FIELD),
        ({"bound_items": (ITEM, ITEM)}, Code.BAD_FIELD),
        ({"bound_items": tuple(replace(ITEM, product_id=f"p{n}") for n in range(10, 43))}, Code.TOO_LARGE),
        ({"autonomy": Autonomy.BOUND}, Code.BAD_FIELD),
    ],
)
def test_a_link_of_the_wrong_shape_is_refused(changes: dict[str, Any], code: Code) -> None:
    assert refusal_of(lambda: replace(ROOT, **changes)).number == code


@mark.parametrize("field", [field.name for field in fields(LIMIT) if field.name != "currency"])
@mark.parametrize("minor", [-1, INTEGER_MAX + 1])
def test_a_limit_is_between_nothing_and_the_largest_integer(field: str, minor: int) -> None:
    change = partial(replace, LIMIT)
    assert refusal_of(lambda: change(**{field: minor})).number == Code.OUT_OF_RANGE
    assert change(**{field: 0}) and change(**{field: INTEGER_MAX})


def test_a_limit_in_an_unknown_currency_is_refused() -> None:
    assert refusal_of(lambda: replace(LIMIT, currency="EURO")).number == Code.UNKNOWN_CURRENCY


@mark.parametrize(
    ("changes", "code"),
    [
        ({"product_id": "ink black"}, Code.BAD_ID),
        ({"product_id": "іnk"}, Code.BAD_ID),  # the first letter is Cyrillic
        ({"currency": ""}, Code.UNKNOWN_CURRENCY),
        ({"unit": ""}, Code.BAD_FIELD),
        ({"unit_scale": 16}, Code.BAD_FIELD),
        ({"max_unit_price_minor": 0}, Code.OUT_OF_RANGE),
        ({"max_quantity_steps": INTEGER_MAX + 1}, Code.OUT_OF_RANGE),
        ({"sellers": Scope(include=(THINGS[0],))}, Code.BAD_ID),
    ],
)
def test_an_item_of_the_wrong_shape_is_refused(changes: dict[str, Any], code: Code) -> None:
    assert refusal_of(lambda: replace(ITEM, **changes)).number == code


def test_a_bound_thing_that_may_not_buy_needs_no_items() -> None:
    assert replace(ROOT, autonomy=Autonomy.BOUND, actions=(Action.SELL,))


# --- chains


def test_chains_of_one_two_and_three_links_are_accepted_and_longer_ones_refused() -> None:
    second = child_of(ROOT)
    third = child_of(second)
    for length in (1, 2, 3):
        chain = (ROOT, second, third)[:length]
        met = meet(*chain)
        assert met.links == tuple(mandate_digest(mandate) for mandate in chain)
        assert met.subjects == THINGS[:length]
        assert (met.leaf, met.issuer, met.subject) == (met.links[-1], chain[-1].issuer, THINGS[length - 1])
    assert refusal_of(meet).number == Code.CHAIN_BROKEN
    assert refusal_of(lambda: meet(ROOT, second, third, third)).number == Code.CHAIN_BROKEN


def test_a_chain_that_returns_to_an_ancestor_is_refused() -> None:
    second = child_of(ROOT)
    circle = child_of(second, subject=THINGS[0])
    assert refusal_of(lambda: meet(ROOT, second, circle)).rule == "MAN-14"


def test_a_chain_without_its_root_or_of_another_network_is_refused() -> None:
    assert refusal_of(lambda: meet(child_of(ROOT))).number == Code.CHAIN_BROKEN
    assert refusal_of(lambda: effective((ROOT,), network_id=bytes(16))).number == Code.WRONG_NETWORK


def test_a_chain_of_more_than_8_kib_is_refused() -> None:
    large = tuple(replace(link, signed_bytes=bytes(4096)) for link in (ROOT, child_of(ROOT), child_of(ROOT)))
    assert refusal_of(lambda: meet(*large)).number == Code.TOO_LARGE


def test_the_meet_takes_the_least_of_every_link() -> None:
    lower = replace(LIMIT, per_order_minor=4_000, per_day_minor=100, cosign_above_minor=0)
    child = child_of(
        ROOT,
        not_before_ms=ROOT.not_before_ms + 1,
        expires_ms=ROOT.expires_ms - 1,
        autonomy=Autonomy.ADAPTABLE,
        actions=(Action.ANNOUNCE, Action.BUY),
        categories=Scope(include=("4410",)),
        bound_items=(ITEM,),
        limits=(lower,),
    )
    met = meet(ROOT, child)
    assert (met.not_before_ms, met.expires_ms) == (child.not_before_ms, child.expires_ms)
    assert (met.autonomy, met.actions) == (Autonomy.ADAPTABLE, (Action.ANNOUNCE, Action.BUY))
    assert met.categories == (ROOT.categories, child.categories)
    assert met.bound_items == ((ITEM,),)
    [limit] = met.limits
    assert (limit.per_item_minor, limit.per_order_minor, limit.cosign_above_minor) == (1_000, 4_000, 0)
    assert [(budget.link, budget.per_day_minor) for budget in limit.budgets] == [
        (mandate_digest(ROOT), 8_000),
        (mandate_digest(child), 100),
    ]


def test_a_currency_that_the_child_leaves_out_may_not_be_spent() -> None:
    assert meet(ROOT, child_of(ROOT, limits=())).limit("EUR") is None


# --- revocation [MAN-8]


def revoke(**target: Any) -> Revoke:
    return Revoke(key=Key(bytes(16)), reason="lost", **target)


def test_revoking_a_link_ends_it_and_all_links_below() -> None:
    child = child_of(ROOT)
    for link in (ROOT, child):
        assert revoke(mandate=mandate_digest(link)).ends(meet(ROOT, child))
    assert not revoke(mandate=mandate_digest(child)).ends(meet(ROOT))
    assert not revoke(mandate=Digest(bytes(32))).ends(meet(ROOT, child))


def test_revoking_a_subject_ends_its_mandates_and_those_it_gave() -> None:
    child = child_of(ROOT)
    assert revoke(subject=THINGS[0]).ends(meet(ROOT, child))
    assert revoke(subject=THINGS[1]).ends(meet(ROOT, child))
    assert not revoke(subject=THINGS[1]).ends(meet(ROOT))


def test_a_new_epoch_ends_every_older_one_and_not_its_own() -> None:
    of_epoch_5 = meet(issued(replace(ROOT, revocation_epoch=5)))
    assert revoke(epoch=6).ends(of_epoch_5)
    assert not revoke(epoch=5).ends(of_epoch_5)
    assert not revoke(epoch=4).ends(of_epoch_5)


@mark.parametrize(
    ("changes", "code"),
    [
        ({}, Code.BAD_FIELD),
        ({"mandate": Digest(bytes(32)), "epoch": 1}, Code.BAD_FIELD),
        ({"mandate": Digest(bytes(31))}, Code.BAD_ID),
        ({"subject": OWNER}, Code.BAD_ID),
        ({"subject": PartyId("")}, Code.BAD_ID),
        ({"epoch": 0}, Code.OUT_OF_RANGE),
        ({"epoch": 2**53}, Code.OUT_OF_RANGE),
        ({"epoch": 1, "reason": "x" * 121}, Code.TOO_LARGE),
        ({"epoch": 1, "reason": "a\nb"}, Code.BAD_FIELD),
        ({"epoch": 1, "key": Key(b"")}, Code.BAD_ID),
    ],
)
def test_a_revocation_of_the_wrong_shape_is_refused(changes: dict[str, Any], code: Code) -> None:
    given = {"key": Key(bytes(16)), "reason": ""} | changes
    assert refusal_of(lambda: Revoke(**given)).number == code


def test_a_draft_has_no_digest() -> None:
    with raises(AssertionError):
        mandate_digest(replace(ROOT, signed_bytes=b""))


def test_the_tests_own_mandates_can_be_presented() -> None:
    for mandate in (ROOT, FREE, BOUND, PARENT):
        assert (
            meet(mandate).network_id == NETWORK and mandate.not_before_ms < NOW < mandate.expires_ms - DAY_MS
        )
