"""The account table of this machine: the compiled one where it was built, else the readable one."""

from importlib import import_module
from typing import Final, Literal

from thingmarket.settlement.accounts import AccountTable

Kind = Literal["auto", "native", "python"]

_NATIVE: Final = "thingmarket.settlement._accounts"


def new_table(kind: Kind = "auto") -> AccountTable:
    """An empty table, native where that was built; one that must be native is an ImportError without.

    The native one is no subclass, but does all that this one does and gives the same bytes.
    """
    if kind == "python":
        return AccountTable()
    try:
        native = import_module(_NATIVE)
    except ImportError:
        if kind == "native":
            raise
        return AccountTable()
    table: AccountTable = native.AccountTable()
    return table
