from __future__ import annotations

import ast
from pathlib import Path

import qpvhealth
from qpvhealth.contract.rules import REJECT, RULES, STRICT, WARNING, Finding

SOURCE = Path(qpvhealth.__file__).parent
CALLS = {"reject", "warn", "warn_at", "Finding", "_warn", "_some"}


def named_rules():
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in CALLS:
                texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
                yield from (t for t in texts if " " not in t and "-" in t)


def test_every_rule_that_the_code_names_is_declared():
    used = set(named_rules())
    assert len(used) > 20
    assert not used - set(RULES)


def test_rules_are_told_apart_and_explained():
    assert {r.level for r in RULES.values()} == {REJECT, WARNING, STRICT}
    assert all(r.id == key and r.meaning for key, r in RULES.items())


def test_a_finding_gives_its_share_where_the_whole_is_known():
    assert Finding("tie", 1, "m", 3).as_dict() == {
        "rule": "tie",
        "n": 1,
        "of": 3,
        "share": 0.333333,
        "message": "m",
    }
    assert Finding("tie", 1, "m").as_dict()["share"] is None
