"""The purchase at a posted price: from a signed order to an active contract, in one entry. [BUY-1]"""

from dataclasses import dataclass

from thingmarket.catalog.fit import Truth, fit, steps_in_offer
from thingmarket.catalog.offers import check_quantity
from thingmarket.catalog.pricing import Price, price
from thingmarket.contract.contract import CONTRACT, Contract, FulfilmentEvent
from thingmarket.contract.fulfilment import FULFILMENT
from thingmarket.contract.orders import Purchase
from thingmarket.errors import LEDGER_STATUS_BASE, Code, Refusal
from thingmarket.identity.mandates import Action
from thingmarket.ids import ContractId, Digest, derived_id
from thingmarket.limits import CONTRACTS_MAX, LEDGER_AMOUNT_MAX
from thingmarket.market.authority import Authority, permit
from thingmarket.market.entries import Command, Notice, NoticeKind
from thingmarket.market.listings import end_need
from thingmarket.market.records import ListingState, NeedRecord, OfferRecord, TimerKind
from thingmarket.market.result import Result
from thingmarket.market.state import State
from thingmarket.money import currency_of
from thingmarket.negotiation.dialogue import NEGOTIATION, NegotiationState
from thingmarket.policy.acts import Act
from thingmarket.policy.spending import counted
from thingmarket.settlement.accounts import AccountFlag, AccountKind
from thingmarket.settlement.escrow import ESCROW, EscrowAccounts
from thingmarket.settlement.transfers import Status
from thingmarket.time import utc_day
from thingmarket.transitions import Role

