"""Requests that are no messages, too much of a message, or full of ids that only look right.

[ID-6] [ERR-1] [ERR-2]
"""

from typing import Any

import grpc
import pytest

from tests.network.fuzz_messages import METHODS
from tests.network.raw_client import HELLO, PROVE, SUBMIT, TOKEN_KEY, Answer, new_key, offer_body
from tests.network.small_market import SmallMarket
from tests.support.wire_bytes import (
    END_GROUP,
    START_GROUP,
    bytes_field,
    nested,
    number_field,
    tag,
    varint,
)
from thingmarket.errors import Code
from thingmarket.identity import base58
from thingmarket.identity.envelope import TypeId, sign
from thingmarket.ids import digest
from thingmarket.limits import COMMAND_BYTES_MAX, MESSAGE_BYTES_MAX
from thingmarket.v1 import catalog_pb2, market_service_pb2, session_service_pb2, trade_pb2
from thingmarket.wire.envelope import signed_message
from thingmarket.wire.handshake import header_message

UNKNOWN = number_field(999, 1)


def hand_over(market: SmallMarket, request: bytes, **how: Any) -> Answer:
    """Exact bytes of a SubmitRequest, with the printer's token unless another is given."""
    return market.client.call(SUBMIT, request, **{"token": market.printer.token, **how})


def as_signed(market: SmallMarket, payload: bytes, type_id: int = TypeId.PURCHASE) -> Answer:
    """Sign a payload as it is, whatever it is, and hand it over."""
    signed = sign(type_id, payload, market.printer.key)
    return hand_over(
        market, market_service_pb2.SubmitRequest(command=signed_message(signed)).SerializeToString()
    )


def header_of(market: SmallMarket) -> bytes:
    """A good header."""
    return header_message(market.client.header(market.printer)).SerializeToString(deterministic=True)


def payload(market: SmallMarket, body: bytes = b"") -> bytes:
    """The payload of a good purchase, or of another body under a good header."""
    return bytes_field(1, header_of(market)) + bytes_field(2, body or market.purchase())


# --- bytes of a payload that was really signed


