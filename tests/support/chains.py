"""A log read from its start, as whoever checks a copy of it does."""

from collections.abc import Iterable

from thingmarket_node.groups import EMPTY, Group, Head


def verify_chain(groups: Iterable[Group], start: Head = EMPTY) -> Head:
    """Check that `groups` follow `start` without gap, overlap or exchange (TAMPERED); their head."""
    head = start
    for group in groups:
        head = head.after(group)
    return head
