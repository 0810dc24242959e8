"""The node's process: boots from its disk, performs what the core says, crashes and comes back."""

from collections import deque
from collections.abc import Callable, Coroutine, Generator
from dataclasses import replace
from typing import Any, Final, cast

from thingmarket.errors import Code, Refusal
from thingmarket.wire.frames import read_request
from thingmarket.wire.refusals import refusal_status
from thingmarket_node.core import messages as m
from thingmarket_node.core.boot import boot
from thingmarket_node.core.calls import NodeKeys
from thingmarket_node.core.core import Core
from thingmarket_node.groups import Group
from thingmarket_node.servicers.market import MarketServicer
from thingmarket_node.servicers.sessions import SessionServicer
from thingmarket_node.shell import RefusedCall, Shell
from thingmarket_node.sim.auditor import Auditor
from thingmarket_node.sim.damage import damage as damaged
from thingmarket_node.sim.disk import Disk, SnapshotRecord
from thingmarket_node.sim.faults import Faults
from thingmarket_node.sim.signatures import Signatures
from thingmarket_node.sim.world import BEGIN_MS, Violation, World, require

ACCEPTED: Final = b"+"
REFUSED: Final = b"-"
"""First byte of an answer: the message of the method follows, or a status with its detail."""

Answer = Callable[[bytes], None]
_COLLECT_MAX_MS = 400
_DRAIN_MAX_MS = 1_500
_STALL_MIN_MS, _STALL_MAX_MS = 2_000, 30_000


class _Caller:
    """A servicer that waits for the core, without an event loop."""

    __slots__ = ("answer", "done", "refusal", "resume")

    def __init__(self) -> None:
        self.done = False
        self.answer: Any = None
        self.refusal: Refusal | None = None
        self.resume: Callable[[], None] | None = None

    def __await__(self) -> Generator["_Caller", None, Any]:
        if not self.done:
            yield self
        assert self.done, "a caller goes on when it has its answer"
        if self.refusal is not None:
            raise self.refusal
        return self.answer


class _Context:
    """What a servicer asks of a gRPC call."""

    def __init__(self, token: bytes) -> None:
        self._token = token

    def invocation_metadata(self) -> tuple[tuple[str, bytes], ...]:
        return (("tm-token-bin", self._token),) if self._token else ()


