"""A house that trades energy for itself: what it bids for a block, and what its battery and car do then."""

from dataclasses import dataclass, replace
from typing import Final

from thingmarket_node.scenarios.energy_curves import QUARTERS, STEP_WH, Day

# In ticks of a hundredth of a cent a kilowatt-hour.
RETAIL_TICKS: Final = 3_200
FEED_IN_TICKS: Final = 800
FEE_BASIS_POINTS: Final = 100

_APART: Final = 13  # no two houses name the same price, so nothing depends on who speaks first
_NEEDED: Final = 3_190  # less by house: a little below retail, for what it takes anyhow
_SPARE: Final = 820  # more by house: a little above feed-in, so that the operator's fee does not eat it
_STORED: Final = 2_000  # more by house: what was stored is kept for the evening at less
_CAR_PATIENT: Final = 2_790  # less by house: a car that has time until midnight
_CAR_IN_THE_SUN: Final = 1_300  # less by house: one that stands at home by day, where there is sun enough
_TO_STORE: Final = 1_890  # less by house: what is cheap enough to be stored
_PROMISED_PERCENT: Final = (
    75  # of what will be left over: what was sold and does not come is bought at retail
)
_SUNNY: Final = (9, 16)  # hours
_EVENING: Final = (17, 22)
_NOON: Final = 12
_MORNING: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery:
    """A battery; watt-hours, and watts of charging as well as discharging."""

    capacity_wh: int = 0
    power_w: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Car:
    """A car that needs so much between two hours of the day, when it stands at home."""

    need_wh: int = 0
    from_hour: int = 0
    until_hour: int = 0
    power_w: int = 11_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Bid:
    """A limit order for a block; quantities in watt-hours."""

    sells: bool
    wh: int
    ticks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A house at one moment of its day; `number` sets its prices apart from those of all others."""

    name: str
    number: int
    day: Day
    battery: Battery = Battery()
    car: Car = Car()
    stored_wh: int = 0
    charged_wh: int = 0

    @property
    def blocks(self) -> int:
        """Blocks of its day."""
        return len(self.day.load)

    # --- before gate closure

    def bids(self, block: int) -> tuple[Bid, ...]:
        """What it wants of a block, by what it expects: what it needs, could use, or has left."""
        expected = self.day.load_forecast[block] - self.day.sun_forecast[block]
        urgent, patient = self._car_wants(block)
        flow = self._battery_flow(expected + urgent)
        missing = expected + urgent + flow
        apart = _APART * self.number
        if missing < 0:
            patient_own = min(patient, -missing)  # its own sun first
            spare = (-missing - patient_own) * _PROMISED_PERCENT // 100 // STEP_WH * STEP_WH
            found = [Bid(sells=True, wh=spare, ticks=_SPARE + apart)] if spare else []
            rest = patient - patient_own
            if rest:  # then nothing was spare
                found.append(Bid(sells=False, wh=rest, ticks=self._patient_ticks))
            return tuple(found)
        found = [Bid(sells=False, wh=missing, ticks=_NEEDED - apart)] if missing else []
        if patient:
            found.append(Bid(sells=False, wh=patient, ticks=self._patient_ticks))
        room = self._room(block, flow)
        if room:
            found.append(Bid(sells=False, wh=room, ticks=_TO_STORE - apart))
        stored = 0 if found else self._for_sale(block, flow)
        return (Bid(sells=True, wh=stored, ticks=_STORED + apart),) if stored else tuple(found)

    @property
    def _patient_ticks(self) -> int:
        return (_CAR_IN_THE_SUN if self.car.from_hour < _NOON else _CAR_PATIENT) - _APART * self.number

    def _battery_flow(self, wanted: int) -> int:
        """What the battery takes (above 0) or gives, to even out what is wanted."""
        return self._stores(-wanted)

    def _stores(self, offered: int) -> int:
        limit = self._in_block(self.battery.power_w)
        if offered >= 0:
            return min(offered, limit, self.battery.capacity_wh - self.stored_wh)
        return -min(-offered, limit, self.stored_wh)

    def _room(self, block: int, flow: int) -> int:
        """What the battery could take of the neighbours' sun; who has panels waits for his own."""
        first, last = _SUNNY
        if flow or any(self.day.sun_forecast) or not first <= self._hour(block) < last:
            return 0
        return self._stores(self.battery.capacity_wh)

    def _for_sale(self, block: int, flow: int) -> int:
        """In the evening, what is stored beyond the own need until the sun is back."""
        first, last = _EVENING
        if not first <= self._hour(block) < last:
            return 0
        expected = zip(self.day.load_forecast[block + 1 :], self.day.sun_forecast[block + 1 :], strict=True)
        kept = sum(max(0, load - sun) for load, sun in expected) + self._night_wh
        return max(0, min(self.stored_wh + flow - kept, self._in_block(self.battery.power_w) + flow))

    def _car_wants(self, block: int) -> tuple[int, int]:
        """What the car has to get in this block, and what it could take besides."""
        missing, left = self.car.need_wh - self.charged_wh, self._blocks_at_home(block)
        if missing <= 0 or not left:
            return 0, 0
        most = self._in_block(self.car.power_w)
        urgent = max(0, missing - (left - 1) * most)
        return urgent, min(most, missing) - urgent

    def _blocks_at_home(self, block: int) -> int:
        if not self.car.from_hour <= self._hour(block) < self.car.until_hour:
            return 0
        return self.car.until_hour * self.blocks // 24 - block

    # --- when the block is over

    def after(self, block: int, traded_wh: int) -> tuple["House", int]:
        """The house after a block in which it bought so much (sold: below 0), and what its meter counted.

        The car, then the battery take what was bought too much, and the battery gives what is missing, as
        far as they can. Without a market nothing was bought: all goes between house and utility.
        """
        needed = self.day.load[block] - self.day.sun[block]
        urgent, patient = self._car_wants(block)
        charge = urgent + max(0, min(patient, traded_wh - needed - urgent))
        flow = self._stores(traded_wh - needed - charge)
        later = replace(self, stored_wh=self.stored_wh + flow, charged_wh=self.charged_wh + charge)
        return later, needed + charge + flow

    @property
    def stored_minor(self) -> int:
        """What is stored is worth: retail for what is needed until the sun is back, feed-in for the rest."""
        needed = min(self.stored_wh, self._night_wh)
        return grid_cost(needed) - grid_cost(needed - self.stored_wh)

    @property
    def _night_wh(self) -> int:
        """What it takes from midnight until the sun is back; tomorrow's is like today's."""
        return sum(self.day.load_forecast[: _MORNING * self.blocks // 24])

    # --- time

    def _hour(self, block: int) -> int:
        return block * 24 // self.blocks

    def _in_block(self, watts: int) -> int:
        return watts * 24 // self.blocks // STEP_WH * STEP_WH


def clock(block: int, blocks: int) -> str:
    """When a block begins, as in `06:15`."""
    hour, quarter = divmod(block * (QUARTERS // blocks), 4)
    return f"{hour:02}:{quarter * 15:02}"


def grid_cost(wh: int) -> int:
    """What the utility asks for so much (above 0) or pays for it, millionths of the currency."""
    return wh // STEP_WH * (RETAIL_TICKS if wh > 0 else FEED_IN_TICKS)
