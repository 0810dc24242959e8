"""Facts that are asked of the seller: the table in every state, what an answer changes, and its limits."""

from itertools import product
from typing import Any

import pytest

from tests.builders import Actor, World
from thingmarket.catalog.attributes import Attribute, ScaledInteger
from thingmarket.catalog.needs import Comparison, Constraint
from thingmarket.catalog.questions import QUESTION, AnswerFacts, AskFacts, QuestionState
from thingmarket.errors import Code, Refusal
from thingmarket.identity.envelope import TypeId
from thingmarket.identity.mandates import Action
from thingmarket.identity.scopes import Scope
from thingmarket.ids import Digest
from thingmarket.limits import DAY_MS, HOUR_MS, QUESTION_LIFE_MS
from thingmarket.market import facts, queries
from thingmarket.market.entries import NoticeKind, Outcome
from thingmarket.market.market import Market
from thingmarket.market.queries import reader_of
from thingmarket.market.state import State
from thingmarket.transitions import Role
from thingmarket.wire import catalog

RED = (Constraint("colour", Comparison.EQUAL, ("red",)),)


class Counter(World):
    """A printer asks, a shop answers; carol has to do with neither."""

    def __init__(self) -> None:
        super().__init__()
        self.alice, self.bob, self.carol = (
            self.owner("alice", fund=100_00),
            self.owner("bob"),
            self.owner("carol"),
        )
        self.printer, self.shop = self.thing("printer", self.alice), self.thing("shop", self.bob)
        self.stranger = self.thing("stranger", self.carol)
        self.ink = self.offer(self.shop, attributes=(Attribute("pages", ScaledInteger(200)),))

    def ask(self, *names: str, by: Actor | None = None, wait_ms: int = DAY_MS, **changes: Any) -> Outcome:
        question = AskFacts(
            **{
                "key": self.key(),
                "offer": self.ink,
                "names": names or ("colour",),
                "deadline_ms": self.time_ms + wait_ms,
                **changes,
            }
        )
        return self.send(by or self.printer, TypeId.ASK_FACTS, catalog.ask_facts_body(question))

    def answer(
        self, question: bytes, *attributes: Attribute, by: Actor | None = None, **changes: Any
    ) -> Outcome:
        answer = AnswerFacts(
            **{
                "key": self.key(),
                "question": question,
                "offer": self.ink,
                "attributes": attributes,
                **changes,
            }
        )
        return self.send(by or self.shop, TypeId.ANSWER_FACTS, catalog.answer_facts_body(answer))

    def question(self, *names: str, **changes: Any) -> Digest:
        outcome = self.ask(*names, **changes)
        assert outcome.code == 0, outcome
        return Digest(outcome.reference)

    def state_of(self, question: Digest) -> QuestionState:
        return self.state.questions[question].state


def test_a_purchase_that_lacked_a_fact_passes_once_the_seller_has_answered() -> None:  # [CAT-15] [CAT-17]
    world = Counter()
    need = world.need(world.printer, must=RED)
    assert world.buy(world.printer, world.ink, need=need).code == Code.FACTS_MISSING
    asked = world.ask()
    assert [(n.owner, n.kind, n.state) for n in asked.notices] == [
        (world.bob.id, NoticeKind.FACTS, "ASKED"),
        (world.alice.id, NoticeKind.FACTS, "ASKED"),
    ]
    answered = world.answer(asked.reference, Attribute("colour", "red"))
    assert answered.code == 0 and {n.state for n in answered.notices} == {"ANSWERED"}
    assert {n.owner for n in answered.notices} == {world.alice.id, world.bob.id}
    assert world.buy(world.printer, world.ink, need=need).code == 0


def test_an_answer_that_does_not_meet_the_need_keeps_the_purchase_out() -> None:  # [CAT-17]
    world = Counter()
    need = world.need(world.printer, must=RED)
    world.answer(world.question(), Attribute("colour", "blue"))
    assert world.buy(world.printer, world.ink, need=need).code == Code.NEED_NOT_MET


