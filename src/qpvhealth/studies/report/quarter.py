"""The sheet of a QPV: what covers it year by year, its structures and the nearest, its zoning, and what became of its perimeter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from qpvhealth.publish import selection
from qpvhealth.publish.rendering import plain
from qpvhealth.publish.report.content import Section, Table
from qpvhealth.studies.explanations import declared
from qpvhealth.studies.report.headline import near_words
from qpvhealth.studies.report.rows import cells, origins
from qpvhealth.studies.report.subject import Subject, perimeter

if TYPE_CHECKING:
    from qpvhealth.publish.report.content import Block


def headline(subject: Subject) -> Section:
    """Say what the QPV is, who lives there, what stands in it and near it at the date, and what is nearest."""
    own, rows = subject.own_quarters, subject.quarters(subject.year)
    generations = subject.both(map(perimeter, sorted(own["generation"])))
    areas = subject.release.table("areas")
    names = areas[areas["level"] == "commune"].set_index("area_code")["label"].to_dict()
    codes = sorted(set(own["commune_codes"].dropna().str.split(",").explode()))
    places = ", ".join(f"{names[c]} ({c})" if c in names else c for c in codes) or subject.text(None)
    facts = {"name": subject.name or subject.text(None), "code": subject.code, "communes": places, "n": len(codes)}
    blocks: list[Block] = [subject.say("quarter.identity", perimeters=generations, **facts)]
    if rows.empty:
        blocks.append(subject.say("quarter.not_in_force", on=subject.on()))
    else:
        blocks += _covered(subject, rows.iloc[0])
    return Section("essentiel", subject.say("headline.title"), tuple(blocks), is_short=True)


def _covered(subject: Subject, row: pd.Series) -> list[str]:
    """Say what one row of coverage says; what it does not know is said to be unknown."""
    values: dict[str, Any] = dict(zip(row.index, plain(row), strict=True))
    words: dict[str, Any] = {"on": subject.on(), "perimeters": subject.perimeters(subject.year)}
    people = values["population"]
    year = str(values["population_year"] or subject.say("bare.no_year"))
    lines = (
        [subject.say("quarter.no_people")] if people is None else [subject.say("quarter.people", n=people, year=year)]
    )
    if values["n_msp_in"] is None or values["n_cds_in"] is None:
        lines.append(subject.say("quarter.inside_unknown", **words))
    else:
        n = values["n_msp_in"] + values["n_cds_in"]
        undetermined = values["n_undetermined"]
        doubt = subject.say("quarter.undetermined", n=undetermined, most=n + undetermined) if undetermined else ""
        counts = {"msp": values["n_msp_in"], "cds": values["n_cds_in"], "doubt": doubt}
        lines.append(subject.say("quarter.inside" if n else "quarter.inside_none", n=n, **counts, **words))
    near = {"near": near_words(subject), "on": subject.on()}
    if values["n_msp_near"] is None or values["n_cds_near"] is None:
        lines.append(subject.say("quarter.near_unknown", **near))
    else:
        lines.append(subject.say("quarter.near", msp=values["n_msp_near"], cds=values["n_cds_near"], **near))
    for kind in ("msp", "cds"):
        code, metres = values[f"nearest_{kind}_finess_et"], values[f"nearest_{kind}_m"]
        if code is not None and metres is not None:
            place = f"quarter.nearest_{kind}" if metres else f"quarter.nearest_{kind}_in"
            lines.append(subject.say(place, code=code, metres=metres, on=subject.on()))
    zone = {"on": subject.on(), "zone": values["zone_class"] or subject.text(None), "edition": values["zoning_edition"]}
    lines.append(subject.say("quarter.zone" if values["zoning_edition"] else "quarter.no_zone", **zone))
    return lines


def coverage(subject: Subject) -> Section:
    """Return what covers the QPV at the date of each extract, in each generation of perimeters that has it."""
    rows = subject.release.table("neighbourhood_coverage")
    rows = rows[rows["qpv_code"] == subject.code].sort_values(["year", "generation"])
    territory = str(subject.own_quarters["territory"].iloc[0])
    current = [selection.in_force(subject.release, int(y)).get(territory) for y in rows["year"]]
    shown = rows.assign(
        on=rows["year"].map(subject.days), is_in_force=rows["generation"] == pd.Series(current, index=rows.index)
    )
    columns = {
        "on": subject.column("extract_of", "date"),
        "generation": subject.column("perimeters", "text"),
        "is_in_force": subject.column("in_force", "text"),
        "n_msp_in": subject.column("msp_in"),
        "n_cds_in": subject.column("cds_in"),
        "n_msp_near": subject.column("msp_near"),
        "n_cds_near": subject.column("cds_near"),
        "nearest_msp_m": subject.column("nearest_msp", "metres"),
        "nearest_cds_m": subject.column("nearest_cds", "metres"),
        "n_undetermined": subject.column("undetermined"),
        "is_covered_in": subject.column("is_covered", "text"),
        "zone_class": subject.column("zone_class", "text"),
        "zoning_edition": subject.column("edition", "text"),
    }
    notes = (
        subject.say("quarter.coverage_note", near=near_words(subject)),
        subject.say("page.rows", command=f"qpvhealth explain {subject.code} --release {subject.release.id}"),
    )
    caption = subject.say("quarter.coverage_caption", where=subject.where)
    values = cells(subject, shown, list(columns))
    table = Table("couverture", caption, tuple(columns.values()), values, notes, ("neighbourhood_coverage",))
    return Section("par-date", subject.say("quarter.coverage"), (table,))


def structures(subject: Subject) -> Section:
    """List the structures open at the date in the QPV, around it within the largest ring, or declared near it; the closest first."""
    title, release = subject.say("quarter.structures"), subject.release
    generation = selection.in_force(release, subject.year).get(str(subject.own_quarters["territory"].iloc[0]))
    pairs = release.table("structure_neighbourhoods")
    pairs = pairs[(pairs["qpv_code"] == subject.code) & (pairs["year"] == subject.year)]
    pairs = pairs[pairs["generation"] == generation][["finess_et", "distance_m", "is_declared"]]
    whole = Subject(release, subject.year, None).structures(subject.year)
    rows = whole.drop(columns="distance_m").merge(pairs, on="finess_et").sort_values(["distance_m", "finess_et"])
    rows = rows.assign(is_declared=declared(rows["is_declared"], rows["vecu_declared"]))
    if rows.empty:
        return Section(
            "structures", title, (subject.say("quarter.no_structure", where=subject.where, on=subject.on()),)
        )
    columns = {
        "finess_et": subject.column("finess", "text"),
        "name": subject.column("name", "text"),
        "structure_type": subject.column("type", "text"),
        "modality": subject.column("modality", "text"),
        "city": subject.column("city", "text"),
        "situation": subject.column("situation", "text"),
        "distance_m": subject.column("distance", "metres"),
        "is_declared": subject.column("declared", "text"),
        "row": subject.column("row", "text"),
    }
    rings = max(release.manifest["settings"]["rings_m"])
    notes = (subject.say("quarter.structures_note", metres=rings, perimeters=subject.perimeters(subject.year)),)
    caption = subject.say("quarter.structures_caption", where=subject.where, on=subject.on())
    values = cells(subject, rows.assign(row=origins(rows)), list(columns))
    used = ("structures", "structure_locations", "structure_neighbourhoods")
    return Section(
        "structures", title, (Table("annexe-structures", caption, tuple(columns.values()), values, notes, used),)
    )


def zoning(subject: Subject) -> Section:
    """Return the class of the QPV in every edition of the zoning that covers it, and the level of the list that gave it."""
    rows = subject.release.table("neighbourhood_zoning")
    rows = rows[rows["qpv_code"] == subject.code].sort_values(["generation", "in_force_from", "edition"])
    title = subject.say("zoning.title")
    if rows.empty:
        return Section("zonage", title, (subject.say("quarter.no_zone"),))
    columns = {
        "generation": subject.column("perimeters", "text"),
        "edition": subject.column("edition", "text"),
        "in_force_from": subject.column("since", "date"),
        "zone_class": subject.column("zone_class", "text"),
        "level_used": subject.column("level_used", "text"),
        "share_in_zip": subject.column("area_in_zip", "share"),
        "differs_from_territory": subject.column("differs", "text"),
    }
    caption = subject.say("quarter.zoning_caption", where=subject.where)
    values = cells(subject, rows, list(columns))
    note = subject.say("quarter.zoning_note")
    return Section(
        "zonage",
        title,
        (Table("zonages", caption, tuple(columns.values()), values, (note,), ("neighbourhood_zoning",)),),
    )


def fates(subject: Subject) -> Section:
    """Return what the perimeter came from and what became of it, generation by generation."""
    rows = subject.release.table("neighbourhood_fates")
    rows = rows[(rows["qpv_code_from"] == subject.code) | (rows["qpv_code_to"] == subject.code)]
    title = subject.say("quarter.fates")
    if rows.empty:
        return Section("devenir", title, (subject.say("quarter.no_fate"),))
    columns = {
        "generation_from": subject.column("generation_from", "text"),
        "qpv_code_from": subject.column("qpv_before", "text"),
        "generation_to": subject.column("generation_to", "text"),
        "qpv_code_to": subject.column("qpv_after", "text"),
        "fate": subject.column("fate", "text"),
        "share_of_from": subject.column("share_of_from", "share"),
        "share_of_to": subject.column("share_of_to", "share"),
    }
    ordered = rows.sort_values(["generation_from", "generation_to", "qpv_code_from", "qpv_code_to"])
    missing = {"qpv_code_from", "qpv_code_to", "share_of_from", "share_of_to"}
    values = cells(subject, ordered, list(columns), dashes=missing)
    caption = subject.say("quarter.fates_caption", where=subject.where)
    note = subject.say("quarter.fates_note")
    return Section(
        "devenir",
        title,
        (Table("devenirs", caption, tuple(columns.values()), values, (note,), ("neighbourhood_fates",)),),
    )
