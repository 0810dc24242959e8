"""A child is never broader than its parent: one rule for every field of a link. [MAN-4]"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from thingmarket.errors import Code, Refusal
from thingmarket.identity.mandates import (
    LIMIT_FIELDS,
    Action,
    Autonomy,
    BoundItem,
    Mandate,
    SpendingLimit,
    mandate_digest,
)
from thingmarket.limits import MANDATE_ROOT_LIFE_MS


@dataclass(frozen=True, slots=True)
class LinkRule:
    """What must hold between a child and its parent, or the refusal that names the field."""

    id: str
    field: str
    sentence: str
    holds: Callable[[Mandate, Mandate], bool]
    code: Code = Code.MANDATE_BROADER


def check_root(mandate: Mandate) -> None:
    """Refuse a first link that is not the owner's own, or that lives for more than 366 days."""
    if mandate.depth != 0:
        raise Refusal(Code.CHAIN_BROKEN, "depth: the first link of a chain has depth 0", "MAN-13")
    if mandate.issuer != mandate.root_owner:
        raise Refusal(Code.CHAIN_BROKEN, "issuer: the first link is issued by the root owner", "MAN-10")
    if mandate.expires_ms - mandate.not_before_ms > MANDATE_ROOT_LIFE_MS:
        raise Refusal(Code.OUT_OF_RANGE, "expires_ms: a mandate lives for at most 366 days", "MAN-17")


def narrower(child: Mandate, parent: Mandate) -> None:
    """Return when `child` may hang below `parent`, else name the first field that is broader."""
    for rule in LINK_RULES:
        if not rule.holds(child, parent):
            raise Refusal(rule.code, f"{rule.field}: {rule.sentence}", rule.id)


def _may_delegate(_child: Mandate, parent: Mandate) -> bool:
    # Delegating onwards is what sets the highest level apart. [MAN-5]
    return Action.SUBDELEGATE in parent.actions and parent.autonomy is Autonomy.AUTONOMOUS


def _items_within(child: Mandate, parent: Mandate) -> bool:
    # Given items restrict what is bought at every level, so a child may not drop them.
    if not parent.bound_items:
        return True
    return bool(child.bound_items) and all(
        any(_item_within(item, above) for above in parent.bound_items) for item in child.bound_items
    )


def _item_within(item: BoundItem, above: BoundItem) -> bool:
    return (
        (item.product_id, item.currency) == (above.product_id, above.currency)
        and (item.unit, item.unit_scale) == (above.unit, above.unit_scale)
        and item.sellers.names_within(above.sellers)
        and item.max_unit_price_minor <= above.max_unit_price_minor
        and item.max_quantity_steps <= above.max_quantity_steps
    )


def _limits_within(child: Mandate, parent: Mandate) -> bool:
    above = {limit.currency: limit for limit in parent.limits}
    return all(
        limit.currency in above and _limit_within(limit, above[limit.currency]) for limit in child.limits
    )


def _limit_within(limit: SpendingLimit, above: SpendingLimit) -> bool:
    return all(getattr(limit, field) <= getattr(above, field) for field in LIMIT_FIELDS)


def _data_within(child: Mandate, parent: Mandate) -> bool:
    return (
        child.data_scopes.names_within(parent.data_scopes)
        and child.data_purposes.names_within(parent.data_purposes)
        and child.data_retention_days <= parent.data_retention_days
    )


