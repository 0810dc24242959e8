"""From a journal to a running core: the first group, and the replay of all of them. [LOG-6]"""

from collections.abc import Iterable, Iterator

from thingmarket.errors import Code, Refusal
from thingmarket.limits import SNAPSHOT_EVERY_ENTRIES
from thingmarket.market import Market
from thingmarket.market.market import check_rules
from thingmarket.market.state import State
from thingmarket_node.core import messages as m
from thingmarket_node.core.calls import NodeKeys
from thingmarket_node.core.core import Core
from thingmarket_node.core.sequencer import Sequencer
from thingmarket_node.groups import Group, Head
from thingmarket_node.snapshot import Snapshot


class Replay:
    """Follows a journal, from its snapshot when there is one; one group is in memory at a time."""

    def __init__(self, groups: Iterable[Group], snapshot: Snapshot | None = None) -> None:
        """Read the snapshot (TAMPERED when it cannot be read, OUT_OF_RANGE: of rules not known here)."""
        self.sequencer = Sequencer()
        self.snapshot = snapshot
        self._groups = groups
        if snapshot is not None:
            try:
                self.sequencer.market = Market(State.restore(*snapshot.bodies))
            except Refusal as refusal:
                raise Refusal(Code.TAMPERED, f"{refusal.reason}; delete the snapshots") from refusal
            check_rules(self.sequencer.market.state.rules)

    def outcomes(self, after_seq: int = 0) -> Iterator[tuple[m.Published, ...]]:
        """Replay; what each group behind the snapshot and behind `after_seq` came to.

        TAMPERED when a group is damaged or comes to something else than it came to before.
        """
        sequencer, at = self.sequencer, self.snapshot.head if self.snapshot is not None else Head()
        for group in self._groups:
            told = sequencer.replay(group, apply=group.number > at.number, tell=group.last_seq > after_seq)
            if group.number == at.number:
                state_root = sequencer.market.state.state_root()
                if sequencer.head != at or state_root != group.state_root:
                    raise Refusal(Code.TAMPERED, "the snapshot belongs to another log; delete it")
            if told:
                yield tuple(one for one in told if one.seq > after_seq)
        if sequencer.head.number < max(at.number, 1):
            raise Refusal(Code.TAMPERED, "the log ends before its snapshot, or has no genesis")

    def core(self, keys: NodeKeys, now: m.Now, *, snapshot_every: int = SNAPSHOT_EVERY_ENTRIES) -> Core:
        """The core that goes on from here, once everything is replayed (TAMPERED: another node's)."""
        state, snapshot = self.sequencer.market.state, self.snapshot
        if (state.node, state.network_id) != (keys.node, keys.network_id):
            raise Refusal(Code.TAMPERED, "the log belongs to another node than these keys")
        return Core(
            keys,
            self.sequencer,
            now,
            snapshot_every=snapshot_every,
            snapshot_seq=snapshot.head.next_seq - 1 if snapshot is not None else 0,
            whole_seq=snapshot.whole_seq if snapshot is not None else 0,
        )


def boot(
    keys: NodeKeys,
    now: m.Now,
    groups: Iterable[Group],
    snapshot: Snapshot | None = None,
    *,
    snapshot_every: int = SNAPSHOT_EVERY_ENTRIES,
) -> tuple[Core, list[m.Published]]:
    """Replay a journal that is short enough to keep all of its outcomes, and give them."""
    replay = Replay(groups, snapshot)
    published = [one for told in replay.outcomes() for one in told]
    return replay.core(keys, now, snapshot_every=snapshot_every), published


def genesis_group(body: bytes, now: m.Now) -> Group:
    """The first group of a new log: the genesis alone."""
    sequencer = Sequencer()
    return sequencer.begin(body, now.wall_ms)
