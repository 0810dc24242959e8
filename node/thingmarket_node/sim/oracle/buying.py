"""Orders: whether they are made, have to wait or are refused; what is said of them; what they become."""

from dataclasses import dataclass, field

from thingmarket.catalog.offers import Offer
from thingmarket.catalog.terms import SettlementKind
from thingmarket.contract.approvals import Approve, PendingId
from thingmarket.contract.orders import Purchase
from thingmarket.contract.personas import NO_PERSONA
from thingmarket.identity.mandates import Action
from thingmarket.identity.terms import WeeklyWindow
from thingmarket.ids import ContractId, Digest, PartyId
from thingmarket.limits import DAY_MS, MINUTE_MS
from thingmarket.market.entries import Command
from thingmarket_node.sim.oracle import agreeing, budgets, paying, permits
from thingmarket_node.sim.oracle.arithmetic import cost, parts_of, row_of
from thingmarket_node.sim.oracle.memory import Memory
from thingmarket_node.sim.oracle.permits import ASKS, GRANTED, REFUSED, TRIPPED
from thingmarket_node.sim.oracle.rows import Asked, Given, Sale
from thingmarket_node.sim.world import require


@dataclass(slots=True, kw_only=True)
class Order:
    """A purchase with who wants it, when; `said` are those who approved it as it is."""

    body: Purchase
    digest: Digest
    buyer: PartyId
    owner: PartyId
    given: Given | None
    now_ms: int
    said: set[PartyId] = field(default_factory=set)


def order_of(memory: Memory, command: Command, body: Purchase, now_ms: int) -> Order | None:
    """The order that a command is; None when its sender may not act."""
    owner, given = memory.acting(command)
    if owner is None:
        return None
    order = Order(
        body=body,
        digest=command.body_digest,
        buyer=command.header.sender,
        owner=owner,
        given=given,
        now_ms=now_ms,
    )
    if given is not None:
        may = given.cosigners()
        order.said = {
            word.owner
            for word, _ in command.approvals
            if word.owner in may
            and word.body_digest == order.digest
            and word.mandate_leaf == given.leaf
            and word.expires_ms > now_ms
        }
    return order


# --- what may be


def judge(memory: Memory, order: Order, *, needs_room: bool = True) -> str:
    """What has to become of an order."""
    given, body = order.given, order.body
    if not is_listed(memory, order) or not _knows_approval(memory, order):
        return REFUSED
    if given is not None:
        if not permits.may(memory, given, Action.BUY, order.now_ms):
            return REFUSED
        if not budgets.affords(memory, given, body, order.now_ms):
            return REFUSED
        verdict = _asked(memory, order, given)
        if verdict == TRIPPED:
            return TRIPPED
        if verdict == ASKS:
            if len(agreeing.asked_of(memory, given) | order.said) < given.quorum:
                return REFUSED
            waiting = [one for one in memory.waiting.values() if one.state == "PENDING"]
            waits = any(one.purchase.need == body.need for one in waiting)
            return REFUSED if body.need and waits else ASKS
    return GRANTED if not needs_room or is_there(memory, order) else REFUSED


def _asked(memory: Memory, order: Order, given: Given) -> str:
    body = order.body
    earlier = served_by(memory, order)
    yes = order.said | (earlier.said if earlier is not None else set())
    approved = len(yes & given.cosigners()) >= given.quorum
    threshold = min(limit.cosign_above_minor for limit in given.limits(body.currency))
    if approved:
        return GRANTED
    product = memory.offers[Digest(body.offer)].offer.product_id
    found = permits.guard(memory, given, product, body.quantity_steps, order.now_ms)
    if found == TRIPPED:
        return TRIPPED
    return ASKS if found == ASKS or body.total_minor > threshold else GRANTED


