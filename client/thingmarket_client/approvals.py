"""Orders that wait for somebody's word, from both sides: who asked, and who is asked. [COS-4]"""

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass

from thingmarket.audit.receipts import Receipt
from thingmarket.contract.approvals import Approve, PendingId, check_approve
from thingmarket.errors import Code, Refusal
from thingmarket.identity.envelope import TypeId
from thingmarket.ids import Key
from thingmarket.market.entries import NoticeKind
from thingmarket.policy.decision import Decision
from thingmarket.wire import inbox, reads
from thingmarket.wire.approvals import approve_body
from thingmarket.wire.inbox import PendingSeen, PersonaSeen
from thingmarket_client.errors import RefusedByNode, Unanswered
from thingmarket_client.post import Post
from thingmarket_client.retry import FIRST_DELAY_MS, LONGEST_DELAY_MS
from thingmarket_client.session.session import Session, pause
from thingmarket_client.watching import Watch

PAGES_MAX = 10  # of 100 orders: more are those of others, and nobody reads them at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An order that waits for an approval: nothing was bought yet. What became of it is read by `id`."""

    id: PendingId
    receipt: Receipt
    decision: Decision | None


class NeedsApproval(RefusedByNode):
    """Nothing was bought yet: the order waits for an approval. It needs no second try."""

    def __init__(self, pending: Pending) -> None:
        """Say by which rule somebody is asked."""
        rule = pending.decision.rules[0] if pending.decision else "COS-1"
        super().__init__(
            Code.NEED_COSIGN,
            f"order {pending.id.hex()} waits for approval",
            rule,
            receipt=pending.receipt,
            decision=pending.decision,
        )
        self.pending = pending


class Waiting:
    """Reads of orders that wait or waited, and of personas; of one session."""

    def __init__(self, session: Session) -> None:
        """Ask by `session`."""
        self._session = session

    async def inbox(self) -> tuple[PendingSeen, ...]:
        """Orders that wait for this party's word, oldest first; each is what its buyer signed."""
        found: list[PendingSeen] = []
        for _ in range(PAGES_MAX):
            request = inbox.inbox_request(found[-1].seq, found[-1].id) if found else inbox.inbox_request()
            page, more = inbox.read_inbox(await self._session.ask(lambda stub: stub.ListPending, request))
            found += page
            if not (more and page):
                break
        return tuple(found)

    async def order(self, pending: bytes) -> PendingSeen:
        """One order, for its buyer, its owner and those who may approve it (UNKNOWN_ENTRY)."""
        response = await self._session.ask(lambda stub: stub.GetPending, inbox.pending_request(pending))
        seen = inbox.pending_value(response.pending)
        if seen.id != pending:
            raise Refusal(Code.TAMPERED, "the node shows another order than the one asked for")
        return seen

    async def outcome(self, pending: bytes) -> PendingSeen:
        """Wait until an order waits no more, through all reconnections."""
        async with aclosing(self._news(pending)) as news:
            async for _ in news:
                seen = await self.order(pending)
                if not seen.waits:
                    return seen
        raise AssertionError("news end only by a refusal")

    def inboxes(self) -> Watch[tuple[PendingSeen, ...]]:
        """The inbox now, and again whenever it has changed."""
        return Watch(lambda _: self._inboxes(), self._session.patience_ms)

    async def _inboxes(self) -> AsyncGenerator[tuple[PendingSeen, ...], None]:
        async with aclosing(self._news()) as news:
            async for _ in news:
                yield await self.inbox()

    async def persona(self, thing: str = "") -> PersonaSeen:
        """An owner's wishes for a thing; without a name those for this thing itself."""
        response = await self._session.ask(lambda stub: stub.GetPersona, inbox.persona_request(thing))
        return inbox.persona_value(response)

    async def _news(self, pending: bytes = b"") -> AsyncGenerator[None, None]:
        """Once when the node listens, also after each reconnection, and then at each change of an order."""
        failures = 0
        while True:
            with suppress(Unanswered):
                first = True
                async with aclosing(self._session.listen(reads.watch_request())) as messages:
                    async for message in messages:
                        _, notices = reads.read_watch(message)
                        told = [one.reference for one in notices if one.kind is NoticeKind.APPROVAL]
                        if first or (pending in told if pending else told):
                            yield
                        first, failures = False, 0
            failures += 1
            await pause(min(FIRST_DELAY_MS << min(failures, 10), LONGEST_DELAY_MS))


class Speaker:
    """What every party can say about orders that wait; the words go through its outbox."""

    post: Post
    waiting: Waiting

    @property
    def leaf(self) -> bytes:
        """The mandate under which commands are sent; empty for an owner."""
        raise NotImplementedError

    async def pending(self, pending: bytes) -> PendingSeen:
        """An order that waits or waited, as it stands now (UNKNOWN_ENTRY)."""
        return await self.waiting.order(pending)

    async def outcome_of(self, pending: Pending | bytes) -> PendingSeen:
        """Wait until somebody has spoken, or the time for it is over; through all reconnections."""
        return await self.waiting.outcome(pending if isinstance(pending, bytes) else pending.id)

    async def withdraw(self, pending: bytes, reason: str = "") -> PendingSeen:
        """Take back an own order that waits; its budget is free again."""
        return await self.speak(await self.pending(pending), approved=False, reason=reason)

    async def speak(self, order: PendingSeen, *, approved: bool, reason: str) -> PendingSeen:
        """Say yes or no to an order as it was read, and read what it came to."""

        def body(key: Key) -> bytes:
            word = Approve(
                key=key, pending=order.id, body_digest=order.body_digest, approved=approved, reason=reason
            )
            check_approve(word)
            return approve_body(word)

        await self.post.send(TypeId.APPROVE, body, leaf=self.leaf)
        return await self.pending(order.id)
