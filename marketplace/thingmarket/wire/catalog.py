"""Bodies of the catalogue: exact bytes to checked offers and needs, and back. [CAT-8] [CAT-3]"""

from thingmarket.catalog.attributes import Attribute, AttributeValue, ScaledInteger
from thingmarket.catalog.needs import (
    Comparison,
    Constraint,
    Favourite,
    Need,
    Preference,
    Wish,
    WithdrawNeed,
    check_need,
    check_withdraw_need,
)
from thingmarket.catalog.offers import FulfilmentKind, Offer, WithdrawOffer, check_offer, check_withdraw_offer
from thingmarket.catalog.questions import AnswerFacts, AskFacts, check_answer_facts, check_ask_facts
from thingmarket.catalog.terms import PLAIN_TERMS, Milestone, SettlementKind, Terms
from thingmarket.errors import Code, Refusal
from thingmarket.limits import COMMAND_BYTES_MAX
from thingmarket.v1 import catalog_pb2 as pb
from thingmarket.wire.strict import member, parse


def read_publish_offer(body: bytes) -> Offer:
    """Read and check an offer from its exact bytes, whose SHA-256 is the offer's name."""
    message = parse(pb.PublishOffer, body, COMMAND_BYTES_MAX)
    offer = Offer(
        key=message.key,
        product_id=message.product_id,
        title=message.title,
        category=message.category,
        attributes=tuple(_attribute(attribute) for attribute in message.attributes),
        unit=message.unit,
        unit_scale=message.unit_scale,
        currency=message.currency,
        price_minor=message.price_minor,
        price_base_steps=message.price_base_steps,
        tax_category=message.tax_category,
        stock_steps=message.stock_steps,
        min_steps=message.min_steps,
        max_steps=message.max_steps,
        valid_until_ms=message.valid_until_ms,
        fulfilment=member(FulfilmentKind, message.fulfilment, "fulfilment"),
        delivery_ms=message.delivery_ms,
        inspection_ms=message.inspection_ms,
        jurisdiction=message.jurisdiction,
        terms=_terms(message.terms) if message.HasField("terms") else PLAIN_TERMS,
    )
    check_offer(offer)
    return offer


def publish_offer_body(offer: Offer) -> bytes:
    """Write the body of an offer."""
    return pb.PublishOffer(
        key=offer.key,
        product_id=offer.product_id,
        title=offer.title,
        category=offer.category,
        attributes=[pb.Attribute(name=a.name, value=_value_message(a.value)) for a in offer.attributes],
        unit=offer.unit,
        unit_scale=offer.unit_scale,
        currency=offer.currency,
        price_minor=offer.price_minor,
        price_base_steps=offer.price_base_steps,
        tax_category=offer.tax_category,
        stock_steps=offer.stock_steps,
        min_steps=offer.min_steps,
        max_steps=offer.max_steps,
        valid_until_ms=offer.valid_until_ms,
        fulfilment=pb.FulfilmentKind.ValueType(offer.fulfilment),
        delivery_ms=offer.delivery_ms,
        inspection_ms=offer.inspection_ms,
        jurisdiction=offer.jurisdiction,
        terms=None if offer.terms is PLAIN_TERMS else _terms_message(offer.terms),
    ).SerializeToString(deterministic=True)


def _terms(message: pb.Terms) -> Terms:
    fees = {
        name: getattr(message, name) if message.HasField(name) else None
        for name in ("cancel_planned_basis_points", "cancel_ready_basis_points")
    }
    return Terms(
        settlement=member(SettlementKind, message.settlement, "settlement"),
        milestones=tuple(
            Milestone(title=m.title, share_millionths=m.share_millionths, delivery_ms=m.delivery_ms)
            for m in message.milestones
        ),
        late_credit_basis_points_per_day=message.late_credit_basis_points_per_day,
        late_credit_max_basis_points=message.late_credit_max_basis_points,
        grace_ms=message.grace_ms,
        cancel_window_ms=message.cancel_window_ms,
        **fees,
    )


def _terms_message(terms: Terms) -> pb.Terms:
    return pb.Terms(
        settlement=pb.SettlementKind.ValueType(terms.settlement),
        milestones=[
            pb.Milestone(title=m.title, share_millionths=m.share_millionths, delivery_ms=m.delivery_ms)
            for m in terms.milestones
        ],
        late_credit_basis_points_per_day=terms.late_credit_basis_points_per_day,
        late_credit_max_basis_points=terms.late_credit_max_basis_points,
        grace_ms=terms.grace_ms,
        cancel_window_ms=terms.cancel_window_ms,
        cancel_planned_basis_points=terms.cancel_planned_basis_points,
        cancel_ready_basis_points=terms.cancel_ready_basis_points,
    )


def read_withdraw_offer(body: bytes) -> WithdrawOffer:
    """Read the end of an offer."""
    message = parse(pb.WithdrawOffer, body, COMMAND_BYTES_MAX)
    withdrawal = WithdrawOffer(key=message.key, offer=message.offer)
    check_withdraw_offer(withdrawal)
    return withdrawal


def withdraw_offer_body(withdrawal: WithdrawOffer) -> bytes:
    """Write the end of an offer."""
    message = pb.WithdrawOffer(key=withdrawal.key, offer=withdrawal.offer)
    return message.SerializeToString(deterministic=True)


def read_announce_need(body: bytes) -> Need:
    """Read and check a need from its exact bytes, whose SHA-256 is the need's name."""
    need = need_value(parse(pb.AnnounceNeed, body, COMMAND_BYTES_MAX))
    check_need(need)
    return need


