"""Entries about how owners want to be treated by their things. [PER-1]"""

from thingmarket.contract.personas import NO_PERSONA, SetPersona
from thingmarket.errors import Code, Refusal
from thingmarket.identity.parties import Role
from thingmarket.ids import PartyId
from thingmarket.limits import PERSONAS_PER_OWNER_MAX
from thingmarket.market.entries import Command, Notice, NoticeKind
from thingmarket.market.result import Result
from thingmarket.market.state import State


def set_persona(state: State, command: Command, body: SetPersona) -> Result:
    """Put an owner's wishes for a thing in place of those before; orders that wait keep their deadline."""
    owner = state.party(command.header.sender)
    if owner.role != Role.OWNER:
        raise Refusal(Code.NOT_PERMITTED, "only an owner says how he wants to be treated", "PER-1")
    name = (owner.id, PartyId(body.thing))
    for approver in body.persona.approvers:
        state.party(approver)  # a misspelt one would never answer
    if body.persona == NO_PERSONA:
        if name in state.personas:
            state.personas.drop(name)
    elif name not in state.personas and state.inbox.personas_of.get(owner.id, 0) >= PERSONAS_PER_OWNER_MAX:
        raise Refusal(Code.FULL, f"{PERSONAS_PER_OWNER_MAX} things have a persona already", "PER-1")
    else:
        state.personas.put(name, body.persona)
    return Result(notices=(Notice(owner.id, NoticeKind.THING, name[1].encode(), "PERSONA"),))
