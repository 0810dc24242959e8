"""Laws of fit and choice, and a naive reading of both in fractions to compare with."""

from dataclasses import replace
from fractions import Fraction
from math import floor

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.catalog.samples import a_need, an_offer
from thingmarket.catalog.attributes import Attribute, AttributeValue, ScaledInteger
from thingmarket.catalog.choice import choose, explain_choice
from thingmarket.catalog.fit import Truth, fit
from thingmarket.catalog.needs import Comparison, Constraint, Need, Preference, check_need
from thingmarket.catalog.offers import Offer, check_offer
from thingmarket.catalog.ranking import Candidate
from thingmarket.ids import digest

# Few names, values and units, so that they meet often.
NAMES = ("co2", "pages", "weight")
NUMBERS = st.builds(
    ScaledInteger, st.integers(-30, 30), st.integers(0, 2), st.sampled_from(["", "GRM", "KGM"])
)
VALUES: st.SearchStrategy[AttributeValue] = st.one_of(
    NUMBERS, st.sampled_from(["red", "blue"]), st.booleans()
)
FACTS = st.dictionaries(st.sampled_from(NAMES), VALUES).map(
    lambda facts: tuple(Attribute(name, facts[name]) for name in sorted(facts))
)


@st.composite
def constraints(draw: st.DrawFn) -> Constraint:
    comparison = draw(st.sampled_from(Comparison))
    numbers = comparison in (Comparison.AT_LEAST, Comparison.AT_MOST)
    first = draw(NUMBERS if numbers else VALUES)
    values = [first]
    if comparison in (Comparison.ONE_OF, Comparison.NONE_OF):
        more = draw(st.lists(VALUES, max_size=3))
        values += [value for value in more if kind_and_unit(value) == kind_and_unit(first)]
    return Constraint(draw(st.sampled_from(NAMES)), comparison, tuple(values))


def kind_and_unit(value: AttributeValue) -> tuple[type, str]:
    return type(value), value.unit if isinstance(value, ScaledInteger) else ""


OFFERS = st.builds(
    an_offer,
    attributes=FACTS,
    category=st.sampled_from(["441031", "44103105", "44103105", "44", "50"]),
    unit_scale=st.integers(0, 2),
    max_steps=st.sampled_from([10, 1_000, 10_000]),
    delivery_ms=st.integers(1, 100),
)
# Nothing but a must or the stock keeps one of these from being bought.
BUYABLE = OFFERS.map(lambda offer: replace(offer, category="44103105", unit_scale=2, max_steps=10_000))
NEEDS = st.builds(
    a_need,
    category=st.sampled_from(["44", "441031"]),
    unit_scale=st.integers(0, 1),
    quantity_steps=st.integers(1, 20),
    must=st.lists(constraints(), max_size=2).map(tuple),
)


@st.composite
def preferring(draw: st.DrawFn) -> Need:
    need: Need = draw(NEEDS)
    if draw(st.booleans()):
        need = replace(need, must=())
    names = draw(st.lists(st.sampled_from([*NAMES, "price", "delivery"]), unique=True, max_size=3))
    wishes, left = [], 1_000_000
    for place, name in enumerate(names):
        last = place == len(names) - 1
        weight = left if last else draw(st.integers(1, left - (len(names) - 1 - place)))
        left -= weight
        unit, scale = ("", 0) if name in ("price", "delivery") else ("GRM", draw(st.integers(0, 2)))
        low, high = sorted(draw(st.lists(st.integers(-20, 60), min_size=2, max_size=2, unique=True)))
        ends = draw(st.permutations([low, high]))
        ideal, worst = (ScaledInteger(end, scale, unit) for end in ends)
        wishes.append(Preference(attribute=name, ideal=ideal, worst=worst, weight_millionths=weight))
    return replace(need, prefer=tuple(wishes))


