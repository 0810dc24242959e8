"""Cores that permit what nobody permitted, or hold on to what is over."""

from dataclasses import replace
from typing import Any, Final

from thingmarket.contract.approvals import PendingId, PendingOrder, PendingState
from thingmarket.errors import Code, Refusal
from thingmarket.identity.effective import EffectiveMandate
from thingmarket.ids import Digest, digest
from thingmarket.market import approvals, budgets, cosigning, purchases
from thingmarket.market.records import TimerKind
from thingmarket.market.state import State
from thingmarket.market.timers import Timers
from thingmarket.policy.spending import NOTHING_SPENT
from thingmarket.settlement.escrow import EscrowAccounts, TransferCode
from thingmarket_node.sim.mutants.patches import Mutant, Patches


def _hold_never_released(patches: Patches) -> None:
    patches.put(EscrowAccounts, "release", lambda _: lambda self, *args, **more: b"")


def _refund_to_the_seller(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def refund(self: EscrowAccounts, portion: Any, legs: Any) -> bytes:
            wrong = [
                leg._replace(credit=self.seller_wallet) if leg.code is TransferCode.REFUND else leg
                for leg in legs
            ]
            done: bytes = original(self, portion, wrong)
            return done

        return refund

    patches.put(EscrowAccounts, "refund", broken)


def _budget_not_counted(patches: Patches) -> None:
    patches.put(budgets, "spend", lambda _: lambda *args: None)


def _refusal_counts(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def purchase(state: Any, command: Any, body: Any, authority: Any, seq: int) -> Any:
            try:
                return original(state, command, body, authority, seq)
            except Refusal:
                state.spending.put((Digest(digest(b"nobody")), "EUR"), replace(NOTHING_SPENT, orders=seq))
                state.undo.forget()
                raise

        return purchase

    patches.put(purchases, "purchase", broken)


def _revocation_ignored(patches: Patches) -> None:
    def mandate(self: Any, leaf: bytes) -> EffectiveMandate:
        record = self.mandates.get(Digest(leaf))
        if record is None:
            raise Refusal(Code.UNKNOWN_MANDATE, "this mandate was not presented to this node")
        found: EffectiveMandate = record.effective
        return found

    patches.put(State, "mandate", lambda _: mandate)


def _one_yes_is_enough(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def ask(state: Any, *args: Any) -> Any:
            result = original(state, *args)
            name = PendingId(result.reference)
            state.pendings.put(name, replace(state.pendings[name], quorum=1))
            return result

        return ask

    patches.put(approvals, "ask", broken)


def _reservation_kept(patches: Patches) -> None:
    patches.put(budgets, "release", lambda _: lambda *args: None)


def _waits_for_ever(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def keep(self: Any, deadline_ms: int, kind: TimerKind, reference: bytes) -> None:
            if kind is not TimerKind.APPROVAL:
                original(self, deadline_ms, kind, reference)

        return keep

    patches.put(Timers, "set", broken)


def _quiet_hours_count(patches: Patches) -> None:
    patches.put(approvals, "quiet_spans", lambda _: lambda windows: ())


def _worse_price_passes(patches: Patches) -> None:
    def serves(self: Any, **_: Any) -> bool:
        return self.state is PendingState.APPROVED and not self.contract

    patches.put(PendingOrder, "serves", lambda _: serves)


def _approval_serves_again(patches: Patches) -> None:
    patches.put(approvals, "use", lambda _: lambda *args: None)


def _buyer_approves(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def answer(state: Any, command: Any, body: Any, seq: int, now_ms: Any) -> Any:
            name = PendingId(body.pending)
            order = state.pendings.get(name)
            if order is not None and command.header.sender == order.buyer and body.approved:
                state.pendings.put(name, replace(order, cosigners=(*order.cosigners, order.buyer)))
            return original(state, command, body, seq, now_ms)

        return answer

    patches.put(cosigning, "answer", broken)


def _stranger_is_asked(patches: Patches) -> None:
    patches.put(approvals, "is_willing", lambda _: lambda *args: True)


ORDERS: Final = (
    Mutant("hold-never-released", "a completed contract pays nobody", _hold_never_released),
    Mutant("refund-to-the-seller", "a failed delivery pays the seller", _refund_to_the_seller),
    Mutant("budget-not-counted", "spending is not counted", _budget_not_counted),
    Mutant("refusal-counts", "a refused purchase leaves a trace", _refusal_counts),
    Mutant("revocation-ignored", "a mandate permits after its end", _revocation_ignored),
    Mutant("one-yes-is-enough", "an order that needs two words needs one", _one_yes_is_enough),
    Mutant("reservation-kept", "an order that came to nothing keeps its budget", _reservation_kept),
    Mutant("waits-for-ever", "an order that waits has no deadline", _waits_for_ever),
    Mutant("quiet-hours-count", "quiet hours count toward the deadline", _quiet_hours_count),
    Mutant("worse-price-passes", "an approval serves a purchase that is worse", _worse_price_passes),
    Mutant("approval-serves-again", "an approval serves more than one purchase", _approval_serves_again),
    Mutant("stranger-is-asked", "an order asks who never agreed to it", _stranger_is_asked),
    Mutant("buyer-approves", "a buyer approves his own order", _buyer_approves),
)
