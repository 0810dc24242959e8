"""The blocking twins against a real node: from any thread, through Ctrl-C, and after they were closed."""

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.network.node_process import NodeProcess
from thingmarket.identity.mandates import Action, Autonomy
from thingmarket_client import NotYet, RefusedByNode, Unanswered, create_owner, create_thing, spending_limit
from thingmarket_client.blocking import BlockingOwner, BlockingThing, Closed
from thingmarket_client.outbox import Outbox
from thingmarket_client.trader import OUTBOX_FILE

INK = "44103105"
FUNDS = 500_00
LIMIT = spending_limit("EUR", per_order_minor=100_00, per_day_minor=300_00, total_minor=300_00)
WAIT_S = 30.0


@dataclass
class Shop:
    """A printer, a shop that sells it ink, and the printer's owner."""

    node: NodeProcess
    homes: Path
    ada: BlockingOwner
    printer: BlockingThing
    shop: BlockingThing


def owner_at(node: NodeProcess, home: Path) -> BlockingOwner:
    create_owner(home, node.network_id)
    owner = BlockingOwner(home, node.card)
    owner.admit()
    return owner


@pytest.fixture
def shop(start_node, tmp_path: Path) -> Iterator[Shop]:
    node = start_node(tls=True)
    with ExitStack() as open_ones:
        ada = open_ones.enter_context(owner_at(node, tmp_path / "ada"))
        bob = open_ones.enter_context(owner_at(node, tmp_path / "bob"))
        ada.fund("EUR", FUNDS)
        things = []
        for name, owner, level, permits in (
            ("printer", ada, Autonomy.ADAPTABLE, {"limits": [LIMIT]}),
            ("shop", bob, Autonomy.BOUND, {"actions": [Action.SELL]}),
        ):
            subject = create_thing(tmp_path / name)
            thing = open_ones.enter_context(BlockingThing(tmp_path / name, node.card))
            thing.adopt([owner.mandate(subject, level, **permits)])
            thing.present()
            things.append(thing)
        printer, seller = things
        seller.sell(
            seller.offer(
                product_id="ink-black",
                title="Black ink",
                category=INK,
                currency="EUR",
                price_minor=10_00,
                stock_steps=20,
            )
        )
        yield Shop(node, tmp_path, ada, printer, seller)


def ink(shop: Shop):
    return shop.printer.need(title="Ink", category=INK, quantity_steps=1)


def test_one_whole_trade_without_a_line_of_asyncio(shop: Shop) -> None:
    need = shop.printer.need(title="Ink for the printer", category=INK, quantity_steps=2)
    announced = shop.printer.announce(need)
    chosen = shop.printer.wait.for_offer(need)
    with shop.shop.watch(since=0) as changes:
        bought = shop.printer.buy(chosen)
        for change in changes:
            if change.reference == bought.contract:
                break
    shop.shop.ready(bought.contract)
    shop.shop.delivered(bought.contract)
    assert shop.printer.wait.for_delivery(bought.contract).fulfilment.value == "DELIVERED"
    shop.printer.accept(bought.contract)
    assert shop.printer.wait.for_end(bought.contract).total_minor == 23_80
    assert shop.printer.wait.for_need(announced).contract == bought.contract
    assert [one.available_minor for one in shop.ada.balances()] == [FUNDS - 23_80]
    assert shop.printer.explain(bought.contract).record_proven
    assert shop.printer.reads.offer(chosen.offer.digest) == shop.printer.reads.offers()[0]


def test_refusals_are_those_of_the_async_classes(shop: Shop) -> None:
    (seen,) = shop.shop.reads.offers()
    with pytest.raises(RefusedByNode) as caught:
        shop.shop.buy(seen, 1)
    assert (caught.value.rule, caught.value.is_logged) == ("BUY-4", True)


def test_threads_that_buy_at_once_buy_once_each(shop: Shop) -> None:
    seen = shop.printer.choose(ink(shop)).offer
    with ThreadPoolExecutor(8) as threads:
        bought = list(threads.map(lambda _: shop.printer.buy(seen, 1).contract, range(12)))
    assert len(set(bought)) == 12
    assert {one.id for one in shop.printer.contracts()} == set(bought)


def test_what_has_not_come_in_time_says_what_to_do_next(shop: Shop) -> None:
    bought = shop.printer.buy(ink(shop))
    with pytest.raises(NotYet, match=r"is PLANNED, to be delivered by 20.* UTC; wait again"):
        shop.printer.wait.for_delivery(bought.contract, timeout_ms=200)
    shop.shop.delivered(bought.contract)
    with pytest.raises(NotYet, match=r"is DELIVERED: accept\(\) it, or say nothing until 20"):
        shop.printer.wait.for_end(bought.contract, timeout_ms=200)
    dear = shop.printer.need(title="Gold", category="11101500", quantity_steps=1)
    with pytest.raises(NotYet, match="nobody offers what the need 'Gold' asks"):
        shop.printer.wait.for_offer(dear, timeout_ms=200)
    announced = shop.printer.announce(dear)
    with pytest.raises(NotYet, match=f"need {announced.hex()} is"):
        shop.printer.wait.for_need(announced, timeout_ms=200)


