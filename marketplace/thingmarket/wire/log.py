"""Log entries and outcomes: values to their exact bytes and back. [LOG-1]"""

from thingmarket.billing.charges import NO_CHARGES, Charges, check_charges
from thingmarket.catalog.offers import check_tax_row, row_parts, tax_row
from thingmarket.errors import Code, Refusal
from thingmarket.identity import envelope
from thingmarket.identity.envelope import Signed, TypeId
from thingmarket.identity.parties import Role
from thingmarket.identity.things import NO_PROBATION, Probation
from thingmarket.limits import ENTRY_BYTES_MAX, TAX_ROWS_MAX
from thingmarket.market.entries import (
    Command,
    Entry,
    EntryKind,
    Genesis,
    Notice,
    Outcome,
    RulesSwitch,
    TimersDue,
)
from thingmarket.money import currency_of
from thingmarket.proportions import WHOLE_BASIS_POINTS
from thingmarket.time import UnixMs
from thingmarket.trading.commands import DerivedState
from thingmarket.v1 import envelope_pb2
from thingmarket.v1 import log_pb2 as pb
from thingmarket.wire.commands import read_command
from thingmarket.wire.envelope import fill_decision, read_signed, signed_message, signed_value
from thingmarket.wire.identity import read_key_event
from thingmarket.wire.orders import read_derived_state
from thingmarket.wire.strict import parse
from thingmarket.wire.things import probation_message, probation_value


def genesis_body(
    *,
    network_id: bytes,
    node: Signed,
    currencies: tuple[str, ...],
    tax_basis_points: tuple[tuple[str, int], ...],
    rules: int,
    probation: Probation = NO_PROBATION,
    charges: Charges = NO_CHARGES,
) -> bytes:
    """Write the body of the first entry."""
    rates = [_tax_rate_message(row, rate) for row, rate in sorted(tax_basis_points)]
    message = pb.Genesis(
        network_id=network_id,
        node=signed_message(node),
        currencies=sorted(currencies),
        tax_rates=rates,
        rules=rules,
        probation=probation_message(probation),
        charges=_charges_message(charges),
    )
    return message.SerializeToString(deterministic=True)


def read_genesis(body: bytes) -> Genesis:
    """Read the first entry's body and verify the node's own signature (BAD_SIGNATURE, BAD_FIELD)."""
    message = parse(pb.Genesis, body, ENTRY_BYTES_MAX)
    signed = signed_value(message.node)
    event = read_key_event(signed.payload)
    if signed.type_id != TypeId.KEY_EVENT or event.role is not Role.NODE:
        raise Refusal(Code.WRONG_TYPE, "a genesis carries the key event of a node")
    envelope.verify(signed, event.identity_key)
    if event.network_id != message.network_id:
        raise Refusal(Code.WRONG_NETWORK, "the node's key event is of another network")
    currencies = tuple(currency_of(code).code for code in message.currencies)
    rates = tuple(map(_tax_rate, message.tax_rates))
    if list(currencies) != sorted(set(currencies)) or [c for c, _ in rates] != sorted({c for c, _ in rates}):
        raise Refusal(Code.BAD_FIELD, "currencies and tax categories stand in order, each once")
    if len(rates) > TAX_ROWS_MAX:
        raise Refusal(Code.TOO_LARGE, f"{len(rates)} tax rates; at most {TAX_ROWS_MAX}")
    return Genesis(
        network_id=message.network_id,
        node=event,
        currencies=currencies,
        tax_basis_points=rates,
        rules=message.rules,
        probation=probation_value(message.probation) if message.HasField("probation") else NO_PROBATION,
        charges=_charges_value(message.charges) if message.HasField("charges") else NO_CHARGES,
    )


def _tax_rate_message(row: str, rate: int) -> pb.TaxRate:
    jurisdiction, category = row_parts(row)
    return pb.TaxRate(jurisdiction=jurisdiction, category=category, rate_basis_points=rate)


def _tax_rate(message: pb.TaxRate) -> tuple[str, int]:
    check_tax_row(message.jurisdiction, message.category)
    if not 0 <= message.rate_basis_points <= WHOLE_BASIS_POINTS:
        raise Refusal(Code.OUT_OF_RANGE, "a tax rate lies between 0 and 10,000 basis points")
    return tax_row(message.jurisdiction, message.category), message.rate_basis_points


def _charges_message(charges: Charges) -> pb.Charges | None:
    if charges == NO_CHARGES:
        return None
    return pb.Charges(
        fee_basis_points=charges.fee_basis_points,
        reserve_basis_points=charges.reserve_basis_points,
        reserve_days=charges.reserve_days,
    )


def _charges_value(message: pb.Charges) -> Charges:
    charges = Charges(
        fee_basis_points=message.fee_basis_points,
        reserve_basis_points=message.reserve_basis_points,
        reserve_days=message.reserve_days,
    )
    check_charges(charges)
    return charges


def read_entry(data: bytes) -> Entry:
    """Read an entry back, as replay does; signatures were verified before it was written."""
    message = parse(pb.LogEntry, data, ENTRY_BYTES_MAX)
    content: Genesis | Command | TimersDue | RulesSwitch | DerivedState
    match message.kind:
        case EntryKind.GENESIS:
            content = read_genesis(message.body)
        case EntryKind.COMMAND:
            content = read_command(read_signed(message.body))
        case EntryKind.TIMERS_DUE:
            content = TimersDue()
        case EntryKind.RULES:
            content = RulesSwitch(parse(pb.RulesSwitch, message.body, ENTRY_BYTES_MAX).rules)
        case EntryKind.DERIVED:
            content = read_derived_state(message.body)
        case _:
            raise Refusal(Code.MALFORMED, f"entry {message.seq} is of no known kind")
    return Entry(seq=message.seq, time_ms=UnixMs(message.time_ms), content=content)


def outcome_message(outcome: Outcome) -> pb.Outcome:
    """Write what an entry came to, each part where it stands: every entry has one."""
    message = pb.Outcome(
        seq=outcome.seq,
        code=outcome.code,
        reason=outcome.reason,
        rule=outcome.rule,
        reference=outcome.reference,
        pending=outcome.pending,
        statuses=outcome.statuses,
        events=outcome.events,
    )
    if outcome.decision is not None:
        fill_decision(message.decision, outcome.decision)
    for notice in outcome.notices:
        _fill_notice(message.notices.add(), notice)
    return message


def outcome_bytes(outcome: Outcome) -> bytes:
    """The bytes that a group chains by hash."""
    return outcome_message(outcome).SerializeToString(deterministic=True)


def notice_message(notice: Notice) -> pb.Notice:
    """Write one notice."""
    message = pb.Notice()
    _fill_notice(message, notice)
    return message


def _fill_notice(message: pb.Notice, notice: Notice) -> None:
    message.owner, message.kind = notice.owner, pb.NoticeKind.ValueType(notice.kind)
    message.reference, message.state = notice.reference, notice.state


def node_time_payload(*, network_id: bytes, node: str, time_ms: int) -> bytes:
    """What the node signs for a sender whose clock is wrong."""
    message = envelope_pb2.NodeTime(network_id=network_id, node=node, time_ms=time_ms)
    return message.SerializeToString(deterministic=True)
