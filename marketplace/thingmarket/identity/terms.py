"""Where and when a mandate holds, and what data it lets be shared: places, hours of the week, purposes."""

from dataclasses import dataclass
from typing import Final

from thingmarket.errors import Code, Refusal
from thingmarket.identity.scopes import check_ascending
from thingmarket.limits import PLACES_MAX, WINDOWS_MAX
from thingmarket.time import MINUTES_A_DAY, UnixMs, utc_minute_of_week

LATITUDE_MAX_E7: Final = 90 * 10**7
LONGITUDE_MAX_E7: Final = 180 * 10**7
COARSE_E7: Final = 100_000  # about a kilometre: who lives there is not told by it
_EVERY_DAY: Final = 0b111_1111

DATA_KINDS: Final = frozenset({"coarse_location", "consumption", "contact", "identity", "telemetry", "usage"})
"""Kinds of data that a mandate may let a thing share."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A coarse place: ten-millionths of a degree north of the equator and east of Greenwich."""

    latitude_e7: int
    longitude_e7: int


def check_coarse(place: Place) -> None:
    """Refuse a place off the globe (OUT_OF_RANGE), or finer than may stand in the log (BAD_FIELD). [BUY-6]"""
    if abs(place.latitude_e7) > LATITUDE_MAX_E7 or abs(place.longitude_e7) > LONGITUDE_MAX_E7:
        raise Refusal(Code.OUT_OF_RANGE, "a place lies within 90 degrees north and 180 degrees east")
    if place.latitude_e7 % COARSE_E7 or place.longitude_e7 % COARSE_E7:
        raise Refusal(Code.BAD_FIELD, "a place is given to a hundredth of a degree, not finer", "BUY-6")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class GeoBox:
    """A box of coordinates, edges included; across the 180th meridian it takes two."""

    south_e7: int
    west_e7: int
    north_e7: int
    east_e7: int

    def __post_init__(self) -> None:
        """Refuse edges off the globe or in the wrong order (OUT_OF_RANGE)."""
        if not -LATITUDE_MAX_E7 <= self.south_e7 <= self.north_e7 <= LATITUDE_MAX_E7:
            raise Refusal(Code.OUT_OF_RANGE, "geo: south_e7 to north_e7 is not a part of -90 to 90 degrees")
        if not -LONGITUDE_MAX_E7 <= self.west_e7 <= self.east_e7 <= LONGITUDE_MAX_E7:
            raise Refusal(Code.OUT_OF_RANGE, "geo: west_e7 to east_e7 is not a part of -180 to 180 degrees")

    def holds(self, place: Place) -> bool:
        """Tell whether a place lies in the box."""
        return (
            self.south_e7 <= place.latitude_e7 <= self.north_e7
            and self.west_e7 <= place.longitude_e7 <= self.east_e7
        )

    def lies_in(self, other: "GeoBox") -> bool:
        """Tell whether all of this box lies in another."""
        return (
            other.south_e7 <= self.south_e7
            and self.north_e7 <= other.north_e7
            and other.west_e7 <= self.west_e7
            and self.east_e7 <= other.east_e7
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where: everywhere, or in one of these boxes. Empty allows no place."""

    any: bool = False
    boxes: tuple[GeoBox, ...] = ()

    def __post_init__(self) -> None:
        """Refuse boxes beside `any`, too many of them, or a second spelling (BAD_FIELD, TOO_LARGE)."""
        _check_one_of(self.any, len(self.boxes), "geo")
        check_ascending(self.boxes, "geo.boxes", PLACES_MAX)

    def allow(self, place: Place) -> bool:
        """Tell whether a place is permitted."""
        return self.any or any(box.holds(place) for box in self.boxes)

    def lie_in(self, parent: "Places") -> bool:
        """Tell whether every box lies in one box of `parent`."""
        if self.any or parent.any:
            return parent.any
        return all(any(box.lies_in(above) for above in parent.boxes) for box in self.boxes)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class WeeklyWindow:
    """Minutes of some days of the week in UTC: bit 0 of `days_mask` is Monday; the end is not included."""

    days_mask: int
    start_minute: int
    end_minute: int

    def __post_init__(self) -> None:
        """Refuse a window without days or minutes (OUT_OF_RANGE)."""
        if not 1 <= self.days_mask <= _EVERY_DAY:
            raise Refusal(Code.OUT_OF_RANGE, f"windows.days_mask={self.days_mask} is not between 1 and 127")
        if not 0 <= self.start_minute < self.end_minute <= MINUTES_A_DAY:
            raise Refusal(
                Code.OUT_OF_RANGE, "windows: start_minute and end_minute must ascend from 0 to 1440"
            )

    def holds(self, weekday: int, minute: int) -> bool:
        """Tell whether a minute of a day of the week lies in the window."""
        return bool(self.days_mask >> weekday & 1) and self.start_minute <= minute < self.end_minute

    def lies_in(self, other: "WeeklyWindow") -> bool:
        """Tell whether all of this window lies in another."""
        return (
            self.days_mask & ~other.days_mask == 0
            and other.start_minute <= self.start_minute
            and self.end_minute <= other.end_minute
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """When: always, or in one of these windows. Empty allows no time."""

    any: bool = False
    windows: tuple[WeeklyWindow, ...] = ()

    def __post_init__(self) -> None:
        """Refuse windows beside `any`, too many of them, or a second spelling (BAD_FIELD, TOO_LARGE)."""
        _check_one_of(self.any, len(self.windows), "windows")
        check_ascending(self.windows, "windows.windows", WINDOWS_MAX)

    def allows(self, time_ms: UnixMs) -> bool:
        """Tell whether a time is permitted."""
        weekday, minute = utc_minute_of_week(time_ms)
        return self.any or any(window.holds(weekday, minute) for window in self.windows)

    def lies_in(self, parent: "Week") -> bool:
        """Tell whether every window lies in one window of `parent`."""
        if self.any or parent.any:
            return parent.any
        return all(any(window.lies_in(above) for above in parent.windows) for window in self.windows)


def _check_one_of(everything: bool, listed: int, field: str) -> None:
    if everything and listed:
        raise Refusal(Code.BAD_FIELD, f"{field} must list nothing when {field}.any is true")


ANYWHERE: Final = Places(any=True)
ALWAYS: Final = Week(any=True)


def checked_data_kind(name: str, field: str) -> str:
    """Accept one of the kinds of data that exist (BAD_FIELD)."""
    if name not in DATA_KINDS:
        raise Refusal(Code.BAD_FIELD, f"{field} must hold some of {', '.join(sorted(DATA_KINDS))}")
    return name
