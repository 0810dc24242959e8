"""Waiting for what takes its time: an offer, a delivery, an end, the way to the node; always with a limit."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, TypeVar

from thingmarket.catalog.needs import Need
from thingmarket.contract.contract import ContractState
from thingmarket.contract.fulfilment import FulfilmentState
from thingmarket.limits import HOUR_MS
from thingmarket.wire.listings import NeedSeen
from thingmarket.wire.views import ContractSeen
from thingmarket_client.choosing import Chosen
from thingmarket_client.errors import NotYet, Unanswered
from thingmarket_client.outbox import Answer, Letter
from thingmarket_client.post import Flushed, Post
from thingmarket_client.reads import Reads
from thingmarket_client.session.session import pause

T = TypeVar("T")

LOOK_AGAIN_MS: Final = 2_000  # should a change be missed, or not be told, as a new offer is not
LOOK_LATER_MS: Final = 30_000  # who has waited long may look less often
TELL_AGAIN_MS: Final = 15_000  # people should see that something still waits
SEND_AGAIN_MS: Final = 1_000
SEND_LATER_MS: Final = 30_000


class Wait:
    """What a party can wait for. NotYet says what to do next; nothing that happens meanwhile is lost."""

    def __init__(self, post: Post, reads: Reads, choose: Callable[[Need], Awaitable[Chosen]]) -> None:
        """Send by `post`, look by `reads` and `choose`."""
        self._post = post
        self._reads = reads
        self._choose = choose

    async def for_offer(self, need: Need, *, timeout_ms: int = HOUR_MS) -> Chosen:
        """Wait until something can be bought that meets a need, and choose (NotYet)."""
        looked = 0

        async def look() -> Chosen | None:
            nonlocal looked
            chosen = await self._choose(need)
            looked = len(chosen.offers)
            return chosen if chosen.choice.chosen is not None else None

        def late() -> str:
            seen = f"none of {looked} offers meets" if looked else "nobody offers"
            return (
                f"{seen} what the need {need.title!r} asks; announce() it so that sellers see it, wait "
                "again, or ask for less: choose() says what each offer lacks"
            )

        return await until(self._reads, look, timeout_ms=timeout_ms, late=late)

    async def for_delivery(self, contract: bytes, *, timeout_ms: int = HOUR_MS) -> ContractSeen:
        """Wait until goods are there to accept, or the contract is over without (NotYet)."""
        return await self._for_state(contract, lambda seen: _is_over(seen) or _is_there(seen), timeout_ms)

    async def for_end(self, contract: bytes, *, timeout_ms: int = HOUR_MS) -> ContractSeen:
        """Wait until a contract has come to its end, good or bad (NotYet)."""
        return await self._for_state(contract, _is_over, timeout_ms)

    async def for_need(self, need: bytes, *, timeout_ms: int = HOUR_MS) -> NeedSeen:
        """Wait until an announced need is filled or over (NotYet)."""
        state = "unknown to the node"

        async def look() -> NeedSeen | None:
            nonlocal state
            for seen in await self._reads.needs():
                if seen.digest == need:
                    state = seen.state
                    return None if seen.state in ("LIVE", "OPEN") else seen
            return None

        def late() -> str:
            return (
                f"need {need.hex()} is {state}; its owner sees it with needs() and buys with buy(), "
                "or withdraw_need() ends it; waiting again is fine"
            )

        return await until(self._reads, look, timeout_ms=timeout_ms, late=late)

    async def for_outbox(self, *, timeout_ms: int = HOUR_MS) -> Flushed:
        """Send until nothing waits in the outbox, through all that is offline; what became of it (NotYet)."""
        done: list[tuple[Letter, Answer]] = []
        unknown: list[Letter] = []
        attempts = 0

        def late() -> str:
            return (
                f"{len(self._post.outbox.waiting())} commands wait in the outbox; they stay there. Look at "
                "the line and the node, and wait.for_outbox() again"
            )

        try:
            async with asyncio.timeout(timeout_ms / 1000):
                while True:
                    with suppress(Unanswered):
                        flushed = await self._post.flush()
                        done += flushed.answered
                        unknown += flushed.unknown
                    if not await asyncio.to_thread(self._post.outbox.waiting):
                        return Flushed(tuple(done), tuple(unknown))
                    await pause(min(SEND_AGAIN_MS << min(attempts, 10), SEND_LATER_MS))
                    attempts += 1
        except TimeoutError:
            raise NotYet(late()) from None

    async def _for_state(
        self, contract: bytes, is_so: Callable[[ContractSeen], bool], timeout_ms: int
    ) -> ContractSeen:
        last: ContractSeen | None = None

        async def look() -> ContractSeen | None:
            nonlocal last
            last = await self._reads.contract(contract)
            return last if is_so(last) else None

        return await until(
            self._reads, look, timeout_ms=timeout_ms, late=lambda: _late_contract(contract, last)
        )


def _is_over(seen: ContractSeen) -> bool:
    return seen.state in (ContractState.COMPLETED, ContractState.CANCELLED)


def _is_there(seen: ContractSeen) -> bool:
    return any(unit.fulfilment is FulfilmentState.DELIVERED for unit in seen.units)


def _late_contract(contract: bytes, seen: ContractSeen | None) -> str:
    if seen is None:
        return (
            f"the node did not say how contract {contract.hex()} stands; wait again, it goes on without you"
        )
    if _is_there(seen):
        return (
            f"contract {contract.hex()} is DELIVERED: accept() it, or say nothing until "
            f"{_moment(seen.inspect_by_ms)}, which accepts it"
        )
    return (
        f"contract {contract.hex()} is {seen.fulfilment.value}, to be delivered by "
        f"{_moment(seen.deliver_by_ms)}; wait again, it goes on without you. If nothing comes, the money "
        "comes back by itself"
    )


def _moment(time_ms: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(time_ms // 1_000))


async def until(
    reads: Reads,
    look: Callable[[], Awaitable[T | None]],
    *,
    timeout_ms: int | None,
    late: Callable[[], str],
    tell: Callable[[int], None] | None = None,
) -> T:
    """Look, and look again after every change and now and then, until there is something (NotYet).

    A node that cannot be reached is waited for, too. `tell` hears every 15 s how many have passed.
    """
    changes = reads.watch()
    began_ns = told_ns = time.monotonic_ns()
    wait_ms = LOOK_AGAIN_MS
    try:
        async with asyncio.timeout(None if timeout_ms is None else timeout_ms / 1000):
            while True:
                with suppress(Unanswered):
                    if (found := await look()) is not None:
                        return found
                if await changes.wait(wait_ms) is None:
                    wait_ms = min(2 * wait_ms, LOOK_LATER_MS)
                now_ns = time.monotonic_ns()
                if tell is not None and now_ns - told_ns >= TELL_AGAIN_MS * 1_000_000:
                    told_ns = now_ns
                    tell((now_ns - began_ns) // 1_000_000_000)
    except TimeoutError:
        raise NotYet(late()) from None
    finally:
        await changes.aclose()
