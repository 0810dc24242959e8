"""What went wrong, in words: number, name, reason, rule, and what to do next."""

import json
import sys
from typing import Any, Final

import click

from thingmarket.errors import BOOK_REASON_BASE, LEDGER_STATUS_BASE, Code, Refusal
from thingmarket.matching.records import Reason
from thingmarket.policy.decision import Decision
from thingmarket.policy.rules import RULES
from thingmarket.settlement.transfers import Status
from thingmarket_node.refused_orders import name_of

# What the reader can do about a refusal; a code that is not here has nothing to add to its reason.
_NEXT: Final = {
    Code.UNAVAILABLE: "Start it: `thingmarket node run HOME`. If it has moved, say with --node where it is.",
    Code.BUSY: "Try again in a moment; a process or address that is named has to become free first.",
    Code.RATE_LIMITED: "Try again in a moment.",
    Code.UNKNOWN_PARTY: "An owner becomes known by `owner init`, a thing by a mandate: `owner mandate`.",
    Code.UNKNOWN_MANDATE: "Give the thing a mandate: `thingmarket owner mandate OWNER THING`.",
    Code.MANDATE_REVOKED: "The owner ended this mandate; give a new one: `owner mandate OWNER THING`.",
    Code.MANDATE_EXPIRED: "The mandate is over; give a new one: `owner mandate OWNER THING`.",
    Code.NEED_COSIGN: "It waits for the owner: `thingmarket owner inbox OWNER`, then `owner approve`.",
    Code.DENIED: "The owner's rules forbid it. He may buy himself (`owner buy`) or give another mandate.",
    Code.NEED_ENDED: "This need is over; announce a new one if there is one.",
    Code.BAD_ID: "Give the whole id, did:key:z... or tm:party:z..., as `init` printed it.",
    Code.WRONG_STATE: "See what became of it: `thingmarket owner contracts OWNER`.",
    Code.OFFER_ENDED: "Look for another offer.",
    Code.UNKNOWN_OFFER: "Look for offers that are live on this node.",
    Code.OUT_OF_STOCK: "Buy less, or from another offer.",
    Code.WRONG_TOTAL: "Read the offer again: its price or the tax of the node is another than you reckoned.",
    Code.ALREADY_KNOWN: "It is there already; go on with it, or choose another name.",
    Code.NOT_PERMITTED: "Ask as the party to whom it belongs, and for no more than an amount that is named.",
    Code.UNKNOWN_CONTRACT: "Only the two sides of a contract see it; ask as one of them with --home.",
    Code.UNKNOWN_CURRENCY: "Use a currency of the node; `node init --currency` sets them, once.",
    Code.CLOCK: "Set the clock of this machine.",
    Code.KEY_TOO_OLD: "This command is more than 24 h old and is not taken any more; look what became of it.",
    Code.TAMPERED: "Do not trust this node; keep its files and the receipts as evidence.",
    Code.ERASED: "The owner had it erased; nobody can read it any more.",
    Code.WRONG_NETWORK: "The keys are of another network than the node; make new ones with `init --node`.",
    Code.WRONG_AUDIENCE: "The card is of another node; take a fresh one from the node's folder.",
}
_NEXT_OF_RULE: Final = {
    "COS-5": "Let the owner answer what waits: `thingmarket owner inbox OWNER`.",
    "COS-13": "Ask the cosigner whom it names: `thingmarket owner cosign-for HIS_FOLDER OWNER`.",
    "COS-8": "See what waits: `thingmarket owner inbox OWNER`; what came to nothing is kept for a week.",
    "THG-12": "See why it is held: `thingmarket owner things OWNER`; then `owner release` or `owner resume`.",
    "SET-2": "Ask for less; or let the operator raise play_money_max_minor in node.toml and restart.",
    "QRY-5": "Only who decided, and the owner for whom, see why; ask as one of them with --home.",
}
_NEXT_OF_GOODS: Final = (
    "See what is free: `goods list HOME`; `order list HOME`: what holds the rest. `goods declare`: more."
)
_WORDS_OF_BOOK: Final[dict[int, str]] = {
    Reason.UNKNOWN_ORDER: "no such order rests",
    Reason.NOT_OWNER: "this order is somebody else's",
    Reason.BAD_QUANTITY: "this many lots cannot be",
    Reason.BAD_PRICE: "the market has no such price",
    Reason.WOULD_CROSS: "it would have traded at once",
    Reason.NOT_FILLABLE: "not all of it could be traded at once",
    Reason.SELF_TRADE: "it met an order of the same owner",
    Reason.WRONG_STATE: "the market does not take this at the moment",
    Reason.BOOK_FULL: "the book is full",
    Reason.BOOK_CROSSED: "orders of the book cross",
}
_WORDS_OF_ORDER: Final[dict[int, str]] = {
    Code.DENIED: "the mandate does not allow such orders in this market",
    Code.NEED_COSIGN: "this order costs more than the threshold of its mandate",
    Code.OVER_PRICE: "the mandate does not allow this price",
    Code.OVER_ORDER: "this order is larger than the mandate lets one be",
    Code.OVER_BUDGET: "this order costs more than is left of the mandate's budget",
    Code.OUTSIDE_BAND: "this price is too far from the last one",
    Code.OUT_OF_STOCK: "this order would sell more goods than are free",
    LEDGER_STATUS_BASE + Status.EXCEEDS_CREDITS: "this order costs more money than is free",
}
_NEXT_WITHOUT_FILE: Final = "Look at the path: it counts from the folder where you are."
_NEXT_OF_NUMBER: Final = {
    45_056: "Put money into the wallet: `thingmarket owner fund OWNER AMOUNT`.",
    BOOK_REASON_BASE + Reason.UNKNOWN_ORDER: "See what rests: `order list HOME`, of a thing with --of;"
    " and what traded: `market trades HOME MARKET`.",
    BOOK_REASON_BASE + Reason.BAD_PRICE: "Prices begin at one tick; below that only where the operator opened"
    " the market with --negative.",
    BOOK_REASON_BASE + Reason.WRONG_STATE: "See its state: `thingmarket market list HOME`.",
    BOOK_REASON_BASE + Reason.BOOK_CROSSED: "Hold the auction first, with --uncross.",
    BOOK_REASON_BASE + Reason.NOT_FILLABLE: "See what is there: `thingmarket market depth HOME MARKET`.",
    Code.UNKNOWN_MARKET: "See which there are: `thingmarket market list HOME`.",
    Code.OPERATOR_ONLY: "Only who has the node's keys may: `thingmarket node market`.",
    Code.OUTSIDE_BAND: "Choose a price nearer to the last one: `thingmarket market list HOME`.",
}
_OR_HIMSELF: Final = "the owner may place it himself (`owner order`) or give another mandate."
_LIMITS_OF_MANDATE: Final = frozenset(
    (
        Code.DENIED,
        Code.OVER_PRICE,
        Code.OVER_ORDER,
        Code.OVER_BUDGET,
        Code.OVER_DAY_ORDERS,
        Code.OVER_OPEN_ORDERS,
    )
)


