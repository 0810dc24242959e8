#!/usr/bin/env python3
"""Writes tables and diagrams of docs/protocol.md from the code; `--check` only says whether it is fresh."""

import argparse
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "marketplace"))

from thingmarket import limits  # noqa: E402
from thingmarket.catalog.questions import QUESTION  # noqa: E402
from thingmarket.contract.approvals import APPROVAL  # noqa: E402
from thingmarket.contract.contract import CONTRACT  # noqa: E402
from thingmarket.contract.feedback import FEEDBACK  # noqa: E402
from thingmarket.contract.fulfilment import FULFILMENT  # noqa: E402
from thingmarket.contract.shadow import SHADOW  # noqa: E402
from thingmarket.contract.standing import STANDING  # noqa: E402
from thingmarket.errors import BOOK_REASON_BASE, FAMILIES, LEDGER_STATUS_BASE, Code  # noqa: E402
from thingmarket.identity.envelope import TypeId, type_string  # noqa: E402
from thingmarket.identity.mandates import LEAST_AUTONOMY  # noqa: E402
from thingmarket.identity.narrowing import LINK_RULES  # noqa: E402
from thingmarket.identity.things import THINGS  # noqa: E402
from thingmarket.matching.records import Reason  # noqa: E402
from thingmarket.money import CURRENCIES  # noqa: E402
from thingmarket.negotiation.dialogue import NEGOTIATION  # noqa: E402
from thingmarket.policy.rules import RULES  # noqa: E402
from thingmarket.settlement.escrow import ESCROW  # noqa: E402
from thingmarket.settlement.transfers import TRANSIENT, Status  # noqa: E402

DOCUMENT: Final = ROOT / "docs/protocol.md"
LIMITS: Final = ROOT / "marketplace/thingmarket/limits.py"
FIRST_COMMAND: Final = TypeId.ADMIT_PARTY
_PART: Final = re.compile(
    r"(?P<head><!-- generated: (?P<name>[a-z ]+) -->\n).*?(?P<foot>\n<!-- end of generated -->)", re.DOTALL
)
_LIMIT: Final = re.compile(r"(?P<name>[A-Z0-9_]+): Final = [^#]+(?:#\s*(?P<why>.+))?")
_SUBJECT: Final = re.compile(r"# --- (?P<subject>.+)")


def table(titles: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Write a Markdown table."""
    names = list(titles)
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def refusal_codes() -> str:
    """Every refusal by its number."""
    rows = (
        (
            code.value,
            f"`{code.name}`",
            code.family,
            f"`{code.grpc_status}`",
            "yes" if code.retryable else "no",
        )
        for code in Code
    )
    return table(("number", "name", "family", "gRPC status", "retryable"), rows)


def families() -> str:
    """What the first digit of a refusal means."""
    return table(
        ("numbers", "family"), ((f"{digit}0000 to {digit}9999", name) for digit, name in FAMILIES.items())
    )


def ledger_statuses() -> str:
    """Every answer of the ledger by its number; the first one is a yes."""
    rows = (
        (
            LEDGER_STATUS_BASE + status if status else 0,
            f"`{status.name}`",
            "yes" if status in TRANSIENT else "",
        )
        for status in Status
    )
    return table(("number", "status", "burns the id"), rows)


def book_reasons() -> str:
    """Every reason of the order book with the number of its refusal."""
    rows = ((reason.value, BOOK_REASON_BASE + reason, f"`{reason.name}`") for reason in Reason if reason)
    return table(("reason", "number", "name"), rows)


def limit_rows(source: str) -> str:
    """Every limit with its value and the reason that stands beside it, by subject."""
    rows: list[tuple[str, ...]] = []
    for line in source.splitlines():
        if subject := _SUBJECT.fullmatch(line):
            rows.append((f"**{subject['subject']}**", "", ""))
        elif limit := _LIMIT.fullmatch(line):
            value = f"{getattr(limits, limit['name']):,}"
            rows.append((f"`{limit['name']}`", value, limit["why"] or ""))
    return table(("limit", "value", "why"), rows)


def link_rules() -> str:
    """What must hold between a link and its parent; each rule is a clause."""
    rows = (
        (f"**[{rule.id}]**", f"`{rule.field}`", f"{rule.sentence}", f"`{rule.code.name}`")
        for rule in LINK_RULES
    )
    return table(("clause", "field", "what must hold", "refusal"), rows)


def policy_rules() -> str:
    """The owner's rules; each is a clause."""
    return table(
        ("clause", "what must hold"), ((f"**[{name}]**", sentence) for name, sentence in RULES.items())
    )


def least_autonomy() -> str:
    """The level from which on an action is possible."""
    rows = ((f"`{action.name}`", f"`{level.name}`") for action, level in LEAST_AUTONOMY.items())
    return table(("action", "lowest level"), rows)


def type_ids() -> str:
    """Every message that is signed, with its number and the type string that stands in what is signed."""
    rows = (
        (each.value, "command" if each >= FIRST_COMMAND else "document", f"`{type_string(each)}`")
        for each in TypeId
    )
    return table(("type id", "kind", "type string"), rows)


def currencies() -> str:
    """The currencies that a node may keep ledgers in."""
    rows = ((f"`{each.code}`", each.ledger, each.scale) for each in CURRENCIES.values())
    return table(("code", "ledger", "digits after the point"), rows)


PARTS: Final[dict[str, Callable[[], str]]] = {
    "refusal codes": refusal_codes,
    "refusal families": families,
    "ledger statuses": ledger_statuses,
    "book reasons": book_reasons,
    "limits": lambda: limit_rows(LIMITS.read_text(encoding="utf-8")),
    "link rules": link_rules,
    "policy rules": policy_rules,
    "least autonomy": least_autonomy,
    "type ids": type_ids,
    "currencies": currencies,
    "negotiation diagram": lambda: f"```mermaid\n{NEGOTIATION.diagram()}\n```",
    "question diagram": lambda: f"```mermaid\n{QUESTION.diagram()}\n```",
    "approval diagram": lambda: f"```mermaid\n{APPROVAL.diagram()}\n```",
    "contract diagram": lambda: f"```mermaid\n{CONTRACT.diagram()}\n```",
    "fulfilment diagram": lambda: f"```mermaid\n{FULFILMENT.diagram()}\n```",
    "standing order diagram": lambda: f"```mermaid\n{STANDING.diagram()}\n```",
    "escrow diagram": lambda: f"```mermaid\n{ESCROW.diagram()}\n```",
    "thing diagram": lambda: f"```mermaid\n{THINGS.diagram()}\n```",
    "shadow diagram": lambda: f"```mermaid\n{SHADOW.diagram()}\n```",
    "feedback diagram": lambda: f"```mermaid\n{FEEDBACK.diagram()}\n```",
}


def fresh(text: str) -> str:
    """The document with every generated part written anew; each part stands in it once."""
    found = [match["name"] for match in _PART.finditer(text)]
    if sorted(found) != sorted(PARTS):
        wrong = set(found) ^ set(PARTS) or [name for name in PARTS if found.count(name) > 1]
        sys.exit(f"generated parts that are unknown, missing or there twice: {', '.join(sorted(wrong))}")
    return _PART.sub(lambda match: f"{match['head']}{PARTS[match['name']]()}{match['foot']}", text)


def main() -> int:
    """Write, or compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when something is stale")
    arguments = parser.parse_args()
    text = DOCUMENT.read_text(encoding="utf-8")
    wanted = fresh(text)
    if text == wanted:
        return 0
    if arguments.check:
        print(f"{DOCUMENT.name} is stale: run scripts/gen_docs.py")
        return 1
    DOCUMENT.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
