"""How people come to trust things: choices proposed in the shadow, feedback, autonomy lowered at once."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from thingmarket.contract.contract import OPEN_STATES
from thingmarket.contract.feedback import (
    AskFeedback,
    Feedback,
    GiveFeedback,
    Measured,
    check_give_feedback,
    minted_key,
)
from thingmarket.contract.shadow import Agreement, Proposal, ProposeChoice, check_propose_choice
from thingmarket.errors import Code, Refusal
from thingmarket.identity.autonomy import LowerAutonomy, check_lower_autonomy
from thingmarket.identity.envelope import TypeId
from thingmarket.identity.mandates import Autonomy
from thingmarket.ids import Key, PartyId
from thingmarket.limits import SEARCH_RESULTS_MAX
from thingmarket.wire import trust as wire
from thingmarket.wire.trust import read_feedback_row, read_shadow
from thingmarket.wire.views import ContractSeen
from thingmarket_client.outbox import Answer
from thingmarket_client.session.session import Session

PAGES_MAX: Final = 100

Tell = Callable[[TypeId, Key, bytes], Awaitable[Answer]]
"""Sends a body of a type under its key, once."""


class Trust:
    """What one party says and asks about trust; made by `Trader`, as its `trust`."""

    def __init__(self, session: Session, tell: Tell, new_key: Callable[[], Key]) -> None:
        """Speak by `tell`, ask by `session`."""
        self._session, self._tell, self._new_key = session, tell, new_key

    async def lower(self, thing: PartyId, autonomy: Autonomy) -> None:
        """Lower what a thing may do by itself, for all its mandates, at once; an owner's word."""
        word = LowerAutonomy(key=self._new_key(), thing=thing, autonomy=autonomy)
        check_lower_autonomy(word)
        await self._tell(TypeId.LOWER_AUTONOMY, Key(word.key), wire.lower_autonomy_body(word))

    async def propose(self, need: bytes, offer: bytes, *, total_minor: int, choice: bytes = b"") -> None:
        """Say what the thing would buy for an open need, at what payable total; its owner buys himself."""
        word = ProposeChoice(
            key=self._new_key(), need=need, offer=offer, total_minor=total_minor, choice=choice
        )
        check_propose_choice(word)
        await self._tell(TypeId.PROPOSE_CHOICE, Key(word.key), wire.propose_choice_body(word))

    async def rate(self, contract: ContractSeen, measured: Sequence[Measured] = ()) -> None:
        """Hold what was measured against what was promised, once a contract has come to its end."""
        if contract.state in OPEN_STATES:
            raise Refusal(Code.WRONG_STATE, "feedback is given once the contract has ended", "FBK-1")
        minted = minted_key(contract.id, contract.created_ms, contract.seq)
        word = GiveFeedback(
            key=self._new_key(),
            contract=contract.id,
            feedback_key=minted,
            measured=tuple(sorted(measured, key=lambda one: one.name)),
        )
        check_give_feedback(word)
        await self._tell(TypeId.GIVE_FEEDBACK, Key(word.key), wire.give_feedback_body(word))

    async def ask_for_feedback(self, contract: bytes) -> None:
        """Ask the buyer of a contract that has ended for feedback; once."""
        word = AskFeedback(key=self._new_key(), contract=contract)
        await self._tell(TypeId.ASK_FEEDBACK, Key(word.key), wire.ask_feedback_body(word))

    async def feedback(self, *, received: bool) -> tuple[Feedback, ...]:
        """What others gave about the owner, or what he and his things gave; oldest first."""
        found: list[Feedback] = []
        after_seq = 0
        for _ in range(PAGES_MAX):
            request = wire.feedback_request(received=received, after_seq=after_seq)
            response = await self._session.ask(lambda stub: stub.ListFeedback, request)
            found += map(read_feedback_row, response.rows)
            if len(response.rows) < SEARCH_RESULTS_MAX:
                break
            after_seq = response.rows[-1].seq
        return tuple(found)

    async def shadow(self, thing: PartyId) -> tuple[Agreement, tuple[Proposal, ...]]:
        """How a thing's proposals compare with what its owner bought, and the proposals, oldest first."""
        found: list[Proposal] = []
        seen = read_shadow(await self._session.ask(_get_shadow, wire.shadow_request(thing)))
        agreement = seen.agreement
        for _ in range(PAGES_MAX):
            found += seen.proposals
            if len(seen.proposals) < SEARCH_RESULTS_MAX:
                break
            request = wire.shadow_request(thing, after_seq=seen.proposals[-1].seq)
            seen = read_shadow(await self._session.ask(_get_shadow, request))
        return agreement, tuple(found)


def _get_shadow(stub: Any) -> Any:
    return stub.GetShadow
