"""Geometry files: five formats and no other, from one plain local file and its companions.

GDAL opens files by content, and some of its drivers fetch other files and addresses. Reading here takes every other
driver out of the running process, for good, and refuses to go on where that fails.
"""

from __future__ import annotations

import io
import re
import sqlite3
import struct
import tempfile
import warnings
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import accumulate, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import shapely

from qpvhealth.contract.rules import Finding
from qpvhealth.errors import InputError, UsageError
from qpvhealth.ingest import systems
from qpvhealth.ingest.readers import companions, geojson, other_json, parquet
from qpvhealth.ingest.readers.geoparquet import NO_SYSTEM, PARQUET
from qpvhealth.ingest.readers.guard import MIB, checked_path, first_bytes, inflated_chunks, opened_zip, refuse_bigger
from qpvhealth.ingest.readers.raw import BrokenRow, RawTable

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterable, Iterator


MAX_BYTES = 1024 * MIB
MAX_FEATURES = 5_000_000
DRIVERS = frozenset({"GPKG", "GeoJSON", "ESRI Shapefile", "FlatGeobuf", "MEM"})
VECTOR = (".shp", ".zip", ".geojson", ".json", ".gpkg", ".fgb")
DBF_ENCODING = "cp1252"
_LATIN = re.compile(r"(iso-?)?8859-?1|latin-?1|(ansi |cp|windows-)?1252", re.IGNORECASE)
_ARC = re.compile(rb"\x01(?:\x08\0|\xf0\x03|\xd8\x07|\xc0\x0b)\0\0")
"""A circular string in the WKB that GDAL writes, plain, with heights, with measures, with both."""
ARC_STEP = 1
"""Degrees of an arc that one chord stands for; it lies within 0.004 % of the radius of its arc, which is 1 less cos 0.5°."""
_AS_POLYGONS = (
    "shapes of a kind that is not read (surfaces in space, or arcs in a collection);"
    " convert it with ogr2ogr -nlt MULTIPOLYGON, into a .gpkg of another name"
)
_COLLECTION = 7
_OPTIONS = {
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
    "GDAL_DISABLE_READDIR_ON_OPEN": True,
    "SHAPE_RESTORE_SHX": False,
    "OGR_GEOJSON_MAX_OBJ_SIZE": 128,
    "OGR_ARC_STEPSIZE": ARC_STEP,
    # The readers of these two write wrong offsets after a missing geometry: the common one does not.
    "OGR_FLATGEOBUF_STREAM_BASE_IMPL": True,
    "OGR_GPKG_STREAM_BASE_IMPL": True,
}


class Claim(NamedTuple):
    """What a file itself says it holds: its features, and how many of them have a shape (null where that would take a reader)."""

    n_features: int
    n_shapes: int | None


def read(path: Path, *, layer: str | None = None, encoding: str | None = None) -> RawTable:
    """Read a shapefile (also zipped), GeoJSON, GeoPackage, FlatGeobuf or GeoParquet file: attributes as text, and geometries.

    The text of a shapefile is in the encoding its .cpg names, else UTF-8 where all of it is, else cp1252. Rows are numbered from 1
    in the order of the file. Geometries are as written: invalid ones are kept, missing ones are null, heights are dropped.
    ``crs`` is "EPSG:n" where it has such a number, else WKT; null where the file says none (a GeoJSON that says none is in
    EPSG:4326, RFC 7946).

    Raises:
        InputError: unsafe, damaged or too big file, a coordinate system that cannot be understood, two columns of the same name,
            values that are not valid text, or a GDAL that keeps other drivers.
        UsageError: unknown layer, or several layers and none named.

    """
    return _beyond_degrees(_read(checked_path(path), layer, encoding))


