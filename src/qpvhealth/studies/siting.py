"""What new structures would change, asked of a release: given points, or the best places. Simulations, never counts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth.contract.precision import Share
from qpvhealth.errors import InputError
from qpvhealth.indicators import simulation
from qpvhealth.ingest import cards, layouts
from qpvhealth.ingest.kinds.projects import KIND as PROJECTS
from qpvhealth.ingest.layouts import Field, Layout
from qpvhealth.ingest.readers import tables
from qpvhealth.publish import sentences, words
from qpvhealth.publish.rendering import in_both
from qpvhealth.spatial import sites
from qpvhealth.spatial.proximity import Perimeters
from qpvhealth.studies import figures, places, quarters
from qpvhealth.studies.quarters import COUNTRY, Area

if TYPE_CHECKING:
    from pathlib import Path

    from qpvhealth.publish.release import Release
    from qpvhealth.publish.selection import View

SIMULATION = sentences.note("simulation")
POINTS = Layout(
    "simulated-structures",
    (
        Field("longitude", ("lon", "lng"), required=True),
        Field("latitude", ("lat",), required=True),
        Field("structure_type", ("type",), required=True),
        Field("name", ("nom", "label")),
    ),
)


def simulate_add(release: Release, path: Path, *, area: Area = COUNTRY, near_m: float = 0) -> tuple[View, View]:
    """Say what structures of a file (longitude, latitude, type) would change: coverage before and after, and the QPV gained.

    ``near_m`` 0: only the QPV that holds the point; else those within that distance too. Raises InputError for a point that cannot be
    read or lies in no territory, or a type other than MSP and CdS, which alone cover a QPV.
    """
    card = cards.Card("simulate", "structures", path, path.name)
    raw = tables.read(card)
    text = layouts.renamed(raw, card, POINTS)
    is_type = text["structure_type"].str.strip().str.casefold().isin(PROJECTS.words("structure_type"))
    if (odd := np.flatnonzero(~is_type)).size:
        rows_of = ", ".join(f'"{text["structure_type"].iloc[i]}" (row {raw.rows[i]})' for i in odd[:5])
        raise InputError(f"{path.name}: type {rows_of}: MSP or CdS expected, which alone cover a QPV")
    lon, lat = (pd.to_numeric(text[c].str.replace(",", "."), errors="coerce") for c in ("longitude", "latitude"))
    added = quarters.points(lon, lat)
    if (lost := np.flatnonzero(added["x"].isna())).size:
        raise InputError(f"{path.name}: no usable point in row {', '.join(str(raw.rows[i]) for i in lost[:5])}")
    rows = _simulated(release, area)
    return _views(release, rows, sites.served(added, quarters.perimeters(release, rows), near_m), near_m)


def _simulated(release: Release, area: Area) -> pd.DataFrame:
    rows = quarters.quarters(release)
    here: pd.DataFrame = rows[quarters.within(release, rows, area)].reset_index(drop=True)
    return here.assign(is_covered=here["is_covered_in"])


def _views(release: Release, rows: pd.DataFrame, reached: pd.DataFrame, near_m: float) -> tuple[View, View]:
    summary, gained = simulation.effect(rows, reached)
    how = sentences.note("covers_near" if near_m else "covers_own", metres=f"{near_m:g}")
    n = int(rows["is_covered"].isna().sum())
    lost = (sentences.note("not_simulated", n=n, of=len(rows)),) if n else ()
    return _view(release, "simulate", summary, how, *lost), _view(release, "simulate-gained", gained, how, *lost)


def _view(release: Release, name: str, rows: pd.DataFrame, *notes: str) -> View:
    """Show what is simulated; the first note says that it is."""
    shown = figures.view(release, name, rows.assign(label=simulation.LABEL), *notes)
    return replace(shown, notes=(SIMULATION, *shown.notes))


def simulate_best(release: Release, n: int, *, area: Area = COUNTRY, near_m: float = 0) -> tuple[View, View, View]:
    """Find where ``n`` structures would cover the most residents of uncovered QPV: the sites, coverage before and after, QPV gained.

    The notes give the bound that no plan can exceed, and say that the plan is best only where it reaches that bound.
    """
    rows = _simulated(release, area)
    polygons = quarters.perimeters(release, rows)
    bare = rows[~rows["is_covered"].fillna(value=True).astype(bool)].set_index("qpv_code")
    demand = bare["population"].dropna().astype("float64")
    concerned = {
        territory: Perimeters(*(column[is_bare] for column in own))
        for territory, own in polygons.items()
        if (is_bare := np.isin(own.codes, demand.index)).any()
    }
    space = sites.Space(concerned, near_m)
    tried, plan = places.best_places(space, demand.reindex(space.codes).to_numpy(dtype=float), n)
    chosen = sites.places(space, tried, plan.sites)
    reached = sites.served(chosen, polygons, near_m)
    before, gained = _views(release, rows, reached, near_m)
    first = reached[reached["qpv_code"].isin(bare.index)].drop_duplicates("qpv_code")
    codes = reached[reached["qpv_code"].isin(bare.index)].groupby("site")["qpv_code"].agg(", ".join)
    residents = demand.reindex(first["qpv_code"]).groupby(first["site"].to_numpy()).sum()
    shown = chosen.assign(
        qpv_codes=lambda s: s["site"].map(codes), population=lambda s: s["site"].map(residents).fillna(0.0)
    )
    proof = (
        sentences.note("optimal" if plan.is_optimal else "not_optimal") if len(demand) else sentences.note("no_demand")
    )
    people, bound, gap, n_tried = (
        in_both(words.rounded(float(n), kind))
        for n, kind in ((plan.value, 0), (plan.bound, 0), (plan.gap, Share), (plan.n_tried, 0))
    )
    is_shown = plan.gap == 0 or words.rounded(float(plan.gap), Share)
    how_far: str = gap if is_shown else sentences.note("small_gap")
    facts = {"people": people, "bound": bound, "gap": how_far, "proof": proof, "n": n_tried}
    result = sentences.note("plan", **facts)
    chosen_sites = _view(release, "simulate-sites", shown.sort_values("population", ascending=False))
    return replace(chosen_sites, notes=(result, *before.notes)), before, gained
