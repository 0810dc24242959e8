"""What somebody may do: the state of his thing, its level, its mandate's actions, its owner's guards."""

from thingmarket.identity.mandates import LEAST_AUTONOMY, Action, Autonomy
from thingmarket.ids import PartyId
from thingmarket.policy.guards import GuardAction
from thingmarket_node.sim.oracle.memory import Memory
from thingmarket_node.sim.oracle.rows import Given, Sale

REFUSED, GRANTED, ASKS, TRIPPED = "refused", "granted", "asks", "tripped"
"""Verdicts: on a purchase, that it waits for a word, or that it puts its thing into quarantine."""

_LEFT_OVER = (Action.CANCEL, Action.ACCEPT_DELIVERY, Action.FEEDBACK)
_USUAL_OF = 16  # quantities of one product that a thing is compared with


def level(memory: Memory, given: Given) -> Autonomy:
    """How far a chain goes by itself, with what its owner lowered since it was signed."""
    found = given.autonomy
    not_before_ms = max(link.not_before_ms for link in given.chain)
    for link in given.chain:
        lowered = memory.caps.get((given.owner, link.subject))
        if lowered is not None and not_before_ms <= lowered[1]:
            found = min(found, lowered[0])
    return found


def may(memory: Memory, given: Given | None, action: Action, now_ms: int) -> bool:
    """Whether an act is permitted; an owner himself needs no permit."""
    if given is None:
        return True
    if action not in _LEFT_OVER and not may_trade(memory, given):
        return False
    found = level(memory, given)
    high_enough = found >= LEAST_AUTONOMY[action]
    begun = all(link.not_before_ms <= now_ms < link.expires_ms for link in given.chain)
    return high_enough and given.lists(action) and begun


def sells(memory: Memory, leaf: bytes) -> bool:
    """Whether who sells under a mandate may still be dealt with."""
    if not leaf:
        return True
    return may_trade(memory, memory.mandates[leaf])


def may_trade(memory: Memory, given: Given) -> bool:
    """Whether the thing at the root is active, and none below it is a thing that was stopped."""
    below = (memory.things.get((given.owner, link.subject)) for link in given.chain[1:])
    stopped = any(one is not None and one.state in ("SUSPENDED", "QUARANTINED") for one in below)
    return memory.things[given.owner, given.thing].state == "ACTIVE" and not stopped


def guard(memory: Memory, given: Given, product: str, quantity: int, now_ms: int) -> str:
    """What the guards of a thing say of an order: nothing, ASKS or TRIPPED; quarantine comes first."""
    guards = memory.guards.get((given.owner, given.thing))
    if guards is None:
        return GRANTED
    body = memory.things[given.owner, given.thing]
    tripped: list[GuardAction] = []
    if guards.rate is not None:
        recent = sum(made_ms > now_ms - guards.rate.window_ms for made_ms in body.orders_ms)
        recent += sum(_is_of(memory, sale, given) for sale in memory.made)  # of this very entry
        if recent + 1 > guards.rate.orders_max:
            tripped.append(guards.rate.action)
    bought = sorted(body.bought.get(product, [])[-_USUAL_OF:])
    if guards.quantity is not None and len(bought) >= guards.quantity.history_min:
        usual = bought[(len(bought) - 1) // 2]
        if 1_000 * quantity > guards.quantity.times_usual_milli * usual:
            tripped.append(guards.quantity.action)
    if GuardAction.QUARANTINE in tripped:
        return TRIPPED
    return ASKS if tripped else GRANTED


def _is_of(memory: Memory, sale: Sale, given: Given) -> bool:
    """Whether a sale was bought under the authority of the same thing."""
    if not sale.leaf:
        return False
    other = memory.mandates[sale.leaf]
    return (other.owner, other.thing) == (given.owner, given.thing)


def learn(memory: Memory, made: list[Sale]) -> None:
    """An entry stands: its sales are what guards look back at."""
    for sale in made:
        if sale.leaf:
            given = memory.mandates[sale.leaf]
            body = memory.things[given.owner, given.thing]
            body.orders_ms.append(sale.made_ms)
            product = memory.promised(sale).offer.product_id
            body.bought.setdefault(product, []).append(sale.quantity)


def trip(memory: Memory, given: Given) -> None:
    """A guard puts its thing into quarantine."""
    memory.things[given.owner, given.thing].state = "QUARANTINED"


def owns(memory: Memory, owner: PartyId, thing: PartyId) -> bool:
    """Whether a thing is an owner's, and not done for."""
    body = memory.things.get((owner, thing))
    return body is not None and body.state != "DECOMMISSIONED"
