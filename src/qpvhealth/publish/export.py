"""A table or a list of a release for other tools, with its shapes: GeoPackage, GeoJSON, CSV, workbook.

Rows are those of the release, in its order; dates, booleans and whole numbers keep their types; shapes are in EPSG:4326. A table without
shapes takes those of the structures or QPV that it names. A GeoPackage holds the style in which QGIS opens it.
"""

from __future__ import annotations

import io
import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import shapely

from qpvhealth.errors import PublishError, UsageError
from qpvhealth.publish import styles
from qpvhealth.publish.rendering import INVENTED, plain
from qpvhealth.publish.store import write_file
from qpvhealth.publish.workbook import workbook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from qpvhealth.publish.release import Release

ExportFormat = Literal["gpkg", "geojson", "csv", "xlsx"]
FORMATS: tuple[ExportFormat, ...] = get_args(ExportFormat)
GEOMETRY = "geometry"
DEGREE_DECIMALS = 9
SHAPES_OF = {"structures": ("finess_et", "year"), "neighbourhoods": ("qpv_code", "generation")}
"""Where the shapes of a table are that has none: the first of these whose key it has."""
CREATED = "2000-01-01T00:00:00.000Z"
GPKG_VERSION = "1.2"
"""GDAL below 3.7, with QGIS of Debian 12, warns at each later version of GeoPackage, 1.4 among them, that it may read only a part."""


def save(path: Path, name: str, frame: pd.DataFrame, titles: Mapping[str, str], *, fmt: str, invented: bool) -> None:
    """Write rows, whole or not at all, in one of ``FORMATS``; ``name`` is that of the layer.

    CSV has commas, UTF-8 and no formatting; points are in columns ``longitude`` and ``latitude``, polygons as WKT. A workbook has points
    the same way and no polygons. Raises UsageError for another format, or a GeoPackage or GeoJSON of rows without shapes; PublishError
    where the disk refuses.
    """
    writers: dict[str, Callable[[], bytes]] = {
        "gpkg": lambda: _geopackage(name, frame, invented=invented),
        "geojson": lambda: _geojson(name, frame, invented=invented),
        "csv": lambda: _csv(frame),
        "xlsx": lambda: _workbook(frame, titles, invented=invented),
    }
    if fmt not in writers:
        raise UsageError(f'format "{fmt}": one of {", ".join(FORMATS)}')
    write_file(path, writers[fmt]())


def with_shapes(release: Release, frame: pd.DataFrame) -> pd.DataFrame:
    """Add to rows the points of the structures, else the polygons of the QPV, that they name; unchanged where they have shapes, or no key."""
    if GEOMETRY in frame:
        return frame
    for table, key in SHAPES_OF.items():
        if set(key) <= set(frame.columns) and table in release.tables:
            shapes = release.table(table, columns=[*key, GEOMETRY]).set_index(list(key))[GEOMETRY]
            rows = pd.MultiIndex.from_frame(frame[list(key)].astype(object))
            at = shapes.index.get_indexer(rows)
            values = np.append(shapes.to_numpy(dtype=object), [None])
            return frame.assign(**{GEOMETRY: values[at]})
    return frame


def _arrow(frame: pd.DataFrame) -> pa.Table:
    """Return rows without their shapes as Arrow: days without an hour as dates."""
    table = pa.Table.from_pandas(frame.drop(columns=GEOMETRY, errors="ignore"), preserve_index=False)
    for i, field in enumerate(table.schema):
        column = table.column(i)
        if pa.types.is_timestamp(field.type):
            table = table.set_column(i, field.name, column.cast(pa.timestamp("s")).cast(pa.date32()))
        elif pa.types.is_dictionary(field.type):
            table = table.set_column(i, field.name, column.cast(field.type.value_type))
        elif pa.types.is_null(field.type) or pa.types.is_nested(field.type):
            words = [None if v is None else json.dumps(v, ensure_ascii=False) for v in column.to_pylist()]
            table = table.set_column(i, field.name, pa.array(words, pa.string()))
    return table.replace_schema_metadata(None)


def _shapes(name: str, frame: pd.DataFrame) -> np.ndarray:
    if GEOMETRY not in frame:
        raise UsageError(
            f'"{name}" names no structure and no QPV of one generation, so it has no shapes: export it as csv or xlsx'
        )
    return frame[GEOMETRY].to_numpy(dtype=object)


