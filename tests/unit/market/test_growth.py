"""What a market forgets, and what it takes no more of: its state does not grow for nothing."""

import pytest

from tests.builders import Actor, World, limit, replayed
from thingmarket.catalog.attributes import Attribute
from thingmarket.catalog.questions import AnswerFacts, AskFacts
from thingmarket.contract.shadow import ProposeChoice
from thingmarket.errors import Code
from thingmarket.identity import did
from thingmarket.identity.autonomy import LowerAutonomy
from thingmarket.identity.envelope import TypeId
from thingmarket.identity.keys import SigningKey
from thingmarket.identity.mandates import Autonomy
from thingmarket.ids import Digest, PartyId, digest
from thingmarket.limits import DAY_MS, HOUR_MS, KEY_AGE_MS, LISTING_KEPT_MS
from thingmarket.market import beforehand, facts, listings, market, queries
from thingmarket.market.entries import EntryKind, NoticeKind, Outcome
from thingmarket.market.queries import reader_of
from thingmarket.market.records import ListingState
from thingmarket.market.state import State
from thingmarket.wire import catalog, trust
from thingmarket.wire.log import read_entry
from thingmarket.wire.signing import entry_bytes


def shop_of(world: World) -> None:
    """Five offers that end in one moment."""
    shop = world.thing("shop", world.owner("bob"))
    until_ms = world.time_ms + DAY_MS
    for _ in range(5):
        world.offer(shop, valid_until_ms=until_ms)


def fire(world: World) -> Outcome:
    """One entry of deadlines, whether or not it leaves some over."""
    seq = world.state.seq + 1
    data = entry_bytes(seq=seq, time_ms=world.time_ms, kind=EntryKind.TIMERS_DUE, body=b"")
    return world.market.apply(read_entry(data))


# --- entries of deadlines


def test_one_entry_fires_so_many_deadlines_and_the_next_one_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # [LOG-14]
    monkeypatch.setattr(market, "TIMERS_PER_ENTRY_MAX", 3)
    world = World()
    shop_of(world)
    world.time_ms += DAY_MS  # type: ignore[assignment]
    told = []
    while (due_ms := world.market.next_deadline_ms()) is not None and due_ms <= world.time_ms:
        outcome = fire(world)
        told.append([one.state for one in outcome.notices if one.kind is NoticeKind.OFFER])
    assert told[:2] == [["EXPIRED"] * 3, ["EXPIRED"] * 2]
    assert {one.state for one in world.state.offers.values()} == {ListingState.EXPIRED}


def test_a_command_never_meets_what_an_entry_of_deadlines_left_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # [LOG-14]
    monkeypatch.setattr(market, "TIMERS_PER_ENTRY_MAX", 3)
    world = World()
    shop_of(world)
    world.time_ms += DAY_MS  # type: ignore[assignment]
    world.log.append(b"")
    fire(world)
    with pytest.raises(AssertionError, match="fires before any other entry"):
        world.owner("carol")


def test_turns_of_one_moment_are_counted_on_in_its_next_entry() -> None:  # [STO-7] [LOG-4]
    state = State()
    state.turns = 300
    assert State.restore(state.snapshot()).turns == 300
    assert State().state_root() != state.state_root()


# --- what ended is forgotten


class Town(World):
    """A printer buys, a shop sells."""

    def __init__(self, **permits: object) -> None:
        super().__init__()
        self.alice, self.bob = self.owner("alice", fund=1_000_00), self.owner("bob")
        self.printer = self.thing("printer", self.alice, life_ms=300 * DAY_MS, **permits)
        self.shop = self.thing("shop", self.bob, life_ms=300 * DAY_MS)

    def ask(self, offer: Digest, name: str) -> Digest:
        until_ms = self.time_ms + DAY_MS
        body = AskFacts(key=self.key(), offer=offer, names=(name,), deadline_ms=until_ms)
        asked = self.send(self.printer, TypeId.ASK_FACTS, catalog.ask_facts_body(body))
        assert asked.code == 0, asked
        return Digest(asked.reference)

    def answer(self, question: Digest, offer: Digest, *said: Attribute) -> None:
        body = AnswerFacts(key=self.key(), question=question, offer=offer, attributes=said)
        assert self.send(self.shop, TypeId.ANSWER_FACTS, catalog.answer_facts_body(body)).code == 0


def needs_of(world: World, actor: Actor) -> list[bytes]:
    return [seen.digest for seen in queries.list_needs(world.state, reader_of(world.state, actor.id))]


