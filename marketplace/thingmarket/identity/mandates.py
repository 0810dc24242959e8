"""What an owner permits a thing: one signed link of authority, and his yes or no to one command. [MAN-1]"""

from dataclasses import dataclass, fields
from enum import IntEnum, unique
from typing import Final

from thingmarket.catalog.attributes import check_name
from thingmarket.errors import Code, Refusal
from thingmarket.identity import did
from thingmarket.identity.parties import NETWORK_ID_BYTES, NONCE_BYTES, checked_party_id, is_thing
from thingmarket.identity.scopes import (
    EVERYTHING,
    NOTHING,
    Scope,
    check_ascending,
    checked_code_prefix,
    checked_scope,
)
from thingmarket.identity.terms import ALWAYS, ANYWHERE, Places, Week, checked_data_kind
from thingmarket.ids import DIGEST_BYTES, Digest, PartyId, checked_bytes, checked_id, digest
from thingmarket.limits import (
    BOUND_ITEMS_MAX,
    CERTIFICATES_MAX,
    COSIGN_TTL_MAX_MS,
    COSIGN_TTL_MIN_MS,
    COSIGNERS_MAX,
    DAY_MS,
    DELIVERY_MS_MAX,
    INTEGER_MAX,
    LIMITS_MAX,
    MANDATE_LINKS_MAX,
    RETENTION_DAYS_MAX,
    SCOPE_ITEMS_MAX,
    WARRANTY_DAYS_MAX,
)
from thingmarket.money import checked_amount, currency_of
from thingmarket.quantity import checked_steps, checked_unit
from thingmarket.time import UnixMs, checked_time

MANDATE_ID_BYTES: Final = 16
ASSURANCE_MAX: Final = 3  # self-asserted, claimed, attested, certified
CERTIFICATE_PREFIX: Final = "certificate."
"""An offer states a certificate by the attribute `certificate.NAME` with the value yes."""
DEPTH_MAX: Final = MANDATE_LINKS_MAX - 1


@unique
class Autonomy(IntEnum):
    """How far a thing may go by itself; each level includes those below it. [MAN-5]"""

    ANNOUNCER = 1
    BOUND = 2
    ADAPTABLE = 3
    AUTONOMOUS = 4


@unique
class Action(IntEnum):
    """What a mandate permits to do."""

    ANNOUNCE = 1
    QUOTE_REQUEST = 2
    NEGOTIATE = 3
    BUY = 4
    SELL = 5
    CANCEL = 6
    ACCEPT_DELIVERY = 7
    RETURN = 8
    FEEDBACK = 9
    DISPUTE = 10
    DATA_SHARE = 11
    SUBDELEGATE = 12
    LOYALTY = 13


