"""What the gate asks of a caller and his command: whose key, which signatures, which sealed parts. [CMD-1]"""

from collections.abc import Iterator

from thingmarket.audit.commitments import commit
from thingmarket.contract.orders import Purchase, SealedRef
from thingmarket.contract.personas import SetPersona
from thingmarket.contract.standing import OpenStandingOrder
from thingmarket.errors import Code, Refusal
from thingmarket.identity.commands import AdmitParty, PresentMandate
from thingmarket.identity.envelope import Signed, TypeId, signed_over
from thingmarket.identity.handshake import Hello
from thingmarket.identity.keys import key_hint
from thingmarket.identity.parties import Role, is_thing, known_key, known_party, party_id
from thingmarket.limits import SEALED_BYTES_MAX
from thingmarket.market.entries import Command
from thingmarket.market.state import State
from thingmarket.wire.identity import read_key_event
from thingmarket_node.core.messages import Check, SealedPart

OPEN_TO_STRANGERS = frozenset({TypeId.ADMIT_PARTY, TypeId.PRESENT_MANDATE, TypeId.REGISTER_DEVICE})
"""Commands by which a party becomes known or waits for its owner; all else is for known parties. [ID-8]"""


def caller_key(state: State, hello: Hello) -> bytes:
    """The key of whoever says hello: known to the market, a thing's own id, or an owner's event 0."""
    record = state.parties.get(hello.party)
    if record is not None:
        return record.public_key
    if is_thing(hello.party):
        return known_party(hello.party).public_key
    if hello.key_event is None:
        raise Refusal(Code.UNKNOWN_PARTY, "not known here yet: send your signed key event along", "SES-1")
    if hello.key_event.type_id != TypeId.KEY_EVENT:
        raise Refusal(Code.WRONG_TYPE, "the card of an owner is a key event", "SES-1")
    event = read_key_event(hello.key_event.payload)
    if party_id(event.signed_bytes) != hello.party or event.role is not Role.OWNER:
        raise Refusal(Code.UNKNOWN_PARTY, "this key event is of another party", "ID-3")
    return known_party(event).public_key


def check_of(signed: Signed, public_key: bytes) -> Check:
    """The one signature that `public_key` must have made (BAD_SIGNATURE when none claims to be)."""
    hint = key_hint(public_key)
    for one in signed.signatures:
        if one.key_hint == hint:
            return Check(public_key, signed_over(signed.type_id, signed.payload), one.signature)
    raise Refusal(Code.BAD_SIGNATURE, "no signature by the key that must have signed", "ID-5")


def signature_checks(state: State, command: Command, sender_key: bytes) -> Iterator[Check]:
    """Every signature that a command stands on: the sender's, and those of what it carries."""
    if len(command.signed.signatures) != 1:
        raise Refusal(Code.MALFORMED, "a command carries one signature, its sender's", "ID-5")
    yield check_of(command.signed, sender_key)
    body = command.body
    if isinstance(body, AdmitParty):
        yield check_of(body.signed_event, body.event.identity_key)
    elif isinstance(body, PresentMandate):
        signer = state.party(body.mandates[0].root_owner).public_key
        for signed, mandate in zip(body.links, body.mandates, strict=True):
            yield check_of(signed, signer)
            signer = known_key(mandate.subject)
    for approval, signed in command.approvals:
        yield check_of(signed, state.party(approval.owner).public_key)


def check_sealed(command: Command, parts: tuple[SealedPart, ...]) -> None:
    """The parts are the bytes that the command commits to, in its order (BAD_FIELD). [PRI-2]"""
    named: tuple[SealedRef, ...] = ()
    if isinstance(command.body, Purchase | OpenStandingOrder):
        named = command.body.delivery
    elif isinstance(command.body, SetPersona) and command.body.persona.channels is not None:
        named = (command.body.persona.channels,)
    if len(named) != len(parts):
        raise Refusal(Code.BAD_FIELD, f"{len(named)} sealed parts are named, {len(parts)} are here", "PRI-2")
    for reference, part in zip(named, parts, strict=True):
        if len(part.data) > SEALED_BYTES_MAX:
            raise Refusal(Code.TOO_LARGE, f"a sealed part has at most {SEALED_BYTES_MAX} bytes", "PRI-2")
        if part.retention != reference.retention or commit(part.salt, part.data) != reference.commitment:
            raise Refusal(Code.BAD_FIELD, "a sealed part is not what the command commits to", "PRI-2")
