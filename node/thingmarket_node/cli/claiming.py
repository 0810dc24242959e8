"""How a thing comes to its owner: the label of the factory, the claim, the mandate, the registration."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from thingmarket.errors import Code, Refusal
from thingmarket.identity.things import TRADING, ThingState
from thingmarket.ids import PartyId
from thingmarket.policy.decision import Fact
from thingmarket.policy.malfunctions import Severity
from thingmarket.wire.thing_views import ThingSeen
from thingmarket_client.keystore import THING_FILE
from thingmarket_client.owner import Owner
from thingmarket_client.thing import Thing, create_thing
from thingmarket_node.cli.authority import mandate, signed_mandate
from thingmarket_node.cli.output import Output, json_option
from thingmarket_node.cli.parties import check_free, home_argument, node_option, open_owner, open_thing, until

_LOOK_AGAIN_S: Final = 1.0
_NOT_OF_A_CLAIM: Final = frozenset({"home", "thing", "out", "card", "as_json", "autonomy"})

C = TypeVar("C", bound=click.Command)


def mandate_options(command: C) -> C:
    """Give a command the options by which `owner mandate` says what a thing may do."""
    command.params += [param for param in mandate.params if param.name not in _NOT_OF_A_CLAIM]
    return command


def read_fact(text: str) -> Fact:
    """Read `temperature=19` or `error=E42` (UsageError)."""
    name, sign, value = text.partition("=")
    if not (name and sign and value):
        raise click.UsageError(f"--fact {text!r} is not like temperature=19")
    digits = value.removeprefix("-")
    return Fact(name, int(value) if digits.isascii() and digits.isdigit() else value)


@click.command()
@home_argument
@click.option("--node", "card", help="Folder or card of the node to wait at; asked for once.")
@click.option("--model", default="thing", show_default=True, help="What the maker calls it.")
@click.option("--serial", default="0", help="Serial number; the node sees only a commitment to it.")
@click.option("--kind", default="thing", show_default=True, help="What it says it is, once it is claimed.")
@click.option("--wait", is_flag=True, help="Wait for the owner, and take part as soon as he has claimed it.")
@json_option
def factory(
    home: Path, card: str | None, model: str, serial: str, kind: str, *, wait: bool, as_json: bool
) -> None:
    """Make a device in the folder HOME that waits for its owner, and print the label for its back.

    Said again it prints the same label, and waits anew at the node.

    \b
    Example:
      thingmarket thing factory machine --node market --model VM-1 --wait
      thingmarket thing claim 7Q2M-... --owner anna
    """
    if not (home / THING_FILE).exists():
        if card is None:
            raise click.UsageError("say with --node where the device is to wait for its owner")
        check_free(home)
        create_thing(home)
    output = Output(as_json=as_json)

    async def begin() -> dict[str, Any]:
        async with await open_thing(home, card) as opened:
            label = await _label(opened, model, serial)
            output.event("label", f"{opened.id}\n  claim code {label}", thing=opened.id, code=label)
            if not wait:
                return {"thing": opened.id, "code": label, "home": str(home)}
            seen = await _wait_for_owner(opened, kind)
            output.event("owned", f"{seen.state.value}: its owner is {seen.owner}", state=seen.state.value)
            return {"thing": opened.id, "code": label, "home": str(home), "state": seen.state.value}

    output.end(asyncio.run(begin()))


async def _label(opened: Thing, model: str, serial: str) -> str:
    try:
        return await opened.register_device(model, serial)
    except Refusal as refusal:
        if refusal.number != Code.ALREADY_KNOWN:
            raise
        raise Refusal(Code.ALREADY_KNOWN, "this thing has an owner already", refusal.rule) from None


async def _wait_for_owner(opened: Thing, kind: str) -> ThingSeen:
    while (seen := await opened.take_part(kind)).state not in TRADING:  # noqa: ASYNC110  nothing tells it yet
        await asyncio.sleep(_LOOK_AGAIN_S)
    return seen


@click.command()
@click.argument("code")
@click.option(
    "--owner",
    "home",
    type=click.Path(path_type=Path),
    default=Path(),
    help="Folder of the owner who claims; this folder unless given.",
)
@click.option("--thing", type=click.Path(path_type=Path, exists=True), help="Its folder, if it is here.")
@click.option("--kind", default="thing", show_default=True, help="What it is; for a thing that is here.")
@click.option(
    "--autonomy",
    type=click.Choice(["announcer", "bound", "adaptable", "autonomous"]),
    default="announcer",
    show_default=True,
    help="How far it may go by itself; further options are those of `owner mandate`.",
)
@click.option(
    "--patience",
    type=click.IntRange(0, 3_600),
    default=20,
    show_default=True,
    help="Seconds to wait for a thing that is elsewhere.",
)
@node_option
@json_option
def claim(
    code: str, home: Path, thing: Path | None, kind: str, patience: int, as_json: bool, **terms: Any
) -> None:
    """Claim the thing whose label says CODE, and walk it through every step until it takes part.

    The owner binds the device by its secret code and hands it a mandate, which waits for it at the node; the
    device shows the mandate and registers. A mistyped code is told at once, before anything is sent.

    \b
    Example:
      thingmarket thing claim 7Q2M-... --owner anna --autonomy adaptable --spend order=20.00
      thingmarket thing claim 7Q2M-... --owner anna --thing machine
    """
    output = Output(as_json=as_json)

    async def walk() -> dict[str, Any]:
        async with await open_owner(home, terms["card"]) as opened:
            found = await opened.find_device(code)
            _told(output, ThingState.FACTORY, f"found: {found.model} {found.device}")
            await opened.session.known()
            link = signed_mandate(opened, found.device, terms)
            await opened.claim(code, found, link)
            _told(output, ThingState.CLAIMED, f"claimed for {opened.id}")
            if thing is not None:
                await _device_steps(opened, thing, found.device, kind)
            return _value(await _followed(opened, found.device, output, patience))

    output.end(asyncio.run(walk()))


mandate_options(claim)


async def _device_steps(owner: Owner, folder: Path, device: PartyId, kind: str) -> None:
    async with await Thing.open(folder, owner.session.card) as opened:
        if opened.id != device:
            raise Refusal(Code.UNKNOWN_THING, f"{folder} is not the thing with this label", "THG-3")
        await opened.take_part(kind)


async def _followed(owner: Owner, device: PartyId, output: Output, patience_s: int) -> ThingSeen:
    """Print each step as it is made, until the thing takes part or patience ends."""
    told = [ThingState.CLAIMED]

    async def look() -> ThingSeen | None:
        seen = await owner.thing(device)
        for state in _passed(seen.state):
            if state not in told:
                told.append(state)
                _told(output, state, _STEPS[state](seen))
        return seen if seen.state in TRADING else None

    try:
        async with asyncio.timeout(patience_s):
            return await until(owner, look)
    except TimeoutError:
        output.say("The device has not been heard of yet: it goes on by itself when it looks at the node.")
        return await owner.thing(device)


_ORDER: Final = (ThingState.MANDATED, ThingState.REGISTERED, ThingState.ACTIVE)
_STEPS: Final[dict[ThingState, Callable[[ThingSeen], str]]] = {
    ThingState.MANDATED: lambda _: "it showed its mandate",
    ThingState.REGISTERED: lambda seen: f"it registered as {seen.kind}" + _probation(seen),
    ThingState.ACTIVE: lambda _: "it takes part without limits of the node",
}


def _passed(state: ThingState) -> tuple[ThingState, ...]:
    """The steps that a thing in this state has made."""
    return _ORDER[: _ORDER.index(state) + 1] if state in _ORDER else ()


def _probation(seen: ThingSeen) -> str:
    asked = seen.probation.deliveries
    return f"; on probation until {asked} deliveries were accepted" if asked else ""


def _told(output: Output, state: ThingState, line: str) -> None:
    output.event("step", f"{state.value:<11} {line}", state=state.value)


def _value(seen: ThingSeen) -> dict[str, Any]:
    return {
        "thing": seen.thing,
        "owner": seen.owner,
        "state": seen.state.value,
        "assurance": int(seen.assurance),
    }


@click.command("report-malfunction")
@home_argument
@click.argument("component")
@click.option(
    "--severity",
    type=click.Choice([each.name.lower() for each in Severity]),
    default="degraded",
    show_default=True,
    help="A critical one quarantines the thing.",
)
@click.option("--fact", "facts", multiple=True, metavar="NAME=VALUE", help="What was measured; repeatable.")
@node_option
@json_option
def report_malfunction(
    home: Path, component: str, severity: str, facts: tuple[str, ...], card: str | None, as_json: bool
) -> None:
    """Say that a COMPONENT of the thing in HOME does not work as it should.

    \b
    Example:
      thingmarket thing report-malfunction machine compressor --severity degraded --fact temperature=19
    """
    measured = [read_fact(text) for text in facts]

    async def report() -> dict[str, Any]:
        async with await open_thing(home, card) as opened:
            await opened.report_malfunction(component, Severity[severity.upper()], measured)
            seen = await opened.look_at_itself()
            return {"thing": opened.id, "component": component, "state": seen.state.value}

    value = asyncio.run(report())
    output = Output(as_json=as_json)
    output.say(f"reported; the thing is {value['state']}")
    output.end(value)
