"""MarketService: commands."""

from typing import Any

from thingmarket.errors import Code, Refusal
from thingmarket.limits import SEALED_PARTS_MAX
from thingmarket.v1 import market_service_pb2 as pb
from thingmarket.v1 import market_service_pb2_grpc
from thingmarket.wire.envelope import decision_message, signed_value
from thingmarket.wire.receipts import receipt_message
from thingmarket_node.core import messages as m
from thingmarket_node.gate import token_of
from thingmarket_node.shell import Shell


class MarketServicer(market_service_pb2_grpc.MarketServiceServicer):
    """Takes commands."""

    def __init__(self, shell: Shell) -> None:
        """Hand over to `shell`."""
        self._shell = shell

    async def Submit(self, request: pb.SubmitRequest, context: Any) -> pb.SubmitResponse:
        """Apply one command once, and answer when it is durable."""
        if len(request.sealed_parts) > SEALED_PARTS_MAX:
            raise Refusal(Code.TOO_LARGE, f"a command has at most {SEALED_PARTS_MAX} sealed parts", "PRI-2")
        token, command = token_of(context), signed_value(request.command)
        sealed = tuple(
            m.SealedPart(salt=part.salt, data=part.data, retention=part.retention)
            for part in request.sealed_parts
        )
        done: m.Accepted = await self._shell.call(lambda call: m.Submit(call, token, command, sealed))
        return pb.SubmitResponse(
            reference=done.reference,
            receipt=receipt_message(done.receipt),
            decision=None if done.decision is None else decision_message(done.decision),
        )
