"""No message has a field that two languages could read differently."""

import importlib
import pkgutil
from collections.abc import Iterator

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor

import thingmarket.v1

FORBIDDEN = {
    FieldDescriptor.TYPE_DOUBLE: "double",
    FieldDescriptor.TYPE_FLOAT: "float",
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_UINT32: "uint32",
    FieldDescriptor.TYPE_SINT32: "sint32",
    FieldDescriptor.TYPE_FIXED32: "fixed32",
    FieldDescriptor.TYPE_SFIXED32: "sfixed32",
    FieldDescriptor.TYPE_GROUP: "group",
}


def files() -> list[FileDescriptor]:
    """Every file of the protocol; that the generated code is fresh, scripts/gen_proto.py checks."""
    names = sorted(module.name for module in pkgutil.iter_modules(thingmarket.v1.__path__))
    return [
        importlib.import_module(f"thingmarket.v1.{name}").DESCRIPTOR
        for name in names
        if name.endswith("_pb2")
    ]


def messages(found: Descriptor | FileDescriptor) -> Iterator[Descriptor]:
    """Every message of a file or message, inner ones included."""
    inner = found.message_types_by_name if isinstance(found, FileDescriptor) else found.nested_types_by_name
    for message in inner.values():
        yield message
        yield from messages(message)


@pytest.mark.parametrize("file", files(), ids=lambda file: file.name)
def test_no_field_is_a_float_a_map_or_a_32_bit_integer(file: FileDescriptor) -> None:
    fields = [field for message in messages(file) for field in message.fields]
    assert {f.full_name: FORBIDDEN[f.type] for f in fields if f.type in FORBIDDEN} == {}
    assert [message.full_name for message in messages(file) if message.GetOptions().map_entry] == []
