"""The node's TLS certificates: short-lived P-256 leaves, signed by its Ed25519 tls-issuer key.

gRPC cannot serve Ed25519 leaves. The other side trusts `thingmarket.identity.anchor` and nothing else.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from thingmarket.identity.anchor import TLS_NAME
from thingmarket.ids import PartyId
from thingmarket.limits import SECOND_MS, TLS_LEAF_BACKDATED_MS, TLS_LEAF_LIFE_MS, TLS_LEAF_RENEW_MS

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LEAF_KEY_USAGE: Final = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One TLS certificate with its private key."""

    certificate_pem: bytes
    key_pem: bytes = field(repr=False)
    certificate_hash: bytes  # SHA-256 of the DER, as the node's Challenge states it
    issued_ms: int
    expires_ms: int


def issue_leaf(*, node_id: PartyId, issuer_seed: bytes, now_ms: int) -> Leaf:
    """Make a key pair and a certificate for it, valid from a day ago for 72 hours."""
    issuer = Ed25519PrivateKey.from_private_bytes(issuer_seed)
    key = ec.generate_private_key(ec.SECP256R1())
    starts_ms = now_ms - now_ms % SECOND_MS - TLS_LEAF_BACKDATED_MS  # X.509 knows whole seconds
    expires_ms = starts_ms + TLS_LEAF_LIFE_MS
    names = x509.SubjectAlternativeName([x509.DNSName(TLS_NAME), x509.UniformResourceIdentifier(node_id)])
    usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, TLS_NAME)]))
        .issuer_name(_name_of(node_id))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_moment(starts_ms))
        .not_valid_after(_moment(expires_ms))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_LEAF_KEY_USAGE, critical=True)
        .add_extension(usages, critical=False)
        .add_extension(names, critical=False)
        .sign(issuer, algorithm=None)
    )
    return Leaf(
        certificate_pem=certificate.public_bytes(Encoding.PEM),
        key_pem=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        certificate_hash=hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest(),
        issued_ms=now_ms,
        expires_ms=expires_ms,
    )


class NodeCertificates:
    """The node's current leaf. Its one owner calls `renew` now and then; new connections get the newest."""

    def __init__(self, *, node_id: PartyId, issuer_seed: bytes, now_ms: int) -> None:
        self._node_id = node_id
        self._issuer_seed = issuer_seed
        self._leaf = issue_leaf(node_id=node_id, issuer_seed=issuer_seed, now_ms=now_ms)

    @property
    def leaf(self) -> Leaf:
        """What new connections get; what a Challenge states the hash of."""
        return self._leaf

    def renew(self, now_ms: int) -> bool:
        """Issue a new leaf when the current one is a day old, and say so; open connections keep theirs."""
        # The distance, not the age: after a clock that ran ahead was put back, a new leaf is due as well.
        if abs(now_ms - self._leaf.issued_ms) < TLS_LEAF_RENEW_MS:
            return False
        self._leaf = issue_leaf(node_id=self._node_id, issuer_seed=self._issuer_seed, now_ms=now_ms)
        return True

    def server_credentials(self) -> grpc.ServerCredentials:
        """Credentials for one server, which asks before each new connection whether the leaf is a new one."""
        served = self._leaf

        def newer() -> grpc.ServerCertificateConfiguration | None:
            # gRPC calls this on a thread of its own, one call at a time; `_leaf` is replaced as a whole.
            nonlocal served
            if served is self._leaf:
                return None
            served = self._leaf
            return _configuration(served)

        # The stubs do not know that None means no change.
        return grpc.dynamic_ssl_server_credentials(_configuration(served), newer)  # type: ignore[arg-type]


def _configuration(leaf: Leaf) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(leaf.key_pem, leaf.certificate_pem)])


def _name_of(party_id: PartyId) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, party_id)])


def _moment(time_ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=time_ms)
