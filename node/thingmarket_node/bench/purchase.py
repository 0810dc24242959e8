"""`bench purchase`: signed purchases end to end over gRPC, each answered durably with a funded contract.

A node process and one load process share the machine. 64 things, each with a session of its own, buy one
piece each time: closed loop with one purchase in flight for the rate, then open loop at half of that rate,
timed from the intended moment, for the latencies. The reference is QueryService.GetOffer in the same closed
loop: a call of the same session that reads one row.
"""

import asyncio
import resource
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from thingmarket.catalog.offers import FulfilmentKind, Offer
from thingmarket.contract.orders import FundRequest, Purchase
from thingmarket.identity import did
from thingmarket.identity.envelope import Signed, TypeId
from thingmarket.identity.keys import SigningKey
from thingmarket.identity.mandates import Autonomy, mandate_digest
from thingmarket.ids import Digest, Key, PartyId, make_key
from thingmarket.limits import DAY_MS, HOUR_MS, MINUTE_MS
from thingmarket.time import UnixMs
from thingmarket.wire import catalog, identity, reads, trade
from thingmarket_client.keystore import OwnerKeys
from thingmarket_client.mandates import root_link, spending_limit
from thingmarket_client.outbox import Letter
from thingmarket_client.session.session import Caller, Session
from thingmarket_client.witness import Witness
from thingmarket_node.bench.layers import cpu_us_by_layer
from thingmarket_node.bench.node_under_load import NodeUnderLoad, node_under_load

THINGS: Final = 64
OWNERS: Final = 8
PRICE_MINOR: Final = 1_000
TOTAL_MINOR: Final = 1_190
FUNDS_MINOR: Final = 10_000_000_00
CATEGORY: Final = "44103105"


@dataclass(slots=True)
class Buyer:
    """A thing with its session and its mandate."""

    session: Session
    leaf: bytes


def measure(seconds: float = 10.0) -> dict[str, Any]:
    """Run the load; half of `seconds` closed loop, half open loop."""
    with node_under_load() as node:
        found = asyncio.run(_measured(node, seconds))
        node.stop()
        layers = cpu_us_by_layer(node.home / "journal.db")
    layers["rest"] = max(0.0, found["figures"]["node_cpu_us"] - sum(layers.values()))
    found["figures"]["node_cpu_by_layer_us"] = {name: round(value, 1) for name, value in layers.items()}
    return found


async def _measured(node: NodeUnderLoad, seconds: float) -> dict[str, Any]:
    offer, buyers = await _market(node)
    try:
        await _closed_loop(buyers, lambda buyer: _buy(buyer, offer), 0.5)  # connections and caches warm up
        call = await _closed_loop(buyers, lambda buyer: _look(buyer, offer), seconds / 5)
        node_cpu, own_cpu = node.cpu_s(), _own_cpu_s()
        rate = await _closed_loop(buyers, lambda buyer: _buy(buyer, offer), seconds / 2)
        node_us = (node.cpu_s() - node_cpu) / rate.count * 1e6
        client_us = (_own_cpu_s() - own_cpu) / rate.count * 1e6
        paced = await _open_loop(buyers, lambda buyer: _buy(buyer, offer), rate.per_s / 2, seconds / 2)
    finally:
        await asyncio.gather(*(buyer.session.close() for buyer in buyers))
    return {
        "figures": {
            "purchases_per_s": round(rate.per_s),
            "closed_loop_p50_ms": rate.percentile_ms(50),
            "closed_loop_p99_ms": rate.percentile_ms(99),
            "p50_ms": paced.percentile_ms(50),
            "p99_ms": paced.percentile_ms(99),
            "node_cpu_us": round(node_us, 1),
            "client_cpu_us": round(client_us, 1),
            "node_rss_mb": round(node.rss_mb(), 1),
        },
        "references": {"reads_per_s": round(call.per_s)},
        "ratios": {"purchases_to_reads": round(rate.per_s / call.per_s, 3)},
    }


def _own_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


# --- the market that is bought in


