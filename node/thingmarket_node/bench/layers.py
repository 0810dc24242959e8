"""Where the commands of a log spend a node's time: its own entries, taken once more, layer by layer."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from thingmarket.audit.merkle import leaf_hash
from thingmarket.audit.notes import Checkpoint, log_origin, sign_checkpoint
from thingmarket.contract.orders import Purchase
from thingmarket.identity import keys
from thingmarket.identity.keys import SigningKey
from thingmarket.market.entries import Command, Entry, EntryKind
from thingmarket.market.market import Market
from thingmarket.trading.commands import PlaceOrders
from thingmarket.wire.commands import read_command
from thingmarket.wire.envelope import signed_message, signed_value
from thingmarket.wire.log import outcome_bytes, read_entry
from thingmarket.wire.signing import entry_bytes
from thingmarket_node.core.gate_checks import check_of
from thingmarket_node.core.sequencer import Sequencer
from thingmarket_node.groups import Group
from thingmarket_node.journal_sqlite import SqliteLog

LAYERS: Final = ("parse", "verify", "apply", "encode", "state_root", "group", "checkpoint", "receipt")


class Stopwatch:
    """Sums of processor time by layer."""

    def __init__(self) -> None:
        """Start at zero."""
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def layer(self, name: str) -> Iterator[None]:
        """Count what is inside."""
        begin = time.thread_time()
        yield
        self.seconds[name] += time.thread_time() - begin


def cpu_us_by_layer(
    journal: Path, most_groups: int = 4_000, kind: type[Purchase | PlaceOrders] = Purchase
) -> dict[str, float]:
    """Microseconds a command of a kind in each layer, in one thread, over the first groups of a log."""
    log = SqliteLog.open(journal)
    try:
        groups = list(log.read(1, min(log.head().number, most_groups)))
    finally:
        log.close()
    watch, sequencer, commands = Stopwatch(), Sequencer(), 0
    signer = SigningKey.from_seed(bytes(32))
    for group in groups:
        commands += _group(watch, sequencer, group, signer, kind)
    return {name: watch.seconds[name] / max(1, commands) * 1e6 for name in LAYERS}


def _group(watch: Stopwatch, sequencer: Sequencer, group: Group, signer: SigningKey, kind: type) -> int:
    market, tree, commands = sequencer.market, sequencer.tree, 0
    for data in group.entries:
        entry = read_entry(data)
        command = entry.content if isinstance(entry.content, Command) else None
        if command is None or not isinstance(command.body, kind):
            market.apply(entry)
            continue
        commands += 1
        _command(watch, market, entry, command)
    if not commands:
        tree.extend([leaf_hash(data) for data in group.entries])
        market.state.state_root()
        return 0
    with watch.layer("state_root"):
        root = market.state.state_root()
    with watch.layer("group"):
        Group(
            number=group.number,
            first_seq=group.first_seq,
            entries=group.entries,
            outcome_hash=group.outcome_hash,
            state_root=root,
            previous=group.previous,
        ).encode()
        tree.extend([leaf_hash(data) for data in group.entries])
    with watch.layer("checkpoint"):
        origin = log_origin(market.state.network_id, market.state.node)
        sign_checkpoint(Checkpoint(origin, tree.size, tree.root()), signer)
    with watch.layer("receipt"):
        for seq in range(group.first_seq, group.last_seq + 1):
            tree.inclusion(seq - 1, tree.size)
    return commands


def _command(watch: Stopwatch, market: Market, entry: Entry, command: Command) -> None:
    message = signed_message(command.signed)
    with watch.layer("parse"):
        read_command(signed_value(message))
    key = market.state.party(command.header.sender).public_key
    with watch.layer("verify"):
        check = check_of(command.signed, key)
        assert keys.verify(check.public_key, check.message, check.signature), "it was verified before"
    with watch.layer("apply"):
        outcome = market.apply(entry)
    with watch.layer("encode"):
        outcome_bytes(outcome)
        entry_bytes(seq=entry.seq, time_ms=entry.time_ms, kind=EntryKind.COMMAND, body=command.signed_bytes)
