"""S2 `printer-ink`: a printer that may buy one item from one seller, until its owner says otherwise."""

from functools import partial
from typing import Final

from thingmarket_node.scenarios.engine import Scenario
from thingmarket_node.scenarios.expectations import Expected, Refused, Trade
from thingmarket_node.scenarios.stage import Stage

INK: Final = "ink-black-xl"
PAPER: Final = "paper-a4"
# What a BOUND thing's purchase is looked at by, all of which must hold.
BOUND_RULES: Final = tuple(
    f"{family}-{number}"
    for family, numbers in (
        ("AUT", (0, 1)),
        ("ACT", (1,)),
        ("TIM", (1, 2)),
        ("NOD", (1,)),
        ("CAT", (1,)),
        ("PAR", (1,)),
        ("ITM", (1, 2, 3, 4)),
        ("LIM", (0, 1, 2, 3, 4)),
    )
    for number in numbers
)
_INK_SHEET: Final = {
    "product_id": INK,
    "category": "44103105",
    "currency": "EUR",
    "stock_steps": 50,
    "max_steps": 10,
    "attributes": {"pages": 1200, "weight": {"steps": 52, "unit": "GRM"}},
}
_NEED_SHEET: Final = {
    "category": "44103105",
    "product_id": INK,
    "quantity_steps": 1,
    "must": [{"attribute": "pages", "comparison": "AT_LEAST", "values": [1000]}],
}


def _play(stage: Stage, scenario: Scenario) -> None:
    _open_shops(stage, scenario)
    mandate = _permit(stage, "inkwell")
    ink, paper, cheaper = _run_shops(stage)
    first = _replenish(stage, ink)
    for what, offer, quantity in (
        ("buys the same ink cheaper elsewhere", cheaper, "1"),
        ("buys paper of the agreed seller", paper, "1"),
        ("buys three at once", ink, "3"),
    ):
        stage.refused("printer", what, "thing", "buy", "printer", "--offer", offer, "--quantity", quantity)
    _switch(stage, mandate, ink)
    stage.check("what was bought first stands", "ACCEPTED", stage.until_ended("anna", first)["fulfilment"])


def _open_shops(stage: Stage, scenario: Scenario) -> None:
    stage.make_things("printer", "inkwell-shop", "paperhouse-shop")
    sells = ("--autonomy", "bound", "--may", "sell")
    stage.together(
        *(
            partial(stage.do, owner, "owner", "mandate", owner, f"{owner}-shop", *sells)
            for owner in ("inkwell", "paperhouse")
        )
    )
    for name, sheet in (*scenario.offers.items(), *scenario.needs.items()):
        stage.sheet(name, sheet)


def _permit(stage: Stage, seller: str) -> str:
    """Anna signs: black ink at up to 16.00 net, at most two an order, of one seller; the mandate."""
    terms = ("--autonomy", "bound", "--item", f"{INK},16.00,2", "--seller", stage.ids[seller])
    spend = ("--spend", "order=40.00,day=80.00,total=200.00")
    signed = stage.do("anna", "owner", "mandate", "anna", "printer", *terms, *spend)
    stage.tell(f"anna signs a mandate: her printer may buy {INK} of {seller}, up to 16.00 EUR net apiece.")
    mandate: str = signed["mandate"]
    return mandate


def _run_shops(stage: Stage) -> tuple[str, str, str]:
    """Start both shops; the digests of ink and paper at inkwell and of ink at paperhouse."""
    sheets = ("--sell", "inkwell-ink.json", "--sell", "inkwell-paper.json")
    inkwell = stage.start("inkwell-shop", "thing", "run", "seller", "inkwell-shop", *sheets, "--fails", "2")
    paperhouse = stage.start(
        "paperhouse-shop", "thing", "run", "seller", "paperhouse-shop", "--sell", "paperhouse-ink.json"
    )
    ink, paper, cheaper = (shop.wait_for("selling")["offer"] for shop in (inkwell, inkwell, paperhouse))
    inkwell.wait_for("ready")
    paperhouse.wait_for("ready")
    return ink, paper, cheaper


