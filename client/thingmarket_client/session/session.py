"""A session with a node: handshake, headers, the node's time, and calls that are tried until answered."""

import asyncio
import itertools
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

import grpc.aio

from thingmarket.audit.merkle import leaf_hash
from thingmarket.audit.receipts import Receipt
from thingmarket.errors import Code, Refusal
from thingmarket.identity import envelope
from thingmarket.identity.cards import NodeCard
from thingmarket.identity.envelope import Signed, TypeId, sign
from thingmarket.identity.handshake import HANDSHAKE_NONCE_BYTES, Hello, answer
from thingmarket.identity.headers import Header
from thingmarket.identity.keys import SigningKey
from thingmarket.identity.parties import NONCE_BYTES
from thingmarket.ids import PartyId
from thingmarket.limits import CLOCK_SKEW_MS, COMMAND_LIFE_MS, MINUTE_MS
from thingmarket.market.entries import EntryKind
from thingmarket.wire import calls
from thingmarket.wire.envelope import read_signed, signed_bytes
from thingmarket.wire.handshake import hello_message, proof_payload, read_challenge
from thingmarket.wire.signing import entry_bytes, sign_command
from thingmarket_client.errors import RefusedByNode, Unanswered
from thingmarket_client.outbox import Answer, Letter, SealedPart, no, yes
from thingmarket_client.retry import GiveUp, Rehandshake, what_next
from thingmarket_client.session.line import failure_value, join_line, leave_line, metadata
from thingmarket_client.session.trouble import Trouble
from thingmarket_client.witness import Witness

if TYPE_CHECKING:
    from thingmarket.v1.query_service_pb2_grpc import QueryServiceStub

R = TypeVar("R")

PATIENCE_MS: Final = 20_000  # a node restarts in less; then the caller hears that nobody answers
SILENCE_MS: Final = 40_000  # a watch gives a sign of life every 15 s


