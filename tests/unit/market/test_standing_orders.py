"""Standing orders: they buy at their times under the budget of that time, and stop when they should."""

from dataclasses import replace
from typing import Any

import pytest

from tests.builders import Actor, World, limit, replayed
from thingmarket.catalog.terms import SettlementKind, Terms
from thingmarket.contract.contract import ContractState
from thingmarket.contract.standing import (
    EndStandingOrder,
    OpenStandingOrder,
    StandingId,
    StandingOrder,
    StandingState,
    check_open_standing_order,
)
from thingmarket.errors import Code, Refusal
from thingmarket.identity.envelope import TypeId
from thingmarket.ids import Digest
from thingmarket.limits import (
    DAY_MS,
    HOUR_MS,
    STANDING_FIRST_MS_MAX,
    STANDING_INTERVAL_MS_MIN,
    STANDING_KEPT_MS,
    STANDING_ORDERS_PER_OWNER_MAX,
    STANDING_PER_ENTRY_MAX,
    STANDING_SUSPENDED_MS,
)
from thingmarket.market import market, standing_orders
from thingmarket.market.entries import EntryKind, NoticeKind, Outcome
from thingmarket.market.queries import explained_seq, reader_of
from thingmarket.market.state import State
from thingmarket.v1 import query_service_pb2 as pb
from thingmarket.wire.standing import (
    end_standing_order_body,
    open_standing_order_body,
    read_standing_orders,
    standing_orders_message,
)

PAYABLE = 1_190
FULL = 300_00


class Kitchen(World):
    """Alice's coffee machine has beans brought by Bob every day."""

    def __init__(self, fund: int = FULL, **permits: Any) -> None:
        super().__init__()
        self.alice = self.owner("alice", fund=fund)
        self.bob = self.owner("bob")
        self.machine = self.thing("machine", self.alice, **permits)
        self.shop = self.thing("shop", self.bob)
        self.beans = self.offer(self.shop, terms=Terms(settlement=SettlementKind.DVP))

    def standing_body(self, offer: Digest, quantity: int = 1, **changes: Any) -> bytes:
        """The body of a daily standing order over ten days, for at most 100.00."""
        wish = OpenStandingOrder(
            key=self.key(),
            offer=offer,
            quantity_steps=quantity,
            currency="EUR",
            total_max_minor=100_00,
            interval_ms=DAY_MS,
            occurrences_max=10,
        )
        return open_standing_order_body(replace(wish, **changes))

    def stand(self, buyer: Actor, offer: Digest, quantity: int = 1, **changes: Any) -> Outcome:
        """Open a standing order that may be refused."""
        body = self.standing_body(offer, quantity, **changes)
        return self.send(buyer, TypeId.OPEN_STANDING_ORDER, body)

    def end_standing(self, by: Actor, name: bytes) -> Outcome:
        """End a standing order."""
        body = end_standing_order_body(EndStandingOrder(key=self.key(), standing_order=name))
        return self.send(by, TypeId.END_STANDING_ORDER, body)

    def opened(self, offer: Digest | None = None, by: Actor | None = None, **changes: Any) -> bytes:
        """A standing order, which must not be refused."""
        outcome = self.stand(by or self.machine, offer or self.beans, **changes)
        assert outcome.code == 0, outcome
        return outcome.reference

    def order(self, name: bytes) -> StandingOrder:
        """A standing order as it stands now."""
        return self.state.standing_orders[StandingId(name)]

    def cups(self) -> int:
        """How many deliveries Bob was paid for."""
        return self.balance(self.bob) // PAYABLE


def test_it_buys_at_its_times_and_no_more_than_it_was_told() -> None:  # [STO-1] [STO-3] [STO-6]
    world = Kitchen()
    name = world.opened(occurrences_max=3)
    assert world.cups() == 0
    world.pass_time(1)
    assert world.cups() == 1
    world.pass_time(DAY_MS)
    assert (world.cups(), world.order(name).made) == (2, 2)
    world.pass_time(30 * DAY_MS)
    assert world.cups() == 3 and not world.state.standing_orders


def test_it_begins_when_it_was_told_to() -> None:  # [STO-1] [STO-2]
    world = Kitchen()
    world.opened(first_ms=world.time_ms + 5 * DAY_MS)
    world.pass_time(5 * DAY_MS - 1)
    assert world.cups() == 0
    world.pass_time(1)
    assert world.cups() == 1
    late = world.time_ms + STANDING_FIRST_MS_MAX
    assert world.stand(world.machine, world.beans, first_ms=late + 1).code == Code.OUT_OF_RANGE