def _geopackage(name: str, frame: pd.DataFrame, *, invented: bool) -> bytes:
    """Write one layer, with its style, in memory: nothing is on the disk before all is there."""
    import pyogrio  # noqa: PLC0415 -- half a second, and only for this format

    shapes = _shapes(name, frame)
    if is_polygonal := bool((shapely.get_dimensions(shapes) == 2).any()):  # noqa: PLR2004 -- of a surface
        one = shapely.get_type_id(shapes) == shapely.GeometryType.POLYGON
        shapes = shapes.copy()
        shapes[one] = [shapely.multipolygons([shape]) for shape in shapes[one]]
    table = _arrow(frame).append_column(GEOMETRY, pa.array(list(shapely.to_wkb(shapes)), pa.binary()))
    content, before = io.BytesIO(), pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": CREATED})
    try:
        kind = "MultiPolygon" if is_polygonal else "Point"
        pyogrio.write_arrow(
            table,
            content,
            layer=name,
            driver="GPKG",
            geometry_name=GEOMETRY,
            geometry_type=kind,
            crs="EPSG:4326",
            dataset_options={"VERSION": GPKG_VERSION},
            layer_options={
                "GEOMETRY_NAME": GEOMETRY
            },  # else "geom", and a style of another column is no style for QGIS
        )
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, RuntimeError) as error:
        raise PublishError(f"the GeoPackage cannot be made: {str(error)[:200]}") from error
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})
    with closing(sqlite3.connect(":memory:")) as base:
        base.deserialize(content.getvalue())
        base.executescript(styles.TABLE)
        title = f"{INVENTED} : {name}" if invented else name
        base.execute(styles.INSERT, (name, GEOMETRY, name, styles.qml(frame, is_polygonal=is_polygonal), title))
        base.execute(
            "UPDATE gpkg_contents SET identifier = ?, description = ? WHERE table_name = ?", (name, title, name)
        )
        base.commit()
        return base.serialize()


def _geojson(name: str, frame: pd.DataFrame, *, invented: bool) -> bytes:
    """Write a FeatureCollection of RFC 7946: longitude first, exterior rings counter-clockwise, no system named."""
    shapes = shapely.orient_polygons(_shapes(name, frame))
    moved = shapely.transform(shapes, lambda xy: np.round(xy, DEGREE_DECIMALS))
    texts = shapely.to_geojson(moved)
    rows = _arrow(frame).to_pylist()
    head = json.dumps(
        {"type": "FeatureCollection", "name": name} | ({"title": INVENTED} if invented else {}), ensure_ascii=False
    )
    lines = (
        f'{{"type": "Feature", "properties": {_json(row)}, "geometry": {"null" if text is None else text}}}'
        for row, text in zip(rows, texts, strict=True)
    )
    body = ",\n".join(lines)
    return f'{head[:-1]}, "features": [\n{body}\n]}}\n'.encode()


def _json(row: dict[str, Any]) -> str:
    values = {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in row.items()}
    return json.dumps(values, ensure_ascii=False, default=str)


def _with_places(frame: pd.DataFrame, *, with_polygons: bool) -> pd.DataFrame:
    """Give shapes as columns: longitude and latitude of points, else WKT where it is wanted."""
    if GEOMETRY not in frame:
        return frame
    shapes, rows = frame[GEOMETRY].to_numpy(dtype=object), frame.drop(columns=GEOMETRY)
    if not (shapely.get_dimensions(shapes) > 0).any():
        return rows.assign(longitude=shapely.get_x(shapes), latitude=shapely.get_y(shapes))
    return rows.assign(**{GEOMETRY: shapely.to_wkt(shapes, rounding_precision=-1)}) if with_polygons else rows


def _csv(frame: pd.DataFrame) -> bytes:
    rows = _with_places(frame, with_polygons=True)
    table = _arrow(rows.rename(columns={GEOMETRY: "wkt"}))
    content = io.BytesIO()
    pacsv.write_csv(table, content, pacsv.WriteOptions(quoting_style="needed"))
    return content.getvalue()


def _workbook(frame: pd.DataFrame, titles: Mapping[str, str], *, invented: bool) -> bytes:
    rows = _with_places(frame, with_polygons=False)
    names = list(rows.columns)
    notes = [INVENTED] if invented else []
    shown = [titles.get(name, name) for name in names]
    return workbook([plain(rows[name]) for name in names], shown, names, notes, typed=True)
