"""A device believes no node that says something else than what its card and its log can stand for."""

import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from thingmarket.audit.merkle import Tree, leaf_hash
from thingmarket.audit.notes import Checkpoint, log_origin, sign_checkpoint
from thingmarket.audit.receipts import Receipt
from thingmarket.errors import Code, Refusal, grpc_status_of
from thingmarket.identity.cards import NodeCard
from thingmarket.identity.envelope import TypeId, sign
from thingmarket.identity.handshake import Challenge
from thingmarket.identity.keys import SigningKey
from thingmarket.identity.parties import KeyEvent, Role
from thingmarket.ids import NetworkId
from thingmarket.market.entries import EntryKind
from thingmarket.v1 import (
    envelope_pb2,
    market_service_pb2,
    market_service_pb2_grpc,
    session_service_pb2,
    session_service_pb2_grpc,
)
from thingmarket.wire.envelope import signed_bytes, signed_message, signed_value
from thingmarket.wire.handshake import challenge_payload, node_card, read_hello
from thingmarket.wire.identity import key_event_payload
from thingmarket.wire.receipts import fill_receipt
from thingmarket.wire.refusals import DETAILS_KEY, fill_refusal
from thingmarket.wire.signing import entry_bytes
from thingmarket_client import Forked, RefusedByNode, Thing, Unanswered, create_thing

NETWORK = NetworkId(b"network of liars")
ORIGINAL: Callable[[Any], Any] = lambda value: value  # noqa: E731


@dataclass
class Liar(session_service_pb2_grpc.SessionServiceServicer, market_service_pb2_grpc.MarketServiceServicer):
    """A node reduced to one log; each test bends one thing that it says."""

    identity: SigningKey = field(default_factory=lambda: SigningKey.from_seed(secrets.token_bytes(32)))
    log: SigningKey = field(default_factory=lambda: SigningKey.from_seed(secrets.token_bytes(32)))
    tree: Tree = field(default_factory=Tree)
    challenge: Callable[[Challenge], Challenge] = ORIGINAL
    receipt: Callable[[Receipt], Receipt | None] = ORIGINAL
    signs_challenges: SigningKey | None = None
    refuses: list[Refusal] = field(default_factory=list)
    submitted: list[bytes] = field(default_factory=list)
    sessions: int = 0
    ahead_ms: int = 0
    streams: bool = True
    node_id: Any = None

    def card(self, address: str) -> NodeCard:
        event = KeyEvent(
            role=Role.NODE,
            network_id=NETWORK,
            identity_key=self.identity.public,
            log_key=self.log.public,
            tls_key=SigningKey.from_seed(bytes(32)).public,
            created_ms=1_800_000_000_000,
            nonce=bytes(12),
            signed_bytes=b"",
        )
        signed = sign(TypeId.KEY_EVENT, key_event_payload(event), self.identity)
        made = node_card(address=address, plaintext=True, signed_key_event=signed)
        self.node_id = made.node_id
        return made

    async def Hello(self, request: Any, context: Any) -> Any:
        hello = read_hello(request)
        honest = Challenge(
            network_id=hello.network_id,
            node=hello.node,
            party=hello.party,
            client_nonce=hello.nonce,
            node_nonce=secrets.token_bytes(32),
            time_ms=time.time_ns() // 1_000_000 + self.ahead_ms,
            certificate_hash=b"",
        )
        payload = challenge_payload(self.challenge(honest))
        signed = sign(TypeId.CHALLENGE, payload, self.signs_challenges or self.identity)
        return session_service_pb2.HelloResponse(challenge=signed_message(signed))

    async def Prove(self, request: Any, context: Any) -> Any:
        self.sessions += 1
        return session_service_pb2.ProveResponse(
            session=secrets.token_bytes(16), token=bytes(32), expires_ms=4_000_000_000_000, known=True
        )

    async def Submit(self, request: Any, context: Any) -> Any:
        answer = self.answer(request)
        if answer.HasField("refusal"):
            status = envelope_pb2.RichStatus()
            status.details.add().Pack(answer.refusal)
            metadata = ((DETAILS_KEY, status.SerializeToString()),)
            code = grpc.StatusCode[grpc_status_of(answer.refusal.code)]
            await context.abort(code, "no", trailing_metadata=metadata)
        return answer.done

    async def SubmitStream(self, requests: Any, context: Any) -> AsyncIterator[Any]:
        if not self.streams:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "an older node")
        async for message in requests:
            for command in message.commands:
                answer = self.answer(command.request)
                answer.call = command.call
                yield market_service_pb2.SubmitStreamResponse(answers=[answer])

    def answer(self, request: market_service_pb2.SubmitRequest) -> market_service_pb2.StreamedAnswer:
        answer = market_service_pb2.StreamedAnswer()
        body = signed_bytes(signed_value(request.command))
        self.submitted.append(body)
        if self.refuses:
            refusal = self.refuses.pop(0)
            fill_refusal(answer.refusal, refusal, receipt=self.logged(body) if refusal.rule else None)
            return answer
        answer.done.reference = bytes(32)
        receipt = self.logged(body)
        if receipt is not None:
            fill_receipt(answer.done.receipt, receipt)
        return answer

    def logged(self, body: bytes) -> Receipt | None:
        seq = self.tree.size + 1
        entry = entry_bytes(seq=seq, time_ms=1_800_000_000_000, kind=EntryKind.COMMAND, body=body)
        self.tree.append(leaf_hash(entry))
        return self.receipt(self.receipt_of(seq))

    def receipt_of(self, seq: int, signer: SigningKey | None = None) -> Receipt:
        size = self.tree.size
        checkpoint = Checkpoint(log_origin(NETWORK, self.node_id), size, self.tree.root())
        return Receipt(
            seq=seq,
            time_ms=1_800_000_000_000,
            leaf_hash=self.tree.leaf(seq - 1),
            tree_size=size,
            proof=self.tree.inclusion(seq - 1, size),
            checkpoint=sign_checkpoint(checkpoint, signer or self.log),
        )