def is_listed(memory: Memory, order: Order) -> bool:
    """Whether the shelf has what is ordered, at this total, and it fits the need that it names."""
    body = order.body
    listed = memory.offers.get(Digest(body.offer))
    if listed is None or listed.state != "LIVE" or listed.owner == order.owner:
        return False
    offer = listed.offer
    if not permits.sells(memory, listed.leaf) or body.currency != offer.currency:
        return False
    if not offer.min_steps <= body.quantity_steps <= offer.max_steps:
        return False
    less = _less(memory, order, listed.owner)
    if less is None:
        return False
    net, tax = cost(offer, body.quantity_steps, memory.rates[row_of(offer)], less)
    return net > 0 and body.total_minor == net + tax and _fits(memory, order, offer)


def _less(memory: Memory, order: Order, seller: PartyId) -> int | None:
    """What redeemed points take off the net; None when there are none such."""
    points = order.body.points
    if not points:
        return 0
    programme = memory.points.get(seller)
    if programme is None or programme.has.get(order.owner, 0) < points:
        return None
    if not permits.may(memory, order.given, Action.LOYALTY, order.now_ms):
        return None
    return points * programme.terms.value_minor


def _fits(memory: Memory, order: Order, offer: Offer) -> bool:
    if not order.body.need:
        return True
    wanted = memory.needs.get(order.body.need)
    if wanted is None or wanted.owner != order.owner or wanted.state != "LIVE":
        return False
    need = wanted.need
    right = (need.category, need.unit, need.quantity_steps)
    return right == (offer.category, offer.unit, order.body.quantity_steps)


def is_there(memory: Memory, order: Order) -> bool:
    """Whether goods and money are there."""
    left = memory.offers[Digest(order.body.offer)].left
    return left >= order.body.quantity_steps and memory.wallet(order.owner) >= order.body.total_minor


def _knows_approval(memory: Memory, order: Order) -> bool:
    if not order.body.approved_by:
        return True
    asked = memory.waiting.get(PendingId(order.body.approved_by))
    return asked is not None and (asked.buyer, asked.given.owner) == (order.buyer, order.owner)


def served_by(memory: Memory, order: Order) -> Asked | None:
    """The approved order whose place a purchase takes: it must not be worse in anything."""
    body = order.body
    asked = memory.waiting.get(PendingId(body.approved_by)) if body.approved_by else None
    if asked is None or not asked.missed or order.now_ms >= asked.serves_until_ms:
        return None
    if order.given is None or order.given.leaf != asked.given.leaf:
        return None
    was = asked.purchase
    old, new = memory.offers[Digest(was.offer)], memory.offers[Digest(body.offer)]
    same = (old.owner, old.offer.product_id, old.offer.unit, old.offer.unit_scale, old.offer.terms) == (
        (new.owner, new.offer.product_id, new.offer.unit, new.offer.unit_scale, new.offer.terms)
    )
    less = body.quantity_steps <= was.quantity_steps and body.total_minor <= was.total_minor
    for_a_step = body.total_minor * was.quantity_steps <= was.total_minor * body.quantity_steps
    return asked if same and less and for_a_step and body.currency == was.currency else None


# --- what then is


def wait(memory: Memory, order: Order, name: PendingId) -> None:
    """An order waits for a word; its budget is reserved."""
    given, now_ms = order.given, order.now_ms
    assert given is not None, "an owner asks nobody"
    budgets.place(memory, given, order.body.total_minor, now_ms, waits=True)
    quiet = memory.personas.get((given.owner, given.thing), NO_PERSONA).quiet
    memory.waiting[name] = Asked(
        purchase=order.body,
        digest=order.digest,
        buyer=order.buyer,
        given=given,
        day=now_ms // DAY_MS,
        month=budgets.month_of(now_ms),
        due_ms=min(
            loud_until(now_ms, given.patience_ms, quiet),
            memory.offers[Digest(order.body.offer)].offer.valid_until_ms,
            given.expires_ms,
        ),
        may=agreeing.asked_of(memory, given) | order.said,
        said=set(order.said),
    )


