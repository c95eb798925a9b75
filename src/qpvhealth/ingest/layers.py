"""Geometry files: five formats and no other, from one plain local file and its companions.

No frame library is loaded, nor what computes with geometries: a build reads files while it loads them.
GDAL opens files by content, and some of its drivers fetch other files and addresses. Reading here takes every other
driver out of the running process, for good, and refuses to go on where that fails.
"""

from __future__ import annotations

import json
import re
import sqlite3
import struct
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from qpvhealth.errors import InputError, UsageError
from qpvhealth.ingest.guard import MIB, checked_path, first_bytes, inflated_chunks, opened_zip, refuse_bigger
from qpvhealth.ingest.readers import geojson

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterator

    import pyarrow as pa

    from qpvhealth.ingest.card import Card

MAX_BYTES = 1024 * MIB
MAX_FEATURES = 5_000_000
DRIVERS = frozenset({"GPKG", "GeoJSON", "ESRI Shapefile", "FlatGeobuf", "MEM"})
PARQUET = (".parquet", ".geoparquet")
VECTOR = (".shp", ".zip", ".geojson", ".json", ".gpkg", ".fgb")
DBF_ENCODING = "cp1252"
_COMPANIONS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
_LATIN = {
    "iso-8859-1",
    "iso8859-1",
    "iso88591",
    "88591",
    "latin1",
    "latin-1",
    "ansi 1252",
    "1252",
    "cp1252",
    "windows-1252",
}
_OPTIONS = {
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
    "GDAL_DISABLE_READDIR_ON_OPEN": True,
    "SHAPE_RESTORE_SHX": False,
    "OGR_GEOJSON_MAX_OBJ_SIZE": 128,
    # The readers of these two write wrong offsets after a missing geometry: the common one does not.
    "OGR_FLATGEOBUF_STREAM_BASE_IMPL": True,
    "OGR_GPKG_STREAM_BASE_IMPL": True,
}


class Layer(NamedTuple):
    """One layer as its file holds it, one row a feature: columns typed by the format, geometries in WKB in the one at ``geometry``.

    ``crs`` is as written, null where the file says none (a GeoJSON that says none is in EPSG:4326, RFC 7946). ``notes`` says what
    was chosen while reading.
    """

    file: str
    table: pa.Table
    geometry: int
    crs: object
    notes: tuple[str, ...]


def of_card(card: Card) -> Layer:
    """Read the layer that a card names (see ``read``)."""
    return read(card.path, layer=card.get("layer"), encoding=card.get("encoding"))


def read(path: Path, *, layer: str | None = None, encoding: str | None = None) -> Layer:
    """Read a shapefile (also zipped), GeoJSON, GeoPackage, FlatGeobuf or GeoParquet file.

    The text of a shapefile is in the encoding its .cpg names, else UTF-8 where all of it is, else cp1252.

    Raises:
        InputError: unsafe, damaged or too big file, or a GDAL that keeps other drivers.
        UsageError: unknown layer, or several layers and none named.

    """
    full = checked_path(path)
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
    return _read_other(full, suffix, layer)


def _read_other(full: Path, suffix: str, layer: str | None) -> Layer:
    """Guard and read a format that lies in one file."""
    if suffix in (".geojson", ".json"):
        claimed = geojson.counted(full)
        only = layer if layer is None else _layer(full, layer)  # it holds one, and to list it is to read the whole file
        return _read_gdal(full, full.name, claimed, layer=only, DATE_AS_STRING="YES", ARRAY_AS_STRING="YES")
    if suffix == ".gpkg":
        _refuse_live_sql(full)
        return _read_gdal(full, full.name, layer=_layer(full, layer), IMMUTABLE="YES")
    chosen = _layer(full, layer)
    return _read_gdal(full, full.name, _claimed(full, chosen), layer=chosen)


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


def _layer(path: Path, asked: str | None) -> str:
    """Choose the layer: the one asked for, or the only one with geometries."""
    with _gdal_errors(path.name):
        layers = [(str(name), kind) for name, kind in gdal().list_layers(path)]
    names = [name for name, kind in layers if kind is not None]
    if asked is not None and asked in names:
        return asked
    if asked is not None or len(names) > 1:
        what = f'no layer "{asked}"' if asked is not None else "several layers"
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
    except (engine.errors.DataSourceError, RuntimeError, ValueError, MemoryError, OSError) as error:
        raise InputError(f"{name}: damaged or unreadable ({str(error)[:200]}); fetch it again") from error
    if notes is not None:
        notes.extend(sorted({f"GDAL: {str(w.message)[:200]}" for w in caught}))


