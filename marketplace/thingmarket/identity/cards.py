"""The node card: what a client is configured with, and all that it needs to trust a node."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from thingmarket.errors import Code, Refusal
from thingmarket.identity.anchor import anchor_pem
from thingmarket.identity.envelope import Signed
from thingmarket.identity.parties import KeyEvent
from thingmarket.ids import PartyId
from thingmarket.limits import ADDRESS_CHARS_MAX

UNIX_PREFIX: Final = "unix:"
_PORT_MAX: Final = 65_535
_UNIX: Final = re.compile(r"unix:[!-~]+", re.ASCII)
_HOST_AND_PORT: Final = re.compile(
    r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9.-]+)):(?P<port>[0-9]{1,5})", re.ASCII
)
_LOOPBACK_V4: Final = ipaddress.IPv4Network("127.0.0.0/8")
_LOOPBACK_V6: Final = ipaddress.IPv6Address("::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCard:
    """Address and first key event of a node, whose hash and signature were verified. [ID-4]"""

    address: str
    plaintext: bool
    signed_key_event: Signed
    key_event: KeyEvent
    node_id: PartyId

    def __post_init__(self) -> None:
        """Refuse what is no address, and plaintext that leaves the machine (BAD_FIELD)."""
        checked_address(self.address)
        if self.plaintext and not is_loopback(self.address):
            raise Refusal(Code.BAD_FIELD, "plaintext is for loopback addresses only")

    @property
    def anchor_pem(self) -> bytes:
        """The one TLS trust anchor for this node."""
        return anchor_pem(self.node_id, self.key_event.tls_key)


def checked_address(address: str) -> str:
    """Accept `host:port`, `[ipv6]:port` or `unix:path` of printable ASCII (BAD_FIELD)."""
    if len(address) > ADDRESS_CHARS_MAX:
        raise Refusal(Code.BAD_FIELD, f"an address has at most {ADDRESS_CHARS_MAX} characters")
    parts = _HOST_AND_PORT.fullmatch(address)
    if parts is not None and 1 <= int(parts["port"]) <= _PORT_MAX:
        return address
    if _UNIX.fullmatch(address):
        return address
    raise Refusal(Code.BAD_FIELD, "an address is host:port, [ipv6]:port or unix:path")


def is_loopback(address: str) -> bool:
    """Tell whether an address stays on this machine: 127.0.0.0/8, ::1, localhost or a Unix socket."""
    if address.startswith(UNIX_PREFIX):
        return True
    parts = _HOST_AND_PORT.fullmatch(address)
    if parts is None:
        return False
    try:
        if parts["ipv6"]:
            return ipaddress.IPv6Address(parts["ipv6"]) == _LOOPBACK_V6
        return parts["name"] == "localhost" or ipaddress.IPv4Address(parts["name"]) in _LOOPBACK_V4
    except ValueError:  # a name that is no address; what it resolves to is not for us to know
        return False
