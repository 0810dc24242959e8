"""What orders hold, what fills move, what ends set free."""

from dataclasses import replace

import pytest

from tests.unit.trading.pit import (
    ANN,
    BOB,
    BOOKS,
    BUY,
    EUR,
    EVE,
    HELD,
    INK,
    IOC,
    NEGATIVE,
    OPERATOR,
    PLAIN,
    POWER,
    SELL,
    TERMS,
    Pit,
    at_market,
    cancelled,
    new,
    replaced,
)
from thingmarket.errors import Code, Refusal
from thingmarket.matching.records import EventKind, Kind, MarketState, Reason, unpack_events
from thingmarket.settlement.accounts import SET_OFF_ABOVE, AccountKind
from thingmarket.trading.frame import Order, OrderStatus, book_status, order_id_of
from thingmarket.trading.permits import Effects, EscrowFill, Tally, Traded

ANNS, BOBS, EVES = order_id_of(ANN, 1), order_id_of(BOB, 1), order_id_of(EVE, 1)


def kinds(effects: Effects) -> list[EventKind]:
    return [event.kind for event in unpack_events(effects.events)]


def test_a_resting_order_holds_what_it_may_cost(pit: Pit) -> None:
    """[ORD-9]"""
    pit.send(ANN, new(BUY, 10, 5))
    pit.send(BOB, new(SELL, 20, 5))
    assert (pit.held(ANN, EUR), pit.held(BOB, INK), pit.held(BOB, EUR)) == (50, 10, 0)
    assert pit.has(ANN, EUR) == 10_000


def test_holds_are_pending_to_a_clearing_account(pit: Pit) -> None:
    """[ORD-9] So pending debits are pending credits in every ledger."""
    pit.send(ANN, new(BUY, 10, 5))
    pit.send(EVE, new(BUY, 9, 5))
    clearing = pit.account(OPERATOR, EUR, AccountKind.CLEARING)
    assert clearing
    assert pit.ledger.balance(clearing).credits_pending == 95


def test_a_fill_moves_money_and_goods_at_the_price_of_the_resting_order(pit: Pit) -> None:
    """[ORD-10]"""
    pit.send(BOB, new(SELL, 10, 5))
    assert pit.send(ANN, new(BUY, 12, 8)) == [0]
    assert (pit.has(ANN, EUR), pit.has(BOB, EUR)) == (9_950, 50)
    assert (pit.has(ANN, INK), pit.has(BOB, INK)) == (10, 990)
    assert pit.held(ANN, EUR) == 12 * 3, "what rests holds its own price"
    assert pit.held(BOB, INK) == 0


def test_what_a_better_price_saves_is_free_again(pit: Pit) -> None:
    """[ORD-10]"""
    pit.send(ANN, new(BUY, 100, 100))
    pit.send(BOB, new(SELL, 40, 100))
    assert pit.has(BOB, EUR) == 10_000, "the resting buyer pays his own price"
    pit.send(BOB, new(SELL, 40, 10))
    pit.give(EVE, EUR, 900)
    pit.send(EVE, new(BUY, 100, 10))
    assert (pit.has(EVE, EUR), pit.held(EVE, EUR)) == (600, 0)


def test_the_fee_is_rounded_half_up_and_paid_by_the_seller(pit: Pit) -> None:
    """[ORD-11] 2.5 % of 60 is 1.5."""
    pit.send(BOB, new(SELL, 120, 1, market=NEGATIVE))
    pit.send(ANN, new(BUY, 120, 1, market=NEGATIVE))
    assert (pit.has(ANN, EUR), pit.has(BOB, EUR), pit.fees()) == (9_940, 58, 2)
    assert pit.last.traded[0].fee_minor == 2
    terms = TERMS[NEGATIVE]
    assert [terms.fee(cash) for cash in (-60, 0, 19, 20, 59, 60)] == [0, 0, 0, 1, 1, 2]