def same_when_replayed(world: World) -> None:
    """The log alone, and a snapshot alone, lead to what the world has."""
    twin, _ = replayed(world.log)
    assert twin.state.state_root() == world.state.state_root()
    again = State.restore(world.state.snapshot())
    assert again.snapshot() == world.state.snapshot()
    assert again.offers_used.sold == world.state.offers_used.sold
    assert again.beforehand.unknown == world.state.beforehand.unknown
    assert again.offers_used.named == world.state.offers_used.named
    assert again.timers.next_deadline_ms() == world.state.timers.next_deadline_ms()


def test_what_is_forgotten_never_comes_twice() -> None:  # [CAT-21] [ID-12]
    assert LISTING_KEPT_MS > 2 * KEY_AGE_MS


@pytest.mark.parametrize("how", ["withdrawn", "expired"])
def test_a_need_that_ended_is_forgotten_after_some_days(how: str) -> None:  # [CAT-21]
    world = Town()
    need = world.need(world.printer, valid_until_ms=world.time_ms + HOUR_MS)
    if how == "withdrawn":
        world.withdraw_need(world.printer, need)
    else:
        world.pass_time(HOUR_MS)
    world.pass_time(LISTING_KEPT_MS - 1)
    assert needs_of(world, world.printer) == [need]
    world.pass_time(1)
    assert not world.state.needs and not needs_of(world, world.printer)
    assert world.withdraw_need(world.printer, need).code == Code.UNKNOWN_NEED
    same_when_replayed(world)


def test_a_need_is_kept_until_its_order_is_over_and_its_announcer_still_reads_the_contract() -> (
    None
):  # [CAT-21] [CON-3]
    world = Town()
    need = world.need(world.printer, valid_until_ms=world.time_ms + DAY_MS)
    contract = world.bought(world.alice, world.offer(world.shop, delivery_ms=10 * DAY_MS), need=need)
    world.pass_time(9 * DAY_MS)
    assert needs_of(world, world.printer) == [need]
    world.deliver(contract)
    world.accept(contract)
    world.pass_time(LISTING_KEPT_MS)
    assert not world.state.needs
    reader = reader_of(world.state, world.printer.id)
    assert queries.contract_view(world.state, reader, contract).need == need
    assert world.printer.id != world.contract(contract).buyer
    same_when_replayed(world)


def test_a_need_that_is_open_again_is_kept_as_long_as_it_is_open() -> None:  # [CAT-3] [CAT-21]
    world = Town()
    need = world.need(world.printer, valid_until_ms=world.time_ms + 30 * DAY_MS)
    world.bought(world.printer, world.offer(world.shop, delivery_ms=DAY_MS), need=need)
    world.pass_time(20 * DAY_MS)
    assert world.state.needs[need].state is ListingState.LIVE
    world.pass_time(10 * DAY_MS + LISTING_KEPT_MS)
    assert not world.state.needs
    late = world.need(world.printer, valid_until_ms=world.time_ms + HOUR_MS)
    world.bought(world.printer, world.offer(world.shop, delivery_ms=DAY_MS), need=late)
    world.pass_time(2 * DAY_MS)
    assert world.state.needs[late].state is ListingState.EXPIRED
    world.pass_time(LISTING_KEPT_MS)
    assert not world.state.needs


def test_what_was_proposed_for_a_need_is_forgotten_with_it_and_stays_counted() -> None:  # [CAT-21]
    world = Town()
    need, offer = world.need(world.printer), world.offer(world.shop)
    proposal = ProposeChoice(key=world.key(), need=need, offer=offer, total_minor=1_200)
    sent = world.send(world.printer, TypeId.PROPOSE_CHOICE, trust.propose_choice_body(proposal))
    assert sent.code == 0, sent
    world.withdraw_need(world.printer, need)
    counted = dict(world.state.agreements)
    world.pass_time(LISTING_KEPT_MS)
    assert not world.state.proposals and counted == dict(world.state.agreements)


def test_an_offer_that_nobody_bought_is_forgotten_with_its_facts() -> None:  # [CAT-21]
    world = Town()
    offer = world.offer(world.shop)
    question = world.ask(offer, "colour")
    world.answer(question, offer, Attribute("colour", "red"))
    world.pass_time(HOUR_MS)
    world.withdraw_offer(world.shop, offer)
    world.pass_time(LISTING_KEPT_MS - 1)
    assert queries.offer_view(world.state, offer).state == "WITHDRAWN"
    world.pass_time(1)
    state = world.state
    assert not state.offers and not state.offer_facts and not state.questions
    assert world.buy(world.printer, world.offer(world.shop)).code == 0, "the product is sold as before"
    same_when_replayed(world)


