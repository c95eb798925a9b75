"""The tables people ask for, read from a release: the table of the progress report, and the lists behind the figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from qpvhealth.contract.tables import COUNT_LEVELS, PUBLISHED
from qpvhealth.errors import UsageError
from qpvhealth.facts.causes import CAUSES
from qpvhealth.facts.generations import IN_FORCE
from qpvhealth.facts.situations import IN_QPV, VECU_DECLARED
from qpvhealth.facts.territories import DEPARTMENT_REGION, DEPARTMENT_TERRITORY, REGIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from qpvhealth.publish.release import Release

ALL = "all"
LISTS = ("uncovered", "fragile", "disagreements", "others", "rejects")


@dataclass(frozen=True)
class Filters:
    """What to show: a year, a generation, an area, a type. Null shows the default or everything."""

    year: int | None = None
    generation: str | None = None
    region: str | None = None
    department: str | None = None
    structure_type: str | None = None


@dataclass(frozen=True)
class View:
    """A frame ready to be shown: rows, French column titles, and the lines without which it would mislead."""

    name: str
    frame: pd.DataFrame
    titles: dict[str, str]
    notes: tuple[str, ...] = field(default=())


_COUNT_TITLES = {
    "year": "Millésime",
    "reference_date": "Date de référence",
    "generation": "Périmètres",
    "area_code": "Zone",
    "label": "Nom",
    "msp_in_qpv": "MSP en QPV",
    "msp_near": "MSP quartier vécu",
    "msp": "MSP",
    "cds_in_qpv": "CdS en QPV",
    "cds_near": "CdS quartier vécu",
    "cds": "CdS",
    "all_in_qpv": "Total en QPV",
    "all_near": "Total quartier vécu",
    "all_in_or_near": "En QPV ou vécu",
    "all": "Total",
    "share_in_qpv": "Part en QPV",
    "undetermined": "Indéterminées",
    "net_in_qpv": "Solde net en QPV",
    "causes": "Causes du solde (entrées - sorties)",
}


def counts(release: Release, level: str, filters: Filters) -> View:
    """Return the table of the progress report: one row per year and area, structures in and near QPV, by type.

    The perimeters are those in force at the reference date unless a generation is asked for. "Quartier vécu" is what the ARS
    declared; it is empty, not 0, where nobody answered. Raises UsageError for an unknown level, year, generation or area.
    """
    if level not in COUNT_LEVELS:
        raise UsageError(f'unknown level "{level}"; known: {", ".join(COUNT_LEVELS)}')
    generation = _generation(release, filters)
    rows = release.table("yearly_counts")
    rows = rows[(rows["generation"] == generation) & (rows["level"] == level) & (rows["modality"] == ALL)]
    rows = _of_area(_of_year(rows, filters.year), level, filters)
    table = rows.pivot_table(
        index=["year", "area_code"], columns=["structure_type", "situation"], values="n_structures", aggfunc="sum"
    )
    frame = pd.DataFrame(index=table.index)
    answered = _answered(release, generation, level)
    for kind, name in (("MSP", "msp"), ("CDS", "cds"), (ALL, "all")):
        frame[f"{name}_in_qpv"] = _cell(table, kind, IN_QPV)
        near = _cell(table, kind, VECU_DECLARED)
        frame[f"{name}_near"] = near.where(answered.reindex(frame.index).fillna(value=False).astype(bool))
        frame[name] = _cell(table, kind, ALL)
    frame["all_in_or_near"] = frame["all_in_qpv"] + frame["all_near"]
    frame["share_in_qpv"] = (frame["all_in_qpv"].astype("float64") / frame["all"].astype("float64")).round(4)
    frame["undetermined"] = _cell(table, ALL, "undetermined")
    frame = frame.join(_net(release, generation, level))
    shown = _named(release, frame.reset_index(), level).assign(generation=generation)
    titles = {k: v for k, v in _COUNT_TITLES.items() if level != "country" or k not in ("area_code", "label")}
    notes = _notes(release, generation, filters.year)
    return View("counts", shown[list(titles)], titles, (*notes, *_counted_apart(release)))


_OTHER_COUNT_TITLES = {
    "year": "Millésime",
    "reference_date": "Date de référence",
    "generation": "Périmètres",
    "area_code": "Zone",
    "label": "Nom",
    "structure_type": "Type",
    "in_qpv": "En QPV",
    "vecu_declared": "Quartier vécu déclaré",
    "vecu_proxy": "À proximité, sans réponse",
    "elsewhere": "Ailleurs",
    "undetermined": "Indéterminées",
    "all": "Total",
}


def other_counts(release: Release, level: str, filters: Filters) -> View:
    """Return the counts of the types beyond MSP and CdS by situation: one row per year, area and type, never added to the others.

    Raises UsageError for an unknown level, year, generation or area.
    """
    if level not in COUNT_LEVELS:
        raise UsageError(f'unknown level "{level}"; known: {", ".join(COUNT_LEVELS)}')
    generation = _generation(release, filters)
    rows = release.table("other_yearly_counts")
    rows = rows[(rows["generation"] == generation) & (rows["level"] == level) & (rows["modality"] == ALL)]
    rows = rows if rows.empty else _of_area(_of_year(rows, filters.year), level, filters)
    cells = rows.pivot_table(
        index=["year", "area_code", "structure_type"], columns="situation", values="n_structures", fill_value=0
    )
    situations = list(_OTHER_COUNT_TITLES)[6:]
    frame = cells.reindex(columns=situations, fill_value=0).astype("Int64").reset_index()
    shown = _named(release, frame, level).assign(generation=generation)
    titles = {k: v for k, v in _OTHER_COUNT_TITLES.items() if level != "country" or k not in ("area_code", "label")}
    notes = (*_notes(release, generation, filters.year), "Types hors MSP et CdS : jamais ajoutés à leurs comptes")
    return View("other-counts", shown[list(titles)], titles, notes)


_COVERAGE_TITLES = {
    "year": "Millésime",
    "reference_date": "Date de référence",
    "generation": "Périmètres",
    "area_code": "Zone",
    "label": "Nom",
    "words": "Ce qui est compté",
    "scope": "Structures",
    "value": "Valeur",
    "denominator": "Dénominateur",
    "n_unknown": "Inconnus",
    "lower": "Au moins",
    "upper": "Au plus",
    "unit": "Unité",
    "data": "Données",
}
_COVERAGE_SCOPES = {"msp_cds": "MSP et CdS mono et pluriprofessionnels", "primary": "MSP et CdS pluriprofessionnels"}
_COVERAGE_WORDS = {
    "qpv_total": "QPV",
    "qpv_without_any": "QPV sans structure dans leur périmètre",
    "share_qpv_without_any": "Part des QPV sans structure, parmi ceux dont l'extrait peut juger",
    "share_qpv_without_any_near": "Part des QPV sans structure ni dedans ni à proximité, parmi ceux dont on peut juger",
    "population_without_any": "Habitants des QPV sans structure",
    "large_qpv": "Grands QPV",
    "large_qpv_without_any": "Grands QPV sans structure",
    "large_npnru_qpv_without_any": "Grands QPV du NPNRU sans structure",
    "zip_qpv": "QPV en ZIP",
    "zip_qpv_population": "Habitants des QPV en ZIP",
    "zip_qpv_without_any": "QPV en ZIP sans structure",
    "zip_qpv_without_any_population": "Habitants des QPV en ZIP sans structure",
    "zip_or_zac_qpv": "QPV en ZIP ou en ZAC",
    "zip_or_zac_qpv_population": "Habitants des QPV en ZIP ou en ZAC",
    "zip_or_zac_qpv_without_any": "QPV en ZIP ou en ZAC sans structure",
    "zip_or_zac_qpv_without_any_population": "Habitants des QPV en ZIP ou en ZAC sans structure",
}


def coverage(release: Release, level: str, filters: Filters) -> View:
    """Return the headline of coverage: QPV without any structure, how many live there, of which large, in the NPNRU, in ZIP or ZAC.

    One row per year, area and figure, under both meanings of first-line care: any MSP or centre, and MSP and pluriprofessional centres
    only. Each with its denominator, unknowns and bounds. Raises UsageError for an unknown level, year, generation or area.
    """
    generation = _generation(release, filters)
    rows = release.table("indicators")
    _refuse_unknown(level, sorted(rows["level"].unique()), "level")
    rows = rows[(rows["generation"] == generation) & (rows["level"] == level)]
    rows = rows[rows["indicator"].isin(_COVERAGE_WORDS) & rows["scope"].isin(_COVERAGE_SCOPES)]
    rows = _of_area(_of_year(rows, filters.year), level, filters)
    order = {name: k for k, name in enumerate((*_COVERAGE_SCOPES, *_COVERAGE_WORDS))}
    rank = {c: rows[c].map(order) for c in ("scope", "indicator")}
    named = rows.assign(
        scope_rank=rank["scope"],
        rank=rank["indicator"],
        words=rows["indicator"].map(_COVERAGE_WORDS),
        scope=rows["scope"].map(_COVERAGE_SCOPES),
        data="inventées" if release.invented else "",
    )
    shown = _named(release, named, level).sort_values(["year", "area_code", "scope_rank", "rank"], ignore_index=True)
    titles = {k: v for k, v in _COVERAGE_TITLES.items() if level != "country" or k not in ("area_code", "label")}
    large = f"Grand : {release.manifest['settings']['large_population']:g} habitants et plus"
    return View("coverage", shown[list(titles)], titles, (*_notes(release, generation, filters.year), large))


def _counted_apart(release: Release) -> tuple[str, ...]:
    """Name the types beyond MSP and CdS that the release holds: a reader of the counts must know that they are not in them."""
    if "other_structures" not in release.tables:
        return ()
    kinds = sorted(release.table("other_structures", columns=["structure_type"])["structure_type"].unique())
    return (f"Comptés à part : {', '.join(kinds)} (counts --other-types)",) if kinds else ()


def in_qpv(release: Release, year: int, *, generation: str, level: str, area: str) -> dict[str, int]:
    """Return the stock in QPV of an area by type, ``all`` included; 0 where the area has none."""
    rows = release.table("yearly_counts")
    rows = rows[(rows["generation"] == generation) & (rows["level"] == level) & (rows["area_code"] == area)]
    rows = rows[(rows["year"] == year) & (rows["modality"] == ALL) & (rows["situation"] == IN_QPV)]
    found = rows.set_index("structure_type")["n_structures"]
    return {kind: int(found.get(kind, 0)) for kind in ("MSP", "CDS", ALL)}


def _net(release: Release, generation: str, level: str) -> pd.DataFrame:
    """Return, by year and area, the net change in QPV since the vintage before, and its causes in words; empty for the first."""
    rows = release.table("change_summary")
    rows = rows[(rows["generation"] == generation) & (rows["level"] == level)]
    rows = rows[(rows["structure_type"] == ALL) & (rows["situation"] == IN_QPV)]
    order = rows["cause"].map({cause: i for i, cause in enumerate(CAUSES)})
    rows = rows.assign(order=order).sort_values(["to_year", "area_code", "order"])
    sign = rows["n"].map(lambda n: f"{n:+d}").astype("str")
    said = sign + " " + rows["cause"].map({cause: fr for cause, (fr, _) in CAUSES.items()})
    keys = [rows["to_year"].rename("year"), rows["area_code"]]
    told = said[rows["n"] != 0].groupby([k[rows["n"] != 0] for k in keys]).agg(", ".join).rename("causes").astype("str")
    pairs = rows.groupby("to_year").size().index
    net = rows["n"].groupby(keys).sum().rename("net_in_qpv").astype("Int64")
    every = release.table("yearly_counts")
    every = every[(every["generation"] == generation) & (every["level"] == level) & every["year"].isin(pairs)]
    index = pd.MultiIndex.from_frame(every[["year", "area_code"]].drop_duplicates())
    return pd.DataFrame({"net_in_qpv": net.reindex(index).fillna(0), "causes": told.reindex(index)})


def _cell(table: pd.DataFrame, kind: str, situation: str) -> pd.Series:
    found = table[(kind, situation)] if (kind, situation) in table.columns else pd.Series(0, index=table.index)
    return found.fillna(0).astype("Int64")


def _answered(release: Release, generation: str, level: str) -> pd.Series:
    """Say for which year and area the ARS's answers are known for some structure outside a QPV."""
    told = release.table(
        "indicators", columns=["indicator", "generation", "year", "level", "area_code", "scope", "value"]
    )
    told = told[
        (told["indicator"] == "n_vecu_declared") & (told["generation"] == generation) & (told["scope"] == "msp_cds")
    ]
    at_level = told[told["level"] == level].set_index(["year", "area_code"])["value"].notna()
    if len(at_level):
        return at_level
    return release.table("yearly_counts").pipe(_any_declared, generation, level)