def _read_gdal(path: Path, name: str, claimed: int | None = None, **options: Any) -> Layer:  # noqa: ANN401 -- of GDAL
    """Read one layer through GDAL, which leaves out what it cannot read without a word: hence the count that is claimed."""
    notes: list[str] = []
    with _gdal_errors(name, notes):
        meta, table = gdal().read_arrow(path, **options)
        table.validate(full=True)
    if claimed is not None and claimed != table.num_rows:
        raise InputError(f"{name}: holds {claimed} features, {table.num_rows} could be read; fetch it again")
    geometry = table.schema.get_field_index(meta["geometry_name"] or "wkb_geometry")
    if meta["geometry_type"] is None or geometry < 0:
        raise InputError(f"{name}: no geometry column; check what was sent")
    return Layer(name, table, geometry, meta["crs"], tuple(notes))


def _claimed(path: Path, layer: str) -> int | None:
    """Return the features that a FlatGeobuf file says it holds; null where it does not say.

    Refuses a claim of more than its bytes can hold: memory is set aside for the claim.
    """
    with _gdal_errors(path.name):
        claimed = int(gdal().read_info(path, layer=layer)["features"])
    if claimed > min(MAX_FEATURES, path.stat().st_size // 8):
        raise InputError(f"{path.name}: claims {claimed} features, more than it can hold; fetch it again")
    return claimed if claimed > 0 else None


def _refuse_live_sql(path: Path) -> None:
    """Refuse a GeoPackage whose layers are programs (views, virtual tables) or which another program is writing."""
    journal = path.with_name(path.name + "-wal")
    if journal.exists() and journal.stat().st_size:
        raise InputError(f"{path.name}: another program has it open ({journal.name}); close it there first")
    try:
        base = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)
        try:
            live = base.execute(_LIVE_SQL).fetchall()
        finally:
            base.close()
    except (sqlite3.Error, UnicodeError) as error:
        raise InputError(f"{path.name}: damaged GeoPackage ({error}); fetch it again") from error
    if live:
        raise InputError(f"{path.name}: {live[0][0]} is a view or a virtual table, not data; export it as a table")


_LIVE_SQL = """
SELECT name FROM sqlite_master
WHERE (type = 'view' AND name IN (SELECT table_name FROM gpkg_contents))
   OR (sql LIKE 'create virtual%' AND sql NOT LIKE '%using%rtree%')
   OR (type = 'view' AND name LIKE 'gpkg_%')
"""


@contextmanager
def _unzipped(path: Path, layer: str | None) -> Iterator[Path]:
    """Take the one shapefile of an archive out into a temporary folder, under a name of ours."""
    with tempfile.TemporaryDirectory(prefix="qpvhealth-") as folder:
        with opened_zip(path) as archive:
            parts = [e for e in archive.infolist() if not e.is_dir() and not e.filename.startswith("__MACOSX/")]
            stem = _main_entry(path, parts, layer).filename[: -len(".shp")]
            for entry in parts:
                suffix = entry.filename[len(stem) :].lower()
                if entry.filename.startswith(stem) and suffix in _COMPANIONS:
                    _extract(archive, entry, Path(folder) / f"layer{suffix}")
        yield checked_path(Path(folder) / "layer.shp")


def _main_entry(path: Path, parts: list[zipfile.ZipInfo], layer: str | None) -> zipfile.ZipInfo:
    """Find the .shp of an archive: the only one, or the one whose name is the layer's."""
    shapes = {Path(e.filename).stem: e for e in parts if e.filename.lower().endswith(".shp")}
    if not shapes:
        raise InputError(f"{path.name}: no .shp in the archive; unpack it and give the file itself")
    if layer is None and len(shapes) == 1:
        return next(iter(shapes.values()))
    if layer in shapes:
        return shapes[layer]
    raise UsageError(f"{path.name}: write in the card layer = one of: {', '.join(sorted(shapes)[:20])}")


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    with target.open("xb") as file:
        for chunk in inflated_chunks(archive, entry):
            file.write(chunk)