@pytest.fixture(params=[True, False], ids=["stream", "calls"])
async def liar(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Liar]:
    """One that takes streams of commands, and one that knows single calls alone. [CMD-5]"""
    node, server = Liar(), grpc.aio.server()
    node.streams = request.param
    session_service_pb2_grpc.add_SessionServiceServicer_to_server(node, server)
    market_service_pb2_grpc.add_MarketServiceServicer_to_server(node, server)
    port = server.add_insecure_port("127.0.0.1:0")
    create_thing(tmp_path / "thing")
    (tmp_path / "port").write_text(str(port))
    await server.start()
    yield node
    await server.stop(None)


@pytest.fixture
async def thing(liar: Liar, tmp_path: Path) -> AsyncIterator[Thing]:
    address = f"127.0.0.1:{(tmp_path / 'port').read_text()}"
    async with await Thing.open(tmp_path / "thing", liar.card(address), patience_ms=2_000) as opened:
        yield opened


async def announce(thing: Thing) -> bytes:
    return await thing.announce(thing.need(title="Ink", category="44", quantity_steps=1))


@pytest.mark.parametrize(
    "bend",
    [
        lambda c: replace(c, client_nonce=bytes(32)),
        lambda c: replace(c, network_id=bytes(16)),
        lambda c: replace(c, party=c.node),
        lambda c: replace(c, node=c.party),
        lambda c: replace(c, certificate_hash=bytes(32)),
    ],
    ids=["nonce", "network", "party", "node", "tls"],
)
async def test_a_challenge_of_another_transcript_is_never_proven(
    liar: Liar, thing: Thing, bend: Callable[[Challenge], Challenge]
) -> None:  # [SES-2]
    liar.challenge = bend
    with pytest.raises(Refusal) as caught:
        await announce(thing)
    assert (caught.value.number, liar.sessions) == (Code.WRONG_TRANSCRIPT, 0)


async def test_a_challenge_signed_by_another_key_is_never_proven(liar: Liar, thing: Thing) -> None:
    liar.signs_challenges = SigningKey.from_seed(bytes(32))
    with pytest.raises(Refusal) as caught:
        await announce(thing)
    assert (caught.value.number, liar.sessions) == (Code.BAD_SIGNATURE, 0)


async def test_a_yes_whose_receipt_is_good_is_believed(liar: Liar, thing: Thing) -> None:
    await announce(thing)
    assert thing.session.witness.size == 1


@pytest.mark.parametrize(
    "bend",
    [
        lambda r: None,
        lambda r: replace(r, leaf_hash=bytes(32)),
        lambda r: replace(r, seq=r.seq + 1),
        lambda r: replace(r, tree_size=r.tree_size + 1),
        lambda r: replace(r, checkpoint=b""),
    ],
    ids=["none", "leaf", "seq", "size", "checkpoint"],
)
async def test_a_yes_without_a_good_receipt_is_no_yes(
    liar: Liar, thing: Thing, bend: Callable[[Receipt], Receipt | None]
) -> None:  # [LOG-9]
    liar.receipt = bend
    with pytest.raises(Refusal) as caught:
        await announce(thing)
    assert caught.value.number in (Code.TAMPERED, Code.MALFORMED)
    assert len(await _waiting(thing)) == 1, "it is not answered yet"


async def test_a_receipt_signed_by_another_log_key_is_refused(liar: Liar, thing: Thing) -> None:
    liar.receipt = lambda r: liar.receipt_of(r.seq, SigningKey.from_seed(bytes(32)))
    with pytest.raises(Refusal) as caught:
        await announce(thing)
    assert caught.value.number == Code.BAD_SIGNATURE


async def test_a_good_receipt_of_another_entry_is_refused(liar: Liar, thing: Thing) -> None:
    await announce(thing)
    liar.receipt = lambda r: liar.receipt_of(1)
    with pytest.raises(Refusal, match="another command"):
        await announce(thing)


