"""The command line as people and programs use it: every refusal in words, every result as JSON."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
import pytest

from thingmarket.errors import Code
from thingmarket_node.cli.main import main, program
from thingmarket_node.scenarios.processes import PROGRAM, Running, environment

OFFER = {
    "product_id": "ink-black-xl",
    "title": "Black ink XL",
    "category": "44103105",
    "currency": "EUR",
    "price_minor": 1_590,
    "stock_steps": 50,
    "attributes": {"pages": 1_200},
}
NEED = {
    "title": "Black ink is low",
    "category": "44103105",
    "product_id": "ink-black-xl",
    "quantity_steps": 1,
    "prefer": [{"attribute": "price", "ideal": 1_000, "worst": 3_000, "weight_millionths": 1_000_000}],
}


class Town:
    """A folder with a node over TLS, an owner with a printer, and one with a shop that is open."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with ExitStack() as programs:  # what was started ends, too, when opening fails
            self.programs = programs
            self._open()
            self.programs = programs.pop_all()

    def _open(self) -> None:
        self.do("node", "init", "market", "--play-money", "200.00")
        self.node = self.start("node", "node", "run", "market")
        self.node.wait_for("ready")
        for owner in ("anna", "bob"):
            self.do("owner", "init", owner, "--node", "market")
        for thing in ("printer", "shop"):
            self.do("thing", "init", thing, "--node", "market")
        self.do("owner", "fund", "anna", "200.00")
        self.do("owner", "mandate", "bob", "shop", "--autonomy", "bound", "--may", "sell")
        spend = "order=60.00,day=200.00,total=200.00,cosign=30.00"
        self.do("owner", "mandate", "anna", "printer", "--autonomy", "adaptable", "--spend", spend)
        (self.folder / "ink.json").write_text(json.dumps(OFFER))
        (self.folder / "need.json").write_text(json.dumps(NEED))
        self.shop = self.start("shop", "thing", "run", "seller", "shop", "--sell", "ink.json")
        self.offer: str = self.shop.wait_for("selling")["offer"]
        self.shop.wait_for("ready")

    def start(self, name: str, *arguments: str) -> Running:
        running = Running.start(name, [*PROGRAM, *arguments, "--json"], self.folder, lambda line: None)
        self.programs.callback(running.stop)
        return running

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*PROGRAM, *arguments],
            cwd=self.folder,
            env=environment(os.environ),
            capture_output=True,
            text=True,
            timeout=60,
        )

    def do(self, *arguments: str) -> dict[str, Any]:
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer

    def refused(self, *arguments: str) -> dict[str, Any]:
        done = self.run(*arguments, "--json")
        assert done.returncode == 1, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])["refused"]
        assert told["name"] in done.stderr and told["reason"] in done.stderr
        return told

    def close(self) -> None:
        self.programs.close()


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    built = Town(tmp_path_factory.mktemp("town"))
    yield built
    built.close()


# --- help


def commands(
    group: click.Group, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


OURS = [(path, command) for path, command in commands(program) if path[0] != "sim"]


@pytest.mark.parametrize(("path", "command"), OURS, ids=[" ".join(path) for path, _ in OURS])
def test_every_help_teaches_by_an_example(
    path: tuple[str, ...], command: click.Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*path, "--help"]) == 0
    text = capsys.readouterr().out
    assert "Example" in text and f"thingmarket {path[0]}" in text
    names = {name for parameter in command.params for name in parameter.opts}
    assert isinstance(command, click.Group) or "--json" in names