def test_at_a_price_below_zero_the_seller_pays(pit: Pit) -> None:
    """[ORD-10] [ORD-11] A price of 90 is 10 ticks below zero, each of 3; there is no fee."""
    pit.send(EVE, new(SELL, 88, 2, market=NEGATIVE))
    assert pit.held(EVE, EUR) == 72
    pit.send(BOB, new(BUY, 90, 1, market=NEGATIVE))
    assert (pit.has(EVE, EUR), pit.held(EVE, EUR)) == (64, 36)
    assert (pit.has(BOB, EUR), pit.held(BOB, EUR), pit.fees()) == (36, 0, 0)
    assert (pit.has(EVE, POWER), pit.has(BOB, POWER)) == (9, 1_001)


def test_a_seller_at_any_price_holds_what_the_lowest_would_cost(pit: Pit) -> None:
    """[ORD-9]"""
    any_price = at_market(SELL, 0, 1, market=NEGATIVE)
    assert pit.send(EVE, any_price) == [OrderStatus.NO_FUNDS], "99 ticks of 3 are more than 100"
    pit.give(EVE, EUR, 197)
    assert pit.send(EVE, any_price) == [0]
    assert pit.held(EVE, EUR) == 0, "nothing of it rests"


def test_at_a_price_of_zero_only_goods_move(pit: Pit) -> None:
    """[ORD-10]"""
    pit.send(BOB, new(SELL, 100, 5, market=NEGATIVE))
    assert pit.send(ANN, new(BUY, 100, 5, market=NEGATIVE)) == [0]
    assert (pit.has(ANN, EUR), pit.has(BOB, EUR), pit.has(ANN, POWER)) == (10_000, 0, 5)


def test_orders_of_a_frame_spend_what_was_free_at_its_start(pit: Pit) -> None:
    """[ORD-7] What a cancel sets free, and what a sale brings in, counts in the next frame."""
    pit.send(ANN, new(BUY, 100, 100))
    again = new(BUY, 99, 100)
    assert pit.send(ANN, cancelled(ANNS), again) == [0, OrderStatus.NO_FUNDS]
    assert pit.send(ANN, again) == [0]
    sale = at_market(SELL, 99, 10)
    assert pit.send(BOB, sale, new(BUY, 1, 1)) == [0, OrderStatus.NO_FUNDS]
    assert pit.send(BOB, new(BUY, 1, 1)) == [0]


def test_goods_that_a_frame_bought_are_sold_in_the_next_one(pit: Pit) -> None:
    """[ORD-7]"""
    pit.send(BOB, new(SELL, 10, 5))
    assert pit.send(ANN, new(BUY, 10, 5), new(SELL, 20, 5)) == [0, OrderStatus.OUT_OF_STOCK]
    assert pit.send(ANN, new(SELL, 20, 5)) == [0]


def test_orders_of_a_frame_share_the_money_and_the_goods(pit: Pit) -> None:
    """[ORD-7]"""
    buy, sell = new(BUY, 60, 100), new(SELL, 70, 300)
    assert pit.send(ANN, buy, buy, new(BUY, 40, 100)) == [0, OrderStatus.NO_FUNDS, 0]
    assert pit.send(BOB, sell, sell, new(SELL, 70, 200)) == [0, OrderStatus.OUT_OF_STOCK, 0]


def test_what_the_book_refused_still_counts_in_its_frame(pit: Pit) -> None:
    """[ORD-7]"""
    pit.send(BOB, new(SELL, 100, 1))
    refused, order = new(BUY, 100, 100, flags=1), new(BUY, 1, 1)
    assert pit.send(ANN, refused, order) == [44_006, OrderStatus.NO_FUNDS]
    assert pit.send(ANN, order) == [0]


def test_a_replaced_order_needs_only_its_increase(pit: Pit) -> None:
    """[ORD-7]"""
    pit.send(ANN, new(BUY, 90, 100))
    more, too_much = replaced(ANNS, BUY, 100, 100), replaced(ANNS, BUY, 101, 100)
    assert pit.send(ANN, too_much, more) == [OrderStatus.NO_FUNDS, 0]
    assert pit.held(ANN, EUR) == 10_000
    assert pit.send(ANN, replaced(ANNS, BUY, 50, 200), replaced(ANNS, BUY, 10, 10)) == [0, 0]
    assert pit.held(ANN, EUR) == 100


