"""A bounded ranking is a full sort, cut off; a price of a wish is the difference of two full scans."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.properties.test_fit import candidates, preferring
from thingmarket.catalog.attributes import AttributeValue, ScaledInteger
from thingmarket.catalog.choice import choose, with_prices
from thingmarket.catalog.needs import Favourite, Need
from thingmarket.catalog.ranking import Candidate
from thingmarket.catalog.wishes import wishes_of, without

VALUES: st.SearchStrategy[AttributeValue] = st.sampled_from(
    ["red", "blue", True, ScaledInteger(10, 1, "GRM"), ScaledInteger(1, 0, "KGM")]
)


@st.composite
def wishing(draw: st.DrawFn) -> Need:
    """A need, one wish of which may be for a favourite."""
    need: Need = draw(preferring())
    named_wish: bool = draw(st.booleans())
    if need.prefer and named_wish:
        line, *others = need.prefer
        if line.attribute not in ("price", "delivery"):
            named = Favourite(
                attribute=line.attribute, values=(draw(VALUES),), weight_millionths=line.weight_millionths
            )
            return replace(need, prefer=(named, *others))
    return need


@given(wishing(), candidates(), st.integers(1, 8))
def test_the_best_few_are_those_of_a_full_sort(
    need: Need, among: list[Candidate], most: int
) -> None:  # [CAT-6]
    full = choose(need, among)
    best = choose(need, among, most)
    assert best.chosen == full.chosen
    assert best.ranked == full.ranked[:most]
    assert best.looked_at == len(among)
    assert choose(need, among[::-1], most) == best


@given(wishing(), candidates())
def test_the_price_of_each_wish_is_the_difference_of_two_full_scans(
    need: Need, among: list[Candidate]
) -> None:  # [CAT-14]
    choice = with_prices(need, among, choose(need, among))
    if choice.chosen is None:
        assert choice.prices == ()
        return
    assert len(choice.prices) == wishes_of(need)
    total = choice.ranked[0].candidate.total_minor
    for place, found in enumerate(choice.prices):
        instead = choose(without(need, place), among)
        assert instead.chosen == found.instead  # what can be bought can be bought with a wish less
        assert found.cost_minor == total - instead.ranked[0].candidate.total_minor