GUARDED = AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A purchase with everything that it refers to, checked against the catalogue."""

    purchase: Purchase
    listing: OfferRecord
    price: Price
    need: NeedRecord | None


def purchase(state: State, command: Command, body: Purchase, authority: Authority, seq: int) -> Result:
    """Authorise, hold goods and money, and make the contract; or refuse and change nothing."""
    order = _checked(state, body, authority)
    decision = permit(state, authority, _act(state, command, order, authority))
    if len(state.contracts) >= CONTRACTS_MAX:
        raise Refusal(Code.FULL, f"this node holds {CONTRACTS_MAX} contracts already")
    contract = _contract(state, command, order, authority, seq)
    _hold(state, contract)
    if authority.mandate is not None:
        day = utc_day(authority.now_ms)
        amount = contract.total_minor
        for key, counter in counted(
            authority.mandate, state.spending, currency=contract.currency, day=day, amount_minor=amount
        ):
            state.spending.put(key, counter)
    state.contracts.put(contract.id, contract)
    state.timers.set(contract.deliver_by_ms, TimerKind.DELIVERY, contract.id)
    notices = contract_notices(contract)
    if order.need is not None:
        notices += (end_need(state, Digest(body.need), ListingState.FILLED, contract.id),)
    return Result(reference=contract.id, decision=decision, notices=notices)


def _checked(state: State, body: Purchase, authority: Authority) -> Order:
    listing = state.offers.get(Digest(body.offer))
    if listing is None:
        raise Refusal(Code.UNKNOWN_OFFER, "no such offer on this node", "BUY-1")
    if listing.state is not ListingState.LIVE:
        raise Refusal(Code.OFFER_ENDED, f"the offer is {listing.state.value}; look for another", "BUY-1")
    if listing.seller_owner == authority.owner:
        raise Refusal(Code.SELF_PURCHASE, "the buyer's owner is the seller", "BUY-4")
    check_quantity(listing.offer, body.quantity_steps)
    rate = state.tax_basis_points[listing.offer.tax_category]
    cost = price(listing.offer, body.quantity_steps, rate)
    if (body.currency, body.total_minor) != (listing.offer.currency, cost.total_minor):
        payable = f"{cost.total_minor} {listing.offer.currency}"
        raise Refusal(
            Code.WRONG_TOTAL, f"payable is {payable}, not {body.total_minor} {body.currency}", "BUY-2"
        )
    return Order(purchase=body, listing=listing, price=cost, need=_need(state, body, listing, authority))


def _need(state: State, body: Purchase, listing: OfferRecord, authority: Authority) -> NeedRecord | None:
    if not body.need:
        return None
    record: NeedRecord | None = state.needs.get(Digest(body.need))
    if record is None or record.owner != authority.owner:
        raise Refusal(Code.UNKNOWN_NEED, "no such need of this owner", "BUY-3")
    if record.state is not ListingState.LIVE:
        raise Refusal(Code.NEED_ENDED, f"the need is {record.state.value}", "BUY-3")
    found = fit(record.need, listing.offer)
    if found.verdict is Truth.FALSE:
        raise Refusal(Code.NEED_NOT_MET, "; ".join(map(str, found.failed)), "BUY-3")
    if found.verdict is Truth.UNDEFINED:
        raise Refusal(Code.FACTS_MISSING, "ask the seller for " + ", ".join(found.missing), "BUY-3")
    wanted = steps_in_offer(record.need, listing.offer)
    if body.quantity_steps != wanted:
        raise Refusal(Code.NEED_NOT_MET, f"the need is {wanted} steps, not {body.quantity_steps}", "BUY-3")
    return record


def _act(state: State, command: Command, order: Order, authority: Authority) -> Act:
    offer = order.listing.offer
    return Act(
        action=Action.BUY,
        time_ms=authority.now_ms,
        node=state.node,
        category=offer.category,
        counterparty=order.listing.seller_owner,
        product_id=offer.product_id,
        currency=offer.currency,
        payable_minor=order.price.total_minor,
        price_minor=offer.price_minor,
        price_base_steps=offer.price_base_steps,
        unit=offer.unit,
        unit_scale=offer.unit_scale,
        quantity_steps=order.purchase.quantity_steps,
        body_digest=command.body_digest,
    )


def _contract(state: State, command: Command, order: Order, authority: Authority, seq: int) -> Contract:
    agreed = NEGOTIATION.after(NEGOTIATION.start, "Verify", Role.BUYER)
    finalized = NEGOTIATION.after(agreed, "Finalize", Role.NODE)
    assert finalized is NegotiationState.FINALIZED, "a purchase is finalized in its own entry"
    now_ms, offer = authority.now_ms, order.listing.offer
    planned = FulfilmentEvent(state=FULFILMENT.start, seq=seq, time_ms=now_ms, cause="Purchase")
    return Contract(
        id=ContractId(derived_id(now_ms, b"contract", state.network_id, seq.to_bytes(8, "big"))),
        state=CONTRACT.start,
        fulfilment=FULFILMENT.start,
        escrow=ESCROW.start,
        buyer=command.header.sender,
        buyer_owner=authority.owner,
        seller=order.listing.seller,
        seller_owner=order.listing.seller_owner,
        offer=Digest(order.purchase.offer),
        quantity_steps=order.purchase.quantity_steps,
        currency=offer.currency,
        net_minor=order.price.net_minor,
        tax_minor=order.price.tax_minor,
        total_minor=order.price.total_minor,
        created_ms=now_ms,
        deliver_by_ms=now_ms + offer.delivery_ms,
        inspection_ms=offer.inspection_ms,
        seq=seq,
        changed_seq=seq,
        mandate_leaf=command.header.mandate_leaf,
        need=order.purchase.need,
        choice=order.purchase.choice,
        sealed=tuple(sealed.commitment for sealed in order.purchase.delivery),
        history=(planned,),
    )


def _hold(state: State, contract: Contract) -> None:
    """Refuse what the guards would refuse, in words; then both legs go through or it is our bug."""
    ledger, listing = state.ledger, state.offers[contract.offer]
    stock = ledger.balance(listing.stock_account)
    if stock.free < contract.quantity_steps:
        raise Refusal(Code.OUT_OF_STOCK, f"{stock.free} steps are left", "BUY-5")
    wallet = state.wallet(contract.buyer_owner, contract.currency)
    if wallet is None or wallet.free < contract.total_minor:
        raise Refusal(
            LEDGER_STATUS_BASE + Status.EXCEEDS_CREDITS, "the owner's wallet holds too little", "BUY-5"
        )
    _check_columns(state, contract)
    ledger.check_room(4)  # as many as `escrow_accounts` may open
    accounts = escrow_accounts(state, contract)
    statuses = ledger.submit(accounts.fund(), contract.created_ms)
    assert not any(statuses), f"the guards were asked before, yet {list(statuses)}"


def _check_columns(state: State, contract: Contract) -> None:
    # Columns only ever grow; below 2^62 whatever is open can still be paid out within 2^63.
    for owner in (contract.buyer_owner, contract.seller_owner):
        wallet = state.wallet(owner, contract.currency)
        if wallet is not None and wallet.credits_posted + contract.total_minor > LEDGER_AMOUNT_MAX:
            raise Refusal(Code.OUT_OF_RANGE, "a wallet's turnover would pass 2^62 minor units", "SET-6")
    goods = state.ledger.find(
        owner=state.party(contract.buyer_owner).number,
        ledger=state.offers[contract.offer].goods_ledger,
        kind=AccountKind.GOODS,
    )
    held = state.ledger.balance(goods) if goods else None
    if held and held.credits_posted + held.credits_pending + contract.quantity_steps > LEDGER_AMOUNT_MAX:
        raise Refusal(Code.OUT_OF_RANGE, "the goods ever bought would pass 2^62 steps", "SET-6")


def escrow_accounts(state: State, contract: Contract) -> EscrowAccounts:
    """Find or open the ledger rows that a contract moves."""
    money = currency_of(contract.currency).ledger
    listing = state.offers[contract.offer]
    buyer = state.party(contract.buyer_owner).number
    seller = state.party(contract.seller_owner).number
    ledger = state.ledger
    return EscrowAccounts(
        contract=contract.id,
        created_ms=contract.created_ms,
        money_ledger=money,
        goods_ledger=listing.goods_ledger,
        buyer_wallet=ledger.open(owner=buyer, ledger=money, kind=AccountKind.OWNER_WALLET, flags=GUARDED),
        seller_wallet=ledger.open(owner=seller, ledger=money, kind=AccountKind.OWNER_WALLET, flags=GUARDED),
        escrow=ledger.open(
            owner=buyer, ledger=money, kind=AccountKind.ESCROW, reference=contract.id, flags=GUARDED
        ),
        offer_stock=listing.stock_account,
        buyer_goods=ledger.open(
            owner=buyer, ledger=listing.goods_ledger, kind=AccountKind.GOODS, flags=GUARDED
        ),
        total_minor=contract.total_minor,
        quantity_steps=contract.quantity_steps,
    )


def contract_notices(contract: Contract) -> tuple[Notice, ...]:
    """Tell both sides what a contract has come to."""
    state = contract.fulfilment.value
    return tuple(
        Notice(owner, NoticeKind.CONTRACT, contract.id, state)
        for owner in (contract.buyer_owner, contract.seller_owner)
    )
