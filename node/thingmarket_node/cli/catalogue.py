"""`thingmarket thing search|choose|ask|questions|answer`: looking at offers, and the facts of them."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from thingmarket.catalog.attributes import AttributeValue, ScaledInteger, shown
from thingmarket.catalog.choice import explain_choice
from thingmarket.catalog.needs import Need
from thingmarket.catalog.ranking import Scored
from thingmarket.errors import Code, Refusal
from thingmarket.limits import HOUR_MS
from thingmarket.proportions import WHOLE_MILLIONTHS
from thingmarket.wire.listings import OfferSeen, QuestionSeen
from thingmarket_client.choosing import Chosen
from thingmarket_client.decisions import record_of
from thingmarket_node.cli.amounts import CurrencyType, HexType, share, written
from thingmarket_node.cli.output import Output, json_option
from thingmarket_node.cli.parties import home_argument, node_option, open_party, open_thing
from thingmarket_node.cli.sheets import need_of, read_sheet, value_of

_FILE: Final = click.Path(path_type=Path, exists=True, dir_okay=False)
_SHOWN_MAX: Final = 20  # offers in a table for people


@click.command()
@home_argument
@click.option("--text", default="", help="Words that title or category must have.")
@click.option("--category", default="", help="UNSPSC code or the beginning of one.")
@click.option("--product", default="", help="Product id; a GTIN in any of its spellings.")
@node_option
@json_option
def search(home: Path, text: str, category: str, product: str, card: str | None, as_json: bool) -> None:
    """Look for offers by words, category and product; all that are given must hold.

    \b
    Example:
      thingmarket thing search printer --text "black ink" --category 4410
    """

    async def look() -> tuple[OfferSeen, ...]:
        async with await open_party(home, card) as party:
            return await party.reads.offers(text=text, category=category, product_id=product)

    found = asyncio.run(look())
    output = Output(as_json=as_json)
    rows = [
        (
            seen.digest.hex(),
            seen.offer.title,
            price_words(seen),
            str(ScaledInteger(seen.stock_steps, seen.offer.unit_scale, seen.offer.unit)),
            ", ".join(f"{fact.name} {shown(fact.value)}" for fact in seen.stated.attributes),
        )
        for seen in found[:_SHOWN_MAX]
    ]
    output.table("offers", ("offer", "title", "without tax", "in stock", "facts"), rows)
    if len(found) > len(rows):
        output.say(f"and {len(found) - len(rows)} more: ask more narrowly")
    output.end({"offers": [offer_value(seen) for seen in found]})


@click.command()
@home_argument
@click.argument("need", type=_FILE)
@click.option("--best-in", "currency", type=CurrencyType(), help="Let the node rank, in this currency.")
@node_option
@json_option
def choose(home: Path, need: Path, currency: Any, card: str | None, as_json: bool) -> None:
    """Say what would be bought for the need sheet NEED, why, and what each wish costs; buy nothing.

    With --best-in the node ranks the offers and the device checks the best: the same choice with far
    less to send when there are many.

    \b
    Example:
      thingmarket thing choose printer ink-is-low.json
    """

    async def look() -> Chosen:
        async with await open_party(home, card) as party:
            wanted = need_of(read_sheet(need), key=party.new_key(), now_ms=party.session.now_ms)
            if currency is None:
                return await party.choose(wanted)
            return await party.choose_best(wanted, currency.code)

    chosen = asyncio.run(look())
    output = Output(as_json=as_json)
    if not as_json:
        show_choice(output, chosen)
    offer = chosen.choice.chosen or b""
    record = record_of(need=b"", offer=offer, quantity_steps=chosen.need.quantity_steps, choice=chosen.choice)
    output.end(record.value)


@click.command()
@home_argument
@click.argument("offer", type=HexType(32))
@click.argument("names", nargs=-1, required=True)
@click.option(
    "--hours", type=click.IntRange(1, 7 * 24), default=24, help="How long to wait; a day if not given."
)
@node_option
@json_option
def ask(home: Path, offer: bytes, names: Sequence[str], hours: int, card: str | None, as_json: bool) -> None:
    """Ask the seller of OFFER for facts that it does not state, by their NAMES.

    \b
    Example:
      thingmarket thing ask printer 93ab... colour pages
    """

    async def send() -> bytes:
        async with await open_party(home, card) as party:
            return await party.ask_facts(offer, names, wait_ms=hours * HOUR_MS)

    question = asyncio.run(send())
    output = Output(as_json=as_json)
    output.say(f"asked: {question.hex()}")
    output.end({"question": question.hex(), "offer": offer.hex(), "names": sorted(names)})


@click.command()
@home_argument
@node_option
@json_option
def questions(home: Path, card: str | None, as_json: bool) -> None:
    """List the questions for facts that the owner and his things asked, or were asked.

    \b
    Example:
      thingmarket thing questions shop
    """
    found = asyncio.run(_questions(home, card))
    output = Output(as_json=as_json)
    rows = [
        (
            one.digest.hex(),
            one.offer.hex(),
            ", ".join(one.names),
            "we asked" if one.asked_by_us else "we were asked",
            one.state.value.lower(),
        )
        for one in found
    ]
    output.table("questions", ("question", "offer", "facts", "who", "state"), rows)
    output.end({"questions": [question_value(one) for one in found]})


@click.command()
@home_argument
@click.argument("question", type=HexType(32))
@click.argument("facts", nargs=-1)
@node_option
@json_option
def answer(home: Path, question: bytes, facts: Sequence[str], card: str | None, as_json: bool) -> None:
    """Answer QUESTION with facts as NAME=VALUE, which then count as part of the offer; without any, decline.

    A value is a whole number, a number with a unit as 52/GRM, yes, no, or a name.

    \b
    Example:
      thingmarket thing answer shop 5e1f... colour=red pages=1200 weight=52/GRM refilled=yes
    """
    given = dict(_fact(text) for text in facts)

    async def send() -> QuestionSeen:
        async with await open_thing(home, card) as thing:
            for one in await thing.questions():
                if one.digest == question:
                    await thing.answer_facts(one, given)
                    return one
        raise Refusal(Code.UNKNOWN_QUESTION, "nobody asked this thing or its owner that")

    answered = asyncio.run(send())
    output = Output(as_json=as_json)
    output.say("answered" if given else "declined")
    output.end({**question_value(answered), "state": "ANSWERED" if given else "DECLINED"})


async def _questions(home: Path, card: str | None) -> tuple[QuestionSeen, ...]:
    async with await open_party(home, card) as party:
        return await party.questions()


def show_choice(output: Output, chosen: Chosen) -> None:
    """Tell people the parts of every score, and what each wish cost."""
    need, choice = chosen.need, chosen.choice
    wishes = [wish.attribute for wish in need.prefer]
    columns = ["offer", "title", "total", *(["score", *wishes] if wishes else []), "why not"]
    ranked = choice.ranked[:_SHOWN_MAX]
    output.table(f"for {need_words(need)}", columns, [_choice_row(one, choice.chosen) for one in ranked])
    for line in explain_choice(choice):
        if not line.startswith("not chosen"):
            output.say(f"  {line}")
    for digest, names in chosen.askable[:_SHOWN_MAX]:
        output.say(f"  may fit; ask for {' '.join(names)}: thingmarket thing ask HOME {digest.hex()} ...")


def _choice_row(one: Scored, chosen: bytes | None) -> list[str]:
    candidate = one.candidate
    row = [candidate.digest.hex(), candidate.offer.title]
    row.append(written(candidate.total_minor, candidate.offer.currency))
    if one.parts:
        row.append(share(one.score, WHOLE_MILLIONTHS))
        row += [f"{part.note or part.value} {share(part.points, part.weight)}" for part in one.parts]
    return [*row, "chosen" if candidate.digest == chosen else one.barred]


def need_words(need: Need) -> str:
    """What is needed and how much of it: `2 pieces: Black ink is low`."""
    return f"{ScaledInteger(need.quantity_steps, need.unit_scale, need.unit)}: {need.title}"


def price_words(seen: OfferSeen) -> str:
    """The posted net price with what it is for: `15.90 EUR for 1 piece`."""
    offer = seen.offer
    base = ScaledInteger(offer.price_base_steps, offer.unit_scale, offer.unit)
    return f"{written(offer.price_minor, offer.currency)} for {base}"


def offer_value(seen: OfferSeen) -> dict[str, Any]:
    """An offer as one JSON object."""
    offer = seen.offer
    return {
        "offer": seen.digest.hex(),
        "product_id": offer.product_id,
        "title": offer.title,
        "category": offer.category,
        "seller_owner": seen.seller_owner,
        "currency": offer.currency,
        "price_minor": offer.price_minor,
        "price_base_steps": offer.price_base_steps,
        "unit": offer.unit,
        "unit_scale": offer.unit_scale,
        "stock_steps": seen.stock_steps,
        "tax_basis_points": seen.tax_basis_points,
        "delivery_ms": offer.delivery_ms,
        "facts": {fact.name: _fact_value(fact.value) for fact in offer.attributes},
        "answered": {fact.name: _fact_value(fact.value) for fact in seen.answers},
    }


def question_value(one: QuestionSeen) -> dict[str, Any]:
    """A question as one JSON object."""
    return {
        "question": one.digest.hex(),
        "offer": one.offer.hex(),
        "names": list(one.names),
        "deadline_ms": one.deadline_ms,
        "state": one.state.value,
        "asked_by_us": one.asked_by_us,
        "open": one.open,
    }


def _fact_value(value: AttributeValue) -> Any:
    if isinstance(value, ScaledInteger):
        return {"steps": value.steps, "scale": value.scale, "unit": value.unit}
    return value


def _fact(text: str) -> tuple[str, AttributeValue]:
    name, equals, value = text.partition("=")
    if not equals or not value:
        raise click.UsageError(f"{text!r} is no fact; write it as colour=red")
    if value in ("yes", "no"):
        return name, value == "yes"
    number, _, unit = value.partition("/")
    whole, _, part = number.partition(".")
    if (whole.removeprefix("-") + part).isdigit() and whole.removeprefix("-"):
        return name, value_of({"steps": int(whole + part), "scale": len(part), "unit": unit})
    return name, value
