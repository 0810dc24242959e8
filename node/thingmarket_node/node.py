"""The node as a process: opens its files, replays its log, serves, and shuts down in order."""

import asyncio
import contextlib
import gc
import logging
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from thingmarket.errors import Code, Refusal
from thingmarket.identity.cards import UNIX_PREFIX
from thingmarket.limits import HOUR_MS, PROJECTION_BATCH_MAX, SNAPSHOT_EVERY_ENTRIES
from thingmarket.market.funding import brought_in
from thingmarket.wire.handshake import node_card, node_card_text, read_node_card_text
from thingmarket_node.certificates import NodeCertificates
from thingmarket_node.config import Config
from thingmarket_node.core.boot import Replay
from thingmarket_node.core.calls import NodeKeys
from thingmarket_node.core.core import Core
from thingmarket_node.core.messages import Published
from thingmarket_node.gate import SERVER_OPTIONS, Gate
from thingmarket_node.home import Home, NodeIdentity, load_config, load_identity
from thingmarket_node.insight import Insight
from thingmarket_node.journal import Journal
from thingmarket_node.projection import Projection
from thingmarket_node.rails import PlayMoney
from thingmarket_node.servicers.registration import SERVICES, register
from thingmarket_node.shell import Shell, now
from thingmarket_node.vault import Vault

log = logging.getLogger("thingmarket.node")

YOUNG_OBJECTS = 50_000  # the state makes few cycles, and each of its rows is dozens of objects
DRAIN_S = 1.5  # calls under way get this long; a stop takes less than 3 s in all
CLOSE_S = 0.3  # then connections are cut


@dataclass(frozen=True, slots=True)
class Ready:
    """A node that serves."""

    address: str
    card: str
    node: str
    entries: int


async def run_node(home: Home, *, ready: Callable[[Ready], None]) -> int:
    """Serve until SIGTERM, SIGINT or a lost log; returns the exit code."""
    identity, config, started_ms = load_identity(home), load_config(home), now().wall_ms
    certificates = None
    if not config.plaintext:
        certificates = NodeCertificates(
            node_id=identity.node, issuer_seed=identity.tls_seed, now_ms=started_ms
        )
    async with contextlib.AsyncExitStack() as parts:
        journal = Journal.open(home.journal, create=False, seal_key=identity.seal_key)
        parts.callback(journal.close)
        vault = Vault.open(home.vault, home.vault_key)
        parts.callback(vault.close)
        projection = await Projection.open(home.projection)
        parts.push_async_callback(projection.close)
        keys = node_keys(identity, certificates)
        core = await come_up(journal, keys, projection)
        _spare_the_collector()
        given_minor = sum(brought_in(core.state, currency) for currency in core.state.currencies)
        rail = PlayMoney(config.play_money_max_minor, given_minor=given_minor)
        insight = await Insight.open(home.projection)
        parts.push_async_callback(insight.close)
        shell = Shell(core, journal=journal, vault=vault, rail=rail, projection=projection, insight=insight)
        parts.callback(shell.close)
        if config.metrics:
            _serve_metrics(parts, shell, config.metrics)
        server = grpc.aio.server(interceptors=(Gate(),), options=SERVER_OPTIONS)
        register(server, shell, started_ms=started_ms)
        parts.push_async_callback(server.stop, CLOSE_S)
        front = Front(home=home, identity=identity, config=config, certificates=certificates)
        return await _serve(front, shell, server, ready)


def _serve_metrics(parts: contextlib.AsyncExitStack, shell: Shell, address: str) -> None:
    try:
        scraped = shell.metrics.serve(address, shell)
    except OSError as error:
        raise Refusal(Code.BUSY, f"metrics cannot listen on {address}: {error.strerror}") from None
    parts.callback(scraped.server_close)
    parts.callback(scraped.shutdown)
    sampling = asyncio.create_task(_sample_the_loop(shell))
    parts.callback(sampling.cancel)


async def _sample_the_loop(shell: Shell) -> None:
    """Every second: how late does the loop wake who asked to be woken?"""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + 1.0
        await asyncio.sleep(1.0)
        shell.metrics.loop_lag_seconds.observe(max(0.0, loop.time() - due))


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """What a node shows to the outside: its folder, who it is, where and how it listens."""

    home: Home
    identity: NodeIdentity
    config: Config
    certificates: NodeCertificates | None


