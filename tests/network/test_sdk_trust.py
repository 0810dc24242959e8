"""Trust over the wire: lowered and raised again at once, choices in the shadow, feedback asked and given."""

from pathlib import Path

import pytest

from tests.network.test_sdk_trade import INK, LIMIT, Town, ink_on_sale, thing_at, town  # noqa: F401
from tests.network.test_sdk_trade import node as node  # noqa: PLC0414  the fixture that `town` stands on
from thingmarket.catalog.pricing import price
from thingmarket.contract.shadow import ProposalState
from thingmarket.errors import Refusal
from thingmarket.identity.mandates import Action, Autonomy
from thingmarket_client import RefusedByNode

MAY = [Action.ANNOUNCE, Action.BUY, Action.ACCEPT_DELIVERY, Action.FEEDBACK]


async def test_a_lowered_thing_buys_again_under_a_mandate_signed_the_next_moment(town: Town) -> None:  # noqa: F811
    """[TRU-1]"""
    ink = await ink_on_sale(town)
    home = town.homes / "lowered"
    printer = await thing_at(town.node, home, town.ada, Autonomy.ADAPTABLE, limits=[LIMIT])
    async with printer:
        await town.ada.trust.lower(printer.id, Autonomy.ANNOUNCER)
        with pytest.raises(RefusedByNode) as caught:
            await printer.buy(await printer.reads.offer(ink), 1)
        assert caught.value.rule == "AUT-0"
        await printer.adopt([town.ada.mandate(printer.id, Autonomy.ADAPTABLE, limits=[LIMIT])])
        await printer.present()
        await printer.buy(await printer.reads.offer(ink), 1)


async def test_the_owner_sees_how_often_his_thing_would_have_bought_the_same(town: Town) -> None:  # noqa: F811
    """[SHD-2] [SHD-4]"""
    ink = await ink_on_sale(town)
    sensor = await thing_at(town.node, town.homes / "shadow", town.ada, Autonomy.ANNOUNCER)
    async with sensor:
        need = await sensor.announce(sensor.need(title="Ink", category=INK, quantity_steps=1))
        seen = await sensor.reads.offer(ink)
        total = price(seen.offer, 1, seen.tax_basis_points).total_minor
        await sensor.trust.propose(need, ink, total_minor=total)
        await town.ada.buy(seen, 1, need=need)
        agreement, proposals = await town.ada.trust.shadow(sensor.id)
        assert (agreement.agreed, agreement.decided) == (1, 1)
        assert [one.state for one in proposals] == [ProposalState.AGREED]
        assert (await sensor.trust.shadow(sensor.id))[0] == agreement
        with pytest.raises(Refusal):
            await town.bob.trust.shadow(Path("nobody").name)  # type: ignore[arg-type]  # no id at all


async def test_feedback_is_asked_for_given_once_and_seen_by_both(town: Town) -> None:  # noqa: F811
    """[FBK-1] [FBK-5] [FBK-6]"""
    ink = await ink_on_sale(town)
    printer = await thing_at(
        town.node, town.homes / "rater", town.ada, Autonomy.ADAPTABLE, actions=MAY, limits=[LIMIT]
    )
    async with printer:
        bought = await printer.buy(await printer.reads.offer(ink), 1)
        with pytest.raises(Refusal):
            await printer.trust.rate(await printer.contract(bought.contract))
        await town.shop.delivered(bought.contract, [])
        await printer.accept(bought.contract)
        await town.bob.trust.ask_for_feedback(bought.contract)
        await printer.trust.rate(await printer.contract(bought.contract))
        (given,) = await town.ada.trust.feedback(received=False)
        (received,) = await town.bob.trust.feedback(received=True)
        assert given == received
        assert given.satisfaction_millionths == 1_000_000
        with pytest.raises(RefusedByNode):
            await printer.trust.rate(await printer.contract(bought.contract))
