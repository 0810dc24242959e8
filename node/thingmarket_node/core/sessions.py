"""Who is calling: handshakes, the sessions that they grant, and what a header must say to be heard.

Nothing here is an entry of the log: sessions end with the process, and a header of an ended session is
refused, so nothing that was accepted before a restart is accepted again.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from thingmarket.errors import Code, Refusal
from thingmarket.identity.handshake import Challenge, Hello, Proof
from thingmarket.identity.headers import Header
from thingmarket.identity.parties import NONCE_BYTES
from thingmarket.ids import DIGEST_BYTES, Digest, PartyId, checked_bytes, digest
from thingmarket.limits import (
    ANONYMOUS_RATE_PER_SECOND,
    BAD_SIGNATURE_COST,
    CLOCK_SKEW_MS,
    COMMAND_LIFE_MS,
    HANDSHAKE_LIFE_MS,
    HANDSHAKES_MAX,
    ORDER_RATE_BURST,
    ORDER_RATE_PER_SECOND,
    RATE_BURST,
    RATE_PER_SECOND,
    SESSION_LIFE_MS,
    SESSIONS_MAX,
    SESSIONS_PER_PARTY_MAX,
)
from thingmarket.wire.handshake import challenge_payload
from thingmarket_node.core.sequence_window import SequenceWindow
from thingmarket_node.core.token_bucket import TokenBucket

SESSION_ID_BYTES = 16
TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a proven caller is told, and whose sessions made room for his."""

    session: bytes  # public id, for headers
    token: bytes = field(repr=False)  # secret, for reads
    expires_ms: int
    known: bool
    ended: tuple[bytes, ...]  # sessions that ended so that this one could open, or by their age


@dataclass(frozen=True, slots=True, kw_only=True)
class _Handshake:
    """A challenge that waits for its proof."""

    party: PartyId
    public_key: bytes
    expires_ms: int


class Session:
    """One proven caller: his key, the sequence numbers that he used, and his rate."""

    __slots__ = ("_bucket", "_window", "expires_ms", "id", "known", "party", "public_key", "token_hash")

    def __init__(
        self,
        *,
        session_id: bytes,
        token_hash: bytes,
        party: PartyId,
        public_key: bytes,
        known: bool,
        now_ms: int,
    ) -> None:
        self.id = session_id
        self.token_hash = token_hash
        self.party = party
        self.public_key = public_key
        self.known = known  # to the market: a thing with a mandate, an admitted owner
        self.expires_ms = now_ms + SESSION_LIFE_MS
        self._window = SequenceWindow()
        self._bucket = TokenBucket(
            per_second=RATE_PER_SECOND, burst=RATE_BURST, now_ms=now_ms, what="commands"
        )

    def check_sequence(self, sequence: int) -> None:
        """Refuse a number that cannot be reserved (OUT_OF_RANGE, REPLAYED, BUSY)."""
        self._window.check(sequence)

    def reserve(self, sequence: int, now_ms: int) -> None:
        """Pay for one command and keep its number while it is looked at (RATE_LIMITED and the above).

        Every reservation ends in exactly one of `confirm`, `release` and `reject`.
        """
        self._window.check(sequence)
        self._bucket.take(1, now_ms)
        self._window.reserve(sequence)

    def confirm(self, sequence: int) -> None:
        """The signature was good: the number is used up."""
        self._window.confirm(sequence)

    def release(self, sequence: int) -> None:
        """The command was refused for another reason than its signature: the number may come again."""
        self._window.release(sequence)

    def reject(self, sequence: int) -> None:
        """The signature was bad: the number may come again, and the rate pays for the work."""
        self._window.release(sequence)
        self._bucket.charge(BAD_SIGNATURE_COST - 1)  # one was paid at `reserve`


def check_header(
    header: Header, *, network_id: bytes, node_id: PartyId, session: Session | None, now_ms: int
) -> Session:
    """Refuse a header that this node must not hear; the cheap questions first, no signature yet. [ID-9]

    WRONG_NETWORK, WRONG_AUDIENCE, SESSION_ENDED, NO_SESSION (the session is of another party than the
    sender, so the sender has none here), CLOCK, BAD_FIELD, EXPIRED, BAD_ID, OUT_OF_RANGE, REPLAYED, BUSY.
    """
    if header.network_id != network_id:
        raise Refusal(Code.WRONG_NETWORK, "the command is for another network")
    if header.audience != node_id:
        raise Refusal(Code.WRONG_AUDIENCE, "the command is for another node")
    if session is None or session.id != header.session or session.expires_ms <= now_ms:
        raise Refusal(Code.SESSION_ENDED, "this session ended, or was never here; say hello again")
    if header.sender != session.party:
        raise Refusal(Code.NO_SESSION, "the session is not of this sender")
    if abs(header.created_ms - now_ms) > CLOCK_SKEW_MS:
        raise Refusal(Code.CLOCK, f"created {header.created_ms - now_ms} ms from the node's time")
    life_ms = header.expires_ms - header.created_ms
    if not 0 < life_ms <= COMMAND_LIFE_MS:
        raise Refusal(Code.BAD_FIELD, f"expires {life_ms} ms after created; must be 1 to {COMMAND_LIFE_MS}")
    if header.expires_ms <= now_ms:
        raise Refusal(Code.EXPIRED, f"expired {now_ms - header.expires_ms} ms ago")
    checked_bytes(header.nonce, NONCE_BYTES, "nonce")
    if header.mandate_leaf:
        checked_bytes(header.mandate_leaf, DIGEST_BYTES, "mandate_leaf")
    session.check_sequence(header.sequence)
    return session