def test_a_replaced_order_may_trade_and_rests_with_what_is_left(pit: Pit) -> None:
    pit.send(ANN, new(BUY, 9, 10))
    pit.send(BOB, new(SELL, 10, 4))
    assert pit.send(ANN, replaced(ANNS, BUY, 11, 10)) == [0]
    assert kinds(pit.last) == [EventKind.REPLACED, EventKind.TRADE]
    assert (pit.has(ANN, EUR), pit.held(ANN, EUR)) == (9_960, 66)
    assert pit.last.tallies[0] == Tally(
        slot=ANN, money_ledger=EUR, placed=1, fills=1, held_minor=66 - 90, paid_minor=40
    )


def test_the_least_self_trade_prevention_of_a_market_holds(pit: Pit) -> None:
    """[ORD-2] Things of one owner do not trade with each other; who asks for more gets it."""
    pit.give(ANN, INK, 100)
    pit.send(ANN, new(SELL, 10, 5))
    assert pit.send(EVE, new(BUY, 10, 5), owner=ANN) == [0]
    assert [(event.kind, event.reason) for event in pit.events()] == [(EventKind.CANCELED, Reason.SELF_TRADE)]
    assert pit.desk.orders_of(ANN) == (ANNS,)
    assert pit.send(EVE, new(BUY, 10, 5, flags=0b100), owner=ANN) == [0]
    assert pit.desk.orders_of(ANN) == (), "the resting one was to go"
    assert (pit.has(ANN, INK), pit.held(ANN, INK)) == (100, 0)


def test_a_market_may_ask_for_more_than_the_least() -> None:
    """[ORD-2]"""
    pit = Pit(replace(TERMS[PLAIN], self_trade=3))
    pit.give(ANN, EUR, 100)
    pit.give(ANN, INK, 100)
    pit.send(ANN, new(SELL, 10, 5), new(BUY, 10, 5, flags=0b010))
    assert kinds(pit.last) == [EventKind.NEW, EventKind.CANCELED, EventKind.CANCELED]


def test_a_mass_cancel_cancels_the_senders_own_orders_in_ascending_id(pit: Pit) -> None:
    """[ORD-3] Not those of his owner's other things, nor in other markets than the one named."""
    pit.send(ANN, new(BUY, 10, 1), new(BUY, 30, 1, market=HELD), new(BUY, 20, 1))
    pit.send(EVE, new(BUY, 5, 1), owner=ANN)
    one = Order(kind=Kind.MASS_CANCEL, market=PLAIN)
    assert pit.send(ANN, one, one) == [0, 44_001]
    assert [event.taker for event in pit.events()] == [order_id_of(ANN, 1), order_id_of(ANN, 3)]
    assert pit.send(ANN, Order(kind=Kind.MASS_CANCEL), replace(one, market=77)) == [
        0,
        OrderStatus.UNKNOWN_MARKET,
    ]
    assert pit.desk.orders_of(EVE) == (EVES,)
    assert pit.held(ANN, EUR) == 5


def test_an_owner_ends_the_orders_of_his_things_and_nobody_elses(pit: Pit) -> None:
    """[ORD-3]"""
    pit.send(ANN, new(BUY, 10, 1), new(BUY, 11, 1))
    pit.send(BOB, new(SELL, 50, 1))
    smaller = Order(kind=Kind.REDUCE, order_id=BOBS, market=PLAIN, quantity=1)
    assert pit.send(99, cancelled(ANNS), smaller, owner=ANN, acts_for_owner=True) == [0, OrderStatus.BAD_ID]
    assert pit.send(99, replaced(order_id_of(ANN, 2), BUY, 12, 1), owner=ANN, acts_for_owner=True) == [0]
    assert pit.send(99, replaced(BOBS, SELL, 12, 1), owner=ANN, acts_for_owner=True) == [OrderStatus.BAD_ID]
    assert pit.last.tallies == ()
    assert pit.held(ANN, EUR) == 12


def test_nobody_learns_which_ids_of_others_rest(pit: Pit) -> None:
    """[ORD-3]"""
    pit.send(BOB, new(SELL, 50, 1))
    for name in (BOBS, BOBS + 1, EVES):
        asked = (cancelled(name), replaced(name, SELL, 12, 1))
        assert pit.send(99, *asked, owner=ANN, acts_for_owner=True) == [
            OrderStatus.BAD_ID,
            OrderStatus.BAD_ID,
        ]
        assert pit.events() == [], "what does not come to the book leaves no event"


