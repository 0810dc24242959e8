"""The purchase at a posted price: from a signed order to an active contract, in one entry. [BUY-1]"""

from dataclasses import replace

from thingmarket.catalog.fit import Truth, fit, steps_in_offer
from thingmarket.catalog.offers import check_quantity
from thingmarket.catalog.pricing import price
from thingmarket.contract.orders import Purchase
from thingmarket.errors import Code, Refusal
from thingmarket.identity.effective import EffectiveMandate
from thingmarket.identity.mandates import Action
from thingmarket.ids import Digest, PartyId
from thingmarket.market import approvals, budgets, contracts, points
from thingmarket.market.authority import Authority, decide, denied_by, permit
from thingmarket.market.contracts import Order
from thingmarket.market.entries import Command
from thingmarket.market.facts import stated
from thingmarket.market.records import ListingState, NeedRecord, OfferRecord
from thingmarket.market.result import Result
from thingmarket.market.state import State
from thingmarket.market.thing_standing import assurance_of, trades
from thingmarket.policy.acts import Act
from thingmarket.policy.decision import Verdict
from thingmarket.policy.spending import Reservation, reservation_of
from thingmarket.time import UnixMs


def purchase(state: State, command: Command, body: Purchase, authority: Authority, seq: int) -> Result:
    """Authorise, hold goods and money, and make the contract; let it wait for a word; or change nothing."""
    order = checked_order(state, command.header.sender, body, command.body_digest, authority)
    return buy(state, order, authority, seq, signed_bytes=command.signed_bytes)


def buy(
    state: State, order: Order, authority: Authority, seq: int, *, signed_bytes: bytes, cause: bytes = b""
) -> Result:
    """Buy what was checked, or ask; `signed_bytes` are the buyer's, `cause` as in `contracts.make`."""
    earlier = approvals.earlier(state, order, authority) if order.purchase.approved_by else None
    if earlier is not None:
        authority = replace(authority, cosign=approvals.cosign_with(authority.cosign, earlier))
    decision = decide(state, authority, act_of(state, order, authority))
    if decision.verdict is Verdict.DENY:
        raise denied_by(decision)
    if decision.verdict is Verdict.NEED_COSIGN:
        assert authority.mandate is not None, "an owner who acts himself asks nobody"
        waiting = approvals.Waiting(
            decision=decision,
            reservation=reservation(order, authority.mandate, authority.now_ms),
            signed_bytes=signed_bytes,
            cause=cause,
        )
        return approvals.ask(state, order, authority, waiting, seq)
    if authority.mandate is not None:  # before the contract, which may be over in this very entry
        budgets.spend(state, reservation(order, authority.mandate, authority.now_ms))
    contract, notices = contracts.make(state, order, authority, seq, cause)
    if earlier is not None:
        approvals.use(state, earlier, contract.id, seq)
        decision = replace(decision, facts=decision.facts + approvals.approval_facts(earlier))
    return Result(reference=contract.id, decision=decision, notices=notices)


def checked_order(
    state: State, buyer: PartyId, body: Purchase, body_digest: Digest, authority: Authority
) -> Order:
    """What a purchase refers to, looked up and checked against the catalogue as it is now."""
    listing = state.offers.get(Digest(body.offer))
    if listing is None:
        raise Refusal(Code.UNKNOWN_OFFER, "no such offer on this node", "BUY-1")
    if listing.state is not ListingState.LIVE:
        raise Refusal(Code.OFFER_ENDED, f"the offer is {listing.state.value}; look for another", "BUY-1")
    if not trades(state, listing.mandate_leaf):
        raise Refusal(Code.OFFER_ENDED, "the thing that sells it is suspended; look for another", "THG-6")
    if listing.seller_owner == authority.owner:
        raise Refusal(Code.SELF_PURCHASE, "the buyer's owner is the seller", "BUY-4")
    check_quantity(listing.offer, body.quantity_steps)
    rate = state.tax_basis_points[listing.offer.tax_row]
    less_minor = _redeemed(state, listing, body, authority)
    cost = price(listing.offer, body.quantity_steps, rate, less_minor)
    if (body.currency, body.total_minor) != (listing.offer.currency, cost.total_minor):
        payable = f"{cost.total_minor} {listing.offer.currency}"
        raise Refusal(
            Code.WRONG_TOTAL, f"payable is {payable}, not {body.total_minor} {body.currency}", "BUY-2"
        )
    return Order(
        purchase=body,
        body_digest=body_digest,
        buyer=buyer,
        listing=listing,
        price=cost,
        need=_need(state, body, listing, authority),
    )


def _redeemed(state: State, listing: OfferRecord, body: Purchase, authority: Authority) -> int:
    """What the purchase's points take off the net; a thing needs its owner's word to redeem them. [PTS-4]"""
    if not body.points:
        return 0
    act = Act(
        action=Action.LOYALTY,
        time_ms=authority.now_ms,
        node=state.node,
        category=listing.offer.category,
        counterparty=listing.seller_owner,
    )
    permit(state, authority, act)
    return points.discount_of(
        state, authority.owner, listing.seller_owner, listing.offer.currency, body.points
    )


def _need(state: State, body: Purchase, listing: OfferRecord, authority: Authority) -> NeedRecord | None:
    if not body.need:
        return None
    record: NeedRecord | None = state.needs.get(Digest(body.need))
    if record is None or record.owner != authority.owner:
        raise Refusal(Code.UNKNOWN_NEED, "no such need of this owner", "BUY-3")
    if record.state is not ListingState.LIVE:
        raise Refusal(Code.NEED_ENDED, f"the need is {record.state.value}", "BUY-3")
    found = fit(record.need, stated(state, Digest(body.offer), listing.offer))
    if found.verdict is Truth.FALSE:
        raise Refusal(Code.NEED_NOT_MET, "; ".join(map(str, found.failed)), "BUY-3")
    if found.verdict is Truth.UNDEFINED:
        raise Refusal(Code.FACTS_MISSING, "ask the seller for " + ", ".join(found.missing), "BUY-3")
    wanted = steps_in_offer(record.need, listing.offer)
    if body.quantity_steps != wanted:
        raise Refusal(Code.NEED_NOT_MET, f"the need is {wanted} steps, not {body.quantity_steps}", "BUY-3")
    return record


def reservation(order: Order, mandate: EffectiveMandate, now_ms: UnixMs) -> Reservation:
    """What the order counts for every link of the mandate."""
    currency, total_minor = order.listing.offer.currency, order.price.total_minor
    return reservation_of(mandate, currency=currency, time_ms=now_ms, amount_minor=total_minor)


def act_of(state: State, order: Order, authority: Authority) -> Act:
    """What the owner's rules look at."""
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
        body_digest=order.body_digest,
        counterparty_assurance=assurance_of(state, order.listing.mandate_leaf),
        delivery_ms=offer.delivery_ms,
        place=order.purchase.place,
        attributes=stated(state, Digest(order.purchase.offer), offer).attributes,
    )
