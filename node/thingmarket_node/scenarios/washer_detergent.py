"""S3 `washer-detergent`: never the same on order twice; its owner cancels in time, or pays for it."""

from functools import partial
from typing import Any, Final

from thingmarket_node.cli.amounts import written
from thingmarket_node.scenarios.engine import Scenario
from thingmarket_node.scenarios.expectations import Expected, Refused, Trade
from thingmarket_node.scenarios.printer_ink import BOUND_RULES
from thingmarket_node.scenarios.processes import Running, StepFailed
from thingmarket_node.scenarios.stage import CURRENCY, Stage, short

DETERGENT: Final = "detergent-5l"
_MAY: Final = ("announce", "buy", "accept_delivery", "cancel")
_LOOKS_MAX: Final = 200  # each is a command of half a second; what is waited for takes three seconds
_SHEET: Final = {
    "product_id": DETERGENT,
    "category": "47131811",
    "currency": CURRENCY,
    "stock_steps": 200,
    "max_steps": 5,
}
_NEED: Final = {"category": "47131811", "product_id": DETERGENT, "quantity_steps": 1, "slot": "detergent"}
_CANCELLING: Final = {"cancel_planned_basis_points": 500, "cancel_ready_basis_points": 2_000}


def _play(stage: Stage, scenario: Scenario) -> None:
    stage.make_things("washer", "suds-shop")
    for name, sheet in (*scenario.offers.items(), *scenario.needs.items()):
        stage.sheet(name, sheet)
    permits = ("--autonomy", "bound", *(part for action in _MAY for part in ("--may", action)))
    item = ("--item", f"{DETERGENT},9.00,2", "--seller", stage.ids["suds"])
    stage.together(
        partial(
            stage.do,
            "wanda",
            *("owner", "mandate", "wanda", "washer", *permits, *item, "--spend", "order=20.00,day=80.00"),
        ),
        partial(
            stage.do,
            "suds",
            *("owner", "mandate", "suds", "suds-shop", "--autonomy", "bound", "--may", "sell"),
        ),
    )
    stage.tell(f"wanda lets her washer buy {DETERGENT} of suds, up to 9.00 EUR net apiece.")
    need = _cancel_in_time(stage)
    _cancel_too_late(stage, need)
    weekly = _deliver(stage, need)
    _stand(stage, weekly)


def _sell(stage: Stage, sheet: str) -> str:
    """Put an offer on the shelf of a shop that is closed; its digest."""
    offer: str = stage.do("suds-shop", "thing", "sell", "suds-shop", f"{sheet}.json")["offer"]
    return offer


def _order(stage: Stage, name: str, sheet: str) -> tuple[Running, str, str]:
    """Let the washer's sensor say that it runs low: the process, its need, and the order that is open."""
    washer = stage.start(name, "thing", "run", "buyer", "washer", "--need", f"{sheet}.json")
    need = washer.wait_for("needs")["need"]
    return washer, need, washer.wait_for("bought")["contract"]


# --- in time


def _cancel_in_time(stage: Stage) -> str:
    """Within the hour it costs nothing, whatever the sensor says meanwhile; the need."""
    stage.tell("\nsuds gives an hour to think it over.")
    offer = _sell(stage, "an-hour")
    before = stage.do("washer", "thing", "preview-cancel", "washer", offer, "--quantity", "1")
    stage.check("the price of cancelling is known before", {"PLANNED": 47, "READY": 190}, before["by_state"])
    stage.check("and it is nothing for a while", 0, before["now_minor"])
    washer, need, contract = _order(stage, "washer", "low")
    stage.tell("\nThe sensor sticks: it says so again and again.")
    again, same_need, same_contract = _order(stage, "washer (again)", "still-low")
    stage.check("announced again it is the same need", need, same_need)
    stage.check("and the same order", contract, same_contract)
    buy = ("thing", "buy", "washer", "--offer", offer, "--quantity", "1", "--need", need)
    stage.refused("washer", "orders once more for the same need", *buy)
    fulfil = ("thing", "fulfil", "suds-shop", contract, "ready")
    stage.refused("suds-shop", "begins while wanda may still cancel", *fulfil)
    stage.tell("\nThe next day suds has the same for less. wanda cancels within her hour.")
    _sell(stage, "a-second")
    cancelled = stage.do("wanda", "owner", "cancel", "wanda", contract)
    stage.check("within the hour it is cancelled", "CANCELLED", cancelled["state"])
    stage.check("for nothing", 5_000, _money(stage, "wanda"))
    for running in (washer, again):
        _, last = running.result()
        stage.check(f"the {running.name} hears of it", ["CANCELLED"], [one["state"] for one in last["needs"]])
    return need


