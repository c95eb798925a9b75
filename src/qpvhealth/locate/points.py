"""Any number of points placed among the QPV of a file: the QPV that covers each, the nearest within a distance.

Batches are read, placed and written in their order, so that memory does not grow with the file; the answer is that of the
polygons themselves (``cells``). The output appears whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyproj
import shapely

from qpvhealth.contract.precision import published
from qpvhealth.errors import InputError, UsageError
from qpvhealth.ingest.readers import companions, guard
from qpvhealth.locate import answers, cells, polygon_cache
from qpvhealth.locate.choices import NO_CHOICES
from qpvhealth.locate.reader import DEGREES, open_points, parts_of
from qpvhealth.locate.writer import refuse_suffix, write_points
from qpvhealth.spatial import datums
from qpvhealth.spatial.projection import territories_at, transform_points

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from qpvhealth.locate.choices import Choices
    from qpvhealth.locate.reader import Batch, Points

    Progress = Callable[[int, int | None], None]

PACKAGE = Path(__file__).parents[1]
IN_FLIGHT = 2
"""Batches in memory: one is placed while the next is read and the one before is written."""
LARGEST_M = 1_000_000.0
"""No territory is as wide, from the sea to the sea, as this distance."""
QPV, NEAR, DISTANCE = "qpv_code", "near_qpv_code", "distance_m"


class Counts(NamedTuple):
    """Rows, rows without a point, rows inside a QPV, rows near one."""

    n_rows: int
    n_without_point: int
    n_inside: int
    n_near: int


@dataclass(frozen=True)
class Summary:
    """What was done: the counts; QPV used; whether the polygons of their index were read (``built``) or ``kept``; seconds for these, and in all.

    ``notes``: sentences on polygons that could not be used, and on coordinates that are not exact to half a metre; ``shift``: how those
    of the points were moved, where that is so. ``n_parts``: how many files were written. ``is_outside``: there are points, and none lies in
    a French territory.
    """

    counts: Counts
    n_neighbourhoods: int
    index: str
    index_seconds: float
    seconds: float
    notes: tuple[str, ...]
    n_parts: int = 1
    is_outside: bool = False
    shift: datums.Shift | None = None


def locate_file(
    points: Path,
    neighbourhoods: Path,
    out: Path,
    *,
    distance_m: float,
    x: str | None = None,
    y: str | None = None,
    crs: str | None = None,
    with_distance: bool = False,
    choices: Choices = NO_CHOICES,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Write the rows of ``points`` with the QPV that covers each (``qpv_code``) and the nearest within the distance, outside all.

    ``points``: Parquet (a file, or a folder of them), GeoParquet or CSV; ``neighbourhoods``: a geometry file with a QPV code; ``out``:
    Parquet or CSV, the same rows in the same order and the same columns, then ``qpv_code``, ``near_qpv_code`` and, ``with_distance``,
    ``distance_m`` (0 inside, null beyond). Distances are metres of the territory where the point falls, ≤ ``distance_m``. A null point
    gives nulls. ``x``, ``y``, ``crs``: the coordinates (default: the geometry, else longitude and latitude). ``choices``: what the file
    of polygons does not say itself. ``cache``: a folder that keeps the polygons, read and repaired (see ``polygon_cache.folder``); null
    keeps nothing. ``progress`` is called with rows done and rows in all (null for CSV).

    Raises UsageError for a wrong option or column, InputError for a file that is missing, unsafe or damaged, PublishError when
    ``out`` cannot be written.
    """
    refuse_distance(distance_m)
    started = time.perf_counter()
    refuse_suffix(out)
    file = open_points(points, x=x, y=y, crs=crs)
    refuse_overlap(file, out)
    system = file.coordinates.crs
    index = index_of(neighbourhoods, system, distance_m, choices, with_distance=with_distance, cache=cache)
    ready = time.perf_counter()
    counts = write_located(file, index.cells, out, progress=progress)
    took = time.perf_counter() - started
    nowhere = counts.n_inside + counts.n_near == 0 and _is_outside(file)
    notes, shift = with_shift(index.notes, system)
    return Summary(
        counts, len(index.cells.codes), index.made, ready - started, took, notes, is_outside=nowhere, shift=shift
    )


def with_shift(notes: tuple[str, ...], crs: str) -> tuple[tuple[str, ...], datums.Shift | None]:
    """Add to notes how the coordinates of the points were moved, where that is not exact to half a metre; and return it."""
    shift = datums.shift(crs)
    return (notes if shift is None else (*notes, f"points in {crs}: {shift.words()}")), shift


def _is_outside(file: Points) -> bool:
    """Say whether a file has points, and none of them in the box of a French territory; it is read until one is."""
    n = 0
    for batch in file.batches():
        there = np.isfinite(batch.x) & np.isfinite(batch.y)
        lon, lat = transform_points(batch.x[there], batch.y[there], file.coordinates.crs, DEGREES)
        n += int(there.sum())
        if (territories_at(lon, lat) != None).any():  # noqa: E711 -- element by element
            return False
    return n > 0


def refuse_distance(distance_m: float) -> None:
    """Raise UsageError for a distance without sense."""
    if not 0 <= distance_m <= LARGEST_M:
        raise UsageError(f"distance {distance_m}: metres expected, from 0 to {LARGEST_M:,.0f}")


