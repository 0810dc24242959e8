import pytest

from tests.unit.catalog.samples import an_offer
from thingmarket.catalog.pricing import Price, price
from thingmarket.errors import Code, Refusal
from thingmarket.limits import INTEGER_MAX


@pytest.mark.parametrize(
    ("price_minor", "base", "steps", "basis_points", "net", "tax"),
    [
        (1_999, 1, 1, 1_900, 1_999, 380),  # 379.81
        (1_999, 1, 2, 1_900, 3_998, 760),  # 759.62: tax on the rounded net, not twice 380
        (1_999, 1, 2, 0, 3_998, 0),
        (49, 1, 1, 100, 49, 0),  # 0.49
        (50, 1, 1, 100, 50, 1),  # 0.5
        (25, 1_000, 1_500, 700, 38, 3),  # 37.5 rounds up; 2.66
        (25, 1_000, 1_499, 700, 37, 3),  # 37.475 rounds down
        (1, 2, 1, 5_000, 1, 1),  # both exactly a half
        (INTEGER_MAX, INTEGER_MAX, INTEGER_MAX, 0, INTEGER_MAX, 0),
    ],
)
def test_net_and_tax_are_each_rounded_half_up_once(
    *, price_minor: int, base: int, steps: int, basis_points: int, net: int, tax: int
) -> None:  # [BUY-2]
    offer = an_offer(price_minor=price_minor, price_base_steps=base)
    assert price(offer, steps, basis_points) == Price(net_minor=net, tax_minor=tax, total_minor=net + tax)


@pytest.mark.parametrize(
    ("price_minor", "base", "steps", "basis_points"),
    [
        (INTEGER_MAX, 1, 2, 0),
        (INTEGER_MAX, 1, INTEGER_MAX, 1_900),
        (INTEGER_MAX, 1, 1, 1),  # the tax alone goes too far
        (1, 3, 1, 1_900),  # rounds to nothing
        (1, 1, 0, 0),
        (1, 1, -1, 0),
        (1, 1, 2**53, 0),
        (1, 1, 2**63 - 1, 0),
    ],
)
def test_a_total_of_nothing_or_beyond_2_to_the_53_is_out_of_range(
    price_minor: int, base: int, steps: int, basis_points: int
) -> None:
    with pytest.raises(Refusal) as caught:
        price(an_offer(price_minor=price_minor, price_base_steps=base), steps, basis_points)
    assert caught.value.number == Code.OUT_OF_RANGE
