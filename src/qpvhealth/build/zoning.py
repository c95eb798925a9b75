"""Zonings and generations laid over the QPV: the class of each QPV in every edition, and what became of it."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.contract.keys import among, positions
from qpvhealth.contract.tables import PUBLISHED
from qpvhealth.facts.territories import DEPARTMENT_REGION, department_of_commune
from qpvhealth.facts.zonings import ZAC, ZIP
from qpvhealth.ingest.cleaning import translated
from qpvhealth.spatial import fates, overlay

if TYPE_CHECKING:
    from qpvhealth.build.perimeters import Basis

NO_EDITION = "none"


def classes(basis: Basis) -> pd.DataFrame:
    """Overlay every edition on the QPV that it covers: one row per QPV, generation and edition (``neighbourhood_zoning``).

    An edition is a region's decision, all its levels together: where it covers a QPV, no other edition adds to it. QPV-level classes
    apply only to the generation whose codes they name.
    """
    parts = [pd.DataFrame(columns=PUBLISHED["neighbourhood_zoning"].names)]
    sources, quarters = basis.sources, basis.neighbourhoods
    first_commune = quarters["commune_codes"].str.replace(",.*", "", regex=True)
    for edition in sources.editions.to_dict("records"):
        listed, composition = (
            frame[frame["source_id"].isin(edition["source_ids"])]
            for frame in (sources.zoning_classes, sources.zoning_composition)
        )
        home = deciding_departments(
            first_commune, quarters["department_code"], composition, sources.zoning_composition, sources.commune_people
        )
        for generation, rows in quarters[home.isin(edition["departments"])].groupby("generation"):
            own = listed[(listed["level"] != overlay.QPV) | (edition["generation"] == generation)]
            zoned = overlay.zone(rows, own, composition, basis.outlines.get("commune"))
            parts.append(zoned.assign(edition=edition["edition"], in_force_from=edition["in_force_from"]))
    return pd.concat(parts[1:] or parts, ignore_index=True)


def deciding_departments(
    communes: pd.Series, departments: pd.Series, composition: pd.DataFrame, others: pd.DataFrame, people: pd.Series
) -> pd.Series:
    """Return the département whose region decides for each place: its own, unless its TVS is of another region.

    A TVS is of the region that has most of its inhabitants; where some of its communes have no population, most of its communes.
    ``communes``, ``departments``: where the places are. ``composition``: the communes of each TVS in the edition; ``others``: in every
    edition, the last of which counts where the first names no commune. ``people``: inhabitants, by commune.
    """
    known = pd.concat([composition, others[~among(others["commune_code"], composition["commune_code"])][::-1]])
    department = translated(known["commune_code"], department_of_commune)
    known = known.assign(department=department, region=department.map(DEPARTMENT_REGION))
    tvs, weight = ["edition", "tvs_code"], known["commune_code"].map(people).astype("float64")
    is_whole = weight.notna().groupby([known[c] for c in tvs]).transform("all")
    known["weight"] = weight.where(is_whole, 1.0)
    sizes = known.groupby([*tvs, "region", "department"], as_index=False).agg(size=("weight", "sum"))
    sizes["of_region"] = sizes.groupby([*tvs, "region"])["size"].transform("sum")
    most = sizes.sort_values(["of_region", "size"], ascending=False, kind="stable").drop_duplicates(tvs)
    at = positions(tvs, known, most)
    of_commune = most["department"].reset_index(drop=True).take(at).set_axis(known["commune_code"])
    away = communes.map(of_commune[~of_commune.index.duplicated()])
    is_other = away.map(DEPARTMENT_REGION) != departments.map(DEPARTMENT_REGION)
    return departments.mask(away.notna() & is_other, away)


def by_region(covered: pd.DataFrame) -> pd.DataFrame:
    """Sum up by region which edition classes the QPV of each year, and how: ``zoning_regions``.

    ``covered``: one row per QPV, generation (``in_force`` too) and year. Where a region has published none the edition is ``none``.
    """
    rows = covered.assign(
        zoning_edition=covered["zoning_edition"].fillna(NO_EDITION),
        n_classed=covered["zone_class"].notna(),
        n_zip=covered["zone_class"] == ZIP,
        n_zip_or_zac=covered["zone_class"].isin((ZIP, ZAC)),
    )
    of_region = rows.groupby(["generation", "year", "region_code", "zoning_edition"], as_index=False)
    sums = {c: (c, "sum") for c in ("n_classed", "n_zip", "n_zip_or_zac")}
    return of_region.agg(in_force_from=("zoning_in_force_from", "first"), n_qpv=("qpv_code", "size"), **sums)


def fates_between(basis: Basis) -> pd.DataFrame:
    """Read the fates of the QPV between every two generations computed. Raises ContractError where a territory does not add up."""
    polygons = fates.shapes(basis.prepared)
    by_generation = {g: polygons[polygons["generation"] == g] for g in sorted(basis.by_generation)}
    parts = [fates.fates(by_generation[a], by_generation[b]) for a, b in combinations(by_generation, 2)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=fates.COLUMNS)
