"""How a core is broken for a while, and put right again."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class Patches:
    """Replaces attributes, and puts them back."""

    def __init__(self) -> None:
        """Start with everything in its place."""
        self._undo: list[tuple[Any, str, Any]] = []

    def put(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        """Replace `owner.name` with what `make` builds around the original."""
        original = vars(owner)[name]  # a KeyError tells that the code under test was rebuilt
        self._undo.append((owner, name, original))
        setattr(owner, name, make(original))

    def undo(self) -> None:
        """Put every original back."""
        while self._undo:
            owner, name, original = self._undo.pop()
            setattr(owner, name, original)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One broken core: its name, what is wrong with it, how to break it, and where it is hunted."""

    name: str
    wrong: str
    apply: Callable[[Patches], None]
    scenario: str = "purchase"
