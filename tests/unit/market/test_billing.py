"""What a release pays to whom, the invoice over it, refunds and credit notes, the tax statement."""

from dataclasses import replace
from typing import Any

import pytest

from tests.builders import Actor, World
from tests.unit.billing.samples import BUYER, SELLER
from thingmarket.billing.charges import Charges
from thingmarket.billing.invoice import AllowanceReason, InvoiceKind
from thingmarket.billing.records import InvoiceRecord
from thingmarket.billing.rules import violations
from thingmarket.billing.statement import TaxKey, TaxSum, summed
from thingmarket.billing.ubl import invoice_xml
from thingmarket.catalog.terms import Milestone, SettlementKind, Terms
from thingmarket.errors import LEDGER_STATUS_BASE, Code, Refusal
from thingmarket.identity.mandates import Action
from thingmarket.ids import ContractId
from thingmarket.limits import DAY_MS, LEDGER_AMOUNT_MAX
from thingmarket.market import billing, books
from thingmarket.market.billing_views import NOWHERE
from thingmarket.market.indexes import Reader
from thingmarket.market.refunds import reversal
from thingmarket.market.state import State
from thingmarket.settlement.accounts import AccountKind
from thingmarket.settlement.transfers import Status

TAXES = (("DE:R", 700), ("DE:S", 1_900), ("S", 1_900), ("US-CA:S", 725), ("Z", 0))
CHARGES = Charges(fee_basis_points=250, reserve_basis_points=1_000, reserve_days=14)
EXCEEDS_CREDITS = LEDGER_STATUS_BASE + Status.EXCEEDS_CREDITS


class Shop:
    """A seller with a thing, a buyer with a thing, and an operator who taxes, keeps fees and a reserve."""

    def __init__(self, charges: Charges = CHARGES, currencies: tuple[str, ...] = ("EUR",)) -> None:
        self.world = World(currencies=currencies, charges=charges, taxes=TAXES)
        self.inks = self.world.owner("inks")
        self.shop = self.world.thing("shop", self.inks)
        self.anna = self.world.owner("anna", fund=10_000_00)
        self.printer = self.world.thing("printer", self.anna)

    def sold(self, jurisdiction: str = "DE", quantity: int = 1, **offer: object) -> bytes:
        """Sell, deliver, accept; the contract."""
        world = self.world
        digest = world.offer(self.shop, jurisdiction=jurisdiction, **offer)
        contract = world.bought(self.printer, digest, quantity)
        assert world.deliver(contract).code == 0
        assert world.accept(contract).code == 0
        return contract

    def kept(self, kind: AccountKind, party: Actor | None = None, reference: bytes = b"") -> int:
        return self.world._held((party or self.world.operator).id, "EUR", kind, reference)

    def invoice(self, number: int, seller: Actor | None = None):
        reader = Reader(self.anna.id, self.anna.id)
        return billing.invoice_view(self.world.state, reader, (seller or self.inks).id, number)

    def records(self) -> list[InvoiceRecord]:
        return list(self.world.state.invoices.values())


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_a_release_pays_seller_operator_tax_and_reserve_in_one_entry(shop: Shop) -> None:
    """[SET-7] [SET-8] [TAX-2] [TAX-3]"""
    shop.sold()
    assert shop.world.balance(shop.anna) == 10_000_00 - 1_190
    assert shop.kept(AccountKind.TAX_PAYABLE, reference=b"DE:S") == 190
    assert shop.kept(AccountKind.FEE_INCOME) == 25
    assert shop.kept(AccountKind.SELLER_RESERVE, shop.inks) == (1_000 - 25) // 10
    assert shop.world.balance(shop.inks) == 1_000 - 25 - 97


def test_where_no_jurisdiction_is_named_the_seller_gets_the_tax_and_owes_it() -> None:
    """[TAX-2]"""
    shop = Shop(Charges())
    shop.sold(jurisdiction="")
    assert shop.world.balance(shop.inks) == 1_190
    assert shop.invoice(1).tax[0].jurisdiction == "" and shop.invoice(1).tax[0].tax_minor == 190


