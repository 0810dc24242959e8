"""The services of a node on one channel, each method made when it is first called.

The generated stubs make all methods of a service at once: a device that calls five has no use for sixty.
"""

from typing import Any

import grpc.aio

from thingmarket.wire.services import method_of


class Service:
    """Stands in for the generated stub of a service."""

    def __init__(self, channel: grpc.aio.Channel, name: str) -> None:
        """`name` as in the schema, without its package."""
        self._channel = channel
        self._name = name

    def __getattr__(self, name: str) -> Any:
        """A method by its name in the schema."""
        method = method_of(self._name, name)
        if method is None:
            raise AttributeError(f"{self._name} has no method {name}")
        makers = {
            (False, False): self._channel.unary_unary,
            (False, True): self._channel.unary_stream,
            (True, False): self._channel.stream_unary,
            (True, True): self._channel.stream_stream,
        }
        make: Any = makers[method.streams_requests, method.streams_answers]
        made = make(method.path, request_serializer=method.write, response_deserializer=method.read)
        self.__dict__[name] = made
        return made
