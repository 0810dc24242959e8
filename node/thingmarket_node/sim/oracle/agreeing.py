"""Who may be asked about whose orders: the owner himself, and those who agreed to it."""

from thingmarket.contract.approvals import AgreeToCosign
from thingmarket.ids import PartyId
from thingmarket.limits import COSIGNED_OWNERS_MAX
from thingmarket_node.sim.oracle.memory import Memory
from thingmarket_node.sim.oracle.rows import Given


def asked_of(memory: Memory, given: Given) -> set[PartyId]:
    """Who is asked about what is ordered under a mandate."""
    owner = given.owner
    return {name for name in given.cosigners() if name == owner or (name, owner) in memory.agreed}


def may_agree(memory: Memory, body: AgreeToCosign, sender: PartyId) -> bool:
    """Whether a party may say this of a neighbour's orders."""
    owner = PartyId(body.owner)
    if sender == owner or not {sender, owner} <= memory.owners:
        return False
    of_sender = {one for one in memory.agreed if one[0] == sender}
    if body.agreed:
        return (sender, owner) not in of_sender and len(of_sender) < COSIGNED_OWNERS_MAX
    return (sender, owner) in of_sender


def agree(memory: Memory, body: AgreeToCosign, sender: PartyId) -> None:
    """From now on a party is asked; or no more, not even about what waits unless it said yes to that."""
    owner = PartyId(body.owner)
    if body.agreed:
        memory.agreed.add((sender, owner))
        return
    memory.agreed.remove((sender, owner))
    for asked in memory.waiting.values():
        if asked.state == "PENDING" and asked.given.owner == owner and sender not in asked.said:
            asked.may.discard(sender)
