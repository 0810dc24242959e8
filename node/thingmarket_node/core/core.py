"""The node without its sockets, disks and clocks: `step(now, input) -> effects`. [LOG-3]

The same class runs behind gRPC and in the simulator. An answer leaves only when what it stands on is
durable: `Reply` and `Refuse` carry the log position that they depend on, and whoever performs effects
checks it.
"""

from collections.abc import Callable
from dataclasses import replace

from thingmarket.contract.orders import FundRequest
from thingmarket.errors import Code, Refusal
from thingmarket.identity.envelope import TypeId, sign
from thingmarket.identity.parties import Role, is_thing
from thingmarket.ids import PartyId, digest
from thingmarket.limits import (
    CLOCK_JUMP_MS,
    GROUPS_IN_FLIGHT_MAX,
    SNAPSHOT_EVERY_ENTRIES,
    SNAPSHOT_GROWTH,
    SNAPSHOT_SHARE,
    SNAPSHOT_WHOLE_ENTRIES,
    WAITING_MAX,
)
from thingmarket.market.funding import check_room
from thingmarket.market.state import State
from thingmarket.trading.commands import PlaceOrders
from thingmarket.trading.frame import weight_of
from thingmarket.wire.commands import open_command
from thingmarket.wire.handshake import read_proof
from thingmarket.wire.log import node_time_payload
from thingmarket_node.core import messages as m
from thingmarket_node.core.books import books_of
from thingmarket_node.core.calls import (
    Collecting,
    CommandCall,
    NodeKeys,
    ProvingCall,
    deposit_for,
    operator_command,
    unavailable,
)
from thingmarket_node.core.forgetting import forgettings
from thingmarket_node.core.gate_checks import (
    OPEN_TO_STRANGERS,
    caller_key,
    check_of,
    check_sealed,
    signature_checks,
)
from thingmarket_node.core.receipts import Receipts
from thingmarket_node.core.sequencer import Declined, Formed, Remembered, Sequencer, Waiting
from thingmarket_node.core.sessions import Sessions
from thingmarket_node.core.telling import Telling
from thingmarket_node.groups import Head


