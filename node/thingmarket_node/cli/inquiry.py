"""A buyer's questions to sellers whose offers may fit: asked once each, waited for only so long."""

from typing import Final

from thingmarket.errors import Code
from thingmarket.limits import MINUTE_MS, QUESTION_NAMES_MAX
from thingmarket_client.choosing import Chosen
from thingmarket_client.errors import RefusedByNode
from thingmarket_client.thing import Thing
from thingmarket_node.cli.output import Output

WAIT_MS: Final = 10 * MINUTE_MS  # a seller's device answers at once, a person may take this long
_OFFERS_MAX: Final = 4  # the best that may fit; who needs more facts than this should ask more narrowly
_NOT_ASKED: Final = (Code.ALREADY_KNOWN, Code.OFFER_ENDED, Code.DENIED, Code.OUT_OF_RANGE, Code.FULL)


class Inquiry:
    """What one buyer asked for one need."""

    def __init__(self, thing: Thing, output: Output) -> None:
        """Ask for `thing`."""
        self._thing = thing
        self._output = output
        self._waits_until_ms: dict[bytes, int] = {}

    async def waits_for(self, chosen: Chosen) -> bool:
        """Ask for what is missing, and tell whether an answer may still come."""
        for offer, names in chosen.askable[:_OFFERS_MAX]:
            if offer not in self._waits_until_ms:
                self._waits_until_ms[offer] = self._thing.session.now_ms + WAIT_MS
                await self._ask(offer, names)
        now_ms = self._thing.session.now_ms
        waiting = {offer for offer, until_ms in self._waits_until_ms.items() if until_ms > now_ms}
        questions = await self._thing.questions()
        return any(one.asked_by_us and one.open and one.offer in waiting for one in questions)

    async def _ask(self, offer: bytes, names: tuple[str, ...]) -> None:
        try:
            await self._thing.ask_facts(offer, names[:QUESTION_NAMES_MAX], wait_ms=WAIT_MS)
        except RefusedByNode as refusal:
            # Somebody else asked already, the offer ends before, or the owner's rules say no.
            if refusal.number not in _NOT_ASKED:
                raise
            return
        self._output.event(
            "asks", f"asks the seller for {', '.join(names)}", offer=offer.hex(), names=list(names)
        )
