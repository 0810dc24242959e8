"""What the operator reads of all accounts, as messages. [OPS-5]"""

from thingmarket.errors import Code, Refusal
from thingmarket.limits import TAX_ROWS_MAX
from thingmarket.market.holdings import Holding, HoldingsPage
from thingmarket.money import CURRENCIES, currency_of
from thingmarket.settlement.accounts import AccountKind
from thingmarket.v1 import billing_pb2 as pb

_ROWS_MAX = len(CURRENCIES) * (len(AccountKind) + TAX_ROWS_MAX)
_KINDS = {int(kind): kind for kind in AccountKind}


def holdings_request(after: int) -> pb.ListHoldingsRequest:
    """Ask for the next part."""
    return pb.ListHoldingsRequest(after=after)


def holdings_message(page: HoldingsPage) -> pb.ListHoldingsResponse:
    """Write a part."""
    return pb.ListHoldingsResponse(
        holdings=[
            pb.HoldingView(
                currency=one.currency, kind=one.kind, row=one.row, minor=one.minor, accounts=one.accounts
            )
            for one in page.holdings
        ],
        seq=page.seq,
        next_after=page.next_after,
    )


def read_holdings(message: pb.ListHoldingsResponse) -> HoldingsPage:
    """Read a part (TOO_LARGE, BAD_FIELD, UNKNOWN_CURRENCY)."""
    if len(message.holdings) > _ROWS_MAX:
        raise Refusal(Code.TOO_LARGE, "more holdings than kinds of accounts", "OPS-5")
    unknown = [one.kind for one in message.holdings if one.kind not in _KINDS]
    if unknown:
        raise Refusal(Code.BAD_FIELD, f"no account is of kind {unknown[0]}", "OPS-5")
    return HoldingsPage(
        holdings=tuple(
            Holding(
                currency=currency_of(one.currency).code,
                kind=_KINDS[one.kind],
                row=one.row,
                minor=one.minor,
                accounts=one.accounts,
            )
            for one in message.holdings
        ),
        seq=message.seq,
        next_after=message.next_after,
    )
