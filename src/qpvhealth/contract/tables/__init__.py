"""Every published table, declared once: checks, Arrow schema, data dictionary and column titles come from here.

``NAME.toml`` beside this module declares the table NAME: its French title, its key, its columns in order, what it refers to. A column is
the fields of ``schema.Column`` on one line; or the name of a line of ``columns.toml``, which tables share; or ``like``, such a name,
with the fields that differ. ``values`` are a list, or names of ``VALUES`` joined by `` + ``. A file is read when its table is asked for.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import Any

from qpvhealth.contract.schema import Table
from qpvhealth.errors import UsageError
from qpvhealth.facts import lists, zonings
from qpvhealth.facts.categories import MODALITIES, STRUCTURE_TYPES
from qpvhealth.facts.causes import CAUSES
from qpvhealth.facts.situations import ANSWERS, LOCATION_STATUSES, PRECISIONS, SITUATIONS
from qpvhealth.facts.territories import NO_REGION, TERRITORIES
from qpvhealth.rules.levels import HEADLINE, LEVELS

ALL, POOLED = "all", "pooled"
SIZE_BANDS = ("under 1000", "1000 to 2499", "2500 to 4999", "5000 to 24000", "above 24000")
LINK_KINDS = ("renumbered", "merged", "split")
VALUES: dict[str, tuple[str, ...]] = {
    "ALL": (ALL,),
    "ANSWERS": ANSWERS,
    "CAUSES": tuple(CAUSES),
    "HEADLINE_LEVELS": tuple(HEADLINE),
    "LEVELS": tuple(LEVELS),
    "LINK_KINDS": LINK_KINDS,
    "LOCATION_STATUSES": LOCATION_STATUSES,
    "MODALITIES": MODALITIES,
    "NO_REGION": (NO_REGION,),
    "POOLED": (POOLED,),
    "PRECISIONS": PRECISIONS,
    "SITUATIONS": SITUATIONS,
    "SIZE_BANDS": SIZE_BANDS,
    "STRUCTURE_TYPES": STRUCTURE_TYPES,
    "TERRITORIES": tuple(TERRITORIES),
    "ZONING_CLASSES": zonings.CLASSES,
    "ZONING_LEVELS": zonings.LEVELS,
}
"""Allowed values that the code has too, by the name that a declaration gives them."""
OTHER_TYPE = r"(?!(?:MSP|CDS|all)$)\S.{0,59}"
"""A type beyond MSP and CdS, by the name that its card gives it."""
OTHER_TABLES = {
    "other_structures": "Structures d'autres types",
    "other_structure_locations": "Localisation des structures d'autres types",
    "other_structure_neighbourhoods": "Couples structure d'un autre type-quartier",
    "other_yearly_counts": "Comptes annuels des autres types",
    "other_changes": "Changements des structures d'autres types",
}
"""French titles of the tables of types beyond MSP and CdS: each has the columns of the table whose name follows ``other_``."""
REJECTED_TABLES = {
    "rejected_structures": "Lignes rejetées qui peuvent être des structures",
    "rejected_structure_locations": "Localisation des lignes rejetées",
    "rejected_structure_neighbourhoods": "Couples ligne rejetée-quartier",
}
"""French titles of the tables of rejected rows that may be structures of the stock: each has the columns of the table named after it."""
COVERAGE_TABLES = (
    *("programme_members", "programme_targets", "neighbourhood_figures", "practitioners"),
    *("neighbourhood_practitioners", "projects", "project_locations", "project_funding"),
)
"""Behind coverage, programmes and priorities: empty where the raw folder has no such source."""
_NAMES = (
    *("extracts", "structures", "neighbourhoods", "structure_locations", "structure_neighbourhoods"),
    *("neighbourhood_zoning", "flag_agreement", "neighbourhood_coverage", "yearly_counts", "indicators", "rejects"),
    *(
        "areas",
        "zoning_regions",
        "carried_communes",
        *OTHER_TABLES,
        *REJECTED_TABLES,
        "out_of_scope",
        "changes",
        "change_summary",
        "links",
        "link_candidates",
    ),
    *("neighbourhood_fates", "perimeter_effect", "trend", "then_and_now", "published_series", "series_audit"),
    *COVERAGE_TABLES,
)


class _Tables(Mapping[str, Table]):
    """The published tables by name, in the order of the data dictionary."""

    def __getitem__(self, name: str) -> Table:
        if name not in _NAMES:
            raise KeyError(name)
        if name in REJECTED_TABLES:
            return _of_rejected_rows(name)
        return _of_other_types(name) if name in OTHER_TABLES else _read(name)

    def __iter__(self) -> Iterator[str]:
        return iter(_NAMES)

    def __len__(self) -> int:
        return len(_NAMES)


PUBLISHED: Mapping[str, Table] = _Tables()


def declared(name: str, document: Mapping[str, Any]) -> Table:
    """Return the table that a document of TOML declares; its grain is its key.

    Raises UsageError, all problems at once, each with its place: a shared column or a list of values that is not there; a key or value
    that is none of a table, column or reference; one that is missing.
    """
    file, shared = f"{name}.toml", _document("columns")
    columns: list[Any] = []
    problems = []
    for number, column in enumerate(document.get("columns", []), 1):
        own = {"like": column} if isinstance(column, str) else dict(column)
        where, like = lists.place(f"{file}: column", number, own), own.pop("like", None)
        if like is not None and like not in shared:
            problems.append(f'{where}: columns.toml has no "{like}"')
            continue
        full = own if like is None else {"name": like, **shared[like], **own}
        if isinstance(full.get("values"), str):
            names = full["values"].split(" + ")
            problems += [
                f'{where}: no list "{n}" of values; known: {", ".join(VALUES)}' for n in names if n not in VALUES
            ]
            full["values"] = [value for n in names for value in VALUES.get(n, ())]
        columns.append(full)
    if problems:
        raise UsageError("\n".join(problems))
    grain = ", ".join(document.get("key", []))
    (table,) = lists.records(Table, [{"name": name, "grain": grain, **document, "columns": columns}], f"{file}: table")
    return table


@cache
def _document(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath(f"{name}.toml").read_text(encoding="utf-8"))


@cache
def _read(name: str) -> Table:
    return declared(name, _document(name))


@cache
def _of_other_types(name: str) -> Table:
    """Declare the same table for the types beyond MSP and CdS: their names are those of the cards, and no row totals types."""
    table = _read(name.removeprefix("other_"))
    doc = "named by the card of its extract (`other_types`); in no count of MSP and CdS, nor in any coverage"
    columns = tuple(
        replace(c, doc=doc, values=None, pattern=OTHER_TYPE) if c.name.startswith("structure_type") else c
        for c in table.columns
    )
    references = tuple(replace(r, table="other_structures") if r.table == "structures" else r for r in table.references)
    return replace(table, name=name, fr=OTHER_TABLES[name], columns=columns, references=references)


@cache
def _of_rejected_rows(name: str) -> Table:
    """Declare the same table for rejected rows: what could not be read of one is null, and each has an identifier of its own."""
    table = _read(name.removeprefix("rejected_"))
    docs = {
        "finess_et": "source, `:rejected-` and row: the number of the file cannot be trusted",
        "structure_type": "null where it could not be read: the row may be a structure of any type",
    }
    columns = tuple(
        replace(c, doc=docs.get(c.name, c.doc), nullable=c.nullable or c.name == "structure_type")
        for c in table.columns
    )
    references = tuple(
        replace(r, table="rejected_structures") if r.table == "structures" else r for r in table.references
    )
    return replace(table, name=name, fr=REJECTED_TABLES[name], columns=columns, references=references)
