"""What queries answer: views of the market to messages, and messages to what a client has checked."""

from dataclasses import dataclass, fields
from enum import Enum
from typing import TypeVar

from thingmarket.contract.contract import Contract, ContractState, FulfilmentEvent
from thingmarket.contract.fulfilment import FulfilmentState
from thingmarket.contract.units import Unit
from thingmarket.errors import Code, Refusal
from thingmarket.identity.parties import checked_party_id
from thingmarket.ids import CONTRACT_ID_BYTES, DIGEST_BYTES, ContractId, Digest, PartyId, checked_bytes
from thingmarket.limits import FACTS_MAX, SEALED_PARTS_MAX, SEARCH_RESULTS_MAX, UNITS_MAX
from thingmarket.market.entries import Notice, NoticeKind, Outcome
from thingmarket.market.views import ContractsPage, MoneyBalance, SpendingView
from thingmarket.policy.decision import Fact
from thingmarket.policy.spending import SpendingCounter
from thingmarket.settlement.escrow import EscrowState
from thingmarket.v1 import envelope_pb2, log_pb2
from thingmarket.v1 import query_service_pb2 as pb
from thingmarket.wire.calls import decision_value
from thingmarket.wire.envelope import fact_value
from thingmarket.wire.strict import member

_HISTORY_MAX = 96  # sixteen units of up to four steps each, divisions and what concerns all of them
_NOTICES_MAX = 10_000  # what one entry tells; a message ends long before
_CURRENCIES_MAX = 64
_COUNTS = tuple(field.name for field in fields(SpendingCounter))

E = TypeVar("E", bound=Enum)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractSeen:
    """A contract as its parties see it: all of `Contract` but the buyer's mandate."""

    id: ContractId
    state: ContractState
    fulfilment: FulfilmentState
    escrow: EscrowState
    buyer: PartyId
    buyer_owner: PartyId
    seller: PartyId
    seller_owner: PartyId
    offer: Digest
    need: bytes
    quantity_steps: int
    currency: str
    net_minor: int
    tax_minor: int
    total_minor: int
    sealed: tuple[bytes, ...]
    choice: bytes
    created_ms: int
    deliver_by_ms: int
    inspect_by_ms: int
    seq: int
    changed_seq: int
    history: tuple[FulfilmentEvent, ...]
    units: tuple[Unit, ...]
    opened_seq: int
    market: int


# --- contracts


def contract_message(contract: Contract) -> pb.ContractView:
    """Write a contract for its parties; under which mandate it was made stays with the buyer."""
    return pb.ContractView(
        contract=contract.id,
        state=contract.state.value,
        fulfilment=contract.fulfilment.value,
        escrow=contract.escrow.value,
        buyer_owner=contract.buyer_owner,
        buyer=contract.buyer,
        seller_owner=contract.seller_owner,
        seller=contract.seller,
        offer=contract.offer,
        need=contract.need,
        quantity_steps=contract.quantity_steps,
        currency=contract.currency,
        net_minor=contract.net_minor,
        tax_minor=contract.tax_minor,
        total_minor=contract.total_minor,
        sealed=contract.sealed,
        created_ms=contract.created_ms,
        deliver_by_ms=contract.deliver_by_ms,
        inspect_by_ms=contract.inspect_by_ms,
        seq=contract.seq,
        changed_seq=contract.changed_seq,
        choice=contract.choice,
        history=[_event_message(event) for event in contract.history],
        units=[_unit_message(unit) for unit in contract.units],
        opened_seq=contract.opened_seq,
        market=contract.market,
    )


def contract_value(message: pb.ContractView) -> ContractSeen:
    """Read a contract (BAD_ID, MALFORMED, TOO_LARGE)."""
    if (
        len(message.sealed) > SEALED_PARTS_MAX
        or len(message.history) > _HISTORY_MAX
        or len(message.units) > UNITS_MAX
    ):
        raise Refusal(Code.TOO_LARGE, "more sealed parts, units or steps than a contract has")
    return ContractSeen(
        id=ContractId(checked_bytes(message.contract, CONTRACT_ID_BYTES, "contract")),
        state=member(ContractState, message.state, "state"),
        fulfilment=member(FulfilmentState, message.fulfilment, "state"),
        escrow=member(EscrowState, message.escrow, "state"),
        buyer=checked_party_id(message.buyer),
        buyer_owner=checked_party_id(message.buyer_owner),
        seller=checked_party_id(message.seller),
        seller_owner=checked_party_id(message.seller_owner),
        offer=_offer_of(message),
        need=message.need,
        quantity_steps=message.quantity_steps,
        currency=message.currency,
        net_minor=message.net_minor,
        tax_minor=message.tax_minor,
        total_minor=message.total_minor,
        sealed=tuple(message.sealed),
        choice=message.choice,
        created_ms=message.created_ms,
        deliver_by_ms=message.deliver_by_ms,
        inspect_by_ms=message.inspect_by_ms,
        seq=message.seq,
        changed_seq=message.changed_seq,
        history=tuple(map(_event_value, message.history)),
        units=tuple(map(_unit_value, message.units)),
        opened_seq=message.opened_seq,
        market=message.market,
    )


def _offer_of(message: pb.ContractView) -> Digest:
    """Its offer; a contract of a market has none."""
    return Digest(b"" if message.market else checked_bytes(message.offer, DIGEST_BYTES, "offer"))