def _any_declared(rows: pd.DataFrame, generation: str, level: str) -> pd.Series:
    mine = rows[(rows["generation"] == generation) & (rows["level"] == level)]
    declared = mine["situation"] == VECU_DECLARED
    return declared.groupby([mine["year"], mine["area_code"]]).any()


def _named(release: Release, frame: pd.DataFrame, level: str) -> pd.DataFrame:
    labels = release.table("areas")
    names = labels[labels["level"] == level].set_index("area_code")["label"]
    dates = release.table("extracts").set_index("year")["reference_date"]
    named = frame.assign(label=frame["area_code"].map(names), reference_date=frame["year"].map(dates))
    return named.sort_values(["year", "area_code"], ignore_index=True)


def lists(release: Release, name: str, filters: Filters) -> View:
    """Return one of the lists. Raises UsageError for an unknown list, year, generation or area."""
    if name not in LISTS:
        raise UsageError(f'unknown list "{name}"; known: {", ".join(LISTS)}')
    known: dict[str, Callable[[Release, Filters], View]] = {
        "uncovered": uncovered,
        "fragile": fragile,
        "disagreements": disagreements,
        "others": others,
        "rejects": rejects,
    }
    return known[name](release, filters)


def uncovered(release: Release, filters: Filters) -> View:
    """List the QPV surely or possibly without any structure inside, the most populated first."""
    year = filters.year or _last_year(release)
    rows = _of_year(release.table("neighbourhood_coverage"), year)
    rows = _current(release, rows, year, filters.generation)
    rows = rows[~rows["is_covered_in"].fillna(value=False).astype(bool)]
    rows = _of_area(rows, "rows", filters).assign(sure=lambda r: r["is_covered_in"].notna())
    columns = [
        "qpv_code",
        "name",
        "generation",
        "department_code",
        "region_code",
        "population",
        "is_large",
        "zone_class",
        "is_npnru",
    ]
    columns += ["nearest_msp_m", "nearest_cds_m", "n_undetermined", "sure"]
    ranked = rows.sort_values(["sure", "population", "qpv_code"], ascending=[False, False, True])
    titles = _titles("neighbourhood_coverage", columns) | {"sure": "Sûr (sinon : inconnu)"}
    return View(
        "uncovered",
        ranked[columns].reset_index(drop=True),
        titles,
        _notes(release, filters.generation or IN_FORCE, year),
    )


