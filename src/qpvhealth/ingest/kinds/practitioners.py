"""GPs: counts per commune, département, region or country, or points, with those over 55 where known.

``NS`` and the like are suppressed numbers, not 0. No public source gives the age of GPs by QPV.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.facts.situations import NO, YES
from qpvhealth.ingest import cleaning
from qpvhealth.ingest.kind import Kind
from qpvhealth.ingest.layouts import Field, Layout
from qpvhealth.ingest.staging import stage

if TYPE_CHECKING:
    from qpvhealth.ingest.card import Card
    from qpvhealth.ingest.corrections import Correction
    from qpvhealth.ingest.staging import Sieve, Staged

OVER_55 = 55
_COUNTS = (
    Field("n_gp", ("effectif", "nb_mg", "generalistes", "medecins_generalistes", "nombre"), required=True),
    Field("n_over_55", ("effectif_55_plus", "plus_de_55_ans", "nb_55_plus", "55_ans_et_plus")),
    Field("share_over_55", ("part_55_plus", "part_plus_de_55_ans")),
    Field("population", ("pop", "population_municipale", "pmun")),
    Field("density", ("densite", "densite_100000", "densite pour 100 000")),
)
LAYOUTS: dict[str, Layout] = {
    level: Layout(f"gps-by-{level}", (Field("area_code", aliases, required=True), *_COUNTS))
    for level, aliases in {
        "commune": ("commune_code", "code_commune", "depcom", "codgeo", "insee"),
        "department": ("department_code", "code_departement", "dep"),
        "region": ("region_code", "code_region", "reg"),
        "country": ("pays", "country"),
    }.items()
}
POINTS = Layout(
    "gps-points",
    (
        Field("longitude", ("lon", "lng"), required=True),
        Field("latitude", ("lat",), required=True),
        Field("area_code", ("commune_code", "code_commune", "depcom")),
        Field("age", ("age_annees",)),
        Field("over_55", ("plus_de_55_ans", "55_plus")),
    ),
)
KIND = Kind(
    "practitioners",
    fr="Médecins généralistes : effectifs par zone, ou un point par médecin",
    en="GPs: numbers by area, or one point per GP",
    layouts=(POINTS, *LAYOUTS.values()),
    keys={"year": int, "covers": dict},
    required=("year",),
    example='kind = "practitioners"\npath = "gps/2023-communes.csv"\nyear = 2023',
)
COLUMNS = [
    *("year", "level", "area_code", "n_gp", "n_over_55", "population", "density", "longitude", "latitude"),
    *("covers", "source_id", "source_row"),
]


def read(card: Card, corrections: tuple[Correction, ...] = ()) -> Staged:
    """Read one file: a row per area with ``n_gp``, ``n_over_55`` and what else it gives, or a row per GP (a point, one GP).

    ``covers``: the départements in which the file holds every GP, as its card says; null where it does not say, and then a place
    without a point is a place of which nothing is known. Raises UsageError where no layout fits, or for an unknown area.
    """
    covered = card.departments()
    covers = None if covered is None else ",".join(sorted(covered))
    staged = stage(card, corrections, KIND.layouts, lambda s: _points(s) if s.layout is POINTS else _areas(s))
    return replace(staged, frame=staged.frame.assign(year=card["year"], covers=covers).reindex(columns=COLUMNS))


def _areas(sieve: Sieve) -> pd.DataFrame:
    level = next(level for level, layout in LAYOUTS.items() if layout is sieve.layout)
    cells = sieve.text["area_code"]
    area = cells.str.strip()
    if level == "commune":
        area = cleaning.communes(cells).typed
    elif level == "department":
        area = cleaning.departments(cells)
    sieve.reject(area.isna(), "value-missing", 'area "{}"', cells)
    columns = {c: sieve.numbers(c) for c in ("n_gp", "n_over_55", "population", "density")}
    share = sieve.numbers("share_over_55")
    share = share.where(share <= 1, share / 100)
    columns["n_over_55"] = columns["n_over_55"].fillna((share * columns["n_gp"]).round())
    return pd.DataFrame({"level": level, "area_code": area, **columns})


def _points(sieve: Sieve) -> pd.DataFrame:
    lon, lat, age = (sieve.numbers(c) for c in ("longitude", "latitude", "age"))
    sieve.reject(lon.isna() | lat.isna(), "value-missing", "no point")
    words = sieve.text["over_55"].str.strip().str.casefold().map(cleaning.YES_NO).map({YES: 1.0, NO: 0.0})
    over = words.fillna((age >= OVER_55).astype("float64").where(age.notna()))
    area = cleaning.communes(sieve.text["area_code"]).typed
    return pd.DataFrame(
        {"level": "point", "area_code": area, "n_gp": 1.0, "n_over_55": over, "longitude": lon, "latitude": lat}
    )


def combine(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Put the files of all years together."""
    texts = ("level", "area_code", "covers", "source_id")
    none = pd.DataFrame({c: pd.Series(dtype="str" if c in texts else "float64") for c in COLUMNS})
    return pd.concat(frames, ignore_index=True).astype({"covers": "str"}) if frames else none
