"""Who is told what, once it is durable: answers, refusals, notices. [LOG-5]"""

from collections import defaultdict

from thingmarket.contract.orders import Erase
from thingmarket.errors import Refusal
from thingmarket.identity.commands import AdmitParty, PresentMandate
from thingmarket.market.records import Answer
from thingmarket_node.core import messages as m
from thingmarket_node.core.books import BookSeen
from thingmarket_node.core.forgetting import unneeded
from thingmarket_node.core.frame_events import events_for
from thingmarket_node.core.receipts import Receipts
from thingmarket_node.core.sequencer import Decided, Declined, Formed, Remembered, Sequencer
from thingmarket_node.core.sessions import Sessions
from thingmarket_node.groups import Head


class Telling:
    """Keeps what was decided until the disk has it, then says it as effects."""

    def __init__(
        self, sequencer: Sequencer, receipts: Receipts, sessions: Sessions, effects: list[m.Effect]
    ) -> None:
        """Begin where the log of `sequencer` ends; `effects` is the list that the core gives out."""
        self.durable: Head = sequencer.head
        self._sequencer = sequencer
        self._receipts = receipts
        self._sessions = sessions
        self._effects = effects
        self._in_flight: dict[int, Formed] = {}
        self._books: dict[int, tuple[BookSeen, ...]] = {}
        self._asides: dict[int, list[Remembered | Declined]] = defaultdict(list)

    @property
    def durable_seq(self) -> int:
        """Last log position that the journal has."""
        return self.durable.next_seq - 1

    @property
    def in_flight(self) -> int:
        """Groups that are being written."""
        return len(self._in_flight)

    def begin(self, formed: Formed, books: tuple[BookSeen, ...] = ()) -> None:
        """A group is on its way to the disk, and left watched books like these."""
        self._in_flight[formed.group.number] = formed
        if books:
            self._books[formed.group.number] = books

    def tell_aside(self, one: Remembered | Declined) -> None:
        """Tell a caller who gets no entry, as soon as what his answer stands on is durable."""
        if isinstance(one, Declined):
            self._decline(one)
        else:
            self._tell_again(one)

    def give_up(self) -> list[m.CallId]:
        """The log is lost: name everybody who waits for it, and forget what was in flight."""
        calls: list[m.CallId] = []
        for formed in self._in_flight.values():
            calls += [decided.call for decided in formed.decided]
            calls += [one.call for one in self._asides.pop(formed.group.number, ())]
        self._in_flight.clear()
        return calls

    def _tell_again(self, one: Remembered) -> None:
        """Give the remembered answer, at once when it is durable, else with the group that it is in."""
        if one.answer.seq <= self.durable_seq:
            self._answer(one.call, one.answer)
        else:
            self._wait_aside(one, one.answer.seq)

    def _decline(self, one: Declined) -> None:
        """Refuse once what refuses is durable: the entry that used a key, say, may be in flight."""
        if self._sequencer.market.state.seq <= self.durable_seq:
            self._effects.append(m.Refuse(one.call, one.refusal, after_seq=self.durable_seq))
        else:
            self._wait_aside(one, self._sequencer.market.state.seq)

    def _wait_aside(self, one: Remembered | Declined, seq: int) -> None:
        holding = next(f for f in self._in_flight.values() if f.group.last_seq >= seq)
        self._asides[holding.group.number].append(one)

    def _answer(self, call: m.CallId, answer: Answer) -> None:
        receipt = self._receipts.of(answer.seq, answer.time_ms)
        if answer.code:
            refusal = Refusal(answer.code, answer.reason, answer.rule)
            self._effects.append(m.Refuse(call, refusal, after_seq=answer.seq, receipt=receipt))
            return
        accepted = m.Accepted(
            seq=answer.seq,
            reference=answer.reference,
            receipt=receipt,
            pending=answer.pending,
            statuses=answer.statuses,
        )
        self._effects.append(m.Reply(call, accepted, after_seq=answer.seq))

    def became_durable(self, number: int) -> None:
        """The journal has a group: its checkpoint is signed, and all who waited for it are told."""
        formed = self._in_flight.pop(number)
        self.durable = Head.at(formed.group)
        self._receipts.sign(formed.group.last_seq)
        for decided in formed.decided:
            self._release(decided)
        for one in self._asides.pop(number, ()):
            if isinstance(one, Declined):
                self._effects.append(m.Refuse(one.call, one.refusal, after_seq=self.durable_seq))
            else:
                self._answer(one.call, one.answer)
        state = self._sequencer.market.state  # ahead of the disk: a later order may need a part again
        for published in formed.published:
            self._effects += unneeded(state, published.forgotten)
        notices = tuple(notice for outcome in formed.outcomes for notice in outcome.notices)
        books = self._books.pop(number, ())
        self._effects.append(m.Tell(formed.group.last_seq, notices, formed.published, books))

    def _release(self, decided: Decided) -> None:
        outcome, command = decided.outcome, decided.command
        receipt = self._receipts.of(outcome.seq, decided.time_ms)
        if outcome.code:
            refusal = Refusal(outcome.code, outcome.reason, outcome.rule)
            self._effects.append(
                m.Refuse(
                    decided.call, refusal, after_seq=outcome.seq, receipt=receipt, decision=outcome.decision
                )
            )
            return
        if isinstance(command.body, AdmitParty | PresentMandate):
            self._sessions.recognise(command.header.sender)
        elif isinstance(command.body, Erase):
            self._effects.append(m.EraseSealed(command.header.sender, decided.time_ms))
        events, events_cut = b"", False
        if outcome.events:
            slot = self._sequencer.market.state.party(command.header.sender).number
            events, events_cut = events_for(outcome.events, slot)
        accepted = m.Accepted(
            seq=outcome.seq,
            reference=outcome.reference,
            receipt=receipt,
            decision=outcome.decision,
            pending=outcome.pending,
            statuses=outcome.statuses,
            events=events,
            events_cut=events_cut,
        )
        self._effects.append(m.Reply(decided.call, accepted, after_seq=outcome.seq))
