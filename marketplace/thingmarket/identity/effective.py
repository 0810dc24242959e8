"""The meet of a chain of links: what the subject of the last one may do in the end. [MAN-3]"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from thingmarket.errors import Code, Refusal
from thingmarket.identity.mandates import Action, Autonomy, BoundItem, Mandate, SpendingLimit, mandate_digest
from thingmarket.identity.narrowing import check_root, narrower
from thingmarket.identity.scopes import Scope
from thingmarket.ids import Digest, PartyId
from thingmarket.limits import MANDATE_CHAIN_BYTES_MAX, MANDATE_LINKS_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkBudget:
    """What one link of the chain lets be spent, minor units; counted for that link. [MAN-7]"""

    link: Digest
    per_day_minor: int
    total_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveLimit:
    """The least of all links' limits in one currency, minor units, and the budget of every link."""

    currency: str
    per_item_minor: int
    per_order_minor: int
    cosign_above_minor: int
    budgets: tuple[LinkBudget, ...]


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
    return EffectiveMandate(
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
    )


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
            LinkBudget(link=link, per_day_minor=limit.per_day_minor, total_minor=limit.total_minor)
            for link, limit in zip(links, limits, strict=True)
        ),
    )
