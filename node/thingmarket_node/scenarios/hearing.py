"""A program of a story that does what it is told, line by line, and answers each line with one."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final

from thingmarket.errors import Refusal
from thingmarket_client import Unanswered
from thingmarket_node.refused_orders import name_of

Line = dict[str, Any]
_LINE_BYTES_MAX: Final = 4_000_000  # what all houses of a street say of one block is 10 kB


async def listen(hear: Callable[[str, Line], Awaitable[Line]]) -> None:
    """Answer every line of standard input until it ends; a refusal is an answer too."""
    lines = asyncio.StreamReader(limit=_LINE_BYTES_MAX)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    _say({"event": "listens"})
    while line := await lines.readline():
        told = json.loads(line)
        cue = told.pop("cue")
        try:
            _say({**await hear(cue, told), "event": cue})
        except Refusal as refusal:
            _say({"event": cue, "refused": refusal_value(refusal)})
        except Unanswered as silence:
            _say({"event": cue, "refused": {"name": "UNANSWERED", "rule": "", "reason": str(silence)}})


def refusal_value(refusal: Refusal) -> Line:
    """A refusal as the command line writes it."""
    return {
        "number": refusal.number,
        "name": name_of(refusal.number),
        "rule": refusal.rule,
        "reason": refusal.reason,
    }


def _say(line: Line) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
