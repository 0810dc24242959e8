"""Key events, mandates, approvals and the commands that carry them: messages to values and back."""

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Final

from google.protobuf.message import Message

from thingmarket.errors import Code, Refusal
from thingmarket.identity.commands import AdmitParty, PresentMandate, Revoke
from thingmarket.identity.envelope import Signed, TypeId
from thingmarket.identity.mandates import (
    LIMIT_FIELDS,
    Action,
    Approval,
    Autonomy,
    BoundItem,
    Mandate,
    SpendingLimit,
)
from thingmarket.identity.parties import KeyEvent, Role
from thingmarket.identity.scopes import Scope
from thingmarket.identity.terms import GeoBox, Places, Week, WeeklyWindow
from thingmarket.ids import Digest, Key, PartyId
from thingmarket.limits import (
    APPROVAL_BYTES_MAX,
    COMMAND_BYTES_MAX,
    MANDATE_CHAIN_BYTES_MAX,
    MANDATE_LINK_BYTES_MAX,
    MANDATE_LINKS_MAX,
    NODE_CARD_BYTES_MAX,
)
from thingmarket.v1 import identity_pb2 as pb
from thingmarket.v1.envelope_pb2 import Signed as SignedMessage
from thingmarket.wire.envelope import signed_message, signed_value
from thingmarket.wire.strict import member, parse

MANDATE_VERSION: Final = 1

# What this version enforces. Any other field of the messages is refused by its name: a limit that the
# owner wrote and nobody counts would be worse than none.
_MANDATE_FIELDS: Final = frozenset(field.name for field in fields(Mandate)) | {"version"}


def read_key_event(payload: bytes) -> KeyEvent:
    """Read event 0 of a party; who signed it and whether its keys are weak is asked elsewhere."""
    message = parse(pb.KeyEvent, payload, NODE_CARD_BYTES_MAX)
    if message.sequence != 0:
        raise Refusal(Code.BAD_FIELD, f"sequence={message.sequence}: only event 0 is known in this version")
    return KeyEvent(
        role=member(Role, message.role, "role"),
        network_id=message.network_id,
        identity_key=message.identity_key,
        log_key=message.log_key,
        tls_key=message.tls_issuer_key,
        created_ms=message.created_ms,
        nonce=message.nonce,
        signed_bytes=payload,
    )


def key_event_payload(event: KeyEvent) -> bytes:
    """Write event 0 for its party to sign; the party's id is the hash of these bytes."""
    return _bytes(
        pb.KeyEvent(
            network_id=event.network_id,
            role=pb.Role.ValueType(event.role),
            identity_key=event.identity_key,
            log_key=event.log_key,
            tls_issuer_key=event.tls_key,
            created_ms=event.created_ms,
            nonce=event.nonce,
        )
    )


def read_mandate(payload: bytes) -> Mandate:
    """Read one link; fields that this version does not enforce are refused by name."""
    message = parse(pb.Mandate, payload, MANDATE_LINK_BYTES_MAX)
    _refuse_unsupported(message, _MANDATE_FIELDS)
    if message.version != MANDATE_VERSION:
        raise Refusal(Code.MANDATE_FIELD_UNSUPPORTED, f"version={message.version} is not {MANDATE_VERSION}")
    return Mandate(
        network_id=message.network_id,
        mandate_id=message.mandate_id,
        issuer=PartyId(message.issuer),
        subject=PartyId(message.subject),
        root_owner=PartyId(message.root_owner),
        parent_digest=message.parent_digest,
        depth=message.depth,
        max_depth=message.max_depth,
        not_before_ms=message.not_before_ms,
        expires_ms=message.expires_ms,
        autonomy=member(Autonomy, message.autonomy, "autonomy"),
        actions=tuple(member(Action, action, "actions") for action in message.actions),
        categories=_scope(message.categories),
        bound_items=tuple(_bound_item(item) for item in message.bound_items),
        counterparties=_scope(message.counterparties),
        limits=tuple(_spending_limit(limit) for limit in message.limits),
        nodes=_scope(message.nodes),
        revocation_epoch=message.revocation_epoch,
        nonce=message.nonce,
        deny_counterparties=tuple(map(PartyId, message.deny_counterparties)),
        min_assurance=message.min_assurance,
        required_certificates=tuple(message.required_certificates),
        cosigners=tuple(map(PartyId, message.cosigners)),
        cosign_quorum=message.cosign_quorum,
        cosign_ttl_ms=message.cosign_ttl_ms,
        geo=Places(any=message.geo.any, boxes=tuple(map(_geo_box, message.geo.boxes))),
        windows=Week(any=message.windows.any, windows=tuple(map(_window, message.windows.windows))),
        data_scopes=_scope(message.data_scopes),
        data_purposes=_scope(message.data_purposes),
        data_retention_days=message.data_retention_days,
        budget_authority=message.budget_authority,
        terms_hash=message.terms_hash,
        rules_hash=message.rules_hash,
        delivery_max_ms=message.delivery_max_ms,
        warranty_min_days=message.warranty_min_days,
        co2_max_grams=message.co2_max_grams,
        settle_accounts=_scope(message.settle_accounts),
        refund_destination=message.refund_destination,
        signed_bytes=payload,
    )


