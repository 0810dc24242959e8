"""What a log says of the refused orders of a frame: by status and rule, the most frequent first, bounded."""

from thingmarket.errors import Code
from thingmarket.limits import ORDERS_EXPLAINED_MAX
from thingmarket.matching.records import Reason
from thingmarket.policy.decision import Decision, Fact, Verdict
from thingmarket.trading.frame import book_status
from thingmarket_node.refused_orders import refusals


def denied(*facts: Fact) -> Decision:
    return Decision(Verdict.DENY, (), facts)


def test_refused_orders_are_counted_by_status_and_rule_the_most_frequent_first() -> None:
    statuses = (0, book_status(Reason.BAD_PRICE), Code.OVER_ORDER, 0, Code.OVER_ORDER)
    facts = (
        Fact("order.1", "BOOK_5 BOK-4"),
        Fact("order.2", "OVER_ORDER LIM-2"),
        Fact("order.4", "OVER_ORDER LIM-2"),
    )
    assert list(refusals(statuses, denied(*facts)).items()) == [
        ("OVER_ORDER LIM-2", 2),
        ("BAD_PRICE BOK-4", 1),
    ]
    assert refusals((0, 0), None) == {}


def test_behind_what_an_outcome_explains_the_rule_is_told_where_there_is_one_for_all() -> None:
    more = ORDERS_EXPLAINED_MAX + 3
    stock = [Fact(f"order.{index}", "OUT_OF_STOCK MKT-4") for index in range(ORDERS_EXPLAINED_MAX)]
    assert refusals([Code.OUT_OF_STOCK] * more, denied(*stock)) == {"OUT_OF_STOCK MKT-4": more}
    mandate = [Fact(f"order.{index}", "OVER_ORDER LIM-2") for index in range(ORDERS_EXPLAINED_MAX)]
    told = refusals([Code.OVER_ORDER] * more, denied(*mandate))
    assert told == {"OVER_ORDER LIM-2": ORDERS_EXPLAINED_MAX, "OVER_ORDER": 3}


def test_a_frame_refused_for_many_things_is_one_line_all_the_same() -> None:
    reasons = [Reason.BAD_PRICE, *(reason for reason in Reason if reason)]
    told = refusals(map(book_status, reasons), None)
    assert next(iter(told)) == "BAD_PRICE BOK-4" and told["BAD_PRICE BOK-4"] == 2
    assert len(told) == 9 and sum(told.values()) == len(reasons) and told["others"] > 1
