"""The sheet of a commune: its QPV ranked, its general practitioners, programmes and projects; a QPV has the last two as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth.indicators.pipeline_effect import DECIDED
from qpvhealth.publish.rendering import plain
from qpvhealth.publish.report.content import MIN_SHARE_BASE, NOT_SHOWN, Column, Section, Table
from qpvhealth.publish.words import shown, word
from qpvhealth.studies import planning, practices
from qpvhealth.studies.quarters import Area
from qpvhealth.studies.report import bare
from qpvhealth.studies.report.rows import cells
from qpvhealth.studies.report.subject import COMMUNE, QPV, Subject

if TYPE_CHECKING:
    from qpvhealth.publish.report.content import Block


def quarters(subject: Subject) -> Section:
    """Rank the QPV of a commune, with what covers each; those surely without a structure first, by their national priority."""
    title, rows = subject.say("commune.title"), subject.quarters(subject.year)
    if rows.empty:
        return Section("quartiers", title, (subject.say("bare.none"),))
    return Section(
        "quartiers", title, (*bare.sentences_of(subject), subject.say("bare.meaning"), _ranked(subject, rows))
    )


def _ranked(subject: Subject, rows: pd.DataFrame) -> Table:
    ranks = planning.priorities(subject.release, year=subject.year, area=Area(COMMUNE, subject.code)).frame
    near = (
        practices.practitioners(subject.release, Area(COMMUNE, subject.code), year=subject.year).frame
        if _has_gps(subject)
        else None
    )
    listed = rows.assign(rank=rows["qpv_code"].map(ranks.set_index("qpv_code")["rank"]))
    own = (
        None if near is None else _ages(near[near["level"] == QPV]).drop_duplicates("area_code").set_index("area_code")
    )
    for name in GPS:
        listed[name] = None if own is None else rows["qpv_code"].map(own[name])
    state = listed["is_covered_in"].astype("object").map({False: 0, True: 2}).fillna(1)
    listed = listed.assign(state=state, people=-listed["population"].astype("Float64").fillna(-1))
    listed = listed.sort_values(["state", "rank", "people", "qpv_code"], ignore_index=True)
    listed = listed.assign(place=np.arange(1, len(listed) + 1))
    columns = {
        "place": subject.column("place"),
        "qpv_code": subject.column("qpv", "text"),
        "name": subject.column("name", "text"),
        "population": subject.column("people"),
        "is_covered_in": subject.column("is_covered", "text"),
        "n_msp_in": subject.column("msp_in", rows="annexe-qpv"),
        "n_cds_in": subject.column("cds_in", rows="annexe-qpv"),
        "n_msp_near": subject.column("msp_near", rows="annexe-vecu"),
        "n_cds_near": subject.column("cds_near", rows="annexe-vecu"),
        "nearest_msp_m": subject.column("nearest_msp", "metres"),
        "nearest_cds_m": subject.column("nearest_cds", "metres"),
        "zone_class": subject.column("zone_class", "text"),
        "is_npnru": subject.column("npnru", "text"),
        "rank": subject.column("rank" if subject.covers_all(subject.year) else "rank_covered"),
        **_gp_columns(subject),
    }
    values = cells(subject, listed, list(columns), dashes={"rank"})
    notes = (
        subject.say("commune.order", perimeters=subject.perimeters(subject.year)),
        subject.say("commune.gps"),
        *subject.rows_by(f"list counted --year {subject.year} --situation all"),
    )
    caption = subject.say("commune.ranked", where=subject.where, on=subject.on())
    used = ("neighbourhood_coverage", "neighbourhood_practitioners")
    return Table("annexe-quartiers", caption, tuple(columns.values()), values, notes, used)


GPS = ("n_gp", "n_over_55", "density", "share_over_55")
NEAREST_FIRST = (QPV, COMMUNE, "department", "region", "country")


def _gp_columns(subject: Subject) -> dict[str, Column]:
    return {name: subject.column(name, "share" if name == GPS[-1] else "count") for name in GPS}


def _ages(rows: pd.DataFrame) -> pd.DataFrame:
    """Give how many practitioners are over 55; no share of them on a base that carries none, the count instead."""
    over = (rows["share_over_55"].astype("float64") * rows["n_gp"].astype("float64")).round()
    is_small = (rows["n_gp"] < MIN_SHARE_BASE).fillna(value=False) & over.notna()
    return rows.assign(n_over_55=over, share_over_55=rows["share_over_55"].astype("object").mask(is_small, NOT_SHOWN))


def _has_gps(subject: Subject) -> bool:
    tables = (subject.release.table(name) for name in ("practitioners", "neighbourhood_practitioners"))
    return any(len(table) for table in tables)


def practitioners(subject: Subject) -> Section:
    """Show how many general practitioners there are for how many people, and how old, as far as it is published."""
    title = subject.say("practitioners.title")
    communes = [subject.code]
    if subject.level == QPV:
        communes = subject.own_quarters["commune_codes"].fillna("").str.split(",").explode().unique().tolist()
    if not _has_gps(subject):
        return Section("generalistes", title, (subject.say("practitioners.none"),))
    rows = practices.practitioners(subject.release, Area(COMMUNE, communes[0]), year=subject.year).frame
    if subject.level == QPV:
        rows = rows[(rows["level"] != QPV) | (rows["area_code"] == subject.code)]
    areas = subject.release.table("areas")
    names = dict(zip(zip(areas["level"], areas["area_code"], strict=True), plain(areas["label"]), strict=True))
    own = subject.own_quarters
    names |= {(QPV, code): name for code, name in zip(own["qpv_code"], plain(own["name"]), strict=True)}
    rank = rows["level"].map({level: at for at, level in enumerate(NEAREST_FIRST)})
    rows = _ages(rows.assign(nearness=rank).sort_values(["nearness", "area_code"], ignore_index=True))
    area = [
        " ".join(filter(None, (str(word(level, subject.language)), names.get((level, code)), f"({code})")))
        for level, code in zip(rows["level"], rows["area_code"], strict=True)
    ]
    columns = {
        "area": subject.column("area", "text"),
        "year": subject.column("year", "text"),
        **_gp_columns(subject),
        "masked": subject.column("masked", "text"),
    }
    years = rows["year"].astype("Int64").astype("string")
    why = pd.Series(shown("masked", plain(rows["masked"]), None, subject.language), index=rows.index, dtype="str")
    rows = rows.assign(area=area, year=years, masked=why)
    values = cells(subject, rows, list(columns), dashes={"masked"})
    if not values:
        return Section("generalistes", title, (subject.say("practitioners.none"),))
    notes = (
        subject.say("practitioners.note"),
        subject.say("page.rows", command=f"qpvhealth practitioners --within {COMMUNE}:{communes[0]}"),
    )
    caption = subject.say("practitioners.caption", where=subject.where)
    used = ("practitioners", "neighbourhood_practitioners")
    table = Table("generalistes-table", caption, tuple(columns.values()), values, notes, used)
    return Section("generalistes", title, (table,))


def projects(subject: Subject) -> Section:
    """List the programmes of its QPV and structures, and what is planned; the public version has decided projects only, without free text."""
    blocks: list[Block] = [*_programmes(subject), *_planned(subject)]
    return Section("projets", subject.say("projects.title"), tuple(blocks))


def _programmes(subject: Subject) -> list[Block]:
    members = subject.release.table("programme_members")
    places = subject.structures(subject.year)
    own, open_ones = subject.quarters(subject.year), places.drop_duplicates("finess_et")
    in_force = set(own["generation"])
    mask = (members["qpv_code"].isin(own["qpv_code"]) & members["generation"].isin(in_force)) | members[
        "finess_et"
    ].isin(open_ones["finess_et"])
    rows = members[mask].sort_values(["programme", "qpv_code", "finess_et"])
    if rows.empty:
        return [subject.say("projects.no_programme", where=subject.where)]
    names = dict(zip(own["qpv_code"], plain(own["name"]), strict=True)) | dict(
        zip(open_ones["finess_et"], plain(open_ones["name"]), strict=True)
    )
    codes = rows["qpv_code"].fillna(rows["finess_et"])
    values = cells(subject, rows.assign(code=codes, name=codes.map(names)), ["programme", "code", "name"])
    columns = tuple(subject.column(key, "text") for key in ("programme", "member", "name"))
    caption = subject.say("projects.programmes", where=subject.where, on=subject.on())
    note = subject.say("projects.programmes_note", perimeters=subject.perimeters(subject.year))
    return [Table("programmes", caption, columns, values, (note,), ("programme_members",))]


def _planned(subject: Subject) -> list[Block]:
    listed = planning.projects(subject.release).frame
    own = listed["qpv_code"].isin(subject.own_quarters["qpv_code"])
    if subject.level == COMMUNE:
        own |= listed["commune_code"] == subject.code
    rows = listed[own]
    columns = {
        "project_id": subject.column("project", "text"),
        "name": subject.column("name", "text"),
        "structure_type": subject.column("type", "text"),
        "stage": subject.column("stage", "text"),
        "expected_on": subject.column("expected", "date"),
        "amount": subject.column("amount"),
        "position": subject.column("position", "text"),
        "qpv_code": subject.column("qpv", "text"),
        "obstacle": subject.column("obstacle", "text"),
    }
    blocks: list[Block] = []
    if subject.is_public:
        rows = rows[rows["stage"].isin(DECIDED)]
        columns.pop("obstacle")
        blocks = [subject.say("projects.public")]
    if rows.empty:
        return [
            subject.say("projects.none_decided" if subject.is_public else "projects.none", where=subject.where),
            *blocks,
        ]
    values = cells(subject, rows, list(columns), dashes={"name", "obstacle", "qpv_code"})
    caption = subject.say("projects.caption", where=subject.where)
    year = subject.release.table("projects")["year"].max()
    notes = (
        subject.say("projects.note", year=str(year)),
        subject.say("page.rows", command=f"qpvhealth projects --show list --release {subject.release.id}"),
    )
    used = ("projects", "project_locations")
    return [*blocks, Table("projets-table", caption, tuple(columns.values()), values, notes, used)]
