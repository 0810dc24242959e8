"""The program of a node under test: makes its folder when it is new, serves, prints one line when ready.

Started as `run_node.py HOME [--tls] [--address ADDRESS]`.
"""

import argparse
import asyncio
import json
import logging
import secrets
import sys
import time
from pathlib import Path

from thingmarket.ids import NetworkId
from thingmarket_node.config import Config
from thingmarket_node.home import Home, init_node
from thingmarket_node.node import Ready, run_node

PLAY_MONEY_MINOR = 1_000_000_000_00


def _say(ready: Ready) -> None:
    line = {"address": ready.address, "card": ready.card, "node": ready.node, "entries": ready.entries}
    print(json.dumps(line), flush=True)  # noqa: T201  the one line that the test reads


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("home", type=Path)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--address", default="127.0.0.1:0")
    given = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    home = Home(given.home)
    if not home.keys.exists():
        init_node(
            given.home,
            Config(address=given.address, plaintext=not given.tls, play_money_max_minor=PLAY_MONEY_MINOR),
            network_id=NetworkId(secrets.token_bytes(16)),
            now_ms=time.time_ns() // 1_000_000,
            currencies=("EUR", "USD"),
            tax_basis_points=(("S", 1_900), ("Z", 0)),
        )
    return asyncio.run(run_node(home, ready=_say))


if __name__ == "__main__":
    sys.exit(main())
