"""A layer with its polygons or points as a table: attributes as text, geometries as they were written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from qpvhealth.ingest import systems
from qpvhealth.ingest.readers import parquet
from qpvhealth.ingest.readers.raw import RawTable

if TYPE_CHECKING:
    from qpvhealth.ingest.readers.layers import Layer


def raw_table(layer: Layer) -> RawTable:
    """Part a layer into text and geometries, rows numbered from 1 in the order of the file.

    Geometries are as written: invalid ones are kept, missing ones are null, heights are dropped. ``crs`` is "EPSG:n" where it has
    such a number, else WKT. Raises InputError for a coordinate system that cannot be understood, two columns of the same name, or
    values that are not valid text.
    """
    name, table, notes = layer.file, layer.table, [*layer.notes]
    crs = systems.of_metadata(layer.crs, name)
    with np.errstate(invalid="ignore"):
        shapes = _shapes(table.column(layer.geometry).to_pylist(), notes)
    return RawTable(
        file=name,
        frame=parquet.text_frame(table.remove_column(layer.geometry), name),
        rows=np.arange(1, table.num_rows + 1, dtype=np.int64),
        geometry=shapes,
        crs=crs,
        notes=(*notes, f"CRS {crs or 'not stated'}"),
    )


def _shapes(wkb: list[bytes | None], notes: list[str]) -> np.ndarray:
    """Build geometries; a ring that is not closed is closed, and what cannot be built at all is null, both noted."""
    try:
        shapes = shapely.from_wkb(np.array(wkb, dtype=object))
    except shapely.errors.GEOSException:
        raw = np.array(wkb, dtype=object)
        strict = shapely.from_wkb(raw, on_invalid="ignore")
        shapes = shapely.from_wkb(raw, on_invalid="fix")
        wrong = [i + 1 for i, (b, s) in enumerate(zip(wkb, strict, strict=True)) if b is not None and s is None]
        notes.append(
            f"{len(wrong)} geometries could not be built as written, first at row {wrong[0]}: rings closed or left null"
        )
    high = shapely.has_z(shapes) | shapely.has_m(shapes)
    if high.any():
        notes.append(f"{int(high.sum())} geometries with heights or measures, which were dropped")
        shapes = shapely.force_2d(shapes)
    return np.asarray(shapes, dtype=object)
