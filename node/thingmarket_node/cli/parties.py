"""Opening owners and things from their folders, and waiting until something of theirs has changed."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from thingmarket.contract.contract import OPEN_STATES
from thingmarket.contract.fulfilment import FulfilmentState
from thingmarket.contract.units import Unit
from thingmarket.errors import Code, Refusal
from thingmarket.wire.views import ContractSeen
from thingmarket_client.keystore import OWNER_FILE, THING_FILE
from thingmarket_client.owner import Owner
from thingmarket_client.thing import Thing
from thingmarket_client.trader import Trader
from thingmarket_node.cli.cards import card_of

T = TypeVar("T")

PATIENCE_MS: Final = 6_000  # a person waits for the answer; what was not sent waits in the outbox
DEVICE_PATIENCE_MS: Final = 20_000  # a node restarts in less
LOOK_AGAIN_MS: Final = 2_000  # should a change be missed, as when the node restarts

home_argument: Final = click.argument("home", type=click.Path(path_type=Path))
node_option: Final = click.option(
    "--node", "card", help="Folder or card of the node, when it is a new one or has moved."
)


class MarketType(click.IntRange):
    """The number of a market."""

    name = "market number; `thingmarket market list HOME` shows them"


market_argument: Final = click.argument("market", type=MarketType(1))
Opening = Callable[..., Awaitable[Trader]]


async def open_owner(home: Path, card: str | None = None) -> Owner:
    """The owner of a folder (UNKNOWN_ENTRY, UnsafeFile)."""
    _check_there(home, OWNER_FILE, "owner")
    return await Owner.open(home, card_of(card) if card else None, patience_ms=PATIENCE_MS)


async def open_thing(home: Path, card: str | None = None, patience_ms: int = PATIENCE_MS) -> Thing:
    """The thing of a folder (UNKNOWN_ENTRY, UnsafeFile)."""
    _check_there(home, THING_FILE, "thing")
    return await Thing.open(home, card_of(card) if card else None, patience_ms=patience_ms)


async def open_party(home: Path, card: str | None = None) -> Trader:
    """The owner or thing of a folder, whichever it is."""
    if (home / OWNER_FILE).exists():
        return await open_owner(home, card)
    if not (home / THING_FILE).exists():
        where = "this folder" if home == Path() else str(home)
        raise Refusal(Code.UNKNOWN_ENTRY, f"{where} is no owner and no thing; name the folder of one")
    return await open_thing(home, card)


def check_free(home: Path) -> None:
    """Return when a folder holds no owner and no thing yet (ALREADY_KNOWN)."""
    for file, what in ((OWNER_FILE, "an owner"), (THING_FILE, "a thing")):
        if (home / file).exists():
            raise Refusal(Code.ALREADY_KNOWN, f"{home} is {what} already")


def _check_there(home: Path, file: str, what: str) -> None:
    if not (home / file).exists():
        raise Refusal(Code.UNKNOWN_ENTRY, f"{home} is no {what}; run `thingmarket {what} init` first")


async def until(party: Trader, look: Callable[[], Awaitable[T | None]]) -> T:
    """Look, and look again after every change that the node tells of, until there is something."""
    if (already := await look()) is not None:
        return already
    async with party.watch() as changes:
        while (found := await look()) is None:
            await changes.wait(LOOK_AGAIN_MS)
        return found


async def ended(party: Trader, contract: bytes) -> ContractSeen:
    """Wait until a contract has come to its end."""

    async def look() -> ContractSeen | None:
        seen = await party.contract(contract)
        return None if seen.state in OPEN_STATES else seen

    return await until(party, look)


def _in_silence(unit: Unit) -> None:
    """For who does not tell each part."""


async def accepted_on_arrival(
    party: Trader, contract: bytes, tell: Callable[[Unit], None] = _in_silence
) -> ContractSeen:
    """Wait for the goods of every unit, accept and tell them, and give back the contract at its end."""

    async def look() -> ContractSeen | None:
        seen = await party.contract(contract)
        return seen if seen.state not in OPEN_STATES or _arrived(seen) else None

    while (seen := await until(party, look)).state in OPEN_STATES:
        for unit in _arrived(seen):
            await party.accept(contract, unit=unit.number)
            tell(unit)
    return seen


def _arrived(seen: ContractSeen) -> list[Unit]:
    return [unit for unit in seen.units if unit.fulfilment is FulfilmentState.DELIVERED]


def unit_value(unit: Unit) -> dict[str, Any]:
    """A unit as one JSON object."""
    return {
        "number": unit.number,
        "milestone": unit.milestone,
        "quantity_steps": unit.quantity_steps,
        "total_minor": unit.total_minor,
        "fulfilment": unit.fulfilment.value,
        "escrow": unit.escrow.value,
        "deliver_by_ms": unit.deliver_by_ms,
        "inspect_by_ms": unit.inspect_by_ms,
        "delivered_ms": unit.delivered_ms,
        "late_credit_minor": unit.late_credit_minor,
        "invoice": unit.invoice,
    }


def contract_value(seen: ContractSeen, product_id: str = "") -> dict[str, Any]:
    """A contract as one JSON object."""
    return {
        "contract": seen.id.hex(),
        "state": seen.state.value,
        "fulfilment": seen.fulfilment.value,
        "escrow": seen.escrow.value,
        "buyer": seen.buyer,
        "buyer_owner": seen.buyer_owner,
        "seller": seen.seller,
        "seller_owner": seen.seller_owner,
        "product_id": product_id,
        "offer": seen.offer.hex(),
        "market": seen.market,
        "need": seen.need.hex(),
        "quantity_steps": seen.quantity_steps,
        "currency": seen.currency,
        "net_minor": seen.net_minor,
        "tax_minor": seen.tax_minor,
        "total_minor": seen.total_minor,
        "created_ms": seen.created_ms,
        "deliver_by_ms": seen.deliver_by_ms,
        "inspect_by_ms": seen.inspect_by_ms,
        "seq": seen.seq,
        "changed_seq": seen.changed_seq,
        "history": [
            {
                "state": event.state.value,
                "seq": event.seq,
                "time_ms": event.time_ms,
                "cause": event.cause,
                "facts": {fact.name: fact.value for fact in event.facts},
                "unit": event.unit,
            }
            for event in seen.history
        ],
        "units": [unit_value(unit) for unit in seen.units],
    }