def test_each_purchase_counts_on_the_day_of_its_own() -> None:  # [STO-3] [MAN-7]
    world = Kitchen(limits=(limit(per_day_minor=PAYABLE),))
    name = world.opened(interval_ms=12 * HOUR_MS, first_ms=world.time_ms + 12 * HOUR_MS)
    world.pass_time(12 * HOUR_MS)  # midnight
    assert world.order(name).made == 1
    world.pass_time(12 * HOUR_MS)
    order = world.order(name)
    assert (order.made, order.skipped, order.code, order.rule) == (1, 1, Code.DENIED, "LIM-3")
    world.pass_time(12 * HOUR_MS)
    assert world.order(name).made == 2


def test_what_is_refused_three_times_in_a_row_is_suspended_and_ends_in_a_month() -> None:  # [STO-5] [STO-6]
    world = Kitchen(fund=PAYABLE)
    name = world.opened()
    world.pass_time(1)
    assert world.cups() == 1
    world.pass_time(2 * DAY_MS)
    assert world.order(name).state is StandingState.ACTIVE
    world.pass_time(DAY_MS)
    order = world.order(name)
    assert (order.state, order.skipped, order.cause) == (
        StandingState.SUSPENDED,
        3,
        "the owner's wallet holds too little",
    )
    world.deposit(world.alice, FULL)
    world.pass_time(STANDING_SUSPENDED_MS - 1)
    assert world.cups() == 1 and world.order(name).state is StandingState.SUSPENDED
    world.pass_time(1)
    assert world.order(name).state is StandingState.ENDED
    world.pass_time(STANDING_KEPT_MS)
    assert not world.state.standing_orders


def test_a_purchase_in_between_begins_the_count_anew() -> None:  # [STO-5]
    world = Kitchen(fund=PAYABLE)
    name = world.opened()
    world.pass_time(1 + 2 * DAY_MS)
    assert world.order(name).refused_in_a_row == 2
    world.deposit(world.alice, PAYABLE)
    world.pass_time(DAY_MS)
    assert (world.order(name).refused_in_a_row, world.order(name).made) == (0, 2)


def test_above_the_threshold_each_purchase_asks() -> None:  # [STO-4] [COS-4]
    world = Kitchen(limits=(limit(cosign_above_minor=PAYABLE - 1),))
    name = world.opened(interval_ms=HOUR_MS)
    world.pass_time(1)
    order = world.order(name)
    pending = world.state.pendings[order.last]  # type: ignore[index]
    assert pending.waits and pending.buyer == world.machine.id and world.cups() == 0
    world.pass_time(HOUR_MS)
    assert world.order(name).last != order.last and world.order(name).made == 2


def test_two_that_ask_in_one_entry_ask_for_two_orders() -> None:  # [STO-4]
    world = Kitchen(limits=(limit(cosign_above_minor=PAYABLE - 1),))
    first_ms = world.time_ms + HOUR_MS
    names = [world.opened(first_ms=first_ms) for _ in range(2)]
    world.pass_time(HOUR_MS)
    assert len({world.order(name).last for name in names}) == len(world.state.pendings) == 2


def test_a_revoked_mandate_ends_it_in_the_same_entry() -> None:  # [STO-6] [MAN-8]
    world = Kitchen()
    name, own = world.opened(), world.opened(by=world.alice)
    world.revoke(world.alice, subject=world.machine.id)
    assert (world.order(name).state, world.order(name).cause) == (StandingState.ENDED, "mandate")
    world.pass_time(1)
    assert world.cups() == 1 and world.order(own).made == 1


def test_an_expired_mandate_ends_it() -> None:  # [STO-6] [TIM-2]
    world = Kitchen(life_ms=3 * DAY_MS)
    name = world.opened()
    world.pass_time(3 * DAY_MS)
    assert world.order(name).state is StandingState.ENDED and world.order(name).made == 3


def test_an_offer_that_has_ended_ends_it() -> None:  # [STO-6]
    world = Kitchen()
    name = world.opened()
    world.withdraw_offer(world.shop, world.beans)
    world.pass_time(1)
    assert (world.order(name).state, world.order(name).cause) == (StandingState.ENDED, "offer")
    assert world.stand(world.machine, world.beans).code == Code.OFFER_ENDED


def test_its_buyer_or_his_owner_ends_it_and_nobody_else() -> None:  # [STO-6]
    world = Kitchen()
    name = world.opened()
    fridge = world.thing("fridge", world.alice)
    assert world.end_standing(fridge, name).code == Code.UNKNOWN_STANDING_ORDER
    assert world.end_standing(world.bob, name).code == Code.UNKNOWN_STANDING_ORDER
    assert world.end_standing(world.machine, name).code == 0
    assert world.end_standing(world.machine, name).code == Code.WRONG_STATE
    other = world.opened()
    assert world.end_standing(world.alice, other).code == 0
    world.pass_time(DAY_MS)
    assert world.cups() == 0


