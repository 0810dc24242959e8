"""The desk of a market: the native one where it was built, else the plain Python one."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any, Final

from thingmarket.limits import RESTING_PER_OWNER_MAX
from thingmarket.matching.engine import Asked
from thingmarket.settlement import accounts
from thingmarket.settlement.ledger import Ledger
from thingmarket.trading.desk import Desk
from thingmarket.trading.terms import MarketTerms

_NATIVE: Final = "thingmarket.trading._desk"


def new_desk(
    *,
    ledger: Ledger,
    operator: int,
    kind: Asked = "auto",
    resting_per_owner_max: int = RESTING_PER_OWNER_MAX,
) -> Desk:
    """A desk without a market; one that must be native is an ImportError where it was not built.

    A native desk works on a native ledger. It is no subclass, but does all that the readable one does.
    """
    desk: Desk = _desks(ledger, kind)(
        ledger=ledger, operator=operator, kind=kind, resting_per_owner_max=resting_per_owner_max
    )
    return desk


def restored_desk(
    data: bytes,
    *,
    ledger: Ledger,
    operator: int,
    terms: Iterable[MarketTerms],
    kind: Asked = "auto",
    resting_per_owner_max: int = RESTING_PER_OWNER_MAX,
) -> Desk:
    """The desk whose snapshot this is, whichever kind wrote it (MALFORMED)."""
    desk: Desk = _desks(ledger, kind).restore(
        data,
        ledger=ledger,
        operator=operator,
        terms=terms,
        kind=kind,
        resting_per_owner_max=resting_per_owner_max,
    )
    return desk


def _desks(ledger: Ledger, kind: Asked) -> Any:
    """The class to be had."""
    plain = isinstance(ledger.accounts, accounts.AccountTable)
    if kind == "python" or (kind == "auto" and plain):
        return Desk
    try:
        return import_module(_NATIVE).Desk
    except ImportError:
        if kind == "native":
            raise
        return Desk
