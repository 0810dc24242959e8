"""Parts of a contract: they sum exactly, whatever is divided by whatever."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.catalog.samples import an_offer
from thingmarket.catalog.pricing import price
from thingmarket.catalog.terms import Milestone, Terms
from thingmarket.contract.units import divided, units_of
from thingmarket.proportions import WHOLE_MILLIONTHS, parts

DELIVERY_MS = 1_000


def in_shares(*shares: int) -> Terms:
    """Milestones of these millionths."""
    return Terms(
        milestones=tuple(
            Milestone(title="a part", share_millionths=s, delivery_ms=DELIVERY_MS) for s in shares
        )
    )


@given(st.integers(0, 2**53), st.lists(st.integers(1, 10**6), min_size=1, max_size=16))
def test_parts_sum_exactly_and_are_within_one_of_their_share(amount: int, shares: list[int]) -> None:
    found = parts(amount, shares)
    assert sum(found) == amount
    whole = sum(shares)
    for part, share in zip(found, shares, strict=True):
        assert abs(part * whole - amount * share) < whole


def test_what_is_left_over_goes_to_the_largest_remainders_and_then_to_the_first() -> None:  # [CON-5]
    assert parts(10, (1, 1, 1)) == (4, 3, 3)
    assert parts(2, (500_000, 300_000, 200_000)) == (1, 1, 0)
    assert parts(0, (1, 1)) == (0, 0)


def test_a_plain_offer_makes_one_unit_of_everything() -> None:  # [CON-4]
    plain = an_offer(delivery_ms=DELIVERY_MS)
    cost = price(plain, 3, 1_900)
    (only,) = units_of(plain, cost, 3, 50)
    assert (only.number, only.milestone, only.quantity_steps, only.total_minor) == (1, 0, 3, cost.total_minor)
    assert only.deliver_by_ms == 50 + DELIVERY_MS


@given(st.integers(1, 100), st.lists(st.integers(1, 50), min_size=1, max_size=8))
def test_milestones_divide_goods_net_and_tax_exactly(quantity: int, weights: list[int]) -> None:  # [CON-5]
    shares = parts(WHOLE_MILLIONTHS, weights)
    made = an_offer(delivery_ms=DELIVERY_MS, terms=in_shares(*shares))
    cost = price(made, quantity, 1_900)
    units = units_of(made, cost, quantity, 0)
    assert [unit.number for unit in units] == list(range(1, len(weights) + 1))
    assert sum(unit.quantity_steps for unit in units) == quantity
    assert sum(unit.net_minor for unit in units) == cost.net_minor
    assert sum(unit.tax_minor for unit in units) == cost.tax_minor
    assert all(unit.total_minor == unit.net_minor + unit.tax_minor for unit in units)


@given(st.integers(2, 1_000), st.data())
def test_a_divided_unit_is_as_much_as_it_was(quantity: int, data: st.DataObject) -> None:  # [FUL-6]
    plain = an_offer(delivery_ms=DELIVERY_MS, max_steps=1_000, stock_steps=1_000)
    (whole,) = units_of(plain, price(plain, quantity, 1_900), quantity, 0)
    delivered = data.draw(st.integers(1, quantity - 1))
    now, later = divided(whole, delivered, 2)
    assert (now.number, later.number, now.quantity_steps) == (1, 2, delivered)
    for part in ("quantity_steps", "net_minor", "tax_minor", "total_minor"):
        assert getattr(now, part) + getattr(later, part) == getattr(whole, part)
    assert replace(later, number=1).deliver_by_ms == whole.deliver_by_ms
