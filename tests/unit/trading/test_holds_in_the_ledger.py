"""Holds of orders live among the transfers of the same ledger, and are told apart from them. [ORD-9]"""

from typing import Any

import pytest

from tests.unit.trading.pit import ANN, BOB, BUY, EUR, EVE, GUARDED, INK, NOW_MS, OPERATOR, SELL, Pit, new
from thingmarket.settlement.accounts import AccountKind, AccountNumber
from thingmarket.settlement.ledger import Ledger
from thingmarket.settlement.transfers import Flag, Status, Transfer
from thingmarket.trading.frame import OrderStatus


def known(pit: Pit, owner: int, ledger: int, kind: AccountKind | None = None) -> AccountNumber:
    account = pit.account(owner, ledger, kind)
    assert account is not None
    return account


def sent(pit: Pit, amount: int, *, debit: int, credit: int, **fields: Any) -> Status:
    """Submit one transfer of money, unless told otherwise."""
    transfer = Transfer(
        id=b"purchase".ljust(16, b"."),
        debit=debit,
        credit=credit,
        amount=amount,
        code=1,
        **({"ledger": EUR} | fields),
    )
    return Status(pit.ledger.submit(transfer.pack(), NOW_MS)[0])


def test_what_an_order_holds_pays_for_nothing_else(pit: Pit) -> None:
    pit.send(ANN, new(BUY, 100, 90))
    anns, eves = known(pit, ANN, EUR), known(pit, EVE, EUR)
    assert sent(pit, 1_001, debit=anns, credit=eves) == Status.EXCEEDS_CREDITS
    pit.desk.cancel(ANN)
    assert pit.send(ANN, new(BUY, 100, 91)) == [0]


def test_what_a_purchase_holds_cannot_be_ordered_with(pit: Pit) -> None:
    """The pending goods of a purchase stand beside those of orders."""
    bobs = known(pit, BOB, INK)
    anns = pit.ledger.open(owner=ANN, ledger=INK, kind=AccountKind.GOODS, flags=GUARDED)
    assert sent(pit, 900, debit=bobs, credit=anns, ledger=INK, flags=Flag.PENDING) == Status.CREATED
    assert pit.send(BOB, new(SELL, 10, 51), new(SELL, 10, 50)) == [OrderStatus.OUT_OF_STOCK, 0]
    assert pit.held(BOB, INK) == 1_000
    assert pit.ledger.order_holds() == {bobs: 100}


@pytest.mark.parametrize("place", [20, 36], ids=["debits_pending", "credits_pending"])
def test_a_hold_without_its_other_side_is_noticed(pit: Pit, place: int) -> None:
    pit.send(ANN, new(BUY, 10, 1))
    eves = known(pit, EVE, EUR)
    packed = bytearray(pit.ledger.accounts.packed(eves))
    packed[place] += 1  # the lowest byte of a column
    pit.ledger.accounts.put_packed(eves, bytes(packed))
    with pytest.raises(AssertionError):
        pit.ledger.check_invariants()


def test_a_hold_that_no_order_implies_is_noticed(pit: Pit) -> None:
    pit.send(ANN, new(BUY, 10, 1))
    clearing = known(pit, OPERATOR, EUR, AccountKind.CLEARING)
    pit.ledger.accounts.hold(known(pit, EVE, EUR), clearing, 1)
    pit.ledger.check_invariants()
    with pytest.raises(AssertionError, match="its orders 0"):
        pit.desk.check_invariants()


def test_only_a_clearing_account_has_credits_pending_without_a_transfer(pit: Pit) -> None:
    pit.ledger.accounts.hold(known(pit, ANN, EUR), known(pit, EVE, EUR), 1)
    with pytest.raises(AssertionError, match="credits pending"):
        pit.ledger.check_invariants()


def test_holds_are_in_snapshots_and_changes_of_the_ledger(pit: Pit) -> None:
    follower = Ledger.restore(pit.ledger.snapshot())
    pit.ledger.take_dirty()
    pit.send(ANN, new(BUY, 10, 5))
    pit.send(BOB, new(SELL, 10, 2))
    follower.follow(dict(pit.ledger.take_dirty()), NOW_MS)
    restored = Ledger.restore(pit.ledger.snapshot())
    for each in (follower, restored):
        assert each.order_holds() == pit.ledger.order_holds() == {known(pit, ANN, EUR): 30}
        assert each.state_digest() == pit.ledger.state_digest()
        each.check_invariants()
