"""Escrow: the chains of transfers that fund, release and refund a contract, unit by unit. [SET-4]"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, IntEnum
from typing import Final

from thingmarket.ids import ContractId, derived_id
from thingmarket.settlement.transfers import NO_FLAGS, Flag, Transfer
from thingmarket.time import UnixMs
from thingmarket.transitions import Protocol, Role, Step


class EscrowState(Enum):
    """Where a unit's money is."""

    HELD = "HELD"
    RELEASED = "RELEASED"
    REFUNDED = "REFUNDED"


ESCROW: Final = Protocol(
    "ESC",
    start=EscrowState.HELD,
    steps=(
        Step(EscrowState.HELD, "UnitAccepted", Role.NODE, EscrowState.RELEASED),
        Step(EscrowState.HELD, "UnitFailed", Role.NODE, EscrowState.REFUNDED),
        Step(EscrowState.HELD, "UnitCancelled", Role.NODE, EscrowState.REFUNDED),
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
    LATE_CREDIT = 9
    CANCEL_FEE = 10
    GOODS_DIVIDED = 11


@dataclass(frozen=True, slots=True)
class Portion:
    """What one unit moves: steps and minor units, either of which may be 0."""

    unit: int
    quantity_steps: int
    total_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EscrowAccounts:
    """The ledger rows that one contract moves."""

    contract: ContractId
    created_ms: int
    money_ledger: int
    goods_ledger: int
    buyer_wallet: int
    seller_wallet: int
    escrow: int
    offer_stock: int
    buyer_goods: int

    def transfer_id(self, code: TransferCode, unit: int = 0, quantity_steps: int = 0) -> bytes:
        """Name a step of a unit; clients cannot name ids of this space. [SET-5]

        A unit that is divided holds less than before, so its hold has another name by its quantity.
        """
        return derived_id_of(self.contract, self.created_ms, code, unit, quantity_steps)

    def fund(self, portions: Sequence[Portion]) -> bytes:
        """Hold the goods of every unit, then take the money: one chain, all or nothing."""
        total_minor = sum(portion.total_minor for portion in portions)
        money = self._money(TransferCode.FUND, 0, total_minor, debit=self.buyer_wallet, credit=self.escrow)
        return _chain([*(self._held(portion) for portion in portions if portion.quantity_steps), *money])

    def release(self, portion: Portion, *, credit_minor: int = 0) -> bytes:
        """Give the goods to the buyer and the money to the seller, but for what is credited to the buyer."""
        unit, paid_minor = portion.unit, portion.total_minor - credit_minor
        back = self._money(
            TransferCode.LATE_CREDIT, unit, credit_minor, debit=self.escrow, credit=self.buyer_wallet
        )
        paid = self._money(
            TransferCode.RELEASE, unit, paid_minor, debit=self.escrow, credit=self.seller_wallet
        )
        return _chain(self._resolved(portion, TransferCode.GOODS_GIVEN, Flag.POST_PENDING) + back + paid)

    def refund(self, portion: Portion, *, fee_minor: int = 0) -> bytes:
        """Give the goods back to the offer and the money to the buyer, but for the seller's fee."""
        unit, back_minor = portion.unit, portion.total_minor - fee_minor
        fee = self._money(
            TransferCode.CANCEL_FEE, unit, fee_minor, debit=self.escrow, credit=self.seller_wallet
        )
        back = self._money(TransferCode.REFUND, unit, back_minor, debit=self.escrow, credit=self.buyer_wallet)
        return _chain(self._resolved(portion, TransferCode.GOODS_RETURNED, Flag.VOID_PENDING) + fee + back)

    def divide(self, whole: Portion, halves: Sequence[Portion]) -> bytes:
        """Hold the goods of a unit as those of two; money in escrow belongs to the contract and stays."""
        freed = self._resolved(whole, TransferCode.GOODS_DIVIDED, Flag.VOID_PENDING)
        return _chain([*freed, *map(self._held, halves)])

    def exchange(self, portion: Portion) -> bytes:
        """Delivery versus payment: the goods one way, the money the other, in one chain."""
        goods = replace(self._held(portion), id=self.transfer_id(TransferCode.GOODS_GIVEN, portion.unit))
        money = self._money(
            TransferCode.RELEASE,
            portion.unit,
            portion.total_minor,
            debit=self.buyer_wallet,
            credit=self.seller_wallet,
        )
        return _chain([replace(goods, code=TransferCode.GOODS_GIVEN, flags=NO_FLAGS), *money])

    def _held(self, portion: Portion) -> Transfer:
        return Transfer(
            id=self.transfer_id(TransferCode.GOODS_HELD, portion.unit, portion.quantity_steps),
            debit=self.offer_stock,
            credit=self.buyer_goods,
            amount=portion.quantity_steps,
            reference=self.contract,
            ledger=self.goods_ledger,
            code=TransferCode.GOODS_HELD,
            flags=Flag.PENDING,
        )

    def _resolved(self, portion: Portion, code: TransferCode, how: Flag) -> list[Transfer]:
        if not portion.quantity_steps:
            return []
        # Accounts, ledger and code stay zero: a post or void takes those of its pending transfer.
        unit, steps = portion.unit, portion.quantity_steps
        resolved = Transfer(
            id=self.transfer_id(code, unit, steps),
            pending_id=self.transfer_id(TransferCode.GOODS_HELD, unit, steps),
            reference=self.contract,
            flags=how,
        )
        return [resolved]

    def _money(
        self, code: TransferCode, unit: int, amount_minor: int, *, debit: int, credit: int
    ) -> list[Transfer]:
        if not amount_minor:
            return []
        moved = Transfer(
            id=self.transfer_id(code, unit),
            debit=debit,
            credit=credit,
            amount=amount_minor,
            reference=self.contract,
            ledger=self.money_ledger,
            code=code,
        )
        return [moved]


def _chain(transfers: Sequence[Transfer]) -> bytes:
    """Pack transfers so that all of them happen or none."""
    if not transfers:
        return b""
    linked = [replace(each, flags=each.flags | Flag.LINKED).pack() for each in transfers[:-1]]
    return b"".join([*linked, transfers[-1].pack()])


def derived_id_of(
    cause: bytes, time_ms: int, code: TransferCode, unit: int = 0, quantity_steps: int = 0
) -> bytes:
    """Name the transfer that `cause` makes: the id of a contract, the digest of an offer or a deposit."""
    step = bytes((code, unit)) + quantity_steps.to_bytes(8, "big")
    return derived_id(UnixMs(time_ms), b"transfer", cause, step)
