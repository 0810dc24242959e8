"""What fails around a node: disks, doubles, orders to stop; nothing acknowledged is lost. [LOG-12]"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from tests.network import node_process
from tests.network.node_process import NodeProcess
from tests.network.raw_client import Answer, RawClient, new_key, purchase_body
from tests.network.sealed_purchase import sealed_purchase, send_sealed
from tests.network.small_market import SmallMarket
from thingmarket.errors import Code
from thingmarket.identity.envelope import TypeId
from thingmarket.v1 import audit_service_pb2, query_service_pb2
from thingmarket.v1.query_service_pb2_grpc import QueryServiceStub
from thingmarket.wire import identity
from thingmarket.wire.receipts import receipt_value

PROVE_INCLUSION = "/thingmarket.v1.AuditService/ProveInclusion"
LEFT_BYTES = 256 * 1024  # what the node may still write before its disk is full
STOP_S = 3.0  # what `node run` promises
CALLERS = 6
# Who waits is told UNAVAILABLE; of a call that arrives while the server closes, gRPC itself says CANCELLED.
STOPPING = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}


def leaf_at(client: RawClient, seq: int) -> bytes:
    """What the node says stands at a position of its log."""
    answered = client.call(PROVE_INCLUSION, audit_service_pb2.ProveInclusionRequest(seq=seq))
    assert answered.code == 0, answered
    return audit_service_pb2.ProveInclusionResponse.FromString(answered.messages[0]).leaf_hash


def assert_all_there(node: NodeProcess, answers: list[Answer]) -> None:
    """Every yes stands in the log of the node, at the place that its receipt names."""
    with RawClient(node) as client:
        for answered in answers:
            receipt = receipt_value(answered.submitted.receipt)
            assert leaf_at(client, receipt.seq) == receipt.leaf_hash


# --- disks


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk_stops_the_node_and_loses_nothing_that_was_acknowledged(
    small_disk: Path, tmp_path: Path
) -> None:
    home = small_disk / "node"
    home.mkdir()
    (home / "node.log").symlink_to(tmp_path / "node.log")  # what it says goes to another disk
    node = NodeProcess.start(home)
    with RawClient(node) as client:
        market = SmallMarket.open(node, client)
        free = os.statvfs(small_disk)
        ballast = small_disk / "ballast"
        ballast.write_bytes(bytes(free.f_bavail * free.f_frsize - LEFT_BYTES))
        with ThreadPoolExecutor(CALLERS) as callers:
            answers = [answer for told in callers.map(_buy_until_no, [market] * CALLERS) for answer in told]
    made, refused = [a for a in answers if a.code == 0], [a for a in answers if a.code != 0]
    assert node.process.wait(STOP_S) not in (0, -signal.SIGKILL), (
        "it ends by itself, and not as if all were well"
    )
    assert "the journal failed" in node.log
    assert {answer.status for answer in refused} <= STOPPING
    assert Code.UNAVAILABLE in {answer.code for answer in refused}, "who waited was told"
    assert len(made) > CALLERS
    node.kill()
    ballast.unlink()
    again = NodeProcess.start(home)
    try:
        assert_all_there(again, made)
        with RawClient(again) as client:
            SmallMarket.open(again, client).buy()  # it goes on
    finally:
        again.kill()


def _buy_until_no(market: SmallMarket) -> list[Answer]:
    with RawClient(market.node) as client:
        printer = client.again(market.printer)
        told: list[Answer] = []
        while not told or told[-1].code == 0:
            told.append(client.send(printer, TypeId.PURCHASE, purchase_body(market.offer)))
        return told


def test_an_append_of_unknown_fate_is_told_to_nobody_and_found_by_the_restart(
    start_node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk has it, and says that it failed: the caller hears UNAVAILABLE, and later the one answer."""
    monkeypatch.setattr(node_process, "_PROGRAM", Path(__file__).with_name("run_failing_node.py"))
    monkeypatch.setenv("FAIL_APPEND", "8")  # the genesis, six groups of a small market, then the purchase
    node = start_node()
    body = None
    with RawClient(node) as client:
        market = SmallMarket.open(node, client)
        body = market.purchase()
        told = client.send(market.printer, TypeId.PURCHASE, body)
    assert (told.code, told.status) == (Code.UNAVAILABLE, grpc.StatusCode.UNAVAILABLE), told
    assert node.process.wait(STOP_S) == 1
    monkeypatch.undo()
    node.restart(kill=True)
    with RawClient(node) as client:
        printer = client.again(market.printer)
        before = client.status()
        again = client.send(printer, TypeId.PURCHASE, body)
        assert again.submitted.receipt.seq == before.durable_seq, "it was the last thing that happened"
        assert (client.status().contracts, client.status().durable_seq) == (1, before.durable_seq)


# --- doubles


def test_a_second_process_on_the_same_log_is_refused_and_the_first_goes_on(start_node) -> None:
    node = start_node()
    with RawClient(node) as client:
        market = SmallMarket.open(node, client)
        command = [sys.executable, "-m", "thingmarket_node.cli", "node", "run", str(node.home)]
        roots = [str(Path(__file__).parents[2] / name) for name in ("marketplace", "node", "client")]
        second = subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(roots)},
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert second.returncode not in (0, -signal.SIGKILL), second
        assert f"in use by process {node.pid}" in second.stderr and "Traceback" not in second.stderr
        assert market.buy().code == 0
    assert node.stop() == 0


# --- orders to stop


def test_a_stop_answers_who_is_waiting_and_takes_less_than_three_seconds(start_node) -> None:
    node = start_node()
    with RawClient(node) as client, grpc.insecure_channel(node.address) as channel:
        market = SmallMarket.open(node, client)
        metadata = (("tm-token-bin", market.seller.token),)
        watches = [
            QueryServiceStub(channel).Watch(query_service_pb2.WatchRequest(), metadata=metadata)
            for _ in range(2)
        ]
        for watch in watches:
            next(watch)
        with ThreadPoolExecutor(CALLERS) as callers:
            told = [callers.submit(_buy_until_no, market) for _ in range(CALLERS)]
            while client.status().contracts < 3 * CALLERS:  # all are busy
                time.sleep(0.01)
            node.process.send_signal(signal.SIGTERM)
            assert node.process.wait(STOP_S) == 0
            answers = [answer for future in told for answer in future.result()]
        for watch in watches:
            with pytest.raises(grpc.RpcError) as ended:
                for _ in watch:
                    pass
            assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
    made = [answer for answer in answers if answer.code == 0]
    assert {a.status for a in answers if a.code != 0} <= STOPPING
    assert not node.trouble
    node.restart(kill=True)
    assert_all_there(node, made)
    with RawClient(node) as client:
        assert client.status().contracts == len(made), "what was done was told"


# --- asked again


def test_what_was_bought_is_told_again_after_the_mandate_is_gone(start_node) -> None:
    """A printer that missed the answer asks again; the revocation came later than the purchase."""
    node = start_node()
    with RawClient(node) as client:
        market = SmallMarket.open(node, client)
        body, parts = sealed_purchase(market)
        first = send_sealed(market, body, parts)
        assert first.code == 0, first
        revoke = identity.revoke_body(
            new_key(), mandate=None, subject=market.printer.party, epoch=None, reason="a test"
        )
        assert client.send(market.buyer, TypeId.REVOKE, revoke).code == 0
        again = send_sealed(market, body, parts)
        assert again.submitted.reference == first.submitted.reference
        assert send_sealed(market, *sealed_purchase(market)).code == Code.MANDATE_REVOKED
