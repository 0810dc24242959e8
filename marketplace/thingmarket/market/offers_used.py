"""How many rows refer to an offer; follows from their tables, so it has no root. [CAT-21]"""

from typing import Any

from thingmarket.contract.approvals import PendingId, PendingOrder
from thingmarket.contract.contract import Contract
from thingmarket.contract.shadow import Proposal
from thingmarket.contract.standing import StandingId, StandingOrder
from thingmarket.ids import ContractId, Digest
from thingmarket.market.records import QuestionRecord
from thingmarket.market.registers import count_under
from thingmarket.tables import Table


class OffersUsed:
    """Contracts of an offer, and what else names it until that is forgotten itself."""

    def __init__(
        self,
        contracts: Table[ContractId, Contract],
        pendings: Table[PendingId, PendingOrder],
        questions: Table[Digest, QuestionRecord],
        standing_orders: Table[StandingId, StandingOrder],
        proposals: Table[Any, Proposal],
    ) -> None:
        """Follow every change of the tables from now on."""
        self.sold: dict[Digest, int] = {}  # contracts, which are never forgotten
        self.named: dict[Digest, int] = {}  # by anything else
        contracts.watch(self._sold, reads=("offer", "market"))
        pendings.watch(self._pending_changed)
        for table in (questions, standing_orders, proposals):
            table.watch(self._row_changed)

    def _sold(self, _: ContractId, old: Contract | None, new: Contract | None) -> None:
        if (old is None) != (new is None):
            record = new or old
            assert record is not None, "a change has an old or a new value"
            if record.market:
                return  # no offer led to it
            count_under(self.sold, record.offer, (new is not None) - (old is not None))

    def _pending_changed(self, _: PendingId, old: PendingOrder | None, new: PendingOrder | None) -> None:
        self._named(None if new is None else Digest(new.purchase.offer), 1)
        self._named(None if old is None else Digest(old.purchase.offer), -1)

    def _row_changed(self, _: Any, old: Any | None, new: Any | None) -> None:
        self._named(None if new is None else new.offer, 1)
        self._named(None if old is None else old.offer, -1)

    def _named(self, offer: Digest | None, change: int) -> None:
        if offer is not None:
            count_under(self.named, offer, change)