def test_an_offer_stays_with_what_was_bought_from_it() -> None:  # [CAT-21]
    world = Town()
    offer = world.offer(world.shop)
    contract = world.bought(world.printer, offer)
    world.withdraw_offer(world.shop, offer)
    world.deliver(contract)
    world.accept(contract)
    world.pass_time(100 * DAY_MS)
    assert offer in world.state.offers
    same_when_replayed(world)


def test_an_offer_is_kept_while_an_order_for_it_waits() -> None:  # [CAT-21] [COS-10]
    world = Town(limits=(limit(cosign_above_minor=0),), cosign_ttl_ms=20 * DAY_MS)
    offer = world.offer(world.shop, valid_until_ms=world.time_ms + 30 * DAY_MS)
    assert world.buy(world.printer, offer).pending
    world.withdraw_offer(world.shop, offer)
    world.pass_time(20 * DAY_MS)
    assert offer in world.state.offers
    world.pass_time(10 * DAY_MS)
    assert offer not in world.state.offers and not world.state.pendings
    same_when_replayed(world)


def test_a_question_that_ended_is_forgotten_after_some_days() -> None:  # [CAT-21]
    world = Town()
    offer = world.offer(world.shop)
    question = world.ask(offer, "colour")
    world.pass_time(DAY_MS)
    assert world.state.questions[question].state.value == "EXPIRED"
    world.pass_time(LISTING_KEPT_MS)
    assert not world.state.questions
    world.ask(offer, "colour")
    same_when_replayed(world)


def test_a_full_node_has_room_again_when_what_ended_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # [CAT-3] [CAT-8] [CAT-15] [CAT-21]
    world = Town()
    for module, most in ((listings, "OFFERS_MAX"), (listings, "NEEDS_MAX"), (facts, "QUESTIONS_MAX")):
        monkeypatch.setattr(module, most, 1)
    offer, need = world.offer(world.shop), world.need(world.printer)
    world.answer(world.ask(offer, "colour"), offer)
    world.pass_time(HOUR_MS)
    world.withdraw_offer(world.shop, offer)
    world.withdraw_need(world.printer, need)
    assert world.try_offer(world.shop).code == world.try_need(world.printer).code == Code.FULL
    world.pass_time(LISTING_KEPT_MS)
    world.need(world.printer)
    world.ask(world.offer(world.shop), "colour")


