"""The whole state of a market: tables, ledger, timers; its roots and its snapshots."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from thingmarket.billing.charges import NO_CHARGES, Charges
from thingmarket.billing.records import InvoiceRecord, Programme, RateRecord
from thingmarket.canonical import pack_bytes, pack_int
from thingmarket.contract.approvals import PendingId, PendingOrder
from thingmarket.contract.contract import Contract
from thingmarket.contract.feedback import Feedback
from thingmarket.contract.personas import Persona
from thingmarket.contract.shadow import Agreement, Proposal
from thingmarket.contract.standing import StandingId, StandingOrder
from thingmarket.errors import Code, Refusal
from thingmarket.identity.autonomy import AutonomyCap
from thingmarket.identity.effective import EffectiveMandate
from thingmarket.identity.things import NO_PROBATION, Probation
from thingmarket.ids import ContractId, Digest, Key, NetworkId, PartyId
from thingmarket.limits import LISTING_KEPT_MS
from thingmarket.market import snapshots
from thingmarket.market.answers import Answers
from thingmarket.market.asked import Asked
from thingmarket.market.beforehand import Beforehand
from thingmarket.market.billed import Billed, InvoiceName
from thingmarket.market.book_index import BookIndex
from thingmarket.market.calendar import Calendar
from thingmarket.market.desk_terms import desk_terms
from thingmarket.market.experience import Experience
from thingmarket.market.inbox import Inbox
from thingmarket.market.indexes import Indexes
from thingmarket.market.ledger_root import LedgerRoot
from thingmarket.market.offers_used import OffersUsed
from thingmarket.market.order_records import FrameRecord, MarketRecord, Seat
from thingmarket.market.owned_things import OwnedThings
from thingmarket.market.proposed import Proposed
from thingmarket.market.quoted import Quoted
from thingmarket.market.records import (
    Answer,
    DeviceRecord,
    MandateRecord,
    MandateState,
    NeedRecord,
    OfferFacts,
    OfferRecord,
    PartyRecord,
    QuestionRecord,
    ThingRecord,
    TimerKind,
)
from thingmarket.market.sealed_uses import SealedUses
from thingmarket.market.timers import Timers
from thingmarket.market.track_record import TrackRecord
from thingmarket.money import currency_of
from thingmarket.policy.guards import GuardRules
from thingmarket.policy.spending import SpendingCounter
from thingmarket.settlement.accounts import AccountKind, Balance
from thingmarket.settlement.ledger import Ledger
from thingmarket.tables import Table, UndoLog
from thingmarket.time import UnixMs
from thingmarket.trading.front import new_desk, restored_desk

_HASH_BYTES: Final = 32
_OPERATOR: Final = 1  # number of the node as a party: the genesis makes it known first


class State:
    """Everything that entries have made. Handlers change it; a refusal takes their changes back."""

    def __init__(self) -> None:
        """Start empty: the first entry is the genesis."""
        self.seq = 0
        self.time_ms = UnixMs(0)
        self.turns = 0  # standing orders that the entries of deadlines at `time_ms` looked at
        self.rules = 0
        self.network_id = NetworkId(b"")
        self.node = PartyId("")
        self.currencies: tuple[str, ...] = ()
        self.tax_basis_points: dict[str, int] = {}
        self.probation = NO_PROBATION
        self.charges = NO_CHARGES
        self.undo = UndoLog()
        self._open_tables_of_parties()
        self._open_tables_of_trade()
        self._open_tables_of_money()
        self._open_tables_of_things()
        self._open_tables_of_orders()
        self.timers = Timers(self._table("timers", tuple[int, TimerKind, bytes], bool))
        self.answers = Answers(self._table("answers", tuple[PartyId, Key], Answer))
        self.ledger = Ledger()
        self.ledger_root = LedgerRoot(self.ledger)
        self.desk = new_desk(ledger=self.ledger, operator=_OPERATOR)
        self._desk_saved = b""  # digest of the desk when a snapshot took it last
        self.books = BookIndex(self.markets, self.frames, self.mandates, self.things)
        self._open_indexes()

    def _open_tables_of_parties(self) -> None:
        self.parties: Table[PartyId, PartyRecord] = self._table("parties", PartyId, PartyRecord)
        self.mandates: Table[Digest, MandateRecord] = self._table("mandates", Digest, MandateRecord)
        self.revoked_links: Table[tuple[PartyId, Digest], int] = self._table(
            "revoked_links", tuple[PartyId, Digest], int
        )
        self.revoked_subjects: Table[tuple[PartyId, PartyId], int] = self._table(
            "revoked_subjects", tuple[PartyId, PartyId], int
        )
        self.epochs: Table[PartyId, int] = self._table("epochs", PartyId, int)

    def _open_tables_of_trade(self) -> None:
        self.offers: Table[Digest, OfferRecord] = self._table("offers", Digest, OfferRecord)
        self.needs: Table[Digest, NeedRecord] = self._table("needs", Digest, NeedRecord)
        self.questions: Table[Digest, QuestionRecord] = self._table("questions", Digest, QuestionRecord)
        self.offer_facts: Table[Digest, OfferFacts] = self._table("offer_facts", Digest, OfferFacts)
        self.pendings: Table[PendingId, PendingOrder] = self._table("pendings", PendingId, PendingOrder)
        self.willing_cosigners: Table[tuple[PartyId, PartyId], int] = self._table(
            "willing_cosigners", tuple[PartyId, PartyId], int
        )
        self.personas: Table[tuple[PartyId, PartyId], Persona] = self._table(
            "personas", tuple[PartyId, PartyId], Persona
        )
        self.contracts: Table[ContractId, Contract] = self._table("contracts", ContractId, Contract)
        self.spending: Table[tuple[Digest, str], SpendingCounter] = self._table(
            "spending", tuple[Digest, str], SpendingCounter
        )
        self.erasures: Table[PartyId, int] = self._table("erasures", PartyId, int)
        self.goods_ledgers: Table[str, int] = self._table("goods_ledgers", str, int)

    def _open_tables_of_money(self) -> None:
        self.invoices: Table[InvoiceName, InvoiceRecord] = self._table(
            "invoices", tuple[int, int], InvoiceRecord
        )
        self.reserves: Table[tuple[PartyId, str, int], int] = self._table(
            "reserves", tuple[PartyId, str, int], int
        )
        self.programmes: Table[tuple[PartyId, str], Programme] = self._table(
            "programmes", tuple[PartyId, str], Programme
        )
        self.points_idle: Table[tuple[PartyId, PartyId, str], int] = self._table(
            "points_idle", tuple[PartyId, PartyId, str], int
        )
        self.rates: Table[Digest, RateRecord] = self._table("rates", Digest, RateRecord)

    def _open_tables_of_things(self) -> None:
        self.devices: Table[PartyId, DeviceRecord] = self._table("devices", PartyId, DeviceRecord)
        self.things: Table[tuple[PartyId, PartyId], ThingRecord] = self._table(
            "things", tuple[PartyId, PartyId], ThingRecord
        )
        self.claims: Table[PartyId, PartyId] = self._table("claims", PartyId, PartyId)
        self.guards: Table[tuple[PartyId, PartyId], GuardRules] = self._table(
            "guards", tuple[PartyId, PartyId], GuardRules
        )
        self.autonomy_caps: Table[tuple[PartyId, PartyId], AutonomyCap] = self._table(
            "autonomy_caps", tuple[PartyId, PartyId], AutonomyCap
        )
        self.proposals: Table[tuple[Digest, PartyId], Proposal] = self._table(
            "proposals", tuple[Digest, PartyId], Proposal
        )
        self.agreements: Table[tuple[PartyId, PartyId], Agreement] = self._table(
            "agreements", tuple[PartyId, PartyId], Agreement
        )
        self.feedback: Table[ContractId, Feedback] = self._table("feedback", ContractId, Feedback)
        self.slots: Table[tuple[PartyId, str], Digest] = self._table("slots", tuple[PartyId, str], Digest)
        self.standing_orders: Table[StandingId, StandingOrder] = self._table(
            "standing_orders", StandingId, StandingOrder
        )

    def _open_tables_of_orders(self) -> None:
        self.markets: Table[int, MarketRecord] = self._table("markets", int, MarketRecord)
        self.seats: Table[int, Seat] = self._table("seats", int, Seat)
        self.frames: Table[tuple[int, int], FrameRecord] = self._table("frames", tuple[int, int], FrameRecord)
        self.expiries: Table[int, int] = self._table("expiries", int, int)
        self.trade_fees: Table[str, int] = self._table("trade_fees", str, int)

    def _open_indexes(self) -> None:
        """Look-ups that follow the tables and stand in no snapshot."""
        self.calendar = Calendar(self.standing_orders)
        self.inbox = Inbox(self.pendings, self.personas, self.willing_cosigners)
        self.sealed_uses = SealedUses(self.pendings, self.contracts, self.standing_orders)
        self.asked = Asked(self.questions)
        self.billed = Billed(self.invoices)
        self.quoted = Quoted(self.rates)
        self.indexes = Indexes(self.offers, self.needs, self.mandates, self.contracts)
        self.proposed = Proposed(self.offers, self.offer_facts, self.indexes.shelves)
        self.track_record = TrackRecord(self.feedback, self.proposals)
        self.owned = OwnedThings(self.things, self.devices)
        self.offers_used = OffersUsed(
            self.contracts, self.pendings, self.questions, self.standing_orders, self.proposals
        )
        self.beforehand = Beforehand(
            self.mandates, self.things, self.revoked_links, self.revoked_subjects, self.autonomy_caps
        )
        self.experience = Experience(self.contracts, self.offers, self.mandates, self.markets)

    def _table(self, name: str, key: object, value: object) -> Table[Any, Any]:
        return Table(name=name, key=key, value=value, undo=self.undo)

    @property
    def effect_tables(self) -> tuple[Table[Any, Any], ...]:
        """Tables that `effects_root` covers."""
        return (
            self.parties,
            self.mandates,
            self.revoked_links,
            self.revoked_subjects,
            self.epochs,
            self.offers,
            self.needs,
            self.questions,
            self.offer_facts,
            self.pendings,
            self.willing_cosigners,
            self.personas,
            self.contracts,
            self.spending,
            self.erasures,
            self.goods_ledgers,
            self.invoices,
            self.reserves,
            self.programmes,
            self.points_idle,
            self.rates,
            self.devices,
            self.things,
            self.claims,
            self.guards,
            self.autonomy_caps,
            self.proposals,
            self.agreements,
            self.feedback,
            self.slots,
            self.standing_orders,
            self.markets,
            self.seats,
            self.frames,
            self.expiries,
            self.trade_fees,
            self.timers.table,
        )

    @property
    def tables(self) -> tuple[Table[Any, Any], ...]:
        """All of them."""
        return (*self.effect_tables, self.answers.table)

    # --- look-ups that refuse

    def party(self, party: PartyId) -> PartyRecord:
        """A known party (UNKNOWN_PARTY)."""
        record = self.parties.get(party)
        if record is None:
            raise Refusal(
                Code.UNKNOWN_PARTY, f"{party[:40]} is not known to this node; admit it first", "ID-8"
            )
        return record

    def mandate(self, leaf: bytes) -> EffectiveMandate:
        """The effective mandate of a presented leaf that still lives (UNKNOWN_MANDATE and kin)."""
        record = self.mandates.get(Digest(leaf))
        if record is None:
            raise Refusal(Code.UNKNOWN_MANDATE, "this mandate was not presented to this node", "MAN-3")
        if record.state is MandateState.REVOKED:
            raise Refusal(Code.MANDATE_REVOKED, "the owner revoked this mandate", "MAN-8")
        if record.state is MandateState.EXPIRED:
            raise Refusal(Code.MANDATE_EXPIRED, "this mandate has expired", "TIM-2")
        mandate = record.effective
        return self._capped(mandate) if self.autonomy_caps else mandate

    def _capped(self, mandate: EffectiveMandate) -> EffectiveMandate:
        """The mandate at the level that its owner lowered its subjects to since it was signed. [TRU-1]"""
        for subject in mandate.subjects:
            cap = self.autonomy_caps.get((mandate.root_owner, subject))
            if cap and mandate.not_before_ms <= cap.time_ms and mandate.autonomy > cap.autonomy:
                mandate = replace(mandate, autonomy=cap.autonomy)
        return mandate

    def currency_under(self, money_ledger: int) -> str:
        """The currency of a money ledger of this node."""
        return next(code for code in self.currencies if currency_of(code).ledger == money_ledger)

    def wallet(self, owner: PartyId, currency: str) -> Balance | None:
        """What a known owner has in a currency, minor units; None when he never used it."""
        number = self.ledger.find(
            owner=self.party(owner).number,
            ledger=currency_of(currency).ledger,
            kind=AccountKind.OWNER_WALLET,
        )
        return None if number is None else self.ledger.balance(number)

    def keep_for_now(self, kind: TimerKind, digest: Digest, now_ms: UnixMs) -> None:
        """An offer, a need or a question ended: it can still be read for some days. [CAT-21]"""
        self.timers.set(now_ms + LISTING_KEPT_MS, kind, digest)

    # --- roots

    def effects_root(self) -> bytes:
        """32 bytes over everything but answers, windows and log head: what `changes nothing` compares."""
        name = hashlib.blake2b(digest_size=_HASH_BYTES, person=b"tm-effects-root")
        for table in self.effect_tables:
            name.update(table.root())
        name.update(self.ledger_root.digest())
        name.update(self.desk.digest)
        return name.digest()

    def state_root(self) -> bytes:
        """32 bytes over the whole state, log head and answers included."""
        name = hashlib.blake2b(self.effects_root(), digest_size=_HASH_BYTES, person=b"tm-state-root")
        name.update(self.answers.table.root())
        name.update(self.head())
        return name.digest()

    def head(self) -> bytes:
        """Where the log stands, and what its first entry fixed."""
        parts = [*map(pack_int, (self.seq, self.time_ms, self.turns, self.rules))]
        parts += [pack_bytes(self.network_id), pack_bytes(self.node.encode())]
        parts += [pack_bytes(",".join(self.currencies).encode()), pack_int(len(self.tax_basis_points))]
        for category, rate in self.tax_basis_points.items():
            parts += [pack_bytes(category.encode()), pack_int(rate)]
        asked = (self.probation.orders_per_day, self.probation.order_minor, self.probation.deliveries)
        charges = self.charges
        kept = (charges.fee_basis_points, charges.reserve_basis_points, charges.reserve_days)
        parts += map(pack_int, asked + kept)
        return b"".join(parts)

    # --- snapshots

    def snapshot(self) -> bytes:
        """The whole state as bytes; the same state gives the same bytes."""
        tables = [table.dump() for table in self.tables]
        return b"".join(snapshots.whole(self.head(), self.tables, tables, self._money, self.desk.snapshot()))

    def frozen(self) -> Iterator[bytes]:
        """The parts of a snapshot of this moment, written as they are asked for; changes are followed then.

        What changes meanwhile is not in it: values never change, so only the tables of them are copied here,
        which takes the time of a hundredth of the writing. Rows stand in the order of their coming.
        """
        self._follow_changes()
        tables = [table.frozen() for table in self.tables]
        return snapshots.whole(self.head(), self.tables, tables, self._money, self._saved_desk())

    def changes(self) -> Iterator[bytes]:
        """The parts of what changed since `frozen` or `restore`, or since the last call: it goes on top."""
        desk = b"" if self.desk.digest == self._desk_saved else self._saved_desk()
        return snapshots.changes(self.head(), self.tables, self.ledger_root, desk)

    @property
    def _money(self) -> tuple[Ledger, LedgerRoot]:
        return self.ledger, self.ledger_root

    def _saved_desk(self) -> bytes:
        self._desk_saved = self.desk.digest
        return self.desk.snapshot()

    def _follow_changes(self) -> None:
        for table in self.tables:
            table.follow_news()
        self.ledger_root.follow_news()

    @classmethod
    def restore(cls, first: bytes, *later: bytes) -> "State":
        """Read a snapshot and the changes on top of it back (MALFORMED).

        Whoever kept them has found them whole and his own: what they say of the roots is taken as it is.
        """
        state = cls()
        parts = snapshots.read(first, later, state._read_head, len(state.tables))
        state.ledger = parts.ledger
        state.ledger_root = LedgerRoot(parts.ledger, parts.ledger_sum)
        for table, loaded in zip(state.tables, parts.tables, strict=True):
            assert loaded.name == table.name, f"snapshot has {loaded.name} in the place of {table.name}"
            table.load(loaded.rows, loaded.sum)
        terms = [desk_terms(record) for record in state.markets.values()]
        state.desk = restored_desk(parts.desk, ledger=state.ledger, operator=_OPERATOR, terms=terms)
        state._desk_saved = state.desk.digest
        state.books.forget()
        state.answers.operator = state.node
        state.experience.take()
        state.undo.forget()
        state._follow_changes()
        return state

    def _read_head(self, read: snapshots.Reader) -> UnixMs:
        """Read what `head` wrote; the time of it."""
        self.seq, self.time_ms = read.number(), UnixMs(read.number())
        self.turns, self.rules = read.number(), read.number()
        self.network_id, self.node = NetworkId(read.data()), PartyId(read.data().decode())
        self.currencies = tuple(filter(None, read.data().decode().split(",")))
        taxes = [(read.data().decode(), read.number()) for _ in range(read.number())]
        self.tax_basis_points = dict(taxes)
        self.probation = Probation(
            orders_per_day=read.number(), order_minor=read.number(), deliveries=read.number()
        )
        self.charges = Charges(
            fee_basis_points=read.number(), reserve_basis_points=read.number(), reserve_days=read.number()
        )
        return self.time_ms
