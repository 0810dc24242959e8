"""The part of QueryService about things and about devices that wait for their owners."""

from typing import Any

from thingmarket.market import thing_reads
from thingmarket.market.records import DeviceRecord, ThingRecord
from thingmarket.market.state import State
from thingmarket.v1 import thing_pb2 as pb
from thingmarket.wire import thing_views
from thingmarket_node.gate import token_of
from thingmarket_node.shell import Shell


class ThingQueries:
    """Answers for owners, for things, and for a device that the market does not know yet."""

    _shell: Shell

    async def FindDevices(self, request: pb.FindDevicesRequest, context: Any) -> pb.FindDevicesResponse:
        """Devices that wait for their owners, by the tag of the label."""
        found = await self._shell.look(
            token_of(context), lambda state, party: thing_reads.tagged_devices(state, party, request.tag)
        )
        return thing_views.devices_message(found)

    async def GetThing(self, request: pb.GetThingRequest, context: Any) -> pb.GetThingResponse:
        """One thing of the caller, or the caller itself."""
        token = token_of(context)
        to_itself = self._shell.session_of(token).party == request.thing or not request.thing
        message = await self._shell.look(
            token,
            lambda state, party: _message(
                state, thing_reads.thing_seen(state, party, request.thing), to_itself=to_itself
            ),
        )
        return pb.GetThingResponse(thing=message)

    async def ListThings(self, request: pb.ListThingsRequest, context: Any) -> pb.ListThingsResponse:
        """Things of the owner who asks."""

        def listed(state: State, reader: Any) -> pb.ListThingsResponse:
            found, more = thing_reads.things_of(state, reader, request.after_seq)
            views = [_message(state, one, to_itself=False) for one in found]
            return pb.ListThingsResponse(things=views, more=more)

        return await self._shell.read(token_of(context), listed)


def _message(state: State, record: ThingRecord | DeviceRecord, *, to_itself: bool) -> pb.ThingView:
    if isinstance(record, DeviceRecord):
        return thing_views.factory_message(record)
    return thing_views.thing_message(
        record,
        probation=state.probation,
        guards=thing_reads.guards_of(state, record),
        to_itself=to_itself,
    )
