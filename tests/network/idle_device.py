"""A device at rest, for measuring: imports, one connected session, one watch. `idle_device.py HOME FORM`.

Prints its resident memory in kilobytes after the imports and when connected.
"""

import asyncio
import json
import sys
from pathlib import Path

SETTLED_S = 0.5  # threads of gRPC that are yet to start


def resident_kb() -> int:
    """VmRSS of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def say(imported_kb: int) -> None:
    modules = sorted(name for name in sys.modules if name.startswith("thingmarket"))
    found = {"imported_kb": imported_kb, "idle_kb": resident_kb(), "modules": modules}
    print(json.dumps(found))  # noqa: T201  what it is for


async def rest(home: Path) -> None:
    from thingmarket_client import Thing

    imported_kb = resident_kb()
    async with await Thing.open(home) as thing:
        await thing.contracts()
        watching = asyncio.ensure_future(anext(thing.watch()))
        await asyncio.wait({watching}, timeout=SETTLED_S)
        say(imported_kb)
        watching.cancel()
        await asyncio.wait({watching})


def rest_blocking(home: Path) -> None:
    from thingmarket_client.blocking import BlockingThing

    imported_kb = resident_kb()
    with BlockingThing(home) as thing:
        thing.contracts()
        changes = thing.watch()
        changes.wait(int(SETTLED_S * 1000))
        say(imported_kb)


if __name__ == "__main__":
    if sys.argv[2] == "blocking":
        rest_blocking(Path(sys.argv[1]))
    else:
        asyncio.run(rest(Path(sys.argv[1])))
