"""Escrow: the chains of transfers that fund, release and refund a contract, unit by unit. [SET-4]"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, IntEnum
from typing import Final, NamedTuple

from thingmarket.ids import ContractId, derived_id
from thingmarket.settlement.transfers import NO_FLAGS, Flag, Transfer
from thingmarket.time import UnixMs
from thingmarket.transitions import Protocol, Role, Step
from thingmarket.values import quick


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
    FEE = 12
    TAX = 13
    RESERVE = 14
    RESERVE_FREED = 15
    FEE_BACK = 16
    TAX_BACK = 17
    PAID_BACK = 18
    PAID_BACK_RESERVE = 19
    POINTS_EARNED = 20
    POINTS_SETTLED = 21
    POINTS_REDEEMED = 22
    POINTS_RETURNED = 23
    POINTS_CLAWED = 24
    POINTS_OWED = 25
    POINTS_ENDED = 26
    RATE_FUNDED = 27
    RATE_ENDED = 28
    RATE_TAKEN = 29
    RATE_GIVEN = 30


@quick
@dataclass(frozen=True, slots=True)
class Portion:
    """What one unit moves: steps and minor units, either of which may be 0."""

    unit: int
    quantity_steps: int
    total_minor: int


NO_ACCOUNT: Final = 0
"""No row of a ledger has this number."""


class Leg(NamedTuple):
    """An amount that one account gives another; 0 moves nothing. Ledger 0 is that of the money."""

    code: TransferCode
    debit: int
    credit: int
    amount: int
    ledger: int = 0


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class EscrowAccounts:
    """The ledger rows that one contract moves; `escrow` is `NO_ACCOUNT` where nothing is ever held."""

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
        money = self.moved(0, (Leg(TransferCode.FUND, self.buyer_wallet, self.escrow, total_minor),))
        return chain([*(self._held(portion) for portion in portions if portion.quantity_steps), *money])

    def release(self, portion: Portion, legs: Sequence[Leg]) -> bytes:
        """Give the goods to the buyer and the money of escrow to whom the legs say, in one chain."""
        goods = self._resolved(portion, TransferCode.GOODS_GIVEN, Flag.POST_PENDING)
        return chain(goods + self.moved(portion.unit, legs))

    def refund(self, portion: Portion, legs: Sequence[Leg]) -> bytes:
        """Give the goods back to the offer and the money of escrow to whom the legs say, in one chain."""
        goods = self._resolved(portion, TransferCode.GOODS_RETURNED, Flag.VOID_PENDING)
        return chain(goods + self.moved(portion.unit, legs))

    def divide(self, whole: Portion, halves: Sequence[Portion]) -> bytes:
        """Hold the goods of a unit as those of two; money in escrow belongs to the contract and stays."""
        freed = self._resolved(whole, TransferCode.GOODS_DIVIDED, Flag.VOID_PENDING)
        return chain([*freed, *map(self._held, halves)])

    def exchange(self, portion: Portion, legs: Sequence[Leg]) -> bytes:
        """Delivery versus payment: the goods one way, the buyer's money the other, in one chain."""
        goods = replace(
            self._held(portion),
            id=self.transfer_id(TransferCode.GOODS_GIVEN, portion.unit),
            code=TransferCode.GOODS_GIVEN,
            flags=NO_FLAGS,
        )
        return chain([goods, *self.moved(portion.unit, legs)])

    def moved(self, unit: int, legs: Sequence[Leg]) -> list[Transfer]:
        """Transfers of a unit, each code once; a leg of nothing is left out."""
        return [
            Transfer(
                id=self.transfer_id(leg.code, unit),
                debit=leg.debit,
                credit=leg.credit,
                amount=leg.amount,
                reference=self.contract,
                ledger=leg.ledger or self.money_ledger,
                code=leg.code,
            )
            for leg in legs
            if leg.amount
        ]

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


def chain(transfers: Sequence[Transfer]) -> bytes:
    """Pack transfers so that all of them happen or none."""
    last = len(transfers) - 1
    return b"".join([each.pack(linked=place < last) for place, each in enumerate(transfers)])


def derived_id_of(
    cause: bytes, time_ms: int, code: TransferCode, unit: int = 0, quantity_steps: int = 0
) -> bytes:
    """Name the transfer that `cause` makes: the id of a contract, the digest of an offer or a deposit."""
    step = bytes((code, unit)) + quantity_steps.to_bytes(8, "big")
    return derived_id(UnixMs(time_ms), b"transfer", cause, step)
