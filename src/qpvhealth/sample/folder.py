"""The invented raw folder: its files, its cards, and the page that says what it is and every piece of deliberate dirt in it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from qpvhealth.errors import UsageError
from qpvhealth.sample import contours, extracts, tables, workbooks
from qpvhealth.sample.coordinates import is_geocoded
from qpvhealth.sample.neighbourhoods import FAULTS, neighbourhoods
from qpvhealth.sample.resources import cards, records, text
from qpvhealth.sample.stories import combined, renumbered, states, states_of, without_number

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WRITERS: dict[str, Callable[[Path], None]] = {
    "boundaries/communes.csv": tables.write_communes,
    "populations/qpv-2015-population-2013.csv": tables.write_populations_2013,
    "populations/qpv-2024-population-2020.csv": tables.write_populations_2020,
    "programmes/npnru-qpv-2015.csv": tables.write_npnru,
    "zoning/Zonage_medecin_20191231.xlsx": tables.write_zoning_2019,
    "zoning/zonage-communes-2025.csv": tables.write_zoning_2025,
    "structures/2018-cs1100507.csv": extracts.write_legacy,
    "structures/2019.xlsx": lambda path: workbooks.write_ministry(path, 2019),
    "structures/2020.xlsx": lambda path: workbooks.write_ministry(path, 2020),
    "structures/2024-finess.csv": extracts.write_regional,
    "structures/2019-cs1100507.csv": extracts.write_register,
    "declarations/vecu-2019.csv": tables.write_declarations,
    "geocoded/2019.csv": tables.write_geocoded,
    "links/identities.csv": tables.write_links,
    "indicators/qpv-2024.csv": tables.write_figures,
}


FILES = (
    *(f"practitioners/{name}-2024.csv" for name in ("communes", "regions", "france", "points")),
    "projects/2024.csv",
)
"""Raw files that need no construction: copied from ``files``."""


def write(folder: Path, *, revised: bool = False) -> None:
    """Write the invented France into ``folder`` as a complete raw folder, the same bytes at each run.

    ``revised``: as a second delivery, in which three contours of 2015 are edited (see ``contours.edits``).
    Raises UsageError when the folder already has a ``sources.toml`` that is not this sample's own.
    """
    template, existing = text("sources.toml"), folder / "sources.toml"
    mark = template.partition("\n")[0]
    if existing.exists() and not existing.read_text(encoding="utf-8", errors="replace").startswith(mark):
        raise UsageError(f"{existing}: holds other cards; the invented France is written only where there are none")
    for card in cards().values():
        (folder / card["path"]).parent.mkdir(parents=True, exist_ok=True)
    contours.write_outlines(folder / "boundaries")
    contours.write_2015(folder / "neighbourhoods" / "qpv-2015", revised=revised)
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


def dirt() -> dict[str, int]:
    """Count each piece of deliberate dirt, on the construction and not on the files."""
    frame = states()
    count = {
        f"{fault}_{generation[-4:]}": sum(q.fault == fault for q in neighbourhoods(generation))
        for fault in {*FAULTS, "collapsed"}
        for generation in ("qpv-2015", "qpv-2024")
    }
    for year, rows in frame.groupby("year"):
        count[f"repeated_structures_{year}"] = extracts.REPEATED[int(str(year))]
        count[f"contradictory_{year}"] = int((rows["location_status"] == "contradictory").sum())
        count[f"out_of_stock_{year}"] = int((~rows["in_stock"] & ~rows["is_nursing"]).sum())
    links, projects = renumbered(), {p["projet"]: p["montant"] for p in records("files/projects/2024.csv", ";")}
    percentages = [cell for row in tables.figures() for cell in row[2:]]
    return count | {
        "straddling_2015": sum(len(q.communes) > 1 for q in neighbourhoods("qpv-2015")),
        "out_of_scope_2018": sum(extracts.FINESS["out_of_scope"].values()),
        "out_of_scope_2019": int((frame["is_nursing"] & ~frame["in_stock"]).sum()),
        "rejected_2018": len(extracts.BROKEN_2018),
        "rejected_2019": 2,
        "rejected_2020": 1,
        "rejected_2024": 1,
        "without_number_2019": len(without_number()),
        "register_only_2019": extracts.REGISTER_ONLY,
        "geocoded_2019": int((is_geocoded(states_of(2019)) & states_of(2019)["in_stock"]).sum()),
        "geocoded_unusable_2019": len(tables.GEOCODED["unusable"]),
        "renumbered": len(links),
        "confirmed": int(links["is_confirmed"].sum()),
        "combined": len(combined()),
        "n_suppressed": percentages.count("ns"),
        "n_empty": percentages.count(""),
        "n_gp_points": len(records("files/practitioners/points-2024.csv", ";")),
        "n_without_amount": list(projects.values()).count(""),
    }


def readme(*, revised: bool) -> str:
    """Write the page; ``revised`` adds what the second delivery changes."""
    page = text("folder_readme.md").format(
        **dirt(),
        qpv_wrong=contours.wrong_commune()[0],
        qpv_wrong_commune=contours.wrong_commune()[1],
        finess_wrong=workbooks.wrong_commune()[0],
        own_ids=", ".join(f"OBS-{u:05d}" for u in without_number()),
        orphans=1,
    )
    shifts = ", ".join(f"{shift:+.0f}" for shift in contours.edits().values())
    return page + (
        text("folder_readme_revised.md").format(codes=", ".join(contours.edits()), shifts=shifts) if revised else ""
    )