def test_an_offer_under_a_row_that_the_operator_does_not_have_is_refused(shop: Shop) -> None:
    """[TAX-1]"""
    assert shop.world.try_offer(shop.shop, jurisdiction="FR").code == Code.UNKNOWN_TAX_CATEGORY
    assert shop.world.try_offer(shop.shop, jurisdiction="US-CA").code == 0
    for wrong in ("de", "DEU", "D1", "DE-", "DE-ABCD", "-", "DE:S"):
        with pytest.raises(Refusal):
            shop.world.try_offer(shop.shop, jurisdiction=wrong)


def test_every_released_unit_has_one_invoice_over_what_moved(shop: Shop) -> None:
    """[INV-1] [INV-7]"""
    contract = shop.sold(quantity=3)
    (unit,) = shop.world.contract(contract).units
    invoice = shop.invoice(unit.invoice)
    assert (invoice.kind, invoice.number, invoice.totals.payable_minor) == (InvoiceKind.INVOICE, 1, 3_570)
    assert (invoice.seller, invoice.buyer) == (shop.inks.id, shop.anna.id)
    assert (invoice.lines[0].quantity_steps, invoice.lines[0].net_minor) == (3, 3_000)
    assert not list(violations(invoice))
    assert b">35.70<" in invoice_xml(invoice, seller=SELLER, buyer=BUYER)


def test_the_numbers_of_a_seller_have_no_gap_and_others_count_for_themselves(shop: Shop) -> None:
    """[INV-1]"""
    other = shop.world.owner("others")
    other_shop = shop.world.thing("other shop", other)
    first = shop.sold()
    digest = shop.world.offer(other_shop, jurisdiction="DE")
    contract = shop.world.bought(shop.printer, digest)
    shop.world.deliver(contract)
    shop.world.accept(contract)
    shop.world.refund(first, 100)
    shop.sold()
    numbers = sorted(shop.world.state.invoices)
    ours, theirs = (shop.world.state.party(owner.id).number for owner in (shop.inks, other))
    assert numbers == sorted([(ours, 1), (ours, 2), (ours, 3), (theirs, 1)])


def test_parts_of_a_contract_are_invoiced_one_by_one_and_sum_to_it(shop: Shop) -> None:
    """[INV-3] [SET-7]"""
    thirds = tuple(
        Milestone(title=f"part {place}", share_millionths=share, delivery_ms=2 * DAY_MS)
        for place, share in enumerate((333_333, 333_333, 333_334))
    )
    world = shop.world
    digest = world.offer(shop.shop, jurisdiction="DE", price_minor=1_001, terms=Terms(milestones=thirds))
    contract = world.bought(shop.printer, digest, 3)
    for unit in (1, 2, 3):
        assert world.deliver(contract, unit=unit).code == 0
        assert world.accept(contract, unit=unit).code == 0
    records = shop.records()
    assert sum(record.payable_minor for record in records) == world.contract(contract).total_minor
    assert not [rule for number in (1, 2, 3) for rule in violations(shop.invoice(number))]


def test_a_late_credit_is_an_allowance_and_leaves_the_rest_taxed() -> None:
    """[INV-3]"""
    shop = Shop()
    world = shop.world
    terms = Terms(
        late_credit_basis_points_per_day=500, late_credit_max_basis_points=2_000, grace_ms=5 * DAY_MS
    )
    digest = world.offer(shop.shop, jurisdiction="DE", terms=terms, delivery_ms=DAY_MS)
    contract = world.bought(shop.printer, digest)
    world.pass_time(3 * DAY_MS)
    world.deliver(contract)
    world.accept(contract)
    credit = world.contract(contract).unit(1).late_credit_minor
    assert credit == 1_190 * 10 // 100
    invoice = shop.invoice(1)
    (allowance,) = invoice.allowances
    assert allowance.reason is AllowanceReason.LATE_DELIVERY
    assert invoice.totals.payable_minor == 1_190 - credit == 10_000_00 - world.balance(shop.anna)
    assert shop.kept(AccountKind.TAX_PAYABLE, reference=b"DE:S") == invoice.totals.tax_minor < 190
    assert not list(violations(invoice))


