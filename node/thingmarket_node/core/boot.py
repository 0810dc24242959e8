"""From a journal to a running core: the first group, and the replay of all of them. [LOG-6]"""

from collections.abc import Iterable

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


def boot(
    keys: NodeKeys,
    now: m.Now,
    groups: Iterable[Group],
    snapshot: tuple[Head, bytes] | None = None,
    *,
    snapshot_every: int = SNAPSHOT_EVERY_ENTRIES,
) -> tuple[Core, list[m.Published]]:
    """Replay a journal, from its snapshot when there is one; also give the outcomes that were replayed.

    TAMPERED when a group is damaged or comes to something else than it came to before, OUT_OF_RANGE when
    this version does not know the rules of the log.
    """
    sequencer, published = Sequencer(), list[m.Published]()
    if snapshot is not None:
        sequencer.market = Market(State.restore(snapshot[1]))
        check_rules(sequencer.market.state.rules)
    start = snapshot[0].number if snapshot is not None else 0
    for group in groups:
        published += sequencer.replay(group, apply=group.number > start)
        if snapshot is None or group.number != start:
            continue
        state_root = sequencer.market.state.state_root()
        if sequencer.head != snapshot[0] or state_root != group.state_root:
            raise Refusal(Code.TAMPERED, "the snapshot belongs to another log; delete it")
    if sequencer.head.number < max(start, 1):
        raise Refusal(Code.TAMPERED, "the log ends before its snapshot, or has no genesis")
    if (sequencer.market.state.node, sequencer.market.state.network_id) != (keys.node, keys.network_id):
        raise Refusal(Code.TAMPERED, "the log belongs to another node than these keys")
    core = Core(
        keys,
        sequencer,
        now,
        snapshot_every=snapshot_every,
        snapshot_seq=snapshot[0].next_seq - 1 if snapshot is not None else 0,
    )
    return core, published


def genesis_group(body: bytes, now: m.Now) -> Group:
    """The first group of a new log: the genesis alone."""
    sequencer = Sequencer()
    return sequencer.begin(body, now.wall_ms)
