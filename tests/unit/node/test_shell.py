"""The shell performs what the core says, in the order in which it says it."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.network.raw_client import new_key, offer_body
from thingmarket.contract.orders import FundRequest
from thingmarket.errors import Code, Refusal
from thingmarket.identity.envelope import Signed, TypeId, sign
from thingmarket.identity.handshake import Hello, answer
from thingmarket.identity.headers import Header
from thingmarket.identity.keys import SigningKey
from thingmarket.identity.parties import KeyEvent, Role, party_id
from thingmarket.ids import Digest, NetworkId, PartyId
from thingmarket.limits import COMMAND_LIFE_MS, INTEGER_MAX
from thingmarket.wire.commands import sign_command
from thingmarket.wire.handshake import proof_payload, read_challenge
from thingmarket.wire.identity import admit_party_body, key_event_payload
from thingmarket.wire.trade import fund_request_body
from thingmarket_node.config import Config
from thingmarket_node.core import messages as m
from thingmarket_node.core.boot import boot
from thingmarket_node.core.calls import NodeKeys
from thingmarket_node.core.sessions import Grant
from thingmarket_node.home import Home, init_node
from thingmarket_node.insight import Insight
from thingmarket_node.journal import Journal
from thingmarket_node.projection import Projection
from thingmarket_node.shell import Shell, now
from thingmarket_node.vault import Vault

NETWORK = NetworkId(b"network of shell")


class Alice:
    """An owner who talks to a shell without a network between them."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self.key = SigningKey.from_seed(secrets.token_bytes(32))
        draft = KeyEvent(
            role=Role.OWNER,
            network_id=NETWORK,
            identity_key=self.key.public,
            log_key=b"",
            tls_key=b"",
            created_ms=now().wall_ms,
            nonce=bytes(12),
            signed_bytes=b"",
        )
        self.event = sign(TypeId.KEY_EVENT, key_event_payload(draft), self.key)
        self.id = party_id(self.event.payload)
        self.sequence = 0
        self.grant: Grant | None = None

    async def arrive(self) -> None:
        node = self.shell.core.keys.node
        hello = Hello(network_id=NETWORK, node=node, party=self.id, nonce=bytes(32), key_event=self.event)
        challenge: Signed = await self.shell.call(lambda call: m.SayHello(call, hello, bytes(32)))
        proof = answer(hello, read_challenge(challenge.payload), challenge.payload, plaintext=True)
        signed = sign(TypeId.PROOF, proof_payload(proof), self.key)
        self.grant = await self.shell.call(lambda call: m.ShowProof(call, signed, bytes(16), bytes(32)))
        await self.send(TypeId.ADMIT_PARTY, admit_party_body(new_key(), self.event))

    async def send(self, type_id: TypeId, body: bytes) -> m.Accepted:
        assert self.grant is not None
        self.sequence += 1
        time_ms = now().wall_ms
        header = Header(
            network_id=NETWORK,
            audience=self.shell.core.keys.node,
            sender=self.id,
            mandate_leaf=b"",
            session=self.grant.session,
            sequence=self.sequence,
            created_ms=time_ms,
            expires_ms=time_ms + COMMAND_LIFE_MS,
            nonce=bytes(12),
        )
        signed, token = sign_command(type_id, header, body, self.key), self.grant.token
        done: m.Accepted = await self.shell.call(lambda call: m.Submit(call, token, signed))
        return done


class CountingRail:
    """Pays everything, and counts."""

    def __init__(self) -> None:
        self.collected_minor = 0

    def collect(self, owner: PartyId, *, request: Digest, currency: str, amount_minor: int) -> None:
        self.collected_minor += amount_minor


@pytest.fixture
def rail() -> CountingRail:
    return CountingRail()


