"""What must hold in a state that a replay came to, reckoned without the market's own rules."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from thingmarket.contract.contract import Contract
from thingmarket.ids import Digest
from thingmarket.market import books
from thingmarket.market.state import State
from thingmarket.matching.records import Side
from thingmarket.money import currency_of
from thingmarket.settlement.accounts import AccountKind
from thingmarket.settlement.escrow import EscrowState
from thingmarket.trading.resting import RestingOrder

EUR: Final = currency_of("EUR").ledger


def violations(
    state: State, deposited_minor: int, revoked: Mapping[Digest, int], paid: Mapping[int, int]
) -> Iterator[str]:
    """Name what does not add up.

    `revoked` has the log position at which a mandate ended, `paid` what each slot paid at the book.
    """
    yield from _money(state, deposited_minor)
    yield from _holds(state)
    yield from _budgets(state, paid)
    yield from _slots(state)
    for contract in state.contracts.values():
        ended = revoked.get(Digest(contract.mandate_leaf))
        if ended is not None and contract.seq > ended:
            yield f"contract {contract.id.hex()} was made after its mandate was revoked"


def _money(state: State, deposited_minor: int) -> Iterator[str]:
    state.ledger.check_invariants(state.time_ms)
    yield from books.violations(state)
    held = Counter[AccountKind]()
    for name, amount in state.ledger.held(0, state.ledger.size):
        if name.ledger == EUR:
            held[AccountKind(name.kind)] += amount
    came_in = -held.pop(AccountKind.EXTERNAL, 0)
    if (came_in, sum(held.values())) != (deposited_minor, deposited_minor):
        yield f"{deposited_minor} came in, accounts hold {dict(held)}"
    for contract in state.contracts.values():
        yield from _captured(state, contract)


def _captured(state: State, contract: Contract) -> Iterator[str]:
    """What was captured is held, released or refunded, unit by unit."""
    account = state.ledger.find(
        owner=state.party(contract.buyer_owner).number,
        ledger=EUR,
        kind=AccountKind.ESCROW,
        reference=contract.id,
    )
    moved = Counter[EscrowState]()
    for unit in contract.units:
        moved[unit.escrow] += unit.total_minor
    if sum(moved.values()) != contract.total_minor:
        yield f"the units of {contract.id.hex()} are {dict(moved)}, not {contract.total_minor}"
    balance = state.ledger.balance(account) if account else None
    if balance is None or not balance.credits_posted:
        return  # delivery versus payment passes no escrow
    paid_out = moved[EscrowState.RELEASED] + moved[EscrowState.REFUNDED]
    if (balance.credits_posted, balance.debits_posted) != (contract.total_minor, paid_out):
        yield f"escrow of {contract.id.hex()} got and gave {balance}, its units {dict(moved)}"


def resting_of(state: State) -> dict[int, list[RestingOrder]]:
    """Orders that rest, by their slot."""
    desk = state.desk
    return {slot: [_there(desk.order(name)) for name in desk.orders_of(slot)] for slot in state.seats}


def _there(order: RestingOrder | None) -> RestingOrder:
    assert order is not None, "it rests"
    return order


def _holds(state: State) -> Iterator[str]:
    """Wallets and goods hold what their owners' resting orders may cost and deliver, and nothing else."""
    money, goods = Counter[int](), Counter[int]()
    for order in (order for orders in resting_of(state).values() for order in orders):
        listed = state.markets[order.market].listed
        if order.side == Side.BUY:
            money[order.owner] += order.price * order.remaining * listed.tick_minor
        else:
            goods[order.owner] += order.remaining * listed.lot_steps
    for record in state.parties.values():
        for market in state.markets.values():
            for kind, ledger, holds in (
                (AccountKind.OWNER_WALLET, EUR, money),
                (AccountKind.GOODS, market.goods_ledger, goods),
            ):
                account = state.ledger.find(owner=record.number, ledger=ledger, kind=kind)
                balance = state.ledger.balance(account) if account else None
                found = balance.debits_pending if balance else 0
                if found != holds[record.number] or (balance and balance.free < 0):
                    yield f"{kind.name} of {record.id} is {balance}, its orders hold {holds[record.number]}"


def _budgets(state: State, paid: Mapping[int, int]) -> Iterator[str]:
    """Under every mandate: spent is what contracts and waiting orders come to, reserved what waits."""
    spent, reserved = Counter[Digest](), Counter[Digest]()
    for contract in state.contracts.values():
        if contract.mandate_leaf:
            for link in state.mandates[Digest(contract.mandate_leaf)].effective.links:
                spent[link] += contract.total_minor
    for order in state.pendings.values():
        if order.waits:
            for link in order.reservation.links:
                spent[link] += order.purchase.total_minor
                reserved[link] += order.purchase.total_minor
    for slot, orders in resting_of(state).items():
        leaf = state.seats[slot].mandate_leaf
        for link in state.mandates[Digest(leaf)].effective.links if leaf else ():
            spent[link] += paid.get(slot, 0)
            count = state.spending.get((link, "EUR"))
            found = (count.book_orders, count.book_minor) if count else (0, 0)
            tick = {number: record.listed.tick_minor for number, record in state.markets.items()}
            buys = sum(o.price * o.remaining * tick[o.market] for o in orders if o.side == Side.BUY)
            if found != (len(orders), buys):
                yield f"the book of {link.hex()} is {found}, not {(len(orders), buys)}"
    for (link, _), counter in state.spending.items():
        if (counter.total_minor, counter.reserved_minor) != (spent[link], reserved[link]):
            yield f"budget {link.hex()}: {counter}, orders come to {spent[link]}, {reserved[link]} wait"


def _slots(state: State) -> Iterator[str]:
    """At most one order of a slot is open."""
    open_in = Counter[tuple[str, str]]()
    for contract in state.contracts.values():
        filled = contract.need and not contract.over  # what it filled is there until it is over
        slot = state.needs[Digest(contract.need)].need.slot if filled else ""
        if slot:
            open_in[contract.buyer, slot] += 1
    for slot_of, count in open_in.items():
        if count > 1:
            yield f"{count} orders of slot {slot_of} are open"