def mandate_payload(mandate: Mandate) -> bytes:
    """Write one link for its issuer to sign."""
    return _bytes(
        pb.Mandate(
            network_id=mandate.network_id,
            mandate_id=mandate.mandate_id,
            version=MANDATE_VERSION,
            issuer=mandate.issuer,
            subject=mandate.subject,
            root_owner=mandate.root_owner,
            parent_digest=mandate.parent_digest,
            depth=mandate.depth,
            max_depth=mandate.max_depth,
            not_before_ms=mandate.not_before_ms,
            expires_ms=mandate.expires_ms,
            autonomy=pb.Autonomy.ValueType(mandate.autonomy),
            actions=[pb.Action.ValueType(action) for action in mandate.actions],
            categories=_scope_message(mandate.categories),
            bound_items=[_bound_item_message(item) for item in mandate.bound_items],
            counterparties=_scope_message(mandate.counterparties),
            limits=[_spending_limit_message(limit) for limit in mandate.limits],
            nodes=_scope_message(mandate.nodes),
            revocation_epoch=mandate.revocation_epoch,
            nonce=mandate.nonce,
            deny_counterparties=mandate.deny_counterparties,
            min_assurance=mandate.min_assurance,
            required_certificates=mandate.required_certificates,
            cosigners=mandate.cosigners,
            cosign_quorum=mandate.cosign_quorum,
            cosign_ttl_ms=mandate.cosign_ttl_ms,
            geo=_places_message(mandate.geo),
            windows=_week_message(mandate.windows),
            data_scopes=_scope_message(mandate.data_scopes),
            data_purposes=_scope_message(mandate.data_purposes),
            data_retention_days=mandate.data_retention_days,
            budget_authority=mandate.budget_authority,
            terms_hash=mandate.terms_hash,
            rules_hash=mandate.rules_hash,
            delivery_max_ms=mandate.delivery_max_ms,
            warranty_min_days=mandate.warranty_min_days,
            co2_max_grams=mandate.co2_max_grams,
            settle_accounts=_scope_message(mandate.settle_accounts),
            refund_destination=mandate.refund_destination,
        )
    )


def issued(draft: Mandate) -> Mandate:
    """The same link with the bytes to sign in it, so that it has a digest and can have children."""
    return replace(draft, signed_bytes=mandate_payload(draft))


def read_approval(payload: bytes) -> Approval:
    """Read an owner's yes or no; who signed it is asked elsewhere."""
    message = parse(pb.Approval, payload, APPROVAL_BYTES_MAX)
    return Approval(
        network_id=message.network_id,
        body_digest=Digest(message.body_digest),
        mandate_leaf=Digest(message.mandate_leaf),
        owner=PartyId(message.owner),
        approved=message.approved,
        expires_ms=message.expires_ms,
        nonce=message.nonce,
        signed_bytes=payload,
    )


def approval_payload(approval: Approval) -> bytes:
    """Write a yes or no for its owner to sign."""
    return _bytes(
        pb.Approval(
            network_id=approval.network_id,
            body_digest=approval.body_digest,
            mandate_leaf=approval.mandate_leaf,
            owner=approval.owner,
            approved=approval.approved,
            expires_ms=approval.expires_ms,
            nonce=approval.nonce,
        )
    )


def read_admit_party(body: bytes) -> AdmitParty:
    """Read the body with which an owner makes himself known."""
    message = parse(pb.AdmitParty, body, COMMAND_BYTES_MAX)
    signed = _document(message.key_event, TypeId.KEY_EVENT, "key_event")
    return AdmitParty(Key(message.key), signed, read_key_event(signed.payload))


def admit_party_body(key: Key, signed_event: Signed) -> bytes:
    """Write the body with which an owner makes himself known."""
    return _bytes(pb.AdmitParty(key=key, key_event=signed_message(signed_event)))


def read_present_mandate(body: bytes) -> PresentMandate:
    """Read the body that shows a chain of 1 to 3 links and at most 8 KiB; signatures are asked elsewhere."""
    message = parse(pb.PresentMandate, body, COMMAND_BYTES_MAX)
    if not message.links:
        raise Refusal(Code.BAD_FIELD, "links: a chain has at least one link")
    if len(message.links) > MANDATE_LINKS_MAX:
        raise Refusal(Code.TOO_LARGE, f"links: {len(message.links)}; at most {MANDATE_LINKS_MAX}")
    size = sum(link.ByteSize() for link in message.links)
    if size > MANDATE_CHAIN_BYTES_MAX:
        raise Refusal(Code.TOO_LARGE, f"links have {size} bytes; at most {MANDATE_CHAIN_BYTES_MAX}")
    links = tuple(_document(link, TypeId.MANDATE, "links") for link in message.links)
    return PresentMandate(Key(message.key), links, tuple(read_mandate(link.payload) for link in links))


