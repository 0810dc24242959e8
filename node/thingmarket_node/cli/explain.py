"""`thingmarket explain`: why something was bought, and the evidence for each part of the answer."""

import asyncio
from pathlib import Path
from typing import Any

import click

from thingmarket.audit.merkle import leaf_hash
from thingmarket.catalog.needs import WHOLE_MILLIONTHS
from thingmarket.errors import Code, Refusal
from thingmarket.identity.parties import is_thing
from thingmarket.market.entries import Command, EntryKind
from thingmarket.policy.rules import RULES
from thingmarket.wire.commands import read_command
from thingmarket.wire.envelope import signed_bytes
from thingmarket.wire.log import entry_bytes
from thingmarket.wire.reads import Explanation
from thingmarket_client.decisions import ChoiceRecord, load_record
from thingmarket_node.cli.amounts import HexType, fact_words, share, written
from thingmarket_node.cli.output import Output, json_option
from thingmarket_node.cli.parties import contract_value, node_option, open_party


@click.command()
@click.argument("contract", type=HexType(16), metavar="ID")
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
def explain(contract: bytes, homes: tuple[Path, ...], card: str | None, as_json: bool) -> None:
    """Say why the contract ID was made.

    Which rules of the owner allowed it, on which facts; among which offers it was chosen, and why the others
    lost; who allowed it; what it cost; what became of it.

    Everything is verified: the command against its place in the node's signed log, the record of the choice
    against the commitment in the contract.

    \b
    Example:
      thingmarket explain 019f... --home anna --home printer
    """
    folders = homes or (Path(),)

    async def ask() -> Explanation:
        async with await open_party(folders[0], card) as party:
            return await party.reads.explain(contract=contract)

    found = asyncio.run(ask())
    records = [record for folder in folders if (record := load_record(folder, contract)) is not None]
    value = explained(found, records[0] if records else None)
    output = Output(as_json=as_json)
    if not as_json:
        _tell(output, value)
    output.end(value)


def explained(found: Explanation, record: ChoiceRecord | None) -> dict[str, Any]:
    """An explanation as one JSON object (TAMPERED when the node's evidence is not that of the contract)."""
    outcome, contract = found.outcome, found.contract
    if outcome is None or contract is None or found.command is None:
        raise Refusal(Code.UNKNOWN_ENTRY, "only the buyer's side sees why it bought", "QRY-5")
    command = _checked_command(found)
    decision = outcome.decision
    proven = record is not None and record.commitment == contract.choice
    return {
        **contract_value(contract),
        "rules": list(decision.rules) if decision else [],
        "rule_texts": {rule: RULES.get(rule, "") for rule in (decision.rules if decision else ())},
        "facts": [{"name": fact.name, "value": fact.value} for fact in (decision.facts if decision else ())],
        "allowed_by": {
            "owner": contract.buyer_owner,
            "bought_by": contract.buyer,
            "mandate": found.mandate_leaf.hex(),
            "approvals": [approval.owner for approval, _ in command.approvals if approval.approved],
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


def _checked_command(found: Explanation) -> Command:
    """The command that made the contract, whose place in the log the receipt proves (TAMPERED)."""
    assert found.command is not None, "the caller looked"
    receipt = found.receipt
    if receipt is None:
        raise Refusal(Code.TAMPERED, "the node gave no proof that the command is in its log", "LOG-9")
    entry = entry_bytes(
        seq=receipt.seq, time_ms=receipt.time_ms, kind=EntryKind.COMMAND, body=signed_bytes(found.command)
    )
    if leaf_hash(entry) != receipt.leaf_hash:
        raise Refusal(Code.TAMPERED, "the proof is of another entry than the command shown", "LOG-9")
    return read_command(found.command)


def _tell(output: Output, value: dict[str, Any]) -> None:
    currency, allowed = value["currency"], value["allowed_by"]
    total, net, tax = (written(value[f"{part}_minor"], currency) for part in ("total", "net", "tax"))
    quantity = value["quantity"] or f"{value['quantity_steps']} steps"
    output.say(f"contract {value['contract']}: {quantity} for {total} ({net} + {tax} tax)")
    who = f"the thing {allowed['bought_by']}" if is_thing(allowed["bought_by"]) else "the owner himself"
    output.say(f"bought by {who}")
    if allowed["mandate"]:
        output.say(f"  under mandate {allowed['mandate']}\n  of {allowed['owner']}")
    for approver in allowed["approvals"]:
        output.say(f"  approved by {approver}")
    output.table("what had to hold", ("rule", ""), value["rule_texts"].items())
    facts = [(f["name"], fact_words(f["name"], f["value"], currency)) for f in value["facts"]]
    output.table("what was looked at", ("fact", "value"), facts)
    if value["record_proven"]:
        rows = [
            (
                one["offer"][:8],
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
    elif value["record_proven"] is False:
        output.say("!! The record of the choice in this folder is NOT the one that the contract commits to.")
    else:
        output.say("The record of the choice is on the device that bought: give its folder with --home.")
    steps = [(event["state"], event["cause"], event["seq"]) for event in value["history"]]
    output.table("what became of it", ("state", "by", "log position"), steps)
    log = value["log"]
    output.say(f"Proven: entry {log['seq']} of a signed log of {log['tree_size']} entries.")
