"""Ids of transfers end in 80 bits of hash: in 2^40 tries a sender finds two bodies with one id. [SET-5]

Here the ledger is given the first of the two directly; nobody has 2^40 tries in a test.
"""

from tests.builders import Actor, World
from thingmarket.contract.orders import Deposit
from thingmarket.errors import Code
from thingmarket.identity.envelope import TypeId
from thingmarket.ids import digest
from thingmarket.market.entries import Outcome
from thingmarket.settlement.accounts import AccountKind
from thingmarket.settlement.escrow import TransferCode, derived_id_of
from thingmarket.settlement.transfers import Transfer
from thingmarket.wire import trade


def taken(world: World, body: bytes, code: TransferCode) -> None:
    """Let another transfer have the id that this body will lead to."""
    money = 978
    rows = [world.state.ledger.open(owner=n, ledger=money, kind=AccountKind.EXTERNAL) for n in (901, 902)]
    transfer = Transfer(
        id=derived_id_of(digest(body), world.time_ms, code),
        debit=rows[0],
        credit=rows[1],
        amount=1,
        ledger=money,
        code=TransferCode.DEPOSIT,
    )
    assert not any(world.state.ledger.submit(transfer.pack(), world.time_ms))


def refused(world: World, sender: Actor, type_id: TypeId, body: bytes) -> Outcome:
    outcome = world.send(sender, type_id, body)
    assert outcome.code == Code.ALREADY_KNOWN
    return outcome


def test_an_offer_whose_stock_has_the_id_of_another_transfer_is_refused_and_stops_nobody() -> None:
    world = World()
    bob = world.owner("bob")
    shop = world.thing("shop", bob)
    body = world.offer_body()
    taken(world, body, TransferCode.STOCK)
    refused(world, shop, TypeId.PUBLISH_OFFER, body)
    world.offer(shop)


def test_a_deposit_that_has_the_id_of_another_transfer_is_refused_and_stops_nobody() -> None:
    world = World()
    bob = world.owner("bob", fund=1)
    deposit = Deposit(
        key=world.key(), owner=bob.id, currency="EUR", amount_minor=5, request=digest(b"a wish")
    )
    body = trade.deposit_body(deposit)
    taken(world, body, TransferCode.DEPOSIT)
    refused(world, world.operator, TypeId.DEPOSIT, body)
    assert world.balance(bob) == 1
