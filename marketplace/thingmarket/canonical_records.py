"""Writers and readers of dataclasses, compiled from their fields: a loop over fields takes twice as long.

Every durable entry writes a handful of records into the state root, and a start reads many of them.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, Final, NamedTuple

Pack = Callable[[Any], bytes]
Unpack = Callable[[bytes, int], tuple[Any, int]]
Skip = Callable[[bytes, int], int]


class Codec(NamedTuple):
    """What writes a value, what reads it, and what finds its end without reading it."""

    pack: Pack
    unpack: Unpack
    skip: Skip


BYTE: Final = [bytes((n,)) for n in range(256)]
LENGTH: Final = [n.to_bytes(4, "big") for n in range(256)]  # made once: nearly every length is among them

# A value x of one field into p, the list of parts; {k} is the number of the field.
_PACK: Final = {
    int: """
n = (x.bit_length() + 8) // 8
p += (head{k}[n], x.to_bytes(n, "big", signed=True))""",
    bytes: """
n = len(x)
p += (key{k}, LENGTH[n] if n < 256 else n.to_bytes(4, "big"), x)""",
    str: """
x = x.encode()
n = len(x)
p += (key{k}, LENGTH[n] if n < 256 else n.to_bytes(4, "big"), x)""",
}
_PACK_OTHER: Final = """
p += (key{k}, write{k}(x))"""

# The value of one field into x, from data at `at`, which then stands behind it; `end` is the end of all.
_UNPACK: Final = {
    int: """
n = at + 1 + data[at]
v{k} = from_bytes(data[at + 1 : n], "big", signed=True)
at = n""",
    bytes: """
n = at + 4 + from_bytes(data[at : at + 4], "big")
if n > end: raise IndexError("bytes end early")
v{k} = data[at + 4 : n]
at = n""",
    str: """
n = at + 4 + from_bytes(data[at : at + 4], "big")
if n > end: raise IndexError("text ends early")
v{k} = data[at + 4 : n].decode()
at = n""",
}
_UNPACK_OTHER: Final = """
v{k}, at = read{k}(data, at)"""

_SKIP: Final = {
    int: """
at += 1 + data[at]""",
    bytes: """
at += 4 + from_bytes(data[at : at + 4], "big")""",
    str: """
