"""Cores that do things twice, in another order, or at another time."""

from dataclasses import replace
from typing import Any, Final

from thingmarket.errors import Code, Refusal
from thingmarket.ids import Key, derived_id, key_time_ms
from thingmarket.market.answers import Answers
from thingmarket.market.records import TimerKind
from thingmarket.market.timers import Timers
from thingmarket.wire.trade import deposit_body, read_deposit
from thingmarket_node.core import core as core_module
from thingmarket_node.core import messages as m
from thingmarket_node.core.core import Core
from thingmarket_node.core.sequence_window import SequenceWindow
from thingmarket_node.core.sequencer import Sequencer
from thingmarket_node.sim import machine
from thingmarket_node.sim.mutants.patches import Mutant, Patches


def _duplicate_applied_twice(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def recall(self: Any, *about: Any) -> None:
            original(self, *about)  # still refuses

        return recall

    patches.put(Answers, "recall", broken)


def _answers_forgotten_at_restart(patches: Patches) -> None:
    def forgetful(original: Any) -> Any:
        def boot(*args: Any, **options: Any) -> Any:
            core, published = original(*args, **options)
            core.state.answers.forgotten_seq = core.durable_seq
            return core, published

        return boot

    def broken(original: Any) -> Any:
        def recall(self: Any, *about: Any) -> Any:
            answer = original(self, *about)
            forgotten = answer is not None and answer.seq <= getattr(self, "forgotten_seq", 0)
            return None if forgotten else answer

        return recall

    patches.put(machine, "boot", forgetful)
    patches.put(Answers, "recall", broken)


def _conflict_not_noticed(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def recall(self: Any, sender: Any, key: Any, body_digest: Any, time_ms: Any) -> Any:
            known = self.table.get((sender, key))
            return original(self, sender, key, known.body_digest if known else body_digest, time_ms)

        return recall

    patches.put(Answers, "recall", broken)


def _old_key_accepted(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def recall(self: Any, *about: Any) -> Any:
            try:
                return original(self, *about)
            except Refusal as refusal:
                if refusal.number != Code.KEY_TOO_OLD:
                    raise
                return None

        return recall

    patches.put(Answers, "recall", broken)


def _window_not_checked(patches: Patches) -> None:
    patches.put(SequenceWindow, "check", lambda _: lambda self, sequence: None)


def _sessions_survive_restarts(patches: Patches) -> None:
    kept: dict[str, Any] = {}

    def broken(original: Any) -> Any:
        def boot(keys: Any, now: Any, log: Any, *rest: Any, **options: Any) -> Any:
            core, published = original(keys, now, log, *rest, **options)
            if len(log) > 1 and "sessions" in kept:
                core.sessions = kept["sessions"]
            kept["sessions"] = core.sessions
            return core, published

        return boot

    patches.put(machine, "boot", broken)


def _time_runs_back(patches: Patches) -> None:
    patches.put(Sequencer, "time_ms", lambda _: lambda self, wall_ms: wall_ms)


def _money_comes_twice(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def deposit_for(request: Any) -> Any:
            key, body = original(request)
            header = request.header
            other = derived_id(key_time_ms(key), header.session, header.sequence.to_bytes(8, "big"))
            return Key(other), deposit_body(replace(read_deposit(body), key=other))

        return deposit_for

    patches.put(core_module, "deposit_for", broken)


def _timer_lost_at_boot(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def boot_effects(self: Any) -> Any:
            return [effect for effect in original(self) if not isinstance(effect, m.WakeAt)]

        return boot_effects

    patches.put(Core, "boot_effects", broken)


def _inspection_never_ends(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def keep(self: Any, deadline_ms: int, kind: TimerKind, reference: bytes) -> None:
            if kind is not TimerKind.INSPECTION:
                original(self, deadline_ms, kind, reference)

        return keep

    patches.put(Timers, "set", broken)


def _expiry_fires_twice(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def take_due(self: Any, time_ms: int) -> Any:
            timer = original(self, time_ms)
            if timer is not None and timer[1] is TimerKind.INSPECTION:
                self.set(time_ms + 1_000, timer[1], timer[2])
            return timer

        return take_due

    patches.put(Timers, "take_due", broken)


def _wake_storm(patches: Patches) -> None:
    def ask_for_wake(self: Any) -> None:
        deadline = self.sequencer.market.next_deadline_ms()
        if deadline is not None and deadline != self._wake_ms and not self._halted:
            self._wake_ms = deadline
            self._effects.append(m.WakeAt(deadline))

    patches.put(Core, "_ask_for_wake", lambda _: ask_for_wake)


ONCE: Final = (
    Mutant("duplicate-applied-twice", "the sequencer does not ask for the answer", _duplicate_applied_twice),
    Mutant("answers-forgotten", "answers from before a restart are forgotten", _answers_forgotten_at_restart),
    Mutant("conflict-not-noticed", "another body gets the answer of its key", _conflict_not_noticed),
    Mutant("old-key-accepted", "a key whose answer is forgotten counts as new", _old_key_accepted),
    Mutant("window-not-checked", "a sequence number counts more than once", _window_not_checked),
    Mutant("sessions-survive", "headers from before a restart are accepted", _sessions_survive_restarts),
    Mutant("time-runs-back", "entry time is the wall clock", _time_runs_back),
    Mutant("money-comes-twice", "a repeated wish for money is a new deposit", _money_comes_twice),
    Mutant("timer-lost-at-boot", "nobody asks to be woken after a restart", _timer_lost_at_boot),
    Mutant("inspection-never-ends", "silence after delivery has no deadline", _inspection_never_ends),
    Mutant("expiry-fires-twice", "the deadline of an inspection fires again", _expiry_fires_twice),
    Mutant("wake-storm", "a deadline that waits for the disk asks to be woken", _wake_storm),
)
