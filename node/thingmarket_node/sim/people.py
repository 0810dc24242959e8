"""What owners and things have in common, and where they meet."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from thingmarket.catalog.offers import Offer
from thingmarket.contract.approvals import Approve, PendingOrder
from thingmarket.identity import did
from thingmarket.identity.envelope import Signed, TypeId, sign
from thingmarket.identity.keys import SigningKey
from thingmarket.identity.mandates import Action
from thingmarket.identity.parties import KeyEvent, Role
from thingmarket.ids import Digest, Key, NetworkId, PartyId
from thingmarket.limits import DAY_MS, SECOND_MS
from thingmarket.market.state import State
from thingmarket.wire import identity
from thingmarket.wire.approvals import approve_body
from thingmarket_node.sim.actors import Client, Outcome, Place, Then
from thingmarket_node.sim.oracle.memory import Memory
from thingmarket_node.sim.world import BEGIN_MS

if TYPE_CHECKING:
    from thingmarket_node.sim.owners import Owner

TAXES: Final = (("DE:S", 1_900), ("FR:S", 2_000), ("S", 1_900), ("Z", 0))
RATES: Final = dict(TAXES)
CATEGORY: Final = "44103105"


def seed_of(name: str) -> bytes:
    """The key seed of somebody; the same in every run, since keys are not what is tested."""
    return sha256(b"thingmarket simulation " + name.encode()).digest()


def key_event(role: Role, name: str, network_id: NetworkId) -> Signed:
    """Event 0 of an owner or a node."""
    key = SigningKey.from_seed(seed_of(name))
    is_node = role is Role.NODE
    event = KeyEvent(
        role=role,
        network_id=network_id,
        identity_key=key.public,
        log_key=SigningKey.from_seed(seed_of(f"{name} log")).public if is_node else b"",
        tls_key=SigningKey.from_seed(seed_of(f"{name} tls")).public if is_node else b"",
        created_ms=BEGIN_MS - DAY_MS,
        nonce=seed_of(name)[:12],
        signed_bytes=b"",
    )
    return sign(TypeId.KEY_EVENT, identity.key_event_payload(event), key)


class Square:
    """What people tell each other without the node: offers, orders, parcels."""

    def __init__(self) -> None:
        """Start with nothing to talk about."""
        self.offers: list[tuple[Digest, Offer]] = []
        self.people: dict[PartyId, Person] = {}
        self.traded: set[bytes] = set()  # contracts of trades that both sides know of


class Person(Client):
    """Somebody who knows the durable log, and says one thing after the other."""

    @property
    def state(self) -> State:
        """The market as its durable log tells it."""
        return self.place.auditor.reference.market.state

    @property
    def memory(self) -> Memory:
        """What the oracle remembers of it."""
        return self.place.auditor.reference.oracle.memory

    def later(self, least_s: int, most_s: int, act: Callable[[], Any]) -> None:
        """Do something within a span of time, restarts or not."""
        delay_ms = self.world.between(least_s, most_s) * SECOND_MS
        self.world.after(delay_ms, f"{self.name} acts", act)

    def tell(
        self, type_id: TypeId, body: Any, write: Callable[[Any], bytes], then: Then | None = None
    ) -> None:
        """Send a body, whose key is filled in when it is first sent."""
        self.send(type_id, lambda key: write(replace(body, key=key)), then or ignored)

    def say(self, order: PendingOrder, *, approved: bool, then: Then, hostile: bool = False) -> None:
        """Send a word about an order that waits."""

        def make(key: Key) -> bytes:
            word = Approve(key=key, pending=order.id, body_digest=order.body_digest, approved=approved)
            return approve_body(word)

        self.send(TypeId.APPROVE, make, then, hostile=hostile)


def ignored(outcome: Outcome) -> None:
    """Nobody waits for this answer."""


class Thing(Person):
    """Acts under a mandate of its owner."""

    actions: tuple[Action, ...] = ()
    haste = 1  # how many times more orders a thing may have than one that only buys

    def __init__(self, place: Place, name: str, owner: "Owner", square: Square) -> None:
        """Wait for a mandate."""
        key = SigningKey.from_seed(seed_of(name))
        super().__init__(place, name, did.encode(key.public), key)
        self.owner, self.square = owner, square
        self.cosigners: list[Owner] = []
        self.chain: tuple[Signed, ...] = ()
        self.worked = False
        owner.things.append(self)

    @property
    def root(self) -> PartyId:
        """The thing whose state counts for this one: itself, or the one that it has its authority of."""
        return self.party

    def begin(self) -> None:
        """Its owner is admitted: show the mandate that he has for it."""
        self.receive(self.owner.mandate(self))

    def receive(self, *chain: Signed) -> None:
        """Show a chain to the node, and work under it from then on."""

        def presented(outcome: Outcome) -> None:
            if not outcome.code:
                self.leaf, self.chain = outcome.reference, chain
                self.presented()

        self.send(TypeId.PRESENT_MANDATE, lambda key: identity.present_mandate_body(key, chain), presented)

    def presented(self) -> None:
        """The node knows the chain; begin to work, if that is the first one."""
        if not self.worked:
            self.worked = True
            self.work()

    def work(self) -> None:
        """Begin with what the thing is there for."""
