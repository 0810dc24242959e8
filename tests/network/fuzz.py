"""Calls every method of a node with legal, damaged and well signed messages, and says what is not allowed.

`asks` makes descriptions of calls; `Fuzzer.ask` performs one. What may come back is documented: a yes that
can be read, a refusal with a number of the table, or a limit that gRPC itself keeps.
"""

from collections import Counter
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

import grpc
from google.protobuf.message import Message
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.network.fuzz_messages import DAMAGES, EDGES, METHODS, Damage, Legal, Lore, Method, damaged
from tests.network.raw_client import SUBMIT, Answer, Session, new_key, now_ms
from tests.network.small_market import SmallMarket
from tests.network.whole_bodies import good_bodies, good_requests
from thingmarket.errors import Code, code_name, grpc_status_of
from thingmarket.identity.envelope import TypeId
from thingmarket.limits import DAY_MS, MESSAGE_BYTES_MAX
from thingmarket.v1 import envelope_pb2, market_service_pb2
from thingmarket.wire.commands import READERS
from thingmarket.wire.envelope import signed_message
from thingmarket.wire.refusals import GRPC_NUMBERS

DOCUMENTED: Final = {"OK", *GRPC_NUMBERS}


@dataclass(frozen=True, slots=True)
class Plain:
    """A message to a method, and what happened to its bytes on the way."""

    method: Method
    message: Message
    damages: tuple[Damage, ...]
    caller: str  # whose token


@dataclass(frozen=True, slots=True)
class Signed:
    """A command that its sender really signed, however odd its body and header."""

    sender: str
    type_id: TypeId
    body: Message
    fresh_key: bool
    body_damages: tuple[Damage, ...]
    header: dict[str, Any]
    damages: tuple[Damage, ...]


Ask = Plain | Signed
CALLERS: Final = ("stranger", "shop", "printer", "seller", "buyer", "careless", "toy")
_CARELESS: Final = ("stranger", "careless", "toy")
# What ends a market that others should find alive is done by those who have nothing that others need.
_ENDING: Final = {
    *(TypeId.REVOKE, TypeId.WITHDRAW_OFFER, TypeId.SET_THING_STATE, TypeId.SET_GUARDS),
    *(TypeId.LOWER_AUTONOMY, TypeId.REPORT_MALFUNCTION),
}
# What all else stands on is tried more often than the rest.
_DAILY: Final = (TypeId.PUBLISH_OFFER, TypeId.ANNOUNCE_NEED, TypeId.PURCHASE, TypeId.FUND_REQUEST)
_HEADER_TEXTS: Final = ("", "a", "did:key:z1", "tm:party:z")


