"""Devices behind a bad line: 300 ms, every twentieth packet lost, cut now and then, offline for a while.

The long version with 60 s offline: pytest -m long tests/network/test_slow_link.py
"""

import asyncio
from collections.abc import AsyncIterator, Set
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.network.node_process import NodeProcess
from tests.network.slow_link import SlowLink, Weather
from thingmarket.identity.keys import SigningKey
from thingmarket.identity.mandates import Action, Autonomy
from thingmarket.limits import CLOCK_SKEW_MS
from thingmarket_client import Owner, Thing, Unanswered, create_owner, create_thing, spending_limit
from thingmarket_client.choosing import MandateBars
from thingmarket_client.mandates import root_link
from thingmarket_client.outbox import Answer
from thingmarket_client.reads import Change

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])  # that of a device; the line has its own

INK = "44103105"
FUNDS = 10_000_00
PRICE = 11_90
LIMIT = spending_limit("EUR", per_order_minor=100_00, per_day_minor=FUNDS, total_minor=FUNDS)
SHORT_MS = 1_500  # patience of a call that meets the line offline
WAIT_MS = 120_000
BAD = Weather(delay_ms=150, lost_per_thousand=50)
GOOD = Weather(delay_ms=0, lost_per_thousand=0)
WORSE = replace(BAD, cut_per_thousand=10)


@dataclass
class Town:
    """A printer and a shop behind the line, and their owners beside the node."""

    node: NodeProcess
    link: SlowLink
    homes: Path
    ada: Owner
    printer: Thing
    shop: Thing


@pytest.fixture
async def town(start_node, tmp_path: Path) -> AsyncIterator[Town]:
    node = start_node(tls=True)
    async with AsyncExitStack() as open_ones:
        owners: list[Owner] = []
        for name in ("ada", "bob"):
            create_owner(tmp_path / name, node.network_id)
            owner = await open_ones.enter_async_context(await Owner.open(tmp_path / name, node.card))
            await owner.admit()
            owners.append(owner)
        ada, bob = owners
        await ada.fund("EUR", FUNDS)
        link = open_ones.enter_context(SlowLink(node.address, GOOD))
        card = replace(node.card, address=link.address)
        things: list[Thing] = []
        for name, owner, level, permits in (
            ("printer", ada, Autonomy.ADAPTABLE, {"limits": [LIMIT]}),
            ("shop", bob, Autonomy.BOUND, {"actions": [Action.SELL]}),
        ):
            subject = create_thing(tmp_path / name)
            thing = await open_ones.enter_async_context(
                await Thing.open(tmp_path / name, card, patience_ms=WAIT_MS)
            )
            await thing.adopt([owner.mandate(subject, level, **permits)])
            await thing.present()
            things.append(thing)
        printer, shop = things
        await shop.sell(
            shop.offer(
                product_id="ink-black",
                title="Black ink",
                category=INK,
                currency="EUR",
                price_minor=10_00,
                stock_steps=1_000,
            )
        )
        link.weather = BAD
        yield Town(node, link, tmp_path, ada, printer, shop)
        link.come_back()


class Told:
    """What a watch tells, as it comes."""

    def __init__(self, thing: Thing) -> None:
        self.contracts: set[bytes] = set()
        self._changes = thing.watch(since=0)
        self._task = asyncio.ensure_future(self._listen())

    async def _listen(self) -> None:
        async for change in self._changes:
            self._hear(change)

    def _hear(self, change: Change) -> None:
        self.contracts.add(change.reference)

    async def hears_of(self, contracts: Set[bytes]) -> None:
        async with asyncio.timeout(WAIT_MS / 1000):
            while not contracts <= self.contracts:
                assert not self._task.done(), "the watch has ended"
                await asyncio.sleep(0.05)

    async def end(self) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})
        await self._changes.aclose()


async def try_to_buy(town: Town, seen: Any, count: int) -> set[bytes]:
    """Buy with little patience, each with a key of its own; the keys, whether answered or not."""
    async with await Thing.open(town.homes / "printer", patience_ms=SHORT_MS) as hasty:
        keys = [hasty.new_key() for _ in range(count)]

        async def buy(key: Any) -> None:
            with pytest.raises(Unanswered):
                await hasty.buy(seen, 1, key=key)

        await asyncio.gather(*map(buy, keys))
        return set(keys)


