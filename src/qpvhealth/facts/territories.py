"""Territories, regions and départements: where each is, and which projection measures metres there."""

from __future__ import annotations

from dataclasses import dataclass

from qpvhealth.facts import lists

Box = tuple[float, float, float, float]
"""West, south, east, north, in degrees."""


@dataclass(frozen=True)
class Territory:
    """Metropolitan France, or one overseas département or collectivity.

    ``epsg`` is the projection in which metres are measured; ``departments`` are the INSEE codes that lie in it (metropolitan France:
    those of ``departments.toml``); ``region`` is the INSEE region of an overseas territory, null where a territory has none.
    """

    name: str
    label_fr: str
    label_en: str
    epsg: int
    box: Box
    departments: tuple[str, ...]
    region: str | None = None


@dataclass(frozen=True)
class Department:
    """A metropolitan département: its INSEE code, its region, and a box around it."""

    code: str
    region: str
    box: Box


METROPOLE = "metropole"
_INSEE = lists.load("departments", ("regions", "department"))
METROPOLITAN_DEPARTMENTS = lists.records(Department, _INSEE["department"], "departments.toml: department")
_LIST = lists.load(
    "territories",
    ("territory", "projections", "finess_overseas", "former_communes", "collectivity_communes", "arrondissements"),
)
_METROPOLE = {"departments": [d.code for d in METROPOLITAN_DEPARTMENTS]}
_ENTRIES = lists.expand(_LIST["territory"], "territories.toml: territory")
_TERRITORIES = [entry | (_METROPOLE if entry["name"] == METROPOLE else {}) for entry in _ENTRIES]

TERRITORIES: dict[str, Territory] = {
    t.name: t for t in lists.records(Territory, _TERRITORIES, "territories.toml: territory")
}
"""By name."""

PROJECTIONS: dict[int, str] = {int(epsg): words for epsg, words in _LIST["projections"].items()}
"""The way from WGS 84 to the projection of each territory, in the words of PROJ."""

SYSTEMS: frozenset[str] = frozenset({"EPSG:4326", *(f"EPSG:{epsg}" for epsg in PROJECTIONS)})
"""The coordinate systems that need not be looked up: no two of them are the same."""

DEPARTMENT_TERRITORY: dict[str, str] = {d: t.name for t in TERRITORIES.values() for d in t.departments}

REGIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    t.region: (t.label_fr, t.departments) for t in TERRITORIES.values() if t.region is not None
} | {
    code: (name, tuple(d.code for d in METROPOLITAN_DEPARTMENTS if d.region == code))
    for code, name in _INSEE["regions"].items()
}
"""The 18 regions of the COG (INSEE): name, and the départements of each."""

NO_REGION = "none"
"""Area code of what has no region (Saint-Martin, Polynésie…), so that the regions add up to the country."""

DEPARTMENT_REGION: dict[str, str] = {d: code for code, (_, members) in REGIONS.items() for d in members} | {
    d: NO_REGION for t in TERRITORIES.values() if t.region is None and t.name != METROPOLE for d in t.departments
}

FINESS_OVERSEAS: dict[str, str] = _LIST["finess_overseas"]
"""Overseas département codes of FINESS."""

SMALL_COLLECTIVITIES = ("975", "977", "978", "984", "986", "987", "988", "989")
"""Collectivities of few structures or none: a national extract may be silent about them, unless its card names them."""

FORMER_COMMUNES: dict[str, str] = _LIST["former_communes"]
"""Communes of Guadeloupe that became collectivities, by their former code."""

COLLECTIVITY_COMMUNES: dict[str, str] = _LIST["collectivity_communes"]
"""Communes of collectivities that have QPV, by name."""

ARRONDISSEMENTS: dict[str, tuple[str, ...]] = {code: tuple(m) for code, m in _LIST["arrondissements"].items()}
"""Paris, Lyon and Marseille: contours carry the commune, zonings and addresses the arrondissement."""

COMMUNE_OF_ARRONDISSEMENT: dict[str, str] = {
    a: commune for commune, members in ARRONDISSEMENTS.items() for a in members
}


def department_of_commune(commune_code: str) -> str:
    """Return the département written in an INSEE commune code: three characters overseas, two elsewhere."""
    return commune_code[:3] if commune_code[:2] in ("97", "98") else commune_code[:2]


def department_of_qpv(qpv_code: str) -> str:
    """Return the INSEE département written in a QPV code (``QP075001`` is 75, ``QN97102I`` is 971)."""
    return qpv_code[2:5].removeprefix("0")
