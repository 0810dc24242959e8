"""An owner's books at a real node: a sale as invoice, tax and points, and money of two currencies."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.network.node_process import NodeProcess
from tests.network.test_sdk_trade import INK, free_address, owner_at, thing_at
from tests.unit.billing.samples import BUYER, SELLER
from thingmarket.billing.charges import Charges
from thingmarket.billing.invoice import InvoiceKind
from thingmarket.billing.ubl import invoice_xml
from thingmarket.contract.orders import RetentionClass
from thingmarket.errors import Code, Refusal
from thingmarket.identity.mandates import Action, Autonomy
from thingmarket.ids import NetworkId
from thingmarket_client import Owner, RefusedByNode, Thing, spending_limit
from thingmarket_node.cli.main import main
from thingmarket_node.config import Config
from thingmarket_node.home import init_node

LIMIT = spending_limit("EUR", per_order_minor=500_00, per_day_minor=500_00, total_minor=500_00)
ACTIONS = [Action.ANNOUNCE, Action.BUY, Action.ACCEPT_DELIVERY, Action.LOYALTY]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[tuple[Path, NodeProcess]]:
    folder, address = tmp_path / "node", free_address()
    init_node(
        folder,
        Config(address=address, plaintext=True, play_money_max_minor=10_000_000),
        network_id=NetworkId(secrets.token_bytes(16)),
        now_ms=time.time_ns() // 1_000_000,
        currencies=("EUR", "USD"),
        tax_basis_points=(("DE:S", 1_900), ("S", 1_900)),
        charges=Charges(fee_basis_points=250, reserve_basis_points=1_000, reserve_days=14),
    )
    running = NodeProcess.start(folder, tls=False, address=address)
    yield folder, running
    running.kill()
    assert not running.trouble


@dataclass
class Shopping:
    """A shop whose tax the operator collects, and a printer that has bought from it."""

    folder: Path
    homes: Path
    anna: Owner
    inks: Owner
    printer: Thing
    shop: Thing

    async def bought(self, price_minor: int, **details: Any) -> bytes:
        offer = self.shop.offer(
            product_id="ink",
            title="Ink & more",
            category=INK,
            currency="EUR",
            price_minor=price_minor,
            stock_steps=100,
            jurisdiction="DE",
        )
        seen = await self.printer.reads.offer(await self.shop.sell(offer))
        contract = (await self.printer.buy(seen, 1, **details)).contract
        await self.shop.delivered(contract)
        await self.printer.accept(contract)
        return contract


@pytest.fixture
async def shopping(home: tuple[Path, NodeProcess], tmp_path: Path) -> AsyncIterator[Shopping]:
    folder, node = home
    async with AsyncExitStack() as open_ones:
        anna = await open_ones.enter_async_context(await owner_at(node, tmp_path / "anna"))
        inks = await open_ones.enter_async_context(await owner_at(node, tmp_path / "inks"))
        await anna.fund("EUR", 500_00)
        printer = await thing_at(
            node, tmp_path / "printer", anna, Autonomy.ADAPTABLE, limits=[LIMIT], actions=ACTIONS
        )
        await open_ones.enter_async_context(printer)
        shop = await thing_at(node, tmp_path / "shop", inks, Autonomy.BOUND, actions=[Action.SELL])
        await open_ones.enter_async_context(shop)
        await inks.open_programme("ink-club", "EUR", earn_basis_points=100, value_minor=2)
        yield Shopping(folder, tmp_path, anna, inks, printer, shop)


async def thingmarket(*arguments: str) -> None:
    assert await asyncio.to_thread(main, list(arguments)) == 0


async def test_a_sale_is_invoiced_taxed_refunded_and_earns_points(
    shopping: Shopping, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """[INV-1] [INV-5] [INV-8] [TAX-4] [PTS-3] [PTS-4] [SET-9]"""
    anna, inks = shopping.anna, shopping.inks
    address = {"name": "Anna Müller", "country": "DE", "city": "Berlin"}
    contract = await shopping.bought(100_00, delivery={RetentionClass.TAX: json.dumps(address).encode()})
    (invoice,) = await inks.invoices()
    assert invoice == await anna.invoice(1, seller=inks.id)
    assert (invoice.totals.payable_minor, invoice.totals.tax_minor, invoice.points_earned) == (
        119_00,
        19_00,
        100,
    )
    assert b"<cbc:PayableAmount" in invoice_xml(invoice, seller=SELLER, buyer=BUYER)
    # 100 points are worth 2.00 off the net of the next one
    await shopping.bought(50_00, points=100)
    assert (await anna.balances())[0].available_minor == 500_00 - 119_00 - (48_00 + 9_12)
    await inks.refund(contract, 11_90)
    note = (await anna.invoices())[-1]
    assert (note.kind, note.corrects, note.totals.tax_minor) == (InvoiceKind.CREDIT_NOTE, 1, 1_90)
    ((key, line),) = (await inks.tax_statement(0, 2**53 - 1)).items()
    assert (key.sold, key.jurisdiction, key.party) == (True, "DE", shopping.shop.id)
    assert (line.tax_minor, line.invoices, line.credit_notes) == (19_00 + 9_12 - 1_90, 2, 1)
    with pytest.raises(RefusedByNode) as refused:
        await inks.refund(contract, 119_00)
    assert refused.value.number == Code.REFUND_TOO_HIGH
    with pytest.raises(Refusal):
        await anna.invoice(1)
    await _exported_by_the_command_line(shopping, tmp_path, capsys)


async def _exported_by_the_command_line(
    shopping: Shopping, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The buyer's name comes out of what he sealed for this purchase, the seller's from a file."""
    file, seller = tmp_path / "1.xml", tmp_path / "seller.json"
    seller.write_text(json.dumps({"name": "Inks GmbH", "country": "DE", "tax_id": "DE123456789"}))
    inks = str(shopping.homes / "inks")
    await shopping.inks.close()
    await thingmarket("owner", "invoice", inks, "1", "--ubl", str(file), "--seller-party", str(seller))
    document = file.read_text()
    assert "Anna Müller" in document and "Inks GmbH" in document and ">119.00<" in document
    month = time.strftime("%Y-%m", time.gmtime())
    await thingmarket("owner", "tax-statement", inks, "--month", month, "--json")
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["rows"][0]["jurisdiction"] == "DE"
    await thingmarket("owner", "points", inks)
    assert "ink-club" in capsys.readouterr().out


