"""Follows entries with their outcomes, and says which of them cannot be right."""

from thingmarket.billing.commands import OpenProgramme, Refund
from thingmarket.catalog.needs import Need
from thingmarket.catalog.offers import Offer, WithdrawOffer
from thingmarket.contract.approvals import AgreeToCosign, Approve, PendingId
from thingmarket.contract.cancelling import Cancel
from thingmarket.contract.feedback import AskFeedback, GiveFeedback
from thingmarket.contract.orders import AcceptDelivery, Deposit, Fulfil, Purchase
from thingmarket.contract.personas import SetPersona
from thingmarket.contract.standing import EndStandingOrder, OpenStandingOrder
from thingmarket.errors import Code, code_name
from thingmarket.identity.autonomy import LowerAutonomy
from thingmarket.identity.commands import AdmitParty, PresentMandate, Revoke
from thingmarket.identity.mandates import Action
from thingmarket.identity.parties import known_party
from thingmarket.identity.things import ClaimThing, RegisterDevice, RegisterThing, SetThingState
from thingmarket.ids import ContractId, Digest, PartyId
from thingmarket.market.entries import Command, Entry, Genesis, NoticeKind, Outcome
from thingmarket.policy.guards import NO_GUARDS, SetGuards
from thingmarket.policy.malfunctions import ReportMalfunction
from thingmarket.settlement.accounts import AccountKind
from thingmarket.trading.commands import (
    DeclareGoods,
    DerivedState,
    OpenMarket,
    PlaceOrders,
    SetMarketState,
    WithdrawGoods,
)
from thingmarket.trading.frame import statuses_of
from thingmarket_node.sim.oracle import (
    agreeing,
    buying,
    clock,
    frames,
    owning,
    paying,
    performing,
    permits,
    standing,
    trades,
    venues,
)
from thingmarket_node.sim.oracle.memory import Memory
from thingmarket_node.sim.oracle.permits import ASKS, GRANTED, REFUSED, TRIPPED
from thingmarket_node.sim.oracle.rows import Given, Listed, Points, Sale, Wanted
from thingmarket_node.sim.oracle.trades import InHand
from thingmarket_node.sim.world import require

_SAID = {TRIPPED: Code.GUARD_TRIPPED, owning.MISSED: Code.WRONG_CLAIM_CODE}


