"""What goes into the core and what comes out: inputs and effects, as values. [LOG-3]"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from thingmarket.audit.receipts import Receipt
from thingmarket.catalog.offers import Offer
from thingmarket.contract.approvals import PendingOrder
from thingmarket.contract.contract import Contract
from thingmarket.errors import Refusal
from thingmarket.identity.envelope import Signed
from thingmarket.identity.handshake import Hello
from thingmarket.ids import Digest, PartyId
from thingmarket.market.entries import Command, Notice, Outcome
from thingmarket.market.order_records import Seat
from thingmarket.policy.decision import Decision
from thingmarket.trading.commands import ListedMarket
from thingmarket.trading.terms import MarketTerms
from thingmarket_node.core.books import BookSeen
from thingmarket_node.core.sessions import Grant
from thingmarket_node.groups import Group, Head

CallId = int
"""Number that the shell gives to each waiting caller."""


@dataclass(frozen=True, slots=True)
class Now:
    """The wall clock in Unix milliseconds and a clock that never jumps, in milliseconds."""

    wall_ms: int
    monotonic_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedPart:
    """Bytes for the vault, which a command refers to by commitment."""

    salt: bytes
    data: bytes
    retention: int


# --- inputs


@dataclass(frozen=True, slots=True)
class SayHello:
    """A caller asks for a challenge; `nonce` is 32 fresh random bytes."""

    call: CallId
    hello: Hello
    nonce: bytes


@dataclass(frozen=True, slots=True)
class ShowProof:
    """A caller answers a challenge; `session` (16) and `token` (32) are fresh random bytes."""

    call: CallId
    proof: Signed
    session: bytes
    token: bytes


@dataclass(frozen=True, slots=True)
class Submit:
    """A caller hands over a signed command."""

    call: CallId
    token: bytes
    command: Signed
    sealed: tuple[SealedPart, ...] = ()


@dataclass(frozen=True, slots=True)
class Verified:
    """The shell verified the signatures of a call."""

    call: CallId
    good: bool


@dataclass(frozen=True, slots=True)
class Sealed:
    """The vault holds the sealed parts of a call, durably; or it could not."""

    call: CallId
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Collected:
    """The payment rail collected the money of a call; or it refused."""

    call: CallId
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Durable:
    """The journal wrote a group."""

    number: int


@dataclass(frozen=True, slots=True)
class SnapshotSaved:
    """The journal has the snapshot that it was given, and takes the next."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The journal failed or cannot tell: nothing more will be acknowledged."""


@dataclass(frozen=True, slots=True)
class Wake:
    """The time that a `WakeAt` asked for has come."""


@dataclass(frozen=True, slots=True)
class Drain:
    """Take no more calls; finish those that wait."""


@dataclass(frozen=True, slots=True)
class Together:
    """Inputs that came at once: what they bring to the log becomes one group."""

    inputs: tuple["OneInput", ...]


OneInput = (
    SayHello
    | ShowProof
    | Submit
    | Verified
    | Sealed
    | Collected
    | Durable
    | SnapshotSaved
    | Failed
    | Wake
    | Drain
)
Input = OneInput | Together


# --- effects


@dataclass(frozen=True, slots=True)
class Check:
    """One signature to verify."""

    public_key: bytes
    message: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class VerifyAll:
    """Verify all of these and answer with `Verified`."""

    call: CallId
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Seal:
    """Put parts into the vault under an owner's keys and answer with `Sealed` once durable."""

    call: CallId
    owner: PartyId
    parts: tuple[SealedPart, ...]


@dataclass(frozen=True, slots=True)
class Collect:
    """Ask the payment rail for an owner's money, once for a request, and answer with `Collected`."""

    call: CallId
    owner: PartyId
    request: Digest
    currency: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Append:
    """Write a group to the journal and answer with `Durable` or `Failed`."""

    group: Group


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The durable answer to a command that was not refused.

    `statuses` are those of a frame of orders; `events` what it did in the books, told once. [MKT-7]
    """

    seq: int
    reference: bytes
    receipt: Receipt
    decision: Decision | None = None
    pending: bool = False
    statuses: bytes = b""
    events: bytes = b""
    events_cut: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer a call; `after_seq` must be durable."""

    call: CallId
    answer: Accepted | Grant | Signed
    after_seq: int


@dataclass(frozen=True, slots=True)
class Refuse:
    """Refuse a call; `after_seq` must be durable, 0 for refusals before the log."""

    call: CallId
    refusal: Refusal
    after_seq: int = 0
    receipt: Receipt | None = None
    decision: Decision | None = None
    node_time: Signed | None = None


@dataclass(frozen=True, slots=True)
class Tell:
    """Notices of a durable group, with their outcomes' bytes for the projection, and its watched books."""

    seq: int
    notices: tuple[Notice, ...]
    outcomes: tuple["Published", ...]
    books: tuple[BookSeen, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Traded:
    """Which markets an entry traded in, and who and for whom by the slots of the orders, right after it."""

    markets: Mapping[int, tuple[ListedMarket, MarketTerms]]
    seats: Mapping[int, Seat]
    numbers: Mapping[PartyId, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One durable outcome, and the rows that it is about as they were right after its entry.

    `owner` is for whom the sender acted, `listing` what a purchase was of, `trades` the contracts that
    changed, each with its offer and what of it was refunded in minor units, `floor` what the trades of its
    events are of, None without any, `waiting` the orders that began to wait, heard a word or wait no more,
    `forgotten` what nobody needs of those that came to nothing.
    """

    seq: int
    time_ms: int
    sender: str
    body: bytes
    outcome: Outcome
    command: Command | None = None
    owner: str = ""
    listing: Offer | None = None
    trades: tuple[tuple[Contract, Offer, int], ...] = ()
    floor: Traded | None = None
    waiting: tuple[PendingOrder, ...] = ()
    forgotten: tuple["ForgetSealed", ...] = ()


@dataclass(frozen=True, slots=True)
class EraseSealed:
    """Destroy what the vault holds of an owner, as far as retention allows.

    `repeated` by a restart, which cannot know whether it was done before.
    """

    owner: PartyId
    time_ms: int
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class ForgetSealed:
    """Erase what was sealed for an order that came to nothing; what is older was sealed for another one."""

    commitments: tuple[bytes, ...]
    since_ms: int


@dataclass(frozen=True, slots=True)
class SaveSnapshot:
    """Keep the state after the group at `head`, and answer with `SnapshotSaved`.

    Its parts are written as they are asked for; with `on_top` they are the changes since the last one.
    """

    head: Head
    parts: Iterator[bytes]
    on_top: bool


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Call with `Wake` at this wall clock time, instead of an earlier wish."""

    time_ms: int


@dataclass(frozen=True, slots=True)
class ClockJumped:
    """The wall clock moved against the monotonic one; sequencing stopped until a restart confirms it."""

    jump_ms: int


Effect = (
    VerifyAll
    | Seal
    | Collect
    | Append
    | Reply
    | Refuse
    | Tell
    | EraseSealed
    | ForgetSealed
    | SaveSnapshot
    | WakeAt
    | ClockJumped
)
