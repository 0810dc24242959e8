"""Units of a contract as a table for people."""

from collections.abc import Mapping
from typing import Any, Final

from thingmarket_node.cli.amounts import written

UNIT_COLUMNS: Final = ("unit", "steps", "total", "goods", "money", "late credit")


def unit_rows(contract: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """One row for each unit of a contract, as `parties.contract_value` writes it."""
    currency = contract["currency"]
    return [
        (
            unit["number"],
            unit["quantity_steps"],
            written(unit["total_minor"], currency),
            unit["fulfilment"],
            unit["escrow"],
            written(unit["late_credit_minor"], currency) if unit["late_credit_minor"] else "",
        )
        for unit in contract["units"]
    ]
