"""What changed between two dates: entries and exits by cause, openings by their own year, the national pace, the constant field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qpvhealth.facts.categories import CDS, MSP
from qpvhealth.facts.causes import CAUSES, LATE_REGISTRATION, LOCATION_LEARNT, LOCATION_LOST, NOT_ATTRIBUTABLE, OPENED
from qpvhealth.facts.generations import IN_FORCE
from qpvhealth.facts.situations import IN_QPV
from qpvhealth.publish.report.content import MIN_RATE_BASE, Column, Section, Table, number
from qpvhealth.publish.report.words import say
from qpvhealth.studies.report.headline import answered, on
from qpvhealth.studies.report.subject import ALL, Subject

if TYPE_CHECKING:
    import pandas as pd

    from qpvhealth.publish.report.content import Block

_TYPES = ((MSP, "MSP"), (CDS, "centres"), (ALL, "ensemble"))


def movements(subject: Subject) -> Section:
    """Explain the net change; with one date there is nothing to explain, and the section says so."""
    title = say("changes.title")
    if subject.before is None:
        return Section("changements", title, (say("changes.one_year"),))
    causes = _causes(subject)
    entries = causes[(causes["structure_type"] == ALL)].set_index("cause")
    blocks: list[Block] = []
    if causes.empty:
        blocks.append(say("changes.none"))
    else:
        dated = {name: subject.figure(f"{name}_in_qpv").value for name in ("opened", "closed")}
        if None not in dated.values():
            blocks.append(say("changes.dated", interval=subject.interval, **dated))
        if late := int(entries["n_in"].get(LATE_REGISTRATION, 0)):
            blocks.append(say("changes.late", n=late))
        learnt, lost = (int(entries[s].get(c, 0)) for c, s in ((LOCATION_LEARNT, "n_in"), (LOCATION_LOST, "n_out")))
        if learnt or lost:
            blocks.append(say("changes.learnt", learnt=learnt, lost=lost))
        if NOT_ATTRIBUTABLE in entries.index:
            blocks.append(
                say("changes.unexplained", n=sum(int(entries[c][NOT_ATTRIBUTABLE]) for c in ("n_in", "n_out")))
            )
    blocks += [*_trend(subject), _constant(subject)]
    if len(causes):
        blocks += [_cause_table(subject, causes), *_openings(subject)]
    return Section("changements", title, tuple(blocks))


def _causes(subject: Subject) -> pd.DataFrame:
    rows = subject.release.table("change_summary")
    rows = rows[(rows["level"] == subject.level) & (rows["area_code"] == subject.code) & (rows["situation"] == IN_QPV)]
    rows = rows[(rows["from_year"] == subject.before) & (rows["to_year"] == subject.year)]
    return rows[(rows["generation"] == IN_FORCE) & ((rows["n_in"] > 0) | (rows["n_out"] > 0))]


def _cause_table(subject: Subject, rows: pd.DataFrame) -> Table:
    """Return entries, exits and net by cause and type, causes in their order, and their sums, which are the net change."""
    keys = zip(rows["cause"], rows["structure_type"], strict=True)
    flows = zip(*(rows[c].astype("int64") for c in ("n_in", "n_out", "n")), strict=True)
    cells = dict(zip(keys, flows, strict=True))
    columns, lines = [Column("Cause", "text")], list[tuple[Any, ...]]()
    for _, label in _TYPES:
        columns += [Column(f"Entrées, {label}"), Column(f"Sorties, {label}"), Column(f"Solde, {label}", "signed")]
    for cause, (words, _) in CAUSES.items():
        if cause in set(rows["cause"]):
            lines.append((words, *(n for kind, _ in _TYPES for n in cells.get((cause, kind), (0, 0, 0)))))
    lines.append(("Ensemble", *(sum(line[k] for line in lines) for k in range(1, len(columns)))))
    return Table(
        "causes",
        say("changes.causes", where=subject.where, interval=subject.interval),
        tuple(columns),
        tuple(lines),
        (say("changes.causes_note", perimeters=_both(subject)),),
        ("change_summary",),
        has_total=True,
    )


def _both(subject: Subject) -> str:
    return " puis ".join(dict.fromkeys(subject.perimeters(y) for y in subject.years))


def _openings(subject: Subject) -> list[Table]:
    """Count the structures that came in by an opening, by the civil year of their own date."""
    rows = subject.release.table("changes")
    rows = rows[(rows["generation"] == IN_FORCE) & (rows["from_year"] == subject.before)]
    rows = rows[(rows["to_year"] == subject.year) & (rows["cause"] == OPENED) & (rows["effect_in_qpv"] == 1)]
    column = f"{subject.level}_to"
    rows = rows if column not in rows else rows[rows[column] == subject.code]
    if rows.empty:
        return []
    years = rows["opened_on"].dt.year
    labels = years.map("{:.0f}".format, na_action="ignore").fillna("sans date")
    kinds = rows["structure_type"]
    lines: list[tuple[Any, ...]] = [
        (
            label,
            *(int(((labels == label) & (kinds == kind)).sum()) for kind in (MSP, CDS)),
            int((labels == label).sum()),
        )
        for label in sorted(labels.unique())
    ]
    lines.append(("Ensemble", *(sum(line[k] for line in lines) for k in (1, 2, 3))))
    return [
        Table(
            "ouvertures",
            say("changes.openings", where=subject.where, interval=subject.interval),
            (Column("Année civile", "text"), Column("MSP"), Column("Centres"), Column("Ensemble")),
            tuple(lines),
            (say("changes.openings_note", perimeters=_both(subject)),),
            ("changes",),
            has_total=True,
        )
    ]


def _trend(subject: Subject) -> list[str]:
    """Say what the national pace would have given, where the base of both types can carry a rate."""
    rows = subject.release.table("trend")
    rows = rows[(rows["generation"] == IN_FORCE) & (rows["level"] == subject.level)]
    rows = rows[(rows["area_code"] == subject.code) & (rows["from_year"] == subject.before)]
    rows = rows[rows["to_year"] == subject.year].set_index("structure_type")
    if not {MSP, CDS} <= set(rows.index) or (rows.loc[[MSP, CDS], "base"] < MIN_RATE_BASE).any():
        return []
    expected, observed = rows["expected"].astype("float64"), rows["observed"].astype("float64")
    if expected[[MSP, CDS]].isna().any():
        return []
    flows = {"msp": expected[MSP], "cds": expected[CDS], "observed_msp": observed[MSP], "observed_cds": observed[CDS]}
    return [say("changes.trend", **{name: number(value, "signed") for name, value in flows.items()})]


def _constant(subject: Subject) -> str:
    """Compare quartier vécu among the ARS that answered for both dates, and no others."""
    before, after = subject.years
    both = sorted(set(answered(subject, before)) & set(answered(subject, after)))
    if subject.level == "department":
        return say("changes.constant_local")
    if not both:
        return say("changes.constant_none")
    sums = {
        name: sum(subject.figure("n_vecu_declared", year=year, region=r).value or 0 for r in both)
        for name, year in (("before", before), ("after", after))
    }
    return say("changes.constant", n=len(both), then=on(subject, before), now=on(subject, after), **sums)
