"""Points by the million placed among the QPV of a file, on one machine or several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qpvhealth.errors import UsageError
from qpvhealth.locate.choices import Choices

if TYPE_CHECKING:
    from pathlib import Path

    from qpvhealth.locate.points import Summary

__all__ = ["locate_file"]


def locate_file(
    points: Path,
    neighbourhoods: Path,
    out: Path,
    *,
    engine: str = "local",
    scheduler: str | None = None,
    layer: str | None = None,
    code_column: str | None = None,
    encoding: str | None = None,
    neighbourhoods_crs: str | None = None,
    **options: Any,  # noqa: ANN401 -- those of two functions
) -> Summary:
    """Write the rows of ``points`` with the QPV of each, here or on a Dask cluster.

    ``engine``: ``local`` (``points.locate_file``), or ``dask``, with the address of a ``scheduler`` if there is one: ``out`` is then a
    folder of Parquet parts (``cluster.locate_parts``). ``layer``, ``code_column``, ``encoding``, ``neighbourhoods_crs``: of the file of
    polygons, where it does not say them itself. ``options``: those of the two. Raises UsageError for another engine.
    """
    options["choices"] = Choices(layer, code_column, encoding, neighbourhoods_crs)
    if engine == "dask":
        from qpvhealth.locate import cluster  # noqa: PLC0415 -- an extra that most do not install

        return cluster.locate_parts(points, neighbourhoods, out, scheduler=scheduler, **options)
    if engine != "local" or scheduler is not None:
        raise UsageError(f'engine "{engine}": local, or dask (which alone takes a scheduler)')
    from qpvhealth.locate import points as local  # noqa: PLC0415 -- loads the geometry libraries

    return local.locate_file(points, neighbourhoods, out, **options)
