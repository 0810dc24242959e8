"""Budgets of every link of a chain: what was ordered, in which day and month, and what is still open."""

from datetime import UTC, datetime

from thingmarket.contract.orders import Purchase
from thingmarket.limits import DAY_MS, SECOND_MS
from thingmarket_node.sim.oracle.memory import Memory
from thingmarket_node.sim.oracle.rows import Asked, Count, Given


def month_of(now_ms: int) -> int:
    """The UTC month, counted from January 1970."""
    date = datetime.fromtimestamp(now_ms // SECOND_MS, UTC)
    return (date.year - 1970) * 12 + date.month - 1


def affords(memory: Memory, given: Given, body: Purchase, now_ms: int) -> bool:
    """Whether an order that was not counted yet stays within all limits of all links."""
    total, quantity = body.total_minor, body.quantity_steps
    limits = given.limits(body.currency)
    if len(limits) < len(given.chain):
        return False
    if any(total > limit.per_item_minor * quantity or total > limit.per_order_minor for limit in limits):
        return False
    day, month = now_ms // DAY_MS, month_of(now_ms)
    for link, limit in zip(given.links, limits, strict=True):
        count, booked = memory.counts.get(link) or Count(), memory.booked(link)
        asked = total + booked.minor
        within = (
            count.days.get(day, 0) + asked <= limit.per_day_minor,
            count.total + asked <= limit.total_minor,
            count.months.get(month, 0) + asked <= limit.per_month_minor,
            count.orders.get(day, 0) < limit.orders_per_day,
            count.open_orders + booked.orders < limit.max_open_orders,
            count.open_holds + booked.orders < limit.max_open_holds,
            count.open_minor + asked <= limit.liability_cap_minor,
        )
        if not all(within):
            return False
    return True


def may_hold(memory: Memory, given: Given, currency: str) -> bool:
    """Whether one more order's money may be held; all else was reserved before."""
    return all(
        memory.counts[link].open_holds + memory.booked(link).orders < limit.max_open_holds
        for link, limit in zip(given.links, given.limits(currency), strict=True)
    )


def place(memory: Memory, given: Given, total: int, now_ms: int, *, waits: bool) -> None:
    """Count an order under every link."""
    day, month = now_ms // DAY_MS, month_of(now_ms)
    for link in given.links:
        count = memory.counts.setdefault(link, Count())
        count.days[day] = count.days.get(day, 0) + total
        count.months[month] = count.months.get(month, 0) + total
        count.orders[day] = count.orders.get(day, 0) + 1
        count.total += total
        count.open_orders += 1
        count.open_minor += total
        if waits:
            count.reserved += total
        else:
            count.open_holds += 1


def fill(memory: Memory, given: Given, total: int, now_ms: int) -> None:
    """An order of a book became a contract; as an order of its day it was counted when it was taken."""
    day, month = now_ms // DAY_MS, month_of(now_ms)
    for link in given.links:
        count = memory.counts.setdefault(link, Count())
        count.days[day] = count.days.get(day, 0) + total
        count.months[month] = count.months.get(month, 0) + total
        count.total += total
        count.open_orders += 1
        count.open_holds += 1
        count.open_minor += total


def free(memory: Memory, asked: Asked) -> None:
    """An order that waited came to nothing: it stays an order of its day, and costs nothing."""
    total = asked.purchase.total_minor
    for link in asked.given.links:
        count = memory.counts[link]
        count.days[asked.day] -= total
        count.months[asked.month] -= total
        count.total -= total
        count.reserved -= total
        count.open_orders -= 1
        count.open_minor -= total


def commit(memory: Memory, asked: Asked) -> None:
    """An order that waited became a contract."""
    for link in asked.given.links:
        memory.counts[link].reserved -= asked.purchase.total_minor
        memory.counts[link].open_holds += 1


def close(memory: Memory, given: Given, total: int) -> None:
    """The contract of an order has ended."""
    for link in given.links:
        count = memory.counts[link]
        count.open_orders -= 1
        count.open_holds -= 1
        count.open_minor -= total
