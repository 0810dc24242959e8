"""What goes into the market and what comes out: entries, commands, outcomes."""

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from thingmarket.billing.charges import NO_CHARGES, Charges
from thingmarket.identity.envelope import Signed, TypeId
from thingmarket.identity.headers import Header
from thingmarket.identity.mandates import Approval
from thingmarket.identity.parties import KeyEvent
from thingmarket.identity.things import NO_PROBATION, Probation
from thingmarket.ids import Digest, Key, PartyId
from thingmarket.policy.decision import Decision
from thingmarket.time import UnixMs
from thingmarket.values import quick

if TYPE_CHECKING:
    from thingmarket.market.bodies import Body
    from thingmarket.trading.commands import DerivedState


class EntryKind(IntEnum):
    """Kinds of log entries; the numbers stand in the log for ever. [LOG-1]"""

    GENESIS = 1
    COMMAND = 2
    TIMERS_DUE = 3
    RULES = 4
    DERIVED = 5


RULES_NOW = 3
"""Number of the behaviour that a new log starts with; every released number stays readable."""


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A signed command whose signature was verified, as a value beside its exact bytes."""

    type_id: TypeId
    header: Header
    body: "Body"
    key: Key
    body_digest: Digest
    approvals: tuple[tuple[Approval, Signed], ...]
    signed: Signed
    signed_digest: Digest
    signed_bytes: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Genesis:
    """What a network and its first node are: the first entry."""

    network_id: bytes
    node: KeyEvent
    currencies: tuple[str, ...]
    tax_basis_points: tuple[tuple[str, int], ...]
    rules: int
    probation: Probation = NO_PROBATION
    charges: Charges = NO_CHARGES


@dataclass(frozen=True, slots=True)
class TimersDue:
    """Fires every deadline up to the entry's time, in the order (deadline, kind, id)."""


@dataclass(frozen=True, slots=True)
class RulesSwitch:
    """Changes the number of the behaviour."""

    rules: int


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One position of the log; time and content are all that the market ever learns."""

    seq: int
    time_ms: UnixMs
    content: "Genesis | Command | TimersDue | RulesSwitch | DerivedState"


class NoticeKind(IntEnum):
    """What a notice is about."""

    CONTRACT = 1
    OFFER = 2
    NEED = 3
    MANDATE = 4
    BALANCE = 5
    APPROVAL = 6
    FACTS = 9
    INVOICE = 10
    THING = 7
    GUARD = 8
    FEEDBACK = 11
    STANDING_ORDER = 12
    EXCHANGE = 13
    SHADOW = 14
    FILL = 15
    MARKET = 16


@quick
@dataclass(frozen=True, slots=True)
class Notice:
    """Tells an owner and his things that something of his changed."""

    owner: PartyId
    kind: NoticeKind
    reference: bytes
    state: str


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an entry came to. `code` is 0 or the number of the refusal, which changed nothing.

    `pending` means that `reference` is an order that waits for an approval. `statuses` has four bytes for
    each order of a frame; `events` are the packed records of what happened in the books. [MKT-7]
    """

    seq: int
    code: int = 0
    reason: str = ""
    rule: str = ""
    reference: bytes = b""
    decision: Decision | None = None
    notices: tuple[Notice, ...] = ()
    pending: bool = False
    statuses: bytes = b""
    events: bytes = b""