@st.composite
def candidates(draw: st.DrawFn) -> list[Candidate]:
    offers = draw(st.lists(OFFERS | BUYABLE, max_size=6))
    return [
        Candidate(
            offer=offer,
            digest=digest(bytes((place,))),
            stock_steps=draw(st.sampled_from([0, 300, 10_000, 10_000])),
            total_minor=draw(st.integers(1, 60)),
            seller="did:key:z",
        )
        for place, offer in enumerate(offers)
    ]


def naive_truth(constraint: Constraint, stated: AttributeValue | None) -> Truth:
    """One constraint by the words of the protocol, over fractions."""
    wanted = constraint.values
    if stated is None:
        return Truth.UNDEFINED
    if type(stated) is not type(wanted[0]):
        return Truth.FALSE
    if kind_and_unit(stated) != kind_and_unit(wanted[0]):
        return Truth.UNDEFINED

    def plain(value: AttributeValue) -> Fraction | str | bool:
        return Fraction(value.steps, 10**value.scale) if isinstance(value, ScaledInteger) else value

    found, among = plain(stated), [plain(value) for value in wanted]
    holds = {
        Comparison.EQUAL: found == among[0],
        Comparison.ONE_OF: found in among,
        Comparison.NONE_OF: found not in among,
        Comparison.AT_LEAST: isinstance(found, Fraction) and found >= among[0],  # type: ignore[operator]
        Comparison.AT_MOST: isinstance(found, Fraction) and found <= among[0],  # type: ignore[operator]
    }
    return Truth.TRUE if holds[constraint.comparison] else Truth.FALSE


def naive_fit(need: Need, offer: Offer) -> Truth:
    """Everything about an offer, joined by a scan that knows no order."""
    facts = {fact.name: fact.value for fact in offer.attributes}
    verdicts = [naive_truth(constraint, facts.get(constraint.attribute)) for constraint in need.must]
    if not offer.category.startswith(need.category):
        verdicts.append(Truth.UNDEFINED if need.category.startswith(offer.category) else Truth.FALSE)
    steps = Fraction(need.quantity_steps * 10**offer.unit_scale, 10**need.unit_scale)
    if steps.denominator != 1 or not offer.min_steps <= steps <= offer.max_steps:
        verdicts.append(Truth.FALSE)
    if Truth.FALSE in verdicts:
        return Truth.FALSE
    return Truth.UNDEFINED if Truth.UNDEFINED in verdicts else Truth.TRUE


def naive_score(need: Need, candidate: Candidate) -> int:
    """The score by the words of the protocol, over fractions."""
    score = 0
    for wish in need.prefer:
        assert isinstance(wish, Preference)
        ideal, worst = (Fraction(end.steps, 10**end.scale) for end in (wish.ideal, wish.worst))
        found: Fraction | None = None
        if wish.attribute == "price":
            found = Fraction(candidate.total_minor)
        elif wish.attribute == "delivery":
            found = Fraction(candidate.offer.delivery_ms)
        for fact in candidate.offer.attributes:
            value = fact.value
            if (
                fact.name == wish.attribute
                and isinstance(value, ScaledInteger)
                and value.unit == wish.ideal.unit
            ):
                found = Fraction(value.steps, 10**value.scale)
        if found is not None:
            share = (found - worst) / (ideal - worst)
            score += floor(wish.weight_millionths * max(Fraction(0), min(Fraction(1), share)))
    return score


def naive_choice(need: Need, among: list[Candidate]) -> bytes | None:
    """The best one by comparing each with the best so far."""
    best: tuple[int, Candidate] | None = None
    for one in among:
        needed = Fraction(need.quantity_steps * 10**one.offer.unit_scale, 10**need.unit_scale)
        if naive_fit(need, one.offer) is not Truth.TRUE or one.stock_steps < needed:
            continue
        score = naive_score(need, one)
        if best is None or score > best[0]:
            best = (score, one)
        elif score == best[0]:
            held = best[1]
            if (one.total_minor, one.digest) < (held.total_minor, held.digest):
                best = (score, one)
    return None if best is None else best[1].digest