class Machine:
    """One node: the real core behind the real servicers, on a simulated disk and clock."""

    def __init__(
        self,
        world: World,
        *,
        keys: NodeKeys,
        disk: Disk,
        faults: Faults,
        auditor: Auditor,
        signatures: Signatures,
    ) -> None:
        """Be down; `start` boots."""
        self.core: Core | None = None
        self.faults = faults
        self.disk = disk
        self.crashes = 0
        self.marks = {"snapshot_boots": 0, "damage_found": 0, "torn_tails": 0, "halted_by_clock": 0}
        self.clock_ms = 0  # how far the wall clock is ahead of true time
        self.vault: set[bytes] = set()
        self._world, self._keys, self._auditor, self._signatures = world, keys, auditor, signatures
        self._life = 0
        self._call = 0
        self._alarm = 0
        self._told_ms = 0
        self._wake_ms: int | None = None
        self._callers: dict[m.CallId, _Caller] = {}
        self._queue: deque[Group | m.SaveSnapshot] = deque()
        self._top: SnapshotRecord | None = None  # what changes are saved on top of
        self._draining = False
        shell = cast(Shell, self)  # `call` is all that these two servicers use
        sessions, market = SessionServicer(shell), MarketServicer(shell)
        self._methods: dict[str, Callable[[Any, Any], Coroutine[Any, Any, Any]]]
        self._methods = {"Hello": sessions.Hello, "Prove": sessions.Prove, "Submit": market.Submit}

    @property
    def now(self) -> m.Now:
        """Both clocks of the node."""
        return m.Now(self._world.now_ms + self.clock_ms, self._world.now_ms - BEGIN_MS)

    # --- life

    def start(self) -> None:
        """Boot from the disk; a damaged old record must be found, and is mended."""
        if self.core is not None:
            return
        damage = damaged(self._world, self.disk, self.faults)
        try:
            self._boot()
        except (Refusal, AssertionError) as error:
            # A forged last record may lead the market to what cannot happen; anything else is told apart.
            known = isinstance(error, AssertionError) or error.number == Code.TAMPERED
            require(damage is not None and known, "boots", f"boot failed: {error}")
            assert damage is not None, "required above"
            self._world.note(f"found {damage.name}")
            self.marks["damage_found"] += 1
            damage.mend()
            damage = None
            self._boot()
        require(damage is None, "damage-is-found", f"booted with {damage and damage.name}")
        core = self._booted()
        self._world.note(f"up {core.durable_seq}")
        self._alarm = 0
        self._perform(core.boot_effects())

    def _boot(self) -> None:
        groups = list(self.disk.recover())
        snapshot = next((one for one in reversed(self.disk.snapshots) if one.is_whole), None)
        kept = None if snapshot is None else snapshot.snapshot
        self._top = snapshot
        self.marks["snapshot_boots"] += kept is not None
        self.core, published = boot(
            self._keys, self.now, groups, kept, snapshot_every=self.faults.snapshot_every
        )
        self._life += 1
        self._auditor.booted(self.core, self.disk.groups, published)

    def _booted(self) -> Core:
        assert self.core is not None, "the machine is up"
        return self.core

    def crash(self, why: str) -> None:
        """Lose everything but the disk, and come back after a while."""
        if self.core is None:
            return
        self._world.note(f"crash: {why}")
        self.crashes += 1
        self.disk.crash(self.faults.torn)
        self.marks["torn_tails"] += bool(self.disk.tail)
        self._stop()

    def _stop(self) -> None:
        self.core = None
        self._life += 1
        self._queue.clear()
        self._callers.clear()
        self._draining = False
        self._auditor.stopped()
        self._world.after(self._world.between(10, 4_000), "start", self.start)

    def drain(self) -> None:
        """Stop in order: take no more calls, answer those under way, write everything."""
        if self.core is None or self._draining:
            return
        self._draining = True
        self.take(m.Drain())
        life = self._life
        self._world.after(_DRAIN_MAX_MS, "kill", lambda: self._kill(life))

    def _kill(self, life: int) -> None:
        if life == self._life:
            self.crash("drained")

    def step_clock(self, by_ms: int) -> None:
        """Move the wall clock; the monotonic one does not notice."""
        self._world.note(f"clock {by_ms}")
        self.clock_ms += by_ms
        self._set_alarm()

    # --- callers

    def receive(self, method: str, data: bytes, token: bytes, answer: Answer) -> None:
        """Decode a request as the gate does, and let the servicer run until it waits."""
        if self.core is None:
            return
        try:
            request = read_request(method, data)
        except Refusal as refusal:
            answer(REFUSED + _status(refusal))
            return
        self._run(self._methods[method](request, _Context(token)), answer)

    def _run(self, servicer: Coroutine[Any, Any, Any], answer: Answer) -> None:
        try:
            caller: _Caller = servicer.send(None)
        except StopIteration as stop:
            answer(ACCEPTED + stop.value.SerializeToString())
        except Refusal as refusal:
            answer(REFUSED + _status(refusal))
        else:
            caller.resume = lambda: self._run(servicer, answer)

    async def call(self, make: Callable[[m.CallId], m.Input]) -> Any:
        """As `Shell.call`: hand an input to the core and wait for its answer."""
        self._call += 1
        what = make(self._call)
        # The servicers take their entropy from the system; here it comes from the seed.
        if isinstance(what, m.SayHello):
            what = replace(what, nonce=self._world.some_bytes(32))
        elif isinstance(what, m.ShowProof):
            what = replace(what, session=self._world.some_bytes(16), token=self._world.some_bytes(32))
        caller = self._callers[self._call] = _Caller()
        self.take(what)
        return await caller

    # --- the core

    def take(self, what: m.Input) -> None:
        """Give the core one input and perform what it says."""
        core = self._booted()
        try:
            effects = core.step(self.now, what)
        except AssertionError as error:
            raise Violation("asserts", f"{type(what).__name__}: {error}") from error
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise Violation("bugs", f"{type(what).__name__}: {error!r}") from error
        self._auditor.halted |= any(isinstance(effect, m.ClockJumped) for effect in effects)
        self._auditor.stepped(core, self.now)
        self._perform(effects)

    def _perform(self, effects: list[m.Effect]) -> None:
        for effect in effects:
            self._perform_one(effect)

    def _perform_one(self, effect: m.Effect) -> None:
        world = self._world
        match effect:
            case m.Reply() | m.Refuse():
                self._release(effect)
            case m.VerifyAll():
                good = all(
                    self._signatures.verify(c.public_key, c.message, c.signature) for c in effect.checks
                )
                self._later(world.between(0, 2), "verified", m.Verified(effect.call, good))
            case m.Append():
                self._auditor.appended(effect.group, self.vault)
                self._put(effect.group)
            case m.Seal():
                self.vault.update(self._auditor.commitments(effect.parts))
                self._later(world.between(0, self.faults.sync_max_ms), "sealed", m.Sealed(effect.call))
            case m.Collect():
                refusal = Refusal(Code.UNAVAILABLE, "the bank is closed") if world.chance(100) else None
                self._later(world.between(0, _COLLECT_MAX_MS), "collected", m.Collected(effect.call, refusal))
            case m.Tell():
                self._auditor.told(effect, self.disk.synced_seq)
            case m.WakeAt():
                # What is due is done in the step itself, or waits for the disk; only a boot may be late.
                futile = self._alarm > 0 and effect.time_ms <= self.now.wall_ms and not self._auditor.halted
                require(not futile, "futile-wake", "asked to be woken for what a step could not do")
                self._wake_ms = effect.time_ms
                self._set_alarm()
            case m.EraseSealed() | m.ForgetSealed():
                world.note("erased")
            case m.SaveSnapshot():
                self._put(effect)
            case m.ClockJumped():
                self.marks["halted_by_clock"] += 1
                life = self._life
                world.after(world.between(100, 5_000), "operator", lambda: self._kill(life))

    def _later(self, delay_ms: int, name: str, what: m.Input) -> None:
        life = self._life

        def arrive() -> None:
            if life == self._life:
                self.take(what)

        self._world.after(delay_ms, name, arrive)

    def _release(self, effect: m.Reply | m.Refuse) -> None:
        self._auditor.released(effect, self.disk.synced_seq)
        caller = self._callers.pop(effect.call)
        caller.done = True
        if isinstance(effect, m.Reply):
            caller.answer = effect.answer
        else:
            caller.refusal = RefusedCall(effect)
        if caller.resume is not None:
            caller.resume()

    def _set_alarm(self) -> None:
        if self.core is None or self._wake_ms is None:
            return
        self._alarm += 1
        alarm, life = self._alarm, self._life

        def ring() -> None:
            if alarm == self._alarm and life == self._life:
                self._wake_ms = None
                self.take(m.Wake())

        self._world.after(max(0, self._wake_ms - self.now.wall_ms), "wake", ring)

    # --- the journal's writer

    def _put(self, work: Group | m.SaveSnapshot) -> None:
        self._queue.append(work)
        if len(self._queue) == 1:
            self._write()

    def _write(self) -> None:
        """Write one record and sync it; a crash may come at any moment in between."""
        world, faults, work = self._world, self.faults, self._queue[0]
        if isinstance(work, Group):
            self.disk.write(work)
        else:  # its parts are asked for when it is written: by now the state may be ahead of it
            on = self._top if work.on_top else None
            self._top = SnapshotRecord.of(work.head, b"".join(work.parts), on)
            self.disk.write_snapshot(self._top)
        sync_ms, life = world.between(0, faults.sync_max_ms), self._life
        if world.chance(faults.stall):
            sync_ms = world.between(_STALL_MIN_MS, _STALL_MAX_MS)
        if self.crashes < faults.crashes_max and world.chance(faults.crash):
            world.after(world.between(0, sync_ms + 3), "aimed", lambda: self._crash_of(life, "while writing"))
        if self.crashes < faults.crashes_max and world.chance(faults.fail):
            world.after(sync_ms, "write failed", lambda: self._failed(life))
        else:
            world.after(sync_ms, "synced", lambda: self._synced(life))

    def _crash_of(self, life: int, why: str) -> None:
        if life == self._life:
            self.crash(why)

    def _failed(self, life: int) -> None:
        if life != self._life:
            return
        self._auditor.halted = True
        self.take(m.Failed())
        self._crash_of(life, "lost its log")

    def _synced(self, life: int) -> None:
        if life != self._life:
            return
        work = self._queue.popleft()
        self._auditor.synced(self.disk.sync())
        if isinstance(work, Group):
            # The writer tells of one group after the other, a little after it is on the disk.
            now_ms = self._world.now_ms
            self._told_ms = max(self._told_ms, now_ms + self._world.between(0, 1))
            self._later(self._told_ms - now_ms, f"durable {work.number}", m.Durable(work.number))
        else:
            self._later(0, "snapshot saved", m.SnapshotSaved())
        if self._queue:
            self._write()


def _status(refusal: Refusal) -> bytes:
    effect = refusal.effect if isinstance(refusal, RefusedCall) else None
    status = refusal_status(
        refusal,
        receipt=effect.receipt if effect else None,
        decision=effect.decision if effect else None,
        node_time=effect.node_time if effect else None,
    )
    return status.SerializeToString(deterministic=True)
