"""Holds the market's state against what the oracle reckons: every account, budget, contract and paper."""

from collections import Counter

from thingmarket.contract.contract import Contract
from thingmarket.ids import Digest, PartyId
from thingmarket.market.state import State
from thingmarket.money import currency_of
from thingmarket.settlement.accounts import AccountKind
from thingmarket_node.sim.oracle.books import accounts_of, compare_books
from thingmarket_node.sim.oracle.memory import Memory
from thingmarket_node.sim.oracle.rows import Count, Sale
from thingmarket_node.sim.world import require

EUR = currency_of("EUR").ledger


def compare(memory: Memory, state: State) -> None:
    """Everything that the oracle knows of is in the state as it reckons."""
    _accounts(memory, state)
    _points(memory, state)
    _budgets(memory, state)
    _papers(memory, state)
    _listings(memory, state)
    _open_once(memory)
    compare_books(memory, state)
    for name, sale in memory.sales.items():
        _sale(memory, sale, state.contracts[name], state)
    require(len(state.contracts) == len(memory.sales), "contracts", "a contract that nobody bought")
    for pending, asked in memory.waiting.items():
        order = state.pendings[pending]
        require(order.state.value == asked.state, "approvals", f"{order.state.value}, not {asked.state}")
        require(order.contract == asked.contract, "approvals", "another contract was made of an order")
        require(set(order.cosigners) == asked.may, "approvals", "others may speak than those who agreed to")
    for standing, one in memory.standing.items():
        record = state.standing_orders[standing]  # type: ignore[index]
        found = (record.state.value, record.made, record.skipped, record.refused_in_a_row)
        reckoned = (one.state, one.made, one.skipped, one.refused)
        require(found == reckoned, "standing", f"a standing order is {found}, not {reckoned}")
        late = one.state == "ACTIVE" and record.next_ms != one.next_ms
        require(not late, "standing", f"it comes at {record.next_ms}, not {one.next_ms}")
    for thing, body in memory.things.items():
        state_now = state.things[thing].state.value
        require(state_now == body.state, "things", f"a thing is {state_now}, not {body.state}")
    for contract, said in memory.rated.items():
        require(state.feedback[contract].state.value == said, "feedback", f"it is not {said}")


def _accounts(memory: Memory, state: State) -> None:
    """Every account of money holds what its own small arithmetic comes to, and there is no other money."""
    names = {party: record.number for party, record in state.parties.items()}
    reckoned = {
        (names[owner], int(kind), reference): minor
        for (kind, owner, reference), minor in memory.accounts.items()
        if minor
    }
    found = {}
    for name, balance in accounts_of(state):
        minor = balance.credits_posted - balance.debits_posted
        if name.ledger == EUR and minor:
            found[name.owner, name.kind, name.reference] = minor
    for owner, kind, reference in found.keys() | reckoned.keys():
        held = found.get((owner, kind, reference), 0)
        minor = reckoned.get((owner, kind, reference), 0)
        require(held == minor, "money", f"{AccountKind(kind).name} of {owner} holds {held}, not {minor}")


def _points(memory: Memory, state: State) -> None:
    for seller, programme in memory.points.items():
        ledger = state.programmes[seller, "EUR"].ledger
        for holder in programme.has.keys() | programme.owes.keys():
            owner = state.party(holder).number
            for kind, reckoned in (
                (AccountKind.POINTS_WALLET, programme.has.get(holder, 0)),
                (AccountKind.POINTS_CLAWBACK, -programme.owes.get(holder, 0)),
            ):
                account = state.ledger.find(owner=owner, ledger=ledger, kind=kind)
                held = state.ledger.balance(account).free if account else 0
                require(held == reckoned, "points", f"{kind.name} holds {held}, not {reckoned}")


def _budgets(memory: Memory, state: State) -> None:
    waits = Counter[Digest]()
    for asked in memory.waiting.values():
        if asked.state == "PENDING":
            for link in asked.given.links:
                waits[link] += asked.purchase.total_minor
    for link, count in memory.counts.items():
        counter = state.spending[link, "EUR"]
        found = (
            counter.total_minor,
            counter.reserved_minor,
            counter.day_minor,
            counter.month_minor,
            counter.day_orders,
            counter.open_orders,
            counter.open_holds,
            counter.open_minor,
        )
        require(found == _reckoned(count, counter.day, counter.month), "budget", f"{found} is not {count}")
        require(count.reserved == waits[link], "budget", "what is reserved is not what waits")


