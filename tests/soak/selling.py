"""The selling thing: offers with different terms, deliveries in parts and late, refunds, questions."""

from dataclasses import replace
from functools import partial
from typing import Any, Final

from tests.soak.client import Client, patient
from thingmarket.billing.commands import OpenProgramme, Refund
from thingmarket.catalog.offers import Offer, WithdrawOffer
from thingmarket.catalog.terms import Milestone, SettlementKind, Terms
from thingmarket.contract.contract import ContractState
from thingmarket.contract.feedback import AskFeedback
from thingmarket.contract.fulfilment import FulfilmentState
from thingmarket.contract.orders import Fulfil, FulfilStep
from thingmarket.contract.units import Unit
from thingmarket.identity.envelope import TypeId
from thingmarket.ids import Key
from thingmarket.limits import DAY_MS, HOUR_MS
from thingmarket.wire import billing, catalog, trade, trust
from thingmarket.wire.views import ContractSeen
from thingmarket_client import Owner, Thing
from thingmarket_client.outbox import Letter

CATEGORY: Final = "44103105"
PRODUCT: Final = "ink-black"
INSPECTION_MS: Final = 3_000  # so that some deliveries are accepted by silence
LATE_MS: Final = 400  # who promises this is late whenever the node dies meanwhile
WINDOW_MS: Final = 1_500
LATE_CREDIT: Final = Terms(
    late_credit_basis_points_per_day=10_000, late_credit_max_basis_points=5_000, grace_ms=HOUR_MS
)
# What the shop promises: title, delivery and terms, of the same ink.
SHELF: Final[tuple[dict[str, Any], ...]] = (
    {"title": "Black ink"},
    {"title": "Black ink, returnable", "terms": Terms(cancel_window_ms=WINDOW_MS)},
    {
        "title": "Black ink, cancellable",
        "terms": Terms(cancel_planned_basis_points=500, cancel_ready_basis_points=2_500),
    },
    {"title": "Black ink at once", "delivery_ms": LATE_MS, "terms": LATE_CREDIT},
    {"title": "Black ink over the counter", "terms": Terms(settlement=SettlementKind.DVP)},
    {
        "title": "Black ink in two parcels",
        "terms": Terms(
            milestones=(
                Milestone(title="first", share_millionths=333_333, delivery_ms=DAY_MS),
                Milestone(title="second", share_millionths=666_667, delivery_ms=2 * DAY_MS),
            )
        ),
    },
)


async def programme(client: Client, merchant: Owner) -> None:
    """Give points for sales."""

    def make(key: Key) -> bytes:
        terms = OpenProgramme(
            key=key, name="drops", currency="EUR", earn_basis_points=500, value_minor=1, idle_days=0
        )
        return billing.open_programme_body(terms)

    await client.say(merchant, TypeId.OPEN_PROGRAMME, make)


async def sells(client: Client, seller: Thing) -> None:
    """Fill the shelf, then do for each order what its turn comes to."""
    shelf: list[bytes] = []
    for shelved in SHELF:
        offer = _offer(seller, shelved)
        letter = Letter(
            key=Key(offer.key),
            type_id=TypeId.PUBLISH_OFFER,
            body=catalog.publish_offer_body(offer),
            mandate_leaf=seller.leaf,
        )
        answer = await client.send(seller, letter)
        assert answer.code == 0, "the shelf is filled"
        shelf.append(answer.reference)
    open_contracts: dict[bytes, ContractSeen] = {}
    since = 0
    while client.goes_on(seller):
        for contract in await patient(partial(seller.contracts, since)):
            since = max(since, contract.changed_seq)
            if contract.seller != seller.id:
                continue
            if contract.state in (ContractState.PENDING, ContractState.ACTIVE):
                open_contracts[contract.id] = contract
            else:
                open_contracts.pop(contract.id, None)
                await _afterwards(client, seller, contract)
        for contract in [one for one in open_contracts.values() if _is_due(one)][:3]:
            del open_contracts[contract.id]  # its next change brings it back
            await _perform(client, seller, contract)
        await client.pause()
    for offer_digest in shelf:
        withdrawal = WithdrawOffer(key=b"", offer=offer_digest)
        await client.say(seller, TypeId.WITHDRAW_OFFER, partial(_withdrawn, withdrawal))


def _withdrawn(withdrawal: WithdrawOffer, key: Key) -> bytes:
    return catalog.withdraw_offer_body(replace(withdrawal, key=key))


def _offer(seller: Thing, shelved: dict[str, Any]) -> Offer:
    return seller.offer(
        product_id=PRODUCT,
        category=CATEGORY,
        currency="EUR",
        price_minor=1_001,
        stock_steps=1_000_000,
        inspection_ms=INSPECTION_MS,
        jurisdiction="DE",
        **shelved,
    )


def _is_due(contract: ContractSeen) -> bool:
    return contract.state is ContractState.ACTIVE and _next(contract) is not None


def _next(contract: ContractSeen) -> Unit | None:
    waiting = (FulfilmentState.PLANNED, FulfilmentState.READY)
    return next((unit for unit in contract.units if unit.fulfilment in waiting), None)


async def _perform(client: Client, seller: Thing, contract: ContractSeen) -> None:
    """One step of one unit: mostly all of it, now and then a part, or that it failed."""
    unit = _next(contract)
    assert unit is not None, "only what is due is performed"
    step, steps = FulfilStep.DELIVERED, 0
    if client.maybe(60):
        step = FulfilStep.FAILED
    elif unit.fulfilment is FulfilmentState.PLANNED and client.maybe(200):
        step = FulfilStep.READY
    elif unit.quantity_steps > 1 and client.maybe(300):
        steps = client.chance.randint(1, unit.quantity_steps - 1)

    def make(key: Key) -> bytes:
        report = Fulfil(key=key, contract=contract.id, step=step, unit=unit.number, part_steps=steps)
        return trade.fulfil_body(report)

    await client.say(seller, TypeId.FULFIL, make)


async def _afterwards(client: Client, seller: Thing, contract: ContractSeen) -> None:
    """Pay something back, now and then more than there is; ask how it was."""
    paid = [unit for unit in contract.units if unit.invoice]
    if paid and client.maybe(120):
        unit = client.chance.choice(paid)
        most = unit.total_minor + (unit.total_minor if client.maybe(200) else 0)
        refund = Refund(
            key=b"",
            contract=contract.id,
            unit=unit.number,
            amount_minor=client.chance.randint(1, most),
        )

        await client.say(seller, TypeId.REFUND, lambda key: billing.refund_body(replace(refund, key=key)))
    if client.maybe(80):
        await client.say(
            seller,
            TypeId.ASK_FEEDBACK,
            lambda key: trust.ask_feedback_body(AskFeedback(key=key, contract=contract.id)),
        )
