"""Counts of primary-care structures in and near the French priority neighbourhoods (QPV).

The library behind the ``qpvhealth`` command. ``build`` chains ingestion, the spatial join, the zoning overlay and the
aggregation, and returns the tables of a release as frames; ``stages`` gives the same functions one by one, frames in and out.
"""

from __future__ import annotations

from typing import Any

from qpvhealth.build import (
    build,  # its libraries are loaded when a build begins: the package of that name is one function here
)

__all__ = ["__version__", "build", "stages"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Import ``stages`` at its first use: the command line answers ``--help`` without loading any frame library."""
    if name == "stages":
        from qpvhealth.build import stages  # noqa: PLC0415

        return stages
    raise AttributeError(name)
