"""What the installation is: versions, drivers and grids, for ``doctor``."""

from __future__ import annotations

import platform
import shutil
from importlib import metadata
from pathlib import Path

from qpvhealth.errors import QpvhealthError
from qpvhealth.ingest.inputs import LIBRARIES, code_digest
from qpvhealth.ingest.readers import layers

GIB = 1 << 30


def report() -> dict[str, dict[str, str]]:
    """Return versions of Python, of this package and its libraries, the geometry drivers left, and the free disk."""
    return {"versions": _versions(), "geometry": _geometry(), "disk": _disk()}


def _versions() -> dict[str, str]:
    ours = {"python": platform.python_version(), "qpvhealth": metadata.version("qpvhealth"), "code": code_digest()[:16]}
    return ours | {name: metadata.version(name) for name in LIBRARIES}


def _geometry() -> dict[str, str]:
    try:
        pyogrio = layers.gdal()
    except QpvhealthError as error:
        return {"drivers": str(error)}
    from pyproj import datadir  # noqa: PLC0415  # only here are the grids of interest

    return {"drivers": ", ".join(sorted(pyogrio.list_drivers())), "projection data": datadir.get_data_dir()}


def _disk() -> dict[str, str]:
    return {"free here": f"{shutil.disk_usage(Path.cwd()).free / GIB:.1f} GiB"}
