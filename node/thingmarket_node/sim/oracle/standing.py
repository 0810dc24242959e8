"""Standing orders, and the slots in which at most one order is open."""

from thingmarket.catalog.offers import Offer
from thingmarket.contract.approvals import PendingId
from thingmarket.contract.orders import Purchase
from thingmarket.contract.standing import OpenStandingOrder
from thingmarket.ids import ContractId, Digest, Key, PartyId, derived_id, digest
from thingmarket.limits import STANDING_REFUSALS_MAX, STANDING_SUSPENDED_MS
from thingmarket.market.entries import Command, Notice, NoticeKind
from thingmarket.time import UnixMs
from thingmarket_node.sim.oracle import buying, permits
from thingmarket_node.sim.oracle.arithmetic import cost, row_of
from thingmarket_node.sim.oracle.buying import Order
from thingmarket_node.sim.oracle.memory import Memory
from thingmarket_node.sim.oracle.permits import ASKS, GRANTED, REFUSED, TRIPPED
from thingmarket_node.sim.oracle.rows import Given, Standing
from thingmarket_node.sim.world import require


def slot_is_free(memory: Memory, party: PartyId, slot: str) -> bool:
    """Whether nothing is wanted or on its way in a slot."""
    for name, wanted in memory.needs.items():
        if (wanted.announcer, wanted.need.slot) == (party, slot):
            open_sale = any(sale.need == name and sale.is_open for sale in memory.sales.values())
            if wanted.state == "LIVE" or open_sale:
                return False
    return not any(
        (one.buyer, one.wish.slot) == (party, slot) and one.state != "ENDED" and _on_its_way(memory, one.last)
        for one in memory.standing.values()
    )


def _on_its_way(memory: Memory, last: bytes) -> bool:
    asked = memory.waiting.get(PendingId(last))
    if asked is not None and asked.state == "PENDING":
        return True
    sale = memory.sales.get(ContractId(asked.contract if asked else last))
    return sale is not None and sale.is_open


# --- opened


def may_open(memory: Memory, command: Command, body: OpenStandingOrder, now_ms: int) -> str:
    """What has to become of the wish to buy again and again."""
    owner, given = memory.acting(command)
    sender = command.header.sender
    taken = any(
        (one.buyer, one.wish.slot) == (sender, body.slot) and one.state != "ENDED"
        for one in memory.standing.values()
    )
    if owner is None or (body.slot and taken):
        return REFUSED
    order = _order(memory, _standing(command, body, owner, given, now_ms), now_ms)
    if order is None:
        return REFUSED
    verdict = buying.judge(memory, order, needs_room=False)
    return GRANTED if verdict == ASKS else verdict


def _standing(
    command: Command, body: OpenStandingOrder, owner: PartyId, given: Given | None, now_ms: int
) -> Standing:
    """A standing order that buys from its first moment on, but not in the entry that opens it."""
    return Standing(
        name=b"",
        wish=body,
        buyer=command.header.sender,
        owner=owner,
        leaf=given.leaf if given else b"",
        next_ms=max(body.first_ms, now_ms + 1),
    )


def opened(memory: Memory, command: Command, body: OpenStandingOrder, name: bytes, now_ms: int) -> None:
    """It waits for its first turn."""
    owner, given = memory.acting(command)
    assert owner is not None, "judged before"
    one = memory.standing[name] = _standing(command, body, owner, given, now_ms)
    one.name = name


def _order(memory: Memory, one: Standing, now_ms: int) -> Order | None:
    """Its next turn as a purchase at today's price; None when that would be dearer than wished for."""
    wish = one.wish
    listed = memory.offers.get(Digest(wish.offer))
    if listed is None:
        return None
    offer: Offer = listed.offer
    total = sum(cost(offer, wish.quantity_steps, memory.rates[row_of(offer)]))
    if wish.currency != offer.currency or total > wish.total_max_minor:
        return None
    body = Purchase(
        key=Key(derived_id(UnixMs(now_ms), b"an occurrence")),
        offer=wish.offer,
        quantity_steps=wish.quantity_steps,
        currency=wish.currency,
        total_minor=total,
    )
    turn = (one.made + one.skipped).to_bytes(8, "big")
    return Order(
        body=body,
        digest=digest(one.name + turn),
        buyer=one.buyer,
        owner=one.owner,
        given=memory.mandates[one.leaf] if one.leaf else None,
        now_ms=now_ms,
    )


# --- its turn


def due(memory: Memory, one: Standing, now_ms: int, seq: int, told: list[Notice]) -> None:
    """Its time came: it buys, asks, is skipped or is over; `told` are the notices of its entry."""
    listed = memory.offers[Digest(one.wish.offer)]
    over = listed.state != "LIVE" or listed.offer.valid_until_ms <= now_ms  # the node may wake late
    if one.state == "SUSPENDED" or over:
        one.state = "ENDED"
        return
    free = not one.wish.slot or slot_is_free(memory, one.buyer, one.wish.slot)
    order = _order(memory, one, now_ms)
    verdict = buying.judge(memory, order) if free and order is not None else REFUSED
    if verdict == TRIPPED and order is not None and order.given is not None:
        permits.trip(memory, order.given)
    word, reference = _came_to(one, told)
    expected = {GRANTED: "BOUGHT", ASKS: "ASKED"}.get(verdict, "SKIPPED")
    require(word == expected, "judgement", f"a standing order {word}, not {expected}")
    if order is not None and verdict == GRANTED:
        buying.buy(memory, order, ContractId(reference), seq)
    elif order is not None and verdict == ASKS:
        buying.wait(memory, order, PendingId(reference))
    _count(one, reference, now_ms, counts=free)


def _came_to(one: Standing, told: list[Notice]) -> tuple[str, bytes]:
    """How its turn ended, and the contract or waiting order that it made, by the notices in their order."""
    for place, notice in enumerate(told):
        word = notice.state.split()[0]
        if notice.reference != one.name or word not in ("BOUGHT", "ASKED", "SKIPPED"):
            continue
        kind = NoticeKind.CONTRACT if word == "BOUGHT" else NoticeKind.APPROVAL
        made = (after.reference for after in told[place + 1 :] if after.kind is kind)
        del told[place]
        return word, next(made, b"") if word != "SKIPPED" else b""
    return "slept", b""


def _count(one: Standing, reference: bytes, now_ms: int, *, counts: bool) -> None:
    if reference:
        one.made, one.refused, one.last = one.made + 1, 0, reference
    else:
        one.skipped, one.refused = one.skipped + 1, one.refused + counts
    if one.made + one.skipped >= one.wish.occurrences_max:
        one.state = "ENDED"
    elif one.refused >= STANDING_REFUSALS_MAX:
        one.state, one.next_ms = "SUSPENDED", now_ms + STANDING_SUSPENDED_MS
    else:
        while one.next_ms <= now_ms:
            one.next_ms += one.wish.interval_ms
