"""Devices on the command line that wait: for an offer, for a node that is away, and for their answers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.network.test_cli import Town
from thingmarket.ids import Key
from thingmarket_client.outbox import Outbox


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    built = Town(tmp_path)
    yield built
    built.close()


def test_a_buyer_that_finds_nothing_ends_when_told_to(town: Town) -> None:
    text = (town.folder / "need.json").read_text().replace("ink-black-xl", "ink-of-gold")
    (town.folder / "gold.json").write_text(text)
    told = town.refused("thing", "run", "buyer", "printer", "--need", "gold.json", "--timeout", "1")
    assert told["name"] == "NotYet" and "the same command goes on where it was" in told["reason"]
    assert town.run("thing", "run", "seller", "shop", "--sell", "ink.json", "--timeout", "9").returncode == 2


def test_what_was_not_answered_is_listed_and_sent_once(town: Town) -> None:
    assert town.do("thing", "outbox", "printer")["unanswered"] == []
    order = ("thing", "buy", "printer", "--offer", town.offer, "--quantity", "1")
    town.do(*order)
    town.node.stop()
    town.refused("thing", "outbox", "printer", "--send")
    town.refused("thing", "again", "printer")
    town.node = town.start("node", "node", "run", "market")
    town.node.wait_for("ready")
    first = town.do("thing", "again", "printer", "--node", "market")
    assert first["contract"] == town.do("thing", "again", "printer", first["key"])["contract"]
    assert len(town.do("owner", "contracts", "anna", "--node", "market")["contracts"]) == 1


def test_a_purchase_into_the_void_waits_in_the_outbox_by_its_name(town: Town) -> None:
    order = ("thing", "buy", "printer", "--offer", town.offer, "--quantity", "1")
    made = town.do(*order)
    with_answer = Outbox(town.folder / "printer" / "outbox.db")
    posted = with_answer.find(Key(bytes.fromhex(made["key"])))
    assert posted is not None
    # As a power cut between the sending and the answer would leave it.
    with with_answer._transaction() as database:
        database.execute("UPDATE letter SET state = 1, answer = NULL WHERE key = ?", (posted.letter.key,))
    with_answer.close()
    (waiting,) = town.do("thing", "outbox", "printer")["unanswered"]
    assert (waiting["what"], waiting["state"], waiting["key"]) == ("purchase", "waits", made["key"])
    assert waiting["detail"].startswith("1 steps for ")
    assert "purchase" in town.run("thing", "outbox", "printer").stdout
    sent = town.do("thing", "outbox", "printer", "--send")
    assert (sent["answered_now"], sent["unanswered"]) == ([made["key"]], [])
    assert len(town.do("owner", "contracts", "anna")["contracts"]) == 1


def test_a_thing_that_bought_nothing_has_nothing_to_send_again(town: Town) -> None:
    assert "thing outbox" in town.refused("thing", "again", "printer")["reason"]
