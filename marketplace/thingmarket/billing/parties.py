"""Who stands on an invoice by name: told by the party that writes it, never by the log. [INV-5]"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from thingmarket.errors import Code, Refusal
from thingmarket.limits import INVOICE_TEXT_CHARS_MAX

_PLACEHOLDERS: Final = frozenset(
    {"name", "seller", "buyer", "unknown", "none", "null", "n/a", "na", "todo", "tbd", "test", "xxx"}
)
_LETTERS_MIN: Final = 2
_TAX_ID_CHARS_MIN: Final = 4
_TAX_ID_PREFIXES: Final = {"GR": "EL"}  # where the tax prefix is not the code of the country


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceParty:
    """Seller or buyer as an invoice names him (BG-4, BG-7); `country` is ISO 3166-1, `tax_id` for VAT."""

    name: str
    country: str
    street: str = ""
    city: str = ""
    postal_code: str = ""
    tax_id: str = ""
    registration: str = ""


def check_party(party: InvoiceParty, side: str) -> None:
    """Refuse what no tax office would take: a placeholder, a country that is no code (BAD_FIELD)."""
    for problem in _problems(party):
        raise Refusal(Code.BAD_FIELD, f"{side}: {problem}", "INV-5")


def _problems(party: InvoiceParty) -> Iterator[str]:
    texts = (party.name, party.street, party.city, party.postal_code, party.tax_id, party.registration)
    if any(len(text) > INVOICE_TEXT_CHARS_MAX or not text.isprintable() for text in texts):
        yield f"a text is over {INVOICE_TEXT_CHARS_MAX} characters, or has some that cannot be printed"
    letters = sum(map(str.isalnum, party.name))
    if letters < _LETTERS_MIN or party.name.strip(" .?<>[]()*_-").lower() in _PLACEHOLDERS:
        yield f"a name is needed, not {party.name[:20]!r}"
    country = party.country
    if len(country) != 2 or not (country.isascii() and country.isalpha() and country.isupper()):
        yield "country must be two capital letters, as in DE"
    prefix, tax_id = _TAX_ID_PREFIXES.get(country, country), party.tax_id
    if tax_id and not (tax_id.startswith(prefix) and tax_id.isalnum() and len(tax_id) > _TAX_ID_CHARS_MIN):
        yield f"a tax id of {country} begins with {prefix} (BR-CO-09)"
