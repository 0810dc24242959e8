"""Every clause of docs/protocol.md is there for a test, and every citation names a clause that exists."""

import re
from collections import Counter

from tests.tidy.repository import ROOT, listed_in, text_of, tracked

PROTOCOL = "docs/protocol.md"
DEFINED = re.compile(r"^\W*\*\*\[([A-Z]{2,5}-\d+)\]", re.MULTILINE)
CITED = re.compile(r"\[([A-Z]{2,5}-\d+)\]")


def defined() -> list[str]:
    """Clauses in the order in which the protocol states them; a clause begins a paragraph."""
    return DEFINED.findall((ROOT / PROTOCOL).read_text())


def cited(*prefixes: str) -> dict[str, str]:
    """Clauses that files cite, each with one of the files."""
    return {
        clause: name
        for name in tracked(*prefixes)
        if not name.startswith(("tests/tidy/", "tests/vectors/"))
        for clause in CITED.findall(text_of(name))
    }


def test_a_clause_is_stated_once() -> None:
    assert [clause for clause, times in Counter(defined()).items() if times > 1] == []


def test_clauses_without_a_test_only_become_fewer() -> None:
    listed = listed_in("uncited_clauses.txt")
    uncited = [clause for clause in defined() if clause not in cited("tests/")]
    gone = sorted(set(listed) - set(uncited))
    new = [clause for clause in uncited if clause not in listed]
    assert not gone, f"take these out of uncited_clauses.txt, they are cited now or no longer stated: {gone}"
    assert not new, f"no test cites {new}"
    assert len(listed) == len(uncited)


def test_every_citation_names_a_clause() -> None:
    known = set(defined())
    assert known, "the protocol states its clauses"
    citations = cited("marketplace/", "node/", "client/", "proto/", "scripts/", "tests/", "docs/")
    unknown = [f"{name} cites [{clause}]" for clause, name in citations.items() if clause not in known]
    assert unknown == [], "\n".join(unknown)
