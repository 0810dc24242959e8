"""The SDK for programs without asyncio: the same things and owners, and every call waits for its answer.

    from thingmarket_client.blocking import BlockingThing

    with BlockingThing(Path("printer"), card) as printer:
        printer.present()
        printer.flush()  # what a power cut left unanswered
        need = printer.need(title="Ink", category="44103105", quantity_steps=2)
        printer.announce(need)
        bought = printer.buy(printer.wait.for_offer(need))
        printer.wait.for_delivery(bought.contract)
        printer.accept(bought.contract)

    with printer.watch() as changes:  # or one by one: changes.wait(timeout_ms)
        for change in changes:
            print(change.state)

Names, parameters and exceptions are those of `Thing` and `Owner`; `Closed` is what a call gets after
`close()`. All blocking parties of a process share one background thread.
"""

from typing import TYPE_CHECKING, Any

from thingmarket_client.blocking.thing import BlockingThing
from thingmarket_client.blocking.watching import BlockingWatch
from thingmarket_client.errors import Closed

if TYPE_CHECKING:
    from thingmarket_client.blocking.owner import BlockingOwner

__all__ = ["BlockingOwner", "BlockingThing", "BlockingWatch", "Closed"]


def __getattr__(name: str) -> Any:
    """Load what is an owner's only for owners: a device has little memory."""
    if name != "BlockingOwner":
        raise AttributeError(f"thingmarket_client.blocking has no {name}")
    from thingmarket_client.blocking.owner import BlockingOwner  # noqa: PLC0415

    return BlockingOwner
