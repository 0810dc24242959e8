"""A device or an owner: keys, an outbox that survives, a session that does not, and patience."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from thingmarket.errors import Code, Refusal
from thingmarket.identity.envelope import Signed, TypeId, sign, signed_over
from thingmarket.identity.handshake import Hello, answer
from thingmarket.identity.headers import Header
from thingmarket.identity.keys import SigningKey
from thingmarket.ids import Digest, Key, NetworkId, PartyId, digest, make_key
from thingmarket.limits import COMMAND_LIFE_MS, SECOND_MS
from thingmarket.time import UnixMs
from thingmarket.wire import calls
from thingmarket.wire.frames import read_response
from thingmarket.wire.handshake import hello_message, proof_payload, read_challenge
from thingmarket.wire.signing import sign_command
from thingmarket_node.core.messages import SealedPart
from thingmarket_node.sim.auditor import Ack, Auditor
from thingmarket_node.sim.machine import ACCEPTED, Machine
from thingmarket_node.sim.network import Network
from thingmarket_node.sim.signatures import Signatures
from thingmarket_node.sim.world import World, require

NEW_SESSION: Final = frozenset({Code.CLOCK, Code.SESSION_ENDED, Code.NO_SESSION, Code.EXPIRED})
AGAIN: Final = frozenset({Code.BUSY, Code.RATE_LIMITED, Code.UNAVAILABLE, Code.REPLAYED}) | NEW_SESSION
NEW_KEY: Final = frozenset({Code.KEY_AHEAD})  # nothing was logged, so a new key is safe
_TIMEOUT_MIN_MS, _TIMEOUT_MAX_MS = 3 * SECOND_MS, 12 * SECOND_MS
_PAUSE_MAX_MS = 30 * SECOND_MS
_CLOCK_TRUSTED_MS = 10 * SECOND_MS  # a device believes its own clock up to here
_SAME_BYTES: Final = 300  # of a thousand retries after silence send the same bytes once more


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What everybody knows of a run: world, network, node."""

    world: World
    network: Network
    machine: Machine
    auditor: Auditor
    signatures: Signatures
    network_id: NetworkId
    node: PartyId
    node_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a command ended: 0 or the code of a refusal, and what it made, or what waits for approval."""

    code: int
    reference: bytes = b""
    pending: bool = False
    statuses: bytes = b""  # of a frame of orders


Then = Callable[[Outcome], None]


@dataclass(slots=True)
class Item:
    """A command in the outbox. Its body is made once, and kept, before the first copy is sent."""

    type_id: TypeId
    make: Callable[[Key], bytes]
    then: Then
    hostile: bool = False  # must never be granted
    sealed: tuple[SealedPart, ...] = ()
    key: Key | None = None
    body: bytes = b""
    approve: Callable[[bytes], Signed] | None = None  # signs an approval of the body, once that is made
    approvals: tuple[Signed, ...] = ()
    tries: int = 0
    since_ms: int = 0
    turn: int = 0  # the newest of its timers; older ones do nothing
    done: bool = False


@dataclass(slots=True)
class _Session:
    id: bytes
    token: bytes = field(repr=False)
    sequence: int = 0


class Client:
    """Sends what stands in its outbox until each command has its answer."""

    def __init__(self, place: Place, name: str, party: PartyId, key: SigningKey) -> None:
        """Be offline, with an empty outbox."""
        self.place, self.name, self.party, self.key = place, name, party, key
        self.leaf = b""
        self.card: Signed | None = None  # an owner shows it at each hello
        self.outbox: list[Item] = []
        self.clock_error_ms = 0
        self._heard_ms = 0  # how far the node's clock is ahead of this one, as heard in a handshake
        self._session: _Session | None = None
        self._knocking: Hello | None = None
        self._knocks = 0
        self._life = 0
        self._calls = 0
        self._open: dict[int, Item] = {}
        self.sent: list[tuple[bytes, bytes]] = []  # what an eavesdropper may have kept: message and token
        self.granted: list[Item] = []

    @property
    def world(self) -> World:
        """The world that this client lives in."""
        return self.place.world

    @property
    def is_done(self) -> bool:
        """Whether every command has its answer."""
        return not self.outbox

    @property
    def now_ms(self) -> UnixMs:
        """The clock of this device, put right by what the node said."""
        return UnixMs(self.world.now_ms + self.clock_error_ms + self._heard_ms)

    # --- outbox

    def send(
        self,
        type_id: TypeId,
        make: Callable[[Key], bytes],
        then: Then = lambda outcome: None,
        *,
        hostile: bool = False,
        sealed: tuple[SealedPart, ...] = (),
        key: Key | None = None,
        approve: Callable[[bytes], Signed] | None = None,
    ) -> Item:
        """Put a command into the outbox and try it."""
        item = Item(type_id, make, then, hostile=hostile, sealed=sealed, key=key, approve=approve)
        item.since_ms = self.world.now_ms
        self.outbox.append(item)
        self._try(item)
        return item

    def restart(self) -> None:
        """Lose everything but keys and outbox."""
        self.world.note(f"restart {self.name}")
        self._life += 1
        self._session = self._knocking = None
        self._heard_ms = 0
        self._open.clear()
        self._later(self.world.between(100, 5_000), self._flush)

    def _flush(self) -> None:
        for item in tuple(self.outbox):
            self._try(item)

    def _later(self, delay_ms: int, act: Callable[[], None]) -> None:
        life = self._life
        self.world.after(delay_ms, self.name, lambda: act() if life == self._life else None)

    def _try(self, item: Item) -> None:
        if item.done:
            return
        if self._session is None:
            self._hello()
            return
        if not item.body:
            item.key = item.key or make_key(self.now_ms, self.world.some_bytes(10))
            item.body = item.make(item.key)
            item.approvals = (item.approve(item.body),) if item.approve else ()
        item.tries += 1
        self._submit(item, self._signed(item, self._session), self._session)

    def _signed(self, item: Item, session: _Session) -> Signed:
        session.sequence += 1
        now_ms = self.now_ms
        header = Header(
            network_id=self.place.network_id,
            audience=self.place.node,
            sender=self.party,
            mandate_leaf=self.leaf,
            session=session.id,
            sequence=session.sequence,
            created_ms=now_ms,
            expires_ms=now_ms + COMMAND_LIFE_MS,
            nonce=self.world.some_bytes(12),
        )
        return sign_command(item.type_id, header, item.body, self.key, item.approvals)

    def _submit(self, item: Item, signed: Signed, session: _Session) -> None:
        parts = [(part.salt, part.data, part.retention) for part in item.sealed]
        data = calls.submit_request(signed, parts).SerializeToString(deterministic=True)
        self.sent.append((data, session.token))
        call = self._ask(f"{self.name} {item.type_id.name}", "Submit", data, session.token, item)

        item.turn += 1
        turn = item.turn

        def give_up() -> None:
            self._open.pop(call, None)
            if item.done or item.turn != turn:
                return
            if self._session is session and self.world.chance(_SAME_BYTES):
                self._submit(item, signed, session)
            else:
                self._again(item)

        self._later(self.world.between(_TIMEOUT_MIN_MS, _TIMEOUT_MAX_MS), give_up)

    def _again(self, item: Item) -> None:
        pause_ms = min(_PAUSE_MAX_MS, 500 << min(item.tries, 6))
        item.turn += 1
        turn = item.turn

        def once_more() -> None:
            if item.turn == turn:
                self._try(item)

        self._later(self.world.between(pause_ms // 2, pause_ms), once_more)

    def _ask(self, name: str, method: str, data: bytes, token: bytes, item: Item | None) -> int:
        self._calls += 1
        call, life, network = self._calls, self._life, self.place.network
        known_seq = self.place.auditor.reference.seq
        if item is not None:
            self._open[call] = item

        def arrive(data: bytes) -> None:
            if life == self._life:
                self._hear(method, call, item, data, known_seq)

        def reply(data: bytes) -> None:
            network.send(f"{self.name} reply", data, arrive, once=True)

        receive = self.place.machine.receive
        network.send(name, data, lambda data: receive(method, data, token, reply))
        if self.world.chance(network.faults.mangle):
            mangled = network.mangled(data)
            network.send(f"mangled {name}", mangled, lambda data: receive(method, data, token, check_coded))
        return call

    def haunt(self) -> None:
        """A day later: every old message once more, and an old order under its old key."""
        for data, token in self.sent:
            self.place.machine.receive("Submit", data, token, check_coded)
        for item in self.granted[-2:]:
            body = item.body
            self.send(item.type_id, lambda _, body=body: body, sealed=item.sealed, key=item.key)  # type: ignore[misc]

    # --- answers

    def _hear(self, method: str, call: int, item: Item | None, data: bytes, known_seq: int) -> None:
        self._open.pop(call, None)
        if item is None:
            self._handshake(method, data)
        elif data[:1] == ACCEPTED:
            done = calls.read_submit_response(read_response(method, data[1:]))
            outcome = Outcome(code=0, reference=done.reference, pending=done.pending, statuses=done.statuses)
            self._ended(item, outcome, done.receipt)
        else:
            told = calls.read_refusal(data[1:])
            require(told is not None, "coded", "a refusal that cannot be read")
            assert told is not None, "required above"
            self.world.note(f"{self.name} {item.type_id.name} {told.number} {told.reason}")
            self._refused(item, told, known_seq)

    def _refused(self, item: Item, told: Any, known_seq: int) -> None:
        if told.receipt is not None or told.number not in AGAIN | NEW_KEY:
            self._ended(item, Outcome(code=told.number), told.receipt)
            if told.receipt is None and told.number != Code.KEY_TOO_OLD:  # that says that nobody remembers
                assert item.key is not None, "it was sent"
                self.place.auditor.refused(self.party, item.key, digest(item.body), known_seq)
            return
        if item.done:
            return
        if told.number in NEW_SESSION:
            self._session = None
        if told.number in NEW_KEY:
            item.key, item.body = None, b""
        self._again(item)

    def _ended(self, item: Item, outcome: Outcome, receipt: Any) -> None:
        assert item.key is not None, "an item that was sent has its key"
        require(not (item.hostile and outcome.code == 0), "hostile", f"{item.type_id.name} was granted")
        require(receipt is not None or outcome.code, "receipt", "a yes without a receipt")
        if receipt is not None:
            ack = Ack(
                sender=self.party,
                key=item.key,
                body_digest=Digest(digest(item.body)),
                code=outcome.code,
                reference=outcome.reference,
                pending=outcome.pending,
                statuses=outcome.statuses,
                receipt=receipt,
            )
            self.place.auditor.answered(ack)
        if item.done:
            return
        item.done = True
        self.outbox.remove(item)
        if outcome.code == 0:
            self.granted.append(item)
        item.then(outcome)

    # --- handshake

    def _hello(self) -> None:
        if self._knocking is not None:
            return
        place = self.place
        self._knocking = hello = Hello(
            network_id=place.network_id,
            node=place.node,
            party=self.party,
            nonce=self.world.some_bytes(32),
            key_event=self.card,
        )
        self._knocks += 1
        data = hello_message(hello).SerializeToString(deterministic=True)
        self._ask(f"{self.name} hello", "Hello", data, b"", None)
        knock = self._knocks

        def give_up() -> None:
            if knock == self._knocks and self._session is None:
                self._knocking = None
                self._flush()

        self._later(self.world.between(_TIMEOUT_MIN_MS, _TIMEOUT_MAX_MS), give_up)

    def _handshake(self, method: str, data: bytes) -> None:
        hello = self._knocking
        if hello is None:
            return
        if data[:1] != ACCEPTED:
            told = calls.read_refusal(data[1:])
            require(told is not None, "coded", "a refusal that cannot be read")
            return  # the timeout tries again
        message = read_response(method, data[1:])
        if method == "Hello":
            self._prove(hello, calls.read_hello_response(message))
            return
        granted = calls.read_prove_response(message)
        self._knocking = None
        self._session = _Session(granted.session, granted.token)
        self._flush()

    def _prove(self, hello: Hello, signed: Signed) -> None:
        place = self.place
        message = signed_over(signed.type_id, signed.payload)
        good = place.signatures.verify(place.node_key, message, signed.signatures[0].signature)
        require(good, "signed", "a challenge is not signed by the node")
        challenge = read_challenge(signed.payload)
        try:
            proof = answer(hello, challenge, signed.payload, plaintext=True)
        except Refusal:
            return  # the answer to an earlier hello
        ahead_ms = challenge.time_ms - self.now_ms
        if abs(ahead_ms) > _CLOCK_TRUSTED_MS:
            self._heard_ms += ahead_ms
        proven = sign(TypeId.PROOF, proof_payload(proof), self.key)
        data = calls.prove_request(proven).SerializeToString(deterministic=True)
        self._ask(f"{self.name} prove", "Prove", data, b"", None)


def check_coded(data: bytes) -> None:
    """Whatever the node answers to rubbish, it is an answer of the protocol."""
    require(data[:1] == ACCEPTED or calls.read_refusal(data[1:]), "coded", "a refusal that cannot be read")
