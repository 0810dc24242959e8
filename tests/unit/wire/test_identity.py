"""Key events, mandates, approvals and their commands: one form of bytes, all else refused. [ID-6]"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pytest import mark, raises

from tests.support.mandates import (
    BODY,
    BOUND,
    FREE,
    NETWORK,
    NOW,
    OWNER,
    OWNER_KEY,
    ROOT,
    SELLER,
    STRICT,
    THING_KEYS,
    THINGS,
    approval_of,
    child_of,
    meet,
)
from thingmarket.errors import Code, Refusal
from thingmarket.identity import envelope
from thingmarket.identity.envelope import Signed, TypeId
from thingmarket.identity.mandates import LIMIT_FIELDS, mandate_digest
from thingmarket.identity.parties import KeyEvent, Role
from thingmarket.identity.terms import Place
from thingmarket.ids import Key, PartyId
from thingmarket.limits import DAY_MS, DELIVERY_MS_MAX
from thingmarket.v1 import identity_pb2 as pb
from thingmarket.wire import identity as wire

KEY = Key(b"k" * 16)
EVENT = KeyEvent(
    role=Role.NODE,
    network_id=NETWORK,
    identity_key=OWNER_KEY.public,
    log_key=THING_KEYS[0].public,
    tls_key=THING_KEYS[1].public,
    created_ms=NOW,
    nonce=b"n" * 12,
    signed_bytes=b"",
)
APPROVAL = approval_of(meet(ROOT).leaf)

# Every field of the messages that this version does not enforce, with the least value that sets it.
UNSUPPORTED: dict[str, Any] = {
    "min_reputation_milli": 1,
    "status_list": "x",
    "status_age_max_ms": 1,
}


def refusal_of(act: Callable[[], object]) -> Refusal:
    with raises(Refusal) as refused:
        act()
    return refused.value


def message_of(payload: bytes) -> pb.Mandate:
    return pb.Mandate.FromString(payload)


def with_fields(payload: bytes, **changes: Any) -> bytes:
    message: Any = message_of(payload)
    for field in changes:
        message.ClearField(field)
    message.MergeFrom(pb.Mandate(**changes))
    return message.SerializeToString(deterministic=True)


def window(days: int = 1, start: int = 0, end: int = 60) -> pb.WeeklyWindow:
    return pb.WeeklyWindow(days_mask=days, start_minute=start, end_minute=end)


def link_of(payload: bytes) -> Signed:
    return envelope.sign(TypeId.MANDATE, payload, OWNER_KEY)


# --- mandates


@mark.parametrize("mandate", [ROOT, FREE, BOUND, STRICT, child_of(ROOT), child_of(child_of(BOUND))])
def test_a_mandate_reads_back_as_it_was_written(mandate: Any) -> None:
    assert wire.read_mandate(wire.mandate_payload(mandate)) == mandate


@mark.parametrize("field", UNSUPPORTED)
def test_a_field_that_is_not_enforced_is_refused_by_its_name(field: str) -> None:  # [MAN-6]
    payload = with_fields(ROOT.signed_bytes, **{field: UNSUPPORTED[field]})
    refusal = refusal_of(lambda: wire.read_mandate(payload))
    assert refusal.number == Code.MANDATE_FIELD_UNSUPPORTED
    assert field in refusal.reason


@mark.parametrize("field", ["settle_accounts", "refund_destination"])
def test_anothers_account_is_refused_by_its_name(field: str) -> None:  # [MAN-6]
    value: Any = SELLER if field == "refund_destination" else pb.Scope(include=[SELLER])
    refusal = refusal_of(lambda: wire.read_mandate(with_fields(ROOT.signed_bytes, **{field: value})))
    assert refusal.number == Code.MANDATE_FIELD_UNSUPPORTED
    assert field in refusal.reason


def test_what_is_not_written_allows_nothing() -> None:  # [MAN-2]
    message: Any = message_of(ROOT.signed_bytes)
    for field in ("geo", "windows", "data_scopes", "settle_accounts", "delivery_max_ms", "co2_max_grams"):
        message.ClearField(field)
    for field in LIMIT_FIELDS:
        message.limits[0].ClearField(field)
    mandate = wire.read_mandate(message.SerializeToString(deterministic=True))
    assert not mandate.geo.allow(Place(0, 0)) and not mandate.windows.allows(NOW)
    assert not mandate.settle_accounts.allows_name(OWNER) and not mandate.data_scopes.allows_name("usage")
    assert mandate.delivery_max_ms == mandate.co2_max_grams == 0
    assert all(getattr(mandate.limits[0], field) == 0 for field in LIMIT_FIELDS)


def test_every_field_of_the_message_is_either_enforced_or_refused() -> None:  # [MAN-6]
    enforced = {name for name in vars(type(ROOT)) if not name.startswith("_")} - {"signed_bytes"} | {
        "version"
    }
    assert set(pb.Mandate.DESCRIPTOR.fields_by_name) == (enforced | UNSUPPORTED.keys())
    assert not enforced & UNSUPPORTED.keys()


@mark.parametrize("version", [0, 2])
def test_another_version_of_the_rules_is_refused(version: int) -> None:
    refusal = refusal_of(lambda: wire.read_mandate(with_fields(ROOT.signed_bytes, version=version)))
    assert refusal.number == Code.MANDATE_FIELD_UNSUPPORTED
    assert "version" in refusal.reason


@mark.parametrize(
    ("changes", "code"),
    [
        ({"network_id": b""}, Code.BAD_ID),
        ({"subject": ""}, Code.BAD_ID),
        ({"issuer": "tm:party:x"}, Code.BAD_ID),
        ({"autonomy": 0}, Code.BAD_FIELD),
        ({"autonomy": 5}, Code.BAD_FIELD),
        ({"autonomy": -1}, Code.BAD_FIELD),
        ({"actions": [0]}, Code.BAD_FIELD),
        ({"actions": [14]}, Code.BAD_FIELD),
        ({"actions": [4, 1]}, Code.BAD_FIELD),
        ({"actions": [4, 4]}, Code.BAD_FIELD),
        ({"not_before_ms": -1}, Code.OUT_OF_RANGE),
        ({"expires_ms": 0}, Code.OUT_OF_RANGE),
        ({"expires_ms": 2**63 - 1}, Code.OUT_OF_RANGE),
        ({"depth": 2**63}, Code.OUT_OF_RANGE),
        ({"max_depth": 3}, Code.OUT_OF_RANGE),
        ({"revocation_epoch": 2**53}, Code.OUT_OF_RANGE),
        ({"revocation_epoch": 2**64 - 1}, Code.OUT_OF_RANGE),
        ({"limits": [pb.SpendingLimit(currency="EUR", total_minor=-1)]}, Code.OUT_OF_RANGE),
        ({"limits": [pb.SpendingLimit(currency="EUR", total_minor=2**53)]}, Code.OUT_OF_RANGE),
        ({"limits": [pb.SpendingLimit(currency="EUR")] * 2}, Code.BAD_FIELD),
        ({"limits": [pb.SpendingLimit(currency="EUR")] * 9}, Code.TOO_LARGE),
        ({"limits": [pb.SpendingLimit()]}, Code.UNKNOWN_CURRENCY),
        ({"bound_items": [pb.BoundItem(product_id="x" * 129, currency="EUR")]}, Code.BAD_ID),
        ({"bound_items": [pb.BoundItem(product_id="x", currency="EUR")]}, Code.OUT_OF_RANGE),
        ({"categories": pb.Scope(any=True, include=["44"])}, Code.BAD_FIELD),
        ({"categories": pb.Scope(include=[str(n) for n in range(10, 43)])}, Code.TOO_LARGE),
        ({"categories": pb.Scope(include=["44"], exclude=["45", "44"])}, Code.BAD_FIELD),
        ({"counterparties": pb.Scope(include=["somebody"])}, Code.BAD_ID),
        ({"deny_counterparties": [""]}, Code.BAD_ID),
        ({"deny_counterparties": [SELLER, SELLER]}, Code.BAD_FIELD),
        ({"min_assurance": 4}, Code.OUT_OF_RANGE),
        ({"required_certificates": ["Green!"]}, Code.BAD_FIELD),
        ({"required_certificates": ["b", "a"]}, Code.BAD_FIELD),
        ({"required_certificates": list("abcdefghi")}, Code.TOO_LARGE),
        ({"cosigners": [THINGS[2]]}, Code.BAD_ID),
        ({"cosigners": [OWNER]}, Code.BAD_FIELD),
        ({"cosign_quorum": 0}, Code.OUT_OF_RANGE),
        ({"cosign_quorum": 2}, Code.OUT_OF_RANGE),
        ({"cosigners": [SELLER], "cosign_quorum": 3}, Code.OUT_OF_RANGE),
        ({"cosign_ttl_ms": 0}, Code.OUT_OF_RANGE),
        ({"cosign_ttl_ms": 31 * DAY_MS}, Code.OUT_OF_RANGE),
        ({"geo": pb.Places(any=True, boxes=[pb.GeoBox()])}, Code.BAD_FIELD),
        ({"geo": pb.Places(boxes=[pb.GeoBox()] * 2)}, Code.BAD_FIELD),
        ({"geo": pb.Places(boxes=[pb.GeoBox(south_e7=1)])}, Code.OUT_OF_RANGE),
        ({"geo": pb.Places(boxes=[pb.GeoBox(north_e7=900_000_001)])}, Code.OUT_OF_RANGE),
        ({"geo": pb.Places(boxes=[pb.GeoBox(west_e7=-1_800_000_001)])}, Code.OUT_OF_RANGE),
        ({"geo": pb.Places(boxes=[pb.GeoBox(east_e7=n) for n in range(17)])}, Code.TOO_LARGE),
        ({"windows": pb.Week(windows=[pb.WeeklyWindow()])}, Code.OUT_OF_RANGE),
        ({"windows": pb.Week(windows=[window(days=128)])}, Code.OUT_OF_RANGE),
        ({"windows": pb.Week(windows=[window(start=60, end=60)])}, Code.OUT_OF_RANGE),
        ({"windows": pb.Week(windows=[window(end=1441)])}, Code.OUT_OF_RANGE),
        ({"windows": pb.Week(any=True, windows=[window()])}, Code.BAD_FIELD),
        ({"data_scopes": pb.Scope(include=["dreams"])}, Code.BAD_FIELD),
        ({"data_purposes": pb.Scope(include=["Ads"])}, Code.BAD_FIELD),
        ({"data_retention_days": 3_654}, Code.OUT_OF_RANGE),
        ({"budget_authority": "x"}, Code.BAD_ID),
        ({"terms_hash": b"x"}, Code.BAD_ID),
        ({"rules_hash": bytes(31)}, Code.BAD_ID),
        ({"delivery_max_ms": DELIVERY_MS_MAX + 1}, Code.OUT_OF_RANGE),
        ({"warranty_min_days": 2**63}, Code.OUT_OF_RANGE),
        ({"co2_max_grams": -1}, Code.OUT_OF_RANGE),
    ],
)
def test_a_mandate_of_the_wrong_shape_is_refused(changes: dict[str, Any], code: Code) -> None:
    payload = with_fields(ROOT.signed_bytes, **changes)
    assert refusal_of(lambda: wire.read_mandate(payload)).number == code


def test_scopes_that_are_not_written_allow_nothing() -> None:
    message: Any = message_of(ROOT.signed_bytes)
    for field in ("categories", "counterparties", "nodes"):
        message.ClearField(field)
    mandate = wire.read_mandate(message.SerializeToString(deterministic=True))
    assert not mandate.categories.allows_code("44")
    assert not mandate.counterparties.allows_name(ROOT.counterparties.include[0])
    assert not mandate.nodes.allows_name(ROOT.nodes.include[0])


@mark.parametrize(
    ("payload", "code"),
    [
        (ROOT.signed_bytes + b"\xc0\x3e\x01", Code.NOT_STRICT),  # field 1000
        (ROOT.signed_bytes + b"\x18\x01", Code.NOT_STRICT),  # the version once more
        (ROOT.signed_bytes[:-1], Code.MALFORMED),
        (b"\xff", Code.MALFORMED),
        (bytes(4097), Code.TOO_LARGE),
    ],
)
def test_bytes_that_are_not_the_one_form_of_a_mandate_are_refused(payload: bytes, code: Code) -> None:
    assert refusal_of(lambda: wire.read_mandate(payload)).number == code


# --- key events and approvals


def test_a_key_event_reads_back_as_it_was_written() -> None:
    for event in (EVENT, replace(EVENT, role=Role.OWNER, log_key=b"", tls_key=b"")):
        payload = wire.key_event_payload(event)
        assert wire.read_key_event(payload) == replace(event, signed_bytes=payload)


@mark.parametrize(
    ("changes", "code"),
    [
        ({"role": 0}, Code.BAD_FIELD),
        ({"role": 9}, Code.BAD_FIELD),
        ({"sequence": 1}, Code.BAD_FIELD),
        ({"identity_key": bytes(31)}, Code.BAD_ID),
        ({"log_key": b""}, Code.BAD_ID),
        ({"created_ms": -1}, Code.OUT_OF_RANGE),
        ({"nonce": bytes(1024)}, Code.TOO_LARGE),
    ],
)
def test_a_key_event_of_the_wrong_shape_is_refused(changes: dict[str, Any], code: Code) -> None:
    message = pb.KeyEvent.FromString(wire.key_event_payload(EVENT))
    for field, value in changes.items():
        setattr(message, field, value)
    assert (
        refusal_of(lambda: wire.read_key_event(message.SerializeToString(deterministic=True))).number == code
    )


@mark.parametrize("approved", [True, False])
def test_an_approval_reads_back_as_it_was_written(approved: bool) -> None:
    approval = replace(APPROVAL, approved=approved)
    payload = wire.approval_payload(approval)
    assert wire.read_approval(payload) == replace(approval, signed_bytes=payload)
    assert approval.body_digest == BODY


@mark.parametrize(
    ("changes", "code"),
    [
        ({"network_id": b""}, Code.BAD_ID),
        ({"body_digest": bytes(31)}, Code.BAD_ID),
        ({"mandate_leaf": b""}, Code.BAD_ID),
        ({"owner": THINGS[0]}, Code.BAD_ID),
        ({"expires_ms": 0}, Code.OUT_OF_RANGE),
        ({"nonce": b""}, Code.BAD_ID),
        ({"nonce": bytes(512)}, Code.TOO_LARGE),
    ],
)
def test_an_approval_of_the_wrong_shape_is_refused(changes: dict[str, Any], code: Code) -> None:
    message = pb.Approval.FromString(wire.approval_payload(APPROVAL))
    for field, value in changes.items():
        setattr(message, field, value)
    assert (
        refusal_of(lambda: wire.read_approval(message.SerializeToString(deterministic=True))).number == code
    )


# --- bodies of commands


def test_an_owner_makes_himself_known_with_his_signed_event() -> None:
    event = replace(EVENT, role=Role.OWNER, log_key=b"", tls_key=b"")
    signed = envelope.sign(TypeId.KEY_EVENT, wire.key_event_payload(event), OWNER_KEY)
    admitted = wire.read_admit_party(wire.admit_party_body(KEY, signed))
    assert (admitted.key, admitted.signed_event) == (KEY, signed)
    assert admitted.event.signed_bytes == signed.payload


def test_an_event_that_was_signed_as_something_else_is_refused() -> None:
    body = wire.admit_party_body(KEY, link_of(wire.key_event_payload(EVENT)))
    assert refusal_of(lambda: wire.read_admit_party(body)).number == Code.WRONG_TYPE


def test_a_body_without_its_event_is_refused() -> None:
    body = pb.AdmitParty(key=KEY).SerializeToString()
    assert refusal_of(lambda: wire.read_admit_party(body)).number == Code.MALFORMED


def test_a_chain_that_is_presented_is_read_link_by_link_and_can_be_met() -> None:
    child = child_of(ROOT)
    links = [link_of(ROOT.signed_bytes), envelope.sign(TypeId.MANDATE, child.signed_bytes, THING_KEYS[0])]
    presented = wire.read_present_mandate(wire.present_mandate_body(KEY, links))
    assert (presented.key, presented.mandates) == (KEY, (ROOT, child))
    assert presented.links == tuple(links)
    assert meet(*presented.mandates).leaf == mandate_digest(child)


def test_a_chain_has_one_to_three_links() -> None:
    link = link_of(ROOT.signed_bytes)
    assert refusal_of(lambda: present(())).number == Code.BAD_FIELD
    assert refusal_of(lambda: present((link,) * 4)).number == Code.TOO_LARGE


def test_a_chain_has_at_most_8_kib_with_its_signatures() -> None:
    # The least size first: two links of 4,096 bytes are too much only because of their envelopes.
    assert refusal_of(lambda: present((link_of(bytes(4096)),) * 2)).number == Code.TOO_LARGE
    assert refusal_of(lambda: present((link_of(bytes(4000)),) * 2)).number == Code.MALFORMED


def test_a_chain_with_a_link_of_another_type_is_refused() -> None:
    link = envelope.sign(TypeId.APPROVAL, ROOT.signed_bytes, OWNER_KEY)
    assert refusal_of(lambda: present((link,))).number == Code.WRONG_TYPE


def present(links: tuple[Signed, ...]) -> object:
    return wire.read_present_mandate(wire.present_mandate_body(KEY, links))


@mark.parametrize(
    "target", [{"mandate": mandate_digest(ROOT)}, {"subject": THINGS[0]}, {"epoch": 1}, {"epoch": 2**53 - 1}]
)
def test_a_revocation_reads_back_as_it_was_written(target: dict[str, Any]) -> None:
    revoke = wire.read_revoke(wire.revoke_body(KEY, reason="stolen", **target))
    assert (revoke.key, revoke.reason) == (KEY, "stolen")
    given = {"mandate": revoke.mandate, "subject": revoke.subject, "epoch": revoke.epoch}
    assert {name: value for name, value in given.items() if value is not None} == target


@mark.parametrize(
    ("message", "code"),
    [
        (pb.Revoke(key=KEY), Code.BAD_FIELD),
        (pb.Revoke(key=b"", epoch=1), Code.BAD_ID),
        (pb.Revoke(key=KEY, epoch=0), Code.OUT_OF_RANGE),
        (pb.Revoke(key=KEY, epoch=2**64 - 1), Code.OUT_OF_RANGE),
        (pb.Revoke(key=KEY, mandate=b""), Code.BAD_ID),
        (pb.Revoke(key=KEY, subject=PartyId("")), Code.BAD_ID),
        (pb.Revoke(key=KEY, epoch=1, reason="r" * 121), Code.TOO_LARGE),
    ],
)
def test_a_revocation_of_the_wrong_shape_is_refused(message: pb.Revoke, code: Code) -> None:
    assert refusal_of(lambda: wire.read_revoke(message.SerializeToString(deterministic=True))).number == code