def buy(memory: Memory, order: Order, name: ContractId, seq: int, *, counted: bool = False) -> None:
    """An order becomes a contract; `counted` when its budget was reserved before."""
    earlier = None if counted else served_by(memory, order)
    if earlier is not None:
        earlier.missed, earlier.contract, memory.served = False, name, memory.served + 1
    body, given, now_ms = order.body, order.given, order.now_ms
    if given is not None and not counted:
        budgets.place(memory, given, body.total_minor, now_ms, waits=False)
    listed = memory.offers[Digest(body.offer)]
    offer = listed.offer
    less = _less(memory, order, listed.owner) or 0
    billed = cost(offer, body.quantity_steps, memory.rates[row_of(offer)], less)
    require(name not in memory.sales, "contracts", "two contracts of one name")
    sale = memory.sales[name] = Sale(
        name=name,
        buyer=order.buyer,
        buyer_owner=order.owner,
        leaf=given.leaf if given else b"",
        offer=Digest(body.offer),
        quantity=body.quantity_steps,
        total=body.total_minor,
        need=body.need,
        made_ms=now_ms,
        seq=seq,
        parts=parts_of(offer, body.quantity_steps, billed, body.points, now_ms),
        state="PENDING" if offer.terms.cancel_window_ms else "ACTIVE",
    )
    memory.made.append(sale)
    listed.left -= body.quantity_steps
    if body.need:
        memory.needs[body.need].state = "FILLED"
    if body.points:
        paying.redeem(memory.points[listed.owner], order.owner, body.points, now_ms)
    if offer.terms.settlement is SettlementKind.DVP:
        sale.parts[0].state = "ACCEPTED"
        paying.release(memory, sale, sale.parts[0], now_ms)
        paying.ended(memory, sale, now_ms)
    else:
        memory.move(paying.wallet_of(order.owner), paying.escrow_of(sale), sale.total)


# --- words


def may_speak(memory: Memory, body: Approve, sender: PartyId) -> bool:
    """Whether a word about an order counts."""
    asked = memory.waiting.get(PendingId(body.pending))
    if asked is None or asked.digest != body.body_digest or asked.state != "PENDING":
        return False
    if sender in asked.may:
        return not (body.approved and sender in asked.said)
    return sender == asked.buyer and not body.approved


def speak(memory: Memory, body: Approve, sender: PartyId, *, now_ms: int) -> Order | None:
    """Take a word; the order that has to be made now, if the last yes was said and nothing is missing."""
    asked = memory.waiting[PendingId(body.pending)]
    given = asked.given
    if not body.approved:
        end(memory, asked, "REJECTED" if sender in asked.may else "WITHDRAWN")
        return None
    asked.said.add(sender)
    if len(asked.said) < given.quorum:
        return None
    order = Order(
        body=asked.purchase,
        digest=asked.digest,
        buyer=asked.buyer,
        owner=given.owner,
        given=given,
        now_ms=now_ms,
        said=asked.said,
    )
    good = (
        is_listed(memory, order)
        and permits.may(memory, given, Action.BUY, now_ms)
        and budgets.may_hold(memory, given, order.body.currency)
        and is_there(memory, order)
    )
    if good:
        asked.state = "APPROVED"
        budgets.commit(memory, asked)
        return order
    end(memory, asked, "APPROVED")
    asked.missed = True
    asked.serves_until_ms = min(now_ms + given.patience_ms, given.expires_ms)
    return None


def end(memory: Memory, asked: Asked, then: str) -> None:
    """An order waits no more, and comes to nothing; if it waited at all."""
    if asked.state == "PENDING":
        asked.state = then
        budgets.free(memory, asked)


def loud_until(now_ms: int, wait_ms: int, quiet: tuple[WeeklyWindow, ...]) -> int:
    """Count the milliseconds of every minute that is not quiet, one minute after the other."""
    while wait_ms:
        minute_ends_ms = (now_ms // MINUTE_MS + 1) * MINUTE_MS
        weekday, minute = (now_ms // DAY_MS + 3) % 7, now_ms % DAY_MS // MINUTE_MS
        if any(w.days_mask >> weekday & 1 and w.start_minute <= minute < w.end_minute for w in quiet):
            now_ms = minute_ends_ms
            continue
        passed_ms = min(minute_ends_ms - now_ms, wait_ms)
        now_ms, wait_ms = now_ms + passed_ms, wait_ms - passed_ms
    return now_ms
