"""A small world for tests: one pure market, its owners and things, and commands that are really signed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final

from tests.bookkeeping import BookKeeping
from tests.ordering import Ordering
from thingmarket.billing.charges import NO_CHARGES, Charges
from thingmarket.catalog.needs import Need, WithdrawNeed
from thingmarket.catalog.offers import FulfilmentKind, Offer, WithdrawOffer
from thingmarket.catalog.pricing import price
from thingmarket.contract.approvals import AgreeToCosign, Approve, PendingId, PendingOrder
from thingmarket.contract.cancelling import Cancel
from thingmarket.contract.contract import OPEN_STATES, Contract
from thingmarket.contract.orders import (
    AcceptDelivery,
    Erase,
    Fulfil,
    FulfilStep,
    Purchase,
    SealedRef,
)
from thingmarket.contract.personas import Persona, SetPersona
from thingmarket.errors import Refusal
from thingmarket.identity import did
from thingmarket.identity.envelope import Signed, TypeId, sign
from thingmarket.identity.headers import Header
from thingmarket.identity.keys import SigningKey
from thingmarket.identity.mandates import Action, Approval, Autonomy, BoundItem, Mandate, SpendingLimit
from thingmarket.identity.parties import KeyEvent, Role, party_id
from thingmarket.identity.scopes import EVERYTHING, Scope
from thingmarket.identity.terms import Place
from thingmarket.identity.things import NO_PROBATION, Probation
from thingmarket.ids import ContractId, Digest, Key, PartyId, digest, make_key
from thingmarket.limits import CLOCK_SKEW_MS, COMMAND_LIFE_MS, DAY_MS, HOUR_MS
from thingmarket.market import books
from thingmarket.market.denied import COUNTED_CODES
from thingmarket.market.entries import RULES_NOW, EntryKind, Outcome
from thingmarket.market.market import Market
from thingmarket.market.state import State
from thingmarket.money import currency_of
from thingmarket.policy.decision import Fact
from thingmarket.settlement.accounts import AccountKind
from thingmarket.time import UnixMs
from thingmarket.wire import approvals, catalog, identity, trade
from thingmarket.wire.cancelling import cancel_body
from thingmarket.wire.commands import read_command
from thingmarket.wire.envelope import signed_bytes
from thingmarket.wire.log import genesis_body, outcome_bytes, read_entry
from thingmarket.wire.orders import derived_state_body
from thingmarket.wire.signing import entry_bytes, sign_command

NETWORK: Final = b"network of tests"
BEGIN_MS: Final = UnixMs(1_800_000_000_000 // DAY_MS * DAY_MS + DAY_MS // 2)  # noon UTC
TAXES: Final = (("S", 1_900), ("Z", 0))
PRINTER_INK: Final = "44103105"  # UNSPSC
GENEROUS: Final = 1_000_000_00  # minor units; more than any test spends


def limit(most_minor: int = GENEROUS, currency: str = "EUR", **changes: Any) -> SpendingLimit:
    """A spending limit that is `most_minor` everywhere but where `changes` says otherwise."""
    every = SpendingLimit(
        currency=currency,
        per_item_minor=most_minor,
        per_order_minor=most_minor,
        per_day_minor=most_minor,
        total_minor=most_minor,
        cosign_above_minor=most_minor,
    )
    return replace(every, **changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Somebody who signs: an owner or the operator (`owner` is itself, no leaf) or a thing."""

    id: PartyId
    key: SigningKey
    owner: PartyId
    mandate_leaf: bytes = b""


