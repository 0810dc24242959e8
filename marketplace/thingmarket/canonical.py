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

from thingmarket.canonical_records import BYTE, LENGTH, Pack, Unpack, record_codec
from thingmarket.errors import Code, Refusal


@lru_cache(maxsize=1024)
def packer(kind: Any) -> Pack:
    """Build the function that turns a value of type `kind` into its bytes."""
    return _codec(kind)[0]


@lru_cache(maxsize=1024)
def unpacker(kind: Any) -> Callable[[bytes], Any]:
    """Build the function that reads a value of type `kind` from exactly its bytes (MALFORMED)."""
    read = _codec(kind)[1]

    def read_all(data: bytes) -> Any:
        try:
            value, end = read(data, 0)
        except (IndexError, ValueError, KeyError, TypeError, OverflowError, UnicodeDecodeError):
            raise Refusal(Code.MALFORMED, "stored value cannot be read") from None
        if end != len(data):
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


def _pack_flag(value: bool) -> bytes:
    return b"\x01" if value else b"\x00"


def _unpack_flag(data: bytes, at: int) -> tuple[bool, int]:
    return data[at] == 1, at + 1


_PLAIN: dict[Any, tuple[Pack, Unpack]] = {
    int: (pack_int, unpack_int),
    bytes: (pack_bytes, unpack_bytes),
    str: (_pack_text, _unpack_text),
    bool: (_pack_flag, _unpack_flag),
}


@lru_cache(maxsize=1024)
def _codec(kind: Any) -> tuple[Pack, Unpack]:
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


def _enum_codec(kind: type[enum.Enum]) -> tuple[Pack, Unpack]:
    if issubclass(kind, int):
        return (
            lambda value: pack_int(int(value)),
            lambda data, at: (kind((read := unpack_int(data, at))[0]), read[1]),
        )
    return (
        lambda value: _pack_text(value.value),
        lambda data, at: (kind((read := _unpack_text(data, at))[0]), read[1]),
    )


def _union_codec(kinds: tuple[Any, ...]) -> tuple[Pack, Unpack]:
    codecs = [
        (k, *_codec(k)) if k is not type(None) else (k, lambda _: b"", lambda _, at: (None, at))
        for k in kinds
    ]

    def pack(value: Any) -> bytes:
        for place, (k, write, _) in enumerate(codecs):
            if isinstance(value, typing.cast(type, k)):
                return bytes((place,)) + write(value)
        raise AssertionError(f"{type(value).__name__} is not one of {kinds}")

    return pack, lambda data, at: codecs[data[at]][2](data, at + 1)


def _tuple_codec(kinds: tuple[Any, ...]) -> tuple[Pack, Unpack]:
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        write, read = _codec(kinds[0])

        def unpack(data: bytes, at: int) -> tuple[Any, int]:
            count, at = int.from_bytes(data[at : at + 4], "big"), at + 4
            items = []
            for _ in range(count):
                item, at = read(data, at)
                items.append(item)
            return tuple(items), at

        return lambda value: len(value).to_bytes(4, "big") + b"".join(map(write, value)), unpack
    codecs = [_codec(kind) for kind in kinds]

    def unpack_each(data: bytes, at: int) -> tuple[Any, int]:
        items = []
        for _, read_item in codecs:
            item, at = read_item(data, at)
            items.append(item)
        return tuple(items), at

    return lambda value: b"".join(c[0](item) for c, item in zip(codecs, value, strict=True)), unpack_each


def _set_codec(kind: Any) -> tuple[Pack, Unpack]:
    write, _ = _codec(kind)
    _, read_items = _tuple_codec((kind, ...))

    def unpack(data: bytes, at: int) -> tuple[Any, int]:
        items, end = read_items(data, at)
        return frozenset(items), end

    return lambda value: len(value).to_bytes(4, "big") + b"".join(sorted(map(write, value))), unpack


def _record_codec(kind: type) -> tuple[Pack, Unpack]:
    hints = typing.get_type_hints(kind)
    kinds = [_plain(hints[field.name]) for field in dataclasses.fields(kind)]
    codecs = [_codec(hints[field.name]) for field in dataclasses.fields(kind)]
    return record_codec(kind, kinds, codecs)


def _plain(kind: Any) -> Any:
    """The plain type that a declared type stands for, whatever it is called."""
    while isinstance(kind, typing.NewType):
        kind = kind.__supertype__
    return kind
