"""The scenario `purchase`: a few owners, sellers and buyers around one node, and everything in between."""

from collections.abc import Callable, Iterator

from thingmarket.billing.charges import Charges
from thingmarket.errors import Code
from thingmarket.identity.keys import SigningKey
from thingmarket.identity.parties import Role, party_id
from thingmarket.ids import NetworkId
from thingmarket.limits import HOUR_MS, MINUTE_MS, SECOND_MS
from thingmarket.market import books
from thingmarket.market.entries import RULES_NOW
from thingmarket.wire.log import genesis_body
from thingmarket_node.core.boot import genesis_group
from thingmarket_node.core.calls import NodeKeys
from thingmarket_node.core.messages import Now
from thingmarket_node.sim.actors import Client, Place
from thingmarket_node.sim.auditor import Auditor
from thingmarket_node.sim.buyers import Buyer, Delegator, Newborn
from thingmarket_node.sim.disk import Disk
from thingmarket_node.sim.faults import draw
from thingmarket_node.sim.machine import Machine
from thingmarket_node.sim.network import Network
from thingmarket_node.sim.owners import Owner
from thingmarket_node.sim.people import TAXES, Square, key_event, seed_of
from thingmarket_node.sim.sellers import Seller
from thingmarket_node.sim.signatures import Signatures
from thingmarket_node.sim.world import BEGIN_MS, Violation, World, require

NETWORK = NetworkId(b"simulated market")
_WATCH_MS = 15 * SECOND_MS
_SAFETY_MIN_MS, _SAFETY_MAX_MS = 90 * SECOND_MS, 8 * MINUTE_MS
_EVENTS_MAX = 60_000  # a hundred times what a run has; more is a storm
_PATIENCE_MS = 15 * MINUTE_MS  # within which a healed world answers every command
_SETTLED_MS = 6 * HOUR_MS  # and settles every contract, once its times are over; entry time may be ahead
_FORGET_MS = 26 * HOUR_MS


