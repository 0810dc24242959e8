"""Money of a sale in whole numbers: what it costs, how it is divided, what is invoiced of it."""

from typing import NamedTuple

from thingmarket.catalog.offers import Offer
from thingmarket.limits import DAY_MS
from thingmarket_node.sim.oracle.rows import Part

WHOLE = 10_000


class Billed(NamedTuple):
    """Net and tax of an invoice, minor units."""

    net: int
    tax: int


def row_of(offer: Offer) -> str:
    """Which row of the tax table an offer is taxed by."""
    return f"{offer.jurisdiction}:{offer.tax_category}" if offer.jurisdiction else offer.tax_category


def half_up(numerator: int, denominator: int) -> int:
    """Divide and round to the nearest whole number, a half upwards."""
    return (2 * numerator + denominator) // (2 * denominator)


def cost(offer: Offer, quantity: int, rate: int, less: int = 0) -> Billed:
    """Net and tax of a quantity; points are off the net."""
    net = half_up(offer.price_minor * quantity, offer.price_base_steps) - less
    return Billed(net, half_up(net * rate, WHOLE))


def shared(amount: int, shares: list[int]) -> list[int]:
    """Divide in proportion; what is left over goes one by one to whoever is owed the most."""
    whole = sum(shares)
    given = [amount * share // whole for share in shares]
    while sum(given) < amount:
        owed = [amount * share - got * whole for share, got in zip(shares, given, strict=True)]
        given[owed.index(max(owed))] += 1
    return given


def parts_of(offer: Offer, quantity: int, billed: Billed, points: int, now_ms: int) -> list[Part]:
    """The units of a sale; a share that comes to nothing at all makes none."""
    milestones = offer.terms.milestones
    if not milestones:
        return [Part(1, quantity, billed.net, billed.tax, now_ms + offer.delivery_ms, points)]
    shares = [one.share_millionths for one in milestones]
    columns = [shared(amount, shares) for amount in (quantity, billed.net, billed.tax, points)]
    found = [
        Part(0, steps, net, tax, now_ms + milestone.delivery_ms, less)
        for milestone, steps, net, tax, less in zip(milestones, *columns, strict=True)
        if steps or net or tax or less
    ]
    for number, part in enumerate(found, start=1):
        part.number = number
    return found


def divide(part: Part, steps: int, number: int) -> Part:
    """Take what is not delivered out of a part, as a new one."""
    shares = [steps, part.steps - steps]
    nets, taxes, points = (shared(whole, shares) for whole in (part.net, part.tax, part.points))
    rest = Part(number, shares[1], nets[1], taxes[1], part.deliver_by_ms, points[1], part.state)
    part.steps, part.net, part.tax, part.points = steps, nets[0], taxes[0], points[0]
    return rest


def late_credit(offer: Offer, part: Part, now_ms: int) -> int:
    """What a part that is delivered now owes its buyer."""
    late_ms = now_ms - part.deliver_by_ms
    if late_ms <= 0:
        return 0
    by_time = part.total * offer.terms.late_credit_basis_points_per_day * late_ms // (WHOLE * DAY_MS)
    return min(by_time, part.total * offer.terms.late_credit_max_basis_points // WHOLE)


def billed_of(net: int, payable: int, rate: int) -> Billed:
    """What is invoiced of a net when so much money moves: all of it, or as much as the money pays for."""
    tax = half_up(net * rate, WHOLE)
    return Billed(net, tax) if payable >= net + tax - 1 else most_within(payable, rate)


def most_within(payable: int, rate: int) -> Billed:
    """The largest net that is, with its tax, not above what is paid."""
    least, most = 0, payable
    while least < most:
        middle = (least + most + 1) // 2
        if middle + half_up(middle * rate, WHOLE) <= payable:
            least = middle
        else:
            most = middle - 1
    return Billed(least, half_up(least * rate, WHOLE))