async def test_a_log_that_shrank_is_a_fork_that_says_so(liar: Liar, thing: Thing) -> None:  # [LOG-10]
    await announce(thing)
    await announce(thing)
    liar.tree = Tree()
    with pytest.raises(Forked, match="shrank from 2 to 1") as caught:
        await announce(thing)
    assert caught.value.ours and caught.value.theirs


async def test_a_logged_refusal_is_proven_or_not_believed(liar: Liar, thing: Thing) -> None:
    no = Refusal(Code.DENIED, "no", "ACT-1")
    liar.refuses = [no]
    with pytest.raises(RefusedByNode) as caught:
        await announce(thing)
    assert caught.value.is_logged and caught.value.rule == "ACT-1"
    liar.refuses, liar.receipt = [no], lambda _: liar.receipt_of(1)
    with pytest.raises(Refusal, match="another command"):
        await announce(thing)
    liar.refuses, liar.receipt = [no], lambda good: replace(good, proof=(bytes(32), *good.proof[1:]))
    with pytest.raises(Refusal, match="does not lead to the checkpoint"):
        await announce(thing)


@pytest.mark.parametrize("code", [Code.SESSION_ENDED, Code.NO_SESSION, Code.CLOCK, Code.EXPIRED])
async def test_after_the_end_of_a_session_a_new_header_goes_over_the_same_body(
    liar: Liar, thing: Thing, code: Code
) -> None:  # [ID-11]
    liar.refuses = [Refusal(code, "say hello again")]
    await announce(thing)
    first, second = liar.submitted
    body = (await _posted(thing)).body
    assert liar.sessions == 2 and first != second and body in first and body in second


@pytest.mark.parametrize("code", [Code.BUSY, Code.RATE_LIMITED, Code.UNAVAILABLE, Code.REPLAYED])
async def test_a_busy_node_gets_the_same_body_again_in_the_same_session(
    liar: Liar, thing: Thing, code: Code
) -> None:
    liar.refuses = [Refusal(code, "later"), Refusal(code, "later")]
    await announce(thing)
    assert liar.sessions == 1 and len(set(liar.submitted)) == 3


async def test_what_stays_busy_waits_in_the_outbox(liar: Liar, thing: Thing) -> None:
    liar.refuses = [Refusal(Code.BUSY, "later") for _ in range(100)]
    with pytest.raises(RefusedByNode) as caught:
        await announce(thing)
    assert caught.value.number == Code.BUSY and not caught.value.is_logged
    assert len(await _waiting(thing)) == 1
    liar.refuses = []
    assert len((await thing.flush()).answered) == 1
    assert await _waiting(thing) == []


async def test_a_refusal_before_the_log_is_final_and_told_again(liar: Liar, thing: Thing) -> None:
    liar.refuses = [Refusal(Code.UNKNOWN_PARTY, "be admitted first")]
    need = thing.need(title="Ink", category="44", quantity_steps=1)
    for _ in range(2):
        with pytest.raises(RefusedByNode) as caught:
            await thing.announce(need)
        assert caught.value.number == Code.UNKNOWN_PARTY
    assert len(liar.submitted) == 1 and await _waiting(thing) == []


async def test_a_wrong_clock_is_put_right_by_the_handshake(liar: Liar, thing: Thing) -> None:  # [SES-1]
    liar.ahead_ms = 7_200_000
    await announce(thing)
    assert abs(thing.session.clock_offset_ms - 7_200_000) < 60_000


async def test_no_secret_is_in_what_an_error_says(liar: Liar, thing: Thing, tmp_path: Path) -> None:
    liar.refuses = [Refusal(Code.DENIED, "no")]
    with pytest.raises(RefusedByNode) as caught:
        await announce(thing)
    seed = (tmp_path / "thing" / "thing.json").read_text().split('"seed": "')[1][:64]
    said = str(caught.value) + repr(caught.value) + repr(vars(thing)) + repr(vars(thing.session))
    assert seed not in said and repr(bytes.fromhex(seed))[2:-1] not in said
    assert seed.encode() not in (tmp_path / "thing/outbox.db").read_bytes()


async def test_nobody_at_the_address_means_unanswered(thing: Thing, tmp_path: Path, liar: Liar) -> None:
    elsewhere = liar.card("127.0.0.1:1")
    async with await Thing.open(tmp_path / "thing", elsewhere, patience_ms=200) as lost:
        with pytest.raises(Unanswered):
            await lost.contracts()


async def _waiting(thing: Thing) -> list:
    return thing.post.outbox.waiting()


async def _posted(thing: Thing) -> Any:
    row = thing.post.outbox._database.execute("SELECT key FROM letter ORDER BY number DESC").fetchone()
    posted = thing.post.outbox.find(row[0])
    assert posted is not None
    return posted.letter
