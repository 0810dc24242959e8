"""What a call to the book leaves: money and goods that moved, budgets, prices, markets to halt. [MKT-7]"""

from dataclasses import dataclass, field

from thingmarket.catalog.offers import FulfilmentKind, Offer
from thingmarket.identity.mandates import Autonomy
from thingmarket.ids import ContractId, Digest
from thingmarket.limits import DAY_MS
from thingmarket.matching.records import EventKind, MarketState
from thingmarket.settlement.accounts import AccountKind
from thingmarket_node.sim.oracle import budgets, paying, permits
from thingmarket_node.sim.oracle.arithmetic import most_within, row_of
from thingmarket_node.sim.oracle.book import Resting, Trade, Venue
from thingmarket_node.sim.oracle.budgets import month_of
from thingmarket_node.sim.oracle.memory import Memory
from thingmarket_node.sim.oracle.rows import Count, Listed, Part, Sale
from thingmarket_node.sim.world import require

_NO_OFFER = Digest(b"")
_STOPPED = ("SUSPENDED", "QUARANTINED", "DECOMMISSIONED")


@dataclass(frozen=True, slots=True)
class InHand:
    """The entry in hand, and the contracts that it tells of, in their order."""

    now_ms: int
    seq: int = 0
    contracts: list[ContractId] = field(default_factory=list)


def settle(memory: Memory, entry: InHand) -> None:
    """Pay and deliver what was traded since the last time, or promise it."""
    trades, memory.book.trades = memory.book.trades, []
    promised = [trade for trade in trades if trade.buy.venue.is_escrow]
    found = (len(entry.contracts), len(promised))
    require(found[0] == found[1], "contracts", f"{found[0]} contracts of {found[1]} trades with escrow")
    for name, trade in zip(entry.contracts, promised, strict=True):
        _promise(memory, trade, name, entry)
    for trade in trades:
        memory.traded += 1
        if not trade.buy.venue.is_escrow:
            _pay(memory, trade, entry.now_ms)
            _deliver(memory, trade)
    for venue in memory.venues.values():
        prices = [trade.price for trade in trades if trade.buy.venue is venue]
        if prices:
            _note(venue, prices)


def _pay(memory: Memory, trade: Trade, now_ms: int) -> None:
    venue = trade.buy.venue
    cash = venue.cash(trade.price, trade.quantity)
    payer, payee = (trade.buy, trade.sell) if cash >= 0 else (trade.sell, trade.buy)
    fee, minor = venue.fee(cash), abs(cash)
    wallet = (AccountKind.OWNER_WALLET, payer.owner, b"")
    memory.move(wallet, (AccountKind.OWNER_WALLET, payee.owner, b""), minor - fee)
    memory.move(wallet, (AccountKind.FEE_INCOME, memory.node, b""), fee)
    memory.trade_fees += fee
    if not payer.leaf or not minor:
        return
    day, month = now_ms // DAY_MS, month_of(now_ms)
    for link in memory.mandates[payer.leaf].links:
        count = memory.counts.setdefault(link, Count())
        count.days[day] = count.days.get(day, 0) + minor
        count.months[month] = count.months.get(month, 0) + minor
        count.total += minor


def _promise(memory: Memory, trade: Trade, name: ContractId, entry: InHand) -> None:
    """A trade with escrow is a sale: its money is set aside, its goods stay where they are."""
    venue, now_ms = trade.buy.venue, entry.now_ms
    total = venue.cash(trade.price, trade.quantity)
    offer = _offer(venue, trade, total)
    net = most_within(total, memory.rates[row_of(offer)]).net  # the tax is in the price
    require(name not in memory.sales, "contracts", "two contracts of one name")
    sale = memory.sales[name] = Sale(
        name=name,
        buyer=trade.buy.party,
        buyer_owner=trade.buy.owner,
        leaf=trade.buy.leaf,
        offer=_NO_OFFER,
        quantity=offer.stock_steps,
        total=total,
        need=b"",
        made_ms=now_ms,
        seq=entry.seq,
        parts=[Part(1, offer.stock_steps, net, total - net, now_ms + offer.delivery_ms)],
        traded=Listed(offer, trade.sell.party, trade.sell.owner, trade.sell.leaf, 0),
        market=trade.buy.market,
    )
    memory.made.append(sale)
    if sale.leaf:
        budgets.fill(memory, memory.mandates[sale.leaf], total, now_ms)
    memory.move(paying.wallet_of(sale.buyer_owner), paying.escrow_of(sale), total)


