"""MarketService: commands, one by one or as a stream."""

from collections.abc import AsyncIterator
from typing import Any

from thingmarket.v1 import market_service_pb2 as pb
from thingmarket.v1 import market_service_pb2_grpc
from thingmarket_node.core import messages as m
from thingmarket_node.gate import token_of
from thingmarket_node.servicers.command_stream import CommandStream
from thingmarket_node.servicers.submissions import fill_submitted, read_submit
from thingmarket_node.shell import Shell


class MarketServicer(market_service_pb2_grpc.MarketServiceServicer):
    """Takes commands."""

    def __init__(self, shell: Shell) -> None:
        """Hand over to `shell`."""
        self._shell = shell

    async def Submit(self, request: pb.SubmitRequest, context: Any) -> pb.SubmitResponse:
        """Apply one command once, and answer when it is durable."""
        token = token_of(context)
        command, sealed = read_submit(request)
        done: m.Accepted = await self._shell.call(lambda call: m.Submit(call, token, command, sealed))
        response = pb.SubmitResponse()
        fill_submitted(response, done)
        return response

    async def SubmitStream(  # type: ignore[override]  # it writes when there is something, it yields nothing
        self, requests: AsyncIterator[pb.SubmitStreamRequest], context: Any
    ) -> None:
        """The same for every command of a stream, until its caller ends it or says nothing for long."""
        self._shell.session_of(token_of(context))  # who has none makes the node keep nothing
        await CommandStream(self._shell).run(requests, context.write)
