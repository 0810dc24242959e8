"""What devices do all day: sell and deliver, need and buy, or only say what they need."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from thingmarket.catalog.attributes import AttributeValue, ScaledInteger, shown
from thingmarket.catalog.choice import explain_choice
from thingmarket.catalog.needs import Need
from thingmarket.contract.contract import ContractState
from thingmarket.contract.fulfilment import FulfilmentState
from thingmarket.contract.units import Unit
from thingmarket.policy.decision import Fact
from thingmarket.wire.listings import NeedSeen
from thingmarket.wire.views import ContractSeen
from thingmarket_client.approvals import Pending
from thingmarket_client.choosing import Chosen
from thingmarket_client.errors import FateUnknown
from thingmarket_client.thing import Thing
from thingmarket_node.cli.amounts import written
from thingmarket_node.cli.inbox import became
from thingmarket_node.cli.inquiry import Inquiry
from thingmarket_node.cli.output import Output
from thingmarket_node.cli.parties import accepted_on_arrival, contract_value, ended, until
from thingmarket_node.cli.sheets import answers_of, need_of, offer_of, read_sheet
from thingmarket_node.cli.slots import Slot, slot_of, with_new_order

TO_DELIVER: Final = (FulfilmentState.PLANNED, FulfilmentState.READY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How a device behaves: which orders, from 1, it does not deliver or too late; how it accepts."""

    fails: frozenset[int] = frozenset()
    late_ms: Mapping[int, int] = field(default_factory=dict)
    accepts: bool = True


