"""The market that `bench orders` trades in: things of eight owners, all with goods, money and a mandate."""

from typing import Final

from thingmarket.contract.orders import FundRequest
from thingmarket.identity.envelope import TypeId
from thingmarket.identity.mandates import Action
from thingmarket.trading.commands import DeclareGoods, ListedMarket
from thingmarket.wire import orders, trade
from thingmarket_node.bench.crowd import (
    CATEGORY,
    FUNDS_MINOR,
    OWNERS,
    Buyer,
    admitted_owner,
    new_key,
    plain_buyer,
    send,
)
from thingmarket_node.bench.node_under_load import NodeUnderLoad
from thingmarket_node.cli.rate import open_operator

MARKET: Final = 1
THINGS: Final = 16
_GOODS: Final = 10**12


async def floor(node: NodeUnderLoad) -> list[Buyer]:
    """Open the market, admit and fund the owners, bring their goods in, present the mandates."""
    async with await open_operator(node.home) as operator:
        await operator.open_market(
            ListedMarket(
                market=MARKET,
                title="A piece",
                product_id="bench-piece",
                category=CATEGORY,
                unit="C62",
                unit_scale=0,
                currency="EUR",
                tick_minor=1,
                lot_steps=1,
                fee_basis_points=10,
            )
        )
    things: list[Buyer] = []
    for _ in range(OWNERS):
        keys, session = await admitted_owner(node.card)
        wish = FundRequest(key=new_key(), currency="EUR", amount_minor=FUNDS_MINOR)
        await send(session, TypeId.FUND_REQUEST, trade.fund_request_body(wish))
        goods = DeclareGoods(key=new_key(), market=MARKET, quantity_steps=_GOODS)
        await send(session, TypeId.DECLARE_GOODS, orders.declare_goods_body(goods))
        things += [
            await plain_buyer(node.card, keys, actions=(Action.BUY, Action.SELL))
            for _ in range(THINGS // OWNERS)
        ]
        await session.close()
    return things
