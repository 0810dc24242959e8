"""Queries as the caller asks them, and what an explanation holds; other answers are read by `views`."""

from dataclasses import dataclass

from thingmarket.audit.receipts import Receipt
from thingmarket.identity.envelope import Signed
from thingmarket.market.entries import Notice, Outcome
from thingmarket.market.views import Wanted
from thingmarket.v1 import query_service_pb2 as pb
from thingmarket.wire.catalog import constraint_message, constraint_value, need_message, need_value
from thingmarket.wire.envelope import signed_value
from thingmarket.wire.inbox import PendingSeen, pending_value
from thingmarket.wire.receipts import receipt_value
from thingmarket.wire.views import ContractSeen, contract_value, notice_value, outcome_value


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why something was decided: the logged outcome, the signed command, and the proof of its place.

    The outcome and command are missing for the other side of a contract: they show its owner's budgets.
    """

    outcome: Outcome | None
    command: Signed | None
    receipt: Receipt | None
    contract: ContractSeen | None
    mandate_leaf: bytes
    approval: PendingSeen | None = None


def search_request(wanted: Wanted, *, limit: int, after_seq: int = 0) -> pb.SearchOffersRequest:
    """Ask for live offers."""
    return pb.SearchOffersRequest(
        category=wanted.category,
        product_id=wanted.product_id,
        text=wanted.text,
        must=map(constraint_message, wanted.must),
        currency=wanted.currency,
        need=None if wanted.need is None else need_message(wanted.need),
        leave_out=wanted.leave_out,
        limit=limit,
        after_seq=after_seq,
    )


def wanted_value(request: pb.SearchOffersRequest) -> Wanted:
    """Read what offers are looked for; `Search` checks it (BAD_FIELD)."""
    return Wanted(
        category=request.category,
        product_id=request.product_id,
        text=request.text,
        must=tuple(map(constraint_value, request.must)),
        currency=request.currency,
        need=need_value(request.need) if request.HasField("need") else None,
        leave_out=request.leave_out,
    )


def questions_request(after_seq: int = 0) -> pb.ListQuestionsRequest:
    """Ask for questions of, and to, the caller's owner."""
    return pb.ListQuestionsRequest(after_seq=after_seq)


def offer_request(digest: bytes) -> pb.GetOfferRequest:
    """Ask for one offer."""
    return pb.GetOfferRequest(digest=digest)


def needs_request(after_seq: int = 0) -> pb.ListNeedsRequest:
    """Ask for the needs of the caller's owner."""
    return pb.ListNeedsRequest(after_seq=after_seq)


def contract_request(contract: bytes) -> pb.GetContractRequest:
    """Ask for one contract."""
    return pb.GetContractRequest(contract=contract)


def contracts_request(changed_after_seq: int = 0, after_contract: bytes = b"") -> pb.ListContractsRequest:
    """Ask for contracts that changed after a position, or at it and behind a contract."""
    return pb.ListContractsRequest(changed_after_seq=changed_after_seq, after_contract=after_contract)


def preview_cancel_request(
    *, contract: bytes = b"", offer: bytes = b"", quantity_steps: int = 0
) -> pb.PreviewCancelRequest:
    """Ask what cancelling costs."""
    return pb.PreviewCancelRequest(contract=contract, offer=offer, quantity_steps=quantity_steps)


def standing_orders_request(after_seq: int = 0) -> pb.ListStandingOrdersRequest:
    """Ask for standing orders."""
    return pb.ListStandingOrdersRequest(after_seq=after_seq)


def balances_request() -> pb.GetBalancesRequest:
    """Ask for the balances of the caller."""
    return pb.GetBalancesRequest()


def explain_request(*, contract: bytes = b"", seq: int = 0) -> pb.ExplainRequest:
    """Ask why something was decided."""
    return pb.ExplainRequest(contract=contract, seq=seq)


def read_explanation(message: pb.ExplainResponse) -> Explanation:
    """Read an explanation; its receipt is yet to be checked."""
    return Explanation(
        outcome=outcome_value(message.outcome) if message.HasField("outcome") else None,
        command=signed_value(message.command) if message.HasField("command") else None,
        receipt=receipt_value(message.receipt) if message.HasField("receipt") else None,
        contract=contract_value(message.contract) if message.HasField("contract") else None,
        mandate_leaf=message.mandate_leaf,
        approval=pending_value(message.approval) if message.HasField("approval") else None,
    )


def spending_request(mandate: bytes) -> pb.SpendingRequest:
    """Ask what was spent under a mandate."""
    return pb.SpendingRequest(mandate=mandate)


def unseal_request(contract: bytes, commitment: bytes) -> pb.UnsealRequest:
    """Ask for the bytes behind a commitment."""
    return pb.UnsealRequest(contract=contract, commitment=commitment)


def watch_request() -> pb.WatchRequest:
    """Ask to be told of changes."""
    return pb.WatchRequest()


def read_watch(message: pb.WatchResponse) -> tuple[int, tuple[Notice, ...]]:
    """Read one change: the position up to which all has been told, and the notices."""
    return message.seq, tuple(map(notice_value, message.notices))
