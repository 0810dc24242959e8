"""Money from outside: only entries signed by the operator move it in. [SET-2]"""

from thingmarket.contract.orders import Deposit
from thingmarket.errors import Code, Refusal
from thingmarket.identity.parties import Role, checked_party_id
from thingmarket.limits import INTEGER_MAX
from thingmarket.market.entries import Command, Notice, NoticeKind
from thingmarket.market.escrows import GUARDED
from thingmarket.market.result import Result
from thingmarket.market.state import State
from thingmarket.money import currency_of
from thingmarket.settlement.accounts import AccountKind
from thingmarket.settlement.escrow import TransferCode, derived_id_of
from thingmarket.settlement.transfers import Transfer
from thingmarket.time import UnixMs


def deposit(state: State, command: Command, body: Deposit, now_ms: UnixMs) -> Result:
    """Credit an owner's wallet from the external account of the operator. [SET-2]"""
    if command.header.sender != state.node:
        raise Refusal(Code.OPERATOR_ONLY, "only the operator deposits", "SET-2")
    owner = state.party(checked_party_id(body.owner))
    if owner.role != Role.OWNER:
        raise Refusal(Code.NOT_PERMITTED, "only owners have wallets", "SET-2")
    check_room(state, body.currency, body.amount_minor)
    name = derived_id_of(command.body_digest, now_ms, TransferCode.DEPOSIT)
    state.ledger.check_room(2)
    state.ledger.check_unused(name)
    money, operator = currency_of(body.currency).ledger, state.party(state.node).number
    transfer = Transfer(
        id=name,
        debit=state.ledger.open(owner=operator, ledger=money, kind=AccountKind.EXTERNAL),
        credit=state.ledger.open(
            owner=owner.number,
            ledger=money,
            kind=AccountKind.OWNER_WALLET,
            flags=GUARDED,
        ),
        amount=body.amount_minor,
        ledger=money,
        code=TransferCode.DEPOSIT,
    )
    status = state.ledger.submit(transfer.pack(), now_ms)[0]
    assert status == 0, f"an external account has no guard, yet {status}"
    return Result(
        reference=transfer.id, notices=(Notice(owner.id, NoticeKind.BALANCE, transfer.id, "DEPOSITED"),)
    )


def check_room(state: State, currency: str, amount_minor: int) -> None:
    """Return when so much more money can be credited (UNKNOWN_CURRENCY, OUT_OF_RANGE)."""
    if currency not in state.currencies:
        raise Refusal(Code.UNKNOWN_CURRENCY, f"this node has no ledger for {currency}", "SET-2")
    if brought_in(state, currency) + amount_minor > INTEGER_MAX:
        raise Refusal(Code.OUT_OF_RANGE, "all the money of a node stays below 2^53 minor units", "SET-6")


def brought_in(state: State, currency: str) -> int:
    """All the money of a currency that deposits ever brought in, minor units."""
    operator, money = state.party(state.node).number, currency_of(currency).ledger
    external = state.ledger.find(owner=operator, ledger=money, kind=AccountKind.EXTERNAL)
    return state.ledger.balance(external).debits_posted if external else 0
