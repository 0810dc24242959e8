"""Sets of names and of code prefixes: empty allows nothing, `any` everything, exclusion wins. [MAN-2]"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from thingmarket.errors import Code, Refusal
from thingmarket.limits import SCOPE_ITEMS_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a rule lets through. Whether its items are whole names or prefixes of codes, the field says."""

    any: bool = False
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    @property
    def is_everything(self) -> bool:
        """True when nothing at all is held back."""
        return self.any and not self.exclude

    def allows_name(self, name: str) -> bool:
        """Tell whether this exact name is let through."""
        return name not in self.exclude and (self.any or name in self.include)

    def allows_code(self, code: str) -> bool:
        """Tell whether a code is let through by the prefixes.

        A code that is coarser than an excluded one is held back too: it could hide what is excluded.
        """
        for excluded in self.exclude:
            if code.startswith(excluded) or excluded.startswith(code):
                return False
        return self.any or code.startswith(self.include)

    def names_within(self, parent: "Scope") -> bool:
        """Tell whether every name that this scope allows is allowed by `parent`."""
        return _within(self, parent, str.__eq__)

    def codes_within(self, parent: "Scope") -> bool:
        """Tell whether every code that this scope allows is allowed by `parent`."""
        return _within(self, parent, _is_prefix)


EVERYTHING: Final = Scope(any=True)
NOTHING: Final = Scope()


def checked_scope(scope: Scope, field: str, checked_item: Callable[[str, str], str]) -> Scope:
    """Accept at most 32 ascending items a list, none included beside `any` (TOO_LARGE, BAD_FIELD, BAD_ID)."""
    if scope.any and scope.include:
        raise Refusal(Code.BAD_FIELD, f"{field}.include must be empty when {field}.any is true")
    for name, items in ((f"{field}.include", scope.include), (f"{field}.exclude", scope.exclude)):
        check_ascending(items, name, SCOPE_ITEMS_MAX)
        for item in items:
            checked_item(item, name)
    return scope


def check_ascending(items: Sequence[Any], field: str, most: int) -> None:
    """Refuse a list that is too long or has more than one spelling (TOO_LARGE, BAD_FIELD)."""
    if len(items) > most:
        raise Refusal(Code.TOO_LARGE, f"{field} has {len(items)} items; at most {most}")
    if any(left >= right for left, right in pairwise(items)):
        raise Refusal(Code.BAD_FIELD, f"{field} must ascend without repetition")


def checked_code_prefix(code: str, field: str) -> str:
    """Accept 1 to 8 digits of a UNSPSC code (BAD_FIELD)."""
    if not (1 <= len(code) <= 8 and code.isascii() and code.isdigit()):
        raise Refusal(Code.BAD_FIELD, f"{field} must hold prefixes of UNSPSC codes, 1 to 8 digits each")
    return code


def _is_prefix(prefix: str, code: str) -> bool:
    return code.startswith(prefix)


def _within(child: Scope, parent: Scope, covers: Callable[[str, str], bool]) -> bool:
    """`covers(a, b)` tells whether b lies in the region that the item a names."""

    def child_excludes(region: str) -> bool:
        return any(covers(item, region) for item in child.exclude)

    if child.any:
        return parent.any and all(child_excludes(item) for item in parent.exclude)
    for region in child.include:
        if child_excludes(region):
            continue  # nothing of it is left
        if not parent.any and not any(covers(item, region) for item in parent.include):
            return False
        for item in parent.exclude:
            if covers(item, region) or (covers(region, item) and not child_excludes(item)):
                return False
    return True
