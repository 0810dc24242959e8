"""What buyers, sellers and the operator ask of contracts and money, each as one value. [BUY-1]"""

from dataclasses import dataclass
from enum import IntEnum, unique

from thingmarket.catalog.attributes import check_name
from thingmarket.catalog.labels import check_label
from thingmarket.errors import Code, Refusal
from thingmarket.identity.terms import Place, check_coarse
from thingmarket.ids import CONTRACT_ID_BYTES, DIGEST_BYTES, KEY_BYTES, checked_bytes, checked_id
from thingmarket.limits import FACTS_MAX, ID_CHARS_MAX, INTEGER_MAX, SEALED_PARTS_MAX, UNITS_MAX
from thingmarket.money import checked_amount, currency_of
from thingmarket.policy.decision import Fact
from thingmarket.quantity import checked_steps

COMMITMENT_BYTES = 32


@unique
class RetentionClass(IntEnum):
    """How long sealed bytes have to be kept. [PRI-3]"""

    TAX = 1
    CONTRACT = 2
    TELEMETRY = 3
    CONSENT = 4


@unique
class FulfilStep(IntEnum):
    """What a seller can report. [FUL-2]"""

    READY = 1
    DELIVERED = 2
    FAILED = 3


@dataclass(frozen=True, slots=True)
class SealedRef:
    """Stands for bytes in the vault: their salted commitment of 32 bytes and how long they stay. [PRI-1]"""

    commitment: bytes
    retention: RetentionClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """Buys at a posted price. `total_minor` is what the buyer reckons to pay, tax included.

    `offer` and `need` are digests of bodies; `need`, `choice` and `approved_by` (an approved order
    that this one takes the place of) are empty when there is none. `points` are redeemed before tax,
    `place` is where it is bought for.
    """

    key: bytes
    offer: bytes
    quantity_steps: int
    currency: str
    total_minor: int
    need: bytes = b""
    delivery: tuple[SealedRef, ...] = ()
    choice: bytes = b""
    approved_by: bytes = b""
    points: int = 0
    place: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fulfil:
    """The seller's report of a step, with the facts that prove it.

    `unit` 0 is the first that is open; `part_steps` 0 is all of the unit.
    """

    key: bytes
    contract: bytes
    step: FulfilStep
    facts: tuple[Fact, ...] = ()
    unit: int = 0
    part_steps: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptDelivery:
    """The buyer's acceptance of what was delivered, and what he measured; `unit` 0 is the first delivered."""

    key: bytes
    contract: bytes
    unit: int = 0
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposit:
    """Money that arrived outside, in minor units; `request` is the digest of the owner's FundRequest."""

    key: bytes
    owner: str
    currency: str
    amount_minor: int
    request: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class FundRequest:
    """An owner's wish for money from the operator's payment rail, in minor units."""

    key: bytes
    currency: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Erase:
    """The sender's wish that the vault forget him."""

    key: bytes


def check_purchase(purchase: Purchase) -> None:
    """Refuse a purchase that breaks a rule of its own fields (BAD_ID, BAD_FIELD, OUT_OF_RANGE)."""
    checked_bytes(purchase.key, KEY_BYTES, "key")
    checked_bytes(purchase.offer, DIGEST_BYTES, "offer")
    checked_steps(purchase.quantity_steps, "quantity_steps")
    currency_of(purchase.currency)
    checked_amount(purchase.total_minor, "total_minor")
    if purchase.need:
        checked_bytes(purchase.need, DIGEST_BYTES, "need")
    check_delivery(purchase.delivery)
    if purchase.choice:
        checked_bytes(purchase.choice, COMMITMENT_BYTES, "choice")
    if purchase.approved_by:
        checked_bytes(purchase.approved_by, CONTRACT_ID_BYTES, "approved_by")
    if not 0 <= purchase.points <= INTEGER_MAX:
        raise Refusal(Code.OUT_OF_RANGE, f"points={purchase.points} is not between 0 and 2^53-1", "PTS-4")
    if purchase.place is not None:
        check_coarse(purchase.place)


def check_delivery(delivery: tuple[SealedRef, ...]) -> None:
    """Refuse over 4 sealed parts, or one that is named twice (BAD_FIELD)."""
    if len(delivery) > SEALED_PARTS_MAX:
        raise Refusal(Code.BAD_FIELD, f"{len(delivery)} sealed parts; at most {SEALED_PARTS_MAX}")
    for sealed in delivery:
        checked_bytes(sealed.commitment, COMMITMENT_BYTES, "commitment")
    if len({sealed.commitment for sealed in delivery}) < len(delivery):
        raise Refusal(Code.BAD_FIELD, "a sealed part is named twice")


def check_fulfil(report: Fulfil) -> None:
    """Refuse a report with bad ids, over 16 facts, or facts that are unnamed, repeated or too big."""
    checked_bytes(report.key, KEY_BYTES, "key")
    checked_bytes(report.contract, CONTRACT_ID_BYTES, "contract")
    _check_unit(report.unit)
    if report.part_steps:
        checked_steps(report.part_steps, "part_steps")
        if report.step is not FulfilStep.DELIVERED:
            raise Refusal(Code.BAD_FIELD, "only what is delivered may be a part of a unit")
    check_facts(report.facts)


def check_facts(facts: tuple[Fact, ...]) -> None:
    """Refuse over 16 facts, or facts that are unnamed, repeated or too big."""
    if len(facts) > FACTS_MAX:
        raise Refusal(Code.BAD_FIELD, f"{len(facts)} facts; at most {FACTS_MAX}")
    for fact in facts:
        check_name(fact.name, "fact")
        if isinstance(fact.value, str):
            check_label(fact.value, ID_CHARS_MAX, fact.name)
        elif not -INTEGER_MAX <= fact.value <= INTEGER_MAX:
            raise Refusal(Code.OUT_OF_RANGE, f"{fact.name}={fact.value} is beyond 2^53-1")
    if len({fact.name for fact in facts}) < len(facts):
        raise Refusal(Code.BAD_FIELD, "a fact is given twice")


def _check_unit(unit: int) -> None:
    if not 0 <= unit <= UNITS_MAX:
        raise Refusal(Code.OUT_OF_RANGE, f"unit={unit} is not between 0 and {UNITS_MAX}")


def check_accept_delivery(acceptance: AcceptDelivery) -> None:
    """Refuse ids of another length, a unit that cannot be, facts that are unnamed, repeated or too big."""
    checked_bytes(acceptance.key, KEY_BYTES, "key")
    checked_bytes(acceptance.contract, CONTRACT_ID_BYTES, "contract")
    _check_unit(acceptance.unit)
    check_facts(acceptance.facts)


def check_deposit(deposit: Deposit) -> None:
    """Refuse bad ids, an unknown currency or an amount that is not positive."""
    checked_bytes(deposit.key, KEY_BYTES, "key")
    checked_id(deposit.owner, "owner")
    currency_of(deposit.currency)
    checked_amount(deposit.amount_minor, "amount_minor")
    checked_bytes(deposit.request, DIGEST_BYTES, "request")


def check_fund_request(request: FundRequest) -> None:
    """Refuse a bad key, an unknown currency or an amount that is not positive."""
    checked_bytes(request.key, KEY_BYTES, "key")
    currency_of(request.currency)
    checked_amount(request.amount_minor, "amount_minor")


def check_erase(wish: Erase) -> None:
    """Refuse a key of another length (BAD_ID)."""
    checked_bytes(wish.key, KEY_BYTES, "key")
