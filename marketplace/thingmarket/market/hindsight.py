"""Purchases of an owner's things as the log decided them, with all that the rules looked at. [PRE-2]"""

from collections.abc import Iterable
from dataclasses import replace

from thingmarket.contract.approvals import PendingId
from thingmarket.contract.orders import Purchase
from thingmarket.errors import Refusal
from thingmarket.ids import PartyId
from thingmarket.market.authority import authority_of
from thingmarket.market.entries import Command, Entry
from thingmarket.market.market import Market
from thingmarket.market.purchases import act_of, checked_order
from thingmarket.policy.acts import Act
from thingmarket.policy.decision import Verdict
from thingmarket.policy.preview import PastAct


def past_acts(entries: Iterable[Entry], owner: PartyId, thing: PartyId | None = None) -> tuple[PastAct, ...]:
    """Follow a log from its first entry; one past act for each purchase that the owner's rules decided.

    What was refused before the rules were asked (no such offer, a wrong total) is left out.
    """
    market = Market()
    found: list[PastAct] = []
    waited: dict[int, PendingId] = {}
    for entry in entries:
        act = _act(market, entry, owner, thing)
        outcome = market.apply(entry)
        decision = outcome.decision
        if act is None or decision is None:
            continue
        if outcome.pending:
            waited[len(found)] = PendingId(outcome.reference)
        verdict, bought = Verdict(decision.verdict), not (outcome.code or outcome.pending)
        found.append(PastAct(seq=entry.seq, act=act, verdict=verdict, rule=decision.rules[0], bought=bought))
    for place, name in waited.items():
        order = market.state.pendings.get(name)  # what came to nothing is forgotten some day
        found[place] = replace(found[place], bought=order is not None and bool(order.contract))
    return tuple(found)


def _act(market: Market, entry: Entry, owner: PartyId, thing: PartyId | None) -> Act | None:
    command, state = entry.content, market.state
    if not isinstance(command, Command) or not isinstance(command.body, Purchase):
        return None
    if thing is not None and command.header.sender != thing:
        return None
    try:
        authority = authority_of(state, command, entry.time_ms)
        if authority.owner != owner or authority.mandate is None:
            return None
        sender = command.header.sender
        order = checked_order(state, sender, command.body, command.body_digest, authority)
    except Refusal:
        return None
    return act_of(state, order, authority)
