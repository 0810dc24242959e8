"""Money of one currency for another: published rates, and conversions as linked pairs. [FX-1]"""

from dataclasses import replace
from itertools import islice

from thingmarket.billing.commands import Convert, PublishRate
from thingmarket.billing.records import RateRecord
from thingmarket.errors import LEDGER_STATUS_BASE, Code, Refusal
from thingmarket.identity.parties import Role
from thingmarket.ids import Digest, PartyId
from thingmarket.limits import (
    INTEGER_MAX,
    LEDGER_AMOUNT_MAX,
    RATE_LIFE_MS,
    RATES_PER_OWNER_MAX,
    SEARCH_RESULTS_MAX,
)
from thingmarket.market.entries import Command, Notice, NoticeKind
from thingmarket.market.escrows import GUARDED
from thingmarket.market.funding import brought_in
from thingmarket.market.records import TimerKind
from thingmarket.market.result import Result
from thingmarket.market.state import State
from thingmarket.money import Money, currency_of
from thingmarket.settlement.accounts import NO_FLAGS, AccountKind, AccountNumber
from thingmarket.settlement.escrow import TransferCode, chain, derived_id_of
from thingmarket.settlement.transfers import Status, Transfer
from thingmarket.time import UnixMs


def publish_rate(state: State, command: Command, body: PublishRate, seq: int, now_ms: UnixMs) -> Result:
    """Set aside what may be given, and offer it at a rate until a moment. [FX-1]"""
    publisher, digest = _trader(state, command, operator=True), command.body_digest
    _check_new(state, publisher, body, digest, now_ms)
    aside = body.max_minor * body.numerator // body.denominator
    _check_room(state, publisher, body, aside)
    name = derived_id_of(digest, now_ms, TransferCode.RATE_FUNDED)
    state.ledger.check_room(4)
    state.ledger.check_unused(name)
    # All that a rate will ever move of its publisher's is opened now: when it ends, nothing may be refused.
    _purse(state, publisher, body.from_currency)
    _liquidity(state, publisher, body.from_currency)
    purse = _purse(state, publisher, body.to_currency)
    liquidity = _liquidity(state, publisher, body.to_currency)
    funded = _transfer(name, TransferCode.RATE_FUNDED, body.to_currency, aside, debit=purse, credit=liquidity)
    _moved(state, now_ms, funded)
    state.rates.put(
        digest,
        RateRecord(
            publisher=publisher,
            from_currency=body.from_currency,
            to_currency=body.to_currency,
            numerator=body.numerator,
            denominator=body.denominator,
            left_minor=body.max_minor,
            aside_minor=aside,
            taken_minor=0,
            valid_until_ms=body.valid_until_ms,
            seq=seq,
        ),
    )
    state.timers.set(body.valid_until_ms, TimerKind.RATE, digest)
    return Result(reference=digest, notices=(Notice(publisher, NoticeKind.EXCHANGE, digest, "LIVE"),))


def _check_new(state: State, publisher: PartyId, body: PublishRate, digest: Digest, now_ms: UnixMs) -> None:
    for currency in (body.from_currency, body.to_currency):
        if currency not in state.currencies:
            raise Refusal(Code.UNKNOWN_CURRENCY, f"this node has no ledger for {currency}", "FX-1")
    if not now_ms < body.valid_until_ms <= now_ms + RATE_LIFE_MS:
        raise Refusal(Code.OUT_OF_RANGE, f"a rate lives at most {RATE_LIFE_MS} ms", "FX-1")
    if digest in state.rates:
        raise Refusal(Code.ALREADY_KNOWN, "this very rate was published already", "FX-1")
    if state.quoted.live_of.get(publisher, 0) >= RATES_PER_OWNER_MAX:
        raise Refusal(Code.FULL, f"at most {RATES_PER_OWNER_MAX} live rates of one publisher", "FX-1")


