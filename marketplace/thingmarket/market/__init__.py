"""The market: `Market.apply(entry) -> Outcome`."""

from thingmarket.market.market import Market

__all__ = ["Market"]
