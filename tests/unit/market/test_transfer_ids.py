"""Ids of transfers follow from the contract that moves; nothing that a client names meets one. [SET-5]"""

from dataclasses import replace

from tests.builders import World
from thingmarket.contract.contract import ContractState
from thingmarket.identity.envelope import TypeId
from thingmarket.ids import Key
from thingmarket.settlement.escrow import TransferCode, derived_id_of
from thingmarket.settlement.ledger import Ledger
from thingmarket.settlement.transfers import Status, Transfer
from thingmarket.wire.trade import purchase_body, read_purchase


def test_the_transfers_of_a_contract_have_ids_that_follow_from_it() -> None:
    world = World()
    printer = world.thing("printer", world.owner("alice", fund=100_00))
    contract = world.bought(printer, world.offer(world.thing("shop", world.owner("bob"))))
    assert world.deliver(contract).code == world.accept(contract).code == 0
    made_ms = world.contract(contract).created_ms
    # Asked of a copy: an id that is taken is answered by EXISTS and kin, whatever comes under it.
    copy = Ledger.restore(world.state.ledger.snapshot())
    asked = {
        TransferCode.FUND: (0, 0),
        TransferCode.GOODS_HELD: (1, 1),
        TransferCode.RELEASE: (1, 0),
        TransferCode.GOODS_GIVEN: (1, 1),
        TransferCode.REFUND: (1, 0),
        TransferCode.GOODS_RETURNED: (1, 1),
    }
    taken = [
        code
        for code, step in asked.items()
        if _is_taken(copy, derived_id_of(contract, made_ms, code, *step), world)
    ]
    assert taken == list(asked)[:4]


def test_a_key_that_equals_the_id_of_a_transfer_is_not_in_its_way() -> None:
    world = World()
    printer = world.thing("printer", world.owner("alice", fund=100_00))
    offer = world.offer(world.thing("shop", world.owner("bob")))
    contract = world.bought(printer, offer)
    release = derived_id_of(contract, world.contract(contract).created_ms, TransferCode.RELEASE, 1)
    again = replace(read_purchase(world.purchase_body(offer)), key=Key(release))
    made = world.send(printer, TypeId.PURCHASE, purchase_body(again))
    assert made.code == 0 and made.reference != contract
    assert world.deliver(contract).code == world.accept(contract).code == 0
    assert world.contract(contract).state is ContractState.COMPLETED


def _is_taken(ledger: Ledger, transfer_id: bytes, world: World) -> bool:
    """Whether the ledger knows the id; an unknown one is refused for its accounts, which are none."""
    asked = Transfer(id=transfer_id, debit=10**6, credit=10**6 + 1, amount=1, ledger=1, code=1)
    (status,) = ledger.submit(asked.pack(), world.time_ms)
    assert status, "there are no such accounts"
    return status != Status.DEBIT_ACCOUNT_NOT_FOUND
