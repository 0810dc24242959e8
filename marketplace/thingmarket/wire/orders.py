"""Bodies about markets, orders and goods: exact bytes to checked values and back. [MKT-2]"""

from dataclasses import fields

from thingmarket.limits import COMMAND_BYTES_MAX, ENTRY_BYTES_MAX
from thingmarket.market.order_views import DepthSeen, MarketSeen, OrderSeen, SeatSeen, TradeSeen
from thingmarket.matching.records import MarketState
from thingmarket.trading.commands import (
    DeclareGoods,
    DerivedState,
    LeastSelfTrade,
    ListedMarket,
    OpenMarket,
    PlaceOrders,
    SetMarketState,
    WithdrawGoods,
    check_goods,
    check_market_number,
    check_open_market,
    check_place_orders,
    check_set_market_state,
)
from thingmarket.trading.terms import BookShown, Settlement
from thingmarket.v1 import order_pb2 as pb
from thingmarket.wire.strict import member, parse

# What of a market's terms is the same number or text as a value and as a message.
_PLAIN = (
    "market",
    "title",
    "product_id",
    "category",
    "unit",
    "unit_scale",
    "currency",
    "tick_minor",
    "lot_steps",
    "offset_ticks",
    "fee_basis_points",
    "band_basis_points",
    "halt_ms",
    "auction_every_ms",
    "opens_ms",
    "closes_ms",
    "delivery_ms",
    "inspection_ms",
    "tax_category",
    "jurisdiction",
)
_ORDER = tuple(field.name for field in fields(OrderSeen))
_TRADE = tuple(field.name for field in fields(TradeSeen))


def terms_message(terms: ListedMarket) -> pb.MarketTerms:
    """Write a market's terms."""
    message = pb.MarketTerms(
        self_trade=pb.SelfTrade.ValueType(terms.self_trade),
        settlement=pb.MarketSettlement.ValueType(terms.settlement),
        book=pb.BookKind.ValueType(terms.book),
    )
    for name in _PLAIN:
        setattr(message, name, getattr(terms, name))
    return message


def terms_value(message: pb.MarketTerms) -> ListedMarket:
    """Read a market's terms; whether they make sense is checked apart (BAD_FIELD)."""
    return ListedMarket(
        self_trade=member(LeastSelfTrade, message.self_trade, "self_trade"),
        settlement=member(Settlement, message.settlement, "settlement"),
        book=member(BookShown, message.book, "book"),
        **{name: getattr(message, name) for name in _PLAIN},
    )


def open_market_body(wish: OpenMarket) -> bytes:
    """Write the body of an opening."""
    return pb.OpenMarket(key=wish.key, terms=terms_message(wish.terms)).SerializeToString(deterministic=True)


def read_open_market(body: bytes) -> OpenMarket:
    """Read and check the opening of a market."""
    message = parse(pb.OpenMarket, body, COMMAND_BYTES_MAX)
    wish = OpenMarket(key=message.key, terms=terms_value(message.terms))
    check_open_market(wish)
    return wish


def set_market_state_body(wish: SetMarketState) -> bytes:
    """Write the body of a change of state."""
    return pb.SetMarketState(
        key=wish.key, market=wish.market, state=pb.MarketState.ValueType(wish.state), uncross=wish.uncross
    ).SerializeToString(deterministic=True)


def read_set_market_state(body: bytes) -> SetMarketState:
    """Read and check a change of state."""
    message = parse(pb.SetMarketState, body, COMMAND_BYTES_MAX)
    state = member(MarketState, message.state, "state")
    wish = SetMarketState(key=message.key, market=message.market, state=state, uncross=message.uncross)
    check_set_market_state(wish)
    return wish


def derived_state_body(derived: DerivedState) -> bytes:
    """Write the body of a derived entry."""
    state = pb.MarketState.ValueType(derived.state)
    return pb.DerivedState(market=derived.market, state=state).SerializeToString(deterministic=True)


def read_derived_state(body: bytes) -> DerivedState:
    """Read the body of a derived entry."""
    message = parse(pb.DerivedState, body, ENTRY_BYTES_MAX)
    check_market_number(message.market)
    return DerivedState(market=message.market, state=member(MarketState, message.state, "state"))


