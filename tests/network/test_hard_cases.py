"""Everything that is wrong with a command is refused by its number, changes nothing, and harms nobody.

[ID-5] [ID-6] [ID-9] [ID-11] [ERR-1]
"""

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.network.raw_client import Answer, RawClient, new_key, now_ms, offer_body, spending_limit
from tests.network.small_market import SmallMarket
from tests.support.wire_bytes import bytes_field
from thingmarket.errors import Code
from thingmarket.identity import did, keys
from thingmarket.identity.envelope import Signature, Signed, TypeId, sign
from thingmarket.identity.keys import SigningKey
from thingmarket.identity.mandates import Approval
from thingmarket.identity.parties import party_id
from thingmarket.ids import Digest, digest, make_key
from thingmarket.limits import CLOCK_SKEW_MS, COMMAND_LIFE_MS, HOUR_MS, INTEGER_MAX, KEY_AGE_MS
from thingmarket.time import UnixMs
from thingmarket.v1 import envelope_pb2
from thingmarket.wire import identity
from thingmarket.wire.envelope import signed_value

STRANGE_KEY = SigningKey.from_seed(b"k" * 32)


def test_the_purchase_that_all_these_tests_spoil_is_good(market: SmallMarket) -> None:
    assert market.buy().code == 0


# --- the header


HEADERS: dict[str, tuple[dict[str, Any], Code]] = {
    "for another network": ({"network_id": b"another network!"}, Code.WRONG_NETWORK),
    "without a network": ({"network_id": b""}, Code.WRONG_NETWORK),
    "for another node": ({"audience": "tm:party:zQmWm9vUw4kcPmTELpDUXEwbQE5KG9R8"}, Code.WRONG_AUDIENCE),
    "for nobody": ({"audience": ""}, Code.WRONG_AUDIENCE),
    "of another sender": ({"sender": did.encode(STRANGE_KEY.public)}, Code.NO_SESSION),
    "of a sender who is no id": ({"sender": "anna"}, Code.NO_SESSION),
    "of a session that never was": ({"session": b"no such session!"}, Code.SESSION_ENDED),
    "of a session of 15 bytes": ({"session": bytes(15)}, Code.SESSION_ENDED),
    "with a nonce of 11 bytes": ({"nonce": bytes(11)}, Code.BAD_ID),
    "with a mandate of 31 bytes": ({"mandate_leaf": bytes(31)}, Code.BAD_ID),
    "with sequence 0": ({"sequence": 0}, Code.OUT_OF_RANGE),
    "with sequence 2^53": ({"sequence": 2**53}, Code.OUT_OF_RANGE),
    "with sequence 2^63": ({"sequence": 2**63}, Code.OUT_OF_RANGE),
    "with sequence 2^64-1": ({"sequence": 2**64 - 1}, Code.OUT_OF_RANGE),
    "created at 0": ({"created_ms": 0}, Code.CLOCK),
    "created before 1970": ({"created_ms": -1}, Code.CLOCK),
    "created at 2^53": ({"created_ms": 2**53}, Code.CLOCK),
    "created at 2^63-1": ({"created_ms": 2**63 - 1}, Code.CLOCK),
    "created at -2^63": ({"created_ms": -(2**63)}, Code.CLOCK),
    "that expires at 0": ({"expires_ms": 0}, Code.BAD_FIELD),
    "that expires at 2^63-1": ({"expires_ms": 2**63 - 1}, Code.BAD_FIELD),
    "that expires at -2^63": ({"expires_ms": -(2**63)}, Code.BAD_FIELD),
    "under a mandate that nobody presented": ({"mandate_leaf": bytes(32)}, Code.UNKNOWN_MANDATE),
    "under no mandate at all": ({"mandate_leaf": b""}, Code.UNKNOWN_MANDATE),
}


@pytest.mark.parametrize("changes, code", HEADERS.values(), ids=HEADERS)
def test_a_command_with_a_wrong_header_is_refused(market: SmallMarket, changes: Any, code: Code) -> None:
    market.refused(code, market.buy, **changes)


TIMES: dict[str, tuple[int, int, Code]] = {
    "expired a moment ago": (-20_000, 19_000, Code.EXPIRED),
    "31 s old": (-31_000, COMMAND_LIFE_MS, Code.CLOCK),
    "from 31 s ahead": (31_000, COMMAND_LIFE_MS, Code.CLOCK),
    "that lives 1 ms too long": (0, COMMAND_LIFE_MS + 1, Code.BAD_FIELD),
    "that ends when it begins": (0, 0, Code.BAD_FIELD),
}


