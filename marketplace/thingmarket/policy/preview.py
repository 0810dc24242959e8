"""What would have been decided under another mandate: past acts looked at again. [PRE-1]"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from thingmarket.identity.effective import EffectiveMandate
from thingmarket.limits import TIME_MAX_MS, TIME_MIN_MS
from thingmarket.policy.acts import Act
from thingmarket.policy.authorize import authorize
from thingmarket.policy.decision import Decision, Verdict
from thingmarket.policy.spending import CounterKey, SpendingCounter, reservation_of, spend

_BESIDE: Final = ("THG-", "GRD-")
"""Rules of which a mandate says nothing: they look at the state of the thing, and at what is odd."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastAct:
    """One purchase that was decided: by which entry, when, and with what verdict and first rule.

    `bought` tells whether it became a contract, there and then or by a later yes.
    """

    seq: int
    act: Act
    verdict: Verdict
    rule: str
    bought: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A past decision that would have been another one; `now` says why."""

    past: PastAct
    now: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What would change: decisions looked at, and those of them that would differ, in their order."""

    looked_at: int
    changes: tuple[Change, ...]


def preview(mandate: EffectiveMandate, past: Iterable[PastAct]) -> Preview:
    """Decide past purchases again under `mandate`, as if it had been valid then and nothing was spent yet.

    What it would allow counts against its budgets; what the owner would be asked about counts when it was
    bought in fact. Orders are taken to end before the next begins, so limits of open orders never bite.
    """
    always = replace(mandate, not_before_ms=TIME_MIN_MS, expires_ms=TIME_MAX_MS)
    counters: dict[CounterKey, SpendingCounter] = {}
    changes: list[Change] = []
    looked_at = 0
    for one in past:
        looked_at += 1
        decision = authorize(always, one.act, counters)
        stays = _stays(one, decision)
        if decision.verdict is not one.verdict and not stays:
            changes.append(Change(past=one, now=decision))
        asked_and_bought = one.bought and (stays or decision.verdict is Verdict.NEED_COSIGN)
        if asked_and_bought or (decision.allows and not stays):
            _count(always, one.act, counters)
    return Preview(looked_at=looked_at, changes=tuple(changes))


def _stays(one: PastAct, decision: Decision) -> bool:
    """Whether what stopped it then would stop it under any mandate that does not stop it by itself."""
    return one.rule.startswith(_BESIDE) and (one.verdict is Verdict.DENY or decision.allows)


def _count(mandate: EffectiveMandate, act: Act, counters: dict[CounterKey, SpendingCounter]) -> None:
    if act.payable_minor <= 0:
        return
    order = reservation_of(
        mandate, currency=act.currency, time_ms=act.time_ms, amount_minor=act.payable_minor
    )
    for key, counter in spend(counters, order):
        counters[key] = replace(counter, open_orders=0, open_holds=0, open_minor=0)
