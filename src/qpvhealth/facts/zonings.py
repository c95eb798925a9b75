"""GP zoning vocabularies: which words a file uses, and the class each stands for.

A value is matched whole, within the one vocabulary that knows every value of its file; ``3_HZ`` and ``3_QPV_ZIP`` both
exist, so a leading digit means nothing. An unknown value stops the run. Texts: arrêtés of 13 November 2017, 1 October 2021
and 9 May 2025.
"""

from __future__ import annotations

from dataclasses import dataclass

ZIP, ZAC, ZV, HV, HZ, ZAR = "ZIP", "ZAC", "ZV", "HV", "HZ", "ZAR"
CLASSES = (ZIP, ZAC, ZV, HV, HZ, ZAR)
LEVELS = ("qpv", "tvs", "commune")

LABELS_FR: dict[str, str] = {
    ZIP: "zone d'intervention prioritaire",
    ZAC: "zone d'action complémentaire",
    ZV: "zone de vigilance",
    HV: "hors vivier",
    HZ: "hors zonage",
    ZAR: "ZAR (classe non définie dans la source)",
}


@dataclass(frozen=True)
class Vocabulary:
    """The words of one publisher. ``classes`` maps each raw value to its class; null is a known absence of class."""

    name: str
    source: str
    classes: dict[str, str | None]


VOCABULARIES: tuple[Vocabulary, ...] = (
    Vocabulary(
        "plain",
        "classes as named by the arrêtés",
        {"ZIP": ZIP, "ZAC": ZAC, "ZV": ZV, "HV": HV, "HZ": HZ, "ZAR": ZAR, "ZIP+": ZIP},
    ),
    Vocabulary(
        "cartosante",
        "Cartosanté, as in the R package medtRucks",
        {
            "1_ZIP": ZIP,
            "2_ZAC": ZAC,
            "3_QPV_ZIP": ZIP,
            "4_QPV_ZAC": ZAC,
            "5_ZV": ZV,
            "6_HZ": HZ,
            "7_GQ_ZAC": ZAC,
            "8_GQ_ZIP": ZIP,
        },
    ),
    Vocabulary(
        "zonmed",
        "Alternantsauvage/ZonageMed (second-hand)",
        {"1_ZIP": ZIP, "2_ZAC": ZAC, "3_HZ": HZ, "4_ZAR": ZAR, "N/A - résultat non disponible": None},
    ),
    Vocabulary(
        "national",
        "workbook Zonage_medecin_20191231.xlsx; the meaning of 0 is not documented",
        {"ZIP": ZIP, "ZAC": ZAC, "Zone de vigilance": ZV, "Hors vivier": HV, "0": None},
    ),
    Vocabulary(
        "drees",
        "DREES application Zonage_ARS",
        {"ZIP": ZIP, "ZAC": ZAC, "ZV": ZV, "HV": HV, "Non-spécifié": None},
    ),
)

REJECTED_VALUES: dict[str, str] = {"Erreur TVS-COM": "the DREES application could not attach the TVS to its commune"}