def test_ended_rows_of_an_owner_do_not_count_against_him(
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # [CAT-3] [CAT-8]
    world = Town()
    monkeypatch.setattr(listings, "OFFERS_PER_OWNER_MAX", 1)
    monkeypatch.setattr(listings, "NEEDS_PER_OWNER_MAX", 1)
    for _ in range(3):
        offer, need = world.offer(world.shop), world.need(world.printer)
        assert world.try_offer(world.shop).code == world.try_need(world.printer).code == Code.FULL
        world.withdraw_offer(world.shop, offer)
        world.withdraw_need(world.printer, need)


def test_needs_that_came_to_nothing_are_kept_up_to_a_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # [CAT-21]
    world = Town()
    monkeypatch.setattr(listings, "NEEDS_KEPT_PER_THING_MAX", 2)
    world.bought(world.printer, world.offer(world.shop), need=world.need(world.printer))
    for _ in range(2):
        world.withdraw_need(world.printer, world.need(world.printer))
    assert world.try_need(world.printer).code == Code.FULL
    assert State.restore(world.state.snapshot()).indexes.needs_kept_of == {world.printer.id: 2}
    assert world.try_need(world.thing("scanner", world.alice)).code == 0
    world.pass_time(LISTING_KEPT_MS)
    assert world.try_need(world.printer).code == 0
    assert not world.state.indexes.needs_kept_of


# --- what is said of unknown names


def unknown(number: int) -> Digest:
    return digest(b"a link that nobody has seen %d" % number)


def stranger(number: int) -> PartyId:
    return did.encode(SigningKey.from_seed(unknown(number)).public)


class Fleet(World):
    """An owner with two things, where he may name two things that nobody knows."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        monkeypatch.setattr(beforehand, "UNKNOWN_NAMES_PER_OWNER_MAX", 2)
        self.alice, self.bob = self.owner("alice"), self.owner("bob")
        self.car, self.van = self.thing("car", self.alice), self.thing("van", self.alice)

    def lower(self, by: Actor, thing: PartyId) -> Outcome:
        body = LowerAutonomy(key=self.key(), thing=thing, autonomy=Autonomy.ANNOUNCER)
        return self.send(by, TypeId.LOWER_AUTONOMY, trust.lower_autonomy_body(body))


def test_links_that_nobody_has_seen_are_revoked_beforehand_up_to_a_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # [MAN-8]
    world = Fleet(monkeypatch)
    for number in range(2):
        assert world.revoke(world.alice, mandate=unknown(number)).code == 0
    refused = world.revoke(world.alice, mandate=unknown(2))
    assert (refused.code, refused.rule) == (Code.FULL, "MAN-8") and "epoch" in refused.reason
    assert world.revoke(world.bob, mandate=unknown(2)).code == 0, "each owner has his own limit"
    assert world.revoke(world.alice, mandate=world.car.mandate_leaf).code == 0
    assert world.revoke(world.alice, subject=world.van.id).code == 0
    assert world.revoke(world.alice, epoch=1).code == 0
    assert len(world.state.revoked_links) == 4
    same_when_replayed(world)


def test_the_link_of_another_owner_is_an_unknown_one(monkeypatch: pytest.MonkeyPatch) -> None:  # [MAN-8]
    world = Fleet(monkeypatch)
    for number in range(2):
        world.revoke(world.bob, mandate=unknown(number))
    assert world.revoke(world.bob, mandate=world.car.mandate_leaf).code == Code.FULL
    assert world.revoke(world.bob, subject=world.car.id).code == 0
    assert world.revoke(world.bob, subject=world.van.id).code == 0
    assert world.revoke(world.bob, subject=stranger(0)).code == Code.FULL


def test_subjects_that_are_known_are_revoked_however_many_unknown_ones_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # [MAN-8]
    world = Fleet(monkeypatch)
    link = world.mandate(world.alice, world.car.id)
    sub = world._known(Actor(id=stranger(9), key=SigningKey.from_seed(unknown(9)), owner=world.alice.id))
    world.present(sub, link, world.delegated(link, world.car, sub.id))
    for number in range(2):
        assert world.revoke(world.alice, subject=stranger(number)).code == 0
    assert world.revoke(world.alice, subject=stranger(2)).code == Code.FULL
    assert world.revoke(world.alice, subject=stranger(1)).code == 0, "what was said is said again"
    for subject in (sub.id, world.car.id, world.van.id):
        assert world.revoke(world.alice, subject=subject).code == 0
    assert len(world.state.revoked_subjects) == 5
    same_when_replayed(world)


def test_a_name_that_becomes_known_makes_room_for_another(monkeypatch: pytest.MonkeyPatch) -> None:  # [MAN-8]
    world = Fleet(monkeypatch)
    for number in range(2):
        world.revoke(world.alice, subject=stranger(number))
    assert world.revoke(world.alice, subject=stranger(2)).code == Code.FULL
    world.pass_time(HOUR_MS)
    first = world._known(Actor(id=stranger(0), key=SigningKey.from_seed(unknown(0)), owner=world.alice.id))
    refused = world.try_present(
        first, world.mandate(world.alice, first.id, not_before_ms=world.time_ms - HOUR_MS)
    )
    assert refused.code == Code.MANDATE_REVOKED
    world.present(first, world.mandate(world.alice, first.id, not_before_ms=world.time_ms))
    assert world.revoke(world.alice, subject=stranger(2)).code == 0
    assert world.revoke(world.alice, subject=stranger(3)).code == Code.FULL
    assert State.restore(world.state.snapshot()).beforehand.unknown == world.state.beforehand.unknown
    same_when_replayed(world)


def test_unknown_parties_are_lowered_up_to_a_limit_and_known_things_always(
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # [TRU-1]
    world = Fleet(monkeypatch)
    for number in range(2):
        assert world.lower(world.alice, stranger(number)).code == 0
    refused = world.lower(world.alice, stranger(2))
    assert (refused.code, refused.rule) == (Code.FULL, "TRU-1")
    assert world.lower(world.alice, stranger(1)).code == 0
    assert world.lower(world.alice, world.car.id).code == world.lower(world.alice, world.van.id).code == 0
    assert len(world.state.autonomy_caps) == 4
    same_when_replayed(world)


def test_a_later_erasure_takes_the_place_of_the_one_before() -> None:  # [PRI-4]
    world = World()
    alice = world.owner("alice")
    for _ in range(3):
        world.pass_time(HOUR_MS)
        assert world.erase(alice).code == 0
    assert dict(world.state.erasures) == {alice.id: world.time_ms}
