"""S1 `vending-machine`: sells drinks, restocks itself, has itself repaired, and answers to its owner."""

import json
import time
from functools import partial
from typing import Any, Final
from xml.etree import ElementTree

from thingmarket_node.cli.amounts import written
from thingmarket_node.cli.persona import DAYS
from thingmarket_node.scenarios.engine import Scenario
from thingmarket_node.scenarios.processes import Event, Running
from thingmarket_node.scenarios.stage import CURRENCY, NODE, Stage, short
from thingmarket_node.scenarios.vending_cast import MARKET, NEEDS, OFFERS, PARTIES
from thingmarket_node.scenarios.vending_end import EXPECTED, INVOICES, KEPT, PREVIEW, SPENT, TAX, UBL, WISHES

WHOLESALERS: Final = ("bevco", "drinkhaus")
PASSERS_BY: Final = ("pia", "paul")
_MAY: Final = ("announce", "negotiate", "buy", "accept_delivery", "sell", "feedback")
_TERMS: Final = (
    *("--autonomy", "adaptable", *(part for action in _MAY for part in ("--may", action))),
    *("--category", "5020", "--category", "5013", "--category", "7315"),
)
_QUIET_IN_DAYS: Final = 3


def _play(stage: Stage, scenario: Scenario) -> None:
    for name, sheet in (*scenario.offers.items(), *scenario.needs.items()):
        stage.sheet(name, sheet)
    _claim(stage)
    offers = _open_market(stage)
    _sell_drinks(stage, offers)
    crates = _restock(stage)
    _ask_too_much(stage)
    _have_it_repaired(stage)
    _look_back(stage, crates)
    _take_it_back(stage, offers)


# --- it comes to its owner


def _claim(stage: Stage) -> None:
    """From the label on its back to a thing with a mandate, guards, and an owner with quiet hours."""
    factory = ("thing", "factory", "machine", "--node", NODE, "--model", "VM-1", "--kind", "vending machine")
    machine = stage.start("machine", *factory, "--wait")
    label = machine.wait_for("label")
    stage.ids["machine"] = label["thing"]
    stage.tell("vera types the code of its label: the machine is hers.")
    spend = ("--spend", "order=200.00,day=400.00,total=1000.00,cosign=50.00")
    claimed = stage.do("vera", "thing", "claim", label["code"], "--owner", "vera", *_TERMS, *spend)
    machine.wait_for("owned")
    stage.check("a claimed thing is on probation, its owner sure", ("REGISTERED", 1), _standing(claimed))
    quiet = f"{DAYS[(time.gmtime().tm_wday + _QUIET_IN_DAYS) % 7]} 22:00-07:00"
    guards = ("--rate", "50/1h", "--quantity", "5", "--price", "2")
    _, persona = stage.together(
        partial(stage.do, "vera", "owner", "guards", "vera", "machine", *guards),
        partial(stage.do, "vera", "owner", "persona", "vera", "machine", "--quiet", quiet, "--latency", "2h"),
    )
    stage.check("vera has quiet hours, and not now", 0, persona["quiet_until_ms"])
    stage.tell("It may spend 200.00 EUR an order; above 50.00 EUR vera wants to be asked.")


def _standing(thing: Event) -> tuple[str, int]:
    return thing["state"], thing["assurance"]


def _open_market(stage: Stage) -> dict[str, str]:
    """Wholesalers, a repairer and passers-by take part; the digests of all offers by their sheets."""
    vans, phones = [f"{name}-van" for name in WHOLESALERS], [f"{name}-phone" for name in PASSERS_BY]
    stage.make_things(*vans, *phones)
    sells = ("--autonomy", "bound", "--may", "sell", "--may", "feedback")
    buys = ("--autonomy", "adaptable", "--may", "buy", "--may", "loyalty", "--spend", "order=4.00,total=9.00")
    stage.together(
        *(partial(stage.do, name, "owner", "mandate", name, f"{name}-van", *sells) for name in WHOLESALERS),
        *(partial(stage.do, name, "owner", "mandate", name, f"{name}-phone", *buys) for name in PASSERS_BY),
        partial(
            stage.do, "vera", "owner", "programme", "vera", "cool-club", "--earn", "10", "--worth", "0.02"
        ),
    )
    running = {name: _van(stage, name) for name in WHOLESALERS}
    sold_by_hand = {"cola": ("thing", "machine"), "milk": ("thing", "machine"), "repair": ("owner", "rolf")}
    answers = stage.together(
        *(
            partial(stage.do, who, kind, "sell", who, f"{sheet}.json")
            for sheet, (kind, who) in sold_by_hand.items()
        )
    )
    offers: dict[str, str] = {
        sheet: answer["offer"] for sheet, answer in zip(sold_by_hand, answers, strict=True)
    }
    for name, van in running.items():
        offers[name] = van.wait_for("selling")["offer"]
        van.wait_for("ready")
    stage.tell("The machine sells cola and milk. rolf, a person, repairs what is broken.")
    return offers


