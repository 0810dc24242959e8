"""Shadow mode: the thing says what it would buy, the owner buys himself, and agreement is counted. [SHD-1]"""

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from thingmarket.contract.orders import COMMITMENT_BYTES
from thingmarket.ids import DIGEST_BYTES, KEY_BYTES, Digest, PartyId, checked_bytes
from thingmarket.money import checked_amount
from thingmarket.transitions import Protocol, Role, Silence, Step


class ProposalState(Enum):
    """What the owner did about a need for which his thing proposed an offer."""

    PROPOSED = "PROPOSED"
    AGREED = "AGREED"
    SAME_PRODUCT = "SAME_PRODUCT"
    DIFFERED = "DIFFERED"
    NOT_BOUGHT = "NOT_BOUGHT"


SHADOW: Final = Protocol(
    "SHD",
    start=ProposalState.PROPOSED,
    steps=(
        Step(ProposalState.PROPOSED, "Propose", Role.THING, ProposalState.PROPOSED),
        Step(ProposalState.PROPOSED, "BuyThis", Role.OWNER, ProposalState.AGREED),
        Step(ProposalState.PROPOSED, "BuySameProduct", Role.OWNER, ProposalState.SAME_PRODUCT),
        Step(ProposalState.PROPOSED, "BuyOther", Role.OWNER, ProposalState.DIFFERED),
    ),
    silences=(Silence(ProposalState.PROPOSED, "end of the need", ProposalState.NOT_BOUGHT),),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposeChoice:
    """A thing's word on what it would buy; `total_minor` in minor units of the offer's currency."""

    key: bytes
    need: bytes
    offer: bytes
    total_minor: int
    choice: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """The newest proposal of a thing for a need, and what became of it; times in Unix milliseconds."""

    need: Digest
    thing: PartyId
    owner: PartyId
    offer: Digest
    total_minor: int
    currency: str
    time_ms: int
    seq: int
    state: ProposalState
    choice: bytes = b""
    contract: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How often a thing would have bought what its owner bought; one count for each kind of end."""

    agreed: int = 0
    same_product: int = 0
    differed: int = 0
    not_bought: int = 0

    @property
    def decided(self) -> int:
        """Proposals whose need has ended."""
        return self.agreed + self.same_product + self.differed + self.not_bought

    def after(self, state: ProposalState) -> "Agreement":
        """The counts once one more proposal came to this end."""
        match state:
            case ProposalState.AGREED:
                return replace(self, agreed=self.agreed + 1)
            case ProposalState.SAME_PRODUCT:
                return replace(self, same_product=self.same_product + 1)
            case ProposalState.DIFFERED:
                return replace(self, differed=self.differed + 1)
            case ProposalState.NOT_BOUGHT:
                return replace(self, not_bought=self.not_bought + 1)
            case ProposalState.PROPOSED:
                raise AssertionError("a proposal that waits is not counted")


NO_AGREEMENT: Final = Agreement()


def check_propose_choice(body: ProposeChoice) -> None:
    """Refuse a wrong shape (BAD_ID, OUT_OF_RANGE)."""
    checked_bytes(body.key, KEY_BYTES, "key")
    checked_bytes(body.need, DIGEST_BYTES, "need")
    checked_bytes(body.offer, DIGEST_BYTES, "offer")
    checked_amount(body.total_minor, "total_minor")
    if body.choice:
        checked_bytes(body.choice, COMMITMENT_BYTES, "choice")
