"""The disk of a node: groups and snapshots, synced or not, and what a crash leaves of them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b

from thingmarket.errors import Refusal
from thingmarket_node import groups
from thingmarket_node.groups import Group, Head
from thingmarket_node.sim.world import World
from thingmarket_node.snapshot import Snapshot

_SNAPSHOTS_KEPT = 2


@dataclass(frozen=True, slots=True)
class SnapshotRecord:
    """A snapshot as it lies on the disk: its last part, and what it stands on."""

    head: Head
    body: bytes
    digest: bytes
    on: "SnapshotRecord | None" = None

    @classmethod
    def of(cls, head: Head, body: bytes, on: "SnapshotRecord | None" = None) -> "SnapshotRecord":
        """The record that the journal writes."""
        return cls(head, body, blake2b(body).digest(), on)

    @property
    def is_whole(self) -> bool:
        """Whether it came back as it was written; else one before it, or the log itself, is enough."""
        return blake2b(self.body).digest() == self.digest and (self.on is None or self.on.is_whole)

    @property
    def snapshot(self) -> Snapshot:
        """What a start reads."""
        if self.on is None:
            return Snapshot(self.head, (self.body,), self.head.next_seq - 1)
        below = self.on.snapshot
        return Snapshot(self.head, (*below.bodies, self.body), below.whole_seq)


class Disk:
    """Records survive a crash once synced; of the others a prefix may, and of the next one a part."""

    def __init__(self, world: World) -> None:
        """Start empty."""
        self._world = world
        self.groups: list[bytes] = []
        self.snapshots: list[SnapshotRecord] = []  # oldest first
        self.tail = b""  # part of a record that a crash left behind the last whole one
        self.synced_seq = 0
        self._written: list[tuple[Group, bytes]] = []
        self._written_snapshots: list[SnapshotRecord] = []

    def write(self, group: Group) -> None:
        """Give a group to the disk, which has it for certain after the next sync."""
        self._written.append((group, group.encode()))

    def write_snapshot(self, snapshot: SnapshotRecord) -> None:
        """Give a snapshot to the disk, behind the groups that were written before it."""
        self._written_snapshots.append(snapshot)

    def keep_snapshot(self, head: Head, body: bytes) -> None:
        """Put a snapshot on the disk at once."""
        self.write_snapshot(SnapshotRecord.of(head, body))
        self.sync()

    def sync(self) -> list[bytes]:
        """Make everything that was written durable; returns the groups that became so."""
        synced = [data for _, data in self._written]
        if self._written:
            self.synced_seq = self._written[-1][0].last_seq
        self.groups += synced
        self.snapshots = [*self.snapshots, *self._written_snapshots][-_SNAPSHOTS_KEPT:]
        self._written.clear()
        self._written_snapshots.clear()
        return synced

    def crash(self, torn: int) -> None:
        """Lose what was not synced, all of it or with luck only the end."""
        world = self._world
        kept = world.between(0, len(self._written)) if world.chance(torn) else 0
        survivors, lost = self._written[:kept], self._written[kept:]
        self.groups += [data for _, data in survivors]
        if lost and world.chance(torn):
            self.tail = lost[0][1][: world.between(0, len(lost[0][1]) - 1)]
        if survivors:
            self.synced_seq = survivors[-1][0].last_seq
        for snapshot in self._written_snapshots:
            # A snapshot stands behind its group; what is cut off of it must be noticed.
            if snapshot.head.next_seq - 1 <= self.synced_seq and world.chance(torn):
                part = snapshot.body[: world.between(0, len(snapshot.body))]
                self.snapshots.append(replace(snapshot, body=part))
        if kept or self.tail:
            world.note(f"survived {kept} groups and {len(self.tail)} bytes")
        self._written.clear()
        self._written_snapshots.clear()

    def recover(self) -> Iterator[Group]:
        """Read all groups; a part of a record at the very end was never promised, and is dropped."""
        for data in self.groups:
            yield groups.decode(data)
        if self.tail:
            tail, self.tail = self.tail, b""
            try:
                torn = groups.decode(tail)
            except Refusal:
                return
            self.groups.append(tail)
            self.synced_seq = torn.last_seq
            yield torn
