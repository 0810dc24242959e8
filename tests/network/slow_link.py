"""A bad line to a node, as a TCP relay: delay, lost segments as TCP makes stalls of them, cuts, offline.

The same seed loses the same segments of the same traffic; nothing here can lose or reorder bytes of a
connection that lives, since TCP cannot either. It runs in a thread and a loop of its own, so that it is
as far from the device as a real line.
"""

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

SEGMENT_BYTES: Final = 1_400  # what one lost packet takes with it
RETRANSMISSION_MS: Final = 200  # the least that TCP waits beyond the round trip before it sends again
LOSSES_MAX: Final = 6  # of one segment in a row; the waiting doubles every time
QUEUE_MAX: Final = 1_024  # segments under way in one direction: over a megabyte


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """What a line is like: delay of one direction, segments of a thousand that are lost or fatal."""

    delay_ms: int = 150
    lost_per_thousand: int = 50
    cut_per_thousand: int = 0


@dataclass(slots=True, eq=False)
class Connection:
    """One connection with its other half; `forgotten` by the network when it was offline too long."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter | None = None
    forgotten: bool = False

    def reset(self) -> None:
        """End both halves without a word, as RST does."""
        for writer in (self.near, self.far):
            if writer is None:
                continue
            with suppress(OSError):
                raw = writer.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


class SlowLink:
    """`with SlowLink(address) as link:` relays `link.address` to `address`."""

    def __init__(self, target: str, weather: Weather | None = None, *, seed: int = 1) -> None:
        """Prepare; `weather` may be changed at any time."""
        self.weather = weather or Weather()
        self.stalls = self.cuts = self.accepted = 0
        self.address = ""  # where to connect to instead of the node
        self._target = target
        self._random = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._online = asyncio.Event()
        self._connections: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="slow link", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._open())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def go_offline(self, *, forgets: bool = False) -> None:
        """Let nothing through. What is under way comes later, unless connections are forgotten."""

        async def go() -> None:
            self._online.clear()
            for connection in self._connections:
                connection.forgotten = connection.forgotten or forgets

        self._run(go())

    def come_back(self) -> None:
        """Let everything through again; forgotten connections are reset at their next word."""

        async def back() -> None:
            self._online.set()

        self._run(back())

    def cut(self) -> None:
        """Reset all connections."""

        async def reset() -> None:
            for connection in self._connections:
                connection.reset()

        self._run(reset())

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _open(self) -> None:
        self._online.set()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.address = f"{host}:{port}"

    async def _close(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- one connection

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.ensure_future(self._carry(reader, Connection(writer)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, reader: asyncio.StreamReader, connection: Connection) -> None:
        self._connections.add(connection)
        with suppress(OSError):  # one half is gone, so the other has to go
            try:
                await self._online.wait()
                await asyncio.sleep(2 * self.weather.delay_ms / 1000)  # SYN and its answer
                host, _, port = self._target.rpartition(":")
                far_reader, far = await asyncio.open_connection(host, int(port))
                connection.far = far
                await _all_or_none(
                    lambda: self._relay(connection, reader, far),
                    lambda: self._relay(connection, far_reader, connection.near),
                )
            finally:
                self._connections.discard(connection)
                connection.reset()

    async def _relay(
        self, connection: Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        loop = asyncio.get_running_loop()
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(QUEUE_MAX)

        async def arrive() -> None:
            while True:
                due, segment = await under_way.get()
                await asyncio.sleep(max(0.0, due - loop.time()))
                await self._online.wait()
                if connection.forgotten or not segment:
                    raise ConnectionResetError
                writer.write(segment)
                await writer.drain()

        async def depart() -> None:
            last = 0.0
            while True:
                segment = await reader.read(SEGMENT_BYTES)
                last = max(last, loop.time() + self._travel_ms() / 1000)  # what follows a lost one waits too
                await under_way.put((last, segment))
                if not segment:
                    return
                if self._happens(self.weather.cut_per_thousand):
                    self.cuts += 1
                    raise ConnectionResetError

        await _all_or_none(arrive, depart)

    def _travel_ms(self) -> int:
        travel_ms = self.weather.delay_ms
        again_ms = RETRANSMISSION_MS + 2 * self.weather.delay_ms
        for _ in range(LOSSES_MAX):
            if not self._happens(self.weather.lost_per_thousand):
                break
            self.stalls += 1
            travel_ms += again_ms
            again_ms *= 2
        return travel_ms

    def _happens(self, per_thousand: int) -> bool:
        return self._random.randrange(1_000) < per_thousand


async def _all_or_none(*parts: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run parts until one fails or all have ended; then none runs any more (OSError)."""
    tasks = [asyncio.ensure_future(part()) for part in parts]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
