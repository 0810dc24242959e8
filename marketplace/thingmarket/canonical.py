"""One byte form for every stored value: what roots, outcomes and snapshots are made of. [LOG-4]

The form follows the declared types, so nothing is tagged. Fields of a dataclass that equal their
default are left out: a later version may append fields with defaults and old bytes stay the same.
"""

import dataclasses
import enum
import types
import typing
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from thingmarket.canonical_records import (
    BYTE,
    LENGTH,
    Codec,
    Pack,
    Unpack,
    glance_reader,
    record_codec,
    row_codec,
)
from thingmarket.errors import Code, Refusal


@lru_cache(maxsize=1024)
def packer(kind: Any) -> Pack:
    """Build the function that turns a value of type `kind` into its bytes."""
    return _codec(kind)[0]


@lru_cache(maxsize=1024)
def unpacker(kind: Any) -> Callable[[bytes], Any]:
    """Build the function that reads a value of type `kind` from exactly its bytes (MALFORMED)."""
    return _whole(_codec(kind)[1])


@lru_cache(maxsize=1024)
def glancer(kind: type, fields: frozenset[str]) -> Callable[[bytes], Any]:
    """Build the function that reads these fields of a dataclass and leaves all others unset (MALFORMED).

    Reading another field of what it gives is an AttributeError; so is comparing it.
    """
    return _whole(glance_reader(kind, *_fields(kind), wanted=fields), whole=False)


def _whole(read: Unpack, *, whole: bool = True) -> Callable[[bytes], Any]:
    def read_all(data: bytes) -> Any:
        try:
            value, end = read(data, 0)
        except (IndexError, ValueError, KeyError, TypeError, OverflowError, UnicodeDecodeError):
            raise Refusal(Code.MALFORMED, "stored value cannot be read") from None
        if whole and end != len(data):
            raise Refusal(Code.MALFORMED, "stored value has bytes left over")
        return value

    return read_all


def pack_int(value: int) -> bytes:
    """Length byte, then the number in two's complement, big-endian."""
    length = (value.bit_length() + 8) // 8
    return BYTE[length] + value.to_bytes(length, "big", signed=True)


def pack_bytes(value: bytes) -> bytes:
    """Four length bytes, then the bytes."""
    length = len(value)
    return (LENGTH[length] if length < 256 else length.to_bytes(4, "big")) + value


def unpack_int(data: bytes, at: int) -> tuple[int, int]:
    """Read what `pack_int` wrote; returns the number and the place behind it."""
    end = at + 1 + data[at]
    return int.from_bytes(data[at + 1 : end], "big", signed=True), end


def unpack_bytes(data: bytes, at: int) -> tuple[bytes, int]:
    """Read what `pack_bytes` wrote; returns the bytes and the place behind them."""
    end = at + 4 + int.from_bytes(data[at : at + 4], "big")
    if end > len(data):
        raise IndexError("bytes end early")
    return data[at + 4 : end], end


def _pack_text(value: str) -> bytes:
    return pack_bytes(value.encode())


def _unpack_text(data: bytes, at: int) -> tuple[str, int]:
    raw, end = unpack_bytes(data, at)
    return raw.decode(), end


def skip_int(data: bytes, at: int) -> int:
    """The place behind what `pack_int` wrote."""
    return at + 1 + data[at]


def skip_bytes(data: bytes, at: int) -> int:
    """The place behind what `pack_bytes` wrote."""
    return at + 4 + int.from_bytes(data[at : at + 4], "big")


def _pack_flag(value: bool) -> bytes:
    return b"\x01" if value else b"\x00"


def _unpack_flag(data: bytes, at: int) -> tuple[bool, int]:
    return data[at] == 1, at + 1


_PLAIN: dict[Any, Codec] = {
    int: Codec(pack_int, unpack_int, skip_int),
    bytes: Codec(pack_bytes, unpack_bytes, skip_bytes),
    str: Codec(_pack_text, _unpack_text, skip_bytes),
    bool: Codec(_pack_flag, _unpack_flag, lambda _, at: at + 1),
}


