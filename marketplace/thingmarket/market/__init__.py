"""The market: `Market.apply(entry) -> Outcome`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from thingmarket.market.market import Market

__all__ = ["Market"]


def __getattr__(name: str) -> Any:
    """Load the state machine only for who runs one: a device reads records of it and has little memory."""
    if name != "Market":
        raise AttributeError(f"thingmarket.market has no {name}")
    from thingmarket.market.market import Market  # noqa: PLC0415

    return Market
