"""Links of authority, built with as little as each level of autonomy needs to be told. [MAN-5]"""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from thingmarket.errors import Code, Refusal
from thingmarket.identity.effective import effective
from thingmarket.identity.envelope import Signed, TypeId, sign
from thingmarket.identity.keys import SigningKey
from thingmarket.identity.mandates import (
    DEPTH_MAX,
    LIMIT_FIELDS,
    MANDATE_ID_BYTES,
    Action,
    Autonomy,
    BoundItem,
    Mandate,
    SpendingLimit,
    mandate_digest,
)
from thingmarket.identity.parties import NONCE_BYTES
from thingmarket.identity.scopes import EVERYTHING, Scope
from thingmarket.ids import PartyId
from thingmarket.limits import DAY_MS, INTEGER_MAX
from thingmarket.wire.identity import issued, mandate_payload, read_mandate

LIFE_MS: Final = 90 * DAY_MS

# What a level is for; other actions are listed by whoever wants them.
USUAL_ACTIONS: Final = {
    Autonomy.ANNOUNCER: (Action.ANNOUNCE,),
    Autonomy.BOUND: (Action.ANNOUNCE, Action.BUY, Action.ACCEPT_DELIVERY),
    Autonomy.ADAPTABLE: (Action.ANNOUNCE, Action.NEGOTIATE, Action.BUY, Action.ACCEPT_DELIVERY),
    Autonomy.AUTONOMOUS: (
        Action.ANNOUNCE,
        Action.NEGOTIATE,
        Action.BUY,
        Action.SELL,
        Action.ACCEPT_DELIVERY,
        Action.SUBDELEGATE,
    ),
}


def spending_limit(
    currency: str,
    *,
    per_order_minor: int,
    per_item_minor: int | None = None,
    per_day_minor: int | None = None,
    per_month_minor: int | None = None,
    total_minor: int | None = None,
    cosign_above_minor: int | None = None,
    liability_cap_minor: int | None = None,
    orders_per_day: int = INTEGER_MAX,
    max_open_orders: int = INTEGER_MAX,
    max_open_holds: int = INTEGER_MAX,
) -> SpendingLimit:
    """A limit in which no amount that is not given is wider than one order, minor units, tax included.

    The total is at least that of the day or month given; how many orders it is spent in is free unless given.
    """
    order = per_order_minor
    day = _given(per_day_minor, order)
    total = _given(total_minor, max(day, _given(per_month_minor, day)))
    return SpendingLimit(
        currency=currency,
        per_item_minor=_given(per_item_minor, order),
        per_order_minor=order,
        per_day_minor=day,
        per_month_minor=_given(per_month_minor, total),
        total_minor=total,
        cosign_above_minor=_given(cosign_above_minor, order),
        liability_cap_minor=_given(liability_cap_minor, total),
        orders_per_day=orders_per_day,
        max_open_orders=max_open_orders,
        max_open_holds=max_open_holds,
    )


def _given(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value


def narrowed_limit(limit: SpendingLimit, above: SpendingLimit) -> SpendingLimit:
    """A limit for a sub-agent that is nowhere wider than the one it hangs below."""
    least = {field: min(getattr(limit, field), getattr(above, field)) for field in LIMIT_FIELDS}
    return SpendingLimit(currency=above.currency, **least)


def bound_item(
    product_id: str,
    *,
    sellers: Sequence[str],
    currency: str,
    max_unit_price_minor: int,
    max_quantity_steps: int,
    unit: str = "C62",
    unit_scale: int = 0,
) -> BoundItem:
    """An item that may be bought from these owners; net price of one whole unit in minor units.

    Pieces (`C62`) unless another UN/CEFACT unit is agreed; 10 ** `unit_scale` steps are one of it.
    """
    return BoundItem(
        product_id=product_id,
        sellers=only(*sellers),
        currency=currency,
        max_unit_price_minor=max_unit_price_minor,
        max_quantity_steps=max_quantity_steps,
        unit=unit,
        unit_scale=unit_scale,
    )


def only(*names: str) -> Scope:
    """Exactly these names or code prefixes."""
    return Scope(include=tuple(sorted(set(names))))


def root_link(
    key: SigningKey,
    *,
    owner: PartyId,
    subject: PartyId,
    network_id: bytes,
    autonomy: Autonomy,
    not_before_ms: int,
    actions: Sequence[Action] | None = None,
    items: Sequence[BoundItem] = (),
    categories: Scope = EVERYTHING,
    counterparties: Scope = EVERYTHING,
    nodes: Scope = EVERYTHING,
    limits: Sequence[SpendingLimit] = (),
    life_ms: int = LIFE_MS,
    max_depth: int | None = None,
    epoch: int = 0,
    **terms: Any,
) -> Signed:
    """An owner's mandate for a thing; nothing may be spent in a currency without a limit.

    `actions` are the usual ones of the level unless given. `terms` are further fields of `Mandate`: geo,
    windows, cosigners, required_certificates, ... Refuses what no node would take.
    """
    asked = USUAL_ACTIONS[autonomy] if actions is None else actions
    delegates = Action.SUBDELEGATE in asked and autonomy is Autonomy.AUTONOMOUS
    draft = Mandate(
        network_id=network_id,
        mandate_id=secrets.token_bytes(MANDATE_ID_BYTES),
        issuer=owner,
        subject=subject,
        root_owner=owner,
        max_depth=(DEPTH_MAX if delegates else 0) if max_depth is None else max_depth,
        not_before_ms=not_before_ms,
        expires_ms=not_before_ms + life_ms,
        autonomy=autonomy,
        actions=tuple(sorted(set(asked))),
        categories=categories,
        bound_items=tuple(sorted(items, key=lambda item: (item.product_id, item.currency))),
        counterparties=counterparties,
        limits=tuple(sorted(limits, key=lambda limit: limit.currency)),
        nodes=nodes,
        revocation_epoch=epoch,
        nonce=secrets.token_bytes(NONCE_BYTES),
        **terms,
    )
    effective([issued(draft)], network_id=network_id)
    return sign(TypeId.MANDATE, mandate_payload(draft), key)


def child_link(key: SigningKey, parents: Sequence[Signed], subject: PartyId, **narrowed: Any) -> Signed:
    """A link below a chain for a sub-agent; `narrowed` are fields of `Mandate` (MANDATE_BROADER, ...)."""
    chain = [read_mandate(link.payload) for link in parents]
    above = chain[-1]
    if above.depth >= above.max_depth:
        raise Refusal(Code.MANDATE_BROADER, "max_depth: this mandate may not be handed on", "MAN-16")
    draft = replace(
        above,
        mandate_id=secrets.token_bytes(MANDATE_ID_BYTES),
        issuer=above.subject,
        subject=subject,
        parent_digest=mandate_digest(above),
        depth=above.depth + 1,
        nonce=secrets.token_bytes(NONCE_BYTES),
        signed_bytes=b"",
        **narrowed,
    )
    effective([*chain, issued(draft)], network_id=above.network_id)
    return sign(TypeId.MANDATE, mandate_payload(draft), key)
