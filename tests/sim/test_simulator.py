"""The simulator itself: the real core holds, every broken one is found, and a seed is a seed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from thingmarket_node.core.core import Core
from thingmarket_node.sim.commands import sim
from thingmarket_node.sim.hunting import SEEDS_MAX, applied, hunt
from thingmarket_node.sim.mutants import MUTANTS, Mutant
from thingmarket_node.sim.mutants.trading import readable
from thingmarket_node.sim.runner import replay, run, run_seed

REGRESSIONS = Path(__file__).with_name("regressions.txt")

# The first seed that kills each mutant. After a change of the scenario a neighbour may do it.
KILLERS = {
    "ack-before-durable": 0,
    "decline-before-durable": 2,
    "repeat-before-durable": 2,
    "torn-tail-accepted": 14,
    "chain-not-checked": 20,
    "snapshot-without-answers": 3,
    "snapshot-of-later": 0,
    "wrong-receipt": 0,
    "notices-lost": 0,
    "sealed-too-late": 0,
    "sealed-again": 57,
    "clock-for-entry-time": 8,
    "duplicate-applied-twice": 0,
    "answers-forgotten": 0,
    "conflict-not-noticed": 0,
    "old-key-accepted": 2,
    "window-not-checked": 1,
    "sessions-survive": 0,
    "time-runs-back": 8,
    "money-comes-twice": 0,
    "timer-lost-at-boot": 8,
    "inspection-never-ends": 0,
    "expiry-fires-twice": 0,
    "wake-storm": 4,
    "hold-never-released": 0,
    "refund-to-the-seller": 0,
    "budget-not-counted": 0,
    "refusal-counts": 0,
    "revocation-ignored": 8,
    "one-yes-is-enough": 14,
    "reservation-kept": 0,
    "waits-for-ever": 0,
    "quiet-hours-count": 0,
    "worse-price-passes": 16,
    "approval-serves-again": 39,
    "stranger-is-asked": 26,
    "buyer-approves": 16,
    "yes-counts-twice": 14,
    "guard-ignored": 0,
    "guard-holds-more": 9,
    "wrong-code-not-counted": 19,
    "lowering-ignored": 8,
    "held-thing-trades": 6,
    "standing-order-outlives": 16,
    "standing-order-again": 0,
    "slot-filled-twice": 5,
    "need-filled-twice": 0,
    "agent-counts-for-itself": 0,
    "end-gives-budget-back": 0,
    "freed-today": 155,
    "window-never-ends": 3,
    "fee-not-taken": 0,
    "tax-to-the-seller": 3,
    "tax-of-another-country": 3,
    "reserve-all-at-once": 3,
    "reserve-kept": 2,
    "late-credit-twice": 3,
    "grace-is-not-late": 3,
    "cancelled-is-paid": 3,
    "cancelled-without-fee": 16,
    "cancelled-without-invoice": 16,
    "cancelled-keeps-its-fee": 16,
    "cancelling-is-free": 0,
    "refund-above-captured": 0,
    "refund-forgotten": 0,
    "fee-not-given-back": 0,
    "points-kept": 0,
    "points-redeemed-again": 2,
    "points-lost": 2,
    "part-loses-a-cent": 4,
    "invoice-left-out": 0,
    "takers-price": 0,
    "cancelled-holds": 0,
    "reduced-holds": 0,
    "replace-reserves-nothing": 0,
    "releases-count-at-once": 2,
    "book-not-counted": 0,
    "no-headroom": 0,
    "revoked-orders-stay": 0,
    "trades-with-himself": 0,
    "sibling-cancels": 0,
    "fee-twice": 0,
    "breaker-skipped": 4,
    "band-not-asked": 0,
    "halt-without-end": 4,
    "halt-dropped-at-replay": 4,
    "expired-order-stays": 0,
    "frame-not-remembered": 0,
    "closed-with-orders": 3,
    "fill-not-counted": 0,
    "fill-without-tax": 0,
    "fill-lots-for-steps": 0,
    "fill-never-due": 0,
    "fill-needs-no-room": 77,
    "fill-sold-by-the-owner": 0,
}


def regressions() -> list[int]:
    lines = REGRESSIONS.read_text(encoding="utf-8").splitlines()
    return [int(line.split()[0]) for line in lines if line and not line.startswith("#")]


def test_sixty_seeds_keep_every_invariant_and_see_what_they_are_there_for() -> None:
    summary = run("purchase", range(60))
    assert summary.failures == []
    missing = [mark for mark, count in summary.marks.items() if count == 0]
    assert missing == [], "faults that never came about test nothing"


def test_forty_seeds_of_trading_keep_every_invariant_and_see_what_they_are_there_for() -> None:
    summary = run("trading", range(40))
    assert summary.failures == []
    rare = (
        "frames",
        "trades",
        "halts",
        "swept",
        "promised",
        "handed_over",
        "never_came",
        "crashes",
        "snapshot_boots",
        "OK",
        "NEED_COSIGN",
        "OVER_BUDGET",
    )
    assert [mark for mark in rare if not summary.marks.get(mark)] == [], (
        "what never came about was not tested"
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_readable_desk_and_the_compiled_one_give_the_same_run(seed: int) -> None:
    compiled = run_seed("trading", seed)
    with applied(Mutant("readable-desk", "nothing", readable)):
        plain = run_seed("trading", seed)
    assert (plain.failure, plain.trace_hash) == (None, compiled.trace_hash)


@pytest.mark.parametrize("seed", regressions())
def test_seeds_that_once_found_a_bug_hold(seed: int) -> None:
    assert run_seed("purchase", seed).failure is None


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_broken_core_is_found(mutant) -> None:
    killer = KILLERS[mutant.name]
    assert killer < SEEDS_MAX
    verdict = hunt(mutant, range(killer, killer + 30))
    assert verdict.seed is not None, f"{mutant.name} survived: {mutant.wrong}"


def test_a_mutant_leaves_the_real_core_as_it_was() -> None:
    before = dict(vars(Core))
    for mutant in MUTANTS:
        with applied(mutant):
            pass
    assert dict(vars(Core)) == before


def trace_hashes(hash_seed: str) -> str:
    program = (
        "from thingmarket_node.sim.runner import run_seed\n"
        "print([run_seed('purchase', seed).trace_hash for seed in (1, 9, 30)])\n"
    )
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
    )
    return done.stdout


def test_a_seed_gives_the_same_run_in_every_process() -> None:
    assert (
        trace_hashes("1")
        == trace_hashes("2")
        == f"{[run_seed('purchase', s).trace_hash for s in (1, 9, 30)]}\n"
    )


def test_a_replay_stops_where_it_is_told() -> None:
    result, lines = replay("purchase", 3, until=25)
    assert result.events == 25
    assert lines[-1].startswith("25 ")


def test_the_command_line_ends_with_one_json_object() -> None:
    done = CliRunner().invoke(sim, ["run", "--seeds", "0:3", "--json"])
    assert done.exit_code == 0
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["seeds"], found["failures"]) == (3, [])
    assert {"events", "simulated_hours", "scenarios_per_s"} <= set(found)


def test_a_broken_core_fails_the_command_and_names_seed_event_and_invariant() -> None:
    (mutant,) = (one for one in MUTANTS if one.name == "wrong-receipt")
    with applied(mutant):
        done = CliRunner().invoke(sim, ["run", "--seeds", "0", "--json"])
    assert done.exit_code == 1
    (failure,) = json.loads(done.stdout.splitlines()[-1])["failures"]
    assert (failure["seed"], failure["invariant"]) == (0, "receipt")
    assert failure["event"] > 0


def test_a_seed_can_be_looked_at_up_to_an_event() -> None:
    done = CliRunner().invoke(sim, ["replay", "--seed", "3", "--until", "12", "--trace"])
    assert done.exit_code == 0
    assert len([line for line in done.stdout.splitlines() if line[0].isdigit()]) >= 12


@pytest.mark.parametrize("words", ["", "5:5", "ten", "-1:4"])
def test_a_wrong_range_of_seeds_is_refused(words: str) -> None:
    done = CliRunner().invoke(sim, ["run", "--seeds", words])
    assert done.exit_code == 2
