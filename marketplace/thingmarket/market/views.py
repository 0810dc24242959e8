"""What queries of the market answer, as values: whoever writes or reads them needs no state. [QRY-1]"""

from dataclasses import dataclass

from thingmarket.catalog.needs import Constraint, Need
from thingmarket.catalog.questions import QuestionState
from thingmarket.contract.approvals import PendingOrder
from thingmarket.contract.contract import Contract
from thingmarket.contract.personas import Persona
from thingmarket.ids import Digest, PartyId
from thingmarket.policy.spending import SpendingCounter


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What offers are looked for; what is empty is not asked.

    With a `need` the best for it are found, among offers in `currency`; `leave_out` is the number of a
    wish of it (from 1, musts first) that is not looked at: what it cost follows from that.
    """

    category: str = ""
    product_id: str = ""
    text: str = ""
    must: tuple[Constraint, ...] = ()
    currency: str = ""
    need: Need | None = None
    leave_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferView:
    """An offer as anybody may see it; its stock in steps, its tax in hundredths of a percent."""

    digest: Digest
    signed_bytes: bytes
    seller_owner: PartyId
    stock_steps: int
    tax_basis_points: int
    seq: int
    state: str
    answers: tuple[bytes, ...] = ()  # signed commands that answered questions, oldest first


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionView:
    """A question as either side sees it; who asked is not shown."""

    digest: Digest
    offer: Digest
    names: tuple[str, ...]
    deadline_ms: int
    state: QuestionState
    asked_by_us: bool
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedView:
    """A need as its owner and his things see it; `contract` is empty unless one fills it."""

    digest: Digest
    signed_bytes: bytes
    state: str
    contract: bytes
    seq: int


@dataclass(frozen=True, slots=True)
class ContractsPage:
    """Contracts in the order of their last change, and whether more have changed."""

    contracts: tuple[Contract, ...]
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyBalance:
    """What an owner can spend, and what his purchases hold in escrow; minor units."""

    currency: str
    available_minor: int
    escrow_minor: int


@dataclass(frozen=True, slots=True)
class SpendingView:
    """What was spent under a mandate, by currency, and whether it lives."""

    counters: tuple[tuple[str, SpendingCounter], ...]
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatePrice:
    """What cancelling costs in a state, minor units; None when it is not possible."""

    state: str
    fee_minor: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelPreview:
    """What can be cancelled, minor units, and its price: in each state, and now (None: impossible).

    `free_until_ms` is the end of the time to cancel for nothing, Unix milliseconds; 0 when there is none.
    """

    currency: str
    total_minor: int
    by_state: tuple[StatePrice, ...]
    free_until_ms: int
    now_minor: int | None

    @property
    def back_minor(self) -> int:
        """What the buyer gets back when he cancels now."""
        return 0 if self.now_minor is None else self.total_minor - self.now_minor


@dataclass(frozen=True, slots=True)
class PendingView:
    """An order with the end of the quiet time that it is now, Unix milliseconds; 0 when it is none."""

    order: PendingOrder
    quiet_until_ms: int


@dataclass(frozen=True, slots=True)
class InboxPage:
    """Orders that wait, oldest first, and whether there are more."""

    waiting: tuple[PendingView, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class PersonaView:
    """An owner's wishes for a thing, and the end of the quiet time that it is now; 0 when it is none."""

    persona: Persona
    quiet_until_ms: int
