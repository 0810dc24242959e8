"""The root of the ledger, which follows its changes. [LOG-4]"""

from hashlib import blake2b
from typing import Final

from thingmarket.canonical import pack_bytes
from thingmarket.roots import SetRoot
from thingmarket.settlement.ledger import ACCOUNT, Ledger

_HASH_BYTES: Final = 32


class LedgerRoot:
    """Follows the ledger's own changes, so that its root costs only what changed."""

    def __init__(self, ledger: Ledger, sum_: bytes = b"") -> None:
        """Follow an empty ledger, or one that was restored and has this sum."""
        self._ledger = ledger
        self._root = SetRoot(sum_)
        # What was added of each account: its hash, or its bytes when it did not change since it was restored.
        self._accounts = dict(ledger.skip_changes()) if sum_ else {}
        self._news: dict[bytes, bytes | None] | None = None

    def digest(self) -> bytes:
        """32 bytes over all accounts and remembered transfers."""
        for key, given, value in self._ledger.take_changes():
            before = self._accounts.pop(key, given)
            if before is not None:
                self._root.remove(before if len(before) == _HASH_BYTES else _member(key, before))
            if value is not None:
                member = _member(key, value)
                self._root.add(member)
                if key[:1] == ACCOUNT:
                    self._accounts[key] = member
            if self._news is not None:
                self._news.pop(key, None)  # they stand in the order of their last change
                self._news[key] = value
        return self._root.digest()

    @property
    def sum(self) -> bytes:
        """What the root is the digest of: a snapshot keeps it."""
        self.digest()
        return self._root.sum

    def follow_news(self) -> None:
        """Begin to collect what changes."""
        self.digest()
        self._news = {}

    def take_news(self) -> dict[bytes, bytes | None]:
        """What changed since the last call, or since `follow_news`; None for a forgotten transfer."""
        self.digest()
        assert self._news is not None, "news are taken where they are followed"
        news, self._news = self._news, {}
        return news


def _member(key: bytes, value: bytes) -> bytes:
    return blake2b(pack_bytes(key) + value, digest_size=_HASH_BYTES).digest()