class OrderRefused(Refusal):
    """The refusal of an order in a book; what to do next is not what it is for a purchase."""

    def __init__(self, status: int, reason: str, rule: str, *, advice: str, seq: int) -> None:
        """Refuse with a status, say what to do next, and in which entry of the log it stands."""
        super().__init__(status, reason, rule)
        self.advice = advice
        self.seq = seq


def of_the_client() -> tuple[type[Exception], ...]:
    """What the SDK raises besides refusals; loaded only once something went wrong."""
    from thingmarket_client.errors import FateUnknown, NotYet, Unanswered, UnsafeFile

    return (Unanswered, NotYet, FateUnknown, UnsafeFile)


def refusal_of(status: int, decision: Decision | None, seq: int) -> OrderRefused:
    """The refusal that the status of an order is, which the entry `seq` tells of. [MKT-7]"""
    rule = decision.rules[0] if decision and decision.rules else ""
    advice = _next_of_order(status, seq)
    return OrderRefused(status, words_of_order(status), rule, advice=advice, seq=seq)


def words_of_order(status: int) -> str:
    """Why an order was refused, in words."""
    if status in range(BOOK_REASON_BASE, LEDGER_STATUS_BASE):
        return _WORDS_OF_BOOK.get(status - BOOK_REASON_BASE, "the book refused this order")
    return _WORDS_OF_ORDER.get(status, "this order was not placed")


def _next_of_order(status: int, seq: int) -> str:
    if status == Code.NEED_COSIGN:  # [COS-1] of a purchase it would wait in the owner's inbox
        return f"In a book no order waits for approval: {_OR_HIMSELF}"
    if status in _LIMITS_OF_MANDATE and seq:
        return f"See the limits: `thingmarket explain --entry {seq} --home HOME`; {_OR_HIMSELF}"
    return ""


def show(error: Exception, *, as_json: bool) -> None:
    """Print it for people on stderr, and with --json as the last line of stdout."""
    found = described(error)
    rule = f" [{found['rule']}]" if found["rule"] else ""
    number = f"{found['number']} " if found["number"] else ""
    print(f"refused: {number}{found['name']}: {found['reason']}{rule}", file=sys.stderr)
    if found["rule_text"] and found["rule_text"] not in found["reason"]:
        print(f"  rule:  {found['rule_text']}", file=sys.stderr)
    if found["next"]:
        print(f"  next:  {found['next']}", file=sys.stderr)
    if found.get("seq"):
        print(f"  entry: {found['seq']}; `thingmarket explain --entry` tells all of it", file=sys.stderr)
    if as_json:
        print(json.dumps({"refused": found}), flush=True)


def described(error: Exception) -> dict[str, Any]:
    """The parts of a refusal, or of what else went wrong, as data."""
    if isinstance(error, OrderRefused):
        return {**_parts(error.number, error.reason, error.rule, advice=error.advice), "seq": error.seq}
    if isinstance(error, Refusal):
        return _parts(error.number, error.reason, error.rule)
    from thingmarket_client.errors import Unanswered

    if isinstance(error, Unanswered):
        return _parts(Code.UNAVAILABLE, str(error).removeprefix("UNAVAILABLE: "))
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        advice = _NEXT_WITHOUT_FILE if isinstance(error, FileNotFoundError) else ""
        return _parts(0, error.strerror + where, name="FILE", advice=advice)
    return _parts(0, str(error), name=type(error).__name__)


def misspelt(error: click.ClickException) -> dict[str, Any]:
    """What is wrong with a command line, as data."""
    return _parts(0, error.format_message(), name="USAGE", advice="See the command's --help.")


def _parts(number: int, reason: str, rule: str = "", name: str = "", advice: str = "") -> dict[str, Any]:
    if not advice and number == Code.OUT_OF_STOCK and rule == "MKT-4":  # of a book: elsewhere one buys less
        advice = _NEXT_OF_GOODS
    advice = advice or _NEXT_OF_RULE.get(rule) or _NEXT_OF_NUMBER.get(number, "")
    if not advice and number in Code._value2member_map_:
        advice = _NEXT.get(Code(number), "")
    return {
        "number": int(number),
        "name": name or name_of(number),
        "reason": reason,
        "rule": rule,
        "rule_text": RULES.get(rule, ""),
        "next": advice,
    }