@pytest.mark.parametrize("created, life, code", TIMES.values(), ids=TIMES)
def test_a_command_of_a_wrong_time_is_refused(
    market: SmallMarket, created: int, life: int, code: Code
) -> None:
    created_ms = now_ms() + created
    market.refused(code, market.buy, created_ms=created_ms, expires_ms=created_ms + life)


def test_who_is_refused_for_his_clock_is_told_the_time_by_the_node(market: SmallMarket) -> None:
    answered = market.refused(Code.CLOCK, market.buy, created_ms=now_ms() - HOUR_MS)
    assert answered.detail is not None and answered.detail.retryable
    signed = signed_value(answered.detail.node_time)
    told = envelope_pb2.NodeTime.FromString(signed.payload)
    assert signed.type_id == TypeId.NODE_TIME and told.node == market.node.node_id
    assert abs(told.time_ms - now_ms()) < 60_000


def test_the_highest_sequence_is_good_and_ends_the_session_for_all_that_lie_far_below(
    market: SmallMarket,
) -> None:
    session = market.client.again(market.printer)
    body = market.purchase()
    assert market.client.send(session, TypeId.PURCHASE, body, sequence=INTEGER_MAX).code == 0
    market.refused(Code.REPLAYED, market.client.send, session, TypeId.PURCHASE, market.purchase(), sequence=5)


# --- signatures


def spoilt(market: SmallMarket, change: Callable[[Signed], Signed]) -> Answer:
    """Hand over a good purchase after a change of its envelope."""
    command = market.client.command(market.printer, TypeId.PURCHASE, market.purchase())
    return market.client.submit(market.printer, change(command))


def with_signatures(*signatures: Signature) -> Callable[[Signed], Signed]:
    return lambda signed: Signed(signed.type_id, signed.payload, signatures)


HINT = keys.key_hint(STRANGE_KEY.public)
SIGNATURES: dict[str, tuple[Callable[[Signed], Signed], Code]] = {
    "shown as another type": (
        lambda s: Signed(TypeId.ACCEPT_DELIVERY, s.payload, s.signatures),
        Code.MALFORMED,  # the body is read first, and a purchase is no acceptance
    ),
    "shown as a document": (lambda s: Signed(TypeId.MANDATE, s.payload, s.signatures), Code.WRONG_TYPE),
    "of an unknown type": (lambda s: Signed(255, s.payload, s.signatures), Code.WRONG_TYPE),
    "of type 0": (lambda s: Signed(0, s.payload, s.signatures), Code.WRONG_TYPE),
    "of type 2^64-1": (lambda s: Signed(2**64 - 1, s.payload, s.signatures), Code.WRONG_TYPE),
    "without a signature": (with_signatures(), Code.MALFORMED),
    "with a signature of zeros": (
        lambda s: Signed(s.type_id, s.payload, (Signature(s.signatures[0].key_hint, bytes(64)),)),
        Code.BAD_SIGNATURE,
    ),
    "with one bit of the signature flipped": (
        lambda s: Signed(
            s.type_id,
            s.payload,
            (Signature(s.signatures[0].key_hint, s.signatures[0].signature[:-1] + b"\xff"),),
        ),
        Code.BAD_SIGNATURE,
    ),
    "with another signer's hint": (with_signatures(Signature(HINT, bytes(64))), Code.BAD_SIGNATURE),
    "with a hint of 7 bytes": (with_signatures(Signature(HINT[:7], bytes(64))), Code.MALFORMED),
    "with a signature of 63 bytes": (with_signatures(Signature(HINT, bytes(63))), Code.MALFORMED),
    "with a signature of 65 bytes": (with_signatures(Signature(HINT, bytes(65))), Code.MALFORMED),
    "with no bytes of signature": (with_signatures(Signature(b"", b"")), Code.MALFORMED),
    "with the same signature twice": (
        lambda s: Signed(s.type_id, s.payload, s.signatures * 2),
        Code.MALFORMED,
    ),
    "with five signatures": (lambda s: Signed(s.type_id, s.payload, s.signatures * 5), Code.MALFORMED),
}


@pytest.mark.parametrize("change, code", SIGNATURES.values(), ids=SIGNATURES)
def test_a_command_with_a_wrong_signature_is_refused(market: SmallMarket, change: Any, code: Code) -> None:
    market.refused(code, spoilt, market, change)