# The level from which on an action is possible at all, whatever the mandate lists. [MAN-5]
LEAST_AUTONOMY: Final = {
    Action.ANNOUNCE: Autonomy.ANNOUNCER,
    Action.QUOTE_REQUEST: Autonomy.ANNOUNCER,
    Action.FEEDBACK: Autonomy.ANNOUNCER,
    Action.BUY: Autonomy.BOUND,
    Action.SELL: Autonomy.BOUND,
    Action.CANCEL: Autonomy.BOUND,
    Action.ACCEPT_DELIVERY: Autonomy.BOUND,
    Action.RETURN: Autonomy.BOUND,
    Action.DISPUTE: Autonomy.BOUND,
    Action.DATA_SHARE: Autonomy.BOUND,
    Action.LOYALTY: Autonomy.BOUND,
    Action.NEGOTIATE: Autonomy.ADAPTABLE,
    Action.SUBDELEGATE: Autonomy.AUTONOMOUS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundItem:
    """An item that may be bought: from whom, at what net price of a whole unit, how much an order."""

    product_id: str
    sellers: Scope
    currency: str
    max_unit_price_minor: int
    max_quantity_steps: int
    unit: str  # the agreed one: a step of another unit may be a thousand times as much
    unit_scale: int

    def __post_init__(self) -> None:
        """Refuse a wrong shape (BAD_ID, BAD_FIELD, UNKNOWN_CURRENCY, OUT_OF_RANGE and those of a scope)."""
        checked_id(self.product_id, "bound_items.product_id")
        checked_scope(self.sellers, "bound_items.sellers", _checked_owner)
        currency_of(self.currency)
        checked_amount(self.max_unit_price_minor, "bound_items.max_unit_price_minor")
        checked_steps(self.max_quantity_steps, "bound_items.max_quantity_steps")
        checked_unit(self.unit, self.unit_scale)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendingLimit:
    """What may be spent in one currency, minor units, tax and fees included; 0 allows nothing. [MAN-7]

    What a draft leaves out is written as the largest number: no limit of its own beside the others.
    """

    currency: str
    per_item_minor: int
    per_order_minor: int
    per_day_minor: int
    total_minor: int
    cosign_above_minor: int
    per_month_minor: int = INTEGER_MAX
    orders_per_day: int = INTEGER_MAX
    max_open_orders: int = INTEGER_MAX
    max_open_holds: int = INTEGER_MAX
    liability_cap_minor: int = INTEGER_MAX

    def __post_init__(self) -> None:
        """Refuse an unknown currency or a number outside 0..2^53-1 (UNKNOWN_CURRENCY, OUT_OF_RANGE)."""
        currency_of(self.currency)
        for field in LIMIT_FIELDS:
            _checked_count(getattr(self, field), INTEGER_MAX, f"limits.{field}")


# Each one at most the parent's, and the least of a chain holds.
LIMIT_FIELDS: Final = tuple(field.name for field in fields(SpendingLimit) if field.name != "currency")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """One link of authority. `signed_bytes` is the payload that was signed, empty in a draft.

    What is permitted is what is written: an upper limit of 0 or an empty scope allows nothing. What is asked
    of the other side (lower limits, certificates, denied names) is nothing unless written. [MAN-2]
    """

    network_id: bytes
    mandate_id: bytes
    issuer: PartyId
    subject: PartyId
    root_owner: PartyId
    parent_digest: bytes = b""
    depth: int = 0
    max_depth: int = 0
    not_before_ms: int
    expires_ms: int
    autonomy: Autonomy
    actions: tuple[Action, ...]
    categories: Scope
    bound_items: tuple[BoundItem, ...] = ()
    counterparties: Scope
    limits: tuple[SpendingLimit, ...] = ()
    nodes: Scope
    revocation_epoch: int = 0
    nonce: bytes
    deny_counterparties: tuple[PartyId, ...] = ()
    min_assurance: int = 0
    required_certificates: tuple[str, ...] = ()
    cosigners: tuple[PartyId, ...] = ()
    cosign_quorum: int = 1
    cosign_ttl_ms: int = DAY_MS
    geo: Places = ANYWHERE
    windows: Week = ALWAYS
    data_scopes: Scope = NOTHING
    data_purposes: Scope = NOTHING
    data_retention_days: int = 0
    budget_authority: str = ""
    terms_hash: bytes = b""
    rules_hash: bytes = b""
    delivery_max_ms: int = DELIVERY_MS_MAX
    warranty_min_days: int = 0
    co2_max_grams: int = INTEGER_MAX
    settle_accounts: Scope = EVERYTHING
    refund_destination: str = ""
    signed_bytes: bytes = b""

    def __post_init__(self) -> None:
        """Refuse a wrong shape (BAD_ID, BAD_FIELD, OUT_OF_RANGE, TOO_LARGE); links are compared elsewhere."""
        self._check_numbers()
        self._check_names()
        self._check_permissions()
        self._check_cosigners()
        self._check_data()

    def _check_names(self) -> None:
        checked_bytes(self.network_id, NETWORK_ID_BYTES, "network_id")
        checked_bytes(self.mandate_id, MANDATE_ID_BYTES, "mandate_id")
        checked_bytes(self.nonce, NONCE_BYTES, "nonce")
        checked_bytes(self.parent_digest, DIGEST_BYTES if self.depth else 0, "parent_digest")
        _checked_owner(self.root_owner, "root_owner")
        checked_party_id(self.issuer)
        did.decode(self.subject)
        for field, value in (("terms_hash", self.terms_hash), ("rules_hash", self.rules_hash)):
            checked_bytes(value, DIGEST_BYTES if value else 0, field)
        if self.budget_authority:
            _checked_owner(self.budget_authority, "budget_authority")

    def _check_numbers(self) -> None:
        _checked_count(self.depth, DEPTH_MAX, "depth")
        _checked_count(self.max_depth, DEPTH_MAX, "max_depth")
        _checked_count(self.revocation_epoch, INTEGER_MAX, "revocation_epoch")
        if self.max_depth < self.depth:
            raise Refusal(Code.OUT_OF_RANGE, f"max_depth={self.max_depth} is less than depth={self.depth}")
        _checked_count(self.min_assurance, ASSURANCE_MAX, "min_assurance")
        _checked_count(self.delivery_max_ms, DELIVERY_MS_MAX, "delivery_max_ms")
        _checked_count(self.warranty_min_days, WARRANTY_DAYS_MAX, "warranty_min_days")
        _checked_count(self.co2_max_grams, INTEGER_MAX, "co2_max_grams")
        checked_time(self.not_before_ms, "not_before_ms")
        checked_time(self.expires_ms, "expires_ms")
        if self.not_before_ms >= self.expires_ms:
            raise Refusal(Code.OUT_OF_RANGE, "expires_ms must lie after not_before_ms")

    def _check_permissions(self) -> None:
        check_ascending([int(action) for action in self.actions], "actions", len(Action))
        checked_scope(self.categories, "categories", checked_code_prefix)
        checked_scope(self.counterparties, "counterparties", _checked_owner)
        checked_scope(self.nodes, "nodes", _checked_owner)
        items = [(item.product_id, item.currency) for item in self.bound_items]
        check_ascending(items, "bound_items", BOUND_ITEMS_MAX)
        check_ascending([limit.currency for limit in self.limits], "limits", LIMITS_MAX)
        if self.autonomy is Autonomy.BOUND and Action.BUY in self.actions and not self.bound_items:
            raise Refusal(Code.BAD_FIELD, "bound_items must be given when a BOUND thing may buy")
        check_ascending(self.deny_counterparties, "deny_counterparties", SCOPE_ITEMS_MAX)
        for name in self.deny_counterparties:
            _checked_owner(name, "deny_counterparties")
        check_ascending(self.required_certificates, "required_certificates", CERTIFICATES_MAX)
        for certificate in self.required_certificates:
            check_name(CERTIFICATE_PREFIX + certificate, "required_certificates")
        checked_scope(self.settle_accounts, "settle_accounts", self._checked_account)
        if self.refund_destination:
            self._checked_account(self.refund_destination, "refund_destination")

    def _checked_account(self, text: str, field: str) -> str:
        # On one node an owner pays from his own wallet, and gets back into it.
        if text != self.root_owner:
            raise Refusal(
                Code.MANDATE_FIELD_UNSUPPORTED, f"{field}: another's account is not used in this version"
            )
        return text

    def _check_cosigners(self) -> None:
        check_ascending(self.cosigners, "cosigners", COSIGNERS_MAX)
        for name in self.cosigners:
            if _checked_owner(name, "cosigners") == self.root_owner:
                raise Refusal(Code.BAD_FIELD, "cosigners: the owner always may; name the others")
        if not 1 <= self.cosign_quorum <= 1 + len(self.cosigners):
            raise Refusal(
                Code.OUT_OF_RANGE, f"cosign_quorum={self.cosign_quorum} of {1 + len(self.cosigners)} who may"
            )
        if not COSIGN_TTL_MIN_MS <= self.cosign_ttl_ms <= COSIGN_TTL_MAX_MS:
            raise Refusal(Code.OUT_OF_RANGE, f"cosign_ttl_ms={self.cosign_ttl_ms} is not 1 minute to 30 days")

    def _check_data(self) -> None:
        checked_scope(self.data_scopes, "data_scopes", checked_data_kind)
        checked_scope(self.data_purposes, "data_purposes", _checked_purpose)
        _checked_count(self.data_retention_days, RETENTION_DAYS_MAX, "data_retention_days")


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """An owner's yes or no to one command body under one mandate leaf. [MAN-9]"""

    network_id: bytes
    body_digest: Digest
    mandate_leaf: Digest
    owner: PartyId
    approved: bool
    expires_ms: int
    nonce: bytes
    signed_bytes: bytes = b""

    def __post_init__(self) -> None:
        """Refuse a wrong shape (BAD_ID, OUT_OF_RANGE)."""
        checked_bytes(self.network_id, NETWORK_ID_BYTES, "network_id")
        checked_bytes(self.body_digest, DIGEST_BYTES, "body_digest")
        checked_bytes(self.mandate_leaf, DIGEST_BYTES, "mandate_leaf")
        _checked_owner(self.owner, "owner")
        checked_time(self.expires_ms, "expires_ms")
        checked_bytes(self.nonce, NONCE_BYTES, "nonce")

    def counts_at(self, time_ms: UnixMs) -> bool:
        """Tell whether it has not yet expired."""
        return time_ms < self.expires_ms


def mandate_digest(mandate: Mandate) -> Digest:
    """Name a link by the SHA-256 of the exact bytes that its issuer signed."""
    assert mandate.signed_bytes, "a draft has no digest: it was not signed yet"
    return digest(mandate.signed_bytes)


def _checked_owner(text: str, field: str) -> str:
    # A did:key here would name a thing, and silently neither allow nor refuse its owner.
    if is_thing(checked_party_id(text)):
        raise Refusal(Code.BAD_ID, f"{field} must name owners or nodes, not things")
    return text


def _checked_purpose(text: str, field: str) -> str:
    check_name(text, field)
    return text


def _checked_count(value: int, most: int, field: str) -> int:
    if not 0 <= value <= most:
        raise Refusal(Code.OUT_OF_RANGE, f"{field}={value} is not between 0 and {most}")
    return value