def declare_goods_body(wish: DeclareGoods) -> bytes:
    """Write the body of a declaration of goods."""
    return pb.DeclareGoods(
        key=wish.key, market=wish.market, quantity_steps=wish.quantity_steps
    ).SerializeToString(deterministic=True)


def read_declare_goods(body: bytes) -> DeclareGoods:
    """Read and check a declaration of goods."""
    message = parse(pb.DeclareGoods, body, COMMAND_BYTES_MAX)
    wish = DeclareGoods(key=message.key, market=message.market, quantity_steps=message.quantity_steps)
    check_goods(wish)
    return wish


def withdraw_goods_body(wish: WithdrawGoods) -> bytes:
    """Write the body of a withdrawal of goods."""
    return pb.WithdrawGoods(
        key=wish.key, market=wish.market, quantity_steps=wish.quantity_steps
    ).SerializeToString(deterministic=True)


def read_withdraw_goods(body: bytes) -> WithdrawGoods:
    """Read and check a withdrawal of goods."""
    message = parse(pb.WithdrawGoods, body, COMMAND_BYTES_MAX)
    wish = WithdrawGoods(key=message.key, market=message.market, quantity_steps=message.quantity_steps)
    check_goods(wish)
    return wish


def place_orders_body(frame: PlaceOrders) -> bytes:
    """Write the body of a frame."""
    return pb.PlaceOrders(key=frame.key, frame=frame.frame, orders=frame.orders).SerializeToString(
        deterministic=True
    )


def read_place_orders(body: bytes) -> PlaceOrders:
    """Read and check a frame; its records stay packed."""
    message = parse(pb.PlaceOrders, body, COMMAND_BYTES_MAX)
    frame = PlaceOrders(key=message.key, frame=message.frame, orders=message.orders)
    check_place_orders(frame)
    return frame


# --- views


def market_message(seen: MarketSeen) -> pb.MarketView:
    """Write a market as it is now."""
    return pb.MarketView(
        terms=terms_message(seen.record.listed),
        state=pb.MarketState.ValueType(seen.state),
        bid_ticks=seen.bid_ticks,
        bid_lots=seen.bid_lots,
        ask_ticks=seen.ask_ticks,
        ask_lots=seen.ask_lots,
        last_ticks=seen.record.last_ticks,
        next_change_ms=seen.next_change_ms,
    )


def depth_message(seen: DepthSeen) -> pb.BookDepth:
    """Write the best levels of a book."""
    return pb.BookDepth(
        market=seen.market, seq=seen.seq, bids=map(_level, seen.bids), asks=map(_level, seen.asks)
    )


def _level(level: tuple[int, int, int]) -> pb.BookLevel:
    price, lots, orders = level
    return pb.BookLevel(price_ticks=price, lots=lots, orders=orders)


def seat_message(seen: SeatSeen) -> pb.SeatView:
    """Write where a party stands."""
    return pb.SeatView(
        slot=seen.slot,
        last_counter=seen.last_counter,
        last_frame=seen.last_frame,
        mandate_leaf=seen.mandate_leaf,
        resting_orders=seen.resting_orders,
    )


def read_seat(message: pb.SeatView) -> SeatSeen:
    """Read where a party stands."""
    return SeatSeen(
        slot=message.slot,
        last_counter=message.last_counter,
        last_frame=message.last_frame,
        mandate_leaf=message.mandate_leaf,
        resting_orders=message.resting_orders,
    )


def order_message(seen: OrderSeen) -> pb.OrderView:
    """Write a resting order."""
    return pb.OrderView(**{name: getattr(seen, name) for name in _ORDER})


def read_order(message: pb.OrderView) -> OrderSeen:
    """Read a resting order."""
    return OrderSeen(**{name: getattr(message, name) for name in _ORDER})


def trade_message(seen: TradeSeen) -> pb.TradeView:
    """Write a trade."""
    return pb.TradeView(**{name: getattr(seen, name) for name in _TRADE})


def read_trade(message: pb.TradeView) -> TradeSeen:
    """Read a trade."""
    return TradeSeen(**{name: getattr(message, name) for name in _TRADE})
