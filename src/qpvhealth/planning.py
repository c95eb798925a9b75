"""Questions of those who plan, asked of a release: priorities, GPs, projects, and what new structures would change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth import studies
from qpvhealth.errors import InputError, UsageError
from qpvhealth.facts.generations import IN_FORCE
from qpvhealth.facts.territories import DEPARTMENT_REGION, DEPARTMENT_TERRITORY, METROPOLE, NO_REGION, REGIONS
from qpvhealth.indicators import density, pipeline_effect, priorities as ranking, simulation
from qpvhealth.ingest import cards, layouts, tables
from qpvhealth.ingest.layouts import Field, Layout
from qpvhealth.ingest.projects import TYPE_WORDS
from qpvhealth.publish import views
from qpvhealth.publish.views import View
from qpvhealth.spatial import projection, sites

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from qpvhealth.publish.release import Release
    from qpvhealth.spatial.perimeters import Perimeters

COVERED = {"msp_cds": "is_covered_in", "primary": "is_covered_primary", "near": "is_covered_near"}
AREA_LEVELS = ("country", "region", "department", "epci", "commune")
NEAR_GP_M = 500.0
"""How far around a QPV a practice counts for its priority (ONPV 2015 reads access within 500 m of a QPV)."""
SIMULATION = "SIMULATION : ne se compare à aucun compte et ne s'y ajoute pas"
_OF_COMMUNE = (
    "Niveau utilisé « commune » : la valeur est celle de la commune, qui cache l'écart entre le quartier et elle"
)
_WEIGHTS = "Poids : un choix de ce projet, à changer par qui décide"


@dataclass(frozen=True)
class Area:
    """Where to look: a level and its code; the country by default."""

    level: str = "country"
    code: str = "FR"

    @classmethod
    def parse(cls, text: str | None) -> Area:
        """Read ``region:53``, ``department:35``, ``commune:35238``, ``epci:243500139`` or ``country``. Raises UsageError."""
        if not text or text in ("country", "FR"):
            return cls()
        level, _, code = text.partition(":")
        if level not in AREA_LEVELS or not code:
            raise UsageError(f'area "{text}": write region:53, department:35, epci:…, commune:35238 or country')
        known = {"region": [*REGIONS], "department": [*DEPARTMENT_TERRITORY]}.get(level)
        if known is not None and code not in known:
            raise UsageError(f'no {level} "{code}"; there are: {", ".join(known)}')
        return cls(level, code)


def quarters(release: Release, year: int | None = None) -> pd.DataFrame:
    """Return the QPV in force at the date of an extract (default: the last), with their coverage, communes and EPCI."""
    years = sorted(release.table("extracts")["year"])
    chosen = years[-1] if year is None else year
    if chosen not in years:
        raise UsageError(f'no year "{chosen}" in this release; there are: {", ".join(map(str, years))}')
    rows = release.table("neighbourhood_coverage")
    rows = rows[
        (rows["year"] == chosen) & (rows["generation"] == rows["territory"].map(views.in_force(release, int(chosen))))
    ]
    named = release.table("neighbourhoods", geometry=False)[["qpv_code", "generation", "commune_codes", "epci_codes"]]
    return rows.merge(named, on=["qpv_code", "generation"], validate="one_to_one")


def within(rows: pd.DataFrame, area: Area) -> pd.Series:
    """Say which QPV lie in an area; one over several communes lies in each."""
    if area.level == "country":
        return pd.Series(data=True, index=rows.index)
    if area.level in ("region", "department"):
        return rows[f"{area.level}_code"] == area.code
    listed = rows[f"{area.level}_codes"].fillna("").str.split(",")
    return listed.map(lambda codes: area.code in codes).astype(bool)


_RANKED: dict[str, str] = {
    "rank_within": "Rang dans la zone",
    "rank": "Rang national",
    "qpv_code": "Code QPV",
    "name": "Nom",
    "department_code": "Département",
    "region_code": "Région",
    "score": "Score",
    "score_lower": "Score au moins",
    "score_upper": "Score au plus",
    "rank_best": "Meilleur rang",
    "rank_worst": "Moins bon rang",
    "share_in_top": "Part des jeux de poids où il est dans le premier dixième",
    "unknown": "Inconnu",
}


def priorities(
    release: Release,
    *,
    year: int | None = None,
    area: Area | None = None,
    scope: str = "msp_cds",
    weights: Mapping[str, float] | None = None,
    limit: int | None = None,
) -> View:
    """Rank the QPV surely without any structure inside, nationally and within an area.

    Ranks are national: an area shows its own part of that list, with its rank in it. ``weights``: those to change; the others keep
    theirs, and 0 leaves a criterion out. Raises UsageError for an unknown scope, weight or area, or a negative weight.
    """
    if scope not in COVERED or (unknown := sorted(set(weights or {}) - set(ranking.CRITERIA))):
        wrong = scope if scope not in COVERED else ", ".join(unknown)
        raise UsageError(f"unknown: {wrong}; scopes: {', '.join(COVERED)}; criteria: {', '.join(ranking.CRITERIA)}")
    chosen = {n: float((weights or {}).get(n, c.weight)) for n, c in ranking.CRITERIA.items()}
    if negative := [n for n, w in chosen.items() if not w >= 0]:
        raise UsageError(f"weight of {', '.join(negative)}: 0 or more")
    rows = quarters(release, year)
    bare = rows[~rows[COVERED[scope]].fillna(value=True).astype(bool)]
    told = ranking.criteria_of(bare, release.table("neighbourhood_figures"), _gps_of_quarters(release, rows))
    ranked = ranking.rank(told, chosen)
    here = ranked[within(ranked, area or Area())].head(len(ranked) if limit is None else limit)
    here = here.assign(rank_within=np.arange(1, len(here) + 1), data=studies.data(release))
    used = [n for n in ranking.CRITERIA if f"contribution_{n}" in ranked.columns]
    parts = {f"contribution_{n}": f"Part : {ranking.CRITERIA[n].label_fr}" for n in used}
    values = {n: ranking.CRITERIA[n].label_fr for n in used}
    levels = {f"{n}_level": f"{t} : niveau utilisé" for n, t in values.items() if f"{n}_level" in ranked.columns}
    titles = {**_RANKED, **values, **levels, **parts, "data": "Données"}
    lost = int(rows[COVERED[scope]].isna().sum())
    notes = (
        *studies.notes(release),
        _WEIGHTS + " : " + ", ".join(f"{n} {w:g}" for n, w in chosen.items()),
        *((_OF_COMMUNE,) if levels else ()),
        f"{len(bare)} QPV sûrement sans structure ; {lost} de couverture inconnue, non classés",
    )
    return View("priorities", here[[*titles]].reset_index(drop=True), titles, notes)


_GP_TITLES: dict[str, str] = {
    "level": "Niveau",
    "area_code": "Zone",
    "year": "Millésime",
    "n_gp": "Généralistes",
    "population": "Population",
    "density": "Pour 100 000 habitants",
    "share_over_55": "Part de plus de 55 ans",
    "masked": "Masqué parce que",
    "note": "Remarque",
    "data": "Données",
}


def practitioners(release: Release, area: Area | None = None, *, within_m: float = 500) -> View:
    """Show GP density and age for a commune, its QPV (by distance), its region and the country, as far as they are given."""
    chosen = area or Area()
    given = _gps(release)
    if given.empty:
        raise UsageError("this release has no practitioners: add a card of kind practitioners")
    rows = quarters(release)
    known = _densities(release, rows, given, within_m)
    department = chosen.code[:3] if chosen.code[:2] in ("97", "98") else chosen.code[:2]
    region = chosen.code if chosen.level == "region" else DEPARTMENT_REGION.get(department, "")
    inside = set(rows.loc[within(rows, chosen), "qpv_code"])
    wanted = {chosen.code, region, "FR", *inside}
    shown = known[known["area_code"].isin(wanted) | (known["level"] == "country")]
    told = f"médecins à {within_m:g} m au plus, pour les habitants du QPV"
    of_quarter = np.where(shown["n_gp"].isna(), "inconnu : aucun point donné pour ce QPV", told)
    note = np.where(shown["level"] == "qpv", of_quarter, "valeur de la zone")
    shown = shown.assign(note=note, data=studies.data(release))[[*_GP_TITLES]].reset_index(drop=True)
    return View("practitioners", shown, dict(_GP_TITLES), studies.notes(release))


def _gps(release: Release) -> pd.DataFrame:
    """Return the GPs of the last vintage given at each level: two vintages are never added up."""
    given = release.table("practitioners")
    return given[given["year"] == given.groupby("level")["year"].transform("max")].reset_index(drop=True)


def _densities(release: Release, rows: pd.DataFrame, given: pd.DataFrame, within_m: float) -> pd.DataFrame:
    """Return density and age of every area given, and of the QPV of which points can tell."""
    parts = [density.by_area(given), _by_quarter(release, rows, given, within_m)]
    return density.with_shares(pd.concat([p for p in parts if len(p)] or parts[:1], ignore_index=True))


def _by_quarter(release: Release, rows: pd.DataFrame, given: pd.DataFrame, within_m: float) -> pd.DataFrame:
    """Count the GPs near each QPV; nothing where no points are given."""
    points = given[(given["level"] == "point") & given["longitude"].notna()].reset_index(drop=True)
    if points.empty:
        return pd.DataFrame(columns=density.COLUMNS)
    held = _perimeters(release, rows)
    placed = _sites(points["longitude"], points["latitude"])
    pairs = sites.served(placed, held, within_m).rename(columns={"site": "point"})
    parent = rows["commune_codes"].str.replace(",.*", "", regex=True)
    return density.by_quarter(pairs, points, rows.assign(parent_code=parent, is_told=_is_told(rows, points)))


def _is_told(rows: pd.DataFrame, points: pd.DataFrame) -> pd.Series:
    """Say of which QPV the points can tell: of a département that their source covers, or of a commune in which they name one.

    Elsewhere, no point near is not the absence of GPs: it is not known.
    """
    covered = set(points["covers"].dropna().str.split(",").explode())
    named = set(points["area_code"].dropna())
    listed = rows["commune_codes"].fillna("").str.split(",")
    return rows["department_code"].isin(covered) | listed.map(lambda codes: not named.isdisjoint(codes)).astype(bool)


def _gps_of_quarters(release: Release, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the GP criteria of QPV, each with the ``_level`` it speaks of: the QPV by distance, else its only commune."""
    known = _densities(release, rows, _gps(release), NEAR_GP_M)
    own = known[known["level"] == "qpv"].set_index("area_code")
    communes = known[known["level"] == "commune"].drop_duplicates("area_code").set_index("area_code")
    out = pd.DataFrame({"qpv_code": rows["qpv_code"]})
    for ours, theirs in (("gp_density", "density"), ("gp_share_over_55", "share_over_55")):
        near = rows["qpv_code"].map(own[theirs]).astype("float64")
        value = near.fillna(rows["commune_codes"].map(communes[theirs]).astype("float64"))
        level = np.select([near.notna(), value.notna()], ["qpv", "commune"], "")
        out[ours], out[f"{ours}_level"] = value, pd.Series(level, index=rows.index).replace("", None).astype("str")
    return out


