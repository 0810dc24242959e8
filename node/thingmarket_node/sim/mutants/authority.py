"""Cores that forget what an owner said: guards, lowered levels, held things, slots, shares of a budget."""

from dataclasses import replace
from typing import Any, Final

from thingmarket.contract.approvals import PendingOrder
from thingmarket.ids import Digest
from thingmarket.market import (
    authority,
    budgets,
    contracts,
    listings,
    market,
    purchases,
    standing_orders,
    things,
)
from thingmarket.market import slots as slots_module
from thingmarket.market.records import TimerKind
from thingmarket.market.state import State
from thingmarket.market.timers import Timers
from thingmarket.policy import spending
from thingmarket.policy.spending import NOTHING_SPENT
from thingmarket_node.sim.mutants.patches import Mutant, Patches


def _yes_counts_twice(patches: Patches) -> None:
    def approved_by(self: PendingOrder) -> tuple[Any, ...]:
        return 2 * tuple(word.party for word in self.words if word.approved)

    patches.put(PendingOrder, "approved_by", lambda _: property(approved_by))


def _guard_ignored(patches: Patches) -> None:
    def guarded(state: Any, record: Any, act: Any, decision: Any, **_: Any) -> Any:
        return decision

    patches.put(authority, "guarded", lambda _: guarded)


def _guard_holds_more(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def count(state: State, refusal: Any) -> Any:
            state.spending.put((Digest(bytes(32)), "EUR"), replace(NOTHING_SPENT, orders=state.seq + 1))
            return original(state, refusal)

        return count

    patches.put(market, "count", broken)


def _wrong_code_not_counted(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def counted(*args: Any, row: Any, **more: Any) -> Any:
            if hasattr(row, "tries"):
                row = replace(row, tries=row.tries - 1)
            return original(*args, row=row, **more)

        return counted

    patches.put(things, "Counted", broken)


def _lowering_ignored(patches: Patches) -> None:
    patches.put(State, "_capped", lambda _: lambda self, mandate: mandate)


def _held_thing_trades(patches: Patches) -> None:
    def standing(state: State, mandate: Any, act: Any) -> Any:
        return state.things[mandate.root_owner, mandate.subjects[0]]

    patches.put(authority, "standing", lambda _: standing)


def _standing_order_outlives(patches: Patches) -> None:
    patches.put(standing_orders, "mandate_ended", lambda _: lambda *args: ())


def _standing_order_again(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        return lambda record, now_ms: max(now_ms + 1, original(record, now_ms) - record.wish.interval_ms)

    patches.put(standing_orders, "_next_ms", broken)


def _slot_filled_twice(patches: Patches) -> None:
    patches.put(slots_module, "check_free", lambda _: lambda *args: None)


def _need_filled_twice(patches: Patches) -> None:
    def end_need(state: State, digest: Digest, how: Any, now_ms: int, contract: bytes = b"") -> Any:
        return listings.need_notice(digest, state.needs[digest])

    patches.put(contracts, "end_need", lambda _: end_need)


def _agent_counts_for_itself(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def reservation_of(mandate: Any, **more: Any) -> Any:
            return replace(original(mandate, **more), links=mandate.links[-1:])

        return reservation_of

    patches.put(purchases, "reservation_of", broken)


def _end_gives_budget_back(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def close(state: State, contract: Any) -> None:
            original(state, contract)
            if contract.mandate_leaf and contract.state.value == "CANCELLED":
                key = (Digest(contract.mandate_leaf), contract.currency)
                old = state.spending[key]
                state.spending.put(key, replace(old, total_minor=old.total_minor - contract.total_minor))

        return close

    patches.put(budgets, "close", broken)


def _freed_today(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def given_back(counters: Any, order: Any, amount_minor: int) -> Any:
            counted = original(counters, order, amount_minor)
            return tuple(
                (
                    key,
                    counter
                    if counter.day == order.day
                    else replace(counter, day_minor=max(0, counter.day_minor - amount_minor)),
                )
                for key, counter in counted
            )

        return given_back

    patches.put(spending, "_given_back", broken)


def _window_never_ends(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def keep(self: Any, deadline_ms: int, kind: TimerKind, reference: bytes) -> None:
            if kind is not TimerKind.START:
                original(self, deadline_ms, kind, reference)

        return keep

    patches.put(Timers, "set", broken)


AUTHORITY: Final = (
    Mutant("yes-counts-twice", "one approval counts as two", _yes_counts_twice),
    Mutant("guard-ignored", "no guard is asked", _guard_ignored),
    Mutant("guard-holds-more", "a tripped guard changes a budget too", _guard_holds_more),
    Mutant("wrong-code-not-counted", "wrong claim codes are free", _wrong_code_not_counted),
    Mutant("lowering-ignored", "a lowered thing goes on as before", _lowering_ignored),
    Mutant("held-thing-trades", "a suspended or quarantined thing trades", _held_thing_trades),
    Mutant("standing-order-outlives", "a standing order outlives its mandate", _standing_order_outlives),
    Mutant("standing-order-again", "a standing order comes an interval too early", _standing_order_again),
    Mutant("slot-filled-twice", "a slot is open to a second order", _slot_filled_twice),
    Mutant("need-filled-twice", "a need stays open although it was filled", _need_filled_twice),
    Mutant("agent-counts-for-itself", "an agent's orders do not count above it", _agent_counts_for_itself),
    Mutant("end-gives-budget-back", "what was cancelled may be spent again", _end_gives_budget_back),
    Mutant("freed-today", "budget comes back on another day than it was taken", _freed_today),
    Mutant("window-never-ends", "a seller may never begin", _window_never_ends),
)
