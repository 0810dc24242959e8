"""Leaves: short-lived, signed by the tls-issuer key, renewed under a running server. [ID-4]"""

import asyncio
import hashlib
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import grpc
import grpc.aio
import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec

from thingmarket.identity import parties
from thingmarket.identity.anchor import TLS_NAME, anchor_pem
from thingmarket.identity.keys import SigningKey
from thingmarket.limits import DAY_MS, HOUR_MS, TLS_LEAF_LIFE_MS
from thingmarket_node.certificates import NodeCertificates, issue_leaf

NOW = 1_800_000_000_000
SEED, OTHER_SEED = b"\x11" * 32, b"\x22" * 32
KEY, OTHER_KEY = SigningKey.from_seed(SEED).public, SigningKey.from_seed(OTHER_SEED).public
NODE = parties.party_id(b"a node")
PING = "/test.Ping/Ping"


def test_a_leaf_is_p256_for_three_days_and_names_the_node() -> None:
    leaf = issue_leaf(node_id=NODE, issuer_seed=SEED, now_ms=NOW + 999)
    certificate = x509.load_pem_x509_certificate(leaf.certificate_pem)
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert life == timedelta(hours=72) == timedelta(milliseconds=TLS_LEAF_LIFE_MS)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [TLS_NAME]
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [NODE]
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert leaf.expires_ms == int(certificate.not_valid_after_utc.timestamp()) * 1_000


def test_the_certificate_hash_is_of_the_der() -> None:
    leaf = issue_leaf(node_id=NODE, issuer_seed=SEED, now_ms=NOW)
    der = ssl.PEM_cert_to_DER_cert(leaf.certificate_pem.decode())
    assert leaf.certificate_hash == hashlib.sha256(der).digest()


def test_no_two_leaves_share_a_key_and_none_prints_it() -> None:
    one, two = (issue_leaf(node_id=NODE, issuer_seed=SEED, now_ms=NOW) for _ in range(2))
    assert one.key_pem != two.key_pem
    assert "PRIVATE" not in repr(one)


def test_a_leaf_is_by_its_node_and_by_nobody_else() -> None:
    leaf = x509.load_pem_x509_certificate(
        issue_leaf(node_id=NODE, issuer_seed=SEED, now_ms=NOW).certificate_pem
    )
    anchor, other = (x509.load_pem_x509_certificate(anchor_pem(NODE, key)) for key in (KEY, OTHER_KEY))
    leaf.verify_directly_issued_by(anchor)
    with pytest.raises(InvalidSignature):
        leaf.verify_directly_issued_by(other)


def lasts(certificate_pem: bytes, now_ms: int) -> bool:
    leaf = x509.load_pem_x509_certificate(certificate_pem)
    return leaf.not_valid_before_utc <= datetime.fromtimestamp(now_ms / 1_000, UTC) < leaf.not_valid_after_utc


def test_a_leaf_was_valid_a_day_before_it_was_made_and_lasts_three() -> None:
    leaf = issue_leaf(node_id=NODE, issuer_seed=SEED, now_ms=NOW)
    assert lasts(leaf.certificate_pem, NOW - DAY_MS) and not lasts(leaf.certificate_pem, NOW - DAY_MS - 1_000)
    assert lasts(leaf.certificate_pem, leaf.expires_ms - 1) and not lasts(
        leaf.certificate_pem, leaf.expires_ms
    )


def test_a_leaf_is_renewed_when_it_is_a_day_old() -> None:
    certificates = NodeCertificates(node_id=NODE, issuer_seed=SEED, now_ms=NOW)
    first = certificates.leaf
    assert not certificates.renew(NOW + DAY_MS - 1)
    assert certificates.leaf is first
    assert certificates.renew(NOW + DAY_MS)
    assert certificates.leaf.expires_ms == first.expires_ms + DAY_MS
    assert lasts(first.certificate_pem, NOW + DAY_MS + HOUR_MS)


def test_a_leaf_from_a_clock_that_ran_ahead_is_renewed_too() -> None:
    certificates = NodeCertificates(node_id=NODE, issuer_seed=SEED, now_ms=NOW + 10 * DAY_MS)
    assert certificates.renew(NOW)
    assert lasts(certificates.leaf.certificate_pem, NOW)


# --- under a real server


class Ping(grpc.GenericRpcHandler):
    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        async def pong(request: bytes, context: grpc.aio.ServicerContext) -> bytes:
            return b"pong " + request

        return grpc.unary_unary_rpc_method_handler(pong) if details.method == PING else None


@asynccontextmanager
async def serving(certificates: NodeCertificates) -> AsyncIterator[int]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Ping(),))
    port = server.add_secure_port("127.0.0.1:0", certificates.server_credentials())
    await server.start()
    try:
        yield port
    finally:
        await server.stop(None)


def channel_to(port: int) -> grpc.aio.Channel:
    credentials = grpc.ssl_channel_credentials(root_certificates=anchor_pem(NODE, KEY))
    options = [("grpc.ssl_target_name_override", TLS_NAME), ("grpc.use_local_subchannel_pool", 1)]
    return grpc.aio.secure_channel(f"127.0.0.1:{port}", credentials, options)


async def ping(channel: grpc.aio.Channel) -> bytes:
    call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(PING)
    return await call(b"ping", timeout=20)


def served_certificate_hash(port: int) -> bytes:
    """Look at what a server shows, as the ssl module sees it."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection(("127.0.0.1", port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname=TLS_NAME) as connection,
    ):
        return hashlib.sha256(connection.getpeercert(binary_form=True) or b"").digest()


async def test_new_connections_get_the_renewed_leaf_and_open_ones_go_on() -> None:
    now_ms = time.time_ns() // 1_000_000  # the TLS library compares with the machine's clock
    certificates = NodeCertificates(node_id=NODE, issuer_seed=SEED, now_ms=now_ms)
    first = certificates.leaf
    async with serving(certificates) as port, channel_to(port) as old:
        assert await ping(old) == b"pong ping"
        assert await asyncio.to_thread(served_certificate_hash, port) == first.certificate_hash
        assert certificates.renew(now_ms + DAY_MS)
        second = certificates.leaf
        assert await asyncio.to_thread(served_certificate_hash, port) == second.certificate_hash
        assert second.certificate_hash != first.certificate_hash
        async with channel_to(port) as new:
            assert await ping(new) == b"pong ping"
        assert await ping(old) == b"pong ping"


async def test_a_client_refuses_a_leaf_that_ran_out() -> None:
    three_days_ago = time.time_ns() // 1_000_000 - TLS_LEAF_LIFE_MS
    async with serving(NodeCertificates(node_id=NODE, issuer_seed=SEED, now_ms=three_days_ago)) as port:
        async with channel_to(port) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await ping(channel)
        assert "CERTIFICATE_VERIFY_FAILED" in str(caught.value.details())


async def test_two_servers_of_one_node_both_renew() -> None:
    now_ms = time.time_ns() // 1_000_000
    certificates = NodeCertificates(node_id=NODE, issuer_seed=SEED, now_ms=now_ms)
    async with serving(certificates) as one, serving(certificates) as two:
        assert certificates.renew(now_ms + DAY_MS)
        for port in (one, two):
            seen = await asyncio.to_thread(served_certificate_hash, port)
            assert seen == certificates.leaf.certificate_hash
