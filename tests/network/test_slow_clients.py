"""Slow, silent and half-open clients: they get nothing, and nobody else gets less. [LOG-5] [QRY-6]"""

import asyncio
import select
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from tests.network.node_process import NodeProcess
from tests.network.raw_client import SUBMIT, TOKEN_KEY, RawClient, new_key
from tests.network.small_market import SmallMarket
from thingmarket.contract.orders import FundRequest
from thingmarket.errors import Code
from thingmarket.identity.envelope import TypeId
from thingmarket.v1 import market_service_pb2, query_service_pb2
from thingmarket.v1.market_service_pb2_grpc import MarketServiceStub
from thingmarket.v1.query_service_pb2_grpc import QueryServiceStub
from thingmarket.wire import trade
from thingmarket.wire.envelope import signed_message
from thingmarket.wire.refusals import DETAILS_KEY, read_refusal_status
from thingmarket_client import Owner, create_owner

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
IDLE = 200
PATIENCE_S = 20.0  # the node's own is 10 s
MEGABYTE = 1_000_000


def connected(node: NodeProcess, said: bytes = b"") -> socket.socket:
    """A connection on which `said` was sent and nothing follows."""
    host, _, port = node.address.rpartition(":")
    connection = socket.create_connection((host, int(port)))
    connection.sendall(said)
    return connection


def half_a_call() -> bytes:
    """A preface and the head of a Submit whose message is announced and never comes."""
    fields = {
        ":method": "POST",
        ":scheme": "http",
        ":path": SUBMIT,
        ":authority": "node",
        "te": "trailers",
        "content-type": "application/grpc",
    }
    block = b"".join(
        b"\x00" + bytes((len(name),)) + name.encode() + bytes((len(value),)) + value.encode()
        for name, value in fields.items()
    )
    head = struct.pack(">I", len(block))[1:] + b"\x01\x04" + struct.pack(">I", 1) + block
    data = b"\x00" + struct.pack(">I", 1_000) + b"ten bytes."
    return (
        PREFACE
        + SETTINGS
        + head
        + struct.pack(">I", len(data))[1:]
        + b"\x00\x00"
        + struct.pack(">I", 1)
        + data
    )


SAID = {
    "nothing": b"",
    "half a preface": PREFACE[:10],
    "a preface": PREFACE,
    "a preface and settings": PREFACE + SETTINGS,
    "half a call": half_a_call(),
    "another protocol": b"GET / HTTP/1.1\r\nHost: node\r\n\r\n",
    "noise": bytes(range(256)),
}


@pytest.fixture
def closing() -> Iterator[list[socket.socket]]:
    connections: list[socket.socket] = []
    yield connections
    for connection in connections:
        connection.close()


def test_two_hundred_that_connect_and_say_nothing_harm_nobody(
    start_node, closing: list[socket.socket]
) -> None:
    node = start_node()
    with RawClient(node) as client:
        market = SmallMarket.open(node, client)
        before = node.rss_bytes()
        for said in SAID.values():
            closing += [connected(node, said) for _ in range(IDLE // len(SAID) + 1)]
        assert [market.buy().code for _ in range(20)] == [0] * 20
        assert client.is_serving()
        assert node.rss_bytes() - before < 20 * MEGABYTE
    with RawClient(node) as late:  # and whoever comes now is let in
        assert late.is_serving()
    for connection in closing:
        connection.close()
    assert node.stop() == 0
    assert not node.trouble


def test_who_says_nothing_is_cut_off(start_node, closing: list[socket.socket], tmp_path: Path) -> None:
    for tls in (False, True):
        node = start_node(tls=tls)
        closing += [
            connected(node, SAID[said]) for said in ("nothing", "half a preface", "a preface", "noise")
        ]
        asyncio.run(_an_honest_owner(node, tmp_path / f"owner{tls}"))
    waiting, until = list(closing), time.monotonic() + PATIENCE_S
    while waiting and time.monotonic() < until:
        for one in select.select(waiting, [], [], 1.0)[0]:
            if not _is_open(one):
                waiting.remove(one)
    assert not waiting, f"{len(waiting)} are still connected"


async def _an_honest_owner(node: NodeProcess, home: Path) -> None:
    create_owner(home, node.network_id)
    async with await Owner.open(home, node.card) as owner:
        await owner.admit()


def _is_open(connection: socket.socket) -> bool:
    try:
        return bool(connection.recv(65_536))
    except ConnectionError:
        return False


def test_a_watcher_who_does_not_read_is_cut_off_and_others_hear_everything(start_node) -> None:
    node = start_node()
    # A small window, so that what he does not read stays at the node.
    narrow = [("grpc.http2.lookahead_bytes", 1_024), ("grpc.http2.bdp_probe", 0)]
    wide = [("grpc.use_local_subchannel_pool", 1)]
    with (
        RawClient(node) as client,
        grpc.insecure_channel(node.address, options=[*narrow, *wide]) as slow,
        grpc.insecure_channel(node.address, options=wide) as quick,
    ):
        owner = client.owner()
        request, metadata = query_service_pb2.WatchRequest(), ((TOKEN_KEY, owner.token),)
        sleeper = QueryServiceStub(slow).Watch(request, metadata=metadata)
        reader = QueryServiceStub(quick).Watch(request, metadata=metadata)
        next(sleeper), next(reader)
        before, told = node.rss_bytes(), 0
        for _ in range(40):
            _fund_at_once(client, quick, owner, 100)
            told += 100
            heard = 0
            while heard < 100:
                heard += len(next(reader).notices)
        assert node.rss_bytes() - before < 20 * MEGABYTE
        slept_through, end = _to_the_end(sleeper)
        assert end == Code.BUSY
        assert slept_through < told
        assert next(QueryServiceStub(slow).Watch(request, metadata=metadata)).seq > told, "he may watch again"
    assert not node.trouble


def _fund_at_once(client: RawClient, channel: grpc.Channel, owner, count: int) -> None:
    """Each deposit is a notice to its owner."""
    calls = []
    for _ in range(count):
        wish = FundRequest(key=new_key(), currency="EUR", amount_minor=1)
        command = client.command(owner, TypeId.FUND_REQUEST, trade.fund_request_body(wish))
        submit = market_service_pb2.SubmitRequest(command=signed_message(command))
        calls.append(MarketServiceStub(channel).Submit.future(submit, metadata=((TOKEN_KEY, owner.token),)))
    for call in calls:
        call.result(timeout=20)


def _to_the_end(stream) -> tuple[int, int]:
    """How many notices came, and the number of the refusal that ended it."""
    heard = 0
    try:
        for message in stream:
            heard += len(message.notices)
    except grpc.RpcError:
        details = dict(stream.trailing_metadata())
        found = read_refusal_status(details[DETAILS_KEY])
        assert found is not None
        return heard, found.code
    raise AssertionError("a watch does not end by itself")
