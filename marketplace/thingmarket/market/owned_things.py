"""Things by their owner, owners by the thing, devices by their tag; follows from the tables."""

from thingmarket.identity.claim_labels import device_tag
from thingmarket.identity.things import THINGS
from thingmarket.ids import PartyId
from thingmarket.market.records import DeviceRecord, ThingRecord
from thingmarket.market.timelines import Timeline
from thingmarket.tables import Table


class OwnedThings:
    """Look-ups over things and devices that stand in no snapshot."""

    def __init__(
        self,
        things: Table[tuple[PartyId, PartyId], ThingRecord],
        devices: Table[PartyId, DeviceRecord],
    ) -> None:
        """Follow every change of the tables from now on."""
        self.of: dict[PartyId, Timeline[bytes]] = {}  # things of an owner by the entry that brought them
        self.owners_of: dict[PartyId, set[PartyId]] = {}  # never iterated unsorted
        self.tagged: dict[bytes, set[PartyId]] = {}  # unclaimed devices; likewise
        self._live: dict[PartyId, int] = {}
        things.watch(self._thing_changed)
        devices.watch(self._device_changed)

    def is_owned(self, thing: PartyId) -> bool:
        """Whether a thing is with some owner and was not decommissioned there."""
        return self._live.get(thing, 0) > 0

    def _thing_changed(
        self, name: tuple[PartyId, PartyId], old: ThingRecord | None, new: ThingRecord | None
    ) -> None:
        owner, thing = name
        live = sum((new is not None and not THINGS.is_final(new.state),))
        live -= sum((old is not None and not THINGS.is_final(old.state),))
        if live:
            self._live[thing] = self._live.get(thing, 0) + live
        if old is None and new is not None:
            self.of.setdefault(owner, Timeline()).add(new.seq, thing.encode())
            self.owners_of.setdefault(thing, set()).add(owner)
        elif new is None and old is not None:
            self.of[owner].remove(old.seq, thing.encode())
            self.owners_of[thing].remove(owner)

    def _device_changed(self, device: PartyId, old: DeviceRecord | None, new: DeviceRecord | None) -> None:
        if (old is None) == (new is None):
            return
        found = self.tagged.setdefault(device_tag(device), set())
        if new is not None:
            found.add(device)
        else:
            found.remove(device)
            if not found:
                del self.tagged[device_tag(device)]
