"""Searches for needs through an index: what they find is what a look at every offer finds. [QRY-7]"""

from dataclasses import replace
from random import Random

import pytest

from tests.builders import World
from tests.unit.catalog.samples import a_need, favourite, must, wish
from thingmarket.catalog.attributes import Attribute, AttributeValue, ScaledInteger
from thingmarket.catalog.blocks import PlainBlocks, blocks_class
from thingmarket.catalog.choice import choose
from thingmarket.catalog.needs import Comparison, Constraint, Need, Wish, check_need
from thingmarket.catalog.offers import FulfilmentKind, Offer
from thingmarket.catalog.ranking import Candidate, candidate_of
from thingmarket.ids import Digest, PartyId, digest
from thingmarket.limits import DAY_MS
from thingmarket.market import proposed, searching, walks
from thingmarket.market.facts import stated
from thingmarket.market.records import ListingState, OfferFacts, OfferRecord
from thingmarket.market.searching import Search
from thingmarket.market.state import State
from thingmarket.market.views import Wanted
from thingmarket.settlement.accounts import AccountKind
from thingmarket.settlement.transfers import Transfer

KINDS = sorted({PlainBlocks, blocks_class()}, key=lambda kind: str(kind.kind))
CATEGORIES = ("44103105", "44103105", "44103103", "441031", "14111507", "44")
SELLER = PartyId("tm:party:zseller")


