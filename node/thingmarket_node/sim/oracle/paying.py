"""Where the money of a sale goes: escrow, release, refund, fee, tax, reserve, points, papers."""

from thingmarket.billing.commands import Refund
from thingmarket.catalog.offers import Offer
from thingmarket.catalog.terms import SettlementKind
from thingmarket.ids import PartyId
from thingmarket.limits import DAY_MS
from thingmarket.settlement.accounts import AccountKind
from thingmarket_node.sim.oracle import budgets
from thingmarket_node.sim.oracle.arithmetic import WHOLE, Billed, billed_of, half_up, most_within, row_of
from thingmarket_node.sim.oracle.memory import Account, Memory
from thingmarket_node.sim.oracle.rows import Listed, Paper, Part, Points, Sale
from thingmarket_node.sim.world import require


def wallet_of(owner: PartyId) -> Account:
    """The account that an owner spends from."""
    return (AccountKind.OWNER_WALLET, owner, b"")


def escrow_of(sale: Sale) -> Account:
    """The account that holds the money of a sale."""
    return (AccountKind.ESCROW, sale.buyer_owner, sale.name)


def release(memory: Memory, sale: Sale, part: Part, now_ms: int) -> None:
    """A part was accepted: everybody gets his share, and an invoice says so."""
    listed = memory.promised(sale)
    if sale.traded is not None:
        _hand_over(memory, listed, sale, part)
    if not part.total:
        return
    over_counter = listed.offer.terms.settlement is SettlementKind.DVP
    source = wallet_of(sale.buyer_owner) if over_counter else escrow_of(sale)
    paper = _divide(memory, sale, part, source, payable=part.total - part.late_credit, now_ms=now_ms)
    memory.move(source, wallet_of(sale.buyer_owner), part.late_credit)
    paper.points = _earn(memory, listed.owner, sale.buyer_owner, paper.net, now_ms)


def _hand_over(memory: Memory, listed: Listed, sale: Sale, part: Part) -> None:
    """Goods of a trade leave the seller's own account for the buyer's."""
    product = listed.offer.product_id
    for owner, moved in ((listed.owner, -part.steps), (sale.buyer_owner, part.steps)):
        memory.goods[owner, product] = memory.goods.get((owner, product), 0) + moved


def refund_part(memory: Memory, sale: Sale, part: Part, fee: int, now_ms: int) -> None:
    """A part came to nothing: its goods go back to the shelf, its money to the buyer, but for a fee."""
    listed = memory.promised(sale)
    listed.left += part.steps
    require(fee <= part.total, "money", "a fee above the whole")
    if fee:
        _divide(memory, sale, part, escrow_of(sale), payable=fee, now_ms=now_ms)
    memory.move(escrow_of(sale), wallet_of(sale.buyer_owner), part.total - fee)
    if part.points:
        programme = memory.points[listed.owner]
        programme.has[sale.buyer_owner] += part.points


def _divide(memory: Memory, sale: Sale, part: Part, source: Account, *, payable: int, now_ms: int) -> Paper:
    """Seller, operator, tax office and reserve get their shares of what is paid; an invoice says so."""
    listed = memory.promised(sale)
    offer, seller = listed.offer, listed.owner
    billed = billed_of(part.net, payable, memory.rates[row_of(offer)])
    tax = billed.tax if offer.jurisdiction else 0
    fee = billed.net * memory.charges.fee_basis_points // WHOLE
    rest = payable - tax - fee
    reserve = rest * memory.charges.reserve_basis_points // WHOLE
    memory.move(source, wallet_of(seller), rest - reserve)
    memory.move(source, (AccountKind.FEE_INCOME, memory.node, b""), fee)
    memory.move(source, (AccountKind.TAX_PAYABLE, memory.node, row_of(offer).encode()), tax)
    memory.move(source, (AccountKind.SELLER_RESERVE, seller, b""), reserve)
    if reserve:
        day = now_ms // DAY_MS
        memory.reserves[seller, day] = memory.reserves.get((seller, day), 0) + reserve
    papers = memory.papers.setdefault(seller, [])
    papers.append(Paper(payable, billed.net, billed.tax, fee, 0))
    part.invoice = len(papers)
    return papers[-1]


def ended(memory: Memory, sale: Sale, now_ms: int) -> None:
    """When all parts are final, the sale is over, and its need open again if nothing came."""
    if not all(part.final for part in sale.parts):
        return
    came = any(part.state == "ACCEPTED" for part in sale.parts)
    sale.state = "COMPLETED" if came else "CANCELLED"
    if sale.leaf:
        budgets.close(memory, memory.mandates[sale.leaf], sale.total)
    if sale.need and not came:
        wanted = memory.needs[sale.need]
        wanted.state = "LIVE" if wanted.need.valid_until_ms > now_ms else "EXPIRED"


