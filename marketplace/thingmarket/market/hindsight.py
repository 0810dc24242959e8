"""Purchases of an owner's things as the log decided them, with all that the rules looked at. [PRE-2]"""

from collections.abc import Iterable, Iterator

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


def past_acts(entries: Iterable[Entry], owner: PartyId, thing: PartyId | None = None) -> Iterator[PastAct]:
    """Follow a log from its first entry; one past act for each purchase that the owner's rules decided.

    What was refused before the rules were asked (no such offer, a wrong total) is left out.
    """
    market = Market()
    for entry in entries:
        act = _act(market, entry, owner, thing)
        decision = market.apply(entry).decision
        if act is not None and decision is not None:
            yield PastAct(seq=entry.seq, act=act, verdict=Verdict(decision.verdict), rule=decision.rules[0])


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
