"""What a column and a table are: how they check themselves, and how they describe themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from pandas.api.types import is_numeric_dtype, pandas_dtype

from qpvhealth.contract.keys import decoded, numbers
from qpvhealth.contract.precision import published
from qpvhealth.errors import ContractError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pandas.api.extensions import ExtensionArray

Kind = Literal["string", "int", "float", "bool", "date", "geometry"]

ARROW: dict[Kind, pa.DataType] = {
    "string": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "geometry": pa.binary(),
}
PANDAS: dict[Kind, Any] = {
    "string": pandas_dtype("str"),
    "int": pandas_dtype("Int64"),
    "float": pandas_dtype("float64"),
    "bool": pandas_dtype("boolean"),
    "date": pandas_dtype("datetime64[s]"),
    "geometry": pandas_dtype("object"),
}
FRICTIONLESS = {"int": "integer", "float": "number", "bool": "boolean", "geometry": "any"}
"""The types of a Table Schema, where they have another name."""
MAX_EXAMPLES = 5


def refuse_object_texts() -> None:
    """Refuse a pandas whose texts are Python objects, now or when this package was imported: a null would be the text "nan".

    Raises UsageError: the option ``future.infer_string`` of pandas is off.
    """
    if not all(isinstance(kind, pd.StringDtype) for kind in (PANDAS["string"], pandas_dtype("str"))):
        raise UsageError(
            'the pandas option future.infer_string is off: nulls would be read as the text "nan"; before qpvhealth is imported, '
            "call pandas.set_option('future.infer_string', True) or unset PANDAS_FUTURE_INFER_STRING"
        )


@dataclass(frozen=True)
class Column:
    """One column: its type, unit, labels and the values it may hold. ``doc`` says the rule that fills it."""

    name: str
    kind: Kind
    fr: str
    en: str
    doc: str = ""
    unit: str | None = None
    nullable: bool = False
    values: tuple[str, ...] | None = None
    pattern: str | None = None
    minimum: int | None = None
    maximum: int | None = None

    def problems(self, series: pd.Series) -> Iterator[tuple[str, pd.Series]]:
        """Yield each broken rule with the values that break it."""
        null = series.array.isna()
        if not self.nullable and null.any():
            yield "must not be null", series[null]
        values = series[~null] if null.any() else series
        if self.kind in ("int", "float") and not is_numeric_dtype(series):
            yield "must be a number", values
            return
        array, rules = values.array, {}
        if self.values is not None:
            rules[f"must be one of {', '.join(self.values)}"] = array.isin(self.values)
        if self.pattern is not None:
            distinct = pd.Series(array.unique(), dtype="str")
            unlike = distinct[~distinct.str.fullmatch(self.pattern).astype(bool)]
            rules[f"must match {self.pattern}"] = ~array.isin(unlike)
        if self.minimum is not None:
            rules[f"must be at least {self.minimum:g}"] = array >= self.minimum
        if self.maximum is not None:
            rules[f"must be at most {self.maximum:g}"] = array <= self.maximum
        for rule, ok in rules.items():
            holds = np.asarray(ok, dtype=bool)
            if not holds.all():
                yield rule, values[~holds]

    @property
    def constraint(self) -> str:
        """Describe the rules in one line, for the data dictionary."""
        rules = [
            ", ".join(f"`{v}`" for v in self.values) if self.values else "",
            f"matches `{self.pattern}`" if self.pattern else "",
            f"≥ {self.minimum:g}" if self.minimum is not None else "",
            f"≤ {self.maximum:g}" if self.maximum is not None else "",
            "may be null" if self.nullable else "",
        ]
        return "; ".join(r for r in rules if r)

    @property
    def table_schema(self) -> dict[str, Any]:
        """Describe the column as a Frictionless Table Schema field."""
        rules = {
            "required": not self.nullable,
            "enum": self.values and list(self.values),
            "pattern": self.pattern,
            "minimum": self.minimum,
            "maximum": self.maximum,
        }
        return {
            "name": self.name,
            "type": FRICTIONLESS.get(self.kind, self.kind),
            "title": self.fr,
            "description": self.doc or self.en,
            "constraints": {rule: limit for rule, limit in rules.items() if limit is not None},
        }


@dataclass(frozen=True)
class Reference:
    """Columns of a table whose values exist as the key columns of another."""

    columns: tuple[str, ...]
    table: str
    target: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """One table: its grain in words, its primary key, its columns in order, and what it refers to."""

    name: str
    fr: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    references: tuple[Reference, ...] = field(default=())

    @property
    def names(self) -> list[str]:
        """The column names, in order."""
        return [c.name for c in self.columns]

    @property
    def geometry(self) -> str | None:
        """The name of the geometry column, if the table has one."""
        return next((c.name for c in self.columns if c.kind == "geometry"), None)

    def column(self, name: str) -> Column:
        """Return one column by its name."""
        return next(c for c in self.columns if c.name == name)

    def conform(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the published form: the columns in order and in their declared types, the rows in the order of the key.

        Only types, order and the precision of measures (``precision.published``) change: a value that does not fit its type raises
        ContractError, none is added, dropped or filled.
        """
        self._same_columns(rows)
        typed = {column.name: self._typed(rows[column.name].array, column) for column in self.columns}
        texts = pa.table({name: pa.array(typed[name], from_pandas=True) for name in self.key})
        order = pc.sort_indices(
            texts, sort_keys=[(name, "ascending") for name in self.key]
        ).to_numpy()  # a null comes last
        if (order[1:] < order[:-1]).any():
            typed = {name: values.take(order) for name, values in typed.items()}
        return pd.DataFrame(typed, index=pd.RangeIndex(len(rows)), copy=False)

    def check(self, rows: pd.DataFrame, others: Mapping[str, pd.DataFrame] | None = None) -> None:
        """Check rows against every rule of the table; collect all problems and raise them at once.

        ``others`` gives the tables referred to. Raises ContractError, table name first, at most five examples a rule.
        """
        self._same_columns(rows)
        problems = [
            _problem(self.name, column.name, rule, bad)
            for column in self.columns
            for rule, bad in column.problems(rows[column.name])
        ]
        repeated = pd.Index(numbers(self.key, rows)[0]).duplicated(keep=False)
        if repeated.any():
            joined = _joined(rows[repeated], self.key)
            problems.append(_problem(self.name, "+".join(self.key), "must be unique", joined))
        for reference in self.references:
            if others is None or reference.table not in others:
                continue
            ours = rows[list(reference.columns)].dropna()
            theirs = others[reference.table][list(reference.target)].set_axis(list(reference.columns), axis=1)
            own, there = numbers(reference.columns, ours, theirs)
            lost = ours[~np.isin(own, there)]
            if len(lost):
                rule = f"must exist in {reference.table}"
                joined = _joined(lost, reference.columns)
                problems.append(_problem(self.name, "+".join(reference.columns), rule, joined))
        if problems:
            raise ContractError("\n".join(problems))

    def arrow_schema(self) -> pa.Schema:
        """Return the Arrow schema written to Parquet; every field carries its labels, unit and rule."""
        fields = []
        for c in self.columns:
            labels = {"label_fr": c.fr, "label_en": c.en, "description": c.doc, "unit": c.unit}
            metadata = {name: text for name, text in labels.items() if text}
            fields.append(pa.field(c.name, ARROW[c.kind], nullable=c.nullable, metadata=metadata))
        return pa.schema(fields)

    def markdown(self) -> str:
        """Describe the table for the data dictionary."""
        head = (
            f"## `{self.name}`: {self.fr}\n\nOne row per {self.grain}. Key: {', '.join(f'`{k}`' for k in self.key)}.\n"
        )
        rows = [
            f"| `{c.name}` | {c.kind} | {c.unit or ''} | {c.fr} | {_cell(c.doc or c.en)} | {_cell(c.constraint)} |"
            for c in self.columns
        ]
        return "\n".join(
            [head, "| column | type | unit | libellé | meaning | rules |", "|---|---|---|---|---|---|", *rows, ""]
        )

    def table_schema(self) -> dict[str, Any]:
        """Describe the table as a Table Schema of the Data Package standard 2.0, where an empty list of foreign keys is an error."""
        keys = [
            {"fields": list(r.columns), "reference": {"resource": r.table, "fields": list(r.target)}}
            for r in self.references
        ]
        fields = [c.table_schema for c in self.columns]
        described = {"fields": fields, "primaryKey": list(self.key), "missingValues": [""]}
        return described | ({"foreignKeys": keys} if keys else {})

    def _same_columns(self, rows: pd.DataFrame) -> None:
        missing = [n for n in self.names if n not in rows.columns]
        extra = [c for c in rows.columns if c not in self.names]
        if missing or extra:
            raise ContractError(f"{self.name}: columns missing: {missing or 'none'}; not declared: {extra or 'none'}")

    def _typed(self, values: ExtensionArray, column: Column) -> ExtensionArray | np.ndarray:
        """Return values in the declared type and precision of their column; shapes as objects, None where there is none."""
        try:
            if column.kind == "geometry":
                return _shapes(values)
            typed = decoded(values).astype(PANDAS[column.kind])
            return published(np.asarray(typed), column.unit) if column.kind == "float" else typed
        except (TypeError, ValueError) as error:
            raise ContractError(f"{self.name}.{column.name}: cannot be read as {column.kind}: {error}") from error


def _shapes(values: ExtensionArray) -> np.ndarray:
    """Return shapes as objects, None where there is none. Raises TypeError for anything else."""
    shapes = values.to_numpy(dtype=object, copy=True)
    shapes[values.isna()] = None
    if not shapely.is_valid_input(shapes).all():
        raise TypeError("holds what is no geometry")
    return shapes


def _joined(frame: pd.DataFrame, columns: tuple[str, ...]) -> pd.Series:
    texts = frame[list(columns)].astype("str").fillna("")
    return texts[columns[0]].str.cat(texts[list(columns[1:])], sep="/") if len(columns) > 1 else texts[columns[0]]


def _problem(table: str, column: str, rule: str, bad: pd.Series) -> str:
    examples = ", ".join(repr(v) for v in bad.head(MAX_EXAMPLES))
    more = f" and {len(bad) - MAX_EXAMPLES} more" if len(bad) > MAX_EXAMPLES else ""
    return f"{table}.{column}: {rule} ({len(bad)} rows): {examples}{more}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
