"""How offers are named and found: words, product ids, units in words."""

import pytest

from tests.unit.catalog.samples import a_need, an_offer
from thingmarket.catalog.fit import Truth, fit
from thingmarket.catalog.products import check_product_id, gtin_valid, product_key
from thingmarket.catalog.units import span_words, unit_word
from thingmarket.catalog.words import offer_words, search_words, words_of
from thingmarket.errors import Code, Refusal
from thingmarket.limits import DAY_MS, HOUR_MS, OFFER_WORDS_MAX, SEARCH_TEXT_CHARS_MAX, SEARCH_WORDS_MAX


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Black ink 302, 200 pages", ("black", "ink", "302", "200", "pages")),
        ("ink-black/XL a 5 INK", ("ink", "black", "xl")),  # once each, none of a single letter
        ("Straße STRASSE", ("strasse",)),
        ("cafe\u0301 Caf\u00e9", ("caf\u00e9",)),  # both spellings of é are one
        ("Тонер чёрный", ("тонер", "чёрный")),
        ("…!?", ()),
        ("", ()),
    ],
)
def test_words_are_runs_of_letters_marks_and_digits_without_case(
    text: str, words: tuple[str, ...]
) -> None:  # [CAT-12]
    assert words_of(text) == words


def test_an_offer_is_found_by_its_title_and_by_each_level_of_its_category() -> None:  # [CAT-12]
    assert offer_words("Black ink", "44103105") == ("black", "ink", "44", "4410", "441031", "44103105")
    many = " ".join(f"w{n:02d}" for n in range(OFFER_WORDS_MAX + 3))
    assert len(offer_words(many, "44")) == OFFER_WORDS_MAX + 1


@pytest.mark.parametrize(
    "text",
    ["?", "a b", "x" * (SEARCH_TEXT_CHARS_MAX + 1), " ".join(f"w{n}" for n in range(SEARCH_WORDS_MAX + 1))],
)
def test_a_search_has_a_few_words(text: str) -> None:  # [CAT-12]
    assert search_words("") == () and search_words("Ink black") == ("ink", "black")
    with pytest.raises(Refusal) as caught:
        search_words(text)
    assert (caught.value.number, caught.value.rule) == (Code.BAD_FIELD, "CAT-12")


@pytest.mark.parametrize(
    "value",
    [
        "gtin:",
        "gtin:4006381333932",
        "gtin:400638133393",
        "gtin:x",
        "gtin:123",
        "4006381333932",
        "gtin:-4006381333931",
    ],
)
def test_what_calls_itself_a_gtin_or_looks_like_one_has_the_right_check_digit(value: str) -> None:  # [CAT-11]
    with pytest.raises(Refusal) as caught:
        check_product_id(value)
    assert (caught.value.number, caught.value.rule) == (Code.BAD_ID, "CAT-11")


def test_all_spellings_of_a_gtin_name_one_product() -> None:  # [CAT-11]
    spellings = [
        "036000291452",
        "0036000291452",
        "00036000291452",
        "gtin:036000291452",
        "gtin:00036000291452",
    ]
    for spelling in spellings:
        check_product_id(spelling)
    assert {product_key(spelling) for spelling in spellings} == {"gtin:00036000291452"}
    assert product_key("ink-black") == "ink-black"
    carton = "10036000291459"  # the same bar of soap, a dozen of them: another product
    assert gtin_valid(carton) and product_key(carton) == f"gtin:{carton}"
    need = a_need(product_id=spellings[0])
    assert fit(need, an_offer(product_id=spellings[-1])).verdict is Truth.TRUE
    assert fit(need, an_offer(product_id=carton)).verdict is Truth.FALSE


def test_units_and_spans_are_told_in_words() -> None:
    assert [unit_word("C62", one=True), unit_word("C62"), unit_word("KWH"), unit_word("X99")] == [
        "piece",
        "pieces",
        "kWh",
        "X99",
    ]
    spans = [0, 1, -HOUR_MS, 2 * DAY_MS, DAY_MS + 4 * HOUR_MS + 1, 61_000]
    assert [span_words(span) for span in spans] == [
        "0 seconds",
        "1 millisecond",
        "-1 hour",
        "2 days",
        "1 day 4 hours",
        "1 minute 1 second",
    ]