def _reckoned(count: Count, day: int, month: int) -> tuple[int, ...]:
    return (
        count.total,
        count.reserved,
        count.days.get(day, 0),
        count.months.get(month, 0),
        count.orders.get(day, 0),
        count.open_orders,
        count.open_holds,
        count.open_minor,
    )


def _papers(memory: Memory, state: State) -> None:
    """Invoices and credit notes, one after the other, are what moved."""
    for seller, papers in memory.papers.items():
        number = state.party(seller).number
        for place, paper in enumerate(papers, start=1):
            row = state.invoices[number, place]
            found = (row.payable_minor, row.net_minor, row.tax_minor, row.fee_minor, row.points)
            reckoned = (paper.payable, paper.net, paper.tax, paper.fee, paper.points)
            require(found == reckoned, "invoices", f"an invoice says {found}, not {reckoned}")
            found_later = (row.corrects, row.refunded_minor)
            require(found_later == (paper.corrects, paper.refunded), "invoices", "another refund")
    written = sum(len(papers) for papers in memory.papers.values())
    require(len(state.invoices) == written, "invoices", "an invoice of nothing")


def _listings(memory: Memory, state: State) -> None:
    for digest, offer in memory.offers.items():
        record = state.offers.get(digest)
        if record is None:  # forgotten: nobody misses it
            sold = any(sale.offer == digest for sale in memory.sales.values())
            require(offer.state != "LIVE" and not sold, "offers", "an offer that somebody needs is gone")
            continue
        stock = state.ledger.balance(record.stock_account)
        left = stock.credits_posted - stock.debits_posted - stock.debits_pending
        require(left == offer.left, "stock", f"{left} steps are left, not {offer.left}")
        require(record.state.value == offer.state, "offers", f"an offer is {record.state.value}")
    for name, wanted in memory.needs.items():
        need = state.needs.get(Digest(name))
        if need is None:
            filled = any(sale.need == name and sale.is_open for sale in memory.sales.values())
            require(wanted.state != "LIVE" and not filled, "needs", "a need that somebody has is gone")
            continue
        value = need.state.value
        require(value == wanted.state, "needs", f"a need is {value}, not {wanted.state}")


def _open_once(memory: Memory) -> None:
    """A need has one open contract and one waiting order at most, a slot of a party one open want."""
    bought, waits, slots = Counter[bytes](), Counter[bytes](), Counter[tuple[PartyId, str]]()
    for sale in memory.sales.values():
        if sale.need and sale.is_open:
            bought[sale.need] += 1
    for asked in memory.waiting.values():
        if asked.purchase.need and asked.state == "PENDING":
            waits[asked.purchase.need] += 1
    for name, wanted in memory.needs.items():
        if wanted.need.slot and (wanted.state == "LIVE" or bought[name]):
            slots[wanted.announcer, wanted.need.slot] += 1
    for counts, what in ((bought, "contracts of one need"), (waits, "orders wait for one need")):
        require(max(counts.values(), default=0) <= 1, "one-order", f"two {what}")
    require(max(slots.values(), default=0) <= 1, "one-order", "two open wants of one slot")


def _sale(memory: Memory, sale: Sale, contract: Contract, state: State) -> None:
    found = contract.state.value
    require(found == sale.state, "contracts", f"a contract is {found}, not {sale.state}")
    units = [
        (u.number, u.quantity_steps, u.net_minor, u.tax_minor, u.fulfilment.value, u.late_credit_minor)
        for u in contract.units
    ]
    parts = [(p.number, p.steps, p.net, p.tax, p.state, p.late_credit) for p in sale.parts]
    require(units == parts, "contracts", f"its units are {units}, not {parts}")
    held = memory.held(AccountKind.ESCROW, sale.buyer_owner, sale.name)
    open_minor = sum(part.total for part in sale.parts if not part.final)
    require(held == open_minor, "captured", f"escrow holds {held}, open units come to {open_minor}")
    listed = memory.promised(sale)
    sides = (contract.buyer, contract.buyer_owner, contract.seller, contract.seller_owner, contract.market)
    parties = (sale.buyer, sale.buyer_owner, listed.seller, listed.owner, sale.market)
    require(sides == parties, "contracts", f"its sides are {sides}, not {parties}")
    captured = sum(part.total for part in sale.parts)
    require(captured == sale.total, "captured", f"units come to {captured}, not {sale.total}")