def _amount(minor: int) -> str:
    """As it is typed: without the currency."""
    return written(minor, CURRENCY).partition(" ")[0]


def _money(stage: Stage, owner: str) -> int:
    (row,) = stage.do(owner, "owner", "balance", owner)["balances"]
    minor: int = row["available_minor"]
    return minor


# --- too late


def _cancel_too_late(stage: Stage, need: str) -> None:
    """Later it has a price, by how far suds has come; above what wanda accepts nothing happens."""
    stage.tell("\nThe need is open again. suds now gives a second to think it over.")
    washer, same_need, contract = _order(stage, "washer", "low")
    stage.check("the need that was cancelled for is open again", need, same_need)
    _wait_for_start(stage, contract)
    price = _price(stage, contract)
    stage.check("the price before anything was done", (44, 849), price)
    cancel = ("owner", "cancel", "wanda", contract)
    stage.refused("wanda", "cancels too late for nothing", *cancel)
    stage.do("suds-shop", "thing", "fulfil", "suds-shop", contract, "ready")
    stage.tell(f"  {'suds-shop':<16} has it ready to go")
    stage.refused("wanda", "cancels at the price of before", *cancel, "--max-fee", _amount(price[0]))
    now = _price(stage, contract)
    stage.check("the price of what is ready", (178, 715), now)
    cancelled = stage.do("wanda", *cancel, "--max-fee", _amount(now[0]))
    stage.check("at the price that was shown it is cancelled", "CANCELLED", cancelled["state"])
    stage.tell(f"  {'wanda':<16} cancels for {written(now[0], CURRENCY)}")
    stage.check("the fee is the seller's", 178, _money(stage, "suds"))
    washer.result()


def _wait_for_start(stage: Stage, contract: str) -> None:
    """Look until the time to cancel for nothing is over."""
    for _ in range(_LOOKS_MAX):
        if not stage.do("wanda", "owner", "preview-cancel", "wanda", contract)["free_until_ms"]:
            return
    raise StepFailed(f"order {short(contract)} can be cancelled for nothing for ever")


def _price(stage: Stage, contract: str) -> tuple[int, int]:
    seen = stage.do("wanda", "owner", "preview-cancel", "wanda", contract)
    cost, back = seen["now_minor"], seen["back_minor"]
    stage.tell(
        f"  {'wanda':<16} would get {written(back, CURRENCY)} back; it costs {written(cost, CURRENCY)}"
    )
    return cost, back


# --- as it should be


def _deliver(stage: Stage, need: str) -> str:
    """The shop opens, and the washer gets what it needs; the digest of the offer by the week."""
    stage.tell("\nThe shop opens. The washer orders for the last time for this need.")
    washer, same_need, contract = _order(stage, "washer", "low")
    stage.check("it is still the same need", need, same_need)
    shop = stage.start("suds-shop", "thing", "run", "seller", "suds-shop", "--sell", "weekly.json")
    weekly: str = shop.wait_for("selling")["offer"]
    _, last = washer.result()
    found = [(one["contract"], one["state"]) for one in last["needs"]]
    stage.check("the washer has its detergent", [(contract, "COMPLETED")], found)
    return weekly


