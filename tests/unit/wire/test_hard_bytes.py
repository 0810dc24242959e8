"""[ID-6] Bytes that another parser may read otherwise are refused, in every message that is signed."""

from collections.abc import Iterator
from importlib import import_module
from itertools import permutations
from pkgutil import iter_modules

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message_factory import GetMessageClass

import thingmarket.v1
from tests.support.wire_bytes import (
    END_GROUP,
    START_GROUP,
    bytes_field,
    filled,
    nested,
    number_field,
    only,
    tag,
    varint,
)
from thingmarket.errors import Code, Refusal
from thingmarket.limits import COMMAND_BYTES_MAX
from thingmarket.wire.strict import parse

UNKNOWN = 999  # a field number that no message has


def all_messages() -> Iterator[Descriptor]:
    for module in iter_modules(thingmarket.v1.__path__):
        if module.name.endswith("_pb2"):
            found = import_module(f"thingmarket.v1.{module.name}")
            yield from found.DESCRIPTOR.message_types_by_name.values()


MESSAGES = {message.name: message for message in all_messages() if message.name != "RichStatus"}
WITH_FIELDS = {name: message for name, message in MESSAGES.items() if message.fields}
every_message = pytest.mark.parametrize("message", WITH_FIELDS.values(), ids=WITH_FIELDS)


def good(message: Descriptor) -> bytes:
    return filled(message).SerializeToString(deterministic=True)


def refusal(message: Descriptor, data: bytes) -> int:
    with pytest.raises(Refusal) as told:
        parse(GetMessageClass(message), data, COMMAND_BYTES_MAX)
    return told.value.number


def inner_fields(message: Descriptor) -> list[FieldDescriptor]:
    return [field for field in message.fields if field.type == FieldDescriptor.TYPE_MESSAGE]


def first_of(message: Descriptor, *kinds: int) -> FieldDescriptor | None:
    return next((field for field in message.fields if field.type in kinds and not field.is_repeated), None)


@every_message
def test_the_one_form_of_a_message_is_read(message: Descriptor) -> None:
    data = good(message)
    assert parse(GetMessageClass(message), data, len(data)).SerializeToString(deterministic=True) == data


@every_message
def test_one_byte_more_than_the_limit_is_too_large_before_it_is_parsed(message: Descriptor) -> None:
    data = good(message)
    with pytest.raises(Refusal) as told:
        parse(GetMessageClass(message), data, len(data) - 1)
    assert told.value.number == Code.TOO_LARGE
    assert refusal(message, b"\xff" * (COMMAND_BYTES_MAX + 1)) == Code.TOO_LARGE


@every_message
def test_every_way_to_cut_a_message_short_is_refused_or_another_whole_message(message: Descriptor) -> None:
    data = good(message)
    for length in range(len(data)):
        try:
            shorter = parse(GetMessageClass(message), data[:length], COMMAND_BYTES_MAX)
        except Refusal as told:
            assert told.number in (Code.MALFORMED, Code.NOT_STRICT)
        else:
            assert shorter.SerializeToString(deterministic=True) == data[:length]


@every_message
@pytest.mark.parametrize(
    "extra",
    [
        number_field(UNKNOWN, 0),
        number_field(UNKNOWN, 2**64 - 1),
        bytes_field(UNKNOWN, b""),
        bytes_field(UNKNOWN, b"\0" * 1000),
        tag(UNKNOWN, 1) + bytes(8),
        tag(UNKNOWN, 5) + bytes(4),
        tag(UNKNOWN, START_GROUP) + tag(UNKNOWN, END_GROUP),
        bytes_field(2**29 - 1, b"highest field number"),
    ],
    ids=["zero", "number", "empty", "bytes", "fixed64", "fixed32", "group", "highest"],
)
def test_an_unknown_field_is_refused(message: Descriptor, extra: bytes) -> None:
    for data in (good(message) + extra, extra + good(message)):
        assert refusal(message, data) == Code.NOT_STRICT


@every_message
def test_a_field_numbered_0_is_refused(message: Descriptor) -> None:
    """There is none, and parsers disagree whether it ends a message, is passed over, or is an error."""
    for extra in (b"\0", b"\0\0", b"\0\1", bytes(8)):
        for data in (good(message) + extra, extra + good(message)):
            assert refusal(message, data) in (Code.MALFORMED, Code.NOT_STRICT), extra


