#!/usr/bin/env python3
"""Generates marketplace/thingmarket/v1 from proto/; `--check` only says whether it is fresh."""

import argparse
import difflib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = Path("thingmarket/v1")
PROTO = ROOT / "proto"
TARGET = ROOT / "marketplace" / PACKAGE
INIT = '"""Generated from proto/ by scripts/gen_proto.py; do not edit."""\n'


def generate(out: Path) -> None:
    """Write every module of the package below `out`."""
    protos = sorted(str(path.relative_to(PROTO)) for path in (PROTO / PACKAGE).glob("*.proto"))
    if protos:
        # The plugins of mypy-protobuf stand beside the interpreter that has them.
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        plugins = ("python", "grpc_python", "mypy", "mypy_grpc")
        command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTO}"]
        command += [f"--{plugin}_out={out}" for plugin in plugins]
        # The plugins name each file they write; only what goes wrong is worth reading.
        done = subprocess.run(
            [*command, *protos], check=False, env={**os.environ, "PATH": path}, capture_output=True, text=True
        )
        if done.returncode != 0:
            sys.exit(done.stderr)
    # protoc writes none, and without it setuptools and import-linter do not see the package
    (out / PACKAGE).mkdir(parents=True, exist_ok=True)
    (out / PACKAGE / "__init__.py").write_text(INIT)


def texts(folder: Path) -> dict[str, str]:
    """Read the generated files of a folder by name."""
    paths = [path for path in sorted(folder.glob("*")) if path.suffix in {".py", ".pyi"}]
    return {path.name: path.read_text() for path in paths}


def differences(fresh: dict[str, str], committed: dict[str, str]) -> list[str]:
    """Say where two sets of files differ, as unified diffs."""
    lines: list[str] = []
    for name in sorted(fresh.keys() | committed.keys()):
        before, after = committed.get(name, ""), fresh.get(name, "")
        lines += difflib.unified_diff(
            before.splitlines(), after.splitlines(), f"committed/{name}", f"fresh/{name}", lineterm=""
        )
        if (name in fresh) != (name in committed):
            lines.append(f"{name}: {'not generated yet' if name in fresh else 'no proto makes it'}")
    return lines


def replace_target(fresh: dict[str, str]) -> None:
    """Make the committed package equal to the fresh one."""
    TARGET.mkdir(parents=True, exist_ok=True)
    committed = texts(TARGET)
    for name in committed.keys() - fresh.keys():
        (TARGET / name).unlink()
    for name, text in fresh.items():
        if committed.get(name) != text:
            (TARGET / name).write_text(text)


def main() -> int:
    """Generate, then compare or replace."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when something is stale")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        fresh = texts(Path(folder) / PACKAGE)
    if not arguments.check:
        replace_target(fresh)
        return 0
    stale = differences(fresh, texts(TARGET))
    if stale:
        print("\n".join([*stale[:200], "generated code is stale: run scripts/gen_proto.py"]))
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
