"""The bench of choosing: small runs of it find what a look at every offer finds."""

from typing import Any

import pytest

from thingmarket.catalog.blocks import PlainBlocks
from thingmarket_node.bench import choice
from thingmarket_node.cli.main import main


@pytest.mark.parametrize("kind", ["as built here", "python"])
def test_a_small_bench_of_choosing_is_held_against_a_scan(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if kind == "python":
        monkeypatch.setattr(choice, "blocks_class", lambda: PlainBlocks)
    measured = choice.measure(0.1, offers=2_000)
    figures: dict[str, Any] = measured["figures"]
    assert figures["offers"] == 2_000
    assert figures["category_median_ms"] > 0 and figures["uniform_blocks"] >= 1
    assert len(measured["references"]) == len(measured["ratios"]) == 2


def test_offers_are_counted_for_the_bench_of_choosing_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "ledger", "--offers", "5000"]) != 0
    assert "--offers is for choice" in capsys.readouterr().err