def test_every_message_in_every_state_of_a_question_does_what_the_table_says() -> None:  # [CAT-15] [CAT-16]
    roads = {
        QuestionState.ASKED: lambda world, question: None,
        QuestionState.ANSWERED: lambda world, question: world.answer(question, Attribute("colour", "red")),
        QuestionState.DECLINED: lambda world, question: world.answer(question),
        QuestionState.EXPIRED: lambda world, question: world.pass_time(DAY_MS),
    }
    assert set(roads) == set(QUESTION.states)
    rows = {(row.state, row.message): row for row in QUESTION.steps}
    for state, message, role in product(QUESTION.states, QUESTION.messages, (Role.BUYER, Role.SELLER)):
        world = Counter()
        question = world.question()
        roads[state](world, question)
        assert world.state_of(question) is state
        given = (Attribute("colour", "green"),) if message == "AnswerFacts" else ()
        outcome = world.answer(question, *given, by=world.shop if role is Role.SELLER else world.printer)
        row = rows.get((state, message))
        if row is not None and row.role is role:
            assert outcome.code == 0 and world.state_of(question) is row.then
        else:
            assert outcome.code == (Code.WRONG_STATE if row is None else Code.NOT_PERMITTED), outcome
            assert world.state_of(question) is state


def test_silence_ends_a_question_and_it_may_be_asked_again() -> None:  # [CAT-15]
    world = Counter()
    question = world.question(wait_ms=HOUR_MS)
    assert world.ask().code == Code.ALREADY_KNOWN
    world.pass_time(HOUR_MS)
    assert world.state_of(question) is QuestionState.EXPIRED
    assert world.answer(world.question(), Attribute("colour", "red")).code == 0


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"offer": b"x" * 32}, Code.UNKNOWN_OFFER),
        ({"names": ("pages",)}, Code.ALREADY_KNOWN),
        ({"names": ("colour", "weight")}, Code.ALREADY_KNOWN),  # the other one is asked already
        ({"wait_ms": 0}, Code.OUT_OF_RANGE),
        ({"wait_ms": QUESTION_LIFE_MS + 1}, Code.OUT_OF_RANGE),
    ],
)
def test_a_question_that_cannot_stand_is_refused(changes: dict[str, Any], code: Code) -> None:  # [CAT-15]
    world = Counter()
    world.question("weight")
    assert world.ask(**changes).code == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"names": ()}, Code.BAD_FIELD),
        ({"names": tuple(f"n{n}" for n in range(9))}, Code.BAD_FIELD),
        ({"names": ("b", "a")}, Code.BAD_FIELD),
        ({"names": ("a", "a")}, Code.BAD_FIELD),
        ({"names": ("price",)}, Code.BAD_FIELD),
        ({"names": ("Colour",)}, Code.BAD_FIELD),
        ({"offer": b"short"}, Code.BAD_ID),
        ({"key": b"short"}, Code.BAD_ID),
        ({"deadline_ms": 1}, Code.OUT_OF_RANGE),
    ],
)
def test_each_field_of_a_question_has_its_refusal(changes: dict[str, Any], code: Code) -> None:
    good: dict[str, Any] = {
        "key": bytes(16),
        "offer": bytes(32),
        "names": ("colour",),
        "deadline_ms": 1_800_000_000_000,
    }
    catalog.read_ask_facts(catalog.ask_facts_body(AskFacts(**good)))
    with pytest.raises(Refusal) as caught:
        catalog.read_ask_facts(catalog.ask_facts_body(AskFacts(**(good | changes))))
    assert caught.value.number == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"question": b"short"}, Code.BAD_ID),
        ({"offer": b"short"}, Code.BAD_ID),
        ({"key": b""}, Code.BAD_ID),
        ({"attributes": (Attribute("price", ScaledInteger(1)),)}, Code.BAD_FIELD),
        ({"attributes": tuple(Attribute(f"n{n}", True) for n in range(9))}, Code.BAD_FIELD),
        ({"attributes": (Attribute("b", True), Attribute("a", True))}, Code.BAD_FIELD),
        ({"attributes": (Attribute("colour", "r\u0435d"),)}, Code.CONFUSABLE),
    ],
)
def test_each_field_of_an_answer_has_its_refusal(changes: dict[str, Any], code: Code) -> None:
    good: dict[str, Any] = {"key": bytes(16), "question": bytes(32), "offer": bytes(32), "attributes": ()}
    catalog.read_answer_facts(catalog.answer_facts_body(AnswerFacts(**good)))
    with pytest.raises(Refusal) as caught:
        catalog.read_answer_facts(catalog.answer_facts_body(AnswerFacts(**(good | changes))))
    assert caught.value.number == code