def _check_room(state: State, publisher: PartyId, body: PublishRate, aside: int) -> None:
    """Whether the publisher has what he sets aside, and his accounts take what may come back. [SET-6]"""
    if publisher == state.node:
        if brought_in(state, body.to_currency) + aside > INTEGER_MAX:
            raise Refusal(Code.OUT_OF_RANGE, "all the money of a node stays below 2^53 minor units", "SET-6")
    else:
        wallet = state.wallet(publisher, body.to_currency)
        if wallet is None or wallet.free < aside:
            raise Refusal(LEDGER_STATUS_BASE + Status.EXCEEDS_CREDITS, f"{aside} are set aside", "FX-1")
    for currency, minor in ((body.to_currency, aside), (body.from_currency, body.max_minor)):
        for account in (
            _purse_found(state, publisher, currency),
            _liquidity_found(state, publisher, currency),
        ):
            if account and state.ledger.balance(account).credits_posted + minor > LEDGER_AMOUNT_MAX:
                raise Refusal(Code.OUT_OF_RANGE, "a turnover would pass 2^62 minor units", "SET-6")


def convert(state: State, command: Command, body: Convert, now_ms: UnixMs) -> Result:
    """Change money of an owner at a live rate: both legs or neither. [FX-2]"""
    owner = _trader(state, command, operator=False)
    digest = Digest(body.rate)
    rate = state.rates.get(digest)
    if rate is None:
        raise Refusal(Code.UNKNOWN_RATE, "no such rate, or it is over", "FX-2")
    if rate.publisher == owner:
        raise Refusal(Code.SELF_PURCHASE, "this rate is your own", "FX-2")
    if body.amount_minor > rate.left_minor:
        left = Money(rate.left_minor, currency_of(rate.from_currency))
        raise Refusal(Code.OUT_OF_RANGE, f"{left} are left at this rate", "FX-2")
    out = converted(rate, body.amount_minor)
    if out < body.min_out_minor:
        raise Refusal(Code.RATE_TOO_LOW, f"it gives {out}, not {body.min_out_minor}", "FX-2")
    _check_wallets(state, owner, rate, body.amount_minor, out)
    taken_id = _swapped(state, command, rate, owner, amount_minor=body.amount_minor, out=out, now_ms=now_ms)
    state.rates.put(
        digest,
        replace(
            rate,
            left_minor=rate.left_minor - body.amount_minor,
            aside_minor=rate.aside_minor - out,
            taken_minor=rate.taken_minor + body.amount_minor,
        ),
    )
    told = tuple(Notice(who, NoticeKind.EXCHANGE, digest, "CONVERTED") for who in (owner, rate.publisher))
    return Result(reference=taken_id, notices=told)


def _swapped(
    state: State,
    command: Command,
    rate: RateRecord,
    owner: PartyId,
    *,
    amount_minor: int,
    out: int,
    now_ms: UnixMs,
) -> bytes:
    """Move both currencies in one chain; the id of the first leg. [FX-2]"""
    taken_id, given_id = (
        derived_id_of(command.body_digest, now_ms, code)
        for code in (TransferCode.RATE_TAKEN, TransferCode.RATE_GIVEN)
    )
    state.ledger.check_room(1)
    state.ledger.check_unused(taken_id)
    state.ledger.check_unused(given_id)
    taken = _transfer(
        taken_id,
        TransferCode.RATE_TAKEN,
        rate.from_currency,
        amount_minor,
        debit=_purse(state, owner, rate.from_currency),
        credit=_liquidity(state, rate.publisher, rate.from_currency),
    )
    given = _transfer(
        given_id,
        TransferCode.RATE_GIVEN,
        rate.to_currency,
        out,
        debit=_liquidity(state, rate.publisher, rate.to_currency),
        credit=_purse(state, owner, rate.to_currency),
    )
    _moved(state, now_ms, taken, given)
    return taken_id


def _check_wallets(state: State, owner: PartyId, rate: RateRecord, amount_minor: int, out: int) -> None:
    """Whether an owner has what he gives, and can take what he gets. [FX-2] [SET-6]"""
    wallet = state.wallet(owner, rate.from_currency)
    if wallet is None or wallet.free < amount_minor:
        raise Refusal(LEDGER_STATUS_BASE + Status.EXCEEDS_CREDITS, "the wallet holds too little", "FX-2")
    target = state.wallet(owner, rate.to_currency)
    if target is not None and target.credits_posted + out > LEDGER_AMOUNT_MAX:
        raise Refusal(Code.OUT_OF_RANGE, "a wallet's turnover would pass 2^62 minor units", "SET-6")