def _replenish(stage: Stage, ink: str) -> str:
    """The printer fills its first need; whatever it repeats, it has bought once. The contract."""
    stage.tell("\nThe printer is running out of ink.")
    buy = ("thing", "run", "buyer", "printer", "--need", "ink-is-low.json")
    bought = stage.perform("printer", *buy)["needs"][0]
    contract: str = bought["contract"]
    stage.tell("\nThe power fails and it does not remember whether the order went out: it sends it again.")
    again = stage.do("printer", "thing", "again", "printer", bought["key"])
    stage.check("the same body again is the same contract", contract, again["contract"])
    stage.tell(f"  {'printer':<16} sent the same order again: contract {again['contract']}, the same")
    restarted = stage.perform("printer", *buy)["needs"][0]
    stage.check("the same need after a restart is the same contract", contract, restarted["contract"])
    stage.refused(
        "printer",
        "buys once more for the same need",
        *("thing", "buy", "printer", "--offer", ink, "--quantity", "1", "--need", bought["need"]),
    )
    stage.tell("\nIt tries what anna did not allow.")
    return contract


def _switch(stage: Stage, mandate: str, ink: str) -> None:
    """The agreed seller fails; the owner switches, and the same need is filled by the other one."""
    stage.tell("\nMonths later it runs out of ink again.")
    buy = ("thing", "run", "buyer", "printer", "--need", "ink-is-low-again.json")
    failed = stage.perform("printer", *buy)["needs"][0]
    stage.check("a seller who cannot deliver is not paid", "REFUNDED", failed["escrow"])
    order = ("thing", "buy", "printer", "--offer", ink, "--quantity", "1", "--prepare", "order.json")
    stage.do("printer", *order)
    stage.tell("\nanna has enough of inkwell: she revokes the mandate, while an order is ready to go.")
    stage.do("anna", "owner", "revoke", "anna", "--mandate", mandate, "--reason", "another seller")
    stage.refused("printer", "buys after the revocation", "thing", "buy", "printer", "--order", "order.json")
    _permit(stage, "paperhouse")
    filled = stage.perform("printer", *buy, "--no-accept")["needs"][0]
    stage.check("the same need is filled by the other seller", failed["need"], filled["need"])
    stage.tell("Nobody complained about the goods in time, so they count as accepted.\n")


SCENARIO: Final = Scenario(
    name="printer-ink",
    title="A printer buys one ink of one seller, never twice, until its owner switches the seller",
    deposits_minor={"anna": 10_000, "inkwell": 0, "paperhouse": 0},
    offers={
        "inkwell-ink": {**_INK_SHEET, "title": "Black ink XL, original", "price_minor": 1590},
        "inkwell-paper": {
            "product_id": PAPER,
            "title": "Copy paper A4, 500 sheets",
            "category": "14111507",
            "currency": "EUR",
            "price_minor": 499,
            "stock_steps": 100,
        },
        # Silence after the goods came counts as acceptance when this time is over.
        "paperhouse-ink": {
            **_INK_SHEET,
            "title": "Black ink XL, refilled",
            "price_minor": 1390,
            "inspection_ms": 1_000,
        },
    },
    needs={
        "ink-is-low": {**_NEED_SHEET, "title": "Black ink is low"},
        "ink-is-low-again": {**_NEED_SHEET, "title": "Black ink is low again"},
    },
    play=_play,
    expected=Expected(
        trades=(
            Trade(
                buyer="anna",
                seller="inkwell",
                product=INK,
                total_minor=1892,
                ended="ACCEPTED",
                cause="AcceptDelivery",
                need=True,
                rules=BOUND_RULES,
            ),
            Trade(
                buyer="anna",
                seller="inkwell",
                product=INK,
                total_minor=1892,
                ended="FAILED",
                cause="Failed",
                need=True,
                rules=BOUND_RULES,
            ),
            Trade(
                buyer="anna",
                seller="paperhouse",
                product=INK,
                total_minor=1654,
                ended="ACCEPTED",
                cause="silence: inspection",
                need=True,
                rules=BOUND_RULES,
            ),
        ),
        refusals=(
            Refused(who="printer", what="buys once more for the same need", code="NEED_ENDED", rule="BUY-3"),
            Refused(who="printer", what="buys the same ink cheaper elsewhere", code="DENIED", rule="ITM-2"),
            Refused(who="printer", what="buys paper of the agreed seller", code="DENIED", rule="ITM-1"),
            Refused(who="printer", what="buys three at once", code="DENIED", rule="ITM-4"),
            Refused(who="printer", what="buys after the revocation", code="MANDATE_REVOKED", rule="MAN-8"),
        ),
        # 100.00 - 18.92 - 16.54
        balances_minor={"anna": 6_454, "inkwell": 1_892, "paperhouse": 1_654},
    ),
    look=(
        "node status node",
        "owner balance anna",
        "owner contracts anna",
        "explain {contract} --home anna --home printer",
    ),
)
