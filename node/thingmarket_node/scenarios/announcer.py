"""S17 `announcer`: a freezer only says what it needs; its owner buys, and the contract names the need."""

from functools import partial
from typing import Final

from thingmarket_node.scenarios.engine import Scenario
from thingmarket_node.scenarios.expectations import Expected, Refused, Trade
from thingmarket_node.scenarios.stage import Stage, short

RELAY: Final = "relay-fz200"
_RELAY_SHEET: Final = {"category": "40151700", "currency": "EUR", "stock_steps": 20}


def _play(stage: Stage, scenario: Scenario) -> None:
    stage.make_things("freezer", "coolparts-shop")
    for name, sheet in (*scenario.offers.items(), *scenario.needs.items()):
        stage.sheet(name, sheet)
    stage.together(
        partial(stage.do, "carla", "owner", "mandate", "carla", "freezer", "--autonomy", "announcer"),
        partial(
            stage.do,
            "coolparts",
            *("owner", "mandate", "coolparts", "coolparts-shop", "--autonomy", "bound", "--may", "sell"),
        ),
    )
    stage.tell("carla signs a mandate: her freezer may say what it needs, and nothing else.")
    sheets = [part for name in scenario.offers for part in ("--sell", f"{name}.json")]
    shop = stage.start("coolparts-shop", "thing", "run", "seller", "coolparts-shop", *sheets)
    relay = shop.wait_for("selling")["offer"]
    shop.wait_for("ready")
    stage.tell("\nThe freezer's compressor does not start any more.")
    freezer = stage.start("freezer", "thing", "run", "announcer", "freezer", "--need", "it-gets-warm.json")
    need = freezer.wait_for("needs")["need"]
    freezer.wait_for("ready")
    _try_to_buy(stage, relay, need)
    stage.tell(f"\ncarla reads the need {short(need)} and buys herself.")
    listed = stage.do("carla", "owner", "needs", "carla")["needs"]
    stage.check("carla sees whose need it is", [stage.ids["freezer"]], [one["thing"] for one in listed])
    bought = stage.do("carla", "owner", "buy", "carla", "--need", need, "--wait")
    for reason in bought["reasons"]:
        stage.tell(f"  {'carla':<16}   {reason}")
    stage.check("the contract names the need", need, bought["need"])
    stage.check("the fitting part was bought, not the cheaper one", relay, bought["offer"])
    _, last = freezer.result()
    filled = {"need": need, "state": "FILLED", "contract": bought["contract"]}
    stage.check("the freezer hears that its need is filled", [filled], last["needs"])
    stage.tell("")


def _try_to_buy(stage: Stage, relay: str, need: str) -> None:
    """Alone, and with the owner's approval of this very order: the level forbids both."""
    stage.tell("\nIt tries to buy the part itself.")
    buy = ("thing", "buy", "freezer")
    order = ("--offer", relay, "--quantity", "1", "--need", need)
    stage.refused("freezer", "buys by itself", *buy, *order)
    stage.do("freezer", *buy, *order, "--prepare", "order.json")
    stage.do("carla", "owner", "approve", "carla", "order.json", "--out", "approval.json")
    stage.refused(
        "freezer",
        "buys with its owner's approval",
        *buy,
        "--order",
        "order.json",
        "--approval",
        "approval.json",
    )


SCENARIO: Final = Scenario(
    name="announcer",
    title="A freezer only says that it is failing; its owner buys, and the contract names the need",
    deposits_minor={"carla": 10_000, "coolparts": 0},
    offers={
        "relay-for-fz200": {
            **_RELAY_SHEET,
            "product_id": RELAY,
            "title": "Start relay for FZ-200",
            "price_minor": 2_490,
            "attributes": {"fits": "FZ-200"},
        },
        "relay-for-fz100": {
            **_RELAY_SHEET,
            "product_id": "relay-fz100",
            "title": "Start relay for FZ-100",
            "price_minor": 1_490,
            "attributes": {"fits": "FZ-100"},
        },
    },
    needs={
        "it-gets-warm": {
            "title": "Compressor does not start, needs a relay",
            "category": "40151700",
            "quantity_steps": 1,
            "must": [{"attribute": "fits", "comparison": "EQUAL", "values": ["FZ-200"]}],
        }
    },
    play=_play,
    expected=Expected(
        trades=(
            Trade(
                buyer="carla",
                seller="coolparts",
                product=RELAY,
                total_minor=2_963,
                ended="ACCEPTED",
                cause="AcceptDelivery",
                need=True,
                rules=("OWN-1",),
            ),
        ),
        refusals=(
            Refused(who="freezer", what="buys by itself", code="DENIED", rule="AUT-0"),
            Refused(who="freezer", what="buys with its owner's approval", code="DENIED", rule="AUT-0"),
        ),
        # 100.00 - 29.63
        balances_minor={"carla": 7_037, "coolparts": 2_963},
    ),
    look=(
        "node status node",
        "owner balance carla",
        "owner needs carla",
        "explain {contract} --home carla",
    ),
)