class Run:
    """One seed: a world with faults, then a healed one, then the last look."""

    def __init__(self, seed: int, trace: Callable[[str], None] | None = None) -> None:
        """Lay out the world that the seed describes."""
        self.world = world = World(seed, trace)
        self.faults = draw(world.random)
        self._healed_ms = 0
        signatures = Signatures()
        self.node_card = key_event(Role.NODE, "node", NETWORK)
        node = party_id(self.node_card.payload)
        keys = NodeKeys(
            node=node,
            network_id=NETWORK,
            identity=SigningKey.from_seed(seed_of("node")),
            log=SigningKey.from_seed(seed_of("node log")),
        )
        self.keys = keys
        self.disk = Disk(world)
        self.auditor = Auditor(world, keys, signatures)
        self.network = Network(world, self.faults)
        self.machine = Machine(
            world,
            keys=keys,
            disk=self.disk,
            faults=self.faults,
            auditor=self.auditor,
            signatures=signatures,
        )
        place = Place(
            world=world,
            network=self.network,
            machine=self.machine,
            auditor=self.auditor,
            signatures=signatures,
            network_id=NETWORK,
            node=node,
            node_key=keys.identity.public,
        )
        self.clients = self._people(place)

    def _people(self, place: Place) -> list[Client]:
        world, square = self.world, Square()
        homes = [Owner(place, f"buyers-{number}") for number in range(world.between(1, 2))]
        shops = [Owner(place, f"sellers-{number}") for number in range(world.between(1, 2))]
        sellers = [Seller(place, f"shop-{number}", shop, square) for number, shop in enumerate(shops)]
        buyers: list[Buyer] = []
        for number in range(world.between(1, 3)):
            home = homes[world.between(0, len(homes) - 1)]
            kind = (Buyer, Buyer, Delegator, Newborn)[world.between(0, 3)]
            buyer = kind(place, f"printer-{number}", home, square, sellers)
            buyers += [buyer, buyer.agent] if isinstance(buyer, Delegator) else [buyer]
        self._owners = [*homes, *shops]
        for home in homes:
            home.neighbours = [other for other in self._owners if other is not home]
        return [*self._owners, *sellers, *buyers]

    def marks(self) -> dict[str, int]:
        """How often rare things came about, so that a search that finds nothing is known to have looked."""
        memory, machine = self.auditor.reference.oracle.memory, self.machine
        parts = [part for sale in memory.sales.values() for part in sale.parts]
        states = [asked.state for asked in memory.waiting.values()]
        papers = [paper for of_seller in memory.papers.values() for paper in of_seller]
        standing = memory.standing.values()
        codes = [outcome.code for outcome in self.auditor.reference.outcomes]
        return {
            "entries": self.auditor.reference.seq,
            "contracts": len(memory.sales),
            "released": sum(part.state == "ACCEPTED" for part in parts),
            "failed": sum(part.state == "FAILED" for part in parts),
            "cancelled": sum(part.state == "CANCELLED" for part in parts),
            "in_parts": sum(len(sale.parts) > 1 for sale in memory.sales.values()),
            "late": sum(part.late_credit > 0 for part in parts),
            "refunds": sum(paper.corrects > 0 for paper in papers),
            "points_redeemed": sum(part.points > 0 for part in parts),
            "rated": len(memory.rated),
            "bought_again": sum(one.made for one in standing),
            "skipped": sum(one.skipped for one in standing),
            "approved": states.count("APPROVED"),
            "rejected": states.count("REJECTED"),
            "timed_out": states.count("TIMED_OUT"),
            "withdrawn": states.count("WITHDRAWN"),
            "approved_too_late": sum(asked.missed for asked in memory.waiting.values()),
            "approved_before": memory.served,
            "guards_tripped": codes.count(Code.GUARD_TRIPPED),
            "wrong_codes": codes.count(Code.WRONG_CLAIM_CODE),
            "claimed": len(memory.claimed),
            "lowered": len(memory.caps),
            "delegated": sum(len(given.chain) > 1 for given in memory.mandates.values()),
            "slots_taken": codes.count(Code.SLOT_TAKEN),
            "refused": sum(code != 0 for code in codes),
            "crashes": machine.crashes,
            **machine.marks,
            **self.auditor.marks,
        }

    # --- the two phases

    def events(self) -> Iterator[None]:
        """Let everything happen, one event after the other."""
        for _ in self._phases():
            require(self.world.events < _EVENTS_MAX, "storm", "too many events")
            yield

    def _phases(self) -> Iterator[None]:
        world = self.world
        self._begin()
        heal_ms = world.now_ms + world.between(_SAFETY_MIN_MS, _SAFETY_MAX_MS)
        while world.now_ms < heal_ms and world.step():
            yield
        self._heal()
        while not self._is_quiet():
            # What is bought in the healed world has its own times.
            too_late = world.now_ms >= self._healed_ms + _SETTLED_MS
            too_late = too_late and world.now_ms >= self._healed_ms + _SETTLED_MS + self._longest_ms()
            if too_late or not world.step():
                raise Violation("liveness", self._what_waits())
            yield
        yield from self._epilogue()
        self._last_look()

    def _begin(self) -> None:
        world = self.world
        body = genesis_body(
            network_id=NETWORK,
            node=self.node_card,
            currencies=("EUR",),
            tax_basis_points=TAXES,
            rules=RULES_NOW,
            charges=Charges(
                fee_basis_points=world.between(0, 900),
                reserve_basis_points=world.between(1, 2_500),
                reserve_days=1,
            ),
        )
        self.disk.write(genesis_group(body, Now(world.now_ms, 0)))
        self.disk.sync()
        self.machine.start()
        for client in self.clients:
            most_ms = self.faults.client_clock_max_ms
            client.clock_error_ms = world.between(-most_ms, most_ms)
        for owner in self._owners:
            world.after(world.between(0, 3_000), f"{owner.name} begins", owner.begin)
        self._plan_faults()
        world.after(_WATCH_MS, "watch", self._watch)

    def _plan_faults(self) -> None:
        world, faults, machine = self.world, self.faults, self.machine

        def some_time(name: str, act: Callable[[], None]) -> None:
            world.after(
                world.between(1_000, _SAFETY_MAX_MS), name, lambda: None if self._healed_ms else act()
            )

        for _ in range(faults.outages):
            some_time("outage", lambda: machine.crash("power"))
        for _ in range(faults.drains):
            some_time("drain", machine.drain)
        for _ in range(faults.clock_steps):
            by_ms = world.between(-faults.clock_step_max_ms, faults.clock_step_max_ms)
            some_time("clock", lambda by_ms=by_ms: machine.step_clock(by_ms))  # type: ignore[misc]
        for _ in range(faults.device_restarts):
            some_time("device", self.clients[world.between(0, len(self.clients) - 1)].restart)
        if world.chance(300):
            owner = self._owners[world.between(0, len(self._owners) - 1)]
            some_time("revoke", owner.revoke)

    def _watch(self) -> None:
        if self.machine.core is not None:
            self.auditor.observe(self.machine.now)
        if self._healed_ms:
            late_ms = self.world.now_ms - _PATIENCE_MS
            stuck = any(max(i.since_ms, self._healed_ms) < late_ms for c in self.clients for i in c.outbox)
            if stuck:
                raise Violation("liveness", self._what_waits())
        if not self._is_quiet():
            passed_ms = self.world.now_ms - BEGIN_MS
            self.world.after(max(_WATCH_MS, passed_ms // 20), "watch", self._watch)

    def _heal(self) -> None:
        self.world.note("healed")
        self._healed_ms = self.world.now_ms
        self.network.faults = self.machine.faults = self.faults.healed()

    def _longest_ms(self) -> int:
        memory = self.auditor.reference.oracle.memory
        offers = (listed.offer for listed in memory.offers.values())
        spans = (one.delivery_ms + one.terms.grace_ms + one.inspection_ms for one in offers)
        again = (one.wish.interval_ms * one.wish.occurrences_max for one in memory.standing.values())
        return max(spans, default=0) + max(again, default=0)

    def _is_quiet(self) -> bool:
        if not self._healed_ms or self.machine.core is None or not self.machine.core.is_idle:
            return False
        return all(client.is_done for client in self.clients) and not self.auditor.reference.oracle.open

    def _what_waits(self) -> str:
        waiting = [f"{c.name}: {i.type_id.name} x{i.tries}" for c in self.clients for i in c.outbox]
        return (
            f"{', '.join(waiting[:6]) or 'no command'}; {self.auditor.reference.oracle.open} contracts open"
        )

    def _epilogue(self) -> Iterator[None]:
        """In some runs, wait until answers are forgotten; then old copies must still do nothing."""
        world = self.world
        if not world.chance(150):
            return
        until_ms = world.now_ms + _FORGET_MS
        world.after(_FORGET_MS, "a day later", lambda: None)
        while world.now_ms < until_ms and world.step():
            yield
        if self.machine.core is None:
            return
        for client in self.clients:
            client.haunt()
        world.after(_WATCH_MS, "watch", self._watch)
        while not self._is_quiet() and world.step():
            yield

    def _last_look(self) -> None:
        """The same log once more from its first entry, with and without a snapshot."""
        core = self.machine.core
        assert core is not None, "quiet means up"
        self.auditor.kept()
        reference = self.auditor.reference
        require(core.state.seq == reference.seq, "log-kept", "the live state is ahead of an idle disk")
        root = reference.market.state.state_root()
        require(core.state.state_root() == root, "replay", "the live state is another than the log's")
        wrong = next(books.violations(core.state), "")
        require(not wrong, "books", wrong)
        self.disk.keep_snapshot(core.durable, core.state.snapshot())
        self.machine.crash("the end")
        self.machine.start()
        self.disk.snapshots.clear()
        self.machine.crash("the end, without snapshots")
        self.machine.start()
        self.world.note(f"state {root.hex()}")


def hours(run: Run) -> float:
    """Virtual hours that a run took."""
    return (run.world.now_ms - BEGIN_MS) / HOUR_MS
