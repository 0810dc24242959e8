"""The package installs with a C compiler and without one."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.tidy.repository import ROOT, tracked

NEEDED = ("marketplace/", "node/", "client/", "pyproject.toml", "setup.py", "README.md", "LICENSE")
OWN = {"PYTHONPATH", "CC", "CFLAGS"}  # of this run of the tests
SHOWN = """
from thingmarket.catalog.blocks import blocks_class
from thingmarket.matching.engine import Engine
from thingmarket.settlement.ledger import Ledger
from thingmarket.trading.front import new_desk
ledger = Ledger()
desk = new_desk(ledger=ledger, operator=1)
print(Engine().kind, type(ledger.accounts).__module__, desk.kind, blocks_class().kind)
"""


def installed(folder: Path, **environment: str) -> Path:
    """The Python of a new virtual environment into which a copy of the sources was installed."""
    sources = folder / "sources"
    for name in tracked(*NEEDED):
        (sources / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, sources / name)
    venv = folder / "venv"
    run([sys.executable, "-m", "venv", "--without-pip", str(venv)], folder)
    python = venv / "bin" / "python"
    # What is installed here, setuptools and Cython too, is lent to it. Path files in a lent folder are not
    # looked at, so this project's own editable install is not.
    site = run([str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], folder).strip()
    (Path(site) / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    options = ["--no-deps", "--no-build-isolation", "--ignore-installed", "--no-index", "--quiet"]
    run([str(python), "-m", "pip", "install", *options, str(sources)], folder, **environment)
    return python


def run(command: list[str], folder: Path, **environment: str) -> str:
    """What a program prints, that is started away from this repository."""
    inherited = {name: text for name, text in os.environ.items() if name not in OWN}
    done = subprocess.run(command, cwd=folder, env=inherited | environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_with_a_compiler_book_ledger_desk_and_index_are_native(tmp_path: Path) -> None:
    assert run([str(installed(tmp_path)), "-c", SHOWN], tmp_path) == (
        "native thingmarket.settlement._accounts native native\n"
    )


def test_without_a_compiler_the_install_succeeds_with_the_python_ones(tmp_path: Path) -> None:
    python = installed(tmp_path, CC="/nonexistent")
    assert run([str(python), "-c", SHOWN], tmp_path) == (
        "python thingmarket.settlement.accounts python python\n"
    )