def test_delivery_versus_payment_pays_tax_and_writes_an_invoice_too(shop: Shop) -> None:
    """[SET-7]"""
    world = shop.world
    digest = world.offer(shop.shop, jurisdiction="DE", terms=Terms(settlement=SettlementKind.DVP))
    contract = world.bought(shop.printer, digest)
    assert world.contract(contract).unit(1).invoice == 1
    assert shop.kept(AccountKind.TAX_PAYABLE, reference=b"DE:S") == 190


def test_what_failed_is_refunded_from_escrow_without_an_invoice(shop: Shop) -> None:
    """[INV-1]"""
    contract = shop.world.bought(shop.printer, shop.world.offer(shop.shop, jurisdiction="DE"))
    shop.world.fail(contract)
    assert shop.world.balance(shop.anna) == 10_000_00
    assert not shop.records() and not shop.kept(AccountKind.FEE_INCOME)
    assert shop.world.refund(contract, 1).code == Code.UNKNOWN_INVOICE


# --- the reserve


def test_a_reserve_goes_to_its_seller_when_its_days_are_over(shop: Shop) -> None:
    """[SET-8]"""
    shop.sold()
    shop.sold()
    assert len(shop.world.state.reserves) == 1  # of one day and one seller, whatever he sold
    shop.world.pass_time(14 * DAY_MS - DAY_MS)
    assert shop.kept(AccountKind.SELLER_RESERVE, shop.inks) == 2 * 97
    shop.world.pass_time(2 * DAY_MS)
    assert shop.kept(AccountKind.SELLER_RESERVE, shop.inks) == 0
    assert shop.world.balance(shop.inks) == 2 * 975 and not shop.world.state.reserves


def test_refunds_that_used_a_reserve_leave_the_seller_what_is_left_of_it(shop: Shop) -> None:
    """[SET-8] [SET-9]"""
    contract = shop.sold(price_minor=10_000)
    shop.sold(price_minor=10_000)
    world = shop.world
    spent = world.offer(
        world.thing("ink press", world.owner("press")),
        price_minor=world.balance(shop.inks) - 10,
        tax_category="Z",
    )
    assert world.buy(shop.inks, spent).code == 0
    assert world.balance(shop.inks) == 10
    assert world.refund(contract, 1_190).code == 0
    left = shop.kept(AccountKind.SELLER_RESERVE, shop.inks)
    assert world.balance(shop.inks) == 0 and 0 < left < 2 * 975
    assert world.refund(contract, 11_900 - 1_190).code == EXCEEDS_CREDITS
    world.pass_time(16 * DAY_MS)
    assert shop.kept(AccountKind.SELLER_RESERVE, shop.inks) == 0


# --- refunds


def test_a_refund_gives_tax_and_fee_back_in_proportion(shop: Shop) -> None:
    """[SET-9] [INV-6]"""
    contract = shop.sold(price_minor=10_000)
    assert shop.world.refund(contract, 5_950).code == 0
    assert shop.kept(AccountKind.TAX_PAYABLE, reference=b"DE:S") == 950
    assert shop.kept(AccountKind.FEE_INCOME) == 125
    assert shop.world.balance(shop.anna) == 10_000_00 - 11_900 + 5_950
    note = shop.invoice(2)
    assert (note.kind, note.corrects, note.totals.payable_minor) == (InvoiceKind.CREDIT_NOTE, 1, 5_950)
    assert shop.invoice(1).refunded_minor == 5_950


def test_refunds_of_a_unit_never_pass_what_was_paid_for_it(shop: Shop) -> None:
    """[SET-9]"""
    contract = shop.sold()
    shop.world.deposit(shop.inks, 1_000_00)
    assert shop.world.refund(contract, 1_191).code == Code.REFUND_TOO_HIGH
    assert shop.world.refund(contract, 1_190).code == 0
    assert shop.world.refund(contract, 1).code == Code.REFUND_TOO_HIGH
    assert shop.world.balance(shop.anna) == 10_000_00
    assert shop.kept(AccountKind.TAX_PAYABLE, reference=b"DE:S") == shop.kept(AccountKind.FEE_INCOME) == 0


