"""The root of the market: entries in, outcomes out, nothing else. [LOG-3]"""

from collections.abc import Sequence
from typing import assert_never

from thingmarket.billing.commands import Convert, OpenProgramme, PublishRate, Refund
from thingmarket.catalog.needs import Need, WithdrawNeed
from thingmarket.catalog.offers import Offer, WithdrawOffer
from thingmarket.catalog.questions import AnswerFacts, AskFacts
from thingmarket.contract.approvals import AgreeToCosign, Approve
from thingmarket.contract.cancelling import Cancel
from thingmarket.contract.feedback import AskFeedback, GiveFeedback
from thingmarket.contract.orders import AcceptDelivery, Deposit, Erase, Fulfil, FundRequest, Purchase
from thingmarket.contract.personas import SetPersona
from thingmarket.contract.shadow import ProposeChoice
from thingmarket.contract.standing import EndStandingOrder, OpenStandingOrder
from thingmarket.errors import Code, Refusal
from thingmarket.identity.autonomy import LowerAutonomy
from thingmarket.identity.commands import AdmitParty, PresentMandate, Revoke
from thingmarket.identity.parties import Role, known_party
from thingmarket.identity.things import ClaimThing, RegisterDevice, RegisterThing, SetThingState
from thingmarket.ids import Digest, NetworkId
from thingmarket.limits import TIMERS_PER_ENTRY_MAX
from thingmarket.market import (
    approvals,
    autonomy,
    book_effects,
    cancelling,
    contracts,
    cosigners,
    cosigning,
    deliveries,
    exchange,
    facts,
    feedback,
    funding,
    goods,
    guards,
    listings,
    market_states,
    order_frames,
    parties,
    personas,
    points,
    purchases,
    refunds,
    settling,
    shadow,
    standing_orders,
    stopped,
    thing_orders,
    things,
)
from thingmarket.market.answers import forget_time_ms
from thingmarket.market.authority import Authority, authority_of
from thingmarket.market.bodies import ListingBody, ThingBody, TradeBody
from thingmarket.market.denied import Counted, Denied, count
from thingmarket.market.entries import Command, Entry, Genesis, Notice, Outcome, RulesSwitch, TimersDue
from thingmarket.market.records import Answer, PartyRecord, TimerKind
from thingmarket.market.result import Result
from thingmarket.market.seats import recall_frame
from thingmarket.market.state import State
from thingmarket.policy.guards import SetGuards
from thingmarket.policy.malfunctions import ReportMalfunction
from thingmarket.time import UnixMs
from thingmarket.trading.commands import (
    DeclareGoods,
    DerivedState,
    OpenMarket,
    PlaceOrders,
    SetMarketState,
    WithdrawGoods,
)
from thingmarket.values import changed

RULES_KNOWN = (3,)
"""Behaviours that this software can replay."""


def check_rules(rules: int) -> None:
    """Refuse a log whose behaviour this version does not know (OUT_OF_RANGE). [LOG-7]"""
    if rules not in RULES_KNOWN:
        known = ", ".join(map(str, RULES_KNOWN))
        reason = f"the log is of rules {rules}, this version knows {known}; run the version that wrote it"
        raise Refusal(Code.OUT_OF_RANGE, f"{reason}, or make a new node", "LOG-7")


