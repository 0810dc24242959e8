"""A shell with real files in the test's own process, and an owner who talks to it without a network."""

import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from tests.network.raw_client import new_key
from thingmarket.identity.envelope import Signed, TypeId, sign
from thingmarket.identity.handshake import Hello, answer
from thingmarket.identity.headers import Header
from thingmarket.identity.keys import SigningKey
from thingmarket.identity.parties import KeyEvent, Role, party_id
from thingmarket.ids import Digest, NetworkId, PartyId
from thingmarket.limits import COMMAND_LIFE_MS
from thingmarket.wire.handshake import proof_payload, read_challenge
from thingmarket.wire.identity import admit_party_body, key_event_payload
from thingmarket.wire.signing import sign_command
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
        signed, token = self.signed(type_id, body), self.token
        done: m.Accepted = await self.shell.call(lambda call: m.Submit(call, token, signed))
        return done

    @property
    def token(self) -> bytes:
        assert self.grant is not None, "she arrived"
        return self.grant.token

    def signed(self, type_id: TypeId, body: bytes) -> Signed:
        """A command with the next header."""
        assert self.grant is not None, "she arrived"
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
        return sign_command(type_id, header, body, self.key)


class CountingRail:
    """Pays everything, and counts."""

    def __init__(self) -> None:
        self.collected_minor = 0

    def collect(self, owner: PartyId, *, request: Digest, currency: str, amount_minor: int) -> None:
        self.collected_minor += amount_minor


@asynccontextmanager
async def opened_shell(folder: Path, rail: CountingRail) -> AsyncIterator[Shell]:
    """A shell on a new log."""
    home = Home(folder / "node")
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
