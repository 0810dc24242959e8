"""[ERR-1] Whatever is sent, by whomever: a documented answer, no harm, no memory that stays.

`scripts/fuzz --calls 100000` does the same for longer.
"""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.network.fuzz import Fuzzer
from tests.network.fuzz_messages import METHODS
from tests.network.small_market import SmallMarket

CALLS = 2_000
WARM_UP = 300
GROWTH_BYTES_MAX = 20 * 1024 * 1024


@pytest.fixture(scope="module")
def fuzzer(market: SmallMarket) -> Iterator[Fuzzer]:
    yield Fuzzer(market)


def fuzz(fuzzer: Fuzzer, calls: int) -> None:
    @settings(max_examples=calls, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def ask(data: st.DataObject) -> None:
        fuzzer.ask(data.draw(fuzzer.asks))

    ask()


def test_no_message_brings_a_node_down_or_out_of_its_documented_answers(
    market: SmallMarket, fuzzer: Fuzzer
) -> None:
    fuzz(fuzzer, WARM_UP)
    before = market.node.rss_bytes()
    fuzz(fuzzer, CALLS)
    assert market.client.is_serving() and market.node.is_running
    assert not market.node.trouble
    fresh = replace(market, printer=market.client.again(market.printer))
    assert fresh.buy().code == 0, "the market goes on"
    assert market.node.rss_bytes() - before < GROWTH_BYTES_MAX


def test_the_fuzz_reaches_every_method_and_every_command(fuzzer: Fuzzer) -> None:
    if not fuzzer.calls:
        fuzz(fuzzer, CALLS)
    asked = {name.partition(":")[0] for name in fuzzer.seen}
    assert {str(method) for method in METHODS} <= asked
    made = {name.partition(":")[0] for name in fuzzer.seen if name.endswith(" OK OK")}
    assert {"PUBLISH_OFFER", "ANNOUNCE_NEED", "PURCHASE", "FUND_REQUEST"} <= made
