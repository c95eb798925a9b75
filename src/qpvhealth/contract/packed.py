"""Frames held small: what a build keeps of many years at once while it works on a few of them, and what it publishes.

pandas spends eight bytes a row on the place of each text, and repeats the text. Most columns of a build hold few values, or the same
from year to year: each is held once, and a small number a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

INTEGERS = (pa.int8(), pa.int16(), pa.int32(), pa.int64())
NARROW = (pa.null(), pa.date32(), *INTEGERS)
"""What may hold a part of a column, narrowest first: another part may need a wider type."""


@dataclass(frozen=True)
class Packed:
    """A frame as one Arrow array a column, and the pandas type of each.

    Texts are dictionaries of their distinct values (after ``rows``, of more), whole numbers have the smallest type that holds
    them, days are days, geometry is WKB (ISO, little-endian); a column without a known value is a count of nulls.
    """

    arrays: Mapping[str, pa.Array] = field(repr=False)
    dtypes: Mapping[str, Any]

    @staticmethod
    def together(parts: Sequence[Packed]) -> Packed:
        """Put parts with the same columns end to end; no value is decoded. Raises ValueError where their types differ."""
        dtypes = dict(parts[0].dtypes)
        for part in parts[1:]:
            if wrong := [n for n in dtypes.keys() | part.dtypes.keys() if dtypes.get(n) != part.dtypes.get(n)]:
                raise ValueError(f"parts cannot be put together: {', '.join(sorted(wrong))}: of other types or missing")
        held = [part for part in parts if len(part)] or parts[:1]
        if len(held) == 1:
            return held[0]
        return Packed({name: _joined([part.arrays[name] for part in held]) for name in dtypes}, dtypes)

    def __len__(self) -> int:
        """Count the rows."""
        return len(next(iter(self.arrays.values()), ()))

    def __getitem__(self, column: str) -> pd.Series:
        """Return one column as it was."""
        dtype = self.dtypes[column]
        series: pd.Series = pd.Series(_unpacked(self.arrays[column], dtype), dtype=dtype, name=column)
        return series

    def distinct(self, column: str) -> pd.Series:
        """Return the values that a column holds, once each and in the order of their first row; a null is none."""
        alone = Packed({column: self.arrays[column].unique().drop_null()}, {column: self.dtypes[column]})
        return alone[column]

    @property
    def columns(self) -> list[str]:
        """The names of the columns, in order."""
        return list(self.dtypes)

    @property
    def nbytes(self) -> int:
        """The bytes held, those of the distinct texts included."""
        return sum(array.nbytes for array in self.arrays.values())

    def frame(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Return the frame as it was, or some columns of it, its rows numbered from 0."""
        names = self.columns if columns is None else columns
        return pd.DataFrame({name: self[name] for name in names}, index=pd.RangeIndex(len(self)))

    def select(self, columns: Sequence[str]) -> Packed:
        """Keep some columns."""
        if list(columns) == self.columns:
            return self
        return Packed(*({name: of[name] for name in columns} for of in (self.arrays, self.dtypes)))

    def rows(self, chosen: np.ndarray | pd.Series) -> Packed:
        """Keep some rows, given by a mask or by their positions."""
        at = pa.array(np.asarray(chosen))
        taken = pa.Array.filter if pa.types.is_boolean(at.type) else pa.Array.take
        return Packed({name: taken(array, at) for name, array in self.arrays.items()}, self.dtypes)


class PackedTables(Mapping[str, pd.DataFrame]):
    """Tables by name, each decoded when it is first asked for, and kept. ``packed`` holds them small."""

    def __init__(self, packed: Mapping[str, Packed]) -> None:
        """Hold the tables."""
        self.packed = packed
        self._frames: dict[str, pd.DataFrame] = {}

    def __getitem__(self, name: str) -> pd.DataFrame:
        """Return one table as a frame."""
        if name not in self._frames:
            self._frames[name] = self.packed[name].frame()
        return self._frames[name]

    def __iter__(self) -> Iterator[str]:
        """Go through the names of the tables."""
        return iter(self.packed)

    def __len__(self) -> int:
        """Count the tables."""
        return len(self.packed)


def pack(frame: pd.DataFrame) -> Packed:
    """Hold a frame small. Its rows are numbered anew, and every null of an ``object`` column becomes None.

    Raises TypeError for an ``object`` column that holds anything but texts, or anything but shapes.
    """
    return Packed({str(name): packed(column) for name, column in frame.items()}, dict(frame.dtypes))