def _watch(stub: "QueryServiceStub") -> Any:
    return stub.Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls: a party, its key, and for an owner the signed key event by which he becomes known."""

    party: PartyId
    key: SigningKey
    key_event: Signed | None = None


@dataclass(slots=True)
class Grant:
    """One session of the node, with the numbers of its commands."""

    granted: calls.Granted
    sequence: Iterator[int] = field(default_factory=lambda: itertools.count(1))


class Session:
    """One party's standing with one node; it opens, and opens again, by itself."""

    def __init__(
        self,
        card: NodeCard,
        caller: Caller,
        witness: Witness,
        *,
        patience_ms: int = PATIENCE_MS,
        alone: bool = False,
    ) -> None:
        """Prepare; nothing is sent before the first call. `patience_ms` bounds all tries of one call.

        `alone`: on a line of its own, which others of this process do not share.
        """
        self.card = card
        self.witness = witness
        self._caller = caller
        self._patience_ms = patience_ms
        self._line, self._number = join_line(card, alone=alone)
        self._is_open = True
        self._watches: set[Any] = set()
        self._grant: Grant | None = None
        self._door = asyncio.Lock()  # one handshake at a time, whoever needs it
        self._offset_ms = 0
        self._least_offset_ms: int | None = None

    @property
    def patience_ms(self) -> int:
        """How long all tries of one call may take."""
        return self._patience_ms

    @property
    def now_ms(self) -> int:
        """The node's time, as far as the last handshake tells; before it this machine's."""
        return time.time_ns() // 1_000_000 + self._offset_ms

    @property
    def clock_offset_ms(self) -> int:
        """How far the node's clock is ahead of this machine's."""
        return self._offset_ms

    @property
    def least_now_ms(self) -> int:
        """A moment that the node's clock has passed for certain, or nearly so when they never met."""
        offset_ms = -CLOCK_SKEW_MS if self._least_offset_ms is None else self._least_offset_ms
        return time.time_ns() // 1_000_000 + offset_ms

    async def close(self) -> None:
        """Hang up; watches end, calls under way are still answered."""
        self._grant = None
        for watch in self._watches:
            watch.cancel()
        if self._is_open:
            self._is_open = False
            await leave_line(self.card, self._line, self._number)

    async def known(self) -> bool:
        """Whether the node knew the party when the session was opened."""
        grant = await self._persist(_itself)
        return grant.granted.known

    # --- commands

    async def submit(
        self,
        letter: Letter,
        sealed: tuple[SealedPart, ...] = (),
        *,
        sent_before: bool = False,
        alone: bool = False,
    ) -> Answer:
        """Send a command until it is answered; a logged refusal is an answer too.

        Unanswered when nobody can be reached, RefusedByNode for what was refused before the log.
        `sent_before` says that an earlier try may be what the receipt is of; `alone` that it is a call of
        its own, not a part of the stream of commands.
        """
        parts = [(part.salt, part.data, part.retention) for part in sealed]
        # A vault or a payment rail takes its time before the log does.
        alone = alone or bool(parts) or letter.type_id == TypeId.FUND_REQUEST
        sent: list[Signed] = []

        async def once(grant: Grant) -> Answer:
            floor = self.witness.size
            signed = self._signed(letter, grant)
            sent.append(signed)
            request = calls.submit_request(signed, parts)
            try:
                done = await self._line.submit(self._number, grant.granted.token, request, alone=alone)
            except RefusedByNode as refusal:
                if refusal.receipt is None:
                    raise
                self.witness.receipt(refusal.receipt, floor)
                self._check_leaf(letter, refusal.receipt, sent, sent_before)
                return no(refusal)
            self.witness.receipt(done.receipt, floor)
            self._check_leaf(letter, done.receipt, sent, sent_before)
            return yes(done)

        return await self._persist(once, letter)

    def _signed(self, letter: Letter, grant: Grant) -> Signed:
        created_ms = self.now_ms
        header = Header(
            network_id=self.card.key_event.network_id,
            audience=self.card.node_id,
            sender=self._caller.party,
            mandate_leaf=letter.mandate_leaf,
            session=grant.granted.session,
            sequence=next(grant.sequence),
            created_ms=created_ms,
            expires_ms=created_ms + COMMAND_LIFE_MS,
            nonce=secrets.token_bytes(NONCE_BYTES),
        )
        approvals = tuple(map(read_signed, letter.approvals))
        return sign_command(letter.type_id, header, letter.body, self._caller.key, approvals)

    def _check_leaf(self, letter: Letter, receipt: Receipt, sent: list[Signed], sent_before: bool) -> None:
        """A receipt must be of what was sent, not of just any entry of the log. [LOG-9]"""
        if sent_before or letter.type_id == TypeId.FUND_REQUEST:
            return  # the receipt may be of another header, or is of the operator's deposit
        leaves = {
            leaf_hash(
                entry_bytes(
                    seq=receipt.seq,
                    time_ms=receipt.time_ms,
                    kind=EntryKind.COMMAND,
                    body=signed_bytes(signed),
                )
            )
            for signed in sent
        }
        if receipt.leaf_hash not in leaves:
            raise Refusal(Code.TAMPERED, "the receipt is of another command than the one sent", "LOG-9")

    # --- reads

    async def ask(self, method: Callable[["QueryServiceStub"], Any], request: Any) -> Any:
        """A query, tried until answered (RefusedByNode, Unanswered)."""
        chosen = method(self._line.query)
        return await self._persist(lambda grant: self._line.call(chosen, request, token=grant.granted.token))

    async def listen(
        self, request: Any, method: Callable[["QueryServiceStub"], Any] = _watch
    ) -> AsyncGenerator[Any, None]:
        """The messages of one watch, until the line breaks (Unanswered, RefusedByNode)."""
        grant = await self._persist(_itself)
        stream = method(self._line.query)(request, metadata=metadata(grant.granted.token))
        self._watches.add(stream)
        try:
            while True:
                async with asyncio.timeout(SILENCE_MS / 1000):  # wait_for may swallow a cancellation
                    message = await stream.read()
                if message is grpc.aio.EOF:
                    return
                yield message
        except TimeoutError:
            return
        except grpc.aio.AioRpcError as error:
            failure = self._line.failure(error)
            self._check_proof(failure)
            if isinstance(what_next(failure_value(failure), 1), GiveUp):
                raise failure from None
            if isinstance(failure, RefusedByNode):
                self._drop(grant)
        finally:
            self._watches.discard(stream)
            stream.cancel()

    # --- the session itself

    async def _persist(self, once: Callable[[Grant], Awaitable[R]], letter: Letter | None = None) -> R:
        """Try until answered, refused for good, or out of patience."""
        failure: RefusedByNode | Trouble | None = None
        key = letter.key if letter else None
        try:
            async with asyncio.timeout(self._patience_ms / 1000):
                for attempt in itertools.count(1):
                    grant: Grant | None = None
                    try:
                        grant = await self._opened()
                        return await once(grant)
                    except (RefusedByNode, Trouble) as error:
                        failure = error
                        self._check_proof(failure)
                    step = what_next(failure_value(failure), attempt)
                    if _is_over(failure) and grant is not None:
                        self._drop(grant)
                    if isinstance(step, GiveUp):
                        break
                    await pause(step.delay_ms)
        except TimeoutError:
            pass  # out of patience, while somebody else's handshake or one's own call was under way
        if isinstance(failure, RefusedByNode) and not _is_over(failure):
            raise failure
        raise Unanswered(str(failure or "the node did not answer in time"), key) from None

    def _check_proof(self, failure: RefusedByNode | Trouble) -> None:
        """A receipt that comes with a refusal is worth something or the node lies. [LOG-9]"""
        if isinstance(failure, RefusedByNode) and failure.receipt is not None:
            self.witness.receipt(failure.receipt, 0)

    def _drop(self, grant: Grant) -> None:
        if self._grant is grant:
            self._grant = None

    async def _opened(self) -> Grant:
        async with self._door:
            if not self._is_open:
                raise Unanswered("this session was closed")
            if self._grant is None or self._grant.granted.expires_ms < self.now_ms + MINUTE_MS:
                self._grant = await self._handshake()
            return self._grant

    async def _handshake(self) -> Grant:
        """Hello, challenge, proof; learns the node's time; checks that its log only grew. [SES-1]"""
        hello = Hello(
            network_id=self.card.key_event.network_id,
            node=self.card.node_id,
            party=self._caller.party,
            nonce=secrets.token_bytes(HANDSHAKE_NONCE_BYTES),
            key_event=self._caller.key_event,
        )
        began_ms = time.time_ns() // 1_000_000
        response = await self._line.call(self._line.sessions.Hello, hello_message(hello))
        ended_ms = time.time_ns() // 1_000_000
        signed = calls.read_hello_response(response)
        envelope.verify(signed, self.card.key_event.identity_key)
        challenge = read_challenge(signed.payload)
        proof = answer(hello, challenge, signed.payload, plaintext=self.card.plaintext)
        request = calls.prove_request(sign(TypeId.PROOF, proof_payload(proof), self._caller.key))
        granted = calls.read_prove_response(await self._line.call(self._line.sessions.Prove, request))
        self._offset_ms = challenge.time_ms - (began_ms + ended_ms) // 2
        self._least_offset_ms = challenge.time_ms - ended_ms
        await self._check_growth()
        return Grant(granted)

    async def _check_growth(self) -> None:
        """The log that was seen before is the beginning of the one that there is now. [LOG-10]"""
        if not self.witness.note:
            return
        audit = self._line.audit
        newest = await self._line.call(audit.GetCheckpoint, calls.checkpoint_request())
        self.witness.observe(newest.checkpoint, self.witness.size)
        size1, size2 = self.witness.sizes()
        if size1 < size2:
            note, request = self.witness.note, calls.consistency_request(size1, size2)
            response = await self._line.call(audit.ProveConsistency, request)
            self.witness.grown(note, calls.read_consistency(response))


async def pause(most_ms: int) -> None:
    """Wait for half to all of `most_ms`: not all devices come back in the same moment."""
    await asyncio.sleep(most_ms * (500 + secrets.randbelow(501)) / 1_000_000)


def _is_over(failure: RefusedByNode | Trouble) -> bool:
    """That a session is over is no answer: nobody looked at what was asked."""
    return isinstance(what_next(failure_value(failure), 1), Rehandshake)


async def _itself(grant: Grant) -> Grant:
    return grant
