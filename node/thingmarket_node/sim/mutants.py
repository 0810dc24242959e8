"""Cores that are broken on purpose: what the simulator is worth is how many of them it finds.

Each mutant changes one thing of the code under test, while one run lasts and in this process alone.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from thingmarket.contract.approvals import PendingId, PendingOrder, PendingState
from thingmarket.errors import Code, Refusal
from thingmarket.identity.effective import EffectiveMandate
from thingmarket.ids import Digest, Key, derived_id, digest, key_time_ms
from thingmarket.market import approvals, budgets, cosigning, purchases
from thingmarket.market.answers import Answers
from thingmarket.market.records import TimerKind
from thingmarket.market.state import State
from thingmarket.market.timers import Timers
from thingmarket.policy.spending import NOTHING_SPENT
from thingmarket.settlement.escrow import EscrowAccounts
from thingmarket.wire.trade import deposit_body, read_deposit
from thingmarket_node import groups
from thingmarket_node.core import core as core_module
from thingmarket_node.core import messages as m
from thingmarket_node.core.core import Core
from thingmarket_node.core.receipts import Receipts
from thingmarket_node.core.sequence_window import SequenceWindow
from thingmarket_node.core.sequencer import Sequencer
from thingmarket_node.core.sessions import Sessions
from thingmarket_node.core.telling import Telling
from thingmarket_node.groups import Group, Head
from thingmarket_node.sim import machine


class Patches:
    """Replaces attributes, and puts them back."""

    def __init__(self) -> None:
        """Start with everything in its place."""
        self._undo: list[tuple[Any, str, Any]] = []

    def put(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        """Replace `owner.name` with what `make` builds around the original."""
        original = vars(owner)[name]  # a KeyError tells that the code under test was rebuilt
        self._undo.append((owner, name, original))
        setattr(owner, name, make(original))

    def undo(self) -> None:
        """Put every original back."""
        while self._undo:
            owner, name, original = self._undo.pop()
            setattr(owner, name, original)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One broken core: its name, what is wrong with it, and how to break it."""

    name: str
    wrong: str
    apply: Callable[[Patches], None]


# --- durability


