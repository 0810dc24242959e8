"""What a person is told of a refused order in a book, and what to do next."""

from thingmarket.errors import BOOK_REASON_BASE, Code
from thingmarket.matching.records import Reason
from thingmarket.policy.decision import Decision, Verdict
from thingmarket_node.cli.trouble import described, refusal_of


def test_an_order_above_the_threshold_does_not_send_anybody_to_the_inbox() -> None:
    """[COS-1] In a book nothing waits for approval."""
    decision = Decision(Verdict.DENY, ("COS-1",), ())
    told = described(refusal_of(Code.NEED_COSIGN, decision, 12))
    assert (told["number"], told["rule"]) == (Code.NEED_COSIGN, "COS-1")
    assert "inbox" not in told["next"] and "owner order" in told["next"]


def test_what_a_mandate_refuses_names_the_entry_that_has_the_facts() -> None:
    told = described(refusal_of(Code.OVER_ORDER, Decision(Verdict.DENY, ("LIM-2",), ()), 12))
    assert "explain --entry 12" in told["next"]
    told = described(refusal_of(BOOK_REASON_BASE + Reason.BAD_PRICE, None, 12))
    assert "--negative" in told["next"]
