"""Protobuf by hand: the bytes that no honest library writes, and messages filled from their descriptors."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

VARINT: Final = 0
LENGTH: Final = 2
START_GROUP: Final = 3
END_GROUP: Final = 4

_SAMPLES: Final[dict[int, Any]] = {
    FieldDescriptor.TYPE_INT64: 1,
    FieldDescriptor.TYPE_UINT64: 1,
    FieldDescriptor.TYPE_SINT64: 1,
    FieldDescriptor.TYPE_ENUM: 1,
    FieldDescriptor.TYPE_BOOL: True,
    FieldDescriptor.TYPE_STRING: "a",
    FieldDescriptor.TYPE_BYTES: b"x",
}
INTEGERS: Final = frozenset(
    {FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_SINT64}
)
ENUM: Final = FieldDescriptor.TYPE_ENUM


def varint(value: int, padding: int = 0) -> bytes:
    """A number in base 128, with `padding` superfluous bytes."""
    parts = list[int]()
    while True:
        value, low = value >> 7, value & 0x7F
        if not value and not padding:
            return bytes([*parts, low])
        parts.append(low | 0x80)
        padding -= 0 if value else 1


def tag(number: int, kind: int) -> bytes:
    """What stands before a field."""
    return varint(number << 3 | kind)


def bytes_field(number: int, data: bytes) -> bytes:
    """A string, bytes or message field."""
    return tag(number, LENGTH) + varint(len(data)) + data


def number_field(number: int, value: int, padding: int = 0) -> bytes:
    """A number field, padded if asked."""
    return tag(number, VARINT) + varint(value, padding)


def nested(number: int, depth: int) -> bytes:
    """A message field that holds itself, `depth` times."""
    data = b""
    for _ in range(depth):
        data = bytes_field(number, data)
    return data


def filled(descriptor: Any) -> Message:  # the stubs say that any field may have no message type
    """A message with every field set, twice where it repeats; of a oneof the last one stays."""
    message = GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            inner = filled(field.message_type)
            if field.is_repeated:
                getattr(message, field.name).extend([inner, inner])
            else:
                getattr(message, field.name).CopyFrom(inner)
        elif field.is_repeated:
            getattr(message, field.name).extend([_SAMPLES[field.type]] * 2)
        else:
            setattr(message, field.name, _SAMPLES[field.type])
    return message


def only(field: Any) -> bytes:
    """A message in which one field alone is set, and not to its default."""
    message = GetMessageClass(field.containing_type)()
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        inner = filled(field.message_type)
        if field.is_repeated:
            getattr(message, field.name).append(inner)
        else:
            getattr(message, field.name).CopyFrom(inner)
    elif field.is_repeated:
        getattr(message, field.name).append(_SAMPLES[field.type])
    else:
        setattr(message, field.name, _SAMPLES[field.type])
    return message.SerializeToString(deterministic=True)


def places(message: Message, kinds: frozenset[int]) -> Iterator[tuple[str, Message, Any]]:
    """Every single field of these kinds in a message and in the messages that it holds."""
    for field in message.DESCRIPTOR.fields:
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            held = getattr(message, field.name)
            inner: Sequence[Message] = held if field.is_repeated else [held][: message.HasField(field.name)]
            for one in inner[:1]:
                for name, holder, inner_field in places(one, kinds):
                    yield f"{field.name}.{name}", holder, inner_field
        elif field.type in kinds and not field.is_repeated:
            yield field.name, message, field
