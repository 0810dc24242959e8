"""The node as a process: it starts, says that it serves, ends in time, and starts again."""

import socket

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


def test_a_node_whose_port_is_free_keeps_it_and_takes_another_when_it_is_taken(start_node):
    node = start_node()
    before = node.address
    node.restart()
    assert node.address == before
    assert node.stop() == 0
    host, _, port = before.rpartition(":")
    with socket.socket() as somebody:
        somebody.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        somebody.bind((host, int(port)))
        somebody.listen()
        again = type(node).start(node.home)
    assert again.address != before and again.card.address == again.address
    again.kill()
