"""The market knows no clock, no disk, no network, no chance and no fraction."""

import ast
import tomllib

from tests.tidy.repository import PACKAGES, ROOT, WIRE, imports_of, pure_files, python_files, tree_of

SERVICERS = ("node/thingmarket_node/servicers/", "node/thingmarket_node/servicers.py")
CODEC_BENCHES = ("node/thingmarket_node/bench/recovery.py", "node/thingmarket_node/bench/verify.py")
SESSION = ("client/thingmarket_client/session/", "client/thingmarket_client/session.py")


def world() -> frozenset[str]:
    """The modules that the pure contract of import-linter forbids."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (names,) = (c["forbidden_modules"] for c in contracts if "core of the node" in c["name"])
    return frozenset(names)


def test_the_pure_code_imports_nothing_of_the_world() -> None:
    banned = world() | {"decimal", "fractions", "nacl.utils", "statistics"}
    found = [
        f"{name}:{line} {module}"
        for name in pure_files()
        for line, module in imports_of(name)
        if module.split(".")[0] in banned or any(module.startswith(f"{one}.") for one in banned)
    ]
    assert found == [], "\n".join(found)


def inexact(node: ast.AST) -> bool:
    """A float literal, a call of float() or a true division."""
    match node:
        case ast.Constant(value=float() | complex()):
            return True
        case ast.Call(func=ast.Name(id="float")):
            return True
        case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
            return True
    return False


def test_the_pure_code_computes_in_integers_alone() -> None:
    files = [*pure_files(), *python_files(WIRE)]
    found = [
        f"{name}:{getattr(node, 'lineno', 0)}"
        for name in files
        for node in ast.walk(tree_of(name))
        if inexact(node)
    ]
    assert found == [], "\n".join(found)


def may_import(name: str, module: str) -> bool:
    """Whether a file may import a generated module."""
    if name.startswith(WIRE):
        return True
    if name.startswith(SERVICERS) or name in CODEC_BENCHES:  # docs/adr/0012
        return True
    return "_pb2_grpc" in module and name.startswith(SESSION)


def test_only_wire_knows_the_messages() -> None:
    found = [
        f"{name}:{line} {module}"
        for name in python_files(*PACKAGES)
        for line, module in imports_of(name)
        if module.startswith("thingmarket.v1") and not may_import(name, module)
    ]
    assert found == [], "\n".join(found)
