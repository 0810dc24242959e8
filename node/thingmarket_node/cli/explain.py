"""`thingmarket explain`: why something was bought, and the evidence for each part of the answer."""

import asyncio
from pathlib import Path
from typing import Any, Final

import click

from thingmarket.errors import Code, Refusal
from thingmarket.identity.parties import is_thing
from thingmarket.policy.rules import RULES
from thingmarket.proportions import WHOLE_MILLIONTHS
from thingmarket.wire.reads import Explanation
from thingmarket_client.decisions import ChoiceRecord, load_record
from thingmarket_node.cli.amounts import HexType, fact_words, moment, share, written
from thingmarket_node.cli.decided import (
    NOTHING_TRADED,
    Traded,
    decided,
    in_words,
    proven_command,
    tell_decided,
    traded,
)
from thingmarket_node.cli.inbox import why, words_value
from thingmarket_node.cli.output import Output, json_option
from thingmarket_node.cli.parties import contract_value, node_option, open_party

_DIGITS_OF_ID: Final = 32


class _ContractType(HexType):
    """The ID of a contract; who gives the number of an order or an entry is told what explains it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        """Read the digits."""
        if isinstance(value, str) and value.isdecimal() and len(value) != _DIGITS_OF_ID:
            self.fail(
                f"{value} is no ID of a contract, which has {_DIGITS_OF_ID} hexadecimal digits. An entry of"
                " the log is explained by --entry NUMBER, an order of a book by the entry that placed it:"
                " `order buy` and `order sell` name that one.",
                param,
                ctx,
            )
        return super().convert(value, param, ctx)


@click.command()
@click.argument("contract", type=_ContractType(_DIGITS_OF_ID // 2), metavar="[ID]", required=False)
@click.option(
    "--entry", "seq", type=click.IntRange(1), help="Explain this entry of the log, refused ones too."
)
@click.option(
    "--home",
    "homes",
    type=click.Path(path_type=Path),
    multiple=True,
    envvar="THINGMARKET_HOME",
    help="Folder of the owner or thing that asks; this folder unless given. The first of several asks,"
    " and the record of the choice is looked for in all.",
)
@node_option
@json_option
def explain(
    contract: bytes | None, seq: int | None, homes: tuple[Path, ...], card: str | None, as_json: bool
) -> None:
    """Say why the contract ID was made, or why any command of one's own was decided as it was.

    Which rules of the owner allowed it, on which facts; among which offers it was chosen, and why the others
    lost; who allowed it; what it cost; what became of it.

    Orders of a book are explained by the entry that placed them, with all that they traded up to now:
    `order buy` and `order sell` name it (`seq` with --json), `owner decisions` lists those of refused ones.
    A trade is listed at the entry that made it, which may be somebody else's order.

    Everything is verified: the command against its place in the node's signed log, the record of the choice
    against the commitment in the contract.

    \b
    Example:
      thingmarket explain 019f... --home anna --home printer
      thingmarket explain --entry 4711 --home anna
    """
    if (contract is None) == (seq is None):
        raise click.UsageError("give the ID of a contract, or --entry")
    folders, output = homes or (Path(),), Output(as_json=as_json)

    async def ask() -> tuple[Explanation, Traded]:
        async with await open_party(folders[0], card) as party:
            told = await party.reads.explain(contract=contract or b"", seq=seq or 0)
            return told, await traded(party, told) if seq else NOTHING_TRADED

    found, placed = asyncio.run(ask())
    if contract is None:
        entry = decided(found, placed)
        tell_decided(output, entry, placed)
        output.end(entry)
        return
    # What was approved was chosen when the order began to wait.
    names = (contract, found.approval.id) if found.approval is not None else (contract,)
    records = [
        record for folder in folders for name in names if (record := load_record(folder, name)) is not None
    ]
    value = explained(found, records[0] if records else None)
    if not as_json:
        _tell(output, value)
    output.end(value)


def explained(found: Explanation, record: ChoiceRecord | None) -> dict[str, Any]:
    """An explanation as one JSON object (TAMPERED when the node's evidence is not that of the contract)."""
    outcome, contract = found.outcome, found.contract
    if outcome is None or contract is None or found.command is None:
        raise Refusal(Code.UNKNOWN_ENTRY, "only the buyer's side sees why it bought", "QRY-5")
    command = proven_command(found)
    decision, order = outcome.decision, found.approval
    signed = [approval.owner for approval, _ in command.approvals if approval.approved]
    words = [{"party": party, "approved": True, "time_ms": 0, "reason": ""} for party in signed]
    if order is not None:
        words = words_value(order)
    proven = record is not None and record.commitment == contract.choice
    return {
        **contract_value(contract),
        "approval": {} if order is None else {"order": order.id.hex(), "why": why(order), "words": words},
        "rules": list(decision.rules) if decision else [],
        "rule_texts": {rule: RULES.get(rule, "") for rule in (decision.rules if decision else ())},
        "facts": [{"name": fact.name, "value": fact.value} for fact in (decision.facts if decision else ())],
        "allowed_by": {
            "owner": contract.buyer_owner,
            "bought_by": contract.buyer,
            "mandate": found.mandate_leaf.hex(),
            "approvals": [one["party"] for one in words if one["approved"]],
        },
        "alternatives": record.value["alternatives"] if record is not None and proven else [],
        "reasons": record.value["reasons"] if record is not None and proven else [],
        "wishes": record.value.get("wishes", []) if record is not None and proven else [],
        "quantity": record.value.get("quantity", "") if record is not None and proven else "",
        "record_proven": proven if record is not None else None,
        "log": {
            "seq": outcome.seq,
            "leaf_hash": found.receipt.leaf_hash.hex() if found.receipt else "",
            "tree_size": found.receipt.tree_size if found.receipt else 0,
        },
    }


def _tell(output: Output, value: dict[str, Any]) -> None:
    currency, allowed = value["currency"], value["allowed_by"]
    total, net, tax = (written(value[f"{part}_minor"], currency) for part in ("total", "net", "tax"))
    quantity = value["quantity"] or f"{value['quantity_steps']} steps"
    output.say(f"contract {value['contract']}: {quantity} for {total} ({net} + {tax} tax)")
    who = f"the thing {allowed['bought_by']}" if is_thing(allowed["bought_by"]) else "the owner himself"
    output.say(f"bought by {who}")
    if allowed["mandate"]:
        output.say(f"  under mandate {allowed['mandate']}\n  of {allowed['owner']}")
    _tell_approvals(output, value["approval"], allowed["approvals"])
    output.table("what had to hold", ("rule", ""), value["rule_texts"].items())
    facts = [(f["name"], fact_words(f["name"], f["value"], currency)) for f in value["facts"]]
    output.table("what was looked at", ("fact", "value"), facts)
    for sentence in in_words(value["facts"]):
        output.say(f"  {sentence}")
    if value["record_proven"]:
        _tell_choice(output, value)
    elif value["record_proven"] is False:
        output.say("!! The record of the choice in this folder is NOT the one that the contract commits to.")
    else:
        output.say("The record of the choice is on the device that bought: give its folder with --home.")
    steps = [(event["state"], event["cause"], event["seq"]) for event in value["history"]]
    output.table("what became of it", ("state", "by", "log position"), steps)
    log = value["log"]
    output.say(f"Proven: entry {log['seq']} of a signed log of {log['tree_size']} entries.")


def _tell_approvals(output: Output, approval: dict[str, Any] | None, approvers: list[str]) -> None:
    if approval:
        output.say(f"asked, because it {approval['why']}: order {approval['order']}")
        for word in approval["words"]:
            reason = f": {word['reason']}" if word["reason"] else ""
            output.say(f"  approved {moment(word['time_ms'])} UTC by {word['party']}{reason}")
    else:
        for approver in approvers:
            output.say(f"  approved by {approver}")


def _tell_choice(output: Output, value: dict[str, Any]) -> None:
    rows = [
        (
            one["offer"],
            one["title"],
            written(one["total_minor"], one["currency"]),
            share(one["score_millionths"], WHOLE_MILLIONTHS) if one["parts"] else "",
            one["barred"],
        )
        for one in value["alternatives"]
    ]
    wishes = [
        (one["wish"], written(one["cost_minor"], one["currency"]), one["instead_title"])
        for one in value["wishes"]
    ]
    if wishes:
        output.table("what each wish cost", ("wish", "cost", "without it"), wishes)
    output.table("among which offers", ("offer", "title", "total", "score", "barred"), rows)
    for reason in value["reasons"]:
        output.say(f"  {reason}")
    output.say("  The contract commits to exactly this record of the choice.")
