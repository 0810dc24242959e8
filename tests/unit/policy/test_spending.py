"""Counters: what was spent in a UTC day and in all, for every link of a chain. [MAN-7]"""

from pytest import raises

from tests.support.mandates import ROOT, child_of, meet
from thingmarket.canonical import packer, unpacker
from thingmarket.policy.spending import NOTHING_SPENT, SpendingCounter, after, counted, spent
from thingmarket.time import UtcDay

MONDAY, TUESDAY = UtcDay(20_000), UtcDay(20_001)


def test_amounts_of_one_day_add_up() -> None:
    counter = after(after(NOTHING_SPENT, MONDAY, 30), MONDAY, 12)
    assert counter == SpendingCounter(day=MONDAY, day_minor=42, total_minor=42, orders=2)
    assert spent(counter, MONDAY) == 42


def test_a_new_day_begins_with_nothing_and_the_total_goes_on() -> None:
    counter = after(NOTHING_SPENT, MONDAY, 30)
    assert spent(counter, TUESDAY) == 0
    assert after(counter, TUESDAY, 12) == SpendingCounter(day=TUESDAY, day_minor=12, total_minor=42, orders=2)


def test_days_never_go_back() -> None:
    with raises(AssertionError):
        spent(after(NOTHING_SPENT, TUESDAY, 30), MONDAY)


def test_one_order_counts_for_every_link_and_for_its_currency_only() -> None:
    child = meet(ROOT, child_of(ROOT))
    first = dict(counted(child, {}, currency="EUR", day=MONDAY, amount_minor=30))
    assert list(first) == [(child.links[0], "EUR"), (child.links[1], "EUR")]
    again = dict(counted(child, first, currency="EUR", day=MONDAY, amount_minor=12))
    assert {counter.day_minor for counter in again.values()} == {42}
    other = dict(counted(child, again, currency="USD", day=MONDAY, amount_minor=1))
    assert {counter.total_minor for counter in other.values()} == {1}


def test_what_the_parent_spends_itself_is_not_the_childs() -> None:
    parent, child = meet(ROOT), meet(ROOT, child_of(ROOT))
    counters = dict(counted(parent, {}, currency="EUR", day=MONDAY, amount_minor=30))
    counters |= dict(counted(child, counters, currency="EUR", day=MONDAY, amount_minor=12))
    assert [counters[link, "EUR"].day_minor for link in child.links] == [42, 12]


def test_a_counter_reads_back_as_it_was_stored() -> None:
    counter = after(NOTHING_SPENT, MONDAY, 30)
    assert unpacker(SpendingCounter)(packer(SpendingCounter)(counter)) == counter
