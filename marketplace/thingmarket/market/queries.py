"""Pure reads of the state for the party that asks; what is not his is as if it were not there. [QRY-1]"""

from collections.abc import Sequence
from itertools import islice

from thingmarket.contract.approvals import Approve, PendingId
from thingmarket.contract.contract import Contract
from thingmarket.errors import Code, Refusal
from thingmarket.identity.commands import PresentMandate
from thingmarket.identity.parties import is_thing
from thingmarket.ids import ContractId, Digest, PartyId
from thingmarket.limits import SEARCH_RESULTS_MAX
from thingmarket.market.entries import Command
from thingmarket.market.indexes import Reader
from thingmarket.market.records import ListingState, OfferFacts, OfferRecord
from thingmarket.market.state import State
from thingmarket.market.thing_standing import trades
from thingmarket.market.views import (
    ContractsPage,
    MoneyBalance,
    NeedView,
    OfferView,
    QuestionView,
    SpendingView,
)


def reader_of(state: State, party: PartyId) -> Reader:
    """For whom a party reads: an owner for himself, a thing for the owner of its newest live mandate.

    UNKNOWN_PARTY, MANDATE_REVOKED for a thing without one, NOT_PERMITTED for the operator.
    """
    state.party(party)
    if party == state.node:
        raise Refusal(Code.NOT_PERMITTED, "the operator reads nothing of owners", "QRY-1")
    if not is_thing(party):
        return Reader(party, party)
    timeline = state.indexes.mandates_of.get(party)
    leaf = timeline.newest() if timeline else None
    if leaf is None:
        raise Refusal(Code.MANDATE_REVOKED, "every mandate of this thing was revoked or expired", "QRY-1")
    return Reader(party, state.mandates[leaf].effective.root_owner)


def live_views(state: State, digests: Sequence[Digest]) -> tuple[OfferView, ...]:
    """Those of the offers that still live and are sold from, in the order given."""
    records = ((digest, state.offers.get(digest)) for digest in digests)
    return tuple(
        _offer_view(state, digest, record)
        for digest, record in records
        if record is not None and record.state is ListingState.LIVE and trades(state, record.mandate_leaf)
    )


def offer_view(state: State, digest: bytes) -> OfferView:
    """One offer, whatever its state (UNKNOWN_OFFER)."""
    record = state.offers.get(Digest(digest))
    if record is None:
        raise Refusal(Code.UNKNOWN_OFFER, "no such offer on this node", "QRY-2")
    return _offer_view(state, Digest(digest), record)


def _offer_view(state: State, digest: Digest, record: OfferRecord) -> OfferView:
    facts: OfferFacts | None = state.offer_facts.get(digest)
    return OfferView(
        digest=digest,
        signed_bytes=record.signed_bytes,
        seller_owner=record.seller_owner,
        stock_steps=state.ledger.balance(record.stock_account).free,
        tax_basis_points=state.tax_basis_points[record.offer.tax_row],
        seq=record.seq,
        state=_offer_word(state, record),
        answers=facts.answers if facts else (),
    )


def _offer_word(state: State, record: OfferRecord) -> str:
    """The state as everybody is told it: an offer that lives is held while its thing is. [THG-6]"""
    held = record.state is ListingState.LIVE and not trades(state, record.mandate_leaf)
    return "HELD" if held else record.state.value


def list_questions(state: State, reader: Reader, after_seq: int = 0) -> tuple[QuestionView, ...]:
    """Questions that the reader's owner asked or was asked, oldest first, at most 100. [QRY-8]

    Who asked is not told: the seller answers everybody.
    """
    timeline = state.asked.of.get(reader.owner)
    views = []
    for seq, digest in islice(timeline.after(after_seq), SEARCH_RESULTS_MAX) if timeline else ():
        record = state.questions[digest]
        views.append(
            QuestionView(
                digest=digest,
                offer=record.offer,
                names=record.names,
                deadline_ms=record.deadline_ms,
                state=record.state,
                asked_by_us=record.asker_owner == reader.owner,
                seq=seq,
            )
        )
    return tuple(views)


def list_needs(state: State, reader: Reader, after_seq: int = 0) -> tuple[NeedView, ...]:
    """Needs of the reader's owner, oldest first, at most 100; the last one's `seq` leads on. [QRY-3]"""
    timeline = state.indexes.needs_of.get(reader.owner)
    views = []
    for seq, digest in islice(timeline.after(after_seq), SEARCH_RESULTS_MAX) if timeline else ():
        record = state.needs[digest]
        views.append(
            NeedView(
                digest=digest,
                signed_bytes=record.signed_bytes,
                state=record.word,
                contract=record.contract,
                seq=seq,
            )
        )
    return tuple(views)


