"""All that the oracle remembers, and the plainest look-ups in it."""

from dataclasses import dataclass, field

from thingmarket.billing.charges import NO_CHARGES, Charges
from thingmarket.contract.approvals import PendingId
from thingmarket.contract.personas import Persona
from thingmarket.identity.mandates import Autonomy
from thingmarket.ids import ContractId, Digest, PartyId
from thingmarket.market.entries import Command
from thingmarket.policy.guards import GuardRules
from thingmarket.settlement.accounts import AccountKind
from thingmarket_node.sim.oracle.book import Book, Venue
from thingmarket_node.sim.oracle.rows import (
    Asked,
    Body,
    Count,
    Device,
    Given,
    Listed,
    Paper,
    Points,
    Sale,
    Seat,
    Standing,
    Wanted,
)
from thingmarket_node.sim.world import require

Account = tuple[AccountKind, PartyId, bytes]
"""Kind, owner, and what tells apart his accounts of that kind."""

ThingName = tuple[PartyId, PartyId]
"""Owner and thing."""


NOBODY = PartyId("")


@dataclass(frozen=True, slots=True)
class Booked:
    """What orders that rest may cost, and how many there are."""

    minor: int
    orders: int


@dataclass(slots=True)
class Memory:
    """One market, as told by its log."""

    node: PartyId = NOBODY
    rates: dict[str, int] = field(default_factory=dict)
    charges: Charges = NO_CHARGES
    owners: set[PartyId] = field(default_factory=set)
    accounts: dict[Account, int] = field(default_factory=dict)
    deposits: set[bytes] = field(default_factory=set)
    mandates: dict[bytes, Given] = field(default_factory=dict)
    counts: dict[Digest, Count] = field(default_factory=dict)
    revoked_links: set[tuple[PartyId, bytes]] = field(default_factory=set)
    revoked_ms: dict[ThingName, int] = field(default_factory=dict)
    caps: dict[ThingName, tuple[Autonomy, int]] = field(default_factory=dict)
    things: dict[ThingName, Body] = field(default_factory=dict)
    devices: dict[PartyId, Device] = field(default_factory=dict)
    claimed: dict[PartyId, PartyId] = field(default_factory=dict)
    guards: dict[ThingName, GuardRules] = field(default_factory=dict)
    personas: dict[tuple[PartyId, str], Persona] = field(default_factory=dict)
    agreed: set[tuple[PartyId, PartyId]] = field(default_factory=set)  # cosigner, owner
    offers: dict[Digest, Listed] = field(default_factory=dict)
    needs: dict[bytes, Wanted] = field(default_factory=dict)
    sales: dict[ContractId, Sale] = field(default_factory=dict)
    waiting: dict[PendingId, Asked] = field(default_factory=dict)
    standing: dict[bytes, Standing] = field(default_factory=dict)
    papers: dict[PartyId, list[Paper]] = field(default_factory=dict)
    points: dict[PartyId, Points] = field(default_factory=dict)
    reserves: dict[tuple[PartyId, int], int] = field(default_factory=dict)
    rated: dict[ContractId, str] = field(default_factory=dict)
    served: int = 0  # purchases that took the place of an approved order
    made: list[Sale] = field(default_factory=list)  # by the entry in hand
    numbers: dict[PartyId, int] = field(default_factory=dict)  # in the order in which they became known
    venues: dict[int, Venue] = field(default_factory=dict)
    book: Book = field(default_factory=Book)
    goods: dict[tuple[PartyId, str], int] = field(default_factory=dict)  # owner, product
    seats: dict[PartyId, Seat] = field(default_factory=dict)
    trade_fees: int = 0
    traded: int = 0
    halted: int = 0
    statuses: dict[str, int] = field(default_factory=dict)  # how often each was told
    swept: int = 0  # orders that left with the right to have them

    # --- money

    def held(self, kind: AccountKind, owner: PartyId, reference: bytes = b"") -> int:
        """What an account holds, minor units."""
        return self.accounts.get((kind, owner, reference), 0)

    def wallet(self, owner: PartyId) -> int:
        """What an owner can spend: all but what his resting orders hold."""
        return self.held(AccountKind.OWNER_WALLET, owner) - self.money_held(owner)

    def move(self, source: Account, target: Account, minor: int) -> None:
        """Money goes from one account to another; only the world outside may owe any."""
        require(minor >= 0, "money", f"{minor} would move")
        self.accounts[source] = self.accounts.get(source, 0) - minor
        self.accounts[target] = self.accounts.get(target, 0) + minor
        owed = self.accounts[source] < 0 and source[0] is not AccountKind.EXTERNAL
        require(not owed, "money", f"{source[0].name} was overdrawn")

    # --- what orders hold

    def money_held(self, owner: PartyId) -> int:
        """What an owner's resting orders may still cost."""
        return sum(one.money for one in self.book.orders if one.owner == owner)

    def goods_ordered(self, owner: PartyId, product: str) -> int:
        """What an owner's resting orders may still deliver."""
        mine = [one for one in self.book.orders if one.owner == owner]
        return sum(one.goods for one in mine if one.venue.listed.product_id == product)

    def goods_owed(self, owner: PartyId, product: str) -> int:
        """What an owner has sold with escrow, and its buyers do not have yet."""
        sold = [(sale, sale.traded) for sale in self.sales.values() if sale.traded is not None]
        mine = [sale for sale, what in sold if (what.owner, what.offer.product_id) == (owner, product)]
        return sum(part.steps for sale in mine for part in sale.parts if not part.final)

    def free_goods(self, owner: PartyId, product: str) -> int:
        """Goods of an owner that no order holds, and no buyer waits for."""
        bound = self.goods_ordered(owner, product) + self.goods_owed(owner, product)
        return self.goods.get((owner, product), 0) - bound

    def booked(self, link: bytes) -> Booked:
        """What rests under a link."""
        below = {leaf for leaf, given in self.mandates.items() if link in given.links}
        mine = [one for one in self.book.orders if one.leaf in below]
        return Booked(sum(one.money for one in mine), len(mine))

    def known(self, party: PartyId) -> None:
        """A party got its number, unless it had one."""
        self.numbers.setdefault(party, len(self.numbers) + 1)

    # --- who acts

    def acting(self, command: Command) -> tuple[PartyId | None, Given | None]:
        """For whom a sender acts, and under what; nobody when he may not act at all."""
        sender, leaf = command.header.sender, command.header.mandate_leaf
        if sender in self.owners:
            return (None if leaf else sender), None
        given = self.mandates.get(leaf)
        if given is None or not given.alive or given.chain[-1].subject != sender:
            return None, None
        return given.owner, given

    def promised(self, sale: Sale) -> Listed:
        """What a sale is of: an offer, or what the terms of its market say."""
        return sale.traded or self.offers[sale.offer]

    def side(self, sale: Sale, sender: PartyId, owner: PartyId) -> str:
        """Which side of a sale a sender speaks for: buyer, seller, or nobody's."""
        listed = self.promised(sale)
        if owner == sale.buyer_owner and sender in (sale.buyer, sale.buyer_owner):
            return "buyer"
        return "seller" if owner == listed.owner and sender in (listed.seller, listed.owner) else ""
