from itertools import product

import pytest

from tests.unit.catalog.samples import a_need, an_offer, must
from thingmarket.catalog.attributes import Attribute, AttributeValue, ScaledInteger
from thingmarket.catalog.fit import Reason, Truth, fit, steps_in_offer, truth
from thingmarket.catalog.needs import Comparison

T, U, F = Truth.TRUE, Truth.UNDEFINED, Truth.FALSE
EQUAL, NONE_OF, ONE_OF = Comparison.EQUAL, Comparison.NONE_OF, Comparison.ONE_OF
AT_LEAST, AT_MOST = Comparison.AT_LEAST, Comparison.AT_MOST
GRAMS, KILO = ScaledInteger(500, 0, "GRM"), ScaledInteger(1, 0, "KGM")


@pytest.mark.parametrize(
    ("comparison", "values", "stated", "verdict"),
    [
        (EQUAL, ["red"], "red", T),
        (EQUAL, ["red"], "Red", F),
        (EQUAL, ["red"], None, U),
        (EQUAL, [True], True, T),
        (EQUAL, [True], False, F),
        (EQUAL, [ScaledInteger(15, 1)], ScaledInteger(150, 2), T),
        (EQUAL, [ScaledInteger(15, 1)], ScaledInteger(151, 2), F),
        (ONE_OF, ["red", "blue"], "blue", T),
        (ONE_OF, ["red", "blue"], "green", F),
        (ONE_OF, ["red", "blue"], None, U),
        (NONE_OF, ["red", "blue"], "green", T),
        (NONE_OF, ["red", "blue"], "blue", F),
        (NONE_OF, ["red", "blue"], None, U),
        (AT_LEAST, [ScaledInteger(1)], ScaledInteger(10, 1), T),
        (AT_LEAST, [ScaledInteger(1)], ScaledInteger(9, 1), F),
        (AT_LEAST, [ScaledInteger(-1)], ScaledInteger(-11, 1), F),
        (AT_LEAST, [ScaledInteger(1)], None, U),
        (AT_MOST, [ScaledInteger(1)], ScaledInteger(10, 1), T),
        (AT_MOST, [ScaledInteger(1)], ScaledInteger(11, 1), F),
        (AT_MOST, [ScaledInteger(1)], None, U),
        # another kind is an answer, and the wrong one; `not red` included
        (EQUAL, ["yes"], True, F),
        (NONE_OF, ["red"], True, F),
        (AT_LEAST, [ScaledInteger(1)], "many", F),
        # another unit is not known: nobody guesses the factor
        (AT_LEAST, [GRAMS], KILO, U),
        (AT_MOST, [GRAMS], ScaledInteger(1), U),
        (NONE_OF, [GRAMS], KILO, U),
    ],
)
def test_each_comparison_says_yes_no_or_not_known(
    comparison: Comparison, values: list[AttributeValue], stated: AttributeValue | None, verdict: Truth
) -> None:  # [CAT-5]
    assert truth(must("fact", comparison, *values), stated) is verdict


@pytest.mark.parametrize("verdicts", list(product([T, U, F], repeat=3)))
def test_conditions_join_as_kleene_says(verdicts: tuple[Truth, ...]) -> None:
    """All 27 rows of the table for three conditions."""
    stated = {T: "x", F: "y"}
    attributes = tuple(Attribute(f"f{n}", stated[v]) for n, v in enumerate(verdicts) if v is not U)
    need = a_need(must=tuple(must(f"f{n}", EQUAL, "x") for n in range(3)))
    result = fit(need, an_offer(attributes=attributes))
    expected = F if F in verdicts else U if U in verdicts else T
    assert result.verdict is expected
    assert [reason.fact for reason in result.failed] == [f"f{n}" for n, v in enumerate(verdicts) if v is F]
    assert result.missing == tuple(f"f{n}" for n, v in enumerate(verdicts) if v is U)


def test_every_failed_condition_is_named_with_what_was_wanted_and_found() -> None:
    need = a_need(
        category="50",
        product_id="96385074",
        quantity_steps=11,
        must=(
            must("brand", NONE_OF, "Inkwell", "Acme"),
            must("weight", AT_MOST, ScaledInteger(10, 0, "GRM")),
        ),
    )
    result = fit(need, an_offer())
    assert result.verdict is F
    assert [str(reason) for reason in result.failed] == [
        "category is 44103105, not within 50",
        "product_id is 4006381333931, not 96385074",
        "quantity is 1 piece to 10 pieces, not 11 pieces",
        "brand is Inkwell, not other than Inkwell or Acme",
        "weight is 12.5 grams, not at most 10 grams",
    ]


def test_missing_facts_are_listed_once_each_with_the_unit_that_was_asked_for() -> None:  # [CAT-5]
    need = a_need(
        must=(
            must("co2", AT_LEAST, ScaledInteger(1)),
            must("co2", AT_MOST, ScaledInteger(9)),
            must("weight", AT_MOST, KILO),
        )
    )
    assert fit(need, an_offer()).missing == ("co2", "weight:KGM")


@pytest.mark.parametrize(
    ("wanted", "offered", "verdict"),
    [("44103105", "44103105", T), ("44", "44103105", T), ("44103105", "4410", U), ("44103105", "4411", F)],
)
def test_a_category_fits_by_prefix_and_is_unknown_when_the_seller_was_less_exact(
    wanted: str, offered: str, verdict: Truth
) -> None:
    result = fit(a_need(category=wanted), an_offer(category=offered))
    assert result.verdict is verdict
    assert result.missing == (("category",) if verdict is U else ())


def test_another_unit_or_too_coarse_a_scale_fails() -> None:
    assert fit(a_need(unit="KGM"), an_offer()).failed == (
        Reason(fact="unit", wanted="kilograms", got="pieces"),
    )
    assert fit(a_need(unit="H87"), an_offer()).failed == (Reason(fact="unit", wanted="H87", got="C62"),)
    result = fit(a_need(unit_scale=1, quantity_steps=25), an_offer())
    assert [reason.fact for reason in result.failed] == ["unit_scale"]


def test_a_need_is_told_in_the_steps_of_the_offer_exactly() -> None:
    assert steps_in_offer(a_need(quantity_steps=2), an_offer(unit_scale=3)) == 2_000
    assert steps_in_offer(a_need(quantity_steps=20, unit_scale=1), an_offer()) == 2
    assert steps_in_offer(a_need(quantity_steps=25, unit_scale=1), an_offer()) is None
    fine = an_offer(unit_scale=3, min_steps=2_000, max_steps=2_000)
    assert fit(a_need(quantity_steps=2), fine).verdict is T
    assert fit(a_need(quantity_steps=3), fine).verdict is F