def test_the_help_lists_every_group(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in ("node", "owner", "thing", "scenario", "explain", "bench"))


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nosuch"],
        ["node", "nosuch"],
        ["node", "init", "x", "--tax", "S:19"],
        ["node", "init", "x", "--tax", "S=10001"],
        ["node", "init", "x", "--currency", "XXX"],
        ["node", "init", "x", "--network", "12"],
        ["node", "init", "x", "--play-money", "-1"],
        ["node", "init", "x", "--play-money", "90071992547409.92"],
        ["node", "init", "x", "--play-money", "1.5", "--currency", "JPY"],
        ["node", "init", "x", "--probation", "orders=5,order=20.001,deliveries=1"],
        ["node", "init", "x", "--probation", "orders=5,order=20.00"],
        ["owner", "programme", "x", "club", "--earn", "1", "--worth", "0.02", "--per", "0.03"],
        ["owner", "programme", "x", "club", "--earn", "1", "--worth", "0.02", "--per", "0"],
        ["owner", "programme", "x", "club", "--earn", "1", "--worth", "2,5"],
        ["node", "status"],
        ["owner", "fund", "x", "1.234"],
        ["owner", "fund", "x", "1,50"],
        ["owner", "buy", "x"],
        ["owner", "revoke", "x"],
        ["owner", "mandate", "x", "did:key:z6Mk", "--autonomy", "bound"],
        ["owner", "mandate", "x", "nothing", "--autonomy", "bound"],
        ["thing", "run", "seller", "x"],
        ["thing", "buy", "x", "--offer", "00"],
        ["owner", "report", "x", "--thing", "nothing"],
        ["owner", "suspend", "x", "nothing"],
        ["explain", "not-hexadecimal"],
        ["bench", "nosuch"],
    ],
    ids=" ".join,
)
def test_what_is_misspelt_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    told = capsys.readouterr()
    assert "Usage" in told.err + told.out
    if arguments:
        assert main([*arguments, "--json"]) == 2
        assert json.loads(capsys.readouterr().out.splitlines()[-1])["refused"]["reason"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["node", "run", "nothing"], Code.UNKNOWN_ENTRY),
        (["node", "init", "x", "--address", "nonsense"], Code.BAD_FIELD),
        (["node", "init", "x", "--address", "10.0.0.1:5000", "--plaintext"], Code.BAD_FIELD),
        (["owner", "balance", "nothing"], Code.UNKNOWN_ENTRY),
        (["thing", "mandate", "nothing", "ink.json"], Code.MALFORMED),
        (["owner", "init", "x", "--node", "thingmarket-node-card:v1:AAAA"], Code.MALFORMED),
        (["owner", "init", "x", "--node", "ink.json"], Code.MALFORMED),
        (["node", "status", "empty"], Code.UNAVAILABLE),
        (["scenario", "run", "nosuch"], Code.UNKNOWN_ENTRY),
        (["owner", "init", "x", "--node", "no-such-file"], 0),
        (["explain", "0" * 32], Code.UNKNOWN_ENTRY),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_refused_in_words(
    arguments: list[str],
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "ink.json").write_text("{}")
    assert main([*arguments, "--json"]) == 1
    told = capsys.readouterr()
    refused = json.loads(told.out.splitlines()[-1])["refused"]
    assert refused["number"] == code
    assert refused["name"] in told.err and refused["reason"]
    assert not (tmp_path / "x").exists(), "a refused init leaves nothing behind"


def test_a_folder_is_initialised_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = str(tmp_path / "market")
    assert main(["node", "init", home]) == 0
    keys = (tmp_path / "market" / "keys.json").read_bytes()
    assert main(["node", "init", home, "--json"]) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["refused"]["number"] == Code.ALREADY_KNOWN
    assert (tmp_path / "market" / "keys.json").read_bytes() == keys


def test_scenarios_are_listed_with_their_titles(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenario", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out.splitlines()[-1])["scenarios"]
    assert {"printer-ink", "announcer"} <= {one["name"] for one in listed}
    assert all(set(one) == {"name", "title"} and one["title"] for one in listed)


def test_a_bench_names_its_machine(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "ledger", "--seconds", "0.1", "--json"]) == 0
    measured = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(measured) == {"bench", "figures", "references", "ratios", "machine"}
    assert measured["bench"] == "ledger" and measured["figures"]["transfers_per_s"] > 0
    assert set(measured["machine"]) == {"cpus", "python", "platform"}


# --- with a node


def test_a_node_says_what_it_is_doing(town: Town) -> None:
    by_home, by_card = (
        town.do("node", "status", "market"),
        town.do("node", "status", "--card", "market/node.card"),
    )
    assert by_home["node"] == by_card["node"] and by_home["parties"] >= 5
    assert "commands waiting" in town.run("node", "status", "market").stdout


def test_a_second_node_on_the_same_folder_is_refused(town: Town) -> None:
    assert town.refused("node", "run", "market")["number"] == Code.BUSY


def test_a_device_buys_once_however_often_it_is_started(town: Town) -> None:
    buy = ("thing", "run", "buyer", "printer", "--need", "need.json")
    (first,) = town.do(*buy)["needs"]
    (second,) = town.do(*buy)["needs"]
    assert (first["fulfilment"], first["total_minor"]) == ("ACCEPTED", 1_892)
    assert second["contract"] == first["contract"]
    again = town.do("thing", "again", "printer", first["key"])
    assert again["contract"] == first["contract"]


