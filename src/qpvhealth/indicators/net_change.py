"""The headline of the change: what the stock inside QPV gained and lost since the vintage before, and from which causes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from qpvhealth.contract.keys import positions
from qpvhealth.facts.causes import CLOSED, NOT_ATTRIBUTABLE, OPENED
from qpvhealth.facts.situations import IN_QPV
from qpvhealth.indicators.figures import COLUMNS, KEY
from qpvhealth.rules.scopes import SCOPE_OF_TYPE

CELL = KEY[1:]
NET, STOCK = "net_in_qpv", "n_in_qpv"
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
    rows = rows.assign(
        scope=rows["structure_type"].map(SCOPE_OF_TYPE).astype("str"), gross=rows["n_in"] + rows["n_out"]
    )
    known = of_structures["indicator"].eq(STOCK) & of_structures["scope"].isin(SCOPE_OF_TYPE.values())
    cells = of_structures.loc[known & of_structures["year"].isin(summary["to_year"]), CELL].reset_index(drop=True)
    at = positions(CELL, rows, cells)
    rows, at = rows[at >= 0], at[at >= 0]
    unknown = _sum(rows, "gross", at, len(cells), NOT_ATTRIBUTABLE)
    since = " since the extract of " + cells["year"].map(summary.groupby("to_year")["from_year"].max()).astype("str")
    words = "entries less exits inside a QPV, whatever their cause," + since + _causes(rows, at, len(cells))
    parts = [_indicator(cells, NET, _sum(rows, "n", at, len(cells)), unknown, words)]
    for name, (cause, said) in DATED.items():
        parts.append(_indicator(cells, name, _sum(rows, "gross", at, len(cells), cause), unknown, said + since))
    return pd.concat(parts, ignore_index=True)[COLUMNS]


def _sum(rows: pd.DataFrame, measure: str, at: np.ndarray, n_cells: int, cause: str | None = None) -> np.ndarray:
    """Sum a measure of the rows of each cell, of one cause or of all; 0 where nothing moved."""
    weight = rows[measure].to_numpy(dtype=float)
    return np.bincount(at, weight if cause is None else np.where(rows["cause"] == cause, weight, 0.0), n_cells)


def _causes(rows: pd.DataFrame, at: np.ndarray, n_cells: int) -> pd.Series:
    """Write the causes of each cell with their sums: ``: opened +28, closed -3``; nothing where nothing moved."""
    moved = (rows["n"] != 0).to_numpy()
    said = rows["cause"][moved] + rows["n"][moved].map(" {:+d}".format).astype("str")
    listed = said.groupby(at[moved]).agg(", ".join).reindex(range(n_cells)).astype("str")
    return (": " + listed).fillna("")


def _indicator(
    cells: pd.DataFrame, name: str, value: np.ndarray, unknown: np.ndarray, words: pd.Series
) -> pd.DataFrame:
    frame = cells.assign(value=value, numerator=value, denominator=np.nan, lower=value, upper=value)
    return frame.assign(indicator=name, n_unknown=unknown.astype("int64"), unit="structures", rule=words)
