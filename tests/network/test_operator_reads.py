"""The whole log is the operator's to read; proofs and the status are anybody's. [LOG-11]"""

import json

import grpc

from tests.network.raw_client import RawClient
from thingmarket.errors import Code
from thingmarket.identity.keys import SigningKey
from thingmarket.market.entries import Genesis
from thingmarket.v1 import audit_service_pb2 as pb
from thingmarket.wire.log import read_entry

ENTRIES = "/thingmarket.v1.AuditService/GetEntries"
STATUS = "/thingmarket.v1.AuditService/GetStatus"


def test_the_operator_reads_the_log_and_nobody_else_does(start_node) -> None:
    node = start_node()
    with RawClient(node) as client:
        owner = client.owner(fund_minor=10_00)
        request = pb.GetEntriesRequest(from_seq=1, limit=100)
        assert client.call(ENTRIES, request, token=owner.token).code == Code.OPERATOR_ONLY
        assert client.call(ENTRIES, request).code == Code.NO_SESSION
        seed = bytes.fromhex(json.loads((node.home / "keys.json").read_text())["identity"])
        operator = client.open(node.node_id, SigningKey.from_seed(seed))
        answered = client.call(ENTRIES, request, token=operator.token)
        entries = [
            read_entry(data) for data in pb.GetEntriesResponse.FromString(answered.messages[0]).entries
        ]
        assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1)) and len(entries) >= 3
        assert isinstance(entries[0].content, Genesis)
        one = client.call(ENTRIES, pb.GetEntriesRequest(from_seq=2, limit=1), token=operator.token)
        (data,) = pb.GetEntriesResponse.FromString(one.messages[0]).entries
        assert read_entry(data) == entries[1]
        for bad in (pb.GetEntriesRequest(from_seq=0, limit=1), pb.GetEntriesRequest(from_seq=1, limit=101)):
            assert client.call(ENTRIES, bad, token=operator.token).code == Code.OUT_OF_RANGE
        assert client.call(STATUS, b"").status is grpc.StatusCode.OK