def _perimeters(release: Release, rows: pd.DataFrame) -> dict[str, Perimeters]:
    shapes = release.table("neighbourhoods")
    kept = shapes.merge(rows[["qpv_code", "generation"]], on=["qpv_code", "generation"])
    return sites.in_metres(pd.DataFrame(kept))


def _sites(longitude: pd.Series, latitude: pd.Series) -> pd.DataFrame:
    lon, lat = longitude.to_numpy(dtype=float), latitude.to_numpy(dtype=float)
    territory = projection.territory_of_position(lon, lat)
    x, y = sites.placed(lon, lat, territory)
    placed = {"territory": territory, "longitude": lon, "latitude": lat, "x": x, "y": y}
    return pd.DataFrame({"site": np.arange(len(lon)), **placed})


_PIPELINE_TITLES: dict[str, str] = {
    "opens_in": "Ouverture prévue en",
    "n_projects": "Projets",
    "n_in_qpv": "dont dans un QPV",
    "qpv_gained": "QPV qui seraient couverts",
    "qpv_unknown": "QPV de couverture inconnue",
    "population_gained": "Habitants de ces QPV",
    "qpv_gained_so_far": "QPV, cumul",
    "population_gained_so_far": "Habitants, cumul",
    "data": "Données",
}
_FUNDING_TITLES: dict[str, str] = {
    "level": "Niveau",
    "area_code": "Zone",
    "funder": "Financeur",
    "n_projects": "Projets",
    "amount": "Montant (euros)",
    "n_unknown": "Projets de la zone sans montant",
    "data": "Données",
}
FUNDING_LEVELS = ("country", "region", "department")
_PROJECT_TITLES: dict[str, str] = {
    "project_id": "Projet",
    "name": "Nom",
    "structure_type": "Type",
    "stage": "Avancement",
    "expected_on": "Ouverture prévue",
    "amount": "Montant (euros)",
    "obstacle": "Obstacle",
    "position": "Position",
    "qpv_code": "QPV",
    "distance_m": "Distance",
    "zone_class": "Zonage",
    "commune_code": "Commune",
    "department_code": "Département",
    "data": "Données",
}
_APART = "Projets : tenus séparés des structures ouvertes"


