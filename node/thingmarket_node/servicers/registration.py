"""All services of a node, in one place."""

import grpc

from thingmarket.v1 import (
    audit_service_pb2,
    audit_service_pb2_grpc,
    market_service_pb2,
    market_service_pb2_grpc,
    query_service_pb2,
    query_service_pb2_grpc,
    session_service_pb2,
    session_service_pb2_grpc,
)
from thingmarket_node.servicers.audit import AuditServicer
from thingmarket_node.servicers.market import MarketServicer
from thingmarket_node.servicers.queries import QueryServicer
from thingmarket_node.servicers.sessions import SessionServicer
from thingmarket_node.shell import Shell

SERVICES = tuple(
    module.DESCRIPTOR.services_by_name[name].full_name
    for module, name in (
        (session_service_pb2, "SessionService"),
        (market_service_pb2, "MarketService"),
        (query_service_pb2, "QueryService"),
        (audit_service_pb2, "AuditService"),
    )
)
"""Full names, for health and reflection."""


def register(server: grpc.aio.Server, shell: Shell, *, started_ms: int) -> None:
    """Let `server` answer every method; `started_ms` is when the process began."""
    session_service_pb2_grpc.add_SessionServiceServicer_to_server(SessionServicer(shell), server)
    market_service_pb2_grpc.add_MarketServiceServicer_to_server(MarketServicer(shell), server)
    query_service_pb2_grpc.add_QueryServiceServicer_to_server(QueryServicer(shell), server)
    audit = AuditServicer(shell, started_ms=started_ms)
    audit_service_pb2_grpc.add_AuditServiceServicer_to_server(audit, server)