def test_a_command_that_somebody_else_signed_is_refused(market: SmallMarket) -> None:
    """Even when he claims the sender's key by its hint, and even when he is the sender's owner."""
    market.refused(Code.BAD_SIGNATURE, market.buy, key=market.shop.key)
    market.refused(Code.BAD_SIGNATURE, market.buy, key=market.buyer.key)
    hint = keys.key_hint(market.printer.key.public)

    def claimed(signed: Signed) -> Signed:
        forged = sign(signed.type_id, signed.payload, STRANGE_KEY).signatures[0].signature
        return Signed(signed.type_id, signed.payload, (Signature(hint, forged),))

    market.refused(Code.BAD_SIGNATURE, spoilt, market, claimed)


def test_the_signature_of_an_offer_is_none_of_a_purchase(market: SmallMarket) -> None:
    """Every pair of commands with bodies of one shape: the type is part of what is signed."""
    pairs = [(TypeId.WITHDRAW_OFFER, TypeId.WITHDRAW_NEED), (TypeId.WITHDRAW_NEED, TypeId.WITHDRAW_OFFER)]
    for signed_as, shown_as in pairs:
        body = bytes_field(1, new_key()) + bytes_field(2, market.offer)
        signed = market.client.command(market.shop, signed_as, body)
        shown = Signed(shown_as, signed.payload, signed.signatures)
        market.refused(Code.BAD_SIGNATURE, market.client.submit, market.shop, shown)


# --- mandates and approvals


def test_a_thing_acts_under_no_other_things_mandate(market: SmallMarket) -> None:  # [MAN-4]
    sister = market.client.thing(market.buyer)
    market.refused(Code.NOT_PERMITTED, market.buy, mandate_leaf=sister.leaf)
    market.refused(Code.NOT_PERMITTED, market.buy, mandate_leaf=market.shop.leaf)


def test_an_owner_acts_under_no_mandate(market: SmallMarket) -> None:  # [MAN-4]
    client, body = market.client, market.purchase()
    market.refused(
        Code.BAD_FIELD, client.send, market.buyer, TypeId.PURCHASE, body, mandate_leaf=market.printer.leaf
    )


def test_a_thing_that_the_market_does_not_know_may_do_nothing_but_present_a_mandate(
    market: SmallMarket,
) -> None:  # [ID-8]
    stranger = market.client.stranger()
    for type_id, body in (
        (TypeId.PUBLISH_OFFER, offer_body()),
        (TypeId.PURCHASE, market.purchase()),
        (TypeId.ERASE, bytes_field(1, new_key())),
    ):
        market.refused(Code.UNKNOWN_PARTY, market.client.send, stranger, type_id, body)


def approval(market: SmallMarket, body: bytes, key: SigningKey, **changes: Any) -> Signed:
    value: dict[str, Any] = {
        "network_id": market.client.network_id,
        "body_digest": digest(body),
        "mandate_leaf": Digest(market.printer.leaf),
        "owner": market.buyer.party,
        "approved": True,
        "expires_ms": now_ms() + HOUR_MS,
        "nonce": secrets.token_bytes(12),
    }
    return sign(TypeId.APPROVAL, identity.approval_payload(Approval(**{**value, **changes})), key)


def test_approvals_that_are_not_the_owners_for_this_body_are_refused(market: SmallMarket) -> None:
    """A thing that must ask its owner for everything shows a yes that is another one's or another thing's."""
    client, owner = market.client, market.buyer
    body = market.purchase()
    forged = approval(market, body, market.printer.key)  # the thing approves for its owner
    stranger = approval(market, body, STRANGE_KEY, owner=party_id(b"nobody's"))
    cases = [
        ([forged], Code.BAD_SIGNATURE),
        ([stranger], Code.UNKNOWN_PARTY),
        ([client.mandate(owner, market.printer.party)], Code.WRONG_TYPE),
        ([approval(market, body, owner.key)] * 5, Code.TOO_LARGE),
    ]
    for approvals, code in cases:
        market.refused(code, client.send, market.printer, TypeId.PURCHASE, body, approvals=tuple(approvals))


def test_a_yes_to_another_body_or_another_mandate_is_no_yes(market: SmallMarket) -> None:
    client, owner = market.client, market.buyer
    asks = client.thing(owner, limits=(replace(spending_limit(), cosign_above_minor=0),))
    leaf = Digest(asks.leaf)
    wrongs: tuple[dict[str, Any], ...] = (
        {"body": market.purchase(), "mandate_leaf": leaf},
        {},  # for the printer's mandate
        {"mandate_leaf": leaf, "expires_ms": now_ms() - 1},
        {"mandate_leaf": leaf, "network_id": bytes(16)},
    )
    for wrong in wrongs:
        body = market.purchase()
        yes = approval(market, **{"body": body, "key": owner.key, **wrong})
        answer = client.send(asks, TypeId.PURCHASE, body, approvals=(yes,))
        assert answer.submitted.pending, "it is no yes, so the order waits"
    body = market.purchase()
    no = approval(market, body, owner.key, mandate_leaf=leaf, approved=False)
    market.refused(Code.DENIED, client.send, asks, TypeId.PURCHASE, body, approvals=(no,))


