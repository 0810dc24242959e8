"""A stranger with common tools finds out what a node serves, and whether it is well."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from tests.network.fuzz_messages import METHODS
from tests.network.raw_client import HEALTH
from tests.network.small_market import SmallMarket

REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
OURS = {method.descriptor.containing_service.full_name for method in METHODS}


@pytest.fixture
def channel(market: SmallMarket) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(market.node.address) as channel:
        yield channel


def ask(channel: grpc.Channel, **question: Any) -> reflection_pb2.ServerReflectionResponse:
    call = channel.stream_stream(
        REFLECTION,
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    answers = list(call(iter([reflection_pb2.ServerReflectionRequest(**question)]), timeout=10))
    assert len(answers) == 1
    return answers[0]


def test_reflection_names_every_service(channel: grpc.Channel) -> None:
    listed = ask(channel, list_services="").list_services_response
    assert {service.name for service in listed.service} == {
        *OURS,
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }


def test_reflection_shows_every_method_with_its_messages(channel: grpc.Channel) -> None:
    for method in METHODS:
        service = method.descriptor.containing_service.full_name
        answered = ask(channel, file_containing_symbol=service)
        files = [
            FileDescriptorProto.FromString(data)
            for data in answered.file_descriptor_response.file_descriptor_proto
        ]
        services = {f"{file.package}.{s.name}": s for file in files for s in file.service}
        shown = {one.name for one in services[service].method}
        assert method.descriptor.name in shown
    missing = ask(channel, file_containing_symbol="thingmarket.v1.Nothing").error_response
    assert missing.error_code == grpc.StatusCode.NOT_FOUND.value[0]


def test_every_service_says_that_it_serves(market: SmallMarket) -> None:
    assert all(market.client.is_serving(service) for service in ("", *OURS))
    unknown = market.client.call(HEALTH, health_pb2.HealthCheckRequest(service="thingmarket.v1.Nothing"))
    assert unknown.status is grpc.StatusCode.NOT_FOUND


def test_a_node_that_stops_says_so_before_it_ends(start_node) -> None:
    """Whoever watches its health is told NOT_SERVING, and goes elsewhere."""
    node = start_node()
    with grpc.insecure_channel(node.address) as channel:
        watch = channel.unary_stream(
            "/grpc.health.v1.Health/Watch",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )(health_pb2.HealthCheckRequest(service=""), timeout=20)
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        assert node.stop() == 0
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
