"""docs/operating.md explains every metric that a node has, and no other."""

import re

from tests.tidy.repository import text_of
from thingmarket_node.metrics import GAUGES, Metrics

ROW = re.compile(r"^\| `(thingmarket_\w+)` \| (\w+) \|", re.MULTILINE)


def in_code() -> dict[str, str]:
    counted = {
        f"{family.name}_total" if family.type == "counter" else family.name: family.type
        for family in Metrics().registry.collect()
    }
    return counted | {f"thingmarket_{name}": "gauge" for name in GAUGES}


def test_every_metric_is_explained_with_its_type_and_no_other() -> None:
    assert dict(ROW.findall(text_of("docs/operating.md"))) == in_code()