def fragile(release: Release, filters: Filters) -> View:
    """List the structures whose situation a plausible error of their point would change, the closest to a limit first."""
    rows = _structures(release, filters)
    rows = rows[rows["is_fragile"].fillna(value=False).astype(bool)]
    rows = rows.assign(margin=rows["border_distance_m"].abs()).sort_values(["margin", "finess_et"])
    columns = [
        *_STRUCTURE_COLUMNS,
        "situation",
        "nearest_qpv_code",
        "border_distance_m",
        "location_precision",
        "location_error_m",
    ]
    return _structure_view(release, "fragile", rows, columns, filters)


def disagreements(release: Release, filters: Filters) -> View:
    """List the structures whose computed situation is not what the extract itself says, with their distance to the QPV."""
    rows = _structures(release, filters)
    rows = rows[~rows["agrees_with_source"].fillna(value=True).astype(bool)]
    rows = rows.sort_values(["year", "border_distance_m", "finess_et"])
    columns = [
        *_STRUCTURE_COLUMNS,
        "source_says_in_qpv",
        "source_qpv_code",
        "situation",
        "qpv_code",
        "nearest_qpv_code",
    ]
    columns += ["border_distance_m", "location_precision", "location_source_id", "source_id", "source_row"]
    return _structure_view(release, "disagreements", rows, columns, filters)


