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
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from thingmarket.errors import Code, Refusal
from thingmarket.identity import parties
from thingmarket.identity.anchor import TLS_NAME, anchor_pem
from thingmarket.identity.keys import SigningKey
from thingmarket.ids import PartyId
from thingmarket.limits import DAY_MS, HOUR_MS, TLS_LEAF_LIFE_MS
from thingmarket_node.certificates import NodeCertificates, check_leaf, issue_leaf

NOW = 1_800_000_000_000
SEED, OTHER_SEED = b"\x11" * 32, b"\x22" * 32
KEY, OTHER_KEY = SigningKey.from_seed(SEED).public, SigningKey.from_seed(OTHER_SEED).public
NODE, OTHER_NODE = parties.party_id(b"a node"), parties.party_id(b"another node")
PING = "/test.Ping/Ping"


def refusal(certificate: bytes, party_id: PartyId = NODE, key: bytes = KEY, now_ms: int = NOW) -> Code | None:
    try:
        check_leaf(certificate, party_id=party_id, tls_issuer_key=key, now_ms=now_ms)
    except Refusal as caught:
        return Code(caught.number)
    return None


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


def test_a_leaf_is_by_and_for_its_node_while_it_lasts() -> None:
    leaf = issue_leaf(node_id=NODE, issuer_seed=SEED, now_ms=NOW)
    assert refusal(leaf.certificate_pem) is None
    assert refusal(leaf.certificate_pem, now_ms=NOW - DAY_MS) is None
    assert refusal(leaf.certificate_pem, now_ms=NOW - DAY_MS - 1_000) is Code.EXPIRED
    assert refusal(leaf.certificate_pem, now_ms=leaf.expires_ms - 1) is None
    assert refusal(leaf.certificate_pem, now_ms=leaf.expires_ms) is Code.EXPIRED


def test_a_leaf_of_another_issuer_is_refused() -> None:
    impostor = issue_leaf(node_id=NODE, issuer_seed=OTHER_SEED, now_ms=NOW)
    assert refusal(impostor.certificate_pem) is Code.BAD_SIGNATURE


def test_a_trusted_party_cannot_speak_in_the_name_of_another() -> None:
    # What TLS with several anchors lets through: X's own issuer key, the name of C.
    by_x_for_c = issue_leaf(node_id=OTHER_NODE, issuer_seed=SEED, now_ms=NOW).certificate_pem
    assert refusal(by_x_for_c, party_id=OTHER_NODE, key=OTHER_KEY) is Code.BAD_SIGNATURE
    assert refusal(by_x_for_c, party_id=NODE, key=KEY) is Code.WRONG_TRANSCRIPT


def handmade(*, issuer: str = NODE, uris: tuple[str, ...] | None = (NODE,), by_ed25519: bool = True) -> bytes:
    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    now = datetime.fromtimestamp(NOW / 1_000, UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder(name(issuer), name("leaf"), key.public_key(), 7)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
    )
    if uris is not None:
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri) for uri in uris])
        builder = builder.add_extension(names, critical=False)
    if by_ed25519:
        return builder.sign(Ed25519PrivateKey.from_private_bytes(SEED), None).public_bytes(Encoding.PEM)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def test_a_leaf_names_exactly_its_party() -> None:
    assert refusal(handmade()) is None
    assert refusal(handmade(uris=(NODE, OTHER_NODE))) is Code.WRONG_TRANSCRIPT
    assert refusal(handmade(uris=(OTHER_NODE,))) is Code.WRONG_TRANSCRIPT
    assert refusal(handmade(issuer=OTHER_NODE)) is Code.WRONG_TRANSCRIPT
    assert refusal(handmade(uris=None)) is Code.MALFORMED
    assert refusal(handmade(by_ed25519=False)) is Code.BAD_SIGNATURE


def test_what_is_no_certificate_is_refused_as_such() -> None:
    good = issue_leaf(node_id=NODE, issuer_seed=SEED, now_ms=NOW).certificate_pem
    for bad in (b"", b"\xff" * 100, good[:200], good.replace(b"MII", b"AAA"), b"-----BEGIN CERTIFICATE-----"):
        assert refusal(bad) is Code.MALFORMED
    assert refusal(good + bytes(5_000)) is Code.TOO_LARGE
    # The anchor itself is a certificate that everybody can write; it is nobody's leaf.
    assert refusal(anchor_pem(NODE, KEY)) is Code.BAD_SIGNATURE


def test_every_changed_byte_of_a_leaf_is_noticed() -> None:
    der = ssl.PEM_cert_to_DER_cert(
        issue_leaf(node_id=NODE, issuer_seed=SEED, now_ms=NOW).certificate_pem.decode()
    )
    for at in range(len(der)):
        changed = bytearray(der)
        changed[at] ^= 0x01
        answer = refusal(ssl.DER_cert_to_PEM_cert(bytes(changed)).encode())
        assert answer in (Code.MALFORMED, Code.BAD_SIGNATURE), f"byte {at}"


def test_a_leaf_is_renewed_when_it_is_a_day_old() -> None:
    certificates = NodeCertificates(node_id=NODE, issuer_seed=SEED, now_ms=NOW)
    first = certificates.leaf
    assert not certificates.renew(NOW + DAY_MS - 1)
    assert certificates.leaf is first
    assert certificates.renew(NOW + DAY_MS)
    assert certificates.leaf.expires_ms == first.expires_ms + DAY_MS
    assert refusal(first.certificate_pem, now_ms=NOW + DAY_MS + HOUR_MS) is None


def test_a_leaf_from_a_clock_that_ran_ahead_is_renewed_too() -> None:
    certificates = NodeCertificates(node_id=NODE, issuer_seed=SEED, now_ms=NOW + 10 * DAY_MS)
    assert certificates.renew(NOW)
    assert refusal(certificates.leaf.certificate_pem) is None


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
