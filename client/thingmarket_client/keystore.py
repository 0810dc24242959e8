"""Key files: seeds on disk that nobody but their user can read, written whole or not at all."""

import json
import os
import secrets
import stat
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self

from thingmarket.errors import Refusal
from thingmarket.identity import did
from thingmarket.identity.cards import NodeCard
from thingmarket.identity.envelope import Signed, TypeId, sign
from thingmarket.identity.keys import SEED_BYTES, SigningKey
from thingmarket.identity.parties import NONCE_BYTES, KeyEvent, Role, party_id
from thingmarket.ids import PartyId, digest
from thingmarket.wire.envelope import read_signed, signed_bytes
from thingmarket.wire.handshake import node_card_text, read_node_card_text
from thingmarket.wire.identity import key_event_payload, read_key_event
from thingmarket_client.errors import UnsafeFile

VERSION: Final = 1
THING_FILE: Final = "thing.json"
OWNER_FILE: Final = "owner.json"
_FILE_BYTES_MAX: Final = 128 * 1024  # a chain has at most 8 KiB, a card 1 KiB; hex doubles both
_PRIVATE: Final = 0o600
_OTHERS: Final = 0o077


@dataclass(frozen=True, slots=True, kw_only=True)
class ThingKeys:
    """What a thing keeps: its seed, the mandate chain that it acts under, the card of its node."""

    seed: bytes = field(repr=False)
    mandate: tuple[Signed, ...] = ()
    card: NodeCard | None = None

    @property
    def signing_key(self) -> SigningKey:
        """The private key."""
        return SigningKey.from_seed(self.seed)

    @property
    def id(self) -> PartyId:
        """The did:key of the thing."""
        return did.encode(self.signing_key.public)

    @property
    def leaf(self) -> bytes:
        """SHA-256 of the last link's payload; empty without a mandate."""
        return digest(self.mandate[-1].payload) if self.mandate else b""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerKeys:
    """What an owner keeps: his seed, his signed key event 0, his epoch, the card of his node."""

    seed: bytes = field(repr=False)
    key_event: Signed
    epoch: int = 0
    card: NodeCard | None = None

    @property
    def signing_key(self) -> SigningKey:
        """The private key."""
        return SigningKey.from_seed(self.seed)

    @property
    def id(self) -> PartyId:
        """The `tm:party` id of the owner."""
        return party_id(self.key_event.payload)

    @property
    def network_id(self) -> bytes:
        """The network that the owner was made for."""
        return read_key_event(self.key_event.payload).network_id

    @classmethod
    def made(cls, *, network_id: bytes, now_ms: int) -> Self:
        """Make a new owner with a fresh seed."""
        seed = secrets.token_bytes(SEED_BYTES)
        key = SigningKey.from_seed(seed)
        event = KeyEvent(
            role=Role.OWNER,
            network_id=network_id,
            identity_key=key.public,
            log_key=b"",
            tls_key=b"",
            created_ms=now_ms,
            nonce=secrets.token_bytes(NONCE_BYTES),
            signed_bytes=b"",
        )
        return cls(seed=seed, key_event=sign(TypeId.KEY_EVENT, key_event_payload(event), key))


# --- things and owners on disk


def create_thing_keys(home: Path) -> ThingKeys:
    """Make a thing in a folder of its own (FileExistsError when there is one already)."""
    keys = ThingKeys(seed=secrets.token_bytes(SEED_BYTES))
    create_private(home / THING_FILE, _thing_text(keys))
    return keys


def save_thing_keys(home: Path, keys: ThingKeys) -> None:
    """Keep a new mandate or card; the file is the old one or the new one, never half."""
    replace_private(home / THING_FILE, _thing_text(keys))


def load_thing_keys(home: Path) -> ThingKeys:
    """Read a thing's file (UnsafeFile, FileNotFoundError)."""
    path = home / THING_FILE
    found = _read(path, "thing")
    try:
        return ThingKeys(
            seed=_seed(found),
            mandate=tuple(read_signed(bytes.fromhex(link)) for link in found["mandate"]),
            card=_card(found),
        )
    except (KeyError, TypeError, ValueError, Refusal):
        raise _damaged(path) from None


def create_owner_keys(home: Path, keys: OwnerKeys) -> None:
    """Write a new owner's file (FileExistsError when there is one already)."""
    create_private(home / OWNER_FILE, _owner_text(keys))


def save_owner_keys(home: Path, keys: OwnerKeys) -> None:
    """Keep a new epoch or card."""
    replace_private(home / OWNER_FILE, _owner_text(keys))


