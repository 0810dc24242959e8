"""Cores whose order books hold, pay, count, stop or forget wrongly."""

from dataclasses import replace
from types import FunctionType, SimpleNamespace
from typing import Any, Final

from thingmarket.market import (
    book_effects,
    budgets,
    market_states,
    order_frames,
    stopped,
)
from thingmarket.market import market as markets
from thingmarket.market.order_records import Change
from thingmarket.market.state import State
from thingmarket.matching.records import SELF_TRADE_MASK, MarketState, Side
from thingmarket.trading import front
from thingmarket.trading.admission import Admission
from thingmarket.trading.commands import DerivedState
from thingmarket.trading.desk import Desk
from thingmarket.trading.permits import UNLIMITED
from thingmarket.trading.placing import Placing
from thingmarket.trading.settling import Settling
from thingmarket.trading.terms import MarketTerms
from thingmarket_node.core import sequencer
from thingmarket_node.sim.mutants.patches import Mutant, Patches

_MAKER, _TAKER, _PRICE = 6, 7, 8  # places in the fields of an event


def readable(patches: Patches) -> None:
    """Take the readable desk, which specifies the compiled one: only that one can be broken from here."""
    patches.put(front, "_desks", lambda _: lambda ledger, kind: Desk)


def _takers_price(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def trade(self: Any, fields: Any, owner: int) -> None:
            named = list(fields)
            named[_PRICE] += 1 if fields[2] == Side.BUY else 0
            original(self, tuple(named), owner)

        return trade

    readable(patches)
    patches.put(Settling, "_trade", broken)


def _cancelled_holds(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def ended(self: Any, fields: Any, owner: int) -> None:
            order = self._orders.get(fields[_TAKER])
            if order is not None:
                self._orders.remove(order)

        return ended

    readable(patches)
    patches.put(Settling, "_ended", broken)


def _reduced_holds(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def reduced(self: Any, fields: Any, owner: int) -> None:
            self._resting(fields[_TAKER]).remaining = fields[9]

        return reduced

    readable(patches)
    patches.put(Settling, "_reduced", broken)


def _replace_reserves_nothing(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        return lambda self, order, terms, present: 0 if present else original(self, order, terms, present)

    readable(patches)
    patches.put(Admission, "admit", broken)


def _releases_count_at_once(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def check_funds(self: Any, terms: Any, cost: int, goods: int) -> Any:
            for ledger, kind in self._free:
                self._free[ledger, kind] = self._rows.free_of(self._sender.owner, ledger, kind)
            self._reserved.clear()
            return original(self, terms, cost, goods)

        return check_funds

    readable(patches)
    patches.put(Admission, "_check_funds", broken)


def _book_not_counted(patches: Patches) -> None:
    patches.put(budgets, "count_book", lambda _: lambda *args: None)


def _no_headroom(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        return lambda *args: dict.fromkeys(original(*args), UNLIMITED)

    patches.put(order_frames, "headroom_of", broken)


def _revoked_orders_stay(patches: Patches) -> None:
    def cancel_orders(state: State, now_ms: Any) -> tuple[()]:
        state.books.forget()
        return ()

    patches.put(stopped, "cancel_orders", lambda _: cancel_orders)


def _trades_with_himself(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def to_book(self: Any, order: Any, self_trade: int = 0) -> int:
            status: int = original(self, replace(order, flags=order.flags & ~SELF_TRADE_MASK), 0)
            return status

        return to_book

    readable(patches)
    patches.put(Placing, "_to_book", broken)


def _sibling_cancels(patches: Patches) -> None:
    readable(patches)
    patches.put(Placing, "_is_own", lambda _: lambda *args: True)


def _fee_twice(patches: Patches) -> None:
    readable(patches)
    patches.put(MarketTerms, "fee", lambda original: lambda self, cash: 2 * original(self, cash))


def _breaker_skipped(patches: Patches) -> None:
    patches.put(book_effects, "leaves_band", lambda _: lambda *args: False)


def _band_not_asked(patches: Patches) -> None:
    patches.put(order_frames, "_bands", lambda _: lambda *args: {})


def _halt_without_end(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def schedule(state: State, market: int, change: Change, deadline_ms: int) -> None:
            if change is not Change.RESUME:
                original(state, market, change, deadline_ms)

        return schedule

    patches.put(market_states, "_schedule", broken)


def _halt_dropped_at_replay(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def follow(self: Any, entry: Any, tell: bool) -> Any:
            if isinstance(entry.content, DerivedState):
                return b"", None
            return original(self, entry, tell)

        return follow

    patches.put(sequencer.Sequencer, "_follow", broken)


def _expired_order_stays(patches: Patches) -> None:
    def expired(state: State, name: bytes, now_ms: Any) -> tuple[()]:
        state.expiries.drop(int.from_bytes(name, "big"))
        return ()

    patches.put(book_effects, "expired", lambda _: expired)


def _frame_not_remembered(patches: Patches) -> None:
    patches.put(markets, "recall_frame", lambda _: lambda *args: None)


def _closed_with_orders(patches: Patches) -> None:
    """The function that sets a state is the same, in whose eyes no state is CLOSED."""
    states = SimpleNamespace(**{state.name: state for state in MarketState} | {"CLOSED": None})

    def broken(original: Any) -> Any:
        return FunctionType(original.__code__, {**original.__globals__, "MarketState": states})

    patches.put(market_states, "_set", broken)


TRADING: Final = tuple(
    Mutant(name, wrong, apply, "trading")
    for name, wrong, apply in (
        ("takers-price", "a buyer pays more than the order that he met", _takers_price),
        ("cancelled-holds", "an order that left the book holds on", _cancelled_holds),
        ("reduced-holds", "a reduced order holds what it held", _reduced_holds),
        ("replace-reserves-nothing", "a replaced order asks for nothing", _replace_reserves_nothing),
        ("releases-count-at-once", "what a frame frees counts within it", _releases_count_at_once),
        ("book-not-counted", "orders of the book are counted nowhere", _book_not_counted),
        ("no-headroom", "counters limit no order of the book", _no_headroom),
        ("revoked-orders-stay", "who may not trade has orders", _revoked_orders_stay),
        ("trades-with-himself", "an owner trades with himself", _trades_with_himself),
        ("sibling-cancels", "a thing cancels orders of its owner's others", _sibling_cancels),
        ("fee-twice", "the operator takes his fee twice", _fee_twice),
        ("breaker-skipped", "prices leave the band, and nothing halts", _breaker_skipped),
        ("band-not-asked", "an order may be told at any price", _band_not_asked),
        ("halt-without-end", "a market that halted for a while never goes on", _halt_without_end),
        ("halt-dropped-at-replay", "a start passes over derived entries", _halt_dropped_at_replay),
        ("expired-order-stays", "an order rests beyond its time", _expired_order_stays),
        ("frame-not-remembered", "a frame that comes again is a new one", _frame_not_remembered),
        ("closed-with-orders", "orders rest in a closed market", _closed_with_orders),
    )
)
