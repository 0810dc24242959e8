"""The SDK for programs without asyncio: the same things and owners, and every call waits for its answer.

    from thingmarket_client.blocking import BlockingThing

    with BlockingThing(Path("printer"), card) as printer:
        printer.present()
        printer.flush()  # what a power cut left unanswered
        need = printer.need(title="Ink", category="44103105", quantity_steps=2)
        printer.announce(need)
        bought = printer.buy(need)
        with printer.watch(since=bought.receipt.seq) as changes:
            for change in changes:
                if change.reference == bought.contract and change.state == "DELIVERED":
                    break
        printer.accept(bought.contract)

Names, parameters and exceptions are those of `Thing` and `Owner`; `Closed` is what a call gets after
`close()`. All blocking parties of a process share one background thread.
"""

from thingmarket_client.blocking.owner import BlockingOwner
from thingmarket_client.blocking.thing import BlockingThing
from thingmarket_client.blocking.watching import BlockingWatch
from thingmarket_client.errors import Closed

__all__ = ["BlockingOwner", "BlockingThing", "BlockingWatch", "Closed"]
