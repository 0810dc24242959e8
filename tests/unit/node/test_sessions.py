"""Handshakes and sessions: who is heard, for how long, and how often."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from thingmarket import limits
from thingmarket.errors import Code, Refusal
from thingmarket.identity import did, envelope, parties
from thingmarket.identity.envelope import TypeId
from thingmarket.identity.handshake import Hello, Proof, answer
from thingmarket.identity.headers import Header
from thingmarket.identity.keys import SigningKey
from thingmarket.ids import PartyId, digest
from thingmarket.wire.handshake import proof_payload, read_challenge, read_proof
from thingmarket_node.core.sessions import Grant, Session, Sessions, check_header

NOW = 1_800_000_000_000
NETWORK = b"n" * 16
NODE = parties.party_id(b"a node")
OTHER_NODE = parties.party_id(b"another node")
CERTIFICATE_HASH = b"c" * 32


def thing(number: int) -> PartyId:
    return did.encode(SigningKey.from_seed(number.to_bytes(32, "big")).public)


THING, OTHER_THING = thing(1), thing(2)


def refused(act: Callable[[], object]) -> Code:
    with pytest.raises(Refusal) as caught:
        act()
    return Code(caught.value.number)


class World:
    """The node around the sessions: a clock, and numbers where randomness would be."""

    def __init__(self) -> None:
        self.now_ms = NOW
        self.sessions = Sessions(network_id=NETWORK, node_id=NODE, now_ms=NOW)
        self._count = 0

    def number(self, size: int) -> bytes:
        self._count += 1
        return self._count.to_bytes(size, "big")

    def said(self, party: PartyId = THING) -> Hello:
        return Hello(network_id=NETWORK, node=NODE, party=party, nonce=self.number(32))

    def challenged(self, hello: Hello) -> bytes:
        return self.sessions.hello(
            hello,
            key_of=lambda one: did.decode(one.party),
            now_ms=self.now_ms,
            time_ms=self.now_ms,
            node_nonce=self.number(32),
            certificate_hash=CERTIFICATE_HASH,
        )

    def proof(self, party: PartyId = THING) -> Proof:
        hello = self.said(party)
        payload = self.challenged(hello)
        return answer(hello, read_challenge(payload), payload, plaintext=False)

    def prove(self, proof: Proof, *, verified: bool = True, known: bool = False) -> Grant:
        return self.sessions.prove(
            proof,
            verified=verified,
            known=known,
            now_ms=self.now_ms,
            session_id=self.number(16),
            token=self.number(32),
        )

    def opened(self, party: PartyId = THING, *, known: bool = False) -> Grant:
        self.now_ms += 1_000 // limits.ANONYMOUS_RATE_PER_SECOND
        return self.prove(self.proof(party), known=known)

    def live(self, session_id: bytes) -> bool:
        try:
            return self.sessions.session(session_id, self.now_ms).id == session_id
        except Refusal as refusal:
            assert refusal.number == Code.SESSION_ENDED
            return False

    def header(self, grant: Grant, sequence: int = 1, party: PartyId = THING) -> Header:
        return Header(
            network_id=NETWORK,
            audience=NODE,
            sender=party,
            mandate_leaf=b"",
            session=grant.session,
            sequence=sequence,
            created_ms=self.now_ms,
            expires_ms=self.now_ms + limits.COMMAND_LIFE_MS,
            nonce=bytes(12),
        )


@pytest.fixture
def world() -> World:
    return World()


# --- the handshake


def test_a_challenge_holds_both_nonces_and_both_names(world: World) -> None:
    hello = world.said()
    challenge = read_challenge(world.challenged(hello))
    assert (challenge.network_id, challenge.node, challenge.party) == (NETWORK, NODE, THING)
    assert challenge.client_nonce == hello.nonce != challenge.node_nonce
    assert (challenge.time_ms, challenge.certificate_hash) == (NOW, CERTIFICATE_HASH)


def test_a_proof_opens_a_session_that_header_and_token_find(world: World) -> None:  # [SES-3]
    proof = world.proof()
    assert world.sessions.challenged_key(proof, world.now_ms) == did.decode(THING)
    grant = world.prove(proof, known=True)
    session = world.sessions.session(grant.session, world.now_ms)
    assert (session.party, session.public_key, session.known) == (THING, did.decode(THING), True)
    assert world.sessions.by_token(grant.token, world.now_ms) is session
    assert grant.expires_ms == NOW + limits.SESSION_LIFE_MS
    assert grant.ended == ()


def test_the_signed_handshake_opens_a_session_for_its_key_alone(world: World) -> None:
    node_key, thing_key, thief_key = (SigningKey.from_seed(n.to_bytes(32, "big")) for n in (9, 1, 2))
    hello = world.said()
    challenge = envelope.sign(TypeId.CHALLENGE, world.challenged(hello), node_key)
    envelope.verify(challenge, node_key.public)
    answered = answer(hello, read_challenge(challenge.payload), challenge.payload, plaintext=False)
    by_thief = envelope.sign(TypeId.PROOF, proof_payload(answered), thief_key)
    signed = envelope.sign(TypeId.PROOF, proof_payload(answered), thing_key)
    proof = read_proof(signed.payload)
    key = world.sessions.challenged_key(proof, world.now_ms)
    assert refused(lambda: envelope.verify(by_thief, key)) is Code.BAD_SIGNATURE
    envelope.verify(signed, key)
    assert world.live(world.prove(proof).session)


def test_a_secret_token_is_in_no_text(world: World) -> None:
    grant = world.opened()
    assert str(grant.token) not in repr(grant) and grant.token.hex() not in repr(grant)


@pytest.mark.parametrize("verified", [True, False])
def test_a_challenge_is_used_once(world: World, verified: bool) -> None:  # [SES-2]
    proof = world.proof()
    if verified:
        world.prove(proof)
    else:
        assert refused(lambda: world.prove(proof, verified=False)) is Code.BAD_SIGNATURE
    assert refused(lambda: world.prove(proof)) is Code.NO_SESSION
    assert len(world.sessions) == verified


def test_a_challenge_waits_ten_seconds_for_its_proof(world: World) -> None:
    proof, late = world.proof(), world.proof()
    world.now_ms += limits.HANDSHAKE_LIFE_MS - 1
    world.prove(proof)
    world.now_ms += 1
    assert refused(lambda: world.prove(late)) is Code.NO_SESSION


def test_a_proof_of_a_challenge_that_was_never_given_opens_nothing(world: World) -> None:
    invented = replace(world.proof(), challenge_hash=digest(b"invented"))
    assert refused(lambda: world.prove(invented)) is Code.NO_SESSION


def test_a_proof_passed_on_by_another_node_opens_nothing(world: World) -> None:
    # [SES-2] the relay attack: a node in the middle gets a proof that names itself
    passed_on = replace(world.proof(), node=OTHER_NODE)
    assert refused(lambda: world.prove(passed_on)) is Code.WRONG_AUDIENCE
    other_network = replace(world.proof(), network_id=b"m" * 16)
    assert refused(lambda: world.prove(other_network)) is Code.WRONG_NETWORK


def test_a_party_cannot_answer_the_challenge_of_another(world: World) -> None:
    stolen = replace(world.proof(THING), party=OTHER_THING)
    assert refused(lambda: world.prove(stolen)) is Code.WRONG_TRANSCRIPT


def test_a_hello_for_another_node_or_network_is_refused_before_any_work(world: World) -> None:
    def asked_key(hello: Hello) -> bytes:
        raise AssertionError("admitting a key is dear")

    for hello, code in (
        (replace(world.said(), node=OTHER_NODE), Code.WRONG_AUDIENCE),
        (replace(world.said(), network_id=b"m" * 16), Code.WRONG_NETWORK),
    ):
        assert (
            refused(
                lambda hello=hello: world.sessions.hello(  # type: ignore[misc]
                    hello,
                    key_of=asked_key,
                    now_ms=NOW,
                    time_ms=NOW,
                    node_nonce=bytes(32),
                    certificate_hash=b"",
                )
            )
            is code
        )


def test_strangers_get_a_limited_rate_of_handshakes(world: World) -> None:
    for _ in range(limits.ANONYMOUS_RATE_PER_SECOND):
        world.challenged(world.said())
    assert refused(lambda: world.challenged(world.said())) is Code.RATE_LIMITED
    world.now_ms += 1_000 // limits.ANONYMOUS_RATE_PER_SECOND
    world.challenged(world.said())


def test_too_many_handshakes_are_refused_until_the_oldest_expire(world: World) -> None:  # [SES-1]
    step_ms = 1_000 // limits.ANONYMOUS_RATE_PER_SECOND
    for _ in range(limits.HANDSHAKES_MAX):
        world.now_ms += step_ms
        world.challenged(world.said())
    assert refused(lambda: world.challenged(world.said())) is Code.BUSY
    world.now_ms = NOW + step_ms + limits.HANDSHAKE_LIFE_MS
    world.challenged(world.said())
    assert refused(lambda: world.challenged(world.said())) is Code.BUSY


# --- the life of a session


def test_a_session_ends_after_a_day(world: World) -> None:
    grant = world.opened()
    world.now_ms = grant.expires_ms - 1
    assert world.live(grant.session)
    world.now_ms += 1
    assert refused(lambda: world.sessions.by_token(grant.token, world.now_ms)) is Code.SESSION_ENDED
    assert not world.live(grant.session)
    assert len(world.sessions) == 0


def test_an_ended_session_is_found_by_nothing(world: World) -> None:
    grant = world.opened()
    world.sessions.end(grant.session)
    world.sessions.end(grant.session)
    assert not world.live(grant.session)
    assert refused(lambda: world.sessions.by_token(grant.token, NOW)) is Code.SESSION_ENDED
    assert refused(lambda: world.sessions.admit(world.header(grant), NOW)) is Code.SESSION_ENDED


@pytest.mark.parametrize("token", [b"", b"t" * 31, b"t" * 33])
def test_a_read_without_a_token_has_no_session(world: World, token: bytes) -> None:
    assert refused(lambda: world.sessions.by_token(token, NOW)) is Code.NO_SESSION


def test_old_sessions_are_ended_and_named(world: World) -> None:
    first, second = world.opened(), world.opened()
    assert world.sessions.end_old(first.expires_ms - 1) == ()
    assert world.sessions.end_old(first.expires_ms) == (first.session,)
    world.now_ms = second.expires_ms
    assert world.opened().ended == (second.session,)


def test_a_partys_oldest_session_ends_when_it_opens_one_too_many(world: World) -> None:  # [SES-4]
    other = world.opened(OTHER_THING)
    grants = [world.opened() for _ in range(limits.SESSIONS_PER_PARTY_MAX)]
    assert all(grant.ended == () for grant in grants)
    assert world.opened().ended == (grants[0].session,)
    assert not world.live(grants[0].session)
    assert all(world.live(grant.session) for grant in [*grants[1:], other])


def filled(world: World, *, known: bool) -> list[Grant]:
    needed = limits.SESSIONS_MAX - len(world.sessions)
    each = limits.SESSIONS_PER_PARTY_MAX
    return [world.opened(thing(1_000 + at // each), known=known) for at in range(needed)]


def test_a_full_node_ends_the_longest_idle_stranger_first(world: World) -> None:
    known = world.opened(THING, known=True)
    strangers = filled(world, known=False)
    assert len(world.sessions) == limits.SESSIONS_MAX
    assert world.live(strangers[0].session)  # this look is a use
    assert world.opened(OTHER_THING).ended == (strangers[1].session,)
    assert world.live(known.session) and world.live(strangers[0].session)
    assert len(world.sessions) == limits.SESSIONS_MAX


def test_strangers_cannot_push_out_those_whom_the_market_knows(world: World) -> None:  # [SES-4]
    stranger = world.opened(OTHER_THING)
    known = filled(world, known=True)
    world.sessions.recognise(OTHER_THING)
    assert world.sessions.session(stranger.session, world.now_ms).known
    assert refused(lambda: world.opened(THING)) is Code.BUSY
    assert world.opened(THING, known=True).ended == (known[0].session,)


# --- headers


def test_a_good_header_is_admitted_once(world: World) -> None:
    grant = world.opened()
    session = world.sessions.admit(world.header(grant), world.now_ms)
    assert refused(lambda: world.sessions.admit(world.header(grant), world.now_ms)) is Code.REPLAYED
    session.confirm(1)
    assert refused(lambda: world.sessions.admit(world.header(grant), world.now_ms)) is Code.REPLAYED
    assert world.sessions.admit(world.header(grant, 2), world.now_ms) is session


def test_a_bad_signature_or_a_busy_node_burns_no_sequence(world: World) -> None:
    grant = world.opened()
    world.sessions.admit(world.header(grant), world.now_ms).reject(1)
    world.sessions.admit(world.header(grant), world.now_ms).release(1)
    world.sessions.admit(world.header(grant), world.now_ms).confirm(1)


WRONG_HEADERS = [
    ({"network_id": b"m" * 16}, Code.WRONG_NETWORK),
    ({"network_id": b""}, Code.WRONG_NETWORK),
    ({"audience": OTHER_NODE}, Code.WRONG_AUDIENCE),
    ({"session": b"x" * 16}, Code.SESSION_ENDED),
    ({"session": b""}, Code.SESSION_ENDED),
    ({"sender": OTHER_THING}, Code.NO_SESSION),
    ({"created_ms": NOW - 30_001, "expires_ms": NOW + 1}, Code.CLOCK),
    ({"created_ms": NOW + 30_001, "expires_ms": NOW + 30_002}, Code.CLOCK),
    ({"created_ms": -(2**63)}, Code.CLOCK),
    ({"created_ms": 2**63 - 1}, Code.CLOCK),
    ({"created_ms": 0}, Code.CLOCK),
    ({"expires_ms": NOW}, Code.BAD_FIELD),
    ({"expires_ms": 2**63 - 1}, Code.BAD_FIELD),
    ({"expires_ms": NOW + 300_001}, Code.BAD_FIELD),
    ({"created_ms": NOW - 10, "expires_ms": NOW}, Code.EXPIRED),
    ({"nonce": b""}, Code.BAD_ID),
    ({"nonce": bytes(13)}, Code.BAD_ID),
    ({"mandate_leaf": bytes(31)}, Code.BAD_ID),
    ({"sequence": 0}, Code.OUT_OF_RANGE),
    ({"sequence": 2**53}, Code.OUT_OF_RANGE),
    ({"sequence": 2**64 - 1}, Code.OUT_OF_RANGE),
]


@pytest.mark.parametrize(("change", "code"), WRONG_HEADERS)
def test_a_wrong_header_is_refused_by_its_code_and_costs_nothing(
    world: World, change: dict[str, object], code: Code
) -> None:
    grant = world.prove(world.proof())
    good = world.header(grant)
    assert refused(lambda: world.sessions.admit(replace(good, **change), NOW)) is code  # type: ignore[arg-type]
    world.sessions.admit(good, NOW).confirm(1)


@pytest.mark.parametrize(
    "change",
    [
        {"created_ms": NOW - 30_000, "expires_ms": NOW + 1},
        {"created_ms": NOW + 30_000, "expires_ms": NOW + 330_000},
        {"expires_ms": NOW + 1},
        {"mandate_leaf": bytes(32)},
        {"sequence": 2**53 - 1},
    ],
)
def test_the_edges_of_a_header_are_inside(world: World, change: dict[str, object]) -> None:
    grant = world.prove(world.proof())
    world.sessions.admit(replace(world.header(grant), **change), NOW)  # type: ignore[arg-type]


def test_the_cheap_questions_come_first(world: World) -> None:  # [CMD-1]
    # Each header has all the faults that come later; the first one is named.
    grant = world.prove(world.proof())
    header = replace(world.header(grant), sequence=0)
    order: list[tuple[dict[str, object], Code]] = [
        ({"nonce": b""}, Code.BAD_ID),
        ({"created_ms": NOW - 40_000}, Code.CLOCK),
        ({"sender": OTHER_THING}, Code.NO_SESSION),
        ({"session": b"x" * 16}, Code.SESSION_ENDED),
        ({"audience": OTHER_NODE}, Code.WRONG_AUDIENCE),
        ({"network_id": b""}, Code.WRONG_NETWORK),
    ]
    for change, code in order:
        header = replace(header, **change)  # type: ignore[arg-type]
        assert refused(lambda header=header: world.sessions.admit(header, NOW)) is code  # type: ignore[misc]


def test_a_header_is_checked_against_the_session_that_it_names(world: World) -> None:
    mine, others = world.opened(), world.opened(OTHER_THING)
    session: Session = world.sessions.session(others.session, world.now_ms)
    header = world.header(mine)
    assert (
        refused(lambda: check_header(header, network_id=NETWORK, node_id=NODE, session=session, now_ms=NOW))
        is Code.SESSION_ENDED
    )


def test_a_header_is_refused_from_the_moment_on_at_which_its_session_ends(world: World) -> None:
    grant = world.opened()
    session = world.sessions.session(grant.session, world.now_ms)
    for world.now_ms, code in ((grant.expires_ms - 1, None), (grant.expires_ms, Code.SESSION_ENDED)):
        header = world.header(grant)
        act = partial(
            check_header, header, network_id=NETWORK, node_id=NODE, session=session, now_ms=world.now_ms
        )
        assert act() is session if code is None else refused(act) is code


def test_a_session_has_a_rate_and_a_burst(world: World) -> None:  # [SES-5]
    grant = world.opened()
    for sequence in range(1, limits.RATE_BURST + 1):
        world.sessions.admit(world.header(grant, sequence), world.now_ms).confirm(sequence)
    late = world.header(grant, limits.RATE_BURST + 1)
    assert refused(lambda: world.sessions.admit(late, world.now_ms)) is Code.RATE_LIMITED
    world.sessions.admit(late, world.now_ms + 1).confirm(late.sequence)


def test_a_bad_signature_costs_ten_good_ones(world: World) -> None:  # [SES-5]
    grant = world.opened()
    header = world.header(grant)
    for _ in range(limits.RATE_BURST // limits.BAD_SIGNATURE_COST):
        world.sessions.admit(header, world.now_ms).reject(1)
    assert refused(lambda: world.sessions.admit(header, world.now_ms)) is Code.RATE_LIMITED


def test_one_sessions_rate_is_not_anothers(world: World) -> None:
    grant, other = world.opened(), world.opened(OTHER_THING)
    for _ in range(limits.RATE_BURST):
        world.sessions.admit(world.header(grant), world.now_ms).release(1)
    assert refused(lambda: world.sessions.admit(world.header(grant), world.now_ms)) is Code.RATE_LIMITED
    world.sessions.admit(world.header(other, party=OTHER_THING), world.now_ms)


def test_orders_have_a_rate_of_their_party_whatever_frames_and_sessions_they_come_in(world: World) -> None:
    """[SES-5] One order too many is refused with all of its frame; time gives them back."""
    pay = world.sessions.pay_orders
    for orders in (limits.ORDER_RATE_BURST - 10, 9):
        pay(THING, orders, world.now_ms)
    assert refused(lambda: pay(THING, 2, world.now_ms)) is Code.RATE_LIMITED
    pay(OTHER_THING, limits.ORDERS_PER_FRAME_MAX, world.now_ms)
    begin_ms = world.now_ms
    world.opened()
    earned = 1 + (world.now_ms - begin_ms) * limits.ORDER_RATE_PER_SECOND // 1_000
    assert refused(lambda: pay(THING, earned + 1, world.now_ms)) is Code.RATE_LIMITED
    pay(THING, earned, world.now_ms)


def test_a_rate_of_orders_is_forgotten_when_it_is_as_good_as_new(world: World) -> None:
    for number in range(300):
        world.sessions.pay_orders(PartyId(f"did:key:{number}"), limits.ORDER_RATE_PER_SECOND, world.now_ms)
        world.now_ms += 100
    assert len(world.sessions._order_rates) == 10
