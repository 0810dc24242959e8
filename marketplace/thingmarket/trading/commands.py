"""What the operator says about markets, and parties about orders and goods, each as one value. [MKT-2]"""

from dataclasses import dataclass
from enum import IntEnum, unique

from thingmarket.catalog.labels import check_label
from thingmarket.catalog.offers import check_category, check_tax_row
from thingmarket.catalog.products import check_product_id
from thingmarket.errors import Code, Refusal
from thingmarket.ids import KEY_BYTES, checked_bytes
from thingmarket.limits import (
    AUCTION_EVERY_MS_MIN,
    DAY_MS,
    DELIVERY_MS_MAX,
    FEE_BASIS_POINTS_MAX,
    HALT_MS_MAX,
    INSPECTION_MS_MAX,
    INTEGER_MAX,
    MARKET_NUMBER_MAX,
    ORDER_STEPS_MAX,
    TITLE_CHARS_MAX,
)
from thingmarket.matching.records import MarketState
from thingmarket.money import currency_of
from thingmarket.proportions import WHOLE_BASIS_POINTS
from thingmarket.quantity import checked_steps, checked_unit
from thingmarket.time import checked_time
from thingmarket.trading.frame import check_frame
from thingmarket.trading.terms import BookShown, Settlement


@unique
class LeastSelfTrade(IntEnum):
    """What at least happens when an order meets one of its own owner's; twice this are the order's flags."""

    CANCEL_TAKER = 1
    CANCEL_MAKER = 2
    CANCEL_BOTH = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedMarket:
    """What is traded in a market, in what steps, and by what rules; as its operator states it.

    `price` in ticks of `tick_minor` a lot, less `offset_ticks`; a lot is `lot_steps` of the product.
    A 0 among times and the band means: none. The last four are of escrow: how a contract is delivered, and
    its tax, which is in the price. [MKT-16]
    """

    market: int
    title: str
    product_id: str
    category: str
    unit: str
    unit_scale: int
    currency: str
    tick_minor: int
    lot_steps: int
    offset_ticks: int = 0
    self_trade: LeastSelfTrade = LeastSelfTrade.CANCEL_TAKER
    settlement: Settlement = Settlement.DVP
    fee_basis_points: int = 0
    book: BookShown = BookShown.OPEN
    band_basis_points: int = 0
    halt_ms: int = 0
    auction_every_ms: int = 0
    opens_ms: int = 0
    closes_ms: int = 0
    delivery_ms: int = 0
    inspection_ms: int = 0
    tax_category: str = ""
    jurisdiction: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenMarket:
    """The operator opens a market. [MKT-2]"""

    key: bytes
    terms: ListedMarket


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMarketState:
    """The operator puts a market into another state, after an uncross where he says so. [MKT-3]"""

    key: bytes
    market: int
    state: MarketState
    uncross: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedState:
    """What the entry right before led to: a market gets another state. [MKT-9]"""

    market: int
    state: MarketState


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclareGoods:
    """Brings goods of a market's product into the own account. [MKT-4]"""

    key: bytes
    market: int
    quantity_steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawGoods:
    """Takes free goods out of the own account again. [MKT-4]"""

    key: bytes
    market: int
    quantity_steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOrders:
    """A frame: records of 40 bytes as the book takes them, `expires_ms` in the last place. [MKT-5]"""

    key: bytes
    frame: int
    orders: bytes


