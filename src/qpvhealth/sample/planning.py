"""What planners get in the invented France: figures per neighbourhood; GPs and projects are files of this folder.

The densities and age shares of ``files/practitioners`` repeat those of the action sheet of Rennes (document 004): 134 GPs per
100,000 and 50 % over 55 in a town, 109 in the country, 45 % in its region. The town is the first commune of 35, the département
whose every GP has a point: in the middle of neighbourhoods of 2024, where the first has none, the next have one, three and six,
over and over.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from qpvhealth.sample.neighbourhoods import neighbourhoods
from qpvhealth.sample.tables import OUTSIDE_PERIMETER, write_lines

if TYPE_CHECKING:
    from pathlib import Path

SUPPRESSED_ONE_IN, EMPTY_ONE_IN = 60, 45


@cache
def figures() -> tuple[tuple[str, str, str, str], ...]:
    """Invent code, name, poverty and share of 60 and over of the neighbourhoods of 2024.

    The percentages have a decimal comma; ``ns`` where one is suppressed, nothing where it is missing.
    """

    def percentage(rank: int, least: int, step: int, spread: int) -> str:
        """Write a percentage, or why there is none."""
        if rank % SUPPRESSED_ONE_IN == 0:
            return "ns"
        return "" if rank % EMPTY_ONE_IN == 0 else f"{least + rank * step % spread / 10:.1f}".replace(".", ",")

    there = [q for q in neighbourhoods("qpv-2024") if q.department not in OUTSIDE_PERIMETER]
    return tuple(
        (q.code, q.name, percentage(k, 25, 37, 400), percentage(k + 7, 8, 13, 200)) for k, q in enumerate(there)
    )


def write_figures(path: Path) -> None:
    """Write poverty and the share of 60 and over, with a row of totals, values suppressed and values missing."""
    header = ["CODGEO", "LIBGEO", "TP60", "TX_TOT_60ETPLUS"]
    write_lines(path, [header, ["Ensemble", "Ensemble", "42,0", "17,0"], *figures()], ";")