def test_a_suspended_one_can_be_ended() -> None:  # [STO-6]
    world = Kitchen(fund=0)
    name = world.opened()
    world.pass_time(3 * DAY_MS)
    assert world.order(name).state is StandingState.SUSPENDED
    assert world.end_standing(world.alice, name).code == 0


def test_it_is_opened_only_if_it_could_buy_now() -> None:  # [STO-2]
    world = Kitchen(limits=(limit(per_order_minor=PAYABLE),))
    assert world.stand(world.machine, world.beans, 2).code == Code.DENIED
    assert world.stand(world.machine, world.beans, total_max_minor=PAYABLE - 1).code == Code.WRONG_TOTAL
    assert world.stand(world.machine, world.beans, currency="USD").code == Code.WRONG_TOTAL
    assert world.stand(world.machine, world.beans, 101, total_max_minor=FULL * 10).code == Code.WRONG_QUANTITY
    assert world.stand(world.shop, world.beans).code == Code.SELF_PURCHASE
    assert world.stand(world.machine, Digest(bytes(32))).code == Code.UNKNOWN_OFFER


def test_an_owner_has_so_many_and_no_more() -> None:  # [STO-2]
    world = Kitchen()
    for _ in range(STANDING_ORDERS_PER_OWNER_MAX):
        world.opened(first_ms=world.time_ms + DAY_MS)
    assert world.stand(world.machine, world.beans).code == Code.FULL


def test_nothing_is_bought_while_the_last_order_of_its_slot_is_open() -> None:  # [SLT-4] [STO-5]
    world = Kitchen()
    slow = world.offer(world.shop, delivery_ms=20 * DAY_MS)
    name = world.opened(slow, slot="beans", occurrences_max=20)
    world.pass_time(1 + 5 * DAY_MS)
    order = world.order(name)
    assert (order.made, order.skipped, order.code, order.state.value) == (1, 5, Code.SLOT_TAKEN, "ACTIVE")
    assert world.try_need(world.machine, slot="beans").code == Code.SLOT_TAKEN
    world.deliver(order.last)
    world.accept(order.last)
    world.pass_time(DAY_MS)
    assert world.order(name).made == 2


def test_nothing_is_bought_for_a_slot_that_waits_for_something_else() -> None:  # [SLT-4]
    world = Kitchen()
    world.need(world.machine, slot="beans")
    name = world.opened(slot="beans")
    world.pass_time(1)
    assert (world.order(name).code, world.cups()) == (Code.SLOT_TAKEN, 0)
    assert world.stand(world.machine, world.beans, slot="beans").code == Code.SLOT_TAKEN


def test_an_order_that_waits_for_a_word_holds_its_slot() -> None:  # [SLT-4] [STO-4]
    world = Kitchen(limits=(limit(cosign_above_minor=PAYABLE - 1),))
    name = world.opened(slot="beans", interval_ms=HOUR_MS)
    world.pass_time(1 + HOUR_MS)
    assert (world.order(name).made, world.order(name).code) == (1, Code.SLOT_TAKEN)
    assert world.try_need(world.machine, slot="beans").code == Code.SLOT_TAKEN


def test_times_that_passed_while_the_node_was_down_are_not_made_up_for() -> None:  # [STO-3]
    world = Kitchen()
    name = world.opened()
    world.pass_time(1)
    begun_ms = world.time_ms
    world.time_ms = begun_ms + 5 * DAY_MS + HOUR_MS  # type: ignore[assignment]
    world.apply(EntryKind.TIMERS_DUE)
    assert world.order(name).made == 2
    assert world.order(name).next_ms == begun_ms + 6 * DAY_MS


def test_one_entry_buys_for_so_many_and_the_rest_has_its_turn_after_it() -> None:  # [STO-7]
    world = Kitchen(fund=10 * FULL)
    many = STANDING_PER_ENTRY_MAX // STANDING_ORDERS_PER_OWNER_MAX + 1
    first_ms = world.time_ms + HOUR_MS
    coffee = world.offer(world.shop, price_minor=1, tax_category="Z", stock_steps=10_000, max_steps=1)
    for number in range(many):
        owner = world.owner(f"owner {number}", fund=100)
        for _ in range(STANDING_ORDERS_PER_OWNER_MAX):
            world.opened(coffee, by=owner, first_ms=first_ms)
    world.time_ms = first_ms  # type: ignore[assignment]
    outcome = world.apply(EntryKind.TIMERS_DUE)
    bought = [one for one in outcome.notices if one.kind is NoticeKind.STANDING_ORDER]
    assert len(bought) == STANDING_PER_ENTRY_MAX and {one.state for one in bought} == {"BOUGHT"}
    world.pass_time(1)
    assert len(world.state.contracts) == many * STANDING_ORDERS_PER_OWNER_MAX