class Oracle:
    """Reckons with every entry what it must come to, and what then is."""

    def __init__(self) -> None:
        """Start before the genesis."""
        self.memory = Memory()

    @property
    def open(self) -> int:
        """Contracts that are not final, orders that wait, and orders that come again."""
        memory = self.memory
        waits = sum(asked.state == "PENDING" for asked in memory.waiting.values())
        comes = sum(one.state == "ACTIVE" for one in memory.standing.values())
        return waits + comes + sum(sale.is_open for sale in memory.sales.values())

    def follow(self, entry: Entry, outcome: Outcome) -> None:
        """Take one entry; what it came to must be what it had to come to."""
        content, now_ms, memory = entry.content, entry.time_ms, self.memory
        if isinstance(content, Genesis):
            memory.rates, memory.charges = dict(content.tax_basis_points), content.charges
            memory.node = known_party(content.node).id
            memory.known(memory.node)
            return
        venues.check_derived(memory, content, entry.seq)
        if isinstance(content, Command):
            late = clock.overdue(memory, now_ms)
            require(not late, "deadline", f"{late} should have fired before entry {entry.seq}")
            verdict = self._judge(content, now_ms)
            if verdict is not None:
                _compare(verdict, content, outcome, entry.seq)
            self._apply(content, outcome, verdict, now_ms, entry.seq)
        elif isinstance(content, DerivedState):
            trades.halt(memory, memory.venues[content.market], now_ms)
        else:
            clock.fire(memory, now_ms, entry.seq, list(outcome.notices))
        trades.sweep(memory)
        venues.check_events(memory, outcome.events, entry.seq)
        made = sorted(memory.made, key=lambda sale: sale.name)
        memory.made.clear()
        permits.learn(memory, made)

    # --- what may be

    def _judge(self, command: Command, now_ms: int) -> str | None:
        """What must come of a command; None where the oracle has no opinion."""
        memory, body, sender = self.memory, command.body, command.header.sender
        match body:
            case Deposit():
                return GRANTED if sender == memory.node else None
            case AdmitParty() | Revoke():
                return None
            case Approve():
                return _verdict(buying.may_speak(memory, body, sender))
            case AgreeToCosign():
                return _verdict(agreeing.may_agree(memory, body, sender))
            case SetPersona() | LowerAutonomy():
                return _verdict(sender in memory.owners)
            case SetGuards():
                return _verdict(sender in memory.owners and permits.owns(memory, sender, PartyId(body.thing)))
            case PresentMandate():
                return owning.may_present(memory, command, body, now_ms)
            case RegisterDevice():
                return owning.may_register_device(memory, body, sender)
            case ClaimThing():
                return owning.may_claim(memory, body, sender)
            case RegisterThing():
                return owning.may_register(memory, command)
            case SetThingState():
                return owning.may_order(memory, body, sender)
            case ReportMalfunction():
                return owning.may_report(memory, command, body)
            case OpenMarket() | SetMarketState():
                return _verdict(sender == memory.node and venues.may_be(memory, body))
        owner, given = memory.acting(command)
        if owner is None:
            return REFUSED
        return self._judge_trade(command, owner, given, now_ms)

    def _judge_trade(self, command: Command, owner: PartyId, given: Given | None, now_ms: int) -> str | None:
        memory, body, sender = self.memory, command.body, command.header.sender
        match body:
            case Purchase():
                order = buying.order_of(memory, command, body, now_ms)
                return REFUSED if order is None else buying.judge(memory, order)
            case OpenStandingOrder():
                return standing.may_open(memory, command, body, now_ms)
            case EndStandingOrder():
                one = memory.standing.get(body.standing_order)
                return _verdict(
                    one is not None
                    and one.owner == owner
                    and sender in (one.buyer, one.owner)
                    and one.state != "ENDED"
                )
            case OpenProgramme():
                return _verdict(sender == owner and owner not in memory.points)
            case Offer():
                return None if permits.may(memory, given, Action.SELL, now_ms) else REFUSED
            case WithdrawOffer():
                listed = memory.offers.get(Digest(body.offer))
                mine = listed is not None and listed.owner == owner and sender in (listed.seller, owner)
                good = mine and listed is not None and listed.state == "LIVE"
                return _verdict(good and permits.may(memory, given, Action.SELL, now_ms))
            case Need():
                free = not body.slot or standing.slot_is_free(memory, sender, body.slot)
                return None if free and permits.may(memory, given, Action.ANNOUNCE, now_ms) else REFUSED
            case PlaceOrders():
                return _verdict(frames.may_place(memory, body, sender, given))
            case DeclareGoods() | WithdrawGoods():
                there = venues.may_move_goods(memory, body, owner)
                return _verdict(there and permits.may(memory, given, Action.SELL, now_ms))
            case Fulfil() | AcceptDelivery() | Cancel() | Refund() | GiveFeedback() | AskFeedback():
                sale = memory.sales.get(ContractId(body.contract))
                side = memory.side(sale, sender, owner) if sale is not None else ""
                return _verdict(
                    sale is not None and bool(side) and self._may_follow(sale, side, body, given, now_ms)
                )
        return None

    def _may_follow(
        self,
        sale: Sale,
        side: str,
        body: Fulfil | AcceptDelivery | Cancel | Refund | GiveFeedback | AskFeedback,
        given: Given | None,
        now_ms: int,
    ) -> bool:
        """Whether a side may do something about its sale."""
        memory = self.memory
        match body:
            case Fulfil():
                good, action = side == "seller" and performing.may_fulfil(sale, body), Action.SELL
            case AcceptDelivery():
                there = performing.delivered_part(sale, body) is not None
                good, action = side == "buyer" and there, Action.ACCEPT_DELIVERY
            case Cancel():
                due = performing.cancel_fees(memory, sale, now_ms)
                affordable = due is not None and sum(due.values()) <= body.max_fee_minor
                good, action = side == "buyer" and affordable, Action.CANCEL
            case Refund():
                possible = side == "seller" and not paying.refusable(memory, sale, body)
                good, action = possible, Action.SELL
            case _:
                good, action = performing.may_rate(memory, sale, side, body), Action.FEEDBACK
        return good and permits.may(memory, given, action, now_ms)

    # --- what then is

    def _apply(self, command: Command, outcome: Outcome, verdict: str | None, now_ms: int, seq: int) -> None:
        memory, body = self.memory, command.body
        if outcome.code:
            _, given = memory.acting(command)
            if verdict == TRIPPED and given is not None:
                permits.trip(memory, given)
            elif verdict == owning.MISSED and isinstance(body, ClaimThing):
                memory.devices[PartyId(body.thing)].tries += 1
            return
        match body:
            case Purchase():
                order = buying.order_of(memory, command, body, now_ms)
                assert order is not None, "judged before"
                if outcome.pending:
                    buying.wait(memory, order, PendingId(outcome.reference))
                else:
                    buying.buy(memory, order, ContractId(outcome.reference), seq)
            case Approve():
                self._speak(body, command, outcome, now_ms, seq)
            case Fulfil() | AcceptDelivery() | Cancel() | Refund() | GiveFeedback() | AskFeedback():
                self._follow_sale(memory.sales[ContractId(body.contract)], body, now_ms)
            case OpenStandingOrder():
                standing.opened(memory, command, body, outcome.reference, now_ms)
            case EndStandingOrder():
                memory.standing[body.standing_order].state = "ENDED"
            case PlaceOrders():
                told = statuses_of(outcome.statuses)
                made = frames.place(memory, command, body, InHand(now_ms, seq, _contracts_of(outcome)))
                require(list(told) == made, "statuses", f"entry {seq}: {list(told)}, not {made}")
                for status in map(code_name, told):
                    memory.statuses[status] = memory.statuses.get(status, 0) + 1
            case OpenMarket() | SetMarketState() | DeclareGoods() | WithdrawGoods():
                venues.apply(memory, body, memory.acting(command)[0] or command.header.sender, now_ms)
            case _:
                self._list(command, outcome)
                self._own(command, now_ms)

    def _speak(self, body: Approve, command: Command, outcome: Outcome, now_ms: int, seq: int) -> None:
        order = buying.speak(self.memory, body, command.header.sender, now_ms=now_ms)
        made = [one.reference for one in outcome.notices if one.kind is NoticeKind.CONTRACT]
        said = f"an approved order became a contract: {bool(made)}"
        require(bool(made) == (order is not None), "judgement", said)
        if order is not None:
            buying.buy(self.memory, order, ContractId(made[0]), seq, counted=True)
            self.memory.waiting[PendingId(body.pending)].contract = made[0]

    def _follow_sale(
        self,
        sale: Sale,
        body: Fulfil | AcceptDelivery | Cancel | Refund | GiveFeedback | AskFeedback,
        now_ms: int,
    ) -> None:
        memory = self.memory
        match body:
            case Fulfil():
                performing.fulfil(memory, sale, body, now_ms)
            case AcceptDelivery():
                part = performing.delivered_part(sale, body)
                assert part is not None, "judged before"
                performing.settle(memory, sale, part, "ACCEPTED", now_ms)
            case Cancel():
                performing.cancel(memory, sale, body, now_ms)
            case Refund():
                paying.refund(memory, sale, body)
            case GiveFeedback():
                memory.rated[sale.name] = "GIVEN"
            case AskFeedback():
                memory.rated[sale.name] = "ASKED"

    def _list(self, command: Command, outcome: Outcome) -> None:
        """What is offered, wanted and brought in."""
        memory, body, sender = self.memory, command.body, command.header.sender
        owner = memory.acting(command)[0] or sender
        match body:
            case Offer():
                leaf = command.header.mandate_leaf
                listed = Listed(body, sender, owner, leaf, body.stock_steps)
                memory.offers[Digest(outcome.reference)] = listed
            case WithdrawOffer():
                memory.offers[Digest(body.offer)].state = "WITHDRAWN"
            case Need():
                memory.needs[outcome.reference] = Wanted(body, sender, owner)
            case OpenProgramme():
                memory.points[owner] = Points(body)
            case Deposit():
                require(body.request not in memory.deposits, "paid-once", "money of one request came twice")
                memory.deposits.add(body.request)
                outside = (AccountKind.EXTERNAL, memory.node, b"")
                memory.move(outside, paying.wallet_of(PartyId(body.owner)), body.amount_minor)

    def _own(self, command: Command, now_ms: int) -> None:
        """What owners and things say about themselves."""
        memory, body, sender = self.memory, command.body, command.header.sender
        match body:
            case AdmitParty():
                memory.owners.add(sender)
                memory.known(sender)
            case PresentMandate():
                memory.known(sender)
                owning.present(memory, body)
            case Revoke():
                owning.revoke(memory, sender, body, now_ms)
            case LowerAutonomy():
                owning.lower(memory, sender, body, now_ms)
            case AgreeToCosign():
                agreeing.agree(memory, body, sender)
            case SetPersona():
                memory.personas[sender, body.thing] = body.persona
            case SetGuards():
                memory.guards[sender, PartyId(body.thing)] = body.guards
                if body.guards == NO_GUARDS:
                    del memory.guards[sender, PartyId(body.thing)]
            case RegisterDevice():
                memory.known(sender)
                owning.register_device(memory, body, sender, now_ms)
            case ClaimThing():
                owning.claim(memory, body, sender)
            case RegisterThing():
                owning.register(memory, command, body)
            case SetThingState():
                owning.order(memory, body, sender, now_ms)
            case ReportMalfunction():
                owning.report(memory, command, body)


def _contracts_of(outcome: Outcome) -> list[ContractId]:
    """The contracts that an entry tells of, each of which two owners hear of."""
    told = [one.reference for one in outcome.notices if one.kind is NoticeKind.CONTRACT]
    return [ContractId(name) for name in dict.fromkeys(told)]


def _verdict(good: bool) -> str:
    return GRANTED if good else REFUSED


def _compare(verdict: str, command: Command, outcome: Outcome, seq: int) -> None:
    what = f"entry {seq}: {type(command.body).__name__}"
    granted = verdict in (GRANTED, ASKS)
    require(granted == (outcome.code == 0), "judgement", f"{what} came to {outcome.code}, not {verdict}")
    require(outcome.pending == (verdict == ASKS), "judgement", f"{what} waits, or does not")
    wanted = _SAID.get(verdict)
    right = wanted is None or outcome.code == wanted
    require(right, "judgement", f"{what} came to {outcome.code}, not {wanted}")
    for_guard = outcome.code == Code.GUARD_TRIPPED
    require(not for_guard or verdict == TRIPPED, "judgement", f"{what} tripped a guard that holds")
