"""The device SDK: things and their owners, at home in any asyncio program."""

from thingmarket_client.errors import FateUnknown, Forked, RefusedByNode, Unanswered, UnsafeFile
from thingmarket_client.mandates import bound_item, only, spending_limit
from thingmarket_client.owner import Owner, create_owner
from thingmarket_client.thing import Thing, create_thing

__all__ = [
    "FateUnknown",
    "Forked",
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
