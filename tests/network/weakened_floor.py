"""The command line with books that take a little more than their terms say: what a scenario has to notice."""

import sys

from thingmarket.market import market_states
from thingmarket.market.desk_terms import desk_terms
from thingmarket.market.order_records import MarketRecord
from thingmarket.trading.terms import MarketTerms
from thingmarket.values import changed
from thingmarket_node.cli import main


def dearer(record: MarketRecord) -> MarketTerms:
    """The terms with a fee of a hundredth of a percent more, where there is one."""
    terms = desk_terms(record)
    return changed(terms, fee_basis_points=terms.fee_basis_points + (terms.fee_basis_points > 0))


if __name__ == "__main__":
    market_states.desk_terms = dearer  # type: ignore[attr-defined]  # what opens markets looks it up there
    sys.exit(main())