def _van(stage: Stage, name: str) -> Running:
    late = ("--late", "1=1") if name == "bevco" else ()
    sells = ("thing", "run", "seller", f"{name}-van", "--sell", f"{name}.json")
    return stage.start(f"{name}-van", *sells, *late)


# --- it sells


def _sell_drinks(stage: Stage, offers: dict[str, str]) -> None:
    """Money against can, at once; points are earned, and pay for a part of the next one."""
    stage.tell("\npia and paul are thirsty. (Sales earn points of vera's cool-club.)")
    cola = ("--offer", offers["cola"], "--quantity")
    _drink(stage, "pia", "a cola", *cola, "1")
    _drink(stage, "paul", "milk", "--offer", offers["milk"], "--quantity", "1")
    _drink(stage, "pia", "a second cola, 10 points taken off", *cola, "1", "--points", "10")
    stage.refused("paul-phone", "buys three colas at once", "thing", "buy", "paul-phone", *cola, "3")
    (machine,) = stage.do("vera", "owner", "things", "vera")["things"]
    stage.check("two accepted deliveries end the probation", "ACTIVE", machine["state"])


def _drink(stage: Stage, who: str, what: str, *order: str) -> None:
    bought = stage.do(f"{who}-phone", "thing", "buy", f"{who}-phone", *order)
    stage.tell(f"  {who + '-phone':<16} buys {what} for {written(bought['total_minor'], CURRENCY)}")


# --- it buys


def _restock(stage: Stage) -> str:
    """By price, delivery, CO2 and brand; what comes late is credited by the measured time. The contract."""
    stage.tell("\nCola is low. Two wholesalers offer it. (Here a second stands for a day.)")
    bought = stage.perform("machine", "thing", "run", "buyer", "machine", "--need", "cola-is-low.json")
    (done,) = bought["needs"]
    (unit,) = done["units"]
    stage.check("it came late", True, unit["delivered_ms"] > unit["deliver_by_ms"])
    stage.tell(f"  {'machine':<16} gets {written(unit['late_credit_minor'], CURRENCY)} back, as was agreed")
    told = stage.do("vera", "explain", done["contract"], "--home", "vera", "--home", "machine")
    prices = {one["attribute"]: one["cost_minor"] for one in told["wishes"]}
    stage.check("what each wish cost", WISHES, prices)
    stage.tell(
        f"  {'machine':<16} the wish for its favourite brand cost {written(prices['brand'], CURRENCY)}"
    )
    contract: str = done["contract"]
    return contract


def _ask_too_much(stage: Stage) -> None:
    """Above the threshold it asks; vera says no, and nothing is bought."""
    stage.tell("\nA heat wave is coming: the machine wants twice as much.")
    machine, order = _asking(stage, "heat-wave", ("Fizzo cola, 24 cans", 4, "costs more than 50.00 EUR"))
    stage.do("vera", "owner", "reject", "vera", order, "--reason", "the cellar is full")
    stage.tell(f"  {'vera':<16} says no: the cellar is full")
    _, last = machine.result()
    stage.check("what vera rejects is not bought", [""], [one["contract"] for one in last["needs"]])


def _asking(stage: Stage, need: str, expected: tuple[str, int, str]) -> tuple[Running, str]:
    """Let the machine fill a need until it has to ask; and the order, as vera sees it."""
    machine = stage.start("machine", "thing", "run", "buyer", "machine", "--need", f"{need}.json")
    order: str = machine.wait_for("asks_owner")["order"]
    waiting = stage.do("vera", "owner", "inbox", "vera")["waiting"]
    seen = [(one["pending"], one["title"], one["quantity_steps"], one["why"]) for one in waiting]
    stage.check(f"vera is asked about {need}", [(order, *expected)], seen)
    stage.check(f"nothing is quiet while {need} waits", [0], [one["quiet_until_ms"] for one in waiting])
    return machine, order


