"""The program of a node whose journal fails: run_node.py, but one write is reported lost although it stands.

Environment: FAIL_APPEND=N is the group at which that happens, counted from the start of the process.
"""

import os
import runpy
import sqlite3
from pathlib import Path

from thingmarket_node.groups import Group
from thingmarket_node.journal_sqlite import SqliteLog

_write = SqliteLog.write
_left = [int(os.environ["FAIL_APPEND"])]


def _uncertain(self: SqliteLog, group: Group) -> None:
    _write(self, group)
    _left[0] -= 1
    if _left[0] == 0:
        raise sqlite3.OperationalError("disk I/O error")


SqliteLog.write = _uncertain  # type: ignore[method-assign]
runpy.run_path(str(Path(__file__).with_name("run_node.py")), run_name="__main__")
