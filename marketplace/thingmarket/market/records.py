"""Rows of the market's tables."""

from dataclasses import dataclass
from enum import Enum, IntEnum

from thingmarket.catalog.attributes import Attribute
from thingmarket.catalog.needs import Need
from thingmarket.catalog.offers import Offer
from thingmarket.catalog.questions import QuestionState
from thingmarket.identity.effective import EffectiveMandate
from thingmarket.identity.things import Assurance, ThingState
from thingmarket.ids import Digest, PartyId
from thingmarket.settlement.accounts import AccountNumber
from thingmarket.values import quick


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyRecord:
    """A known party. `number` is dense, given by the entry that made it known, never used again."""

    id: PartyId
    number: int
    public_key: bytes
    role: int  # identity.parties.Role; 0 for a thing
    seq: int


class MandateState(Enum):
    """Whether a mandate still permits anything."""

    ACTIVE = "ACTIVE"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateRecord:
    """A presented chain, under the digest of its leaf."""

    effective: EffectiveMandate
    state: MandateState
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRecord:
    """A device that nobody has claimed yet: it proved its key, and committed to the code of its label."""

    device: PartyId
    model: str
    serial_commitment: bytes
    claim_commitment: bytes
    salt: bytes
    claim_by_ms: int
    seq: int
    tries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ThingRecord:
    """How far a thing has come with one owner, why, and what it did in its probation.

    `since_ms`, `since_seq` and `cause` are of its state. `handed` is a mandate that waits for the thing.
    `orders_of_day` counts the UTC day `day`; `barred` means that the operator suspended it.
    """

    thing: PartyId
    owner: PartyId
    state: ThingState
    assurance: Assurance
    seq: int
    since_ms: int
    since_seq: int
    cause: str
    model: str = ""
    kind: str = ""
    serial_commitment: bytes = b""
    claim_code: bytes = b""
    handed: bytes = b""
    barred: bool = False
    guarded: bool = False
    probation_over: bool = False
    deliveries: int = 0
    day: int = 0
    orders_of_day: int = 0
    malfunctions: int = 0
    component: str = ""
    severity: int = 0
    reported_ms: int = 0


class ListingState(Enum):
    """What has become of an offer or a need."""

    LIVE = "LIVE"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"
    FILLED = "FILLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferRecord:
    """A published offer and the signed command that published it; its stock is a balance of the ledger."""

    offer: Offer
    seller: PartyId
    seller_owner: PartyId
    mandate_leaf: bytes
    state: ListingState
    goods_ledger: int
    stock_account: AccountNumber
    seq: int
    signed_bytes: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedRecord:
    """An announced need and the signed command that announced it; one open order at most fills it."""

    need: Need
    announcer: PartyId
    owner: PartyId
    state: ListingState
    seq: int
    signed_bytes: bytes
    contract: bytes = b""

    @property
    def word(self) -> str:
        """The state as parties are told it: a need that lives is open."""
        return "OPEN" if self.state is ListingState.LIVE else self.state.value


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionRecord:
    """Facts that a party asked for, under the digest of the question's body."""

    asker_owner: PartyId
    seller_owner: PartyId
    offer: Digest
    names: tuple[str, ...]
    deadline_ms: int
    state: QuestionState
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferFacts:
    """What answers added to an offer: facts, ascending by name, and the signed commands that gave them."""

    attributes: tuple[Attribute, ...] = ()
    answers: tuple[bytes, ...] = ()


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a sender was told under a key; remembered for 24 h of entry time."""

    body_digest: Digest
    signed_digest: Digest
    seq: int
    time_ms: int
    forget_ms: int
    code: int
    reason: str
    rule: str
    reference: bytes
    pending: bool = False
    statuses: bytes = b""


class TimerKind(IntEnum):
    """What a deadline is of; among equal deadlines the lower number fires first."""

    DELIVERY = 1
    INSPECTION = 2
    OFFER = 3
    NEED = 4
    MANDATE = 5
    APPROVAL = 6
    START = 7
    RESERVE = 8
    STANDING_ORDER = 9
    QUESTION = 10
    CLAIM = 12
    POINTS = 13
    RATE = 14
    ORDER = 15
    AUCTION = 16
    MARKET = 17
