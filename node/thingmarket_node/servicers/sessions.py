"""SessionService: the handshake."""

from typing import Any

from thingmarket.identity.envelope import Signed
from thingmarket.identity.handshake import HANDSHAKE_NONCE_BYTES
from thingmarket.v1 import session_service_pb2 as pb
from thingmarket.v1 import session_service_pb2_grpc
from thingmarket.wire.envelope import signed_message, signed_value
from thingmarket.wire.handshake import read_hello
from thingmarket_node.core import messages as m
from thingmarket_node.core.sessions import SESSION_ID_BYTES, TOKEN_BYTES, Grant
from thingmarket_node.shell import Shell, fresh


class SessionServicer(session_service_pb2_grpc.SessionServiceServicer):
    """Opens sessions."""

    def __init__(self, shell: Shell) -> None:
        """Hand over to `shell`."""
        self._shell = shell

    async def Hello(self, request: pb.HelloRequest, context: Any) -> pb.HelloResponse:
        """Answer with a signed challenge."""
        hello, nonce = read_hello(request), fresh(HANDSHAKE_NONCE_BYTES)
        challenge: Signed = await self._shell.call(lambda call: m.SayHello(call, hello, nonce))
        return pb.HelloResponse(challenge=signed_message(challenge))

    async def Prove(self, request: pb.ProveRequest, context: Any) -> pb.ProveResponse:
        """Answer a good proof with a session."""
        proof = signed_value(request.proof)
        session, token = fresh(SESSION_ID_BYTES), fresh(TOKEN_BYTES)
        grant: Grant = await self._shell.call(lambda call: m.ShowProof(call, proof, session, token))
        return pb.ProveResponse(
            session=grant.session, token=grant.token, expires_ms=grant.expires_ms, known=grant.known
        )
