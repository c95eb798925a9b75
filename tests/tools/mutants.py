"""Mutation score of the rules and of the accounting: small faults are put in a module one at a time, and its tests must notice.

Run as a program (``make mutants``). Arguments: modules (default: all of ``TESTS``), ``--count`` faults in each, drawn at random with
``--seed`` (0: all). Each fault lives in a process of its own, which imports the module with it and runs the tests until one fails.
Prints each fault that no test noticed, and the score of each module. Exit 1 when a score is under ``--least``.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib.abc
import importlib.util
import os
import random
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas  # noqa: F401 -- once, for all the processes
import hypothesis  # noqa: F401
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[2]
SECONDS = 120
PYTEST = ["-x", "-q", "-p", "no:cacheprovider", "-W", "ignore:Module already imported", "--hypothesis-profile=mutants"]
CHANGES = ("tests/indicators/test_changes.py",)
NEAR = "tests/rules/test_proximity.py"
OWN = {
    "contract": ("rules", "precision", "keys"),
    "ingest": ("cleaning",),
    "rules": ("addresses", "tristate", "proximity", "scopes", "stock"),
    "spatial": ("proximity", "location", "overlay", "fates", "placement", "perimeters", "sites"),
    "indicators": (
        *(
            "attainment",
            "backcast",
            "counts",
            "density",
            "identity",
            "matrix",
            "net_change",
            "readings",
            "unplaced",
        ),
        *("perimeter_effect", "pipeline_effect", "prescreen", "priorities", "series_audit", "simulation", "situations"),
        *("trend", "vecu_support"),
    ),
}
"""By folder, the modules that their own tests suffice for."""
TESTS: dict[str, tuple[str, ...]] = {
    f"{folder}.{name}": (f"tests/{folder.replace('.', '/')}/test_{name}.py",)
    for folder, names in OWN.items()
    for name in names
} | {
    "ingest.staging": ("tests/ingest/test_staging.py", "tests/ingest/kinds"),
    "ingest.kinds.structures": ("tests/ingest/kinds/test_structures.py", "tests/build/test_rejected.py"),
    "indicators.coverage": ("tests/indicators/test_coverage.py", "tests/indicators/test_unplaced.py", NEAR),
    "indicators.headline": ("tests/indicators/test_headline.py", NEAR),
    "spatial.repair": ("tests/spatial/test_repair.py", "tests/spatial/test_bad_shapes.py"),
    "indicators.agreement": ("tests/indicators/test_counts.py",),
    "indicators.declarations": ("tests/indicators/test_headline.py", "tests/test_docs.py"),
    "indicators.figures": ("tests/indicators/test_headline.py", "tests/indicators/test_matrix.py"),
    "indicators.accounts": CHANGES,
    "indicators.movements": CHANGES,
    "indicators.factors": CHANGES,
    "indicators.changes": CHANGES,
    "indicators.pairing": ("tests/indicators/test_pairing.py", *CHANGES),
    "indicators.change_summary": (*CHANGES, "tests/indicators/test_change_summary.py"),
    "build.accounting": ("tests/build/test_accounting.py", "tests/build/test_building.py"),
}
"""By module, the tests that hold it."""
LONG = {"built", "sample_folder", "real_data"}
"""Fixtures whose tests build a whole country: they are asked about a fault only where no small example has noticed it."""
NO_TESTS = 5
"""What pytest exits with where it has none to run."""
STATED = {"dtype", "kind", "strict", "validate", "copy", "maxsize"}
"""Arguments that state what holds without them: left out, nothing differs."""
COMPARED = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
COMPUTED = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip


def faults(node: ast.AST) -> Iterator[ast.AST]:
    """Give what a slip of the hand would write in the place of a node."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARED:
        yield ast.Compare(node.left, [COMPARED[type(node.ops[0])](), *node.ops[1:]], node.comparators)
    elif isinstance(node, ast.BinOp) and type(node.op) in COMPUTED:
        yield ast.BinOp(node.left, COMPUTED[type(node.op)](), node.right)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert | ast.USub):
        yield node.operand
    elif isinstance(node, ast.IfExp):
        yield ast.IfExp(node.test, node.orelse, node.body)
    elif isinstance(node, ast.Call) and node.keywords and node.keywords[-1].arg not in STATED:
        yield ast.Call(node.func, node.args, node.keywords[:-1])
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float | str):
        yield ast.Constant(_other(node.value))


def _other(value: bool | float | str) -> bool | float | str:
    if isinstance(value, bool):
        return not value
    return f"XX{value}" if isinstance(value, str) else value + 1