class Core:
    """Sessions, sequencing and the outbox of one node, as a pure state machine."""

    def __init__(
        self,
        keys: NodeKeys,
        sequencer: Sequencer,
        now: m.Now,
        *,
        snapshot_every: int = SNAPSHOT_EVERY_ENTRIES,
        snapshot_seq: int = 0,
        whole_seq: int = 0,
    ) -> None:
        """Go on from a log that `boot` has replayed, from its snapshot on; sessions start empty."""
        self.keys = keys
        self.sequencer = sequencer
        self.sessions = Sessions(network_id=keys.network_id, node_id=keys.node, now_ms=now.wall_ms)
        self.receipts = Receipts(
            tree=sequencer.tree, network_id=keys.network_id, node=keys.node, key=keys.log
        )
        self.receipts.sign(sequencer.tree.size)
        self.watched_markets: dict[int, int] = {}  # and how many levels of each somebody looks at
        self._effects: list[m.Effect] = []
        self._telling = Telling(sequencer, self.receipts, self.sessions, self._effects)
        self._calls: dict[m.CallId, ProvingCall | CommandCall] = {}
        self._collecting = Collecting()
        self._clock = now
        self._closed: Refusal | None = None  # why no new call is taken
        self._halted = False  # nothing more is sequenced
        self._operator_sequence = 0
        self._wake_ms: int | None = None
        self._snapshot_seq = snapshot_seq
        self._whole_seq = whole_seq  # of the snapshot that changes are saved on top of
        self._snapshot_every = snapshot_every
        self._saving = False

    @property
    def state(self) -> State:
        """The market's state, ahead of the disk; what is read from it is told once `seq` is durable."""
        return self.sequencer.market.state

    @property
    def durable_seq(self) -> int:
        """Last log position that the journal has."""
        return self._telling.durable_seq

    @property
    def durable(self) -> Head:
        """Where the durable log ends."""
        return self._telling.durable

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits and nothing is being written."""
        return not (self._calls or self._telling.in_flight or self.sequencer.waiting)

    @property
    def waiting(self) -> int:
        """Calls that wait for anything."""
        return len(self._calls) + len(self.sequencer.waiting)

    def use_certificate(self, certificate_hash: bytes) -> None:
        """Name this TLS certificate in challenges from now on."""
        self.keys = replace(self.keys, certificate_hash=certificate_hash)

    def boot_effects(self) -> list[m.Effect]:
        """What a restart owes: what the vault may not have been told to erase, and the next deadline."""
        for owner, time_ms in self.state.erasures.items():
            self._effects.append(m.EraseSealed(owner, time_ms, repeated=True))
        self._effects += forgettings(self.state, self.state.pendings.values())
        self._ask_for_wake()
        return self._take_effects()

    def step(self, now: m.Now, what: m.Input) -> list[m.Effect]:
        """Take one input, or several that came at once, and say what is to be done."""
        self._watch_clock(now)
        for one in what.inputs if isinstance(what, m.Together) else (what,):
            self._take(now, one)
        self._sequence(now)
        self._ask_for_wake()
        return self._take_effects()

    def _take(self, now: m.Now, what: m.OneInput) -> None:
        match what:
            case m.SayHello():
                self._guarded(what.call, lambda: self._hello(now, what))
            case m.ShowProof():
                self._guarded(what.call, lambda: self._proof(now, what))
            case m.Submit():
                self._guarded(what.call, lambda: self._submit(now, what))
            case m.Verified():
                self._guarded(what.call, lambda: self._verified(now, what))
            case m.Sealed() | m.Collected():
                self._guarded(what.call, lambda: self._prepared(now, what))
            case m.Durable():
                self._telling.became_durable(what.number)
            case m.SnapshotSaved():
                self._saving = False
            case m.Failed():
                self._fail()
            case m.Drain():
                self._closed = self._closed or unavailable("the node is shutting down; try again soon")
            case m.Wake():
                self._wake_ms = None

    def _take_effects(self) -> list[m.Effect]:
        effects = self._effects.copy()
        self._effects.clear()
        return effects

    def _guarded(self, call: m.CallId, act: Callable[[], None]) -> None:
        try:
            act()
        except Refusal as refusal:
            self._calls.pop(call, None)
            self._collecting.end(call)
            self._refuse(call, refusal)

    def _refuse(self, call: m.CallId, refusal: Refusal, *, after_seq: int = 0) -> None:
        node_time = None
        if refusal.number == Code.CLOCK:
            # Entry time, which headers are compared with: it may be ahead of a clock that was put back.
            time_ms = self.sequencer.time_ms(self._clock.wall_ms)
            payload = node_time_payload(network_id=self.keys.network_id, node=self.keys.node, time_ms=time_ms)
            node_time = sign(TypeId.NODE_TIME, payload, self.keys.identity)
        self._effects.append(m.Refuse(call, refusal, after_seq=after_seq, node_time=node_time))

    # --- clock

    def _watch_clock(self, now: m.Now) -> None:
        jump = (now.wall_ms - self._clock.wall_ms) - (now.monotonic_ms - self._clock.monotonic_ms)
        if abs(jump) > CLOCK_JUMP_MS and not self._halted:
            self._halted = True
            self._closed = unavailable("the node's clock jumped; its operator has to restart it")
            self._effects.append(m.ClockJumped(jump))
        self._clock = now

    def _ask_for_wake(self) -> None:
        if self._telling.in_flight >= GROUPS_IN_FLIGHT_MAX:
            return  # a deadline that is due waits for the disk, not for a clock: `Durable` sequences it
        deadline = self.sequencer.market.next_deadline_ms()
        if deadline is not None and deadline != self._wake_ms and not self._halted:
            self._wake_ms = deadline
            self._effects.append(m.WakeAt(deadline))

    # --- handshake

    def _hello(self, now: m.Now, what: m.SayHello) -> None:
        self._check_open()
        payload = self.sessions.hello(
            what.hello,
            key_of=lambda hello: caller_key(self.state, hello),
            now_ms=now.wall_ms,
            time_ms=self.sequencer.time_ms(now.wall_ms),
            node_nonce=what.nonce,
            certificate_hash=self.keys.certificate_hash,
        )
        challenge = sign(TypeId.CHALLENGE, payload, self.keys.identity)
        self._effects.append(m.Reply(what.call, challenge, after_seq=0))

    def _proof(self, now: m.Now, what: m.ShowProof) -> None:
        self._check_open()
        if what.proof.type_id != TypeId.PROOF:
            raise Refusal(Code.WRONG_TYPE, "a handshake ends with a proof", "SES-2")
        proof = read_proof(what.proof.payload)
        key = self.sessions.challenged_key(proof, now.wall_ms)
        self._calls[what.call] = ProvingCall(proof, what.session, what.token)
        self._effects.append(m.VerifyAll(what.call, (check_of(what.proof, key),)))

    # --- commands

    def _check_open(self) -> None:
        if self._closed is not None:
            raise self._closed
        if self.waiting >= WAITING_MAX:
            raise Refusal(Code.BUSY, f"{WAITING_MAX} calls wait already; try again soon", "CMD-3")

    def _submit(self, now: m.Now, what: m.Submit) -> None:
        self._check_open()
        opened = open_command(what.command)
        answer = self.state.answers.table.get((opened.header.sender, opened.key))
        if answer is not None and answer.signed_digest == opened.signed_digest:
            self._telling.tell_aside(
                Remembered(what.call, answer)
            )  # [ID-11] the very same bytes: no work again
            return
        now_ms = self.sequencer.time_ms(now.wall_ms)
        if self.sessions.by_token(what.token, now_ms).id != opened.header.session:
            self.sessions.session(opened.header.session, now_ms)  # that it ended says more
            raise Refusal(Code.NO_SESSION, "the token is of another session than the header", "SES-3")
        session = self.sessions.admit(opened.header, now_ms)
        try:
            if not session.known and opened.type_id not in OPEN_TO_STRANGERS:
                raise Refusal(
                    Code.UNKNOWN_PARTY, "this node does not know you yet: be admitted first", "ID-8"
                )
            command = opened.read()  # up to 25 ms, so for those alone who have a session and a rate
            if isinstance(command.body, PlaceOrders):
                self.sessions.pay_orders(session.party, weight_of(command.body.orders), now_ms)
            check_sealed(command, what.sealed)
            checks = tuple(signature_checks(self.state, command, session.public_key))
        except Refusal:
            session.release(opened.header.sequence)
            raise
        self._calls[what.call] = CommandCall(command, session, what.sealed)
        self._effects.append(m.VerifyAll(what.call, checks))

    def _verified(self, now: m.Now, what: m.Verified) -> None:
        call = self._calls.pop(what.call, None)
        if call is None:
            return  # the log was lost meanwhile, and the caller has been told
        if isinstance(call, ProvingCall):
            grant = self.sessions.prove(
                call.proof,
                verified=what.good,
                known=call.proof.party in self.state.parties,
                now_ms=now.wall_ms,
                session_id=call.session,
                token=call.token,
            )
            self._effects.append(m.Reply(what.call, grant, after_seq=0))
            return
        sequence = call.command.header.sequence
        if not what.good:
            call.session.reject(sequence)
            raise Refusal(Code.BAD_SIGNATURE, "a signature of this command is wrong", "ID-5")
        call.session.confirm(sequence)
        try:
            self._prepare(now, what.call, call)
        except Refusal as refusal:
            self._telling.tell_aside(Declined(what.call, refusal))

    def _prepare(self, now: m.Now, number: m.CallId, call: CommandCall) -> None:
        """Have money collected or parts sealed first. What refuses that may be an entry in flight."""
        if isinstance(call.command.body, FundRequest):
            self._collect(now, number, call)
        elif call.sealed:
            self._seal(now, number, call)
        else:
            self.sequencer.waiting.append(Waiting(number, call.command))

    def owner_of(self, sender: str, mandate_leaf: bytes) -> PartyId:
        """For whom a sender acts (UNKNOWN_MANDATE and kin for a thing without a living mandate)."""
        if not is_thing(sender):
            return PartyId(sender)
        mandate = self.state.mandate(mandate_leaf)
        if mandate.subject != sender:
            raise Refusal(Code.NOT_PERMITTED, "this mandate was given to another thing", "MAN-4")
        return mandate.root_owner

    def _seal(self, now: m.Now, number: m.CallId, call: CommandCall) -> None:
        """What was decided before is told again, whatever the mandate or the vault would say by now."""
        command, now_ms = call.command, self.sequencer.time_ms(now.wall_ms)
        sender = command.header.sender
        made = self.state.answers.recall(sender, command.key, command.body_digest, now_ms)
        if made is not None:
            self._telling.tell_aside(Remembered(number, made))
            return
        owner = self.owner_of(sender, command.header.mandate_leaf)
        self._calls[number] = call
        self._effects.append(m.Seal(number, owner, call.sealed))

    def _collect(self, now: m.Now, number: m.CallId, call: CommandCall) -> None:
        body = call.command.body
        assert isinstance(body, FundRequest), "only fund requests are collected"
        record = self.state.party(call.command.header.sender)
        if record.role != Role.OWNER:
            raise Refusal(Code.NOT_PERMITTED, "only an owner asks for money", "SET-2")
        key, deposit = deposit_for(call.command)
        now_ms = self.sequencer.time_ms(now.wall_ms)
        made = self.state.answers.recall(self.keys.node, key, digest(deposit), now_ms)
        if made is not None:
            self._telling.tell_aside(Remembered(number, made))
            return
        check_room(self.state, body.currency, body.amount_minor)  # else it would be paid for nothing
        self._collecting.begin(number, key)
        self._calls[number] = call
        self._effects.append(
            m.Collect(number, record.id, call.command.body_digest, body.currency, body.amount_minor)
        )

    def _prepared(self, now: m.Now, what: m.Sealed | m.Collected) -> None:
        call = self._calls.pop(what.call, None)
        if call is None:
            return  # the log was lost meanwhile, and the caller has been told
        assert isinstance(call, CommandCall), "only commands are sealed or paid"
        if what.refusal is not None:
            raise what.refusal
        command = call.command
        if isinstance(what, m.Collected):
            self._operator_sequence += 1
            command = operator_command(
                self.keys,
                TypeId.DEPOSIT,
                deposit_for(command)[1],
                sequence=self._operator_sequence,
                now_ms=self.sequencer.time_ms(now.wall_ms),
            )
        self.sequencer.waiting.append(Waiting(what.call, command))

    # --- the log

    def _sequence(self, now: m.Now) -> None:
        while self._telling.in_flight < GROUPS_IN_FLIGHT_MAX and not self._halted and self._has_work(now):
            formed, aside = self.sequencer.form(now.wall_ms)
            for decided in (*aside, *(formed.decided if formed is not None else ())):
                self._collecting.end(decided.call)
            if formed is not None:
                self._telling.begin(formed, books_of(self.state, formed.outcomes, self.watched_markets))
                self._effects.append(m.Append(formed.group))
                self._snapshot_if_due(formed)
            for one in aside:
                self._telling.tell_aside(one)

    def _has_work(self, now: m.Now) -> bool:
        sequencer = self.sequencer
        owed = sequencer.market.derived() is not None  # a crash may have come right before it [MKT-9]
        return owed or bool(sequencer.waiting) or sequencer.is_due(now.wall_ms)

    def _snapshot_if_due(self, formed: Formed) -> None:
        """Save what changed, so that a start has little to replay; all anew when the log has doubled."""
        seq = self.state.seq
        every = max(self._snapshot_every, seq // SNAPSHOT_SHARE)
        if self._saving or seq - self._snapshot_seq < every:
            return
        on_top = self._whole_seq > 0 and seq < max(SNAPSHOT_GROWTH * self._whole_seq, SNAPSHOT_WHOLE_ENTRIES)
        self._saving, self._snapshot_seq = True, seq
        self._whole_seq = self._whole_seq if on_top else seq
        parts = self.state.changes() if on_top else self.state.frozen()
        self._effects.append(m.SaveSnapshot(Head.at(formed.group), parts, on_top))

    def _fail(self) -> None:
        """The journal is uncertain: nobody is told yes, and nothing more is written. [LOG-12]"""
        self._closed, self._halted = unavailable("the node lost its log; ask again when it is back"), True
        waiting = (one.call for one in self.sequencer.waiting)
        calls = [*self._calls, *waiting, *self._telling.give_up()]
        self._calls.clear()
        self.sequencer.waiting.clear()
        for call in calls:
            self._refuse(call, self._closed)
