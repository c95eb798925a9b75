"""What changed between two dates: entries and exits by cause, openings by their own year, the national pace, the constant field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qpvhealth.facts.categories import CDS, MSP
from qpvhealth.facts.causes import (
    CAUSES,
    EVIDENCE_FR,
    LATE_REGISTRATION,
    LOCATION_LEARNT,
    LOCATION_LOST,
    NOT_ATTRIBUTABLE,
    OPENED,
)
from qpvhealth.facts.generations import IN_FORCE
from qpvhealth.facts.situations import IN_QPV
from qpvhealth.publish.bounds import SIDES, Bounded
from qpvhealth.publish.report.content import MIN_RATE_BASE, Section, Table
from qpvhealth.studies.report.headline import answered
from qpvhealth.studies.report.rows import cells
from qpvhealth.studies.report.subject import ALL, Subject

if TYPE_CHECKING:
    import pandas as pd

    from qpvhealth.publish.report.content import Block, Unit

_TYPES = {MSP: "msp", CDS: "cds", ALL: "all"}


def movements(subject: Subject) -> Section:
    """Explain the net change; with one date there is nothing to explain, and the section says so."""
    title = subject.say("changes.title")
    if subject.before is None:
        return Section("changements", title, (subject.say("changes.one_year"),))
    if subject.is_local:  # a handful of structures: each is listed, and no pace is compared
        flows = {name: int((subject.moves["effect"] == sign).sum()) for name, sign in (("n_in", 1), ("n_out", -1))}
        none = subject.say("changes.none", interval=subject.interval)
        words = subject.say("changes.moves", interval=subject.interval, perimeters=subject.all_perimeters, **flows)
        return Section("changements", title, (none if subject.moves.empty else words,))
    causes = _causes(subject)
    entries = causes[(causes["structure_type"] == ALL)].set_index("cause")
    blocks: list[Block] = []
    if False in [subject.covered(year) for year in subject.years]:
        return Section("changements", title, (subject.say("changes.unknown", interval=subject.interval),))
    if causes.empty:
        blocks.append(subject.say("changes.none", interval=subject.interval))
    else:
        dated = {name: subject.figure(f"{name}_in_qpv") for name in ("opened", "closed")}
        if None not in (figure.value for figure in dated.values()):
            words = "dated" if any(figure.value for figure in dated.values()) else "dated_none"
            blocks.append(subject.say(f"changes.{words}", interval=subject.interval, **dated))
        if late := int(entries["n_in"].get(LATE_REGISTRATION, 0)):
            blocks.append(subject.say("changes.late", n=late))
        learnt, lost = (int(entries[s].get(c, 0)) for c, s in ((LOCATION_LEARNT, "n_in"), (LOCATION_LOST, "n_out")))
        if learnt or lost:
            blocks.append(subject.say("changes.learnt", learnt=learnt, lost=lost))
        if NOT_ATTRIBUTABLE in entries.index:
            blocks.append(
                subject.say("changes.unexplained", n=sum(int(entries[c][NOT_ATTRIBUTABLE]) for c in ("n_in", "n_out")))
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
    """Return the net change since the extract before, by cause."""
    caption = subject.say("changes.causes", where=subject.where, interval=subject.interval)
    notes = (
        subject.say("changes.causes_note", perimeters=subject.all_perimeters),
        *subject.rows_by(f"list counted --year {subject.year} --indicator net_in_qpv"),
    )
    return by_cause(subject, rows, "causes", caption, notes, rows_behind="annexe-mouvements", used="change_summary")


def by_cause(
    subject: Subject,
    rows: pd.DataFrame,
    anchor: str,
    caption: str,
    notes: tuple[str, ...],
    *,
    rows_behind: str = "",
    used: str = "changes",
) -> Table:
    """Return entries, exits and net by cause and type, causes in their order, and their sums, which are the net change.

    ``rows``: ``cause``, ``structure_type``, ``n_in``, ``n_out``, ``n``. ``rows_behind``: the anchor of the list of the movements.
    """
    keys = zip(rows["cause"], rows["structure_type"], strict=True)
    flows = zip(*(rows[c].astype("int64") for c in ("n_in", "n_out", "n")), strict=True)
    cells = dict(zip(keys, flows, strict=True))
    columns, lines = [subject.column("cause", "text")], list[tuple[Any, ...]]()
    for label in _TYPES.values():
        for flow in ("in", "out", "net"):
            unit: Unit = "signed" if flow == "net" else "count"
            columns.append(subject.column(f"{flow}_{label}", unit, rows_behind))
    for cause, words in CAUSES.items():
        if cause in set(rows["cause"]):
            flows_of_cause = (n for kind in _TYPES for n in cells.get((cause, kind), (0, 0, 0)))
            lines.append((words[subject.language == "en"], *flows_of_cause))
    lines.append((subject.say("rows.all"), *(sum(line[k] for line in lines) for k in range(1, len(columns)))))
    return Table(anchor, caption, tuple(columns), tuple(lines), notes, (used,), has_total=True)


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
    labels = years.map("{:.0f}".format, na_action="ignore").fillna(subject.say("rows.undated"))
    kinds = rows["structure_type"]
    lines: list[tuple[Any, ...]] = [
        (
            label,
            *(int(((labels == label) & (kinds == kind)).sum()) for kind in (MSP, CDS)),
            int((labels == label).sum()),
        )
        for label in sorted(labels.unique())
    ]
    lines.append((subject.say("rows.all"), *(sum(line[k] for line in lines) for k in (1, 2, 3))))
    return [
        Table(
            "ouvertures",
            subject.say("changes.openings", where=subject.where, interval=subject.interval),
            (
                subject.column("civil_year", "text"),
                *(subject.column(t, rows="annexe-mouvements") for t in _TYPES.values()),
            ),
            tuple(lines),
            (
                subject.say("changes.openings_note", perimeters=subject.all_perimeters),
                *subject.rows_by(f"list counted --year {subject.year} --indicator opened_in_qpv"),
            ),
            ("changes",),
            has_total=True,
        )
    ]


def lists(subject: Subject) -> list[Table]:
    """List the structures that entered or left the QPV of the area between both dates; none where there is one date."""
    if subject.before is None:
        return []
    names = subject.release.table("structures", columns=["finess_et", "year", "name"]).dropna().sort_values("year")
    last = dict(zip(names["finess_et"], names["name"], strict=True))
    rows = subject.moves
    rows = rows.assign(
        name=rows["finess_et_to"].fillna(rows["finess_et_from"]).map(last),
        type_before=rows["structure_type_from"],
        evidence=rows["evidence"].map(EVIDENCE_FR).fillna(rows["evidence"])
        if subject.language == "fr"
        else rows["evidence"],
        cause=rows["cause"].map({cause: words[subject.language == "en"] for cause, words in CAUSES.items()}),
    )
    columns = {
        "finess_et": subject.column("finess", "text"),
        "name": subject.column("name", "text"),
        "type_before": subject.column("type_before", "text"),
        "structure_type_to": subject.column("type_after", "text"),
        "cause": subject.column("cause", "text"),
        "evidence": subject.column("evidence", "text"),
        "qpv_code_from": subject.column("qpv_before", "text"),
        "qpv_code_to": subject.column("qpv_after", "text"),
        "opened_on": subject.column("opened_on", "date"),
        "closed_on": subject.column("closed_on", "date"),
        "effect": subject.column("effect_in_qpv", "signed"),
    }
    absent = {"type_before", "structure_type_to", "qpv_code_from", "qpv_code_to", "opened_on", "closed_on"}
    caption = subject.say("changes.listed", where=subject.where, interval=subject.interval)
    note = subject.say("changes.listed_note", perimeters=subject.all_perimeters)
    values = cells(subject, rows, list(columns), dashes=absent)
    return [Table("annexe-mouvements", caption, tuple(columns.values()), values, (note,), ("changes",))]


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
    words = "trend" if all(subject.covers_all(year) for year in subject.years) else "trend_part"
    contours = "" if len({subject.perimeters(y) for y in subject.years}) == 1 else subject.say("changes.trend_contours")
    flows = {"msp": expected[MSP], "cds": expected[CDS], "observed_msp": observed[MSP], "observed_cds": observed[CDS]}
    return [
        subject.say(
            f"changes.{words}",
            interval=subject.interval,
            contours=contours,
            n_cds=expected[CDS],
            **{name: subject.text(value, "signed") for name, value in flows.items()},
        )
    ]


def _constant(subject: Subject) -> str:
    """Compare quartier vécu among the ARS that answered for both dates, and no others."""
    before, after = subject.years
    both = sorted(set(answered(subject, before)) & set(answered(subject, after)))
    if subject.level == "department":
        return subject.say("changes.constant_local")
    if not both:
        return subject.say("changes.constant_none")
    sums = {}
    for name, year in (("before", before), ("after", after)):
        parts = [subject.figure("n_vecu_declared", year=year, area=("region", region)) for region in both]
        sums[name] = Bounded(*(sum(getattr(part, side) or 0 for part in parts) for side in ("value", *SIDES)))
    return subject.say("changes.constant", n=len(both), then=subject.on(before), now=subject.on(after), **sums)
