"""Tables put together from what the rooms of the house give: columns joined, areas filled in, nothing computed anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from qpvhealth.contract.keys import numbers, positions
from qpvhealth.contract.tables import SIZE_BANDS
from qpvhealth.facts import generations as generation_facts
from qpvhealth.facts.categories import STRUCTURE_TYPES
from qpvhealth.facts.generations import IN_FORCE
from qpvhealth.facts.situations import LOCATED, NO, UNDETERMINED, UNKNOWN, YES
from qpvhealth.facts.territories import (
    DEPARTMENT_REGION,
    DEPARTMENT_TERRITORY,
    METROPOLE,
    NO_REGION,
    REGIONS,
    TERRITORIES,
)
from qpvhealth.indicators import counts
from qpvhealth.rules.stock import is_in_stock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from qpvhealth.facts.generations import Dates
    from qpvhealth.ingest.sources import Sources, Vintage
    from qpvhealth.settings import Settings

NPNRU = "npnru"


def with_areas(extract: pd.DataFrame, communes: pd.DataFrame) -> pd.DataFrame:
    """Add territory, region and EPCI to structures, from their département and commune. Unknown stays null.

    A département that is not one of France (99 stands for abroad) is unknown, and so is the commune that names it: the structure
    stays in the stock, under the area ``none``.
    """
    abroad = is_abroad(extract)
    department, commune = extract["department_code"].mask(abroad), extract["commune_code"].mask(abroad)
    epci = communes.dropna(subset=["epci_code"]).drop_duplicates("area_code").set_index("area_code")["epci_code"]
    return extract.assign(
        department_code=department,
        commune_code=commune,
        territory=department.map(DEPARTMENT_TERRITORY).astype("str"),
        region_code=department.map(DEPARTMENT_REGION).fillna(NO_REGION).astype("str"),
        epci_code=commune.map(epci).astype("str"),
    )


def is_abroad(extract: pd.DataFrame) -> pd.Series:
    """Say which structures name a département that France does not have."""
    return extract["department_code"].notna() & ~extract["department_code"].isin(DEPARTMENT_TERRITORY)


def structures_table(extract: pd.DataFrame, places: pd.DataFrame, vintages: Mapping[int, Vintage]) -> pd.DataFrame:
    """Join the staged rows of some years with the point chosen for each: one row per structure and year."""
    frame = extract.reset_index(drop=True)
    day = pd.to_datetime(frame["year"].map({year: v.reference_date for year, v in vintages.items()}))
    chosen = ["location_status", "location_precision", "location_error_m", "location_conflict_m", "n_location_sources"]
    chosen += ["commune_distance_m"]
    drop = [c for c in ("location_status", "location_precision", "x", "y", "crs", "territory") if c in frame.columns]
    joined = frame.drop(columns=drop).join(
        places[[*chosen, "location_note", "x", "y", "longitude", "latitude", "territory"]]
    )
    there = places["longitude"].notna() & places["latitude"].notna()
    point = np.full(len(places), None, dtype=object)
    point[there] = shapely.points(places.loc[there, "longitude"], places.loc[there, "latitude"])
    return joined.assign(
        is_in_stock=is_in_stock(frame["opened_on"], frame["closed_on"], day),
        location_source_id=places["source_id"].where(there),
        geometry=point,
    )


def neighbourhoods_table(prepared: pd.DataFrame, sources: Sources) -> pd.DataFrame:
    """Add population, NPNRU and areas to the prepared polygons, published in ``degrees``: one row per QPV and generation."""
    frame = prepared.merge(
        sources.populations.reindex(columns=["qpv_code", "generation", "population", "population_year"]),
        on=["qpv_code", "generation"],
        how="left",
        validate="one_to_one",
    )
    frame["region_code"] = frame["department_code"].map(DEPARTMENT_REGION).fillna(NO_REGION).astype("str")
    # whether a list of their own generation names them; null where no list of that generation was given
    listed = sources.programmes[sources.programmes["programme"].str.casefold() == NPNRU].dropna(subset="qpv_code")
    own, of_list = numbers(["qpv_code", "generation"], frame, listed)
    is_listed = pd.Series(np.isin(own, of_list), index=frame.index, dtype="boolean")
    frame["is_npnru"] = is_listed.where(frame["generation"].isin(listed["generation"].unique()))
    return frame.assign(geometry=frame["degrees"]).drop(columns="degrees")


def answers(structures: pd.DataFrame, sources: Sources, generation: str, in_force: pd.Series) -> pd.DataFrame:
    """Return the ARS's answer for each structure and year: ``vecu_declared``, ``is_unlisted`` and ``is_contested``.

    A declaration about this generation comes first. Where an ARS gave the whole list of a type, a structure that it does not name is
    "no". With no answer, the extract's own column, which speaks of the perimeters
    ``in_force``. Otherwise unknown.
    """
    rows = sources.declarations
    rows = rows[(rows["generation"] == generation) & (rows["vecu_declared"] != UNKNOWN)].drop_duplicates(_ROW)
    told_by = rows["vecu_declared"].astype("str").reset_index(drop=True)
    declared = told_by.reindex(positions(_ROW, structures, rows)).set_axis(structures.index)
    whole = sources.answered[sources.answered["generation"] == generation]
    unlisted = declared.isna() & (positions(["year", "department_code", "structure_type"], structures, whole) >= 0)
    stated = structures["vecu_declared"].astype("str")
    own = stated.where((stated != UNKNOWN) & (in_force == generation))
    answer = declared.where(~unlisted, NO).fillna(own).fillna(UNKNOWN)
    return pd.DataFrame(
        {
            "vecu_declared": answer,
            "is_unlisted": unlisted,
            "is_contested": declared.notna() & own.notna() & (declared != own),
        }
    )


_ROW = ["finess_et", "year"]


def declared_pairs(structures: pd.DataFrame, sources: Sources, generation: str) -> pd.DataFrame:
    """Return the QPV named for each structure declared near: ``finess_et``, ``year``, ``qpv_code`` (null where none is named)."""
    rows = sources.declarations
    rows = rows[(rows["generation"] == generation) & (rows["vecu_declared"] == YES)]
    own = structures[structures["vecu_declared"] == YES]
    listed, of_rows, of_own = numbers(_ROW, structures, rows, own)
    unlisted = own[~np.isin(of_own, of_rows)].assign(qpv_code=own["vecu_qpv_code"])
    columns = [*_ROW, "qpv_code"]
    return concatenated(rows[np.isin(of_rows, listed)][columns], unlisted[columns]).drop_duplicates(ignore_index=True)


def generation_in_force(
    territory: pd.Series, vintage: Vintage, settings: Settings, available: tuple[str, ...], own: Mapping[str, Dates]
) -> pd.Series:
    """Return the generation to count each row with at the reference date; null where none that is given is in force."""
    forced = settings.headline_generation.get(vintage.year)
    names = [*TERRITORIES]
    by_territory = {t: forced or generation_facts.in_force(t, vintage.reference_date, available, own) for t in names}
    return territory.fillna(METROPOLE).map(by_territory).astype("str")


def in_force_rows(stock: pd.DataFrame, in_force: Mapping[int, Mapping[str, str | None]]) -> pd.DataFrame:
    """Select, for each year and territory, the rows of the generation in force, and call them ``in_force``.

    Where no generation given is in force, the structure keeps one row, undetermined.
    """
    wanted = in_force_at(stock, in_force, METROPOLE)
    chosen = stock[stock["generation"] == wanted]
    orphans = stock[wanted.isna()].drop_duplicates(["finess_et", "year"])
    lost = orphans.assign(qpv_code=None, border_distance_m=np.nan, vecu_declared=UNKNOWN)
    lost = lost.assign(has_qpv_in_area=None, possible_qpv_codes=None)
    lost = lost.assign(**dict.fromkeys(("situation", "situation_by_place"), UNDETERMINED))
    lost = lost[chosen.columns]
    every = pd.concat([chosen, lost.astype(chosen.dtypes)], ignore_index=True) if len(lost) else chosen
    return every.assign(generation=pd.Series(IN_FORCE, index=every.index, dtype=stock["generation"].dtype))


def in_force_neighbourhoods(frame: pd.DataFrame, in_force: Mapping[int, Mapping[str, str | None]]) -> pd.DataFrame:
    """Select, for each year and territory, the QPV of the generation in force, under the name of their own generation."""
    return frame[frame["generation"] == in_force_at(frame, in_force)]


def in_force_at(
    frame: pd.DataFrame, in_force: Mapping[int, Mapping[str, str | None]], elsewhere: str | None = None
) -> pd.Series:
    """Return the generation in force for the ``year`` and ``territory`` of each row; null where none is.

    ``elsewhere``: the territory that rows without any are held to be in. In the type of ``generation`` where there is one.
    """
    cells, at = counts.distinct(frame, ["year", "territory"])
    territory = cells["territory"] if elsewhere is None else cells["territory"].fillna(elsewhere)
    names = [in_force[year].get(name) for year, name in zip(cells["year"].tolist(), territory, strict=True)]
    kind = frame["generation"].dtype if "generation" in frame else "str"
    return pd.Series(names, dtype=kind).take(at).set_axis(frame.index)


def concatenated(first: pd.DataFrame, more: pd.DataFrame) -> pd.DataFrame:
    """Put two tables end to end; an empty one, whose columns are of no type, leaves the other as it is."""
    if more.empty:
        return first
    return more if first.empty else pd.concat([first, more], ignore_index=True)


def areas_table(sources: Sources, counts: pd.DataFrame) -> pd.DataFrame:
    """Name the areas that the counts hold, from the facts and the boundaries given."""
    facts = [("country", "FR", "France"), *(("territory", t.name, t.label_fr) for t in TERRITORIES.values())]
    facts += [("region", code, name) for code, (name, _) in REGIONS.items()]
    facts += [(level, NO_REGION, "sans") for level in ("territory", "region", "department", "epci", "commune")]
    epci = sources.communes.dropna(subset=["epci_code", "epci_label"]).drop_duplicates("epci_code")
    epci_labels = epci[["epci_code", "epci_label"]].set_axis(["area_code", "label"], axis=1).assign(level="epci")
    labels = pd.concat([sources.areas.dropna(subset=["label", "area_code"]), epci_labels], ignore_index=True)
    overseas = [
        ("department", d, t.label_fr) for t in TERRITORIES.values() for d in t.departments if t.name != METROPOLE
    ]
    columns = ["level", "area_code", "label"]
    frame = pd.concat([pd.DataFrame(facts, columns=columns), labels[columns], pd.DataFrame(overseas, columns=columns)])
    used = counts[["level", "area_code"]].drop_duplicates()
    return frame.drop_duplicates(["level", "area_code"]).merge(used, on=["level", "area_code"]).reset_index(drop=True)


def neighbourhoods_by_year(neighbourhoods: pd.DataFrame, sources: Sources, answered: pd.DataFrame) -> pd.DataFrame:
    """Repeat the QPV for each year, and say which the extract of the year can tell of: ``is_assessed``, ``is_answered``.

    ``answered``: the départements whose every structure has an answer; those for which an ARS gave the whole list of MSP and of
    centres, about the QPV of that generation, are added.
    """
    quarters = neighbourhoods.drop(columns=["geometry", "metres"]).assign(is_usable=neighbourhoods["metres"].notna())
    by_year = []
    for year, vintage in sources.vintages.items():
        department, covered = quarters["department_code"], vintage.departments
        listed = True if covered is None else department.isin(covered)
        by_year.append(quarters.assign(year=year, is_assessed=quarters["is_usable"] & listed))
    frame = pd.concat(by_year, ignore_index=True)
    key = ["generation", "year", "department_code"]
    n_types = sources.answered.groupby(key).size()
    whole = n_types[n_types == len(STRUCTURE_TYPES)].index.to_frame(index=False)
    frame["is_answered"] = np.logical_or(
        *(positions(key, frame, known.astype({"year": "int64"})) >= 0 for known in (whole, answered))
    )
    return frame


def with_zone_classes(covered: pd.DataFrame, zoning: pd.DataFrame, days: Mapping[int, date]) -> pd.DataFrame:
    """Add to the coverage the class of each QPV in the last edition that covers it and is in force at the date of its year.

    ``zoning``: ``neighbourhood_zoning``; ``days``: the reference date of each year. Where no edition covers the QPV the class is null
    and the reason ``not_published``.
    """
    key, taken = ["generation", "qpv_code"], ["edition", "in_force_from", "zone_class", "reason"]
    ordered = zoning.sort_values(["in_force_from", "edition"], kind="stable")
    began = pd.to_datetime(ordered["in_force_from"])
    parts = [covered[:0].join(ordered[:0][taken])]
    for year, day in days.items():
        rows, started = covered[covered["year"] == year], ordered[began <= pd.Timestamp(day)]
        last = started.drop_duplicates(key, keep="last").reset_index(drop=True)
        parts.append(rows.join(last[taken].reindex(positions(key, rows, last)).set_axis(rows.index)))
    frame = pd.concat(parts[1:] or parts).reindex(covered.index)
    names = {"edition": "zoning_edition", "in_force_from": "zoning_in_force_from", "reason": "zoning_reason"}
    frame = frame.rename(columns=names).astype({"zoning_edition": "str", "zoning_reason": "str"})
    return frame.assign(zoning_reason=frame["zoning_reason"].mask(frame["zoning_edition"].isna(), NOT_PUBLISHED))


NOT_PUBLISHED = "not_published"
"""Why a QPV has no class: no arrêté of its region is among the zonings in force."""


def coverage_table(
    covered: pd.DataFrame, neighbourhoods: pd.DataFrame, nearest: pd.DataFrame, large_population: int
) -> pd.DataFrame:
    """Add to the coverage of QPV, in the same order, what each is: people, NPNRU, nearest structures.

    ``nearest``: ``finess_et`` and ``distance_m`` by generation, year, QPV and ``structure_type``.
    """
    attributes = ["name", "territory", "region_code", "population", "population_year", "is_npnru"]
    frame = covered.join(neighbourhoods[attributes])
    for kind in ("MSP", "CDS"):
        of_type = nearest[nearest["structure_type"] == kind].reset_index(drop=True)
        at = positions(["generation", "year", "qpv_code"], frame, of_type)
        own = of_type.reindex(at).set_axis(frame.index)
        frame[f"nearest_{kind.lower()}_finess_et"] = own["finess_et"].astype("str")
        frame[f"nearest_{kind.lower()}_m"] = own["distance_m"].astype("float64")
    population = frame["population"].astype("Int64")
    band = pd.cut(population.astype("float64"), _SIZES, right=False, labels=list(SIZE_BANDS)).astype("str")
    return frame.assign(is_large=(population >= large_population).astype("boolean"), size_band=band)


_SIZES = (0, 1_000, 2_500, 5_000, 24_001, np.inf)
"""Where the size bands begin: document 001 speaks of the QPV of 5,000 to 24,000 inhabitants, both included."""


def placed_rows(structures: pd.DataFrame) -> pd.Series:
    """Say which structures have a point that may decide."""
    return structures["location_status"] == LOCATED
