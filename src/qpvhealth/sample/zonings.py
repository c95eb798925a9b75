"""The two GP zonings: the national workbook of 2019 on three levels, the commune file of 2025."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from qpvhealth.facts.territories import METROPOLE
from qpvhealth.sample.census import census
from qpvhealth.sample.extracts import postcode
from qpvhealth.sample.geography import Commune, all_communes
from qpvhealth.sample.hosts import old_in
from qpvhealth.sample.neighbourhoods import Qpv, neighbourhoods
from qpvhealth.sample.workbooks import open_workbook, sheet_of

if TYPE_CHECKING:
    from pathlib import Path

SHEETS_2019 = {
    "Zonage_communes": ("INSEE_COM", "LIB_COM", "DEP", "Code_TVS", "Qualification de la commune"),
    "Zonage_TVS": ("Code_TVS", "Nom_TVS", "Qualification attribuée au TVS par l'arrêté régional"),
    "Zonage_QPV": (
        "Code du quartier prioritaire",
        "Nom du quartier prioritaire",
        "Qualification attribuée au QPV par l'arrêté régional",
    ),
}
ORPHAN = ("QP001999", "Quartier inventé sans contour", "ZIP")
LABELS_2025 = ("1_ZIP", "2_ZAC", "3_HZ", "2_ZAC", "4_ZAR", "1_ZIP", "3_HZ")
NO_RESULT = "N/A - résultat non disponible"
REPEATED_2025, UNMATCHED_2025 = 30, 12


@cache
def labels() -> dict[str, str]:
    """Give the class of each 2015 neighbourhood in the words of the workbook."""
    return dict(census().set_index("qpv_code")["label"])


@cache
def level_of(code: str) -> str:
    """Say where the class of a 2015 neighbourhood is written: in its own sheet, in that of its TVS or of its commune.

    A neighbourhood of one commune, whose TVS or commune happens to have its class, is left out of the QPV sheet one time in
    two. One that straddles two communes is always in it.
    """
    qpv, rank = _ranked()[code]
    commune = qpv.communes[0]
    is_listed = len(qpv.communes) > 1 or rank % 2 == 0 or _class_around(commune) != labels()[code]
    return "qpv" if is_listed else "commune" if commune.tvs is None else "tvs"


@cache
def _ranked() -> dict[str, tuple[Qpv, int]]:
    return {q.code: (q, k) for k, q in enumerate(neighbourhoods("qpv-2015"))}


def _class_around(commune: Commune) -> str:
    return _tvs_classes()[commune.tvs] if commune.tvs else _commune_class(commune)


def _commune_class(commune: Commune) -> str:
    there = [labels()[q.code] for q in old_in(commune)]
    return there[0] if there else "Hors vivier"


@cache
def _tvs_classes() -> dict[str, str]:
    classes: dict[str, str] = {}
    for commune in all_communes():
        if commune.tvs and (commune.tvs not in classes or not old_in(commune)):
            classes.setdefault(commune.tvs, _commune_class(commune))
    return classes


def write_workbook(path: Path) -> None:
    """Write the national workbook of 2019 with its three sheets and one neighbourhood that has no contour."""
    communes = [[c.code, c.name, c.department, c.tvs or "", "" if c.tvs else _commune_class(c)] for c in all_communes()]
    tvs = [[code, f"Territoire inventé {code.strip('_')}", name] for code, name in _tvs_classes().items()]
    listed = [q for q in neighbourhoods("qpv-2015") if level_of(q.code) == "qpv"]
    qpv = [[q.code, q.name, labels()[q.code]] for q in listed] + [list(ORPHAN)]
    with open_workbook(path) as book:
        for (name, header), rows in zip(SHEETS_2019.items(), (communes, tvs, qpv), strict=True):
            sheet_of(book, name, header, rows)


def label_2025(commune: Commune, rank: int) -> str:
    """Give the class of a commune in the file of 2025; La Réunion and Saint-Martin have no result."""
    return NO_RESULT if commune.department in ("974", "978") else LABELS_2025[rank * 5 % len(LABELS_2025)]


def write_commune_file(path: Path) -> None:
    """Write the commune file of 2025: some rows twice, some without INSEE code, none for Polynésie."""
    listed = [(k, c) for k, c in enumerate(all_communes()) if c.department != "987"]
    rows = [[c.code, postcode(c.code), c.name, label_2025(c, k), "cp+nom"] for k, c in listed]
    last_rural = [c for c in all_communes() if c.territory == METROPOLE and not c.is_urban][:UNMATCHED_2025]
    unmatched = [["", postcode(c.code), f"{c.name} (ancienne)", "3_HZ", "non_apparie"] for c in last_rural]
    lines = [["insee", "cp", "Nom_commune", "Zonage", "methode"], *rows, *rows[:REPEATED_2025], *unmatched]
    path.write_text("".join(",".join(line) + "\n" for line in lines), encoding="utf-8")
