"""Matching of packed orders in price-time priority."""

from thingmarket.matching.engine import Engine

__all__ = ["Engine"]