def _read_shapefile(path: Path, encoding: str | None, *, name: str) -> Layer:
    """Read a shapefile once its parts agree on the number of records."""
    parts = _parts(path, name)
    n, n_deleted = _counted(parts, name)
    chosen, why = (encoding, "as asked") if encoding else _dbf_encoding(parts)
    read = _read_gdal(path, name, encoding=chosen)
    if read.table.num_rows != n - n_deleted:
        raise InputError(f"{name}: {n - n_deleted} records, {read.table.num_rows} could be read; fetch it again")
    notes = [f"encoding {chosen} ({why})", *([f"{n_deleted} deleted records left out"] if n_deleted else [])]
    return read._replace(notes=(*notes, *read.notes))


def _parts(path: Path, name: str) -> dict[str, Path]:
    """Find the companions of a .shp, none of which may lead out of its folder.

    Raises:
        InputError: .shx or .dbf is missing, or a companion is a link or not a regular file.

    """
    parts = {p.suffix.lower(): p for p in sorted(path.parent.glob(f"{_escaped(path.stem)}.*"))}
    for suffix in (".shx", ".dbf"):
        if suffix not in parts:
            raise InputError(f"{name}: {path.stem}{suffix} is missing beside it; copy all parts of the shapefile")
    for part in parts.values():
        if part.resolve().parent != path.resolve().parent or not part.is_file():
            raise InputError(f"{name}: {part.name} leads out of the folder or is not a file; copy the shapefile itself")
    return parts


def _escaped(stem: str) -> str:
    return re.sub(r"([\[\]*?])", r"[\1]", stem)


def _counted(parts: dict[str, Path], name: str) -> tuple[int, int]:
    """Count the records from the index and from the table, and those marked as deleted.

    Raises:
        InputError: the parts do not agree, or the file is cut.

    """
    said = 2 * int.from_bytes(first_bytes(parts[".shp"])[24:28], "big")
    if said > parts[".shp"].stat().st_size:
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
    return n_table, marks.count(b"*")


def _dbf_encoding(parts: dict[str, Path]) -> tuple[str, str]:
    """Choose the encoding of the table: its .cpg, else strict UTF-8, else cp1252, of which ISO-8859-1 is a poorer form."""
    if ".cpg" in parts:
        said = parts[".cpg"].read_bytes()[:100].decode("ascii", "replace").strip()
        return ("cp1252" if said.lower() in _LATIN else said), f".cpg says {said}"
    data = parts[".dbf"].read_bytes()
    body = data[struct.unpack_from("<H", data, 8)[0] :]
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return DBF_ENCODING, "no .cpg, not UTF-8"
    return ("utf-8", "no .cpg, strict UTF-8") if not body.isascii() else (DBF_ENCODING, "no .cpg, ASCII only")


def _read_geoparquet(path: Path) -> Layer:
    """Read the primary geometry column, in WKB, of a GeoParquet file; other geometry columns are left out.

    Raises:
        InputError: no geometry metadata, or another encoding.

    """
    from qpvhealth.ingest.readers import parquet  # noqa: PLC0415 -- it loads what reads Parquet, of no use to the other formats

    table = parquet.arrow_table(path)
    geo = parquet.geo_metadata(table) or {}
    columns = geo.get("columns")
    primary = geo.get("primary_column")
    if not isinstance(columns, dict) or not isinstance(columns.get(primary), dict) or primary not in table.column_names:
        raise InputError(f"{path.name}: a Parquet file without geometry metadata; write it as GeoParquet")
    if columns[primary].get("encoding") != "WKB":
        raise InputError(f"{path.name}: geometries are not in WKB; write it as GeoParquet with WKB")
    others = [c for c in columns if c != primary and c in table.column_names]
    table = table.drop_columns(others)
    crs = columns[primary].get("crs", "OGC:CRS84")
    stated = json.dumps(crs) if isinstance(crs, dict) else crs
    notes = (f"other geometry columns left out: {', '.join(others)}",) if others else ()
    return Layer(path.name, table, table.column_names.index(primary), stated, notes)
