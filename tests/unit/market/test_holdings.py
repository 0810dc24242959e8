"""The operator's look at all accounts: every cent that came in is somewhere."""

import pytest

from tests.unit.market.test_billing import Shop
from thingmarket.errors import Code, Refusal
from thingmarket.limits import HOLDINGS_PAGE_ACCOUNTS
from thingmarket.market.holdings import HoldingsPage, list_holdings
from thingmarket.settlement.accounts import AccountKind
from thingmarket.v1 import billing_pb2 as pb
from thingmarket.wire.holdings import holdings_message, read_holdings


def pages(shop: Shop) -> list[HoldingsPage]:
    """Every part, as it comes through the wire."""
    found, after = [], 0
    while True:
        page = list_holdings(shop.world.state, shop.world.operator.id, after)
        message = pb.ListHoldingsResponse.FromString(holdings_message(page).SerializeToString())
        assert read_holdings(message) == page
        found.append(page)
        if not (after := page.next_after):
            return found


def by_kind(found: list[HoldingsPage]) -> dict[tuple[AccountKind, str], int]:
    sums: dict[tuple[AccountKind, str], int] = {}
    for one in (one for page in found for one in page.holdings):
        sums[one.kind, one.row] = sums.get((one.kind, one.row), 0) + one.minor
    return {name: minor for name, minor in sums.items() if minor}


def test_what_is_held_is_what_was_brought_in() -> None:  # [OPS-5] [SET-1]
    shop = Shop()
    shop.sold()
    shop.world.bought(shop.printer, shop.world.offer(shop.shop, jurisdiction="DE"))
    assert by_kind(pages(shop)) == {
        (AccountKind.OWNER_WALLET, ""): 10_000_00 - 11_90 - 11_90 + 878,
        (AccountKind.ESCROW, ""): 11_90,
        (AccountKind.SELLER_RESERVE, ""): 97,
        (AccountKind.FEE_INCOME, ""): 25,
        (AccountKind.TAX_PAYABLE, "DE:S"): 190,
        (AccountKind.EXTERNAL, ""): -10_000_00,
    }


def test_many_accounts_are_added_up_in_parts_of_one_log_position() -> None:  # [OPS-5]
    shop = Shop()
    for number in range(HOLDINGS_PAGE_ACCOUNTS):
        shop.world.owner(f"owner{number}", fund=100)
    found = pages(shop)
    assert len(found) > 1 and {page.seq for page in found} == {shop.world.state.seq}
    assert sum(one.minor for page in found for one in page.holdings) == 0


def test_nobody_but_the_operator_looks() -> None:  # [OPS-5]
    shop = Shop()
    for party in (shop.anna.id, shop.shop.id):
        with pytest.raises(Refusal) as caught:
            list_holdings(shop.world.state, party, 0)
        assert caught.value.number == Code.OPERATOR_ONLY
    with pytest.raises(Refusal) as caught:
        list_holdings(shop.world.state, shop.world.operator.id, -1)
    assert caught.value.number == Code.OUT_OF_RANGE


def test_a_kind_that_does_not_exist_is_refused() -> None:  # [OPS-5]
    with pytest.raises(Refusal) as caught:
        read_holdings(pb.ListHoldingsResponse(holdings=[pb.HoldingView(currency="EUR", kind=1)]))
    assert caught.value.number == Code.BAD_FIELD
