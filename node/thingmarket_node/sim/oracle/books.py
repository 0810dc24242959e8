"""Holds markets, goods and resting orders against what the oracle reckons. [ORD-9] [MKT-8]"""

from collections.abc import Iterator

from thingmarket.market.state import State
from thingmarket.settlement.accounts import AccountKind, AccountName, AccountNumber, Balance
from thingmarket_node.sim.oracle.memory import Memory
from thingmarket_node.sim.world import require


def accounts_of(state: State) -> Iterator[tuple[AccountName, Balance]]:
    """Every account by its name."""
    table = state.ledger._accounts
    for number in range(1, len(table) + 1):
        yield table.name_of(number), state.ledger.balance(AccountNumber(number))


def compare_books(memory: Memory, state: State) -> None:
    """The same orders rest, and hold what follows from them alone; the same markets take the same."""
    _orders(memory, state)
    _holds(memory, state)
    _booked(memory, state)
    _markets(memory, state)
    for party, row in memory.seats.items():
        seat = state.seats[state.party(party).number]
        found = (seat.mandate_leaf, seat.last_counter, seat.last_frame)
        reckoned = (row.leaf, row.last_counter, row.last_frame)
        require(found == reckoned, "seats", f"a seat is {found}, not {reckoned}")
    require(len(state.seats) == len(memory.seats), "seats", "a seat of nobody")


def _orders(memory: Memory, state: State) -> None:
    desk, found = state.desk, {}
    for slot in state.seats:
        for order_id in desk.orders_of(slot):
            one = desk.order(order_id)
            assert one is not None, "it rests"
            found[one.id] = (one.owner, one.market, one.side, one.price, one.remaining)
    reckoned = {
        one.id: (state.party(one.owner).number, one.market, one.side, one.price, one.left)
        for one in memory.book.orders
    }
    require(found == reckoned, "resting", f"{found} rest, not {reckoned}")
    expires = {one.id: one.expires_ms for one in memory.book.orders if one.expires_ms}
    kept = dict(state.expiries.items())
    require(kept == expires, "resting", f"they expire at {kept}, not {expires}")


def _holds(memory: Memory, state: State) -> None:
    """Money and goods of owners are held as their orders say, and pending to the clearing account."""
    products = {ledger: product for product, ledger in state.goods_ledgers.items()}
    owners = {record.number: party for party, record in state.parties.items()}
    traded = {venue.listed.product_id for venue in memory.venues.values()}
    pending, clearing = dict[int, int](), dict[int, int]()
    for (owner, ledger, kind, _), account in accounts_of(state):
        product = products.get(ledger, "")
        if kind == AccountKind.CLEARING:
            clearing[ledger] = account.credits_pending
            continue
        if kind == AccountKind.GOODS and product in traded:
            held, owed = (
                memory.goods_ordered(owners[owner], product),
                memory.goods_owed(owners[owner], product),
            )
            has = memory.goods.get((owners[owner], product), 0)
        elif kind == AccountKind.OWNER_WALLET:
            held, owed = memory.money_held(owners[owner]), 0
            has = memory.held(AccountKind.OWNER_WALLET, owners[owner])
        else:
            continue
        pending[ledger] = pending.get(ledger, 0) + held
        found = (account.debits_pending, account.credits_posted - account.debits_posted)
        name = AccountKind(kind).name
        reckoned_now = (held + owed, has)
        require(found == reckoned_now, "holds", f"{name} of {owner} holds {found}, not {reckoned_now}")
        require(account.free >= 0, "holds", f"{name} of {owner} is overdrawn")
    for ledger, minor in clearing.items():
        reckoned = pending.get(ledger, 0)
        require(minor == reckoned, "holds", f"{minor} wait to be cleared, not {reckoned}")


def _booked(memory: Memory, state: State) -> None:
    """Counters say what may still be paid for resting orders, and how many there are."""
    for (link, _), counter in state.spending.items():
        booked = memory.booked(link)
        found = (counter.book_minor, counter.book_orders)
        require(found == (booked.minor, booked.orders), "booked", f"{found} is booked, not {booked}")


def _markets(memory: Memory, state: State) -> None:
    for market, venue in memory.venues.items():
        record = state.markets[market]
        found = (
            state.desk.state_of(market),
            record.last_ticks,
            record.reference_ticks,
            record.halts,
            record.resumes_ms,
        )
        reckoned = (venue.state, venue.last, venue.reference, venue.halts, venue.resumes_ms)
        require(found == reckoned, "markets", f"a market is {found}, not {reckoned}")
    require(len(state.markets) == len(memory.venues), "markets", "a market that nobody opened")
    fees = sum(minor for _, minor in state.trade_fees.items())
    require(fees == memory.trade_fees, "fees", f"{fees} of trades, not {memory.trade_fees}")
