"""The device SDK: things and their owners, at home in any asyncio program.

Programs without asyncio use `thingmarket_client.blocking`.
"""

from typing import TYPE_CHECKING, Any

from thingmarket_client.errors import (
    Closed,
    FateUnknown,
    Forked,
    NotYet,
    RefusedByNode,
    Unanswered,
    UnsafeFile,
)
from thingmarket_client.mandates import bound_item, only, spending_limit
from thingmarket_client.thing import Thing, create_thing

if TYPE_CHECKING:
    from thingmarket_client.owner import Owner, create_owner

__all__ = [
    "Closed",
    "FateUnknown",
    "Forked",
    "NotYet",
    "Owner",
    "RefusedByNode",
    "Thing",
    "Unanswered",
    "UnsafeFile",
    "bound_item",
    "create_owner",
    "create_thing",
    "only",
    "spending_limit",
]


def __getattr__(name: str) -> Any:
    """Load what is an owner's only for owners: a device has little memory."""
    if name not in {"Owner", "create_owner"}:
        raise AttributeError(f"thingmarket_client has no {name}")
    from thingmarket_client import owner  # noqa: PLC0415

    return getattr(owner, name)