def test_a_reduced_order_sets_the_difference_free(pit: Pit) -> None:
    pit.send(BOB, new(SELL, 10, 5))
    assert pit.send(BOB, Order(kind=Kind.REDUCE, order_id=BOBS, market=PLAIN, quantity=2)) == [0]
    order = pit.desk.order(BOBS)
    assert order
    assert pit.held(BOB, INK) == order.remaining * 2 == 6


def test_each_new_order_takes_the_next_counter_refused_or_not(pit: Pit) -> None:
    """[ORD-3]"""
    bad = new(BUY, 10, 0)
    assert pit.send(ANN, new(BUY, 10, 1), bad, cancelled(ANNS), new(BUY, 10, 1)) == [0, 44_004, 0, 0]
    assert pit.last.last_counter == 3
    assert pit.desk.orders_of(ANN) == (order_id_of(ANN, 3),)
    pit.counters[ANN] = 2**40 - 1
    assert pit.send(ANN, new(BUY, 10, 1, order_id=order_id_of(ANN, 2**40))) == [OrderStatus.BAD_ID]
    assert pit.last.last_counter == 2**40 - 1


def test_an_auction_settles_both_resting_sides(pit: Pit) -> None:
    """[ORD-10]"""
    fay = 44
    pit.give(EVE, EUR, 50)
    pit.give(fay, EUR, 50)
    pit.desk.set_state(NEGATIVE, MarketState.AUCTION)
    assert pit.send(ANN, new(BUY, 120, 3, market=NEGATIVE)) == [0]
    assert pit.send(fay, new(BUY, 110, 1, market=NEGATIVE)) == [0]
    assert pit.send(EVE, new(SELL, 90, 4, market=NEGATIVE)) == [0]
    effects = pit.desk.uncross(NEGATIVE)
    pit.desk.check_invariants()
    assert effects.traded == (Traded(market=NEGATIVE, low=90, high=90, last=90, quantity=4),)
    assert (pit.has(ANN, POWER), pit.has(fay, POWER), pit.has(EVE, POWER)) == (3, 1, 6)
    assert (pit.has(ANN, EUR), pit.has(fay, EUR), pit.has(EVE, EUR)) == (10_090, 80, 30)
    assert pit.held(ANN, EUR) == pit.held(EVE, EUR) == pit.held(fay, EUR) == 0
    assert effects.tallies == (
        Tally(slot=ANN, money_ledger=EUR, ended=1, fills=1, held_minor=-180),
        Tally(slot=EVE, money_ledger=EUR, ended=1, fills=2, held_minor=-120, paid_minor=120),
        Tally(slot=fay, money_ledger=EUR, ended=1, fills=1, held_minor=-30),
    )


@pytest.mark.parametrize("state", [MarketState.PRE_OPEN, MarketState.AUCTION])
def test_orders_of_one_owner_never_cross_while_a_market_gathers(pit: Pit, state: MarketState) -> None:
    """[ORD-14] By whatever slots, and whatever the frame takes out of the book: that counts after it."""
    other = 12
    pit.give(ANN, INK, 100)
    pit.give(EVE, INK, 100)
    assert pit.send(other, new(SELL, 12, 1), owner=ANN) == [0], "what rested before"
    pit.desk.set_state(PLAIN, state)
    self_trade = book_status(Reason.SELF_TRADE)
    assert pit.send(ANN, new(BUY, 12, 1), new(BUY, 13, 1), new(BUY, 11, 1)) == [self_trade, self_trade, 0]
    assert pit.send(EVE, new(BUY, 12, 1), new(SELL, 13, 1), new(SELL, 12, 1)) == [0, 0, self_trade]
    mine = pit.desk.orders_of(ANN)[0]
    assert pit.send(ANN, replaced(mine, BUY, 12, 1), replaced(mine, BUY, 10, 1)) == [self_trade, 0]
    assert pit.send(ANN, cancelled(mine), new(SELL, 10, 1)) == [0, self_trade]
    assert pit.send(ANN, new(SELL, 10, 1)) == [0]
    assert pit.send(ANN, new(BUY, 10, 1), new(BUY, 10, 1, market=NEGATIVE)) == [self_trade, 0]
    pit.desk.set_state(PLAIN, MarketState.AUCTION)
    assert [trade.quantity for trade in pit.desk.uncross(PLAIN).traded] == [1], "Eve buys of Ann"
    pit.desk.check_invariants()


