"""An owner, his things and their mandates, as the tests of identity and policy use them."""

from dataclasses import replace
from typing import Any, Final

from thingmarket.catalog.attributes import Attribute, ScaledInteger
from thingmarket.identity import did, parties
from thingmarket.identity.effective import EffectiveMandate, effective
from thingmarket.identity.keys import SigningKey
from thingmarket.identity.mandates import (
    Action,
    Approval,
    Autonomy,
    BoundItem,
    Mandate,
    SpendingLimit,
    mandate_digest,
)
from thingmarket.identity.scopes import EVERYTHING, Scope
from thingmarket.identity.terms import GeoBox, Place, Places, Week, WeeklyWindow
from thingmarket.ids import Digest, digest
from thingmarket.limits import DAY_MS
from thingmarket.policy.acts import Act, DataShared
from thingmarket.time import UnixMs
from thingmarket.wire.identity import issued

NETWORK: Final = bytes(range(16))
NOW: Final = UnixMs(1_800_000_000_000 // DAY_MS * DAY_MS + DAY_MS // 2)  # noon UTC
OWNER_KEY: Final = SigningKey.from_seed(b"o" * 32)
THING_KEYS: Final = tuple(SigningKey.from_seed(bytes([number]) * 32) for number in (11, 12, 13, 14))
THINGS: Final = tuple(did.encode(key.public) for key in THING_KEYS)
OWNER, SELLER, OTHER_SELLER, NODE, OTHER_NODE = (
    parties.party_id(name) for name in (b"owner", b"seller", b"other seller", b"node", b"other node")
)
BODY: Final = digest(b"body")

LIMIT: Final = SpendingLimit(
    currency="EUR",
    per_item_minor=1_000,
    per_order_minor=5_000,
    per_day_minor=8_000,
    total_minor=20_000,
    cosign_above_minor=5_000,
)
ITEM: Final = BoundItem(
    product_id="ink-black",
    sellers=Scope(include=(SELLER,)),
    currency="EUR",
    max_unit_price_minor=900,
    max_quantity_steps=4,
    unit="C62",
    unit_scale=0,
)
ROOT: Final = issued(
    Mandate(
        network_id=NETWORK,
        mandate_id=b"m" * 16,
        issuer=OWNER,
        subject=THINGS[0],
        root_owner=OWNER,
        max_depth=2,
        not_before_ms=NOW - 10 * DAY_MS,
        expires_ms=NOW + 10 * DAY_MS,
        autonomy=Autonomy.AUTONOMOUS,
        actions=tuple(Action),
        categories=Scope(include=("44",), exclude=("4412",)),
        counterparties=Scope(include=tuple(sorted((SELLER, OTHER_SELLER)))),
        limits=(LIMIT,),
        nodes=Scope(include=(NODE,)),
        data_scopes=Scope(include=("consumption", "usage")),
        data_purposes=Scope(include=("delivery",)),
        data_retention_days=30,
        nonce=b"n" * 12,
    )
)
FREE: Final = issued(replace(ROOT, categories=EVERYTHING, counterparties=EVERYTHING, nodes=EVERYTHING))
BOUND: Final = issued(replace(ROOT, autonomy=Autonomy.BOUND, bound_items=(ITEM,)))
# Uses every field that a mandate may do without, and lets PURCHASE with STATED facts through.
STRICT: Final = issued(
    replace(
        ROOT,
        limits=(
            replace(
                LIMIT,
                per_month_minor=10_000,
                orders_per_day=3,
                max_open_orders=4,
                max_open_holds=2,
                liability_cap_minor=9_000,
            ),
        ),
        deny_counterparties=(OTHER_SELLER,),
        min_assurance=1,
        required_certificates=("eu.blue_angel", "iso.14001"),
        cosigners=tuple(sorted((SELLER, NODE))),
        cosign_quorum=2,
        cosign_ttl_ms=3_600_000,
        geo=Places(boxes=(GeoBox(south_e7=0, west_e7=0, north_e7=20, east_e7=20),)),
        windows=Week(windows=(WeeklyWindow(days_mask=0b111_1111, start_minute=480, end_minute=1_080),)),
        budget_authority=NODE,
        terms_hash=digest(b"terms"),
        rules_hash=digest(b"rules"),
        delivery_max_ms=2 * DAY_MS,
        warranty_min_days=365,
        co2_max_grams=250,
        settle_accounts=Scope(include=(OWNER,)),
        refund_destination=OWNER,
    )
)
STATED: Final[dict[str, Any]] = {
    "counterparty_assurance": 1,
    "delivery_ms": DAY_MS,
    "place": Place(10, 10),
    "attributes": (
        Attribute("certificate.eu.blue_angel", True),
        Attribute("certificate.iso.14001", True),
        Attribute("co2", ScaledInteger(2_500, 1, "GRM")),
        Attribute("warranty", ScaledInteger(730, 0, "DAY")),
    ),
}
PURCHASE: Final = Act(
    action=Action.BUY,
    time_ms=NOW,
    node=NODE,
    category="44103105",
    counterparty=SELLER,
    product_id="ink-black",
    currency="EUR",
    payable_minor=952,
    price_minor=800,
    unit="C62",
    quantity_steps=1,
    body_digest=BODY,
    shared=DataShared(kinds=("usage",), purpose="delivery", retention_days=30),
)


def child_of(parent: Mandate, **changes: Any) -> Mandate:
    """The same permissions one link lower, with changes."""
    linked: dict[str, Any] = {
        "issuer": parent.subject,
        "subject": THINGS[parent.depth + 1],
        "parent_digest": mandate_digest(parent),
        "depth": parent.depth + 1,
    }
    return issued(replace(parent, **(linked | changes)))


def meet(*mandates: Mandate) -> EffectiveMandate:
    """The effective mandate of a chain on the tests' network."""
    return effective(mandates, network_id=NETWORK)


def approval_of(leaf: Digest, **changes: Any) -> Approval:
    """The owner's yes to the tests' body under a leaf, with changes."""
    approval = Approval(
        network_id=NETWORK,
        body_digest=BODY,
        mandate_leaf=leaf,
        owner=OWNER,
        approved=True,
        expires_ms=NOW + 60_000,
        nonce=b"a" * 12,
    )
    return replace(approval, **changes)