@pytest.fixture
async def shell(tmp_path: Path, rail: CountingRail) -> AsyncIterator[Shell]:
    home = Home(tmp_path / "node")
    identity = init_node(
        home.folder,
        Config(address="127.0.0.1:0", plaintext=True),
        network_id=NETWORK,
        now_ms=time.time_ns() // 1_000_000,
        currencies=("EUR",),
        tax_basis_points=(("S", 1_900),),
    )
    async with AsyncExitStack() as parts:
        journal = Journal.open(home.journal, create=False)
        parts.callback(journal.close)
        vault = Vault.open(home.vault, home.vault_key)
        parts.callback(vault.close)
        projection = await Projection.open(home.projection)
        parts.push_async_callback(projection.close)
        keys = NodeKeys(node=identity.node, network_id=NETWORK, identity=identity.identity, log=identity.log)
        core, published = boot(keys, now(), journal.read())
        for one in published:
            await projection.fill(one)
        insight = await Insight.open(home.projection)
        parts.push_async_callback(insight.close)
        shell = Shell(core, journal=journal, vault=vault, rail=rail, projection=projection, insight=insight)
        parts.callback(shell.close)
        yield shell


async def test_a_group_of_one_step_is_written_before_that_of_the_next(shell: Shell) -> None:
    """Money is collected at once, which is a step of its own inside of the one that formed a group."""
    alice = Alice(shell)
    await alice.arrive()
    wish = FundRequest(key=new_key(), currency="EUR", amount_minor=1_00)
    deposit, offer = await asyncio.gather(
        alice.send(TypeId.FUND_REQUEST, fund_request_body(wish)),
        alice.send(TypeId.PUBLISH_OFFER, offer_body()),
    )
    assert sorted((deposit.seq, offer.seq)) == [3, 4]
    assert not shell.fatal.done()


async def test_one_wish_for_money_is_paid_once_however_often_it_comes_at_once(
    shell: Shell, rail: CountingRail
) -> None:
    """[SET-2] Copies that overtake the deposit of the first must not be collected as well."""
    alice = Alice(shell)
    await alice.arrive()
    wish = fund_request_body(FundRequest(key=new_key(), currency="EUR", amount_minor=1_00))
    copies = (alice.send(TypeId.FUND_REQUEST, wish) for _ in range(5))
    answers = await asyncio.gather(*copies, return_exceptions=True)
    assert rail.collected_minor == 1_00
    made = [answer for answer in answers if isinstance(answer, m.Accepted)]
    others = [answer for answer in answers if not isinstance(answer, m.Accepted)]
    assert made and all(isinstance(one, Refusal) and one.number == Code.BUSY for one in others)
    again = await alice.send(TypeId.FUND_REQUEST, wish)
    assert (again.seq, rail.collected_minor) == (made[0].seq, 1_00)
    assert not shell.fatal.done()


@pytest.mark.parametrize(
    ("currency", "amount_minor", "code"),
    [("USD", 1_00, Code.UNKNOWN_CURRENCY), ("EUR", INTEGER_MAX, Code.OUT_OF_RANGE)],
)
async def test_money_that_could_not_be_credited_is_not_collected(
    shell: Shell, rail: CountingRail, currency: str, amount_minor: int, code: Code
) -> None:  # [SET-2] [SET-6]
    alice = Alice(shell)
    await alice.arrive()
    first = FundRequest(key=new_key(), currency="EUR", amount_minor=1)
    await alice.send(TypeId.FUND_REQUEST, fund_request_body(first))
    wish = FundRequest(key=new_key(), currency=currency, amount_minor=amount_minor)
    with pytest.raises(Refusal) as refusal:
        await alice.send(TypeId.FUND_REQUEST, fund_request_body(wish))
    assert refusal.value.number == code
    assert rail.collected_minor == 1


async def test_a_reader_is_refused_once_what_refuses_him_is_durable(shell: Shell) -> None:
    """[LOG-5] A refusal tells what the state is, as an answer does."""
    alice = Alice(shell)
    await alice.arrive()
    assert alice.grant is not None
    sending = asyncio.create_task(alice.send(TypeId.PUBLISH_OFFER, offer_body()))
    while shell.core.state.seq == shell.core.durable_seq:
        await asyncio.sleep(0)
    seen = shell.core.state.seq

    def refuse(*_: object) -> None:
        raise Refusal(Code.UNKNOWN_OFFER, "no such offer")

    with pytest.raises(Refusal):
        await shell.read(alice.grant.token, refuse)
    assert shell.core.durable_seq >= seen
    await sending