def _ack_before_durable(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def sequence(self: Any, now: m.Now) -> None:
            original(self, now)
            telling = self._telling
            for number, formed in telling._in_flight.items():
                self.receipts.sign(formed.group.last_seq)
                for decided in formed.decided:
                    telling._release(decided)
                telling._in_flight[number] = replace(formed, decided=())

        return sequence

    patches.put(Core, "_sequence", broken)


def _decline_before_durable(patches: Patches) -> None:
    def decline(self: Any, one: Any) -> None:
        seq = self._sequencer.market.state.seq
        self._effects.append(m.Refuse(one.call, one.refusal, after_seq=seq))

    patches.put(Telling, "_decline", lambda _: decline)


def _repeat_before_durable(patches: Patches) -> None:
    def tell_again(self: Any, one: Any) -> None:
        self._receipts.sign(max(self._receipts.size, one.answer.seq))
        self._answer(one.call, one.answer)

    patches.put(Telling, "_tell_again", lambda _: tell_again)


def _torn_tail_accepted(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def decode(data: bytes) -> Group:
            try:
                group: Group = original(data)
            except Refusal:
                group = _salvaged(data)
            return group

        return decode

    patches.put(groups, "decode", broken)


def _salvaged(data: bytes) -> Group:
    """Every whole entry of a record that is cut off."""
    header = groups._HEADER
    if len(data) < header.size:
        raise Refusal(Code.TAMPERED, "nothing to salvage")
    _, total, number, first_seq, count, previous, outcome_hash, state_root = header.unpack_from(data)
    if total == len(data):
        raise Refusal(Code.TAMPERED, "whole, and damaged")
    position, entries = header.size + 4 * count, []
    for place in range(count):
        at = header.size + 4 * place
        size = int.from_bytes(data[at : at + 4], "little")
        if position + size > len(data):
            break
        entries.append(data[position : position + size])
        position += size
    if not entries:
        raise Refusal(Code.TAMPERED, "nothing to salvage")
    return Group(
        number=number,
        first_seq=first_seq,
        entries=tuple(entries),
        outcome_hash=outcome_hash,
        state_root=state_root,
        previous=previous,
    )


def _chain_not_checked(patches: Patches) -> None:
    patches.put(Head, "objection_to", lambda _: lambda self, group: "")


def _answers_missing_in_snapshot(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def snapshot(self: Any) -> Any:
            table = self.answers.table
            rows, table._rows = table._rows, {}
            try:
                return original(self)
            finally:
                table._rows = rows

        return snapshot

    patches.put(State, "snapshot", broken)


# --- once, and in order


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


# --- timers


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


# --- money and permission


def _hold_never_released(patches: Patches) -> None:
    patches.put(EscrowAccounts, "release", lambda _: lambda self, *args, **more: b"")


def _refund_to_the_seller(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        return lambda self, *args, **more: original(
            replace(self, buyer_wallet=self.seller_wallet), *args, **more
        )

    patches.put(EscrowAccounts, "refund", broken)


def _budget_not_counted(patches: Patches) -> None:
    patches.put(budgets, "spend", lambda _: lambda *args: None)


def _refusal_counts(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def purchase(state: Any, command: Any, body: Any, authority: Any, seq: int) -> Any:
            try:
                return original(state, command, body, authority, seq)
            except Refusal:
                state.spending.put((Digest(digest(b"nobody")), "EUR"), replace(NOTHING_SPENT, orders=seq))
                state.undo.forget()
                raise

        return purchase

    patches.put(purchases, "purchase", broken)


def _revocation_ignored(patches: Patches) -> None:
    def mandate(self: Any, leaf: bytes) -> EffectiveMandate:
        record = self.mandates.get(Digest(leaf))
        if record is None:
            raise Refusal(Code.UNKNOWN_MANDATE, "this mandate was not presented to this node")
        found: EffectiveMandate = record.effective
        return found

    patches.put(State, "mandate", lambda _: mandate)


# --- orders that wait


def _one_yes_is_enough(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def ask(state: Any, command: Any, order: Any, authority: Any, **more: Any) -> Any:
            result = original(state, command, order, authority, **more)
            name = PendingId(result.reference)
            state.pendings.put(name, replace(state.pendings[name], quorum=1))
            return result

        return ask

    patches.put(approvals, "ask", broken)


def _reservation_kept(patches: Patches) -> None:
    patches.put(budgets, "release", lambda _: lambda *args: None)


def _waits_for_ever(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def keep(self: Any, deadline_ms: int, kind: TimerKind, reference: bytes) -> None:
            if kind is not TimerKind.APPROVAL:
                original(self, deadline_ms, kind, reference)

        return keep

    patches.put(Timers, "set", broken)


def _quiet_hours_count(patches: Patches) -> None:
    patches.put(approvals, "quiet_spans", lambda _: lambda windows: ())


def _worse_price_passes(patches: Patches) -> None:
    def serves(self: Any, **_: Any) -> bool:
        return self.state is PendingState.APPROVED and not self.contract

    patches.put(PendingOrder, "serves", lambda _: serves)


def _approval_serves_again(patches: Patches) -> None:
    patches.put(approvals, "use", lambda _: lambda *args: None)


def _buyer_approves(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def answer(state: Any, command: Any, body: Any, seq: int, now_ms: Any) -> Any:
            name = PendingId(body.pending)
            order = state.pendings.get(name)
            if order is not None and command.header.sender == order.buyer and body.approved:
                state.pendings.put(name, replace(order, cosigners=(*order.cosigners, order.buyer)))
            return original(state, command, body, seq, now_ms)

        return answer

    patches.put(cosigning, "answer", broken)


# --- what is told


def _receipt_of_another_entry(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        return lambda self, seq, time_ms: original(self, max(1, seq - 1), time_ms)

    patches.put(Receipts, "of", broken)


def _notices_lost(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def became_durable(self: Any, number: int) -> None:
            original(self, number)
            self._effects[:] = [
                replace(effect, notices=effect.notices[1:]) if isinstance(effect, m.Tell) else effect
                for effect in self._effects
            ]

        return became_durable

    patches.put(Telling, "became_durable", broken)


def _sealed_too_late(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def verified(self: Any, now: m.Now, what: m.Verified) -> None:
            call = self._calls[what.call]
            if getattr(call, "sealed", ()):
                self._calls[what.call] = replace(call, sealed=())
            original(self, now, what)

        return verified

    patches.put(Core, "_verified", broken)


def _sealed_again(patches: Patches) -> None:
    def seal(self: Any, now: m.Now, number: int, call: Any) -> None:
        header = call.command.header
        owner = self.owner_of(header.sender, header.mandate_leaf)
        self._calls[number] = call
        self._effects.append(m.Seal(number, owner, call.sealed))

    patches.put(Core, "_seal", lambda _: seal)


def _clock_is_told(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def hello(self: Any, said: Any, **options: Any) -> Any:
            return original(self, said, **{**options, "time_ms": options["now_ms"]})

        return hello

    patches.put(Sessions, "hello", broken)


MUTANTS: Final = (
    Mutant("ack-before-durable", "answers leave when the group is formed", _ack_before_durable),
    Mutant(
        "decline-before-durable", "a used key is refused before its use is durable", _decline_before_durable
    ),
    Mutant("repeat-before-durable", "a repeated command is answered from memory", _repeat_before_durable),
    Mutant("torn-tail-accepted", "recovery keeps the whole entries of a torn record", _torn_tail_accepted),
    Mutant("chain-not-checked", "replay takes any group for the next one", _chain_not_checked),
    Mutant("snapshot-without-answers", "a snapshot leaves the answers out", _answers_missing_in_snapshot),
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
    Mutant("hold-never-released", "a completed contract pays nobody", _hold_never_released),
    Mutant("refund-to-the-seller", "a failed delivery pays the seller", _refund_to_the_seller),
    Mutant("budget-not-counted", "spending is not counted", _budget_not_counted),
    Mutant("refusal-counts", "a refused purchase leaves a trace", _refusal_counts),
    Mutant("revocation-ignored", "a mandate permits after its end", _revocation_ignored),
    Mutant("one-yes-is-enough", "an order that needs two words needs one", _one_yes_is_enough),
    Mutant("reservation-kept", "an order that came to nothing keeps its budget", _reservation_kept),
    Mutant("waits-for-ever", "an order that waits has no deadline", _waits_for_ever),
    Mutant("quiet-hours-count", "quiet hours count toward the deadline", _quiet_hours_count),
    Mutant("worse-price-passes", "an approval serves a purchase that is worse", _worse_price_passes),
    Mutant("approval-serves-again", "an approval serves more than one purchase", _approval_serves_again),
    Mutant("buyer-approves", "a buyer approves his own order", _buyer_approves),
    Mutant("wrong-receipt", "a receipt proves the entry before", _receipt_of_another_entry),
    Mutant("notices-lost", "the first notice of a group is not told", _notices_lost),
    Mutant("sealed-too-late", "a purchase is logged before its parts are sealed", _sealed_too_late),
    Mutant("sealed-again", "a repeated purchase is judged before it is looked up", _sealed_again),
    Mutant("clock-for-entry-time", "callers are told the clock, not entry time", _clock_is_told),
)
"""All of them; each must be killed within `hunting.SEEDS_MAX` seeds."""
