"""The post: every command goes through the outbox, so that it happens once, whatever happens meanwhile."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from thingmarket.errors import Code
from thingmarket.identity.envelope import TypeId
from thingmarket.ids import Key, make_key
from thingmarket.time import UnixMs
from thingmarket_client.errors import FateUnknown, RefusedByNode
from thingmarket_client.outbox import Answer, Letter, Outbox, Posted, SealedPart, answered, no
from thingmarket_client.session.session import Session


@dataclass(frozen=True, slots=True)
class Flushed:
    """What became of letters that were waiting: answered (yes or no), or of unknown fate for ever."""

    answered: tuple[tuple[Letter, Answer], ...]
    unknown: tuple[Letter, ...]


@dataclass(slots=True)
class Turn:
    """Whose turn it is to send a letter, and how many want to."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    senders: int = 0


class Post:
    """Stores letters before they are sent, and answers before they are told."""

    def __init__(self, session: Session, outbox: Outbox, on_answer: Callable[[Letter, Answer], None]) -> None:
        """Send by `session`, keep in `outbox`; `on_answer` hears each answer first, aside."""
        self.session = session
        self.outbox = outbox
        self._on_answer = on_answer
        self._flushing = asyncio.Lock()
        self._turns: dict[Key, Turn] = {}  # of letters that are being sent

    async def close(self) -> None:
        """Hang up and close the file; what waits, waits there."""
        await self.session.close()
        await asyncio.to_thread(self.outbox.close)

    def new_key(self) -> Key:
        """A fresh idempotency key in the node's time."""
        return make_key(UnixMs(self.session.now_ms), secrets.token_bytes(10))

    async def send(
        self,
        type_id: TypeId,
        make_body: Callable[[Key], bytes],
        *,
        leaf: bytes = b"",
        approvals: Sequence[bytes] = (),
    ) -> Answer:
        """Send a new command with nothing sealed (RefusedByNode, Unanswered)."""
        key = self.new_key()
        letter = Letter(
            key=key, type_id=type_id, body=make_body(key), mandate_leaf=leaf, approvals=tuple(approvals)
        )
        return (await self.deliver(letter)).made()

    async def deliver(self, letter: Letter, sealed: Sequence[SealedPart] = ()) -> Answer:
        """Store a letter and send it; one that was answered before gets the same answer again.

        Unanswered leaves it in the outbox; FateUnknown; RefusedByNode for what never reached the log.
        """
        async with self._turn(letter.key):
            posted = await asyncio.to_thread(self.outbox.put, letter, sealed)
            known = answered(posted)
            if known is not None:
                return known
            first = posted.letter is letter  # else an earlier process may have sent it
            return await self._send(posted, sent_before=not first)

    async def flush(self) -> Flushed:
        """Send again what is unanswered, in order (Unanswered when the node cannot be reached)."""
        async with self._flushing:
            await self.session.known()  # learns the node's time, by which letters are old
            unknown = await asyncio.to_thread(self.outbox.give_up_old, self.session.now_ms)
            done: list[tuple[Letter, Answer]] = []
            for posted in await asyncio.to_thread(self.outbox.waiting):
                if posted.letter.key in self._turns:
                    continue  # it is being sent
                try:
                    async with self._turn(posted.letter.key):
                        done.append((posted.letter, await self._send(posted, sent_before=True)))
                except RefusedByNode as refusal:
                    if not refusal.retryable:
                        done.append((posted.letter, no(refusal)))
            return Flushed(tuple(done), tuple(unknown))

    async def answer_to(self, key: Key) -> Answer | None:
        """What the node said to a command; None while it waits (FateUnknown, also when it is not here)."""
        posted = await asyncio.to_thread(self.outbox.find, key)
        if posted is None:
            raise FateUnknown(key)
        return answered(posted)

    @asynccontextmanager
    async def _turn(self, key: Key) -> AsyncIterator[None]:
        """One sender of a letter at a time: else the receipt of one copy would be read as another's."""
        turn = self._turns.setdefault(key, Turn())
        turn.senders += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.senders -= 1
            if not turn.senders:
                del self._turns[key]

    async def _send(self, posted: Posted, *, sent_before: bool) -> Answer:
        letter = posted.letter
        try:
            answer = await self.session.submit(letter, posted.sealed, sent_before=sent_before)
        except RefusedByNode as refusal:
            if refusal.number == Code.KEY_TOO_OLD:
                raise FateUnknown(letter.key) from None
            if not refusal.retryable:  # else it waits for a better hour
                await self._keep(letter, no(refusal))
            raise
        await self._keep(letter, answer)
        return answer

    async def _keep(self, letter: Letter, answer: Answer) -> None:
        witness, node = self.session.witness, self.session.card.node_id

        def keep() -> None:
            # First the hook: after a crash between the two the letter is sent again, and answered again.
            self._on_answer(letter, answer)
            self.outbox.answer(letter.key, answer, node=node, checkpoint=witness.note)

        await asyncio.to_thread(keep)