def test_turns_are_counted_over_all_entries_of_one_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # [STO-7] [LOG-14]
    monkeypatch.setattr(market, "TIMERS_PER_ENTRY_MAX", 3)
    monkeypatch.setattr(standing_orders, "STANDING_PER_ENTRY_MAX", 2)
    world = Kitchen(fund=FULL)
    for _ in range(5):
        world.opened(first_ms=world.time_ms + HOUR_MS)
    made = []
    monkeypatch.setattr(world, "check", lambda: made.append(len(world.state.contracts)))
    world.pass_time(HOUR_MS + 2)
    assert made == [2, 2, 4, 5], "two entries of the first moment, and one of each of the next two"


def test_a_refused_purchase_leaves_nothing_behind() -> None:  # [STO-5]
    world = Kitchen(fund=0)
    name = world.opened()
    spending = dict(world.state.spending)
    world.pass_time(1)
    assert world.order(name).skipped == 1 and dict(world.state.spending) == spending
    assert not world.state.contracts


def test_its_owner_and_its_buyer_see_it_as_it_is() -> None:  # [STO-8]
    world = Kitchen()
    world.opened(slot="beans")
    world.opened(by=world.alice)
    world.pass_time(1)

    def seen(actor: Actor) -> int:
        rows = standing_orders.listed(world.state, reader_of(world.state, actor.id), 0)
        message = pb.ListStandingOrdersResponse.FromString(standing_orders_message(rows).SerializeToString())
        for row, told in zip(rows, read_standing_orders(message), strict=True):
            assert all(getattr(told, name) == getattr(row, name) for name in told.__slots__)
        return len(rows)

    assert (seen(world.alice), seen(world.machine), seen(world.bob)) == (2, 1, 0)


def test_a_replay_and_a_snapshot_know_it() -> None:
    world = Kitchen()
    name = world.opened(slot="beans")
    world.need(world.machine, slot="milk")
    world.pass_time(2 * DAY_MS)
    again, outcomes = replayed(world.log)
    assert outcomes == world.outcomes and again.state.state_root() == world.state.state_root()
    restored = State.restore(world.state.snapshot())
    assert restored.standing_orders[StandingId(name)] == world.order(name)
    assert restored.calendar.in_slot == world.state.calendar.in_slot and restored.slots


def test_what_it_buys_is_an_order_like_any_other() -> None:  # [STO-3] [CON-1]
    world = Kitchen()
    ink = world.offer(world.shop)
    name = world.opened(ink, occurrences_max=1)
    world.pass_time(1)
    contract = world.order(name).last
    assert world.contract(contract).state is ContractState.ACTIVE
    assert world.contract(contract).buyer == world.machine.id
    assert explained_seq(world.contract(contract)) == world.order(name).seq
    assert world.deliver(contract).code == world.accept(contract).code == 0


WISH = OpenStandingOrder(
    key=bytes(16),
    offer=bytes(32),
    quantity_steps=1,
    currency="EUR",
    total_max_minor=1,
    interval_ms=DAY_MS,
    occurrences_max=1,
)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"key": b""}, Code.BAD_ID),
        ({"offer": b""}, Code.BAD_ID),
        ({"quantity_steps": 0}, Code.OUT_OF_RANGE),
        ({"currency": "ZZZ"}, Code.UNKNOWN_CURRENCY),
        ({"total_max_minor": 0}, Code.OUT_OF_RANGE),
        ({"interval_ms": STANDING_INTERVAL_MS_MIN - 1}, Code.OUT_OF_RANGE),
        ({"interval_ms": 367 * DAY_MS}, Code.OUT_OF_RANGE),
        ({"occurrences_max": 0}, Code.OUT_OF_RANGE),
        ({"occurrences_max": 1_001}, Code.OUT_OF_RANGE),
        ({"first_ms": -1}, Code.OUT_OF_RANGE),
        ({"slot": "Not A Name"}, Code.BAD_FIELD),
    ],
)
def test_a_wish_that_cannot_be_is_refused(changes: dict[str, Any], code: Code) -> None:  # [STO-1]
    check_open_standing_order(WISH)
    with pytest.raises(Refusal) as caught:
        check_open_standing_order(replace(WISH, **changes))
    assert caught.value.number == code