def sites(tree: ast.Module) -> list[ast.AST]:
    """List the nodes within functions that can be wrong; docstrings, annotations and messages of errors are words."""
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    words = {id(n.body[0].value) for n in functions if isinstance(n.body[0], ast.Expr)}
    words |= {id(n) for k in ast.walk(tree) if isinstance(k, ast.keyword) and k.arg in STATED for n in ast.walk(k)}
    for node in ast.walk(tree):
        told = [node.annotation] if isinstance(node, ast.AnnAssign | ast.arg) else [node] if _is_told(node) else []
        told += [node.returns] if isinstance(node, ast.FunctionDef) else []
        words |= {id(n) for part in told if part is not None for n in ast.walk(part)}
    inner = {id(n): n for f in functions for n in ast.walk(f) if id(n) not in words}
    return [n for n in inner.values() if next(faults(n), None) is not None]


def _is_told(node: ast.AST) -> bool:
    return isinstance(node, ast.Raise | ast.JoinedStr)


class OfLength:
    """A plugin of pytest that leaves out, or takes alone, the tests of a whole country."""

    def __init__(self, *, is_long: bool) -> None:
        self.is_long = is_long

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep those of one length."""
        items[:] = [i for i in items if bool(LONG & set(getattr(i, "fixturenames", ()))) == self.is_long]


class Faulty(importlib.abc.SourceLoader):
    """Loads one module from a tree, with its fault; the file stays as it is."""

    def __init__(self, path: Path, tree: ast.Module) -> None:
        self.path, self.tree = path, tree

    def find_spec(self, name: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        """Answer for the module of the path only."""
        known = name == ".".join(self.path.relative_to(ROOT / "src").with_suffix("").parts)
        return importlib.util.spec_from_file_location(name, self.path, loader=self) if known else None

    def get_filename(self, fullname: str) -> str:  # noqa: ARG002
        """Return the file of the module."""
        return str(self.path)

    def get_data(self, path: str) -> bytes:
        """Read the file."""
        return Path(path).read_bytes()

    def get_code(self, fullname: str) -> object:  # noqa: ARG002
        """Compile the tree."""
        return compile(self.tree, self.path, "exec")


def noticed(path: Path, tree: ast.Module, tests: Sequence[str]) -> bool:
    """Run the small tests against a tree, then the long ones."""
    return any(_noticed(path, tree, tests, is_long=is_long) for is_long in (False, True))


def _noticed(path: Path, tree: ast.Module, tests: Sequence[str], *, is_long: bool) -> bool:
    """Run tests against a tree, in a process of its own."""
    child = os.fork()
    if child == 0:
        resource.setrlimit(
            resource.RLIMIT_CPU, (SECONDS, SECONDS)
        )  # processor time, which other programs do not lengthen
        for stream in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        sys.meta_path.insert(0, Faulty(path, tree))
        os._exit(int(pytest.main([*PYTEST, *tests], plugins=[OfLength(is_long=is_long)])) not in (0, NO_TESTS))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0


def score(module: str, count: int, seed: int) -> tuple[int, int]:
    """Put faults in a module; return how many were noticed, and how many there were."""
    tests = TESTS[module]
    path = ROOT / "src" / "qpvhealth" / (module.replace(".", "/") + ".py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if noticed(path, tree, tests):
        sys.exit(f"{module}: its tests fail without any fault")
    chosen = sites(tree)
    if 0 < count < len(chosen):
        chosen = random.Random(seed).sample(chosen, count)  # noqa: S311 -- a sample, not a secret
    n = 0
    for node in chosen:
        wrong = next(faults(node))
        around = copy.deepcopy(tree, {id(node): node})
        if noticed(path, ast.fix_missing_locations(_Replaced(node, wrong).visit(around)), tests):
            n += 1
        else:
            print(f"{module}:{node.lineno}: {ast.unparse(node)[:80]} -> {ast.unparse(wrong)[:80]}", flush=True)
    print(f"{module}: {n} of {len(chosen)} noticed, {n / max(len(chosen), 1):.1%}", flush=True)
    return n, len(chosen)


class _Replaced(ast.NodeTransformer):
    def __init__(self, node: ast.AST, by: ast.AST) -> None:
        self.node, self.by = node, ast.copy_location(by, node)

    def visit(self, node: ast.AST) -> ast.AST:
        return self.by if node is self.node else self.generic_visit(node)


def main() -> int:
    """Score each module asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE")
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--least", type=float, default=0.8)
    asked = parser.parse_args()
    if unknown := sorted(set(asked.modules) - TESTS.keys()):
        parser.error(f"unknown: {', '.join(unknown)}; known: {', '.join(TESTS)}")
    os.chdir(ROOT)
    scores = [score(name, asked.count, asked.seed) for name in asked.modules or TESTS]
    return int(any(n < asked.least * of for n, of in scores))


if __name__ == "__main__":
    sys.exit(main())
