"""The part of QueryService that reads orders which wait for an approval, and personas. [COS-8]"""

from typing import Any

from thingmarket.contract.approvals import Approve
from thingmarket.contract.orders import Purchase
from thingmarket.limits import PAGE_BYTES_MAX
from thingmarket.market import waiting
from thingmarket.market.entries import Command
from thingmarket.time import UnixMs
from thingmarket.v1 import approval_pb2 as pb
from thingmarket.wire import inbox
from thingmarket_node.gate import token_of
from thingmarket_node.shell import Shell, now


class InboxQueries:
    """Answers from the state, for those whom an order concerns."""

    _shell: Shell

    async def ListPending(self, request: pb.ListPendingRequest, context: Any) -> pb.ListPendingResponse:
        """Orders that wait for the caller's word."""
        page = await self._shell.read(
            token_of(context),
            lambda state, reader: waiting.inbox(
                state, reader, request.after_seq, self._now_ms(), request.after_pending
            ),
        )
        response = inbox.inbox_message(page)
        while response.ByteSize() > PAGE_BYTES_MAX:
            del response.pending[len(response.pending) // 2 :]
            response.more = True
        return response

    async def GetPending(self, request: pb.GetPendingRequest, context: Any) -> pb.GetPendingResponse:
        """One order that waits or waited."""
        view = await self._shell.read(
            token_of(context),
            lambda state, reader: waiting.pending_view(state, reader, request.pending, self._now_ms()),
        )
        return pb.GetPendingResponse(pending=inbox.pending_message(view))

    async def GetPersona(self, request: pb.GetPersonaRequest, context: Any) -> pb.GetPersonaResponse:
        """How an owner wants to be treated by a thing."""
        view = await self._shell.read(
            token_of(context),
            lambda state, reader: waiting.persona_view(state, reader, request.thing, self._now_ms()),
        )
        return inbox.persona_message(view)

    async def approval_of(self, token: bytes, command: Command) -> pb.PendingView | None:
        """The approved order that a command was about, if any, for those whom it concerns. [COS-11]"""
        body = command.body
        name = body.pending if isinstance(body, Approve) else b""
        if isinstance(body, Purchase):
            name = body.approved_by
        if not name:
            return None
        view = await self._shell.read(
            token, lambda state, reader: waiting.approval_of(state, reader, name, self._now_ms())
        )
        return None if view is None else inbox.pending_message(view)

    def _now_ms(self) -> UnixMs:
        return self._shell.core.sequencer.time_ms(now().wall_ms)
