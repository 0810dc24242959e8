"""Where numbers end: answers of one sender, money of a node, goods of a product, the first entry."""

from dataclasses import replace
from typing import Any

import pytest

from tests.builders import BEGIN_MS, NETWORK, TAXES, World
from thingmarket.errors import Code, Refusal
from thingmarket.identity.mandates import Action, Autonomy, BoundItem
from thingmarket.identity.scopes import Scope
from thingmarket.ids import Digest, Key, PartyId, make_key
from thingmarket.limits import ANSWERS_OF_OPERATOR_MAX, ANSWERS_PER_SENDER_MAX, INTEGER_MAX, LEDGER_AMOUNT_MAX
from thingmarket.market.answers import Answers, forget_time_ms
from thingmarket.market.entries import RULES_NOW, Genesis
from thingmarket.market.market import RULES_KNOWN, Market
from thingmarket.market.records import Answer
from thingmarket.settlement.escrow import TransferCode, derived_id_of
from thingmarket.tables import Table, UndoLog
from thingmarket.wire.log import genesis_body, read_entry, read_genesis

SENDER = PartyId("did:key:sender")
ANSWER = Answer(
    body_digest=Digest(bytes(32)),
    signed_digest=Digest(bytes(32)),
    seq=1,
    time_ms=BEGIN_MS,
    forget_ms=forget_time_ms(BEGIN_MS),
    code=0,
    reason="",
    rule="",
    reference=b"",
)


def key(number: int) -> Key:
    return make_key(BEGIN_MS, number.to_bytes(10, "big"))


def full_answers(sender: PartyId, count: int) -> Answers:
    answers = Answers(Table(name="answers", key=tuple[PartyId, Key], value=Answer, undo=UndoLog()))
    for number in range(count):
        answers.remember(sender, key(number), ANSWER)
    return answers


def test_a_sender_with_too_many_answers_waits_until_some_are_forgotten() -> None:  # [ID-13]
    answers = full_answers(SENDER, ANSWERS_PER_SENDER_MAX - 1)
    fresh = key(ANSWERS_PER_SENDER_MAX)
    assert answers.recall(SENDER, fresh, Digest(bytes(32)), BEGIN_MS) is None
    answers.remember(SENDER, key(ANSWERS_PER_SENDER_MAX - 1), ANSWER)
    with pytest.raises(Refusal) as caught:
        answers.recall(SENDER, fresh, Digest(bytes(32)), BEGIN_MS)
    assert caught.value.number == Code.BUSY
    assert answers.recall(SENDER, key(0), Digest(bytes(32)), BEGIN_MS) == ANSWER, "what was answered stays so"
    assert answers.recall(PartyId("another"), fresh, Digest(bytes(32)), BEGIN_MS) is None
    answers.forget_due(ANSWER.forget_ms)
    assert answers.recall(SENDER, fresh, Digest(bytes(32)), BEGIN_MS) is None


def test_the_operator_answers_for_the_deposits_of_all_owners() -> None:  # [ID-13]
    answers = full_answers(SENDER, ANSWERS_PER_SENDER_MAX)
    answers.operator = SENDER
    assert ANSWERS_OF_OPERATOR_MAX > ANSWERS_PER_SENDER_MAX
    assert answers.recall(SENDER, key(ANSWERS_PER_SENDER_MAX), Digest(bytes(32)), BEGIN_MS) is None


def test_all_the_money_of_a_node_stays_below_2_to_the_53() -> None:  # [SET-6]
    world = World()
    anna, bob = world.owner("anna", fund=INTEGER_MAX - 1), world.owner("bob")
    assert world.deposit(bob, 2).code == Code.OUT_OF_RANGE
    assert world.deposit(bob, 1).code == 0
    assert world.deposit(anna, 1).code == Code.OUT_OF_RANGE


def test_the_stock_ever_declared_of_a_product_stays_within_2_to_the_62() -> None:  # [SET-6]
    world = World()
    shop = world.thing("shop", world.owner("anna"))
    world.check = lambda: None  # type: ignore[method-assign]  # five hundred entries
    times = LEDGER_AMOUNT_MAX // INTEGER_MAX
    for _ in range(times):
        world.offer(shop, stock_steps=INTEGER_MAX, product_id="air")
    assert world.try_offer(shop, stock_steps=INTEGER_MAX, product_id="air").code == Code.OUT_OF_RANGE
    assert world.try_offer(shop, stock_steps=INTEGER_MAX, product_id="water").code == 0
    world.state.ledger.check_invariants(world.time_ms)


