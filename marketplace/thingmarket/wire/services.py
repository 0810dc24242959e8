"""Methods of the node's services, read off the schema one by one: who calls a few need not know them all."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message_factory import GetMessageClass

from thingmarket.v1 import audit_service_pb2, market_service_pb2, query_service_pb2, session_service_pb2

SERVICES: Final = {
    name: service
    for module in (audit_service_pb2, market_service_pb2, query_service_pb2, session_service_pb2)
    for name, service in module.DESCRIPTOR.services_by_name.items()
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """How one method is called: its path, how a request is written and an answer read, what is a stream."""

    path: str
    write: Callable[[Any], bytes]
    read: Callable[[bytes], Any]
    streams_requests: bool
    streams_answers: bool


def method_of(service: str, name: str) -> Method | None:
    """A method by the names of the schema; None when it has none such."""
    found = SERVICES[service].methods_by_name.get(name)
    if found is None:
        return None
    return Method(
        path=f"/{SERVICES[service].full_name}/{name}",
        write=GetMessageClass(found.input_type).SerializeToString,
        read=GetMessageClass(found.output_type).FromString,
        streams_requests=found.client_streaming,
        streams_answers=found.server_streaming,
    )
