"""The meet of a chain of links: what the subject of the last one may do in the end. [MAN-3]"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum, unique
from itertools import pairwise
from typing import Any

from thingmarket.errors import Code, Refusal
from thingmarket.identity.mandates import Action, Autonomy, BoundItem, Mandate, SpendingLimit, mandate_digest
from thingmarket.identity.narrowing import check_root, narrower
from thingmarket.identity.scopes import Scope
from thingmarket.identity.terms import Places, Week
from thingmarket.ids import Digest, PartyId
from thingmarket.limits import (
    DAY_MS,
    DELIVERY_MS_MAX,
    INTEGER_MAX,
    MANDATE_CHAIN_BYTES_MAX,
    MANDATE_LINKS_MAX,
)


@unique
class Count(IntEnum):
    """What is counted for a link besides the sums of its day and in total."""

    MONTH = 1
    ORDERS_OF_DAY = 2
    OPEN_ORDERS = 3
    OPEN_HOLDS = 4
    LIABILITY = 5


@unique
class Term(IntEnum):
    """What a chain restricts besides what every chain does; a rule that cannot refuse is not looked at."""

    WINDOWS = 1
    PLACES = 2
    DENIED = 3
    ASSURANCE = 4
    CERTIFICATES = 5
    DELIVERY = 6
    WARRANTY = 7
    CO2 = 8
    ACCOUNT = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkBudget:
    """What one link of the chain lets be spent, minor units; counted for that link. [MAN-7]"""

    link: Digest
    per_day_minor: int
    total_minor: int
    per_month_minor: int = INTEGER_MAX
    orders_per_day: int = INTEGER_MAX
    max_open_orders: int = INTEGER_MAX
    max_open_holds: int = INTEGER_MAX
    liability_cap_minor: int = INTEGER_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveLimit:
    """The least of all links' limits in one currency, minor units, and the budget of every link.

    `bites` are the counts that could ever refuse an order that the total of its link lets pass.
    """

    currency: str
    per_item_minor: int
    per_order_minor: int
    cosign_above_minor: int
    budgets: tuple[LinkBudget, ...]
    bites: tuple[Count, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveMandate:
    """What all links of a chain permit together. Scopes and items are lists that must all agree."""

    network_id: bytes
    root_owner: PartyId
    issuer: PartyId
    subject: PartyId
    leaf: Digest
    links: tuple[Digest, ...]
    subjects: tuple[PartyId, ...]
    not_before_ms: int
    expires_ms: int
    autonomy: Autonomy
    actions: tuple[Action, ...]
    categories: tuple[Scope, ...]
    bound_items: tuple[tuple[BoundItem, ...], ...]
    counterparties: tuple[Scope, ...]
    limits: tuple[EffectiveLimit, ...]
    nodes: tuple[Scope, ...]
    revocation_epoch: int
    deny_counterparties: tuple[PartyId, ...] = ()
    min_assurance: int = 0
    required_certificates: tuple[str, ...] = ()
    cosigners: tuple[PartyId, ...] = ()
    cosign_quorum: int = 1
    cosign_ttl_ms: int = DAY_MS
    geo: tuple[Places, ...] = ()
    windows: tuple[Week, ...] = ()
    data_scopes: tuple[Scope, ...] = ()
    data_purposes: tuple[Scope, ...] = ()
    data_retention_days: int = 0
    delivery_max_ms: int = DELIVERY_MS_MAX
    warranty_min_days: int = 0
    co2_max_grams: int = INTEGER_MAX
    may_pay: bool = True
    budget_authorities: tuple[str, ...] = ()
    rules_hash: bytes = b""
    bites: tuple[Term, ...] = ()

    def limit(self, currency: str) -> EffectiveLimit | None:
        """The limit in a currency; None when nothing may be spent in it."""
        for limit in self.limits:
            if limit.currency == currency:
                return limit
        return None


def effective(mandates: Sequence[Mandate], *, network_id: bytes) -> EffectiveMandate:
    """Check a chain of 1 to 3 links, root first, and take their meet; signatures are verified apart.

    CHAIN_BROKEN, MANDATE_BROADER, WRONG_NETWORK, TOO_LARGE or OUT_OF_RANGE name what is wrong.
    """
    _check_chain(mandates, network_id)
    leaf = mandates[-1]
    links = tuple(mandate_digest(mandate) for mandate in mandates)
    meet = EffectiveMandate(
        network_id=leaf.network_id,
        root_owner=leaf.root_owner,
        issuer=leaf.issuer,
        subject=leaf.subject,
        leaf=links[-1],
        links=links,
        subjects=tuple(mandate.subject for mandate in mandates),
        not_before_ms=max(mandate.not_before_ms for mandate in mandates),
        expires_ms=min(mandate.expires_ms for mandate in mandates),
        autonomy=min(mandate.autonomy for mandate in mandates),
        actions=tuple(
            action for action in leaf.actions if all(action in mandate.actions for mandate in mandates)
        ),
        categories=_conjunction([mandate.categories for mandate in mandates]),
        bound_items=tuple(mandate.bound_items for mandate in mandates if mandate.bound_items),
        counterparties=_conjunction([mandate.counterparties for mandate in mandates]),
        limits=_meet_of_limits(mandates, links),
        nodes=_conjunction([mandate.nodes for mandate in mandates]),
        revocation_epoch=leaf.revocation_epoch,
        **_meet_of_terms(mandates),
    )
    return replace(meet, bites=_biting(meet))


def _meet_of_terms(mandates: Sequence[Mandate]) -> dict[str, Any]:
    """What is asked of the other side adds up, who may approve and what may be shared gets less."""
    leaf, owner = mandates[-1], mandates[0].root_owner
    denied = {name for mandate in mandates for name in mandate.deny_counterparties}
    certificates = {name for mandate in mandates for name in mandate.required_certificates}
    authorities = {mandate.budget_authority for mandate in mandates if mandate.budget_authority}
    return {
        "deny_counterparties": tuple(sorted(denied)),
        "min_assurance": max(mandate.min_assurance for mandate in mandates),
        "required_certificates": tuple(sorted(certificates)),
        "cosigners": tuple(
            name for name in leaf.cosigners if all(name in mandate.cosigners for mandate in mandates)
        ),
        "cosign_quorum": max(mandate.cosign_quorum for mandate in mandates),
        "cosign_ttl_ms": min(mandate.cosign_ttl_ms for mandate in mandates),
        "geo": tuple(dict.fromkeys(mandate.geo for mandate in mandates if not mandate.geo.any)),
        "windows": tuple(dict.fromkeys(mandate.windows for mandate in mandates if not mandate.windows.any)),
        "data_scopes": _conjunction([mandate.data_scopes for mandate in mandates]),
        "data_purposes": _conjunction([mandate.data_purposes for mandate in mandates]),
        "data_retention_days": min(mandate.data_retention_days for mandate in mandates),
        "delivery_max_ms": min(mandate.delivery_max_ms for mandate in mandates),
        "warranty_min_days": max(mandate.warranty_min_days for mandate in mandates),
        "co2_max_grams": min(mandate.co2_max_grams for mandate in mandates),
        "may_pay": all(mandate.settle_accounts.allows_name(owner) for mandate in mandates),
        "budget_authorities": tuple(sorted(authorities)),
        "rules_hash": leaf.rules_hash,
    }


def _biting(meet: EffectiveMandate) -> tuple[Term, ...]:
    """What of the terms can refuse anything at all; most mandates have none of them."""
    asked = {
        Term.WINDOWS: bool(meet.windows),
        Term.PLACES: bool(meet.geo),
        Term.DENIED: bool(meet.deny_counterparties),
        Term.ASSURANCE: meet.min_assurance > 0,
        Term.CERTIFICATES: bool(meet.required_certificates),
        Term.DELIVERY: meet.delivery_max_ms < DELIVERY_MS_MAX,
        Term.WARRANTY: meet.warranty_min_days > 0,
        Term.CO2: meet.co2_max_grams < INTEGER_MAX,
        Term.ACCOUNT: not meet.may_pay,
    }
    return tuple(term for term, bites in asked.items() if bites)


def _check_chain(mandates: Sequence[Mandate], network_id: bytes) -> None:
    if not 1 <= len(mandates) <= MANDATE_LINKS_MAX:
        raise Refusal(Code.CHAIN_BROKEN, f"a chain has 1 to {MANDATE_LINKS_MAX} links, not {len(mandates)}")
    size = sum(len(mandate.signed_bytes) for mandate in mandates)
    if size > MANDATE_CHAIN_BYTES_MAX:
        raise Refusal(Code.TOO_LARGE, f"a chain of {size} bytes; at most {MANDATE_CHAIN_BYTES_MAX}")
    if mandates[0].network_id != network_id:
        raise Refusal(Code.WRONG_NETWORK, "network_id: the mandate is of another network", "MAN-15")
    check_root(mandates[0])
    for parent, child in pairwise(mandates):
        narrower(child, parent)
    if len({mandate.subject for mandate in mandates}) != len(mandates):
        raise Refusal(Code.CHAIN_BROKEN, "subject: nobody stands twice in a chain", "MAN-14")


def _conjunction(scopes: list[Scope]) -> tuple[Scope, ...]:
    # A scope that holds nothing back, or that another link repeats, would be looked at in vain.
    return tuple(dict.fromkeys(scope for scope in scopes if not scope.is_everything))


def _meet_of_limits(mandates: Sequence[Mandate], links: tuple[Digest, ...]) -> tuple[EffectiveLimit, ...]:
    tables = [{limit.currency: limit for limit in mandate.limits} for mandate in mandates]
    everywhere = [
        limit.currency for limit in mandates[-1].limits if all(limit.currency in table for table in tables)
    ]
    return tuple(_meet_of([table[currency] for table in tables], links) for currency in everywhere)


def _meet_of(limits: list[SpendingLimit], links: tuple[Digest, ...]) -> EffectiveLimit:
    return EffectiveLimit(
        currency=limits[0].currency,
        per_item_minor=min(limit.per_item_minor for limit in limits),
        per_order_minor=min(limit.per_order_minor for limit in limits),
        cosign_above_minor=min(limit.cosign_above_minor for limit in limits),
        budgets=tuple(
            LinkBudget(
                link=link,
                per_day_minor=limit.per_day_minor,
                total_minor=limit.total_minor,
                per_month_minor=limit.per_month_minor,
                orders_per_day=limit.orders_per_day,
                max_open_orders=limit.max_open_orders,
                max_open_holds=limit.max_open_holds,
                liability_cap_minor=limit.liability_cap_minor,
            )
            for link, limit in zip(links, limits, strict=True)
        ),
        bites=_biting_counts(limits),
    )


def _biting_counts(limits: list[SpendingLimit]) -> tuple[Count, ...]:
    asked = {
        # Neither the month's sum nor what is open is ever more than the total.
        Count.MONTH: any(limit.per_month_minor < limit.total_minor for limit in limits),
        Count.ORDERS_OF_DAY: any(limit.orders_per_day < INTEGER_MAX for limit in limits),
        Count.OPEN_ORDERS: any(limit.max_open_orders < INTEGER_MAX for limit in limits),
        Count.OPEN_HOLDS: any(limit.max_open_holds < INTEGER_MAX for limit in limits),
        Count.LIABILITY: any(limit.liability_cap_minor < limit.total_minor for limit in limits),
    }
    return tuple(count for count, bites in asked.items() if bites)
