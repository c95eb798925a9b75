"""Contracts and identities of a release, held again from its files alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qpvhealth.contract.tables import PUBLISHED
from qpvhealth.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from qpvhealth.publish.release import Release

COUNT_CELL = ["generation", "year", "structure_type", "modality", "situation"]


def problems(release: Release) -> list[str]:
    """Return what does not hold: a changed file, a table against its contract, an account, a level that does not add up."""
    found = release.verify()
    if found:
        return found
    tables = {name: release.table(name) for name in release.tables}
    counted = [name for name in ("yearly_counts", "other_yearly_counts") if name in tables]
    levels = [problem for name in counted for problem in _levels(name, tables[name])]
    return [*_contracts(tables), *_accounts(release), *_stock(tables), *levels]


def _contracts(tables: dict[str, pd.DataFrame]) -> Iterator[str]:
    for name, table in PUBLISHED.items():
        if name not in tables:
            yield f"{name}: the table is missing"
            continue
        try:
            table.check(tables[name], tables)
        except ContractError as error:
            yield str(error)


def _accounts(release: Release) -> Iterator[str]:
    for source in release.manifest["inputs"]:
        if "rows_in" in source:
            out = sum(source[k] for k in ("rows_out", "out_of_scope", "rejected", "duplicates"))
            if out != source["rows_in"]:
                yield f"{source['id']}: {source['rows_in']} rows in, {out} accounted for"


def _stock(tables: dict[str, pd.DataFrame]) -> Iterator[str]:
    """Hold the national totals against the structures in the stock: two roads to one number."""
    structures, counts = tables["structures"], tables["yearly_counts"]
    stock = structures[structures["is_in_stock"]].groupby("year").size()
    whole = counts[(counts["level"] == "country") & (counts[COUNT_CELL[2:]] == "all").all(axis=1)]
    held = whole["year"].map(stock).fillna(0).astype("int64")
    wrong = whole[whole["n_structures"] != held]
    for generation, year, n in zip(wrong["generation"], wrong["year"], wrong["n_structures"], strict=True):
        yield f"yearly_counts: {generation} {year} has {n} structures, the stock has {stock.get(year, 0)}"
    for year in stock.index.difference(list(whole["year"])):
        yield f"yearly_counts: no total of {year}, the stock has {stock[year]} structures"
    if "other_structures" in tables:
        yield from _other_stock(tables["other_structures"], tables["other_yearly_counts"])


def _other_stock(structures: pd.DataFrame, counts: pd.DataFrame) -> Iterator[str]:
    """Hold the national totals of each type beyond MSP and CdS against its structures in the stock."""
    stock = structures[structures["is_in_stock"]].groupby(["year", "structure_type"]).size()
    whole = counts[(counts["level"] == "country") & (counts[["modality", "situation"]] == "all").all(axis=1)]
    for generation, rows in whole.groupby("generation"):
        counted = rows.set_index(["year", "structure_type"])["n_structures"]
        for cell in stock.index.union(counted.index):
            n, here = counted.get(cell, 0), stock.get(cell, 0)
            if n != here:
                yield f"other_yearly_counts: {generation} {cell[0]} has {n} {cell[1]}, the stock has {here}"


def _levels(name: str, counts: pd.DataFrame) -> Iterator[str]:
    sums = counts.groupby([*COUNT_CELL, "level"])["n_structures"].sum().unstack("level")  # noqa: PD010
    for level in sums.columns.drop("country", errors="ignore"):
        compared = sums[sums.index.get_level_values("situation") == "in_qpv"] if level == "qpv" else sums
        wrong = compared[compared[level].fillna(0) != compared["country"].fillna(0)]
        if len(wrong):
            yield f"{name}: {level} does not add up to the country in {len(wrong)} cells, first {wrong.index[0]}"
