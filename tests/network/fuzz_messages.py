"""Legal messages of every request, and their bytes after damage, built from the message descriptors."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

import thingmarket.v1

OPEN: Final = frozenset(
    {"Hello", "Prove", "GetCheckpoint", "ProveInclusion", "ProveConsistency", "GetStatus"}
)
"""Methods that need no session; every other one, new ones too, refuses a call without a token."""


@dataclass(frozen=True, slots=True)
class Method:
    """One method of one service."""

    descriptor: MethodDescriptor

    @property
    def path(self) -> str:
        return f"/{self.descriptor.containing_service.full_name}/{self.descriptor.name}"

    @property
    def request(self) -> Any:
        return self.descriptor.input_type

    @property
    def response(self) -> type[Message]:
        return GetMessageClass(self.descriptor.output_type)

    @property
    def streaming(self) -> bool:
        return bool(self.descriptor.server_streaming)

    @property
    def needs_token(self) -> bool:
        return self.descriptor.name not in OPEN

    def __str__(self) -> str:
        return str(self.descriptor.name)


def _methods() -> Iterator[Method]:
    for module in iter_modules(thingmarket.v1.__path__):
        if module.name.endswith("_pb2"):
            file = import_module(f"thingmarket.v1.{module.name}").DESCRIPTOR
            for service in file.services_by_name.values():
                yield from map(Method, service.methods)


METHODS: Final = tuple(_methods())


@dataclass(frozen=True)
class Lore:
    """Values that mean something in the market that is fuzzed; a random id would never be known there."""

    texts: tuple[str, ...]
    blobs: tuple[bytes, ...]
    numbers: tuple[int, ...]


EDGES: Final = (0, 1, 2, 100, 2**31, 2**32 + 5, 2**53 - 1, 2**53, 2**62, 2**63 - 1)
_HARD_TEXTS: Final = (
    "",
    "a",
    "EUR",
    "C62",
    "S",
    "44",
    "44103105",
    "ink-blасk",
    "\u202e",
    "a" * 200,
    "1" * 130,
)
_HARD_BLOBS: Final = (b"", b"\0", bytes(12), bytes(16), bytes(32), bytes(64), b"\xff" * 32)


class Legal:
    """Strategies for the fields and messages of one market; each message is legal protobuf."""

    def __init__(self, lore: Lore) -> None:
        numbers = st.sampled_from((*EDGES, *lore.numbers))
        signed = numbers | numbers.map(lambda n: -n) | st.integers(-(2**63), 2**63 - 1)
        self._single: dict[int, SearchStrategy[Any]] = {
            FieldDescriptor.TYPE_INT64: signed,
            FieldDescriptor.TYPE_SINT64: signed,
            FieldDescriptor.TYPE_UINT64: numbers | st.sampled_from((2**63, 2**64 - 1)),
            FieldDescriptor.TYPE_BOOL: st.booleans(),
            FieldDescriptor.TYPE_STRING: st.sampled_from((*_HARD_TEXTS, *lore.texts)) | st.text(max_size=8),
            FieldDescriptor.TYPE_BYTES: st.sampled_from((*_HARD_BLOBS, *lore.blobs)) | st.binary(max_size=8),
        }
        self.message = cache(self.message)  # type: ignore[method-assign]  # one strategy of each kind
        self.field = cache(self.field)  # type: ignore[method-assign]

    def field(self, field: Any) -> SearchStrategy[Any]:
        """A value of one field."""
        single = self.value(field)
        return st.lists(single, max_size=3) if field.is_repeated else single

    def value(self, field: Any) -> SearchStrategy[Any]:
        """One value of a field; enums know numbers that nobody named."""
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            return self.message(field.message_type)
        if field.type == FieldDescriptor.TYPE_ENUM:
            known = sorted(field.enum_type.values_by_number)
            return st.sampled_from([*known, *known, known[-1] + 1, -1, 2**31 - 1, -(2**31)])
        return self._single[field.type]

    def message(self, descriptor: Any) -> SearchStrategy[Message]:
        """A message with any of its fields; of a oneof the last one stays."""
        kind = GetMessageClass(descriptor)
        fields = {field.name: self.field(field) for field in descriptor.fields}
        return st.fixed_dictionaries({}, optional=fields).map(lambda given: kind(**given))


@dataclass(frozen=True, slots=True)
class Damage:
    """One change of bytes; places are taken modulo the length, so that it fits all of them."""

    kind: str
    at: int
    much: int
    junk: bytes

    def of(self, data: bytes) -> bytes:
        """The bytes after it."""
        at, end = self.at % (len(data) + 1), (self.at + self.much) % (len(data) + 1)
        match self.kind:
            case "cut":
                return data[:at]
            case "flip":
                flipped = bytearray(data or b"\0")
                flipped[at % len(flipped)] ^= 1 << self.much % 8
                return bytes(flipped)
            case "double":
                return data[:at] + data
            case "drop":
                return data[: min(at, end)] + data[max(at, end) :]
            case "splice":
                return data[:at] + data[min(at, end) : max(at, end)] + data[end:]
            case _:
                return data[:at] + self.junk + data[at:]


DAMAGES: Final[SearchStrategy[tuple[Damage, ...]]] = st.lists(
    st.builds(
        Damage,
        st.sampled_from(("cut", "flip", "flip", "double", "drop", "splice", "insert")),
        st.integers(0, 2_000),
        st.integers(0, 64),
        st.binary(max_size=12) | st.just(b"\xba\x3e\x01\x00"),  # field 999
    ),
    min_size=1,
    max_size=3,
).map(tuple)


def damaged(data: bytes, damages: tuple[Damage, ...]) -> bytes:
    """Bytes after all of it."""
    for damage in damages:
        data = damage.of(data)
    return data
