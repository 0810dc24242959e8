"""What the blocking twins have in common: opening, closing, and the thread behind them."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar
from weakref import WeakSet

from thingmarket.ids import PartyId
from thingmarket_client.blocking.calls import Calls
from thingmarket_client.blocking.watching import BlockingWatch
from thingmarket_client.trader import Trader

P = TypeVar("P", bound=Trader)


class BlockingParty(Generic[P]):
    """A party behind blocking calls; every thread may call it, also several at once.

    A call waits for its answer, as long as the party has patience for; Ctrl-C ends the waiting. What was
    not answered by then waits in the outbox. Who forgets to close ends as in a power cut: nothing is lost.
    """

    def __init__(self, opening: Callable[[], Coroutine[Any, Any, P]]) -> None:
        """Open the party in the background thread."""
        self._calls = Calls(type(self).__name__)
        self._watches: WeakSet[BlockingWatch[Any]] = WeakSet()
        try:
            self._party: P = self._calls.run(opening)
        except BaseException:
            self._calls.close(_nothing)
            raise

    @property
    def home(self) -> Path:
        """The folder with its key and its outbox."""
        return self._party.home

    @property
    def id(self) -> PartyId:
        """Its name in the market."""
        return self._party.id

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up: calls of other threads end with Closed, watches just end. Again does no harm."""
        self._calls.close(self._hang_up)

    async def _hang_up(self) -> None:
        for watch in list(self._watches):
            await watch.end()
        await self._party.close()


async def _nothing() -> None:
    pass
