"""From offers that were found to a choice: what the need says, and what the owner's rules allow."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from thingmarket.catalog.choice import Choice, choose, with_prices
from thingmarket.catalog.fit import steps_in_offer
from thingmarket.catalog.needs import Need
from thingmarket.catalog.pricing import price
from thingmarket.catalog.ranking import Candidate, candidate_of, scored
from thingmarket.errors import Code, Refusal
from thingmarket.identity.effective import EffectiveMandate
from thingmarket.identity.mandates import Action
from thingmarket.limits import ALTERNATIVES_MAX, INTEGER_MAX
from thingmarket.policy.acts import Act
from thingmarket.policy.authorize import authorize
from thingmarket.policy.decision import Verdict
from thingmarket.policy.rules import RULES
from thingmarket.time import UnixMs
from thingmarket.wire.listings import OfferSeen

Bars = Callable[[OfferSeen, int], str]
"""The rule by which an owner forbids to buy so many steps of an offer; empty when none does."""

_OF_HIMSELF: Final = "BUY-4"
_RULES: Final = {**RULES, _OF_HIMSELF: "Who sells is not the buyer's own owner."}
_ASSURANCE_UNKNOWN: Final = INTEGER_MAX  # the node alone knows it, and decides


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The choice among the offers that were found, with all that is needed to order."""

    need: Need
    choice: Choice
    offers: tuple[OfferSeen, ...]

    @property
    def offer(self) -> OfferSeen:
        """The chosen offer (NEED_NOT_MET when none can be bought; says why of the best one)."""
        for seen in self.offers:
            if seen.digest == self.choice.chosen:
                return seen
        why = next((one.barred for one in self.choice.ranked if one.barred), "")
        rule = why.rpartition(" [")[2].removesuffix("]") if why.endswith("]") else ""
        reason = f"none of {len(self.offers)} offers can be bought" + (f": {why}" if why else "")
        raise Refusal(Code.NEED_NOT_MET, reason, rule)

    @property
    def askable(self) -> tuple[tuple[bytes, tuple[str, ...]], ...]:
        """Offers that may fit, best first, with the names of the facts that their sellers can be asked for.

        A fact that is stated in another unit is no question: the seller has answered it.
        """
        found = ((one.candidate.digest, one.fit) for one in self.choice.ranked)
        named = (
            (digest, tuple(sorted(name for name in fit.missing if ":" not in name and name != "category")))
            for digest, fit in found
            if not fit.failed
        )
        return tuple((digest, names) for digest, names in named if names)


@dataclass(frozen=True, slots=True)
class OwnBars:
    """An owner buys what he likes, but not of himself."""

    owner: str

    def __call__(self, seen: OfferSeen, _steps: int) -> str:
        """The rule by which nobody buys his own."""
        return _OF_HIMSELF if seen.seller_owner == self.owner else ""


def nothing_barred(_seen: OfferSeen, _steps: int) -> str:
    """For who may buy nothing at all: the node says so."""
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateBars:
    """What a mandate forbids, as far as a device can know it: what was spent before only the node counts."""

    mandate: EffectiveMandate
    node: str
    now_ms: UnixMs

    def __call__(self, seen: OfferSeen, steps: int) -> str:
        """The rule that denies; one that asks for approval bars nothing, since the owner may say yes."""
        if seen.seller_owner == self.mandate.root_owner:
            return _OF_HIMSELF
        offer = seen.stated
        act = Act(
            action=Action.BUY,
            time_ms=self.now_ms,
            node=self.node,
            category=offer.category,
            counterparty=seen.seller_owner,
            product_id=offer.product_id,
            currency=offer.currency,
            payable_minor=price(offer, steps, seen.tax_basis_points).total_minor,
            price_minor=offer.price_minor,
            price_base_steps=offer.price_base_steps,
            unit=offer.unit,
            unit_scale=offer.unit_scale,
            quantity_steps=steps,
            counterparty_assurance=_ASSURANCE_UNKNOWN,
            delivery_ms=offer.delivery_ms,
            attributes=offer.attributes,
        )
        decision = authorize(self.mandate, act, {})
        return decision.rules[0] if decision.verdict is Verdict.DENY else ""


def candidate(need: Need, seen: OfferSeen) -> Candidate | None:
    """An offer, with what its seller has answered, at its total for what the need asks; None without one."""
    return candidate_of(
        need,
        seen.stated,
        digest=seen.digest,
        stock_steps=seen.stock_steps,
        tax_basis_points=seen.tax_basis_points,
        seller=seen.seller_owner,
    )


def choose_among(need: Need, offers: Sequence[OfferSeen], bars: Bars = nothing_barred) -> Chosen:
    """Choose by the need among the offers that the owner's rules allow; the others are kept as barred.

    The price of each wish is reckoned among the same offers. NOT_EXACT for allowed ones in several
    currencies.
    """
    found = {one.digest: one for seen in offers if (one := candidate(need, seen)) is not None}
    rules = barred_by(need, offers, bars)
    allowed = [one for digest, one in found.items() if not rules.get(digest)]
    choice = with_prices(need, allowed, choose(need, allowed, ALTERNATIVES_MAX))
    barred = [
        replace(one, barred=one.barred or f"not so: {_RULES[rules[digest]]} [{rules[digest]}]")
        for digest, one in ((digest, scored(need, found[digest])) for digest in found if rules.get(digest))
    ]
    barred.sort(key=lambda one: one.place)
    ranked = (*choice.ranked, *barred)[:ALTERNATIVES_MAX]
    kept = replace(choice, ranked=ranked, looked_at=len(found))
    return Chosen(need=need, choice=kept, offers=tuple(offers))


def barred_by(need: Need, offers: Sequence[OfferSeen], bars: Bars) -> Mapping[bytes, str]:
    """The rule that forbids each offer; one whose quantity has no price is barred by the need itself."""
    rules: dict[bytes, str] = {}
    for seen in offers:
        steps = steps_in_offer(need, seen.offer)
        if steps is None or not seen.offer.min_steps <= steps <= seen.offer.max_steps:
            continue
        try:
            rules[seen.digest] = bars(seen, steps)
        except Refusal:
            continue  # too small or too large to have a price
    return rules
