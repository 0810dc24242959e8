"""Which signatures the gate asks for before a chain of mandates is looked at. [MAN-3]"""

from dataclasses import replace
from itertools import pairwise

from pytest import raises

from tests.builders import Actor, World
from thingmarket.errors import Code, Refusal
from thingmarket.identity import did
from thingmarket.identity.envelope import Signed, TypeId, sign
from thingmarket.identity.keys import SigningKey, verify
from thingmarket.market.entries import Command
from thingmarket.wire.log import read_entry
from thingmarket_node.core.gate_checks import signature_checks

KEYS = [SigningKey.from_seed(bytes([number]) * 32) for number in range(1, 5)]
STRANGER = KEYS[3]


def actors(owner: Actor) -> list[Actor]:
    return [Actor(id=did.encode(key.public), key=key, owner=owner.id) for key in KEYS[:3]]


def chain_of(world: World, owner: Actor, things: list[Actor]) -> list[Signed]:
    links = [world.mandate(owner, things[0].id)]
    for giver, taker in pairwise(things):
        links.append(world.delegated(links[-1], giver, taker.id))
    return links


def presented(world: World, thing: Actor, links: list[Signed]) -> Command:
    world.try_present(thing, *links)
    content = read_entry(world.log[-1]).content
    assert isinstance(content, Command)
    return content


def all_good(world: World, thing: Actor, links: list[Signed]) -> bool:
    checks = signature_checks(world.state, presented(world, thing, links), thing.key.public)
    return all(verify(one.public_key, one.message, one.signature) for one in checks)


def test_each_link_must_be_signed_by_its_issuer() -> None:
    world = World()
    owner = world.owner("ann")
    things = actors(owner)
    links = chain_of(world, owner, things)
    for length in (1, 2, 3):
        thing, chain = things[length - 1], links[:length]
        assert all_good(world, thing, chain)
        by_stranger = sign(TypeId.MANDATE, chain[-1].payload, STRANGER)
        with raises(Refusal) as caught:
            all_good(world, thing, [*chain[:-1], by_stranger])
        assert caught.value.number == Code.BAD_SIGNATURE
        hint = chain[-1].signatures[0].key_hint
        forged = by_stranger._replace(signatures=(by_stranger.signatures[0]._replace(key_hint=hint),))
        assert not all_good(world, thing, [*chain[:-1], forged])


def test_a_thing_with_a_weak_key_cannot_delegate() -> None:
    # Anybody can sign for a key of small order.
    world = World()
    owner = world.owner("ann")
    things = actors(owner)
    things[0] = replace(things[0], id=did.encode(bytes(31) + b"\x80"))
    with raises(Refusal) as caught:
        all_good(world, things[1], chain_of(world, owner, things[:2]))
    assert caught.value.number == Code.WEAK_KEY
