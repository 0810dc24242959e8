"""Whatever owners, the operator, guards and malfunctions do to a thing: it spends only while it may."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import Actor, World
from tests.support.things import broken, claim, device, guard, order, register, register_device
from thingmarket.errors import Code
from thingmarket.identity.things import TRADING, Probation, ThingOrder
from thingmarket.limits import HOUR_MS
from thingmarket.policy.guards import GuardAction, GuardRules, QuantityGuard, RateGuard
from thingmarket.policy.malfunctions import Severity

WORDS = [(what, by) for what in ThingOrder for by in ("owner", "operator")]
STEPS = st.lists(
    st.one_of(
        st.sampled_from([("say", *word) for word in WORDS]),
        st.tuples(st.just("break"), st.sampled_from(Severity)),
        st.tuples(st.just("guard"), st.sampled_from([None, *GuardAction])),
        st.tuples(st.just("buy"), st.integers(1, 9)),
        st.tuples(st.just("wait"), st.sampled_from([1, HOUR_MS, 30 * HOUR_MS])),
        st.sampled_from([("register device",), ("claim",), ("present",), ("register",)]),
    ),
    max_size=25,
)
PROBATIONS = st.sampled_from([Probation(), Probation(orders_per_day=3, order_minor=60_00, deliveries=2)])


class Life(World):
    """One machine, its owner, a shop, and whatever happens to it."""

    def __init__(self, probation: Probation) -> None:
        super().__init__(probation=probation)
        self.anna = self.owner("anna", fund=10_000_00)
        self.shop = self.thing("shop", self.owner("bob"))
        self.ink = self.offer(self.shop)
        self.machine: Actor = replace(device(self, "machine"), owner=self.anna.id)

    def step(self, what: str, *details: object) -> None:
        """Try one thing; most are refused in most states."""
        thing, may_act = self.machine.id, self.machine.mandate_leaf != b""
        match what, details:
            case "say", (ThingOrder() as word, by):
                who = self.anna if by == "owner" else self.operator
                order(self, who, thing, word, owner="" if by == "owner" else self.anna.id)
            case "break", (Severity() as severity,):
                broken(self, self.anna, thing, severity)
            case "guard", (action,):
                guard(self, self.anna, thing, _guards(action))
            case "wait", (int() as ms,):
                self.pass_time(ms)
            case "register device", ():
                register_device(self, self.machine)
            case "claim", ():
                claim(self, self.anna, thing)
            case "present", ():
                made = self.try_present(self.machine, self.mandate(self.anna, thing))
                if not made.code:
                    self.machine = replace(self.machine, mandate_leaf=made.reference)
            case "register", () if may_act:
                register(self, self.machine)
            case "buy", (int() as steps,) if may_act:
                self.buys(steps)

    def buys(self, steps: int) -> None:
        """A purchase that is checked against the state the thing was in before it."""
        before, money = self.state.things[self.anna.id, self.machine.id], self.balance(self.anna)
        outcome = self.buy(self.machine, self.ink, steps)
        after = self.state.things[self.anna.id, self.machine.id]
        spent = self.balance(self.anna) < money
        assert not (spent and before.state not in TRADING), f"{before.state} and it spends"
        if outcome.code == Code.GUARD_TRIPPED:
            assert after.state.value == "QUARANTINED" and not spent
        elif outcome.code:
            assert after == before and not spent


def _guards(action: object) -> GuardRules:
    if not isinstance(action, GuardAction):
        return GuardRules()
    return GuardRules(
        rate=RateGuard(orders_max=2, window_ms=HOUR_MS, action=action),
        quantity=QuantityGuard(times_usual_milli=1_500, history_min=2, action=action),
    )


@settings(max_examples=150, deadline=None)
@given(PROBATIONS, STEPS)
def test_only_a_registered_or_active_thing_ever_spends(
    probation: Probation, steps: list[tuple[object, ...]]
) -> None:  # [THG-6] [THG-12] [GRD-5]
    world = Life(probation)
    for what, *details in steps:
        world.step(str(what), *details)
