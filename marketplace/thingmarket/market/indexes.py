"""Look-ups that follow from the tables; they have no root of their own and stand in no snapshot."""

from collections.abc import Iterator
from typing import NamedTuple, TypeVar

from thingmarket.catalog.offers import Offer
from thingmarket.contract.contract import Contract, ContractState
from thingmarket.ids import ContractId, Digest, PartyId
from thingmarket.market.records import ListingState, MandateRecord, MandateState, NeedRecord, OfferRecord
from thingmarket.market.timelines import Timeline
from thingmarket.tables import Table

K = TypeVar("K")
N = TypeVar("N", bound=bytes)
_CATEGORY_LEVELS = (2, 4, 6, 8)


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
        self._needs = needs
        self.offers_live = 0
        self.offers_live_of: dict[PartyId, int] = {}
        self.offers_under: dict[bytes, set[Digest]] = {}  # live ones by the leaf they were made under
        self.needs_live_of: dict[PartyId, int] = {}
        self.contracts_open = 0
        self.offers_of: dict[str, Timeline[Digest]] = {}  # "" for all, "category 4410", "product X"
        self.needs_of: dict[PartyId, Timeline[Digest]] = {}
        self.mandates_of: dict[PartyId, Timeline[Digest]] = {}  # active ones by their subject
        self.mandates_from: dict[PartyId, set[Digest]] = {}  # active ones by the owner they come from
        self.contracts_of: dict[Reader, Timeline[ContractId]] = {}
        self.escrow_minor: dict[tuple[PartyId, str], int] = {}
        offers.watch(self._offer_changed)
        needs.watch(self._need_changed)
        mandates.watch(self._mandate_changed)
        contracts.watch(self._contract_changed)

    def readers_of(self, contract: Contract) -> set[Reader]:
        """Who may see a contract: both owners, both parties, and who announced the need. [CON-3]"""
        readers = {
            Reader(contract.buyer_owner, contract.buyer_owner),
            Reader(contract.buyer, contract.buyer_owner),
            Reader(contract.seller_owner, contract.seller_owner),
            Reader(contract.seller, contract.seller_owner),
        }
        if contract.need:
            readers.add(Reader(self._needs[Digest(contract.need)].announcer, contract.buyer_owner))
        return readers

    def _offer_changed(self, digest: Digest, old: OfferRecord | None, new: OfferRecord | None) -> None:
        was = old is not None and old.state is ListingState.LIVE
        now = new is not None and new.state is ListingState.LIVE
        record = new or old
        assert record is not None, "a change has an old or a new value"
        if was == now:
            return
        self.offers_live += now - was
        _count(self.offers_live_of, record.seller_owner, now - was)
        _keep(self.offers_under, record.mandate_leaf, digest, present=now)
        for name in _shelves(record.offer):
            timeline = _timeline(self.offers_of, name)
            if now:
                timeline.add(record.seq, digest)
            else:
                timeline.remove(record.seq, digest)

    def _need_changed(self, digest: Digest, old: NeedRecord | None, new: NeedRecord | None) -> None:
        was = old is not None and old.state is ListingState.LIVE
        now = new is not None and new.state is ListingState.LIVE
        record = new or old
        assert record is not None, "a change has an old or a new value"
        _count(self.needs_live_of, record.owner, now - was)
        if new is not None and old is None:
            _timeline(self.needs_of, new.owner).add(new.seq, digest)
        elif old is not None and new is None:
            self.needs_of[old.owner].remove(old.seq, digest)

    def _mandate_changed(self, digest: Digest, old: MandateRecord | None, new: MandateRecord | None) -> None:
        was = old is not None and old.state is MandateState.ACTIVE
        now = new is not None and new.state is MandateState.ACTIVE
        record = new or old
        assert record is not None, "a change has an old or a new value"
        if was == now:
            return
        _keep(self.mandates_from, record.effective.root_owner, digest, present=now)
        timeline = _timeline(self.mandates_of, record.effective.subject)
        if now:
            timeline.add(record.seq, digest)
        else:
            timeline.remove(record.seq, digest)

    def _contract_changed(self, contract: ContractId, old: Contract | None, new: Contract | None) -> None:
        record = new or old
        assert record is not None, "a change has an old or a new value"
        was = old is not None and old.state is ContractState.ACTIVE
        now = new is not None and new.state is ContractState.ACTIVE
        self.contracts_open += now - was
        account = (record.buyer_owner, record.currency)
        self.escrow_minor[account] = self.escrow_minor.get(account, 0) + (now - was) * record.total_minor
        for reader in self.readers_of(record):
            timeline = _timeline(self.contracts_of, reader)
            if old is not None:
                timeline.remove(old.changed_seq, contract)
            if new is not None:
                timeline.add(new.changed_seq, contract)


def shelf(*, category: str, product_id: str) -> str:
    """Name the shelf that holds all live offers of a product, of a category, or of everything."""
    if product_id:
        return f"product {product_id}"
    return f"category {category}" if category else ""


def _shelves(offer: Offer) -> Iterator[str]:
    yield shelf(category="", product_id="")
    yield shelf(category="", product_id=offer.product_id)
    for level in _CATEGORY_LEVELS:
        if level <= len(offer.category):
            yield shelf(category=offer.category[:level], product_id="")


def _timeline(index: dict[K, Timeline[N]], key: K) -> Timeline[N]:
    timeline = index.get(key)
    if timeline is None:
        timeline = index[key] = Timeline()
    return timeline


def _count(index: dict[K, int], key: K, change: int) -> None:
    index[key] = index.get(key, 0) + change


def _keep(index: dict[K, set[N]], key: K, name: N, *, present: bool) -> None:
    names = index.setdefault(key, set())
    if present:
        names.add(name)
    else:
        names.remove(name)
    if not names:
        del index[key]
