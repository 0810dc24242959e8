"""A snapshot as a start reads it."""

from dataclasses import dataclass

from thingmarket_node.groups import Head


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of the market right after the group that `head` names: a whole one, then its changes."""

    head: Head
    bodies: tuple[bytes, ...]
    whole_seq: int  # last log position of the whole one
