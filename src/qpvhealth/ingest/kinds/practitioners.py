"""GPs: counts per commune, département, region or country, or points, with those over 55 where known.

``NS`` and the like are suppressed numbers, not 0. No public source gives the age of GPs by QPV.
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from qpvhealth.facts.situations import NO, YES
from qpvhealth.ingest import cleaning
from qpvhealth.ingest.kind import Kind
from qpvhealth.ingest.layouts import mapped_columns
from qpvhealth.ingest.staging import Card, Correction, Sieve, Staged, stage

OVER_55 = 55
POINTS, AREAS = "gps-points", "gps-by-"
NOT_PUBLISHED = "(texte non publié : il désigne un praticien)"
KIND = Kind(
    "practitioners",
    "practitioners",
    lambda raw, layout: layout.name != POINTS or not {"age", "over_55"}.isdisjoint(mapped_columns(raw, layout)),
)


def read(card: Card, corrections: tuple[Correction, ...] = ()) -> Staged:
    """Read one file: a row per area with ``n_gp``, ``n_over_55`` and what else it gives, or a row per GP (a point, one GP).

    ``covers``: the départements in which the file holds every GP, as its card says; null where it does not say, and then a place
    without a point is a place of which nothing is known. ``mask_under``: the fewest GPs whose ages the source lets out. A rejected row
    speaks of a person: its text is not published. Raises UsageError where no layout fits, or for an unknown area.
    """
    covered = card.departments()
    covers = None if covered is None else ",".join(sorted(covered))
    staged = stage(card, corrections, KIND, lambda s: _points(s) if s.layout.name == POINTS else _areas(s))
    frame = staged.frame.assign(year=card["year"], covers=covers, mask_under=float(card.get("mask_under", 0)))
    return replace(staged, frame=frame, rejects=staged.rejects.assign(raw=NOT_PUBLISHED, cell=None))


def _areas(sieve: Sieve) -> pd.DataFrame:
    level = sieve.layout.name.removeprefix(AREAS)
    cells = sieve.text["area_code"]
    area = cleaning.whole(cells)
    if level == "commune":
        area = cleaning.communes(cells).typed
    elif level == "department":
        area = cleaning.departments(cells)
    sieve.reject(area.isna(), "value-missing", 'area "{}"', cells)
    columns = {c: sieve.numbers(c) for c in ("n_gp", "n_over_55", "population", "density")}
    share = sieve.numbers("share_over_55")
    share = share.where(share <= 1, share / 100)
    columns["n_over_55"] = columns["n_over_55"].fillna((share * columns["n_gp"]).round())
    sieve.reject(columns["n_over_55"] > columns["n_gp"], "value-unreadable", "more GPs over 55 than GPs in {}", cells)
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
