"""What happens to a contract's money when its fulfilment unit is final. [SET-4]"""

from dataclasses import replace

from thingmarket.contract.contract import CONTRACT, UNIT_MESSAGES, Contract
from thingmarket.market import budgets
from thingmarket.market.contracts import escrow_accounts
from thingmarket.market.entries import Notice
from thingmarket.market.state import State
from thingmarket.settlement.escrow import ESCROW, EscrowState
from thingmarket.transitions import Role


def settle(state: State, contract: Contract) -> tuple[Contract, tuple[Notice, ...]]:
    """The unit is final: the contract ends and its escrow is paid out, in the same entry."""
    message = UNIT_MESSAGES[contract.fulfilment]
    escrow = ESCROW.after(contract.escrow, message, Role.NODE)
    accounts = escrow_accounts(state, contract)
    chain = accounts.release() if escrow is EscrowState.RELEASED else accounts.refund()
    statuses = state.ledger.submit(chain, contract.history[-1].time_ms)
    assert not any(statuses), f"escrow holds what it pays out, yet {list(statuses)}"
    budgets.close(state, contract)
    return replace(contract, state=CONTRACT.after(contract.state, message, Role.NODE), escrow=escrow), ()