def projects(release: Release, *, show: str = "list", area: Area | None = None, by: str = "region") -> View:
    """Show the projects: ``list``, ``effect`` (what they would bring, by year), ``funding`` or ``types``.

    ``by``: the level at which funding is added up, by funder and all funders together: country, region or department. Raises
    UsageError for an unknown answer, level or area; an EPCI, which projects do not name, is one.
    """
    if by not in FUNDING_LEVELS:
        raise UsageError(f'funding by "{by}"; known: {", ".join(FUNDING_LEVELS)}')
    rows = quarters(release)
    listed = _projects(release, rows)
    chosen = area or Area()
    if chosen.level == "epci":
        raise UsageError("projects name a commune, not its EPCI: ask for region:, department: or commune:")
    if chosen.level != "country":
        listed = listed[listed[f"{chosen.level}_code"] == chosen.code]
    covered = rows.assign(is_covered=rows["is_covered_in"])
    shown = {
        "list": (listed, _PROJECT_TITLES),
        "effect": (pipeline_effect.effect(listed, covered), _PIPELINE_TITLES),
        "funding": (_funding(release, listed, by), _FUNDING_TITLES),
        "types": (pipeline_effect.by_type(listed), {k: _PROJECT_TITLES.get(k, "Projets") for k in _TYPE_COLUMNS}),
    }
    if show not in shown:
        raise UsageError(f'projects: unknown "{show}"; known: {", ".join(shown)}')
    frame, titles = shown[show]
    told = frame.assign(data=studies.data(release))[[*titles]].reset_index(drop=True)
    return View(f"projects-{show}", told, dict(titles), (*studies.notes(release), _APART))


