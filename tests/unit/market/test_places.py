"""Where a purchase is for: coarse in the log, and held against the places of a mandate."""

import pytest

from tests.builders import World
from thingmarket.errors import Code, Refusal
from thingmarket.identity.mandates import Autonomy
from thingmarket.identity.terms import COARSE_E7, GeoBox, Place, Places, check_coarse

BERLIN = Place(latitude_e7=52_52 * COARSE_E7, longitude_e7=13_41 * COARSE_E7)
PARIS = Place(latitude_e7=48_86 * COARSE_E7, longitude_e7=2_35 * COARSE_E7)
AROUND_BERLIN = GeoBox(
    south_e7=52_30 * COARSE_E7,
    west_e7=13_10 * COARSE_E7,
    north_e7=52_70 * COARSE_E7,
    east_e7=13_80 * COARSE_E7,
)


def test_a_mandate_for_some_places_buys_for_these_only() -> None:
    """[BUY-6]"""
    world = World()
    anna, shop = world.owner("anna", 100_000), world.thing("shop", world.owner("bob"))
    places = Places(boxes=(AROUND_BERLIN,))
    car = world.thing("car", anna, autonomy=Autonomy.ADAPTABLE, geo=places)
    tyre = world.offer(shop)
    assert world.buy(car, tyre, place=BERLIN).code == 0
    for place in (PARIS, None):
        refused = world.buy(car, tyre, place=place)
        assert (refused.code, refused.rule) == (Code.DENIED, "GEO-1")
    anywhere = world.thing("bike", anna)
    assert world.buy(anywhere, tyre, place=PARIS).code == 0


def test_the_log_takes_no_place_finer_than_a_hundredth_of_a_degree() -> None:
    """[BUY-6]"""
    check_coarse(BERLIN)
    fine = Place(latitude_e7=BERLIN.latitude_e7 + 1, longitude_e7=BERLIN.longitude_e7)
    for place, code in (
        (fine, Code.BAD_FIELD),
        (Place(latitude_e7=91 * 10**7, longitude_e7=0), Code.OUT_OF_RANGE),
        (Place(latitude_e7=0, longitude_e7=-181 * 10**7), Code.OUT_OF_RANGE),
    ):
        with pytest.raises(Refusal) as caught:
            check_coarse(place)
        assert caught.value.number == code
