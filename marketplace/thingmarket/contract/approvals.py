"""An order that waits for its owner's word: its table, its row, and the word itself. [COS-4]"""

from dataclasses import dataclass
from enum import Enum
from typing import Final, NewType

from thingmarket.catalog.labels import check_label
from thingmarket.contract.orders import Purchase
from thingmarket.errors import Code, Refusal
from thingmarket.identity.parties import checked_party_id, is_thing
from thingmarket.ids import DIGEST_BYTES, KEY_BYTES, Digest, PartyId, checked_bytes
from thingmarket.limits import REASON_CHARS_MAX
from thingmarket.policy.decision import Fact
from thingmarket.policy.spending import Reservation
from thingmarket.transitions import Protocol, Role, Silence, Step

PendingId = NewType("PendingId", bytes)
"""16 bytes, derived from the log position of the purchase that has to wait."""

PENDING_ID_BYTES: Final = 16


class PendingState(Enum):
    """What has become of an order that needed an approval."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    TIMED_OUT = "TIMED_OUT"
    WITHDRAWN = "WITHDRAWN"


_S = PendingState

APPROVAL: Final = Protocol(
    "COS",
    start=_S.PENDING,
    steps=(
        Step(_S.PENDING, "Approve", Role.COSIGNER, _S.PENDING),
        Step(_S.PENDING, "QuorumReached", Role.NODE, _S.APPROVED),
        Step(_S.PENDING, "Reject", Role.COSIGNER, _S.REJECTED),
        Step(_S.PENDING, "Withdraw", Role.BUYER, _S.WITHDRAWN),
        Step(_S.PENDING, "MandateRevoked", Role.NODE, _S.WITHDRAWN),
    ),
    silences=(Silence(_S.PENDING, "deadline_ms", _S.TIMED_OUT),),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Approve:
    """A yes or no to one waiting order; the buyer's own no withdraws it.

    `body_digest` is of the purchase that was looked at, so that nobody approves what he was not shown.
    """

    key: bytes
    pending: bytes
    body_digest: bytes
    approved: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreeToCosign:
    """A party agrees to be asked about the orders of an owner who names it a cosigner; or does so no more."""

    key: bytes
    owner: str
    agreed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What one party said about a waiting order, at which log position."""

    party: PartyId
    approved: bool
    seq: int
    time_ms: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Why an approved order could not become a contract: the refusal of the approving entry."""

    code: int
    reason: str
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingOrder:
    """An order that waits or waited. It reserves budget, neither goods nor money. Times in Unix milliseconds.

    `thing` is the one at the root of the buyer's authority: mostly the buyer itself. `rule` and `facts` say
    why it was asked; `cosigners` are those whose words count, `asked` those in whose inbox it lies. An
    approved one whose purchase could not be made serves a later one until `usable_until_ms`.
    """

    id: PendingId
    state: PendingState
    purchase: Purchase
    body_digest: Digest
    signed_bytes: bytes
    buyer: PartyId
    thing: PartyId
    owner: PartyId
    mandate_leaf: Digest
    seller_owner: PartyId
    product_id: str
    reservation: Reservation
    rule: str
    facts: tuple[Fact, ...]
    cosigners: tuple[PartyId, ...]
    asked: tuple[PartyId, ...]
    quorum: int
    asked_ms: int
    usual_ms: int
    deadline_ms: int
    seq: int
    changed_seq: int
    words: tuple[Word, ...] = ()
    ended_ms: int = 0
    usable_until_ms: int = 0
    contract: bytes = b""
    missing: Missing | None = None

    @property
    def waits(self) -> bool:
        """Whether somebody's word is still waited for."""
        return self.state is PendingState.PENDING

    @property
    def approved_by(self) -> tuple[PartyId, ...]:
        """Who said yes, in the order in which they did."""
        return tuple(word.party for word in self.words if word.approved)

    def serves(self, *, seller_owner: PartyId, product_id: str, purchase: Purchase, now_ms: int) -> bool:
        """Whether this approval covers a purchase: the same thing, not more, and not dearer. [COS-10]"""
        return (
            self.state is PendingState.APPROVED
            and not self.contract
            and now_ms < self.usable_until_ms
            and seller_owner == self.seller_owner
            and product_id == self.product_id
            and purchase.currency == self.purchase.currency
            and purchase.quantity_steps <= self.purchase.quantity_steps
            and purchase.total_minor <= self.purchase.total_minor
            and _not_dearer(purchase, self.purchase)
        )


def _not_dearer(now: Purchase, approved: Purchase) -> bool:
    # Half the goods for the whole sum would be a worse price: compared by the step, multiplied out.
    return now.total_minor * approved.quantity_steps <= approved.total_minor * now.quantity_steps


def check_agree_to_cosign(body: AgreeToCosign) -> None:
    """Refuse a name that is no owner's (BAD_ID)."""
    checked_bytes(body.key, KEY_BYTES, "key")
    if is_thing(checked_party_id(body.owner)):
        raise Refusal(Code.BAD_ID, "owner must name an owner, not a thing", "COS-13")


def check_approve(word: Approve) -> None:
    """Refuse ids of another length and a reason that is long or unprintable (BAD_ID, BAD_FIELD)."""
    checked_bytes(word.key, KEY_BYTES, "key")
    checked_bytes(word.pending, PENDING_ID_BYTES, "pending")
    checked_bytes(word.body_digest, DIGEST_BYTES, "body_digest")
    if word.reason:
        check_label(word.reason, REASON_CHARS_MAX, "reason")
