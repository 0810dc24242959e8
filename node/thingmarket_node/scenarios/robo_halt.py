"""The act of `robo-trader` in which prices run away: the breaker halts the market, an auction reopens it."""

from typing import TYPE_CHECKING, Final

from thingmarket_node.scenarios.processes import Event
from thingmarket_node.scenarios.robo_cast import HOURS

if TYPE_CHECKING:
    from thingmarket_node.scenarios.robo_trader import RoboFloor

_STEP_PERCENT: Final = 109  # as far as an order may go from the last price
_SELLER, _BUYER = "emery-doubts", "finley-gambles"
_IN_THE_AUCTION: Final = (("emery-doubts", "SELL", 4, -60), ("drew-waits", "SELL", 3, -10))
_WHO_BUYS: Final = (("casey-collects", "BUY", 5, 0), ("finley-gambles", "BUY", 4, -20))


def halt_and_reopen(floor: "RoboFloor") -> None:
    """Buy the book empty, trade ever higher until the market halts, and let an auction find a price."""
    stage = floor.stage
    stage.tell("\nfinley's gambler buys whatever is for sale, and then dearer and dearer.")
    for name in ("avery-quotes", "casey-quotes", "drew-waits", "finley-gambles"):
        floor.place(name, {"type": "cancel_all", "market": HOURS})
    _sweep(floor)
    trades = 0
    while floor.market(HOURS)["state"] == "CONTINUOUS" and trades < 5:
        _trade_dearer(floor)
        trades += 1
    halted = floor.market(HOURS)
    stage.check("the breaker halted the market", ("HALTED", 2), (halted["state"], trades))
    stage.tell(f"  halted at {halted['last']}")
    one = _order("BUY", 1, halted["last"])
    floor.turned_down("casey-collects", "buys while the market is halted", one)
    stage.ask(stage.office, "set_state", market=HOURS, state="AUCTION")
    placed = [
        (name, floor.place(name, _order(side, lots, halted["last"] + off)))
        for name, side, lots, off in (*_IN_THE_AUCTION, *_WHO_BUYS)
    ]
    resting = [(name, answer["orders"][0]["rests"]) for name, answer in placed]
    wanted = [(name, lots) for name, _, lots, _ in (*_IN_THE_AUCTION, *_WHO_BUYS)]
    stage.check("orders wait for the auction", wanted, resting)
    stage.ask(stage.office, "set_state", market=HOURS, state="CONTINUOUS", uncross=True)
    after = floor.market(HOURS)
    # Seven lots are offered from -10 on, five are wanted up to 0: between the two five trade and two are left
    # over, below fewer trade. The price nearest to the last one is that one.
    stage.check(
        "an auction reopened the market", ("CONTINUOUS", halted["last"]), (after["state"], after["last"])
    )
    stage.tell(f"The operator calls an auction; it goes on at {after['last']}.")


def _sweep(floor: "RoboFloor") -> None:
    """Take all that is for sale in the market, by worst prices as far as the band lets them."""
    at = floor.market(HOURS)
    while at["ask"]:
        lots = 20  # what one order may cost
        order = {"type": "market", "market": HOURS, "side": "BUY", "lots": lots, "worst_ticks": at["ask"]}
        floor.place(_BUYER, order)
        at = floor.market(HOURS)


def _trade_dearer(floor: "RoboFloor") -> None:
    price = floor.market(HOURS)["last"] * _STEP_PERCENT // 100
    floor.place(_SELLER, _order("SELL", 2, price))
    floor.place(_BUYER, _order("BUY", 2, price))


def _order(side: str, lots: int, price: int) -> Event:
    return {"type": "limit", "market": HOURS, "side": side, "lots": lots, "price_ticks": price}