def test_a_signed_payload_that_was_cut_short_is_refused(market: SmallMarket) -> None:
    whole = payload(market)
    for length in (0, 1, 7, len(whole) // 2, len(whole) - 1):
        answered = as_signed(market, whole[:length])
        assert answered.code in (Code.MALFORMED, Code.NOT_STRICT, Code.BAD_ID), (length, answered)


def test_a_field_that_nobody_knows_is_refused_wherever_it_stands(market: SmallMarket) -> None:
    body = market.purchase()
    whole = payload(market, body)
    header = bytes_field(
        1, header_message(market.client.header(market.printer)).SerializeToString() + UNKNOWN
    )
    sealed = trade_pb2.SealedRef(commitment=bytes(32), retention=trade_pb2.RETENTION_CLASS_TAX)
    inner = bytes_field(7, sealed.SerializeToString() + UNKNOWN)
    for data in (
        whole + UNKNOWN,
        header + bytes_field(2, body),
        payload(market, body + UNKNOWN),
        payload(market, body + inner),
    ):
        market.refused(Code.NOT_STRICT, as_signed, market, data)


def test_a_field_that_is_given_twice_is_refused_wherever_it_stands(market: SmallMarket) -> None:
    """A parser that takes the first one would buy one piece, another one two."""
    body = market.purchase()
    quantity = number_field(3, 2)
    for data in (
        payload(market, body + quantity),
        payload(market, quantity + body),
        payload(market) + bytes_field(2, body),
        payload(market)
        + bytes_field(1, header_message(market.client.header(market.shop)).SerializeToString()),
    ):
        market.refused(Code.NOT_STRICT, as_signed, market, data)


def test_a_number_with_superfluous_bytes_is_refused(market: SmallMarket) -> None:
    purchase = trade_pb2.Purchase.FromString(market.purchase())
    for padding in (1, 8):
        body = (
            bytes_field(1, purchase.key)
            + bytes_field(2, purchase.offer)
            + number_field(3, 1, padding)
            + bytes_field(4, b"EUR")
            + number_field(5, 1_190)
        )
        market.refused(Code.NOT_STRICT, as_signed, market, payload(market, body))


@pytest.mark.parametrize("depth", [101, 10_000])
def test_deep_nesting_is_refused_wherever_it_stands(market: SmallMarket, depth: int) -> None:
    groups = tag(999, START_GROUP) * depth + tag(999, END_GROUP) * depth
    for deep in (nested(999, depth), groups):
        for data in (payload(market) + deep, payload(market, market.purchase() + deep)):
            answered = as_signed(market, data)
            assert answered.code in (Code.NOT_STRICT, Code.MALFORMED, Code.TOO_LARGE), answered
    market.refused(Code.MALFORMED, hand_over, market, groups)
    assert hand_over(market, bytes_field(1, nested(2, depth))).code in (Code.MALFORMED, Code.TOO_LARGE)


def test_a_signed_payload_above_its_limit_is_refused(market: SmallMarket) -> None:
    market.refused(Code.TOO_LARGE, as_signed, market, bytes(COMMAND_BYTES_MAX + 1))
    at_the_limit = payload(market, bytes_field(999, bytes(COMMAND_BYTES_MAX - 400)))
    market.refused(Code.NOT_STRICT, as_signed, market, at_the_limit)


def test_too_many_repeated_items_are_refused(market: SmallMarket) -> None:
    offer = catalog_pb2.PublishOffer.FromString(offer_body())
    many = [
        catalog_pb2.Attribute(name=f"a{n:05}", value=catalog_pb2.AttributeValue(flag=True))
        for n in range(1_000)
    ]
    offer.attributes.extend(many)
    market.refused(
        Code.BAD_FIELD,
        market.client.send,
        market.shop,
        TypeId.PUBLISH_OFFER,
        offer.SerializeToString(deterministic=True),
    )
    sealed = trade_pb2.SealedRef(commitment=bytes(32), retention=trade_pb2.RETENTION_CLASS_TAX)
    body = market.purchase() + bytes_field(7, sealed.SerializeToString()) * 5
    market.refused(Code.BAD_FIELD, as_signed, market, payload(market, body))
    parts = market_service_pb2.SubmitRequest(sealed_parts=[market_service_pb2.SealedPart()] * 5)
    market.refused(Code.TOO_LARGE, hand_over, market, parts.SerializeToString())
    hundred_thousand = bytes_field(2, b"") * 100_000
    market.refused(Code.TOO_LARGE, hand_over, market, hundred_thousand)


def test_sealed_parts_that_the_command_does_not_name_are_refused(market: SmallMarket) -> None:
    command = market.client.command(market.printer, TypeId.PURCHASE, market.purchase())
    for part in (
        market_service_pb2.SealedPart(),
        market_service_pb2.SealedPart(salt=bytes(32), data=b"Anna", retention=trade_pb2.RETENTION_CLASS_TAX),
        market_service_pb2.SealedPart(salt=bytes(31), data=bytes(200_000)),
    ):
        request = market_service_pb2.SubmitRequest(command=signed_message(command), sealed_parts=[part])
        market.refused(Code.BAD_FIELD, hand_over, market, request.SerializeToString())


# --- size and encoding of a whole message


def test_a_message_of_more_than_256_kib_never_reaches_the_node(market: SmallMarket) -> None:
    for method in (SUBMIT, HELLO, PROVE):
        size = MESSAGE_BYTES_MAX + 1
        market.cut_off(
            grpc.StatusCode.RESOURCE_EXHAUSTED, market.client.call, method, bytes(size), token=bytes(32)
        )
    just_fits = bytes_field(15, bytes(MESSAGE_BYTES_MAX - 4))
    assert len(just_fits) == MESSAGE_BYTES_MAX
    market.refused(Code.MALFORMED, hand_over, market, just_fits)


def test_64_mb_of_zeros_in_a_few_kb_never_reach_the_node(market: SmallMarket) -> None:
    before = market.node.rss_bytes()
    market.cut_off(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        hand_over,
        market,
        bytes(64 * 1024 * 1024),
        compression=grpc.Compression.Gzip,
    )
    assert market.node.rss_bytes() - before < 16 * 1024 * 1024, "it was unpacked all the same"


def test_metadata_above_its_limit_never_reaches_the_node(market: SmallMarket) -> None:
    answered = hand_over(market, b"", metadata=(("x-much", "a" * 64 * 1024),))
    assert answered.status in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INTERNAL), answered
    assert market.client.is_serving()


UNREADABLE = {
    "an unfinished number": b"\x08\xff",
    "a length beyond the end": b"\x0a\x7f",
    "a length of 2^63": b"\x0a" + varint(2**63),
    "wire type 7": b"\x0f",
    "an end without a beginning": tag(1, END_GROUP),
    "a beginning without an end": tag(1, START_GROUP),
    "noise": bytes(range(255, 155, -1)),
}


