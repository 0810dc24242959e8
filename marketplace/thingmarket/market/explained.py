"""Why orders of a frame were refused: rules and facts, for as many as an outcome has room for. [MKT-7]"""

from collections.abc import Mapping
from functools import lru_cache
from itertools import islice
from typing import Final

from thingmarket.errors import Code, code_name
from thingmarket.limits import ORDERS_EXPLAINED_MAX
from thingmarket.market.authority import Authority
from thingmarket.market.order_permits import side_decision
from thingmarket.market.order_rules import limit_rule, plain_rule
from thingmarket.market.records import ThingRecord
from thingmarket.market.state import State
from thingmarket.policy.decision import Decision, Fact, Verdict
from thingmarket.trading.frame import ORDER, statuses_of
from thingmarket.trading.permits import NO_LIMIT, OWNER_PERMIT, Headroom, Permit

_SHOWN: Final = 4  # permits, and currencies, that are told
OF_RULES: Final = frozenset(  # the others have the same rule whoever ordered
    (
        Code.DENIED,
        Code.OVER_PRICE,
        Code.OVER_ORDER,
        Code.OVER_BUDGET,
        Code.OVER_DAY_ORDERS,
        Code.OVER_OPEN_ORDERS,
    )
)


def explained(
    state: State,
    authority: Authority,
    thing: ThingRecord | None,
    frame: tuple[bytes, bytes],
    *,
    permits: Mapping[tuple[int, int], Permit],
    headroom: Mapping[int, Headroom],
) -> Decision | None:
    """Facts about the first refused orders: `order.N` says why; and what the limits left. None: all went.

    Asked before the frame is counted: rules are looked at again with the counters that they saw.
    """
    orders, statuses = frame
    if not any(statuses):
        return None
    why = _Why(state, authority, thing, permits)
    for index, status in enumerate(statuses_of(statuses)):
        if status:
            why.explain(index, status, ORDER.unpack_from(orders, index * ORDER.size))
        if len(why.facts) >= ORDERS_EXPLAINED_MAX:
            break
    return Decision(Verdict.DENY, tuple(why.rules), (*why.facts, *_limits(permits, headroom)))


@lru_cache(maxsize=1024)  # of a few statuses and rules
def _text(status: int, rule: str) -> str:
    return f"{code_name(status)} {rule}".rstrip()


class _Why:
    """Gathers the reasons of one frame."""

    def __init__(
        self,
        state: State,
        authority: Authority,
        thing: ThingRecord | None,
        permits: Mapping[tuple[int, int], Permit],
    ) -> None:
        self._state = state
        self._authority = authority
        self._thing = thing
        self._permits = permits
        self._denied: dict[tuple[int, int], str] = {}
        self.facts: list[Fact] = []
        self.rules: dict[str, None] = {}

    def explain(self, index: int, status: int, order: tuple[int, ...]) -> None:
        """Say why one order was refused."""
        rule = self._rule(status, order)
        self.rules[rule] = None
        self.facts.append(Fact(f"order.{index}", _text(status, rule)))

    def _rule(self, status: int, order: tuple[int, ...]) -> str:
        if status not in OF_RULES:
            return plain_rule(status)
        _, side, _, _, market, lots, *_ = order
        mandate, thing = self._authority.mandate, self._thing
        if mandate is None or thing is None or market not in self._state.markets:
            return plain_rule(status)
        if status == Code.DENIED:
            return self._denial(market, side)
        return limit_rule(
            self._state,
            mandate,
            thing,
            status,
            listed=self._state.markets[market].listed,
            permit=self._permits.get((market, side), OWNER_PERMIT),
            lots=lots,
            now_ms=self._authority.now_ms,
        )

    def _denial(self, market: int, side: int) -> str:
        """The rule that denies a whole side, with the facts that it looked at, once."""
        if (market, side) not in self._denied:
            decision = side_decision(self._state, self._authority, self._state.markets[market], side)
            self._denied[market, side] = decision.rules[0]
            self.facts += decision.facts[-2:]
        return self._denied[market, side]


def _limits(permits: Mapping[tuple[int, int], Permit], headroom: Mapping[int, Headroom]) -> list[Fact]:
    """What permits and counters left, of the first few of them; what is no limit is not said."""
    found: list[Fact] = []
    for (market, side), permit in islice(permits.items(), _SHOWN):
        told = (
            ("price_high", permit.price_high),
            ("order_max", permit.order_max_minor),
            ("lots_max", permit.lots_max),
            ("cosign_above", permit.cosign_above_minor),
        )
        found += [Fact(f"permit.{market}.{side}.{name}", value) for name, value in told if value < NO_LIMIT]
    for ledger, room in islice(headroom.items(), _SHOWN):
        left = (
            ("money", room.amount_left_minor),
            ("orders", room.orders_left),
            ("resting", room.open_left),
        )
        found += [Fact(f"headroom.{ledger}.{name}", value) for name, value in left if value < NO_LIMIT]
    return found
