"""Counters: what was reserved and spent in a UTC day, a month and in all, for every link. [MAN-7]"""

from pytest import mark, raises

from tests.support.mandates import ROOT, child_of, meet
from thingmarket.canonical import packer, unpacker
from thingmarket.limits import DAY_MS
from thingmarket.policy.spending import (
    NOTHING_SPENT,
    CounterKey,
    Reservation,
    SpendingCounter,
    close_order,
    commit,
    orders_in_day,
    release,
    reservation_of,
    reserve,
    spend,
    spent_in_day,
    spent_in_month,
)
from thingmarket.time import UnixMs, UtcDay, UtcMonth, utc_day, utc_month

MONDAY = UnixMs(20_000 * DAY_MS)  # 2024-10-04, of a month that goes on for weeks
TUESDAY = UnixMs(MONDAY + DAY_MS)
LAST_OF_JANUARY = UnixMs(1_832_889_600_000)  # 2028-01-31
Books = dict[CounterKey, SpendingCounter]


def order(amount_minor: int, time_ms: UnixMs = MONDAY, currency: str = "EUR") -> Reservation:
    return reservation_of(meet(ROOT), currency=currency, time_ms=time_ms, amount_minor=amount_minor)


def spent(*orders: Reservation) -> SpendingCounter:
    books: Books = {}
    for one in orders:
        books |= spend(books, one)
    return books[only_key()]


def only_key() -> CounterKey:
    return (meet(ROOT).links[0], "EUR")


def test_amounts_of_one_day_add_up() -> None:
    counter = spent(order(30), order(12))
    assert (counter.day_minor, counter.month_minor, counter.total_minor) == (42, 42, 42)
    assert (counter.orders, counter.day_orders, counter.open_orders) == (2, 2, 2)
    assert spent_in_day(counter, utc_day(MONDAY)) == 42


def test_a_new_day_begins_with_nothing_and_month_and_total_go_on() -> None:
    counter = spent(order(30))
    assert spent_in_day(counter, utc_day(TUESDAY)) == orders_in_day(counter, utc_day(TUESDAY)) == 0
    counter = spent(order(30), order(12, TUESDAY))
    assert (counter.day_minor, counter.month_minor, counter.total_minor) == (12, 42, 42)
    assert (counter.orders, counter.day_orders) == (2, 1)


def test_days_never_go_back() -> None:
    with raises(AssertionError):
        spent(order(30, TUESDAY), order(1))
    with raises(AssertionError):
        spent_in_day(spent(order(30, TUESDAY)), utc_day(MONDAY))


@mark.parametrize(
    ("last_ms", "same_month"),
    [
        (20_000 * DAY_MS - 1, True),  # the last millisecond of 2024-10-03
        (1_830_297_600_000 - 1, False),  # 2027-12-31T23:59:59.999, the end of a year
        (1_830_297_600_000 + 59 * DAY_MS - 1, True),  # 2028-02-28: a leap day follows
        (1_830_297_600_000 + 60 * DAY_MS - 1, False),  # 2028-02-29, the leap day itself
        (1_830_297_600_000 + 91 * DAY_MS - 1, False),  # 2028-03-31
    ],
)
def test_the_next_millisecond_is_another_day_and_at_a_months_end_another_month(
    last_ms: int, same_month: bool
) -> None:
    counter = spent(order(30, UnixMs(last_ms)), order(12, UnixMs(last_ms + 1)))
    assert counter.day_minor == 12 and counter.total_minor == 42
    assert counter.month_minor == (42 if same_month else 12)
    before = spent(order(30, UnixMs(last_ms)))
    assert spent_in_day(before, utc_day(UnixMs(last_ms))) == 30
    assert spent_in_day(before, utc_day(UnixMs(last_ms + 1))) == 0
    next_month = utc_month(utc_day(UnixMs(last_ms + 1)))
    assert spent_in_month(before, next_month) == (30 if same_month else 0)


def test_one_order_counts_for_every_link_and_for_its_currency_only() -> None:
    child = meet(ROOT, child_of(ROOT))

    def of(currency: str, amount: int) -> Reservation:
        return reservation_of(child, currency=currency, time_ms=MONDAY, amount_minor=amount)

    first = dict(spend({}, of("EUR", 30)))
    assert list(first) == [(child.links[0], "EUR"), (child.links[1], "EUR")]
    again = dict(spend(first, of("EUR", 12)))
    assert {counter.day_minor for counter in again.values()} == {42}
    assert {counter.total_minor for counter in dict(spend(again, of("USD", 1))).values()} == {1}