class World(BookKeeping, Ordering):
    """A market with its genesis; every entry that is applied is checked against what always holds."""

    def __init__(
        self,
        currencies: tuple[str, ...] = ("EUR",),
        probation: Probation = NO_PROBATION,
        charges: Charges = NO_CHARGES,
        taxes: tuple[tuple[str, int], ...] = TAXES,
    ) -> None:
        self.time_ms = BEGIN_MS
        self.market = Market()
        self.log: list[bytes] = []  # entries, exactly as they would stand in the journal
        self.outcomes: list[bytes] = []
        self.actors: dict[PartyId, Actor] = {}
        self.currencies = currencies
        self._counter = 0
        seed = sha256(b"the node").digest()
        log_key, tls_key = (SigningKey.from_seed(sha256(name).digest()).public for name in (b"log", b"tls"))
        event = self._key_event(Role.NODE, seed, log_key=log_key, tls_key=tls_key)
        self.operator_event = event
        self.operator = self._known(
            Actor(id=party_id(event.payload), key=SigningKey.from_seed(seed), owner=party_id(event.payload))
        )
        body = genesis_body(
            network_id=NETWORK,
            node=event,
            currencies=currencies,
            tax_basis_points=taxes,
            rules=RULES_NOW,
            probation=probation,
            charges=charges,
        )
        self.apply(EntryKind.GENESIS, body)

    @property
    def state(self) -> State:
        """The market's state, for looking at."""
        return self.market.state

    # --- entries

    def apply(self, kind: EntryKind, body: bytes = b"") -> Outcome:
        """Append one entry at the world's time, apply it, and check what always holds."""
        data = entry_bytes(seq=len(self.log) + 1, time_ms=self.time_ms, kind=kind, body=body)
        before, tables = self.state.effects_root(), self._table_roots()
        outcome = self.market.apply(read_entry(data))
        self.log.append(data)
        self.outcomes.append(outcome_bytes(outcome))
        if outcome.code in COUNTED_CODES:  # [THG-11] the one row that it counts against
            self.state.effects_root()
            changed = {name for name, root in self._table_roots().items() if root != tables[name]}
            changed -= {"spending", "timers", "expiries"} if outcome.events else set()  # [MKT-10] its orders
            assert len(changed) == 1 and changed <= {"things", "devices"}, f"refused, yet {changed} changed"
            assert not outcome.reference, "a refusal makes nothing"
        elif outcome.code:
            assert self.state.effects_root() == before, f"refused, yet something changed: {outcome}"
            assert not outcome.notices and not outcome.reference, "a refusal makes and tells nothing"
        self.check()
        if (derived := self.market.derived()) is not None:
            self.apply(EntryKind.DERIVED, derived_state_body(derived))
        return outcome

    def _table_roots(self) -> dict[str, bytes]:
        return {table.name: table.root() for table in self.state.effect_tables}

    def check(self) -> None:
        """Assert that debits are credits, that no money came or went, and that nothing is overdue."""
        state = self.state
        state.ledger.check_invariants(self.time_ms)
        state.desk.check_invariants()
        self.check_booked()
        for currency in self.currencies:
            wallets = sum(self.balance(party, currency) for party in state.parties)
            held = sum(
                self.escrow_of(contract)
                for contract in state.contracts.values()
                if contract.currency == currency
            )
            kept = self.kept(currency)
            assert wallets + held + kept == self.deposited(currency), f"{currency} came or went"
        assert not list(books.violations(state)), "the books do not agree with what moved"
        reserved: dict[tuple[Digest, str], int] = {}
        for order in state.pendings.values():
            for link in order.reservation.links if order.waits else ():
                key = (link, order.reservation.currency)
                reserved[key] = reserved.get(key, 0) + order.reservation.amount_minor
        counted = {key: row.reserved_minor for key, row in state.spending.items() if row.reserved_minor}
        assert counted == reserved, "what is reserved is not what the open orders are"
        obliged: dict[tuple[Digest, str], int] = {}
        for contract in state.contracts.values():
            leaf = contract.mandate_leaf if not contract.over else b""
            for link in state.mandates[Digest(leaf)].effective.links if leaf else ():
                name = (link, contract.currency)
                obliged[name] = obliged.get(name, 0) + contract.total_minor
        for name, row in state.spending.items():
            open_minor = obliged.get(name, 0) + row.reserved_minor
            assert row.open_minor == open_minor, "what is open is not what the contracts and orders are"
        due_ms = self.market.next_deadline_ms()
        assert due_ms is None or due_ms > state.time_ms, "a deadline has passed and nothing fired"

    def pass_time(self, ms: int) -> None:
        """Let time pass; each deadline on the way fires in an entry of its own moment."""
        until_ms = UnixMs(self.time_ms + ms)
        while (due_ms := self.market.next_deadline_ms()) is not None and due_ms <= until_ms:
            self.time_ms = UnixMs(max(due_ms, self.time_ms))
            self.apply(EntryKind.TIMERS_DUE)
        self.time_ms = until_ms

    def send(
        self, actor: Actor, type_id: TypeId, body: bytes, *approvals: Signed, leaf: bytes | None = None
    ) -> Outcome:
        """Sign a body in a fresh header and apply it; what was answered before is answered again."""
        header = Header(
            network_id=NETWORK,
            audience=self.operator.id,
            sender=actor.id,
            mandate_leaf=actor.mandate_leaf if leaf is None else leaf,
            session=sha256(b"session" + actor.id.encode()).digest()[:16],
            sequence=self._next(),
            created_ms=self.time_ms,
            expires_ms=self.time_ms + COMMAND_LIFE_MS,
            nonce=self._bytes(12),
        )
        signed = sign_command(type_id, header, body, actor.key, approvals)
        try:
            remembered = self.market.recall(read_command(signed), self.time_ms)
        except Refusal as refusal:
            if type_id is not TypeId.PLACE_ORDERS:
                raise
            return Outcome(seq=0, code=refusal.number, reason=refusal.reason, rule=refusal.rule)
        if remembered is not None:
            return Outcome(
                seq=remembered.seq,
                code=remembered.code,
                reason=remembered.reason,
                rule=remembered.rule,
                reference=remembered.reference,
                pending=remembered.pending,
                statuses=remembered.statuses,
            )
        return self.apply(EntryKind.COMMAND, signed_bytes(signed))

    def key(self) -> Key:
        """A new idempotency key of this moment."""
        return make_key(self.time_ms, self._bytes(10))

    # --- parties

    def owner(self, name: str, fund: int = 0, currency: str = "EUR") -> Actor:
        """Admit an owner, with `fund` minor units in the wallet."""
        seed = sha256(b"owner " + name.encode()).digest()
        event = self._key_event(Role.OWNER, seed)
        id_ = party_id(event.payload)
        actor = self._known(Actor(id=id_, key=SigningKey.from_seed(seed), owner=id_))
        _made(self.send(actor, TypeId.ADMIT_PARTY, identity.admit_party_body(self.key(), event)))
        if fund:
            _made(self.deposit(actor, fund, currency))
        return actor

    def thing(self, name: str, owner: Actor, **permits: Any) -> Actor:
        """Make a thing and present a mandate of its owner; `permits` are those of `mandate`."""
        key = SigningKey.from_seed(sha256(b"thing " + name.encode()).digest())
        thing = self._known(Actor(id=did.encode(key.public), key=key, owner=owner.id))
        return self.present(thing, self.mandate(owner, thing.id, **permits))

    def mandate(
        self,
        owner: Actor,
        subject: PartyId,
        *,
        autonomy: Autonomy = Autonomy.AUTONOMOUS,
        actions: Sequence[Action] = tuple(Action),
        limits: Sequence[SpendingLimit] = (limit(),),
        bound_items: Sequence[BoundItem] = (),
        categories: Scope = EVERYTHING,
        counterparties: Scope = EVERYTHING,
        life_ms: int = 100 * DAY_MS,
        **changes: Any,
    ) -> Signed:
        """A root link signed by its owner; by default it permits everything."""
        draft = Mandate(
            network_id=NETWORK,
            mandate_id=self._bytes(16),
            issuer=owner.id,
            subject=subject,
            root_owner=owner.id,
            max_depth=2,
            not_before_ms=self.time_ms - CLOCK_SKEW_MS,
            expires_ms=self.time_ms + life_ms,
            autonomy=autonomy,
            actions=tuple(sorted(actions)),
            categories=categories,
            bound_items=tuple(bound_items),
            counterparties=counterparties,
            limits=tuple(limits),
            nodes=EVERYTHING,
            nonce=self._bytes(12),
        )
        return sign(TypeId.MANDATE, identity.mandate_payload(replace(draft, **changes)), owner.key)

    def delegated(self, parent: Signed, thing: Actor, subject: PartyId, **changes: Any) -> Signed:
        """A link that `thing`, the subject of `parent`, hands on to `subject`, narrowed by `changes`."""
        above = identity.read_mandate(parent.payload)
        below = replace(
            above,
            mandate_id=self._bytes(16),
            issuer=thing.id,
            subject=subject,
            parent_digest=digest(parent.payload),
            depth=above.depth + 1,
            nonce=self._bytes(12),
        )
        return sign(TypeId.MANDATE, identity.mandate_payload(replace(below, **changes)), thing.key)

    def present(self, thing: Actor, *links: Signed) -> Actor:
        """Present a chain; the thing that acts under it."""
        leaf = _made(self.try_present(thing, *links)).reference
        return self._known(replace(thing, mandate_leaf=leaf))

    def try_present(self, thing: Actor, *links: Signed) -> Outcome:
        """Present a chain that may be refused."""
        body = identity.present_mandate_body(self.key(), links)
        return self.send(thing, TypeId.PRESENT_MANDATE, body, leaf=b"")

    def revoke(
        self,
        owner: Actor,
        *,
        mandate: bytes | None = None,
        subject: PartyId | None = None,
        epoch: int | None = None,
    ) -> Outcome:
        """End a link, all mandates of a subject, or all of older epochs."""
        link = None if mandate is None else Digest(mandate)
        body = identity.revoke_body(self.key(), mandate=link, subject=subject, epoch=epoch, reason="a test")
        return self.send(owner, TypeId.REVOKE, body)

    def erase(self, owner: Actor) -> Outcome:
        """An owner asks to be forgotten."""
        return self.send(owner, TypeId.ERASE, trade.erase_body(Erase(key=self.key())))

    def approval(
        self, owner: Actor, body: bytes, leaf: bytes, *, approved: bool = True, life_ms: int = HOUR_MS
    ) -> Signed:
        """An owner's signed yes or no to one command body."""
        value = Approval(
            network_id=NETWORK,
            body_digest=digest(body),
            mandate_leaf=Digest(leaf),
            owner=owner.id,
            approved=approved,
            expires_ms=self.time_ms + life_ms,
            nonce=self._bytes(12),
        )
        return sign(TypeId.APPROVAL, identity.approval_payload(value), owner.key)

    # --- catalogue

    def offer(self, seller: Actor, **changes: Any) -> Digest:
        """Publish an offer; `changes` are fields of `Offer`."""
        return Digest(_made(self.try_offer(seller, **changes)).reference)

    def try_offer(self, seller: Actor, **changes: Any) -> Outcome:
        """Publish an offer that may be refused."""
        return self.send(seller, TypeId.PUBLISH_OFFER, self.offer_body(**changes))

    def offer_body(self, **changes: Any) -> bytes:
        """The body of an offer of printer ink at 10.00 EUR net."""
        offer = Offer(
            key=self.key(),
            product_id="ink-black",
            title="Black ink",
            category=PRINTER_INK,
            unit="C62",
            currency="EUR",
            price_minor=1_000,
            price_base_steps=1,
            tax_category="S",
            stock_steps=100,
            min_steps=1,
            max_steps=100,
            valid_until_ms=self.time_ms + 30 * DAY_MS,
            fulfilment=FulfilmentKind.HUMAN,
            delivery_ms=2 * DAY_MS,
            inspection_ms=DAY_MS,
        )
        return catalog.publish_offer_body(replace(offer, **changes))

    def withdraw_offer(self, by: Actor, offer: bytes) -> Outcome:
        """End an offer."""
        body = catalog.withdraw_offer_body(WithdrawOffer(key=self.key(), offer=offer))
        return self.send(by, TypeId.WITHDRAW_OFFER, body)

    def need(self, thing: Actor, **changes: Any) -> Digest:
        """Announce a need; `changes` are fields of `Need`."""
        return Digest(_made(self.try_need(thing, **changes)).reference)

    def try_need(self, thing: Actor, **changes: Any) -> Outcome:
        """Announce a need that may be refused."""
        need = Need(
            key=self.key(),
            title="Ink for the printer",
            category=PRINTER_INK,
            unit="C62",
            quantity_steps=1,
            valid_until_ms=self.time_ms + 30 * DAY_MS,
        )
        return self.send(thing, TypeId.ANNOUNCE_NEED, catalog.announce_need_body(replace(need, **changes)))

    def withdraw_need(self, by: Actor, need: bytes) -> Outcome:
        """End a need."""
        body = catalog.withdraw_need_body(WithdrawNeed(key=self.key(), need=need))
        return self.send(by, TypeId.WITHDRAW_NEED, body)

    # --- trade

    def purchase_body(
        self,
        offer: Digest,
        quantity: int = 1,
        *,
        need: bytes = b"",
        total_minor: int | None = None,
        delivery: tuple[SealedRef, ...] = (),
        choice: bytes = b"",
        approved_by: bytes = b"",
        points: int = 0,
        less_minor: int = 0,
        place: Place | None = None,
    ) -> bytes:
        """The body of a purchase, with the right total unless another is given."""
        listed = self.state.offers[offer].offer
        rate = self.state.tax_basis_points[listed.tax_row]
        purchase = Purchase(
            key=self.key(),
            offer=offer,
            quantity_steps=quantity,
            currency=listed.currency,
            total_minor=total_minor or price(listed, quantity, rate, less_minor).total_minor,
            need=need,
            delivery=delivery,
            choice=choice,
            approved_by=approved_by,
            points=points,
            place=place,
        )
        return trade.purchase_body(purchase)

    def buy(self, buyer: Actor, offer: Digest, quantity: int = 1, **details: Any) -> Outcome:
        """Buy at the posted price; `details` are those of `purchase_body`."""
        return self.send(buyer, TypeId.PURCHASE, self.purchase_body(offer, quantity, **details))

    def bought(self, buyer: Actor, offer: Digest, quantity: int = 1, **details: Any) -> ContractId:
        """Buy, which must not be refused; the contract."""
        return ContractId(_made(self.buy(buyer, offer, quantity, **details)).reference)

    def report(
        self,
        contract: bytes,
        step: FulfilStep,
        by: Actor | None = None,
        facts: tuple[Fact, ...] = (),
        *,
        unit: int = 0,
        quantity: int = 0,
    ) -> Outcome:
        """The seller (or whoever) reports a step."""
        by = by or self.actors[self.contract(contract).seller]
        report = Fulfil(
            key=self.key(), contract=contract, step=step, facts=facts, unit=unit, part_steps=quantity
        )
        return self.send(by, TypeId.FULFIL, trade.fulfil_body(report))

    def ready(self, contract: bytes, by: Actor | None = None, *, unit: int = 0) -> Outcome:
        """The goods are ready to go."""
        return self.report(contract, FulfilStep.READY, by, unit=unit)

    def deliver(
        self,
        contract: bytes,
        by: Actor | None = None,
        facts: tuple[Fact, ...] = (),
        *,
        unit: int = 0,
        quantity: int = 0,
    ) -> Outcome:
        """The goods of a unit, or a `quantity` of them, were handed over."""
        return self.report(contract, FulfilStep.DELIVERED, by, facts, unit=unit, quantity=quantity)

    def fail(self, contract: bytes, by: Actor | None = None, *, unit: int = 0) -> Outcome:
        """The seller cannot deliver."""
        return self.report(contract, FulfilStep.FAILED, by, unit=unit)

    def accept(
        self, contract: bytes, by: Actor | None = None, unit: int = 0, facts: tuple[Fact, ...] = ()
    ) -> Outcome:
        """The buyer (or whoever) accepts what was delivered."""
        by = by or self.actors[self.contract(contract).buyer]
        word = AcceptDelivery(key=self.key(), contract=contract, unit=unit, facts=facts)
        return self.send(by, TypeId.ACCEPT_DELIVERY, trade.accept_delivery_body(word))

    def cancel(self, contract: bytes, by: Actor | None = None, *, most_minor: int = 0) -> Outcome:
        """The buyer (or whoever) cancels what was not delivered, for at most `most_minor`."""
        by = by or self.actors[self.contract(contract).buyer]
        wish = Cancel(key=self.key(), contract=contract, max_fee_minor=most_minor)
        return self.send(by, TypeId.CANCEL, cancel_body(wish))

    # --- orders that wait

    def asked(self, buyer: Actor, offer: Digest, quantity: int = 1, **details: Any) -> PendingId:
        """Buy what needs an approval; the order that waits."""
        outcome = _made(self.buy(buyer, offer, quantity, **details))
        assert outcome.pending, "this order needs no approval"
        return PendingId(outcome.reference)

    def approve(
        self,
        by: Actor,
        pending: bytes,
        *,
        approved: bool = True,
        reason: str = "",
        body_digest: bytes | None = None,
    ) -> Outcome:
        """Say yes or no to an order that waits; the buyer's own no withdraws it."""
        word = Approve(
            key=self.key(),
            pending=pending,
            body_digest=self.pending(pending).body_digest if body_digest is None else body_digest,
            approved=approved,
            reason=reason,
        )
        return self.send(by, TypeId.APPROVE, approvals.approve_body(word))

    def agree_to_cosign(self, cosigner: Actor, owner: Actor, *, agreed: bool = True) -> Outcome:
        """A party agrees to be asked about an owner's orders, or does so no more."""
        body = AgreeToCosign(key=self.key(), owner=owner.id, agreed=agreed)
        return self.send(cosigner, TypeId.AGREE_TO_COSIGN, approvals.agree_to_cosign_body(body))

    def persona(self, owner: Actor, thing: Actor, **wishes: Any) -> Outcome:
        """Say how an owner wants to be treated by a thing."""
        body = SetPersona(key=self.key(), thing=thing.id, persona=Persona(**wishes))
        return self.send(owner, TypeId.SET_PERSONA, approvals.set_persona_body(body))

    # --- looking

    def pending(self, pending: bytes) -> PendingOrder:
        """An order that waits or waited, as it stands now."""
        return self.state.pendings[PendingId(pending)]

    def contract(self, contract: bytes) -> Contract:
        """A contract as it stands now."""
        return self.state.contracts[ContractId(contract)]

    def balance(self, party: PartyId | Actor, currency: str = "EUR") -> int:
        """What is in a wallet, minor units."""
        id_ = party.id if isinstance(party, Actor) else party
        return self._held(id_, currency, AccountKind.OWNER_WALLET)

    def escrow_of(self, contract: Contract) -> int:
        """What a contract's escrow holds by the ledger, minor units."""
        held = self._held(contract.buyer_owner, contract.currency, AccountKind.ESCROW, contract.id)
        assert held == contract.held_minor, f"escrow holds {held}, the open units {contract.held_minor}"
        assert held == 0 or contract.state in OPEN_STATES, f"{held} in escrow, yet {contract.state}"
        for part in ("quantity_steps", "net_minor", "tax_minor", "total_minor"):
            assert sum(getattr(unit, part) for unit in contract.units) == getattr(contract, part), part
        return held

    def stock(self, offer: Digest) -> int:
        """Steps of an offer that are neither sold nor held."""
        balance = self.state.ledger.balance(self.state.offers[offer].stock_account)
        return balance.credits_posted - balance.debits_posted - balance.debits_pending

    def _held(self, party: PartyId, currency: str, kind: AccountKind, reference: bytes = b"") -> int:
        number, ledger = self.state.party(party).number, self.state.ledger
        money = currency_of(currency).ledger
        account = ledger.find(owner=number, ledger=money, kind=kind, reference=reference)
        balance = ledger.balance(account) if account else None
        return balance.credits_posted - balance.debits_posted if balance else 0

    def _known(self, actor: Actor) -> Actor:
        self.actors[actor.id] = actor
        return actor

    def _key_event(self, role: Role, seed: bytes, *, log_key: bytes = b"", tls_key: bytes = b"") -> Signed:
        key = SigningKey.from_seed(seed)
        event = KeyEvent(
            role=role,
            network_id=NETWORK,
            identity_key=key.public,
            log_key=log_key,
            tls_key=tls_key,
            created_ms=BEGIN_MS,
            nonce=seed[:12],
            signed_bytes=b"",
        )
        return sign(TypeId.KEY_EVENT, identity.key_event_payload(event), key)

    def _next(self) -> int:
        self._counter += 1
        return self._counter

    def _bytes(self, length: int) -> bytes:
        return sha256(b"entropy %d" % self._next()).digest()[:length]


def replayed(log: Sequence[bytes], market: Market | None = None) -> tuple[Market, list[bytes]]:
    """Apply entries to a market (a new one by default); the market and the bytes of the outcomes."""
    market = market or Market()
    return market, [outcome_bytes(market.apply(read_entry(data))) for data in log]


def _made(outcome: Outcome) -> Outcome:
    assert outcome.code == 0, f"{outcome.code} {outcome.reason} [{outcome.rule}]"
    return outcome
