"""Points beyond one machine: the same function over the partitions of Parquet files, on a Dask cluster (extra ``scale``).

A partition is some whole row groups of one file. Its part is written by the function that writes a whole file, so its bytes
do not depend on where, or how often, it ran; all parts appear together under the folder asked for, or none.
"""

from __future__ import annotations

import secrets
import shutil
import time
from contextlib import nullcontext
from functools import lru_cache, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from qpvhealth.errors import PublishError, UsageError
from qpvhealth.ingest.readers.geoparquet import PARQUET
from qpvhealth.locate import cells, points as engine, polygon_cache
from qpvhealth.locate.choices import NO_CHOICES
from qpvhealth.locate.reader import PointFile, parts_of
from qpvhealth.publish.store import writing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from qpvhealth.locate.choices import Choices
    from qpvhealth.locate.points import Counts, Progress, Summary

PART_ROWS = 4_000_000
RETRIES = 3
_POLYGONS = "polygons"


def locate_parts(
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
    scheduler: str | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
    client: Any = None,  # noqa: ANN401 -- distributed has no types, and is not always installed
) -> Summary:
    """Place the points of a Parquet file, or of a folder of them, on a Dask cluster; see ``points.locate_file``.

    ``out`` is a new folder of ``part-00000.parquet``, …, in the order of the rows. The cluster is that of ``client``, of the
    ``scheduler`` address, or two processes started here. Workers read and write the same folders as this process. What a worker
    that dies was doing is done again by another. Raises UsageError without the extra ``scale``, PublishError where ``out`` exists.
    """
    started = time.perf_counter()
    engine.refuse_distance(distance_m)
    paths = parts_of(points)
    if paths[0].suffix.lower() not in PARQUET:
        raise UsageError(f"{points}: the engine dask reads Parquet, a file or a folder of them; convert the points")
    files = [PointFile(p, x=x, y=y, crs=crs) for p in paths]
    if out.exists():
        raise PublishError(f"{out}: exists; the engine dask writes a new folder of parts, name another")
    for file in files:
        engine.refuse_overlap(file, out)
        if file.coordinates != files[0].coordinates or file.schema.names != files[0].schema.names:
            raise UsageError(f"{file.path.name}: other columns or coordinates than {files[0].path.name}")
    try:
        dask: Any = import_module("distributed")
    except ImportError as error:
        raise UsageError("the engine dask comes with the extra scale (in a clone: make develop)") from error
    own = {"address": scheduler} if scheduler else {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    staged = out.with_name(f".{out.name[:100]}.{secrets.token_hex(4)}")
    shared = staged / _POLYGONS
    with writing(out):
        staged.mkdir(parents=True)
        try:
            system, n_rows = files[0].coordinates.crs, sum(file.n_about for file in files)
            index = engine.index_of(neighbourhoods, system, distance_m, choices, cache=cache)
            polygon_cache.write(shared, _POLYGONS, index.cells.perimeters, [])
            ready = time.perf_counter()
            runs = [(file.path, groups) for file in files for groups in _runs(file.row_groups())]
            parts = [staged / f"part-{number:05d}.parquet" for number in range(len(runs))]
            place = {"x": x, "y": y, "crs": crs}
            work = partial(locate_partition, shared, place, distance_m=distance_m, with_distance=with_distance)
            with nullcontext(client) if client is not None else dask.Client(**own) as workers:
                futures = workers.map(work, *zip(*runs, strict=True), parts, retries=RETRIES, pure=False)
                done = 0
                for _, counts in dask.as_completed(futures, with_results=True):
                    done += counts[0]
                    if progress is not None:
                        progress(done, n_rows)
                totals = engine.Counts(*map(sum, zip(*workers.gather(futures), strict=True)))
            shutil.rmtree(shared)
            for unfinished in staged.glob(".*"):  # what workers that died had begun to write
                unfinished.unlink(missing_ok=True)
            staged.rename(out)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
    took = time.perf_counter() - started
    notes, shift = engine.with_shift(index.notes, system)
    return engine.Summary(
        totals, len(index.cells.codes), index.made, ready - started, took, notes, len(parts), shift=shift
    )


def locate_partition(
    polygons: Path,
    place: Mapping[str, str | None],
    path: Path,
    row_groups: tuple[int, ...],
    part: Path,
    *,
    distance_m: float,
    with_distance: bool,
) -> Counts:
    """Write the part of one partition, some consecutive row groups of a file; return how many rows there were.

    ``polygons``: the folder they are kept in; ``place``: ``x``, ``y`` and ``crs`` of ``PointFile``.
    """
    file = PointFile(path, **place)
    index = _index(polygons, file.coordinates.crs, distance_m, with_distance=with_distance)
    return engine.write_located(file, index, part, row_groups=row_groups)


@lru_cache(maxsize=2)
def _index(folder: Path, crs: str, distance_m: float, *, with_distance: bool) -> cells.Index:
    """Load the polygons once in each process; the cells of their index stay cut from one partition to the next."""
    cached = polygon_cache.read(folder, _POLYGONS)
    if cached is None:
        raise PublishError(f"{folder}: the polygons cannot be read; workers must see the folder of the output")
    return cells.Index(cached[0], crs, distance_m, with_distance=with_distance)


def _runs(sizes: list[int]) -> Iterator[tuple[int, ...]]:
    """Group consecutive row groups up to about ``PART_ROWS`` rows; a file without rows is one partition."""
    run: list[int] = []
    n = 0
    for group, size in enumerate(sizes):
        if run and n + size > PART_ROWS:
            yield tuple(run)
            run, n = [], 0
        run.append(group)
        n += size
    yield tuple(run)
