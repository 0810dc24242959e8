"""What queries of markets, seats and orders answer, as values. [MKT-12]"""

from dataclasses import dataclass

from thingmarket.ids import ContractId
from thingmarket.market.order_records import MarketRecord
from thingmarket.matching.records import MarketState
from thingmarket.time import UnixMs


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSeen:
    """A market as everybody sees it: best prices and the last one, whatever is shown besides; 0: none."""

    record: MarketRecord
    state: MarketState
    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int
    next_change_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthSeen:
    """Price, lots and number of orders of the best levels, after the entry `seq`."""

    market: int
    seq: int
    bids: tuple[tuple[int, int, int], ...]
    asks: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatSeen:
    """Where a party stands as one that places orders."""

    slot: int
    last_counter: int
    last_frame: int
    mandate_leaf: bytes
    resting_orders: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSeen:
    """An order that rests; `expires_ms` 0: not by itself."""

    order_id: int
    market: int
    side: int
    price_ticks: int
    lots: int
    expires_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodsSeen:
    """What an owner has of the product of a market, in steps, from which sell orders are held. [MKT-4]

    `owned_steps` are all that are there, `held_steps` those of them that resting orders hold and contracts
    that have not ended; the others are free.
    """

    market: int
    product_id: str
    unit: str
    unit_scale: int
    owned_steps: int
    held_steps: int
    free_steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeSeen:
    """A trade and the contract that it is: nothing of it is stored but its event. [MKT-11]

    The orders' ids are those of the reader's side; the other side's are 0.
    """

    contract: ContractId
    seq: int
    index: int
    time_ms: UnixMs
    market: int
    price_ticks: int
    lots: int
    cash_minor: int
    fee_minor: int
    buy_order: int
    sell_order: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TradesSeen:
    """Trades that a node keeps, oldest first.

    It keeps none up to `forgotten_seq`, an entry of the time `forgotten_ms`; 0: all there ever were. [MKT-14]
    """

    trades: tuple[TradeSeen, ...]
    forgotten_seq: int
    forgotten_ms: int