@every_message
def test_an_unknown_field_in_an_inner_message_is_refused(message: Descriptor) -> None:
    for field in inner_fields(message):
        assert field.message_type is not None
        inner = good(field.message_type) + number_field(UNKNOWN, 1)
        assert refusal(message, bytes_field(field.number, inner)) == Code.NOT_STRICT


@every_message
def test_a_field_that_is_given_twice_is_refused(message: Descriptor) -> None:
    """Of two numbers the last one wins here and the first one elsewhere; two messages are merged."""
    for field in message.fields:
        if not field.is_repeated:
            assert refusal(message, only(field) * 2) == Code.NOT_STRICT, field.name


@every_message
def test_two_fields_where_one_excludes_the_other_are_refused(message: Descriptor) -> None:
    for choice in message.oneofs:
        for one, other in permutations(choice.fields, 2):
            assert refusal(message, only(one) + only(other)) == Code.NOT_STRICT, (one.name, other.name)


@every_message
def test_a_number_with_superfluous_bytes_is_refused(message: Descriptor) -> None:
    kinds = (FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_UINT64)
    field = first_of(message, *kinds, FieldDescriptor.TYPE_BOOL, FieldDescriptor.TYPE_ENUM)
    if field is not None:
        for padding in (1, 5, 8):
            assert refusal(message, number_field(field.number, 1, padding)) == Code.NOT_STRICT
        assert refusal(message, tag(field.number, 0) + b"\xff" * 11) == Code.MALFORMED
    field = first_of(message, FieldDescriptor.TYPE_BYTES, FieldDescriptor.TYPE_STRING)
    if field is not None:
        assert refusal(message, tag(field.number, 2) + varint(1, 2) + b"a") == Code.NOT_STRICT
        padded_tag = varint(field.number << 3 | 2, 1)
        assert refusal(message, padded_tag + b"\x01a") == Code.NOT_STRICT


@every_message
def test_a_default_that_is_written_out_is_refused(message: Descriptor) -> None:
    for field in message.fields:
        if field.is_repeated or field.has_presence:
            continue
        empty = (
            bytes_field(field.number, b"")
            if field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)
            else number_field(field.number, 0)
        )
        assert refusal(message, empty) == Code.NOT_STRICT, field.name


@every_message
def test_a_field_of_another_wire_type_is_refused(message: Descriptor) -> None:
    for field in message.fields:
        holds_bytes = field.type in (
            FieldDescriptor.TYPE_STRING,
            FieldDescriptor.TYPE_BYTES,
            FieldDescriptor.TYPE_MESSAGE,
        )
        if field.is_repeated and not holds_bytes:
            other = b"".join(number_field(field.number, 1) for _ in range(2))  # unpacked
        else:
            other = number_field(field.number, 1) if holds_bytes else bytes_field(field.number, b"\x01")
        assert refusal(message, other) in (Code.NOT_STRICT, Code.MALFORMED), field.name


@every_message
def test_fields_in_another_order_are_refused(message: Descriptor) -> None:
    written = [only(field) for field in message.fields if field.containing_oneof is None]
    assert parse(GetMessageClass(message), b"".join(written), COMMAND_BYTES_MAX)
    if len(written) > 1:
        assert refusal(message, b"".join(reversed(written))) == Code.NOT_STRICT


@every_message
def test_text_that_is_no_utf8_is_refused(message: Descriptor) -> None:
    for field in message.fields:
        if field.type == FieldDescriptor.TYPE_STRING:
            for text in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"):
                assert refusal(message, bytes_field(field.number, text)) == Code.MALFORMED, text


@pytest.mark.parametrize("depth", [101, 1_000, 10_000])
@every_message
def test_deep_nesting_is_refused_and_not_followed(message: Descriptor, depth: int) -> None:
    groups = tag(UNKNOWN, START_GROUP) * depth + tag(UNKNOWN, END_GROUP) * depth
    for deep in (nested(UNKNOWN, depth), groups, tag(UNKNOWN, START_GROUP) * depth):
        inner = [bytes_field(field.number, deep) for field in inner_fields(message)]
        for data in (deep, *inner):
            assert refusal(message, data) in (Code.NOT_STRICT, Code.MALFORMED, Code.TOO_LARGE)