def packed(series: pd.Series) -> pa.Array:
    """Hold one column small, as ``pack`` does."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        places, named = series.cat.codes.to_numpy(copy=True), _whole(pa.array(series.cat.categories))
        known = named.cast(pa.string()) if pa.types.is_large_string(named.type) else named
        return pa.DictionaryArray.from_arrays(pa.array(places, mask=places < 0), known)
    if series.dtype == object:
        return _of_objects(series)
    if isinstance(series.dtype, np.dtype):
        return _smallest(pa.array(series.to_numpy(copy=series.dtype.kind == "f"), from_pandas=True))
    return _smallest(_whole(pa.array(series)))


def codes(values: pa.DictionaryArray) -> np.ndarray:
    """Return the place of each value in the dictionary, -1 for a null."""
    places = values.indices if pa.types.is_dictionary(values.type) else values
    return np.asarray(places.cast(pa.int32()).fill_null(-1))


def shapes(wkb: pa.Array) -> np.ndarray:
    """Return the shapes of a column, None where there is none; equal ones of a dictionary are one object."""
    if pa.types.is_dictionary(wkb.type):
        known = np.full(len(wkb.dictionary) + 1, None)
        known[:-1] = shapes(wkb.dictionary)
        return np.asarray(known[codes(wkb)])
    return np.asarray(shapely.from_wkb(wkb.cast(pa.binary()).to_numpy(zero_copy_only=False)), dtype=object)


def kind_of(values: pa.Array) -> pa.DataType:
    """Return the type of the values, be they in a dictionary."""
    return values.type.value_type if pa.types.is_dictionary(values.type) else values.type


def plain(values: pa.Array) -> pa.Array:
    """Return the values themselves, one a row."""
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values


def distinct(values: pa.Array) -> pa.Array:
    """Return the values of a dictionary that some row takes, each once; other values as they are."""
    if not pa.types.is_dictionary(values.type):
        return values
    return values.dictionary.take(values.indices.unique().drop_null())


def _whole(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    if isinstance(values, pa.ChunkedArray):
        return values.chunk(0) if values.num_chunks == 1 else values.combine_chunks()
    return values


def _of_objects(series: pd.Series) -> pa.Array:
    null = series.isna().to_numpy()
    if null.all():
        return pa.nulls(len(series))
    known = series.to_numpy(copy=True)
    known[null] = None
    if shapely.is_geometry(known[~null]).all():
        return pa.array(shapely.to_wkb(known, byte_order=1, flavor="iso"), type=pa.binary())
    try:
        return _smallest(pa.array(known, type=pa.string()))
    except pa.ArrowException as error:
        raise TypeError(f"{series.name}: neither texts nor shapes: {error}") from error


def _smallest(values: pa.Array) -> pa.Array:
    """Return the same values in the fewest bytes that hold them all, in memory of their own."""
    if values.null_count == len(values):
        return pa.nulls(len(values))
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        return _coded(values, pa.string())
    if pa.types.is_timestamp(values.type):
        days = values.cast(pa.date32(), safe=False)
        return days if days.cast(values.type).equals(values) else values
    return _narrowed(values) if pa.types.is_signed_integer(values.type) else values


def _narrowed(numbers: pa.Array) -> pa.Array:
    found = pc.min_max(numbers).as_py()
    low, high = found["min"] or 0, found["max"] or 0
    return numbers.cast(next(t for t in INTEGERS if -(2 ** (t.bit_width - 1)) <= low and high < 2 ** (t.bit_width - 1)))


def _joined(parts: Sequence[pa.Array]) -> pa.Array:
    """Put the same column of several parts end to end, in the smallest type that holds them all.

    A place or a distance is often the same from part to part: numbers and shapes become dictionaries too, where that is smaller.
    """
    widest = max((part.type for part in parts), key=_width)
    if pa.types.is_dictionary(widest):
        return _of_one_dictionary([_coded(part, widest.value_type) for part in parts])
    whole = pa.concat_arrays([part.cast(widest) for part in parts])
    if not (pa.types.is_floating(widest) or pa.types.is_binary(widest)):
        return whole
    coded = _coded(whole, widest)
    return coded if coded.nbytes < whole.nbytes else whole


def _width(held: pa.DataType) -> int:
    if pa.types.is_dictionary(held):
        return len(NARROW) + 1
    return NARROW.index(held) if held in NARROW else len(NARROW)


def _coded(values: pa.Array, kind: pa.DataType) -> pa.DictionaryArray:
    if pa.types.is_dictionary(values.type):
        return values
    coded = values.dictionary_encode()
    return pa.DictionaryArray.from_arrays(_narrowed(coded.indices), coded.dictionary.cast(kind))


def _of_one_dictionary(parts: Sequence[pa.DictionaryArray]) -> pa.DictionaryArray:
    """Give several dictionaries one, in which each value is once."""
    every = pa.concat_arrays([part.dictionary for part in parts]).dictionary_encode()
    starts = np.cumsum([0, *(len(part.dictionary) for part in parts)])
    numbers = [
        _narrowed(every.indices.slice(start, len(part.dictionary)).take(part.indices))
        for start, part in zip(starts, parts, strict=False)
    ]
    widest = max((n.type for n in numbers), key=_width)
    return pa.DictionaryArray.from_arrays(pa.concat_arrays([n.cast(widest) for n in numbers]), every.dictionary)


def _unpacked(values: pa.Array, dtype: Any) -> Any:  # noqa: ANN401 -- the types of pandas and their arrays
    if isinstance(dtype, pd.CategoricalDtype):
        return pd.Categorical.from_codes(codes(values), dtype=dtype)
    if pa.types.is_binary(kind_of(values)):
        return shapes(values)
    values = plain(values)
    if hasattr(dtype, "__from_arrow__"):
        return dtype.__from_arrow__(values)
    if dtype.kind == "M":
        values = values.cast(pa.timestamp(np.datetime_data(dtype)[0]))
    if dtype.kind == "f":
        values = values.cast(pa.from_numpy_dtype(dtype))
    return values.to_numpy(zero_copy_only=False).astype(dtype, copy=False)