def test_many_small_refunds_take_back_no_more_tax_than_there_was(shop: Shop) -> None:
    """[INV-6]"""
    contract = shop.sold(price_minor=100)
    shop.world.deposit(shop.inks, 1_000_00)
    while shop.invoice(1).refunded_minor < 119:
        assert shop.world.refund(contract, min(4, 119 - shop.invoice(1).refunded_minor)).code == 0
    notes = [record for record in shop.records() if record.corrects]
    assert sum(note.tax_minor for note in notes) == 19 and sum(note.net_minor for note in notes) == 100
    assert shop.kept(AccountKind.TAX_PAYABLE, reference=b"DE:S") == 0


@pytest.mark.parametrize("amount", [1, 2, 3, 60, 118, 119])
def test_what_stays_after_a_refund_is_an_invoice_again(amount: int) -> None:
    """[INV-6]"""
    whole = InvoiceRecord(
        contract=ContractId(b"c" * 16),
        unit=1,
        buyer=2,
        seq=3,
        issued_ms=4,
        net_minor=100,
        tax_minor=19,
        payable_minor=119,
        fee_minor=2,
        points=7,
    )
    back = reversal(whole, amount, 1_900)
    net = whole.net_minor - back.net_minor
    assert abs(whole.tax_minor - back.tax_minor - (2 * net * 1_900 + 10_000) // 20_000) == 0
    assert 0 <= amount - back.net_minor - back.tax_minor + 1 <= 2
    rest = reversal(replace(whole, refunded_minor=amount), 119 - amount, 1_900) if amount < 119 else None
    if rest:
        assert back.fee_minor + rest.fee_minor == 2 and back.points + rest.points == 7


def test_only_the_seller_with_leave_to_sell_refunds(shop: Shop) -> None:
    """[SET-9]"""
    contract = shop.sold()
    world = shop.world
    assert world.refund(contract, 10, by=shop.printer).code == Code.NOT_PERMITTED
    assert world.refund(contract, 10, by=world.owner("eve")).code == Code.UNKNOWN_CONTRACT
    narrow = world.present(shop.shop, world.mandate(shop.inks, shop.shop.id, actions=(Action.ANNOUNCE,)))
    assert world.refund(contract, 10, by=narrow).code == Code.DENIED
    assert world.refund(contract, 10, by=shop.inks).code == 0


def test_a_refund_that_the_seller_cannot_pay_changes_nothing(shop: Shop) -> None:
    """[SET-9]"""
    contract = shop.sold()
    world = shop.world
    press = world.offer(world.thing("press", world.owner("press")), price_minor=878, tax_category="Z")
    assert world.buy(shop.inks, press).code == 0
    assert world.refund(contract, 1_190).code == EXCEEDS_CREDITS


# --- reads


def test_both_sides_read_an_invoice_and_nobody_else_does(shop: Shop) -> None:
    """[INV-8]"""
    shop.sold()
    state = shop.world.state
    for owner in (shop.inks, shop.anna):
        page = billing.list_invoices(state, Reader(owner.id, owner.id))
        assert [invoice.number for invoice in page.invoices] == [1] and page.next_after == NOWHERE
    eve = shop.world.owner("eve")
    assert not billing.list_invoices(state, Reader(eve.id, eve.id)).invoices
    for reader, code in (
        (Reader(eve.id, eve.id), Code.UNKNOWN_INVOICE),
        (Reader(shop.printer.id, shop.anna.id), Code.NOT_PERMITTED),
    ):
        with pytest.raises(Refusal) as refused:
            billing.invoice_view(state, reader, shop.inks.id, 1)
        assert refused.value.number == code
    with pytest.raises(Refusal):
        billing.invoice_view(state, Reader(shop.inks.id, shop.inks.id), "", 2)


def test_pages_of_invoices_follow_one_another(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """[INV-8]"""
    for _ in range(5):
        shop.sold()
    monkeypatch.setattr(billing, "INVOICES_PAGE_ROWS_MAX", 2)
    monkeypatch.setattr(billing, "QUERY_ROWS_MAX", 2)
    reader, after = Reader(shop.inks.id, shop.inks.id), NOWHERE
    numbers: list[int] = []
    lines: list[tuple[TaxKey, TaxSum]] = []
    while True:
        page = billing.list_invoices(shop.world.state, reader, after)
        numbers += [invoice.number for invoice in page.invoices]
        if (after := page.next_after) == NOWHERE:
            break
    while True:
        part = billing.tax_statement(shop.world.state, reader, from_ms=0, to_ms=2**53, after=after)
        lines += part.lines.items()
        if (after := part.next_after) == NOWHERE:
            break
    assert numbers == [1, 2, 3, 4, 5]
    ((_, whole),) = summed(lines).items()
    assert (whole.invoices, whole.tax_minor) == (5, 950)


def test_a_tax_statement_is_per_thing_and_jurisdiction_and_equals_the_movements(shop: Shop) -> None:
    """[TAX-3] [TAX-4]"""
    world = shop.world
    second = world.thing("second shop", shop.inks)
    contract = shop.sold(price_minor=10_000)
    shop.sold("US-CA", price_minor=10_000)
    other = world.bought(shop.printer, world.offer(second, jurisdiction="DE", tax_category="R"))
    world.deliver(other)
    world.accept(other)
    world.refund(contract, 1_190)
    reader = Reader(shop.inks.id, shop.inks.id)
    month = billing.tax_statement(world.state, reader, from_ms=0, to_ms=world.time_ms + 1).lines
    found = {
        (key.party, key.jurisdiction, key.category): (line.taxable_minor, line.tax_minor, line.credit_notes)
        for key, line in month.items()
    }
    assert found == {
        (shop.shop.id, "DE", "S"): (9_000, 1_710, 1),
        (shop.shop.id, "US-CA", "S"): (10_000, 725, 0),
        (second.id, "DE", "R"): (1_000, 70, 0),
    }
    for key, line in month.items():
        row = f"{key.jurisdiction}:{key.category}".encode()
        assert shop.kept(AccountKind.TAX_PAYABLE, reference=row) == line.tax_minor
    bought = billing.tax_statement(
        world.state, Reader(shop.anna.id, shop.anna.id), from_ms=0, to_ms=2**53
    ).lines
    assert {key.party for key in bought} == {shop.printer.id} and not any(key.sold for key in bought)
    assert sum(line.tax_minor for line in bought.values()) == sum(line.tax_minor for line in month.values())
    none = billing.tax_statement(world.state, reader, from_ms=0, to_ms=world.time_ms).lines
    assert not none


def test_the_books_are_the_same_after_a_snapshot(shop: Shop) -> None:
    """[INV-7]"""
    contract = shop.sold()
    shop.world.refund(contract, 100)
    restored = State.restore(shop.world.state.snapshot())
    assert restored.charges == CHARGES and restored.state_root() == shop.world.state.state_root()
    assert not list(books.violations(restored))
    reader = Reader(shop.anna.id, shop.anna.id)
    assert billing.list_invoices(restored, reader) == billing.list_invoices(shop.world.state, reader)


def test_books_that_were_changed_by_hand_are_found_out(shop: Shop) -> None:
    """[INV-7]"""
    shop.sold()
    state = shop.world.state
    (name,) = state.invoices
    record = state.invoices[name]
    changes: list[Any] = [
        {"tax_minor": 189},
        {"payable_minor": 1_189},
        {"fee_minor": 24},
        {"refunded_minor": 1},
    ]
    for change in changes:
        state.invoices.put(name, replace(record, **change))
        assert list(books.violations(state)), change
    state.invoices.put(name, record)
    assert not list(books.violations(state))


def test_an_operator_whose_turnover_would_overflow_refuses_the_purchase_and_not_its_release(
    shop: Shop,
) -> None:
    """[SET-6]"""
    digest = shop.world.offer(shop.shop, jurisdiction="DE")
    ledger = shop.world.state.ledger
    account = ledger.find(owner=1, ledger=978, kind=AccountKind.TAX_PAYABLE, reference=b"DE:S")
    assert account is not None
    ledger._accounts.post(account, account, LEDGER_AMOUNT_MAX - ledger.turnover(account))
    assert shop.world.buy(shop.printer, digest).code == Code.OUT_OF_RANGE