def _read(full: Path, layer: str | None, encoding: str | None) -> RawTable:
    suffix = full.suffix.lower()
    if suffix not in (*VECTOR, *PARQUET):
        raise InputError(f"{full}: not a geometry file; expected one of {', '.join((*VECTOR, *PARQUET))}")
    refuse_bigger(full, MAX_BYTES)
    if suffix in PARQUET:
        return _read_geoparquet(full)
    if suffix == ".zip":
        with _unzipped(full, layer) as inner:
            return _read_shapefile(inner, encoding, name=f"{full.name}")
    if suffix == ".shp":
        return _read_shapefile(full, encoding, name=full.name)
    if suffix in (".geojson", ".json"):
        if (other := other_json.described(full)) is not None:
            raise InputError(f"{full.name}: {other}")
        counts = geojson.counted(full)
        claimed = None if counts is None else Claim(*counts)
        only = layer if layer is None else _layer(full, layer)  # it holds one, and to list it is to read the whole file
        raw = _read_gdal(full, full.name, claimed, layer=only, DATE_AS_STRING="YES", ARRAY_AS_STRING="YES")
        return _with_missing(_with_named_system(raw, geojson.system_name(full)), geojson.missing(full))
    if suffix == ".gpkg":
        return _read_geopackage(full, layer)
    chosen = _layer(full, layer)
    with _gdal_errors(full.name):
        n_claimed = int(gdal().read_info(full, layer=chosen)["features"])
    if n_claimed > min(MAX_FEATURES, full.stat().st_size // 8):  # memory is set aside for the claim
        raise InputError(f"{full.name}: claims {n_claimed} features, more than it can hold; fetch it again")
    return _read_gdal(full, full.name, Claim(n_claimed, None) if n_claimed > 0 else None, layer=chosen)


def _with_missing(raw: RawTable, places: np.ndarray) -> RawTable:
    """Give the elements of a GeoJSON that are null, and that its reader passed over, their place as records that are broken."""
    broken = [BrokenRow(int(n), "feature-null", "null in the place of a feature", "null") for n in places]
    rows = np.setdiff1d(np.arange(1, len(raw.rows) + len(places) + 1), places)
    return replace(raw, rows=rows, broken=tuple(broken))


def _with_named_system(raw: RawTable, name: str | None) -> RawTable:
    """Take the system that a GeoJSON names, by our reading: where GDAL cannot read it, it takes degrees without a word."""
    if name is None:
        return raw
    try:
        system = systems.of_metadata(name, raw.file)
        return _with_system(raw, system, "" if system else systems.without_datum(name))
    except InputError:
        return _with_system(raw, None, f'it names a system that cannot be read, "{name[:100]}"')


def _beyond_degrees(raw: RawTable) -> RawTable:
    """Believe no file whose coordinates are said to be longitudes and latitudes, and most of which cannot be."""
    boxes = shapely.bounds(raw.geometry)
    boxes = boxes[~np.isnan(boxes[:, 0])]
    beyond = (np.abs(boxes) > (180, 90, 180, 90)).any(axis=1)
    if raw.crs != systems.WGS84 or 2 * int(beyond.sum()) <= len(beyond):
        return raw
    return _with_system(raw, None, f"its coordinates, up to {np.abs(boxes).max():.0f}, are no degrees of EPSG:4326")


def _with_system(raw: RawTable, crs: str | None, doubt: str = "") -> RawTable:
    notes = (*(n for n in raw.notes if not n.startswith("CRS ")), f"CRS {crs or f'not used: {doubt}'}")
    return replace(raw, crs=crs, crs_doubt=doubt, notes=notes)


def gdal() -> Any:  # noqa: ANN401 -- pyogrio has no types
    """Give pyogrio, once GDAL has no driver left but the allowed ones.

    Raises:
        InputError: another driver could not be taken out.

    """
    import pyogrio  # noqa: PLC0415 -- half a second, and only for geometry files

    pyogrio.set_gdal_config_options(_OPTIONS)
    extra = set(pyogrio.list_drivers()) - DRIVERS
    if extra:
        from pyogrio._ogr import _register_drivers  # noqa: PLC0415 -- registering again is what skips

        skipped = set((pyogrio.get_gdal_config_option("GDAL_SKIP") or "").split(",")) - {""}
        pyogrio.set_gdal_config_options({"GDAL_SKIP": ",".join(sorted(skipped | extra))})
        _register_drivers()
        extra = set(pyogrio.list_drivers()) - DRIVERS
    if extra:
        raise InputError(
            f"GDAL keeps drivers that may read other files: {', '.join(sorted(extra)[:5])}; set GDAL_SKIP to them"
        )
    return pyogrio


def several(path: Path) -> list[str]:
    """Return the layers with geometries of a GeoPackage that has more than one; none for any other file."""
    names = _layers(path) if path.suffix.lower() == ".gpkg" else []
    return names if len(names) > 1 else []


def _layers(path: Path) -> list[str]:
    with _gdal_errors(path.name):
        return [str(name) for name, kind in gdal().list_layers(path) if kind is not None]


def _layer(path: Path, wanted: str | None) -> str:
    """Choose the layer: the one asked for, or the only one with geometries."""
    names = _layers(path)
    if wanted is not None and wanted in names:
        return wanted
    if wanted is not None or len(names) > 1:
        what = f'no layer "{wanted}"' if wanted is not None else "several layers"
        raise UsageError(f"{path.name}: {what}; write in the card layer = one of: {', '.join(names[:20])}")
    if not names:
        raise InputError(f"{path.name}: no layer with geometries; check what was sent")
    return names[0]


@contextmanager
def _gdal_errors(name: str, notes: list[str] | None = None) -> Iterator[None]:
    """Turn what GDAL raises into input errors, and what it warns of into notes."""
    engine = gdal()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
    except (
        engine.errors.CRSError,
        UnboundLocalError,
    ) as error:  # the second is what pyogrio raises where GDAL cannot write it
        raise InputError(f"{name}: its coordinate system cannot be read; mend or remove the .prj") from error
    except engine.errors.GeometryError as error:
        raise InputError(f"{name}: {_AS_POLYGONS} ({error})") from error
    except (engine.errors.DataSourceError, RuntimeError, ValueError, MemoryError, OSError) as error:
        wrong = "damaged or unreadable", "fetch it again"
        if "Invalid UTF8" in str(error):
            wrong = (
                "texts that are not UTF-8",
                "convert its original again, with ogr2ogr -oo ENCODING=CP1252 for a shapefile",
            )
        raise InputError(f"{name}: {wrong[0]} ({str(error)[:200]}); {wrong[1]}") from error
    if notes is not None:
        notes.extend(sorted({f"GDAL: {str(w.message)[:200]}" for w in caught}))


def _read_gdal(path: Path, name: str, claimed: Claim | None, **options: Any) -> RawTable:  # noqa: ANN401 -- of GDAL
    """Read one layer through GDAL, which leaves out features and shapes that it cannot read without a word: both are counted.

    Raises:
        InputError: the file cannot be read, fewer features or shapes were read than it claims, or it has no geometry column.

    """
    notes: list[str] = []
    with _gdal_errors(name, notes):
        meta, table = gdal().read_arrow(path, **options)
        table.validate(full=True)
    if claimed is not None and claimed.n_features != table.num_rows:
        raise InputError(f"{name}: holds {claimed.n_features} features, {table.num_rows} could be read; fetch it again")
    geometry = table.schema.get_field_index(meta["geometry_name"] or "wkb_geometry")
    if meta["geometry_type"] is None or geometry < 0:
        raise InputError(f"{name}: no geometry column; check what was sent")
    n_read = table.num_rows - table.column(geometry).null_count
    if claimed is not None and claimed.n_shapes is not None and n_read < claimed.n_shapes:
        raise InputError(f"{name}: holds {claimed.n_shapes} shapes, {n_read} could be read; fetch it again")
    try:
        return _raw_table(name, table, geometry, meta["crs"], notes)
    except NotImplementedError:  # of shapely, for a surface or a polygon that may be bounded by arcs
        n_arcs = _n_arcs(table.column(geometry).to_pylist())
    with _gdal_errors(name):
        straight = gdal().raw.read(path, columns=[], **options)[2]
    return _cut(table, geometry, straight, name=name, n_arcs=n_arcs, crs=meta["crs"], notes=notes)


def _n_arcs(shapes: Iterable[bytes | None]) -> int:
    """Count the shapes in WKB that have an arc."""
    return sum(bool(_ARC.search(shape)) for shape in shapes if shape)


def _cut(
    table: pa.Table, geometry: int, straight: np.ndarray, *, name: str, n_arcs: int, crs: object, notes: list[str]
) -> RawTable:
    """Put shapes whose arcs GDAL has cut in the place of those of a table, with a finding where there were arcs."""
    if len(straight) != table.num_rows:
        raise InputError(f"{name}: holds {table.num_rows} features, {len(straight)} could be read; fetch it again")
    field = table.schema.field(geometry).with_type(pa.binary())
    try:
        raw = _raw_table(name, table.set_column(geometry, field, [straight.tolist()]), geometry, crs, notes)
    except NotImplementedError as error:  # GDAL cuts no arc within a collection
        raise InputError(f"{name}: {_AS_POLYGONS}") from error
    message = f"shapes with arcs, cut into chords of {ARC_STEP} degree: 4 mm off at a radius of 100 m, 4 cm at 1 km"
    return replace(raw, findings=(Finding("arcs-cut", n_arcs, message),) if n_arcs else ())


def _raw_table(name: str, table: pa.Table, geometry: int, crs: object, notes: list[str]) -> RawTable:
    """Part a table into text and geometries; a ring that is not closed is closed, and what cannot be built at all is null.

    Raises NotImplementedError for a shape of a type with curves.
    """
    wkb = np.array(table.column(geometry).to_pylist(), dtype=object)
    with np.errstate(invalid="ignore"):
        try:
            shapes = shapely.from_wkb(wkb)
        except shapely.errors.GEOSException:
            strict = shapely.from_wkb(wkb, on_invalid="ignore")
            shapes = shapely.from_wkb(wkb, on_invalid="fix")
            wrong = [i + 1 for i, (b, s) in enumerate(zip(wkb, strict, strict=True)) if b is not None and s is None]
            message = "geometries could not be built as written, first at row"
            notes = [*notes, f"{len(wrong)} {message} {wrong[0]}: rings closed or left null"]
        shapely.get_parts(shapes[shapely.get_type_id(shapes) == _COLLECTION])  # raises for a curve in a collection
        if n_high := int((shapely.has_z(shapes) | shapely.has_m(shapes)).sum()):
            notes = [*notes, f"{n_high} geometries with heights or measures, which were dropped"]
            shapes = shapely.force_2d(shapes)
    system = systems.of_metadata(crs, name)
    doubt = "" if system else systems.without_datum(crs)
    return RawTable(
        file=name,
        frame=parquet.text_frame(table.remove_column(geometry), name),
        rows=np.arange(1, table.num_rows + 1, dtype=np.int64),
        geometry=np.asarray(shapes, dtype=object),
        crs=system,
        crs_doubt=doubt,
        notes=(*notes, f"CRS {system or (f'not used: {doubt}' if doubt else 'not stated')}"),
    )


def _read_geopackage(path: Path, layer: str | None) -> RawTable:
    """Read a GeoPackage, which is a database, without writing: no journal, and no layer that is a program (view, virtual table).

    Its rows and those of them whose geometry is not null are counted.
    """
    companions.of(path)
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as base:
            if live := base.execute(_LIVE_SQL).fetchall():
                raise InputError(
                    f"{path.name}: {live[0][0]} is a view or a virtual table, not data; export it as a table"
                )
            chosen = _layer(path, layer)
            names = base.execute(_GEOMETRY_COLUMN_SQL, [chosen]).fetchone()
            if names is None:
                raise InputError(f"{path.name}: it names no geometry column of {chosen}; check what was sent")
            table, column = (name.replace('"', '""') for name in names)
            counts = f'SELECT count(*), count(nullif(length("{column}"), 0)) FROM "{table}"'  # noqa: S608 -- names are quoted
            claimed = Claim(*base.execute(counts).fetchone())
    except (sqlite3.Error, UnicodeError) as error:
        raise InputError(f"{path.name}: damaged GeoPackage ({error}); fetch it again") from error
    return _read_gdal(path, path.name, claimed, layer=chosen, IMMUTABLE="YES")


_LIVE_SQL = """
SELECT name FROM sqlite_master
WHERE (type = 'view' AND lower(name) IN (SELECT lower(table_name) FROM gpkg_contents))
   OR (sql LIKE 'create virtual%' AND sql NOT LIKE '%using%rtree%')
   OR (type = 'view' AND name LIKE 'gpkg_%')
"""
_GEOMETRY_COLUMN_SQL = """
SELECT table_name, column_name FROM gpkg_geometry_columns
WHERE lower(table_name) = lower(?) AND typeof(table_name) = 'text' AND typeof(column_name) = 'text'
"""


@contextmanager
def _unzipped(path: Path, layer: str | None) -> Iterator[Path]:
    """Take the one shapefile of an archive out into a temporary folder, under a name of ours."""
    with tempfile.TemporaryDirectory(prefix="qpvhealth-") as folder:
        with opened_zip(path) as archive:
            entries = [e for e in archive.infolist() if not e.is_dir() and not e.filename.startswith("__MACOSX/")]
            main = _main_entry(path, entries, layer)
            names = companions.by_suffix([e.filename for e in entries], main.filename)
            for suffix, name in names.items():
                with (Path(folder) / f"layer{suffix}").open("xb") as file:
                    file.writelines(inflated_chunks(archive, archive.getinfo(name)))
        yield checked_path(Path(folder) / "layer.shp")


def _main_entry(path: Path, entries: list[zipfile.ZipInfo], layer: str | None) -> zipfile.ZipInfo:
    """Find the .shp of an archive: the only one, or the only one whose name is the layer's."""
    shapes = [e for e in entries if e.filename.lower().endswith(".shp")]
    chosen = [e for e in shapes if layer in (None, Path(e.filename).stem)]
    if len(chosen) == 1:
        return chosen[0]
    if not shapes:
        raise InputError(f"{path.name}: no .shp in the archive; unpack it and give the file itself")
    names = sorted({Path(e.filename).stem for e in shapes})
    if chosen and len({Path(e.filename).stem.lower() for e in chosen}) == 1:
        several = " and ".join(sorted(e.filename for e in chosen))
        raise InputError(f"{path.name}: {several} could both be meant; unpack it and give the file itself")
    raise UsageError(f"{path.name}: write in the card layer = one of: {', '.join(names[:20])}")


def _read_shapefile(path: Path, encoding: str | None, *, name: str) -> RawTable:
    """Read a shapefile once its parts agree on the number of records."""
    parts = {".shp": path} | companions.of(path)
    claimed, n_deleted = _claimed_by_shapefile(parts, name)
    chosen, why = (encoding, "as asked") if encoding else _dbf_encoding(parts)
    try:
        with _plainly_named(parts) as plain:
            table = _read_gdal(plain, name, claimed, encoding=chosen)
    except InputError as error:
        if "UTF8" not in str(error):
            raise
        other = "cp1252" if chosen.upper().replace("-", "") == "UTF8" else "utf-8"
        raise InputError(
            f'{name}: its texts are not in {chosen} ({why}); write encoding = "{other}" in the card'
        ) from error
    notes = [f"encoding {chosen} ({why})", *([f"{n_deleted} deleted records left out"] if n_deleted else [])]
    message = f'{why}, but its texts are UTF-8; encoding = "utf-8" in the card mends it'
    lies = Finding("text-garbled", len(table.rows), message)
    findings = (lies,) if not encoding and _is_not_utf_8(chosen) and _letters(parts[".dbf"]) == _STRICT else ()
    for column, is_unknown in _unknown_logicals(parts[".dbf"].read_bytes()).items():
        table.frame.iloc[is_unknown, column] = None
        notes.append(f"{table.frame.columns[column]}: {is_unknown.sum()} values neither true nor false, unknown")
    return replace(table, notes=(*notes, *table.notes), findings=(*table.findings, *findings))


def _is_not_utf_8(encoding: str) -> bool:
    """Say whether an encoding is neither UTF-8 nor cp1252, in which each column shows that it is UTF-8 (``cleaning.garbled``)."""
    return re.sub("[-_]", "", encoding).upper() not in {"UTF8", "65001", DBF_ENCODING.upper()}


def _letters(dbf: Path) -> str:
    """Return what the records of a table are by their bytes: "ASCII only", "strict UTF-8" or "not UTF-8"."""
    data = dbf.read_bytes()
    body = data[struct.unpack_from("<H", data, 8)[0] :]
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return "not UTF-8"
    return "ASCII only" if body.isascii() else _STRICT


_STRICT = "strict UTF-8"


def _unknown_logicals(dbf: bytes) -> dict[int, np.ndarray]:
    """Mark the records, those deleted left out, whose logical is neither true nor false, by the place of its column.

    A logical is one byte; a blank is one that nobody has filled in, and GDAL reads it as false. Source: dBASE III, structure of tables.
    """
    n, start, width = struct.unpack_from("<IHH", dbf, 4)
    descriptors = [dbf[at : at + 32] for at in range(32, start - 31, 32)]
    fields = list(takewhile(lambda field: not field.startswith(b"\r"), descriptors))
    places = accumulate((field[16] for field in fields), initial=1)
    records = np.frombuffer(dbf, dtype=np.uint8, count=n * width, offset=start).reshape(n, width)
    bytes_of = {
        i: records[:, at]
        for i, (field, at) in enumerate(zip(fields, places, strict=False))
        if field[11:12] == b"L" and at < width
    }
    unknown = {i: ~np.isin(values, _LOGICALS)[records[:, 0] != ord("*")] for i, values in bytes_of.items()}
    return {i: marks for i, marks in unknown.items() if marks.any()}


_LOGICALS = np.frombuffer(b"TtYyFfNn", dtype=np.uint8)


@contextmanager
def _plainly_named(parts: dict[str, Path]) -> Iterator[Path]:
    """Give a path beside which GDAL finds these parts and no other: the .shp itself, or a link under a plain name.

    GDAL looks for the name of the .shp with a suffix in small letters, then in capitals.
    """
    main = parts[".shp"]
    if all(part.name == main.stem + suffix for suffix, part in parts.items()):
        yield main
        return
    with tempfile.TemporaryDirectory(prefix="qpvhealth-") as folder:
        for suffix, part in parts.items():
            (Path(folder) / f"layer{suffix}").symlink_to(part)
        yield Path(folder) / "layer.shp"


def _claimed_by_shapefile(parts: dict[str, Path], name: str) -> tuple[Claim, int]:
    """Count the records that are not marked as deleted, those of them with a shape, and the deleted ones.

    Whether a record has a shape is told by its length in the .shx and by its type in the .shp: either may be damaged. A null shape
    is a type (0) of four bytes and nothing more. A line, a polygon or a set of points that counts none is read as null too, and is
    no shape that could be lost. Source: ESRI Shapefile Technical Description, 1998.

    Raises:
        InputError: the parts do not agree, or the file is cut.

    """
    n_bytes = 2 * int.from_bytes(first_bytes(parts[".shp"])[24:28], "big")
    if n_bytes > parts[".shp"].stat().st_size:
        raise InputError(f"{name}: its .shp is cut; fetch it again")
    n_index = (parts[".shx"].stat().st_size - 100) // 8
    head = parts[".dbf"].read_bytes()
    if len(head) < 32:  # noqa: PLR2004 -- the fixed part of a dBASE header
        raise InputError(f"{name}: its .dbf is cut; fetch it again")
    n_table, start, width = struct.unpack_from("<IHH", head, 4)
    marks = head[start : start + n_table * width : max(width, 1)]
    if n_table != n_index or len(marks) != n_table or len(head) < start + n_table * width:
        raise InputError(
            f"{name}: {n_index} shapes, {n_table} announced and {len(marks)} present in the .dbf; fetch it again"
        )
    is_deleted = np.frombuffer(marks, dtype=np.uint8) == ord("*")
    n_deleted, n = int(is_deleted.sum()), n_index
    index = np.fromfile(parts[".shx"], dtype=">i4", count=2 * n, offset=100).reshape(n, 2)
    starts, lengths = 2 * index.T.astype(np.int64)
    shapes = np.memmap(parts[".shp"], dtype=np.uint8, mode="r")

    def numbers(at: np.ndarray) -> np.ndarray:
        """Read the number at each place of the .shp; 0 beyond its end."""
        is_inside = (at >= 0) & (at <= len(shapes) - 4)
        values = np.zeros(n, dtype=np.int32)
        values[is_inside] = shapes[at[is_inside, None] + np.arange(4)].view("<i4")[:, 0]
        return values

    types, n_parts = numbers(starts + 8), numbers(starts + 44)
    is_empty = np.isin(types, _COUNTING_TYPES) & (n_parts == 0)
    have_shapes = ((lengths > _NULL_SHAPE_BYTES) | (types != 0)) & ~is_empty
    return Claim(n_table - n_deleted, int((have_shapes & ~is_deleted).sum())), n_deleted


_NULL_SHAPE_BYTES = 4
_COUNTING_TYPES = (3, 5, 8, 13, 15, 18, 23, 25, 28, 31)
"""Lines, polygons and sets of points, with heights or measures too, and patches: after their type and box, they count what follows."""


def _dbf_encoding(parts: dict[str, Path]) -> tuple[str, str]:
    """Choose the encoding of the table: its .cpg, else strict UTF-8, else cp1252, of which ISO-8859-1 is a poorer form."""
    if ".cpg" in parts:
        encoding = parts[".cpg"].read_bytes()[:100].decode("ascii", "replace").strip()
        return (DBF_ENCODING if _LATIN.fullmatch(encoding) else encoding), f".cpg says {encoding}"
    letters = _letters(parts[".dbf"])
    return "utf-8" if letters == _STRICT else DBF_ENCODING, f"no .cpg, {letters}"


def _read_geoparquet(path: Path) -> RawTable:
    """Read the geometry column, in WKB, of a GeoParquet file or of one with a native geometry type; other such columns are left out.

    Raises:
        InputError: no geometry column, or another encoding.

    """
    table, geometry = parquet.arrow_table(path)
    if geometry is None:
        raise InputError(f"{path.name}: a Parquet file without geometry metadata; write it as GeoParquet")
    if geometry.encoding != "WKB":
        raise InputError(f"{path.name}: geometries are not in WKB; write it as GeoParquet with WKB")
    table = table.drop_columns(list(geometry.others))
    notes = [f"other geometry columns left out: {', '.join(geometry.others)}"] if geometry.others else []
    notes += [NO_SYSTEM] if geometry.crs is None and not geometry.doubt else []
    at = table.column_names.index(geometry.name)
    try:
        raw = _raw_table(path.name, table, at, geometry.crs, notes)
    except NotImplementedError:
        shapes = np.array(table.column(at).to_pylist(), dtype=object)
        straight, n_arcs = _straightened(shapes, path.name), _n_arcs(shapes)
        raw = _cut(table, at, straight, name=path.name, n_arcs=n_arcs, crs=geometry.crs, notes=notes)
    return _with_system(raw, None, geometry.doubt) if geometry.doubt else raw


def _straightened(shapes: np.ndarray, name: str) -> np.ndarray:
    """Cut the arcs of shapes in WKB, by way of a GeoPackage in memory: GDAL does it while it reads, and has no driver for Parquet."""
    geopackage, engine = io.BytesIO(), gdal().raw
    with _gdal_errors(name):
        engine.write(geopackage, shapes, [], [], driver="GPKG", layer="q", geometry_type="Unknown", crs=None)
        return np.asarray(engine.read(geopackage.getvalue(), columns=[])[2], dtype=object)