def present_mandate_body(key: Key, links: Iterable[Signed]) -> bytes:
    """Write the body that shows a chain, root first."""
    return _bytes(pb.PresentMandate(key=key, links=[signed_message(link) for link in links]))


def read_revoke(body: bytes) -> Revoke:
    """Read the body with which an owner ends mandates."""
    message = parse(pb.Revoke, body, COMMAND_BYTES_MAX)
    target = message.WhichOneof("target")
    return Revoke(
        key=Key(message.key),
        mandate=Digest(message.mandate) if target == "mandate" else None,
        subject=PartyId(message.subject) if target == "subject" else None,
        epoch=message.epoch if target == "epoch" else None,
        reason=message.reason,
    )


def revoke_body(
    key: Key,
    *,
    mandate: Digest | None = None,
    subject: PartyId | None = None,
    epoch: int | None = None,
    reason: str,
) -> bytes:
    """Write the body with which an owner ends one link, one subject's mandates, or older epochs."""
    revoke = Revoke(key=key, mandate=mandate, subject=subject, epoch=epoch, reason=reason)
    message = pb.Revoke(key=revoke.key, reason=revoke.reason)
    if revoke.mandate is not None:
        message.mandate = revoke.mandate
    elif revoke.subject is not None:
        message.subject = revoke.subject
    elif revoke.epoch is not None:
        message.epoch = revoke.epoch
    return _bytes(message)


def _document(message: SignedMessage, type_id: TypeId, field: str) -> Signed:
    signed = signed_value(message)
    if signed.type_id != type_id:
        raise Refusal(Code.WRONG_TYPE, f"{field} has type {signed.type_id}, not {type_id.value}")
    return signed


def _refuse_unsupported(message: Message, supported: frozenset[str]) -> None:
    for descriptor, _ in message.ListFields():
        if descriptor.name not in supported:
            raise Refusal(
                Code.MANDATE_FIELD_UNSUPPORTED, f"{descriptor.name} is not enforced in this version"
            )


def _scope(message: pb.Scope) -> Scope:
    return Scope(any=message.any, include=tuple(message.include), exclude=tuple(message.exclude))


def _scope_message(scope: Scope) -> pb.Scope:
    return pb.Scope(any=scope.any, include=scope.include, exclude=scope.exclude)


def _bound_item(message: pb.BoundItem) -> BoundItem:
    return BoundItem(
        product_id=message.product_id,
        sellers=_scope(message.sellers),
        currency=message.currency,
        max_unit_price_minor=message.max_unit_price_minor,
        max_quantity_steps=message.max_quantity_steps,
        unit=message.unit,
        unit_scale=message.unit_scale,
    )


def _bound_item_message(item: BoundItem) -> pb.BoundItem:
    return pb.BoundItem(
        product_id=item.product_id,
        sellers=_scope_message(item.sellers),
        currency=item.currency,
        max_unit_price_minor=item.max_unit_price_minor,
        max_quantity_steps=item.max_quantity_steps,
        unit=item.unit,
        unit_scale=item.unit_scale,
    )


def _spending_limit(message: pb.SpendingLimit) -> SpendingLimit:
    return SpendingLimit(
        currency=message.currency, **{field: getattr(message, field) for field in LIMIT_FIELDS}
    )


def _spending_limit_message(limit: SpendingLimit) -> pb.SpendingLimit:
    return pb.SpendingLimit(
        currency=limit.currency, **{field: getattr(limit, field) for field in LIMIT_FIELDS}
    )


def _geo_box(message: pb.GeoBox) -> GeoBox:
    return GeoBox(
        south_e7=message.south_e7,
        west_e7=message.west_e7,
        north_e7=message.north_e7,
        east_e7=message.east_e7,
    )


def _places_message(places: Places) -> pb.Places:
    boxes = [
        pb.GeoBox(south_e7=box.south_e7, west_e7=box.west_e7, north_e7=box.north_e7, east_e7=box.east_e7)
        for box in places.boxes
    ]
    return pb.Places(any=places.any, boxes=boxes)


def _window(message: pb.WeeklyWindow) -> WeeklyWindow:
    return WeeklyWindow(
        days_mask=message.days_mask, start_minute=message.start_minute, end_minute=message.end_minute
    )


def _week_message(week: Week) -> pb.Week:
    windows = [
        pb.WeeklyWindow(
            days_mask=window.days_mask, start_minute=window.start_minute, end_minute=window.end_minute
        )
        for window in week.windows
    ]
    return pb.Week(any=week.any, windows=windows)


def _bytes(message: Message) -> bytes:
    return message.SerializeToString(deterministic=True)
