"""S14 `paper-towels`: a dispenser weighs price, CO2, water and brand, asks what it is not told, and rates."""

from functools import partial
from typing import Any, Final

from thingmarket_node.cli.amounts import written
from thingmarket_node.scenarios.engine import Scenario
from thingmarket_node.scenarios.expectations import Expected, Refused, Trade
from thingmarket_node.scenarios.processes import Running
from thingmarket_node.scenarios.stage import CURRENCY, Stage

TOWELS: Final = "towels-softy"
SELLERS: Final = ("softmart", "leafland", "megapaper")
_SHEET: Final = {"category": "14111703", "currency": CURRENCY, "stock_steps": 400}
# What an ADAPTABLE thing's purchase is looked at by, all of which must hold.
ADAPTABLE_RULES: Final = (
    *("AUT-0", "AUT-1", "ACT-1", "TIM-1", "TIM-2", "NOD-1", "CAT-1", "PAR-1"),
    *(f"LIM-{number}" for number in range(5)),
)
_MAY: Final = ("announce", "buy", "accept_delivery", "negotiate", "feedback")


def _towels(product: str, title: str, brand: str, price_minor: int, **facts: Any) -> dict[str, Any]:
    attributes = {"brand": brand, "sheets": 800, **facts}
    return {
        **_SHEET,
        "product_id": product,
        "title": title,
        "price_minor": price_minor,
        "attributes": attributes,
    }


def _grams(steps: int) -> dict[str, Any]:
    return {"steps": steps, "scale": 1, "unit": "GRM"}


def _millilitres(steps: int) -> dict[str, Any]:
    return {"steps": steps, "unit": "MLT"}


def _play(stage: Stage, scenario: Scenario) -> None:
    offers, megapaper = _open_shops(stage, scenario)
    stage.tell("\nThe dispenser has one roll left. One offer does not say how much water a sheet takes.")
    need = stage.sheet("towels-are-low", scenario.needs["towels-are-low"])
    before = _why(stage, need, offers["megapaper"])
    stage.check("what is not known is not guessed", True, "water_per_sheet" in before)
    stage.do("dispenser", "thing", "ask", "dispenser", offers["megapaper"], "water_per_sheet")
    megapaper.wait_for("answered")
    after = _why(stage, need, offers["megapaper"])
    stage.check("the answer, not its absence, rules the offer out", True, bool(after) and after != before)
    buy = ("thing", "run", "buyer", "dispenser", "--need", need)
    bought = stage.perform("dispenser", *buy)["needs"][0]
    stage.check("the wanted brand was bought, not the cheapest", offers["softmart"], bought["offer"])
    _explain(stage, bought["contract"])
    _rate(stage, bought["contract"])


def _open_shops(stage: Stage, scenario: Scenario) -> tuple[dict[str, str], Running]:
    shops = [f"{name}-shop" for name in SELLERS]
    stage.make_things("dispenser", *shops)
    for name, sheet in scenario.offers.items():
        stage.sheet(name, sheet)
    sells = ("--autonomy", "bound", "--may", "sell", "--may", "feedback")
    may = [part for action in _MAY for part in ("--may", action)]
    permits = ("--autonomy", "adaptable", *may, "--spend", "order=60.00,total=300.00")
    stage.together(
        *(partial(stage.do, name, "owner", "mandate", name, f"{name}-shop", *sells) for name in SELLERS),
        partial(stage.do, "dora", "owner", "mandate", "dora", "dispenser", *permits),
    )
    stage.tell("dora lets her dispenser choose: at most 60.00 EUR an order.")
    running = {
        name: stage.start(f"{name}-shop", "thing", "run", "seller", f"{name}-shop", "--sell", f"{name}.json")
        for name in SELLERS
    }
    offers = {name: shop.wait_for("selling")["offer"] for name, shop in running.items()}
    for shop in running.values():
        shop.wait_for("ready")
    return offers, running["megapaper"]