def test_a_fill_of_an_escrow_market_is_handed_on_with_both_holds_free(pit: Pit) -> None:
    """[ORD-10]"""
    pit.send(BOB, new(SELL, 30, 4, market=HELD))
    pit.send(ANN, new(BUY, 35, 3, market=HELD))
    (trade,) = pit.events()
    assert pit.last.fills == (
        EscrowFill(
            market=HELD,
            seq=trade.seq,
            price=30,
            quantity=3,
            buy_order=ANNS,
            sell_order=BOBS,
            buyer_owner=ANN,
            seller_owner=BOB,
            cash_minor=90,
        ),
    )
    assert (pit.has(ANN, EUR), pit.has(BOB, BOOKS), pit.has(ANN, BOOKS)) == (10_000, 1_000, 0)
    assert (pit.held(ANN, EUR), pit.held(BOB, BOOKS)) == (0, 1)
    assert [tally.paid_minor for tally in pit.last.tallies] == [0, 0]


def test_tallies_say_once_for_each_slot_what_a_frame_changed(pit: Pit) -> None:
    """[ORD-12] An order that the book refused was not placed; one that is filled at once never rested."""
    pit.send(ANN, new(BUY, 10, 5), new(BUY, 9, 5))
    pit.send(BOB, new(SELL, 10, 2, tif=IOC), new(SELL, 10, 3), new(SELL, 9, 1, flags=1), new(SELL, 9, 1))
    assert pit.last.tallies == (
        Tally(slot=ANN, money_ledger=EUR, ended=1, fills=3, held_minor=-59, paid_minor=59),
        Tally(slot=BOB, money_ledger=EUR, placed=3, fills=3),
    )
    assert pit.last.traded == (Traded(market=PLAIN, low=9, high=10, last=9, quantity=6),)


def test_the_first_order_of_an_owner_opens_his_accounts_and_a_refused_one_does_not(pit: Pit) -> None:
    size = pit.ledger.size
    assert pit.send(44, new(BUY, 10, 1)) == [OrderStatus.NO_FUNDS]
    assert pit.ledger.size == size
    assert pit.send(44, new(BUY, 90, 1, market=NEGATIVE)) == [0]
    assert pit.ledger.size == size + 2


def test_a_ledger_without_room_for_a_senders_accounts_refuses_the_frame(
    pit: Pit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[ORD-1] What is open already goes on, and so do cancels."""
    pit.send(ANN, new(BUY, 90, 1, market=NEGATIVE))
    monkeypatch.setattr("thingmarket.settlement.accounts.ACCOUNTS_MAX", pit.ledger.size + 1)
    before = pit.desk.snapshot()
    with pytest.raises(Refusal) as refused:
        pit.send(44, new(BUY, 90, 1, market=NEGATIVE))
    assert refused.value.number == Code.FULL
    assert pit.desk.snapshot() == before
    monkeypatch.setattr("thingmarket.settlement.accounts.ACCOUNTS_MAX", pit.ledger.size)
    assert pit.send(ANN, new(BUY, 90, 1, market=NEGATIVE), cancelled(ANNS, market=NEGATIVE)) == [0, 0]


def test_turnover_never_fills_an_account() -> None:
    """[ORD-10] What came in and went out again is set off."""
    lots = 2**31
    pit = Pit(replace(TERMS[PLAIN], lot_steps=2**10, offset_ticks=1))
    pit.give(BOB, INK, SET_OFF_ABOVE)
    account = pit.account(BOB, INK)
    assert account
    owners = [BOB, ANN]
    for _ in range(20):
        seller, buyer = owners
        assert pit.send(seller, new(SELL, 1, lots)) == [0]
        assert pit.send(buyer, new(BUY, 1, lots)) == [0]
        owners.reverse()
        assert pit.ledger.balance(account).credits_posted <= SET_OFF_ABOVE
    assert pit.has(BOB, INK) == SET_OFF_ABOVE
