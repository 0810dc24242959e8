"""What trade comes to, reckoned a second time in the plainest way: the judge of the market's outcomes.

It shares the values of the wire with the market, and none of its tables, rules and ledger.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from thingmarket.catalog.needs import Need
from thingmarket.catalog.offers import Offer, WithdrawOffer
from thingmarket.contract.approvals import Approve, PendingId
from thingmarket.contract.orders import AcceptDelivery, Deposit, Fulfil, Purchase
from thingmarket.contract.personas import NO_PERSONA, Persona, SetPersona
from thingmarket.identity.commands import AdmitParty, PresentMandate, Revoke
from thingmarket.identity.mandates import Action, Mandate, SpendingLimit
from thingmarket.identity.terms import WeeklyWindow
from thingmarket.ids import ContractId, Digest, PartyId
from thingmarket.limits import DAY_MS, MINUTE_MS
from thingmarket.market.entries import Command, Entry, Genesis, NoticeKind, Outcome
from thingmarket.money import currency_of
from thingmarket_node.sim.world import require

ASKS: Final = "asks"  # the verdict on a purchase that has to wait
_STEPS: Final = {
    ("PLANNED", "READY"): "READY",
    ("PLANNED", "DELIVERED"): "DELIVERED",
    ("PLANNED", "FAILED"): "FAILED",
    ("READY", "DELIVERED"): "DELIVERED",
    ("READY", "FAILED"): "FAILED",
}


@dataclass(slots=True)
class Listed:
    """An offer, its stock that is left, and what has become of it."""

    offer: Offer
    seller: PartyId
    owner: PartyId
    leaf: bytes
    left: int
    state: str = "LIVE"


@dataclass(slots=True)
class Given:
    """A presented mandate, and what was spent under it by UTC day."""

    mandate: Mandate
    alive: bool = True
    spent: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Sale:
    """A contract: who, what, how much, and its open deadline."""

    buyer: PartyId
    buyer_owner: PartyId
    offer: Digest
    quantity: int
    total_minor: int
    need: bytes
    due_ms: int
    state: str = "PLANNED"


@dataclass(slots=True)
class Asked:
    """An order that waits or waited for approval; `missed` when it was approved and could not be made."""

    purchase: Purchase
    digest: Digest
    buyer: PartyId
    owner: PartyId
    leaf: bytes
    cosigners: frozenset[PartyId]
    day: int
    due_ms: int
    said: set[PartyId]
    state: str = "PENDING"
    missed: bool = False
    serves_until_ms: int = 0


@dataclass(slots=True)
class Wanted:
    """A need and whether it is open."""

    need: Need
    owner: PartyId
    state: str = "LIVE"


class Oracle:
    """Follows entries with their outcomes, and says which of them cannot be right."""

    def __init__(self) -> None:
        """Start before the genesis."""
        self.rates: dict[str, int] = {}
        self.node = PartyId("")
        self.owners: set[PartyId] = set()
        self.wallets: dict[tuple[PartyId, int], int] = {}
        self.deposits: set[bytes] = set()
        self.mandates: dict[bytes, Given] = {}
        self.offers: dict[Digest, Listed] = {}
        self.needs: dict[bytes, Wanted] = {}
        self.contracts: dict[ContractId, Sale] = {}
        self.waiting: dict[PendingId, Asked] = {}
        self.personas: dict[tuple[PartyId, str], Persona] = {}
        self.served = 0  # purchases that took the place of an approved order

    @property
    def open(self) -> int:
        """Contracts that are not final, and orders that wait."""
        waits = sum(asked.state == "PENDING" for asked in self.waiting.values())
        return waits + sum(sale.due_ms > 0 for sale in self.contracts.values())

    def reserved(self, leaf: bytes) -> int:
        """What the orders that wait under a mandate reserve."""
        return sum(
            asked.purchase.total_minor
            for asked in self.waiting.values()
            if asked.leaf == leaf and asked.state == "PENDING"
        )

    def follow(self, entry: Entry, outcome: Outcome) -> None:
        """Take one entry; what it came to must be what it had to come to."""
        content, now_ms = entry.content, entry.time_ms
        if isinstance(content, Genesis):
            self.rates = dict(content.tax_basis_points)
            return
        if not isinstance(content, Command):
            self._fire(now_ms)
            return
        late = self._overdue(now_ms)
        require(not late, "deadline", f"{late} should have fired before entry {entry.seq}")
        expected = self._judge(content, now_ms)
        if expected is not None:
            said = outcome.code == 0
            what = type(content.body).__name__
            require(said == bool(expected), "judgement", f"entry {entry.seq}: {what} came to {outcome.code}")
            asks = expected == ASKS
            require(outcome.pending == asks, "judgement", f"entry {entry.seq}: {what} waits, or does not")
        if outcome.code == 0:
            self._apply(content, outcome, now_ms)

    # --- time

    def _overdue(self, now_ms: int) -> str:
        for sale in self.contracts.values():
            if 0 < sale.due_ms <= now_ms:
                return f"a contract that is {sale.state}"
        for listed in self.offers.values():
            if listed.state == "LIVE" and listed.offer.valid_until_ms <= now_ms:
                return "an offer"
        for given in self.mandates.values():
            if given.alive and given.mandate.expires_ms <= now_ms:
                return "a mandate"
        for asked in self.waiting.values():
            if asked.state == "PENDING" and asked.due_ms <= now_ms:
                return "an order that waits"
        return ""

    def _fire(self, now_ms: int) -> None:
        """Let everything that is due happen in the order of (deadline, kind), as the protocol says."""
        due: list[tuple[int, int, Callable[[], None]]] = []
        for sale in self.contracts.values():
            kind = 2 if sale.state == "DELIVERED" else 1
            then = "ACCEPTED" if kind == 2 else "FAILED"
            if sale.due_ms:
                due.append((sale.due_ms, kind, partial(self._settle, sale, then, now_ms)))
        due += [
            (listed.offer.valid_until_ms, 3, partial(_expire, listed))
            for listed in self.offers.values()
            if listed.state == "LIVE"
        ]
        due += [
            (wanted.need.valid_until_ms, 4, partial(_expire, wanted))
            for wanted in self.needs.values()
            if wanted.state == "LIVE"
        ]
        for leaf, given in self.mandates.items():
            if given.alive:
                due.append((given.mandate.expires_ms, 5, partial(self._end, leaf, given, "TIMED_OUT")))
        for asked in self.waiting.values():
            if asked.state == "PENDING":
                due.append((asked.due_ms, 6, partial(self._free, asked, "TIMED_OUT")))
        for _, _, act in sorted((one for one in due if one[0] <= now_ms), key=lambda one: one[:2]):
            act()

    def _free(self, asked: Asked, then: str) -> None:
        """An order waits no more, and comes to nothing."""
        if asked.state != "PENDING":
            return  # its mandate took it along
        asked.state = then
        self.mandates[asked.leaf].spent[asked.day] -= asked.purchase.total_minor

    def _end(self, leaf: bytes, given: Given, then: str) -> None:
        given.alive = False
        for asked in self.waiting.values():
            if asked.leaf == leaf:
                self._free(asked, then)
        for listed in self.offers.values():
            if listed.leaf == leaf and listed.state == "LIVE":
                listed.state = "WITHDRAWN"

    # --- what may be

    def _judge(self, command: Command, now_ms: int) -> bool | str | None:
        """Whether the command must be granted, or must wait; None where the oracle has no opinion."""
        body = command.body
        if isinstance(body, Deposit):
            return command.header.sender == self.node or None
        if isinstance(body, Approve):
            return self._may_speak(body, command.header.sender)
        if isinstance(body, SetPersona):
            return command.header.sender in self.owners
        if isinstance(body, AdmitParty | PresentMandate | Revoke):
            return None
        owner, given = self._acting(command)
        if owner is None:
            return False
        match body:
            case Purchase():
                return self._may_buy(command, body, owner, given, now_ms)
            case Fulfil():
                return self._may_fulfil(command, body, owner, given)
            case AcceptDelivery():
                sale = self.contracts.get(ContractId(body.contract))
                if sale is None or sale.buyer_owner != owner or sale.state != "DELIVERED":
                    return False
                if command.header.sender not in (sale.buyer, sale.buyer_owner):
                    return False
                return _lists(given, Action.ACCEPT_DELIVERY)
        return None

    def _acting(self, command: Command) -> tuple[PartyId | None, Given | None]:
        sender, leaf = command.header.sender, command.header.mandate_leaf
        if sender in self.owners:
            return (None if leaf else sender), None
        given = self.mandates.get(leaf)
        if given is None or not given.alive or given.mandate.subject != sender:
            return None, None
        return given.mandate.root_owner, given

    def _may_speak(self, body: Approve, sender: PartyId) -> bool:
        asked = self.waiting.get(PendingId(body.pending))
        if asked is None or asked.digest != body.body_digest or asked.state != "PENDING":
            return False
        if sender in asked.cosigners:
            return not (body.approved and sender in asked.said)
        return sender == asked.buyer and not body.approved

    def _may_buy(
        self, command: Command, body: Purchase, owner: PartyId, given: Given | None, now_ms: int
    ) -> bool | str:
        if not self._is_listed(body, owner) or not self._knows_approval(command, body, owner):
            return False
        if given is not None:
            if not _affords(given, body, now_ms):
                return False
            if not self._is_approved(command, given, body, now_ms):
                open_need = any(
                    a.purchase.need == body.need for a in self.waiting.values() if a.state == "PENDING"
                )
                return False if body.need and open_need else ASKS
        return self._is_there(body, owner)

    def _is_listed(self, body: Purchase, owner: PartyId) -> bool:
        listed = self.offers.get(Digest(body.offer))
        if listed is None or listed.state != "LIVE" or listed.owner == owner:
            return False
        offer, quantity = listed.offer, body.quantity_steps
        if not offer.min_steps <= quantity <= offer.max_steps:
            return False
        right = body.total_minor == self._total(offer, quantity) and body.currency == offer.currency
        return right and self._fits(body, owner, offer)

    def _is_there(self, body: Purchase, owner: PartyId) -> bool:
        wallet = self.wallets.get((owner, currency_of(body.currency).ledger), 0)
        return self.offers[Digest(body.offer)].left >= body.quantity_steps and wallet >= body.total_minor

    def _knows_approval(self, command: Command, body: Purchase, owner: PartyId) -> bool:
        if not body.approved_by:
            return True
        asked = self.waiting.get(PendingId(body.approved_by))
        return asked is not None and (asked.buyer, asked.owner) == (command.header.sender, owner)

    def _served_by(self, body: Purchase, now_ms: int) -> Asked | None:
        """The approved order whose place a purchase takes: it must not be worse in anything."""
        asked = self.waiting.get(PendingId(body.approved_by)) if body.approved_by else None
        if asked is None or not asked.missed or now_ms >= asked.serves_until_ms:
            return None
        was, old, new = (
            asked.purchase,
            self.offers[Digest(asked.purchase.offer)],
            self.offers[Digest(body.offer)],
        )
        same = (old.owner, old.offer.product_id) == (new.owner, new.offer.product_id)
        less = body.quantity_steps <= was.quantity_steps and body.total_minor <= was.total_minor
        for_a_step = body.total_minor * was.quantity_steps <= was.total_minor * body.quantity_steps
        return asked if same and less and for_a_step and body.currency == was.currency else None

    def _is_approved(self, command: Command, given: Given, body: Purchase, now_ms: int) -> bool:
        limit = next(one for one in given.mandate.limits if one.currency == body.currency)
        yes = self._signed_yes(command, given.mandate, now_ms)
        earlier = self._served_by(body, now_ms)
        if earlier is not None:
            yes |= earlier.said
        return body.total_minor <= limit.cosign_above_minor or len(yes) >= given.mandate.cosign_quorum

    def _signed_yes(self, command: Command, mandate: Mandate, now_ms: int) -> set[PartyId]:
        may = {mandate.root_owner, *mandate.cosigners}
        return {
            a.owner
            for a, _ in command.approvals
            if a.owner in may and a.body_digest == command.body_digest and a.expires_ms > now_ms
        }

    def _total(self, offer: Offer, quantity: int) -> int:
        net = (2 * offer.price_minor * quantity + offer.price_base_steps) // (2 * offer.price_base_steps)
        return net + (2 * net * self.rates[offer.tax_category] + 10_000) // 20_000

    def _fits(self, body: Purchase, owner: PartyId, offer: Offer) -> bool:
        if not body.need:
            return True
        wanted = self.needs.get(body.need)
        if wanted is None or wanted.owner != owner or wanted.state != "LIVE":
            return False
        need = wanted.need
        return (need.category, need.unit, need.quantity_steps) == (
            offer.category,
            offer.unit,
            body.quantity_steps,
        )

    def _may_fulfil(self, command: Command, body: Fulfil, owner: PartyId, given: Given | None) -> bool:
        sale = self.contracts.get(ContractId(body.contract))
        if sale is None:
            return False
        listed = self.offers[sale.offer]
        if listed.owner != owner or command.header.sender not in (listed.seller, listed.owner):
            return False
        return (sale.state, body.step.name) in _STEPS and _lists(given, Action.SELL)

    # --- what then is

    def _apply(self, command: Command, outcome: Outcome, now_ms: int) -> None:
        body, sender = command.body, command.header.sender
        match body:
            case AdmitParty():
                self.owners.add(sender)
            case PresentMandate():
                self.mandates[outcome.reference] = Given(body.mandates[-1])
            case Revoke():
                for leaf, given in self.mandates.items():
                    mine = given.mandate.root_owner == sender
                    if given.alive and mine and body.subject == given.mandate.subject:
                        self._end(leaf, given, "WITHDRAWN")
            case SetPersona():
                self.personas[sender, body.thing] = body.persona
            case Approve():
                self._speak(body, sender, outcome, now_ms)
            case Deposit():
                require(body.request not in self.deposits, "paid-once", "money of one request came twice")
                self.deposits.add(body.request)
                self._pay(PartyId(body.owner), body.currency, body.amount_minor)
            case Offer():
                owner, _ = self._acting(command)
                assert owner is not None, "judged before"
                self.offers[Digest(outcome.reference)] = Listed(
                    body, sender, owner, command.header.mandate_leaf, body.stock_steps
                )
            case WithdrawOffer():
                self.offers[Digest(body.offer)].state = "WITHDRAWN"
            case Need():
                owner, _ = self._acting(command)
                assert owner is not None, "judged before"
                self.needs[outcome.reference] = Wanted(body, owner)
            case Purchase() if outcome.pending:
                self._ask(command, body, PendingId(outcome.reference), now_ms)
            case Purchase():
                earlier = self._served_by(body, now_ms)
                if earlier is not None:
                    earlier.missed, self.served = False, self.served + 1
                owner, under = self._acting(command)
                assert owner is not None, "judged before"
                if under is not None:
                    day = now_ms // DAY_MS
                    under.spent[day] = under.spent.get(day, 0) + body.total_minor
                self._buy(command.header.sender, owner, body, ContractId(outcome.reference), now_ms)
            case Fulfil():
                self._step(self.contracts[ContractId(body.contract)], body.step.name, now_ms)
            case AcceptDelivery():
                self._settle(self.contracts[ContractId(body.contract)], "ACCEPTED", now_ms)

    def _pay(self, owner: PartyId, currency: str, minor: int) -> None:
        name = (owner, currency_of(currency).ledger)
        self.wallets[name] = self.wallets.get(name, 0) + minor
        require(self.wallets[name] >= 0, "money", "a wallet was overdrawn")

    def _ask(self, command: Command, body: Purchase, name: PendingId, now_ms: int) -> None:
        owner, given = self._acting(command)
        assert owner is not None and given is not None, "judged before"
        mandate, day = given.mandate, now_ms // DAY_MS
        given.spent[day] = given.spent.get(day, 0) + body.total_minor
        quiet = self.personas.get((owner, mandate.subject), NO_PERSONA).quiet
        patience_ms = _loud_until(now_ms, mandate.cosign_ttl_ms, quiet)
        valid_ms = self.offers[Digest(body.offer)].offer.valid_until_ms
        self.waiting[name] = Asked(
            purchase=body,
            digest=command.body_digest,
            buyer=command.header.sender,
            owner=owner,
            leaf=command.header.mandate_leaf,
            cosigners=frozenset((owner, *mandate.cosigners)),
            day=day,
            due_ms=min(patience_ms, valid_ms, mandate.expires_ms),
            said=self._signed_yes(command, mandate, now_ms),
        )

    def _speak(self, body: Approve, sender: PartyId, outcome: Outcome, now_ms: int) -> None:
        asked = self.waiting[PendingId(body.pending)]
        if not body.approved:
            self._free(asked, "REJECTED" if sender in asked.cosigners else "WITHDRAWN")
            return
        asked.said.add(sender)
        mandate = self.mandates[asked.leaf].mandate
        if len(asked.said) < mandate.cosign_quorum:
            return
        may = self._is_listed(asked.purchase, asked.owner) and self._is_there(asked.purchase, asked.owner)
        made = [n.reference for n in outcome.notices if n.kind is NoticeKind.CONTRACT]
        require(bool(made) == may, "judgement", f"an approved order became a contract: {bool(made)}")
        if may:
            asked.state = "APPROVED"
            self._buy(asked.buyer, asked.owner, asked.purchase, ContractId(made[0]), now_ms)
        else:
            self._free(asked, "APPROVED")
            asked.missed = True
            asked.serves_until_ms = min(now_ms + mandate.cosign_ttl_ms, mandate.expires_ms)

    def _buy(self, buyer: PartyId, owner: PartyId, body: Purchase, contract: ContractId, now_ms: int) -> None:
        listed = self.offers[Digest(body.offer)]
        listed.left -= body.quantity_steps
        self._pay(owner, body.currency, -body.total_minor)
        if body.need:
            self.needs[body.need].state = "FILLED"
        require(contract not in self.contracts, "contracts", "two contracts of one name")
        self.contracts[contract] = Sale(
            buyer=buyer,
            buyer_owner=owner,
            offer=Digest(body.offer),
            quantity=body.quantity_steps,
            total_minor=body.total_minor,
            need=body.need,
            due_ms=now_ms + listed.offer.delivery_ms,
        )

    def _step(self, sale: Sale, step: str, now_ms: int) -> None:
        then = _STEPS[sale.state, step]
        if then == "FAILED":
            self._settle(sale, then, now_ms)
            return
        sale.state = then
        if then == "DELIVERED":
            sale.due_ms = now_ms + self.offers[sale.offer].offer.inspection_ms

    def _settle(self, sale: Sale, then: str, now_ms: int) -> None:
        sale.state, sale.due_ms = then, 0
        listed = self.offers[sale.offer]
        paid = then == "ACCEPTED"
        self._pay(listed.owner if paid else sale.buyer_owner, listed.offer.currency, sale.total_minor)
        if paid:
            return
        listed.left += sale.quantity
        if sale.need:
            wanted = self.needs[sale.need]
            wanted.state = "LIVE" if wanted.need.valid_until_ms > now_ms else "EXPIRED"


def _expire(listed: Listed | Wanted) -> None:
    if listed.state == "LIVE":  # else a mandate took it along
        listed.state = "EXPIRED"


def _lists(given: Given | None, action: Action) -> bool:
    return given is None or action in given.mandate.actions


def _affords(given: Given, body: Purchase, now_ms: int) -> bool:
    mandate, total = given.mandate, body.total_minor
    limit: SpendingLimit | None = next((one for one in mandate.limits if one.currency == body.currency), None)
    if limit is None or Action.BUY not in mandate.actions or now_ms < mandate.not_before_ms:
        return False
    today, ever = given.spent.get(now_ms // DAY_MS, 0), sum(given.spent.values())
    return (
        total <= limit.per_item_minor * body.quantity_steps
        and total <= limit.per_order_minor
        and today + total <= limit.per_day_minor
        and ever + total <= limit.total_minor
    )


def _loud_until(now_ms: int, wait_ms: int, quiet: tuple[WeeklyWindow, ...]) -> int:
    """Count the milliseconds of every minute that is not quiet, one minute after the other."""
    while wait_ms:
        minute_ends_ms = (now_ms // MINUTE_MS + 1) * MINUTE_MS
        weekday, minute = (now_ms // DAY_MS + 3) % 7, now_ms % DAY_MS // MINUTE_MS
        if any(w.days_mask >> weekday & 1 and w.start_minute <= minute < w.end_minute for w in quiet):
            now_ms = minute_ends_ms
            continue
        passed_ms = min(minute_ends_ms - now_ms, wait_ms)
        now_ms, wait_ms = now_ms + passed_ms, wait_ms - passed_ms
    return now_ms