def check_open_market(wish: OpenMarket) -> None:
    """Refuse a wrong shape (BAD_ID, BAD_FIELD, OUT_OF_RANGE, TOO_LARGE, UNKNOWN_CURRENCY). [MKT-2]"""
    checked_bytes(wish.key, KEY_BYTES, "key")
    terms = wish.terms
    check_market_number(terms.market)
    check_label(terms.title, TITLE_CHARS_MAX, "title")
    check_product_id(terms.product_id)
    check_category(terms.category)
    checked_unit(terms.unit, terms.unit_scale)
    currency_of(terms.currency)
    _check_between(terms.tick_minor, 1, INTEGER_MAX, "tick_minor")
    _check_between(terms.lot_steps, 1, ORDER_STEPS_MAX, "lot_steps")
    _check_between(terms.offset_ticks, 0, INTEGER_MAX, "offset_ticks")
    _check_between(terms.fee_basis_points, 0, FEE_BASIS_POINTS_MAX, "fee_basis_points")
    _check_schedule(terms)
    _check_between(terms.delivery_ms, 0, DELIVERY_MS_MAX, "delivery_ms")
    _check_between(terms.inspection_ms, 0, INSPECTION_MS_MAX, "inspection_ms")
    if terms.settlement is Settlement.ESCROW:
        _check_escrow(terms)
    elif terms.delivery_ms or terms.inspection_ms or terms.tax_category or terms.jurisdiction:
        raise Refusal(Code.BAD_FIELD, "delivery and tax are terms of escrow only", "MKT-16")


def _check_escrow(terms: ListedMarket) -> None:
    """Two orders of one owner meet in an auction only, and nobody has a contract with himself."""
    if not terms.delivery_ms or not terms.inspection_ms:
        raise Refusal(Code.OUT_OF_RANGE, "escrow needs delivery_ms and inspection_ms above 0", "MKT-16")
    check_tax_row(terms.jurisdiction, terms.tax_category)
    for field in ("auction_every_ms", "opens_ms", "offset_ticks", "fee_basis_points"):
        if getattr(terms, field):
            reason = (
                f"{field}: with escrow there is no auction, no price below zero, and the fee of contracts"
            )
            raise Refusal(Code.BAD_FIELD, reason, "MKT-16")


def _check_schedule(terms: ListedMarket) -> None:
    _check_between(terms.band_basis_points, 0, WHOLE_BASIS_POINTS, "band_basis_points")
    _check_between(terms.halt_ms, 0, HALT_MS_MAX, "halt_ms")
    if terms.halt_ms and not terms.band_basis_points:
        raise Refusal(Code.BAD_FIELD, "halt_ms: without a band nothing halts", "MKT-2")
    if terms.auction_every_ms:
        _check_between(terms.auction_every_ms, AUCTION_EVERY_MS_MIN, DAY_MS, "auction_every_ms")
        if terms.band_basis_points:
            raise Refusal(Code.BAD_FIELD, "band_basis_points: a call auction has no breaker", "MKT-2")
    for field in ("opens_ms", "closes_ms"):
        if getattr(terms, field):
            checked_time(getattr(terms, field), field)
    if terms.closes_ms and terms.closes_ms <= terms.opens_ms:
        raise Refusal(Code.BAD_FIELD, "closes_ms: a market opens before it closes", "MKT-2")


def check_set_market_state(wish: SetMarketState) -> None:
    """Refuse a wrong shape (BAD_ID, OUT_OF_RANGE). [MKT-3]"""
    checked_bytes(wish.key, KEY_BYTES, "key")
    check_market_number(wish.market)


def check_goods(wish: DeclareGoods | WithdrawGoods) -> None:
    """Refuse a wrong shape (BAD_ID, OUT_OF_RANGE). [MKT-4]"""
    checked_bytes(wish.key, KEY_BYTES, "key")
    check_market_number(wish.market)
    checked_steps(wish.quantity_steps, "quantity_steps")


def check_place_orders(frame: PlaceOrders) -> None:
    """Refuse a frame that is not whole records (BAD_ID, OUT_OF_RANGE, MALFORMED, TOO_LARGE). [MKT-5]"""
    checked_bytes(frame.key, KEY_BYTES, "key")
    _check_between(frame.frame, 1, INTEGER_MAX, "frame")
    check_frame(frame.orders)


def check_market_number(market: int) -> None:
    """Refuse what can be no market (OUT_OF_RANGE)."""
    _check_between(market, 1, MARKET_NUMBER_MAX, "market")


def _check_between(value: int, least: int, most: int, field: str) -> None:
    if not least <= value <= most:
        raise Refusal(Code.OUT_OF_RANGE, f"{field}={value} is not between {least} and {most}", "MKT-2")