def test_the_ids_of_transfers_follow_from_their_cause_and_step_alone() -> None:  # [SET-5]
    causes = (b"a contract's id.", b"another one's id")
    named = {(cause, code): derived_id_of(cause, BEGIN_MS, code) for cause in causes for code in TransferCode}
    assert len(set(named.values())) == len(named)
    assert all(derived_id_of(cause, BEGIN_MS, code) == name for (cause, code), name in named.items())
    assert all(name[:6] == BEGIN_MS.to_bytes(6, "big") for name in named.values())


def test_the_first_entry_names_network_node_money_taxes_and_rules() -> None:  # [LOG-2]
    world = World()
    event = world.operator_event
    good: dict[str, Any] = {
        "network_id": NETWORK,
        "node": event,
        "currencies": ("EUR", "USD"),
        "tax_basis_points": TAXES,
        "rules": RULES_NOW,
    }
    genesis = read_genesis(genesis_body(**good))
    assert (genesis.network_id, genesis.currencies, genesis.rules) == (NETWORK, ("EUR", "USD"), RULES_NOW)
    assert genesis.node.signed_bytes == event.payload and dict(genesis.tax_basis_points) == dict(TAXES)
    assert world.state.parties[world.state.node].number == 1 and world.state.node == world.operator.id
    forged = event._replace(payload=event.payload[:-1] + bytes([event.payload[-1] ^ 1]))
    wrong = (
        ({"network_id": bytes(16)}, Code.WRONG_NETWORK),
        ({"node": forged}, Code.BAD_SIGNATURE),
        ({"currencies": ("EUR", "EUR")}, Code.BAD_FIELD),
        ({"currencies": ("XXX",)}, Code.UNKNOWN_CURRENCY),
        ({"tax_basis_points": (("S", 10_001),)}, Code.OUT_OF_RANGE),
    )
    for change, code in wrong:
        with pytest.raises(Refusal) as caught:
            read_genesis(genesis_body(**{**good, **change}))
        assert caught.value.number == code, change


def test_an_agreed_item_in_a_larger_unit_is_another_item() -> None:  # [ITM-1]
    """1,500 steps of watt-hours were agreed; the same number of megawatt-hours is not."""
    world = World()
    seller, buyer = world.owner("seller"), world.owner("buyer", fund=1_000_000_00)
    shop = world.thing("shop", seller)
    energy = BoundItem(
        product_id="energy",
        sellers=Scope(include=(seller.id,)),
        currency="EUR",
        max_unit_price_minor=16_00,
        max_quantity_steps=1_500,
        unit="KWH",
        unit_scale=3,
    )
    heater = world.thing(
        "heater",
        buyer,
        autonomy=Autonomy.BOUND,
        actions=(Action.BUY, Action.ACCEPT_DELIVERY),
        bound_items=(energy,),
    )
    agreed: dict[str, Any] = {"product_id": "energy", "unit": "KWH", "price_minor": 16_00}
    agreed |= {"max_steps": 10_000, "stock_steps": 10_000}
    honest = world.offer(shop, **agreed, unit_scale=3, price_base_steps=1_000)
    swollen = world.offer(shop, **{**agreed, "unit": "MWH"}, unit_scale=0, price_base_steps=1)
    coarse = world.offer(shop, **agreed, unit_scale=0, price_base_steps=1)
    assert world.buy(heater, honest, 1_500).code == 0
    for offer in (swollen, coarse):
        outcome = world.buy(heater, offer, 1_500)
        assert (outcome.code, outcome.rule) == (Code.DENIED, "ITM-1")


@pytest.mark.parametrize("rules", [2, RULES_KNOWN[-1] + 1])
def test_a_log_of_rules_that_this_version_does_not_know_is_refused_in_words(rules: int) -> None:  # [LOG-7]
    world = World()
    genesis = read_entry(world.log[0])
    assert isinstance(genesis.content, Genesis)
    with pytest.raises(Refusal, match=f"rules {rules}, this version knows 3; run the version") as caught:
        Market().apply(replace(genesis, content=replace(genesis.content, rules=rules)))
    assert (caught.value.number, caught.value.rule) == (Code.OUT_OF_RANGE, "LOG-7")
