"""An account cannot be unmade, so an entry opens all that it needs or none."""

from collections.abc import Callable

import pytest

from tests.builders import World
from thingmarket.errors import Code
from thingmarket.market.entries import Outcome


def test_an_entry_opens_all_the_accounts_that_it_needs_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    bob = world.owner("bob")
    shop, printer = world.thing("shop", bob), world.thing("printer", world.owner("anna", fund=1_000_00))
    offer = world.offer(shop, product_id="air")
    attempts: tuple[Callable[[], Outcome], ...] = (
        lambda: world.deposit(bob, 1),
        lambda: world.try_offer(shop, product_id="water"),
        lambda: world.buy(printer, offer),
    )
    for attempt in attempts:
        codes = []
        for room in range(20):
            monkeypatch.setattr("thingmarket.settlement.accounts.ACCOUNTS_MAX", room)
            codes.append(attempt().code)  # one that is refused is checked to have changed nothing
            if not codes[-1]:
                break
        assert codes[-1] == 0 and set(codes[:-1]) == {Code.FULL}
