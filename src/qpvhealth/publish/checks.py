"""Contracts and identities of a release, checked again from its files alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qpvhealth.contract.tables import PUBLISHED
from qpvhealth.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from qpvhealth.publish.release import Release

COUNTED = ("yearly_counts", "other_yearly_counts")
COUNT_CELL = ["generation", "year", "structure_type", "modality", "situation"]
_ACCOUNTED = ("rows_out", "out_of_scope", "rejected", "duplicates")


def problems(release: Release) -> list[str]:
    """Return what does not hold: a changed file, a table against its contract, an account, a level that does not add up."""
    if damages := release.verify():
        return damages
    tables = {name: release.table(name) for name in release.tables}
    broken = []
    for name, table in PUBLISHED.items():
        if name not in tables:
            broken.append(f"{name}: the table is missing")
            continue
        try:
            table.check(tables[name], tables)
        except ContractError as error:
            broken.append(str(error))
    for source in release.manifest["inputs"]:
        n_in, n_out = (sum(source.get(k, 0) for k in keys) for keys in (("rows_in",), _ACCOUNTED))
        if n_in != n_out:
            broken.append(f"{source['id']}: {n_in} rows in, {n_out} accounted for")
    broken += _stock(tables)
    for name in [name for name in COUNTED if name in tables]:
        sums = tables[name].groupby([*COUNT_CELL, "level"])["n_structures"].sum().unstack("level")  # noqa: PD010
        for level in sums.columns.drop("country", errors="ignore"):
            compared = sums[sums.index.get_level_values("situation") == "in_qpv"] if level == "qpv" else sums
            wrong = compared[compared[level].fillna(0) != compared["country"].fillna(0)]
            if len(wrong):
                cells = f"{len(wrong)} cells, first {wrong.index[0]}"
                broken.append(f"{name}: {level} does not add up to the country in {cells}")
    return broken


def _stock(tables: dict[str, pd.DataFrame]) -> Iterator[str]:
    """Compare the national totals with the structures in the stock; of the types beyond MSP and CdS, type by type."""
    for prefix, keys in (("", ["year"]), ("other_", ["year", "structure_type"])):
        if f"{prefix}structures" not in tables:
            continue
        structures, counts = tables[f"{prefix}structures"], tables[f"{prefix}yearly_counts"]
        stock = structures[structures["is_in_stock"]].groupby(keys).size()
        summed = [column for column in COUNT_CELL[2:] if column not in keys]
        totals = counts[(counts["level"] == "country") & (counts[summed] == "all").all(axis=1)]
        if totals.empty and len(stock):
            yield f"{prefix}yearly_counts: no total, the stock has {stock.sum()} structures"
        for generation, rows in totals.groupby("generation"):
            total = rows.set_index(keys)["n_structures"]
            for cell in stock.index.union(total.index):
                year, what = cell if prefix else (cell, "structures")
                if (n := total.get(cell, 0)) != (in_stock := stock.get(cell, 0)):
                    yield f"{prefix}yearly_counts: {generation} {year} has {n} {what}, the stock has {in_stock}"
