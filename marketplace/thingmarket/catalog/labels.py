"""Words for people: titles and names that look like what they are, on every screen. [CAT-7]

The tables are those of Unicode 3.2, which every Python carries beside its own: a log replays the
same on each of them, at the price that younger letters and most emoji are refused.
"""

from typing import Final
from unicodedata import ucd_3_2_0 as unicode

from thingmarket.errors import Code, Refusal

# What shows nothing and is no format character in those tables: hyphens, joiners, fillers, selectors.
_INVISIBLE: Final = frozenset(
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u200b\u2800\u3164\uffa0"
    + "".join(map(chr, range(0xFE00, 0xFE10)))
)
_SCRIPTS: Final = ("LATIN", "CYRILLIC", "GREEK")
_ORDINALS: Final = frozenset("\u00aa\u00ba")  # the raised a and o of `1a` and `n.o`: style, not disguise


def check_label(text: str, length_max: int, field: str) -> None:
    """Refuse text that is empty, too long, untrimmed, unseen (BAD_FIELD) or disguised (CONFUSABLE)."""
    if not 1 <= len(text) <= length_max:
        raise Refusal(Code.BAD_FIELD, f"{field} has {len(text)} characters, not 1 to {length_max}")
    if text.isascii() and text.isprintable():
        if text[0] == " " or text[-1] == " ":
            raise Refusal(Code.BAD_FIELD, f"{field} begins or ends with a space")
        return
    for char in text:
        if not _may_stand(char):
            raise Refusal(Code.BAD_FIELD, f"{field} holds U+{ord(char):04X}, which may not stand in a label")
    if unicode.normalize("NFC", text) != text:
        raise Refusal(Code.BAD_FIELD, f"{field} is not in Unicode normalization form C")
    if text[0] == " " or text[-1] == " ":
        raise Refusal(Code.BAD_FIELD, f"{field} begins or ends with a space")
    _check_letters(text, field)


def _may_stand(char: str) -> bool:
    """True for what can be seen: letters, marks, numbers, punctuation, symbols and the plain space."""
    return char == " " or (unicode.category(char)[0] in "LMNPS" and char not in _INVISIBLE)


def _check_letters(text: str, field: str) -> None:
    """Refuse letters in disguise, and letters of two scripts between two characters that are neither."""
    scripts: set[str] = set()
    for char in text:
        kind = unicode.category(char)[0]
        if kind == "L":
            name = unicode.name(char, "")
            if not char.isascii() and _is_disguised(char, name):
                raise Refusal(Code.CONFUSABLE, f"{field} writes a letter as U+{ord(char):04X}")
            scripts.update(script for script in _SCRIPTS if name.startswith(script))
            if len(scripts) > 1:
                raise Refusal(Code.CONFUSABLE, f"{field} mixes {' and '.join(sorted(scripts))} in one word")
        elif kind not in "MN":  # a mark or digit belongs to the word that it stands in
            scripts.clear()


def _is_disguised(char: str, name: str) -> bool:
    """True for a styled copy of a Latin letter, as of full width or of mathematics."""
    if char in _ORDINALS or name.startswith(_SCRIPTS):
        return False
    return any(plain.isascii() and plain.isalpha() for plain in unicode.normalize("NFKC", char))