def test_only_the_seller_answers_and_only_what_was_asked() -> None:  # [CAT-16]
    world = Counter()
    other = world.offer(world.shop)
    question, red = world.question(), Attribute("colour", "red")
    assert world.answer(question, red, by=world.stranger).code == Code.UNKNOWN_QUESTION
    assert world.answer(b"x" * 32, red).code == Code.UNKNOWN_QUESTION
    assert world.answer(question, red, offer=other).code == Code.BAD_FIELD
    assert world.answer(question, Attribute("size", "XL")).code == Code.BAD_FIELD
    assert world.answer(question, red, by=world.bob).code == 0  # the owner of the thing that sells


def test_an_owner_does_not_ask_himself_and_nobody_asks_for_an_ended_offer() -> None:  # [CAT-15] [CAT-16]
    world = Counter()
    assert world.ask(by=world.bob).code == world.ask(by=world.shop).code == Code.NOT_PERMITTED
    question = world.question()
    world.withdraw_offer(world.shop, world.ink)
    assert world.ask("weight").code == Code.OFFER_ENDED
    assert world.answer(question, Attribute("colour", "red")).code == Code.OFFER_ENDED
    world.pass_time(DAY_MS)
    assert world.state_of(question) is QuestionState.EXPIRED


def test_who_may_not_announce_or_deal_with_the_seller_does_not_ask() -> None:  # [CAT-15]
    world = Counter()
    mute = world.thing("mute", world.alice, actions=(Action.BUY,))
    wary = world.thing("wary", world.alice, counterparties=Scope(any=True, exclude=(world.bob.id,)))
    assert world.ask(by=mute).code == world.ask(by=wary).code == Code.DENIED


def test_answers_of_several_questions_add_up_and_never_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # [CAT-17]
    world = Counter()
    first, second = world.question("colour", "weight"), world.question("size")
    world.answer(second, Attribute("size", "XL"))
    world.answer(first, Attribute("colour", "red"))  # what was left out stays missing
    assert world.ask("colour").code == world.ask("size").code == Code.ALREADY_KNOWN
    offer = facts.stated(world.state, world.ink, world.state.offers[world.ink].offer)
    assert [fact.name for fact in offer.attributes] == ["colour", "pages", "size"]
    third = world.question("weight")
    monkeypatch.setattr(facts, "ANSWERED_FACTS_MAX", 2)
    assert world.answer(third, Attribute("weight", ScaledInteger(5, 0, "GRM"))).code == Code.FULL
    assert world.answer(third).code == 0


@pytest.mark.parametrize("most", ["QUESTIONS_MAX", "QUESTIONS_PER_OWNER_MAX", "QUESTIONS_PER_OFFER_MAX"])
def test_open_questions_are_limited(monkeypatch: pytest.MonkeyPatch, most: str) -> None:  # [CAT-15]
    world = Counter()
    question = world.question()
    monkeypatch.setattr(facts, most, 1)
    assert world.ask("weight").code == Code.FULL
    world.answer(question)
    assert world.ask("weight").code == (Code.FULL if most == "QUESTIONS_MAX" else 0)


def test_both_sides_list_their_questions_and_nobody_learns_who_asked() -> None:  # [QRY-8]
    world = Counter()
    first, second = world.question(), world.question("weight", by=world.carol)
    world.answer(second)

    def listed(actor: Actor, after_seq: int = 0) -> list[tuple[bytes, str, bool]]:
        views = queries.list_questions(world.state, reader_of(world.state, actor.id), after_seq)
        return [(view.digest, view.state.value, view.asked_by_us) for view in views]

    assert listed(world.shop) == listed(world.bob) == [(first, "ASKED", False), (second, "DECLINED", False)]
    assert listed(world.printer) == [(first, "ASKED", True)]
    assert listed(world.stranger) == [(second, "DECLINED", True)]
    assert listed(world.bob, world.state.questions[first].seq) == [(second, "DECLINED", False)]


def test_questions_and_answers_survive_a_snapshot_and_a_refusal() -> None:  # [CAT-17]
    world = Counter()
    world.answer(world.question(), Attribute("colour", "red"))
    question = world.question("weight")
    restored = State.restore(world.state.snapshot())
    assert restored.state_root() == world.state.state_root()
    assert queries.offer_view(restored, world.ink) == queries.offer_view(world.state, world.ink)
    assert restored.asked.open_names == world.state.asked.open_names == {(world.ink, "weight")}
    Market(restored)
    world.state.questions.drop(question)
    world.state.undo.roll_back()
    assert world.state.asked.open_names == {(world.ink, "weight")}
    assert world.state.asked.open_of[world.alice.id] == world.state.asked.open_at[world.ink] == 1
