"""Why a figure is what it is: every fact of a structure, of a QPV, or of an indicator of an area, as one document.

Nothing is computed again: the tables of a release are read, and the raw rows where the raw folder still has the same file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qpvhealth.contract.tables import PUBLISHED
from qpvhealth.errors import UsageError
from qpvhealth.facts.generations import IN_FORCE
from qpvhealth.facts.situations import ELSEWHERE, IN_QPV, LOCATED, NO, YES
from qpvhealth.facts.territories import METROPOLE
from qpvhealth.publish import selection
from qpvhealth.publish.rendering import plain
from qpvhealth.studies import counted
from qpvhealth.studies.counted import INDICATORS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from qpvhealth.ingest.raw_rows import RawFolder
    from qpvhealth.publish.release import Release
    from qpvhealth.publish.selection import Filters
    from qpvhealth.studies.counted import Figure

    Document = dict[str, Any]
    Records = list[dict[str, Any]]

STRUCTURE, NEIGHBOURHOOD, INDICATOR, REJECTED = "structure", "neighbourhood", "indicator", "rejected"
FINESS_LENGTH = 9
SOURCE = ["source_id", "sheet", "source_row"]


def explain(release: Release, code: str, raw: RawFolder, only: Filters) -> Document:
    """Explain a structure (its FINESS number) or a QPV (its code) as a document of plain values, or a row that was rejected.

    A rejected row is named by the cell that it was rejected for, or by its source and line: ``structures-2018:3121``.

    ``only``: the year and the generation to which it is narrowed. Raises UsageError for a code that the release does not have, or a
    year or generation in which it is not.
    """
    quarters = release.table("neighbourhoods", geometry=False)
    if (quarters["qpv_code"] == code).any():
        return {"code": code, "kind": NEIGHBOURHOOD} | _of_neighbourhood(release, code, raw, only)
    rejected = _rejected(release, code)
    for prefix in ("", "other_", "rejected_"):
        rows = release.table(f"{prefix}structures")
        rows = rows[rows["finess_et"] == code]
        if len(rows):
            document = {"code": code, "kind": STRUCTURE} | _of_structure(release, rows, raw, only, prefix)
            return document | ({"rejected": rejected} if rejected else {})
    if rejected:
        return {"code": code, "kind": REJECTED, "rejected": rejected}
    raise UsageError(f'no structure, QPV or indicator "{code}" in this release; indicators: {", ".join(INDICATORS)}')


def _rejected(release: Release, code: str) -> Records:
    """Return the rejected rows of any file that name a number, or the one that ``code`` names by its source and line."""
    rows = release.table("rejects", columns=PUBLISHED["rejects"].names)
    line = rows["source_id"].astype("str") + ":" + rows["row"].astype("str")
    is_named = (line == code.replace(":rejected-", ":")) | (rows["cell"] == code)
    if len(code) == FINESS_LENGTH:
        is_named |= rows["raw"].fillna("").str.split(";").map(lambda cells: code in cells).astype("bool")
    return records(rows[is_named])


def explain_indicator(release: Release, figure: Figure) -> Document:
    """Explain an indicator of an area: its published row, and the rows that it counts, its whole and what is unknown.

    Each row as ``counted`` lists it. Raises UsageError as ``counted.counted`` does.
    """
    view = counted.counted(release, figure)
    row = counted.published(release, figure) or {}
    parts = {counted.NUMERATOR: records(view.frame)}
    for part in (counted.DENOMINATOR, counted.UNSURE):
        try:
            parts[part] = records(counted.counted(release, figure, part).frame)
        except UsageError:  # a count has no whole, a movement nothing unknown that is a row
            continue
    named = counted.named(release, figure)
    words = {"fr": str(named), "en": named.english}
    published = {k: v for k, v in row.items() if v is not None}
    document = {"code": figure.indicator, "kind": INDICATOR, "words": words}
    return document | {"figure": published, "rows": parts, "notes": view.notes}


def records(rows: pd.DataFrame, columns: Sequence[str] | None = None) -> Records:
    """Return rows as plain values, nulls left out; ``columns``: those to keep, in this order."""
    shown = rows if columns is None else rows[[c for c in columns if c in rows.columns]]
    values = {str(c): plain(shown[c]) for c in shown.columns if c != "geometry"}
    return [
        {c: v for c, v in zip(values, row, strict=True) if v is not None} for row in zip(*values.values(), strict=True)
    ]


def _of_structure(release: Release, rows: pd.DataFrame, raw: RawFolder, only: Filters, prefix: str) -> Document:
    code, days = str(rows["finess_et"].iloc[0]), release.table("extracts").set_index("year")["reference_date"]
    if only.year in days.index and only.year not in (of_code := sorted(rows["year"])):
        raise UsageError(f"{code} is not in the extract of {only.year}; it is in: {', '.join(map(str, of_code))}")
    rows = selection.of_year(rows, only.year).sort_values("year")
    places = release.table(f"{prefix}structure_locations")
    places = places[places["finess_et"] == code]
    if only.generation is not None:
        selection.refuse_unknown(only.generation, sorted(places["generation"].unique()), "generation")
        places = places[places["generation"] == only.generation]
    pairs = release.table(f"{prefix}structure_neighbourhoods")
    pairs = pairs[pairs["finess_et"] == code]
    years = []
    for (_, row), facts in zip(rows.iterrows(), records(rows), strict=True):
        of_year, territory = int(row["year"]), row["territory"] if isinstance(row["territory"], str) else METROPOLE
        current = selection.in_force(release, of_year).get(territory)
        point = {} if row["geometry"] is None else {"longitude": row["geometry"].x, "latitude": row["geometry"].y}
        here = places[places["year"] == of_year].sort_values("generation")
        near = pairs[pairs["year"] == of_year].sort_values(["generation", "distance_m", "qpv_code"])
        answers = dict(zip(here["generation"], here["vecu_declared"], strict=True))
        near = near.assign(is_declared=declared(near["is_declared"], near["generation"].map(answers)))
        verdicts = [
            place
            | {"is_in_force": place["generation"] == current, "flips": flips(place, facts, records(here))}
            | {
                "around": records(
                    near[near["generation"] == place["generation"]], ["qpv_code", "distance_m", "is_declared"]
                )
            }
            for place in records(here.drop(columns=["finess_et", "year"]))
        ]
        source = _source(release, raw, row)
        own = {k: v for k, v in facts.items() if k not in (*SOURCE, "finess_et", "year")}
        day = days[of_year].date()
        years.append(
            {"year": of_year, "reference_date": day, "source": source, "facts": own | point, "verdicts": verdicts}
        )
    name = next((y["facts"]["name"] for y in reversed(years) if "name" in y["facts"]), None)
    left_out = release.table("out_of_scope")
    left_out = left_out[(left_out["finess_et"] == code) & ((only.year is None) | (left_out["year"] == only.year))]
    document = {"name": name, "years": years, "changes": _changes(release, code, prefix, only)}
    return document | ({"out_of_scope": records(left_out.drop(columns=["finess_et"]))} if len(left_out) else {})


def declared(is_named: pd.Series, answer: pd.Series) -> pd.Series:
    """Say of pairs of a structure and a QPV whether an ARS declares them: null, not no, where it said nothing of the structure.

    ``is_named``: ``is_declared`` of ``structure_neighbourhoods``; ``answer``: ``vecu_declared`` of the structure.
    """
    named = is_named.astype("boolean")
    return named.mask(~named & ~answer.isin((YES, NO)))


def flips(place: dict[str, Any], facts: dict[str, Any], others: Records) -> Records:
    """Say what would change the answer about a structure: ``what``, and the QPV, metres or generation that it names.

    ``place``: its row of ``structure_locations``; ``facts``: its row of ``structures``; ``others``: its rows in every generation.
    """
    changed = [_of_place(place, facts)]
    if place.get("is_fragile"):
        changed.append({"what": "error", "metres": facts.get("location_error_m")})
    if "other_qpv_code" in place:
        changed.append({"what": "other_commune", "qpv_code": place["other_qpv_code"]})
    elif "other_area_code" in place:
        changed.append({"what": "other_area", "area": place["other_area_code"]})
    if place["vecu_declared"] == YES and place["situation"] != IN_QPV:
        changed.append({"what": "without_answer", "situation": place["situation_by_place"]})
    elif place["situation"] != IN_QPV:
        answer = (
            "no_answer"
            if place["situation"] == ELSEWHERE and place["situation_by_place"] != ELSEWHERE
            else "yes_answer"
        )
        changed.append({"what": answer, "situation": place["situation_by_place"]})
    for other in others:
        if other["generation"] != place["generation"] and (("qpv_code" in other) != ("qpv_code" in place)):
            what = "inside_then" if "qpv_code" in other else "outside_then"
            changed.append({"what": what, "generation": other["generation"], "qpv_code": other.get("qpv_code")})
    return [{k: v for k, v in flip.items() if v is not None} for flip in changed]


def _of_place(place: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
    """Say how far the point is from another answer, or what stands in for a point or for perimeters that are not there."""
    distance, status = place.get("border_distance_m"), facts.get("location_status")
    if distance is not None:
        is_inside = "qpv_code" in place
        qpv = place["qpv_code"] if is_inside else place.get("nearest_qpv_code")
        return {"what": "inside" if is_inside else "outside", "qpv_code": qpv, "metres": abs(distance)}
    is_elsewhere = place["situation_by_place"] == ELSEWHERE
    if status == LOCATED:
        return {"what": "no_qpv", "territory": facts.get("territory")} if is_elsewhere else {"what": "no_perimeter"}
    return {"what": "no_qpv_around"} if is_elsewhere else {"what": "no_point", "location_status": status}


def _source(release: Release, raw: RawFolder, row: pd.Series) -> Document:
    """Name the file, sheet, row and hash of a published row, with its text where it can be read again."""
    source = next(i for i in release.manifest["inputs"] if i["id"] == row["source_id"])
    sheet = row["sheet"] if isinstance(row.get("sheet"), str) else None
    code = row["finess_et"] if "finess_et" in row else row["qpv_code"]
    read = raw.row(source, sheet, int(row["source_row"]), str(code))
    place = {"source_id": source["id"], "file": source["path"], "sheet": sheet, "source_row": int(row["source_row"])}
    answer = place | {"sha256": source["sha256"], "raw": read.cells, "raw_is_missing": read.reason}
    answer |= {"corrections": read.corrections or None}
    return {k: v for k, v in answer.items() if v is not None}


def _changes(release: Release, code: str, prefix: str, only: Filters) -> Records:
    if f"{prefix}changes" not in release.tables:  # a rejected row has no part in any
        return []
    rows = release.table(f"{prefix}changes")
    rows = rows[(rows["finess_et"] == code) | (rows["finess_et_from"] == code) | (rows["finess_et_to"] == code)]
    rows = rows[rows["generation"] == (only.generation or IN_FORCE)]
    of_year = (rows["from_year"] == only.year) | (rows["to_year"] == only.year)
    rows = rows if only.year is None else rows[of_year]
    columns = ["from_year", "to_year", "step", "cause", "evidence", "situation_from", "situation_to", "qpv_code_from"]
    columns += [
        "qpv_code_to",
        "moved_m",
        "changed",
        "effect_in_qpv",
        "effect_in_or_near",
        "finess_et_from",
        "finess_et_to",
    ]
    return records(rows.sort_values(["from_year", "to_year", "step"]), columns)


def _of_neighbourhood(release: Release, code: str, raw: RawFolder, only: Filters) -> Document:
    rows = release.table("neighbourhoods", geometry=False)
    rows = rows[rows["qpv_code"] == code].sort_values("generation")
    if only.generation is not None:
        selection.refuse_unknown(only.generation, sorted(rows["generation"].unique()), "generation of this QPV")
        rows = rows[rows["generation"] == only.generation]
    coverage, zoning = release.table("neighbourhood_coverage"), release.table("neighbourhood_zoning")
    fates = release.table("neighbourhood_fates")
    generations = []
    for (_, row), facts in zip(rows.iterrows(), records(rows), strict=True):
        name = row["generation"]
        covered = coverage[(coverage["qpv_code"] == code) & (coverage["generation"] == name)]
        covered = selection.of_year(covered, only.year).sort_values("year")
        classed = zoning[(zoning["qpv_code"] == code) & (zoning["generation"] == name)].sort_values("in_force_from")
        own = {k: v for k, v in facts.items() if k not in (*SOURCE, "qpv_code", "generation")}
        listed = [
            "name",
            "territory",
            "region_code",
            "department_code",
            "population",
            "population_year",
            "is_npnru",
            "is_large",
        ]
        by_year = [
            of_year
            | {
                "is_in_force": selection.in_force(release, of_year["year"]).get(row["territory"]) == name,
                "structures": _around(release, code, str(name), of_year["year"]),
            }
            for of_year in records(covered.drop(columns=["qpv_code", "generation", *listed]))
        ]
        generations.append(
            {
                "generation": name,
                "source": _source(release, raw, row),
                "facts": own,
                "zoning": records(classed.drop(columns=["qpv_code", "generation"])),
                "years": by_year,
            }
        )
    is_before = (fates["qpv_code_from"] == code) & fates["generation_from"].isin(rows["generation"])
    is_after = (fates["qpv_code_to"] == code) & fates["generation_to"].isin(rows["generation"])
    return {
        "name": rows["name"].iloc[-1] if isinstance(rows["name"].iloc[-1], str) else None,
        "generations": generations,
        "fates": records(fates[is_before | is_after].drop(columns=["territory", "group"])),
    }


def _around(release: Release, code: str, generation: str, year: int) -> Records:
    """List the structures open in a QPV, around it within the largest ring, or declared near it, the closest first."""
    pairs = release.table("structure_neighbourhoods")
    pairs = pairs[(pairs["qpv_code"] == code) & (pairs["generation"] == generation) & (pairs["year"] == year)]
    structures = release.table(
        "structures", columns=["finess_et", "year", "name", "structure_type", "is_in_stock", *SOURCE]
    )
    places = release.table(
        "structure_locations", columns=["finess_et", "year", "generation", "situation", "vecu_declared"]
    )
    rows = pairs.merge(structures[structures["is_in_stock"]], on=["finess_et", "year"])
    rows = rows.merge(places, on=["finess_et", "year", "generation"]).sort_values(["distance_m", "finess_et"])
    rows = rows.assign(is_declared=declared(rows["is_declared"], rows["vecu_declared"]))
    columns = ["finess_et", "name", "structure_type", "situation", "distance_m", "is_declared", *SOURCE]
    return records(rows, columns)