class Fuzzer:
    """One market, what may be asked of it, and what came back so far."""

    def __init__(self, market: SmallMarket) -> None:
        self.market = market
        self.client = market.client
        self.seen: Counter[str] = Counter()
        careless = self.client.owner()
        own = {"stranger": self.client.stranger(), "careless": careless, "toy": self.client.thing(careless)}
        self.sessions: dict[str, Session] = {
            name: own[name] if name in own else getattr(market, name) for name in CALLERS
        }
        lore = self._lore()
        self._legal = Legal(lore)
        headers = odd_headers(lore)
        requests = good_requests(market)
        plain = {method: self._plain(method, requests.get(str(method))) for method in METHODS}
        signed = {
            type_id: self._signed(type_id, good, headers) for type_id, good in good_bodies(market).items()
        }
        assert signed.keys() == READERS.keys(), "every command has a good body to spoil"
        self.asks: SearchStrategy[Ask] = st.one_of(
            st.sampled_from(list(plain)).flatmap(plain.__getitem__),
            st.sampled_from([*signed, *_DAILY * 4]).flatmap(signed.__getitem__),
        )

    @property
    def calls(self) -> int:
        """How many calls were answered."""
        return self.seen.total()

    def ask(self, ask: Ask) -> Answer:
        """Perform one call and check its answer."""
        answered = self._call(ask) if isinstance(ask, Plain) else self._submit(ask)
        what = str(ask.method) if isinstance(ask, Plain) else ask.type_id.name
        name = code_name(answered.code) if answered.code >= 0 else "by gRPC"
        self.seen[f"{what}: {answered.status.name} {name}"] += 1
        return answered

    def _call(self, ask: Plain) -> Answer:
        data = damaged(ask.message.SerializeToString(deterministic=True), ask.damages)
        method = ask.method
        session = self.sessions.get(ask.caller)
        answered = self.client.call(
            method.path, data, token=session.token if session else b"", streaming=method.streaming
        )
        if answered.status is grpc.StatusCode.OK:
            for message in answered.messages:
                method.response.FromString(message)
        check(answered, len(data))
        return answered

    def _submit(self, ask: Signed) -> Answer:
        session, body = self.sessions[ask.sender], deepcopy(ask.body)
        if ask.fresh_key:
            body.key = new_key()  # type: ignore[attr-defined]
        data = damaged(body.SerializeToString(deterministic=True), ask.body_damages)
        command = self.client.command(session, ask.type_id, data, **ask.header)
        request = market_service_pb2.SubmitRequest(command=signed_message(command)).SerializeToString()
        request = damaged(request, ask.damages)
        answered = self.client.call(SUBMIT, request, token=session.token)
        if answered.status is grpc.StatusCode.OK:
            assert len(answered.submitted.receipt.leaf_hash) == 32
        check(answered, len(request))
        if answered.code in (Code.REPLAYED, Code.SESSION_ENDED) and not ask.header:
            # A high sequence was good, and made all lower ones old: go on in a new session.
            self.sessions[ask.sender] = self.client.again(session)
        return answered

    # --- strategies

    def _plain(self, method: Method, good: Message | None) -> SearchStrategy[Ask]:
        legal = self._legal.message(method.request)
        return st.builds(
            Plain,
            st.just(method),
            legal if good is None else st.just(good) | self._one_field_changed(good) | legal,
            st.just(()) | DAMAGES,
            st.sampled_from((*CALLERS, "nobody")),
        )

    def _signed(
        self, type_id: TypeId, good: Message, headers: SearchStrategy[dict[str, Any]]
    ) -> SearchStrategy[Ask]:
        legal = self._legal.message(good.DESCRIPTOR)
        merged = legal.map(lambda changes: _merged(good, changes))
        return st.builds(
            Signed,
            sender=st.sampled_from(_CARELESS if type_id in _ENDING else CALLERS),
            type_id=st.just(type_id),
            body=st.just(good) | self._one_field_changed(good) | merged | legal,
            fresh_key=st.integers(0, 9).map(bool),
            body_damages=_RARELY_DAMAGED,
            header=headers,
            damages=_RARELY_DAMAGED,
        )

    def _one_field_changed(self, good: Message) -> SearchStrategy[Message]:
        def with_another(field: Any) -> SearchStrategy[Message]:
            return self._legal.field(field).map(lambda value: _with(good, field, value))

        return st.sampled_from(list(good.DESCRIPTOR.fields)).flatmap(with_another)

    def _lore(self) -> Lore:
        market, now = self.market, now_ms()
        sessions = [*self.sessions.values()]
        contract = market.buy().submitted.reference
        return Lore(
            texts=(self.client.node_id, *(session.party for session in sessions), "ink-black", "OK"),
            blobs=(
                self.client.network_id,
                market.offer,
                contract,
                *(session.leaf for session in sessions),
                *(session.session for session in sessions),
            ),
            numbers=(now, now + DAY_MS, now + 31 * DAY_MS, 1_000, 1_190, int(Code.DENIED)),
        )


def odd_headers(lore: Lore) -> SearchStrategy[dict[str, Any]]:
    """Changes of a good header: none, or now and then of one field."""
    odd: dict[str, SearchStrategy[Any]] = {
        "network_id": st.sampled_from(lore.blobs),
        "audience": st.sampled_from((*lore.texts, *_HEADER_TEXTS)),
        "sender": st.sampled_from((*lore.texts, *_HEADER_TEXTS)),
        "mandate_leaf": st.sampled_from(lore.blobs),
        "session": st.sampled_from(lore.blobs),
        "sequence": st.sampled_from((*EDGES, 2**64 - 1)),
        "created_ms": st.sampled_from((*EDGES, -1, *lore.numbers)),
        "expires_ms": st.sampled_from((*EDGES, -1, *lore.numbers)),
        "nonce": st.binary(max_size=13),
    }
    one = st.sampled_from(sorted(odd)).flatmap(lambda name: odd[name].map(lambda value: {name: value}))
    return st.integers(0, 4).flatmap(lambda dice: one if dice == 4 else st.just({}))


_RARELY_DAMAGED: Final[SearchStrategy[tuple[Damage, ...]]] = st.integers(0, 5).flatmap(
    lambda dice: DAMAGES if dice == 5 else st.just(())
)


def check(answered: Answer, request_bytes: int) -> None:
    """Nothing but documented codes leaves the node, each with the status that the table says."""
    assert answered.status.name in DOCUMENTED, answered
    if answered.status is grpc.StatusCode.OK:
        return
    if answered.detail is None:
        by_grpc = answered.status is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert by_grpc and request_bytes > MESSAGE_BYTES_MAX, f"no detail: {answered}"
        return
    detail: envelope_pb2.RefusalDetail = answered.detail
    assert detail.code > 0 and code_name(detail.code) == detail.name, answered
    assert grpc_status_of(detail.code) == answered.status.name, answered
    assert detail.reason and len(detail.reason) <= 120, answered


def _merged(good: Message, changes: Message) -> Message:
    both = deepcopy(good)
    both.MergeFrom(changes)
    return both


def _with(good: Message, field: Any, value: Any) -> Message:
    changed = deepcopy(good)
    changed.ClearField(field.name)
    changed.MergeFrom(type(good)(**{field.name: value}))
    return changed