def load_owner_keys(home: Path) -> OwnerKeys:
    """Read an owner's file (UnsafeFile, FileNotFoundError)."""
    path = home / OWNER_FILE
    found = _read(path, "owner")
    try:
        keys = OwnerKeys(
            seed=_seed(found),
            key_event=read_signed(bytes.fromhex(found["key_event"])),
            epoch=int(found["epoch"]),
            card=_card(found),
        )
        belongs = read_key_event(keys.key_event.payload).identity_key == keys.signing_key.public
    except (KeyError, TypeError, ValueError, Refusal):
        raise _damaged(path) from None
    if not belongs:
        raise UnsafeFile(f"{path.name}: the seed is not that of the key event")
    return keys


def with_card(keys: ThingKeys, card: NodeCard | None) -> ThingKeys:
    """The same thing at another node; the old card stays when none is given."""
    return keys if card is None else replace(keys, card=card)


def _thing_text(keys: ThingKeys) -> str:
    links = [signed_bytes(link).hex() for link in keys.mandate]
    return _text("thing", keys.seed, keys.card, mandate=links)


def _owner_text(keys: OwnerKeys) -> str:
    event = signed_bytes(keys.key_event).hex()
    return _text("owner", keys.seed, keys.card, key_event=event, epoch=keys.epoch)


def _text(kind: str, seed: bytes, card: NodeCard | None, **rest: Any) -> str:
    card_text = "" if card is None else node_card_text(card)
    content = {"kind": kind, "version": VERSION, "seed": seed.hex(), "node_card": card_text, **rest}
    return json.dumps(content, indent=1) + "\n"


def _seed(found: dict[str, Any]) -> bytes:
    seed = bytes.fromhex(found["seed"])
    if len(seed) != SEED_BYTES:
        raise ValueError("a seed has 32 bytes")
    return seed


def _card(found: dict[str, Any]) -> NodeCard | None:
    return read_node_card_text(found["node_card"]) if found["node_card"] else None


def _read(path: Path, kind: str) -> dict[str, Any]:
    data = read_private(path)
    try:
        found = json.loads(data)
    except ValueError:
        raise _damaged(path) from None
    if not isinstance(found, dict) or found.get("kind") != kind:
        raise UnsafeFile(f"{path.name} is not the key file of a {kind}")
    if found.get("version") != VERSION:
        raise UnsafeFile(f"{path.name} has version {found.get('version')!r}; this software reads {VERSION}")
    return found


def _damaged(path: Path) -> UnsafeFile:
    # Nothing of the content is told, nor is the cause chained: it could hold the seed.
    return UnsafeFile(f"{path.name} is damaged; restore it from a backup")


# --- private files


def create_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 that must not be there yet (FileExistsError), whole and durably."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = _draft(path, text)
    try:
        os.link(draft, path)  # unlike a rename it never replaces a key that is there
    finally:
        draft.unlink()
        _sync_folder(path.parent)


def replace_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 in place of the one that is there, whole and durably."""
    _draft(path, text).replace(path)
    _sync_folder(path.parent)


def read_private(path: Path) -> bytes:
    """Read a file that its user alone can reach; anything else is refused (UnsafeFile)."""
    with os.fdopen(_open_private(path), "rb") as file:
        data = file.read(_FILE_BYTES_MAX + 1)
    if len(data) > _FILE_BYTES_MAX:
        raise UnsafeFile(f"{path.name} has more than {_FILE_BYTES_MAX} bytes")
    return data


def check_private(path: Path) -> None:
    """Return when a file is plain, of this user, and closed to others (UnsafeFile)."""
    os.close(_open_private(path))


def _open_private(path: Path) -> int:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if not path.is_symlink():
            raise
        if path.lstat().st_uid != os.geteuid():
            raise UnsafeFile(f"{path.name} is a link that another user made") from error
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _check_descriptor(path, os.fstat(descriptor))
    except UnsafeFile:
        os.close(descriptor)
        raise
    return descriptor


def _check_descriptor(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise UnsafeFile(f"{path.name} is not a plain file")
    if found.st_uid != os.geteuid():
        raise UnsafeFile(f"{path.name} belongs to another user")
    if found.st_mode & _OTHERS:
        mode = stat.S_IMODE(found.st_mode)
        raise UnsafeFile(f"others can reach {path.name} (mode {mode:04o}); run: chmod 600 {path.name}")


def _draft(path: Path, text: str) -> Path:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    return draft


def _sync_folder(folder: Path) -> None:
    """A new name is durable only when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
