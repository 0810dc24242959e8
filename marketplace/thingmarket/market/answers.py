"""Answers remembered under (sender, key): why nothing ever happens twice. [ID-11]"""

import heapq

from thingmarket.errors import Code, Refusal
from thingmarket.ids import Digest, Key, PartyId, key_time_ms
from thingmarket.limits import (
    ANSWERS_OF_OPERATOR_MAX,
    ANSWERS_PER_SENDER_MAX,
    CLOCK_SKEW_MS,
    FORGET_STEP_MS,
    KEY_AGE_MS,
)
from thingmarket.market.records import Answer
from thingmarket.tables import Table
from thingmarket.time import UnixMs

Name = tuple[PartyId, Key]


class Answers:
    """Remembers each answer for 24 h of entry time, at most 4,096 of one sender."""

    def __init__(self, table: Table[Name, Answer]) -> None:
        """Stand on `table`, which the state root and snapshots cover."""
        self.operator = PartyId("")
        self.table = table
        self._of_sender: dict[PartyId, int] = {}
        self._due: dict[int, list[Name]] = {}
        self._steps: list[int] = []
        table.watch(self._changed, reads=("forget_ms",))

    def _changed(self, name: Name, old: Answer | None, new: Answer | None) -> None:
        count = self._of_sender.get(name[0], 0) + (new is not None) - (old is not None)
        if count:
            self._of_sender[name[0]] = count
        else:
            self._of_sender.pop(name[0], None)
        if new is not None:
            if new.forget_ms not in self._due:
                heapq.heappush(self._steps, new.forget_ms)
            self._due.setdefault(new.forget_ms, []).append(name)

    def recall(self, sender: PartyId, key: Key, body_digest: Digest, time_ms: UnixMs) -> Answer | None:
        """The remembered answer, or None for a key that may be used now.

        Refuses KEY_CONFLICT (same key, other body), KEY_TOO_OLD, KEY_AHEAD, BUSY (too many remembered).
        """
        answer = self.table.get((sender, key))
        if answer is not None:
            if answer.body_digest != body_digest:
                raise Refusal(
                    Code.KEY_CONFLICT, "this key was used for another body; make a new key", "ID-11"
                )
            return answer
        made_ms = key_time_ms(key)
        if made_ms < time_ms - KEY_AGE_MS:
            raise Refusal(Code.KEY_TOO_OLD, "the key is older than 24 h; look up what became of it", "ID-12")
        if made_ms > time_ms + CLOCK_SKEW_MS:
            raise Refusal(Code.KEY_AHEAD, "the key is more than 30 s ahead of the node's time", "ID-12")
        most = ANSWERS_OF_OPERATOR_MAX if sender == self.operator else ANSWERS_PER_SENDER_MAX
        if self._of_sender.get(sender, 0) >= most:
            raise Refusal(Code.BUSY, f"{most} answers are remembered for this sender", "ID-13")
        return None

    def remember(self, sender: PartyId, key: Key, answer: Answer) -> None:
        """Store what the sender is told; asked again, he is told the same."""
        self.table.put((sender, key), answer)

    def next_deadline_ms(self) -> int | None:
        """When answers are to be forgotten next."""
        return self._steps[0] if self._steps else None

    def forget_due(self, time_ms: int) -> None:
        """Drop the answers whose time has come."""
        while self._steps and self._steps[0] <= time_ms:
            for name in self._due.pop(heapq.heappop(self._steps)):
                if name in self.table:
                    self.table.drop(name)


def forget_time_ms(time_ms: UnixMs) -> int:
    """When no key that was good at `time_ms` is good any more, rounded up to a whole minute."""
    return -(-(time_ms + KEY_AGE_MS + CLOCK_SKEW_MS) // FORGET_STEP_MS) * FORGET_STEP_MS
