"""Bodies of purchases, fulfilment, money and erasure: exact bytes to checked values and back. [BUY-1]"""

from thingmarket.contract.orders import (
    AcceptDelivery,
    Deposit,
    Erase,
    Fulfil,
    FulfilStep,
    FundRequest,
    Purchase,
    RetentionClass,
    SealedRef,
    check_accept_delivery,
    check_deposit,
    check_erase,
    check_fulfil,
    check_fund_request,
    check_purchase,
)
from thingmarket.errors import Code, Refusal
from thingmarket.identity.terms import Place
from thingmarket.limits import COMMAND_BYTES_MAX
from thingmarket.policy.decision import Fact
from thingmarket.v1 import envelope_pb2 as envelope_pb
from thingmarket.v1 import trade_pb2 as pb
from thingmarket.wire.strict import member, parse


def read_purchase(body: bytes) -> Purchase:
    """Read and check a purchase from its exact bytes."""
    message = parse(pb.Purchase, body, COMMAND_BYTES_MAX)
    purchase = Purchase(
        key=message.key,
        offer=message.offer,
        quantity_steps=message.quantity_steps,
        currency=message.currency,
        total_minor=message.total_minor,
        need=message.need,
        delivery=tuple(sealed_value(sealed) for sealed in message.delivery),
        choice=message.choice,
        approved_by=message.approved_by,
        points=message.points,
        place=_place(message),
    )
    check_purchase(purchase)
    return purchase


def _place(message: pb.Purchase) -> Place | None:
    if not message.HasField("place"):
        return None
    return Place(latitude_e7=message.place.latitude_e7, longitude_e7=message.place.longitude_e7)


def _place_message(place: Place | None) -> pb.Place | None:
    if place is None:
        return None
    return pb.Place(latitude_e7=place.latitude_e7, longitude_e7=place.longitude_e7)


def purchase_body(purchase: Purchase) -> bytes:
    """Write the body of a purchase."""
    return pb.Purchase(
        key=purchase.key,
        offer=purchase.offer,
        quantity_steps=purchase.quantity_steps,
        currency=purchase.currency,
        total_minor=purchase.total_minor,
        need=purchase.need,
        delivery=map(sealed_message, purchase.delivery),
        choice=purchase.choice,
        approved_by=purchase.approved_by,
        points=purchase.points,
        place=_place_message(purchase.place),
    ).SerializeToString(deterministic=True)


def read_fulfil(body: bytes) -> Fulfil:
    """Read and check a seller's report."""
    message = parse(pb.Fulfil, body, COMMAND_BYTES_MAX)
    facts = tuple(_fact(fact) for fact in message.facts)
    report = Fulfil(
        key=message.key,
        contract=message.contract,
        step=member(FulfilStep, message.step, "step"),
        facts=facts,
        unit=message.unit,
        part_steps=message.part_steps,
    )
    check_fulfil(report)
    return report


def fulfil_body(report: Fulfil) -> bytes:
    """Write the body of a seller's report."""
    return pb.Fulfil(
        key=report.key,
        contract=report.contract,
        step=pb.FulfilStep.ValueType(report.step),
        facts=[_fact_message(fact) for fact in report.facts],
        unit=report.unit,
        part_steps=report.part_steps,
    ).SerializeToString(deterministic=True)


def read_accept_delivery(body: bytes) -> AcceptDelivery:
    """Read and check a buyer's acceptance."""
    message = parse(pb.AcceptDelivery, body, COMMAND_BYTES_MAX)
    acceptance = AcceptDelivery(
        key=message.key,
        contract=message.contract,
        unit=message.unit,
        facts=tuple(_fact(fact) for fact in message.facts),
    )
    check_accept_delivery(acceptance)
    return acceptance


def accept_delivery_body(acceptance: AcceptDelivery) -> bytes:
    """Write the body of a buyer's acceptance."""
    message = pb.AcceptDelivery(
        key=acceptance.key,
        contract=acceptance.contract,
        unit=acceptance.unit,
        facts=[_fact_message(fact) for fact in acceptance.facts],
    )
    return message.SerializeToString(deterministic=True)


def read_deposit(body: bytes) -> Deposit:
    """Read and check a deposit; that the operator signed it is for the market to see."""
    message = parse(pb.Deposit, body, COMMAND_BYTES_MAX)
    deposit = Deposit(
        key=message.key,
        owner=message.owner,
        currency=message.currency,
        amount_minor=message.amount_minor,
        request=message.request,
    )
    check_deposit(deposit)
    return deposit


def deposit_body(deposit: Deposit) -> bytes:
    """Write the body of a deposit."""
    return pb.Deposit(
        key=deposit.key,
        owner=deposit.owner,
        currency=deposit.currency,
        amount_minor=deposit.amount_minor,
        request=deposit.request,
    ).SerializeToString(deterministic=True)


def read_fund_request(body: bytes) -> FundRequest:
    """Read and check an owner's wish for money."""
    message = parse(pb.FundRequest, body, COMMAND_BYTES_MAX)
    request = FundRequest(key=message.key, currency=message.currency, amount_minor=message.amount_minor)
    check_fund_request(request)
    return request


def fund_request_body(request: FundRequest) -> bytes:
    """Write the body of an owner's wish for money."""
    message = pb.FundRequest(key=request.key, currency=request.currency, amount_minor=request.amount_minor)
    return message.SerializeToString(deterministic=True)


def read_erase(body: bytes) -> Erase:
    """Read and check a wish to be forgotten."""
    erase = Erase(key=parse(pb.Erase, body, COMMAND_BYTES_MAX).key)
    check_erase(erase)
    return erase


def erase_body(wish: Erase) -> bytes:
    """Write the body of a wish to be forgotten."""
    return pb.Erase(key=wish.key).SerializeToString(deterministic=True)


def sealed_message(sealed: SealedRef) -> pb.SealedRef:
    """Write what stands for sealed bytes."""
    return pb.SealedRef(commitment=sealed.commitment, retention=pb.RetentionClass.ValueType(sealed.retention))


def sealed_value(message: pb.SealedRef) -> SealedRef:
    """Read what stands for sealed bytes (BAD_FIELD)."""
    return SealedRef(message.commitment, member(RetentionClass, message.retention, "retention"))


def _fact(message: envelope_pb.Fact) -> Fact:
    match message.WhichOneof("value"):
        case "integer":
            return Fact(message.name, message.integer)
        case "text":
            return Fact(message.name, message.text)
    raise Refusal(Code.BAD_FIELD, "a fact has no value")


def _fact_message(fact: Fact) -> envelope_pb.Fact:
    if isinstance(fact.value, str):
        return envelope_pb.Fact(name=fact.name, text=fact.value)
    return envelope_pb.Fact(name=fact.name, integer=fact.value)