async def offline_while_it_buys(town: Town, offline_s: float, *, forgets: bool) -> None:
    """Purchases before, into and during the outage: all happen once, all are told of."""
    told = Told(town.shop)
    seen = (await town.printer.choose(town.printer.need(title="Ink", category=INK, quantity_steps=1))).offer
    bought: set[bytes] = {(await town.printer.buy(seen, 1)).contract for _ in range(2)}

    under_way = [asyncio.ensure_future(town.printer.buy(seen, 1)) for _ in range(3)]
    await asyncio.sleep(town.link.weather.delay_ms / 1000)  # on their way, some perhaps there
    town.link.go_offline(forgets=forgets)
    keys = await try_to_buy(town, seen, 2)
    await asyncio.sleep(offline_s)
    town.link.come_back()

    bought |= {one.contract for one in await asyncio.gather(*under_way)}
    flushed = await town.printer.wait.for_outbox(timeout_ms=WAIT_MS)
    answers: dict[bytes, Answer] = {letter.key: answer for letter, answer in flushed.answered}
    assert set(answers) == keys and not flushed.unknown
    bought |= {answer.made().reference for answer in answers.values()}
    assert len(bought) == 7, "each purchase made one contract"
    assert town.printer.post.outbox.waiting() == []

    assert {one.id for one in await town.ada.contracts()} == bought
    (money,) = await town.ada.balances()
    assert (money.available_minor, money.escrow_minor) == (FUNDS - 7 * PRICE, 7 * PRICE)
    await told.hears_of(bought)
    await told.end()


async def test_a_handshake_and_a_trade_live_with_a_slow_line(town: Town) -> None:
    town.link.weather = WORSE
    told = Told(town.shop)
    await town.printer.close()
    town.link.cut()
    async with await Thing.open(town.homes / "printer", patience_ms=WAIT_MS) as printer:
        need = printer.need(title="Ink", category=INK, quantity_steps=2)
        await printer.announce(need)
        bought = await printer.buy(await printer.wait.for_offer(need, timeout_ms=WAIT_MS))
        await told.hears_of({bought.contract})
        await town.shop.delivered(bought.contract)
        await printer.wait.for_delivery(bought.contract, timeout_ms=WAIT_MS)
        await printer.accept(bought.contract)
        assert (await printer.wait.for_end(bought.contract)).fulfilment.value == "ACCEPTED"
    assert town.link.stalls > 0
    await told.end()


async def test_a_line_that_is_cut_again_and_again_carries_each_purchase_once(town: Town) -> None:
    seen = (await town.printer.choose(town.printer.need(title="Ink", category=INK, quantity_steps=1))).offer
    told = Told(town.shop)
    made = set()
    for _ in range(4):
        buying = [asyncio.ensure_future(town.printer.buy(seen, 1)) for _ in range(3)]
        await asyncio.sleep(2 * town.link.weather.delay_ms / 1000)
        town.link.cut()
        made |= {one.contract for one in await asyncio.gather(*buying)}
    assert len(made) == 12
    assert {one.id for one in await town.ada.contracts()} == made
    await told.hears_of(made)
    await told.end()


@pytest.mark.parametrize("forgets", [False, True], ids=["held", "forgotten"])
async def test_what_is_bought_while_the_line_is_away_is_bought_once(town: Town, forgets: bool) -> None:
    await offline_while_it_buys(town, 5, forgets=forgets)


@pytest.mark.parametrize("lag_ms", [0, 5_000, CLOCK_SKEW_MS + 10_000])
async def test_a_mandate_of_just_now_is_in_force_for_a_device_whose_time_lags(
    town: Town, lag_ms: int
) -> None:
    began_ms = town.printer.session.now_ms + lag_ms
    link = root_link(
        SigningKey.from_seed(bytes(32)),
        owner=town.ada.id,
        subject=town.printer.id,
        network_id=town.node.network_id,
        autonomy=Autonomy.ADAPTABLE,
        not_before_ms=began_ms,
        limits=[LIMIT],
    )
    await town.printer.adopt([link])
    bars = town.printer.bars()
    assert isinstance(bars, MandateBars)
    assert (bars.now_ms >= began_ms) == (lag_ms <= CLOCK_SKEW_MS)


async def test_letters_under_way_and_a_flush_do_not_disturb_each_other(town: Town) -> None:
    seen = (await town.printer.choose(town.printer.need(title="Ink", category=INK, quantity_steps=1))).offer
    town.link.go_offline(forgets=True)
    buying = [asyncio.ensure_future(town.printer.buy(seen, 1)) for _ in range(4)]
    await asyncio.sleep(0.2)
    drained = asyncio.ensure_future(town.printer.wait.for_outbox(timeout_ms=WAIT_MS))
    await asyncio.sleep(0.2)
    town.link.come_back()
    made = {one.contract for one in await asyncio.gather(*buying)}
    await drained
    assert len(made) == 4
    assert {one.id for one in await town.ada.contracts()} == made


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("forgets", [False, True], ids=["held", "forgotten"])
async def test_a_minute_offline_loses_and_doubles_nothing(town: Town, forgets: bool) -> None:
    town.link.weather = WORSE
    await offline_while_it_buys(town, 60, forgets=forgets)
