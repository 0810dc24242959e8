"""Bodies and rows of trust: lowered autonomy, proposals in the shadow, feedback. [TRU-1]"""

from dataclasses import dataclass

from thingmarket.catalog.attributes import ScaledInteger, check_number
from thingmarket.contract.feedback import (
    AskFeedback,
    Better,
    Feedback,
    FeedbackState,
    GiveFeedback,
    Measured,
    ServiceLevel,
    check_ask_feedback,
    check_give_feedback,
)
from thingmarket.contract.shadow import (
    Agreement,
    Proposal,
    ProposalState,
    ProposeChoice,
    check_propose_choice,
)
from thingmarket.errors import Code, Refusal
from thingmarket.identity.autonomy import LowerAutonomy, check_lower_autonomy
from thingmarket.identity.mandates import Autonomy
from thingmarket.ids import ContractId, Digest, PartyId
from thingmarket.limits import COMMAND_BYTES_MAX
from thingmarket.v1 import catalog_pb2
from thingmarket.v1 import trust_pb2 as pb
from thingmarket.wire.strict import member, parse


@dataclass(frozen=True, slots=True)
class ShadowSeen:
    """How a thing's proposals compare with what its owner bought, and one page of them."""

    thing: PartyId
    agreement: Agreement
    proposals: tuple[Proposal, ...]


def read_lower_autonomy(body: bytes) -> LowerAutonomy:
    """Read and check a lowering."""
    message = parse(pb.LowerAutonomy, body, COMMAND_BYTES_MAX)
    level = member(Autonomy, message.autonomy, "autonomy")
    value = LowerAutonomy(key=message.key, thing=PartyId(message.thing), autonomy=level)
    check_lower_autonomy(value)
    return value


def lower_autonomy_body(value: LowerAutonomy) -> bytes:
    """Write the body of a lowering."""
    message = pb.LowerAutonomy(key=value.key, thing=value.thing, autonomy=int(value.autonomy))  # type: ignore[arg-type]
    return message.SerializeToString(deterministic=True)


def read_propose_choice(body: bytes) -> ProposeChoice:
    """Read and check a proposal."""
    message = parse(pb.ProposeChoice, body, COMMAND_BYTES_MAX)
    value = ProposeChoice(
        key=message.key,
        need=message.need,
        offer=message.offer,
        total_minor=message.total_minor,
        choice=message.choice,
    )
    check_propose_choice(value)
    return value


def propose_choice_body(value: ProposeChoice) -> bytes:
    """Write the body of a proposal."""
    return pb.ProposeChoice(
        key=value.key,
        need=value.need,
        offer=value.offer,
        total_minor=value.total_minor,
        choice=value.choice,
    ).SerializeToString(deterministic=True)


def read_give_feedback(body: bytes) -> GiveFeedback:
    """Read and check a feedback."""
    message = parse(pb.GiveFeedback, body, COMMAND_BYTES_MAX)
    value = GiveFeedback(
        key=message.key,
        contract=message.contract,
        feedback_key=message.feedback_key,
        measured=tuple(map(_measured, message.measured)),
    )
    check_give_feedback(value)
    return value


def _measured(message: pb.Measured) -> Measured:
    if message.better not in Better._value2member_map_:
        raise Refusal(Code.BAD_FIELD, f"{message.name[:40]}: say which way is better", "FBK-3")
    value = ScaledInteger(message.value.steps, message.value.scale, message.value.unit)
    check_number(value, "measured")
    return Measured(message.name, value, Better(message.better))


def give_feedback_body(value: GiveFeedback) -> bytes:
    """Write the body of a feedback."""
    measured = [
        pb.Measured(
            name=one.name,
            value=catalog_pb2.ScaledInteger(
                steps=one.value.steps, scale=one.value.scale, unit=one.value.unit
            ),
            better=int(one.better),  # type: ignore[arg-type]
        )
        for one in value.measured
    ]
    return pb.GiveFeedback(
        key=value.key, contract=value.contract, feedback_key=value.feedback_key, measured=measured
    ).SerializeToString(deterministic=True)


