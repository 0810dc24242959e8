"""Mandates from the command line: every field has an option, and a thing hands a part of its own on."""

from collections.abc import Iterator
from typing import Any

import click
import pytest

from tests.network.test_cli import Town
from thingmarket.errors import Code
from thingmarket.identity.terms import WeeklyWindow
from thingmarket.limits import HOUR_MS
from thingmarket.money import currency_of
from thingmarket.wire.identity import read_mandate
from thingmarket_client.keystore import load_owner_keys
from thingmarket_node.cli.authority import limit_of, mandate
from thingmarket_node.cli.delegation import delegate
from thingmarket_node.cli.mandate_terms import terms_of
from thingmarket_node.cli.papers import read_mandate_file

EUR = currency_of("EUR")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    found = Town(tmp_path_factory.mktemp("town"))
    yield found
    found.close()


def given(*arguments: str) -> dict[str, Any]:
    """What the options of `owner mandate` come to."""
    context = mandate.make_context("mandate", ["anna", "printer", "--autonomy", "adaptable", *arguments])
    return terms_of(context.params)


def test_hours_and_places_are_read_as_people_write_them() -> None:
    terms = given(
        "--hours", "mon-fri 08:00-18:30", "--hours", "sat 09:00-24:00", "--place", "52.5,-13.5,52.75,13"
    )
    assert terms["windows"].windows == (
        WeeklyWindow(days_mask=0b001_1111, start_minute=480, end_minute=1_110),
        WeeklyWindow(days_mask=0b010_0000, start_minute=540, end_minute=1_440),
    )
    [box] = terms["geo"].boxes
    assert (box.south_e7, box.west_e7) == (525_000_000, -135_000_000)
    assert (box.north_e7, box.east_e7) == (527_500_000, 130_000_000)


def test_what_is_not_given_is_left_to_the_mandate() -> None:
    terms = given()
    assert not {"windows", "geo", "delivery_max_ms", "co2_max_grams", "terms_hash"} & terms.keys()
    assert given("--answer-within", "2", "--quorum", "2")["cosign_ttl_ms"] == 2 * HOUR_MS


@pytest.mark.parametrize(
    "wrong",
    [
        ("--hours", "monday 08:00-18:00"),
        ("--hours", "fri-mon 08:00-18:00"),
        ("--hours", "mon 08:00-18:60"),
        ("--place", "1,2,3"),
        ("--place", "north,1,2,3"),
        ("--place", "NaN,1,2,3"),
    ],
)
def test_what_cannot_be_read_is_said(wrong: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=wrong[0]):
        given(*wrong)


def test_limits_are_amounts_and_numbers() -> None:
    limit = limit_of("order=20.00,month=90.00,orders=3,open=2,held=1,liability=40.00", EUR)
    assert (limit.per_order_minor, limit.per_day_minor, limit.per_month_minor) == (2_000, 2_000, 9_000)
    assert (limit.total_minor, limit.liability_cap_minor) == (9_000, 4_000)
    assert (limit.orders_per_day, limit.max_open_orders, limit.max_open_holds) == (3, 2, 1)
    for wrong in ("order=20.00,orders=x", "order=20.00,weeks=3", "orders=3", "order=1.00,order=2.00"):
        with pytest.raises(ValueError, match="--spend"):
            limit_of(wrong, EUR)


def test_a_mandate_with_every_option_is_signed_and_taken(town: Town) -> None:
    owner = load_owner_keys(town.folder / "bob").id
    (town.folder / "terms.txt").write_text("I have read this.\n")
    options = [
        "--deny",
        owner,
        "--assurance",
        "1",
        "--certificate",
        "eu.blue_angel",
        "--deliver-within",
        "48",
    ]
    options += ["--warranty", "365", "--co2", "400", "--hours", "mon-sun 00:00-24:00"]
    options += [
        "--place",
        "52.3,13.1,52.7,13.8",
        "--cosigner",
        owner,
        "--quorum",
        "2",
        "--answer-within",
        "6",
    ]
    options += ["--share", "usage", "--share-for", "delivery", "--share-days", "30", "--terms", "terms.txt"]
    spend = "order=60.00,day=100.00,month=200.00,total=300.00,orders=3,open=2,held=1,liability=90.00"
    give = ("owner", "mandate", "anna", "printer", "--autonomy", "adaptable", "--spend", spend)
    town.do(*give, *options, "--out", "full.json")
    [link] = read_mandate_file(town.folder / "full.json")
    full = read_mandate(link.payload)
    assert (full.cosign_quorum, full.co2_max_grams, full.data_retention_days) == (2, 400, 30)
    told = town.refused("thing", "buy", "printer", "--offer", town.offer, "--quantity", "1")
    assert (told["number"], told["rule"]) == (Code.DENIED, "GEO-1")


def test_a_thing_hands_a_part_of_its_mandate_on(town: Town) -> None:  # [MAN-3] [MAN-7]
    town.do("thing", "init", "machine", "--node", "market")
    spend = "order=40.00,day=40.00,total=40.00"
    town.do("owner", "mandate", "anna", "machine", "--autonomy", "autonomous", "--spend", spend)
    town.do("thing", "init", "module", "--node", "market")
    handed = town.do("thing", "delegate", "machine", "module", "--spend", "order=60.00,day=60.00,total=60.00")
    assert handed["links"] == 2
    buy = ("--offer", town.offer, "--quantity", "1")
    town.do("thing", "buy", "module", *buy)
    town.do("thing", "buy", "machine", *buy)
    for buyer in ("module", "machine"):  # 18.92 each: the third is too much for the link above both
        assert town.refused("thing", "buy", buyer, *buy)["rule"] in ("LIM-3", "LIM-4")
    town.do("owner", "revoke", "anna", "--thing", "machine", "--reason", "enough")
    assert town.refused("thing", "buy", "module", *buy)["number"] == Code.MANDATE_REVOKED


def test_a_thing_below_the_highest_level_hands_nothing_on(town: Town) -> None:
    told = town.refused("thing", "delegate", "printer", "module", "--spend", "order=1.00")
    assert told["number"] == Code.MANDATE_BROADER


def test_an_agent_elsewhere_needs_a_file() -> None:
    with pytest.raises(click.UsageError, match="--out"):
        delegate.main(["machine", "did:key:z6Mk"], standalone_mode=False)