class Sessions:
    """All handshakes and sessions of one node; time, nonces and tokens come in from outside."""

    def __init__(self, *, network_id: bytes, node_id: PartyId, now_ms: int) -> None:
        self._network_id = network_id
        self._node_id = node_id
        self._anonymous = TokenBucket(
            per_second=ANONYMOUS_RATE_PER_SECOND,
            burst=ANONYMOUS_RATE_PER_SECOND,
            now_ms=now_ms,
            what="handshakes",
        )
        # All in the order of making, which is also the order of expiry.
        self._handshakes: dict[Digest, _Handshake] = {}
        self._sessions: dict[bytes, Session] = {}
        self._of_party: dict[PartyId, dict[bytes, Session]] = {}
        self._of_token: dict[bytes, Session] = {}
        # Of parties that sent orders lately, in the order of last use: a new session brings no new orders.
        self._order_rates: dict[PartyId, TokenBucket] = {}
        # In the order of last use, parties unknown to the market apart: they make room first.
        self._idle: dict[bool, dict[bytes, Session]] = {False: {}, True: {}}

    def __len__(self) -> int:
        return len(self._sessions)

    def hello(
        self,
        hello: Hello,
        *,
        key_of: Callable[[Hello], bytes],
        now_ms: int,
        time_ms: int,
        node_nonce: bytes,
        certificate_hash: bytes,
    ) -> bytes:
        """The payload of the challenge that the node has to sign for `hello`. [SES-1]

        `time_ms` is what the caller is told: the time that his headers will be compared with.
        `key_of` finds and admits the caller's key, which is dear, and so is asked after everything else.
        WRONG_NETWORK, WRONG_AUDIENCE, BUSY, RATE_LIMITED, and what `key_of` refuses.
        """
        self._check_meant_for_us(hello)
        self._drop_old_handshakes(now_ms)
        if len(self._handshakes) >= HANDSHAKES_MAX:
            raise Refusal(Code.BUSY, f"{HANDSHAKES_MAX} handshakes are under way")
        self._anonymous.take(1, now_ms)
        public_key = key_of(hello)
        challenge = Challenge(
            network_id=self._network_id,
            node=self._node_id,
            party=hello.party,
            client_nonce=hello.nonce,
            node_nonce=node_nonce,
            time_ms=time_ms,
            certificate_hash=certificate_hash,
        )
        payload = challenge_payload(challenge)
        self._handshakes[digest(payload)] = _Handshake(
            party=hello.party, public_key=public_key, expires_ms=now_ms + HANDSHAKE_LIFE_MS
        )
        return payload

    def challenged_key(self, proof: Proof, now_ms: int) -> bytes:
        """The key that must have signed `proof`, once its transcript is ours. [SES-2]

        WRONG_NETWORK, WRONG_AUDIENCE, NO_SESSION (no such challenge is waiting), WRONG_TRANSCRIPT.
        """
        self._check_meant_for_us(proof)
        handshake = self._handshakes.get(Digest(proof.challenge_hash))
        if handshake is None or handshake.expires_ms <= now_ms:
            raise Refusal(Code.NO_SESSION, "no such challenge is waiting for its proof; say hello again")
        if handshake.party != proof.party:
            raise Refusal(Code.WRONG_TRANSCRIPT, "another party was challenged")
        return handshake.public_key

    def prove(
        self, proof: Proof, *, verified: bool, known: bool, now_ms: int, session_id: bytes, token: bytes
    ) -> Grant:
        """Open a session; the challenge is used up, whatever the outcome. [SES-3]

        `verified`: the proof carries a signature by its `challenged_key`. `known`: the market knows the
        party. BAD_SIGNATURE, BUSY, and what `challenged_key` refuses.
        """
        public_key = self.challenged_key(proof, now_ms)
        del self._handshakes[Digest(proof.challenge_hash)]
        if not verified:
            raise Refusal(Code.BAD_SIGNATURE, "the proof is not signed by the party's key")
        assert len(session_id) == SESSION_ID_BYTES and len(token) == TOKEN_BYTES, "ids come from the node"
        assert session_id not in self._sessions, "random ids do not repeat"
        ended = self._make_room(proof.party, known=known, now_ms=now_ms)
        session = Session(
            session_id=session_id,
            token_hash=_token_hash(token),
            party=proof.party,
            public_key=public_key,
            known=known,
            now_ms=now_ms,
        )
        self._sessions[session_id] = session
        self._of_party.setdefault(session.party, {})[session_id] = session
        self._of_token[session.token_hash] = session
        self._idle[known][session_id] = session
        return Grant(session=session_id, token=token, expires_ms=session.expires_ms, known=known, ended=ended)

    def session(self, session_id: bytes, now_ms: int) -> Session:
        """The live session of a public id (SESSION_ENDED)."""
        return self._used(self._sessions.get(session_id), now_ms)

    def by_token(self, token: bytes, now_ms: int) -> Session:
        """The live session of a secret token (NO_SESSION when there is none, SESSION_ENDED)."""
        if len(token) != TOKEN_BYTES:
            raise Refusal(Code.NO_SESSION, "this call needs the token of a session")
        # Found by a hash, so the time of the search says nothing about a token that nearly fits.
        return self._used(self._of_token.get(_token_hash(token)), now_ms)

    def admit(self, header: Header, now_ms: int) -> Session:
        """Everything before the signature: check the header, pay, reserve its sequence. [ID-9]

        The caller ends the reservation with `confirm`, `release` or `reject`. Refuses what `check_header`
        and `Session.reserve` refuse.
        """
        session = check_header(
            header,
            network_id=self._network_id,
            node_id=self._node_id,
            session=self._sessions.get(header.session),
            now_ms=now_ms,
        )
        session.reserve(header.sequence, now_ms)
        return self._used(session, now_ms)

    def pay_orders(self, party: PartyId, orders: int, now_ms: int) -> None:
        """Pay for the orders of one frame, by whichever session it came (RATE_LIMITED). [SES-5]"""
        bucket = self._order_rates.pop(party, None)
        if bucket is None:
            bucket = TokenBucket(
                per_second=ORDER_RATE_PER_SECOND, burst=ORDER_RATE_BURST, now_ms=now_ms, what="orders"
            )
        self._order_rates[party] = bucket
        bucket.take(orders, now_ms)
        while self._order_rates:
            idlest = next(iter(self._order_rates))
            if not self._order_rates[idlest].is_full(now_ms):
                break
            del self._order_rates[idlest]

    def recognise(self, party: PartyId) -> None:
        """The market knows this party from now on: its sessions no longer make room for strangers."""
        for session in self._of_party.get(party, {}).values():
            del self._idle[session.known][session.id]
            session.known = True
            self._idle[True][session.id] = session

    def end(self, session_id: bytes) -> None:
        """End a session, if it is there."""
        session = self._sessions.pop(session_id, None)
        if session is None:
            return
        del self._idle[session.known][session_id]
        del self._of_token[session.token_hash]
        del self._of_party[session.party][session_id]
        if not self._of_party[session.party]:
            del self._of_party[session.party]

    def end_old(self, now_ms: int) -> tuple[bytes, ...]:
        """End the sessions whose time is over, and name them."""
        ended = []
        while self._sessions:
            oldest = next(iter(self._sessions.values()))
            if oldest.expires_ms > now_ms:
                break
            self.end(oldest.id)
            ended.append(oldest.id)
        return tuple(ended)

    def _check_meant_for_us(self, message: Hello | Proof) -> None:
        if message.network_id != self._network_id:
            raise Refusal(Code.WRONG_NETWORK, "this node belongs to another network")
        if message.node != self._node_id:
            raise Refusal(Code.WRONG_AUDIENCE, "this is another node")

    def _drop_old_handshakes(self, now_ms: int) -> None:
        while self._handshakes:
            name, oldest = next(iter(self._handshakes.items()))
            if oldest.expires_ms > now_ms:
                break
            del self._handshakes[name]

    def _used(self, session: Session | None, now_ms: int) -> Session:
        if session is not None and session.expires_ms <= now_ms:
            self.end(session.id)
            session = None
        if session is None:
            raise Refusal(Code.SESSION_ENDED, "this session ended, or was never here; say hello again")
        order = self._idle[session.known]
        del order[session.id]
        order[session.id] = session
        return session

    def _make_room(self, party: PartyId, *, known: bool, now_ms: int) -> tuple[bytes, ...]:
        """End what is too old, the party's oldest, or the longest idle; no stranger ends a known one."""
        ended = self.end_old(now_ms)
        own = self._of_party.get(party, {})
        victim: bytes | None = None
        if len(own) >= SESSIONS_PER_PARTY_MAX:
            victim = next(iter(own))
        elif len(self._sessions) >= SESSIONS_MAX:
            idle = self._idle[False] or (self._idle[True] if known else {})
            if not idle:
                raise Refusal(Code.BUSY, f"{SESSIONS_MAX} sessions are open")
            victim = next(iter(idle))
        if victim is None:
            return ended
        self.end(victim)
        return (*ended, victim)


def _token_hash(token: bytes) -> bytes:
    return hashlib.blake2b(token, digest_size=32, person=b"tm-session-token").digest()
