"""How people name a thing: by its folder on this machine, or by its did:key."""

from pathlib import Path
from typing import Any

import click

from thingmarket.identity.did import DID_PREFIX
from thingmarket.identity.parties import checked_party_id
from thingmarket.ids import PartyId
from thingmarket_client.keystore import THING_FILE, load_thing_keys


def is_key(thing: str) -> bool:
    """Whether it is named by its key, so that its folder may be elsewhere."""
    return thing.startswith(DID_PREFIX)


def subject_of(thing: str) -> PartyId:
    """The thing of a folder or a did:key (BAD_ID, UnsafeFile)."""
    if is_key(thing):
        return checked_party_id(thing)
    if not (Path(thing) / THING_FILE).exists():
        raise click.BadParameter(f"{thing} is neither the folder of a thing nor a did:key")
    return load_thing_keys(Path(thing)).id


def subject_if_named(_: click.Context, __: click.Parameter, thing: Any) -> str:
    """For an option: the thing that it names, or nothing."""
    return subject_of(thing) if thing else ""