def test_an_explanation_names_rules_facts_and_alternatives(town: Town) -> None:
    (bought,) = town.do("thing", "run", "buyer", "printer", "--need", "need.json")["needs"]
    found = town.do("explain", bought["contract"], "--home", "anna", "--home", "printer")
    assert found["rules"][0] == "AUT-0" and "LIM-2" in found["rules"]
    assert {"name": "budget.order.asked", "value": 1_892} in found["facts"]
    assert found["record_proven"] is True
    assert [one["offer"] for one in found["alternatives"]] == [town.offer]
    assert found["allowed_by"]["mandate"] and found["allowed_by"]["bought_by"] == bought["buyer"]
    for_people = town.run("explain", bought["contract"], "--home", "printer").stdout
    assert "exactly this record" in for_people and "LIM-2" in for_people
    without = town.do("explain", bought["contract"], "--home", "anna")
    assert without["record_proven"] is None and without["alternatives"] == []


def test_a_record_that_was_changed_later_is_told_from_the_true_one(town: Town) -> None:
    (bought,) = town.do("thing", "run", "buyer", "printer", "--need", "need.json")["needs"]
    path = town.folder / "printer" / "decisions" / f"{bought['contract']}.json"
    true = path.read_text()
    path.write_text(true.replace("Black ink XL", "Green ink XL"))
    found = town.do("explain", bought["contract"], "--home", "printer")
    for_people = town.run("explain", bought["contract"], "--home", "printer").stdout
    path.write_text(true)
    assert found["record_proven"] is False and found["alternatives"] == []
    assert "is NOT the one" in for_people


def test_a_thing_is_named_by_its_folder_or_its_key_alike(town: Town) -> None:
    (bought,) = town.do("thing", "run", "buyer", "printer", "--need", "need.json")["needs"]
    for what in ("orders", "decisions", "report"):
        by_folder = town.do("owner", what, "anna", "--thing", "printer")
        assert by_folder == town.do("owner", what, "anna", "--thing", bought["buyer"])
        assert by_folder.get("orders") != [], "the folder's thing did something"


def test_nobody_else_is_told_why(town: Town) -> None:
    (bought,) = town.do("thing", "run", "buyer", "printer", "--need", "need.json")["needs"]
    told = town.refused("explain", bought["contract"], "--home", "bob")
    assert told["number"] in (Code.UNKNOWN_ENTRY, Code.UNKNOWN_CONTRACT)
    assert town.refused("explain", "00" * 16, "--home", "anna")["number"] == Code.UNKNOWN_CONTRACT


def test_an_order_above_the_threshold_waits_in_its_owners_inbox(town: Town) -> None:  # [COS-4] [COS-8]
    buy = ("thing", "buy", "printer", "--offer", town.offer, "--quantity", "2")
    waits, other = town.do(*buy), town.do(*buy)
    assert waits["pending"] and not waits["contract"] and waits["rules"] == ["COS-1"]
    inbox = town.do("owner", "inbox", "anna")["waiting"]
    assert [one["pending"] for one in inbox] == [waits["pending"], other["pending"]]
    assert inbox[0]["why"] == "costs more than 30.00 EUR" and inbox[0]["title"] == "Black ink XL"
    shown = town.run("owner", "inbox", "anna").stdout
    assert "2 pieces of Black ink XL" in shown and "37.84 EUR" in shown
    done = town.run("owner", "approve", "anna", waits["pending"], "--reason", "it is empty")
    assert "37.84 EUR" in done.stdout and "costs more than 30.00 EUR" in done.stdout, (
        "one sees what one signs"
    )
    contract = done.stdout.split("contract ")[1].split()[0]
    found = town.do("explain", contract, "--home", "anna")
    assert found["state"] == "ACTIVE"
    assert found["allowed_by"]["approvals"] == [found["allowed_by"]["owner"]]
    assert found["approval"]["order"] == waits["pending"]
    assert "it is empty" in town.run("explain", contract, "--home", "printer").stdout
    told = town.do("owner", "reject", "anna", other["pending"], "--reason", "one is enough")
    assert told["state"] == "REJECTED" and not town.do("owner", "inbox", "anna")["waiting"]
    assert town.refused("owner", "approve", "anna", other["pending"])["number"] == Code.WRONG_STATE
    assert town.refused("owner", "approve", "bob", waits["pending"])["number"] == Code.UNKNOWN_ENTRY
    assert town.refused("owner", "approve", "anna", "00" * 16)["rule"] == "COS-8"


