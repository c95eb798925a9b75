"""Counts of primary-care structures in and near the French priority neighbourhoods (QPV).

The library behind the ``qpvhealth`` command. ``build`` chains ingestion, the spatial join, the zoning overlay and the
aggregation, and returns the tables of a release as frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qpvhealth.build.stages import build

__all__ = ["__version__", "build"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Import ``build`` at its first use: the command line answers ``--help`` without loading any frame library."""
    if name == "build":
        from qpvhealth.build.stages import build  # noqa: PLC0415

        return build
    raise AttributeError(name)