@pytest.mark.parametrize("data", UNREADABLE.values(), ids=UNREADABLE)
def test_unreadable_bytes_are_refused_by_every_method(market: SmallMarket, data: bytes) -> None:
    for method in METHODS:
        market.refused(
            Code.MALFORMED,
            market.client.call,
            method.path,
            data,
            token=market.printer.token,
            streaming=method.streaming,
        )


# --- tokens and metadata


TOKENS = {"none": b"", "short": b"x", "31 bytes": bytes(31), "33 bytes": bytes(33), "8 KiB": bytes(8192)}


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)
def test_a_call_without_a_sessions_token_is_refused(market: SmallMarket, token: bytes) -> None:
    for method in METHODS:
        if method.needs_token and method.path != SUBMIT:  # an empty command is refused for that
            how = {"token": token, "streaming": method.streaming}
            market.refused(Code.NO_SESSION, market.client.call, method.path, b"", **how)
    command = market.client.command(market.printer, TypeId.PURCHASE, market.purchase())
    market.refused(Code.NO_SESSION, market.client.submit, market.printer, command, token=token)


def test_a_token_that_never_was_is_refused(market: SmallMarket) -> None:
    command = market.client.command(market.printer, TypeId.PURCHASE, market.purchase())
    market.refused(Code.SESSION_ENDED, market.client.submit, market.printer, command, token=bytes(32))


def test_reserved_and_repeated_metadata_change_nothing(market: SmallMarket) -> None:
    body = market.purchase()
    for metadata in (
        (("grpc-status-details-bin", b"\xff"),),
        (("grpc-previous-rpc-attempts", "x"),),
        (("te", "x"),),
        ((TOKEN_KEY, bytes(32)),),  # a second token: the first one counts
        (("x-bin", bytes(range(256))),),
    ):
        answered = market.client.send(market.printer, TypeId.PURCHASE, body)
        assert answered.code == 0, (metadata, answered)
    request = market_service_pb2.SubmitRequest(
        command=signed_message(market.client.command(market.printer, TypeId.PURCHASE, body))
    )
    two = market.client.call(
        SUBMIT, request, metadata=((TOKEN_KEY, market.printer.token), (TOKEN_KEY, bytes(32)))
    )
    assert two.code in (0, Code.NO_SESSION, Code.SESSION_ENDED), two


def test_a_method_or_service_that_is_not_there_is_unimplemented(market: SmallMarket) -> None:
    for path in (
        "/thingmarket.v1.SessionService/Goodbye",
        "/thingmarket.v2.MarketService/Submit",
        "/x",
        "/thingmarket.",
    ):
        market.cut_off(grpc.StatusCode.UNIMPLEMENTED, market.client.call, path, b"")


# --- ids that only look right


CONFUSABLE = {
    "a Cyrillic letter": "ink-blасk",
    "a fullwidth letter": "ink-ｂlack",
    "a zero-width joiner": "ink\u200d-black",
    "right-to-left": "\u202eink-black",
    "white space behind": "ink-black ",
    "white space before": " ink-black",
    "a line end": "ink-black\n",
    "a NUL": "ink-black\0",
    "a combining mark": "ink-bla\u0301ck",
    "nothing": "",
    "129 characters": "a" * 129,
    "a path": "../../etc/passwd",
    "a quote": "ink' OR '1'='1",
    "a GTIN with a wrong check digit": "4006381333932",
}


@pytest.mark.parametrize("product_id", CONFUSABLE.values(), ids=CONFUSABLE)
def test_a_product_id_that_only_looks_right_is_refused(market: SmallMarket, product_id: str) -> None:
    body = offer_body(product_id=product_id)
    market.refused(Code.BAD_ID, market.client.send, market.shop, TypeId.PUBLISH_OFFER, body)


def test_product_ids_in_capitals_are_other_products(market: SmallMarket) -> None:
    client = market.client
    client.made(market.shop, TypeId.PUBLISH_OFFER, offer_body(product_id="INK-black"))
    found = client.call(
        "/thingmarket.v1.QueryService/SearchOffers",
        bytes_field(2, b"ink-BLACK") + number_field(3, 10),
        token=market.printer.token,
    )
    assert found.messages == (b"",), "nobody offers that"


