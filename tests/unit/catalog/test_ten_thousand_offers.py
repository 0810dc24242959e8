"""A catalogue of 10,000 offers: what is found is what a look at every single one finds."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from random import Random

import pytest

from tests.builders import World
from tests.unit.catalog.samples import a_need, favourite, must, wish
from thingmarket.catalog.attributes import Attribute, AttributeValue, ScaledInteger
from thingmarket.catalog.choice import choose
from thingmarket.catalog.fit import Truth, truth
from thingmarket.catalog.needs import Comparison, Need
from thingmarket.catalog.offers import FulfilmentKind, Offer
from thingmarket.catalog.products import product_key
from thingmarket.catalog.ranking import Candidate, candidate_of
from thingmarket.catalog.wishes import without
from thingmarket.catalog.words import offer_words
from thingmarket.ids import Digest, PartyId, digest
from thingmarket.limits import DAY_MS, SEARCH_SLICE_ROWS
from thingmarket.market.records import ListingState, OfferRecord
from thingmarket.market.searching import Search
from thingmarket.market.state import State
from thingmarket.market.views import Wanted
from thingmarket.settlement.accounts import AccountKind
from thingmarket.settlement.transfers import Transfer

OFFERS = 10_000
COLOURS, KINDS = ("black", "red", "blue", "grün"), ("ink", "toner", "paper", "label")
BRANDS = ("Inkwell", "Blott", "Acme", "Zed")
CATEGORIES = ("44103105", "441031", "44103103", "14111507", "14111500", "14")
SELLER = PartyId("tm:party:zseller")


@dataclass(frozen=True)
class Bazaar:
    """A state with many offers of one seller; made without signatures, which nothing here looks at."""

    state: State
    seqs: tuple[int, ...]


def an_offer(random: Random, place: int, now_ms: int) -> Offer:
    facts: dict[str, AttributeValue] = {
        "brand": random.choice(BRANDS),
        "pages": ScaledInteger(random.randrange(100, 2_000)),
    }
    kept = [Attribute(name, value) for name, value in sorted(facts.items()) if random.random() < 0.9]
    return Offer(
        key=place.to_bytes(16, "big"),
        product_id=f"{random.randrange(400):013d}" if place % 2 else f"own-{random.randrange(400)}",
        title=f"{random.choice(COLOURS).title()} {random.choice(KINDS)} {random.randrange(50)}",
        category=random.choice(CATEGORIES),
        attributes=tuple(kept),
        unit="C62" if random.random() < 0.98 else "KGM",
        currency="EUR" if random.random() < 0.95 else "USD",
        price_minor=random.randrange(500, 3_000),
        price_base_steps=1,
        tax_category="S",
        stock_steps=random.choice((1, 50, 50, 50)),
        min_steps=1,
        max_steps=random.choice((1, 100, 100, 100)),
        valid_until_ms=now_ms + DAY_MS,
        fulfilment=FulfilmentKind.HUMAN,
        delivery_ms=random.randrange(1, 5) * DAY_MS,
        inspection_ms=DAY_MS,
    )


@cache
def bazaar() -> Bazaar:
    world, random = World(), Random(6)
    state = world.state
    origin = state.ledger.open(owner=1, ledger=2**32, kind=AccountKind.GOODS_ORIGIN)
    seqs = []
    for place in range(OFFERS):
        offer, name = an_offer(random, place, world.time_ms), digest(b"offer %d" % place)
        stock = state.ledger.open(owner=1, ledger=2**32, kind=AccountKind.GOODS, reference=name)
        declared = Transfer(
            id=name[:16], debit=origin, credit=stock, amount=offer.stock_steps, ledger=2**32, code=1
        )
        assert not any(state.ledger.submit(declared.pack(), world.time_ms))
        record = OfferRecord(
            offer=offer,
            seller=SELLER,
            seller_owner=SELLER,
            mandate_leaf=b"",
            state=ListingState.LIVE if random.random() < 0.97 else ListingState.WITHDRAWN,
            goods_ledger=2**32,
            stock_account=stock,
            seq=place + 2,
            signed_bytes=b"",
        )
        state.offers.put(name, record)
        seqs.append(record.seq)
    state.undo.forget()
    return Bazaar(state, tuple(seqs))


def live() -> Iterator[tuple[Digest, OfferRecord]]:
    return ((name, row) for name, row in bazaar().state.offers.items() if row.state is ListingState.LIVE)


def searched(wanted: Wanted, limit: int = 100) -> list[Digest]:
    """All pages, each made of steps that are counted."""
    found: list[Digest] = []
    after_seq, rows = 0, 0
    while True:
        search = Search(wanted, limit=limit, after_seq=after_seq)
        while not search.done:
            before = len(search.found)
            search.step(bazaar().state)
            assert len(search.found) - before <= SEARCH_SLICE_ROWS
        assert len(search.found) <= limit
        found += search.found
        after_seq, rows = search.next_after_seq, rows + 1
        if not after_seq:
            return found
        assert rows < OFFERS


BRAND = must("brand", Comparison.EQUAL, "Inkwell")
SEARCHES = [
    Wanted(),
    Wanted(category="44"),
    Wanted(category="44103105"),
    Wanted(category="99"),
    Wanted(text="INK"),
    Wanted(text="ink red"),
    Wanted(text="Grün 7"),  # one letter or digit is no word
    Wanted(text="toner 17 black"),
    Wanted(text="441031 ink"),
    Wanted(text="unheard"),
    Wanted(product_id="own-17"),
    Wanted(product_id="own-17", category="14", text="paper"),
    Wanted(must=(BRAND, must("pages", Comparison.AT_LEAST, ScaledInteger(1_900)))),
    Wanted(currency="USD", text="label", category="1411", must=(BRAND,)),
]


@pytest.mark.parametrize("wanted", SEARCHES, ids=range(len(SEARCHES)))
def test_a_search_finds_what_a_look_at_every_offer_finds(wanted: Wanted) -> None:  # [QRY-2] [CAT-12]
    def is_wanted(offer: Offer) -> bool:
        facts = {fact.name: fact.value for fact in offer.attributes}
        words = offer_words(offer.title, offer.category)
        asked = [word for word in wanted.text.lower().split() if len(word) > 1]
        return (
            offer.category.startswith(wanted.category)
            and (not wanted.product_id or product_key(offer.product_id) == product_key(wanted.product_id))
            and all(word in words for word in asked)
            and wanted.currency in ("", offer.currency)
            and all(truth(one, facts.get(one.attribute)) is not Truth.FALSE for one in wanted.must)
        )

    assert searched(wanted) == [name for name, row in live() if is_wanted(row.offer)]


NEEDS = [
    a_need(category="44", prefer=(wish("price", 3_000, 500, 10**6),)),
    a_need(
        category="14",
        must=(must("brand", Comparison.NONE_OF, "Acme"),),
        prefer=(
            favourite("brand", 300_000, "Inkwell", "Blott"),
            wish("delivery", 4 * DAY_MS, DAY_MS, 200_000),
            wish("pages", 100, 2_000, 100_000),
            wish("price", 8_000, 1_000, 400_000),
        ),
    ),
    a_need(category="4410", must=(must("pages", Comparison.AT_MOST, ScaledInteger(101)),), quantity_steps=60),
    a_need(category="1411", product_id="own-17"),
]


def full_scan(need: Need) -> list[Candidate]:
    state = bazaar().state
    found = [
        candidate_of(
            need,
            row.offer,
            digest=name,
            stock_steps=state.ledger.balance(row.stock_account).free,
            tax_basis_points=1_900,
            seller=row.seller_owner,
        )
        for name, row in live()
        if row.offer.category.startswith(need.category)
        and row.offer.currency == "EUR"
        and need.product_id in ("", row.offer.product_id)
    ]
    return [one for one in found if one is not None]


@pytest.mark.parametrize("need", NEEDS, ids=range(len(NEEDS)))
@pytest.mark.parametrize("leave_out", [0, 1])
def test_the_best_of_all_pages_are_the_best_of_a_full_scan(need: Need, leave_out: int) -> None:  # [QRY-7]
    leave_out = min(leave_out, len(need.must) + len(need.prefer))
    wanted = Wanted(
        category=need.category, product_id=need.product_id, currency="EUR", need=need, leave_out=leave_out
    )
    asked = without(need, leave_out - 1) if leave_out else need
    every = full_scan(asked)
    expected = [one.candidate.digest for one in choose(asked, every).ranked[:10]]
    among = {one.digest: one for one in every}
    of_pages = [among[name] for name in searched(wanted, limit=10)]
    assert [one.candidate.digest for one in choose(asked, of_pages, 10).ranked] == expected
    assert len(of_pages) < len(every) or len(every) <= 60
