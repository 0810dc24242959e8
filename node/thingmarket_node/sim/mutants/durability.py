"""Cores that forget: what was answered is not kept, or what was kept is not checked."""

from dataclasses import replace
from typing import Any, Final

from thingmarket.errors import Code, Refusal
from thingmarket.market.state import State
from thingmarket_node import groups
from thingmarket_node.core import messages as m
from thingmarket_node.core.core import Core
from thingmarket_node.core.receipts import Receipts
from thingmarket_node.core.sessions import Sessions
from thingmarket_node.core.telling import Telling
from thingmarket_node.groups import Group, Head
from thingmarket_node.sim.mutants.patches import Mutant, Patches


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
        def frozen(self: Any) -> Any:
            table = self.answers.table
            rows, table._rows = table._rows, {}
            try:
                return original(self)
            finally:
                table._rows = rows

        return frozen

    patches.put(State, "frozen", broken)


def _snapshot_of_later(patches: Patches) -> None:
    def frozen(self: Any) -> Any:
        yield self.snapshot()

    patches.put(State, "frozen", lambda _: frozen)


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


DURABILITY: Final = (
    Mutant("ack-before-durable", "answers leave when the group is formed", _ack_before_durable),
    Mutant(
        "decline-before-durable", "a used key is refused before its use is durable", _decline_before_durable
    ),
    Mutant("repeat-before-durable", "a repeated command is answered from memory", _repeat_before_durable),
    Mutant("torn-tail-accepted", "recovery keeps the whole entries of a torn record", _torn_tail_accepted),
    Mutant("chain-not-checked", "replay takes any group for the next one", _chain_not_checked),
    Mutant("snapshot-without-answers", "a snapshot leaves the answers out", _answers_missing_in_snapshot),
    Mutant("snapshot-of-later", "a snapshot is of the moment of its writing", _snapshot_of_later),
    Mutant("wrong-receipt", "a receipt proves the entry before", _receipt_of_another_entry),
    Mutant("notices-lost", "the first notice of a group is not told", _notices_lost),
    Mutant("sealed-too-late", "a purchase is logged before its parts are sealed", _sealed_too_late),
    Mutant("sealed-again", "a repeated purchase is judged before it is looked up", _sealed_again),
    Mutant("clock-for-entry-time", "callers are told the clock, not entry time", _clock_is_told),
)