def _have_it_repaired(stage: Stage) -> None:
    """A person repairs it, and is paid part by part."""
    stage.tell("\nThe machine's compressor gets warm, and it says so.")
    measured = ("--severity", "degraded", "--fact", "temperature=14")
    broken = stage.do("machine", "thing", "report-malfunction", "machine", "compressor", *measured)
    stage.check("it goes on with a compressor that is only degraded", "ACTIVE", broken["state"])
    machine, order = _asking(stage, "compressor", ("Repair of a compressor", 1, "costs more than 50.00 EUR"))
    stage.do("vera", "owner", "approve", "vera", order, "--reason", "milk must stay cold")
    stage.tell(f"  {'vera':<16} says yes: milk must stay cold")
    contract = machine.wait_for("bought")["contract"]
    report = ("owner", "fulfil", "rolf", contract, "delivered")
    stage.do("rolf", *report, "--unit", "1", "--fact", "finding=start relay burnt")
    stage.tell(f"  {'rolf':<16} has looked: the start relay is burnt")
    machine.wait_for("accepted")
    (row,) = stage.do("rolf", "owner", "balance", "rolf")["balances"]
    stage.check("the inspection is paid, the repair not yet", 2_989, row["available_minor"])
    stage.do("rolf", *report, "--unit", "2", "--fact", "temperature=4")
    stage.tell(f"  {'rolf':<16} has changed it: 4 degrees")
    _, last = machine.result()
    (repaired,) = last["needs"]
    units = [(one["total_minor"], one["fulfilment"], one["escrow"]) for one in repaired["units"]]
    parts = [(3_392, "ACCEPTED", "RELEASED"), (7_913, "ACCEPTED", "RELEASED")]
    stage.check("inspection and repair were paid one by one", parts, units)
    told = stage.do("vera", "explain", contract, "--home", "vera", "--home", "machine")
    stage.check("why it was chosen is proven, though it had to wait", True, told["record_proven"])
    stage.check("and who said yes", [stage.ids["vera"]], told["allowed_by"]["approvals"])


# --- what was promised, and what it cost


def _look_back(stage: Stage, crates: str) -> None:
    """Feedback, every invoice, tax by jurisdiction, a preview of a stricter mandate, and a report."""
    for name, party in PARTIES.items():
        (stage.folder / f"{name}-party.json").write_text(json.dumps(party))
    parties = ("--seller-party", "bevco-party.json", "--buyer-party", "vera-party.json")
    rated, listed, _, previewed, report = stage.together(
        partial(_rated, stage, crates),
        partial(stage.do, "vera", "owner", "invoices", "vera"),
        partial(stage.do, "bevco", "owner", "invoice", "bevco", "1", "--ubl", "invoice.xml", *parties),
        partial(_previewed, stage),
        partial(stage.do, "vera", "owner", "report", "vera", "--plot", "report.svg"),
    )
    for owner, rows in rated.items():
        kept = {one["name"]: one["met"] for row in rows for one in row["levels"]}
        stage.check(f"what {owner} sees of the promises", KEPT, kept)
    stage.tell("\nbevco asks how it was: of three promises it kept one.")
    _keep_books(stage, listed["invoices"])
    stage.check("what 40.00 EUR an order would have changed", PREVIEW, _changes(previewed))
    many = len(previewed["changes"])
    stage.tell(f"With 40.00 EUR an order {many} of {previewed['looked_at']} decisions would be others.")
    stage.check("spending by category: orders, spent, came back", SPENT, _spending(report))
    drawn = (stage.folder / "report.svg").read_text()
    stage.check("the report is drawn", True, "<svg" in drawn and drawn.rstrip().endswith("</svg>"))


def _rated(stage: Stage, contract: str) -> dict[str, list[Event]]:
    """Late, and not as fresh as promised: what both owners see of it."""
    stage.do("bevco-van", "thing", "ask-feedback", "bevco-van", contract)
    stage.do("machine", "thing", "rate", "machine", contract, "--measured", "keeps=150,DAY,higher")
    views = (("vera", ()), ("bevco", ("--received",)))
    return {
        owner: stage.do(owner, "owner", "satisfaction", owner, *options)["feedback"]
        for owner, options in views
    }


def _previewed(stage: Stage) -> Event:
    stricter = ("--spend", "order=40.00,day=400.00,total=1000.00", "--out", "stricter.json")
    stage.do("vera", "owner", "mandate", "vera", stage.ids["machine"], *_TERMS, *stricter)
    return stage.do("vera", "owner", "preview", "vera", "stricter.json", "--against", NODE)