def need_value(message: pb.AnnounceNeed) -> Need:
    """A need as its message says it, not checked yet."""
    return Need(
        key=message.key,
        title=message.title,
        category=message.category,
        product_id=message.product_id,
        unit=message.unit,
        unit_scale=message.unit_scale,
        quantity_steps=message.quantity_steps,
        must=tuple(constraint_value(constraint) for constraint in message.must),
        prefer=tuple(_wish(wish) for wish in message.prefer),
        valid_until_ms=message.valid_until_ms,
        slot=message.slot,
    )


def announce_need_body(need: Need) -> bytes:
    """Write the body of a need."""
    return need_message(need).SerializeToString(deterministic=True)


def need_message(need: Need) -> pb.AnnounceNeed:
    """Write a need."""
    return pb.AnnounceNeed(
        key=need.key,
        title=need.title,
        category=need.category,
        product_id=need.product_id,
        unit=need.unit,
        unit_scale=need.unit_scale,
        quantity_steps=need.quantity_steps,
        must=map(constraint_message, need.must),
        prefer=map(_wish_message, need.prefer),
        valid_until_ms=need.valid_until_ms,
        slot=need.slot,
    )


def constraint_message(constraint: Constraint) -> pb.Constraint:
    """Write a condition."""
    return pb.Constraint(
        attribute=constraint.attribute,
        comparison=pb.Comparison.ValueType(constraint.comparison),
        values=[_value_message(value) for value in constraint.values],
    )


def read_withdraw_need(body: bytes) -> WithdrawNeed:
    """Read the end of a need."""
    message = parse(pb.WithdrawNeed, body, COMMAND_BYTES_MAX)
    withdrawal = WithdrawNeed(key=message.key, need=message.need)
    check_withdraw_need(withdrawal)
    return withdrawal


def withdraw_need_body(withdrawal: WithdrawNeed) -> bytes:
    """Write the end of a need."""
    message = pb.WithdrawNeed(key=withdrawal.key, need=withdrawal.need)
    return message.SerializeToString(deterministic=True)


def read_ask_facts(body: bytes) -> AskFacts:
    """Read a question, whose SHA-256 is its name."""
    message = parse(pb.AskFacts, body, COMMAND_BYTES_MAX)
    question = AskFacts(
        key=message.key, offer=message.offer, names=tuple(message.names), deadline_ms=message.deadline_ms
    )
    check_ask_facts(question)
    return question


def ask_facts_body(question: AskFacts) -> bytes:
    """Write a question."""
    return pb.AskFacts(
        key=question.key, offer=question.offer, names=question.names, deadline_ms=question.deadline_ms
    ).SerializeToString(deterministic=True)


def read_answer_facts(body: bytes) -> AnswerFacts:
    """Read an answer."""
    message = parse(pb.AnswerFacts, body, COMMAND_BYTES_MAX)
    answer = AnswerFacts(
        key=message.key,
        question=message.question,
        offer=message.offer,
        attributes=tuple(_attribute(attribute) for attribute in message.attributes),
    )
    check_answer_facts(answer)
    return answer


def answer_facts_body(answer: AnswerFacts) -> bytes:
    """Write an answer."""
    return pb.AnswerFacts(
        key=answer.key,
        question=answer.question,
        offer=answer.offer,
        attributes=[pb.Attribute(name=a.name, value=_value_message(a.value)) for a in answer.attributes],
    ).SerializeToString(deterministic=True)


def _attribute(message: pb.Attribute) -> Attribute:
    return Attribute(message.name, _value(message.value))


def constraint_value(message: pb.Constraint) -> Constraint:
    """Read a condition, not checked yet (BAD_FIELD)."""
    comparison = member(Comparison, message.comparison, "comparison")
    values = tuple(_value(value) for value in message.values)
    return Constraint(message.attribute, comparison, values)


def _wish(message: pb.Preference) -> Wish:
    if message.favourites:
        if message.HasField("ideal") or message.HasField("worst"):
            raise Refusal(Code.BAD_FIELD, "a preference states favourites, or an ideal and a worst")
        return Favourite(
            attribute=message.attribute,
            values=tuple(map(_value, message.favourites)),
            weight_millionths=message.weight_millionths,
        )
    if not (message.HasField("ideal") and message.HasField("worst")):
        raise Refusal(Code.BAD_FIELD, "a preference states both its ideal and its worst")
    return Preference(
        attribute=message.attribute,
        ideal=_number(message.ideal),
        worst=_number(message.worst),
        weight_millionths=message.weight_millionths,
    )


def _wish_message(wish: Wish) -> pb.Preference:
    if isinstance(wish, Favourite):
        return pb.Preference(
            attribute=wish.attribute,
            favourites=map(_value_message, wish.values),
            weight_millionths=wish.weight_millionths,
        )
    return pb.Preference(
        attribute=wish.attribute,
        ideal=_number_message(wish.ideal),
        worst=_number_message(wish.worst),
        weight_millionths=wish.weight_millionths,
    )


def _number(message: pb.ScaledInteger) -> ScaledInteger:
    return ScaledInteger(message.steps, message.scale, message.unit)


def _number_message(number: ScaledInteger) -> pb.ScaledInteger:
    return pb.ScaledInteger(steps=number.steps, scale=number.scale, unit=number.unit)


def _value(message: pb.AttributeValue) -> AttributeValue:
    match message.WhichOneof("value"):
        case "number":
            return _number(message.number)
        case "text":
            return message.text
        case "flag":
            return message.flag
    raise Refusal(Code.BAD_FIELD, "an attribute or constraint has no value")


def _value_message(value: AttributeValue) -> pb.AttributeValue:
    if isinstance(value, ScaledInteger):
        return pb.AttributeValue(number=_number_message(value))
    return pb.AttributeValue(flag=value) if isinstance(value, bool) else pb.AttributeValue(text=value)
