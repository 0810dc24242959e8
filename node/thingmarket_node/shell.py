"""Performs the core's effects: the only place where the state machine meets sockets, disks and clocks."""

import asyncio
import heapq
import itertools
import logging
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from thingmarket.contract.orders import RetentionClass
from thingmarket.errors import Code, Refusal
from thingmarket.ids import PartyId
from thingmarket.market.indexes import Reader
from thingmarket.market.queries import reader_of
from thingmarket.market.state import State
from thingmarket_node.core import messages as m
from thingmarket_node.core.core import Core
from thingmarket_node.core.sessions import Session
from thingmarket_node.insight import Insight
from thingmarket_node.journal import Journal
from thingmarket_node.logs import log_trades
from thingmarket_node.market_data import MarketData, traded_before
from thingmarket_node.metrics import Metrics
from thingmarket_node.projection import Projection
from thingmarket_node.rails import Rail
from thingmarket_node.vault import Part, Vault
from thingmarket_node.verifier import Verifier
from thingmarket_node.watches import Watches

T = TypeVar("T")
log = logging.getLogger("thingmarket.node")

Answered = m.Reply | m.Refuse
Hear = Callable[[Answered], None]


class RefusedCall(Refusal):
    """A refusal on its way to a caller, with the proof that it was logged."""

    def __init__(self, effect: m.Refuse) -> None:
        """Keep the whole effect beside the refusal."""
        super().__init__(effect.refusal.number, effect.refusal.reason, effect.refusal.rule)
        self.effect = effect


