"""What two sides do about a contract, however it was made: deliver, accept, pay back, cancel, rate."""

from collections.abc import Callable
from functools import partial

from thingmarket.billing.commands import Refund
from thingmarket.contract.cancelling import Cancel
from thingmarket.contract.feedback import AskFeedback, GiveFeedback, feedback_key
from thingmarket.contract.orders import AcceptDelivery, Fulfil, FulfilStep
from thingmarket.identity.envelope import TypeId
from thingmarket.ids import ContractId
from thingmarket.wire import billing, trade, trust
from thingmarket.wire.cancelling import cancel_body
from thingmarket_node.sim.actors import Outcome
from thingmarket_node.sim.people import Person

Arrived = Callable[[int], None]
"""Told of each unit that was delivered."""

_PLANS: tuple[tuple[FulfilStep, ...], ...] = (
    (FulfilStep.READY, FulfilStep.DELIVERED),
    (FulfilStep.DELIVERED,),
    (FulfilStep.READY, FulfilStep.FAILED),
    (FulfilStep.FAILED,),
    (FulfilStep.DELIVERED, FulfilStep.DELIVERED),
    (FulfilStep.READY,),
    (),
)


# --- the seller


def ordered(seller: Person, contract: bytes, arrived: Arrived) -> None:
    """Hear of a contract, and do one of the things that sellers do, for each of its parts."""
    world = seller.world
    for unit in seller.state.contracts[ContractId(contract)].units:
        plan = _PLANS[world.between(0, 1)]
        if world.chance(350):
            plan = _PLANS[world.between(0, len(_PLANS) - 1)]
        begin_s = world.between(0, 400) if world.chance(250) else 0
        for place, step in enumerate(plan):
            least_s = begin_s + place * 20
            act = partial(_act, seller, contract, step, unit.number, arrived)
            seller.later(least_s, least_s + 30, act)
    if world.chance(500):
        seller.later(60, 600, lambda: _afterwards(seller, contract))


def _act(seller: Person, contract: bytes, step: FulfilStep, unit: int, arrived: Arrived) -> None:
    """Report a step of a unit; now and then only a part of it is delivered, and the rest follows."""
    world, part = seller.world, 0
    steps = seller.state.contracts[ContractId(contract)].units[unit - 1].quantity_steps
    if step is FulfilStep.DELIVERED and steps > 1 and world.chance(300):
        part = world.between(1, steps - 1)

    def reported(outcome: Outcome) -> None:
        if not outcome.code and step is FulfilStep.DELIVERED:
            arrived(unit)
            if part:
                rest = len(seller.state.contracts[ContractId(contract)].units)
                seller.later(1, 60, partial(_act, seller, contract, step, rest, arrived))

    body = Fulfil(key=b"", contract=contract, step=step, unit=unit, part_steps=part)
    seller.tell(TypeId.FULFIL, body, trade.fulfil_body, reported)


def _afterwards(seller: Person, contract: bytes) -> None:
    """Pay something back, perhaps more than was paid; ask how it was."""
    world, made = seller.world, seller.state.contracts[ContractId(contract)]
    unit = made.units[world.between(0, len(made.units) - 1)]
    if unit.total_minor and world.chance(700):
        for _ in range(world.between(1, 2)):
            most = unit.total_minor + (unit.total_minor if world.chance(150) else 0)
            body = Refund(key=b"", contract=contract, unit=unit.number, amount_minor=world.between(1, most))
            seller.tell(TypeId.REFUND, body, billing.refund_body)
    if world.chance(300):
        asks = AskFeedback(key=b"", contract=contract)
        seller.tell(TypeId.ASK_FEEDBACK, asks, trust.ask_feedback_body)


# --- the buyer


def find_parcel(buyer: Person, contract: bytes, unit: int) -> None:
    """Accept what came, or say nothing."""
    if buyer.world.chance(650):
        named = unit if buyer.world.chance(700) else 0
        body = AcceptDelivery(key=b"", contract=contract, unit=named)
        buyer.later(0, 90, lambda: buyer.tell(TypeId.ACCEPT_DELIVERY, body, trade.accept_delivery_body))


def cancel(buyer: Person, contract: bytes) -> None:
    """Think better of it, at a price."""
    total_minor = buyer.state.contracts[ContractId(contract)].total_minor
    most = total_minor if buyer.world.chance(700) else total_minor // 10
    body = Cancel(key=b"", contract=contract, max_fee_minor=most)
    buyer.tell(TypeId.CANCEL, body, cancel_body)


def rate(buyer: Person, contract: bytes) -> None:
    """Say that it was good."""
    minted = feedback_key(buyer.state.contracts[ContractId(contract)])
    body = GiveFeedback(key=b"", contract=contract, feedback_key=minted)
    buyer.tell(TypeId.GIVE_FEEDBACK, body, trust.give_feedback_body)
