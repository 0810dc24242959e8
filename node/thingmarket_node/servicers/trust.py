"""The part of QueryService by which people come to trust things: feedback and proposals."""

from typing import Any

from thingmarket.identity.parties import checked_party_id
from thingmarket.market.indexes import Reader
from thingmarket.market.state import State
from thingmarket.market.trust_queries import feedback_of, shadow_of
from thingmarket.v1 import trust_pb2 as pb
from thingmarket.wire.trust import ShadowSeen, feedback_row, shadow_message
from thingmarket_node.gate import token_of
from thingmarket_node.shell import Shell


class TrustQueries:
    """Answers from the state."""

    _shell: Shell

    async def ListFeedback(self, request: pb.ListFeedbackRequest, context: Any) -> pb.ListFeedbackResponse:
        """Feedback that the caller's owner gave, or got."""
        rows = await self._shell.read(
            token_of(context),
            lambda state, reader: feedback_of(
                state, reader, received=request.received, after_seq=request.after_seq
            ),
        )
        return pb.ListFeedbackResponse(rows=map(feedback_row, rows))

    async def GetShadow(self, request: pb.GetShadowRequest, context: Any) -> pb.GetShadowResponse:
        """How a thing's proposals compare with what its owner bought."""

        def seen(state: State, reader: Reader) -> ShadowSeen:
            thing = checked_party_id(request.thing)  # in here: who has no session hears of that first
            return ShadowSeen(thing, *shadow_of(state, reader, thing, request.after_seq))

        return shadow_message(await self._shell.read(token_of(context), seen))
