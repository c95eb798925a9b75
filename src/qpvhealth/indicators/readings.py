"""The two readings of a structure whose point is in a QPV of another commune than the one it declares, or far from what is known of it.

It is counted where its point lies; the bounds of a figure hold both readings, as if it could be anywhere that either allows.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from qpvhealth.facts.categories import CDS, MSP, PLURI, UNKNOWN
from qpvhealth.facts.situations import LOCATED

_KEY = ["qpv_code", "generation", "year"]


def is_disputed(stock: pd.DataFrame) -> pd.Series:
    """Say which structures have a second reading: those with an ``other_qpv_code``, or a point that decides and an ``other_area_code``."""
    decides = stock["location_status"] == LOCATED
    return stock["other_qpv_code"].notna() | (stock["other_area_code"].notna() & decides)


def with_second_places(stock: pd.DataFrame, neighbourhoods: pd.DataFrame) -> pd.DataFrame:
    """Add a row that may stand in the second place of each disputed structure; what counts QPV reads it.

    ``stock``: one row per structure, year and generation, with what ``is_disputed`` reads; ``neighbourhoods``: ``qpv_code``,
    ``commune_codes``. The second place is the declared commune of a structure whose point decides, the commune of the QPV of one
    whose point does not.
    """
    other = stock[is_disputed(stock)]
    if other.empty:
        return stock
    first = neighbourhoods["commune_codes"].str.replace(",.*", "", regex=True)
    home = dict(zip(neighbourhoods["qpv_code"], first, strict=True))
    decides = other["location_status"] == LOCATED
    commune = other["commune_code"].astype("str").where(decides, other["other_qpv_code"].astype("str").map(home))
    name = "second place of " + other["finess_et"].astype("str")
    second = without_place(other).assign(finess_et=name, commune_code=commune)
    return pd.concat([stock.astype({"commune_code": "str", "finess_et": "str"}), second], ignore_index=True)


def without_place(stock: pd.DataFrame) -> pd.DataFrame:
    """Take the point of disputed structures as one that decides nothing: same rows, in the same order."""
    sure = ~is_disputed(stock)
    placing = ["qpv_code", "border_distance_m", "situation_by_place"]
    return stock.assign(**{column: stock[column].where(sure) for column in placing})


def without_disputed(coverage: pd.DataFrame, stock: pd.DataFrame) -> pd.DataFrame:
    """Take disputed structures out of the QPV that holds them: one row per QPV, generation and year; they may still stand in it.

    ``coverage``: with the counts of ``coverage.cover``, or those of them that are published.
    """
    disputed = stock[is_disputed(stock) & stock["qpv_code"].notna()]
    kind, modality = disputed["structure_type"], disputed["modality"]
    masks = {
        "n_msp_in": kind == MSP,
        "n_cds_in": kind == CDS,
        "n_cds_pluri_in": (kind == CDS) & (modality == PLURI),
        "n_cds_unknown_in": (kind == CDS) & (modality == UNKNOWN),
    }
    masks = {column: mask for column, mask in masks.items() if column in coverage}
    own = disputed[_KEY].astype({"qpv_code": "str", "generation": "str"}).assign(**masks)
    sums = own.groupby(_KEY)[[*masks]].sum()
    keys = pd.MultiIndex.from_frame(coverage[_KEY].astype({"qpv_code": "str", "generation": "str"}))
    less = sums.reindex(keys).fillna(0).astype("Int64").set_axis(coverage.index)
    out = coverage.assign(**{column: coverage[column] - less[column] for column in masks})
    is_bare = (less.sum(axis=1) > 0) & (out["n_msp_in"].fillna(0) + out["n_cds_in"].fillna(0) == 0)
    return out.assign(
        n_undetermined=out["n_undetermined"] + less["n_msp_in"] + less["n_cds_in"],
        is_covered_near=out["is_covered_near"].mask(is_bare),
    )


def widened(figures: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Widen the bounds of figures by those of a second reading, row by row; the values are those of the first."""
    return figures.assign(
        lower=np.fmin(figures["lower"], second["lower"]),
        upper=np.maximum(figures["upper"], second["upper"]),
        n_unknown=np.fmax(figures["n_unknown"], second["n_unknown"]),
    )
