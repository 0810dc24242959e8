"""What a mandate asks of an offer: assurance, agreed items, certificates, delivery, warranty, emissions."""

from typing import Final

from thingmarket.catalog.attributes import ScaledInteger
from thingmarket.identity.effective import Term
from thingmarket.identity.mandates import CERTIFICATE_PREFIX
from thingmarket.policy.decision import Fact
from thingmarket.policy.question import NOT_STATED, WHOLE_UNIT, Check, Question, all_allow

WARRANTY: Final = "warranty"
CO2: Final = "co2"


def _assurance(q: Question) -> bool:
    q.facts.extend(
        (
            Fact("assurance", q.act.counterparty_assurance),
            Fact("assurance.asked", q.mandate.min_assurance),
        )
    )
    return q.act.counterparty_assurance >= q.mandate.min_assurance


def _certificates(q: Question) -> bool:
    stated = {attribute.name: attribute.value for attribute in q.act.attributes}
    for certificate in q.mandate.required_certificates:
        name = CERTIFICATE_PREFIX + certificate
        if stated.get(name) is not True:
            q.facts.append(Fact(name, NOT_STATED))
            return False
    return True


def _delivery(q: Question) -> bool:
    q.facts.extend(
        (Fact("delivery_ms", q.act.delivery_ms), Fact("delivery_ms.allowed", q.mandate.delivery_max_ms))
    )
    return q.act.delivery_ms <= q.mandate.delivery_max_ms


def _warranty(q: Question) -> bool:
    return _measured(q, WARRANTY, "DAY", at_least=q.mandate.warranty_min_days)


def _co2(q: Question) -> bool:
    return _measured(q, CO2, "GRM", at_most=q.mandate.co2_max_grams)


def _measured(
    q: Question, name: str, unit: str, *, at_least: int | None = None, at_most: int | None = None
) -> bool:
    """Compare a number that the offer states with a limit in whole units; unstated, it does not hold."""
    for attribute in q.act.attributes:
        value = attribute.value
        if attribute.name == name and isinstance(value, ScaledInteger) and value.unit == unit:
            q.facts.append(Fact(name, str(value)))
            whole: int = 10**value.scale
            if at_least is not None:
                q.facts.append(Fact(f"{name}.asked", at_least))
                return value.steps >= at_least * whole
            assert at_most is not None, "one of the two is given"
            q.facts.append(Fact(f"{name}.allowed", at_most))
            return value.steps <= at_most * whole
    q.facts.append(Fact(name, NOT_STATED))
    return False


def _account(q: Question) -> bool:
    return q.mandate.may_pay


def _item(q: Question) -> bool:
    q.facts.extend((Fact("item.product", q.act.product_id), Fact("item.unit", q.act.unit)))
    # A list has a product at most once per currency; no list at all means that nothing was agreed.
    return len(q.items) == len(q.mandate.bound_items) > 0


def _item_seller(q: Question) -> bool:
    return all_allow(tuple([item.sellers for item in q.items]), q.act.counterparty)


def _item_price(q: Question) -> bool:
    act = q.act
    assert act.price_minor > 0 < act.price_base_steps, "an offer has a price"
    allowed = min([item.max_unit_price_minor for item in q.items])
    q.facts.extend(
        (
            Fact("item.price", act.price_minor),
            Fact("item.price_steps", act.price_base_steps),
            Fact("item.price_allowed", allowed),
        )
    )
    return act.price_minor * WHOLE_UNIT[act.unit_scale] <= allowed * act.price_base_steps


def _item_quantity(q: Question) -> bool:
    allowed = min([item.max_quantity_steps for item in q.items])
    q.facts.extend((Fact("item.quantity", q.act.quantity_steps), Fact("item.quantity_allowed", allowed)))
    return q.act.quantity_steps <= allowed


# In their order; a rule with a term is looked at only where that term can refuse something.
BUYS: Final[tuple[tuple[str, Check, Term | None], ...]] = (
    ("PAR-3", _assurance, Term.ASSURANCE),
    ("CRT-1", _certificates, Term.CERTIFICATES),
    ("SLA-1", _delivery, Term.DELIVERY),
    ("SLA-2", _warranty, Term.WARRANTY),
    ("SLA-3", _co2, Term.CO2),
    ("ACC-1", _account, Term.ACCOUNT),
)
ITEMS: Final[tuple[tuple[str, Check, None], ...]] = (
    ("ITM-1", _item, None),
    ("ITM-2", _item_seller, None),
    ("ITM-3", _item_price, None),
    ("ITM-4", _item_quantity, None),
)
