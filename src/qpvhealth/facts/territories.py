"""Territories: where each is, which projection measures metres there, and which département codes belong to it.

Sources: the official projections of the decree 2019-165 of 5 March 2019 for France (EPSG 2154, 5490, 2972, 2975, 4471,
4467); for Polynésie no source names one, 3297 (RGPF, UTM 6 South) is this project's choice, because every QPV polygon
published lies in its area. The boxes are loose: they tell territories apart, they do not outline them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Territory:
    """Metropolitan France, or one overseas département or collectivity.

    ``epsg`` is the projection in which metres are measured; ``box`` is (west, south, east, north) in degrees;
    ``departments`` are the INSEE codes that lie in it; ``region`` is the INSEE region of an overseas territory, null
    where a territory has none. ``qpv_prefix`` is how QPV codes write it.
    """

    name: str
    label_fr: str
    label_en: str
    epsg: int
    box: tuple[float, float, float, float]
    departments: tuple[str, ...]
    region: str | None = None


METROPOLE = "metropole"
_CORSICA_BEFORE_1976 = 20
_METROPOLITAN_DEPARTMENTS = (*(f"{n:02d}" for n in range(1, 96) if n != _CORSICA_BEFORE_1976), "2A", "2B")

TERRITORIES: dict[str, Territory] = {
    t.name: t
    for t in (
        Territory(
            METROPOLE,
            "France métropolitaine",
            "Metropolitan France",
            2154,
            (-5.6, 41.2, 9.8, 51.3),
            _METROPOLITAN_DEPARTMENTS,
        ),
        Territory("guadeloupe", "Guadeloupe", "Guadeloupe", 5490, (-61.9, 15.7, -60.9, 16.6), ("971",), "01"),
        Territory("martinique", "Martinique", "Martinique", 5490, (-61.3, 14.3, -60.7, 15.0), ("972",), "02"),
        Territory("guyane", "Guyane", "French Guiana", 2972, (-54.7, 2.0, -51.5, 5.9), ("973",), "03"),
        Territory("la_reunion", "La Réunion", "Réunion", 2975, (55.1, -21.5, 55.95, -20.8), ("974",), "04"),
        Territory(
            "saint_pierre_et_miquelon",
            "Saint-Pierre-et-Miquelon",
            "Saint Pierre and Miquelon",
            4467,
            (-56.5, 46.7, -56.0, 47.2),
            ("975",),
        ),
        Territory("mayotte", "Mayotte", "Mayotte", 4471, (44.9, -13.1, 45.4, -12.5), ("976",), "06"),
        Territory(
            "saint_barthelemy",
            "Saint-Barthélemy",
            "Saint Barthélemy",
            5490,
            (-62.98, 17.8, -62.7, 18.0),
            ("977",),
        ),
        Territory("saint_martin", "Saint-Martin", "Saint Martin", 5490, (-63.2, 18.0, -62.95, 18.2), ("978",)),
        Territory(
            "wallis_et_futuna",
            "Wallis-et-Futuna",
            "Wallis and Futuna",
            32701,
            (-178.3, -14.5, -176.0, -13.1),
            ("986",),
        ),
        Territory(
            "polynesie",
            "Polynésie française",
            "French Polynesia",
            3297,
            (-155.0, -28.0, -134.0, -7.5),
            ("987",),
        ),
    )
}

PROJECTIONS: dict[int, str] = {
    2154: "lcc lat_0=46.5 lon_0=3 lat_1=49 lat_2=44 x_0=700000 y_0=6600000 ellps=GRS80",
    2972: "utm zone=22 ellps=GRS80",
    2975: "utm zone=40 south ellps=GRS80",
    3297: (
        "push v_3 step proj=cart ellps=WGS84"
        " step inv proj=helmert x=0.072 y=-0.507 z=-0.245 rx=0.0183 ry=-0.0003 rz=0.007 s=-0.0093 convention=position_vector"
        " step inv proj=cart ellps=GRS80 step proj=pop v_3 step proj=utm zone=6 south ellps=GRS80"
    ),
    4467: "utm zone=21 ellps=GRS80",
    4471: "utm zone=38 south ellps=GRS80",
    5490: "utm zone=20 ellps=GRS80",
    32701: "utm zone=1 south ellps=WGS84",
}
"""The way from WGS 84 to each projection above that the EPSG registry puts first, in the words of PROJ. The French systems (RGF93,
RGAF09, RGFG95…) are taken as the same datum, which holds to one or two metres; that of French Polynesia is moved ("RGPF to WGS 84 (1)")."""

SYSTEMS: frozenset[str] = frozenset({"EPSG:4326", *(f"EPSG:{epsg}" for epsg in PROJECTIONS)})
"""The coordinate systems that need not be looked up: no two of them are the same."""

DEPARTMENT_TERRITORY: dict[str, str] = {d: t.name for t in TERRITORIES.values() for d in t.departments}

REGIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "01": ("Guadeloupe", ("971",)),
    "02": ("Martinique", ("972",)),
    "03": ("Guyane", ("973",)),
    "04": ("La Réunion", ("974",)),
    "06": ("Mayotte", ("976",)),
    "11": ("Île-de-France", ("75", "77", "78", "91", "92", "93", "94", "95")),
    "24": ("Centre-Val de Loire", ("18", "28", "36", "37", "41", "45")),
    "27": ("Bourgogne-Franche-Comté", ("21", "25", "39", "58", "70", "71", "89", "90")),
    "28": ("Normandie", ("14", "27", "50", "61", "76")),
    "32": ("Hauts-de-France", ("02", "59", "60", "62", "80")),
    "44": ("Grand Est", ("08", "10", "51", "52", "54", "55", "57", "67", "68", "88")),
    "52": ("Pays de la Loire", ("44", "49", "53", "72", "85")),
    "53": ("Bretagne", ("22", "29", "35", "56")),
    "75": ("Nouvelle-Aquitaine", ("16", "17", "19", "23", "24", "33", "40", "47", "64", "79", "86", "87")),
    "76": ("Occitanie", ("09", "11", "12", "30", "31", "32", "34", "46", "48", "65", "66", "81", "82")),
    "84": ("Auvergne-Rhône-Alpes", ("01", "03", "07", "15", "26", "38", "42", "43", "63", "69", "73", "74")),
    "93": ("Provence-Alpes-Côte d'Azur", ("04", "05", "06", "13", "83", "84")),
    "94": ("Corse", ("2A", "2B")),
}
"""The 18 regions of the COG (INSEE), with the départements of each."""

NO_REGION = "none"
"""Area code of what has no region (Saint-Martin, Polynésie…), so that the regions add up to the country."""

DEPARTMENT_REGION: dict[str, str] = {d: code for code, (_, members) in REGIONS.items() for d in members} | {
    d: NO_REGION for t in TERRITORIES.values() if t.region is None and t.name != METROPOLE for d in t.departments
}

FINESS_OVERSEAS: dict[str, str] = {"9A": "971", "9B": "972", "9C": "973", "9D": "974", "9E": "975", "9F": "976"}
"""Overseas département codes of FINESS (data-fair/processing-finess, second-hand). 9J exists; its meaning is unknown."""

FORMER_COMMUNES: dict[str, str] = {"97123": "97701", "97127": "97801"}
"""Saint-Barthélemy and Saint-Martin, communes of Guadeloupe until 2007, collectivities since (INSEE, COG)."""

ARRONDISSEMENTS: dict[str, tuple[str, ...]] = {
    "75056": tuple(f"751{n:02d}" for n in range(1, 21)),
    "69123": tuple(f"6938{n}" for n in range(1, 10)),
    "13055": tuple(f"132{n:02d}" for n in range(1, 17)),
}
"""Paris, Lyon and Marseille (INSEE, COG): contours carry the commune, zonings and addresses the arrondissement."""

COMMUNE_OF_ARRONDISSEMENT: dict[str, str] = {
    a: commune for commune, members in ARRONDISSEMENTS.items() for a in members
}


def department_of_commune(commune_code: str) -> str:
    """Return the département written in an INSEE commune code: three characters overseas, two elsewhere."""
    return commune_code[:3] if commune_code[:2] in ("97", "98") else commune_code[:2]


def department_of_qpv(qpv_code: str) -> str:
    """Return the INSEE département written in a QPV code (``QP075001`` is 75, ``QN97102I`` is 971)."""
    return qpv_code[2:5].removeprefix("0")
