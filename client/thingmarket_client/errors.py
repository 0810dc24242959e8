"""What can go wrong for a device besides being refused."""

from thingmarket.audit.receipts import Receipt
from thingmarket.errors import Code, Refusal
from thingmarket.ids import Key
from thingmarket.policy.decision import Decision


class RefusedByNode(Refusal):
    """The node said no; `receipt` proves it when the refusal stands in the log, `decision` says why."""

    def __init__(
        self,
        number: int,
        reason: str,
        rule: str = "",
        *,
        receipt: Receipt | None = None,
        decision: Decision | None = None,
    ) -> None:
        """Keep the evidence beside the refusal."""
        super().__init__(number, reason, rule)
        self.receipt = receipt
        self.decision = decision

    @property
    def is_logged(self) -> bool:
        """True when this is the one answer to the command for ever; else it was never taken up."""
        return self.receipt is not None


class Forked(Refusal):
    """The node showed two logs that contradict each other; keep both checkpoints as evidence."""

    def __init__(self, reason: str, *, ours: bytes, theirs: bytes) -> None:
        """Keep both signed checkpoints: together they prove it to anybody."""
        super().__init__(Code.TAMPERED, reason, "LOG-10")
        self.ours = ours
        self.theirs = theirs


class Unanswered(Exception):
    """The node could not be reached in time. What was in the outbox stays there and can be flushed."""

    def __init__(self, reason: str, key: Key | None = None) -> None:
        """Name the command that waits, if it is one that waits."""
        super().__init__(reason)
        self.key = key


class NotYet(Exception):
    """What was waited for has not come in time. It may still come; the message says what to do next."""


class Closed(Exception):
    """A party was closed before or while it was asked; the message says how to go on."""


class FateUnknown(Exception):
    """A command was not answered within 24 h; look up its effect, it is not sent again. [ID-12]"""

    def __init__(self, key: Key) -> None:
        """Name the command."""
        super().__init__(f"nobody knows what became of command {key.hex()}; it is not sent again")
        self.key = key


class UnsafeFile(Exception):
    """A file with secrets that others can reach, or that is not what it should be."""
