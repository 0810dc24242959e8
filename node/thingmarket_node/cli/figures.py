"""What a bench measured, as people read it: words, units, and what was measured several ways side by side."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from thingmarket_node.cli.output import Output

_PARTS: Final = ("figures", "references", "ratios")
_UNITS: Final = {"ns": "ns", "us": "us", "ms": "ms", "s": "s", "mb": "MB", "percent": "%"}
# What was measured in several ways has a column for each; of `matching` those are its streams, by name.
_WAYS: Final[Mapping[str, Mapping[str, str]]] = {
    "auction": {"half": "half trades", "all": "all trades"},
    "choice": {"uniform": "uniform", "category": "one category", "correlated": "correlated"},
    "idle": {"shared": "shared lines", "alone": "lines of their own"},
    "matching": {"one": "one market", "multi": "100 markets", "thin": "10,000 thin markets"},
}
_WORDS: Final = {
    "order_us": ("an order", "us"),
    "python_order_us": ("an order in plain Python", "us"),
    "us_an_order": ("an order", "us"),
    "python_us_an_order": ("an order in plain Python", "us"),
    "bytes_per_offer": ("memory of an offer", "bytes"),
    "put_us": ("putting an offer in", "us"),
    "build_s": ("building the index", "s"),
    "trade_checksum": ("checksum of the trades", ""),
    "python_per_s": ("commands in plain Python, 512 a call", "/s"),
    "best": ("best that are asked for", ""),
    "blocks": ("blocks looked at, median", ""),
    "blocks_max": ("blocks looked at, at most", ""),
    "median_ms": ("a question, median", "ms"),
    "at_rest_mb": ("memory at rest", "MB"),
    "at_rest_cpu_percent": ("processor at rest", "%"),
    "connected_add_mb": ("memory that 1,000 connected things add", "MB"),
    "connected_cpu_percent": ("processor with them", "%"),
    "one_purchase_each_adds_mb": ("memory that a purchase of each adds", "MB"),
}
_SPOKEN: Final = {"cpu": "processor time", "rss": "memory", "mb": "MB", "grpc": "gRPC"}
_BATCH: Final = re.compile(r"batch_([0-9]+)_per_s")
_SINGLE: Final = re.compile(r"single_(p[0-9]+)_ns")
_PERCENTILE: Final = re.compile(r"\bp99(9+)\b")


def tell_measured(output: Output, name: str, measured: dict[str, Any]) -> None:
    """Show the figures, references and ratios of a bench to people."""
    plain: list[tuple[str, ...]] = []
    by_way: dict[tuple[str, str], dict[str, str]] = {}  # by part and key: two keys may be one in words
    ways = _ways_of(name, measured["figures"])
    for part in _PARTS:
        for key, value in _cells(measured[part]):
            way, rest = _parted(key, ways)
            if way:
                by_way.setdefault((part, rest), {})[way] = value_text(rest, value)
            else:
                plain.append((part, words_of(rest)[0], value_text(rest, value)))
    if plain:
        _show(output, f"bench {name}", ("", "what", "value"), plain)
    if by_way:
        rows = [
            (part, words_of(key)[0], *(texts.get(way, "") for way in ways))
            for (part, key), texts in by_way.items()
        ]
        title = f"bench {name}, side by side" if plain else f"bench {name}"
        _show(output, title, ("", "what", *ways.values()), rows)


def words_of(key: str) -> tuple[str, str]:
    """What a key of a bench stands for, and its unit: `node_cpu_us_per_order` gives "us per order"."""
    if key in _WORDS:
        return _WORDS[key]
    if batch := _BATCH.fullmatch(key):
        return f"commands, {int(batch[1]):,} a call", "/s"
    if single := _SINGLE.fullmatch(key):
        return _spoken(f"one command a call, {single[1]}"), "ns"
    key, _, part = key.partition(".")
    words, unit = key.split("_"), ""
    if words[-2:] == ["per", "s"]:
        words, unit = words[:-2], "/s"
    for place, word in enumerate(words):
        if not unit and word in _UNITS:
            before, after = words[:place], words[place + 1 :]
            is_rate = after[:1] == ["per"]
            words = before if is_rate else [*before, *after]
            unit = " ".join((_UNITS[word], *after)) if is_rate else _UNITS[word]
    what = _spoken(" ".join(words))
    return (f"{what}: {part.replace('_', ' ')}" if part else what), unit


def value_text(key: str, value: object) -> str:
    """A value with thousands set apart, and its unit; a checksum is no quantity."""
    unit = words_of(key)[1]
    is_amount = isinstance(value, int | float) and not key.endswith("checksum")
    return f"{f'{value:,}' if is_amount else value} {unit}".rstrip()


def _spoken(words: str) -> str:
    plain = " ".join(_SPOKEN.get(word, word) for word in words.split(" "))
    return _PERCENTILE.sub(r"p99.\1", plain)


def _cells(values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Names and values; what is measured in parts takes a row for each."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from ((f"{key}.{part}", one) for part, one in value.items())
        else:
            yield key, value


def _ways_of(name: str, figures: dict[str, Any]) -> dict[str, str]:
    known = _WAYS.get(name, {})
    if name != "matching":
        return dict(known)
    streams = [key.removesuffix("_kind") for key in figures if key.endswith("_kind")]
    return {stream: known.get(stream, stream) for stream in streams}


def _parted(key: str, ways: Mapping[str, str]) -> tuple[str, str]:
    """The way in which it was measured, if it is one of several, and the rest of the key."""
    for way in sorted(ways, key=len, reverse=True):  # the name of a stream may begin that of another
        if key.startswith(f"{way}_"):
            return way, key.removeprefix(f"{way}_")
        if key.endswith(f"_{way}"):
            return way, key.removesuffix(f"_{way}")
    return "", key


def _show(output: Output, title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Values to the right, so that their digits stand below each other; a part is named in its first row."""
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    parts = ["", *(row[0] for row in rows)]
    shown = [
        (
            "" if row[0] == above else row[0],
            row[1],
            *(text.rjust(width) for text, width in zip(row[2:], widths[2:], strict=True)),
        )
        for above, row in zip(parts, rows, strict=False)
    ]
    output.table(title, columns, shown)
