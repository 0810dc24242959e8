"""How a device finds its owner: its label, the mandate that waits for it at the node, its registration."""

import asyncio
import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from thingmarket.errors import Code
from thingmarket.identity.claim_labels import ClaimLabel, device_tag, label_text
from thingmarket.identity.envelope import TypeId
from thingmarket.identity.things import (
    CLAIM_CODE_BYTES,
    SALT_BYTES,
    RegisterDevice,
    RegisterThing,
    check_register_device,
    check_register_thing,
    claim_commitment,
)
from thingmarket.ids import Key
from thingmarket.policy.decision import Fact
from thingmarket.policy.malfunctions import ReportMalfunction, Severity, check_report_malfunction
from thingmarket.wire import thing_views
from thingmarket.wire import things as wire
from thingmarket.wire.thing_views import ThingSeen
from thingmarket_client.errors import RefusedByNode, UnsafeFile
from thingmarket_client.keystore import create_private, read_private
from thingmarket_client.outbox import Letter
from thingmarket_client.trader import Trader

FACTORY_FILE: Final = "factory.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class FactoryPapers:
    """What a device is born with: model, serial number, and the secret code that is printed on its label."""

    model: str
    serial: str
    serial_salt: bytes = field(repr=False)
    code: bytes = field(repr=False)


def factory_papers(home: Path, model: str, serial: str) -> FactoryPapers:
    """The papers in a device's folder; made there when it has none (UnsafeFile)."""
    path = home / FACTORY_FILE
    if not path.exists():
        made = {
            "model": model,
            "serial": serial,
            "serial_salt": secrets.token_hex(SALT_BYTES),
            "code": secrets.token_hex(CLAIM_CODE_BYTES),
        }
        create_private(path, json.dumps(made, indent=1) + "\n")
    try:
        found = json.loads(read_private(path))
        return FactoryPapers(
            model=found["model"],
            serial=found["serial"],
            serial_salt=bytes.fromhex(found["serial_salt"]),
            code=bytes.fromhex(found["code"]),
        )
    except (ValueError, KeyError, TypeError):
        raise UnsafeFile(f"{path.name} is damaged; a device without its papers needs a new label") from None


class Onboarding(Trader):
    """What a thing does on its way to its owner, and says of itself later; every `Thing` is one."""

    async def register_device(self, model: str, serial: str) -> str:
        """Make itself known as a device that waits for its owner; the text of its label.

        The label is made once, with the papers in the folder; said again, it also unlocks a device for
        which too many wrong codes were tried.
        """
        papers = await asyncio.to_thread(factory_papers, self.home, model, serial)
        salt = secrets.token_bytes(SALT_BYTES)
        serial_commitment = hashlib.blake2b(
            papers.serial.encode(), key=papers.serial_salt, digest_size=32
        ).digest()
        body = RegisterDevice(
            key=self.new_key(),
            model=papers.model,
            serial_commitment=serial_commitment,
            claim_commitment=claim_commitment(salt, papers.code),
            salt=salt,
        )
        check_register_device(body)
        letter = Letter(
            key=Key(body.key), type_id=TypeId.REGISTER_DEVICE, body=wire.register_device_body(body)
        )
        (await self.post.deliver(letter)).made()
        return label_text(ClaimLabel(device_tag(self.id), papers.code))

    async def look_at_itself(self) -> ThingSeen:
        """How far it has come (UNKNOWN_THING before it registered)."""
        response = await self.session.ask(lambda stub: stub.GetThing, thing_views.thing_request())
        return thing_views.thing_value(response.thing)

    async def register(self, kind: str) -> None:
        """Say what it is, and take part from now on; again does no harm."""
        check_register_thing(RegisterThing(key=self.new_key(), kind=kind))
        try:
            await self.post.send(
                TypeId.REGISTER_THING,
                lambda key: wire.register_thing_body(RegisterThing(key=key, kind=kind)),
                leaf=self.leaf,
            )
        except RefusedByNode as refusal:
            if refusal.number != Code.WRONG_STATE:
                raise

    async def report_malfunction(
        self, component: str, severity: Severity, facts: Sequence[Fact] = ()
    ) -> None:
        """Say what is broken; what is critical quarantines the thing at once."""
        report = ReportMalfunction(
            key=self.new_key(),
            thing=self.id,
            component=component,
            severity=severity,
            facts=tuple(facts),
        )
        check_report_malfunction(report)
        await self._tell(TypeId.REPORT_MALFUNCTION, Key(report.key), wire.report_malfunction_body(report))