def others(release: Release, filters: Filters) -> View:
    """List the structures of types beyond MSP and CdS, with their situation and the QPV they are in or nearest to."""
    rows = _structures(release, filters, prefix="other_").sort_values(["year", "structure_type", "finess_et"])
    columns = [*_STRUCTURE_COLUMNS, "situation", "qpv_code", "nearest_qpv_code", "distance_m", "vecu_declared"]
    return _structure_view(release, "others", rows, [*columns, "location_status"], filters)


def rejects(release: Release, filters: Filters) -> View:
    """List the rows that could not be used, each with its file, sheet, row, rule and raw text."""
    if any((filters.year, filters.region, filters.department, filters.structure_type)):
        raise UsageError("rejected rows have no year, area or type: they could not be read; list them without a filter")
    rows = release.table("rejects")
    return View("rejects", rows, _titles("rejects", list(rows.columns)), _notes(release, None))


_STRUCTURE_COLUMNS = ["finess_et", "year", "generation", "name", "structure_type", "commune_code", "department_code"]


def _structures(release: Release, filters: Filters, *, prefix: str = "") -> pd.DataFrame:
    """Join structures with their location, in the stock, in the perimeters in force unless a generation is asked for."""
    structures = release.table(f"{prefix}structures", geometry=False)
    located = release.table(f"{prefix}structure_locations")
    rows = structures[structures["is_in_stock"]].merge(located, on=["finess_et", "year"])
    rows = rows if rows.empty else _of_year(rows, filters.year)
    parts = [_current(release, part, int(str(year)), filters.generation) for year, part in rows.groupby("year")]
    joined = pd.concat(parts, ignore_index=True) if parts else rows
    if filters.structure_type:
        wanted = filters.structure_type.casefold()
        _refuse_unknown(wanted, sorted({"msp", "cds", *joined["structure_type"].str.casefold()}), "type")
        joined = joined[joined["structure_type"].str.casefold() == wanted]
    return _of_area(joined, "rows", filters)


