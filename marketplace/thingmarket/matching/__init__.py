"""Matching of packed orders in price-time priority."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from thingmarket.matching.engine import Engine

__all__ = ["Engine"]


def __getattr__(name: str) -> Any:
    """Load the books only for who keeps some: a device packs orders and has little memory."""
    if name != "Engine":
        raise AttributeError(f"thingmarket.matching has no {name}")
    from thingmarket.matching.engine import Engine  # noqa: PLC0415

    return Engine
