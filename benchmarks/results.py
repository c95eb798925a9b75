"""The results kept as data, one file a section, and the page made of them: no figure of the page is typed by hand."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

STORE = Path(__file__).parent / "results"
PAGE = Path(__file__).parent / "RESULTS.md"
HEAD = """# Results

Written by `make bench` (`benchmarks/run.py`) from `benchmarks/results/`, one file a section; sections may come from several runs,
each says when and how. Ratios travel from one machine to another, seconds do not. Seconds are medians of the runs, ratios medians
over the rounds, in which commands run in turn. Where other programs share the machine, processor seconds say more than the wall.
"""


@dataclass(frozen=True)
class Target:
    """One target of the project: what was measured, at most what, in words and as a number."""

    name: str
    measured: float
    at_most: float


@dataclass(frozen=True)
class Table:
    """A table of the page: a caption, columns, rows (numbers already rounded), and what is to be said below."""

    caption: str
    columns: list[str]
    rows: list[list[str]]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Section:
    """A part of the benchmarks, kept in ``<name>.json``; ``order`` is its place on the page."""

    name: str
    order: int
    title: str
    about: str
    machine: str
    tables: list[Table]
    targets: list[Target] = field(default_factory=list)


def keep(section: Section) -> None:
    """Write a section to the store, then the page anew."""
    STORE.mkdir(exist_ok=True)
    text = json.dumps(asdict(section), indent=1, ensure_ascii=False)
    (STORE / f"{section.name}.json").write_text(text + "\n", encoding="utf-8")
    PAGE.write_text(page(kept()), encoding="utf-8")


def kept() -> list[Section]:
    """Read the store, in the order of the page."""
    return sorted((_read(p) for p in STORE.glob("*.json")), key=lambda s: (s.order, s.name))


def page(sections: list[Section]) -> str:
    """Write the page: the targets, then every section."""
    lines = [HEAD, "## Targets", "", "| target | measured | at most | |", "| --- | ---: | ---: | --- |"]
    for target in (t for s in sections for t in s.targets):
        met = "met" if target.measured <= target.at_most else "not met"
        lines.append(f"| {target.name} | {target.measured:.3g} | {target.at_most:.3g} | {met} |")
    for section in sections:
        lines += ["", f"## {section.title}", "", section.about, "", f"*{section.machine}*"]
        for table in section.tables:
            lines += ["", *markdown(table)]
    return "\n".join(lines).rstrip() + "\n"


def markdown(table: Table) -> list[str]:
    head = [f"| {' | '.join(table.columns)} |", f"| --- |{' ---: |' * (len(table.columns) - 1)}"]
    caption = [f"**{table.caption}**", ""] if table.caption else []
    notes = ["", *(f"- {n}" for n in table.notes)] if table.notes else []
    return [*caption, *head, *(f"| {' | '.join(row)} |" for row in table.rows), *notes]


def _read(path: Path) -> Section:
    told = json.loads(path.read_text("utf-8"))
    tables = [Table(**t) for t in told.pop("tables")]
    targets = [Target(**t) for t in told.pop("targets")]
    return Section(**told, tables=tables, targets=targets)