LINK_RULES: Final = (
    LinkRule(
        "MAN-10",
        "issuer",
        "a link is issued by its parent's subject",
        lambda child, parent: child.issuer == parent.subject,
        Code.CHAIN_BROKEN,
    ),
    LinkRule(
        "MAN-11",
        "root_owner",
        "all links have one root owner",
        lambda child, parent: child.root_owner == parent.root_owner,
        Code.CHAIN_BROKEN,
    ),
    LinkRule(
        "MAN-12",
        "parent_digest",
        "a link names the SHA-256 of its parent's payload",
        lambda child, parent: child.parent_digest == mandate_digest(parent),
        Code.CHAIN_BROKEN,
    ),
    LinkRule(
        "MAN-13",
        "depth",
        "a link lies one below its parent",
        lambda child, parent: child.depth == parent.depth + 1,
        Code.CHAIN_BROKEN,
    ),
    LinkRule(
        "MAN-14",
        "subject",
        "nobody stands twice in a chain",
        lambda child, parent: child.subject != parent.subject,
        Code.CHAIN_BROKEN,
    ),
    LinkRule(
        "MAN-15",
        "network_id",
        "all links are of one network",
        lambda child, parent: child.network_id == parent.network_id,
        Code.WRONG_NETWORK,
    ),
    LinkRule(
        "MAN-16",
        "max_depth",
        "a child may not delegate deeper than its parent lets it",
        lambda child, parent: child.depth <= parent.max_depth and child.max_depth <= parent.max_depth,
    ),
    LinkRule(
        "MAN-17",
        "not_before_ms, expires_ms",
        "a child is valid only while its parent is",
        lambda child, parent: (
            parent.not_before_ms <= child.not_before_ms and child.expires_ms <= parent.expires_ms
        ),
    ),
    LinkRule("MAN-18", "actions", "only AUTONOMOUS with SUBDELEGATE may delegate", _may_delegate),
    LinkRule(
        "MAN-19",
        "autonomy",
        "a child's level is at most its parent's",
        lambda child, parent: child.autonomy <= parent.autonomy,
    ),
    LinkRule(
        "MAN-20",
        "actions",
        "a child may do nothing that its parent may not",
        lambda child, parent: set(child.actions) <= set(parent.actions),
    ),
    LinkRule(
        "MAN-21",
        "categories",
        "a child's categories lie within its parent's",
        lambda child, parent: child.categories.codes_within(parent.categories),
    ),
    LinkRule("MAN-22", "bound_items", "a child's items lie within its parent's", _items_within),
    LinkRule(
        "MAN-23",
        "counterparties",
        "a child's counterparties lie within its parent's",
        lambda child, parent: child.counterparties.names_within(parent.counterparties),
    ),
    LinkRule("MAN-24", "limits", "a child's limits are at most its parent's", _limits_within),
    LinkRule(
        "MAN-25",
        "nodes",
        "a child's nodes lie within its parent's",
        lambda child, parent: child.nodes.names_within(parent.nodes),
    ),
    LinkRule(
        "MAN-26",
        "revocation_epoch",
        "all links have one epoch",
        lambda child, parent: child.revocation_epoch == parent.revocation_epoch,
    ),
    LinkRule(
        "MAN-27",
        "deny_counterparties",
        "whom a parent denies its child denies too",
        lambda child, parent: set(parent.deny_counterparties) <= set(child.deny_counterparties),
    ),
    LinkRule(
        "MAN-28",
        "min_assurance",
        "a child asks at least its parent's assurance",
        lambda child, parent: child.min_assurance >= parent.min_assurance,
    ),
    LinkRule(
        "MAN-29",
        "required_certificates",
        "a child asks every certificate that its parent asks",
        lambda child, parent: set(parent.required_certificates) <= set(child.required_certificates),
    ),
    LinkRule(
        "MAN-30",
        "cosigners",
        "nobody approves for a child who may not for its parent",
        lambda child, parent: set(child.cosigners) <= set(parent.cosigners),
    ),
    LinkRule(
        "MAN-31",
        "cosign_quorum",
        "a child needs at least its parent's approvals",
        lambda child, parent: child.cosign_quorum >= parent.cosign_quorum,
    ),
    LinkRule(
        "MAN-32",
        "cosign_ttl_ms",
        "a child's approvals are waited for no longer than its parent's",
        lambda child, parent: child.cosign_ttl_ms <= parent.cosign_ttl_ms,
    ),
    LinkRule(
        "MAN-33",
        "geo",
        "each of a child's places lies within one of its parent's",
        lambda child, parent: child.geo.lie_in(parent.geo),
    ),
    LinkRule(
        "MAN-34",
        "windows",
        "each of a child's windows lies within one of its parent's",
        lambda child, parent: child.windows.lies_in(parent.windows),
    ),
    LinkRule(
        "MAN-35",
        "data_scopes, data_purposes, data_retention_days",
        "a child shares no other data, for no other purpose and no longer than its parent",
        _data_within,
    ),
    LinkRule(
        "MAN-36",
        "budget_authority",
        "a child's budget is counted where its parent's is",
        lambda child, parent: parent.budget_authority in ("", child.budget_authority),
    ),
    LinkRule(
        "MAN-37",
        "terms_hash",
        "a child's terms are its parent's, or none",
        lambda child, parent: child.terms_hash in (b"", parent.terms_hash),
    ),
    LinkRule(
        "MAN-38",
        "delivery_max_ms, warranty_min_days, co2_max_grams",
        "a child asks of an offer at least what its parent asks",
        lambda child, parent: (
            child.delivery_max_ms <= parent.delivery_max_ms
            and child.warranty_min_days >= parent.warranty_min_days
            and child.co2_max_grams <= parent.co2_max_grams
        ),
    ),
    LinkRule(
        "MAN-39",
        "settle_accounts, refund_destination",
        "a child uses no other accounts than its parent",
        lambda child, parent: (
            child.settle_accounts.names_within(parent.settle_accounts)
            and parent.refund_destination in ("", child.refund_destination)
        ),
    ),
)
