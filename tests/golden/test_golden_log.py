"""Each log of a released behaviour leads, for ever, to the outcomes and roots that it led to then [LOG-6]"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.golden.record import FOLDER, read, steps_of
from thingmarket.errors import Code
from thingmarket.identity.envelope import TypeId
from thingmarket.market.entries import Command, EntryKind
from thingmarket.market.market import RULES_KNOWN
from thingmarket.matching.records import EventKind, unpack_events
from thingmarket.v1 import log_pb2
from thingmarket.wire.commands import READERS
from thingmarket.wire.log import read_entry

LOGS = [FOLDER / f"rules-{number}.log" for number in RULES_KNOWN]
ROOT = FOLDER.parents[1]


def test_every_known_behaviour_has_its_golden_log() -> None:  # [LOG-7]
    assert sorted(FOLDER.glob("*.log")) == sorted(LOGS)


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_a_golden_log_comes_to_what_it_always_came_to(path: Path) -> None:
    for number, (was, now) in enumerate(
        zip(read(path), steps_of(step.entry for step in read(path)), strict=True)
    ):
        assert log_pb2.Outcome.FromString(now.outcome) == log_pb2.Outcome.FromString(was.outcome), number
        assert now == was, f"entry {number + 1}"


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_the_order_of_hashing_decides_nothing(path: Path) -> None:
    """Dictionaries and sets are walked in orders that no entry gave: three processes, three seeds."""
    roots = [str(ROOT / name) for name in ("", "marketplace", "node", "client")]
    for seed in ("0", "1", "4242"):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(roots), "PYTHONHASHSEED": seed}
        command = [sys.executable, "-P", "-m", "tests.golden.replay", str(path)]
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout == path.read_text(), f"PYTHONHASHSEED={seed} comes to something else"


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_a_golden_log_holds_every_kind_of_entry_and_command(path: Path) -> None:  # [LOG-1]
    steps = read(path)
    entries = [read_entry(step.entry) for step in steps]
    outcomes = [log_pb2.Outcome.FromString(step.outcome) for step in steps]
    kinds = {log_pb2.LogEntry.FromString(step.entry).kind for step in steps}
    assert kinds == {int(kind) for kind in EntryKind} - {EntryKind.RULES}, "no rules were ever changed"
    made, refused = set[int](), set[int]()
    for entry, outcome in zip(entries, outcomes, strict=True):
        if isinstance(entry.content, Command):
            (refused if outcome.code else made).add(entry.content.type_id)
    assert made == set(READERS) - {TypeId.FUND_REQUEST}, "a wish for money is no entry, its deposit is"
    assert refused >= {TypeId.PRESENT_MANDATE, TypeId.PURCHASE, TypeId.FULFIL, TypeId.ACCEPT_DELIVERY}
    codes = {outcome.code for outcome in outcomes}
    assert codes >= {Code.DENIED, Code.OUT_OF_STOCK, Code.WRONG_STATE, Code.MANDATE_REVOKED}
    fired = {notice.state for outcome in outcomes for notice in outcome.notices}
    assert fired >= {"EXPIRED", "FILLED", "WITHDRAWN", "OPEN", "TRADED", "LEFT", "HALTED"}, fired
    done = {event.kind for outcome in outcomes for event in unpack_events(outcome.events)}
    assert done == set(EventKind), "everything that a book can say"
