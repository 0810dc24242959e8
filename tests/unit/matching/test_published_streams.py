"""On a million commands the books trade what four engines of others trade, order by order."""

import json
import lzma
import os
from pathlib import Path

import pytest

from tests.unit.matching.conftest import Kind
from thingmarket.matching import Engine
from thingmarket.matching.records import COMMAND_BYTES, EVENT, EventKind

FOLDER = os.environ.get("THINGMARKET_STREAMS", "")
NEEDED = (
    "16 MB of streams are not part of the repository: set THINGMARKET_STREAMS to the folder of "
    "one.xz, multi.xz, thin.xz and expected.json"
)
BATCH = 512 * COMMAND_BYTES

pytestmark = pytest.mark.skipif(not FOLDER, reason=NEEDED)


def commands_of(name: str) -> bytes:
    """The stream, whose file has all first bytes of the records, then all second ones and so on."""
    columns = lzma.decompress((Path(FOLDER) / f"{name}.xz").read_bytes())
    count = len(columns) // COMMAND_BYTES
    records = bytearray(len(columns))
    for at in range(COMMAND_BYTES):
        records[at::COMMAND_BYTES] = columns[at * count : (at + 1) * count]
    return bytes(records)


def trades_of(engine: Engine, commands: bytes) -> dict[str, int]:
    """Number, quantity and a checksum of the trades in their order."""
    trades = quantities = checksum = 0
    for at in range(0, len(commands), BATCH):
        for event in EVENT.iter_unpack(engine.process(commands[at : at + BATCH])):
            kind, _, _, _, _, _, maker, taker, price, quantity, _ = event
            if kind == EventKind.TRADE:
                trades += 1
                quantities += quantity
                checksum = (checksum * 1_000_003 + maker * 31 + taker * 17 + price * 7 + quantity) % 2**64
    return {"trades": trades, "traded_quantity": quantities, "trade_checksum": checksum}


def expected(name: str) -> dict[str, int]:
    stated = json.loads((Path(FOLDER) / "expected.json").read_text())[name]
    return {what: stated[what] for what in ("trades", "traded_quantity", "trade_checksum")}


@pytest.mark.parametrize("name", ["one", "multi", "thin"])
def test_the_native_book_trades_what_others_trade(native: Kind, name: str) -> None:
    commands = commands_of(name)
    assert trades_of(Engine(native), commands) == expected(name)


def test_the_plain_book_trades_what_others_trade() -> None:
    commands = commands_of("one")
    assert trades_of(Engine("python"), commands) == expected("one")
