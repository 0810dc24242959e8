"""Good bodies of what is said about markets and orders."""

import json
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from google.protobuf.message import Message

from tests.network.raw_client import new_key
from tests.network.small_market import SmallMarket
from tests.ordering import INK
from thingmarket.errors import Code
from thingmarket.identity.envelope import TypeId
from thingmarket.identity.keys import SigningKey
from thingmarket.matching.records import Kind, Side, TimeInForce
from thingmarket.trading.frame import Order, order_id_of
from thingmarket.v1 import market_data_pb2, order_pb2
from thingmarket.wire.orders import terms_message

_GOOD: Final = 2**31 + 7
_OPENED: Final = set[str]()
SEAT: Final = "/thingmarket.v1.QueryService/GetSeat"


def opened(market: SmallMarket) -> SmallMarket:
    """The market with a book of its own, number 1, which the operator opens unless it is there."""
    client, node = market.client, market.node
    if node.node_id in _OPENED:  # another session would end the operator's oldest one
        return market
    _OPENED.add(node.node_id)
    seed = bytes.fromhex(json.loads((node.home / "keys.json").read_text())["identity"])
    operator = client.open(node.node_id, SigningKey.from_seed(seed))
    body = order_pb2.OpenMarket(key=new_key(), terms=terms_message(INK)).SerializeToString()
    answered = client.send(operator, TypeId.OPEN_MARKET, body)
    assert answered.code in (0, Code.ALREADY_KNOWN), answered
    return market


def open_market(market: SmallMarket) -> Message:
    return order_pb2.OpenMarket(key=new_key(), terms=terms_message(replace(INK, market=_GOOD)))


def renumbered(data: bytes) -> bytes:
    """The same opening of a market whose number was not used yet, unless its number is an odd one."""
    body = order_pb2.OpenMarket.FromString(data)
    if body.terms.market == _GOOD:
        body.terms.market = 2 + secrets.randbelow(2**31)
    return body.SerializeToString()


def set_market_state(market: SmallMarket) -> Message:
    opened(market)
    return order_pb2.SetMarketState(key=new_key(), market=1, state=order_pb2.MARKET_STATE_HALTED)


def declare_goods(market: SmallMarket) -> Message:
    opened(market)
    return order_pb2.DeclareGoods(key=new_key(), market=1, quantity_steps=5)


def withdraw_goods(market: SmallMarket) -> Message:
    goods = order_pb2.DeclareGoods(key=new_key(), market=1, quantity_steps=50).SerializeToString()
    market.client.made(opened(market).shop, TypeId.DECLARE_GOODS, goods)
    return order_pb2.WithdrawGoods(key=new_key(), market=1, quantity_steps=1)


def place_orders(market: SmallMarket) -> Message:
    """A frame of the printer: an order that rests, and one that takes what is there."""
    (answered,) = market.client.call(
        SEAT, market_data_pb2.GetSeatRequest(), token=opened(market).printer.token
    ).messages
    seat = market_data_pb2.GetSeatResponse.FromString(answered).seat
    orders = b"".join(
        Order(
            kind=Kind.NEW_LIMIT,
            side=Side.BUY,
            tif=tif,
            market=1,
            quantity=2,
            price=5,
            order_id=order_id_of(seat.slot, seat.last_counter + number),
        ).pack()
        for number, tif in ((1, TimeInForce.GTC), (2, TimeInForce.IOC))
    )
    return order_pb2.PlaceOrders(key=new_key(), frame=seat.last_frame + 1, orders=orders)


TRADED: Final[dict[TypeId, Callable[[SmallMarket], Message]]] = {
    TypeId.OPEN_MARKET: open_market,
    TypeId.SET_MARKET_STATE: set_market_state,
    TypeId.DECLARE_GOODS: declare_goods,
    TypeId.WITHDRAW_GOODS: withdraw_goods,
    TypeId.PLACE_ORDERS: place_orders,
}
