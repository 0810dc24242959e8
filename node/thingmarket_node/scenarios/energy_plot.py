"""The day of a neighbourhood as a picture: what was traded at which price, and what each house saved."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from thingmarket_node.cli.plots import figure
from thingmarket_node.scenarios.energy_house import FEED_IN_TICKS, RETAIL_TICKS

_MICRO: Final = 1_000_000
_CLOCK_MARKS: Final = 12


def draw(path: Path, figures: Mapping[str, Any]) -> None:
    """Draw prices and energy by block, and bills by house, into an SVG, PNG or PDF file."""
    drawn, (prices, energy, bills) = figure(3)
    _prices(prices, figures)
    _energy(energy, figures)
    _bills(bills, figures)
    drawn.savefig(path, dpi=144)


def _prices(axes: Any, figures: Mapping[str, Any]) -> None:
    ticks = figures["price_ticks"]
    traded = [block for block, price in enumerate(ticks) if price]
    axes.axhline(RETAIL_TICKS / 100, color="tab:red", linestyle="--", label="utility sells")
    axes.axhline(FEED_IN_TICKS / 100, color="tab:orange", linestyle="--", label="utility buys")
    axes.plot(traded, [ticks[block] / 100 for block in traded], "o", color="tab:blue", label="neighbours")
    axes.set_title("Price of each block's auction")
    axes.set_ylabel("ct/kWh")
    axes.set_ylim(0, RETAIL_TICKS / 100 * 1.15)
    _clock(axes, figures["begins"])
    axes.legend(fontsize="small", frameon=False, ncols=3, loc="lower left")


def _energy(axes: Any, figures: Mapping[str, Any]) -> None:
    blocks = range(len(figures["begins"]))
    neighbours = [wh / 1_000 for wh in figures["neighbours_wh"]]
    axes.bar(blocks, neighbours, color="tab:blue", label="among neighbours")
    utility = [wh / 1_000 for wh in figures["utility_wh"]]
    axes.bar(blocks, utility, bottom=neighbours, color="tab:gray", label="with the utility")
    axes.set_title("Energy traded")
    axes.set_ylabel("kWh")
    _clock(axes, figures["begins"])
    axes.legend(fontsize="small", frameon=False)


def _bills(axes: Any, figures: Mapping[str, Any]) -> None:
    names = list(figures["saved_minor"])
    saved = [figures["saved_minor"][name] / _MICRO for name in names]
    axes.bar(range(len(names)), saved, color="tab:green")
    together = sum(figures["saved_minor"].values()) / _MICRO
    alone = sum(figures["alone_minor"].values()) / _MICRO
    axes.set_title(f"Saved by each house in a day; together {together:.2f} of {alone:.2f} without a market")
    axes.set_ylabel("XTS")
    axes.set_xticks(range(len(names)), [name.removeprefix("house-") for name in names], fontsize="small")
    axes.set_xlabel("house")


def _clock(axes: Any, begins: list[str]) -> None:
    every = max(1, len(begins) // _CLOCK_MARKS)
    axes.set_xlim(-1, len(begins))
    axes.set_xticks(range(0, len(begins), every), begins[::every], fontsize="small")
