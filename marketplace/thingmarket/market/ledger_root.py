"""The root of the ledger, which follows its changes. [LOG-4]"""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Final

from thingmarket.canonical import pack_bytes
from thingmarket.roots import SetRoot
from thingmarket.settlement.ledger import Ledger, account_key

ACCOUNTS_PER_PAGE: Final = 16
"""A page is hashed whole: 1 us; a group of orders changes most of the accounts of most pages."""

_HASH_BYTES: Final = 32


class LedgerRoot:
    """Follows the ledger's own changes, so that its root costs only what changed.

    The root is that of a set: pages of neighbouring accounts, and remembered transfers.
    """

    def __init__(self, ledger: Ledger, sum_: bytes = b"") -> None:
        """Follow an empty ledger, or one that was restored and has this sum."""
        self._ledger = ledger
        self._root = SetRoot(sum_)
        self._pages: dict[int, bytes] = {}  # what was added of each page
        if sum_:
            ledger.skip_changes()
            pages = ledger.size // ACCOUNTS_PER_PAGE + 1 if ledger.size else 0
            self._pages = {page: self._page(page) for page in range(pages)}
        self._news: dict[bytes, bytes | None] | None = None

    def digest(self) -> bytes:
        """32 bytes over all accounts and remembered transfers."""
        numbers, transfers = self._ledger.take_accounts(), self._ledger.take_transfers()
        for page in dict.fromkeys([number // ACCOUNTS_PER_PAGE for number in numbers]):
            before = self._pages.get(page)
            if before is not None:
                self._root.remove(before)
            self._pages[page] = member = self._page(page)
            self._root.add(member)
        for key, given, value in transfers:
            if given is not None:
                self._root.remove(_member(key, given))
            if value is not None:
                self._root.add(_member(key, value))
        if self._news is not None:
            for key, value in self._told(numbers, transfers):
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

    def _told(
        self, numbers: Sequence[int], transfers: Sequence[tuple[bytes, bytes | None, bytes | None]]
    ) -> Iterator[tuple[bytes, bytes | None]]:
        packed = self._ledger.accounts.packed
        for number in numbers:
            yield account_key(number), packed(number)
        for key, _, value in transfers:
            yield key, value

    def _page(self, page: int) -> bytes:
        """Accounts have numbers from 1 on, so the first page has one less."""
        first = page * ACCOUNTS_PER_PAGE
        last = min(first + ACCOUNTS_PER_PAGE - 1, self._ledger.size)
        return _member(account_key(page), self._ledger.accounts.packed_rows(max(1, first), last))


def _member(key: bytes, value: bytes) -> bytes:
    return blake2b(pack_bytes(key) + value, digest_size=_HASH_BYTES).digest()
