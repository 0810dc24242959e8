"""A small world for tests: one pure market, its owners and things, and commands that are really signed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final

from tests.bookkeeping import BookKeeping
from tests.dealing import Dealing, made
from tests.ordering import Ordering
from thingmarket.billing.charges import NO_CHARGES, Charges
from thingmarket.contract.approvals import PendingId, PendingOrder
from thingmarket.contract.contract import OPEN_STATES, Contract
from thingmarket.contract.orders import (
    Erase,
)
from thingmarket.errors import Refusal
from thingmarket.identity import did
from thingmarket.identity.envelope import Signed, TypeId, sign
from thingmarket.identity.headers import Header
from thingmarket.identity.keys import SigningKey
from thingmarket.identity.mandates import Action, Approval, Autonomy, BoundItem, Mandate, SpendingLimit
from thingmarket.identity.parties import KeyEvent, Role, party_id
from thingmarket.identity.scopes import EVERYTHING, Scope
from thingmarket.identity.things import NO_PROBATION, Probation
from thingmarket.ids import ContractId, Digest, Key, PartyId, digest, make_key
from thingmarket.limits import CLOCK_SKEW_MS, COMMAND_LIFE_MS, DAY_MS, HOUR_MS
from thingmarket.market import books
from thingmarket.market.denied import COUNTED_CODES
from thingmarket.market.entries import RULES_NOW, EntryKind, Outcome
from thingmarket.market.market import Market
from thingmarket.market.state import State
from thingmarket.money import currency_of
from thingmarket.settlement.accounts import AccountKind
from thingmarket.time import UnixMs
from thingmarket.wire import identity, trade
from thingmarket.wire.commands import read_command
from thingmarket.wire.envelope import signed_bytes
from thingmarket.wire.log import genesis_body, outcome_bytes, read_entry
from thingmarket.wire.orders import derived_state_body
from thingmarket.wire.signing import entry_bytes, sign_command

NETWORK: Final = b"network of tests"
BEGIN_MS: Final = UnixMs(1_800_000_000_000 // DAY_MS * DAY_MS + DAY_MS // 2)  # noon UTC
TAXES: Final = (("S", 1_900), ("Z", 0))
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


class World(BookKeeping, Dealing, Ordering):
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
        made(self.send(actor, TypeId.ADMIT_PARTY, identity.admit_party_body(self.key(), event)))
        if fund:
            made(self.deposit(actor, fund, currency))
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
        leaf = made(self.try_present(thing, *links)).reference
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
