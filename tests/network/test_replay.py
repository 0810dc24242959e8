"""Replay: however a log is cut into groups and wherever its snapshot lies, the end is the same. [LOG-6]"""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.golden.record import FOLDER, Step, booted, groups_of, read
from thingmarket.audit.merkle import leaf_hash, root
from thingmarket.errors import Code, Refusal
from thingmarket.market.entries import RULES_NOW
from thingmarket_node.core.boot import Replay
from thingmarket_node.core.core import Core
from thingmarket_node.core.messages import Published
from thingmarket_node.snapshot import Snapshot

STEPS = read(FOLDER / f"rules-{RULES_NOW}.log")
TREE_ROOT = root([leaf_hash(step.entry) for step in STEPS])


def assert_is_the_end(core: Core, published: list[Published], steps: list[Step]) -> None:
    """All that a node goes on from: state, tree, position; and the outcomes that it publishes."""
    assert [one.body for one in published] == [step.outcome for step in steps]
    assert core.state.state_root() == STEPS[-1].root
    assert core.sequencer.tree.root() == TREE_ROOT
    assert core.durable_seq == core.state.seq == len(STEPS)


def snapshot_of(core: Core) -> Snapshot:
    """A whole snapshot of where a core stands."""
    return Snapshot(core.durable, (core.state.snapshot(),), core.durable_seq)


def cuts(numbers: set[int]) -> Iterator[int]:
    """Sizes of the groups when the log is cut behind each of these entries."""
    ends = [*sorted(numbers - {len(STEPS)}), len(STEPS)]
    yield from (end - begin for begin, end in zip([0, *ends], ends, strict=False))


@given(st.sets(st.integers(1, len(STEPS))))
def test_any_cut_into_groups_leads_to_the_same_end(behind: set[int]) -> None:
    core, published = booted(groups_of(STEPS, cuts(behind)))
    assert_is_the_end(core, published, STEPS)


def test_every_single_cut_leads_to_the_same_end() -> None:
    for cut in range(1, len(STEPS) + 1):
        core, published = booted(groups_of(STEPS, cuts({cut})))
        assert_is_the_end(core, published, STEPS)


def test_a_snapshot_at_every_group_leads_to_the_same_end() -> None:
    groups = groups_of(STEPS, [1] * len(STEPS))
    end = booted(groups)[0].state.snapshot()
    for number in range(1, len(groups) + 1):
        before, _ = booted(groups[:number])
        snapshot = snapshot_of(before)
        core, published = booted(groups, snapshot)
        assert_is_the_end(core, published, STEPS[number:])
        assert core.state.snapshot() == end


def test_a_node_that_comes_to_something_else_does_not_start() -> None:
    """One bit of an expected outcome or root, in any group, is as if the software had changed."""
    honest = groups_of(STEPS, [1] * len(STEPS))
    for number in (2, len(STEPS) // 2, len(STEPS)):
        step = STEPS[number - 1]
        flipped = bytes([step.root[0] ^ 1]) + step.root[1:]
        outcome = Step(entry=step.entry, outcome=step.outcome + b"\x10\x01", root=step.root)
        for other in (Step(entry=step.entry, outcome=step.outcome, root=flipped), outcome):
            groups = groups_of([*STEPS[: number - 1], other], [1] * number)
            with pytest.raises(Refusal, match=f"group {number}") as told:
                booted(groups)
            assert told.value.number == Code.TAMPERED
    assert booted(honest)[0].durable_seq == len(STEPS)


def test_a_log_that_ends_before_its_snapshot_does_not_start() -> None:
    groups = groups_of(STEPS, [1] * len(STEPS))
    core, _ = booted(groups)
    with pytest.raises(Refusal, match="ends before its snapshot"):
        booted(groups[:-1], snapshot_of(core))


def test_outcomes_come_group_by_group_and_those_that_are_known_are_left_out() -> None:
    groups = groups_of(STEPS, cuts({5, 6, 20, 40}))
    told = list(Replay(iter(groups)).outcomes())
    assert [len(group) for group in told] == [len(group.entries) for group in groups]
    every = [one.body for group in told for one in group]
    for known in (0, 5, 17, len(STEPS) - 1, len(STEPS)):
        again = Replay(iter(groups))
        news = [one for group in again.outcomes(known) for one in group]
        assert [one.seq for one in news] == list(range(known + 1, len(STEPS) + 1))
        assert [one.body for one in news] == every[known:]
        assert again.sequencer.market.state.state_root() == STEPS[-1].root


def test_changes_on_top_of_a_snapshot_lead_to_the_same_end() -> None:
    """A snapshot, then what each group changed: a start may begin at any of them. [LOG-4]"""
    groups = groups_of(STEPS, [7] * (len(STEPS) // 7) + [len(STEPS) % 7] * bool(len(STEPS) % 7))
    core, _ = booted(groups[:1])
    kept = Snapshot(core.durable, (b"".join(core.state.frozen()),), core.durable_seq)
    sequencer = core.sequencer
    for number, group in enumerate(groups[1:], 2):
        sequencer.replay(group, apply=True)
        bodies = (*kept.bodies, b"".join(sequencer.market.state.changes()))
        kept = Snapshot(sequencer.head, bodies, kept.whole_seq)
        if number % 5 == 0 or number == len(groups):
            again, published = booted(groups, kept)
            assert_is_the_end(again, published, STEPS[group.last_seq :])
            assert again.state.snapshot() == booted(groups)[0].state.snapshot()
