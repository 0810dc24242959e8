"""Cores that pay wrongly: fees, tax, reserves, credits, refunds, points, parts, papers."""

from dataclasses import replace
from typing import Any, Final

from thingmarket.contract import cancelling as fees
from thingmarket.contract.fulfilment import FulfilmentState
from thingmarket.ids import PartyId
from thingmarket.market import deliveries, points, refunds, settling
from thingmarket.market.state import State
from thingmarket.settlement.escrow import Leg, TransferCode
from thingmarket_node.sim.mutants.patches import Mutant, Patches


def _fee_not_taken(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def shares_of(*args: Any, **more: Any) -> Any:
            shares = original(*args, **more)
            return replace(shares, fee_minor=0, seller_minor=shares.seller_minor + shares.fee_minor)

        return shares_of

    patches.put(settling, "shares_of", broken)


def _tax_to_the_seller(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        return lambda *args, **_: original(*args, collected=False)

    patches.put(settling, "shares_of", broken)


def _tax_of_another_country(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        return lambda state, money, row: original(state, money, "FR:S")

    patches.put(settling, "tax_account", broken)


def _reserve_all_at_once(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def reserve_over(state: State, reference: bytes, now_ms: Any) -> Any:
            name, currency, day = reference.decode().split("|")
            own = (PartyId(name), currency, int(day))
            later = [key for key in state.reserves if key[:2] == own[:2] and key != own]
            state.reserves.put(own, state.reserves[own] + sum(state.reserves[key] for key in later))
            for key in later:
                state.reserves.put(key, 0)
            return original(state, reference, now_ms)

        return reserve_over

    patches.put(settling, "reserve_over", broken)


def _reserve_kept(patches: Patches) -> None:
    patches.put(settling, "reserve_over", lambda _: lambda *args: ())


def _late_credit_twice(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        return lambda terms, unit, delivered_ms: min(
            unit.total_minor, 2 * original(terms, unit, delivered_ms)
        )

    patches.put(deliveries, "late_credit", broken)


def _grace_is_not_late(patches: Patches) -> None:
    patches.put(deliveries, "late_credit", lambda _: lambda *args: 0)


def _cancelled_is_paid(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def refund(state: State, contract: Any, unit: Any, **more: Any) -> Any:
            if unit.fulfilment is FulfilmentState.CANCELLED:
                more["fee_minor"] = unit.total_minor
            return original(state, contract, unit, **more)

        return refund

    patches.put(settling, "refund", broken)


def _cancelled_without_fee(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def legs(state: State, contract: Any, accounts: Any, paid: Any, now_ms: Any) -> Any:
            if paid.code is TransferCode.CANCEL_FEE:
                return [Leg(paid.code, paid.source, accounts.seller_wallet, paid.settled.payable_minor)]
            return original(state, contract, accounts, paid, now_ms)

        return legs

    patches.put(settling, "_legs", broken)


def _cancelled_without_invoice(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def invoiced(state: State, contract: Any, unit: Any, paid: Any, **more: Any) -> Any:
            if paid.code is TransferCode.CANCEL_FEE:
                return unit
            return original(state, contract, unit, paid, **more)

        return invoiced

    patches.put(settling, "_invoiced", broken)


def _cancelled_keeps_its_fee(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def fee_kept(
            state: State, contract: Any, unit: Any, accounts: Any, fee_minor: int, **more: Any
        ) -> Any:
            kept, legs = original(state, contract, unit, accounts, fee_minor, **more)
            operators = (TransferCode.FEE, TransferCode.TAX, TransferCode.RESERVE)
            return kept, [leg for leg in legs if leg.code not in operators]

        return fee_kept

    patches.put(settling, "_fee_kept", broken)


def _cancelling_is_free(patches: Patches) -> None:
    patches.put(fees, "fee_in", lambda _: lambda *args: 0)


def _refund_above_captured(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def invoice(*args: Any) -> Any:
            name, found = original(*args)
            return name, replace(found, payable_minor=2 * found.payable_minor)

        return invoice

    patches.put(refunds, "_invoice", broken)


def _refund_forgotten(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def invoice(*args: Any) -> Any:
            name, found = original(*args)
            return name, replace(found, refunded_minor=0)

        return invoice

    patches.put(refunds, "_invoice", broken)


def _fee_not_given_back(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        return lambda *args: replace(original(*args), fee_minor=0)

    patches.put(refunds, "reversal", broken)


def _points_kept(patches: Patches) -> None:
    patches.put(points, "clawed_back", lambda _: lambda *args: ())


def _points_redeemed_again(patches: Patches) -> None:
    patches.put(points, "redeem", lambda _: lambda *args: None)


def _points_lost(patches: Patches) -> None:
    patches.put(points, "returned", lambda _: lambda *args: ())


def _part_loses_a_cent(patches: Patches) -> None:
    def broken(original: Any) -> Any:
        def divided(*args: Any) -> Any:
            now, later = original(*args)
            if not later.net_minor:
                return now, later
            return now, replace(later, net_minor=later.net_minor - 1, total_minor=later.total_minor - 1)

        return divided

    patches.put(deliveries, "divided", broken)


def _invoice_left_out(patches: Patches) -> None:
    def write(state: State, contract: Any, record: Any) -> int:
        return state.billed.counts.get(state.party(contract.seller_owner).number, 0) + 1

    patches.put(settling, "write", lambda _: write)


MONEY: Final = (
    Mutant("fee-not-taken", "the operator gets no fee", _fee_not_taken),
    Mutant("tax-to-the-seller", "the seller gets the tax that is collected", _tax_to_the_seller),
    Mutant("tax-of-another-country", "all tax goes to one account", _tax_of_another_country),
    Mutant("reserve-all-at-once", "the first day over releases all of a reserve", _reserve_all_at_once),
    Mutant("reserve-kept", "a reserve is never released", _reserve_kept),
    Mutant("late-credit-twice", "a late delivery is credited twice", _late_credit_twice),
    Mutant("grace-is-not-late", "a late delivery is not credited", _grace_is_not_late),
    Mutant("cancelled-is-paid", "a cancelled unit pays the seller", _cancelled_is_paid),
    Mutant("cancelled-without-fee", "the operator gets nothing of a cancelled unit", _cancelled_without_fee),
    Mutant("cancelled-without-invoice", "a cancelled unit has no invoice", _cancelled_without_invoice),
    Mutant("cancelled-keeps-its-fee", "shares of a cancelled unit stay in escrow", _cancelled_keeps_its_fee),
    Mutant("cancelling-is-free", "cancelling costs nothing", _cancelling_is_free),
    Mutant("refund-above-captured", "twice what was paid may be refunded", _refund_above_captured),
    Mutant("refund-forgotten", "each refund looks at the whole invoice", _refund_forgotten),
    Mutant("fee-not-given-back", "a refund leaves the operator his fee", _fee_not_given_back),
    Mutant("points-kept", "a refund leaves the points that were earned", _points_kept),
    Mutant("points-redeemed-again", "redeemed points are not taken", _points_redeemed_again),
    Mutant("points-lost", "points of a failed unit do not come back", _points_lost),
    Mutant("part-loses-a-cent", "the rest of a divided unit loses a cent", _part_loses_a_cent),
    Mutant("invoice-left-out", "a release writes no invoice", _invoice_left_out),
)
