"""The program of a node that saves a snapshot every five entries: run_node.py with another number."""

import runpy
from pathlib import Path

from thingmarket_node import node

node.SNAPSHOT_EVERY_ENTRIES = 5  # type: ignore[attr-defined]
runpy.run_path(str(Path(__file__).with_name("run_node.py")), run_name="__main__")