def contracts_page_message(page: ContractsPage) -> pb.ListContractsResponse:
    """Write a page of contracts."""
    return pb.ListContractsResponse(contracts=map(contract_message, page.contracts), more=page.more)


def read_contracts(message: pb.ListContractsResponse) -> tuple[tuple[ContractSeen, ...], bool]:
    """Read a page of contracts and whether there are more (TOO_LARGE)."""
    check_page(len(message.contracts))
    return tuple(map(contract_value, message.contracts)), message.more


def _event_message(event: FulfilmentEvent) -> pb.FulfilmentEvent:
    return pb.FulfilmentEvent(
        state=event.state.value,
        seq=event.seq,
        time_ms=event.time_ms,
        cause=event.cause,
        facts=[_fact_message(fact) for fact in event.facts],
        unit=event.unit,
    )


def _event_value(message: pb.FulfilmentEvent) -> FulfilmentEvent:
    if len(message.facts) > FACTS_MAX:
        raise Refusal(Code.TOO_LARGE, f"{len(message.facts)} facts; at most {FACTS_MAX}")
    return FulfilmentEvent(
        state=member(FulfilmentState, message.state, "state"),
        seq=message.seq,
        time_ms=message.time_ms,
        cause=message.cause,
        facts=tuple(map(fact_value, message.facts)),
        unit=message.unit,
    )


_UNIT_FIELDS = tuple(
    name for name in pb.UnitView.DESCRIPTOR.fields_by_name if name not in ("fulfilment", "escrow")
)


def _unit_message(unit: Unit) -> pb.UnitView:
    seen = {name: getattr(unit, name) for name in _UNIT_FIELDS}
    return pb.UnitView(fulfilment=unit.fulfilment.value, escrow=unit.escrow.value, **seen)


def _unit_value(message: pb.UnitView) -> Unit:
    return Unit(
        fulfilment=member(FulfilmentState, message.fulfilment, "state"),
        escrow=member(EscrowState, message.escrow, "state"),
        **{name: getattr(message, name) for name in _UNIT_FIELDS},
    )


def _fact_message(fact: Fact) -> envelope_pb2.Fact:
    if isinstance(fact.value, int):
        return envelope_pb2.Fact(name=fact.name, integer=fact.value)
    return envelope_pb2.Fact(name=fact.name, text=fact.value)


# --- money


def balances_message(rows: tuple[MoneyBalance, ...]) -> pb.GetBalancesResponse:
    """Write balances."""
    return pb.GetBalancesResponse(
        balances=[
            pb.MoneyBalance(
                currency=row.currency, available_minor=row.available_minor, escrow_minor=row.escrow_minor
            )
            for row in rows
        ]
    )


def read_balances(message: pb.GetBalancesResponse) -> tuple[MoneyBalance, ...]:
    """Read balances (TOO_LARGE)."""
    _check_currencies(len(message.balances))
    return tuple(
        MoneyBalance(
            currency=row.currency, available_minor=row.available_minor, escrow_minor=row.escrow_minor
        )
        for row in message.balances
    )


def spending_message(view: SpendingView) -> pb.SpendingResponse:
    """Write the counters of a mandate."""
    counters = [
        pb.SpendingCounter(currency=currency, **{name: getattr(counter, name) for name in _COUNTS})
        for currency, counter in view.counters
    ]
    return pb.SpendingResponse(counters=counters, state=view.state)


def read_spending(message: pb.SpendingResponse) -> SpendingView:
    """Read the counters of a mandate (TOO_LARGE)."""
    _check_currencies(len(message.counters))
    counters = tuple(
        (
            row.currency,
            SpendingCounter(**{name: getattr(row, name) for name in _COUNTS}),
        )
        for row in message.counters
    )
    return SpendingView(counters, message.state)


# --- outcomes


def outcome_value(message: log_pb2.Outcome) -> Outcome:
    """Read what an entry came to (BAD_FIELD, TOO_LARGE)."""
    if len(message.notices) > _NOTICES_MAX:
        raise Refusal(Code.TOO_LARGE, f"{len(message.notices)} notices in one outcome")
    return Outcome(
        seq=message.seq,
        code=message.code,
        reason=message.reason,
        rule=message.rule,
        reference=message.reference,
        pending=message.pending,
        decision=decision_value(message.decision) if message.HasField("decision") else None,
        notices=tuple(map(notice_value, message.notices)),
        statuses=message.statuses,
        events=message.events,
    )


def notice_value(message: log_pb2.Notice) -> Notice:
    """Read one notice (BAD_FIELD)."""
    kind = member(NoticeKind, message.kind, "kind")
    return Notice(PartyId(message.owner), kind, message.reference, message.state)


def check_page(rows: int) -> None:
    """Refuse more rows than one answer has (TOO_LARGE)."""
    if rows > SEARCH_RESULTS_MAX:
        raise Refusal(Code.TOO_LARGE, f"{rows} rows in one answer; at most {SEARCH_RESULTS_MAX}")


def _check_currencies(rows: int) -> None:
    if rows > _CURRENCIES_MAX:
        raise Refusal(Code.TOO_LARGE, f"{rows} currencies in one answer; at most {_CURRENCIES_MAX}")
