"""From a choice to an order: the purchase, its sealed parts and its approvals."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from thingmarket.audit.commitments import SALT_BYTES, commit
from thingmarket.audit.receipts import Receipt
from thingmarket.catalog.pricing import Price, price
from thingmarket.contract.orders import Purchase, RetentionClass, SealedRef, check_purchase
from thingmarket.identity.envelope import Signed, TypeId
from thingmarket.identity.terms import Place
from thingmarket.ids import ContractId, Digest, Key, digest
from thingmarket.policy.decision import Decision
from thingmarket.wire.envelope import signed_bytes
from thingmarket.wire.listings import OfferSeen
from thingmarket.wire.trade import purchase_body
from thingmarket_client.decisions import ChoiceRecord
from thingmarket_client.outbox import Letter, SealedPart


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


def seal(delivery: Mapping[RetentionClass, bytes] | None) -> tuple[SealedPart, ...]:
    """Delivery details as parts for the vault, each with a salt of its own."""
    return tuple(
        SealedPart(salt=secrets.token_bytes(SALT_BYTES), data=data, retention=retention)
        for retention, data in (delivery or {}).items()
    )


def sealed_refs(parts: tuple[SealedPart, ...]) -> tuple[SealedRef, ...]:
    """What stands for sealed parts in a command."""
    return tuple(SealedRef(commit(part.salt, part.data), RetentionClass(part.retention)) for part in parts)


def make_order(
    key: Key,
    seen: OfferSeen,
    quantity_steps: int,
    *,
    mandate_leaf: bytes,
    record: ChoiceRecord,
    need: bytes = b"",
    delivery: Mapping[RetentionClass, bytes] | None = None,
    approved_by: bytes = b"",
    points: int = 0,
    point_value_minor: int = 0,
    place: Place | None = None,
) -> Order:
    """Write the purchase and seal the delivery details (OUT_OF_RANGE, BAD_FIELD).

    Points of the seller are redeemed before tax, each for `point_value_minor`.
    """
    cost = price(seen.offer, quantity_steps, seen.tax_basis_points, points * point_value_minor)
    sealed = seal(delivery)
    purchase = Purchase(
        key=key,
        offer=seen.digest,
        quantity_steps=quantity_steps,
        currency=seen.offer.currency,
        total_minor=cost.total_minor,
        need=need,
        delivery=sealed_refs(sealed),
        choice=record.commitment,
        approved_by=approved_by,
        points=points,
        place=place,
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
