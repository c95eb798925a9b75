"""Write the invented raw folder."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from qpvhealth.errors import UsageError
from qpvhealth.sample import contours, extracts, planning, regional, revision, tables, workbooks, zonings
from qpvhealth.sample.readme import readme
from qpvhealth.sample.resources import cards, text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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
    "indicators/qpv-2024.csv": planning.write_figures,
}


FILES = (
    *(f"practitioners/{name}-2024.csv" for name in ("communes", "regions", "france", "points")),
    "projects/2024.csv",
)
"""Raw files that need no construction: copied from ``files``."""


def write(folder: Path, *, revised: bool = False) -> None:
    """Write the invented France into ``folder`` as a complete raw folder, the same bytes at each run.

    ``revised``: as a second delivery, in which three contours of 2015 are edited (see ``revision``).
    Raises UsageError when the folder already has a ``sources.toml`` that is not this sample's own.
    """
    template, existing = text("sources.toml"), folder / "sources.toml"
    mark = template.partition("\n")[0]
    if existing.exists() and not existing.read_text(encoding="utf-8", errors="replace").startswith(mark):
        raise UsageError(f"{existing}: holds other cards; the invented France is written only where there are none")
    for card in cards().values():
        (folder / card["path"]).parent.mkdir(parents=True, exist_ok=True)
    contours.write_outlines(folder / "boundaries")
    contours.write_2015(folder / "neighbourhoods" / "qpv-2015", revision.edited if revised else lambda qpv: qpv)
    contours.write_2024(folder / "neighbourhoods" / "qpv-2024")
    for name, writer in WRITERS.items():
        writer(folder / name)
    for name in FILES:
        (folder / name).write_text(text(f"files/{name}"), encoding="utf-8")
    corrections = text("corrections.toml").format(qpv=contours.wrong_commune(), finess=workbooks.wrong_commune())
    (folder / "corrections.toml").write_text(corrections, encoding="utf-8")
    (folder / "README.md").write_text(readme(revised=revised), encoding="utf-8")
    for card in cards().values():
        digest = hashlib.sha256((folder / card["path"]).read_bytes()).hexdigest()
        template = template.replace('sha256 = ""', f'sha256 = "{digest}"', 1)
    existing.write_text(template, encoding="utf-8")
