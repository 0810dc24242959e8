"""S6 `robo-trader`: twelve things trade in books; a breaker trips, a mandate ends, nothing is lost."""

from typing import Any, Final

from thingmarket.errors import code_name
from thingmarket_node.scenarios.engine import Scenario
from thingmarket_node.scenarios.expectations import Turnover
from thingmarket_node.scenarios.floor_stage import FloorStage
from thingmarket_node.scenarios.processes import Event, Running
from thingmarket_node.scenarios.robo_cast import (
    DECLARED,
    HOURS,
    MARKETS,
    OWNERS,
    PAYS_IN_MINOR,
    PER_ORDER_MINOR,
    PRODUCTS,
    TILES,
    TRADERS,
    mandate_of,
)
from thingmarket_node.scenarios.robo_end import EXPECTED, KINDS_OF_ORDERS, OWN_MET, TURNED_DOWN
from thingmarket_node.scenarios.robo_halt import halt_and_reopen
from thingmarket_node.scenarios.stage import Stage

_ROUNDS: Final = (14, 8)  # before and after the halt
_LEAVES: Final = "finley-gambles"
_WAITS: Final = "harper-collects"
_MOMENT_MS: Final = 3_000
_FAR: Final = 20  # ticks


class RoboFloor:
    """The order of events."""

    def __init__(self, stage: FloorStage) -> None:
        """Play on a stage."""
        self.stage = stage
        self.posts: dict[str, Running] = {}
        self._refusals: dict[str, int] = {}
        self._kinds: dict[str, int] = {}
        self._own_met = 0

    def play(self) -> None:
        """From the first quote to the last count."""
        self._open()
        self._rounds(_ROUNDS[0], tuple(TRADERS))
        self._turn_down()
        halt_and_reopen(self)
        self._revoke()
        self._wait_a_moment()
        self._rounds(_ROUNDS[1], tuple(name for name in TRADERS if name != _LEAVES))
        self._check_expired()
        self._end()

    def place(self, name: str, *orders: Event) -> Event:
        """Have a trader place a frame."""
        answer = self.stage.ask(self.posts[name], "place", orders=orders)
        self._own_met += answer["own_met"]
        return answer

    def market(self, number: int) -> Event:
        """A market as it is."""
        return self.stage.ask(self.stage.office, "market", market=number)

    def turned_down(self, name: str, what: str, order: Event) -> Event:
        """Have a trader place an order that ought to be refused, and write down what it was told."""
        answer = self.place(name, order)
        (told,) = answer["orders"]
        if told["status"]:
            rule = str(answer["facts"]["order.0"]).partition(" ")[2]
            self.stage.note_refusal(name, what, told["refusal"], rule)
            why = self.stage.ask(self.posts[name], "explain", seq=answer["seq"])
            facts = {one["name"]: one["value"] for one in why["facts"]}
            logged = f"{code_name(told['status'])} {rule}", [rule]
            self.stage.check(f"the log says why: {what}", logged, (facts.get("order.0"), why["rules"]))
        return answer

    # --- acts

    def _open(self) -> None:
        stage = self.stage
        stage.ask(stage.office, "open_markets", markets=MARKETS)
        self.posts = stage.programs("trading_post", {name: ("node", name) for name in TRADERS})
        for name, running in self.posts.items():
            stage.ids[name] = stage.ask(running, "hello")["id"]
        stage.empower({name: mandate_of(part) for name, part in TRADERS.items()}, self.posts)
        for name, part in TRADERS.items():
            if part.sells:
                stage.ask(self.posts[name], "declare", steps=DECLARED)
        stage.tell("Twelve things of eight owners may trade hours of computing and tiles of a map.")

    def _rounds(self, rounds: int, names: tuple[str, ...]) -> None:
        """Let each robot have its turn, one after the other, so that the story is always the same."""
        for _ in range(rounds):
            for name in names:
                answer = self.stage.ask(self.posts[name], "turn")
                self._own_met += answer.get("own_met", 0)
                for kind, one in zip(answer.get("kinds", ()), answer["orders"], strict=True):
                    self._kinds[kind] = self._kinds.get(kind, 0) + 1
                    if one["refusal"]:
                        self._refusals[one["refusal"]] = self._refusals.get(one["refusal"], 0) + 1
        for number, product in PRODUCTS.items():
            seen = self.market(number)
            self.stage.tell(
                f"  after {rounds} rounds {product}: {seen['bid']} - {seen['ask']}, last {seen['last']}"
            )

    def _turn_down(self) -> None:
        """What a mandate, the band and the book itself do not let pass, each with its reason."""
        self.stage.tell("\nOrders that are not taken:")
        at = self.market(HOURS)
        buy = {"type": "limit", "market": HOURS, "side": "BUY"}
        sell = {"type": "limit", "market": HOURS, "side": "SELL"}
        fifty = {**buy, "lots": 50, "price_ticks": at["bid"]}
        answer = self.turned_down("emery-doubts", "buys fifty hours at once", fifty)
        self._explain("emery-doubts", answer["seq"], "OVER_ORDER LIM-2")
        tile = {"type": "limit", "market": TILES, "side": "SELL", "lots": 1, "price_ticks": 250}
        self.turned_down("harper-collects", "sells, which it may not", tile)
        far = {**sell, "lots": 1, "price_ticks": at["last"] * 12 // 10}
        self.turned_down("emery-doubts", "asks a fifth more than the last price", far)
        crossing = {**buy, "lots": 1, "price_ticks": at["ask"], "post_only": True}
        self.turned_down("drew-waits", "wants to be a maker at the price of a taker", crossing)
        whole = {**sell, "lots": 300, "price_ticks": at["bid"], "tif": "FOK"}
        self.turned_down("emery-doubts", "sells three hundred hours at once or none", whole)
        more = {**sell, "lots": DECLARED * 3, "price_ticks": at["ask"]}
        self.turned_down("emery-doubts", "sells what its owner does not have", more)

    def _explain(self, name: str, seq: int, reason: str) -> None:
        """The owner's command line says the same, and what was looked at."""
        told = self.stage.do(name, "explain", "--entry", str(seq), "--home", name)
        facts = {one["name"]: one["value"] for one in told["facts"]}
        self.stage.check("explain says why an order was refused", reason, facts.get("order.0"))
        limit = [value for name, value in facts.items() if name.endswith(".1.order_max")]
        self.stage.check("and the limit that it is above", [PER_ORDER_MINOR], limit)

    def _wait_a_moment(self) -> None:
        """An order that is good for some seconds; nobody trades at its price, and no robot counts on it."""
        price = self.market(TILES)["bid"] - _FAR
        order = {"type": "limit", "market": TILES, "side": "BUY", "lots": 1, "price_ticks": price}
        answer = self.stage.ask(self.posts[_WAITS], "place_for", order=order, life_ms=_MOMENT_MS)
        self.stage.check("an order that is good till a date rests", 1, answer["orders"][0]["rests"])

    def _check_expired(self) -> None:
        rests = self.stage.ask(self.posts[_WAITS], "until_nothing_rests")["orders"]
        self.stage.check("an order that was good till a date rests no more", [], rests)

    def _revoke(self) -> None:
        """The entry that ends a mandate takes its orders out of the book."""
        stage, part = self.stage, TRADERS[_LEAVES]
        at = self.market(HOURS)
        waits = [
            {"type": "limit", "market": HOURS, "side": side, "lots": 2, "price_ticks": price}
            for side, price in (("BUY", at["bid"] - 20), ("SELL", at["ask"] + 20))
        ]
        self.place(_LEAVES, *waits)
        thing = stage.ids[_LEAVES]
        resting = stage.ask(stage.office, "resting", owner=part.owner, thing=thing)["orders"]
        before = stage.ask(stage.office, "depth", market=HOURS)
        stage.ask(stage.office, "revoke", owner=part.owner, thing=thing, reason="it gambles")
        after = stage.ask(stage.office, "depth", market=HOURS)
        left = stage.ask(stage.office, "resting", owner=part.owner, thing=thing)["orders"]
        stage.tell(f"\nfinley revokes the mandate of his gambler: {len(resting)} orders leave the book.")
        stage.check("orders that rested and rest", (True, []), (len(resting) >= 2, left))
        stage.check("in the one entry that revoked", 1, after["seq"] - before["seq"])
        stage.check(
            "lots that left the book",
            sum(lots for _, _, _, lots in resting),
            _lots(before) - _lots(after),
        )
        stage.must_refuse(_LEAVES, "goes on trading", self.posts[_LEAVES], "place", orders=waits)

    # --- counting

    def _end(self) -> None:
        stage = self.stage
        for name, running in self.posts.items():
            if name != _LEAVES:
                stage.ask(running, "place", orders=[{"type": "cancel_all"}])
        for number in PRODUCTS:
            depth = stage.ask(stage.office, "depth", market=number)
            stage.check(f"what rests in market {number} after all was cancelled", 0, _lots(depth))
        stage.check("kinds of orders that the robots placed", KINDS_OF_ORDERS, self._kinds)
        stage.check("orders of the robots that were not taken", TURNED_DOWN, self._refusals)
        stage.check("orders that met one of their own owner's, and did not trade", OWN_MET, self._own_met)
        self._reconcile()

    def _reconcile(self) -> None:
        """What each trader saw, what the node lists, and what moved in wallets and goods are the same."""
        stage = self.stage
        seen = {name: stage.ask(running, "executions") for name, running in self.posts.items()}
        for name, one in seen.items():
            stage.check(f"executions as {name} saw them", one["listed"], one["seen"])
        listed: list[Event] = []
        for number, product in PRODUCTS.items():
            trades = stage.ask(stage.office, "trades", market=number)["trades"]
            listed += trades
            stage.found.turnover[product] = turnover(trades)
        contracts = sorted(one["contract"] for one in listed)
        for side in ("bought", "sold"):
            own = sorted(contract for one in seen.values() for contract in one[side])
            stage.check(f"every trade was {side} by one of the twelve", contracts, own)
        stage.tell(f"\n{len(listed)} trades; each trader saw its own as the node lists them.")
        self._count_goods(seen)
        stage.count_money()
        for owner in OWNERS:
            paid_minor = sum(one["paid_minor"] for name, one in seen.items() if TRADERS[name].owner == owner)
            moved = PAYS_IN_MINOR - stage.found.balances_minor[owner]
            stage.check(f"what {owner}'s trades cost is what left his wallet", paid_minor, moved)
        stage.found.balances_minor.clear()
        stage.found.escrow_minor = 0

    def _count_goods(self, seen: dict[str, Event]) -> None:
        """So much can be taken out again, and not one step more."""
        for owner in OWNERS:
            for market, product in PRODUCTS.items():
                parts = [n for n, part in TRADERS.items() if (part.owner, part.market) == (owner, market)]
                steps = sum(seen[name]["got_lots"] + DECLARED * TRADERS[name].sells for name in parts)
                if parts:
                    left = self.stage.ask(
                        self.stage.office, "take_out", owner=owner, market=market, steps=steps
                    )
                    self.stage.found.goods[f"{owner}, {product}"] = steps + left["more"]
        for market, product in PRODUCTS.items():
            brought = sum(DECLARED for part in TRADERS.values() if part.sells and part.market == market)
            held = [steps for name, steps in self.stage.found.goods.items() if name.endswith(product)]
            self.stage.check(f"all {product} together", brought, sum(held))


def turnover(trades: list[Any]) -> Turnover:
    """What trades of one book come to."""
    return Turnover(
        trades=len(trades),
        lots=sum(one["lots"] for one in trades),
        cash_minor=sum(one["cash_minor"] for one in trades),
        fee_minor=sum(one["fee_minor"] for one in trades),
    )


def _lots(depth: Event) -> int:
    return sum(lots for side in ("bids", "asks") for _, lots, _ in depth[side])


def _play(stage: Stage, scenario: Scenario) -> None:
    assert isinstance(stage, FloorStage), "many parties act here"
    RoboFloor(stage).play()


SCENARIO: Final = Scenario(
    name="robo-trader",
    title="Twelve things trade in continuous books; a breaker trips, a mandate ends, nothing is lost",
    deposits_minor=dict.fromkeys(OWNERS, PAYS_IN_MINOR),
    offers={},
    needs={},
    play=_play,
    stage=FloorStage,
    expected=EXPECTED,
    look=("node status node", "node books node"),
)
