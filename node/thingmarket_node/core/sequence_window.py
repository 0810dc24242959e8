"""Which sequence numbers of one session were accepted: each at most once, in any near order."""

from typing import Final

from thingmarket.errors import Code, Refusal
from thingmarket.limits import INTEGER_MAX, SEQUENCE_WINDOW

_MASK: Final = (1 << SEQUENCE_WINDOW) - 1


class SequenceWindow:
    """A sliding window of `SEQUENCE_WINDOW` numbers below the highest that was confirmed.

    A number is reserved while its signature is looked at, so that two copies never get through together.
    It is confirmed when the signature was good, so that nobody else can use up the sender's numbers.
    """

    __slots__ = ("_highest", "_reserved", "_seen")

    def __init__(self) -> None:
        self._highest = 0
        self._seen = 0  # bit i stands for the number `_highest - i`
        self._reserved: set[int] = set()

    def check(self, sequence: int) -> None:
        """Refuse what cannot be reserved (OUT_OF_RANGE, REPLAYED, BUSY)."""
        if not 1 <= sequence <= INTEGER_MAX:
            raise Refusal(Code.OUT_OF_RANGE, f"sequence {sequence} is not 1 to 2^53-1")
        below = self._highest - sequence
        if below >= SEQUENCE_WINDOW:
            raise Refusal(Code.REPLAYED, f"sequence {sequence} is below the window")
        if sequence in self._reserved or (below >= 0 and self._seen >> below & 1):
            raise Refusal(Code.REPLAYED, f"sequence {sequence} was used already")
        if len(self._reserved) >= SEQUENCE_WINDOW:
            raise Refusal(Code.BUSY, f"{SEQUENCE_WINDOW} commands of this session are being looked at")

    def reserve(self, sequence: int) -> None:
        """Keep a number for one copy of a command (OUT_OF_RANGE, REPLAYED, BUSY)."""
        self.check(sequence)
        self._reserved.add(sequence)

    def release(self, sequence: int) -> None:
        """Give a reserved number back: the copy was refused before it counted."""
        assert sequence in self._reserved, "only a reserved sequence is released"
        self._reserved.remove(sequence)

    def confirm(self, sequence: int) -> None:
        """Use a reserved number up; it stays good if the window has passed it in the meantime."""
        self.release(sequence)
        above = sequence - self._highest
        if above >= SEQUENCE_WINDOW:  # never shift by a number that a stranger chose
            self._highest, self._seen = sequence, 1
        elif above > 0:
            self._highest, self._seen = sequence, (self._seen << above | 1) & _MASK
        elif above > -SEQUENCE_WINDOW:
            self._seen |= 1 << -above
