"""Who is told when something of his changes; a watcher who does not keep up is cut off."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from thingmarket.errors import Code, Refusal
from thingmarket.ids import PartyId
from thingmarket.limits import FILL_TRADES_TOLD_MAX, WATCH_QUEUE_MAX, WATCHES_PER_SESSION_MAX
from thingmarket.market.entries import Notice, NoticeKind
from thingmarket.trading.frame import slot_of
from thingmarket_node.core.messages import Published
from thingmarket_node.market_data import Row


class News(NamedTuple):
    """A notice; of a FILL its entry, the trades of those orders in it, and whether there were more."""

    notice: Notice
    trades: tuple[Row, ...] = ()
    more: bool = False
    seq: int = 0


Told = tuple[int, tuple[News, ...]]
"""Log position and what changed up to it."""


class Watch:
    """One watcher's queue."""

    def __init__(self, owner: PartyId, session: bytes) -> None:
        """Watch what changes for `owner`."""
        self.owner = owner
        self.session = session
        self.queue: asyncio.Queue[Told] = asyncio.Queue(WATCH_QUEUE_MAX)
        self.ended: Refusal | None = None


class Watches:
    """All watchers of one node, by owner."""

    def __init__(self) -> None:
        """Start without watchers."""
        self._of_owner: dict[PartyId, set[Watch]] = defaultdict(set)
        self._of_session: dict[bytes, int] = defaultdict(int)
        self._closed = False

    def open(self, owner: PartyId, session: bytes) -> Watch:
        """Begin to watch (BUSY above 2 of one session, UNAVAILABLE while shutting down)."""
        if self._closed:
            raise Refusal(Code.UNAVAILABLE, "the node is shutting down")
        if self._of_session[session] >= WATCHES_PER_SESSION_MAX:
            raise Refusal(Code.BUSY, f"a session has at most {WATCHES_PER_SESSION_MAX} watches")
        watch = Watch(owner, session)
        self._of_owner[owner].add(watch)
        self._of_session[session] += 1
        return watch

    def close_one(self, watch: Watch) -> None:
        """Stop watching."""
        self._of_owner[watch.owner].discard(watch)
        if not self._of_owner[watch.owner]:
            del self._of_owner[watch.owner]
        self._of_session[watch.session] -= 1
        if not self._of_session[watch.session]:
            del self._of_session[watch.session]

    def tell(self, seq: int, entries: Iterable[Published], trades: Iterable[Row] = ()) -> None:
        """Pass on the notices of a durable group with its trades, each to the watchers of its owner."""
        by_owner: dict[PartyId, list[News]] = defaultdict(list)
        left: dict[PartyId, int] = defaultdict(lambda: FILL_TRADES_TOLD_MAX)
        fills: dict[tuple[int, int], list[Row]] | None = None
        for entry in entries:
            for notice in entry.outcome.notices:
                owner = notice.owner
                if owner not in self._of_owner:
                    continue
                if notice.kind is NoticeKind.FILL:
                    fills = _by_slot(trades) if fills is None else fills
                    rows = fills.get((entry.seq, slot_named(notice)), [])
                    shown = tuple(rows[: left[owner]])
                    by_owner[owner].append(News(notice, shown, len(rows) > len(shown), entry.seq))
                    left[owner] -= len(shown)
                else:
                    by_owner[owner].append(News(notice))
        for owner, told in by_owner.items():
            for watch in self._of_owner[owner]:
                self._pass_on(watch, seq, tuple(told))

    def _pass_on(self, watch: Watch, seq: int, told: tuple[News, ...]) -> None:
        if watch.ended is not None:
            return
        try:
            watch.queue.put_nowait((seq, told))
        except asyncio.QueueFull:
            watch.ended = Refusal(Code.BUSY, f"more than {WATCH_QUEUE_MAX} changes behind; watch again")

    def close(self) -> None:
        """End every watch: the node is shutting down."""
        self._closed = True
        for watches in self._of_owner.values():
            for watch in watches:
                watch.ended = Refusal(Code.UNAVAILABLE, "the node is shutting down")
                if watch.queue.empty():
                    watch.queue.put_nowait((0, ()))


def slot_named(notice: Notice) -> int:
    """The slot that a FILL notice is about."""
    return int.from_bytes(notice.reference, "big")


def _by_slot(trades: Iterable[Row]) -> dict[tuple[int, int], list[Row]]:
    """Trades by log position and slot of each of both orders."""
    found: dict[tuple[int, int], list[Row]] = defaultdict(list)
    for row in trades:
        maker, taker = row[3][6:8]
        for slot in {slot_of(maker): None, slot_of(taker): None}:
            found[row[0], slot].append(row)
    return found
