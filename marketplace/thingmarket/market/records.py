"""Rows of the market's tables."""

from dataclasses import dataclass
from enum import Enum, IntEnum

from thingmarket.catalog.needs import Need
from thingmarket.catalog.offers import Offer
from thingmarket.identity.effective import EffectiveMandate
from thingmarket.ids import Digest, PartyId
from thingmarket.settlement.accounts import AccountNumber


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


class TimerKind(IntEnum):
    """What a deadline is of; among equal deadlines the lower number fires first."""

    DELIVERY = 1
    INSPECTION = 2
    OFFER = 3
    NEED = 4
    MANDATE = 5
