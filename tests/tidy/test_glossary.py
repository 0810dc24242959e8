"""GLOSSARY.md is one list in the order of the alphabet, each word once for each thing that it means."""

import re
from itertools import pairwise

from tests.tidy.repository import text_of

ENTRY = re.compile(r"^- \*\*([^*]+)\*\*(?: \(([^)]*)\))?", re.MULTILINE)


def test_the_words_are_in_the_order_of_the_alphabet() -> None:
    words = [word.lower() for word, _ in ENTRY.findall(text_of("GLOSSARY.md"))]
    assert len(words) > 100, "the list is no longer read"
    assert [(one, after) for one, after in pairwise(words) if one > after] == []


def test_a_word_stands_once_for_each_thing() -> None:
    entries = ENTRY.findall(text_of("GLOSSARY.md"))
    assert [entry for entry in entries if entries.count(entry) > 1] == []
    words = [word for word, _ in entries]
    assert [word for word, place in entries if words.count(word) > 1 and not place] == []
