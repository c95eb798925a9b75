"""The tables people ask for, read from a release: the counts of the progress report, and the coverage of the QPV."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.contract.tables import COUNT_LEVELS
from qpvhealth.errors import UsageError
from qpvhealth.facts.causes import CAUSES
from qpvhealth.facts.situations import IN_QPV, VECU_DECLARED
from qpvhealth.publish import selection
from qpvhealth.publish.selection import Filters, View
from qpvhealth.rules.scopes import SCOPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qpvhealth.publish.release import Release

ALL = "all"


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
    generation = selection.generation(release, filters)
    rows = release.table("yearly_counts")
    rows = rows[(rows["generation"] == generation) & (rows["level"] == level) & (rows["modality"] == ALL)]
    rows = selection.of_area(selection.of_year(rows, filters.year), level, filters)
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
    notes = selection.notes(release, generation, filters.year)
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
    generation = selection.generation(release, filters)
    rows = release.table("other_yearly_counts")
    rows = rows[(rows["generation"] == generation) & (rows["level"] == level) & (rows["modality"] == ALL)]
    rows = rows if rows.empty else selection.of_area(selection.of_year(rows, filters.year), level, filters)
    cells = rows.pivot_table(
        index=["year", "area_code", "structure_type"], columns="situation", values="n_structures", fill_value=0
    )
    situations = list(_OTHER_COUNT_TITLES)[6:]
    frame = cells.reindex(columns=situations, fill_value=0).astype("Int64").reset_index()
    shown = _named(release, frame, level).assign(generation=generation)
    titles = {k: v for k, v in _OTHER_COUNT_TITLES.items() if level != "country" or k not in ("area_code", "label")}
    notes = (
        *selection.notes(release, generation, filters.year),
        "Types hors MSP et CdS : jamais ajoutés à leurs comptes",
    )
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
_COVERAGE_SCOPES = {name: SCOPES[name].words_fr for name in ("msp_cds", "primary")}


def coverage(release: Release, level: str, filters: Filters, words: Mapping[str, str]) -> View:
    """Return the headline of coverage: QPV without any structure, how many live there, of which large, in the NPNRU, in ZIP or ZAC.

    ``words``: the indicators to show, in order, in French. One row per year, area and figure, under both meanings of first-line care: any MSP or centre, and MSP and pluriprofessional centres
    only. Each with its denominator, unknowns and bounds. Raises UsageError for an unknown level, year, generation or area.
    """
    generation = selection.generation(release, filters)
    rows = release.table("indicators")
    selection.refuse_unknown(level, sorted(rows["level"].unique()), "level")
    rows = rows[(rows["generation"] == generation) & (rows["level"] == level)]
    rows = rows[rows["indicator"].isin(list(words)) & rows["scope"].isin(_COVERAGE_SCOPES)]
    rows = selection.of_area(selection.of_year(rows, filters.year), level, filters)
    order = {name: k for k, name in enumerate((*_COVERAGE_SCOPES, *words))}
    rank = {c: rows[c].map(order) for c in ("scope", "indicator")}
    named = rows.assign(
        scope_rank=rank["scope"],
        rank=rank["indicator"],
        words=rows["indicator"].map(dict(words)),
        scope=rows["scope"].map(_COVERAGE_SCOPES),
        data="inventées" if release.invented else "",
    )
    shown = _named(release, named, level).sort_values(["year", "area_code", "scope_rank", "rank"], ignore_index=True)
    titles = {k: v for k, v in _COVERAGE_TITLES.items() if level != "country" or k not in ("area_code", "label")}
    large = f"Grand : {release.manifest['settings']['large_population']:g} habitants et plus"
    return View("coverage", shown[list(titles)], titles, (*selection.notes(release, generation, filters.year), large))


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
