"""The market that benches buy in: a seller, eight owners, things under all that a mandate can ask."""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from thingmarket.catalog.attributes import Attribute, ScaledInteger
from thingmarket.catalog.needs import Need
from thingmarket.catalog.offers import FulfilmentKind, Offer
from thingmarket.contract.orders import AcceptDelivery, Fulfil, FulfilStep, FundRequest, Purchase
from thingmarket.errors import Code, Refusal
from thingmarket.identity import did
from thingmarket.identity.cards import NodeCard
from thingmarket.identity.envelope import Signed, TypeId, sign
from thingmarket.identity.keys import SigningKey
from thingmarket.identity.mandates import (
    CERTIFICATE_PREFIX,
    Action,
    Autonomy,
    Mandate,
    SpendingLimit,
    mandate_digest,
)
from thingmarket.identity.scopes import Scope
from thingmarket.identity.terms import Week, WeeklyWindow
from thingmarket.ids import Digest, Key, PartyId, make_key
from thingmarket.limits import DAY_MS, HOUR_MS, MINUTE_MS
from thingmarket.time import UnixMs
from thingmarket.wire import catalog, identity, reads, trade
from thingmarket_client.keystore import OwnerKeys
from thingmarket_client.mandates import only, root_link
from thingmarket_client.outbox import Letter
from thingmarket_client.session.session import Caller, Session
from thingmarket_client.witness import Witness

THINGS: Final = 64
OWNERS: Final = 8
PRICE_MINOR: Final = 1_000
TOTAL_MINOR: Final = 1_190
FUNDS_MINOR: Final = 10_000_000_00
MANY: Final = 1_000_000_000
CATEGORY: Final = "44103105"
CERTIFICATE: Final = "ce"


@dataclass(slots=True)
class Buyer:
    """A thing with its session and its mandate."""

    session: Session
    leaf: bytes
    caller: Caller


@dataclass(frozen=True, slots=True)
class Crowd:
    """A seller with an offer, and those who buy from him."""

    seller: Session
    offer: Digest
    buyers: list[Buyer]

    async def close(self) -> None:
        """Hang up, all of them."""
        for session in (self.seller, *(buyer.session for buyer in self.buyers)):
            await session.close()

    async def reconnect(self, *, alone: bool) -> None:
        """Hang up and come again, each thing on a line of its own or on shared ones."""
        for buyer in self.buyers:
            card = buyer.session.card
            await buyer.session.close()
            buyer.session = Session(card, buyer.caller, Witness(card), alone=alone)

    async def buy(self, buyer: Buyer) -> None:
        """One piece, paid into escrow."""
        await self.buy_for(buyer)

    async def trade(self, buyer: Buyer) -> None:
        """One piece, delivered, accepted and paid out."""
        contract, delivered, accepted = await self.buy_for(buyer), new_key(), new_key()
        report = Fulfil(key=delivered, contract=contract, step=FulfilStep.DELIVERED)
        await send(self.seller, TypeId.FULFIL, trade.fulfil_body(report))
        thanks = AcceptDelivery(key=accepted, contract=contract)
        await send(buyer.session, TypeId.ACCEPT_DELIVERY, trade.accept_delivery_body(thanks), buyer.leaf)

    async def look(self, buyer: Buyer) -> None:
        """Read the offer."""
        await buyer.session.ask(lambda query: query.GetOffer, reads.offer_request(self.offer))

    async def announce(self, buyer: Buyer) -> None:
        """Say what is needed."""
        need = Need(
            key=new_key(),
            title="A piece",
            category=CATEGORY,
            quantity_steps=1,
            unit="C62",
            valid_until_ms=now_ms() + HOUR_MS,
        )
        try:
            await send(buyer.session, TypeId.ANNOUNCE_NEED, catalog.announce_need_body(need), buyer.leaf)
        except Refusal as refusal:
            if refusal.number != Code.FULL:  # an owner has so many needs at most
                raise

    async def buy_for(self, buyer: Buyer, total_minor: int = TOTAL_MINOR) -> bytes:
        """The contract over one piece, when that is what it costs (WRONG_TOTAL)."""
        order = Purchase(
            key=new_key(), offer=self.offer, quantity_steps=1, currency="EUR", total_minor=total_minor
        )
        return await send(buyer.session, TypeId.PURCHASE, trade.purchase_body(order), buyer.leaf)


