"""Looking at offers from the command line: words, choices with their prices, questions and answers."""

import json
from collections.abc import Iterator

import pytest

from tests.network.test_cli import NEED, OFFER, Town
from thingmarket.errors import Code


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    built = Town(tmp_path_factory.mktemp("town"))
    yield built
    built.close()


def sheet(town: Town, name: str, content: dict[str, object]) -> str:
    (town.folder / name).write_text(json.dumps(content))
    return name


def test_offers_are_looked_for_by_words(town: Town) -> None:
    (found,) = town.do("thing", "search", "printer", "--text", "BLACK xl")["offers"]
    assert (found["offer"], found["facts"]) == (
        town.offer,
        {"pages": {"steps": 1_200, "scale": 0, "unit": ""}},
    )
    told = town.run("thing", "search", "printer", "--text", "black").stdout
    assert "15.90 EUR for 1 piece" in told and "50 pieces" in told
    assert town.refused("thing", "search", "printer", "--product", "4006381333932")["number"] == Code.BAD_ID


def test_a_choice_is_shown_with_the_price_of_each_wish_and_nothing_is_bought(town: Town) -> None:
    brand = {"attribute": "brand", "favourites": ["Inkwell"], "weight_millionths": 600_000}
    price = {"attribute": "price", "ideal": 1_000, "worst": 3_000, "weight_millionths": 400_000}
    need = sheet(town, "wishes.json", {**NEED, "prefer": [price, brand]})
    for arguments in ([], ["--best-in", "EUR"]):
        chosen = town.do("thing", "choose", "printer", need, *arguments)
        assert chosen["offer"] == town.offer
        assert [(wish["attribute"], wish["cost_minor"]) for wish in chosen["wishes"]] == [
            ("price", 0),
            ("brand", 0),
        ]
    told = town.run("thing", "choose", "printer", need).stdout
    assert "for 1 piece: Black ink is low" in told and "18.92 EUR" in told
    assert "the brand cost nothing (brand Inkwell; without it: Black ink XL)" in told
    assert town.do("thing", "choose", "printer", sheet(town, "plain.json", {**NEED, "prefer": []}))["offer"]
    assert "score" not in town.run("thing", "choose", "printer", "plain.json").stdout
    assert not town.do("owner", "contracts", "anna")["contracts"]


def test_a_device_asks_for_what_it_must_know_and_another_answers_from_its_sheet(town: Town) -> None:
    toner = {**OFFER, "product_id": "toner", "title": "Toner", "answers": {"colour": "black"}}
    offered = sheet(town, "toner.json", toner)
    seller = town.start("toner shop", "thing", "run", "seller", "shop", "--sell", offered)
    try:
        seller.wait_for("ready")
        must = [{"attribute": "colour", "comparison": "EQUAL", "values": ["black"]}]
        need = sheet(town, "toner-need.json", {**NEED, "product_id": "toner", "prefer": [], "must": must})
        bought = town.do("thing", "run", "buyer", "printer", "--need", need)
        assert bought["needs"][0]["fulfilment"] == "ACCEPTED"
        assert seller.wait_for("answered")["names"] == ["colour"]
    finally:
        seller.stop()


def test_people_ask_and_decline_too(town: Town) -> None:
    town.shop.stop()  # its device would decline at once what its sheet does not know
    asked = town.do("thing", "ask", "printer", town.offer, "weight", "refilled")
    assert town.refused("thing", "ask", "printer", town.offer, "weight")["number"] == Code.ALREADY_KNOWN
    listed = town.do("thing", "questions", "printer")["questions"]
    (mine,) = [one for one in listed if one["question"] == asked["question"]]
    assert mine["asked_by_us"] and mine["names"] == ["refilled", "weight"]
    assert mine["open"]
    town.run("thing", "answer", "shop", asked["question"])
    states = {one["question"]: one["state"] for one in town.do("thing", "questions", "shop")["questions"]}
    assert states[asked["question"]] == "DECLINED"


def test_a_person_answers_with_typed_facts(town: Town) -> None:
    asked = town.do("thing", "ask", "printer", town.offer, "weight", "refilled", "brand")
    facts = ("weight=0.52/KGM", "refilled=yes", "brand=Inkwell")
    assert town.do("thing", "answer", "shop", asked["question"], *facts)["state"] == "ANSWERED"
    (found,) = town.do("thing", "search", "printer", "--text", "xl")["offers"]
    assert found["answered"] == {
        "brand": "Inkwell",
        "refilled": True,
        "weight": {"steps": 52, "scale": 2, "unit": "KGM"},
    }
    assert "weight 0.52 kilograms" in town.run("thing", "search", "printer", "--text", "xl").stdout
    assert town.refused("thing", "answer", "shop", asked["question"])["number"] == Code.WRONG_STATE
    assert town.refused("thing", "answer", "shop", "00" * 32)["number"] == Code.UNKNOWN_QUESTION