async def _market(node: NodeUnderLoad) -> tuple[Digest, list[Buyer]]:
    _, seller_session = await _owner(node)
    offer = Offer(
        key=_key(),
        product_id="bench-piece",
        title="A piece",
        category=CATEGORY,
        unit="C62",
        currency="EUR",
        price_minor=PRICE_MINOR,
        price_base_steps=1,
        tax_category="S",
        stock_steps=1_000_000_000,
        min_steps=1,
        max_steps=10,
        valid_until_ms=_now_ms() + DAY_MS,
        fulfilment=FulfilmentKind.VIRTUAL,
        delivery_ms=HOUR_MS,
        inspection_ms=HOUR_MS,
    )
    published = await _send(seller_session, TypeId.PUBLISH_OFFER, catalog.publish_offer_body(offer))
    await seller_session.close()
    buyers: list[Buyer] = []
    for _ in range(OWNERS):
        keys, session = await _owner(node)
        wish = FundRequest(key=_key(), currency="EUR", amount_minor=FUNDS_MINOR)
        await _send(session, TypeId.FUND_REQUEST, trade.fund_request_body(wish))
        buyers += [await _buyer(node, keys) for _ in range(THINGS // OWNERS)]
        await session.close()
    return Digest(published), buyers


async def _owner(node: NodeUnderLoad) -> tuple[OwnerKeys, Session]:
    keys = OwnerKeys.made(network_id=node.card.key_event.network_id, now_ms=_now_ms())
    caller = Caller(party=keys.id, key=keys.signing_key, key_event=keys.key_event)
    session = Session(node.card, caller, Witness(node.card))
    await _send(session, TypeId.ADMIT_PARTY, identity.admit_party_body(_key(), keys.key_event))
    return keys, session


async def _buyer(node: NodeUnderLoad, owner: OwnerKeys) -> Buyer:
    key = SigningKey.from_seed(secrets.token_bytes(32))
    party = PartyId(did.encode(key.public))
    link: Signed = root_link(
        owner.signing_key,
        owner=owner.id,
        subject=party,
        network_id=node.card.key_event.network_id,
        autonomy=Autonomy.ADAPTABLE,
        not_before_ms=_now_ms() - MINUTE_MS,
        limits=[
            spending_limit("EUR", per_order_minor=100_00, per_day_minor=FUNDS_MINOR, total_minor=FUNDS_MINOR)
        ],
    )
    session = Session(node.card, Caller(party=party, key=key), Witness(node.card))
    await _send(session, TypeId.PRESENT_MANDATE, identity.present_mandate_body(_key(), [link]))
    return Buyer(session, mandate_digest(identity.read_mandate(link.payload)))


async def _send(session: Session, type_id: TypeId, body: bytes) -> bytes:
    answer = await session.submit(Letter(key=Key(body[2:18]), type_id=type_id, body=body))
    return answer.made().reference


# --- the load


async def _buy(buyer: Buyer, offer: Digest) -> None:
    key = _key()
    order = Purchase(key=key, offer=offer, quantity_steps=1, currency="EUR", total_minor=TOTAL_MINOR)
    letter = Letter(
        key=key, type_id=TypeId.PURCHASE, body=trade.purchase_body(order), mandate_leaf=buyer.leaf
    )
    (await buyer.session.submit(letter)).made()


async def _look(buyer: Buyer, offer: Digest) -> None:
    await buyer.session.ask(lambda query: query.GetOffer, reads.offer_request(offer))


@dataclass(frozen=True, slots=True)
class Timed:
    """Latencies in seconds, and the time that all of it took."""

    latencies_s: list[float]
    duration_s: float

    @property
    def count(self) -> int:
        """Calls that were answered."""
        return len(self.latencies_s)

    @property
    def per_s(self) -> float:
        """Calls per second."""
        return self.count / self.duration_s

    def percentile_ms(self, percent: int) -> float:
        """A percentile of the latencies, in milliseconds."""
        ranked = sorted(self.latencies_s)
        return round(ranked[min(len(ranked) - 1, len(ranked) * percent // 100)] * 1000, 2)


Act = Callable[[Buyer], Awaitable[None]]


async def _closed_loop(buyers: list[Buyer], act: Act, seconds: float) -> Timed:
    latencies: list[float] = []
    begin = time.perf_counter()

    async def one(buyer: Buyer) -> None:
        while (sent := time.perf_counter()) - begin < seconds:
            await act(buyer)
            latencies.append(time.perf_counter() - sent)

    await asyncio.gather(*map(one, buyers))
    return Timed(latencies, time.perf_counter() - begin)


async def _open_loop(buyers: list[Buyer], act: Act, per_s: float, seconds: float) -> Timed:
    """Each buyer starts at even intervals, whether or not the node keeps up."""
    latencies: list[float] = []
    begin, gap = time.perf_counter(), len(buyers) / per_s

    async def at(buyer: Buyer, due: float) -> None:
        await act(buyer)
        latencies.append(time.perf_counter() - due)

    async def one(buyer: Buyer, first: float) -> None:
        async with asyncio.TaskGroup() as calls:
            due = begin + first
            while due - begin < seconds:
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                calls.create_task(at(buyer, due))
                due += gap

    await asyncio.gather(*(one(buyer, gap * n / len(buyers)) for n, buyer in enumerate(buyers)))
    return Timed(latencies, time.perf_counter() - begin)


def _now_ms() -> UnixMs:
    return UnixMs(time.time_ns() // 1_000_000)


def _key() -> Key:
    return make_key(_now_ms(), secrets.token_bytes(10))
