"""What all accounts of a kind hold together, for the operator: money in is money somewhere. [OPS-5]"""

from dataclasses import dataclass

from thingmarket.errors import Code, Refusal
from thingmarket.ids import PartyId
from thingmarket.limits import HOLDINGS_PAGE_ACCOUNTS, INTEGER_MAX
from thingmarket.market.state import State
from thingmarket.money import currency_of
from thingmarket.settlement.accounts import AccountKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What accounts of one kind hold, minor units; below nothing is what was brought in from outside.

    `row` names the row of the tax table, for tax that was collected; else it is empty.
    """

    currency: str
    kind: AccountKind
    row: str
    minor: int
    accounts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingsPage:
    """Holdings of a part of the accounts at a log position; `next_after` is 0 when it was the last part."""

    holdings: tuple[Holding, ...]
    seq: int
    next_after: int


def list_holdings(state: State, party: PartyId, after: int) -> HoldingsPage:
    """Sum up the next part of the accounts; parts of one log position add up (OPERATOR_ONLY). [OPS-5]"""
    if party != state.node:
        raise Refusal(Code.OPERATOR_ONLY, "only the operator sees what all accounts hold", "OPS-5")
    if not 0 <= after <= INTEGER_MAX:
        raise Refusal(Code.OUT_OF_RANGE, f"after={after} is no account", "OPS-5")
    ledgers = {currency_of(code).ledger: code for code in state.currencies}
    sums: dict[tuple[str, AccountKind, str], list[int]] = {}
    last = min(after + HOLDINGS_PAGE_ACCOUNTS, state.ledger.size)
    for name, minor in state.ledger.held(after, last):
        currency = ledgers.get(name.ledger)
        if currency is None:
            continue  # goods and points
        row = name.reference.decode() if name.kind == AccountKind.TAX_PAYABLE else ""
        line = sums.setdefault((currency, AccountKind(name.kind), row), [0, 0])
        line[0] += minor
        line[1] += 1
    return HoldingsPage(
        holdings=tuple(
            Holding(currency=currency, kind=kind, row=row, minor=minor, accounts=accounts)
            for (currency, kind, row), (minor, accounts) in sorted(sums.items())
        ),
        seq=state.seq,
        next_after=last if last < state.ledger.size else 0,
    )
