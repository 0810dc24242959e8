"""Options of a mandate that most things do without: when, where, from whom, who approves, what is shared."""

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from thingmarket.identity.scopes import NOTHING, Scope
from thingmarket.identity.terms import DATA_KINDS, GeoBox, Places, Week, WeeklyWindow
from thingmarket.ids import digest
from thingmarket.limits import DELIVERY_MS_MAX, HOUR_MS
from thingmarket_client.mandates import only

F = TypeVar("F", bound=Callable[..., Any])

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS: Final = re.compile(
    r"(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))? +"
    r"(?P<from_hour>\d{2}):(?P<from_minute>\d{2})-(?P<to_hour>\d{2}):(?P<to_minute>\d{2})",
    re.ASCII,
)
_DEGREE_E7: Final = 10**7

_OPTIONS: Final = (
    click.option("--deny", "deny", multiple=True, metavar="OWNER", help="Never with this owner."),
    click.option(
        "--assurance",
        type=click.IntRange(0, 3),
        default=0,
        help="Least assurance of what sells: 0 says so itself, 1 is claimed by an owner, 2 attested, 3"
        " certified.",
    ),
    click.option(
        "--certificate",
        "certificates",
        multiple=True,
        metavar="NAME",
        help="Only offers that state certificate.NAME as yes, as in eu.blue_angel.",
    ),
    click.option(
        "--deliver-within",
        type=click.IntRange(1, DELIVERY_MS_MAX // HOUR_MS),
        metavar="HOURS",
        help="Only offers that promise delivery in so many hours.",
    ),
    click.option(
        "--warranty", type=click.IntRange(0), default=0, metavar="DAYS", help="Only offers with it."
    ),
    click.option(
        "--co2",
        type=click.IntRange(0),
        metavar="GRAMS",
        help="Only offers that state at most so much a unit.",
    ),
    click.option(
        "--hours",
        multiple=True,
        metavar="'DAYS HH:MM-HH:MM'",
        help="Only in these hours of the week, in UTC, as in 'mon-fri 08:00-18:00'; may be repeated.",
    ),
    click.option(
        "--place",
        "places",
        multiple=True,
        metavar="SOUTH,WEST,NORTH,EAST",
        help="Only for places in this box, in degrees, as in 52.3,13.1,52.7,13.8; may be repeated.",
    ),
    click.option(
        "--cosigner",
        "cosigners",
        multiple=True,
        metavar="OWNER",
        help="Who may approve besides yourself what is above `cosign`; may be repeated.",
    ),
    click.option(
        "--quorum", type=click.IntRange(1, 9), default=1, show_default=True, help="How many must approve."
    ),
    click.option(
        "--answer-within",
        type=click.IntRange(1, 30 * 24),
        default=24,
        show_default=True,
        metavar="HOURS",
        help="How long an order waits for approval.",
    ),
    click.option(
        "--share",
        "kinds",
        type=click.Choice(sorted(DATA_KINDS)),
        multiple=True,
        help="Data that it may share; none unless given.",
    ),
    click.option(
        "--share-for", "purposes", multiple=True, metavar="PURPOSE", help="What for, as in delivery."
    ),
    click.option(
        "--share-days", type=click.IntRange(0, 3_653), default=0, help="How long shared data may be kept."
    ),
    click.option(
        "--terms",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="A text that you read and agreed to; its SHA-256 stands in the mandate.",
    ),
)


def terms_options(command: F) -> F:
    """Put these options on a command, after those that it has."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def terms_of(given: dict[str, Any]) -> dict[str, Any]:
    """Turn what was given into fields of a mandate (ValueError for what cannot be read)."""
    terms: dict[str, Any] = {
        "deny_counterparties": tuple(sorted(set(given["deny"]))),
        "min_assurance": given["assurance"],
        "required_certificates": tuple(sorted(set(given["certificates"]))),
        "warranty_min_days": given["warranty"],
        "cosigners": tuple(sorted(set(given["cosigners"]))),
        "cosign_quorum": given["quorum"],
        "cosign_ttl_ms": given["answer_within"] * HOUR_MS,
        "data_scopes": _some(given["kinds"]),
        "data_purposes": _some(given["purposes"]),
        "data_retention_days": given["share_days"],
    }
    if given["deliver_within"] is not None:
        terms["delivery_max_ms"] = given["deliver_within"] * HOUR_MS
    if given["co2"] is not None:
        terms["co2_max_grams"] = given["co2"]
    if given["hours"]:
        terms["windows"] = Week(windows=tuple(sorted(set(map(_window, given["hours"])))))
    if given["places"]:
        terms["geo"] = Places(boxes=tuple(sorted(set(map(_box, given["places"])))))
    if given["terms"] is not None:
        terms["terms_hash"] = digest(given["terms"].read_bytes())
    return terms


def _some(names: tuple[str, ...]) -> Scope:
    return only(*names) if names else NOTHING


def _window(text: str) -> WeeklyWindow:
    found = _HOURS.fullmatch(text.strip().lower())
    wrong = ValueError(f"--hours {text!r} is not like 'mon-fri 08:00-18:00' or 'sat 09:00-24:00'")
    if found is None or found["first"] not in _DAYS or (found["last"] or "mon") not in _DAYS:
        raise wrong
    first = _DAYS.index(found["first"])
    last = _DAYS.index(found["last"]) if found["last"] else first
    minutes = [int(found[f"{side}_hour"]) * 60 + int(found[f"{side}_minute"]) for side in ("from", "to")]
    if last < first or max(int(found["from_minute"]), int(found["to_minute"])) > 59:
        raise wrong
    mask = sum(1 << day for day in range(first, last + 1))
    return WeeklyWindow(days_mask=mask, start_minute=minutes[0], end_minute=minutes[1])


def _box(text: str) -> GeoBox:
    try:
        south, west, north, east = (int(Decimal(part) * _DEGREE_E7) for part in text.split(","))
    except (ValueError, InvalidOperation, OverflowError):
        raise ValueError(f"--place {text!r} is not like 52.3,13.1,52.7,13.8") from None
    return GeoBox(south_e7=south, west_e7=west, north_e7=north, east_e7=east)
