"""Words by which offers are looked for: those of the title, and the levels of the category. [CAT-12]"""

from typing import Final
from unicodedata import ucd_3_2_0 as unicode

from thingmarket.errors import Code, Refusal
from thingmarket.limits import OFFER_WORDS_MAX, SEARCH_TEXT_CHARS_MAX, SEARCH_WORDS_MAX, WORD_CHARS_MIN

_CATEGORY_LEVELS: Final = (2, 4, 6, 8)


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text, each once, in their order: runs of letters, marks and numbers without case."""
    folded = unicode.normalize("NFC", unicode.normalize("NFC", text).casefold())
    if folded.isascii():
        apart = "".join(char if char.isalnum() else " " for char in folded)
    else:
        apart = "".join(char if unicode.category(char)[0] in "LMN" else " " for char in folded)
    return tuple(dict.fromkeys(word for word in apart.split(" ") if len(word) >= WORD_CHARS_MIN))


def offer_words(title: str, category: str) -> tuple[str, ...]:
    """What an offer is found by: the first words of its title, and the levels of its category."""
    levels = (category[:level] for level in _CATEGORY_LEVELS if level <= len(category))
    return tuple(dict.fromkeys((*words_of(title)[:OFFER_WORDS_MAX], *levels)))


def search_words(text: str) -> tuple[str, ...]:
    """The words of a search, all of which an offer must have; none for no text (BAD_FIELD)."""
    if len(text) > SEARCH_TEXT_CHARS_MAX:
        raise Refusal(Code.BAD_FIELD, f"a search has at most {SEARCH_TEXT_CHARS_MAX} characters", "CAT-12")
    words = words_of(text)
    if (text and not words) or len(words) > SEARCH_WORDS_MAX:
        wanted = f"1 to {SEARCH_WORDS_MAX} words of at least {WORD_CHARS_MIN} letters or digits"
        raise Refusal(Code.BAD_FIELD, f"a search has {wanted}, not {len(words)}", "CAT-12")
    return words
