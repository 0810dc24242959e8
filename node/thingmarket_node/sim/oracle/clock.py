"""Deadlines: what should have happened by now, and what happens when they fire, in the order of the log."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from thingmarket.ids import PartyId
from thingmarket.limits import DAY_MS, TIMERS_PER_ENTRY_MAX
from thingmarket.market.entries import Notice
from thingmarket.settlement.accounts import AccountKind
from thingmarket_node.sim.oracle import buying, owning, paying, performing, standing, venues
from thingmarket_node.sim.oracle.memory import Memory
from thingmarket_node.sim.oracle.rows import Listed, Part, Points, Sale, Wanted
from thingmarket_node.sim.world import require


@dataclass(frozen=True, slots=True, order=True)
class Due:
    """A deadline; among equal ones the kind decides, as the protocol numbers them, then the reference."""

    time_ms: int
    kind: int
    reference: bytes


Act = Callable[[], None]


def overdue(memory: Memory, now_ms: int) -> str:
    """What should have fired before now; empty when nothing should."""
    for deadline, _ in _open(memory, now_ms, 0, []):
        if deadline.time_ms <= now_ms:
            return f"a deadline of kind {deadline.kind}"
    return ""


def fire(memory: Memory, now_ms: int, seq: int, told: list[Notice]) -> None:
    """Let everything that is due happen; what an earlier act has ended does nothing."""
    due = [one for one in _open(memory, now_ms, seq, told) if one[0].time_ms <= now_ms]
    require(len(due) <= TIMERS_PER_ENTRY_MAX, "oracle", "it reckons no entry that leaves deadlines over")
    for _, act in sorted(due, key=lambda one: one[0]):
        act()


def _open(memory: Memory, now_ms: int, seq: int, told: list[Notice]) -> Iterator[tuple[Due, Act]]:
    for sale in memory.sales.values():
        yield from _of_sale(memory, sale, now_ms)
    for digest, listed in memory.offers.items():
        if listed.state == "LIVE":
            yield Due(listed.offer.valid_until_ms, 3, digest), partial(_expire, listed)
    for name, wanted in memory.needs.items():
        if wanted.state == "LIVE":
            yield Due(wanted.need.valid_until_ms, 4, name), partial(_expire, wanted)
    for leaf, given in memory.mandates.items():
        if given.alive:
            yield Due(given.expires_ms, 5, leaf), partial(owning.end, memory, given, "TIMED_OUT")
    for pending, asked in memory.waiting.items():
        if asked.state == "PENDING":
            yield Due(asked.due_ms, 6, pending), partial(buying.end, memory, asked, "TIMED_OUT")
    for seller, day in memory.reserves:
        over_ms = (day + 1 + memory.charges.reserve_days) * DAY_MS
        yield Due(over_ms, 8, f"{seller}|{day}".encode()), partial(_free_reserve, memory, seller, day)
    for name, one in memory.standing.items():
        if one.state != "ENDED":
            act = partial(_turn, memory, name, now_ms, seq, told)
            yield Due(one.next_ms, 9, name), act
    for device, said in memory.devices.items():
        yield Due(said.claim_by_ms, 12, device.encode()), partial(_forget, memory, device)
    for deadline, happens in venues.deadlines(memory, now_ms):
        yield Due(*deadline), happens
    for seller, programme in memory.points.items():
        for holder, idle_ms in programme.idle_ms.items():
            reference = f"{holder}|{seller}".encode()
            yield Due(idle_ms, 13, reference), partial(_end_points, programme, holder, idle_ms)


def _of_sale(memory: Memory, sale: Sale, now_ms: int) -> Iterator[tuple[Due, Act]]:
    terms = memory.promised(sale).offer.terms
    for part in sale.parts:
        if part.final:
            continue
        reference = sale.name + bytes((part.number,))
        if part.state == "DELIVERED":
            yield Due(part.inspect_by_ms, 2, reference), partial(_settle, memory, sale, part, now_ms)
        else:
            fails_ms = part.deliver_by_ms + terms.grace_ms
            yield Due(fails_ms, 1, reference), partial(_settle, memory, sale, part, now_ms)
    if sale.state == "PENDING":
        yield Due(sale.made_ms + terms.cancel_window_ms, 7, sale.name), partial(_start, sale)


def _settle(memory: Memory, sale: Sale, part: Part, now_ms: int) -> None:
    then = "ACCEPTED" if part.state == "DELIVERED" else "FAILED"
    performing.settle(memory, sale, part, then, now_ms)


def _start(sale: Sale) -> None:
    if sale.state == "PENDING":
        sale.state = "ACTIVE"


def _expire(listed: Listed | Wanted) -> None:
    if listed.state == "LIVE":  # else a mandate took it along
        listed.state = "EXPIRED"


def _turn(memory: Memory, name: bytes, now_ms: int, seq: int, told: list[Notice]) -> None:
    if memory.standing[name].state != "ENDED":  # else its mandate took it along
        standing.due(memory, memory.standing[name], now_ms, seq, told)


def _free_reserve(memory: Memory, seller: PartyId, day: int) -> None:
    """A seller gets what of a day's reserve refunds have left; they use up the oldest days first."""
    reserved = memory.reserves.pop((seller, day))
    later = sum(minor for (whose, when), minor in memory.reserves.items() if whose == seller and when > day)
    minor = min(reserved, max(0, memory.held(AccountKind.SELLER_RESERVE, seller) - later))
    memory.move((AccountKind.SELLER_RESERVE, seller, b""), paying.wallet_of(seller), minor)


def _forget(memory: Memory, device: PartyId) -> None:
    del memory.devices[device]


def _end_points(programme: Points, holder: PartyId, idle_ms: int) -> None:
    if programme.idle_ms.get(holder) == idle_ms:  # else they were used meanwhile
        del programme.idle_ms[holder]
        programme.has[holder] = 0
