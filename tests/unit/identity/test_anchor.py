"""The synthetic trust anchor: written from a card alone, trusted by gRPC, fooled by nobody."""

import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import grpc.aio
import pytest
from cryptography import x509

from thingmarket.errors import Code, Refusal
from thingmarket.identity import did, parties
from thingmarket.identity.anchor import TLS_NAME, anchor_der, anchor_pem
from thingmarket.identity.keys import SigningKey
from thingmarket.ids import PartyId
from thingmarket_node.certificates import Leaf, issue_leaf

SEED, OTHER_SEED = b"\x11" * 32, b"\x22" * 32
KEY, OTHER_KEY = SigningKey.from_seed(SEED).public, SigningKey.from_seed(OTHER_SEED).public
NODE = parties.party_id(b"key event 0 of a node")
OTHER_NODE = parties.party_id(b"key event 0 of another node")
PING = "/test.Ping/Ping"


def leaf(node_id: PartyId = NODE, seed: bytes = SEED) -> Leaf:
    # The TLS library compares with the machine's clock, so these leaves must be of today.
    return issue_leaf(node_id=node_id, issuer_seed=seed, now_ms=time.time_ns() // 1_000_000)


class Ping(grpc.GenericRpcHandler):
    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        async def pong(request: bytes, context: grpc.aio.ServicerContext) -> bytes:
            return b"pong " + request

        return grpc.unary_unary_rpc_method_handler(pong) if details.method == PING else None


@asynccontextmanager
async def serving(credentials: grpc.ServerCredentials) -> AsyncIterator[int]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Ping(),))
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    try:
        yield port
    finally:
        await server.stop(None)


async def ping(port: int, anchor: bytes) -> bytes:
    credentials = grpc.ssl_channel_credentials(root_certificates=anchor)
    options = [("grpc.ssl_target_name_override", TLS_NAME), ("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.secure_channel(f"127.0.0.1:{port}", credentials, options) as channel:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(PING)
        return await call(b"ping", timeout=20)


def credentials_of(served: Leaf) -> grpc.ServerCredentials:
    return grpc.ssl_server_credentials([(served.key_pem, served.certificate_pem)])


async def refused(port: int, anchor: bytes) -> bool:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ping(port, anchor)
    return caught.value.code() is grpc.StatusCode.UNAVAILABLE and "SSL" in str(caught.value.details())


def test_an_anchor_is_a_ca_certificate_of_the_party_and_its_key() -> None:
    certificate = x509.load_pem_x509_certificate(anchor_pem(NODE, KEY))
    assert certificate.version is x509.Version.v3
    assert certificate.subject == certificate.issuer
    assert certificate.subject.rfc4514_string() == f"CN={NODE}"
    assert certificate.public_key().public_bytes_raw() == KEY  # type: ignore[union-attr]
    assert (certificate.not_valid_before_utc.year, certificate.not_valid_after_utc.year) == (2020, 2100)
    basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert basic.critical and basic.value.ca
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical and usage.value.key_cert_sign and not usage.value.digital_signature


def test_a_thing_has_an_anchor_from_its_id_alone() -> None:
    thing = did.encode(KEY)
    certificate = x509.load_pem_x509_certificate(anchor_pem(thing, did.decode(thing)))
    assert certificate.subject.rfc4514_string() == f"CN={thing}"


def test_the_same_card_gives_the_same_anchor() -> None:
    assert anchor_pem(NODE, KEY) == anchor_pem(NODE, KEY)
    assert anchor_pem(NODE, KEY) != anchor_pem(NODE, OTHER_KEY)
    assert ssl.PEM_cert_to_DER_cert(anchor_pem(NODE, KEY).decode()) == anchor_der(NODE, KEY)


@pytest.mark.parametrize("bad", ["", "CN=x", "tm:party:z", "did:web:example.org", NODE + "1", "x" * 70_000])
def test_an_anchor_is_refused_for_what_is_no_id(bad: str) -> None:
    with pytest.raises(Refusal) as caught:
        anchor_pem(bad, KEY)
    assert caught.value.number == Code.BAD_ID


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_an_anchor_is_refused_for_a_key_of_another_length(size: int) -> None:
    with pytest.raises(Refusal) as caught:
        anchor_pem(NODE, bytes(size))
    assert caught.value.number == Code.BAD_ID


def test_nobody_signed_the_anchor() -> None:
    certificate = x509.load_der_x509_certificate(anchor_der(NODE, KEY))
    assert certificate.signature == bytes(64)


async def test_grpc_trusts_an_anchor_that_nobody_signed() -> None:
    # The reliance: the TLS library takes an anchor's name and key and does not check its own signature.
    # When this fails after an update of grpcio, take the fallback in the docstring of identity/anchor.py.
    async with serving(credentials_of(leaf())) as port:
        assert await ping(port, anchor_pem(NODE, KEY)) == b"pong ping"


async def test_an_impostor_with_the_same_names_is_refused() -> None:
    async with serving(credentials_of(leaf(seed=OTHER_SEED))) as port:
        assert await refused(port, anchor_pem(NODE, KEY))


async def test_another_nodes_id_is_refused() -> None:
    async with serving(credentials_of(leaf())) as port:
        assert await refused(port, anchor_pem(OTHER_NODE, KEY))


async def test_another_nodes_card_is_refused() -> None:
    async with serving(credentials_of(leaf())) as port:
        assert await refused(port, anchor_pem(OTHER_NODE, OTHER_KEY))