@given(preferring(), OFFERS)
def test_fit_is_what_a_naive_reading_says(need: Need, offer: Offer) -> None:
    check_need(need)
    check_offer(offer)
    result = fit(need, offer)
    assert result.verdict is naive_fit(need, offer)
    assert bool(result.failed) == (result.verdict is Truth.FALSE)
    assert not (result.verdict is Truth.TRUE and result.missing)


@given(NEEDS, constraints(), OFFERS)
def test_one_more_must_never_makes_an_offer_fit_better(need: Need, more: Constraint, offer: Offer) -> None:
    before, after = fit(need, offer), fit(replace(need, must=(*need.must, more)), offer)
    assert after.verdict <= before.verdict
    assert set(before.failed) <= set(after.failed) and set(before.missing) <= set(after.missing)


@given(NEEDS, OFFERS)
def test_a_fact_left_out_decides_nothing_that_it_did_not_decide(need: Need, offer: Offer) -> None:
    """Leaving a fact out only ever moves towards not known: never FALSE or UNDEFINED to TRUE."""
    before = fit(need, offer)
    for gone in offer.attributes:
        kept = tuple(fact for fact in offer.attributes if fact is not gone)
        after = fit(need, replace(offer, attributes=kept))
        assert after.verdict is before.verdict or after.verdict is Truth.UNDEFINED
        assert set(after.failed) <= set(before.failed)


@given(NEEDS, OFFERS, st.sampled_from(NAMES), VALUES)
def test_a_verdict_on_facts_that_suffice_stands_whatever_is_stated_besides(
    need: Need, offer: Offer, name: str, value: AttributeValue
) -> None:
    before = fit(need, offer)
    facts = {fact.name: fact for fact in offer.attributes}
    if name in facts:
        return
    facts[name] = Attribute(name, value)
    after = fit(need, replace(offer, attributes=tuple(facts[key] for key in sorted(facts))))
    assert before.verdict is Truth.UNDEFINED or after.verdict is before.verdict


@given(NEEDS, OFFERS)
def test_the_order_of_musts_changes_no_verdict(need: Need, offer: Offer) -> None:
    there, back = fit(need, offer), fit(replace(need, must=need.must[::-1]), offer)
    assert there.verdict is back.verdict
    assert (set(there.failed), set(there.missing)) == (set(back.failed), set(back.missing))


@given(preferring(), candidates())
def test_the_choice_is_that_of_a_naive_full_scan(need: Need, among: list[Candidate]) -> None:
    choice = choose(need, among)
    assert choice.chosen == naive_choice(need, among)
    assert choice == choose(need, among[::-1])
    for scored in choice.ranked:
        assert scored.score == naive_score(need, scored.candidate)
        assert 0 <= scored.score == sum(part.points for part in scored.parts) <= 1_000_000
        assert all(0 <= part.points <= part.weight for part in scored.parts)


@given(preferring(), candidates())
def test_losses_add_up_to_the_gap_and_everything_is_explained(need: Need, among: list[Candidate]) -> None:
    choice = choose(need, among)
    lines = explain_choice(choice)
    assert len(lines) == max(1, len(among) + (choice.chosen is None))
    if choice.chosen is not None:
        best = choice.ranked[0]
        for other in choice.ranked[1:]:
            assert sum(loss.millionths for loss in other.losses) == best.score - other.score
            assert other.barred or other.score <= best.score


@given(preferring(), candidates())
def test_a_cheaper_price_never_makes_a_chosen_offer_lose(need: Need, among: list[Candidate]) -> None:
    wishes = [wish for wish in need.prefer if isinstance(wish, Preference)]
    if any(wish.attribute == "price" and wish.ideal.steps > wish.worst.steps for wish in wishes):
        return  # such a need wants to pay more
    choice = choose(need, among)
    cheaper = [
        replace(one, total_minor=max(1, one.total_minor - 1)) if one.digest == choice.chosen else one
        for one in among
    ]
    assert choose(need, cheaper).chosen == choice.chosen