@lru_cache(maxsize=1024)
def _codec(kind: Any) -> Codec:
    if kind in _PLAIN:
        return _PLAIN[kind]
    if isinstance(kind, typing.NewType):
        return _codec(kind.__supertype__)
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        return _union_codec(typing.get_args(kind))
    if origin is tuple:
        return _tuple_codec(typing.get_args(kind))
    if origin is frozenset:
        return _set_codec(typing.get_args(kind)[0])
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return _enum_codec(kind)
    assert dataclasses.is_dataclass(kind), f"{kind} has no canonical form"
    return _record_codec(typing.cast(type, kind))


def _enum_codec(kind: type[enum.Enum]) -> Codec:
    # Members are looked up by what is stored of them: calling an enum takes ten times as long.
    if issubclass(kind, int):
        numbers = {int(member): member for member in kind}

        def read_number(data: bytes, at: int) -> tuple[Any, int]:
            number, end = unpack_int(data, at)
            return numbers[number], end

        return Codec(lambda value: pack_int(int(value)), read_number, skip_int)
    names = {member.value.encode(): member for member in kind}
    packed = {member: pack_bytes(name) for name, member in names.items()}

    def read_name(data: bytes, at: int) -> tuple[Any, int]:
        name, end = unpack_bytes(data, at)
        return names[name], end

    return Codec(packed.__getitem__, read_name, skip_bytes)


_NOTHING = Codec(lambda _: b"", lambda _, at: (None, at), lambda _, at: at)


def _union_codec(kinds: tuple[Any, ...]) -> Codec:
    codecs = [_codec(k) if k is not type(None) else _NOTHING for k in kinds]

    def pack(value: Any) -> bytes:
        for place, (k, codec) in enumerate(zip(kinds, codecs, strict=True)):
            if isinstance(value, typing.cast(type, k)):
                return bytes((place,)) + codec.pack(value)
        raise AssertionError(f"{type(value).__name__} is not one of {kinds}")

    return Codec(
        pack,
        lambda data, at: codecs[data[at]].unpack(data, at + 1),
        lambda data, at: codecs[data[at]].skip(data, at + 1),
    )


def _tuple_codec(kinds: tuple[Any, ...]) -> Codec:
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        write, read, skip_item = _codec(kinds[0])

        def unpack(data: bytes, at: int) -> tuple[Any, int]:
            count, at = int.from_bytes(data[at : at + 4], "big"), at + 4
            items = []
            for _ in range(count):
                item, at = read(data, at)
                items.append(item)
            return tuple(items), at

        def skip(data: bytes, at: int) -> int:
            count, at = int.from_bytes(data[at : at + 4], "big"), at + 4
            for _ in range(count):
                at = skip_item(data, at)
            return at

        return Codec(lambda value: len(value).to_bytes(4, "big") + b"".join(map(write, value)), unpack, skip)
    return row_codec([plain(kind) for kind in kinds], [_codec(kind) for kind in kinds])


def _set_codec(kind: Any) -> Codec:
    write = _codec(kind).pack
    _, read_items, skip = _tuple_codec((kind, ...))

    def unpack(data: bytes, at: int) -> tuple[Any, int]:
        items, end = read_items(data, at)
        return frozenset(items), end

    return Codec(
        lambda value: len(value).to_bytes(4, "big") + b"".join(sorted(map(write, value))), unpack, skip
    )


def _record_codec(kind: type) -> Codec:
    return record_codec(kind, *_fields(kind))


def _fields(kind: type) -> tuple[list[Any], list[Codec]]:
    """The plain types of a dataclass's fields, and their codecs."""
    hints = typing.get_type_hints(kind)
    found = [hints[field.name] for field in dataclasses.fields(kind)]
    return [plain(each) for each in found], [_codec(each) for each in found]


def plain(kind: Any) -> Any:
    """The plain type that a declared type stands for, whatever it is called."""
    while isinstance(kind, typing.NewType):
        kind = kind.__supertype__
    return kind
