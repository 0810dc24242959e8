"""A call on its way to the log: verified, then sealed or paid, then waiting. [CMD-1]"""

from dataclasses import dataclass, field

from thingmarket.contract.orders import Deposit, FundRequest
from thingmarket.errors import Code, Refusal
from thingmarket.identity.envelope import Signed, TypeId
from thingmarket.identity.handshake import Proof
from thingmarket.identity.headers import Header
from thingmarket.identity.keys import SigningKey
from thingmarket.ids import Key, NetworkId, PartyId, derived_id, key_time_ms
from thingmarket.limits import COMMAND_LIFE_MS
from thingmarket.market.entries import Command
from thingmarket.wire.commands import read_command
from thingmarket.wire.signing import sign_command
from thingmarket.wire.trade import deposit_body
from thingmarket_node.core.messages import CallId, SealedPart
from thingmarket_node.core.sessions import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeKeys:
    """Who the node is: its id, its signed key event, and the keys that it signs with."""

    node: PartyId
    network_id: NetworkId
    identity: SigningKey = field(repr=False)
    log: SigningKey = field(repr=False)
    certificate_hash: bytes = b""


@dataclass(frozen=True, slots=True)
class ProvingCall:
    """A proof whose signature is being verified."""

    proof: Proof
    session: bytes
    token: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class CommandCall:
    """A command whose signatures are being verified, or whose parts are being sealed or paid."""

    command: Command
    session: Session
    sealed: tuple[SealedPart, ...]


class Collecting:
    """Wishes for money on their way from the payment rail to the log: each is collected once. [SET-2]"""

    def __init__(self) -> None:
        """Start with none."""
        self._keys: dict[CallId, Key] = {}
        self._under_way: set[Key] = set()

    def begin(self, call: CallId, deposit: Key) -> None:
        """Note that the money for a deposit is being collected (BUSY when it is already)."""
        if deposit in self._under_way:
            raise Refusal(Code.BUSY, "this very money is being collected; ask again", "SET-2")
        self._keys[call] = deposit
        self._under_way.add(deposit)

    def end(self, call: CallId) -> None:
        """The deposit of a call was decided, or will not be; nothing for other calls."""
        deposit = self._keys.pop(call, None)
        if deposit is not None:
            self._under_way.remove(deposit)


def deposit_for(request: Command) -> tuple[Key, bytes]:
    """The deposit that a fund request leads to: asked again, it is the same one. [SET-2]"""
    body = request.body
    assert isinstance(body, FundRequest), "only a fund request leads to a deposit"
    sender = request.header.sender
    key = Key(derived_id(key_time_ms(request.key), b"deposit", sender.encode(), request.key))
    deposit = Deposit(
        key=key,
        owner=sender,
        currency=body.currency,
        amount_minor=body.amount_minor,
        request=request.body_digest,
    )
    return key, deposit_body(deposit)


def operator_command(keys: NodeKeys, type_id: TypeId, body: bytes, *, sequence: int, now_ms: int) -> Command:
    """A command that the operator signs inside his own node; it belongs to no session."""
    header = Header(
        network_id=keys.network_id,
        audience=keys.node,
        sender=keys.node,
        mandate_leaf=b"",
        session=bytes(16),
        sequence=sequence,
        created_ms=now_ms,
        expires_ms=now_ms + COMMAND_LIFE_MS,
        nonce=sequence.to_bytes(12, "big"),
    )
    signed: Signed = sign_command(type_id, header, body, keys.identity)
    return read_command(signed)


def unavailable(reason: str) -> Refusal:
    """The caller cannot know whether it happened; asking again with the same key is safe."""
    return Refusal(Code.UNAVAILABLE, reason, "CMD-4")