def now() -> m.Now:
    """Both clocks of this machine; the second one counts through suspension too."""
    return m.Now(time.time_ns() // 1_000_000, time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000)


class Shell:
    """Feeds the core and does what it says, in the event loop; the one owner of both."""

    def __init__(
        self,
        core: Core,
        *,
        journal: Journal,
        vault: Vault,
        rail: Rail,
        projection: Projection,
        insight: Insight,
        metrics: Metrics | None = None,
    ) -> None:
        """Start the journal's writer; must be made inside the event loop."""
        self.core = core
        self.insight = insight
        self.metrics = metrics or Metrics()
        self.watches = Watches()
        self.market_data = MarketData(core.watched_markets, traded_before(core.state))
        self.fatal: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._journal, self._vault, self._rail, self._projection = journal, vault, rail, projection
        self._loop = asyncio.get_running_loop()
        self._numbers = itertools.count(1)
        self._callers: dict[m.CallId, Hear] = {}
        self._readers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._verifier = Verifier(self._verified)
        self._vault_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="vault")
        self._alarm: asyncio.TimerHandle | None = None
        self._saving = False  # the core does not know yet that its snapshot is saved
        self._draining = False
        self._broken = False
        self._idle: asyncio.Future[None] = self._loop.create_future()
        journal.start(self._durable, self._journal_failed)
        self._perform(core.boot_effects())

    # --- callers

    async def call(self, make: Callable[[m.CallId], m.Input]) -> Any:
        """Hand an input of a caller to the core and wait for its durable answer (RefusedCall)."""
        answer: asyncio.Future[Any] = self._loop.create_future()

        def hear(answered: Answered) -> None:
            if answer.done():
                return  # he went away
            if isinstance(answered, m.Reply):
                answer.set_result(answered.answer)
            else:
                answer.set_exception(RefusedCall(answered))

        number = self.expect(hear)
        try:
            self.take(make(number))
            return await answer
        finally:
            self.forget(number)

    def expect(self, hear: Hear) -> m.CallId:
        """Number a call whose durable answer `hear` is told, unless it is forgotten before (UNAVAILABLE)."""
        self._check_whole()
        number = next(self._numbers)
        self._callers[number] = hear
        return number

    def forget(self, call: m.CallId) -> None:
        """Nobody waits for this answer any more; what was asked for stands."""
        self._callers.pop(call, None)

    def session_of(self, token: bytes) -> Session:
        """The live session of a token (NO_SESSION, SESSION_ENDED)."""
        return self.core.sessions.by_token(token, now().wall_ms)

    async def read(self, token: bytes, ask: Callable[[State, Reader], T]) -> T:
        """Answer a query from the state, or refuse it, once everything that it saw is durable."""
        session = self.session_of(token)
        state = self.core.state
        seen = state.seq
        try:
            return ask(state, reader_of(state, session.party))
        finally:
            await self.durable(seen)  # a refusal too tells what was seen, a revocation for one

    async def look(self, token: bytes, ask: Callable[[State, PartyId], T]) -> T:
        """The same for what even a party may ask that the market does not know yet."""
        session = self.session_of(token)
        state = self.core.state
        seen = state.seq
        try:
            return ask(state, session.party)
        finally:
            await self.durable(seen)

    async def durable(self, seq: int) -> None:
        """Wait until a log position is durable (UNAVAILABLE when the log is lost)."""
        self._check_whole()
        if seq <= self.core.durable_seq:
            return
        waiting: asyncio.Future[None] = self._loop.create_future()
        heapq.heappush(self._readers, (seq, next(self._numbers), waiting))
        await waiting

    async def outcome(self, seq: int) -> bytes | None:
        """The outcome of a durable entry, from the projection."""
        return await self._projection.outcome(seq)

    def gauges(self) -> dict[str, int]:
        """Numbers of the moment, by the names of metrics.GAUGES."""
        core, state = self.core, self.core.state
        return {
            "log_entries": core.durable_seq,
            "waiting_commands": core.waiting,
            "sessions": len(core.sessions),
            "parties": len(state.parties),
            "offers_live": state.indexes.offers_live,
            "contracts_open": state.indexes.contracts_open,
            "contracts": len(state.contracts),
            "markets": len(state.markets),
            "market_watches": self.market_data.watches,
            "projection_lag_entries": core.durable_seq - self._projection.written(),
        }

    async def projected(self, seq: int) -> None:
        """Wait until the projection has a durable log position (UNAVAILABLE)."""
        await self._projection.reach(seq)

    async def unsealed(self, commitment: bytes) -> bytes:
        """Open a sealed part (ERASED, UNKNOWN_ENTRY)."""
        return await self._loop.run_in_executor(self._vault_thread, self._vault.unseal, commitment)

    async def entries(self, from_seq: int, limit: int) -> list[bytes]:
        """Durable entries, exact bytes."""
        return await self._loop.run_in_executor(None, self._journal.entries, from_seq, limit)

    # --- the core

    def take(self, what: m.Input) -> None:
        """Give the core one input and perform what it says."""
        if self._broken:
            return
        try:
            self._perform(self.core.step(now(), what))
        except Exception:
            # Outermost: an assert says that the state is not what it must be, so nothing may follow from it.
            log.critical("the node found its own state broken and stops", exc_info=True)
            self._stop_for_good("broken state; see the log above")
        if self._draining:
            self._check_idle()

    def _perform(self, effects: list[m.Effect]) -> None:
        for effect in effects:
            self._perform_one(effect)

    def _perform_one(self, effect: m.Effect) -> None:
        match effect:
            case m.Reply() | m.Refuse():
                self._release(effect)
            case m.VerifyAll():
                self._verifier.put(effect)
            case m.Append():
                self.metrics.appended(effect.group.number, len(effect.group.entries))
                self._journal.append(effect.group)
            case m.Seal():
                self._seal(effect)
            case m.Collect():
                self._collect(effect)
            case m.Tell():
                self._tell(effect)
            case m.WakeAt():
                self._wake_at(effect.time_ms)
            case m.EraseSealed():
                future = self._loop.run_in_executor(self._vault_thread, self._erase, effect)
                future.add_done_callback(self._check_vault)
            case m.ForgetSealed():
                future = self._loop.run_in_executor(self._vault_thread, self._forget, effect)
                future.add_done_callback(self._check_vault)
            case m.SaveSnapshot():
                self._saving = True
                self._journal.save_snapshot(effect.head, effect.parts, on_top=effect.on_top)
            case m.ClockJumped():
                log.critical("clock jumped by %d ms; no command is taken until a restart", effect.jump_ms)

    def _release(self, effect: m.Reply | m.Refuse) -> None:
        assert effect.after_seq <= self.core.durable_seq, "[LOG-5] answers stand on durable entries only"
        hear = self._callers.pop(effect.call, None)
        if hear is not None:  # else he went away; what he asked for stands
            hear(effect)

    def _verified(self, verdicts: list[tuple[m.CallId, bool]]) -> None:
        self.take(m.Together(tuple(m.Verified(call, good) for call, good in verdicts)))

    def _seal(self, effect: m.Seal) -> None:
        parts = [Part(salt=p.salt, data=p.data, retention=RetentionClass(p.retention)) for p in effect.parts]
        time_ms = now().wall_ms
        future = self._loop.run_in_executor(
            self._vault_thread, lambda: self._vault.seal_all(effect.owner, parts, now_ms=time_ms)
        )
        future.add_done_callback(lambda done: self._sealed(effect.call, done))

    def _sealed(self, call: m.CallId, done: "asyncio.Future[Any]") -> None:
        error = done.exception()
        refusal = error if isinstance(error, Refusal) else None
        if error is not None and refusal is None:
            log.error("the vault failed: %s", error)
            refusal = Refusal(Code.UNAVAILABLE, "the vault failed; try again later", "PRI-2")
        self.take(m.Sealed(call, refusal))

    def _collect(self, effect: m.Collect) -> None:
        try:
            self._rail.collect(
                effect.owner,
                request=effect.request,
                currency=effect.currency,
                amount_minor=effect.amount_minor,
            )
        except Refusal as refusal:
            collected = m.Collected(effect.call, refusal)
        else:
            collected = m.Collected(effect.call)
        # Later: effects of the step in hand, a group perhaps, come before those of the next one.
        self._loop.call_soon(self.take, collected)

    async def expire_sealed(self) -> None:
        """Destroy what erased owners sealed, where the time to keep it has ended. [PRI-3]"""
        time_ms = now().wall_ms
        future = self._loop.run_in_executor(self._vault_thread, self._vault.expire, time_ms)
        future.add_done_callback(self._check_vault)
        await asyncio.wait((future,))

    def _forget(self, effect: m.ForgetSealed) -> None:
        self._vault.forget(effect.commitments, since_ms=effect.since_ms)

    def _erase(self, effect: m.EraseSealed) -> None:
        if effect.repeated:
            self._vault.repeat_erase(effect.owner, now_ms=effect.time_ms)
        else:
            self._vault.erase(effect.owner, now_ms=effect.time_ms)

    def _check_vault(self, done: "asyncio.Future[Any]") -> None:
        if done.exception() is not None:
            log.critical("erasure failed and is tried again at the next start: %s", done.exception())

    def _tell(self, effect: m.Tell) -> None:
        for outcome in effect.outcomes:
            self._projection.put(outcome)
        self.metrics.told(effect.outcomes)
        log_trades(effect.outcomes)
        trades = self.market_data.tell(effect.outcomes, effect.books)
        self.watches.tell(effect.seq, effect.outcomes, trades)
        while self._readers and self._readers[0][0] <= effect.seq:
            _, _, waiting = heapq.heappop(self._readers)
            if not waiting.done():
                waiting.set_result(None)

    def _wake_at(self, time_ms: int) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        wait_s = max(0, time_ms - now().wall_ms) / 1000
        # Not longer than an hour: the loop's clock and the wall clock drift apart.
        self._alarm = self._loop.call_later(min(wait_s, 3600.0), lambda: self.take(m.Wake()))

    def _durable(self, number: int) -> None:
        self.metrics.durable(number)
        if self._saving and not self._journal.saving:
            self._saving = False
            self.take(m.SnapshotSaved())
        self.take(m.Durable(number))

    def _journal_failed(self, error: Exception) -> None:
        log.critical("the journal failed, nothing more is acknowledged: %s", error)
        self.take(m.Failed())
        self._stop_for_good(str(error))

    def _stop_for_good(self, why: str) -> None:
        """Tell everybody who waits that nobody knows, and let the process end. [LOG-12]"""
        self._broken = True
        refusal = _lost()
        callers, self._callers = self._callers, {}
        for call, hear in callers.items():
            hear(m.Refuse(call, refusal))
        for _, _, waiting in self._readers:
            if not waiting.done():
                waiting.set_exception(refusal)
        self._readers.clear()
        if not self.fatal.done():
            self.fatal.set_result(why)

    def _check_whole(self) -> None:
        if self._broken:
            raise _lost()

    async def drain(self, most_s: float) -> None:
        """Take no more calls and wait until those under way are answered, or for `most_s`."""
        self._draining = True
        self.take(m.Drain())
        self.watches.close()
        self.market_data.close()
        self._check_idle()
        await asyncio.wait((self._idle, self.fatal), timeout=most_s, return_when=asyncio.FIRST_COMPLETED)

    def close(self) -> None:
        """Stop the threads; whoever opened the files closes them. Blocking."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._vault_thread.shutdown(wait=True)

    def _check_idle(self) -> None:
        if self.core.is_idle and not self._idle.done():
            self._idle.set_result(None)


def _lost() -> Refusal:
    return Refusal(Code.UNAVAILABLE, "the node lost its log; ask again when it is back", "LOG-12")


def fresh(count: int) -> bytes:
    """Random bytes from the system."""
    return secrets.token_bytes(count)
