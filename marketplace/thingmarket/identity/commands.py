"""What parties say about identity and authority: who they are, what they may do, and that it ends."""

from dataclasses import dataclass

from thingmarket.errors import Code, Refusal
from thingmarket.identity import did
from thingmarket.identity.effective import EffectiveMandate
from thingmarket.identity.envelope import Signed
from thingmarket.identity.mandates import Mandate
from thingmarket.identity.parties import KeyEvent
from thingmarket.ids import DIGEST_BYTES, KEY_BYTES, Digest, Key, PartyId, checked_bytes
from thingmarket.limits import INTEGER_MAX, REASON_CHARS_MAX


@dataclass(frozen=True, slots=True)
class AdmitParty:
    """An owner makes himself known: his key event 0 as he signed it, and what it says. [ID-8]"""

    key: Key
    signed_event: Signed
    event: KeyEvent

    def __post_init__(self) -> None:
        """Refuse a key that is not 16 bytes (BAD_ID)."""
        checked_bytes(self.key, KEY_BYTES, "key")


@dataclass(frozen=True, slots=True)
class PresentMandate:
    """A thing shows its chain, root first: the links as they were signed, and what they say. [MAN-3]"""

    key: Key
    links: tuple[Signed, ...]
    mandates: tuple[Mandate, ...]

    def __post_init__(self) -> None:
        """Refuse a key that is not 16 bytes (BAD_ID)."""
        checked_bytes(self.key, KEY_BYTES, "key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoke:
    """An owner ends mandates: one link with all below it, all of one subject, or all of older epochs. [MAN-8]

    Exactly one of `mandate`, `subject` and `epoch` is given.
    """

    key: Key
    mandate: Digest | None = None
    subject: PartyId | None = None
    epoch: int | None = None
    reason: str

    def __post_init__(self) -> None:
        """Refuse a wrong shape (BAD_ID, BAD_FIELD, OUT_OF_RANGE, TOO_LARGE)."""
        checked_bytes(self.key, KEY_BYTES, "key")
        if sum(target is not None for target in (self.mandate, self.subject, self.epoch)) != 1:
            raise Refusal(Code.BAD_FIELD, "target: exactly one of mandate, subject and epoch is revoked")
        if self.mandate is not None:
            checked_bytes(self.mandate, DIGEST_BYTES, "mandate")
        if self.subject is not None:
            did.decode(self.subject)
        if self.epoch is not None and not 1 <= self.epoch <= INTEGER_MAX:
            raise Refusal(Code.OUT_OF_RANGE, f"epoch={self.epoch} is not between 1 and 2^53-1")
        if len(self.reason) > REASON_CHARS_MAX:
            raise Refusal(Code.TOO_LARGE, f"reason has more than {REASON_CHARS_MAX} characters")
        if not self.reason.isprintable():
            raise Refusal(Code.BAD_FIELD, "reason must be printable text")

    def ends(self, mandate: EffectiveMandate) -> bool:
        """Tell whether a chain of the revoking owner is dead by this; other owners' chains are not asked."""
        if self.mandate is not None:
            return self.mandate in mandate.links
        if self.subject is not None:
            return self.subject in mandate.subjects
        assert self.epoch is not None, "one target is given"
        return mandate.revocation_epoch < self.epoch
