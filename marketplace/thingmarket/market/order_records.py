"""Rows of markets, seats and frames."""

from dataclasses import dataclass
from enum import IntEnum, unique

from thingmarket.ids import Digest, PartyId
from thingmarket.trading.commands import ListedMarket
from thingmarket.values import quick


@unique
class Change(IntEnum):
    """What a market does by schedule; of two at one moment the lower number is first."""

    RESUME = 1
    OPEN = 2
    CLOSE = 3


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRecord:
    """A market that was opened. What it takes at the moment, the desk knows.

    `last_ticks` is the price of the last trade, 0 before the first. The breaker measures from
    `reference_ticks`: the first trade, then the price of each auction, and the last price before each of its
    halts; 0 again when the operator gathers orders anew. `halts` means that the very next entry halts it,
    `resumes_ms` when it goes on then; 0: when the operator says so. [MKT-9]
    """

    listed: ListedMarket
    goods_ledger: int
    seq: int
    last_ticks: int = 0
    reference_ticks: int = 0
    halts: bool = False
    resumes_ms: int = 0


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """Where a party stands as one that places orders; the slot is its number as a party. [MKT-6]

    `owner` and `mandate_leaf` are those of its last frame, under which all of its resting orders stand. It
    has placed orders for this owner alone since the entry `owner_seq`; 0: ever.
    """

    party: PartyId
    owner: PartyId
    mandate_leaf: bytes
    last_counter: int
    last_frame: int
    owner_seq: int = 0


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRecord:
    """What a frame came to; no statuses mean that the book took all of its orders. [MKT-6]"""

    body_digest: Digest
    signed_digest: Digest
    seq: int
    time_ms: int
    orders: int
    statuses: bytes = b""