def _spare_the_collector() -> None:
    """What was replayed lives for as long as the process: walking through it again and again is a stall."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 100)


def node_keys(identity: NodeIdentity, certificates: NodeCertificates | None) -> NodeKeys:
    """What a running node signs with and shows."""
    return NodeKeys(
        node=identity.node,
        network_id=identity.network_id,
        identity=identity.identity,
        log=identity.log,
        certificate_hash=certificates.leaf.certificate_hash if certificates else b"",
    )


async def come_up(journal: Journal, keys: NodeKeys, projection: Projection) -> Core:
    """Come up from the newest snapshot that the projection has reached, and hand it what it does not have.

    One that was deleted is filled from the beginning, without a snapshot.
    """
    loop, head = asyncio.get_running_loop(), projection.head()

    def hand_over(told: list[Published]) -> None:
        if told:  # a thread waits here for the writer, so that outcomes never pile up
            asyncio.run_coroutine_threadsafe(_fill(projection, told), loop).result()

    def replayed() -> Core:
        replay, told = Replay(journal.read(), journal.latest_snapshot(head)), list[Published]()
        for outcomes in replay.outcomes(head):
            told += outcomes
            if len(told) >= PROJECTION_BATCH_MAX:
                hand_over(told)
                told = []
        hand_over(told)
        return replay.core(keys, now(), snapshot_every=SNAPSHOT_EVERY_ENTRIES)

    gc.disable()  # nothing of what is read becomes rubbish, and looking for it takes a third of the time
    try:
        return await asyncio.to_thread(replayed)
    finally:
        gc.enable()


async def _fill(projection: Projection, told: list[Published]) -> None:
    for outcome in told:
        await projection.fill(outcome)


async def _serve(front: Front, shell: Shell, server: grpc.aio.Server, ready: Callable[[Ready], None]) -> int:
    stop = _stop_signal()
    health_servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    reflection.enable_server_reflection((*SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    address = _listen(server, _wanted_address(front), front.certificates)
    event = front.identity.signed_event
    card = node_card(address=address, plaintext=front.config.plaintext, signed_key_event=event)
    text = node_card_text(card)
    front.home.card.write_text(text + "\n")
    await server.start()
    for service in ("", *SERVICES):
        await health_servicer.set(service, health_pb2.HealthCheckResponse.SERVING)
    ready(Ready(address, text, front.identity.node, shell.core.durable_seq))
    upkeep = asyncio.create_task(_keep_fresh(front.certificates, shell))
    try:
        await asyncio.wait((stop, shell.fatal), return_when=asyncio.FIRST_COMPLETED)
    finally:
        upkeep.cancel()
    await health_servicer.enter_graceful_shutdown()
    if shell.fatal.done():
        return 1
    log.info("stopping on %s", stop.result())
    await shell.drain(DRAIN_S)
    return 0


def _stop_signal() -> asyncio.Future[str]:
    loop = asyncio.get_running_loop()
    stop: asyncio.Future[str] = loop.create_future()

    def told(name: str) -> None:
        if not stop.done():
            stop.set_result(name)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told, number.name)
    return stop


def _wanted_address(front: Front) -> str:
    """With port 0 where the node listened last, if that is free: cards that others have stay true."""
    host, _, port = front.config.address.rpartition(":")
    if port != "0" or front.config.address.startswith(UNIX_PREFIX):
        return front.config.address
    try:
        last = read_node_card_text(front.home.card.read_text()).address
    except (OSError, ValueError, Refusal):
        return front.config.address  # it listens for the first time
    last_host, _, last_port = last.rpartition(":")
    if last_host != host or not _is_free(host.strip("[]"), last_port):
        return front.config.address
    return last


def _is_free(host: str, port: str) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except (OSError, ValueError):
            return False
    return True


def _listen(server: grpc.aio.Server, wanted: str, certificates: NodeCertificates | None) -> str:
    try:
        if certificates is None:
            log.warning("PLAINTEXT: everybody on this machine can read and change what is sent")
            port = server.add_insecure_port(wanted)
        else:
            port = server.add_secure_port(wanted, certificates.server_credentials())
    except RuntimeError:
        port = 0
    if port == 0:
        raise Refusal(Code.BUSY, f"cannot listen on {wanted}; free it, or set another in node.toml")
    if wanted.startswith(UNIX_PREFIX):
        return wanted
    return f"{wanted.rpartition(':')[0]}:{port}"


async def _keep_fresh(certificates: NodeCertificates | None, shell: Shell) -> None:
    """Every hour: destroy sealed parts whose time has ended, and renew the certificate when it is due."""
    while True:
        await shell.expire_sealed()
        await asyncio.sleep(HOUR_MS / 1000)
        if certificates is not None and certificates.renew(now().wall_ms):
            shell.core.use_certificate(certificates.leaf.certificate_hash)
