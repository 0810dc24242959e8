"""Things by their owner, owners by the thing, devices by their tag; follows from the tables."""

from thingmarket.identity.claim_labels import device_tag
from thingmarket.identity.things import THINGS
from thingmarket.ids import PartyId
from thingmarket.market.records import DeviceRecord, ThingRecord
from thingmarket.market.registers import count_under, name_under, row_under
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
        record = new or old
        assert record is not None, "a change has an old or a new value"
        was = old is not None and not THINGS.is_final(old.state)
        now = new is not None and not THINGS.is_final(new.state)
        count_under(self._live, thing, now - was)
        if (old is None) != (new is None):
            present = new is not None
            row_under(self.of, owner, (record.seq, thing.encode()), present=present)
            name_under(self.owners_of, thing, owner, present=present)

    def _device_changed(self, device: PartyId, old: DeviceRecord | None, new: DeviceRecord | None) -> None:
        if (old is None) != (new is None):
            name_under(self.tagged, device_tag(device), device, present=new is not None)