def test_what_the_parent_spends_itself_is_not_the_childs() -> None:
    parent, child = meet(ROOT), meet(ROOT, child_of(ROOT))
    books: Books = dict(spend({}, reservation_of(parent, currency="EUR", time_ms=MONDAY, amount_minor=30)))
    books |= spend(books, reservation_of(child, currency="EUR", time_ms=MONDAY, amount_minor=12))
    assert [books[link, "EUR"].total_minor for link in child.links] == [42, 12]


# --- reserve, commit, release, close


def test_what_waits_counts_as_spent_and_holds_no_money() -> None:
    counter = dict(reserve({}, order(30)))[only_key()]
    assert (counter.day_minor, counter.month_minor, counter.total_minor) == (30, 30, 30)
    assert (counter.reserved_minor, counter.open_minor) == (30, 30)
    assert (counter.open_orders, counter.open_holds) == (1, 0)


def test_reserving_and_committing_is_the_same_as_spending() -> None:
    books: Books = dict(reserve({}, order(30)))
    assert dict(commit(books, order(30))) == dict(spend({}, order(30)))


def test_what_is_released_is_free_again_but_the_order_was_placed() -> None:
    books: Books = dict(reserve({}, order(30)))
    counter = dict(release(books, order(30)))[only_key()]
    assert (counter.day_minor, counter.month_minor, counter.total_minor, counter.open_minor) == (0, 0, 0, 0)
    assert (counter.reserved_minor, counter.open_orders, counter.open_holds) == (0, 0, 0)
    assert (counter.orders, counter.day_orders) == (1, 1)


def test_a_better_price_gives_the_rest_back_to_its_own_bucket() -> None:
    books: Books = dict(reserve({}, order(30)))
    counter = dict(commit(books, order(30), amount_minor=18))[only_key()]
    assert (counter.day_minor, counter.total_minor, counter.open_minor) == (18, 18, 18)
    assert (counter.reserved_minor, counter.open_holds) == (0, 1)
    with raises(AssertionError):
        commit(books, order(30), amount_minor=31)


def test_a_release_on_a_later_day_leaves_that_day_alone() -> None:
    waits = order(30)
    books: Books = dict(reserve({}, waits))
    books |= spend(books, order(12, TUESDAY))
    counter = dict(release(books, waits))[only_key()]
    assert (counter.day, counter.day_minor) == (utc_day(TUESDAY), 12)
    assert (counter.month_minor, counter.total_minor) == (12, 12)  # the month was the same


def test_a_release_in_a_later_month_changes_the_total_only() -> None:
    waits = order(30, LAST_OF_JANUARY)
    books: Books = dict(reserve({}, waits))
    books |= spend(books, order(12, UnixMs(LAST_OF_JANUARY + DAY_MS)))
    counter = dict(release(books, waits))[only_key()]
    assert (counter.day_minor, counter.month_minor, counter.total_minor) == (12, 12, 12)


def test_a_commit_on_a_later_day_counts_where_it_was_reserved() -> None:
    waits = order(30)
    books: Books = dict(reserve({}, waits))
    books |= spend(books, order(12, TUESDAY))
    counter = dict(commit(books, waits))[only_key()]
    assert spent_in_day(counter, utc_day(TUESDAY)) == 12
    assert (counter.month_minor, counter.total_minor) == (42, 42)


def test_a_closed_order_is_not_open_and_its_cost_stays_spent() -> None:
    books: Books = dict(spend({}, order(30)))
    closed = dict(close_order(books, meet(ROOT).links, currency="EUR", amount_minor=30))[only_key()]
    assert (closed.open_orders, closed.open_holds, closed.open_minor) == (0, 0, 0)
    assert (closed.day_minor, closed.month_minor, closed.total_minor) == (30, 30, 30)


def test_nothing_is_given_back_twice() -> None:
    books: Books = dict(reserve({}, order(30)))
    books |= release(books, order(30))
    with raises(AssertionError):
        release(books, order(30))
    with raises(AssertionError):
        close_order(books, meet(ROOT).links, currency="EUR", amount_minor=1)


def test_an_order_costs_something() -> None:
    with raises(AssertionError):
        order(0)


def test_counters_and_reservations_are_stored_and_read_back() -> None:
    waits = order(30)
    for kind, value in ((SpendingCounter, spent(order(30))), (Reservation, waits)):
        assert unpacker(kind)(packer(kind)(value)) == value
    assert NOTHING_SPENT.day == UtcDay(0) and NOTHING_SPENT.month == UtcMonth(0)
