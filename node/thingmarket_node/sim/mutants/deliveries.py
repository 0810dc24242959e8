"""Cores whose trades with escrow promise, tax, count or wait wrongly."""

from types import SimpleNamespace
from typing import Any, Final

from thingmarket.market import budgets, contracts, fills, order_frames
from thingmarket.values import changed
from thingmarket_node.sim.mutants.patches import Mutant, Patches


def _fill_not_counted(patches: Patches) -> None:
    patches.put(budgets, "count_fill", lambda _: lambda *args: None)


def _tax_forgotten(patches: Patches) -> None:
    patches.put(fills, "net_within", lambda _: lambda cash_minor, rate: cash_minor)


def _lots_for_steps(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def contract(state: Any, fill: Any, *args: Any) -> Any:
            made, lots = original(state, fill, *args), fill.quantity
            units = (changed(made.units[0], quantity_steps=lots),)
            return changed(made, quantity_steps=lots, units=units)

        return contract

    patches.put(fills, "_contract", broken)


def _never_due(patches: Patches) -> None:
    """Whoever makes contracts of trades sees the module of contracts, which waits for nothing."""
    seen = SimpleNamespace(**vars(contracts) | {"wait_for_delivery": lambda *args: None})
    patches.put(fills, "contracts", lambda _: seen)


def _no_room_needed(patches: Patches) -> None:
    patches.put(order_frames, "without_room", lambda _: lambda *args: {})


def _sold_by_the_owner(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def contract(*args: Any) -> Any:
            made = original(*args)
            return changed(made, seller=made.seller_owner)

        return contract

    patches.put(fills, "_contract", broken)


DELIVERIES: Final = tuple(
    Mutant(name, wrong, apply, "trading")
    for name, wrong, apply in (
        ("fill-not-counted", "a trade with escrow is spent by nobody", _fill_not_counted),
        ("fill-without-tax", "the price of a book bears no tax", _tax_forgotten),
        ("fill-lots-for-steps", "a lot of many steps is delivered as one", _lots_for_steps),
        ("fill-never-due", "a trade that is not delivered is never paid back", _never_due),
        ("fill-needs-no-room", "a mandate with all its contracts open buys more", _no_room_needed),
        ("fill-sold-by-the-owner", "a thing's trade is delivered by its owner alone", _sold_by_the_owner),
    )
)
