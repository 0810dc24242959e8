"""What happens to the money and goods of a fulfilment unit when it becomes final. [SET-4]"""

from dataclasses import replace

from thingmarket.contract.contract import UNIT_MESSAGES, Contract
from thingmarket.contract.units import Unit
from thingmarket.market.entries import Notice
from thingmarket.market.escrows import escrow_accounts, portion
from thingmarket.market.state import State
from thingmarket.settlement.escrow import ESCROW, EscrowState
from thingmarket.time import UnixMs
from thingmarket.transitions import Role


def release(
    state: State, contract: Contract, unit: Unit, *, seq: int, now_ms: UnixMs
) -> tuple[Contract, tuple[Notice, ...]]:
    """The unit was accepted: goods to the buyer, money to the seller, the late credit back to the buyer.

    `unit` stands in the contract already, with its final state.
    """
    chain = escrow_accounts(state, contract).release(portion(unit), credit_minor=unit.late_credit_minor)
    return _paid_out(state, contract, unit, chain, now_ms), ()


def refund(
    state: State, contract: Contract, unit: Unit, *, seq: int, now_ms: UnixMs, fee_minor: int = 0
) -> tuple[Contract, tuple[Notice, ...]]:
    """The unit failed or was cancelled: goods to the offer, a fee to the seller, the rest to the buyer."""
    chain = escrow_accounts(state, contract).refund(portion(unit), fee_minor=fee_minor)
    return _paid_out(state, contract, unit, chain, now_ms), ()


def exchange(
    state: State, contract: Contract, unit: Unit, *, seq: int, now_ms: UnixMs
) -> tuple[Contract, tuple[Notice, ...]]:
    """Delivery versus payment: what the caller found there goes both ways at once, without escrow. [CON-8]"""
    chain = escrow_accounts(state, contract).exchange(portion(unit))
    return _paid_out(state, contract, unit, chain, now_ms), ()


def _paid_out(state: State, contract: Contract, unit: Unit, chain: bytes, now_ms: UnixMs) -> Contract:
    statuses = state.ledger.submit(chain, now_ms)
    assert not any(statuses), f"escrow holds what it pays out, yet {list(statuses)}"
    escrow: EscrowState = ESCROW.after(unit.escrow, UNIT_MESSAGES[unit.fulfilment], Role.NODE)
    return contract.with_unit(replace(unit, escrow=escrow))
