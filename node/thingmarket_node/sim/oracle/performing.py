"""What becomes of a sale: steps of the seller, acceptance, cancelling, feedback."""

from thingmarket.catalog.terms import Terms
from thingmarket.contract.cancelling import Cancel
from thingmarket.contract.feedback import AskFeedback, GiveFeedback, minted_key
from thingmarket.contract.orders import AcceptDelivery, Fulfil
from thingmarket.limits import UNITS_MAX
from thingmarket_node.sim.oracle import paying
from thingmarket_node.sim.oracle.arithmetic import WHOLE, divide, late_credit
from thingmarket_node.sim.oracle.memory import Memory
from thingmarket_node.sim.oracle.rows import Part, Sale

STEPS = {
    ("PLANNED", "READY"): "READY",
    ("PLANNED", "DELIVERED"): "DELIVERED",
    ("PLANNED", "FAILED"): "FAILED",
    ("READY", "DELIVERED"): "DELIVERED",
    ("READY", "FAILED"): "FAILED",
}
_NOT_BEGUN = ("PLANNED", "READY")


def part_of(sale: Sale, number: int) -> Part | None:
    """A part by its number; 0 is the first that is open, or the last."""
    if number == 0:
        return next((part for part in sale.parts if not part.final), sale.parts[-1])
    return sale.parts[number - 1] if number <= len(sale.parts) else None


# --- the seller


def may_fulfil(sale: Sale, body: Fulfil) -> bool:
    """Whether a step can follow."""
    part = part_of(sale, body.unit)
    if part is None or (part.state, body.step.name) not in STEPS:
        return False
    if sale.state == "PENDING" and body.step.name != "FAILED":
        return False
    divides = 0 < body.part_steps < part.steps
    return body.part_steps <= part.steps and not (divides and len(sale.parts) >= UNITS_MAX)


def fulfil(memory: Memory, sale: Sale, body: Fulfil, now_ms: int) -> None:
    """A part takes a step, divided before if only some of it came."""
    part = part_of(sale, body.unit)
    assert part is not None, "judged before"
    if 0 < body.part_steps < part.steps:
        sale.parts.append(divide(part, body.part_steps, len(sale.parts) + 1))
    then = STEPS[part.state, body.step.name]
    if then == "FAILED":
        settle(memory, sale, part, then, now_ms)
        return
    part.state = then
    if then == "DELIVERED":
        offer = memory.promised(sale).offer
        part.inspect_by_ms = now_ms + offer.inspection_ms
        part.late_credit = late_credit(offer, part, now_ms)


def settle(memory: Memory, sale: Sale, part: Part, then: str, now_ms: int) -> None:
    """A part is final, and perhaps the sale with it."""
    part.state = then
    if then == "ACCEPTED":
        paying.release(memory, sale, part, now_ms)
    else:
        paying.refund_part(memory, sale, part, 0, now_ms)
    paying.ended(memory, sale, now_ms)


# --- the buyer


def delivered_part(sale: Sale, body: AcceptDelivery) -> Part | None:
    """What an acceptance is of: its unit, or the first that was delivered."""
    if body.unit:
        part = part_of(sale, body.unit)
    else:
        part = next((one for one in sale.parts if one.state == "DELIVERED"), None)
    return part if part is not None and part.state == "DELIVERED" else None


def cancel_fees(memory: Memory, sale: Sale, now_ms: int) -> dict[int, int] | None:
    """What cancelling costs by part; None when it is not possible."""
    terms = memory.promised(sale).offer.terms
    due = {}
    for part in sale.parts:
        if part.state in _NOT_BEGUN:
            fee = _fee(terms, sale, part, now_ms)
            if fee is None:
                return None
            due[part.number] = fee
    return due or None


def _fee(terms: Terms, sale: Sale, part: Part, now_ms: int) -> int | None:
    if sale.state == "PENDING" or now_ms > part.deliver_by_ms:
        return 0
    points = terms.cancel_planned_basis_points
    if part.state == "READY":
        points = terms.cancel_ready_basis_points
    return None if points is None else part.total * points // WHOLE


def cancel(memory: Memory, sale: Sale, body: Cancel, now_ms: int) -> None:
    """Everything that was not delivered ends."""
    due = cancel_fees(memory, sale, now_ms)
    assert due is not None and sum(due.values()) <= body.max_fee_minor, "judged before"
    for number, fee in due.items():
        part = sale.parts[number - 1]
        part.state = "CANCELLED"
        paying.refund_part(memory, sale, part, fee, now_ms)
    paying.ended(memory, sale, now_ms)


# --- feedback


def may_rate(memory: Memory, sale: Sale, side: str, body: GiveFeedback | AskFeedback) -> bool:
    """Whether a sale may be rated, or its buyer asked to."""
    said = memory.rated.get(sale.name, "")
    if sale.is_open:
        return False
    if isinstance(body, AskFeedback):
        return side == "seller" and not said
    came = any(part.state != "CANCELLED" for part in sale.parts)
    right_key = body.feedback_key == minted_key(sale.name, sale.made_ms, sale.seq)
    return side == "buyer" and said != "GIVEN" and came and right_key