@pytest.fixture(params=KINDS, ids=lambda kind: kind.kind)
def state(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> State:
    """A state whose searches propose from the first offer on, however few there are."""
    monkeypatch.setattr(proposed, "SEARCH_INDEX_ROWS_MIN", 1)
    monkeypatch.setattr(searching, "SEARCH_INDEX_ROWS", 10_000)
    found = World().state
    found.proposed.kind, found.proposed.keeps = request.param, True
    return found


def weight_of(random: Random) -> AttributeValue:
    """A weight in various scales and units, and sometimes in words."""
    scale = random.choice((0, 0, 0, 1, 3))
    grams = ScaledInteger(random.randrange(1, 40) * 10**scale + random.randrange(10**scale), scale, "GRM")
    return random.choice((grams, grams, grams, ScaledInteger(1, 0, "KGM"), "heavy"))


def an_offer(random: Random, place: int) -> Offer:
    facts: dict[str, AttributeValue] = {
        "brand": random.choice(("Inkwell", "Blott", "Acme", "Zed")),
        "pages": ScaledInteger(random.randrange(8) * 100),
        "refilled": random.random() < 0.5,
        "weight": weight_of(random),
    }
    if random.random() < 0.1:
        facts |= {f"extra{random.randrange(20):02d}": ScaledInteger(random.randrange(5))}
    kept = [Attribute(name, value) for name, value in sorted(facts.items()) if random.random() < 0.85]
    return Offer(
        key=place.to_bytes(16, "big"),
        product_id=f"own-{place}",
        title=f"Ink {place}",
        category=random.choice(CATEGORIES),
        attributes=tuple(kept),
        unit="C62" if random.random() < 0.95 else "KGM",
        unit_scale=random.choice((0, 0, 0, 0, 1)),
        currency="EUR" if random.random() < 0.95 else "USD",
        price_minor=random.choice((1, 500, 500, random.randrange(400, 600), random.randrange(1, 10**12))),
        price_base_steps=random.choice((1, 1, 1, 3, 700)),
        tax_category="S",
        stock_steps=random.choice((1, 50, 50)),
        min_steps=random.choice((1, 1, 5)),
        max_steps=random.choice((2, 100, 100)),
        valid_until_ms=2_000_000_000_000,
        fulfilment=FulfilmentKind.HUMAN,
        delivery_ms=random.randrange(1, 5) * DAY_MS,
        inspection_ms=DAY_MS,
    )


def publish(state: State, offer: Offer, seq: int) -> Digest:
    name = digest(b"offer %d" % seq)
    origin = state.ledger.open(owner=1, ledger=2**32, kind=AccountKind.GOODS_ORIGIN, reference=name)
    stock = state.ledger.open(owner=1, ledger=2**32, kind=AccountKind.GOODS, reference=name)
    declared = Transfer(
        id=name[:16], debit=origin, credit=stock, amount=offer.stock_steps, ledger=2**32, code=1
    )
    assert not any(state.ledger.submit(declared.pack(), offer.valid_until_ms))
    record = OfferRecord(
        offer=offer,
        seller=SELLER,
        seller_owner=SELLER,
        mandate_leaf=b"",
        state=ListingState.LIVE,
        goods_ledger=2**32,
        stock_account=stock,
        seq=seq,
        signed_bytes=b"",
    )
    state.offers.put(name, record)
    state.undo.forget()
    return name


def fill(state: State, random: Random, count: int) -> list[Digest]:
    return [publish(state, an_offer(random, place), place + 2) for place in range(count)]


def of_every_row(state: State, wanted: Wanted, need: Need) -> list[Candidate]:
    """All offers on the shelf, looked at one by one."""
    found = []
    for name, record in state.offers.items():
        if record.state is not ListingState.LIVE or record.offer.currency != wanted.currency:
            continue
        offer = stated(state, name, record.offer)
        if not offer.category.startswith(wanted.category) or not searching._may_meet(wanted.must, offer):
            continue
        candidate = candidate_of(
            need,
            offer,
            digest=name,
            stock_steps=state.ledger.balance(record.stock_account).free,
            tax_basis_points=state.tax_basis_points["S"],
            seller=SELLER,
        )
        if candidate is not None:
            found.append(candidate)
    return found


def proposed_first(state: State, wanted: Wanted, limit: int) -> list[bytes]:
    """One page, which must have come from an index and be the last."""
    search = Search(wanted, limit=limit)
    while not search.done:
        search.step(state)
        assert search._walk is not None and search._indexed
    assert not search.next_after_seq
    return list(search.found)


def check(state: State, wanted: Wanted, limit: int) -> None:
    assert wanted.need is not None
    check_need(wanted.need)
    expected = choose(wanted.need, of_every_row(state, wanted, wanted.need)).ranked[:limit]
    assert proposed_first(state, wanted, limit) == [one.candidate.digest for one in expected]


def some_must(random: Random) -> tuple[Constraint, ...]:
    grams = ScaledInteger(random.randrange(1, 400), 1, "GRM")
    few = ScaledInteger(random.randrange(8) * 1_000, 1)
    return tuple(
        random.sample(
            (
                must("brand", Comparison.EQUAL, "Inkwell"),
                must("brand", Comparison.NONE_OF, "Acme", "Zed"),
                must("brand", Comparison.EQUAL, ScaledInteger(3)),
                must("pages", Comparison.AT_LEAST, few),
                must("pages", Comparison.ONE_OF, few, ScaledInteger(5, 1)),
                must("pages", Comparison.EQUAL, ScaledInteger(5, 1)),
                must("weight", Comparison.AT_MOST, grams),
                must("weight", Comparison.AT_LEAST, ScaledInteger(2, 1, "KGM")),
                must("refilled", Comparison.EQUAL, True),
                must("unheard", Comparison.EQUAL, "of"),
                must("extra19", Comparison.AT_LEAST, ScaledInteger(1)),
            ),
            random.choice((0, 1, 1, 2)),
        )
    )


def some_wishes(random: Random) -> tuple[Wish, ...]:
    price, tenth = random.choice(((90_000, 1_000), (1_000, 90_000), (2_401, 2_400))), random.randrange(1, 200)
    wishes = random.sample(
        (
            lambda weight: wish("price", *price, weight),
            lambda weight: wish("delivery", 4 * DAY_MS, DAY_MS, weight),
            lambda weight: favourite("brand", weight, "Inkwell", "Blott"),
            lambda weight: wish(
                "weight", ScaledInteger(tenth, 1, "GRM"), ScaledInteger(tenth + 77, 1, "GRM"), weight
            ),
            lambda weight: wish("extra07", 0, 4, weight),
            lambda weight: wish("unheard", 0, 4, weight),
            random.choice(
                (
                    lambda weight: wish("pages", ScaledInteger(33_333, 2), ScaledInteger(-41, 2), weight),
                    lambda weight: favourite("pages", weight, ScaledInteger(300), ScaledInteger(7_000, 1)),
                )
            ),
        ),
        random.randrange(5),
    )
    weights = [1_000_000 // len(wishes)] * len(wishes) if wishes else []
    if weights:
        weights[0] += 1_000_000 - sum(weights)
    return tuple(make(weight) for make, weight in zip(wishes, weights, strict=True))


@pytest.mark.parametrize("seed", range(6))
def test_an_index_proposes_what_a_look_at_every_offer_finds(state: State, seed: int) -> None:  # [QRY-7]
    random = Random(seed)
    names = fill(state, random, 600)
    for round_ in range(25):
        name = random.choice(names)  # in between offers end, and sellers answer
        if round_ % 3 == 0:
            state.offers.put(name, replace(state.offers[name], state=ListingState.WITHDRAWN))
        elif round_ % 3 == 1:
            pages = Attribute("pages", ScaledInteger(700))
            added = (Attribute("answered", "yes"), Attribute("brand", "Inkwell"), pages)
            state.offer_facts.put(name, OfferFacts(attributes=added))
        if random.random() < 0.5:
            state.undo.roll_back()
        state.undo.forget()
        need = a_need(
            category=random.choice(("44", "441031", "44103105", "14")),
            quantity_steps=random.choice((1, 3, 60)),
            unit_scale=random.choice((0, 0, 1)) if random.random() < 0.3 else 0,
            must=some_must(random),
            prefer=some_wishes(random),
        )
        if need.unit_scale:
            need = replace(need, quantity_steps=need.quantity_steps * 10)
        wanted = Wanted(
            category=random.choice(("", "44", "44103105", need.category)),
            currency="EUR",
            need=need,
            must=some_must(random),
        )
        check(state, wanted, random.choice((1, 5, 10)))


@pytest.mark.parametrize("ends", [(10_000, 0), (2, 102), (0, 10_000), (3_001, 3_000), None])
def test_prices_far_below_a_minor_unit_are_told_apart(
    state: State, ends: tuple[int, int] | None
) -> None:  # [QRY-7]
    random = Random(5)
    for place in range(400):
        priced = replace(
            an_offer(random, place),
            price_minor=random.randrange(1, 9 if ends == (2, 102) else 400),
            price_base_steps=10**7 + random.randrange(3),
            min_steps=1,
            max_steps=10**9,
            stock_steps=10**9,
        )
        publish(state, replace(priced, unit="C62", unit_scale=0, currency="EUR"), place + 2)
    prefer = () if ends is None else (wish("price", *ends, 1_000_000),)
    for quantity_steps in (10**6, 10**8, 10**8 + 7):
        need = a_need(category="44", quantity_steps=quantity_steps, prefer=prefer)
        check(state, Wanted(currency="EUR", need=need), 10)


def test_what_sellers_answer_counts_in_an_index_that_stands(state: State) -> None:  # [CAT-17]
    random = Random(9)
    names = [
        publish(state, replace(an_offer(random, place), attributes=()), place + 2) for place in range(200)
    ]
    ripe = must("ripe", Comparison.EQUAL, True)
    need = a_need(category="44", must=(ripe,), prefer=(wish("days", 0, 500, 1_000_000),))
    wanted = Wanted(currency="EUR", need=need)
    check(state, wanted, 10)
    for number, name in enumerate(names):
        facts = (Attribute("days", ScaledInteger(number)), Attribute("ripe", number % 3 > 0))
        state.offer_facts.put(name, OfferFacts(attributes=facts))
        if number == 100:
            check(state, wanted, 10)
            state.undo.forget()
    check(state, wanted, 10)
    state.undo.roll_back()
    check(state, wanted, 10)


def pages(state: State, wanted: Wanted, limit: int) -> tuple[list[Candidate], int]:
    """What all pages found, and how many they were."""
    assert wanted.need is not None
    among = {one.digest: one for one in of_every_row(state, wanted, wanted.need)}
    found: list[Candidate] = []
    after_seq, count = 0, 0
    while after_seq or not count:
        search = Search(wanted, limit=limit, after_seq=after_seq)
        while not search.done:
            search.step(state)
        found += [among[name] for name in search.found]
        after_seq, count = search.next_after_seq, count + 1
    return found, count


PRICED = Wanted(currency="EUR", need=a_need(category="44", prefer=(wish("price", 3_000, 500, 1_000_000),)))


@pytest.mark.parametrize("limit", ["SEARCH_BLOCKS_MAX", "SEARCH_PROPOSALS_MAX"])
def test_a_search_that_would_need_too_much_of_an_index_goes_through_the_rows(
    state: State, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:  # [QRY-7]
    fill(state, Random(1), 1_500)
    monkeypatch.setattr(searching, "QUERY_ROWS_MAX", 400)
    monkeypatch.setattr(walks, limit, 1)
    found, count = pages(state, PRICED, 5)
    assert count == 4
    assert PRICED.need is not None
    best = choose(PRICED.need, of_every_row(state, PRICED, PRICED.need), 5)
    assert choose(PRICED.need, found, 5).ranked == best.ranked


def test_searches_fill_an_index_row_by_row_and_then_have_one_page(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:  # [QRY-7]
    fill(state, Random(2), 1_000)
    monkeypatch.setattr(searching, "SEARCH_INDEX_ROWS", 7)
    monkeypatch.setattr(searching, "QUERY_ROWS_MAX", 400)
    assert PRICED.need is not None
    best = choose(PRICED.need, of_every_row(state, PRICED, PRICED.need), 5)
    counts = []
    for _ in range(7):
        found, count = pages(state, PRICED, 5)
        counts.append(count)
        assert choose(PRICED.need, found, 5).ranked == best.ranked
    assert counts[0] == 3 and counts[-1] == 1
    publish(state, replace(an_offer(Random(1), 1), currency="EUR"), 5_000)
    check(state, PRICED, 5)


def test_an_index_makes_room_for_the_unit_that_most_offers_are_counted_in(state: State) -> None:  # [QRY-7]
    fill(state, Random(2), 300)
    assert PRICED.need is not None
    in_kilograms = replace(PRICED, need=replace(PRICED.need, unit="KGM"))
    search = Search(in_kilograms, limit=5)
    while not search.done:
        search.step(state)
    check(state, PRICED, 5)
    found, _ = pages(state, in_kilograms, 5)  # few are counted so: these go through the rows
    assert in_kilograms.need is not None
    ranked = choose(in_kilograms.need, of_every_row(state, in_kilograms, in_kilograms.need), 5).ranked
    assert [one.digest for one in found] == [one.candidate.digest for one in ranked]
    check(state, PRICED, 5)


def test_a_few_offers_and_a_node_without_the_compiled_index_need_none(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(state, Random(2), 20)
    for name, value in (("keeps", False), ("keeps", True)):
        setattr(state.proposed, name, value)
        if value:
            monkeypatch.setattr(proposed, "SEARCH_INDEX_ROWS_MIN", 21)
        search = Search(PRICED, limit=5)
        search.step(state)
        assert search._walk is None


def test_an_index_that_lost_its_last_offer_is_forgotten(state: State) -> None:
    names = fill(state, Random(2), 40)
    check(state, PRICED, 5)
    for name in names:
        state.offers.put(name, replace(state.offers[name], state=ListingState.WITHDRAWN))
    assert not state.proposed._filled
    state.undo.roll_back()
    check(state, PRICED, 5)
