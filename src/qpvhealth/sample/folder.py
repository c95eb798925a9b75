"""Write the invented raw folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qpvhealth.errors import UsageError
from qpvhealth.sample import cards, contours, extracts, planning, regional, revision, tables, workbooks, zonings
from qpvhealth.sample.readme import readme

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from qpvhealth.sample.neighbourhoods import Qpv

WRITERS: dict[str, Callable[[Path], None]] = {
    "boundaries/communes.csv": tables.write_communes,
    "populations/qpv-2015-population-2013.csv": tables.write_populations_2013,
    "populations/qpv-2024-population-2020.csv": tables.write_populations_2020,
    "programmes/npnru-qpv-2015.csv": tables.write_npnru,
    "zoning/Zonage_medecin_20191231.xlsx": zonings.write_workbook,
    "zoning/zonage-communes-2025.csv": zonings.write_commune_file,
    "structures/2018-cs1100507.csv": extracts.write_legacy,
    "structures/2019.xlsx": lambda path: workbooks.write_ministry(path, 2019),
    "structures/2020.xlsx": lambda path: workbooks.write_ministry(path, 2020),
    "structures/2024-finess.csv": regional.write_regional,
    "structures/2019-cs1100507.csv": extracts.write_register,
    "declarations/vecu-2019.csv": tables.write_declarations,
    "geocoded/2019.csv": tables.write_geocoded,
    "links/identities.csv": tables.write_links,
    **planning.WRITERS,
}


def write(folder: Path, *, revised: bool = False) -> None:
    """Write the invented France into ``folder`` as a complete raw folder, the same bytes at each run.

    ``revised``: as a second delivery, in which three contours of 2015 are edited (see ``revision``).
    Raises UsageError when the folder already holds a ``sources.toml`` that is not this sample's own.
    """
    _refuse_foreign(folder)
    _subfolder(folder, "boundaries", "neighbourhoods/qpv-2015", "neighbourhoods/qpv-2024")
    contours.write_outlines(folder / "boundaries")
    contours.write_2015(folder / "neighbourhoods" / "qpv-2015", revision.edited if revised else _unedited)
    contours.write_2024(folder / "neighbourhoods" / "qpv-2024")
    for name, writer in WRITERS.items():
        _subfolder(folder, name.rpartition("/")[0])
        writer(folder / name)
    (folder / "corrections.toml").write_text(cards.corrections_toml(), encoding="utf-8")
    (folder / "README.md").write_text(readme() + (revision.readme() if revised else ""), encoding="utf-8")
    (folder / "sources.toml").write_text(cards.sources_toml(folder), encoding="utf-8")


def _unedited(qpv: Qpv) -> Qpv:
    return qpv


def _refuse_foreign(folder: Path) -> None:
    existing = folder / "sources.toml"
    if existing.exists() and not existing.read_text(encoding="utf-8", errors="replace").startswith(cards.MARK):
        raise UsageError(f"{existing}: holds other cards; the invented France is written only where there are none")


def _subfolder(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).mkdir(parents=True, exist_ok=True)