def read_ask_feedback(body: bytes) -> AskFeedback:
    """Read and check a seller's question."""
    message = parse(pb.AskFeedback, body, COMMAND_BYTES_MAX)
    value = AskFeedback(key=message.key, contract=message.contract)
    check_ask_feedback(value)
    return value


def ask_feedback_body(value: AskFeedback) -> bytes:
    """Write the body of a seller's question."""
    return pb.AskFeedback(key=value.key, contract=value.contract).SerializeToString(deterministic=True)


def feedback_row(feedback: Feedback) -> pb.FeedbackRow:
    """Write one feedback for those whom it concerns."""
    return pb.FeedbackRow(
        contract=feedback.contract,
        by=feedback.by,
        about=feedback.about,
        product_id=feedback.product_id,
        time_ms=feedback.time_ms,
        satisfaction_millionths=feedback.satisfaction_millionths,
        levels=[
            pb.ServiceLevel(
                name=level.name,
                promised_steps=level.promised_steps,
                measured_steps=level.measured_steps,
                scale=level.scale,
                unit=level.unit,
                met=level.met,
            )
            for level in feedback.levels
        ],
        seq=feedback.seq,
    )


def read_feedback_row(row: pb.FeedbackRow) -> Feedback:
    """Read one feedback; the buyer's owner is not told."""
    return Feedback(
        contract=ContractId(row.contract),
        state=FeedbackState.GIVEN,
        by=PartyId(row.by),
        by_owner=PartyId(""),
        about=PartyId(row.about),
        product_id=row.product_id,
        time_ms=row.time_ms,
        seq=row.seq,
        levels=tuple(
            ServiceLevel(
                name=level.name,
                promised_steps=level.promised_steps,
                measured_steps=level.measured_steps,
                scale=level.scale,
                unit=level.unit,
                met=level.met,
            )
            for level in row.levels
        ),
    )


def feedback_request(*, received: bool, after_seq: int = 0) -> pb.ListFeedbackRequest:
    """Ask for feedback given, or got."""
    return pb.ListFeedbackRequest(received=received, after_seq=after_seq)


def shadow_request(thing: str, after_seq: int = 0) -> pb.GetShadowRequest:
    """Ask how a thing's proposals compare with what its owner bought."""
    return pb.GetShadowRequest(thing=thing, after_seq=after_seq)


def shadow_message(seen: ShadowSeen) -> pb.GetShadowResponse:
    """Write the comparison."""
    counts = seen.agreement
    return pb.GetShadowResponse(
        sums=pb.ShadowRow(
            thing=seen.thing,
            decided=counts.decided,
            agreed=counts.agreed,
            same_product=counts.same_product,
            differed=counts.differed,
            not_bought=counts.not_bought,
        ),
        proposals=[
            pb.ProposalRow(
                need=one.need,
                thing=one.thing,
                offer=one.offer,
                total_minor=one.total_minor,
                currency=one.currency,
                time_ms=one.time_ms,
                state=one.state.value,
                contract=one.contract,
                seq=one.seq,
            )
            for one in seen.proposals
        ],
    )


def read_shadow(message: pb.GetShadowResponse) -> ShadowSeen:
    """Read the comparison."""
    sums = message.sums
    return ShadowSeen(
        thing=PartyId(sums.thing),
        agreement=Agreement(
            agreed=sums.agreed,
            same_product=sums.same_product,
            differed=sums.differed,
            not_bought=sums.not_bought,
        ),
        proposals=tuple(
            Proposal(
                need=Digest(row.need),
                thing=PartyId(row.thing),
                owner=PartyId(""),
                offer=Digest(row.offer),
                total_minor=row.total_minor,
                currency=row.currency,
                time_ms=row.time_ms,
                seq=row.seq,
                state=ProposalState(row.state),
                contract=row.contract,
            )
            for row in message.proposals
        ),
    )
