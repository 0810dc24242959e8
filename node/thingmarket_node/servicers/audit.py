"""AuditService: what the log holds, and what the node is doing."""

import resource
import time
from pathlib import Path
from typing import Any

from thingmarket.errors import Code, Refusal
from thingmarket.limits import PAGE_BYTES_MAX
from thingmarket.v1 import audit_service_pb2 as pb
from thingmarket.v1 import audit_service_pb2_grpc
from thingmarket_node.gate import token_of
from thingmarket_node.shell import Shell
from thingmarket_node.version import VERSION

ENTRIES_MAX = 100


class AuditServicer(audit_service_pb2_grpc.AuditServiceServicer):
    """Proves what the log holds."""

    def __init__(self, shell: Shell, *, started_ms: int) -> None:
        """Read from `shell`; `started_ms` is when the process began."""
        self._shell = shell
        self._started_ms = started_ms

    async def GetCheckpoint(self, request: pb.GetCheckpointRequest, context: Any) -> pb.GetCheckpointResponse:
        """The newest checkpoint."""
        return pb.GetCheckpointResponse(checkpoint=self._shell.core.receipts.checkpoint)

    async def ProveInclusion(
        self, request: pb.ProveInclusionRequest, context: Any
    ) -> pb.ProveInclusionResponse:
        """That an entry is in the durable tree."""
        size = self._size(request.tree_size)
        if not 1 <= request.seq <= size:
            raise Refusal(Code.UNKNOWN_ENTRY, f"no entry {request.seq} among {size}", "LOG-9")
        tree = self._shell.core.sequencer.tree
        return pb.ProveInclusionResponse(
            leaf_hash=tree.leaf(request.seq - 1), tree_size=size, proof=tree.inclusion(request.seq - 1, size)
        )

    async def ProveConsistency(
        self, request: pb.ProveConsistencyRequest, context: Any
    ) -> pb.ProveConsistencyResponse:
        """That the durable log only grew."""
        size2 = self._size(request.size2)
        if not 1 <= request.size1 <= size2:
            raise Refusal(Code.UNKNOWN_ENTRY, f"no proof from {request.size1} to {size2}", "LOG-10")
        proof = self._shell.core.sequencer.tree.consistency(request.size1, size2)
        return pb.ProveConsistencyResponse(size2=size2, proof=proof)

    async def GetEntries(self, request: pb.GetEntriesRequest, context: Any) -> pb.GetEntriesResponse:
        """Entries for the operator."""
        session = self._shell.session_of(token_of(context))
        if session.party != self._shell.core.keys.node:
            raise Refusal(Code.OPERATOR_ONLY, "only the operator reads the whole log", "LOG-11")
        if not 1 <= request.limit <= ENTRIES_MAX or not 1 <= request.from_seq <= 2**53:
            raise Refusal(Code.OUT_OF_RANGE, f"from_seq from 1, limit 1 to {ENTRIES_MAX}", "LOG-11")
        entries = await self._shell.entries(request.from_seq, request.limit)
        kept: list[bytes] = []
        size = 0
        for entry in entries:
            size += len(entry)
            if kept and size > PAGE_BYTES_MAX:
                break
            kept.append(entry)
        return pb.GetEntriesResponse(entries=kept)

    async def GetStatus(self, request: pb.GetStatusRequest, context: Any) -> pb.GetStatusResponse:
        """What the node is doing, once that is durable."""
        core, state = self._shell.core, self._shell.core.state
        response = pb.GetStatusResponse(
            node=state.node,
            network_id=state.network_id,
            durable_seq=state.seq,
            time_ms=state.time_ms,
            rules=state.rules,
            state_root=state.state_root(),
            effects_root=state.effects_root(),
            sessions=len(core.sessions),
            waiting=core.waiting,
            parties=len(state.parties),
            offers=state.indexes.offers_live,
            contracts_open=state.indexes.contracts_open,
            contracts=len(state.contracts),
            started_ms=self._started_ms,
            version=VERSION,
            resident_bytes=_resident_bytes(),
            cpu_ms=time.process_time_ns() // 1_000_000,
        )
        await self._shell.durable(response.durable_seq)
        return response

    def _size(self, asked: int) -> int:
        size = self._shell.core.receipts.size
        if asked > size:
            raise Refusal(Code.UNKNOWN_ENTRY, f"the log has {size} durable entries, not {asked}", "LOG-9")
        return asked or size


def _resident_bytes() -> int:
    """Memory that this process holds now; 0 where the system does not tell it this way."""
    try:
        pages = Path("/proc/self/statm").read_text().split()[1]
    except OSError:
        return 0
    return int(pages) * resource.getpagesize()
