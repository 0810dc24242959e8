"""Pure reads of things: by their owner, by themselves, and devices by the tag of their label. [THG-10]"""

from itertools import islice

from thingmarket.errors import Code, Refusal
from thingmarket.identity.claim_labels import TAG_BYTES
from thingmarket.identity.parties import Role, is_thing
from thingmarket.ids import PartyId, checked_bytes
from thingmarket.limits import DEVICES_SHOWN_MAX, SEARCH_RESULTS_MAX
from thingmarket.market.indexes import Reader
from thingmarket.market.records import DeviceRecord, ThingRecord
from thingmarket.market.state import State
from thingmarket.policy.guards import NO_GUARDS, GuardRules


def thing_seen(state: State, party: PartyId, thing: str) -> ThingRecord | DeviceRecord:
    """A thing of an owner; or the thing that asks, be it one that nobody knows yet (UNKNOWN_THING)."""
    if not is_thing(party):
        state.party(party)
        record: ThingRecord | None = state.things.get((party, PartyId(thing)))
        if record is None:
            raise Refusal(Code.UNKNOWN_THING, "no such thing of this owner", "THG-10")
        return record
    if thing not in ("", party):
        raise Refusal(Code.UNKNOWN_THING, "a thing sees itself alone", "THG-10")
    owner = _owner_of(state, party)
    found = state.devices.get(party) if owner is None else state.things[owner, party]
    if found is None:
        raise Refusal(Code.UNKNOWN_THING, "this device has not registered here", "THG-10")
    return found


def _owner_of(state: State, thing: PartyId) -> PartyId | None:
    """With whom a thing is: who claimed it, gave it its newest mandate, or was the last to let it go."""
    if thing in state.devices:
        return None
    claimed_by = state.claims.get(thing)
    if claimed_by is not None:
        return claimed_by
    timeline = state.indexes.mandates_of.get(thing)
    leaf = timeline.newest() if timeline else None
    owners = state.owned.owners_of.get(thing, set())
    if leaf is not None and (owner := state.mandates[leaf].effective.root_owner) in owners:
        return owner
    return max(owners, key=lambda one: (state.things[one, thing].since_seq, one), default=None)


def things_of(state: State, reader: Reader, after_seq: int = 0) -> tuple[tuple[ThingRecord, ...], bool]:
    """Things of an owner who asks himself, oldest first, at most 100, and whether there are more."""
    if reader.party != reader.owner:
        raise Refusal(Code.NOT_PERMITTED, "only the owner himself sees all his things", "THG-10")
    timeline = state.owned.of.get(reader.owner)
    names = list(islice(timeline.after(after_seq), SEARCH_RESULTS_MAX + 1)) if timeline else []
    records = tuple(state.things[reader.owner, PartyId(name.decode())] for _, name in names)
    return records[:SEARCH_RESULTS_MAX], len(records) > SEARCH_RESULTS_MAX


def guards_of(state: State, record: ThingRecord) -> GuardRules:
    """The guards of its owner over a thing."""
    return state.guards.get((record.owner, record.thing), NO_GUARDS)


def tagged_devices(state: State, party: PartyId, tag: bytes) -> tuple[DeviceRecord, ...]:
    """Devices with a tag that wait for their owners, for an owner who holds the label (NOT_PERMITTED)."""
    checked_bytes(tag, TAG_BYTES, "tag")
    if state.party(party).role != Role.OWNER:
        raise Refusal(Code.NOT_PERMITTED, "owners look for devices", "THG-10")
    found = sorted(state.owned.tagged.get(tag, ()))[:DEVICES_SHOWN_MAX]
    return tuple(state.devices[device] for device in found)