def _stand(stage: Stage, weekly: str) -> None:
    """Twice, then it ends by itself; each time under wanda's rules of that moment."""
    stage.tell("\nFrom now on it comes by itself. (Here three seconds stand for a week.)")
    stand = ("thing", "stand", "washer", "--offer", weekly, "--every", "3s", "--times", "2", "--quantity")
    stage.refused("washer", "stands for less than it costs", *stand, "1", "--max-total", "9.00")
    stage.refused("washer", "stands for more than wanda allows", *stand, "3")
    name = stage.do("washer", *stand, "1")["standing_order"]
    done = _until_over(stage, name)
    stage.check("it bought twice and missed nothing", (2, 0), (done["made"], done["skipped"]))
    stage.check("then it ended by itself", ("ENDED", "count"), (done["state"], done["cause"]))
    stage.check("the second one was accepted", "ACCEPTED", _accepted(stage, done["last"]))
    stage.tell("Nobody complained about what came, so it counts as accepted.\n")


def _until_over(stage: Stage, name: str) -> dict[str, Any]:
    for _ in range(_LOOKS_MAX):
        (found,) = stage.do("wanda", "owner", "standing", "wanda")["standing_orders"]
        if found["standing_order"] == name and found["state"] == "ENDED":
            return dict(found)
    raise StepFailed("the standing order does not end")


def _accepted(stage: Stage, contract: str) -> str:
    fulfilment: str = stage.until_ended("wanda", contract)["fulfilment"]
    return fulfilment


def _trade(total_minor: int, ended: str, cause: str, *, need: bool) -> Trade:
    return Trade(
        buyer="wanda",
        seller="suds",
        product=DETERGENT,
        total_minor=total_minor,
        ended=ended,
        cause=cause,
        need=need,
        rules=BOUND_RULES,
    )


def _refused(who: str, what: str, code: str, rule: str) -> Refused:
    return Refused(who=who, what=what, code=code, rule=rule)


SCENARIO: Final = Scenario(
    name="washer-detergent",
    title="A washer has one order open at most; its owner cancels in time, or too late at a known price",
    deposits_minor={"wanda": 5_000, "suds": 0},
    offers={
        "an-hour": {
            **_SHEET,
            "title": "Detergent, an hour to cancel",
            "price_minor": 800,
            "terms": {"cancel_window_ms": 3_600_000, **_CANCELLING},
        },
        "a-second": {
            **_SHEET,
            "title": "Detergent, a second to cancel",
            "price_minor": 750,
            "terms": {"cancel_window_ms": 1_000, **_CANCELLING},
        },
        # Silence after the goods came counts as acceptance when this time is over.
        "weekly": {
            **_SHEET,
            "title": "Detergent by the week",
            "price_minor": 780,
            "inspection_ms": 500,
        },
    },
    needs={
        "low": {**_NEED, "title": "Detergent is low"},
        "still-low": {**_NEED, "title": "Detergent is low, still"},
    },
    play=_play,
    expected=Expected(
        trades=(
            _trade(952, "CANCELLED", "Cancel", need=True),
            _trade(893, "CANCELLED", "Cancel", need=True),
            _trade(893, "ACCEPTED", "AcceptDelivery", need=True),
            _trade(928, "ACCEPTED", "silence: inspection", need=False),
            _trade(928, "ACCEPTED", "silence: inspection", need=False),
        ),
        refusals=(
            _refused("washer", "orders once more for the same need", "NEED_ENDED", "BUY-3"),
            _refused("suds-shop", "begins while wanda may still cancel", "WRONG_STATE", "CAN-1"),
            _refused("wanda", "cancels too late for nothing", "FEE_TOO_HIGH", "CAN-2"),
            _refused("wanda", "cancels at the price of before", "FEE_TOO_HIGH", "CAN-2"),
            _refused("washer", "stands for less than it costs", "WRONG_TOTAL", "STO-2"),
            _refused("washer", "stands for more than wanda allows", "DENIED", "ITM-4"),
        ),
        # 50.00 - 1.78 - 8.93 - 2 x 9.28
        balances_minor={"wanda": 2_073, "suds": 2_927},
        # A need, three purchases, one acceptance, a standing order, twice cancelled; of what was refused the
        # rules were asked once.
        decisions={"wanda": {"allow": 8, "deny ITM-4": 1, "not asked": 5}},
    ),
    look=(
        "node status node",
        "owner contracts wanda",
        "owner standing wanda",
        "explain {contract} --home wanda --home washer",
    ),
)
