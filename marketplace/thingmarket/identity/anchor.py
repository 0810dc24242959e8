"""The TLS trust anchor that anybody can write down from a node's card, without a certificate authority.

A node serves a short-lived P-256 certificate signed by its Ed25519 tls-issuer key. Whoever knows the id
of the node and that key builds the issuer's certificate himself, from the template below, and trusts
nothing else. Nobody but the node can sign the anchor, so its own signature is 64 zero bytes: BoringSSL,
the TLS library of gRPC, takes the name and the key of an anchor and does not look at its signature
(RFC 5280, section 6.1.1 d, asks for no more). A test pins that. Should a TLS library begin to check it,
the fallback is a CA certificate that the node signs with its tls-issuer key once, at its making, and
that its card carries beside key event 0; this module then compares name and key and hands it on.
"""

import base64
from typing import Final

from thingmarket.identity.keys import PUBLIC_KEY_BYTES, SIGNATURE_BYTES
from thingmarket.identity.parties import checked_party_id
from thingmarket.ids import checked_bytes

TLS_NAME: Final = "node.thingmarket.internal"
"""DNS name in every node's certificate; clients set it as `grpc.ssl_target_name_override`."""

_INTEGER, _BIT_STRING, _SEQUENCE, _SET, _UTF8 = 0x02, 0x03, 0x30, 0x31, 0x0C
_UTC_TIME, _GENERALIZED_TIME, _VERSION, _EXTENSIONS = 0x17, 0x18, 0xA0, 0xA3
_NO_UNUSED_BITS: Final = b"\0"
_PEM_LINE_CHARS: Final = 64


def _der(tag: int, *parts: bytes) -> bytes:
    """Tag, length and content; an anchor is far below the 64 KiB that two length bytes can say."""
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes(1 if size < 0x100 else 2, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


_ED25519: Final = _der(_SEQUENCE, bytes.fromhex("06032b6570"))  # 1.3.101.112
_COMMON_NAME: Final = bytes.fromhex("0603550403")  # 2.5.4.3
_VALIDITY: Final = _der(
    # The ages of X.509: two-digit years end in 2049. A card is not revoked by time.
    _SEQUENCE,
    _der(_UTC_TIME, b"200101000000Z"),
    _der(_GENERALIZED_TIME, b"21000101000000Z"),
)
_CA_EXTENSIONS: Final = _der(
    _EXTENSIONS,
    _der(
        _SEQUENCE,
        bytes.fromhex("300f0603551d130101ff040530030101ff"),  # basicConstraints, critical: CA:TRUE
        bytes.fromhex("300e0603551d0f0101ff040403020204"),  # keyUsage, critical: keyCertSign
    ),
)
_VERSION_3_SERIAL_1: Final = _der(_VERSION, _der(_INTEGER, b"\x02")) + _der(_INTEGER, b"\x01")


def anchor_der(party_id: str, tls_issuer_key: bytes) -> bytes:
    """The anchor as a DER certificate; the same bytes for the same id and key (BAD_ID)."""
    checked_bytes(tls_issuer_key, PUBLIC_KEY_BYTES, "tls_issuer_key")
    common_name = _der(_UTF8, checked_party_id(party_id).encode("ascii"))
    name = _der(_SEQUENCE, _der(_SET, _der(_SEQUENCE, _COMMON_NAME, common_name)))
    public_key = _der(_SEQUENCE, _ED25519, _der(_BIT_STRING, _NO_UNUSED_BITS, tls_issuer_key))
    to_be_signed = _der(
        _SEQUENCE, _VERSION_3_SERIAL_1, _ED25519, name, _VALIDITY, name, public_key, _CA_EXTENSIONS
    )
    nobody_signed = _der(_BIT_STRING, _NO_UNUSED_BITS, bytes(SIGNATURE_BYTES))
    return _der(_SEQUENCE, to_be_signed, _ED25519, nobody_signed)


def anchor_pem(party_id: str, tls_issuer_key: bytes) -> bytes:
    """The anchor as PEM, ready for `grpc.ssl_channel_credentials(root_certificates=...)` (BAD_ID)."""
    text = base64.b64encode(anchor_der(party_id, tls_issuer_key))
    lines = [text[start : start + _PEM_LINE_CHARS] for start in range(0, len(text), _PEM_LINE_CHARS)]
    return b"\n".join((b"-----BEGIN CERTIFICATE-----", *lines, b"-----END CERTIFICATE-----", b""))