@dataclass(frozen=True)
class MadeIndex:
    """An index, how its polygons came (read for it: ``built``; or ``kept``), and what is to be said of them."""

    cells: cells.Index
    made: str
    notes: tuple[str, ...]


def index_of(
    neighbourhoods: Path,
    crs: str,
    distance_m: float,
    choices: Choices = NO_CHOICES,
    *,
    with_distance: bool = False,
    cache: Path | None = None,
) -> MadeIndex:
    """Return the index of the polygons of a file, for points in ``crs``.

    Polygons are those kept in ``cache`` for the same bytes, choices and code; else they are read, repaired, and kept there.
    """
    path = guard.checked_path(neighbourhoods)
    key = "" if cache is None else _key(path, choices)
    cached = None if cache is None else polygon_cache.read(cache, key)
    if cached is None:
        from qpvhealth.locate import polygons  # noqa: PLC0415 -- reads them into frames; kept ones need none

        perimeters, notes = polygons.read(path, choices)
        if cache is not None:
            polygon_cache.write(cache, key, perimeters, notes)
    else:
        perimeters, notes = cached
    index = cells.Index(perimeters, crs, distance_m, with_distance=with_distance)
    return MadeIndex(index, "built" if cached is None else "kept", tuple(notes))


def _key(path: Path, choices: Choices) -> str:
    """Name all that polygons depend on: the bytes of their files, the choices, the code and its libraries."""
    depends_on = {
        "files": {s: guard.sha256_of(p) for s, p in ({"": path} | companions.of(path)).items()},
        "name": path.suffix,
        "choices": choices._asdict(),
        "code": [guard.sha256_of(p) for p in sorted(PACKAGE.rglob("*")) if p.suffix in (".py", ".toml", ".csv")],
        "versions": {module.__name__: module.__version__ for module in (np, pyproj, shapely)},
    }
    return hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()[:32]


def refuse_overlap(file: Points, out: Path) -> None:
    """Raise UsageError where the output would overwrite the input, or has columns of its own names already."""
    if out.exists() and any(out.samefile(part) for part in (file.path, *parts_of(file.path))):
        raise UsageError(f"{out}: the points themselves; name another output")
    taken = [name for name in (QPV, NEAR, DISTANCE) if name in file.schema.names]
    if taken:
        raise UsageError(f"{file.path.name}: already has {', '.join(taken)}; rename or drop these columns first")


def write_located(
    file: Points,
    index: cells.Index,
    out: Path,
    *,
    row_groups: Iterable[int] | None = None,
    progress: Progress | None = None,
) -> Counts:
    """Write the rows of a file, or of some row groups of it, then their answers; return how many there were.

    One thread places the points, while this one reads and writes: a second one would wait for the interpreter most of the time, and
    prepare the polygons anew (docs/scale.md).
    """
    new = [pa.field(QPV, pa.string()), pa.field(NEAR, pa.string())]
    new += [pa.field(DISTANCE, pa.float64())] if index.with_distance else []
    schema = pa.schema([*file.schema, *new], metadata=file.metadata or None)
    codes = answers.texts(index.codes)

    def answered(batch: Batch) -> tuple[pa.RecordBatch, list[int]]:
        """Return the rows of a batch with their answers, and its counts."""
        _refuse_not_degrees(batch, index.crs)
        inside, near, distance_m = index.locate(batch.x, batch.y)
        columns = [*batch.rows.columns, answers.texts_at(inside, codes), answers.texts_at(near, codes)]
        if distance_m is not None:
            columns.append(answers.numbers(published(distance_m, "m")))
        n_there, n_inside, n_near = (
            int(mask.sum()) for mask in (np.isfinite(batch.x + batch.y), inside >= 0, near >= 0)
        )
        counts = [len(batch.x), len(batch.x) - n_there, n_inside, n_near]
        return pa.RecordBatch.from_arrays(columns, schema=schema), counts

    batches = file.batches(None if row_groups is None else list(row_groups))
    totals = np.zeros(4, dtype=np.int64)
    with write_points(out, schema, separator=file.separator) as writer, ThreadPoolExecutor(1) as pool:
        waiting = deque(pool.submit(answered, batch) for batch in islice(batches, IN_FLIGHT))
        while waiting:
            rows, counts = waiting.popleft().result()
            writer.write(rows)
            waiting.extend(pool.submit(answered, batch) for batch in islice(batches, 1))
            totals += counts
            if progress is not None:
                progress(int(totals[0]), file.n_rows)
    return Counts(*totals.tolist())


def _refuse_not_degrees(batch: Batch, crs: str) -> None:
    """Refuse what is read as degrees and is not: nothing would be inside, without a word."""
    if crs != DEGREES or not len(batch.x):
        return
    for values, limit, name in ((batch.x, 180.0, "longitude"), (batch.y, 90.0, "latitude")):
        far = np.abs(values[np.isfinite(values)]).max(initial=0)  # an infinite one is a row without a point
        if far > limit:
            raise InputError(f"{name} {far:g}: not in degrees; name the coordinate system with --crs EPSG:…")