_TYPE_COLUMNS = ("structure_type", "stage", "position", "n", "amount", "data")


def _funding(release: Release, listed: pd.DataFrame, by: str) -> pd.DataFrame:
    lines = release.table("project_funding")
    placed = listed.assign(area_code="FR" if by == "country" else listed[f"{by}_code"].fillna(NO_REGION))
    mine = lines[pd.MultiIndex.from_frame(lines[_PROJECT]).isin(pd.MultiIndex.from_frame(placed[_PROJECT]))]
    return pipeline_effect.amounts(mine, placed, "area_code").assign(level=by)


_PROJECT = ["project_id", "year"]


def _projects(release: Release, rows: pd.DataFrame) -> pd.DataFrame:
    """Join the projects of the last year with where they are in the perimeters in force, and the zoning of that QPV."""
    known = release.table("projects")
    known = known[known["year"] == known["year"].max()]
    where = release.table("project_locations")
    current = rows.drop_duplicates("territory").set_index("territory")["generation"]
    generation = known["territory"].fillna(METROPOLE).map(current).fillna(IN_FORCE)
    joined: pd.DataFrame = known.assign(generation=generation).merge(
        where, on=["project_id", "year", "generation"], how="left", validate="one_to_one"
    )
    quarter = rows.set_index("qpv_code")
    areas = {
        c: joined[c].fillna(joined["qpv_code"].map(quarter[c])).astype("str")
        for c in ("department_code", "region_code")
    }
    return joined.assign(zone_class=joined["qpv_code"].map(quarter["zone_class"]), **areas)


POINTS = Layout(
    "simulated-structures",
    (
        Field("longitude", ("lon", "lng"), required=True),
        Field("latitude", ("lat",), required=True),
        Field("structure_type", ("type",), required=True),
        Field("name", ("nom", "label")),
    ),
)
_EFFECT_TITLES: dict[str, str] = {
    "when": "Moment",
    "qpv_total": "QPV",
    "qpv_covered": "Couverts",
    "share_covered": "Part couverte, des QPV dont la couverture est connue",
    "qpv_unknown": "QPV de couverture inconnue",
    "population_covered": "Habitants couverts",
    "population_unknown": "QPV sans population connue",
    "label": "Nature",
    "data": "Données",
}
_GAINED_TITLES: dict[str, str] = {
    "site": "Site",
    "qpv_code": "Code QPV",
    "name": "Nom",
    "population": "Habitants",
    "zone_class": "Zonage",
    "is_npnru": "NPNRU",
    "distance_m": "Distance",
    "label": "Nature",
    "data": "Données",
}


