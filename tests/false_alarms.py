"""The false alarms of the rules of deliveries, counted on files that are right, as the table of docs/method.md has them."""

from collections import Counter
from pathlib import Path

from qpvhealth.contract.rules import all_rules

METHOD = Path(__file__).parents[1] / "docs/method.md"
RULES_OF_DELIVERIES = [name for name in all_rules() if name.startswith("delivery-")]
HEADER = "| false alarms of |"


def documented(column):
    """Return a column of the table, by rule; a dash is a rule that these files do not try."""
    lines = METHOD.read_text(encoding="utf-8").splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith(HEADER))
    header = [cell.strip() for cell in lines[start].split("|")]
    table = {}
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in line.split("|")]
        table[cells[1].strip("`")] = cells[header.index(column)]
    return {rule: int(n) for rule, n in table.items() if n.isdigit()}


def counted(findings):
    """Count the findings of each rule of deliveries."""
    n = Counter(f.rule for f in findings)
    return {rule: n[rule] for rule in RULES_OF_DELIVERIES}
