"""From a need to an order: candidates, the choice with its reasons, and the purchase that follows."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from thingmarket.audit.commitments import SALT_BYTES, commit
from thingmarket.audit.receipts import Receipt
from thingmarket.catalog.choice import Choice, choose
from thingmarket.catalog.needs import Need
from thingmarket.catalog.pricing import Price, price
from thingmarket.catalog.ranking import Candidate, candidate_of
from thingmarket.contract.orders import Purchase, RetentionClass, SealedRef, check_purchase
from thingmarket.errors import Code, Refusal
from thingmarket.identity.envelope import Signed, TypeId
from thingmarket.ids import ContractId, Digest, Key, digest
from thingmarket.policy.decision import Decision
from thingmarket.wire.envelope import signed_bytes
from thingmarket.wire.listings import OfferSeen
from thingmarket.wire.trade import purchase_body
from thingmarket_client.decisions import ChoiceRecord
from thingmarket_client.outbox import Letter, SealedPart


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The choice among the offers that were found, with all that is needed to order."""

    need: Need
    choice: Choice
    offers: tuple[OfferSeen, ...]

    @property
    def offer(self) -> OfferSeen:
        """The chosen offer (NEED_NOT_MET when none can be bought)."""
        for seen in self.offers:
            if seen.digest == self.choice.chosen:
                return seen
        raise Refusal(Code.NEED_NOT_MET, f"none of {len(self.offers)} offers can be bought")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A purchase, ready to be approved or placed: its body never changes again."""

    letter: Letter
    sealed: tuple[SealedPart, ...]
    price: Price
    currency: str
    record: ChoiceRecord

    @property
    def body_digest(self) -> Digest:
        """What an owner's approval has to name."""
        return digest(self.letter.body)

    @property
    def mandate_leaf(self) -> bytes:
        """The mandate under which it is placed, which an approval names too."""
        return self.letter.mandate_leaf


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """A contract was made; the owner's rules allowed it for the reasons in `decision`."""

    contract: ContractId
    receipt: Receipt
    decision: Decision | None


def candidate(need: Need, seen: OfferSeen) -> Candidate | None:
    """An offer with its total for what the need asks; None when that quantity has no price."""
    return candidate_of(
        need,
        seen.offer,
        digest=seen.digest,
        stock_steps=seen.stock_steps,
        tax_basis_points=seen.tax_basis_points,
        seller=seen.seller_owner,
    )


def choose_among(need: Need, offers: Sequence[OfferSeen]) -> Chosen:
    """Choose by the need's own conditions and wishes (NOT_EXACT for offers in several currencies)."""
    found = [candidate(need, seen) for seen in offers]
    return Chosen(
        need=need, choice=choose(need, [one for one in found if one is not None]), offers=tuple(offers)
    )


def make_order(
    key: Key,
    seen: OfferSeen,
    quantity_steps: int,
    *,
    mandate_leaf: bytes,
    record: ChoiceRecord,
    need: bytes = b"",
    delivery: Mapping[RetentionClass, bytes] | None = None,
) -> Order:
    """Write the purchase and seal the delivery details (OUT_OF_RANGE, BAD_FIELD)."""
    cost = price(seen.offer, quantity_steps, seen.tax_basis_points)
    sealed = tuple(
        SealedPart(salt=secrets.token_bytes(SALT_BYTES), data=data, retention=retention)
        for retention, data in (delivery or {}).items()
    )
    purchase = Purchase(
        key=key,
        offer=seen.digest,
        quantity_steps=quantity_steps,
        currency=seen.offer.currency,
        total_minor=cost.total_minor,
        need=need,
        delivery=tuple(
            SealedRef(commit(part.salt, part.data), RetentionClass(part.retention)) for part in sealed
        ),
        choice=record.commitment,
    )
    check_purchase(purchase)
    letter = Letter(
        key=key,
        type_id=TypeId.PURCHASE,
        body=purchase_body(purchase),
        mandate_leaf=mandate_leaf,
        note=record.note,
    )
    return Order(letter=letter, sealed=sealed, price=cost, currency=seen.offer.currency, record=record)


def approved(order: Order, *approvals: Signed) -> Letter:
    """The order's letter with the owner's approvals attached."""
    letter = order.letter
    return Letter(
        key=letter.key,
        type_id=letter.type_id,
        body=letter.body,
        mandate_leaf=letter.mandate_leaf,
        approvals=tuple(map(signed_bytes, approvals)),
        note=letter.note,
    )
