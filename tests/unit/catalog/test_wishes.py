"""Brands as wishes, and what each wish cost."""

import pytest

from tests.unit.catalog.samples import a_candidate, a_need, favourite, must, wish
from thingmarket.canonical import packer, unpacker
from thingmarket.catalog.attributes import Attribute, ScaledInteger
from thingmarket.catalog.choice import choose, explain_choice, with_prices
from thingmarket.catalog.needs import Comparison, Favourite, Need, check_need
from thingmarket.catalog.wishes import without
from thingmarket.errors import Code, Refusal

INKWELL, BLOTT = Attribute("brand", "Inkwell"), Attribute("brand", "Blott")
CHEAP = wish("price", 2_000, 1_000, 400_000)


def test_a_favourite_scores_its_whole_weight_and_everything_else_nothing() -> None:  # [CAT-13]
    need = a_need(prefer=(favourite("brand", 10**6, "Inkwell", "Blott"),))
    check_need(need)
    named, other, silent = (
        a_candidate("named", 300, BLOTT),
        a_candidate("other", 200, Attribute("brand", "Acme")),
        a_candidate("silent", 100),
    )
    choice = choose(need, [named, other, silent])
    assert choice.chosen == named.digest
    assert [(one.score, one.parts[0].value, one.parts[0].note) for one in choice.ranked] == [
        (10**6, "Blott", ""),
        (0, "", "not stated"),
        (0, "Acme", ""),
    ]
    assert unpacker(Need)(packer(Need)(need)) == need


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (favourite("price", 10**6, ScaledInteger(5)), Code.BAD_FIELD),
        (favourite("brand", 10**6), Code.BAD_FIELD),
        (favourite("brand", 10**6, *[f"b{n}" for n in range(17)]), Code.BAD_FIELD),
        (favourite("brand", 10**6, "Inkwell", True), Code.BAD_FIELD),
        (favourite("brand", 10**6, "\u0430cme"), Code.CONFUSABLE),
        (favourite("brand", 0, "Inkwell"), Code.OUT_OF_RANGE),
        (favourite("Brand", 10**6, "Inkwell"), Code.BAD_FIELD),
    ],
)
def test_favourites_that_no_offer_could_be_held_against_are_refused(
    wrong: Favourite, code: Code
) -> None:  # [CAT-13]
    with pytest.raises(Refusal) as caught:
        check_need(a_need(prefer=(wrong,)))
    assert caught.value.number == code


def test_a_brand_that_is_wanted_or_banned_costs_what_the_best_other_would_have_saved() -> None:  # [CAT-14]
    inkwell, blott, acme = (
        a_candidate("Inkwell XL", 1_238, INKWELL),
        a_candidate("Blott XL", 1_200, BLOTT),
        a_candidate("Acme XL", 1_100, Attribute("brand", "Acme")),
    )
    need = a_need(
        must=(must("brand", Comparison.NONE_OF, "Acme"),),
        prefer=(favourite("brand", 600_000, "Inkwell"), CHEAP),
    )
    among = [inkwell, blott, acme]
    choice = with_prices(need, among, choose(need, among))
    assert choice.chosen == inkwell.digest
    banned, wanted, cheap = choice.prices
    assert (banned.must, banned.cost_minor, banned.instead) == (True, 0, inkwell.digest)
    assert (wanted.must, wanted.cost_minor, wanted.instead) == (False, 38, blott.digest)
    assert (cheap.attribute, cheap.cost_minor, cheap.instead) == ("price", 0, inkwell.digest)
    assert explain_choice(choice)[1:4] == [
        "the brand cost nothing (brand other than Acme; without it: Inkwell XL)",
        "the brand cost 0.38 EUR (brand Inkwell; without it: Blott XL)",
        "the price cost nothing (price down to 10.00 EUR; without it: Inkwell XL)",
    ]


def test_a_wish_for_a_low_price_saves_money() -> None:  # [CAT-14]
    need = a_need(prefer=(wish("pages", 0, 1_000, 300_000), wish("price", 2_000, 1_000, 700_000)))
    small, large = (
        a_candidate("small", 1_000, Attribute("pages", ScaledInteger(100))),
        a_candidate("large", 1_900, Attribute("pages", ScaledInteger(900))),
    )
    choice = with_prices(need, [small, large], choose(need, [small, large]))
    assert choice.chosen == small.digest
    assert [(found.attribute, found.cost_minor) for found in choice.prices] == [("pages", 0), ("price", -900)]
    assert "the price saved 9.00 EUR (price down to 10.00 EUR; without it: large)" in explain_choice(choice)


def test_a_need_without_one_wish_keeps_all_others() -> None:
    need = a_need(
        must=(must("a", Comparison.EQUAL, True), must("b", Comparison.EQUAL, True)),
        prefer=(CHEAP, favourite("brand", 600_000, "Inkwell")),
    )
    left = [without(need, place) for place in range(4)]
    assert [([m.attribute for m in n.must], [w.attribute for w in n.prefer]) for n in left] == [
        (["b"], ["price", "brand"]),
        (["a"], ["price", "brand"]),
        (["a", "b"], ["brand"]),
        (["a", "b"], ["price"]),
    ]


def test_where_nothing_can_be_bought_no_wish_has_a_price() -> None:
    need = a_need(must=(must("brand", Comparison.EQUAL, "Inkwell"),))
    among = [a_candidate("Blott XL", 1_200, BLOTT)]
    assert with_prices(need, among, choose(need, among)).prices == ()
