"""No secret leaves its place: a scan of every file that a node and its clients leave behind. [PRI-2]"""

import secrets
from dataclasses import replace
from pathlib import Path

from tests.network.canaries import files_below, found_in
from tests.network.raw_client import SUBMIT, RawClient, new_key
from tests.network.sealed_purchase import Sealed, sealed_purchase, send_sealed
from tests.network.small_market import SmallMarket
from thingmarket.contract.orders import Erase, RetentionClass
from thingmarket.errors import Code
from thingmarket.identity.envelope import TypeId
from thingmarket.identity.keys import SigningKey
from thingmarket.identity.mandates import Autonomy
from thingmarket.wire.trade import erase_body
from thingmarket_client import Owner, Thing, create_owner, create_thing, spending_limit
from thingmarket_client.keystore import load_owner_keys, load_thing_keys
from thingmarket_node.home import Home, load_identity

ADDRESS = b"Ada Canary, 1 Sealed Street"


def node_secrets(home: Path) -> dict[str, bytes]:
    who = load_identity(Home(home))
    return {
        "seed identity": who.identity._secret[:32],
        "seed log": who.log._secret[:32],
        "seed tls": who.tls_seed,
        "master key": (home / "vault.key").read_bytes(),
    }


def provoke(market: SmallMarket, parts: tuple[Sealed, ...], body: bytes) -> None:
    """Have the node refuse everything that could make it talk."""
    client, other = market.client, SigningKey.from_seed(secrets.token_bytes(32))
    stranger = client.stranger()
    refused = [
        client.send(market.printer, TypeId.PURCHASE, market.purchase(), key=other),
        client.send(market.printer, TypeId.PURCHASE, body[:-1]),
        client.send(replace(market.printer, token=stranger.token), TypeId.PURCHASE, market.purchase()),
        client.send(replace(market.printer, session=stranger.session), TypeId.PURCHASE, market.purchase()),
        send_sealed(market, body, (replace(parts[0], salt=bytes(32)), *parts[1:])),
        send_sealed(market, body, parts[:1]),
        client.call(SUBMIT, market.buyer.token, token=market.buyer.token),
        client.call(SUBMIT, parts[0].data, token=market.buyer.token),
    ]
    assert all(answered.code > 0 for answered in refused), refused


def test_a_node_keeps_its_secrets_where_they_belong_and_nowhere_else(start_node) -> None:
    node = start_node()
    with RawClient(node) as client:
        market = SmallMarket.open(node, client)
        body, parts = sealed_purchase(market, dict.fromkeys(RetentionClass, ADDRESS))
        provoke(market, parts, body)
        assert send_sealed(market, body, parts).code == 0
        client.made(market.buyer, TypeId.ERASE, erase_body(Erase(key=new_key())))
        again = client.again(market.printer)
        everybody = (market.seller, market.shop, market.buyer, market.printer, again)
        of_callers = {f"token {number}": one.token for number, one in enumerate(everybody)}
        of_callers |= {f"seed {number}": one.key._secret[:32] for number, one in enumerate(everybody)}
        of_callers |= {f"salt {number}": part.salt for number, part in enumerate(parts)}
        of_callers["sealed"] = ADDRESS
        assert found_in(files_below(node.home), of_callers) == [], "while it runs"
    node.restart(kill=True)
    assert node.stop() == 0
    own = node_secrets(node.home)
    everything = files_below(node.home)
    assert {"journal.db", "node.log", "projection.db", "vault.db"} <= {path.name for path in everything}
    assert found_in(everything, of_callers) == [], "after it ended"
    assert sorted(found_in(everything, own)) == [
        "master key in vault.key",
        "seed identity in keys.json",
        "seed log in keys.json",
        "seed tls in keys.json",
    ]
    assert {
        path.stat().st_mode & 0o077 for path in everything if path.name in ("keys.json", "vault.key")
    } == {0}


async def test_a_device_keeps_its_secrets_in_its_key_file(start_node, tmp_path: Path) -> None:
    node, homes = start_node(), tmp_path / "homes"
    create_owner(homes / "owner", node.network_id)
    async with await Owner.open(homes / "owner", node.card) as owner:
        await owner.admit()
        await owner.fund("EUR", 100_00)
        thing_id = create_thing(homes / "thing")
        async with await Thing.open(homes / "thing", node.card) as thing:
            limit = spending_limit("EUR", per_order_minor=100_00)
            await thing.adopt([owner.mandate(thing_id, Autonomy.AUTONOMOUS, limits=(limit,))])
            await thing.present()
            with RawClient(node) as client:
                market = SmallMarket.open(node, client)
            seen = await thing.reads.offer(market.offer)
            order = await thing.order(seen, 1, delivery={RetentionClass.CONTRACT: ADDRESS})
            await thing.place(order)
            grants = [trader.session._grant for trader in (owner, thing)]
            tokens = {f"token {n}": g.granted.token for n, g in enumerate(grants) if g is not None}
    assert len(tokens) == 2
    looked_for = tokens | {
        "seed owner": load_owner_keys(homes / "owner").seed,
        "seed thing": load_thing_keys(homes / "thing").seed,
        "sealed": ADDRESS,
        "salt": order.sealed[0].salt,
    }
    found = found_in(files_below(homes) + files_below(node.home), looked_for)
    assert sorted(found) == ["seed owner in owner.json", "seed thing in thing.json"]


def test_what_is_shown_of_a_secret_is_nothing(start_node) -> None:
    """`repr` is what ends up in logs and tracebacks."""
    node = start_node()
    who = load_identity(Home(node.home))
    with RawClient(node) as client:
        owner = client.owner()
        told = client.send(owner, TypeId.ERASE, b"\x0a\x03abc")
        assert told.code == Code.BAD_ID
    shown = f"{who!r} {who.identity!r} {owner!r}"
    for secret in (*node_secrets(node.home).values(), owner.key._secret[:32], owner.token):
        assert secret.hex() not in shown and repr(secret)[2:-1] not in shown
