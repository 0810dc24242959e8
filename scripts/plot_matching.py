"""Draws what `thingmarket bench matching --json` wrote: usage: plot_matching.py BENCH.json PLOT.svg."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

STREAMS: Final = ("one", "multi", "thin")
# Measured beforehand on the same streams and this class of machine, not by the bench: docs/benchmarks.md.
BEFOREHAND: Final = {
    "CppTrader (C++)": (13.2e6, 8.7e6, 2.6e6),
    "exchange-core, book alone (Java)": (11.2e6, 5.7e6, 1.6e6),
    "Liquibook (C++)": (2.06e6, 2.04e6, 0.87e6),
    "limit-order-book (Python over C++), no trades": (2.6e6, 1.85e6, 0.97e6),
}
# Keys of the bench after the name of the stream; those of a peer are there only if one was given.
MEASURED: Final = {
    "our native book, 512 a call": ("figures", "batch_512_per_s"),
    "our native book, one a call": ("figures", "batch_1_per_s"),
    "our Python book, here": ("references", "python_own_per_s"),
    "our Python book, in the peer's Python": ("references", "python_own_there_per_s"),
    "matching-engine (Python), objects ready": ("references", "python_peer_ready_per_s"),
    "matching-engine (Python), from packed commands": ("references", "python_peer_packed_per_s"),
}
COLOURS: Final = {"our": "#1b6ca8", "matching-engine": "#c8553d", "": "#b8b8b8"}


def rates_of(bench: Mapping[str, Any], stream: str) -> dict[str, float]:
    """Commands per second by name, in the order of the plot from top to bottom."""
    found = {
        label: bench[part][f"{stream}_{key}"]
        for label, (part, key) in MEASURED.items()
        if f"{stream}_{key}" in bench[part]
    }
    beforehand = {label: rates[STREAMS.index(stream)] for label, rates in BEFOREHAND.items()}
    return dict(sorted({**found, **beforehand}.items(), key=lambda item: -item[1]))


def draw(bench: Mapping[str, Any], path: Path) -> None:
    """Bars side by side for the streams, on a logarithmic scale."""
    mpl.rcParams["svg.hashsalt"] = "thingmarket"  # the same file for the same figures
    mpl.rcParams["svg.fonttype"] = "none"  # text stays text: a tenth of the bytes
    figure = Figure(figsize=(9, 10.5), layout="constrained")
    for axes, stream in zip(figure.subplots(len(STREAMS), 1), STREAMS, strict=True):
        rates = rates_of(bench, stream)
        colours = [next(COLOURS[start] for start in COLOURS if name.startswith(start)) for name in rates]
        bars = axes.barh(list(rates), [rate / 1e6 for rate in rates.values()], color=colours)
        axes.bar_label(bars, labels=[f"{rate / 1e6:.2f}" for rate in rates.values()], padding=3)
        axes.invert_yaxis()
        axes.set_xscale("log")
        axes.set_xlim(0.05, 60)
        axes.set_xticks([0.1, 1, 10], ["0.1", "1", "10"])
        axes.set_title(stream, loc="left", fontweight="bold")
        axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("million commands/s, logarithmic; grey: measured beforehand")
    figure.text(0.01, 0.005, "blue: ours; red: the Python peer", fontsize="small")
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=100)


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2]))