def converted(rate: RateRecord, amount_minor: int) -> int:
    """What an amount is changed into, rounded down: the fraction stays with who gives. [FX-3]"""
    return amount_minor * rate.numerator // rate.denominator


def rate_over(state: State, digest: Digest, now_ms: UnixMs) -> tuple[Notice, ...]:
    """A rate is over: what was set aside and not given, and what came in, goes to its publisher. [FX-1]"""
    rate = state.rates[digest]
    state.rates.drop(digest)
    moves = []
    for place, (currency, minor) in enumerate(
        ((rate.to_currency, rate.aside_minor), (rate.from_currency, rate.taken_minor))
    ):
        if minor:
            name = derived_id_of(digest, now_ms, TransferCode.RATE_ENDED, place)
            liquidity = _liquidity(state, rate.publisher, currency)
            purse = _purse(state, rate.publisher, currency)
            code = TransferCode.RATE_ENDED
            moves.append(_transfer(name, code, currency, minor, debit=liquidity, credit=purse))
    _moved(state, now_ms, *moves)
    return (Notice(rate.publisher, NoticeKind.EXCHANGE, digest, "OVER"),)


def live_rates(state: State, from_currency: str, to_currency: str) -> tuple[tuple[Digest, RateRecord], ...]:
    """Live rates between two currencies (empty: any), oldest first, at most 100. [FX-4]"""
    timeline = state.quoted.of.get((from_currency, to_currency))
    page = islice(timeline.after(0), SEARCH_RESULTS_MAX) if timeline else ()
    return tuple((digest, state.rates[digest]) for _, digest in page)


def _trader(state: State, command: Command, *, operator: bool) -> PartyId:
    """Who changes money: an owner himself, or the operator where he may."""
    sender = command.header.sender
    role = state.party(sender).role
    if role != Role.OWNER and not (operator and sender == state.node):
        raise Refusal(Code.NOT_PERMITTED, "only an owner himself changes money", "FX-1")
    return sender


def _purse(state: State, party: PartyId, currency: str) -> AccountNumber:
    """Where a party's own money is: an owner's wallet, and outside for the operator. [SET-2]"""
    operator = party == state.node
    return state.ledger.open(
        owner=state.party(party).number,
        ledger=currency_of(currency).ledger,
        kind=AccountKind.EXTERNAL if operator else AccountKind.OWNER_WALLET,
        flags=NO_FLAGS if operator else GUARDED,
    )


def _purse_found(state: State, party: PartyId, currency: str) -> AccountNumber | None:
    kind = AccountKind.EXTERNAL if party == state.node else AccountKind.OWNER_WALLET
    number, money = state.party(party).number, currency_of(currency).ledger
    return state.ledger.find(owner=number, ledger=money, kind=kind)


def _liquidity(state: State, party: PartyId, currency: str) -> AccountNumber:
    return state.ledger.open(
        owner=state.party(party).number,
        ledger=currency_of(currency).ledger,
        kind=AccountKind.LIQUIDITY,
        flags=GUARDED,
    )


def _liquidity_found(state: State, party: PartyId, currency: str) -> AccountNumber | None:
    number, money = state.party(party).number, currency_of(currency).ledger
    return state.ledger.find(owner=number, ledger=money, kind=AccountKind.LIQUIDITY)


def _transfer(
    name: bytes, code: TransferCode, currency: str, minor: int, *, debit: int, credit: int
) -> Transfer:
    money = currency_of(currency).ledger
    return Transfer(id=name, debit=debit, credit=credit, amount=minor, ledger=money, code=code)


def _moved(state: State, now_ms: UnixMs, *transfers: Transfer) -> None:
    """Submit a linked chain whose guards were asked before."""
    if transfers:
        statuses = state.ledger.submit(chain(transfers), now_ms)
        assert not any(statuses), f"the guards were asked before, yet {list(statuses)}"
