"""The owner's rules, each with its sentence, in the order in which they are looked at."""

from collections.abc import Iterable
from enum import IntEnum
from functools import lru_cache
from typing import Final

from thingmarket.identity.effective import Count, Term
from thingmarket.identity.mandates import Action, Autonomy
from thingmarket.policy.amounts import AMOUNTS, COUNTS, RESERVED
from thingmarket.policy.demands import BUYS, ITEMS
from thingmarket.policy.permissions import ACTS, SHARES
from thingmarket.policy.question import Check, Question

# Each sentence says what must hold, so that "not so: " before it explains a denial.
RULES: Final = {
    "OWN-1": "The owner acts himself; no mandate limits him.",
    "AUT-0": "Who commits is above ANNOUNCER: that level only says what it needs, whatever is approved.",
    "AUT-1": "The level of autonomy is high enough for the action.",
    "ACT-1": "The mandate lists the action.",
    "TIM-1": "The mandate is already valid.",
    "TIM-2": "The mandate has not expired.",
    "TIM-3": "The minute of the week, in UTC, lies in a permitted window.",
    "NOD-1": "The mandate may be used at this node.",
    "GEO-1": "What is bought is for a permitted place; a purchase without a place is for none.",
    "CAT-1": "The category is permitted.",
    "PAR-1": "The counterparty is permitted.",
    "PAR-2": "The counterparty is not one of those denied.",
    "DAT-1": "Only data of permitted kinds is shared.",
    "DAT-2": "Data is shared for a permitted purpose.",
    "DAT-3": "Shared data is kept no longer than permitted.",
    "PAR-3": "What sells has at least the assurance that is asked; an owner himself has 1.",
    "CRT-1": "The offer states every certificate that is asked.",
    "SLA-1": "The offer promises delivery within the time that is asked.",
    "SLA-2": "The offer states a warranty (`warranty`, in DAY) of at least the days that are asked.",
    "SLA-3": "The offer states emissions (`co2`, in GRM, of one whole unit) of at most what is permitted.",
    "ACC-1": "The owner's account may be used to pay.",
    "ITM-1": "The product is one of the agreed items, in its agreed currency, unit and scale.",
    "ITM-2": "The seller is one of those agreed for the item.",
    "ITM-3": "The net price of one whole unit is at most the agreed one.",
    "ITM-4": "The quantity of one order is at most the agreed one.",
    "LIM-0": "Something may be spent in this currency.",
    "LIM-1": "One whole unit costs at most the limit per item, tax and fees included.",
    "LIM-2": "The order costs something, and at most the limit per order.",
    "LIM-3": "The sum of the UTC day stays within the limit per day, for every link of the chain.",
    "LIM-4": "The sum since the beginning stays within the total, for every link of the chain.",
    "LIM-5": "The sum of the UTC month stays within the limit per month, for every link of the chain.",
    "LIM-6": "The orders of the UTC day stay within their number, for every link of the chain.",
    "LIM-7": "The orders that are open stay within their number, for every link of the chain.",
    "LIM-8": "The orders whose money is held stay within their number, for every link of the chain.",
    "LIM-9": "What all open orders oblige to stays within the liability cap, for every link of the chain.",
    "LIM-10": "The order costs at most what was reserved for it.",
    "COS-1": "Above the threshold each order is approved by the owner or as many as he named.",
    "COS-2": "This very order was approved under this mandate.",
    "COS-3": "Nobody who was asked rejected this very order under this mandate.",
    "THG-12": "The thing is REGISTERED or ACTIVE; else it only cancels, accepts and gives feedback.",
    "THG-13": "In its probation a thing places at most so many orders in a UTC day.",
    "THG-14": "In its probation an order of a thing costs at most so much, tax and fees included.",
    "GRD-1": "The thing orders no more often than its owner's guard lets it.",
    "GRD-2": "The quantity is at most so many times the usual one of this thing for this product.",
    "GRD-3": "The unit price is at most so many times the usual one of the market for this product.",
}


class Course:
    """Rules in their order: what is looked at, and the names of all of it."""

    __slots__ = ("names", "steps")

    def __init__(self, steps: Iterable[tuple[str, Check]]) -> None:
        self.steps: Final = tuple(steps)
        self.names: Final = tuple(name for name, _ in self.steps)


class _Kind(IntEnum):
    """What decides, besides terms and counts, which rules there are to look at."""

    OTHER = 0
    SHARE = 1
    BUY = 2
    BUY_ITEMS = 3


# 1,024 sets of rules that mandates of one node use; more are only made again.
@lru_cache(maxsize=1024)
def _course(kind: _Kind, terms: tuple[Term, ...], counts: tuple[Count, ...], reserved: bool) -> Course:
    rules = list(ACTS)
    if kind is _Kind.SHARE:
        rules += SHARES
    if kind in (_Kind.BUY, _Kind.BUY_ITEMS):
        rules += BUYS
        rules += ITEMS if kind is _Kind.BUY_ITEMS else ()
        rules += AMOUNTS
    asked = [(name, check) for name, check, term in rules if term is None or term in terms]
    if kind in (_Kind.BUY, _Kind.BUY_ITEMS):
        asked += [
            (name, check)
            for name, check, count in (RESERVED if reserved else COUNTS)
            if count is None or count in counts
        ]
    return Course(asked)


_PLAIN_BUY: Final = _course(_Kind.BUY, (), (), False)
_PLAIN_ITEMS: Final = _course(_Kind.BUY_ITEMS, (), (), False)


def course_of(q: Question) -> Course:
    """The rules that an act is looked at by, in their order; approval comes after them."""
    mandate, action = q.mandate, q.act.action
    if action is not Action.BUY:
        kind = _Kind.SHARE if action is Action.DATA_SHARE else _Kind.OTHER
        return _course(kind, mandate.bites, (), False)
    # A BOUND thing buys agreed items only; given items restrict every level.
    agreed = bool(mandate.bound_items) or mandate.autonomy <= Autonomy.BOUND
    terms, counts = mandate.bites, q.limit.bites
    if not terms and not counts and q.reserved is None:
        return _PLAIN_ITEMS if agreed else _PLAIN_BUY  # nearly every purchase
    return _course(_Kind.BUY_ITEMS if agreed else _Kind.BUY, terms, counts, q.reserved is not None)
