"""Golden logs: entries with what they came to, one per line, as every later version must replay them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from tests.builders import NETWORK
from thingmarket.identity.keys import SigningKey
from thingmarket.identity.parties import party_id
from thingmarket.ids import NetworkId
from thingmarket.market.entries import Genesis
from thingmarket.market.market import Market
from thingmarket.wire.log import outcome_bytes, read_entry
from thingmarket_node.core.boot import boot
from thingmarket_node.core.calls import NodeKeys
from thingmarket_node.core.core import Core
from thingmarket_node.core.messages import Now, Published
from thingmarket_node.core.sequencer import hash_of_outcomes
from thingmarket_node.groups import EMPTY, Group, Head
from thingmarket_node.snapshot import Snapshot

FOLDER: Final = Path(__file__).parent
_MARK: Final = "# "


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One entry, the bytes of its outcome, and the state's root after it."""

    entry: bytes
    outcome: bytes
    root: bytes


def steps_of(entries: Iterable[bytes]) -> list[Step]:
    """Apply entries to a new market and write down what they come to."""
    market = Market()
    found = []
    for entry in entries:
        outcome = outcome_bytes(market.apply(read_entry(entry)))
        found.append(Step(entry=entry, outcome=outcome, root=market.state.state_root()))
    return found


def written(steps: Sequence[Step], title: str) -> str:
    """Three hex fields per line; roots last."""
    lines = [f"{step.entry.hex()} {step.outcome.hex()} {step.root.hex()}" for step in steps]
    return "\n".join([f"{_MARK}{title}", f"{_MARK}entry, outcome, state root", *lines]) + "\n"


def read(path: Path) -> list[Step]:
    """Read what `written` wrote."""
    found = []
    for line in path.read_text().splitlines():
        if not line.startswith(_MARK):
            entry, outcome, root = map(bytes.fromhex, line.split(" "))
            found.append(Step(entry=entry, outcome=outcome, root=root))
    return found


def groups_of(steps: Sequence[Step], sizes: Iterable[int]) -> list[Group]:
    """Cut a log into groups of these sizes, with the hashes that it must come to."""
    groups, head, at = list[Group](), EMPTY, 0
    for size in sizes:
        part = steps[at : at + size]
        group = Group(
            number=head.number + 1,
            first_seq=head.next_seq,
            entries=tuple(step.entry for step in part),
            outcome_hash=hash_of_outcomes([step.outcome for step in part]),
            state_root=part[-1].root,
            previous=head.chain,
        )
        groups.append(group)
        head, at = Head.at(group), at + size
    assert at == len(steps), "the sizes add up to the whole log"
    return groups


def booted(groups: Sequence[Group], snapshot: Snapshot | None = None) -> tuple[Core, list[Published]]:
    """Boot the node of the tests' world from groups; TAMPERED when it comes to anything else."""
    identity, log = (SigningKey.from_seed(sha256(name).digest()) for name in (b"the node", b"log"))
    first = read_entry(groups[0].entries[0])
    assert isinstance(first.content, Genesis), "a log begins with its genesis"
    node = party_id(first.content.node.signed_bytes)
    keys = NodeKeys(node=node, network_id=NetworkId(NETWORK), identity=identity, log=log)
    last_ms = read_entry(groups[-1].entries[-1]).time_ms
    return boot(keys, Now(last_ms, 0), groups, snapshot)
