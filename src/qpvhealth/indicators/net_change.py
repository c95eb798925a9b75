"""The headline of the change: what the stock inside QPV gained and lost since the vintage before, and from which causes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from qpvhealth.facts.categories import CDS, MSP
from qpvhealth.facts.causes import CLOSED, NOT_ATTRIBUTABLE, OPENED
from qpvhealth.facts.situations import IN_QPV
from qpvhealth.indicators.headline import COLUMNS, KEY

CELL = KEY[1:]
SCOPE_OF_TYPE = {MSP: "msp", CDS: "cds", "all": "msp_cds"}
NET = "net_in_qpv"
DATED = {
    "opened_in_qpv": (OPENED, "structures inside a QPV whose opening date lies"),
    "closed_in_qpv": (CLOSED, "structures that were inside a QPV and whose closing date lies"),
}


def net_change(of_structures: pd.DataFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """Return ``net_in_qpv``, ``opened_in_qpv`` and ``closed_in_qpv`` for every year but the first, area and scope.

    ``of_structures``: the indicators of structures, whose areas are kept (scopes MSP, CdS and both). ``summary``: the table
    ``change_summary``. The net is entries less exits, whatever their cause; the rule names each cause with its sum. Only dated
    openings and closures are called so. ``n_unknown``: movements that no evidence attributes.
    """
    if summary.empty:
        return of_structures.iloc[:0][COLUMNS]
    rows = summary[summary["situation"] == IN_QPV].rename(columns={"to_year": "year"})
    rows = rows.assign(scope=rows["structure_type"].map(SCOPE_OF_TYPE), gross=rows["n_in"] + rows["n_out"])
    known = of_structures["indicator"].eq("n_in_qpv") & of_structures["scope"].isin(SCOPE_OF_TYPE.values())
    cells = of_structures.loc[known & of_structures["year"].isin(summary["to_year"]), CELL]
    lost = _sum(rows[rows["cause"] == NOT_ATTRIBUTABLE], "gross", "n_unknown")
    cells = cells.merge(lost, on=CELL, how="left").merge(_causes(rows), on=CELL, how="left")
    since = " since the extract of " + cells["year"].map(summary.groupby("to_year")["from_year"].max()).astype("str")
    words = "entries less exits inside a QPV, whatever their cause," + since + (": " + cells["causes"]).fillna("")
    parts = [_indicator(cells, NET, _sum(rows, "n", "value"), words)]
    for name, (cause, said) in DATED.items():
        parts.append(_indicator(cells, name, _sum(rows[rows["cause"] == cause], "gross", "value"), said + since))
    return pd.concat(parts, ignore_index=True)[COLUMNS]


def _sum(rows: pd.DataFrame, measure: str, name: str) -> pd.DataFrame:
    return rows.groupby(CELL)[measure].sum().rename(name).reset_index()


def _causes(rows: pd.DataFrame) -> pd.DataFrame:
    """Write the causes of each cell with their sums: ``opened +28, closed -3``."""
    moved = rows[rows["n"] != 0]
    said = moved.assign(causes=moved["cause"] + moved["n"].map(" {:+d}".format).astype("str"))
    return said.groupby(CELL)["causes"].agg(", ".join).astype("str").reset_index()


def _indicator(cells: pd.DataFrame, name: str, sums: pd.DataFrame, words: pd.Series) -> pd.DataFrame:
    """Give every cell its value, 0 where nothing moved."""
    frame = cells.merge(sums, on=CELL, how="left", validate="one_to_one")
    value = frame["value"].fillna(0).astype("float64")
    measured: dict[str, Any] = {
        "value": value,
        "numerator": value,
        "denominator": np.nan,
        "lower": value,
        "upper": value,
    }
    unknown = frame["n_unknown"].fillna(0).astype("int64")
    return frame.assign(indicator=name, n_unknown=unknown, unit="structures", rule=words, **measured)
