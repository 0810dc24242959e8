"""docs/tour.md, typed as it stands: every block runs, and prints what is shown below it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tidy.repository import ROOT

BLOCK = re.compile(r"^```(bash|python|text)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (\w+\.py)")
WORD = re.compile(r"[A-Za-z][A-Za-z-]{2,}")
ID = re.compile(r"\S+\.\.\.|[0-9a-f]{8,}")  # and whatever else is cut short
MARK = "##### block"
ENDS = "trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\nset -eu\n"


def blocks() -> list[tuple[str, str]]:
    return BLOCK.findall((ROOT / "docs/tour.md").read_text())


def world(folder: Path) -> dict[str, str]:
    """An environment in which `thingmarket` and `python` are those that run this test."""
    (folder / "bin").mkdir()
    for name, words in (("thingmarket", "-m thingmarket_node.cli"), ("python", "")):
        program = folder / "bin" / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        program.chmod(0o755)
    sources = os.pathsep.join(str(ROOT / name) for name in ("marketplace", "node", "client"))
    path = os.pathsep.join((str(folder / "bin"), os.environ["PATH"]))
    return {**os.environ, "PATH": path, "PYTHONPATH": sources, "COLUMNS": "200"}


def written(folder: Path) -> str:
    """The script of all blocks; Python programs are saved where it looks for them."""
    script = ENDS
    for number, (kind, text) in enumerate(blocks()):
        if kind == "bash":
            script += f"echo '{MARK} {number}'\n" + re.sub(r"^\. \.venv/.*\n", "", text)
        elif kind == "python":
            name = FILE.match(text)
            assert name is not None, "a program of the tour says where it is saved"
            (folder / "town").mkdir(exist_ok=True)
            (folder / "town" / name[1]).write_text(text)
    return script


@pytest.mark.timeout(300)  # some sixty commands, each a process
def test_the_tour_runs_as_it_stands_and_prints_what_it_shows(tmp_path: Path) -> None:
    (tmp_path / "tour.sh").write_text(written(tmp_path))
    done = subprocess.run(
        ["bash", "tour.sh"],
        cwd=tmp_path,
        env=world(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3_000:]
    printed = {int(one.split(maxsplit=1)[0]): one for one in done.stdout.split(MARK)[1:]}
    shown = 0
    for number, (kind, text) in enumerate(blocks()):
        if kind != "text":
            continue
        shown += 1
        happened = set(WORD.findall(printed[number - 1]))
        for line in text.splitlines():
            missing = [word for word in WORD.findall(ID.sub("", line)) if word not in happened]
            assert missing == [], f"{line}\n{printed[number - 1]}"
    assert shown > 10