def test_a_thing_may_wait_for_the_word_of_its_owner(town: Town) -> None:  # [COS-8]
    buy = ("thing", "buy", "printer", "--offer", town.offer, "--quantity", "2", "--wait")
    waiting = town.start("waiting", *buy)
    while not (inbox := town.do("owner", "inbox", "anna")["waiting"]):
        pass  # the command is on its way
    town.do("owner", "reject", "anna", inbox[0]["pending"][:-2], "--reason", "too dear")
    assert waiting.result()[1]["became"] == "was rejected: too dear"


def test_an_order_that_was_not_sent_is_approved_by_its_own_owner_only(town: Town) -> None:  # [MAN-9]
    buy = ("thing", "buy", "printer", "--offer", town.offer, "--quantity", "2")
    town.do(*buy, "--prepare", "order.json")
    told = town.refused("owner", "approve", "bob", "order.json", "--out", "yes.json")
    assert told["number"] == Code.UNKNOWN_MANDATE
    approved = town.run("owner", "approve", "anna", "order.json", "--out", "yes.json")
    assert "37.84 EUR" in approved.stdout, "the owner is shown what he signs"
    bought = town.do("thing", "buy", "printer", "--order", "order.json", "--approval", "yes.json")
    assert bought["total_minor"] == 3_784 and "COS-2" in bought["rules"]
    found = town.do("explain", bought["contract"], "--home", "anna")
    assert found["allowed_by"]["approvals"] == [found["allowed_by"]["owner"]]


def test_an_owner_who_rejects_an_order_stops_it(town: Town) -> None:
    town.do("thing", "buy", "printer", "--offer", town.offer, "--quantity", "2", "--prepare", "bad.json")
    town.do("owner", "approve", "anna", "bad.json", "--out", "no.json", "--reject")
    told = town.refused("thing", "buy", "printer", "--order", "bad.json", "--approval", "no.json")
    assert (told["number"], told["rule"]) == (Code.DENIED, "COS-3")


def test_an_owner_says_when_he_is_not_to_be_disturbed(town: Town) -> None:  # [PER-1] [PER-3]
    night = "mon-fri 22:00-07:00"
    told = town.do("owner", "persona", "anna", "printer", "--quiet", night, "--latency", "2h")
    nights = ["mon,tue,wed,thu,fri 22:00-24:00", "tue,wed,thu,fri,sat 00:00-07:00"]
    assert sorted(told["quiet"]) == nights
    assert told["approval_latency_ms"] == 7_200_000
    for wrong in ("mon-fri 22-7", "someday 22:00-07:00", "mon 22:00-22:00", "daily 25:00-26:00"):
        assert town.run("owner", "persona", "anna", "printer", "--quiet", wrong).returncode == 2
    always = ("--quiet", "daily 00:00-24:00")
    assert town.refused("owner", "persona", "anna", "printer", *always)["rule"] == "PER-3"
    assert town.do("owner", "persona", "anna", "printer", "--clear")["quiet"] == []


def test_a_mandate_travels_as_a_file_and_ends_at_once(town: Town) -> None:
    thing = town.do("thing", "init", "lamp", "--node", "market")["thing"]
    give = ("owner", "mandate", "anna", thing, "--autonomy", "adaptable", "--spend", "order=20.00")
    leaf = town.do(*give, "--out", "mandate.json")["mandate"]
    assert town.do("thing", "mandate", "lamp", "mandate.json")["mandate"] == leaf
    assert town.refused("thing", "mandate", "printer", "mandate.json")["number"] == Code.CHAIN_BROKEN
    town.do("owner", "revoke", "anna", "--mandate", leaf, "--reason", "enough")
    told = town.refused("thing", "buy", "lamp", "--offer", town.offer, "--quantity", "1")
    assert told["number"] == Code.MANDATE_REVOKED


def test_play_money_ends(town: Town) -> None:
    told = town.refused("owner", "fund", "bob", "100.01")
    assert (told["number"], told["rule"]) == (Code.NOT_PERMITTED, "SET-2")


def test_money_that_is_not_there_is_not_spent(town: Town) -> None:
    told = town.refused("owner", "buy", "anna", "--offer", town.offer, "--quantity", "6")
    assert told["name"] == "EXCEEDS_CREDITS" and "owner fund" in told["next"]


def test_an_owner_is_forgotten_when_he_asks(town: Town) -> None:
    assert town.do("owner", "erase", "bob", "--yes") == {"erased": True}


def test_a_node_that_cannot_be_reached_is_told(tmp_path: Path) -> None:
    gone = Town(tmp_path)
    gone.close()
    assert gone.refused("node", "status", "market")["number"] == Code.UNAVAILABLE
    told = gone.refused("owner", "balance", "anna")
    assert told["number"] == Code.UNAVAILABLE and "node run" in told["next"]
