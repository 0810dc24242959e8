"""Payment rails: where money comes from. Real ones are adapters outside of this project."""

from typing import Protocol

from thingmarket.errors import Code, Refusal
from thingmarket.ids import Digest, PartyId
from thingmarket.money import Money, currency_of


class Rail(Protocol):
    """Collects an owner's money outside before the operator signs a deposit."""

    def collect(self, owner: PartyId, *, request: Digest, currency: str, amount_minor: int) -> None:
        """Return when the money is there; refuse when it is not to be had.

        `request` names the owner's wish. A node that crashed before its deposit was durable asks again with
        the same one, which must not collect twice. [SET-2]
        """


class PlayMoney:
    """Gives whatever is asked for, up to a sum. For local networks and tests."""

    def __init__(self, most_minor: int, *, given_minor: int = 0) -> None:
        """Allow `most_minor` in all, of which `given_minor` is given already; 0 allows nothing."""
        self._left_minor = max(0, most_minor - given_minor)
        self._most_minor = most_minor

    def collect(self, owner: PartyId, *, request: Digest, currency: str, amount_minor: int) -> None:
        """Give it, while there is some left (NOT_PERMITTED)."""
        if self._most_minor == 0:
            raise Refusal(
                Code.NOT_PERMITTED, "this node has no payment rail; see play_money_max_minor", "SET-2"
            )
        if amount_minor > self._left_minor:
            left = Money(self._left_minor, currency_of(currency))
            raise Refusal(Code.NOT_PERMITTED, f"the node's play money has {left} left", "SET-2")
        self._left_minor -= amount_minor
