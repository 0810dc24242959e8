"""The command line with one of the owner's rules left out: what a scenario has to notice."""

import sys

from thingmarket.policy import rules
from thingmarket_node.cli import main

LEFT_OUT = "ITM-2"


def leave_out(rule: str) -> None:
    """Let a purchase of agreed items be looked at by every rule but one."""
    course = rules._PLAIN_ITEMS
    course.steps = tuple(step for step in course.steps if step[0] != rule)  # type: ignore[misc]
    course.names = tuple(name for name, _ in course.steps)  # type: ignore[misc]


if __name__ == "__main__":
    leave_out(LEFT_OUT)
    sys.exit(main())
