"""Quartier vécu, ARS by ARS: who answered what, and how far from a QPV the declared structures stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qpvhealth.facts.categories import CDS, MSP
from qpvhealth.facts.situations import VECU_DECLARED
from qpvhealth.facts.territories import NO_REGION, REGIONS
from qpvhealth.publish.report.content import MIN_RATE_BASE, NOT_SHOWN, Section, Table, ratio
from qpvhealth.rules.scopes import SCOPE_OF_TYPE
from qpvhealth.studies.report.headline import answered
from qpvhealth.studies.report.subject import COUNTRY, Subject

if TYPE_CHECKING:
    from qpvhealth.publish.bounds import Bounded


def nearby(subject: Subject) -> Section:
    """Show the answers of the ARS of the area, one row each; a département has those of its region."""
    title = subject.say("nearby.title")
    if not subject.regions:
        return Section("proximite", title, (subject.say("nearby.empty"),))
    is_silent = not answered(subject, subject.year)
    practice = subject.say("nearby.nobody", on=subject.on()) if is_silent else subject.say("nearby.practice")
    local = (subject.say("nearby.area"),) if subject.level == "department" else ()
    return Section("proximite", title, (practice, *local, answers(subject)))


def answers(subject: Subject) -> Table:
    """Return one row per ARS: what it answered, in QPV, in quartier vécu, their ratio, and the median distance of those declared."""
    whole = Subject(subject.release, subject.year, subject.before)
    declared = whole.structures(subject.year)
    declared = declared[declared["situation"] == VECU_DECLARED]
    distances = declared.groupby("region_code")["distance_m"].agg(["median", "count"])
    rows: list[tuple[Any, ...]] = []
    for region in subject.regions:
        vecu = {
            scope: subject.figure("n_vecu_declared", scope, area=("region", region))
            for scope in ("msp", "cds", "msp_cds")
        }
        inside = subject.stock_figure("n_in_qpv", "msp_cds", subject.year, ("region", region))
        far: Any = distances["median"].get(region) if distances["count"].get(region, 0) >= MIN_RATE_BASE else NOT_SHOWN
        rows.append(
            (
                f"{REGIONS[region][0]} ({region})",
                _answer(subject, region, vecu),
                inside,
                vecu["msp_cds"],
                ratio(vecu["msp_cds"].value, inside.value),
                far,
            )
        )
    elsewhere = subject.figure("n_in_qpv", area=("region", NO_REGION))
    if elsewhere.value and subject.level == COUNTRY:
        rows.append((subject.say("nearby.none"), NOT_SHOWN, elsewhere, NOT_SHOWN, NOT_SHOWN, NOT_SHOWN))
    columns = (
        subject.column("ars", "text"),
        subject.column("answer", "text"),
        subject.column("in_qpv_now", rows="annexe-qpv" if subject.has_own_answers else ""),
        subject.column("vecu_now", rows="annexe-vecu" if subject.has_own_answers else ""),
        subject.column("ratio", "ratio"),
        subject.column("median_distance", "metres"),
    )
    caption = subject.say("nearby.caption", where=subject.where_it_answers, on=subject.on())
    listed = subject.rows_by_region(f"list counted --year {subject.year} --situation vecu_declared")
    note = subject.say("nearby.note", perimeters=subject.perimeters(subject.year))
    return Table(
        "ars", caption, columns, tuple(rows), (note, *listed), ("indicators", "yearly_counts", "structure_locations")
    )


def _answer(subject: Subject, region: str, vecu: dict[str, Bounded]) -> str:
    """Say for which types an ARS answered, and whether its list is complete."""
    types = [SCOPE_OF_TYPE[kind] for kind in (MSP, CDS) if (subject.year, region, kind) in subject.answers]
    if not types:
        return subject.say("nearby.unanswered")
    complete = all(vecu[scope].is_exact for scope in types)
    words = subject.say("nearby.all_types") if len(types) > 1 else subject.say(f"nearby.{types[0]}")
    return words + subject.say("nearby.complete" if complete else "nearby.partial")
