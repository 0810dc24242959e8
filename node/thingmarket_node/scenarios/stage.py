"""Where a scenario plays: a folder, a node, owners and things, and what they are told to do."""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from thingmarket.money import currency_of
from thingmarket_node.cli.amounts import written
from thingmarket_node.scenarios.expectations import Check, Found, Refused, Trade
from thingmarket_node.scenarios.processes import PROGRAM, Event, Running, StepFailed, Tell, run_once

CURRENCY: Final = "EUR"
NODE: Final = "node"
_PLAY_MONEY_UNITS: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the operator of a story's node asks: rows of his tax table, fee and reserve, a probation."""

    currency: str = CURRENCY
    taxes: tuple[str, ...] = ("S=1900",)
    fee_basis_points: int = 0
    reserve_basis_points: int = 0
    probation: str = ""

    @property
    def options(self) -> tuple[str, ...]:
        """The same for `thingmarket node init`."""
        taxes = (part for row in self.taxes for part in ("--tax", row))
        charges = ("--fee", str(self.fee_basis_points), "--reserve", str(self.reserve_basis_points))
        return (*taxes, *charges, *(("--probation", self.probation) if self.probation else ()))


PLAIN: Final = Terms()


class Stage:
    """Everything that a scenario's play does goes through here, and is written down as found."""

    def __init__(self, folder: Path, tell: Tell, *, node_command: Sequence[str] = PROGRAM) -> None:
        """Play in an empty folder; `node_command` is the program whose `node run` is the node."""
        self.folder = folder
        self.tell = tell
        self.found = Found()
        self.ids: dict[str, str] = {}
        self.currency = CURRENCY
        self._node_command = tuple(node_command)
        self._running: list[Running] = []

    def close(self) -> None:
        """End every process, the node last."""
        for running in reversed(self._running):
            running.stop()
        self._running.clear()

    # --- steps

    def do(self, who: str, *arguments: str) -> Event:
        """Run one command that must not be refused; its answer."""
        code, answer = run_once(who, arguments, self.folder)
        if code != 0:
            raise StepFailed(f"{who}: `thingmarket {' '.join(arguments)}` was refused: {answer}")
        return answer

    def refused(self, who: str, what: str, *arguments: str) -> None:
        """Run one command that ought to be refused, and write down what it was told."""
        code, answer = run_once(who, arguments, self.folder)
        told = answer.get("refused") if code == 1 else None
        if not isinstance(told, dict):
            self.tell(f"  !! {who} {what}: not refused")
            return
        self.found.refusals.append(Refused(who=who, what=what, code=told["name"], rule=told["rule"]))
        self.tell(f"  {who:<16} {what}: refused, {told['number']} {told['name']} [{told['rule']}]")
        self.tell(f"  {'':<16}   {told['reason']}")

    def together(self, *steps: Callable[[], Any]) -> list[Any]:
        """Take several steps side by side; all of them end before one that failed is told."""
        with ThreadPoolExecutor(max_workers=4) as pool:
            return [future.result() for future in [pool.submit(step) for step in steps]]

    def start(self, name: str, *arguments: str) -> Running:
        """Start a program that goes on by itself."""
        return self._started(name, [*PROGRAM, *arguments, "--json"], self.tell)

    def perform(self, name: str, *arguments: str) -> Event:
        """Run a device that tells what it does until it is done; its last word (StepFailed)."""
        code, answer = self.start(name, *arguments).result()
        if code != 0:
            raise StepFailed(f"{name}: `thingmarket {' '.join(arguments)}` was refused: {answer}")
        return answer

    def _started(self, name: str, command: Sequence[str], tell: Tell) -> Running:
        running = Running.start(name, command, self.folder, tell)
        self._running.append(running)
        return running

    def check(self, name: str, expected: Any, found: Any) -> None:
        """Write down one more thing that must be so."""
        self.found.checks.append(Check(name, expected, found))

    # --- the usual cast

    def open_market(self, terms: Terms = PLAIN) -> None:
        """Make a node with play money, and run it on a free port."""
        self.currency = terms.currency
        play_money = written(_PLAY_MONEY_UNITS * 10 ** currency_of(terms.currency).scale, terms.currency)
        options = ("--plaintext", "--currency", terms.currency, "--play-money", play_money.split()[0])
        self.do(NODE, "node", "init", NODE, *options, *terms.options)
        running = self._started(NODE, [*self._node_command, "node", "run", NODE, "--json"], in_silence)
        ready = running.wait_for("ready")
        self.ids[NODE] = ready["node"]
        self.tell(f"A node opens on {ready['address']}: {short(ready['node'])}")

    def admit(self, *owners: str) -> None:
        """Make owners, each with keys of his own."""
        answers = self.together(
            *(lambda name=name: self.do(name, "owner", "init", name, "--node", NODE) for name in owners)
        )
        for name, answer in zip(owners, answers, strict=True):
            self.ids[name] = answer["owner"]
            self.found.deposits_minor.setdefault(name, 0)

    def make_things(self, *things: str) -> None:
        """Make things, each with keys of its own and no mandate yet."""
        answers = self.together(
            *(lambda name=name: self.do(name, "thing", "init", name, "--node", NODE) for name in things)
        )
        self.ids |= {name: answer["thing"] for name, answer in zip(things, answers, strict=True)}

    def fund(self, deposits_minor: Mapping[str, int]) -> None:
        """Put play money into owners' wallets."""
        self.together(
            *(
                lambda owner=owner, minor=minor: self._fund(owner, minor)
                for owner, minor in deposits_minor.items()
            )
        )
        for owner, minor in deposits_minor.items():
            self.tell(f"{owner} pays in {written(minor, self.currency)}.")

    def _fund(self, owner: str, minor: int) -> None:
        amount = written(minor, self.currency).split()[0]
        self.do(owner, "owner", "fund", owner, amount, "--currency", self.currency)
        self.found.deposits_minor[owner] += minor

    def sheet(self, name: str, content: Mapping[str, Any]) -> str:
        """Write an offer or need for a program to read; the name of the file."""
        file = f"{name}.json"
        (self.folder / file).write_text(json.dumps(content, indent=1) + "\n")
        return file

    # --- what came of it

    def until_ended(self, owner: str, contract: str) -> Event:
        """Wait until a contract has come to its end; the contract."""
        answer = self.do(owner, "owner", "contracts", owner, "--wait", contract)
        found: Event = next(one for one in answer["contracts"] if one["contract"] == contract)
        return found

    def count_money(self, collectors: Sequence[str] = ()) -> None:
        """Write down what is in every wallet, what the node holds besides, and who has which points."""
        owners = sorted(self.found.deposits_minor)
        books, *answers = self.together(
            lambda: self.do(NODE, "node", "books", NODE),
            *(lambda name=name: self.do(name, "owner", "balance", name) for name in owners),
            *(lambda name=name: self.do(name, "owner", "points", name) for name in collectors),
        )
        self.found.books_minor = books["books"][self.currency]["held"]
        for owner, answer in zip(owners, answers[: len(owners)], strict=True):
            rows = {row["currency"]: row for row in answer["balances"]}
            row = rows.get(self.currency, {"available_minor": 0, "escrow_minor": 0})
            self.found.balances_minor[owner] = row["available_minor"]
            self.found.escrow_minor += row["escrow_minor"]
        for owner, answer in zip(collectors, answers[len(owners) :], strict=True):
            rows = answer["points"]
            self.found.points[owner] = sum(one["points"] - one["owed"] - one["issued"] for one in rows)

    def count_decisions(self, owners: Sequence[str]) -> None:
        """Write down how often the rules of owners said what."""
        answers = self.together(
            *(lambda name=name: self.do(name, "owner", "report", name) for name in owners)
        )
        self.found.decisions = {
            name: answer["decisions"] for name, answer in zip(owners, answers, strict=True)
        }

    def explain_trades(self, buyers: Sequence[str]) -> None:
        """Write down all contracts, and why they were allowed."""
        names = {id_: name for name, id_ in self.ids.items()}
        contracts = [
            (buyer, contract)
            for buyer in buyers
            for contract in self.do(buyer, "owner", "contracts", buyer)["contracts"]
            if contract["buyer_owner"] == self.ids[buyer]
        ]
        contracts.sort(key=lambda one: int(one[1]["seq"]))
        reasons = self.together(
            *(
                lambda buyer=buyer, name=contract["contract"]: self.do(
                    buyer, "explain", name, "--home", buyer
                )
                for buyer, contract in contracts
            )
        )
        for (buyer, contract), reason in zip(contracts, reasons, strict=True):
            units = contract["units"]
            trade = Trade(
                buyer=buyer,
                seller=names.get(contract["seller_owner"], "?"),
                product=contract["product_id"],
                total_minor=contract["total_minor"],
                ended=contract["fulfilment"],
                cause=contract["history"][-1]["cause"],
                need=bool(contract["need"]),
                rules=tuple(reason["rules"]),
                units=len(units),
                late_credit_minor=sum(unit["late_credit_minor"] for unit in units),
            )
            self.found.trades.append(trade)
            self.found.contracts.append(contract["contract"])
            self._tell_trade(trade, reason)

    def _tell_trade(self, trade: Trade, reason: Event) -> None:
        allowed = reason["allowed_by"]
        thing = next((name for name, id_ in self.ids.items() if id_ == allowed["bought_by"]), "?")
        cost = written(trade.total_minor, self.currency)
        self.tell(f"{thing} bought {trade.product} of {trade.seller} for {cost}:")
        who = (
            f"{trade.buyer}'s mandate {short(allowed['mandate'])}"
            if allowed["mandate"]
            else f"{trade.buyer}, who acts as owner"
        )
        many = f" to {trade.rules[-1]}" if len(trade.rules) > 1 else ""
        self.tell(f"  allowed by {who}, rules {trade.rules[0]}{many}; ended {trade.ended} by {trade.cause}")
        if reason["approval"]:
            self.tell(f"  {trade.buyer} was asked, because it {reason['approval']['why']}, and said yes")
        if trade.late_credit_minor:
            self.tell(f"  it came late: {written(trade.late_credit_minor, self.currency)} were credited")


def in_silence(line: str) -> None:
    """For what the story tells in its own words."""


def short(text: str) -> str:
    """The end of an id or digest, enough to tell it from the others in one story."""
    return f"...{text[-8:]}"