# --- once and never again


def test_the_very_same_bytes_are_answered_the_same_and_act_once(market: SmallMarket) -> None:
    client, contracts = market.client, market.client.status().contracts
    command = client.command(market.printer, TypeId.PURCHASE, market.purchase())
    first = client.submit(market.printer, command).submitted
    for _ in range(3):
        again = client.submit(market.printer, command).submitted
        assert (again.reference, again.receipt.seq) == (first.reference, first.receipt.seq)
        assert again.receipt.leaf_hash == first.receipt.leaf_hash
    assert client.status().contracts == contracts + 1


def test_a_refusal_is_remembered_like_a_yes(market: SmallMarket) -> None:  # [CMD-2]
    client = market.client
    command = client.command(market.printer, TypeId.PURCHASE, market.purchase(total_minor=1))
    answers = [market.refused(Code.WRONG_TOTAL, client.submit, market.printer, command) for _ in range(2)]
    seqs = {answered.detail.receipt.seq for answered in answers if answered.detail}
    assert len(seqs) == 1 and 0 not in seqs


def test_a_sequence_is_good_for_one_command(market: SmallMarket) -> None:
    used = market.client.header(market.printer).sequence
    assert market.buy(sequence=used).code == 0
    market.refused(Code.REPLAYED, market.buy, sequence=used)


def test_a_key_is_good_for_one_body(market: SmallMarket) -> None:
    """[ID-11] Also when the command that took it was refused."""
    client, key = market.client, new_key()
    assert client.send(market.printer, TypeId.PURCHASE, market.purchase(key=key)).code == 0
    other = market.purchase(key=key, quantity_steps=2, total_minor=2_380)
    market.refused(Code.KEY_CONFLICT, client.send, market.printer, TypeId.PURCHASE, other)
    contract = client.send(market.shop, TypeId.PURCHASE, market.purchase(key=key))
    assert contract.code == Code.SELF_PURCHASE, "another sender's keys are his own"


@pytest.mark.parametrize(
    "age_ms, code",
    [(KEY_AGE_MS + 60_000, Code.KEY_TOO_OLD), (-CLOCK_SKEW_MS - 60_000, Code.KEY_AHEAD)],
    ids=["too old", "from ahead"],
)
def test_a_key_of_another_time_is_refused(market: SmallMarket, age_ms: int, code: Code) -> None:  # [ID-12]
    key = make_key(UnixMs(now_ms() - age_ms), secrets.token_bytes(10))
    body = market.purchase(key=key)
    market.refused(code, market.client.send, market.printer, TypeId.PURCHASE, body)


def test_an_ended_sessions_header_is_refused_after_a_restart_and_its_body_makes_the_same_contract(
    start_node: Any,
) -> None:  # [SES-4]
    """[ID-11] kill -9: what was answered stays answered, and nothing is done twice."""
    node = start_node()
    with RawClient(node) as client:
        market = SmallMarket.open(node, client)
        old = client.command(market.printer, TypeId.PURCHASE, body := market.purchase())
        made = client.submit(market.printer, old).submitted
        late = client.command(market.printer, TypeId.PURCHASE, market.purchase())  # signed, never sent
    node.restart(kill=True)
    with RawClient(node) as client:
        market = replace(market, client=client)
        market.refused(Code.SESSION_ENDED, client.submit, market.printer, late)
        same = client.submit(market.printer, old).submitted  # the very same bytes need no session
        assert (same.reference, same.receipt.seq) == (made.reference, made.receipt.seq)
        printer = client.again(market.printer)
        market.refused(Code.SESSION_ENDED, client.submit, printer, late)
        again = client.send(printer, TypeId.PURCHASE, body).submitted
        assert (again.reference, again.receipt.seq) == (made.reference, made.receipt.seq)
        assert client.status().contracts == 1


def test_a_command_of_one_session_is_not_taken_with_the_token_of_another(market: SmallMarket) -> None:
    # [SES-3]
    client = market.client
    second = client.again(market.printer)
    for token in (second.token, market.shop.token):
        command = client.command(market.printer, TypeId.PURCHASE, market.purchase())
        market.refused(Code.NO_SESSION, client.submit, market.printer, command, token=token)
