"""Which sealed parts are still needed, and by how many; follows the tables, has no root. [COS-12]"""

from collections.abc import Iterable

from thingmarket.contract.approvals import PendingId, PendingOrder
from thingmarket.contract.contract import Contract
from thingmarket.contract.orders import SealedRef
from thingmarket.contract.standing import StandingId, StandingOrder, StandingState
from thingmarket.ids import ContractId
from thingmarket.market.registers import count_under
from thingmarket.tables import Table


class SealedUses:
    """Sealed parts that an order which waits, a contract, or a standing order that still buys has named."""

    def __init__(
        self,
        pendings: Table[PendingId, PendingOrder],
        contracts: Table[ContractId, Contract],
        standing_orders: Table[StandingId, StandingOrder],
    ) -> None:
        """Follow every change of the tables from now on."""
        self._uses: dict[bytes, int] = {}
        pendings.watch(self._order_changed)
        contracts.watch(self._contract_changed, reads=("sealed",))
        standing_orders.watch(self._standing_changed)

    def __contains__(self, commitment: bytes) -> bool:
        """Whether anything still needs this part."""
        return commitment in self._uses

    def _order_changed(self, _: PendingId, old: PendingOrder | None, new: PendingOrder | None) -> None:
        was, now = old is not None and old.waits, new is not None and new.waits
        record = new or old
        assert record is not None, "a change has an old or a new value"
        self._count(_named(record.purchase.delivery), now - was)

    def _contract_changed(self, _: ContractId, old: Contract | None, new: Contract | None) -> None:
        if (old is None) != (new is None):
            record = new or old
            assert record is not None, "a change has an old or a new value"
            self._count(record.sealed, 1 if old is None else -1)

    def _standing_changed(self, _: StandingId, old: StandingOrder | None, new: StandingOrder | None) -> None:
        was = old is not None and old.state is not StandingState.ENDED
        now = new is not None and new.state is not StandingState.ENDED
        record = new or old
        assert record is not None, "a change has an old or a new value"
        self._count(_named(record.wish.delivery), now - was)

    def _count(self, commitments: Iterable[bytes], change: int) -> None:
        if change:
            for commitment in commitments:
                count_under(self._uses, commitment, change)


def _named(delivery: tuple[SealedRef, ...]) -> Iterable[bytes]:
    return (sealed.commitment for sealed in delivery)
