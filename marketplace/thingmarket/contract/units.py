"""Fulfilment units: the parts of a contract that are delivered, accepted and paid one by one. [CON-4]"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from thingmarket.catalog.offers import Offer
from thingmarket.catalog.pricing import Price
from thingmarket.contract.fulfilment import FULFILMENT, FulfilmentState
from thingmarket.settlement.escrow import ESCROW, EscrowState
from thingmarket.values import quick

ONE: Final = 1
"""Number of the first unit, and of the only one of a plain purchase."""


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A part of a contract. Amounts in minor units of its currency, times in Unix milliseconds.

    `number` counts from 1 and never changes; `milestone` is the place in the offer's milestones, from 1, or 0
    when it has none. `invoice` is the number of its invoice, 0 while it has none; what the `points` that
    were redeemed for it are worth is off its net. `cancel_fee_minor` of its total the seller kept.
    A unit may have no goods (a report before a repair) or no money, never neither.
    """

    number: int
    quantity_steps: int
    net_minor: int
    tax_minor: int
    total_minor: int
    fulfilment: FulfilmentState
    escrow: EscrowState
    deliver_by_ms: int
    milestone: int = 0
    inspect_by_ms: int = 0
    delivered_ms: int = 0
    late_credit_minor: int = 0
    invoice: int = 0
    points: int = 0
    cancel_fee_minor: int = 0

    @property
    def final(self) -> bool:
        """Whether nothing more may happen to it."""
        return FULFILMENT.is_final(self.fulfilment)


def parts(amount: int, shares: Sequence[int]) -> tuple[int, ...]:
    """Divide a whole number in the proportion of `shares`, by largest remainder; the parts sum exactly.

    What is left over goes to the largest remainders, among equal ones to the first.
    """
    whole = sum(shares)
    assert whole > 0 and amount >= 0, "something is divided among somebody"
    floors = [amount * share // whole for share in shares]
    remainders = [amount * share % whole for share in shares]
    left = amount - sum(floors)
    for place in sorted(range(len(shares)), key=lambda at: (-remainders[at], at))[:left]:
        floors[place] += 1
    return tuple(floors)


def units_of(
    offer: Offer, price: Price, quantity_steps: int, now_ms: int, points: int = 0
) -> tuple[Unit, ...]:
    """The units of a contract that is made now: one, or one for each milestone of the offer."""
    if not offer.terms.milestones:
        only = planned(ONE, quantity_steps, price.net_minor, price.tax_minor, now_ms + offer.delivery_ms)
        return (replace(only, points=points),) if points else (only,)
    milestones = offer.terms.milestones
    shares = [milestone.share_millionths for milestone in milestones]
    steps, nets, taxes, redeemed = (
        parts(whole, shares) for whole in (quantity_steps, price.net_minor, price.tax_minor, points)
    )
    # [CON-5] a share of next to nothing may come to nothing: then there is nothing to deliver or to pay
    places = [at for at in range(len(milestones)) if steps[at] or nets[at] or taxes[at] or redeemed[at]]
    return tuple(
        replace(
            planned(number, steps[at], nets[at], taxes[at], now_ms + milestones[at].delivery_ms),
            milestone=at + 1,
            points=redeemed[at],
        )
        for number, at in enumerate(places, start=ONE)
    )


def divided(unit: Unit, delivered_steps: int, number: int) -> tuple[Unit, Unit]:
    """A unit of which a part is delivered: it keeps the part, a new unit has the rest. [FUL-6]"""
    rest_steps = unit.quantity_steps - delivered_steps
    assert 0 < delivered_steps < unit.quantity_steps, "a part is less than the whole"
    nets, taxes, points = (
        parts(whole, (delivered_steps, rest_steps)) for whole in (unit.net_minor, unit.tax_minor, unit.points)
    )
    now, later = (
        replace(
            unit, quantity_steps=steps, net_minor=net, tax_minor=tax, total_minor=net + tax, points=redeemed
        )
        for steps, net, tax, redeemed in zip((delivered_steps, rest_steps), nets, taxes, points, strict=True)
    )
    return now, replace(later, number=number)


def planned(number: int, quantity_steps: int, net_minor: int, tax_minor: int, deliver_by_ms: int) -> Unit:
    """A unit of a contract that is made now."""
    return Unit(
        number=number,
        quantity_steps=quantity_steps,
        net_minor=net_minor,
        tax_minor=tax_minor,
        total_minor=net_minor + tax_minor,
        fulfilment=FULFILMENT.start,
        escrow=ESCROW.start,
        deliver_by_ms=deliver_by_ms,
    )