def _structure_view(release: Release, name: str, rows: pd.DataFrame, columns: list[str], filters: Filters) -> View:
    titles = _titles("structure_locations", columns) | _titles("structures", columns)
    return View(
        name,
        rows[columns].reset_index(drop=True),
        titles,
        _notes(release, filters.generation or IN_FORCE, filters.year),
    )


def in_force(release: Release, year: int) -> dict[str, str]:
    """Return the generation in force in each territory for a year, as the manifest of the release records it."""
    return dict(release.manifest["settings"]["in_force"].get(str(year), {}))


def _current(release: Release, rows: pd.DataFrame, year: int, generation: str | None) -> pd.DataFrame:
    if generation and generation != IN_FORCE:
        _refuse_unknown(generation, sorted(rows["generation"].unique()), "generation")
        return rows[rows["generation"] == generation]
    known = in_force(release, year)
    territory = rows["territory"].fillna("metropole")
    return rows[rows["generation"] == territory.map(known)]


def _of_year(rows: pd.DataFrame, year: int | None) -> pd.DataFrame:
    if year is None:
        return rows
    _refuse_unknown(year, sorted(rows["year"].unique()), "year")
    return rows[rows["year"] == year]


def _of_area(rows: pd.DataFrame, level: str, filters: Filters) -> pd.DataFrame:
    """Keep the rows of a region or département; for counts, the rows of the level that lie in it."""
    region, department = filters.region, filters.department
    if region is not None:
        _refuse_unknown(region, [*REGIONS, "none"], "region")
    if department is not None:
        _refuse_unknown(department, [*DEPARTMENT_TERRITORY], "département")
    if level == "rows":
        kept = rows if region is None else rows[rows["region_code"] == region]
        return kept if department is None else kept[kept["department_code"] == department]
    if region is None and department is None:
        return rows
    codes = rows["area_code"]
    departments = _departments_of_areas(codes, level)
    wanted = departments == department if department is not None else departments.map(DEPARTMENT_REGION) == region
    at_region = (
        (codes == region) if level == "region" and department is None else pd.Series(data=False, index=codes.index)
    )
    return rows[wanted | at_region]


