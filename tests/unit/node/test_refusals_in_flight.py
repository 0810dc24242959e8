"""What refuses a command may be an entry that the disk does not have yet. [LOG-5]"""

from hashlib import sha256
from itertools import count

from tests.builders import BEGIN_MS
from tests.unit.node.test_waiting_calls import NETWORK, NODE, NOW, begun
from thingmarket.contract.orders import FundRequest
from thingmarket.errors import Code
from thingmarket.identity.envelope import Signed, TypeId, sign
from thingmarket.identity.handshake import Hello, answer
from thingmarket.identity.headers import Header
from thingmarket.identity.keys import SigningKey
from thingmarket.identity.parties import KeyEvent, Role, party_id
from thingmarket.ids import make_key
from thingmarket.limits import (
    COMMAND_LIFE_MS,
    ORDER_RATE_BURST,
    ORDERS_OF_FOK,
    ORDERS_OF_MASS_CANCEL,
    ORDERS_PER_FRAME_MAX,
)
from thingmarket.matching.records import Kind, TimeInForce
from thingmarket.trading.commands import PlaceOrders
from thingmarket.trading.frame import Order
from thingmarket.wire.handshake import proof_payload, read_challenge
from thingmarket.wire.identity import admit_party_body, key_event_payload
from thingmarket.wire.orders import place_orders_body
from thingmarket.wire.signing import sign_command
from thingmarket.wire.trade import fund_request_body
from thingmarket_node.core import messages as m
from thingmarket_node.core.sessions import Grant

KEY = SigningKey.from_seed(sha256(b"anna").digest())
DRAFT = KeyEvent(
    role=Role.OWNER,
    network_id=NETWORK,
    identity_key=KEY.public,
    log_key=b"",
    tls_key=b"",
    created_ms=BEGIN_MS,
    nonce=bytes(12),
    signed_bytes=b"",
)
EVENT = sign(TypeId.KEY_EVENT, key_event_payload(DRAFT), KEY)
ANNA = party_id(EVENT.payload)
WISH_KEY = make_key(BEGIN_MS, b"one wish..")


class Anna:
    """An owner who talks to a core without a shell."""

    def __init__(self) -> None:
        self.core = begun()
        self.calls, self.sequence = count(1), count(1)
        self.grant = self._proven()

    def submit(self, type_id: TypeId, body: bytes) -> list[m.Effect]:
        """Effects of a command whose signature is good."""
        call = next(self.calls)
        self.ask(call, type_id, body)
        return self.core.step(NOW, m.Verified(call, True))

    def ask(self, call: int, type_id: TypeId, body: bytes) -> list[m.Effect]:
        """Effects of a command whose signature was not looked at yet."""
        header = Header(
            network_id=NETWORK,
            audience=NODE,
            sender=ANNA,
            mandate_leaf=b"",
            session=self.grant.session,
            sequence=next(self.sequence),
            created_ms=BEGIN_MS,
            expires_ms=BEGIN_MS + COMMAND_LIFE_MS,
            nonce=bytes(12),
        )
        return self.core.step(NOW, m.Submit(call, self.grant.token, sign_command(type_id, header, body, KEY)))

    def _proven(self) -> Grant:
        hello = Hello(network_id=NETWORK, node=NODE, party=ANNA, nonce=bytes(32), key_event=EVENT)
        (challenge,) = self.core.step(NOW, m.SayHello(next(self.calls), hello, bytes(32)))
        assert isinstance(challenge, m.Reply) and isinstance(challenge.answer, Signed)
        payload = challenge.answer.payload
        proof = answer(hello, read_challenge(payload), payload, plaintext=True)
        call = next(self.calls)
        signed = sign(TypeId.PROOF, proof_payload(proof), KEY)
        self.core.step(NOW, m.ShowProof(call, signed, bytes(16), bytes(32)))
        (reply,) = self.core.step(NOW, m.Verified(call, True))
        assert isinstance(reply, m.Reply) and isinstance(reply.answer, Grant)
        return reply.answer


def group_in(effects: list[m.Effect]) -> int:
    (number,) = (each.group.number for each in effects if isinstance(each, m.Append))
    return number


def test_a_used_key_is_told_once_its_use_is_durable() -> None:
    anna = Anna()
    admitted = anna.submit(TypeId.ADMIT_PARTY, admit_party_body(make_key(BEGIN_MS, bytes(10)), EVENT))
    anna.core.step(NOW, m.Durable(group_in(admitted)))
    wish = FundRequest(key=WISH_KEY, currency="EUR", amount_minor=1)
    (collect,) = anna.submit(TypeId.FUND_REQUEST, fund_request_body(wish))
    assert isinstance(collect, m.Collect)
    deposited = group_in(anna.core.step(NOW, m.Collected(collect.call)))
    another = FundRequest(key=WISH_KEY, currency="EUR", amount_minor=2)
    assert anna.submit(TypeId.FUND_REQUEST, fund_request_body(another)) == []
    told = anna.core.step(NOW, m.Durable(deposited))
    (refused,) = (each for each in told if isinstance(each, m.Refuse))
    assert (refused.refusal.number, refused.after_seq) == (Code.KEY_CONFLICT, anna.core.durable_seq)


def test_frames_of_too_many_orders_are_refused_before_a_signature_is_looked_at() -> None:
    """[SES-5] The rate counts orders by their work: a small frame has room where a full one has none."""
    anna = Anna()
    admitted = anna.submit(TypeId.ADMIT_PARTY, admit_party_body(make_key(BEGIN_MS, bytes(10)), EVENT))
    anna.core.step(NOW, m.Durable(group_in(admitted)))

    plain, sweep = Order(kind=Kind.CANCEL), Order(kind=Kind.MASS_CANCEL)
    look = Order(kind=Kind.NEW_LIMIT, tif=TimeInForce.FOK)

    def frame(number: int, *orders: Order) -> m.Effect:
        wish = PlaceOrders(key=WISH_KEY, frame=number, orders=b"".join(order.pack() for order in orders))
        (effect,) = anna.ask(next(anna.calls), TypeId.PLACE_ORDERS, place_orders_body(wish))
        return effect

    for number in range(1, ORDER_RATE_BURST // ORDERS_PER_FRAME_MAX):
        assert isinstance(frame(number, *[plain] * ORDERS_PER_FRAME_MAX), m.VerifyAll)
    left = ORDERS_PER_FRAME_MAX - ORDERS_OF_MASS_CANCEL - ORDERS_OF_FOK - 1
    assert isinstance(frame(100, *[plain] * left, sweep, look), m.VerifyAll)
    refused = frame(101, plain, plain)
    assert isinstance(refused, m.Refuse)
    assert (refused.refusal.number, refused.after_seq) == (Code.RATE_LIMITED, 0)
    assert isinstance(frame(101, plain), m.VerifyAll)
