"""The headline of the change: what the stock inside QPV gained and lost since the vintage before, from which causes, with bounds."""

from __future__ import annotations

import numpy as np
import pandas as pd

from qpvhealth.contract.keys import positions
from qpvhealth.facts.causes import CLOSED, DECLARATION, IDENTITY, NOT_ATTRIBUTABLE, OPENED, RECLASSIFIED
from qpvhealth.facts.situations import IN_QPV, UNDETERMINED
from qpvhealth.facts.territories import NO_REGION
from qpvhealth.indicators.accounts import SIDES
from qpvhealth.indicators.change_summary import LEVELS
from qpvhealth.indicators.figures import COLUMNS, KEY, Numbers
from qpvhealth.rules.levels import COUNTRY
from qpvhealth.rules.scopes import SCOPE_OF_TYPE, SCOPES
from qpvhealth.rules.stock import is_read

CELL = KEY[1:]
NET, STOCK = "net_in_qpv", "n_in_qpv"
DATED = {
    "opened_in_qpv": (OPENED, "to", "structures inside a QPV whose opening date lies"),
    "closed_in_qpv": (CLOSED, "from", "structures that were inside a QPV and whose closing date lies"),
}
STAYS_PUT = (DECLARATION, IDENTITY, RECLASSIFIED)
"""Causes that leave a structure where it is, under the same perimeters."""


def net_change(
    of_structures: pd.DataFrame,
    summary: pd.DataFrame,
    changes: pd.DataFrame,
    *,
    pairs: pd.DataFrame,
    stock: pd.DataFrame,
    outside: pd.DataFrame,
) -> pd.DataFrame:
    """Return ``net_in_qpv``, ``opened_in_qpv`` and ``closed_in_qpv`` for every year but the first, area and scope.

    ``of_structures``: the indicators of structures, whose areas are kept (scopes MSP, CdS and both). ``summary``: the table
    ``change_summary``; ``changes``: the table of that name; ``pairs``: the consecutive
    years, ``from_year`` and ``to_year``; ``stock``: what may be inside a QPV, undetermined or of a row that could not be read, in every
    generation, with ``perimeter``, the generation that is in force where it stands; ``outside``: those undetermined that are in none all
    the same (``finess_et``, ``generation``, ``year``). The net is entries less exits, whatever their cause;
    the rule names each cause with its sum. Only dated openings and closures are called so. The bounds are taken structure by structure
    between the two dates: what is undetermined at one of them may have entered, left or stayed, and what is undetermined at both stayed
    what it was, unless it moved or the perimeters did. An opening or closure may also be a movement that no evidence attributes.
    ``n_unknown``: the structures that could change the value.
    """
    if pairs.empty:
        return of_structures.iloc[:0][COLUMNS]
    rows = summary[summary["situation"] == IN_QPV].rename(columns={"to_year": "year"})
    rows = rows.assign(
        scope=rows["structure_type"].map(SCOPE_OF_TYPE).astype("str"), gross=rows["n_in"] + rows["n_out"]
    )
    is_stock = of_structures["indicator"].eq(STOCK) & of_structures["scope"].isin(SCOPE_OF_TYPE.values())
    cells = of_structures.loc[is_stock & of_structures["year"].isin(pairs["to_year"]), CELL].reset_index(drop=True)
    at = positions(CELL, rows, cells)
    rows, at = rows[at >= 0], at[at >= 0]
    since = " since the extract of " + cells["year"].map(pairs.set_index("to_year")["from_year"]).astype("str")
    words = "entries less exits inside a QPV, whatever their cause," + since + _causes(rows, at, len(cells))
    whole = np.full(len(cells), np.nan)
    states = stock.rename(columns={"region_code": "region", "department_code": "department"})
    read = is_read(stock)
    open_changes = pd.concat(
        [
            _open_changes(changes, outside),
            _under_other_perimeters(states[read], changes, pairs, outside),
            _unread(states[~read], pairs),
        ]
    )
    changes = changes.assign(stayed=False)
    net = _sum(rows, "n", at, len(cells))
    less, more = (_count(open_changes, open_changes[f"unsure_{side}"], side, cells) for side in SIDES)
    parts = [_indicator(cells, NET, Numbers(net, net, whole, less + more, net - less, net + more), words)]
    for name, (cause, side, rule) in DATED.items():
        certain = _sum(rows, "gross", at, len(cells), cause)
        crosses = changes[f"situation_{'from' if side == 'to' else 'to'}"].isna()
        undetermined = (changes[f"situation_{side}"] == UNDETERMINED) & _may_be_inside(changes, side, outside)
        may_be_inside = (changes[f"situation_{side}"] == IN_QPV) | undetermined
        is_counted = (changes["cause"] == cause) & (changes[f"situation_{side}"] == IN_QPV)
        may_count = crosses & changes["cause"].isin((cause, NOT_ATTRIBUTABLE)) & may_be_inside & ~is_counted
        possible = _count(changes, may_count, side, cells)
        numbers = Numbers(certain, certain, whole, possible, certain, certain + possible)
        parts.append(_indicator(cells, name, numbers, rule + since))
    return pd.concat(parts, ignore_index=True)[COLUMNS]


def _may_be_inside(rows: pd.DataFrame, side: str, outside: pd.DataFrame) -> np.ndarray:
    """Say which undetermined structures may have been, or be, inside a QPV on one side of an interval."""
    years = rows[["finess_et", "generation"]].assign(year=rows[f"{side}_year"])
    return positions(["finess_et", "generation", "year"], years, outside) < 0


