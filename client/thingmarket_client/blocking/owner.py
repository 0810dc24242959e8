"""The blocking twin of Owner.

Written by scripts/gen_blocking.py: change the async class, then run it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from thingmarket.identity.scopes import EVERYTHING
from thingmarket.limits import HOUR_MS
from thingmarket_client.blocking.trader import BlockingTrader
from thingmarket_client.mandates import LIFE_MS
from thingmarket_client.owner import Owner
from thingmarket_client.session.session import PATIENCE_MS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from thingmarket.billing.invoice import Invoice
    from thingmarket.billing.statement import Statement
    from thingmarket.contract.personas import Persona
    from thingmarket.identity.cards import NodeCard
    from thingmarket.identity.envelope import Signed
    from thingmarket.identity.mandates import Action, Autonomy, BoundItem, SpendingLimit
    from thingmarket.identity.scopes import Scope
    from thingmarket.identity.things import ThingOrder
    from thingmarket.ids import Digest, Key, PartyId
    from thingmarket.market.views import MoneyBalance, SpendingView
    from thingmarket.policy.decision import Fact
    from thingmarket.policy.guards import GuardRules
    from thingmarket.policy.malfunctions import Severity
    from thingmarket.wire.books import RateSeen
    from thingmarket.wire.inbox import PendingSeen
    from thingmarket.wire.thing_views import DeviceSeen, ThingSeen
    from thingmarket_client.outbox import Answer


class BlockingOwner(BlockingTrader[Owner]):
    """An owner at his node."""

    def __init__(self, home: Path, card: NodeCard | None = None, *, patience_ms: int = PATIENCE_MS) -> None:
        """Open the owner of a folder; a new card is kept there (UnsafeFile, WRONG_NETWORK)."""
        super().__init__(lambda: Owner.open(home, card, patience_ms=patience_ms))

    def invoices(self) -> tuple[Invoice, ...]:
        """Invoices and credit notes that he wrote or got, oldest first."""
        return self._calls.run(self._party.invoices)

    def invoice(self, number: int, seller: str = "") -> Invoice:
        """One invoice of a seller, or of his own (UNKNOWN_INVOICE)."""
        return self._calls.run(lambda: self._party.invoice(number, seller))

    def tax_statement(self, from_ms: int, to_ms: int) -> Statement:
        """Tax by thing and jurisdiction of invoices in a time, `to_ms` excluded. [TAX-4]"""
        return self._calls.run(lambda: self._party.tax_statement(from_ms, to_ms))

    def refund(self, contract: bytes, minor: int, unit: int = 1) -> None:
        """Pay a part of a released unit back, tax included; a credit note is written."""
        self._calls.run(lambda: self._party.refund(contract, minor, unit))

    def open_programme(
        self, name: str, currency: str, *, earn_basis_points: int, value_minor: int, idle_days: int = 0
    ) -> None:
        """Give points for sales in a currency, for good."""
        self._calls.run(
            lambda: self._party.open_programme(
                name,
                currency,
                earn_basis_points=earn_basis_points,
                value_minor=value_minor,
                idle_days=idle_days,
            )
        )

    def rates(self, from_currency: str = "", to_currency: str = "") -> tuple[RateSeen, ...]:
        """Live exchange rates."""
        return self._calls.run(lambda: self._party.rates(from_currency, to_currency))

    def publish_rate(
        self,
        from_currency: str,
        to_currency: str,
        *,
        numerator: int,
        denominator: int,
        max_minor: int,
        life_ms: int,
    ) -> Digest:
        """Give one currency for another out of his own wallet, until the time is over; the rate's name."""
        return self._calls.run(
            lambda: self._party.publish_rate(
                from_currency,
                to_currency,
                numerator=numerator,
                denominator=denominator,
                max_minor=max_minor,
                life_ms=life_ms,
            )
        )

    def convert(self, rate: bytes, minor: int, min_out_minor: int = 1) -> None:
        """Change money at a rate, for at least so much (RATE_TOO_LOW, UNKNOWN_RATE)."""
        self._calls.run(lambda: self._party.convert(rate, minor, min_out_minor))

    def find_device(self, label: str) -> DeviceSeen:
        """The device whose label this is (BAD_FIELD when it is mistyped, UNKNOWN_THING).

        The code is compared here: what is sent later is right, so no try of the device is wasted.
        """
        return self._calls.run(lambda: self._party.find_device(label))

    def claim(self, label: str, device: DeviceSeen, mandate: Signed | None = None) -> None:
        """Bind a device that was found by its label; the mandate then waits for it at the node."""
        self._calls.run(lambda: self._party.claim(label, device, mandate))

    def things(self) -> tuple[ThingSeen, ...]:
        """His things, oldest first."""
        return self._calls.run(self._party.things)

    def thing(self, thing: str) -> ThingSeen:
        """One of his things (UNKNOWN_THING)."""
        return self._calls.run(lambda: self._party.thing(thing))

    def say(self, thing: PartyId, order: ThingOrder, reason: str = "") -> None:
        """Suspend, resume, quarantine, release or decommission a thing."""
        self._calls.run(lambda: self._party.say(thing, order, reason))

    def guard(self, thing: PartyId, guards: GuardRules) -> None:
        """Put guards over a thing, in place of those before; none at all takes them away."""
        self._calls.run(lambda: self._party.guard(thing, guards))

    def report_malfunction(
        self, thing: PartyId, component: str, severity: Severity, facts: Sequence[Fact] = ()
    ) -> None:
        """Say what is broken about a thing that cannot say it itself."""
        self._calls.run(lambda: self._party.report_malfunction(thing, component, severity, facts))

    @property
    def epoch(self) -> int:
        """The epoch of new mandates; those of older ones are dead."""
        return self._calls.call(lambda: self._party.epoch)

    def admit(self) -> None:
        """Become known to the node; again does no harm."""
        self._calls.run(self._party.admit)

    def fund(self, currency: str, minor: int, *, key: Key | None = None) -> Answer:
        """Ask the operator's payment rail for money, minor units; with the same key only once."""
        return self._calls.run(lambda: self._party.fund(currency, minor, key=key))

    def mandate(
        self,
        subject: PartyId,
        autonomy: Autonomy,
        *,
        actions: Sequence[Action] | None = None,
        items: Sequence[BoundItem] = (),
        categories: Scope = EVERYTHING,
        counterparties: Scope = EVERYTHING,
        nodes: Scope = EVERYTHING,
        limits: Sequence[SpendingLimit] = (),
        life_ms: int = LIFE_MS,
        max_depth: int | None = None,
        **terms: Any,
    ) -> Signed:
        """A signed mandate for a thing, which it adopts and presents; see `mandates` for the parts.

        ANNOUNCER needs nothing more, BOUND its items and limits, the others limits. Nothing may be spent
        without a limit in the currency. `terms` are further fields of `Mandate`.
        """
        return self._calls.call(
            lambda: self._party.mandate(
                subject,
                autonomy,
                actions=actions,
                items=items,
                categories=categories,
                counterparties=counterparties,
                nodes=nodes,
                limits=limits,
                life_ms=life_ms,
                max_depth=max_depth,
                **terms,
            )
        )

    def revoke(
        self, *, mandate: bytes | None = None, subject: PartyId | None = None, reason: str = ""
    ) -> None:
        """End one link with all below it, or all mandates of a thing."""
        self._calls.run(lambda: self._party.revoke(mandate=mandate, subject=subject, reason=reason))

    def revoke_all(self, reason: str = "") -> None:
        """End every mandate that was ever given, by a new epoch."""
        self._calls.run(lambda: self._party.revoke_all(reason))

    def inbox(self) -> tuple[PendingSeen, ...]:
        """Orders that wait for this owner's word, oldest first; each is what its buyer signed."""
        return self._calls.run(self._party.inbox)

    def approve(self, order: PendingSeen, reason: str = "") -> PendingSeen:
        """Say yes to an order that was read; what it came to with that. [COS-6]"""
        return self._calls.run(lambda: self._party.approve(order, reason))

    def reject(self, order: PendingSeen, reason: str = "") -> PendingSeen:
        """Say no to it: one no is enough."""
        return self._calls.run(lambda: self._party.reject(order, reason))

    def agree_to_cosign(self, owner: PartyId, *, agreed: bool = True) -> None:
        """Agree to be asked about the orders of an owner who names him a cosigner; or no more. [COS-13]"""
        self._calls.run(lambda: self._party.agree_to_cosign(owner, agreed=agreed))

    def set_persona(self, thing: PartyId, persona: Persona, channels: bytes = b"") -> None:
        """Say how a thing and those who approve for it are to treat him; an empty one takes it back.

        `channels` says how they are reached; it is sealed, only its commitment stands in the log. [PER-4]
        """
        self._calls.run(lambda: self._party.set_persona(thing, persona, channels))

    def sign_approval(
        self, body_digest: bytes, leaf: bytes, *, approved: bool = True, life_ms: int = HOUR_MS
    ) -> Signed:
        """A signed yes (or no) to one order that was not sent yet; the order names body and mandate."""
        return self._calls.call(
            lambda: self._party.sign_approval(body_digest, leaf, approved=approved, life_ms=life_ms)
        )

    def balances(self) -> tuple[MoneyBalance, ...]:
        """His money, by currency."""
        return self._calls.run(self._party.balances)

    def spending(self, mandate: bytes) -> SpendingView:
        """What was spent under a mandate that he gave."""
        return self._calls.run(lambda: self._party.spending(mandate))

    def erase(self) -> None:
        """Have the vault forget what it may forget of him."""
        self._calls.run(self._party.erase)
