"""Who lives in the neighbourhood: houses with and without panels, batteries and cars."""

from typing import Final

from thingmarket_node.scenarios.energy_curves import day_of
from thingmarket_node.scenarios.energy_house import Battery, Car, House

HOUSES: Final = 30
_SEED: Final = 621
_KINDS: Final = 6


def house(number: int, blocks: int) -> House:
    """The house of a number: every second one has panels, every third a battery, every third a car."""
    kind = number % _KINDS
    has_panels, has_battery, has_car = kind in (0, 2, 4), kind in (2, 5), kind in (1, 4)
    stays = kind == 4  # its car stands at home by day, in the sun
    name = f"house-{number + 1:02}"
    return House(
        name=name,
        number=number,
        day=day_of(
            name,
            load_percent=75 + number * 37 % 70,
            peak_watts=(2_400 + number * 700 % 3_000) if has_panels else 0,
            blocks=blocks,
            seed=_SEED,
        ),
        battery=Battery(capacity_wh=8_000, power_w=3_000) if has_battery else Battery(),
        car=_car(number, stays) if has_car else Car(),
    )


def _car(number: int, stays: bool) -> Car:
    need_wh = 5_000 + number * 530 % 5_000 // 10 * 10
    return (
        Car(need_wh=need_wh, from_hour=9, until_hour=17)
        if stays
        else Car(need_wh=need_wh, from_hour=18, until_hour=24)
    )