at += 4 + from_bytes(data[at : at + 4], "big")""",
}
_SKIP_OTHER: Final = """
at = skip{k}(data, at)"""


def record_codec(kind: type, kinds: list[Any], codecs: list[Codec]) -> Codec:
    """The codec of a dataclass whose fields have these plain kinds (else None) and codecs."""
    fields = dataclasses.fields(kind)
    assert len(fields) < 256, "one byte names a field"
    names = _names(kind, codecs)
    exec(_pack_source(fields, kinds), names)  # noqa: S102  our own fields, no text of anybody else
    exec(_unpack_source(kind, kinds, {field.name for field in fields}), names)  # noqa: S102  the same
    skips = [codec.skip for codec in codecs]

    def skip(data: bytes, at: int) -> int:
        count, at = data[at], at + 1
        for _ in range(count):
            at = skips[data[at]](data, at + 1)
        return at

    return Codec(names["pack"], names["unpack"], skip)


def glance_reader(kind: type, kinds: list[Any], codecs: list[Codec], *, wanted: frozenset[str]) -> Unpack:
    """What reads these fields of a dataclass and passes over the others, which stay unset."""
    known = {field.name for field in dataclasses.fields(kind)}
    assert wanted <= known, f"{kind.__name__} has no {sorted(wanted - known)}"
    assert _setters(kind), f"{kind.__name__} checks itself when it is made: it is read whole"
    names = _names(kind, codecs)
    exec(_unpack_source(kind, kinds, wanted), names)  # noqa: S102  our own fields, no text of anybody else
    unpack: Unpack = names["unpack"]
    return unpack


def row_codec(kinds: list[Any], codecs: list[Codec]) -> Codec:
    """The codec of a tuple whose items have these plain kinds (else None) and codecs."""
    names: dict[str, Any] = {"from_bytes": int.from_bytes}
    lines = ["def unpack(data, at):", " end = len(data)"]
    for k, (kind, codec) in enumerate(zip(kinds, codecs, strict=True)):
        names |= {f"write{k}": codec.pack, f"read{k}": codec.unpack}
        lines += _indented(_UNPACK.get(kind, _UNPACK_OTHER), k, " ")
    items = "".join(f"v{k}, " for k in range(len(kinds)))
    written = "".join(f"write{k}(v{k}), " for k in range(len(kinds)))
    lines += [f" return ({items}), at", "def pack(value):", f" {items}= value"]
    exec("\n".join([*lines, f" return b''.join(({written}))"]), names)  # noqa: S102  no text of anybody else

    def skip(data: bytes, at: int) -> int:
        for codec in codecs:
            at = codec.skip(data, at)
        return at

    return Codec(names["pack"], names["unpack"], skip)


def _names(kind: type, codecs: list[Codec]) -> dict[str, Any]:
    """Everything that the compiled functions of a dataclass use."""
    names: dict[str, Any] = {"kind": kind, "BYTE": BYTE, "LENGTH": LENGTH, "from_bytes": int.from_bytes}
    names |= {"blank": object.__new__} | _setters(kind)
    for k, (field, codec) in enumerate(zip(dataclasses.fields(kind), codecs, strict=True)):
        names |= {f"key{k}": BYTE[k], f"head{k}": [BYTE[k] + each for each in BYTE]}
        names |= {f"write{k}": codec.pack, f"read{k}": codec.unpack, f"skip{k}": codec.skip}
        names[f"default{k}"] = field.default
    return names


def _setters(kind: type) -> dict[str, Any]:
    """What sets each field of a slotted dataclass that does nothing when it is made, else nothing.

    Setting slots takes a third of the time of a frozen dataclass's `__init__`.
    """
    fields = dataclasses.fields(kind)
    own = {field.name for field in fields} <= set(vars(kind).get("__slots__", ()))
    if not own or hasattr(kind, "__post_init__") or not all(field.init for field in fields):
        return {}
    return {f"set{k}": vars(kind)[field.name].__set__ for k, field in enumerate(fields)}


def _pack_source(fields: tuple[dataclasses.Field[Any], ...], kinds: list[Any]) -> str:
    lines = ["def pack(value):", " p, count = [b''], 0"]
    for k, field in enumerate(fields):
        lines.append(f" x = value.{field.name}")
        indent = " "
        if field.default is not dataclasses.MISSING:
            lines.append(f" if x != default{k}:")
            indent = "  "
        lines.append(f"{indent}count += 1")
        lines += _indented(_PACK.get(kinds[k], _PACK_OTHER), k, indent)
    return "\n".join([*lines, " p[0] = BYTE[count]", " return b''.join(p)"])


def _unpack_source(kind: type, kinds: list[Any], wanted: set[str] | frozenset[str]) -> str:
    """A reader of the wanted fields: it makes no value of the others, and ends behind the last of them."""
    lines = ["def unpack(data, at):", " count, at, end = data[at], at + 1, len(data)"]
    fields = dataclasses.fields(kind)
    last = max((k for k, field in enumerate(fields) if field.name in wanted), default=-1)
    for k, field in enumerate(fields[: last + 1]):
        if field.default is dataclasses.MISSING:
            lines.append(f" if not count or data[at] != {k}: raise ValueError('a field is missing')")
            indent = " "
        else:
            lines += [f" v{k} = default{k}", f" if count and data[at] == {k}:"]
            indent = "  "
        lines += [f"{indent}count -= 1", f"{indent}at += 1"]
        plain, other = (_UNPACK, _UNPACK_OTHER) if field.name in wanted else (_SKIP, _SKIP_OTHER)
        lines += _indented(plain.get(kinds[k], other), k, indent)
    if last == len(fields) - 1:
        lines.append(" if count: raise ValueError('fields out of order')")
    return "\n".join([*lines, *_made(kind, wanted), " return made, at"])


def _made(kind: type, wanted: set[str] | frozenset[str]) -> list[str]:
    """The lines that make the value of what was read."""
    found = [(k, field.name) for k, field in enumerate(dataclasses.fields(kind)) if field.name in wanted]
    if _setters(kind):
        return [" made = blank(kind)", *(f" set{k}(made, v{k})" for k, _ in found)]
    values = ", ".join(f"{name}=v{k}" for k, name in found)
    return [f" made = kind({values})"]


def _indented(template: str, k: int, indent: str) -> list[str]:
    return [indent + line for line in template.format(k=k).strip("\n").split("\n")]
