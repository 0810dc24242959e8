"""Escrow: the chains of transfers that fund, release and refund a contract. [SET-4]"""

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Final

from thingmarket.ids import ContractId, derived_id
from thingmarket.settlement.transfers import Flag, Transfer
from thingmarket.time import UnixMs
from thingmarket.transitions import Protocol, Role, Step


class EscrowState(Enum):
    """Where a contract's money is."""

    HELD = "HELD"
    RELEASED = "RELEASED"
    REFUNDED = "REFUNDED"


ESCROW: Final = Protocol(
    "ESC",
    start=EscrowState.HELD,
    steps=(
        Step(EscrowState.HELD, "UnitAccepted", Role.NODE, EscrowState.RELEASED),
        Step(EscrowState.HELD, "UnitFailed", Role.NODE, EscrowState.REFUNDED),
    ),
    driven_by="FUL",
)


class TransferCode(IntEnum):
    """Why money or goods moved; stands in every transfer."""

    DEPOSIT = 1
    STOCK = 2
    FUND = 3
    GOODS_HELD = 4
    RELEASE = 5
    GOODS_GIVEN = 6
    REFUND = 7
    GOODS_RETURNED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class EscrowAccounts:
    """The ledger rows that one contract moves, and what it moves."""

    contract: ContractId
    created_ms: int
    money_ledger: int
    goods_ledger: int
    buyer_wallet: int
    seller_wallet: int
    escrow: int
    offer_stock: int
    buyer_goods: int
    total_minor: int
    quantity_steps: int

    def transfer_id(self, code: TransferCode) -> bytes:
        """Name a step of this contract; clients cannot name ids of this space. [SET-5]"""
        return derived_id_of(self.contract, self.created_ms, code)

    def fund(self) -> bytes:
        """Hold the goods, then take the money: one chain, both or neither."""
        goods = Transfer(
            id=self.transfer_id(TransferCode.GOODS_HELD),
            debit=self.offer_stock,
            credit=self.buyer_goods,
            amount=self.quantity_steps,
            reference=self.contract,
            ledger=self.goods_ledger,
            code=TransferCode.GOODS_HELD,
            flags=Flag.PENDING | Flag.LINKED,
        ).pack()
        money = self._money(TransferCode.FUND, debit=self.buyer_wallet, credit=self.escrow)
        return goods + money

    def release(self) -> bytes:
        """Give the goods to the buyer and the money to the seller."""
        goods = self._resolved(TransferCode.GOODS_GIVEN, Flag.POST_PENDING)
        return goods + self._money(TransferCode.RELEASE, debit=self.escrow, credit=self.seller_wallet)

    def refund(self) -> bytes:
        """Give the goods back to the offer and the money to the buyer."""
        goods = self._resolved(TransferCode.GOODS_RETURNED, Flag.VOID_PENDING)
        return goods + self._money(TransferCode.REFUND, debit=self.escrow, credit=self.buyer_wallet)

    def _resolved(self, code: TransferCode, how: Flag) -> bytes:
        # Accounts, ledger and code stay zero: a post or void takes those of its pending transfer.
        return Transfer(
            id=self.transfer_id(code),
            pending_id=self.transfer_id(TransferCode.GOODS_HELD),
            reference=self.contract,
            flags=how | Flag.LINKED,
        ).pack()

    def _money(self, code: TransferCode, *, debit: int, credit: int) -> bytes:
        return Transfer(
            id=self.transfer_id(code),
            debit=debit,
            credit=credit,
            amount=self.total_minor,
            reference=self.contract,
            ledger=self.money_ledger,
            code=code,
        ).pack()


def derived_id_of(cause: bytes, time_ms: int, code: TransferCode) -> bytes:
    """Name the transfer that `cause` makes: the id of a contract, the digest of an offer or a deposit."""
    return derived_id(UnixMs(time_ms), b"transfer", cause, bytes((code,)))