def simulate_add(release: Release, path: Path, *, area: Area | None = None, near_m: float = 0) -> tuple[View, View]:
    """Say what structures of a file (longitude, latitude, type) would change: coverage before and after, and the QPV gained.

    ``near_m`` 0: only the QPV that holds the point; else those within that distance too. Raises InputError for a point that cannot be
    read or lies in no territory, or a type other than MSP and CdS, which alone cover a QPV.
    """
    card = cards.Card("simulate", "structures", path, path.name)
    raw = tables.read(card)
    text = layouts.renamed(raw, card, POINTS)
    known = text["structure_type"].str.strip().str.casefold().isin(TYPE_WORDS)
    if (odd := np.flatnonzero(~known)).size:
        rows_of = ", ".join(f'"{text["structure_type"].iloc[i]}" (row {raw.rows[i]})' for i in odd[:5])
        raise InputError(f"{path.name}: type {rows_of}: MSP or CdS expected, which alone cover a QPV")
    lon, lat = (pd.to_numeric(text[c].str.replace(",", "."), errors="coerce") for c in ("longitude", "latitude"))
    added = _sites(lon, lat)
    if (lost := np.flatnonzero(added["x"].isna())).size:
        raise InputError(f"{path.name}: no usable point in row {', '.join(str(raw.rows[i]) for i in lost[:5])}")
    rows = _simulated(release, area)
    return _views(release, rows, sites.served(added, _perimeters(release, rows), near_m), near_m)


def _simulated(release: Release, area: Area | None) -> pd.DataFrame:
    rows = quarters(release)
    here: pd.DataFrame = rows[within(rows, area or Area())].reset_index(drop=True)
    return here.assign(is_covered=here["is_covered_in"])


def _views(release: Release, rows: pd.DataFrame, reached: pd.DataFrame, near_m: float) -> tuple[View, View]:
    summary, gained = simulation.effect(rows, reached)
    told = {"data": studies.data(release), "label": simulation.LABEL}
    how = "une structure couvre le QPV qui la contient" + (f", et ceux à {near_m:g} m au plus" if near_m else "")
    notes = (SIMULATION, *studies.notes(release), how, *_unknown_coverage(rows))
    before = View("simulate", summary.assign(**told)[[*_EFFECT_TITLES]], dict(_EFFECT_TITLES), notes)
    return before, View("simulate-gained", gained.assign(**told)[[*_GAINED_TITLES]], dict(_GAINED_TITLES), notes)


def _unknown_coverage(rows: pd.DataFrame) -> tuple[str, ...]:
    """Say how many QPV a simulation can neither count as covered nor as gained."""
    n = int(rows["is_covered"].isna().sum())
    return (f"{n} QPV sur {len(rows)} de couverture inconnue : ni couverts, ni à gagner",) if n else ()


_SITE_TITLES: dict[str, str] = {
    "site": "Site",
    "longitude": "Longitude",
    "latitude": "Latitude",
    "qpv_codes": "QPV servis",
    "population": "Habitants nouvellement couverts",
    "label": "Nature",
    "data": "Données",
}


def simulate_best(release: Release, n: int, *, area: Area | None = None, near_m: float = 0) -> tuple[View, View, View]:
    """Find where ``n`` structures would cover the most residents of uncovered QPV: the sites, coverage before and after, QPV gained.

    The notes give the gap to the proven optimum, over the candidate sites: one in each QPV, and where the surroundings of several meet.
    """
    rows = _simulated(release, area)
    held = _perimeters(release, rows)
    tried = sites.candidates(held, near_m) if held else _sites(pd.Series(dtype=float), pd.Series(dtype=float))
    reached = sites.served(tried, held, near_m)
    bare = rows[~rows["is_covered"].fillna(value=True).astype(bool)].set_index("qpv_code")
    demand = bare["population"].dropna().astype("float64")
    plan = simulation.best(reached, demand, n)
    chosen = reached[reached["site"].isin(plan.sites) & reached["qpv_code"].isin(bare.index)]
    before, gained = _views(release, rows, reached[reached["site"].isin(plan.sites)], near_m)
    named = chosen.groupby("site")["qpv_code"].agg(", ".join)
    first = chosen.drop_duplicates("qpv_code")
    people = demand.reindex(first["qpv_code"]).groupby(first["site"].to_numpy()).sum()
    shown = tried[tried["site"].isin(plan.sites)].assign(
        qpv_codes=lambda s: s["site"].map(named), population=lambda s: s["site"].map(people).fillna(0.0)
    )
    proof = "optimum prouvé" if plan.is_optimal else "optimum non prouvé dans le temps imparti"
    proof = proof if len(demand) else "aucun QPV sûrement sans structure, et de population connue, dans cette zone"
    told = f"{plan.value:.0f} habitants ; borne {plan.bound:.0f} ; écart à l'optimum {plan.gap:.4%} ({proof}) ; {len(tried)} sites essayés"
    frame = shown.assign(label=simulation.LABEL, data=studies.data(release)).sort_values("population", ascending=False)
    view = View(
        "simulate-sites", frame[[*_SITE_TITLES]].reset_index(drop=True), dict(_SITE_TITLES), (told, *before.notes)
    )
    return view, before, gained
