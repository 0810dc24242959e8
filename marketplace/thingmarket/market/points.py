"""Points of sellers: earned by sales, redeemed before tax, taken back with refunds, ended idle. [PTS-1]"""

from thingmarket.billing.commands import OpenProgramme
from thingmarket.billing.records import Programme
from thingmarket.contract.contract import Contract
from thingmarket.contract.units import Unit
from thingmarket.errors import LEDGER_STATUS_BASE, Code, Refusal
from thingmarket.ids import PartyId
from thingmarket.limits import DAY_MS, LEDGER_AMOUNT_MAX
from thingmarket.market.authority import Authority
from thingmarket.market.entries import Command, Notice, NoticeKind
from thingmarket.market.escrows import GUARDED
from thingmarket.market.records import TimerKind
from thingmarket.market.result import Result
from thingmarket.market.state import State
from thingmarket.proportions import WHOLE_BASIS_POINTS
from thingmarket.settlement.accounts import AccountKind, AccountNumber
from thingmarket.settlement.escrow import Leg, TransferCode, derived_id_of
from thingmarket.settlement.transfers import Status, Transfer
from thingmarket.time import UnixMs, utc_day

POINTS_LEDGERS_FROM = 2**48  # below are goods


def open_programme(
    state: State, command: Command, body: OpenProgramme, authority: Authority, seq: int
) -> Result:
    """Open a programme for good: who has points relies on its terms. [PTS-1]"""
    if command.header.sender != authority.owner:
        raise Refusal(Code.NOT_PERMITTED, "only the owner himself opens a programme", "PTS-1")
    if body.currency not in state.currencies:
        raise Refusal(Code.UNKNOWN_CURRENCY, f"this node has no ledger for {body.currency}", "PTS-1")
    key = (authority.owner, body.currency)
    if key in state.programmes:
        raise Refusal(Code.ALREADY_KNOWN, f"there is a programme for {body.currency} already", "PTS-1")
    state.ledger.check_room(1)
    programme = Programme(
        name=body.name,
        ledger=POINTS_LEDGERS_FROM + len(state.programmes),
        earn_basis_points=body.earn_basis_points,
        value_minor=body.value_minor,
        idle_days=body.idle_days,
        seq=seq,
    )
    state.programmes.put(key, programme)
    _issued(state, authority.owner, programme)
    return Result(reference=programme_name(authority.owner, programme).encode())


def programme_name(issuer: PartyId, programme: Programme) -> str:
    """What points are called besides currencies: X, the issuer's id, the name. [PTS-1]"""
    return f"X-{issuer}-{programme.name}"


# --- earning


def earned(state: State, contract: Contract, net_minor: int, now_ms: UnixMs) -> tuple[int, tuple[Leg, ...]]:
    """Points of a sale, and the legs that give them; what is owed after refunds is settled first. [PTS-3]

    Points are a present: where a ledger is full, none are earned and the sale goes on.
    """
    programme = state.programmes.get((contract.seller_owner, contract.currency))
    points = net_minor * programme.earn_basis_points // WHOLE_BASIS_POINTS if programme else 0
    if programme is None or not points or not _has_room(state, contract, programme, points):
        return 0, ()
    ledger = state.ledger
    issued = _issued(state, contract.seller_owner, programme)
    clawback = _account(state, contract.buyer_owner, programme, AccountKind.POINTS_CLAWBACK)
    settled = min(points, -ledger.balance(clawback).free) if clawback else 0
    wallet = _wallet(state, contract.buyer_owner, programme)
    _postpone_end(state, contract.buyer_owner, contract.seller_owner, contract.currency, now_ms)
    return points, (
        Leg(TransferCode.POINTS_SETTLED, issued, clawback or 0, settled, programme.ledger),
        Leg(TransferCode.POINTS_EARNED, issued, wallet, points - settled, programme.ledger),
    )


def _has_room(state: State, contract: Contract, programme: Programme, points: int) -> bool:
    issued = state.ledger.balance(_issued(state, contract.seller_owner, programme))
    if max(issued.debits_posted, issued.credits_posted) + points > LEDGER_AMOUNT_MAX:
        return False
    try:
        state.ledger.check_room(1)
    except Refusal:
        return False
    return True


# --- redeeming


def discount_of(state: State, buyer_owner: PartyId, seller: PartyId, currency: str, points: int) -> int:
    """What points take off a net, minor units, when the buyer's owner has them. [PTS-4]

    UNKNOWN_PROGRAMME, and 45056 when he has too few.
    """
    if not points:
        return 0
    programme = state.programmes.get((seller, currency))
    if programme is None:
        raise Refusal(Code.UNKNOWN_PROGRAMME, f"this seller has no points for {currency}", "PTS-4")
    wallet = _account(state, buyer_owner, programme, AccountKind.POINTS_WALLET)
    free = state.ledger.balance(wallet).free if wallet else 0
    if free < points:
        raise Refusal(LEDGER_STATUS_BASE + Status.EXCEEDS_CREDITS, f"{free} points are there", "PTS-4")
    return points * programme.value_minor


