"""What orders of a frame were refused for: names of the statuses, and how often each came with which rule."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from thingmarket.errors import BOOK_REASON_BASE, LEDGER_STATUS_BASE, code_name
from thingmarket.market.explained import OF_RULES
from thingmarket.market.order_rules import plain_rule
from thingmarket.matching.records import Reason
from thingmarket.policy.decision import Decision
from thingmarket.settlement.transfers import Status

_KINDS_SHOWN: Final = 8  # a line of a log stays one; a frame is seldom refused for more
_OTHERS: Final = "others"


def name_of(number: int) -> str:
    """The name of a refusal, the ledger's among them: 45056 is EXCEEDS_CREDITS."""
    if number - BOOK_REASON_BASE in Reason._value2member_map_:
        return Reason(number - BOOK_REASON_BASE).name
    try:
        return Status(number - LEDGER_STATUS_BASE).name if number > LEDGER_STATUS_BASE else code_name(number)
    except ValueError:
        return code_name(number)


def refusals(statuses: Iterable[int], decision: Decision | None) -> dict[str, int]:
    """How many orders were refused for what, most first, as {"OUT_OF_STOCK MKT-4": 3}. [MKT-7]

    Where a mandate has several rules for a status, and the outcome does not state which, the status is alone.
    """
    stated = {fact.name: str(fact.value) for fact in decision.facts} if decision else {}
    found: Counter[str] = Counter()
    for index, status in enumerate(statuses):
        if status:
            plain = "" if status in OF_RULES else plain_rule(status)
            rule = stated.get(f"order.{index}", f" {plain}").partition(" ")[2]
            found[f"{name_of(status)} {rule}".rstrip()] += 1
    most = sorted(found.items(), key=lambda one: (-one[1], one[0]))
    shown = dict(most[:_KINDS_SHOWN])
    if rest := found.total() - sum(shown.values()):
        shown[_OTHERS] = rest
    return shown
