"""GPs: counts per commune, département, region or country, or points, with those over 55 where known.

``NS`` and the like are suppressed numbers, not 0. No public source gives the age of GPs by QPV.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.facts.situations import NO, YES
from qpvhealth.ingest import areas, cleaning, corrections, layouts
from qpvhealth.ingest.extracts import YES_NO
from qpvhealth.ingest.layouts import Field, Layout
from qpvhealth.ingest.readers import tables
from qpvhealth.ingest.staging import Sieve, Staged

if TYPE_CHECKING:
    from qpvhealth.ingest.cards import Card
    from qpvhealth.ingest.corrections import Correction

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
COLUMNS = [
    *("year", "level", "area_code", "n_gp", "n_over_55", "population", "density", "longitude", "latitude"),
    *("covers", "source_id", "source_row"),
]
_TEXT = ("level", "area_code", "covers", "source_id")


def read(card: Card, known: tuple[Correction, ...] = ()) -> Staged:
    """Read one file: a row per area with ``n_gp``, ``n_over_55`` and what else it gives, or a row per GP (a point, one GP).

    ``covers``: the départements in which the file holds every GP, as its card says; null where it does not say, and then a place
    without a point is a place of which nothing is known. Raises UsageError where no layout fits, or for an unknown area.
    """
    raw = tables.read(card)
    layout = layouts.choose(raw, card, (POINTS, *LAYOUTS.values()))
    sieve = Sieve(raw, card.id)
    key = "area_code" if layout is not POINTS else "longitude"
    text, n = corrections.apply(layouts.renamed(raw, card, layout), known, card.id, key)
    sieve.warn("correction-applied", n, "values corrected by corrections.toml")
    frame = _points(text, sieve) if layout is POINTS else _areas(text, layout.name.removeprefix("gps-by-"), sieve)
    covered = areas.departments_of(card.area, card.id)
    covers = None if covered is None else ",".join(sorted(covered))
    staged = sieve.staged(frame.assign(year=card["year"], covers=pd.Series(covers, index=frame.index, dtype="str")))
    return Staged(
        staged.source_id, staged.frame.reindex(columns=COLUMNS), staged.rejects, staged.tally, staged.findings
    )


def _areas(text: pd.DataFrame, level: str, sieve: Sieve) -> pd.DataFrame:
    codes = {
        "commune": cleaning.communes(text["area_code"]).typed,
        "department": cleaning.departments(text["area_code"]),
    }
    area = codes.get(level, text["area_code"].str.strip())
    sieve.reject(area.isna(), "value-missing", 'area "{}"', text["area_code"])
    numbers = {name: _number(text[name], name, sieve) for name in ("n_gp", "n_over_55", "share_over_55", "population")}
    share = numbers.pop("share_over_55")
    share = share.where(share <= 1, share / 100)
    numbers["n_over_55"] = numbers["n_over_55"].fillna((share * numbers["n_gp"]).round())
    return pd.DataFrame(
        {"level": level, "area_code": area, **numbers, "density": _number(text["density"], "density", sieve)}
    )


def _points(text: pd.DataFrame, sieve: Sieve) -> pd.DataFrame:
    lon, lat, age = (_number(text[c], c, sieve) for c in ("longitude", "latitude", "age"))
    sieve.reject(lon.isna() | lat.isna(), "value-missing", "no point")
    words = text["over_55"].str.strip().str.casefold().map(YES_NO).map({YES: 1.0, NO: 0.0})
    over = words.fillna((age >= OVER_55).astype("float64").where(age.notna()))
    area = cleaning.communes(text["area_code"]).typed
    return pd.DataFrame(
        {"level": "point", "area_code": area, "n_gp": 1.0, "n_over_55": over, "longitude": lon, "latitude": lat}
    )


def _number(text: pd.Series, name: str, sieve: Sieve) -> pd.Series:
    (values, bad, _), suppressed = cleaning.numbers(text)
    sieve.warn_at("number-unreadable", bad, text, f"{name} cannot be read, taken as unknown")
    sieve.warn_at("number-suppressed", suppressed, text, f"{name} suppressed, taken as unknown")
    return values


def combine(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Put the files of all years together."""
    empty = pd.DataFrame({c: pd.Series(dtype="str" if c in _TEXT else "float64") for c in COLUMNS})
    return pd.concat(frames, ignore_index=True) if frames else empty
