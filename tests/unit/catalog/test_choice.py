from itertools import permutations

import pytest

from tests.unit.catalog.samples import a_candidate, a_need, must, wish
from thingmarket.catalog.attributes import Attribute, ScaledInteger
from thingmarket.catalog.choice import choose, explain_choice
from thingmarket.catalog.needs import Comparison
from thingmarket.catalog.ranking import Loss
from thingmarket.errors import Code, Refusal
from thingmarket.ids import digest
from thingmarket.limits import DAY_MS


def co2(grams: int, scale: int = 0, unit: str = "GRM") -> Attribute:
    return Attribute("co2", ScaledInteger(grams, scale, unit))


GREEN = wish("co2", ScaledInteger(400, 0, "GRM"), ScaledInteger(0, 0, "GRM"), 250_000)
CHEAP = wish("price", 4_000, 2_000, 750_000)


def test_without_wishes_the_lowest_total_wins_whatever_the_order() -> None:
    candidates = [a_candidate("dear", 300), a_candidate("cheap", 100), a_candidate("middle", 200)]
    for order in permutations(candidates):
        choice = choose(a_need(), order)
        assert [scored.candidate.total_minor for scored in choice.ranked] == [100, 200, 300]
        assert choice.chosen == digest(b"cheap")


def test_equal_totals_go_to_the_earlier_digest() -> None:
    candidates = [a_candidate(name, 100) for name in "abcd"]
    assert choose(a_need(), candidates).chosen == min(candidate.digest for candidate in candidates)


def test_wishes_are_weighed_on_the_line_from_worst_to_ideal() -> None:  # [CAT-6]
    brown, green = a_candidate("brown", 2_500, co2(300)), a_candidate("green", 2_600, co2(1_000, 1))
    choice = choose(a_need(prefer=(CHEAP, GREEN)), [brown, green])
    assert choice.chosen == green.digest
    first, second = choice.ranked
    assert [part.points for part in first.parts] == [525_000, 187_500]
    assert [part.points for part in second.parts] == [562_500, 62_500]
    assert (first.score, second.score) == (712_500, 625_000)
    assert second.losses == (
        Loss(attribute="price", millionths=-37_500),
        Loss(attribute="co2", millionths=125_000),
    )
    assert sum(loss.millionths for loss in second.losses) == first.score - second.score


@pytest.mark.parametrize(
    ("total", "points"), [(1, 750_000), (2_000, 750_000), (4_000, 0), (9_999, 0), (3_999, 375)]
)
def test_beyond_ideal_and_worst_the_score_stays_at_full_and_at_nothing(total: int, points: int) -> None:
    (scored,) = choose(a_need(prefer=(CHEAP, GREEN)), [a_candidate("any", total)]).ranked
    assert scored.parts[0].points == points


def test_a_third_is_rounded_down_to_whole_millionths() -> None:
    (scored,) = choose(a_need(prefer=(wish("price", 0, 3, 10**6),)), [a_candidate("any", 1)]).ranked
    assert scored.score == 333_333


def test_delivery_counts_in_milliseconds() -> None:
    need = a_need(prefer=(wish("delivery", 4 * DAY_MS, 0, 10**6),))
    slow, fast = a_candidate("slow", 1, delivery_ms=3 * DAY_MS), a_candidate("fast", 2, delivery_ms=DAY_MS)
    assert [scored.score for scored in choose(need, [slow, fast]).ranked] == [750_000, 250_000]


@pytest.mark.parametrize(
    ("attributes", "note"),
    [
        ([], "not stated"),
        ([Attribute("co2", "low")], "not a number"),
        ([co2(0, unit="KGM")], "not stated in grams"),
    ],
)
def test_a_wish_without_a_usable_fact_scores_nothing_and_says_so(
    attributes: list[Attribute], note: str
) -> None:
    (scored,) = choose(a_need(prefer=(CHEAP, GREEN)), [a_candidate("any", 2_000, *attributes)]).ranked
    assert (scored.parts[1].points, scored.parts[1].note) == (0, note)


def test_what_does_not_fit_is_not_known_to_fit_or_is_out_of_stock_is_never_chosen() -> None:
    need = a_need(must=(must("co2", Comparison.AT_MOST, ScaledInteger(100, 0, "GRM")),))
    wrong, vague = a_candidate("wrong", 1, co2(200)), a_candidate("vague", 2)
    empty, good = (
        a_candidate("empty", 3, co2(1), stock_steps=1),
        a_candidate("good", 4, co2(1), stock_steps=2),
    )
    choice = choose(need, [wrong, vague, empty, good])
    assert choice.chosen == good.digest
    assert [scored.barred for scored in choice.ranked] == [
        "",
        "not known to fit: nothing stated on co2",
        "does not fit: co2 is 200 grams, not at most 100 grams",
        "out of stock: 1 piece left, 2 pieces needed",
    ]
    assert choose(need, [wrong, vague, empty]).chosen is None
    assert choose(need, []).chosen is None


def test_stock_is_counted_in_the_steps_of_the_offer() -> None:
    for stock_steps, barred in ((1_999, "out of stock: 1.999 pieces left, 2.000 pieces needed"), (2_000, "")):
        fine = a_candidate("fine", 1, unit_scale=3, max_steps=9_999, stock_steps=stock_steps)
        assert choose(a_need(quantity_steps=2), [fine]).ranked[0].barred == barred


def test_two_currencies_are_not_compared() -> None:
    with pytest.raises(Refusal) as caught:
        choose(a_need(), [a_candidate("here", 1), a_candidate("there", 1, currency="USD")])
    assert caught.value.number == Code.NOT_EXACT


def test_a_choice_is_explained_in_numbers() -> None:
    need = a_need(prefer=(CHEAP, GREEN))
    candidates = [
        a_candidate("brown", 2_500, co2(300)),
        a_candidate("green", 2_600, co2(100)),
        a_candidate("green again", 2_600, co2(100)),
        a_candidate("sold out", 2_000, co2(0), stock_steps=0),
    ]
    chosen, *others = explain_choice(choose(need, candidates))
    first, second = sorted(candidates[1:3], key=lambda candidate: candidate.digest)
    assert chosen == (
        f"chosen: {first.offer.title} ({first.digest.hex()[:8]}) for 26.00 EUR, score 71.25 %; "
        "price 26.00 EUR: 52.5 % of 75 %; co2 100 grams: 18.75 % of 25 %"
    )
    assert others == [
        f"not chosen: {second.offer.title} ({second.digest.hex()[:8]}) for 26.00 EUR, score 71.25 %; "
        "same score and total, later digest",
        f"not chosen: brown ({candidates[0].digest.hex()[:8]}) for 25.00 EUR, score 62.5 %; "
        "8.75 % behind (price +3.75 %, co2 -12.5 %), costs 1.00 EUR less",
        f"not chosen: sold out ({candidates[3].digest.hex()[:8]}) for 20.00 EUR, score 100 %; "
        "out of stock: 0 pieces left, 2 pieces needed",
    ]
    assert explain_choice(choose(need, [])) == ["no offers to choose from"]
    assert explain_choice(choose(need, candidates[3:]))[0] == "none of the offers can be bought"
    dear = explain_choice(choose(a_need(), [a_candidate("a", 100), a_candidate("b", 150)]))[1]
    assert dear.endswith("for 1.50 EUR; costs 0.50 EUR more")
