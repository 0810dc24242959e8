"""Markets open, orders expire and are cancelled, states change, a desk is restored. [ORD-13]"""

from dataclasses import replace

import pytest

from tests.unit.trading.pit import (
    ANN,
    BOB,
    BUY,
    EUR,
    EVE,
    GTC,
    GTD,
    HELD,
    IOC,
    NOW_MS,
    OPERATOR,
    PLAIN,
    SELL,
    TERMS,
    Pit,
    cancelled,
    new,
    replaced,
)
from thingmarket.errors import Code, Refusal
from thingmarket.matching.records import EventKind, MarketState, unpack_events
from thingmarket.trading.frame import DEADLINE, order_id_of
from thingmarket.trading.front import restored_desk
from thingmarket.trading.permits import Effects, Tally
from thingmarket.trading.terms import checked

ANNS = order_id_of(ANN, 1)


def kinds(effects: Effects) -> list[EventKind]:
    return [event.kind for event in unpack_events(effects.events)]


def test_deadlines_of_resting_orders_are_told(pit: Pit) -> None:
    """[ORD-3] Only of those that rest when the frame is done; 0 says that there is none any more."""
    later = NOW_MS + 1_000
    until = {"tif": GTD, "expires_ms": later}
    pit.send(ANN, new(BUY, 10, 1, **until), new(BUY, 11, 1, **until), cancelled(order_id_of(ANN, 2)))
    assert list(DEADLINE.iter_unpack(pit.last.deadlines)) == [(ANNS, later)]
    pit.send(ANN, replaced(ANNS, BUY, 10, 1, tif=GTC))
    assert list(DEADLINE.iter_unpack(pit.last.deadlines)) == [(ANNS, 0)]


def test_an_expired_order_sets_free_what_it_held(pit: Pit) -> None:
    pit.send(ANN, new(BUY, 10, 1), new(BUY, 20, 1))
    seq = pit.events()[-1].seq
    second = order_id_of(ANN, 2)
    effects = pit.desk.expire([second, second, order_id_of(ANN, 7), ANNS])
    assert [(event.kind, event.taker) for event in unpack_events(effects.events)] == [
        (EventKind.EXPIRED, second),
        (EventKind.EXPIRED, ANNS),
    ]
    assert next(unpack_events(effects.events)).seq == seq + 1, "what rests no more leaves no event"
    assert effects.tallies == (Tally(slot=ANN, money_ledger=EUR, ended=2, held_minor=-30),)
    assert pit.held(ANN, EUR) == 0
    pit.desk.check_invariants()


def test_all_orders_of_a_slot_are_cancelled_at_once(pit: Pit) -> None:
    pit.send(ANN, new(BUY, 10, 1), new(BUY, 20, 1, market=HELD))
    pit.send(EVE, new(BUY, 10, 1), owner=ANN)
    assert kinds(pit.desk.cancel(ANN)) == [EventKind.CANCELED, EventKind.CANCELED]
    assert pit.held(ANN, EUR) == 10
    assert pit.desk.cancel(ANN) == Effects()
    pit.desk.check_invariants()


def test_orders_are_cancelled_in_ascending_id_and_once(pit: Pit) -> None:
    """[ORD-13]"""
    pit.send(ANN, new(BUY, 10, 1), new(BUY, 20, 1))
    second = order_id_of(ANN, 2)
    effects = pit.desk.cancel_orders([second, ANNS, second, order_id_of(ANN, 3)])
    assert [event.taker for event in unpack_events(effects.events)] == [ANNS, second]
    assert kinds(effects) == [EventKind.CANCELED] * 2


def test_markets_are_opened_once_and_with_terms_that_hold(pit: Pit) -> None:
    """[ORD-2]"""
    for terms, code in (
        (TERMS[PLAIN], Code.ALREADY_KNOWN),
        (replace(TERMS[PLAIN], number=0), Code.OUT_OF_RANGE),
        (replace(TERMS[PLAIN], number=9, tick_minor=0), Code.OUT_OF_RANGE),
        (replace(TERMS[PLAIN], number=9, self_trade=0), Code.OUT_OF_RANGE),
        (replace(TERMS[PLAIN], number=9, goods_ledger=EUR), Code.BAD_FIELD),
        (replace(TERMS[HELD], number=9, offset_ticks=1), Code.BAD_FIELD),
        (replace(TERMS[HELD], number=9, fee_basis_points=1), Code.BAD_FIELD),
    ):
        with pytest.raises(Refusal) as refused:
            pit.desk.open_market(terms)
        assert refused.value.number == code
    assert checked(TERMS[PLAIN]) == pit.desk.terms(PLAIN)


def test_states_that_the_book_would_refuse_are_refused_without_an_event(pit: Pit) -> None:
    """[ORD-13]"""
    with pytest.raises(Refusal):
        pit.desk.uncross(PLAIN)
    pit.desk.set_state(PLAIN, MarketState.AUCTION)
    pit.send(ANN, new(BUY, 10, 1))
    pit.send(BOB, new(SELL, 9, 1))
    before = pit.desk.state_hash, pit.desk.digest
    with pytest.raises(Refusal) as refused:
        pit.desk.set_state(PLAIN, MarketState.CONTINUOUS)
    assert refused.value.number == 44_015
    with pytest.raises(Refusal) as refused:
        pit.desk.set_state(77, MarketState.CONTINUOUS)
    assert refused.value.number == Code.UNKNOWN_MARKET
    assert (pit.desk.state_hash, pit.desk.digest) == before
    pit.desk.set_state(PLAIN, MarketState.CLOSED)
    with pytest.raises(Refusal) as refused:
        pit.desk.set_state(PLAIN, MarketState.CONTINUOUS)
    assert refused.value.number == 44_009


def test_a_restored_desk_goes_on_as_if_nothing_had_happened(pit: Pit) -> None:
    """[ORD-13]"""
    pit.desk.set_state(HELD, MarketState.PRE_OPEN)
    pit.send(ANN, new(BUY, 10, 5), new(BUY, 8, 5), new(BUY, 8, 5, market=HELD))
    twin = Pit()
    twin.ledger = type(pit.ledger).restore(pit.ledger.snapshot())
    twin.desk = restored_desk(
        pit.desk.snapshot(), ledger=twin.ledger, operator=OPERATOR, terms=TERMS.values()
    )
    twin.counters = dict(pit.counters)
    for each in (pit, twin):
        assert each.send(BOB, new(SELL, 8, 7), new(SELL, 8, 1, tif=IOC, market=HELD)) == [0, 44_009]
        assert each.send(ANN, cancelled(order_id_of(ANN, 2))) == [0]
    assert pit.last == twin.last
    assert (pit.desk.digest, pit.desk.snapshot()) == (twin.desk.digest, twin.desk.snapshot())
    assert pit.ledger.state_digest() == twin.ledger.state_digest()


def test_a_desk_does_not_stand_on_another_ledger_than_its_own(pit: Pit) -> None:
    """[ORD-13]"""
    before = pit.ledger.snapshot()
    pit.send(BOB, new(SELL, 10, 5))
    for data, ledger in (
        (pit.desk.snapshot(), type(pit.ledger).restore(before)),
        (b"tmdesk01", pit.ledger),
        (pit.desk.snapshot()[:-1], pit.ledger),
    ):
        with pytest.raises(Refusal):
            restored_desk(data, ledger=ledger, operator=OPERATOR, terms=TERMS.values())
    with pytest.raises(Refusal):
        restored_desk(pit.desk.snapshot(), ledger=pit.ledger, operator=OPERATOR, terms=())
