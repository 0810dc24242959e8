"""What a bench prints for people: words, units, thousands set apart, and several ways side by side."""

import json

import pytest

from thingmarket_node.cli.figures import tell_measured, value_text, words_of
from thingmarket_node.cli.main import main
from thingmarket_node.cli.output import Output


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("batch_4096_per_s", ("commands, 4,096 a call", "/s")),
        ("single_p9999_ns", ("one command a call, p99.99", "ns")),
        ("node_cpu_us_per_order", ("node processor time", "us per order")),
        ("node_cpu_by_layer_us.state_root", ("node processor time by layer: state root", "us")),
        ("uncross_least_ms", ("uncross least", "ms")),
        ("transfers_per_s", ("transfers", "/s")),
        ("engine_to_python", ("engine to python", "")),
    ],
)
def test_a_key_of_a_bench_is_told_in_words_with_its_unit(key: str, words: tuple[str, str]) -> None:
    assert words_of(key) == words


def test_amounts_have_their_thousands_set_apart_and_a_checksum_does_not() -> None:
    assert value_text("transfers_per_s", 24_970_327) == "24,970,327 /s"
    assert value_text("p50_ms", 1234.5) == "1,234.5 ms"
    assert value_text("trade_checksum", 1_801_678) == "1801678"
    assert value_text("kind", "native") == "native"


def test_what_was_measured_in_several_ways_has_a_column_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    figures = {"one_kind": "native", "one_batch_1_per_s": 12, "one_more_kind": "plain", "one_more_trades": 3}
    measured = {"figures": figures, "references": {}, "ratios": {"one_engine_to_python": 2.5}}
    tell_measured(Output(as_json=False), "matching", measured)
    shown = capsys.readouterr().out.splitlines()
    assert "one market" in shown[1] and "one_more" in shown[1]
    (kinds,) = [line for line in shown if "kind" in line]
    assert kinds.index("native") < kinds.index("plain")
    (rate,) = [line for line in shown if "commands, 1 a call" in line]
    assert [cell.strip() for cell in rate.split("│")] == ["", "commands, 1 a call", "12 /s", ""]


def test_two_figures_with_the_same_words_are_two_rows(capsys: pytest.CaptureFixture[str]) -> None:
    measured = {"figures": {"orders": 2_966, "orders_per_s": 2_084}, "references": {}, "ratios": {}}
    tell_measured(Output(as_json=False), "desk", measured)
    shown = capsys.readouterr().out
    assert "2,966" in shown and "2,084 /s" in shown


def test_programs_get_the_figures_by_their_keys(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "ledger", "--seconds", "0.1", "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["figures"]["transfers_per_s"] > 0
