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
    versions = {"python": platform.python_version(), "qpvhealth": metadata.version("qpvhealth")}
    versions |= {"code": code_digest()[:16]} | {name: metadata.version(name) for name in LIBRARIES}
    try:
        pyogrio = layers.gdal()
    except QpvhealthError as error:
        geometry = {"drivers": str(error)}
    else:
        from pyproj import datadir  # noqa: PLC0415  # only here are the grids of interest

        geometry = {"drivers": ", ".join(sorted(pyogrio.list_drivers())), "projection data": datadir.get_data_dir()}
    disk = {"free here": f"{shutil.disk_usage(Path.cwd()).free / GIB:.1f} GiB"}
    return {"versions": versions, "geometry": geometry, "disk": disk}
