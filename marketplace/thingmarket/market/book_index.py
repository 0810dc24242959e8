"""What is derived from tables of orders: frames by slot, markets by product, what is stopped."""

from bisect import insort

from thingmarket.identity.effective import EffectiveMandate
from thingmarket.identity.things import ThingState
from thingmarket.ids import Digest, PartyId
from thingmarket.market.order_records import FrameRecord, MarketRecord
from thingmarket.market.records import MandateRecord, MandateState, ThingRecord
from thingmarket.tables import Table
from thingmarket.trading.permits import Permit

TRADING = (ThingState.ACTIVE, ThingState.REGISTERED)


class BookIndex:
    """Follows the tables; nothing of it is state, but for what an entry hands to its own end."""

    def __init__(
        self,
        markets: Table[int, MarketRecord],
        frames: Table[tuple[int, int], FrameRecord],
        mandates: Table[Digest, MandateRecord],
        things: Table[tuple[PartyId, PartyId], ThingRecord],
    ) -> None:
        """Follow every change from now on."""
        self.frames_of: dict[int, list[int]] = {}  # remembered frames of a slot, ascending
        self.numbers: list[int] = []  # of all markets, ascending
        self.first_of: dict[str, int] = {}  # the market that was opened first for a product
        self.halting: list[int] = []  # markets that the very next entry halts, ascending
        self.ended: dict[Digest, None] = {}  # mandates that may have ended in this entry
        self.stopped: dict[tuple[PartyId, PartyId], None] = {}  # things that may not trade any more
        self.lowered: dict[Digest, None] = {}  # mandates that live and commit to nothing any more
        self.events: list[bytes] = []  # of the entry in hand
        # Permits by leaf, then by market and side: good as long as the mandate is the very same object.
        self.permits: dict[Digest, tuple[EffectiveMandate, dict[tuple[int, int], Permit]]] = {}
        self.permits_made = 0  # since they were last thrown away
        frames.watch(self._frame_changed, reads=())
        markets.watch(self._market_changed, reads=("halts", "listed"))
        mandates.watch(self._mandate_changed, reads=("state",))
        things.watch(self._thing_changed, reads=("state",))

    @property
    def has_news(self) -> bool:
        """Whether somebody may have lost the right to have orders in this entry."""
        return bool(self.ended or self.stopped or self.lowered)

    def take_events(self) -> bytes:
        """What happened in the books in this entry."""
        if not self.events:
            return b""
        events = b"".join(self.events)
        self.events.clear()
        return events

    def forget(self) -> None:
        """What was loaded is no news."""
        self.ended.clear()
        self.stopped.clear()
        self.lowered.clear()

    def _frame_changed(self, name: tuple[int, int], old: FrameRecord | None, new: FrameRecord | None) -> None:
        slot, frame = name
        if new is not None and old is None:
            insort(self.frames_of.setdefault(slot, []), frame)
        elif new is None and old is not None:
            self.frames_of[slot].remove(frame)

    def _market_changed(self, market: int, old: MarketRecord | None, new: MarketRecord | None) -> None:
        if old is None and new is not None:
            insort(self.numbers, market)
            self.first_of.setdefault(new.listed.product_id, market)
        elif new is None and old is not None:
            self.numbers.remove(market)
            if self.first_of[old.listed.product_id] == market:
                del self.first_of[old.listed.product_id]  # taken back, so no other has come since
        was, now = old is not None and old.halts, new is not None and new.halts
        if now and not was:
            insort(self.halting, market)
        elif was and not now:
            self.halting.remove(market)

    def _mandate_changed(self, leaf: Digest, old: MandateRecord | None, new: MandateRecord | None) -> None:
        if old is not None and new is not None and new.state is not MandateState.ACTIVE:
            self.ended[leaf] = None

    def _thing_changed(
        self, name: tuple[PartyId, PartyId], old: ThingRecord | None, new: ThingRecord | None
    ) -> None:
        if old is not None and new is not None and old.state in TRADING and new.state not in TRADING:
            self.stopped[name] = None