# --- points


def _earn(memory: Memory, seller: PartyId, buyer: PartyId, net: int, now_ms: int) -> int:
    programme = memory.points.get(seller)
    points = net * programme.terms.earn_basis_points // WHOLE if programme else 0
    if programme is None or not points:
        return 0
    settled = min(points, programme.owes.get(buyer, 0))
    programme.owes[buyer] = programme.owes.get(buyer, 0) - settled
    programme.has[buyer] = programme.has.get(buyer, 0) + points - settled
    postpone(programme, buyer, now_ms)
    return points


def redeem(programme: Points, holder: PartyId, points: int, now_ms: int) -> None:
    """Points are given for a part of a price."""
    programme.has[holder] -= points
    postpone(programme, holder, now_ms)


def postpone(programme: Points, holder: PartyId, now_ms: int) -> None:
    """Points that were used stay for some days more."""
    if programme.terms.idle_days:
        programme.idle_ms[holder] = (now_ms // DAY_MS + 1 + programme.terms.idle_days) * DAY_MS


# --- paying back


def refusable(memory: Memory, sale: Sale, body: Refund) -> bool:
    """Whether a refund has to be refused: nothing was paid, more than that, or the seller lacks it."""
    paper = _paper_of(memory, sale, body.unit)
    if paper is None or body.amount_minor > paper.payable - paper.refunded:
        return True
    listed = memory.promised(sale)
    back, tax = _taken_back(memory, listed.offer, paper, body.amount_minor)
    has = memory.wallet(listed.owner) + back.fee
    reserve = memory.held(AccountKind.SELLER_RESERVE, listed.owner)
    return body.amount_minor - tax > has + reserve


def refund(memory: Memory, sale: Sale, body: Refund) -> None:
    """The seller pays a part back: the fee and the tax of it come back too, and the points are gone."""
    listed, paper = memory.promised(sale), _paper_of(memory, sale, body.unit)
    assert paper is not None, "judged before"
    seller, buyer = listed.owner, sale.buyer_owner
    back, tax = _taken_back(memory, listed.offer, paper, body.amount_minor)
    row = row_of(listed.offer).encode()
    memory.move((AccountKind.FEE_INCOME, memory.node, b""), wallet_of(seller), back.fee)
    memory.move((AccountKind.TAX_PAYABLE, memory.node, row), wallet_of(buyer), tax)
    wanted = body.amount_minor - tax
    from_wallet = min(wanted, memory.wallet(seller))
    memory.move(wallet_of(seller), wallet_of(buyer), from_wallet)
    memory.move((AccountKind.SELLER_RESERVE, seller, b""), wallet_of(buyer), wanted - from_wallet)
    if back.points:
        programme = memory.points[seller]
        there = min(back.points, programme.has.get(buyer, 0))
        programme.has[buyer] = programme.has.get(buyer, 0) - there
        programme.owes[buyer] = programme.owes.get(buyer, 0) + back.points - there
    paper.refunded += body.amount_minor
    papers = memory.papers[seller]
    back.corrects = sale.parts[body.unit - 1].invoice
    papers.append(back)


def _paper_of(memory: Memory, sale: Sale, unit: int) -> Paper | None:
    if not 1 <= unit <= len(sale.parts) or not sale.parts[unit - 1].invoice:
        return None
    return memory.papers[memory.promised(sale).owner][sale.parts[unit - 1].invoice - 1]


def _taken_back(memory: Memory, offer: Offer, paper: Paper, amount: int) -> tuple[Paper, int]:
    """The credit note of a refund, and what of it the operator collected as tax."""
    rate = memory.rates[row_of(offer)]
    before = _stays(paper, paper.payable - paper.refunded, rate)
    after = _stays(paper, paper.payable - paper.refunded - amount, rate)
    back = Paper(
        payable=amount,
        net=before.net - after.net,
        tax=before.tax - after.tax,
        fee=before.fee - after.fee,
        points=before.points - after.points,
    )
    return back, back.tax if offer.jurisdiction else 0


def _stays(paper: Paper, payable: int, rate: int) -> Paper:
    billed = Billed(paper.net, paper.tax)
    if payable < paper.payable:
        net = min(paper.net, most_within(payable, rate).net)
        billed = Billed(net, half_up(net * rate, WHOLE))
    fee = paper.fee * payable // paper.payable
    return Paper(payable, billed.net, billed.tax, fee, paper.points * payable // paper.payable)