def spellings(party: str) -> dict[str, str]:
    """Other texts that somebody may take for the same id."""
    method, _, name = party.rpartition(":")
    raw = base58.decode(name[1:])
    return {
        "with a leading 1": f"{method}:z1{name[1:]}",
        "with many leading 1s": f"{method}:z{'1' * 80}{name[1:]}",
        "in capitals": party.upper(),
        "in small letters": party.lower(),
        "with white space behind": party + " ",
        "with a line end": party + "\n",
        "with a Cyrillic letter": party.replace("e", "е", 1) if "e" in party else party.replace("a", "а", 1),
        "in base16": f"{method}:f{raw.hex()}",
        "without its multibase": f"{method}:{name[1:]}",
        "with a fragment": f"{party}#{name}",
        "of a key too short": f"{method}:z{base58.encode(raw[:-1])}",
        "of a key too long": f"{method}:z{base58.encode(raw + bytes(1))}",
        "of another key type": f"{method}:z{base58.encode(bytes([raw[0] - 1]) + raw[1:])}",
        "of nothing": f"{method}:z",
        "of 10,000 characters": f"{method}:z{'2' * 10_000}",
    }


def test_another_spelling_of_an_id_is_refused(market: SmallMarket) -> None:
    client = market.client
    for party in (market.printer.party, market.buyer.party):
        for how, other in spellings(party).items():
            hello = session_service_pb2.HelloRequest(
                party=other, node=client.node_id, network_id=client.network_id, nonce=bytes(32)
            )
            assert other != party, how
            answered = market.refused(Code.BAD_ID, client.call, HELLO, hello)
            assert answered.detail is not None
            answered = client.send(market.printer, TypeId.PURCHASE, market.purchase(), sender=other)
            assert answered.code == Code.NO_SESSION, how
    for how, other in spellings(client.node_id).items():
        answered = client.send(market.printer, TypeId.PURCHASE, market.purchase(), audience=other)
        assert answered.code == Code.WRONG_AUDIENCE, how
    for other in spellings(market.printer.party).values():
        body = bytes_field(1, new_key()) + bytes_field(3, other.encode())
        market.refused(Code.BAD_ID, client.send, market.buyer, TypeId.REVOKE, body)


# --- the handshake


def test_a_handshake_for_another_network_or_node_or_with_a_wrong_nonce_is_refused(
    market: SmallMarket,
) -> None:
    right = {
        "party": market.printer.party,
        "node": market.client.node_id,
        "network_id": market.client.network_id,
        "nonce": bytes(32),
    }
    cases: list[tuple[dict[str, Any], Code]] = [
        ({"network_id": bytes(16)}, Code.WRONG_NETWORK),
        ({"network_id": b""}, Code.BAD_ID),
        ({"node": market.buyer.party}, Code.WRONG_AUDIENCE),
        ({"node": ""}, Code.BAD_ID),
        ({"nonce": bytes(31)}, Code.BAD_ID),
        ({"party": "tm:party:" + "z" + base58.encode(b"\x12\x20" + bytes(32))}, Code.UNKNOWN_PARTY),
        ({"party": "did:key:z" + base58.encode(b"\xed\x01" + bytes(32))}, Code.WEAK_KEY),
    ]
    for changes, code in cases:
        hello = session_service_pb2.HelloRequest(**{**right, **changes})
        market.refused(code, market.client.call, HELLO, hello)


def test_a_proof_of_nothing_or_by_somebody_else_opens_no_session(market: SmallMarket) -> None:
    client, printer = market.client, market.printer
    _, challenge = client.hello(printer.party)
    proof = {"network_id": client.network_id, "node": client.node_id, "party": printer.party}

    def prove(key: Any, type_id: int = TypeId.PROOF, **changes: Any) -> Answer:
        message = session_service_pb2.Proof(
            **{**proof, "challenge_hash": digest(challenge.payload), **changes}
        )
        signed = sign(type_id, message.SerializeToString(deterministic=True), key)
        return client.call(PROVE, session_service_pb2.ProveRequest(proof=signed_message(signed)))

    market.refused(Code.NO_SESSION, prove, printer.key, challenge_hash=bytes(32))
    market.refused(Code.WRONG_TRANSCRIPT, prove, market.shop.key, party=market.shop.party)
    market.refused(Code.WRONG_TYPE, prove, printer.key, type_id=TypeId.NODE_TIME)
    market.refused(Code.WRONG_AUDIENCE, prove, printer.key, node=market.buyer.party)
    market.refused(Code.BAD_SIGNATURE, prove, market.shop.key)
    assert prove(printer.key).code in (0, Code.NO_SESSION)
    market.refused(Code.NO_SESSION, prove, printer.key)  # a challenge is good for one proof