class Market:
    """One deterministic state machine: the same entries give the same outcomes and the same roots."""

    def __init__(self, state: State | None = None) -> None:
        """Start empty, or from a restored state."""
        self.state = state or State()

    def next_deadline_ms(self) -> int | None:
        """When the next TimersDue entry is due, Unix milliseconds; None when nothing is open."""
        found = (self.state.timers.next_deadline_ms(), self.state.answers.next_deadline_ms())
        return min((deadline for deadline in found if deadline is not None), default=None)

    def derived(self) -> DerivedState | None:
        """What the very next entry has to be, before anything that waits; None: anything. [MKT-9]"""
        return market_states.derived(self.state)

    def recall(self, command: Command, now_ms: UnixMs) -> Answer | None:
        """What a command came to that was decided before; None: it is new (KEY_CONFLICT and kin). [ID-11]"""
        if isinstance(command.body, PlaceOrders):
            return recall_frame(self.state, command, command.body)
        return self.state.answers.recall(command.header.sender, command.key, command.body_digest, now_ms)

    def apply(self, entry: Entry) -> Outcome:
        """Apply the next entry. A refusal is an outcome too, and changes nothing but the answer."""
        state, content = self.state, entry.content
        assert entry.seq == state.seq + 1, f"entry {entry.seq} after {state.seq}"
        assert entry.time_ms >= state.time_ms, "entry time never runs backwards"
        assert isinstance(content, DerivedState) == (self.derived() is not None), "a derived entry is next"
        if isinstance(content, Command):
            outcome = self._command(entry, content)
        else:
            outcome = Outcome(seq=entry.seq, notices=self._other(entry, content))
        if state.books.has_news:  # the entry stands: who was stopped in it has no orders any more
            told = stopped.cancel_orders(state, entry.time_ms)
            outcome = changed(outcome, notices=outcome.notices + told) if told else outcome
        if state.books.events:
            outcome = changed(outcome, events=state.books.take_events())
        if state.experience.has_news:  # the entry stands: what it made is learnt from
            told = things.learn(state, entry.seq, entry.time_ms)
            outcome = changed(outcome, notices=outcome.notices + told) if told else outcome
        state.undo.forget()
        state.seq, state.time_ms = entry.seq, entry.time_ms
        return outcome

    def _other(
        self, entry: Entry, content: Genesis | TimersDue | RulesSwitch | DerivedState
    ) -> tuple[Notice, ...]:
        match content:
            case DerivedState():
                return market_states.halt(self.state, content, entry.time_ms)
            case Genesis():
                self._genesis(entry, content)
            case TimersDue():
                return self._fire(entry)
            case RulesSwitch():
                check_rules(content.rules)
                assert content.rules > self.state.rules, "rules only grow"
                self.state.rules = content.rules
            case _:
                assert_never(content)
        return ()

    def _genesis(self, entry: Entry, genesis: Genesis) -> None:
        state = self.state
        assert entry.seq == 1, "a genesis is the first entry"
        check_rules(genesis.rules)
        node = known_party(genesis.node)
        state.network_id, state.node, state.rules = NetworkId(genesis.network_id), node.id, genesis.rules
        state.currencies, state.tax_basis_points = genesis.currencies, dict(genesis.tax_basis_points)
        record = PartyRecord(id=node.id, number=1, public_key=node.public_key, role=Role.NODE, seq=entry.seq)
        state.parties.put(node.id, record)
        state.probation, state.charges = genesis.probation, genesis.charges
        state.answers.operator = node.id
        settling.open_operator_accounts(state)

    def _fire(self, entry: Entry) -> tuple[Notice, ...]:
        """Fire what is due, in the order (deadline, kind, id); what is too many fires in the next entry."""
        state, notices = self.state, list[Notice]()
        turn = state.turns if state.time_ms == entry.time_ms else 0
        for _ in range(TIMERS_PER_ENTRY_MAX):
            timer = state.timers.take_due(entry.time_ms)
            if timer is None:
                break
            _, kind, reference = timer
            notices += self._due(entry, kind, reference, turn)
            turn += kind is TimerKind.STANDING_ORDER
        state.turns = turn
        state.answers.forget_due(entry.time_ms)
        state.ledger.forget(entry.time_ms)
        return tuple(notices)

    def _due(self, entry: Entry, kind: TimerKind, reference: bytes, turn: int) -> Sequence[Notice]:
        state, seq, now_ms = self.state, entry.seq, entry.time_ms
        match kind:
            case TimerKind.DELIVERY | TimerKind.INSPECTION:
                return deliveries.deadline(state, kind, reference, seq, now_ms)
            case TimerKind.START:
                return contracts.start(state, reference, seq)
            case TimerKind.STANDING_ORDER:
                return standing_orders.due(state, reference, seq, now_ms, turn)
            case TimerKind.OFFER:
                return listings.offer_due(state, Digest(reference), now_ms)
            case TimerKind.NEED:
                return listings.need_due(state, Digest(reference), now_ms)
            case TimerKind.QUESTION:
                return facts.question_due(state, Digest(reference), now_ms)
            case TimerKind.MANDATE:
                return parties.mandate_expired(state, Digest(reference), now_ms)
            case TimerKind.APPROVAL:
                return approvals.deadline(state, reference, seq, now_ms)
            case TimerKind.RESERVE:
                return settling.reserve_over(state, reference, now_ms)
            case TimerKind.POINTS:
                return points.idle(state, reference, now_ms)
            case TimerKind.RATE:
                return exchange.rate_over(state, Digest(reference), now_ms)
            case TimerKind.CLAIM:
                things.unclaimed(state, reference)
                return ()
            case TimerKind.ORDER:
                return book_effects.expired(state, reference, now_ms)
            case TimerKind.AUCTION:
                return market_states.auction_due(state, reference, now_ms)
            case TimerKind.MARKET:
                return market_states.market_due(state, reference, now_ms)
            case _:
                assert_never(kind)

    def _command(self, entry: Entry, command: Command) -> Outcome:
        due = self.next_deadline_ms()
        assert due is None or due > entry.time_ms, "an open deadline fires before any other entry"
        try:
            result = self._handle(entry, command)
        except Refusal as refusal:
            self.state.undo.roll_back()
            outcome = Outcome(
                seq=entry.seq,
                code=refusal.number,
                reason=refusal.reason,
                rule=refusal.rule,
                decision=refusal.decision if isinstance(refusal, Denied) else None,
                notices=count(self.state, refusal) if isinstance(refusal, Counted) else (),
            )
        else:
            outcome = Outcome(
                seq=entry.seq,
                reference=result.reference,
                decision=result.decision,
                notices=result.notices,
                pending=result.pending,
                statuses=result.statuses,
            )
        self._remember(entry, command, outcome)
        return outcome

    def _remember(self, entry: Entry, command: Command, outcome: Outcome) -> None:
        if isinstance(command.body, PlaceOrders):
            return  # a frame that was taken is remembered by its number, and one that was not is new again
        answer = Answer(
            body_digest=command.body_digest,
            signed_digest=command.signed_digest,
            seq=entry.seq,
            time_ms=entry.time_ms,
            forget_ms=forget_time_ms(entry.time_ms),
            code=outcome.code,
            reason=outcome.reason,
            rule=outcome.rule,
            reference=outcome.reference,
            pending=outcome.pending,
        )
        self.state.answers.remember(command.header.sender, command.key, answer)

    def _handle(self, entry: Entry, command: Command) -> Result:
        state, body, now_ms = self.state, command.body, entry.time_ms
        match body:
            case AdmitParty():
                return parties.admit(state, command, body, entry.seq)
            case PresentMandate():
                return parties.present(state, command, body, entry.seq, now_ms)
            case Revoke():
                return parties.revoke(state, command, body, now_ms)
            case Erase():
                return parties.erase(state, command, now_ms)
            case PublishRate():
                return exchange.publish_rate(state, command, body, entry.seq, now_ms)
            case Convert():
                return exchange.convert(state, command, body, now_ms)
            case Deposit():
                return funding.deposit(state, command, body, now_ms)
            case RegisterDevice() | ClaimThing() | RegisterThing() | SetThingState() | ReportMalfunction():
                return self._things(entry, command, body)
            case Approve():
                return cosigning.answer(state, command, body, entry.seq, now_ms)
            case AgreeToCosign():
                return cosigners.agree(state, command, body, entry.seq)
            case SetPersona():
                return personas.set_persona(state, command, body)
            case SetGuards():
                return guards.set_guards(state, command, body)
            case LowerAutonomy():
                return autonomy.lower_autonomy(state, command, body, now_ms)
            case OpenMarket():
                return market_states.open_market(state, command, body, entry.seq, now_ms)
            case SetMarketState():
                return market_states.set_state(state, command, body, now_ms)
            case FundRequest():
                raise AssertionError("a fund request is collected: the log has the operator's deposit")
            case _:
                return self._trade(entry, command, body)

    def _things(self, entry: Entry, command: Command, body: ThingBody) -> Result:
        state, seq, now_ms = self.state, entry.seq, entry.time_ms
        match body:
            case RegisterDevice():
                return things.register_device(state, command, body, seq, now_ms)
            case ClaimThing():
                return things.claim(state, command, body, seq, now_ms)
            case RegisterThing():
                return things.register_thing(state, command, body, seq, now_ms)
            case SetThingState():
                return thing_orders.set_state(state, command, body, seq, now_ms)
            case ReportMalfunction():
                return thing_orders.malfunction(state, command, body, seq, now_ms)
            case _:
                assert_never(body)

    def _trade(self, entry: Entry, command: Command, body: TradeBody) -> Result:
        state, seq = self.state, entry.seq
        authority = authority_of(state, command, entry.time_ms)
        match body:
            case Purchase():
                return purchases.purchase(state, command, body, authority, seq)
            case ProposeChoice():
                return shadow.propose_choice(state, command, body, authority, seq)
            case GiveFeedback():
                return feedback.give(state, command, body, authority, seq)
            case AskFeedback():
                return feedback.ask(state, command, body, authority, seq)
            case Fulfil():
                return deliveries.fulfil(state, command, body, authority, seq)
            case AcceptDelivery():
                return deliveries.accept(state, command, body, authority, seq)
            case Refund():
                return refunds.refund(state, command, body, authority, seq)
            case OpenProgramme():
                return points.open_programme(state, command, body, authority, seq)
            case Cancel():
                return cancelling.cancel(state, command, body, authority, seq)
            case OpenStandingOrder():
                return standing_orders.open_order(state, command, body, authority, seq)
            case EndStandingOrder():
                return standing_orders.end_order(state, command, body, authority, seq)
            case PlaceOrders():
                return order_frames.place(state, command, body, authority, seq)
            case DeclareGoods():
                return goods.declare(state, command, body, authority)
            case WithdrawGoods():
                return goods.withdraw(state, command, body, authority)
            case _:
                return self._list(entry, command, body, authority)

    def _list(self, entry: Entry, command: Command, body: ListingBody, authority: Authority) -> Result:
        state, seq = self.state, entry.seq
        match body:
            case Offer():
                return listings.publish(state, command, body, authority, seq)
            case WithdrawOffer():
                return listings.withdraw_offer(state, command, body, authority)
            case Need():
                return listings.announce(state, command, body, authority, seq)
            case WithdrawNeed():
                return listings.withdraw_need(state, command, body, authority)
            case AskFacts():
                return facts.ask(state, command, body, authority, seq)
            case AnswerFacts():
                return facts.answer(state, command, body, authority)
            case _:
                assert_never(body)
