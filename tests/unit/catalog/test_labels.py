import pytest

from thingmarket.catalog.labels import check_label
from thingmarket.errors import Code, Refusal


def refusal_of(text: str) -> int:
    with pytest.raises(Refusal) as caught:
        check_label(text, 120, "title")
    return caught.value.number


@pytest.mark.parametrize(
    "text",
    [
        "Black ink 302 (200 pages), 19.99 EUR",
        "Кофе молотый 250 г",
        "Coffee Кофе",  # two words, one script each
        "Ελαιόλαδο 1 L",
        "Käse, 500 µg B12",  # the micro sign is no Greek letter
        "α-tocopherol",
        "緑茶 ティーバッグ",
        "Apfelsaft naturtrüb 1,5 % — 6 × 1 l",
        "1ª qualidade n.º 3",
        "½ pint",
        "قهوة",
        "x" * 120,
    ],
)
def test_a_title_in_the_scripts_of_the_world_is_accepted(text: str) -> None:
    check_label(text, 120, "title")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        " ink",
        "ink ",
        " käse",
        "x" * 121,
        "ink\n",
        "ink\x00",
        "ink\x7f",
        "ink\x85",
        "ink\u00a0black",  # a space that does not look like another one
        "in\u00adk",
        "in\u200bk",
        "in\u200dk",
        "in\u2060k",
        "\ufeffink",
        "ink \u202etxt",
        "ink \u2066txt",
        "ink \u061c",
        "in\u034fk",
        "ink\ufe0f",
        "ink\u3164",
        "ink\u2800",
        "ink\ue000",  # private use
        "ink\U0001f5a8",  # younger than the tables
        "ink\ud800",
        "Ka\u0308se",  # not composed
    ],
)
def test_a_title_that_is_empty_long_or_partly_unseen_is_a_bad_field(text: str) -> None:
    assert refusal_of(text) == Code.BAD_FIELD


@pytest.mark.parametrize(
    "text",
    [
        "Bl\u0430ck ink",  # Cyrillic a
        "Ink\u03bf",  # Greek o
        "HP\u0410",
        "H2\u041e",  # a digit does not part a word
        "К\u03bfфе",  # Greek o among Cyrillic
        "\uff29nk",  # full width
        "\U0001d408nk",  # of mathematics
        "\u2113nk",
    ],
)
def test_a_word_of_two_scripts_or_of_disguised_letters_is_confusable(text: str) -> None:  # [CAT-7]
    assert refusal_of(text) == Code.CONFUSABLE