async def crowd(card: NodeCard, things: int = THINGS) -> Crowd:
    """Admit and fund the owners, present the mandates, publish the offer."""
    seller_keys, seller = await admitted_owner(card)
    offer = await send(seller, TypeId.PUBLISH_OFFER, catalog.publish_offer_body(_offer()))
    buyers: list[Buyer] = []
    for _ in range(OWNERS):
        keys, session = await admitted_owner(card)
        wish = FundRequest(key=new_key(), currency="EUR", amount_minor=FUNDS_MINOR)
        await send(session, TypeId.FUND_REQUEST, trade.fund_request_body(wish))
        buyers += [await _buyer(card, keys, seller_keys.id) for _ in range(things // OWNERS)]
        await session.close()
    return Crowd(seller, Digest(offer), buyers)


async def send(session: Session, type_id: TypeId, body: bytes, leaf: bytes = b"") -> bytes:
    """Send a command without an outbox; what it made."""
    letter = Letter(key=Key(body[2:18]), type_id=type_id, body=body, mandate_leaf=leaf)
    return (await session.submit(letter)).made().reference


def _offer() -> Offer:
    return Offer(
        key=new_key(),
        product_id="bench-piece",
        title="A piece",
        category=CATEGORY,
        attributes=(
            Attribute(CERTIFICATE_PREFIX + CERTIFICATE, True),
            Attribute("co2", ScaledInteger(250, 0, "GRM")),
            Attribute("warranty", ScaledInteger(730, 0, "DAY")),
        ),
        unit="C62",
        currency="EUR",
        price_minor=PRICE_MINOR,
        price_base_steps=1,
        tax_category="S",
        stock_steps=MANY,
        min_steps=1,
        max_steps=10,
        valid_until_ms=now_ms() + DAY_MS,
        fulfilment=FulfilmentKind.VIRTUAL,
        delivery_ms=HOUR_MS,
        inspection_ms=HOUR_MS,
        jurisdiction="DE",
    )


async def admitted_owner(card: NodeCard) -> tuple[OwnerKeys, Session]:
    """An owner whom the node knows."""
    keys = OwnerKeys.made(network_id=card.key_event.network_id, now_ms=now_ms())
    caller = Caller(party=keys.id, key=keys.signing_key, key_event=keys.key_event)
    session = Session(card, caller, Witness(card))
    await send(session, TypeId.ADMIT_PARTY, identity.admit_party_body(new_key(), keys.key_event))
    return keys, session


async def _buyer(card: NodeCard, owner: OwnerKeys, seller: PartyId) -> Buyer:
    key = SigningKey.from_seed(secrets.token_bytes(32))
    plain = _link(card, owner, key)
    mandate = full(identity.read_mandate(plain.payload), card=card, seller=seller)
    link = sign(TypeId.MANDATE, identity.mandate_payload(mandate), owner.signing_key)
    return await _presented(card, key, link)


async def plain_buyer(card: NodeCard, owner: OwnerKeys, *, actions: Sequence[Action]) -> Buyer:
    """A thing that may do these things, with spending limits and no other conditions."""
    key = SigningKey.from_seed(secrets.token_bytes(32))
    return await _presented(card, key, _link(card, owner, key, actions))


def _link(
    card: NodeCard, owner: OwnerKeys, key: SigningKey, actions: Sequence[Action] | None = None
) -> Signed:
    return root_link(
        owner.signing_key,
        owner=owner.id,
        subject=PartyId(did.encode(key.public)),
        network_id=card.key_event.network_id,
        autonomy=Autonomy.ADAPTABLE,
        not_before_ms=now_ms() - MINUTE_MS,
        actions=actions,
        limits=[_limit()],
    )


async def _presented(card: NodeCard, key: SigningKey, link: Signed) -> Buyer:
    caller = Caller(party=PartyId(did.encode(key.public)), key=key)
    session = Session(card, caller, Witness(card))
    await send(session, TypeId.PRESENT_MANDATE, identity.present_mandate_body(new_key(), [link]))
    return Buyer(session, mandate_digest(identity.read_mandate(link.payload)), caller)


def full(plain: Mandate, *, card: NodeCard, seller: PartyId) -> Mandate:
    """A mandate in which every field asks something of a purchase; what is new to mandates is put here."""
    return replace(
        plain,
        categories=Scope(include=("43", "4410"), exclude=("44101",)),
        counterparties=only(seller, plain.root_owner),
        deny_counterparties=(plain.root_owner,),
        nodes=only(card.node_id),
        min_assurance=1,
        required_certificates=(CERTIFICATE,),
        windows=Week(windows=(WeeklyWindow(days_mask=127, start_minute=0, end_minute=1_440),)),
        delivery_max_ms=DAY_MS,
        warranty_min_days=365,
        co2_max_grams=1_000,
        signed_bytes=b"",
    )


def _limit() -> SpendingLimit:
    return SpendingLimit(
        currency="EUR",
        per_item_minor=100_00,
        per_order_minor=100_00,
        per_day_minor=FUNDS_MINOR,
        per_month_minor=FUNDS_MINOR,
        total_minor=FUNDS_MINOR,
        cosign_above_minor=50_00,
        orders_per_day=MANY,
        max_open_orders=MANY,
        max_open_holds=MANY,
        liability_cap_minor=FUNDS_MINOR,
    )


def now_ms() -> UnixMs:
    """The time of this machine, Unix milliseconds."""
    return UnixMs(time.time_ns() // 1_000_000)


def new_key() -> Key:
    """A fresh idempotency key."""
    return make_key(now_ms(), secrets.token_bytes(10))
