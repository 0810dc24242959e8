"""Writers and readers of dataclasses, compiled from their fields: a loop over fields takes twice as long.

Every durable entry writes a handful of records into the state root, and a start reads all of them.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, Final

Pack = Callable[[Any], bytes]
Unpack = Callable[[bytes, int], tuple[Any, int]]

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


def record_codec(kind: type, kinds: list[Any], codecs: list[tuple[Pack, Unpack]]) -> tuple[Pack, Unpack]:
    """The functions for a dataclass whose fields have these plain kinds (else None) and codecs."""
    fields = dataclasses.fields(kind)
    assert len(fields) < 256, "one byte names a field"
    names: dict[str, Any] = {"kind": kind, "BYTE": BYTE, "LENGTH": LENGTH, "from_bytes": int.from_bytes}
    for k, (field, (write, read)) in enumerate(zip(fields, codecs, strict=True)):
        names |= {f"key{k}": BYTE[k], f"head{k}": [BYTE[k] + each for each in BYTE]}
        names |= {f"write{k}": write, f"read{k}": read, f"default{k}": field.default}
    exec(_pack_source(fields, kinds), names)  # noqa: S102  our own fields, no text of anybody else
    exec(_unpack_source(fields, kinds), names)  # noqa: S102  the same
    return names["pack"], names["unpack"]


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


def _unpack_source(fields: tuple[dataclasses.Field[Any], ...], kinds: list[Any]) -> str:
    lines = ["def unpack(data, at):", " count, at, end = data[at], at + 1, len(data)"]
    for k, field in enumerate(fields):
        if field.default is dataclasses.MISSING:
            lines.append(f" if not count or data[at] != {k}: raise ValueError('a field is missing')")
            indent = " "
        else:
            lines += [f" v{k} = default{k}", f" if count and data[at] == {k}:"]
            indent = "  "
        lines += [f"{indent}count -= 1", f"{indent}at += 1"]
        lines += _indented(_UNPACK.get(kinds[k], _UNPACK_OTHER), k, indent)
    values = ", ".join(f"{field.name}=v{k}" for k, field in enumerate(fields))
    lines += [" if count: raise ValueError('fields out of order')", f" return kind({values}), at"]
    return "\n".join(lines)


def _indented(template: str, k: int, indent: str) -> list[str]:
    return [indent + line for line in template.format(k=k).strip("\n").split("\n")]
