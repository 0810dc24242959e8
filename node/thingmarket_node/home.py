"""A node's folder: its keys, its settings, its log; made by `node init`."""

import json
import os
import secrets
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

from thingmarket.billing.charges import NO_CHARGES, Charges
from thingmarket.errors import Code, Refusal
from thingmarket.identity.envelope import Signed, TypeId, sign
from thingmarket.identity.keys import SigningKey
from thingmarket.identity.parties import NONCE_BYTES, KeyEvent, Role, party_id
from thingmarket.identity.things import NO_PROBATION, Probation
from thingmarket.ids import NetworkId, PartyId
from thingmarket.market.entries import RULES_NOW
from thingmarket.money import currency_of
from thingmarket.wire.envelope import read_signed, signed_bytes
from thingmarket.wire.identity import key_event_payload, read_key_event
from thingmarket.wire.log import genesis_body
from thingmarket_node.config import SAMPLE, Config, read_config
from thingmarket_node.core.boot import genesis_group
from thingmarket_node.core.messages import Now
from thingmarket_node.journal_sqlite import SqliteLog, sync_folder

SEED_BYTES = 32


@dataclass(frozen=True, slots=True)
class Home:
    """Paths of one node's folder."""

    folder: Path

    @property
    def keys(self) -> Path:
        """Seeds and key event, 0600."""
        return self.folder / "keys.json"

    @property
    def config(self) -> Path:
        """Settings."""
        return self.folder / "node.toml"

    @property
    def card(self) -> Path:
        """What clients are configured with; written when the node knows its address."""
        return self.folder / "node.card"

    @property
    def journal(self) -> Path:
        """The log."""
        return self.folder / "journal.db"

    @property
    def vault(self) -> Path:
        """Sealed bytes."""
        return self.folder / "vault.db"

    @property
    def vault_key(self) -> Path:
        """The key that wraps the vault's keys, 0600."""
        return self.folder / "vault.key"

    @property
    def projection(self) -> Path:
        """Outcomes for queries; may be deleted at will."""
        return self.folder / "projection.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeIdentity:
    """The node's seeds, its signed key event, and what follows from them."""

    identity: SigningKey = field(repr=False)
    log: SigningKey = field(repr=False)
    tls_seed: bytes = field(repr=False)
    seal_key: bytes = field(repr=False)  # of snapshots: who cannot read the keys cannot make one
    signed_event: Signed
    event: KeyEvent

    @property
    def node(self) -> PartyId:
        """The node's id."""
        return party_id(self.event.signed_bytes)

    @property
    def network_id(self) -> NetworkId:
        """The network that the node was made for."""
        return NetworkId(self.event.network_id)


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner can read, once, durably (ALREADY_KNOWN when it is there)."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Refusal(Code.ALREADY_KNOWN, f"{path.name} is there already; choose another folder") from None
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def init_node(
    folder: Path,
    config: Config,
    *,
    network_id: NetworkId,
    now_ms: int,
    currencies: tuple[str, ...],
    tax_basis_points: tuple[tuple[str, int], ...],
    probation: Probation = NO_PROBATION,
    charges: Charges = NO_CHARGES,
) -> NodeIdentity:
    """Make keys, settings and the first entry of the log (ALREADY_KNOWN when the folder is a node)."""
    for code in currencies:
        currency_of(code)
    home = Home(folder)
    folder.mkdir(parents=True, exist_ok=True)
    event = _write_keys(home, network_id, now_ms)
    home.config.write_text(
        SAMPLE.format(
            address=config.address,
            plaintext=str(config.plaintext).lower(),
            play_money_max_minor=config.play_money_max_minor,
        )
    )
    body = genesis_body(
        network_id=network_id,
        node=event,
        currencies=currencies,
        tax_basis_points=tax_basis_points,
        rules=RULES_NOW,
        probation=probation,
        charges=charges,
    )
    journal = SqliteLog.open(home.journal)
    try:
        journal.write(genesis_group(body, Now(now_ms, 0)))
    finally:
        journal.close()
    return load_identity(home)


def _write_keys(home: Home, network_id: NetworkId, now_ms: int) -> Signed:
    """Make the node's seeds and keep them; its signed key event."""
    seeds = {name: secrets.token_bytes(SEED_BYTES) for name in ("identity", "log", "tls")}
    identity, log, tls = (SigningKey.from_seed(seeds[name]) for name in ("identity", "log", "tls"))
    draft = KeyEvent(
        role=Role.NODE,
        network_id=network_id,
        identity_key=identity.public,
        log_key=log.public,
        tls_key=tls.public,
        created_ms=now_ms,
        nonce=secrets.token_bytes(NONCE_BYTES),
        signed_bytes=b"",
    )
    event = sign(TypeId.KEY_EVENT, key_event_payload(draft), identity)
    keys = {name: seed.hex() for name, seed in seeds.items()} | {"key_event": signed_bytes(event).hex()}
    write_secret(home.keys, json.dumps(keys, indent=1) + "\n")
    return event


def load_identity(home: Home) -> NodeIdentity:
    """Read the node's keys (NOT_PERMITTED when others can read them too)."""
    if not home.keys.exists():
        raise Refusal(Code.UNKNOWN_ENTRY, f"{home.folder} is no node; run `thingmarket node init` first")
    if home.keys.stat().st_mode & 0o077:
        raise Refusal(Code.NOT_PERMITTED, f"others can read {home.keys.name}; run chmod 600 on it")
    keys = json.loads(home.keys.read_text())
    signed = read_signed(bytes.fromhex(keys["key_event"]))
    return NodeIdentity(
        identity=SigningKey.from_seed(bytes.fromhex(keys["identity"])),
        log=SigningKey.from_seed(bytes.fromhex(keys["log"])),
        tls_seed=bytes.fromhex(keys["tls"]),
        seal_key=blake2b(bytes.fromhex(keys["log"]), digest_size=32, person=b"tm-seal-key").digest(),
        signed_event=signed,
        event=read_key_event(signed.payload),
    )


def load_config(home: Home) -> Config:
    """Read the node's settings."""
    return read_config(home.config)
