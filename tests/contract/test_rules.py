from __future__ import annotations

import ast
from pathlib import Path

import qpvhealth
from qpvhealth.contract.rules import ERROR, REJECT, STRICT, WARNING, Finding, all_rules

SOURCE = Path(qpvhealth.__file__).parent
CALLS = {"reject", "warn", "warn_at", "Finding", "_warn", "_some"}


def calls():
    """Return the texts that look like a rule among the arguments of calls that reject or report, and every other text."""
    raised, texts = set(), set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.add(node.value)
            elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in CALLS:
                literals = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
                raised |= {t for t in literals if " " not in t and "-" in t}
    return raised, texts


def test_rules_are_declared_where_and_only_where_the_code_raises_them():
    raised, texts = calls()
    assert len(raised) > 20
    assert not raised - set(all_rules())
    assert not set(all_rules()) - texts


def test_a_rule_says_in_both_languages_what_it_means_what_to_do_and_gives_an_example():
    assert {r.level for r in all_rules().values()} == {REJECT, WARNING, STRICT, ERROR}
    for key, rule in all_rules().items():
        assert rule.id == key
        said = [rule.en, rule.do_en, rule.example_en, rule.fr, rule.do_fr, rule.example_fr]
        assert all(text.strip() and not text.endswith(".") for text in said), key
        assert rule.en != rule.fr


def test_a_finding_gives_its_share_where_the_whole_is_known():
    assert Finding("tie", 1, "m", 3).as_dict() == {
        "rule": "tie",
        "n": 1,
        "of": 3,
        "share": 0.333333,
        "message": "m",
    }
    assert Finding("tie", 1, "m").as_dict()["share"] is None


def test_a_finding_that_a_card_may_sign_says_its_area_value_and_cards_and_who_signed():
    finding = Finding("delivery-left", 2, "m", 9, "FR", "2", ("a", "b"))
    assert finding.is_refused  # a rule of level strict
    assert {k: finding.as_dict()[k] for k in ("area", "value", "source_ids")} == {
        "area": "FR",
        "value": "2",
        "source_ids": ["a", "b"],
    }
    assert "signed" not in finding.as_dict()
    signed = Finding("delivery-left", 2, "m", 9, "FR", "2", ("a",), {"by": "J. Martin"})
    assert not signed.is_refused
    assert signed.as_dict()["signed"] == {"by": "J. Martin"}
    assert not Finding("tie", 1, "m").is_refused
    assert "area" not in Finding("tie", 1, "m").as_dict()
