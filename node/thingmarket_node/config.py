"""How a node is configured: one TOML file into one frozen value; every key is explained in the sample."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from thingmarket.errors import Code, Refusal
from thingmarket.identity.cards import checked_address, is_loopback

SAMPLE = """\
# thingmarket node. Written by `thingmarket node init`; read once, at start.

# Where the node listens: host:port, [ipv6]:port or unix:path. Port 0 takes the last one, or a free one.
address = "{address}"

# Serve without TLS. Loopback addresses only; the node says so loudly.
plaintext = {plaintext}

# Play money: owners get what they ask `owner fund` for, up to this many minor units in all.
# 0 = none. Never on a node whose money means something.
play_money_max_minor = {play_money_max_minor}

# Prometheus metrics over HTTP at /metrics: a loopback host:port, as in "127.0.0.1:9464". Empty = none.
metrics = ""
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Settings of one node."""

    address: str
    plaintext: bool = False
    play_money_max_minor: int = 0
    metrics: str = ""


def read_config(path: Path) -> Config:
    """Read the file (BAD_FIELD names the key that is wrong)."""
    try:
        found = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise Refusal(Code.BAD_FIELD, f"{path.name}: {error}") from None
    unknown = set(found) - {"address", "plaintext", "play_money_max_minor", "metrics"}
    if unknown or "address" not in found:
        raise Refusal(Code.BAD_FIELD, f"{path.name}: unknown {sorted(unknown)} or no address")
    if not isinstance(found.get("plaintext", False), bool):
        raise Refusal(Code.BAD_FIELD, f"{path.name}: plaintext is true or false")
    money = found.get("play_money_max_minor", 0)
    if not isinstance(money, int) or isinstance(money, bool) or money < 0:
        raise Refusal(Code.BAD_FIELD, f"{path.name}: play_money_max_minor is a whole number from 0")
    address = str(found["address"])
    if not address.endswith(":0"):
        checked_address(address)
    metrics = str(found.get("metrics", ""))
    if metrics and not (is_loopback(metrics) and metrics.rpartition(":")[2].isdigit()):
        raise Refusal(
            Code.BAD_FIELD,
            f"{path.name}: metrics is a loopback address with a port: they tell what is traded",
        )
    config = Config(
        address=address, plaintext=found.get("plaintext", False), play_money_max_minor=money, metrics=metrics
    )
    if config.plaintext and not is_loopback(address):
        raise Refusal(Code.BAD_FIELD, f"{path.name}: plaintext is for loopback addresses only")
    return config
