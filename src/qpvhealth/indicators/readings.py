"""The two readings of a structure whose point is in a QPV of another commune than the one it declares, or far from what is known of it.

It is counted where its point lies; the bounds of a figure hold both readings, as if it could be anywhere that either allows.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from qpvhealth.facts.categories import CDS, MSP, PLURI, UNKNOWN
from qpvhealth.facts.situations import LOCATED
from qpvhealth.rules.proximity import Proximity
from qpvhealth.rules.stock import is_read

_KEY = ["qpv_code", "generation", "year"]


def is_disputed(stock: pd.DataFrame) -> pd.Series:
    """Say which structures have a second reading: those with an ``other_qpv_code``, or a point that decides and an ``other_area_code``."""
    decides = stock["location_status"] == LOCATED
    return stock["other_qpv_code"].notna() | (stock["other_area_code"].notna() & decides)


SECOND = "second_commune_code"
"""The commune in which a disputed structure stands by its second reading."""


def with_second_places(stock: pd.DataFrame, neighbourhoods: pd.DataFrame) -> pd.DataFrame:
    """Add ``SECOND``, the commune of the second place of each disputed structure, null for others; same rows, in the same order.

    ``stock``: one row per structure, year and generation, with what ``is_disputed`` reads; ``neighbourhoods``: ``qpv_code``,
    ``commune_codes``. It is the declared commune of a structure whose point decides, that of the QPV of its point where it does not.
    """
    disputed = is_disputed(stock)
    if not disputed.any():
        return stock
    first = neighbourhoods["commune_codes"].str.replace(",.*", "", regex=True)
    home = dict(zip(neighbourhoods["qpv_code"], first, strict=True))
    of_point = stock["other_qpv_code"].astype("str").map(home).astype("str")
    decides = of_point.isna() | stock["qpv_code"].notna()
    return stock.assign(**{SECOND: stock["commune_code"].astype("str").where(decides, of_point).where(disputed)})


def has_second_place(stock: pd.DataFrame) -> np.ndarray:
    """Say which structures ``with_second_places`` found to be disputed."""
    return is_disputed(stock).to_numpy(dtype=bool) if SECOND in stock else np.zeros(len(stock), dtype=bool)


def second_proximity(stock: pd.DataFrame) -> Proximity:
    """Return where structures stand by their second reading; those that have none, by the first."""
    return Proximity.of(without_place(stock) if SECOND in stock else stock)


def without_place(stock: pd.DataFrame) -> pd.DataFrame:
    """Take the point of disputed structures as one that decides nothing: same rows, in the same order."""
    sure = ~is_disputed(stock)
    placing = ["qpv_code", "border_distance_m", "situation_by_place"]
    return stock.assign(**{column: stock[column].where(sure) for column in placing})


def without_disputed(coverage: pd.DataFrame, stock: pd.DataFrame) -> pd.DataFrame:
    """Take disputed structures out of the QPV that holds them: one row per QPV, generation and year; they may still stand in it.

    ``coverage``: with the counts of ``coverage.cover``, or those of them that are published.
    """
    disputed = stock[is_disputed(stock) & stock["qpv_code"].notna() & is_read(stock)]
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


def widened(figures: pd.DataFrame, second: pd.DataFrame, *, of_qpv: pd.Series | bool = False) -> pd.DataFrame:
    """Widen the bounds of figures by those of a second reading, row by row; the values are those of the first.

    ``of_qpv``: figures that count QPV, whose bounds are the second's alone: there each disputed structure stands in one place of all
    that either reading allows.
    """
    return figures.assign(
        lower=np.where(of_qpv, second["lower"], np.fmin(figures["lower"], second["lower"])),
        upper=np.where(of_qpv, second["upper"], np.maximum(figures["upper"], second["upper"])),
        n_unknown=np.fmax(figures["n_unknown"], second["n_unknown"]),
    )
