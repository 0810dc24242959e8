"""The SDK looks for offers, ranks them, asks for facts and tells what each wish cost, at a real node."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.network.node_process import NodeProcess
from thingmarket.catalog.attributes import Attribute, ScaledInteger
from thingmarket.catalog.needs import Comparison, Constraint, Favourite, Preference
from thingmarket.catalog.questions import QuestionState
from thingmarket.errors import Code, Refusal
from thingmarket.identity.mandates import Action, Autonomy
from thingmarket_client import Owner, RefusedByNode, Thing, create_owner, create_thing, spending_limit

INK = "44103105"
LIMIT = spending_limit("EUR", per_order_minor=20_00, per_day_minor=300_00, total_minor=300_00)
CHEAP = Preference(
    attribute="price", ideal=ScaledInteger(10_00), worst=ScaledInteger(50_00), weight_millionths=400_000
)
INKWELL = Favourite(attribute="brand", values=("Inkwell",), weight_millionths=600_000)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeProcess]:
    running = NodeProcess.start(tmp_path / "node")
    yield running
    running.kill()
    assert not running.trouble


@dataclass
class Street:
    """A printer of Ada's, and Bob's shop."""

    ada: Owner
    bob: Owner
    printer: Thing
    shop: Thing

    async def sell(self, title: str, price_minor: int, brand: str = "", **more: Any) -> bytes:
        facts = (Attribute("brand", brand),) if brand else ()
        return await self.shop.sell(
            self.shop.offer(
                title=title,
                price_minor=price_minor,
                **{
                    "product_id": "ink",
                    "category": INK,
                    "currency": "EUR",
                    "stock_steps": 20,
                    "attributes": facts,
                    **more,
                },
            )
        )


@pytest.fixture
async def street(node: NodeProcess, tmp_path: Path) -> AsyncIterator[Street]:
    async with AsyncExitStack() as open_ones:
        owners = []
        for name in ("ada", "bob"):
            create_owner(tmp_path / name, node.network_id)
            owners.append(await open_ones.enter_async_context(await Owner.open(tmp_path / name, node.card)))
            await owners[-1].admit()
        ada, bob = owners
        await ada.fund("EUR", 500_00)
        things = []
        permitted: tuple[tuple[str, Owner, dict[str, Any]], ...] = (
            ("printer", ada, {"autonomy": Autonomy.ADAPTABLE, "limits": [LIMIT]}),
            ("shop", bob, {"autonomy": Autonomy.BOUND, "actions": [Action.SELL]}),
        )
        for name, owner, permits in permitted:
            subject = create_thing(tmp_path / name)
            thing = await open_ones.enter_async_context(await Thing.open(tmp_path / name, node.card))
            await thing.adopt([owner.mandate(subject, **permits)])
            await thing.present()
            things.append(thing)
        yield Street(ada, bob, *things)


async def test_offers_are_found_by_words_products_and_conditions(street: Street) -> None:  # [QRY-2] [CAT-12]
    soap = await street.sell("Grüne Seife 500 g", 3_00, category="53131608", product_id="036000291452")
    await street.sell("Seifenschale", 5_00, category="53131608", product_id="dish")
    reads = street.printer.reads
    assert [seen.digest for seen in await reads.offers(text="SEIFE grüne")] == [soap]
    assert [seen.digest for seen in await reads.offers(product_id="gtin:00036000291452")] == [soap]
    scented = Constraint("scent", Comparison.EQUAL, ("rose",))
    assert len(await reads.offers(category="5313", must=(scented,))) == 2  # nobody says that it has none
    with pytest.raises(RefusedByNode) as refused:
        await reads.offers(text="?")
    assert refused.value.number == Code.BAD_FIELD


async def test_a_choice_tells_what_the_brand_cost_and_the_record_keeps_it(street: Street) -> None:  # [CAT-14]
    blott = await street.sell("Blott ink", 10_00, "Blott", category="44103103")
    inkwell = await street.sell("Inkwell ink", 10_32, "Inkwell", category="44103103")
    need = street.printer.need(title="Ink", category="44103103", quantity_steps=1, prefer=(CHEAP, INKWELL))
    chosen = await street.printer.choose(need)
    assert chosen.choice.chosen == inkwell
    prices = {found.attribute: (found.cost_minor, found.instead) for found in chosen.choice.prices}
    assert prices == {"price": (0, inkwell), "brand": (38, blott)}  # with tax
    bought = await street.printer.buy(chosen)
    record = (await street.printer.explain(bought.contract)).record
    assert record is not None and record.value["quantity"] == "1 piece"
    assert [wish["cost_minor"] for wish in record.value["wishes"]] == [0, 38]


async def test_what_the_node_ranks_is_what_the_device_would_have_chosen(street: Street) -> None:  # [QRY-7]
    for place in range(30):
        await street.sell(
            f"Paper {place}", 8_00 + 7 * place, "Inkwell" if place % 7 == 5 else "", category="14111507"
        )
    need = street.printer.need(title="Paper", category="14111507", quantity_steps=2, prefer=(CHEAP, INKWELL))
    whole = await street.printer.choose(need)
    for most in (1, 3, 20):
        best = await street.printer.choose_best(need, "EUR", most)
        assert best.choice.ranked[0] == whole.choice.ranked[0]
        assert best.choice.prices == whole.choice.prices
        assert len(best.offers) < len(whole.offers) == 30


async def test_nobody_chooses_what_he_sells_himself(street: Street) -> None:  # [BUY-4]
    own = await street.sell("Own stamp", 1_00, category="44121600")
    for buyer in (street.shop, street.bob):
        chosen = await buyer.choose(buyer.need(title="Stamp", category="44121600", quantity_steps=1))
        assert chosen.choice.chosen is None
        assert chosen.choice.ranked[0].barred.endswith("[BUY-4]")
    need = street.printer.need(title="Stamp", category="44121600", quantity_steps=1)
    assert (await street.printer.choose(need)).choice.chosen == own


async def test_a_thing_does_not_choose_what_its_owner_forbids(street: Street) -> None:
    dear = await street.sell("Dear label", 30_00, "Inkwell", category="55121600")
    cheap = await street.sell("Cheap label", 12_00, "Blott", category="55121600")
    need = street.printer.need(
        title="Labels",
        category="55121600",
        quantity_steps=1,
        prefer=(
            INKWELL,
            Preference(
                attribute="price",
                ideal=ScaledInteger(1),
                worst=ScaledInteger(99_00),
                weight_millionths=400_000,
            ),
        ),
    )
    chosen = await street.printer.choose(need)
    assert (chosen.choice.chosen, chosen.choice.ranked[1].candidate.digest) == (cheap, dear)
    assert "LIM-" in chosen.choice.ranked[1].barred
    assert (
        await street.printer.choose_best(need, "EUR", 1)
    ).choice.chosen == cheap  # the node's best is forbidden
    assert (await street.ada.choose(need)).choice.chosen == dear  # nobody forbids her anything
    assert {found.instead for found in chosen.choice.prices} == {cheap}  # what is forbidden is no alternative


async def test_a_missing_fact_is_asked_for_answered_and_bought_on(
    street: Street,
) -> None:  # [CAT-15] [CAT-17]
    toner = await street.sell("Toner", 10_00, category="44103100")
    black = (Constraint("colour", Comparison.EQUAL, ("black",)),)
    need = street.printer.need(title="Toner", category="44103100", quantity_steps=1, must=black)
    await street.printer.announce(need)
    chosen = await street.printer.choose(need)
    assert chosen.choice.chosen is None and chosen.askable == ((toner, ("colour",)),)
    with pytest.raises(Refusal):
        _ = chosen.offer
    question = await street.printer.ask_facts(toner, ["colour"])
    (asked,) = [one for one in await street.shop.questions() if one.digest == question]
    assert (asked.names, asked.open, asked.asked_by_us) == (("colour",), True, False)
    await street.shop.answer_facts(asked, {"colour": "black"})
    seen = await street.printer.reads.offer(toner)
    assert seen.answers == (Attribute("colour", "black"),) and seen.offer.attributes == ()
    bought = await street.printer.buy(need)
    assert (await street.printer.contract(bought.contract)).offer == toner
    states = {one.digest: (one.state, one.asked_by_us) for one in await street.ada.questions()}
    assert states[question] == (QuestionState.ANSWERED, True)