def contract_view(state: State, reader: Reader, contract_id: bytes) -> Contract:
    """One contract of the reader (UNKNOWN_CONTRACT, also for a contract of others). [QRY-4]"""
    contract: Contract | None = state.contracts.get(ContractId(contract_id))
    if contract is None or reader not in state.indexes.readers_of(contract):
        raise Refusal(Code.UNKNOWN_CONTRACT, "no such contract of this party", "CON-3")
    return contract


def list_contracts(
    state: State, reader: Reader, changed_after_seq: int = 0, after_contract: bytes = b""
) -> ContractsPage:
    """Contracts that the reader sees, in the order of their last change, at most 100. [QRY-4]

    One entry may change many contracts (deadlines do): a page goes on after the last contract of the one
    before, which `after_contract` names beside its position.
    """
    timeline = state.indexes.contracts_of.get(reader)
    found: list[Contract] = []
    for _, contract_id in timeline.after(changed_after_seq, after_contract) if timeline else ():
        if len(found) == SEARCH_RESULTS_MAX:
            return ContractsPage(tuple(found), more=True)
        found.append(state.contracts[contract_id])
    return ContractsPage(tuple(found), more=False)


def balances(state: State, reader: Reader) -> tuple[MoneyBalance, ...]:
    """Money of an owner who asks himself, one row per currency that he ever used (NOT_PERMITTED)."""
    if reader.party != reader.owner:
        raise Refusal(Code.NOT_PERMITTED, "only the owner himself sees his balances", "QRY-1")
    rows = []
    for currency in state.currencies:
        wallet = state.wallet(reader.owner, currency)
        if wallet is not None:
            row = MoneyBalance(
                currency=currency,
                available_minor=wallet.free,
                escrow_minor=state.indexes.escrow_minor.get((reader.owner, currency), 0),
            )
            rows.append(row)
    return tuple(rows)


def spending(state: State, reader: Reader, mandate: bytes) -> SpendingView:
    """What was spent under a mandate, for its owner and its subject (UNKNOWN_MANDATE)."""
    record = state.mandates.get(Digest(mandate))
    if record is None or reader not in (
        Reader(record.effective.root_owner, record.effective.root_owner),
        Reader(record.effective.subject, record.effective.root_owner),
    ):
        raise Refusal(Code.UNKNOWN_MANDATE, "no such mandate of this party", "QRY-1")
    leaf = record.effective.leaf
    counters = ((currency, state.spending.get((leaf, currency))) for currency in state.currencies)
    return SpendingView(
        tuple((currency, counter) for currency, counter in counters if counter), record.state.value
    )


def may_unseal(state: State, reader: Reader, contract_id: bytes, commitment: bytes) -> PartyId:
    """Whose sealed bytes these are, for the seller's side and for the buyer's owner. [PRI-5]

    UNKNOWN_CONTRACT for everybody else, and for bytes that the contract does not name.
    """
    contract = contract_view(state, reader, contract_id)
    seller = reader.owner == contract.seller_owner
    if commitment not in contract.sealed or not (seller or reader.party == contract.buyer_owner):
        raise Refusal(Code.UNKNOWN_CONTRACT, "no such sealed part of a contract of this party", "PRI-5")
    return contract.buyer_owner


def explained_seq(contract: Contract) -> int:
    """Where the command stands that a contract came of: its own entry, or its standing order's. [STO-3]"""
    return contract.opened_seq or contract.seq


def may_explain(state: State, reader: Reader, command: Command) -> None:
    """Return when the reader sent this command, or owns who sent it (UNKNOWN_ENTRY). [QRY-5]

    Being the other side of a contract is not enough: a decision shows the budgets of its owner. The entry
    that made a contract is its `seq`; `contract_view` tells whether the reader sees it at all.
    """
    if isinstance(command.body, Approve):
        order = state.pendings.get(PendingId(command.body.pending))
        if order is not None and reader.party in (order.owner, order.buyer):
            return  # whoever approved, it was decided by their rules
    owner = _owner_of(state, command)
    if reader not in (Reader(command.header.sender, owner), Reader(owner, owner)):
        raise Refusal(Code.UNKNOWN_ENTRY, "no such command of this party", "QRY-5")


def _owner_of(state: State, command: Command) -> PartyId:
    """For whom a command was sent; a thing that names no known mandate sends for nobody."""
    header, body = command.header, command.body
    if not is_thing(header.sender):
        return header.sender
    if isinstance(body, PresentMandate):
        return body.mandates[0].root_owner
    record = state.mandates.get(Digest(header.mandate_leaf))
    return record.effective.root_owner if record else PartyId("")