def redeem(state: State, contract: Contract) -> None:
    """Take the points of a contract that is being made; that they are there was asked before. [PTS-4]"""
    points = sum(unit.points for unit in contract.units)
    if not points:
        return
    programme = state.programmes[contract.seller_owner, contract.currency]
    taken = Transfer(
        id=derived_id_of(contract.id, contract.created_ms, TransferCode.POINTS_REDEEMED),
        debit=_wallet(state, contract.buyer_owner, programme),
        credit=_issued(state, contract.seller_owner, programme),
        amount=points,
        reference=contract.id,
        ledger=programme.ledger,
        code=TransferCode.POINTS_REDEEMED,
    )
    status = state.ledger.submit(taken.pack(), contract.created_ms)[0]
    assert status == Status.CREATED, f"the points were there, yet {status}"
    _postpone_end(
        state, contract.buyer_owner, contract.seller_owner, contract.currency, UnixMs(contract.created_ms)
    )


def returned(state: State, contract: Contract, unit: Unit) -> tuple[Leg, ...]:
    """The leg that gives redeemed points back: their unit failed or was cancelled. [PTS-4]"""
    if not unit.points:
        return ()
    programme = state.programmes[contract.seller_owner, contract.currency]
    issued = _issued(state, contract.seller_owner, programme)
    wallet = _wallet(state, contract.buyer_owner, programme)
    return (Leg(TransferCode.POINTS_RETURNED, issued, wallet, unit.points, programme.ledger),)


# --- taking back


def clawed_back(state: State, contract: Contract, points: int) -> tuple[Leg, ...]:
    """Legs that take earned points back with a refund: from the wallet, and what it lacks is owed. [PTS-6]"""
    programme = state.programmes.get((contract.seller_owner, contract.currency)) if points else None
    if programme is None:
        return ()
    wallet = _wallet(state, contract.buyer_owner, programme)
    there = min(points, state.ledger.balance(wallet).free)
    owed = points - there
    clawback = wallet
    if owed:
        state.ledger.check_room(1)
        clawback = state.ledger.open(
            owner=state.party(contract.buyer_owner).number,
            ledger=programme.ledger,
            kind=AccountKind.POINTS_CLAWBACK,
        )
    issued = _issued(state, contract.seller_owner, programme)
    return (
        Leg(TransferCode.POINTS_CLAWED, wallet, issued, there, programme.ledger),
        Leg(TransferCode.POINTS_OWED, clawback, issued, owed, programme.ledger),
    )


# --- ending


def idle(state: State, reference: bytes, now_ms: UnixMs) -> tuple[Notice, ...]:
    """A wallet of points was not used for long: what is in it ends, by a transfer. [PTS-7]"""
    holder, issuer, currency = map(str, reference.decode().split("|"))
    owner, seller = PartyId(holder), PartyId(issuer)
    state.points_idle.drop((owner, seller, currency))
    programme = state.programmes[seller, currency]
    wallet = _wallet(state, owner, programme)
    points = state.ledger.balance(wallet).free
    if not points:
        return ()
    ended = Transfer(
        id=derived_id_of(reference, now_ms, TransferCode.POINTS_ENDED),
        debit=wallet,
        credit=_issued(state, seller, programme),
        amount=points,
        ledger=programme.ledger,
        code=TransferCode.POINTS_ENDED,
    )
    status = state.ledger.submit(ended.pack(), now_ms)[0]
    assert status == Status.CREATED, f"a wallet gives what is free in it, yet {status}"
    name = programme_name(seller, programme).encode()
    return (Notice(owner, NoticeKind.BALANCE, name, "POINTS_ENDED"),)


def _postpone_end(state: State, owner: PartyId, seller: PartyId, currency: str, now_ms: UnixMs) -> None:
    """Move the end of a wallet that was just used; once a day is enough."""
    days = state.programmes[seller, currency].idle_days
    if not days:
        return
    deadline_ms = (utc_day(now_ms) + 1 + days) * DAY_MS
    key, reference = (owner, seller, currency), f"{owner}|{seller}|{currency}".encode()
    before_ms = state.points_idle.get(key)
    if before_ms == deadline_ms:
        return
    if before_ms is not None:
        state.timers.cancel(before_ms, TimerKind.POINTS, reference)
    state.points_idle.put(key, deadline_ms)
    state.timers.set(deadline_ms, TimerKind.POINTS, reference)


# --- accounts


def _issued(state: State, seller: PartyId, programme: Programme) -> AccountNumber:
    """What a seller owes to all who have his points; it may go below nothing."""
    number = state.party(seller).number
    return state.ledger.open(owner=number, ledger=programme.ledger, kind=AccountKind.POINTS_ISSUED)


def _wallet(state: State, owner: PartyId, programme: Programme) -> AccountNumber:
    return state.ledger.open(
        owner=state.party(owner).number,
        ledger=programme.ledger,
        kind=AccountKind.POINTS_WALLET,
        flags=GUARDED,
    )


def _account(state: State, owner: PartyId, programme: Programme, kind: AccountKind) -> AccountNumber | None:
    return state.ledger.find(owner=state.party(owner).number, ledger=programme.ledger, kind=kind)


def points_of(state: State, owner: PartyId, programme: Programme) -> tuple[int, int]:
    """Points that an owner has, and points that he owes after refunds."""
    wallet = _account(state, owner, programme, AccountKind.POINTS_WALLET)
    clawback = _account(state, owner, programme, AccountKind.POINTS_CLAWBACK)
    ledger = state.ledger
    return ledger.balance(wallet).free if wallet else 0, -ledger.balance(clawback).free if clawback else 0