def _offer(venue: Venue, trade: Trade, total: int) -> Offer:
    """What a market promises, as far as anybody asks."""
    listed, steps = venue.listed, trade.quantity * venue.listed.lot_steps
    return Offer(
        key=b"",
        product_id=listed.product_id,
        title=listed.title,
        category=listed.category,
        unit=listed.unit,
        currency=listed.currency,
        price_minor=total,
        price_base_steps=steps,
        tax_category=listed.tax_category,
        stock_steps=steps,
        min_steps=steps,
        max_steps=steps,
        valid_until_ms=0,
        fulfilment=FulfilmentKind.HUMAN,
        delivery_ms=listed.delivery_ms,
        inspection_ms=listed.inspection_ms,
        jurisdiction=listed.jurisdiction,
    )


def _deliver(memory: Memory, trade: Trade) -> None:
    listed = trade.buy.venue.listed
    steps = trade.quantity * listed.lot_steps
    for owner, moved in ((trade.sell.owner, -steps), (trade.buy.owner, steps)):
        memory.goods[owner, listed.product_id] = memory.goods.get((owner, listed.product_id), 0) + moved


def _note(venue: Venue, prices: list[int]) -> None:
    """An auction finds a new price to measure from; trades that go too far from it halt the market."""
    trades = venue.state is MarketState.CONTINUOUS
    if not trades:
        venue.reference = prices[-1]
    elif not venue.reference:
        venue.reference = prices[0]
    low, high = venue.band(venue.reference)
    if trades and not all(low <= price <= high for price in prices):
        venue.halts = True
    venue.last = prices[-1]


def set_state(memory: Memory, venue: Venue, to: MarketState, now_ms: int) -> None:
    """A market takes something else from now on; when it closes, its orders leave."""
    book, market = memory.book, venue.listed.market
    book.told.append((EventKind.STATE, 0, 0, market, 0, 0, 0, to, venue.state))
    venue.state = to
    if to is MarketState.CLOSED:
        for order in sorted((one for one in book.orders if one.market == market), key=_by_id):
            book.end(order)
    if to is not MarketState.HALTED:
        venue.resumes_ms = 0


def uncross(memory: Memory, venue: Venue, now_ms: int) -> None:
    """Hold an auction and settle it."""
    memory.book.uncross(venue)
    settle(memory, InHand(now_ms))


def go_on(memory: Memory, venue: Venue, now_ms: int) -> None:
    """Trade again after a halt, or for the first time: by one auction of what came meanwhile."""
    set_state(memory, venue, MarketState.AUCTION, now_ms)
    if venue.listed.auction_every_ms:
        venue.auction_ms = next_auction(venue, now_ms)
        return
    uncross(memory, venue, now_ms)
    set_state(memory, venue, MarketState.CONTINUOUS, now_ms)


def next_auction(venue: Venue, now_ms: int) -> int:
    """The next multiple of its time."""
    every_ms = venue.listed.auction_every_ms
    return (now_ms // every_ms + 1) * every_ms


def halt(memory: Memory, venue: Venue, now_ms: int) -> None:
    """The breaker: what was traded stands."""
    venue.halts, venue.reference = False, venue.last
    set_state(memory, venue, MarketState.HALTED, now_ms)
    venue.resumes_ms = now_ms + venue.listed.halt_ms if venue.listed.halt_ms else 0
    memory.halted += 1


def expire(memory: Memory, order: Resting, deadline_ms: int) -> None:
    """The time of an order is over, if it still rests until then."""
    if any(one is order for one in memory.book.orders) and order.expires_ms == deadline_ms:
        memory.book.end(order, kind=EventKind.EXPIRED)


def sweep(memory: Memory) -> None:
    """Nobody has orders who may not trade: his mandate lives, commits, and nobody in it was stopped."""
    lost = [one for one in memory.book.orders if one.leaf and not _may_have_orders(memory, one.leaf)]
    for order in sorted(lost, key=_by_id):
        memory.book.end(order)
        memory.swept += 1


def _may_have_orders(memory: Memory, leaf: bytes) -> bool:
    given = memory.mandates[leaf]
    things = (memory.things.get((given.owner, link.subject)) for link in given.chain)
    stopped = any(one is not None and one.state in _STOPPED for one in things)
    return given.alive and not stopped and permits.level(memory, given) is not Autonomy.ANNOUNCER


def _by_id(order: Resting) -> int:
    return order.id