def _changes(previewed: Event) -> list[tuple[Any, ...]]:
    return [
        (one["product_id"], one["payable_minor"], one["was"], one["now"], *one["rules"])
        for one in previewed["changes"]
    ]


def _spending(report: Event) -> dict[str, tuple[int, ...]]:
    """By category, since the story may play over midnight: orders, spent, came back."""
    found: dict[str, tuple[int, ...]] = {}
    for row in report["spending"]:
        more = row["orders"], row["total_minor"], row["returned_minor"]
        sums = found.get(row["category"], (0, 0, 0))
        found[row["category"]] = tuple(a + b for a, b in zip(sums, more, strict=True))
    return found


def _keep_books(stage: Stage, invoices: list[Event]) -> None:
    """What was paid is what was invoiced, and the tax of it is what was collected."""
    names = {id_: name for name, id_ in stage.ids.items()}
    stage.check("invoices", INVOICES, [_invoice(one, names) for one in invoices])
    root = ElementTree.fromstring((stage.folder / "invoice.xml").read_text())  # noqa: S314  our own file
    found = {tag: [each.text for each in root.iter() if each.tag.endswith(f"}}{tag}")] for tag in UBL}
    stage.check("the invoice of the crates as UBL", UBL, found)
    months = sorted({time.strftime("%Y-%m", time.gmtime(one["issued_ms"] // 1_000)) for one in invoices})
    rows = [
        row
        for month in months
        for row in stage.do("vera", "owner", "tax-statement", "vera", "--month", month)["rows"]
    ]
    stage.check("tax by jurisdiction", TAX, _tax(rows))
    stage.check("all of it is the machine's", [stage.ids["machine"]], sorted({row["party"] for row in rows}))
    stage.tell(f"vera's books: {len(invoices)} invoices; the one of the crates is written as UBL.")


def _invoice(found: Event, names: dict[str, str]) -> tuple[Any, ...]:
    """Who sold to whom, payable and tax, what was taken off before tax, points earned and redeemed."""
    totals, points = found["totals"], (found["points_earned"], found["points_redeemed"])
    less = tuple((one["reason"], one["amount_minor"]) for one in found["allowances"])
    parties = names[found["seller"]], names[found["buyer"]]
    return (*parties, totals["payable_minor"], totals["tax_minor"], less, *points)


def _tax(rows: list[Event]) -> list[tuple[bool, str, str, int, int]]:
    """What was sold or bought, by jurisdiction and category: net and tax, months added up."""
    found: dict[tuple[bool, str, str], tuple[int, int]] = {}
    for row in rows:
        key = row["sold"], row["jurisdiction"], row["category"]
        net, tax = found.get(key, (0, 0))
        found[key] = net + row["taxable_minor"], tax + row["tax_minor"]
    return [(*key, *sums) for key, sums in sorted(found.items())]


def _take_it_back(stage: Stage, offers: dict[str, str]) -> None:
    """Lowered, it sells and buys no more; revoked, it is nobody's."""
    stage.tell("\nvera has seen enough: from now on the machine only says what it needs.")
    stage.do("vera", "owner", "lower", "vera", "machine", "--to", "announcer")
    crate = ("thing", "buy", "machine", "--offer", offers["drinkhaus"], "--quantity", "1")
    stage.refused("machine", "buys once it is an announcer", *crate)
    stage.do("machine", *crate, "--prepare", "order.json")
    cola = ("thing", "buy", "paul-phone", "--offer", offers["cola"], "--quantity", "1")
    stage.refused("paul-phone", "buys of a machine that is an announcer", *cola)
    stage.do("vera", "owner", "revoke", "vera", "--thing", "machine", "--reason", "it is for sale")
    stage.tell(f"vera revokes everything that she let the thing {short(stage.ids['machine'])} do.")
    stage.refused("machine", "buys once all is revoked", "thing", "buy", "machine", "--order", "order.json")
    stage.tell("")


SCENARIO: Final = Scenario(
    name="vending-machine",
    title="A machine sells drinks, restocks itself, asks, has itself repaired, and answers to its owner",
    deposits_minor={"vera": 30_000, "pia": 1_000, "paul": 1_000, "bevco": 0, "drinkhaus": 0, "rolf": 0},
    offers=OFFERS,
    needs=NEEDS,
    play=_play,
    expected=EXPECTED,
    market=MARKET,
    look=(
        "node status node",
        "node books node",
        "owner inbox vera",
        "owner invoices vera",
        "owner report vera",
        "explain {contract} --home pia --home pia-phone",
    ),
)