def _open_changes(changes: pd.DataFrame, outside: pd.DataFrame) -> pd.DataFrame:
    """Return the structures of an interval that are undetermined at one of its dates: one row each, from its first to its last state.

    ``unsure_from`` and ``unsure_to``: it may have been, or be, inside. ``stayed``: undetermined at both dates and in one place, it adds
    nothing to the net of a scope and an area that hold it at both.
    """
    key = ["finess_et", "generation", "from_year", "to_year"]
    read = [f"{c}_{side}" for c in ("situation", "structure_type", *filter(None, LEVELS.values())) for side in SIDES]
    steps = changes[[*key, "step", "cause", *read]].sort_values([*key, "step"])
    moves = ~steps["cause"].isin(STAYS_PUT)
    first, last = (steps.drop_duplicates(key, keep=end).reset_index(drop=True) for end in ("first", "last"))
    moved = moves.groupby([steps[c] for c in key]).any().to_numpy()
    rows = last[[*key, *read]].assign(**{c: first[c] for c in read if c.endswith("_from")})
    unsure = {
        f"unsure_{side}": (rows[f"situation_{side}"] == UNDETERMINED) & _may_be_inside(rows, side, outside)
        for side in SIDES
    }
    return rows.assign(**unsure, stayed=unsure["unsure_from"] & unsure["unsure_to"] & ~moved)


def _unread(rows: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that could not be read, as ``_open_changes``: each may be a structure inside at its date."""
    parts = []
    for side, other in (SIDES, SIDES[::-1]):
        own = rows.rename(columns={"year": f"{side}_year"}).merge(pairs, on=f"{side}_year")
        cells = {f"{c}_{side}": own[c] for c in ("structure_type", *filter(None, LEVELS.values()))}
        nowhere = {f"{c}_{other}": None for c in ("structure_type", *filter(None, LEVELS.values()))}
        flags = {f"unsure_{side}": True, f"unsure_{other}": False, "stayed": False}
        parts.append(own[["finess_et", "generation", "from_year", "to_year"]].assign(**cells, **nowhere, **flags))
    return pd.concat(parts, ignore_index=True)


def _under_other_perimeters(
    states: pd.DataFrame, changes: pd.DataFrame, pairs: pd.DataFrame, outside: pd.DataFrame
) -> pd.DataFrame:
    """Return the structures that are undetermined at both dates under two generations and did not change: as ``_open_changes``."""
    kept = ["generation", "structure_type", "perimeter", *filter(None, LEVELS.values())]
    sides = [states[["finess_et", "year", *kept]].rename(columns={"year": f"{side}_year"}) for side in SIDES]
    both = pairs.merge(sides[0], on="from_year").merge(
        sides[1], on=["to_year", "finess_et", "generation"], suffixes=("_from", "_to")
    )
    key = ["finess_et", "generation", "from_year", "to_year"]
    changed = positions(key, both, changes.drop_duplicates(key)) >= 0
    rows: pd.DataFrame = both[(both["perimeter_from"] != both["perimeter_to"]) & ~changed]
    return rows.assign(**{f"unsure_{side}": _may_be_inside(rows, side, outside) for side in SIDES}, stayed=False)


def _sum(rows: pd.DataFrame, measure: str, at: np.ndarray, n_cells: int, cause: str | None = None) -> np.ndarray:
    """Sum a measure of the rows of each cell, of one cause or of all; 0 where nothing moved."""
    weight = rows[measure].to_numpy(dtype=float)
    return np.bincount(at, weight if cause is None else np.where(rows["cause"] == cause, weight, 0.0), n_cells)


def _causes(rows: pd.DataFrame, at: np.ndarray, n_cells: int) -> pd.Series:
    """Write the causes of each cell with their sums: ``: opened +28, closed -3``; nothing where nothing moved."""
    moved = (rows["n"] != 0).to_numpy()
    texts = rows["cause"][moved] + rows["n"][moved].map(" {:+d}".format).astype("str")
    listed = texts.groupby(at[moved]).agg(", ".join).reindex(range(n_cells)).astype("str")
    return (": " + listed).fillna("")


def _count(changes: pd.DataFrame, mask: pd.Series, side: str, cells: pd.DataFrame) -> np.ndarray:
    """Count the changes of a mask in each cell, by the area and the type that a structure has on one side, but for what ``stayed``."""
    rows, parts = changes[mask], []
    if rows.empty:
        return np.zeros(len(cells), dtype="int64")
    for scope in SCOPE_OF_TYPE.values():
        kinds = {s: rows[f"structure_type_{s}"] for s in SIDES}
        counted = {s: kind.isin(SCOPES[scope].types) | kind.isna() for s, kind in kinds.items()}
        for level, column in LEVELS.items():
            area = {s: rows[f"{column}_{s}"].fillna(NO_REGION) if column else COUNTRY for s in SIDES}
            stayed = rows["stayed"] & counted["from"] & counted["to"] & (area["from"] == area["to"])
            placed = rows[["generation", "to_year"]].assign(level=level, area_code=area[side], scope=scope)
            parts.append(placed[counted[side] & ~stayed])
    every = pd.concat(parts, ignore_index=True).rename(columns={"to_year": "year"})
    at = positions(CELL, every, cells)
    return np.bincount(at[at >= 0], minlength=len(cells))


def _indicator(cells: pd.DataFrame, name: str, numbers: Numbers, words: pd.Series) -> pd.DataFrame:
    whole = numbers._replace(n_unknown=numbers.n_unknown.astype("int64"))
    return cells.assign(**whole._asdict(), indicator=name, unit="structures", rule=words)
