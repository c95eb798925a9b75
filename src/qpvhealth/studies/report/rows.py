"""Rows of published tables as the cells of a table of the report."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pandas as pd

from qpvhealth.publish.rendering import plain
from qpvhealth.publish.report.content import NOT_SHOWN
from qpvhealth.publish.words import word
from qpvhealth.studies.report.subject import perimeter

if TYPE_CHECKING:
    from collections.abc import Collection

    from qpvhealth.studies.report.subject import Subject

FREE = ("name", "area", "city", "programme", "obstacle", "row", "project_id")
"""Columns of texts, in which a word that is also a code is a word."""


def origins(rows: pd.DataFrame) -> pd.Series:
    """Name the file and row that each structure comes from."""
    return rows["source_id"].astype("str") + ":" + rows["source_row"].astype("str")


def plain_cell(value: Any) -> Any:  # noqa: ANN401
    """Return a value of a frame as one of a table: Python's own, null for any null."""
    if pd.isna(value):
        return None
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, datetime):
        return value.date()
    return {"CDS": "CdS"}.get(value, value) if isinstance(value, str) else value


def cells(
    subject: Subject, rows: pd.DataFrame, names: list[str], *, dashes: Collection[str] = ()
) -> tuple[tuple[Any, ...], ...]:
    """Return columns of a frame as the cells of a table, codes in words; ``dashes``: where null is no unknown, but nothing to say."""
    columns = []
    for name in names:
        values = [plain_cell(v) for v in plain(rows[name])]
        coded = name not in FREE
        values = [perimeter(v) if name.startswith("generation") else v for v in values]
        values = [word(v, subject.language) if coded and isinstance(v, str) else v for v in values]
        columns.append([NOT_SHOWN if v is None and name in dashes else v for v in values])
    return tuple(zip(*columns, strict=True))
