"""A stage for markets with many parties: owners and things in programs that go on and are told what to do."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from thingmarket_node.cli.amounts import written
from thingmarket_node.scenarios.expectations import Refused
from thingmarket_node.scenarios.processes import Event, Running, StepFailed
from thingmarket_node.scenarios.stage import NODE, Stage, in_silence

OFFICE: Final = "office"
_MODULE: Final = "thingmarket_node.scenarios."


class FloorStage(Stage):
    """Owners act in one program, the office; each thing, or each few of them, in one of their own."""

    _office: Running | None = None

    # --- programs that hear

    def programs(self, module: str, arguments: Mapping[str, Sequence[str]]) -> dict[str, Running]:
        """Start a program for each name; all of them listen."""
        started = {
            name: self._listening(name, [sys.executable, "-P", "-m", _MODULE + module, *more])
            for name, more in arguments.items()
        }
        for running in started.values():
            running.wait_for("listens")
        return started

    @property
    def office(self) -> Running:
        """Where owners, the operator too, do what they do."""
        if self._office is None:
            self._office = self.programs("office", {OFFICE: (NODE,)})[OFFICE]
        return self._office

    def _listening(self, name: str, command: Sequence[str]) -> Running:
        running = Running.start(name, command, self.folder, in_silence, hears=True)
        self._running.append(running)
        return running

    def ask(self, running: Running, cue: str, **told: Any) -> Event:
        """Have a program do something that must not be refused; its answer."""
        return self.ask_all({running: {"cue": cue, **told}})[0]

    def ask_all(self, told: Mapping[Running, Event]) -> list[Event]:
        """Have several programs do something at the same time; their answers, in that order."""
        for running, line in told.items():
            running.say(line)
        answers = [running.wait_for(line["cue"]) for running, line in told.items()]
        for running, answer in zip(told, answers, strict=True):
            if "refused" in answer:
                raise StepFailed(f"{running.name}: {told[running]} was refused: {answer['refused']}")
        return answers

    def must_refuse(self, who: str, what: str, running: Running, cue: str, **told: Any) -> None:
        """Have a program do something that ought to be refused, and write down what it was told."""
        running.say({"cue": cue, **told})
        answer = running.wait_for(cue)
        if "refused" not in answer:
            self.tell(f"  !! {who} {what}: not refused")
            return
        found = answer["refused"]
        self.note_refusal(who, what, found["name"], found["rule"])

    def note_refusal(self, who: str, what: str, code: str, rule: str) -> None:
        """Write down that somebody was told no."""
        self.found.refusals.append(Refused(who=who, what=what, code=code, rule=rule))
        self.tell(f"  {who:<16} {what}: refused, {code} [{rule}]")

    # --- the usual cast, all in the office

    def admit(self, *owners: str) -> None:
        """Make owners, each with keys of his own."""
        self.ids |= self.ask(self.office, "admit", owners=owners)["ids"]
        self.found.deposits_minor |= dict.fromkeys(owners, 0)

    def fund(self, deposits_minor: Mapping[str, int]) -> None:
        """Put play money into owners' wallets."""
        self.ask(self.office, "fund", currency=self.currency, deposits_minor=dict(deposits_minor))
        for owner, minor in deposits_minor.items():
            self.found.deposits_minor[owner] += minor
        together = written(sum(deposits_minor.values()), self.currency)
        self.tell(f"{len(deposits_minor)} owners pay in {together}.")

    def empower(self, mandates: Mapping[str, Event], programs: Mapping[str, Running]) -> None:
        """Sign a mandate for each thing; the program of that name has it adopted and shown to the node."""
        links = self.ask(
            self.office, "mandate", mandates={self.ids[name]: mandates[name] for name in mandates}
        )
        told: dict[Running, dict[str, str]] = {}
        for name, running in programs.items():
            told.setdefault(running, {})[name] = links["links"][self.ids[name]]
        self.ask_all({running: {"cue": "adopt", "links": each} for running, each in told.items()})

    # --- what came of it

    def count_money(self, collectors: Sequence[str] = ()) -> None:
        """Write down what is in every wallet, and what the node holds besides."""
        assert not collectors, "nobody gives points here"
        books = self.do(NODE, "node", "books", NODE)
        self.found.books_minor = books["books"][self.currency]["held"]
        rows = self.ask(self.office, "balances", currency=self.currency)["balances"]
        for owner, (available_minor, escrow_minor) in rows.items():
            self.found.balances_minor[owner] = available_minor
            self.found.escrow_minor += escrow_minor

    def explain_trades(self, buyers: Sequence[str]) -> None:
        """Trades of books are no contracts that anybody fulfils: each story counts its own."""
