"""A pit in which Ann has money, Bob has goods, and Eve has a little of both."""

import pytest

from tests.unit.trading.pit import ANN, BOB, BOOKS, EUR, EVE, INK, POWER, Pit


@pytest.fixture(params=["auto", "python"])
def pit(request: pytest.FixtureRequest) -> Pit:
    pit = Pit(kind=request.param)
    pit.give(ANN, EUR, 10_000)
    for goods in (INK, POWER, BOOKS):
        pit.give(BOB, goods, 1_000)
        pit.give(EVE, goods, 10)
    pit.give(EVE, EUR, 100)
    return pit