def _why(stage: Stage, need: str, offer: str) -> str:
    """Why an offer would not be chosen, in words."""
    found = stage.do("dispenser", "thing", "choose", "dispenser", need)["alternatives"]
    return next((str(one["barred"]) for one in found if one["offer"] == offer), "")


def _explain(stage: Stage, contract: str) -> None:
    told = stage.do("dora", "explain", contract, "--home", "dora", "--home", "dispenser")
    prices = {one["attribute"]: one["cost_minor"] for one in told["wishes"]}
    for wish in told["wishes"]:
        cost = written(wish["cost_minor"], CURRENCY)
        stage.tell(f"  {'dispenser':<16} the wish for {wish['wish']} cost {cost}")
    stage.check("the brand cost 38 cents", 38, prices.get("brand"))


def _rate(stage: Stage, contract: str) -> None:
    """800 sheets were promised and 760 counted; that is feedback, and both owners see it."""
    stage.tell("\nThe dispenser counts 760 sheets where 800 were promised. Softmart asks how it was.")
    stage.do("softmart-shop", "thing", "ask-feedback", "softmart-shop", contract)
    stage.do("dispenser", "thing", "rate", "dispenser", contract, "--measured", "sheets=760,higher")
    again = ("thing", "rate", "dispenser", contract)
    stage.refused("dispenser", "rates the same contract again", *again)
    for owner, options in (("dora", ()), ("softmart", ("--received",))):
        seen = stage.do(owner, "owner", "satisfaction", owner, *options)["feedback"]
        broken = [one["name"] for row in seen for one in row["levels"] if not one["met"]]
        stage.check(f"{owner} sees the broken promise", ["sheets"], broken)
    stage.tell("")


SCENARIO: Final = Scenario(
    name="paper-towels",
    title="A dispenser weighs price, CO2, water and brand, asks what it is not told, and rates what came",
    deposits_minor={"dora": 10_000, **dict.fromkeys(SELLERS, 0)},
    offers={
        "softmart": _towels(
            TOWELS, "Softy towels", "Softy", 998, co2_per_sheet=_grams(60), water_per_sheet=_millilitres(150)
        ),
        "leafland": _towels(
            "towels-leafy",
            "Leafy towels",
            "Leafy",
            966,
            co2_per_sheet=_grams(50),
            water_per_sheet=_millilitres(120),
        ),
        # The cheapest one keeps silent about its water until it is asked.
        "megapaper": {
            **_towels("towels-mega", "Mega towels", "Mega", 690, co2_per_sheet=_grams(90)),
            "answers": {"water_per_sheet": _millilitres(900)},
        },
    },
    needs={
        "towels-are-low": {
            "title": "Paper towels are low",
            "category": "14111703",
            "quantity_steps": 1,
            "must": [
                {"attribute": "water_per_sheet", "comparison": "AT_MOST", "values": [_millilitres(300)]}
            ],
            "prefer": [
                {"attribute": "price", "ideal": 700, "worst": 1_500, "weight_millionths": 300_000},
                {
                    "attribute": "co2_per_sheet",
                    "ideal": _grams(20),
                    "worst": _grams(100),
                    "weight_millionths": 300_000,
                },
                {"attribute": "brand", "favourites": ["Softy"], "weight_millionths": 400_000},
            ],
        }
    },
    play=_play,
    expected=Expected(
        trades=(
            Trade(
                buyer="dora",
                seller="softmart",
                product=TOWELS,
                total_minor=1_188,
                ended="ACCEPTED",
                cause="AcceptDelivery",
                need=True,
                rules=ADAPTABLE_RULES,
            ),
        ),
        refusals=(
            Refused(who="dispenser", what="rates the same contract again", code="WRONG_STATE", rule="FBK"),
        ),
        # 100.00 - 11.88
        balances_minor={"dora": 8_812, "softmart": 1_188, "leafland": 0, "megapaper": 0},
    ),
    look=("node status node", "owner satisfaction dora", "explain {contract} --home dora --home dispenser"),
)
