"""Strict parsing: what was signed has exactly one meaning, or it is refused. [ID-6]"""

from enum import Enum
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from thingmarket.errors import Code, Refusal

M = TypeVar("M", bound=Message)
E = TypeVar("E", bound=Enum)


def parse(kind: type[M], data: bytes, limit: int) -> M:
    """Parse `data` only if it is at most `limit` bytes and serialises back to itself.

    Unknown fields, repeated scalars, non-minimal numbers, reordered and truncated fields are refused.
    """
    if len(data) > limit:
        raise Refusal(Code.TOO_LARGE, f"{kind.__name__} has {len(data)} bytes; at most {limit}")
    try:
        message = kind.FromString(data)
        message.DiscardUnknownFields()  # so that an unknown field, however deep, makes the bytes differ
        again = message.SerializeToString(deterministic=True)
    except (DecodeError, ValueError, RecursionError):
        raise Refusal(Code.MALFORMED, f"{kind.__name__} cannot be read") from None
    if again != data:
        raise Refusal(Code.NOT_STRICT, f"{kind.__name__} is not in its one form: unknown or repeated field?")
    return message


def member(kind: type[E], value: int | str, field: str) -> E:
    """The member of this number or name; one that this version does not know is refused (BAD_FIELD)."""
    if value not in kind._value2member_map_:
        raise Refusal(Code.BAD_FIELD, f"{field}={str(value)[:20]} is not known")
    return kind(value)
