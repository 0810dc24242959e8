#!/usr/bin/env python3
"""Writes tests/golden/rules-N.log: a log with every kind of entry and command, and what it comes to.

A golden log of released rules is never written anew: raise `rules` first. Give --replace to say that the
one that is there was never released.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / part) for part in ("", "marketplace", "node", "client")]

from tests.builders import Actor, World, limit  # noqa: E402
from tests.golden.record import FOLDER, steps_of, written  # noqa: E402
from tests.golden.trading_day import TradingDay  # noqa: E402
from thingmarket.audit.commitments import commit  # noqa: E402
from thingmarket.catalog.attributes import Attribute, ScaledInteger  # noqa: E402
from thingmarket.catalog.needs import Comparison, Constraint, Preference  # noqa: E402
from thingmarket.catalog.offers import FulfilmentKind  # noqa: E402
from thingmarket.contract.orders import Deposit, RetentionClass, SealedRef  # noqa: E402
from thingmarket.identity.envelope import TypeId  # noqa: E402
from thingmarket.identity.mandates import Action, Autonomy, BoundItem  # noqa: E402
from thingmarket.identity.scopes import Scope  # noqa: E402
from thingmarket.limits import DAY_MS, HOUR_MS  # noqa: E402
from thingmarket.market.entries import RULES_NOW  # noqa: E402
from thingmarket.policy.decision import Fact  # noqa: E402
from thingmarket.wire.trade import deposit_body  # noqa: E402

INK_FACTS: tuple[Attribute, ...] = (
    Attribute("brand", "Inkwell"),
    Attribute("pages", ScaledInteger(200)),
    Attribute("refilled", True),
    Attribute("weight", ScaledInteger(125, 1, "GRM")),
)
WISHES: dict[str, Any] = {
    "must": (
        Constraint("brand", Comparison.ONE_OF, ("Inkwell", "Quill")),
        Constraint("pages", Comparison.AT_LEAST, (ScaledInteger(150),)),
    ),
    "prefer": (
        Preference(
            attribute="pages", ideal=ScaledInteger(400), worst=ScaledInteger(100), weight_millionths=600_000
        ),
        Preference(
            attribute="price", ideal=ScaledInteger(0), worst=ScaledInteger(9_999), weight_millionths=400_000
        ),
    ),
}


class Town(TradingDay):
    """Alice's things buy, Bob's shop sells, and Carol learns what refusals are."""

    def __init__(self) -> None:
        """Make the parties; everything after that is told by the methods below."""
        super().__init__(currencies=("EUR", "JPY"))
        self.alice = self.owner("alice", fund=500_00)
        self.bob = self.owner("bob")
        self.carol = self.owner("carol", fund=3_00)
        self.deposit(self.alice, 9_000, "JPY")
        both = (limit(), limit(currency="JPY"))
        self.printer = self.thing("printer", self.alice, limits=both)
        self.shop = self.thing("shop", self.bob, limits=both)
        self.ink = self.offer(self.shop, attributes=INK_FACTS)

    def trades_that_end_in_every_way(self) -> None:
        """Accepted, deemed accepted, failed, never delivered; with needs, facts and sealed parts."""
        need = self.need(self.printer, quantity_steps=2, **WISHES)
        parts = tuple(SealedRef(commit(bytes([kind]) * 32, b"x"), kind) for kind in RetentionClass)
        choice = commit(bytes(32), b"why")
        accepted = self.bought(self.printer, self.ink, 2, need=need, delivery=parts, choice=choice)
        self.ready(accepted)
        self.deliver(accepted, facts=(Fact("parcel", "A-1"), Fact("grams", 250)))
        self.accept(accepted)
        deemed, failed, forgotten, late = (self.bought(self.printer, self.ink) for _ in range(4))
        self.deliver(deemed)
        self.fail(failed)
        self.ready(late)
        self.accept(forgotten)  # refused: nothing was delivered
        self.ready(accepted)  # refused: it is over
        self.pass_time(3 * DAY_MS)
        self.deliver(late)  # refused: paid back already
        assert self.contract(deemed).history[-1].cause.startswith("silence")

    def listings_that_end_in_every_way(self) -> None:
        """Withdrawn, expired, filled and opened again; by the second, in yen, of virtual goods."""
        self.withdraw_need(self.printer, self.need(self.printer))
        again = self.need(self.alice, quantity_steps=3)
        self.fail(self.bought(self.printer, self.ink, 3, need=again))
        self.need(self.printer, valid_until_ms=self.time_ms + HOUR_MS)
        yen = self.offer(
            self.bob,
            currency="JPY",
            price_minor=333,
            price_base_steps=100,
            unit="KGM",
            unit_scale=3,
            stock_steps=10_000,
            max_steps=10_000,
            tax_category="Z",
            fulfilment=FulfilmentKind.VIRTUAL,
        )
        self.bought(self.printer, yen, 250)
        short = self.offer(self.shop, product_id="4006381333931", valid_until_ms=self.time_ms + 2 * HOUR_MS)
        self.bought(self.alice, short)
        self.pass_time(3 * HOUR_MS)
        self.buy(self.printer, short)  # refused: it has expired
        self.withdraw_offer(self.shop, yen)  # refused or not: by another thing than the one that published
        self.withdraw_offer(self.bob, yen)
        self.withdraw_offer(self.bob, yen)  # refused: it is over

    def things_of_every_autonomy(self) -> None:
        """What each level may and may not, what an approval is worth, and what is handed on."""
        sensor = self.thing("sensor", self.alice, autonomy=Autonomy.ANNOUNCER, actions=(Action.ANNOUNCE,))
        wanted = self.need(sensor)
        self.buy(sensor, self.ink, need=wanted)  # refused: AUT-0
        self.bought(self.alice, self.ink, need=wanted)
        item = BoundItem(
            product_id="ink-black",
            sellers=Scope(include=(self.bob.id,)),
            currency="EUR",
            max_unit_price_minor=1_000,
            unit="C62",
            unit_scale=0,
            max_quantity_steps=2,
        )
        bound = self.thing("bound", self.alice, autonomy=Autonomy.BOUND, bound_items=(item,))
        self.bought(bound, self.ink)
        self.buy(bound, self.ink, 3)  # refused: more than its item allows
        plotter = self.thing(
            "plotter", self.alice, limits=(limit(cosign_above_minor=1_000, total_minor=6_000),)
        )
        body = self.purchase_body(self.ink)
        yes = self.approval(self.alice, body, plotter.mandate_leaf)
        self.send(plotter, TypeId.PURCHASE, body, yes)
        self.orders_that_wait(plotter)
        self.buy(plotter, self.ink, 5)  # refused: more than its budget
        self.handed_on()

    def orders_that_wait(self, plotter: Actor) -> None:
        """One of each end: approved, rejected, withdrawn, and one whose time is over later."""
        self.persona(self.alice, plotter, approval_latency_ms=HOUR_MS)
        self.approve(self.alice, self.asked(plotter, self.ink))
        rejected = self.asked(plotter, self.ink)
        self.approve(self.bob, rejected)  # refused: nobody asked him
        self.approve(self.alice, rejected, approved=False, reason="one is enough")
        self.approve(plotter, self.asked(plotter, self.ink), approved=False)
        self.asked(plotter, self.ink)
        self.agree_to_cosign(self.bob, self.alice)
        self.agree_to_cosign(self.bob, self.alice, agreed=False)

    def handed_on(self) -> None:
        """Three links; one that is broader than the one above it is refused; the middle one is revoked."""
        root = self.mandate(self.alice, self.printer.id)
        printer = self.present(self.printer, root)
        left, right = (self.thing(name, self.alice, actions=(Action.ANNOUNCE,)) for name in ("left", "right"))
        middle = self.delegated(root, printer, left.id, limits=(limit(50_00),))
        left = self.present(left, root, middle)
        right = self.present(right, root, middle, self.delegated(middle, left, right.id))
        broader = self.delegated(middle, left, right.id, limits=(limit(60_00),))
        self.try_present(right, root, middle, broader)  # refused
        self.bought(right, self.ink)
        self.revoke(self.alice, mandate=left.mandate_leaf)
        self.buy(right, self.ink)  # refused: the link above it was revoked

    def refusals(self) -> None:
        """Of people who have too little, ask too much or are not meant."""
        mower = self.thing("mower", self.carol)
        self.buy(mower, self.ink)  # too little money
        self.buy(self.printer, self.ink, 101)
        self.buy(self.printer, self.ink, total_minor=1)
        self.buy(self.shop, self.ink)  # his own
        self.buy(self.operator, self.ink)
        self.buy(self.printer, self.ink, need=self.need(mower))
        scarce = self.offer(self.shop, stock_steps=1)
        self.buy(self.printer, scarce, 2)
        self.deposit(self.carol, 1, "JPY")
        own = Deposit(key=self.key(), owner=self.carol.id, currency="EUR", amount_minor=1, request=bytes(32))
        self.send(self.carol, TypeId.DEPOSIT, deposit_body(own))  # who is not the operator makes no money

    def ends(self) -> None:
        """Whoever is revoked stops; who asks for it is forgotten; mandates and answers grow old."""
        open_contract = self.bought(self.printer, self.ink)
        self.revoke(self.bob, subject=self.shop.id)  # takes his offers down
        self.deliver(open_contract)  # refused: revoked
        self.deliver(open_contract, by=self.bob)
        self.revoke(self.alice, epoch=1)
        self.revoke(self.alice, epoch=1)  # refused: no newer
        self.erase(self.alice)
        self.erase(self.carol)
        self.pass_time(2 * DAY_MS)
        self.thing("lamp", self.carol, life_ms=DAY_MS)
        self.pass_time(120 * DAY_MS)
        self.thing("late", self.alice, revocation_epoch=1)


def told() -> World:
    """The whole story."""
    town = Town()
    town.trades_that_end_in_every_way()
    town.listings_that_end_in_every_way()
    town.things_of_every_autonomy()
    town.a_week()
    town.a_trading_day()
    town.refusals()
    town.ends()
    return town


def main() -> int:
    """Write the file of the newest rules."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replace", action="store_true", help="the golden log there was never released")
    arguments = parser.parse_args()
    path = FOLDER / f"rules-{RULES_NOW}.log"
    if path.exists() and not arguments.replace:
        print(f"{path.name} is there; a released log is never written anew", file=sys.stderr)
        return 1
    steps = steps_of(told().log)
    path.write_text(written(steps, f"Golden log of rules {RULES_NOW}, by scripts/make_golden_log.py"))
    print(f"{path.relative_to(ROOT)}: {len(steps)} entries, last root {steps[-1].root.hex()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
