"""The arithmetic of invoices: exact sums, one rounding, and a payable that is what moved."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from thingmarket.billing.arithmetic import date_text, decimal_text, kept, net_within, settled, tax_of

rates = st.integers(0, 10_000)
amounts = st.integers(0, 10**12)


@given(amounts, rates)
def test_the_net_within_an_amount_is_the_largest_that_it_pays_for(gross: int, rate: int) -> None:
    """[INV-3]"""
    net = net_within(gross, rate)
    assert net + tax_of(net, rate) <= gross < net + 1 + tax_of(net + 1, rate)


@given(amounts, rates, st.integers(-1, 3), st.integers(0, 10**6))
def test_what_is_invoiced_adds_up_to_what_moved(net: int, rate: int, extra: int, credit: int) -> None:
    """[INV-2] [INV-3]"""
    payable = max(0, net + tax_of(net, rate) + extra - credit)
    found = settled(net_minor=net, payable_minor=payable, rate_basis_points=rate)
    assert found.payable_minor == payable
    assert found.tax_minor == tax_of(found.net_minor, rate)
    assert found.net_minor <= net
    assert -1 <= found.rounding_minor <= max(1, extra)


@given(st.integers(0, 10**9), st.integers(1, 10**9), st.data())
def test_what_is_given_back_in_parts_is_never_more_than_the_whole(
    whole: int, of: int, data: st.DataObject
) -> None:
    """[SET-9]"""
    left, before, given_back = of, whole, 0
    while left:
        left -= data.draw(st.integers(max(1, of // 5), of)) if left > of // 5 else left
        left = max(0, left)
        now = kept(whole, part=left, of=of)
        given_back, before = given_back + before - now, now
        assert given_back <= whole
    assert given_back == whole


@given(st.integers(1_577_836_800_000, 4_102_444_799_999))
def test_the_date_of_a_time_is_that_of_the_calendar(time_ms: int) -> None:
    assert date_text(time_ms) == datetime.fromtimestamp(time_ms // 1000, UTC).date().isoformat()


def test_minor_units_are_written_with_the_digits_of_their_currency() -> None:
    assert [decimal_text(1_999, 2), decimal_text(-5, 2), decimal_text(100, 0)] == ["19.99", "-0.05", "100"]
