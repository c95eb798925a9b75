"""Point sets and polygons for the benchmarks: invented points around the polygons given, the same for the same seed; answers compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyogrio
import shapely

from qpvhealth.facts.territories import TERRITORIES
from qpvhealth.locate import polygons

if TYPE_CHECKING:
    from pathlib import Path

AT_ONCE = 1_000_000
NEAR_M = 300
AROUND_M = 1500


def write(name: str, n: int, neighbourhoods: Path, codes: Path, points: Path) -> str:
    """Write the codes of the usable polygons of a territory, and ``n`` points (``id``, ``x``, ``y``), in its metres.

    Returns the coordinate system.
    """
    territory = "la_reunion" if name == "overseas" else "metropole"
    given = polygons.read(neighbourhoods)[0][territory]
    pq.write_table(pa.table({"code": pa.array(given.codes, pa.string())}), codes)
    random, writer = np.random.default_rng(5), None
    for first in range(0, n, AT_ONCE):
        size = min(AT_ONCE, n - first)
        x, y = _DRAWN[name](random, size, given.polygons)
        rows = pa.table({"id": np.arange(first, first + size), "x": x, "y": y})
        writer = writer or pq.ParquetWriter(points, rows.schema, compression="snappy", use_dictionary=False)
        writer.write_table(rows)
    if writer is not None:
        writer.close()
    return f"EPSG:{TERRITORIES[territory].epsg}"


def write_wide(n: int, neighbourhoods: Path, codes: Path, points: Path) -> str:
    """Write ``n`` points with 48 more columns, one in three of them texts, in one row group. Returns the coordinate system."""
    crs, random = write("uniform", n, neighbourhoods, codes, points), np.random.default_rng(1)
    table = pq.read_table(points)
    for k in range(48):
        texts = np.char.add("rue ", random.integers(0, 200_000, n).astype(str))
        table = table.append_column(f"c{k}", pa.array(random.normal(size=n) if k % 3 else texts))
    pq.write_table(table, points, row_group_size=n)
    return crs


def differences(mine: Path, theirs: Path) -> int:
    """Count the rows whose answers differ; all of them where rows or their order do."""
    columns = ["id", "qpv_code", "near_qpv_code"]
    a, b = (pq.read_table(p, columns=columns) for p in (mine, theirs))
    if a.num_rows != b.num_rows or not a["id"].combine_chunks().equals(b["id"].combine_chunks()):
        return max(a.num_rows, b.num_rows)
    wrong = np.zeros(a.num_rows, dtype=bool)
    for name in columns[1:]:
        same = pc.equal(*(pc.fill_null(table[name].cast(pa.string()), "") for table in (a, b)))
        wrong |= ~same.combine_chunks().to_numpy(zero_copy_only=False)
    return int(wrong.sum())


def _clustered(random: np.random.Generator, n: int, quarters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Around the quarters, as addresses are: a tenth within 300 m or so, the rest over the towns."""
    middle = shapely.get_coordinates(shapely.centroid(quarters))[random.integers(0, len(quarters), n)]
    spread = random.choice([300.0, 1500.0, 5000.0], n, p=[0.1, 0.4, 0.5])[:, None]
    return tuple((middle + random.normal(0, 1, (n, 2)) * spread).T)


def _uniform(random: np.random.Generator, n: int, quarters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    west, south, east, north = shapely.total_bounds(quarters)
    return random.uniform(west, east, n), random.uniform(south, north, n)


def _inside(random: np.random.Generator, n: int, quarters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """In triangles of the quarters, so that every point is inside."""
    which = np.arange(len(quarters))
    triangles = shapely.get_parts(shapely.constrained_delaunay_triangles(quarters[which]))
    corners = shapely.get_coordinates(triangles).reshape(-1, 4, 2)[:, :3]
    area = shapely.area(triangles)
    chosen = corners[random.choice(len(corners), n, p=area / area.sum())]
    a, b = np.sort(random.random((2, n)), axis=0)[:, :, None]
    return tuple((chosen[:, 0] * a + chosen[:, 1] * (b - a) + chosen[:, 2] * (1 - b)).T)


def _borders(random: np.random.Generator, n: int, quarters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """On the borders as well as a number can say: half of them a hair inside, half a hair outside, vertices exactly."""
    lines = shapely.boundary(quarters)[random.integers(0, len(quarters), n)]
    on = shapely.get_coordinates(shapely.line_interpolate_point(lines, random.random(n), normalized=True))
    return on[:, 0], on[:, 1]


def _around(random: np.random.Generator, n: int, quarters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Around the quarters, nearly all within 1.5 km of their middle."""
    middle = shapely.get_coordinates(shapely.centroid(quarters))[random.integers(0, len(quarters), n)]
    return tuple((middle + random.normal(0, AROUND_M / 2, (n, 2))).T)


_DRAWN = {
    "clustered": _clustered,
    "around": _around,
    "uniform": _uniform,
    "inside": _inside,
    "borders": _borders,
    "overseas": _clustered,
}


def centres(path: Path) -> np.ndarray:
    """Return the middle (degrees) of the box of each polygon of a layer."""
    west, south, east, north = pyogrio.read_bounds(path)[1]
    return np.column_stack([(west + east) / 2, (south + north) / 2])


def misplaced(plain: Path, release: Path, generations: tuple[str, ...], last_year: int, n_years: int) -> int:
    """Count the structures, by year, that the plain script and a release do not place alike in some generation."""
    told = pd.read_parquet(plain)
    years = np.arange(last_year - n_years + 1, last_year + 1)
    at = pd.MultiIndex.from_arrays([told["finess"], np.repeat(years, len(told) // n_years)])
    columns = ["finess_et", "year", "generation", "situation", "distance_m"]
    located = pd.read_parquet(release / "structure_locations.parquet", columns=columns)
    differ = np.zeros(len(told), dtype=bool)
    for i, generation in enumerate(generations):
        own = located[located["generation"] == generation].set_index(["finess_et", "year"]).loc[at]
        differ |= told[f"in_{i}"].to_numpy() != (own["situation"] == "in_qpv").to_numpy()
        differ |= told[f"near_{i}"].to_numpy() != (own["distance_m"] <= NEAR_M).to_numpy()
    return int(differ.sum())
