"""The command line `thingmarket`."""

from thingmarket_node.cli.main import main

__all__ = ["main"]
