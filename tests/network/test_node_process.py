"""The node as a process: it starts, says that it serves, ends in time, and starts again."""

import pytest


@pytest.mark.parametrize("tls", [False, True], ids=["plaintext", "tls"])
def test_a_node_starts_stops_in_order_and_starts_again_as_itself(start_node, tls):
    node = start_node(tls=tls)
    assert node.card.plaintext is not tls and node.address == node.card.address
    first = node.node_id
    node.restart()
    assert (node.node_id, node.entries) == (first, 1)
    node.restart(kill=True)
    assert (node.node_id, node.entries) == (first, 1)
    assert node.stop() == 0
    assert not node.trouble