class Device:
    """A thing at work; it tells each step as it happens."""

    def __init__(self, thing: Thing, output: Output, habits: Habits) -> None:
        """Work for `thing`."""
        self._thing = thing
        self._output = output
        self._habits = habits
        self._orders = 0
        self._answers: dict[bytes, Mapping[str, AttributeValue]] = {}  # by offer: what is told on request
        self._questions_seq = 0

    def _slot(self, path: Path) -> Slot:
        sheet = read_sheet(path)
        fresh = Slot(
            sheet=sheet,
            began_ms=self._thing.session.now_ms,
            key=self._thing.new_key(),
            order_key=self._thing.new_key(),
        )
        return slot_of(self._thing.home, path, sheet, fresh)

    # --- a seller

    async def sell(self, sheets: Sequence[Path]) -> None:
        """Publish offers, then deliver what is bought, for ever."""
        for path in sheets:
            slot = self._slot(path)
            offer = offer_of(slot.sheet, key=slot.key, now_ms=slot.began_ms)
            digest = await self._thing.sell(offer)
            self._answers[digest] = answers_of(slot.sheet)
            cost = written(offer.price_minor, offer.currency)
            self._output.event(
                "selling",
                f"offers {offer.title}: {cost} without tax ({digest.hex()})",
                offer=digest.hex(),
                product_id=offer.product_id,
                price_minor=offer.price_minor,
            )
        self._output.event("ready", "waits for orders")

        async def serve() -> None:
            await self._answer_questions()
            for contract in await self._thing.contracts():
                if contract.seller == self._thing.id and contract.state is ContractState.ACTIVE:
                    await self._deliver(contract)

        await until(self._thing, serve)

    async def _answer_questions(self) -> None:
        """Tell what the sheets say, and decline the rest; a person may answer for other offers."""
        for question in await self._thing.questions(self._questions_seq):
            answers = self._answers.get(question.offer)
            if answers is not None and not question.asked_by_us and question.open:
                given = {name: answers[name] for name in question.names if name in answers}
                await self._thing.answer_facts(question, given)
                told = ", ".join(f"{name} is {shown(value)}" for name, value in given.items())
                self._output.event(
                    "answered",
                    f"answers: {told}" if given else f"declines to answer: {', '.join(question.names)}",
                    question=question.digest.hex(),
                    names=sorted(given),
                )
            self._questions_seq = question.seq

    async def _deliver(self, contract: ContractSeen) -> None:
        """Hand over every unit that is not on its way; while the buyer may cancel for nothing, none."""
        units = [unit for unit in contract.units if unit.fulfilment in TO_DELIVER]
        if not units:
            return
        self._orders += 1
        total = written(contract.total_minor, contract.currency)
        told = {"contract": contract.id.hex(), "total_minor": contract.total_minor}
        if self._orders in self._habits.fails:
            for unit in units:
                await self._thing.failed(contract.id, unit=unit.number)
            self._output.event("failed", f"cannot deliver the order of {total}: refunded", **told)
            return
        if (late_ms := self._habits.late_ms.get(self._orders)) is not None:
            due_ms = max(unit.deliver_by_ms for unit in units)
            await asyncio.sleep(max(0, due_ms + late_ms - self._thing.session.now_ms) / 1_000)
        for unit in units:
            if unit.fulfilment is FulfilmentState.PLANNED:
                await self._thing.ready(contract.id, unit=unit.number)
            handed_over = [Fact("delivered.steps", unit.quantity_steps)]
            await self._thing.delivered(contract.id, handed_over, unit=unit.number)
        self._output.event("delivered", f"delivers the order of {total}", **told)

    # --- a buyer

    async def buy(self, sheets: Sequence[Path]) -> list[dict[str, Any]]:
        """Fill one need after the other; what became of each."""
        return [await self._fill(path) for path in sheets]

    async def _fill(self, path: Path) -> dict[str, Any]:
        slot = self._slot(path)
        need, digest, bought = await self._announce(slot)
        bought = bought or await self._ordered_before(slot)
        if not bought:
            slot = with_new_order(self._thing.home, path, slot, self._thing.new_key())
            bought = await self._order(need, digest, slot)
        if not bought:
            return {"need": digest.hex(), "key": slot.order_key.hex(), "contract": ""}
        if self._habits.accepts:
            contract = await accepted_on_arrival(self._thing, bought, self._tell_accepted)
        else:
            contract = await ended(self._thing, bought)
        end = contract.history[-1]
        self._output.event(
            "ended",
            f"the order ended {end.state.value} by {end.cause}",
            contract=bought.hex(),
            state=end.state.value,
        )
        return {"need": digest.hex(), "key": slot.order_key.hex(), **contract_value(contract)}

    def _tell_accepted(self, unit: Unit) -> None:
        late = ", which came late" if unit.late_credit_minor else ""
        text = f"accepts unit {unit.number}{late}"
        self._output.event("accepted", text, unit=unit.number, late_credit_minor=unit.late_credit_minor)

    async def _ordered_before(self, slot: Slot) -> bytes:
        """The contract that an earlier run made for this need; none when it was refused or has failed."""
        try:
            known = await self._thing.post.answer_to(slot.order_key)
        except FateUnknown:
            return b""
        if known is None or known.code:
            return b""
        contract = await self._answer(known.reference) if known.pending else known.reference
        if not contract or (await self._thing.contract(contract)).state is ContractState.CANCELLED:
            return b""
        self._tell_again(contract)
        return contract

    def _tell_again(self, contract: bytes) -> None:
        name = contract.hex()
        self._output.event("bought", f"ordered it before: {name}", contract=name, again=True)

    async def _announce(self, slot: Slot) -> tuple[Need, bytes, bytes]:
        """The need, and the contract that fills it already; one that is open in its slot is that need."""
        need, contract = need_of(slot.sheet, key=slot.key, now_ms=slot.began_ms), b""
        if need.slot:
            seen = await self._thing.replenish(need)
            need, digest, contract = seen.need, seen.digest, seen.contract
        else:
            digest = await self._thing.announce(need)
        self._output.event(
            "needs",
            f"needs: {need.title} ({ScaledInteger(need.quantity_steps, need.unit_scale, need.unit)})",
            need=digest.hex(),
        )
        if contract:
            self._tell_again(contract)
        return need, digest, contract

    async def _answer(self, pending: bytes) -> bytes:
        """Wait for its owner's word on an order; the contract, if it came to one."""
        done = await self._thing.outcome_of(pending)
        told = {"order": pending.hex(), "contract": done.contract.hex()}
        if done.contract:
            self._output.event("bought", f"its owner said yes: contract {done.contract.hex()}", **told)
        else:
            self._output.event("refused", f"the order {became(done)}", **told)
        return done.contract

    async def _order(self, need: Need, digest: bytes, slot: Slot) -> bytes:
        chosen = await self._chosen(need)
        for line in explain_choice(chosen.choice):
            self._output.event("choice", f"  {line}")
        order = await self._thing.order(chosen, need=digest, key=slot.order_key)
        cost = order.price
        total, tax = written(cost.total_minor, order.currency), written(cost.tax_minor, order.currency)
        bought = await self._thing.purchase(order)
        if isinstance(bought, Pending):
            text = f"wants to buy for {total}, of which {tax} tax: its owner is asked"
            self._output.event("asks_owner", text, order=bought.id.hex(), total_minor=cost.total_minor)
            return await self._answer(bought.id)
        rules = bought.decision.rules if bought.decision else ()
        self._output.event(
            "bought",
            f"buys for {total}, of which {tax} tax: contract {bought.contract.hex()}\n"
            f"  allowed by {', '.join(rules)}",
            contract=bought.contract.hex(),
            total_minor=cost.total_minor,
            rules=list(rules),
            key=slot.order_key.hex(),
        )
        return bought.contract

    async def _chosen(self, need: Need) -> Chosen:
        """Choose as soon as there are offers, after asking for facts where none is known to fit."""
        inquiry = Inquiry(self._thing, self._output)

        async def offered() -> Chosen | None:
            found = await self._thing.search(need)
            if not found:
                return None
            chosen = await self._thing.choose(need, found)
            if chosen.choice.chosen is not None:
                return chosen
            if await inquiry.waits_for(chosen):
                return None
            # The last answer may have come after the search.
            return await self._thing.choose(need, await self._thing.search(need))

        chosen = await offered()
        if chosen is None:
            self._output.event("waits", "waits: nobody offers yet what is known to fit")
            chosen = await until(self._thing, offered)
        return chosen

    # --- an announcer

    async def announce(self, sheets: Sequence[Path]) -> list[dict[str, Any]]:
        """Say what is needed, and wait until somebody has bought it or it is over."""
        digests = [(await self._announce(self._slot(path)))[1] for path in sheets]
        self._output.event("ready", "waits for its owner")

        async def look() -> list[dict[str, Any]] | None:
            seen: dict[bytes, NeedSeen] = {need.digest: need for need in await self._thing.needs()}
            states = [seen[digest] for digest in digests if digest in seen]
            if len(states) < len(digests) or any(need.state in ("LIVE", "OPEN") for need in states):
                return None
            return [{"need": n.digest.hex(), "state": n.state, "contract": n.contract.hex()} for n in states]

        found = await until(self._thing, look)
        for one in found:
            self._output.event("filled", f"its need is {one['state']}: {one['contract']}", **one)
        return found