def test_a_change_that_comes_after_the_waiting_is_told_at_the_next_asking(shop: Shop) -> None:
    with shop.shop.watch(since=0) as changes:
        assert changes.wait(300) is None
        bought = shop.printer.buy(ink(shop))
        found = changes.wait(int(WAIT_S * 1000))
    assert found is not None and found.reference == bought.contract


def test_a_watch_that_is_dropped_gives_its_place_to_the_next(shop: Shop) -> None:
    bought = shop.printer.buy(ink(shop))
    for _ in range(5):  # a session has two watches at most
        for change in shop.shop.watch(since=0):
            assert change.reference == bought.contract
            break


def test_a_watch_ends_when_its_party_is_closed(shop: Shop) -> None:
    told = []
    changes = shop.shop.watch()

    def listen() -> None:
        told.append(list(changes))

    listener = threading.Thread(target=listen)
    listener.start()
    assert changes.wait(300) is None
    shop.shop.close()
    listener.join(WAIT_S)
    assert told == [[]]


def test_a_call_after_the_end_says_what_to_do(shop: Shop) -> None:
    shop.printer.close()
    shop.printer.close()
    for ask in (shop.printer.needs, shop.printer.new_key, shop.printer.watch, lambda: shop.printer.leaf):
        with pytest.raises(Closed, match=r"open it again: `with BlockingThing\(home\)"):
            ask()
    with BlockingThing(shop.homes / "printer") as again:
        again.buy(again.need(title="Ink", category=INK, quantity_steps=1))


def test_a_call_under_way_ends_when_its_party_is_closed_and_its_command_waits(shop: Shop) -> None:
    seen = shop.printer.choose(ink(shop)).offer
    shop.node.kill()
    ended = []

    def buy() -> None:
        with pytest.raises(Closed):
            shop.printer.buy(seen, 1)
        ended.append(True)

    buyer = threading.Thread(target=buy)
    buyer.start()
    while not shop.printer._calls.call(shop.printer._party.post.outbox.waiting):
        pass
    shop.printer.close()
    buyer.join(WAIT_S)
    assert ended == [True]
    assert len(Outbox(shop.homes / "printer" / OUTBOX_FILE).waiting()) == 1


def test_a_call_that_nobody_answers_ends_with_the_callers_patience(shop: Shop) -> None:
    seen = shop.printer.choose(ink(shop)).offer
    shop.node.kill()
    with BlockingThing(shop.homes / "printer", patience_ms=300) as offline:
        with pytest.raises(Unanswered) as caught:
            offline.buy(seen, 1)
        assert caught.value.key is not None
        with pytest.raises(NotYet, match="1 commands wait in the outbox"):
            offline.wait.for_outbox(timeout_ms=500)


async def test_inside_an_event_loop_the_twin_names_the_async_class(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"use thingmarket_client.Thing and await it"):
        BlockingThing(tmp_path)


def test_a_folder_without_a_thing_is_said_and_leaves_no_thread(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        BlockingThing(tmp_path)
    assert "thingmarket" not in {thread.name for thread in threading.enumerate()}


def test_the_last_party_takes_the_thread_along(shop: Shop) -> None:
    assert [thread.name for thread in threading.enumerate()].count("thingmarket") == 1
    with BlockingThing(shop.homes / "printer") as second:
        second.needs()
    shop.printer.needs()


PROGRAM = """
import signal
import sys
from pathlib import Path
from thingmarket_client.blocking import BlockingThing
printer = BlockingThing(Path(sys.argv[1]))
"""
WATCHES = """
signal.signal(signal.SIGINT, signal.default_int_handler)  # where tests run in the background it is ignored
with printer:
    changes = printer.watch()
    changes.wait(100)
    print("waits", flush=True)
    for change in changes:
        pass
"""
FORGETS = """
printer.needs()
changes = printer.watch()
changes.wait(100)
"""


def program(shop: Shop, text: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM + text, str(shop.homes / "printer")],
        env={"PYTHONPATH": ":".join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_ctrl_c_ends_a_program_that_waits(shop: Shop) -> None:
    running = program(shop, WATCHES)
    assert running.stdout is not None and running.stdout.readline() == "waits\n"
    running.send_signal(signal.SIGINT)
    _, complaints = running.communicate(timeout=WAIT_S)
    assert running.returncode == -signal.SIGINT
    assert complaints.rstrip().endswith("KeyboardInterrupt") and "never" not in complaints


def test_a_program_that_forgets_to_close_ends_without_a_word(shop: Shop) -> None:
    running = program(shop, FORGETS)
    assert running.communicate(timeout=WAIT_S) == ("", "")
    assert running.returncode == 0


def test_a_party_of_another_loop_is_not_hurt(shop: Shop) -> None:
    async def look() -> None:
        from thingmarket_client import Thing

        async with await Thing.open(shop.homes / "shop") as thing:
            await thing.contracts()

    asyncio.run(look())
    shop.printer.needs()
