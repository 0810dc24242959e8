"""What `robo-trader` must come to: who has what, what the books turned over, what was refused."""

from typing import Final

from thingmarket_node.scenarios.expectations import Expected, Refused, Turnover

KINDS_OF_ORDERS: Final = {
    "post-only": 15,
    "GTC": 36,
    "GTD": 13,
    "FOK": 22,
    "ReplaceOrder": 83,
    "ReduceOrder": 5,
    "MarketOrder": 20,
    "CancelOrder": 9,
    "IOC": 8,
}
TURNED_DOWN: Final = {"NOT_FILLABLE": 6, "DENIED": 5}
OWN_MET: Final = 11

EXPECTED: Final = Expected(
    trades=(),
    refusals=(
        Refused(who="emery-doubts", what="buys fifty hours at once", code="OVER_ORDER", rule="LIM-2"),
        Refused(who="harper-collects", what="sells, which it may not", code="DENIED", rule="ACT-1"),
        Refused(
            who="emery-doubts",
            what="asks a fifth more than the last price",
            code="OUTSIDE_BAND",
            rule="MKT-9",
        ),
        Refused(
            who="drew-waits",
            what="wants to be a maker at the price of a taker",
            code="WOULD_CROSS",
            rule="BOK-4",
        ),
        Refused(
            who="emery-doubts",
            what="sells three hundred hours at once or none",
            code="NOT_FILLABLE",
            rule="BOK-4",
        ),
        Refused(
            who="emery-doubts", what="sells what its owner does not have", code="OUT_OF_STOCK", rule="MKT-4"
        ),
        Refused(
            who="casey-collects", what="buys while the market is halted", code="WRONG_STATE", rule="BOK-4"
        ),
        Refused(who="finley-gambles", what="goes on trading", code="MANDATE_REVOKED", rule="MAN-8"),
    ),
    balances_minor={
        "avery": 792_314,
        "blake": 827_092,
        "casey": 793_936,
        "drew": 788_223,
        "emery": 833_082,
        "finley": 793_439,
        "gray": 789_758,
        "harper": 781_773,
    },
    operator_minor={"fees": 383},
    turnover={
        "compute-hours": Turnover(trades=34, lots=108, cash_minor=113_389, fee_minor=284),
        "map-tiles": Turnover(trades=21, lots=161, cash_minor=40_722, fee_minor=99),
    },
    goods={
        "avery, compute-hours": 807,
        "blake, map-tiles": 693,
        "casey, compute-hours": 805,
        "drew, compute-hours": 412,
        "drew, map-tiles": 395,
        "emery, compute-hours": 370,
        "finley, compute-hours": 406,
        "gray, map-tiles": 440,
        "harper, map-tiles": 72,
    },
)