async def test_the_operator_offers_a_rate_and_an_owner_changes_money(
    shopping: Shopping, capsys: pytest.CaptureFixture[str]
) -> None:
    """[FX-1] [FX-2]"""
    pair = ("--from", "EUR", "--to", "USD")
    await thingmarket("node", "rate", str(shopping.folder), "110/100", *pair, "--most", "300.00")
    (rate,) = await shopping.anna.rates("EUR", "USD")
    await shopping.anna.convert(rate.digest, 100_00, 110_00)
    balances = {row.currency: row.available_minor for row in await shopping.anna.balances()}
    assert balances == {"EUR": 400_00, "USD": 110_00}
    with pytest.raises(RefusedByNode) as refused:
        await shopping.anna.convert(rate.digest, 1_00, 1_11)
    assert refused.value.number == Code.RATE_TOO_LOW
    (rate,) = await shopping.anna.rates()
    assert rate.left_minor == 200_00
    # [OPS-5] what came in is what is held: in wallets, and aside for the rate
    await thingmarket("node", "books", str(shopping.folder), "--json")
    books = json.loads(capsys.readouterr().out.splitlines()[-1])["books"]
    assert {name: minor for name, minor in books["EUR"]["held"].items() if minor} == {
        "wallets": 400_00,
        "rates": 100_00,
    }
    assert books["EUR"]["paid_in_minor"] == 500_00
    assert sum(books["USD"]["held"].values()) == books["USD"]["paid_in_minor"] == 330_00
    await thingmarket("node", "books", str(shopping.folder))
    assert "together 500.00 EUR; paid in 500.00 EUR" in capsys.readouterr().out
