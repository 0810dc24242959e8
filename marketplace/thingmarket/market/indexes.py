"""Look-ups that follow from the tables; they have no root of their own and stand in no snapshot."""

from typing import Final, NamedTuple

from thingmarket.contract.contract import OPEN_STATES, Contract
from thingmarket.ids import ContractId, Digest, PartyId
from thingmarket.market.records import ListingState, MandateRecord, MandateState, NeedRecord, OfferRecord
from thingmarket.market.registers import count_under, name_under, row_under
from thingmarket.market.shelves import Shelves
from thingmarket.market.timelines import Timeline
from thingmarket.tables import Table

_READ_OF_CONTRACTS: Final = (
    *("buyer", "buyer_owner", "seller", "seller_owner", "announcer"),
    *("state", "changed_seq", "currency", "units"),
)
_UNFILLED: Final = (ListingState.WITHDRAWN, ListingState.EXPIRED)


class Reader(NamedTuple):
    """Who reads, and for which owner; an owner reads for himself."""

    party: PartyId
    owner: PartyId


class Indexes:
    """Offers by what is looked for, needs and contracts by who may see them, mandates by who ends them."""

    def __init__(
        self,
        offers: Table[Digest, OfferRecord],
        needs: Table[Digest, NeedRecord],
        mandates: Table[Digest, MandateRecord],
        contracts: Table[ContractId, Contract],
    ) -> None:
        """Follow every change of the tables from now on."""
        self.offers_live = 0
        self.offers_live_of: dict[PartyId, int] = {}
        self.offers_under: dict[bytes, Timeline[Digest]] = {}  # live ones by the leaf they were made under
        self.needs_live_of: dict[PartyId, int] = {}
        self.needs_kept_of: dict[PartyId, int] = {}  # without an order, by who announced them
        self.contracts_open = 0
        self.shelves = Shelves(offers)
        self.needs_of: dict[PartyId, Timeline[Digest]] = {}
        self.mandates_of: dict[PartyId, Timeline[Digest]] = {}  # active ones by their subject
        self.mandates_from: dict[PartyId, set[Digest]] = {}  # active ones by the owner they come from
        self.contracts_of: dict[Reader, Timeline[ContractId]] = {}
        self.escrow_minor: dict[tuple[PartyId, str], int] = {}
        offers.watch(self._offer_changed)
        needs.watch(self._need_changed, reads=("owner", "announcer", "state", "seq"))
        mandates.watch(self._mandate_changed)
        contracts.watch(self._contract_changed, reads=_READ_OF_CONTRACTS)

    def readers_of(self, contract: Contract) -> set[Reader]:
        """Who may see a contract: both owners, both parties, and who announced the need. [CON-3]"""
        readers = {
            Reader(contract.buyer_owner, contract.buyer_owner),
            Reader(contract.buyer, contract.buyer_owner),
            Reader(contract.seller_owner, contract.seller_owner),
            Reader(contract.seller, contract.seller_owner),
        }
        if contract.announcer:
            readers.add(Reader(PartyId(contract.announcer), contract.buyer_owner))
        return readers

    def live_under(self, leaf: bytes) -> tuple[Digest, ...]:
        """Live offers that were made under a leaf, oldest first."""
        timeline = self.offers_under.get(leaf)
        return tuple(digest for _, digest in timeline.after(0)) if timeline else ()

    def _offer_changed(self, digest: Digest, old: OfferRecord | None, new: OfferRecord | None) -> None:
        was = old is not None and old.state is ListingState.LIVE
        now = new is not None and new.state is ListingState.LIVE
        record = new or old
        assert record is not None, "a change has an old or a new value"
        if was == now:
            return
        self.offers_live += now - was
        count_under(self.offers_live_of, record.seller_owner, now - was)
        row_under(self.offers_under, record.mandate_leaf, (record.seq, digest), present=now)

    def _need_changed(self, digest: Digest, old: NeedRecord | None, new: NeedRecord | None) -> None:
        was = old is not None and old.state is ListingState.LIVE
        now = new is not None and new.state is ListingState.LIVE
        record = new or old
        assert record is not None, "a change has an old or a new value"
        count_under(self.needs_live_of, record.owner, now - was)
        kept = (new is not None and new.state in _UNFILLED) - (old is not None and old.state in _UNFILLED)
        count_under(self.needs_kept_of, record.announcer, kept)
        if (old is None) != (new is None):
            row_under(self.needs_of, record.owner, (record.seq, digest), present=new is not None)

    def _mandate_changed(self, digest: Digest, old: MandateRecord | None, new: MandateRecord | None) -> None:
        was = old is not None and old.state is MandateState.ACTIVE
        now = new is not None and new.state is MandateState.ACTIVE
        record = new or old
        assert record is not None, "a change has an old or a new value"
        if was == now:
            return
        name_under(self.mandates_from, record.effective.root_owner, digest, present=now)
        row_under(self.mandates_of, record.effective.subject, (record.seq, digest), present=now)

    def _contract_changed(self, contract: ContractId, old: Contract | None, new: Contract | None) -> None:
        record = new or old
        assert record is not None, "a change has an old or a new value"
        was = old is not None and old.state in OPEN_STATES
        now = new is not None and new.state in OPEN_STATES
        self.contracts_open += now - was
        change = (new.held_minor if new else 0) - (old.held_minor if old else 0)
        count_under(self.escrow_minor, (record.buyer_owner, record.currency), change)
        for reader in self.readers_of(record):
            if new is not None:
                row_under(self.contracts_of, reader, (new.changed_seq, contract), present=True)
            if old is not None:
                row_under(self.contracts_of, reader, (old.changed_seq, contract), present=False)