def _departments_of_areas(codes: pd.Series, level: str) -> pd.Series:
    if level == "qpv":
        return codes.str[2:5].str.removeprefix("0")
    if level == "commune":
        return codes.str[:3].where(codes.str.startswith(("97", "98")), codes.str[:2])
    return codes if level == "department" else pd.Series(None, index=codes.index, dtype="str")


def _generation(release: Release, filters: Filters) -> str:
    generation = filters.generation or IN_FORCE
    _refuse_unknown(
        generation, sorted(release.table("yearly_counts", columns=["generation"])["generation"].unique()), "generation"
    )
    return generation


def _refuse_unknown(value: object, known: list[Any], what: str) -> None:
    if value not in known:
        raise UsageError(f'no {what} "{value}" in this release; there are: {", ".join(map(str, known))}')


def _last_year(release: Release) -> int:
    return int(release.table("extracts")["year"].max())


def _titles(table: str, columns: list[str]) -> dict[str, str]:
    return {c.name: c.fr for c in PUBLISHED[table].columns if c.name in columns}


def _covered(departments: str) -> str:
    """Write a list of départements by whole regions where it can be, or by what it lacks when it lacks little."""
    given = {d for d in departments.split(",") if d}
    if not given:
        return "des types hors MSP et CdS"
    lacking = sorted(set(DEPARTMENT_TERRITORY) - given)
    if len(lacking) < len(given) / 4:
        return f"la France sauf {', '.join(lacking)}"
    whole = [(name, members) for name, members in REGIONS.values() if set(members) <= given]
    rest = sorted(given - {d for _, members in whole for d in members})
    return ", ".join([*(name for name, _ in whole), *rest])


def header(release: Release, year: int | None = None) -> tuple[str, ...]:
    """Return the lines that go with any answer: the release, and the date, status and cover of each extract, or of one."""
    extracts = release.table("extracts")
    extracts = extracts if year is None else extracts[extracts["year"] == year]
    dates = [
        f"{y} : extrait au {d:%d/%m/%Y}" + (f" ({s})" if isinstance(s, str) else "")
        for y, d, s in zip(extracts["year"], extracts["reference_date"], extracts["status"], strict=True)
    ]
    covers = [
        f"{y} : l'extrait ne couvre que {_covered(c)}"
        for y, c in zip(extracts["year"], extracts["covers"], strict=True)
        if isinstance(c, str)
    ]
    return (f"Version {release.id}", *dates, *covers)


def _notes(release: Release, generation: str | None, year: int | None = None) -> tuple[str, ...]:
    """Return the lines that go with any figure: those of any answer, the perimeters, the rule of proximity."""
    settings = release.manifest["settings"]
    perimeters = (
        "périmètres en vigueur à la date de référence, par territoire"
        if generation == IN_FORCE
        else f"périmètres {generation}"
    )
    near = {
        "declared": "quartier vécu : déclaré par l'ARS (vide : sans réponse)",
        "proxy": f"à proximité : à {settings['vecu_distance_m']:g} m au plus d'un QPV",
        "declared_or_proxy": f"à proximité : déclaré par l'ARS, ou sans réponse à {settings['vecu_distance_m']:g} m au plus",
    }[settings["vecu_rule"]]
    lines = header(release, year)
    return (*lines, f"QPV : {perimeters}", near) if generation else lines
