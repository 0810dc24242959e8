"""Plots are drawn without a display, also of an owner who has done nothing yet."""

from dataclasses import replace
from pathlib import Path

from thingmarket.limits import DAY_MS
from thingmarket.wire.insight import DecisionRow, SpendingRow
from thingmarket_node.cli.plots import draw_report

FIRST_MS = 20_000 * DAY_MS


def spending(thing: str, category: str, day: int, minor: int) -> SpendingRow:
    return SpendingRow(
        actor=f"did:key:z6Mk{thing}",
        category=category,
        currency="EUR",
        day_ms=FIRST_MS + day * DAY_MS,
        orders=1,
        total_minor=minor,
        returned_minor=minor // 10,
    )


def decision(seq: int, day: int, verdict: int) -> DecisionRow:
    return DecisionRow(
        seq=seq,
        time_ms=FIRST_MS + day * DAY_MS + seq,
        actor="did:key:z6Mk",
        act="PURCHASE",
        verdict=verdict,
        rules="LIM-1",
        code=0,
        reason="",
        reference=b"",
    )


def test_a_report_is_drawn_with_its_days_things_and_categories(tmp_path: Path) -> None:
    """[OPS-4]"""
    spent = [spending("printer1", "44103105", 0, 2_380), spending("vending1", "50202301", 3, 14_000)]
    spent += [spending("vending1", "50202301", 9, 9_900), spending("printer1", "44103105", 9, 1_190)]
    decided = [
        decision(seq, day, verdict) for seq, (day, verdict) in enumerate([(0, 1), (3, 3), (9, 2), (9, 1)])
    ]
    draw_report(tmp_path / "report.svg", spent, decided, currency="EUR")
    draw_report(tmp_path / "report.png", spent, decided, currency="EUR")
    text = (tmp_path / "report.svg").read_text()
    assert text.startswith("<?xml")
    assert (tmp_path / "report.png").read_bytes().startswith(b"\x89PNG")
    assert len(text) > len(_empty(tmp_path)), "what was spent is drawn"


def test_what_was_earned_in_books_is_drawn_below(tmp_path: Path) -> None:
    """[OPS-4]"""
    sold = replace(spending("plant", "26110000", 0, 0), orders=0, trades=2, income_minor=400, fee_minor=4)
    draw_report(tmp_path / "spent.svg", [replace(sold, income_minor=0)], [], currency="EUR")
    draw_report(tmp_path / "earned.svg", [sold], [], currency="EUR")
    assert len((tmp_path / "earned.svg").read_text()) > len((tmp_path / "spent.svg").read_text())


def _empty(tmp_path: Path) -> str:
    draw_report(tmp_path / "empty.svg", [], [], currency="EUR")
    return (tmp_path / "empty.svg").read_text()
