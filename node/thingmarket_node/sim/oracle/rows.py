"""What the oracle remembers of each thing that it was told of."""

from dataclasses import dataclass, field

from thingmarket.billing.commands import OpenProgramme
from thingmarket.catalog.needs import Need
from thingmarket.catalog.offers import Offer
from thingmarket.contract.orders import Purchase
from thingmarket.contract.standing import OpenStandingOrder
from thingmarket.identity.mandates import Action, Autonomy, Mandate, SpendingLimit, mandate_digest
from thingmarket.identity.things import RegisterDevice
from thingmarket.ids import ContractId, Digest, PartyId


@dataclass(slots=True)
class Listed:
    """An offer, its stock that is left, and what has become of it."""

    offer: Offer
    seller: PartyId
    owner: PartyId
    leaf: bytes
    left: int
    state: str = "LIVE"


@dataclass(slots=True)
class Wanted:
    """A need, what has become of it, and the contract that filled it."""

    need: Need
    announcer: PartyId
    owner: PartyId
    state: str = "LIVE"


@dataclass(slots=True)
class Count:
    """What was spent under one link, by the day and month in which it was ordered; minor units."""

    days: dict[int, int] = field(default_factory=dict)
    months: dict[int, int] = field(default_factory=dict)
    orders: dict[int, int] = field(default_factory=dict)
    total: int = 0
    reserved: int = 0
    open_orders: int = 0
    open_holds: int = 0
    open_minor: int = 0


@dataclass(slots=True)
class Given:
    """A presented chain of links, root first."""

    chain: tuple[Mandate, ...]
    alive: bool = True

    @property
    def leaf(self) -> Digest:
        """Its name."""
        return mandate_digest(self.chain[-1])

    @property
    def links(self) -> list[Digest]:
        """Names of all its links, root first."""
        return [mandate_digest(link) for link in self.chain]

    @property
    def owner(self) -> PartyId:
        """For whom it acts."""
        return self.chain[0].root_owner

    @property
    def thing(self) -> PartyId:
        """The thing at its root."""
        return self.chain[0].subject

    @property
    def expires_ms(self) -> int:
        """When it ends by itself."""
        return min(link.expires_ms for link in self.chain)

    @property
    def autonomy(self) -> Autonomy:
        """The lowest level of its links."""
        return min(link.autonomy for link in self.chain)

    def lists(self, action: Action) -> bool:
        """Whether every link permits an action."""
        return all(action in link.actions for link in self.chain)

    def limits(self, currency: str) -> list[SpendingLimit]:
        """The limit of every link that has one."""
        return [one for link in self.chain for one in link.limits if one.currency == currency]

    def cosigners(self) -> set[PartyId]:
        """Whose word counts: the owner's, and of those that every link names."""
        named = [set(link.cosigners) for link in self.chain]
        return {self.owner, *set.intersection(*named)}

    @property
    def quorum(self) -> int:
        """How many have to say yes."""
        return max(link.cosign_quorum for link in self.chain)

    @property
    def patience_ms(self) -> int:
        """How long an order waits for them."""
        return min(link.cosign_ttl_ms for link in self.chain)


@dataclass(slots=True)
class Part:
    """A unit of a sale."""

    number: int
    steps: int
    net: int
    tax: int
    deliver_by_ms: int
    points: int = 0
    state: str = "PLANNED"
    inspect_by_ms: int = 0
    late_credit: int = 0
    invoice: int = 0

    @property
    def total(self) -> int:
        """What it costs, minor units."""
        return self.net + self.tax

    @property
    def final(self) -> bool:
        """Whether nothing more may happen to it."""
        return self.state in ("ACCEPTED", "FAILED", "CANCELLED")

    @property
    def due_ms(self) -> int:
        """Its open deadline, before any grace; 0 when it has none."""
        return 0 if self.final else self.inspect_by_ms or self.deliver_by_ms


@dataclass(slots=True)
class Sale:
    """A contract."""

    name: ContractId
    buyer: PartyId
    buyer_owner: PartyId
    leaf: bytes
    offer: Digest
    quantity: int
    total: int
    need: bytes
    made_ms: int
    seq: int
    parts: list[Part]
    state: str = "ACTIVE"
    traded: Listed | None = None  # what a trade with escrow promises: nobody published it
    market: int = 0

    @property
    def is_open(self) -> bool:
        """Whether escrow may hold something."""
        return self.state in ("PENDING", "ACTIVE")


@dataclass(slots=True)
class Asked:
    """An order that waits or waited for those who `may` speak; `missed` when approved, yet not made."""

    purchase: Purchase
    digest: Digest
    buyer: PartyId
    given: Given
    day: int
    month: int
    due_ms: int
    may: set[PartyId]
    said: set[PartyId]
    state: str = "PENDING"
    missed: bool = False
    serves_until_ms: int = 0
    contract: bytes = b""


@dataclass(slots=True)
class Standing:
    """A standing order."""

    name: bytes
    wish: OpenStandingOrder
    buyer: PartyId
    owner: PartyId
    leaf: bytes
    next_ms: int
    state: str = "ACTIVE"
    made: int = 0
    skipped: int = 0
    refused: int = 0
    last: bytes = b""


@dataclass(slots=True)
class Body:
    """A thing as its owner has it, and what guards learnt of it."""

    state: str
    handed: bool = False
    orders_ms: list[int] = field(default_factory=list)
    bought: dict[str, list[int]] = field(default_factory=dict)


@dataclass(slots=True)
class Device:
    """A device that nobody claimed."""

    said: RegisterDevice
    claim_by_ms: int
    tries: int = 0


@dataclass(slots=True)
class Seat:
    """Where a party stands as one that places orders."""

    leaf: bytes = b""
    last_counter: int = 0
    last_frame: int = 0


@dataclass(slots=True)
class Paper:
    """An invoice, or a credit note when it corrects one; amounts in minor units."""

    payable: int
    net: int
    tax: int
    fee: int
    points: int
    corrects: int = 0
    refunded: int = 0


@dataclass(slots=True)
class Points:
    """A programme of a seller."""

    terms: OpenProgramme
    has: dict[PartyId, int] = field(default_factory=dict)
    owes: dict[PartyId, int] = field(default_factory=dict)
    idle_ms: dict[PartyId, int] = field(default_factory=dict)
