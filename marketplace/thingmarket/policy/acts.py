"""What somebody wants to do, as far as an owner's rules look at it."""

from dataclasses import dataclass

from thingmarket.catalog.attributes import Attribute
from thingmarket.identity.mandates import Action
from thingmarket.identity.terms import Place
from thingmarket.time import UnixMs
from thingmarket.values import quick


@dataclass(frozen=True, slots=True, kw_only=True)
class DataShared:
    """Which kinds of data are given to whom for what, and for how long they may be kept."""

    kinds: tuple[str, ...]
    purpose: str
    retention_days: int


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What somebody wants to do. Fields that an action has no use for stay empty.

    `counterparty` is the other side's owner; its assurance is that of the thing which sells. The net price
    is `price_minor` per `price_base_steps`; 10 ** `unit_scale` steps are one whole unit. `payable_minor`
    includes tax and fees. `attributes` are the offer's. `place` is coarse. An act that
    `follows` carries out what was agreed before: it is possible at any hour.
    """

    action: Action
    time_ms: UnixMs
    node: str
    category: str = ""
    counterparty: str = ""
    product_id: str = ""
    currency: str = ""
    payable_minor: int = 0
    price_minor: int = 0
    price_base_steps: int = 1
    unit: str = ""
    unit_scale: int = 0
    quantity_steps: int = 0
    body_digest: bytes = b""
    counterparty_assurance: int = 0
    delivery_ms: int = 0
    attributes: tuple[Attribute, ...] = ()
    place: Place | None = None
    shared: DataShared | None = None
    follows: bool = False
