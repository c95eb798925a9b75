"""The two GP zonings: the national workbook of 2019 on three levels, the commune file of 2025."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from qpvhealth.facts.territories import METROPOLE
from qpvhealth.sample.census import census
from qpvhealth.sample.extracts import postcode
from qpvhealth.sample.geography import Commune, all_communes
from qpvhealth.sample.neighbourhoods import neighbourhoods, old_by_commune
from qpvhealth.sample.resources import lists
from qpvhealth.sample.tables import write_lines
from qpvhealth.sample.workbooks import open_workbook

if TYPE_CHECKING:
    from pathlib import Path

ORPHAN = ("QP001999", "Quartier inventé sans contour", "ZIP")
LABELS_2025 = ("1_ZIP", "2_ZAC", "3_HZ", "2_ZAC", "4_ZAR", "1_ZIP", "3_HZ")
NO_RESULT = "N/A - résultat non disponible"
REPEATED_2025, UNMATCHED_2025 = 30, 12


@cache
def labels() -> dict[str, str]:
    """Return the class of each 2015 neighbourhood in the words of the workbook."""
    return dict(census().set_index("qpv_code")["label"])


@cache
def levels() -> dict[str, str]:
    """Return where the class of each 2015 neighbourhood is written: ``qpv`` (its own sheet), ``tvs`` or ``commune``.

    A neighbourhood of one commune, whose TVS or commune happens to have its class, is left out of the QPV sheet one time in
    two. One that straddles two communes is always in it.
    """
    sheets = {}
    for rank, qpv in enumerate(neighbourhoods("qpv-2015")):
        commune = qpv.communes[0]
        around = _tvs_classes()[commune.tvs] if commune.tvs else _commune_class(commune)
        is_listed = len(qpv.communes) > 1 or rank % 2 == 0 or around != labels()[qpv.code]
        sheets[qpv.code] = "qpv" if is_listed else "tvs" if commune.tvs else "commune"
    return sheets


def _commune_class(commune: Commune) -> str:
    there = old_by_commune().get(commune)
    return labels()[there[0].code] if there else "Hors vivier"


@cache
def _tvs_classes() -> dict[str, str]:
    """Return the class of each TVS: that of its first commune."""
    classes: dict[str, str] = {}
    for commune in all_communes():
        if commune.tvs:
            classes.setdefault(commune.tvs, _commune_class(commune))
    return classes


def write_workbook(path: Path) -> None:
    """Write the national workbook of 2019 with its three sheets and one neighbourhood that has no contour."""
    communes = [[c.code, c.name, c.department, c.tvs, "" if c.tvs else _commune_class(c)] for c in all_communes()]
    tvs = [[code, f"Territoire inventé {code.strip('_')}", name] for code, name in _tvs_classes().items()]
    listed = [q for q in neighbourhoods("qpv-2015") if levels()[q.code] == "qpv"]
    qpv = [[q.code, q.name, labels()[q.code]] for q in listed] + [list(ORPHAN)]
    with open_workbook(path) as book:
        for (name, header), rows in zip(
            lists("layouts.toml")["zoning_2019"].items(), (communes, tvs, qpv), strict=True
        ):
            sheet = book.add_worksheet(name)
            for n, row in enumerate([header, *rows]):
                sheet.write_row(n, 0, row)


def write_commune_file(path: Path) -> None:
    """Write the commune file of 2025: some rows twice, some without INSEE code, none for Polynésie.

    La Réunion and Saint-Martin have no result.
    """
    rows = []
    for rank, commune in enumerate(all_communes()):
        label = NO_RESULT if commune.department in ("974", "978") else LABELS_2025[rank * 5 % len(LABELS_2025)]
        if commune.department != "987":
            rows.append([commune.code, postcode(commune.code), commune.name, label, "cp+nom"])
    rural = [c for c in all_communes() if c.territory == METROPOLE and not c.is_urban][:UNMATCHED_2025]
    unmatched = [["", postcode(c.code), f"{c.name} (ancienne)", "3_HZ", "non_apparie"] for c in rural]
    header = ["insee", "cp", "Nom_commune", "Zonage", "methode"]
    write_lines(path, [header, *rows, *rows[:REPEATED_2025], *unmatched])
