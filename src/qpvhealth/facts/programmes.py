"""Programmes: a perimeter, a scope, a baseline, a target, a deadline and a source each.

No base, no rate: where the documents give none, it is null and ``no_base`` says why. More programmes may come from the raw
folder (a card of kind ``targets``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

LIST = "programme_list"
"""Measure of a programme that names its structures: how many of those are open."""
SEC = "sec-participatives"
CIV_2008 = "civ-2008"
"""Generation to give to the 215 quarters of the CIV of 20 June 2008, where someone holds their outlines."""


@dataclass(frozen=True)
class Programme:
    """One target. ``measure``, ``scope``, ``near`` and ``perimeter`` name the number of ours that it is held against.

    ``deadline`` is the last day of what ``deadline_said`` prints; null where no date is printed.
    """

    id: str
    label: str
    measure: str
    scope: str
    near: str
    perimeter: str
    baseline: float | None
    baseline_on: date | None
    target: float
    deadline: date | None
    deadline_said: str
    source: str
    no_base: str = ""
    note: str = ""
    second_hand: bool = False


_END_2022 = date(2022, 12, 31)
_MARCH_2018 = date(2018, 3, 31)
_DOUBLE = "002, 003 (Mobilisation nationale, 18 juillet 2018)"
_NO_VECU = "aucun chiffre de quartier vécu n'existe pour 2018 : le doublement « dans et à proximité » n'a pas de base"


def _doubling(scope: str, words: str, base: float) -> Programme:
    return Programme(
        id=f"doublement-{scope}",
        label=f"Doublement des {words} dans les QPV",
        measure="n_in_qpv",
        scope=scope,
        near="inside",
        perimeter="all_2015",
        baseline=base,
        baseline_on=_MARCH_2018,
        target=2 * base,
        deadline=_END_2022,
        deadline_said="d'ici 2022",
        source=_DOUBLE,
        note="003 dit « dans », 002 dit « dans et à proximité » : deux périmètres",
    )


PROGRAMMES: tuple[Programme, ...] = (
    Programme(
        id="espoir-banlieues",
        label="Dynamique Espoir Banlieues : 30 MSP dans 215 quartiers",
        measure="n_in_qpv",
        scope="msp",
        near="inside",
        perimeter=f"all_{CIV_2008}",
        baseline=None,
        baseline_on=None,
        target=30,
        deadline=date(2011, 12, 31),
        deadline_said="2011",
        source="000",
        no_base="les 215 quartiers du CIV du 20 juin 2008 n'ont ni code QPV ni base publiée",
    ),
    _doubling("msp_cds", "MSP et CdS", 251),
    _doubling("msp", "MSP", 42),
    _doubling("cds", "CdS", 209),
    Programme(
        id="doublement-in-or-near",
        label="Doublement des MSP et CdS dans les QPV et à proximité",
        measure="n_in_or_near",
        scope="msp_cds",
        near="declared",
        perimeter="all_2015",
        baseline=None,
        baseline_on=None,
        target=float("nan"),
        deadline=_END_2022,
        deadline_said="d'ici 2022",
        source="002",
        no_base=_NO_VECU,
    ),
    Programme(
        id="ma-sante-2022",
        label="Ma Santé 2022 : doublement des structures d'exercice coordonné, pays entier",
        measure="n_country",
        scope="msp_cds",
        near="inside",
        perimeter="in_force",
        baseline=None,
        baseline_on=None,
        target=float("nan"),
        deadline=_END_2022,
        deadline_said="2022",
        source="Ma Santé 2022",
        no_base="le texte ne donne ni base ni date de départ",
    ),
    Programme(
        id=SEC,
        label="Structures d'exercice coordonné participatives",
        measure=LIST,
        scope="msp_cds",
        near="inside",
        perimeter="in_force",
        baseline=6,
        baseline_on=date(2021, 7, 9),
        target=60,
        deadline=date(2024, 12, 31),
        deadline_said="2023/2024",
        source="001, arrêté du 9 juillet 2021",
        note="un texte postérieur vise 100 (arrêté du 28 décembre 2023) ; 26 structures autorisées au 28 janvier 2022",
    ),
    Programme(
        id="barometre-msp",
        label="Baromètre de l'action publique : MSP en France",
        measure="n_country",
        scope="msp",
        near="inside",
        perimeter="in_force",
        baseline=2501,
        baseline_on=date(2023, 12, 1),
        target=4000,
        deadline=date(2026, 12, 31),
        deadline_said="fin 2026",
        source="DITP, IND-311",
    ),
    Programme(
        id="barometre-cds",
        label="Baromètre de l'action publique : CdS pluriprofessionnels avec généraliste, en France",
        measure="n_country",
        scope="cds_gp",
        near="inside",
        perimeter="in_force",
        baseline=638,
        baseline_on=date(2023, 12, 1),
        target=700,
        deadline=date(2026, 12, 31),
        deadline_said="fin 2026",
        source="DITP, IND-318",
        note="l'extrait ne dit pas quels centres ont un généraliste : valeurs publiées seulement",
    ),
)

SEC_FIRST_COMMUNES: dict[str, str] = {
    "93066": "Saint-Denis",
    "38151": "Échirolles",
    "31555": "Toulouse",
    "13055": "Marseille",
    "67482": "Strasbourg",
    "69256": "Vaulx-en-Velin",
}
"""Communes of the six structures admitted to the SEC experiment from the start (001 names the towns only; INSEE codes)."""
