"""What a column and a table are: how they check themselves, and how they describe themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd
import pyarrow as pa
from pandas.api.types import is_numeric_dtype, pandas_dtype

from qpvhealth.contract import acceptance, order
from qpvhealth.contract.packed import INTEGERS, Packed, kind_of, packed
from qpvhealth.contract.precision import published
from qpvhealth.errors import ContractError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

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
HELD: dict[Kind, Sequence[pa.DataType]] = {
    "string": [pa.string()],
    "int": INTEGERS,
    "float": [pa.float64()],
    "bool": [pa.bool_()],
    "date": [pa.date32()],
    "geometry": [pa.binary()],
}
"""The types of packed values that need no change to be published."""
FRICTIONLESS: dict[Kind, str] = {
    "string": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "date": "date",
    "geometry": "any",
}
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
    minimum: float | None = None
    maximum: float | None = None

    def problems(self, series: pd.Series) -> Iterator[tuple[str, pd.Series]]:
        """Yield each broken rule with the values that break it."""
        null = series.isna()
        if not self.nullable and null.any():
            yield "must not be null", series[null]
        known = series[~null]
        if self.kind in ("int", "float") and not is_numeric_dtype(series):
            yield "must be a number", known
            return
        if self.values is not None:
            yield from _unless(known.isin(self.values), f"must be one of {', '.join(self.values)}", known)
        if self.pattern is not None:
            yield from _unless(known.astype("str").str.fullmatch(self.pattern), f"must match {self.pattern}", known)
        if self.minimum is not None:
            yield from _unless(known >= self.minimum, f"must be at least {self.minimum:g}", known)
        if self.maximum is not None:
            yield from _unless(known <= self.maximum, f"must be at most {self.maximum:g}", known)

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
        rules: dict[str, Any] = {"required": not self.nullable}
        rules |= {"enum": list(self.values)} if self.values else {}
        rules |= {"pattern": self.pattern} if self.pattern else {}
        rules |= {"minimum": self.minimum} if self.minimum is not None else {}
        rules |= {"maximum": self.maximum} if self.maximum is not None else {}
        described = {
            "name": self.name,
            "type": FRICTIONLESS[self.kind],
            "title": self.fr,
            "description": self.doc or self.en,
        }
        return described | {"constraints": rules}


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

    def conform(self, rows: pd.DataFrame | Packed) -> Published:
        """Return the published form: the columns in order and in their declared types, the rows in the order of the key.

        Only types, order and the precision of measures (``precision.published``) change: a value that does not fit its type raises
        ContractError, none is added, dropped or filled.
        """
        if isinstance(rows, Published) and rows.table == self:
            return rows
        put = self.typed(rows)
        keys = [order.ranks(put.arrays[name]) for name in self.key]
        in_order = put if order.ties(keys) is not None else put.rows(order.order(keys))
        return Published(in_order.arrays, in_order.dtypes, self)

    def check(self, rows: pd.DataFrame | Packed, others: Mapping[str, pd.DataFrame | Packed] | None = None) -> None:
        """Hold rows against every rule of the table; collect all problems and raise them at once.

        ``others`` gives the tables referred to. Raises ContractError, table name first, at most five examples a rule.
        """
        self._same_columns(rows)
        found = [
            _problem(self.name, column.name, rule, bad)
            for column in self.columns
            if not acceptance.holds(column, *_held(rows, column.name))
            for rule, bad in column.problems(rows[column.name])
        ]
        tied = acceptance.ties(_held(rows, *self.key))
        if tied is None or tied.any():
            found.extend(self._repeated(_frame(rows, self.key)))
        for reference in self.references if others is not None else ():
            found.extend(self._dangling(rows, reference, others or {}))
        if found:
            raise ContractError("\n".join(found))

    def arrow_schema(self) -> pa.Schema:
        """Return the Arrow schema written to Parquet; every field carries its labels, unit and rule."""
        return pa.schema([_arrow_field(c) for c in self.columns])

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

    def _same_columns(self, rows: pd.DataFrame | Packed) -> None:
        given = list(rows.columns)
        if given == self.names:
            return
        missing = [n for n in self.names if n not in given]
        extra = [c for c in given if c not in self.names]
        if missing or extra:
            raise ContractError(f"{self.name}: columns missing: {missing or 'none'}; not declared: {extra or 'none'}")

    def typed(self, rows: pd.DataFrame | Packed) -> Packed:
        """Return the columns in order and in their declared types, the rows as they come: parts of a table, to be put together.

        Measures are rounded; other values that Arrow holds as declared are not touched. Raises ContractError as ``conform`` does.
        """
        self._same_columns(rows)
        wanted = {c.name: PANDAS[c.kind] for c in self.columns}
        if not len(rows):
            return Packed({name: pa.nulls(0) for name in wanted}, wanted)
        return Packed({c.name: _array(rows, c, self.name) for c in self.columns}, wanted)

    def _repeated(self, frame: pd.DataFrame) -> Iterator[str]:
        repeated = frame.duplicated(list(self.key), keep=False)
        if repeated.any():
            yield _problem(self.name, "+".join(self.key), "must be unique", _joined(frame, self.key)[repeated])

    def _dangling(
        self, rows: pd.DataFrame | Packed, reference: Reference, others: Mapping[str, pd.DataFrame | Packed]
    ) -> Iterator[str]:
        if reference.table not in others:
            return
        there = others[reference.table]
        if acceptance.exist(_held(rows, *reference.columns), _held(there, *reference.target)):
            return
        ours, target = _frame(rows, reference.columns).dropna(), _frame(there, reference.target)
        lost = ~pd.MultiIndex.from_frame(ours).isin(pd.MultiIndex.from_frame(target))
        if lost.any():
            rule = f"must exist in {reference.table}"
            yield _problem(self.name, "+".join(reference.columns), rule, _joined(ours, reference.columns)[lost])


@dataclass(frozen=True)
class Published(Packed):
    """The rows of a table in its published form (see ``Table.conform``)."""

    table: Table


def _held(rows: pd.DataFrame | Packed, *columns: str) -> list[pd.Series | pa.Array]:
    return [rows.arrays[name] if isinstance(rows, Packed) else rows[name] for name in columns]


def _frame(rows: pd.DataFrame | Packed, columns: Sequence[str]) -> pd.DataFrame:
    return rows.frame(columns) if isinstance(rows, Packed) else rows[list(columns)]


def _unless(ok: pd.Series, rule: str, known: pd.Series) -> Iterator[tuple[str, pd.Series]]:
    holds = ok.astype(bool)
    if not holds.all():
        yield rule, known[~holds]


def _array(rows: pd.DataFrame | Packed, column: Column, table: str) -> pa.Array:
    values = acceptance.arrow(*_held(rows, column.name))
    is_measured = column.kind == "float" and column.unit is not None
    if values is not None and not is_measured and kind_of(values) in (pa.null(), *HELD[column.kind]):
        return values
    try:
        series = rows[column.name].astype(PANDAS[column.kind])
        return packed(pd.Series(published(series.to_numpy(), column.unit)) if is_measured else series)
    except (TypeError, ValueError) as error:
        raise ContractError(f"{table}.{column.name}: cannot be read as {column.kind}: {error}") from error


def _joined(frame: pd.DataFrame, columns: tuple[str, ...]) -> pd.Series:
    first, *others = (frame[c].astype("str").fillna("") for c in columns)
    for other in others:
        first = first + "/" + other
    return first


def _problem(table: str, column: str, rule: str, bad: pd.Series) -> str:
    examples = ", ".join(repr(v) for v in bad.head(MAX_EXAMPLES))
    more = f" and {len(bad) - MAX_EXAMPLES} more" if len(bad) > MAX_EXAMPLES else ""
    return f"{table}.{column}: {rule} ({len(bad)} rows): {examples}{more}"


def _arrow_field(column: Column) -> pa.Field:
    told = {"label_fr": column.fr, "label_en": column.en, "description": column.doc, "unit": column.unit or ""}
    return pa.field(
        column.name, ARROW[column.kind], nullable=column.nullable, metadata={k: v for k, v in told.items() if v}
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
