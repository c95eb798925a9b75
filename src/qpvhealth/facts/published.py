"""Published figures, as printed, to hold a release against: each with its date, perimeter, scope, source and known trouble.

Only what a named document states is here. ``second_hand`` marks what is known from the press, a page that repeats it or
someone's code. A figure with no ``measure`` cannot be computed from structures and perimeters; ``why_not`` says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from qpvhealth.facts.generations import IN_FORCE, QPV_2015, QPV_2024, QPV_2026
from qpvhealth.facts.territories import METROPOLE

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENTS: dict[str, str] = {
    "000": "lettre de la secrétaire d'État aux préfets, 20 novembre 2009 (Dynamique Espoir Banlieues)",
    "001": "page sur les SEC participatives, appel à candidatures jusqu'au 15 octobre 2021",
    "002": "fiche d'avancement de la mesure 9 « doubler », chiffres de fin mars 2018 et 2019 (CGET, d'après DGOS)",
    "003": "page du ministère publiée le 9 août 2022, mise à jour le 12 août 2022, contenus plus anciens",
    "004": "fiche action de Rennes (2012-2015)",
    "fncs": "ANRU, Carnets de l'innovation, mai 2021, lu sur fncs.org",
    "etalab": "etalab/barometre-resultats-donnees, édition du 19 janvier 2023",
    "ditp": "DITP-pilotage/barometre-resultats, jusqu'à décembre 2023",
    "insee": "populations municipales 2013 des 1 514 QPV, comptées sur le fichier",
    "law": "décrets de délimitation des QPV, nombre compté sur les contours publiés",
    "press": "presse et pages qui reprennent un chiffre",
    "letters": "codes des QPV de 2024, dernière lettre comptée",
}
"""Where a figure is printed. None of the five documents 000 to 004 gives a list of structures, a code or a coordinate."""

_FIVE_DOM = ("guadeloupe", "martinique", "guyane", "la_reunion", "mayotte")


@dataclass(frozen=True)
class PerimeterSet:
    """A set of QPV that shares are printed over: a generation, and the territories taken in (null: all)."""

    name: str
    generation: str
    territories: tuple[str, ...] | None
    words: str


PERIMETER_SETS: dict[str, PerimeterSet] = {
    s.name: s
    for s in (
        PerimeterSet("in_force", IN_FORCE, None, "périmètres en vigueur à la date, territoire par territoire"),
        PerimeterSet("all_2015", QPV_2015, None, "tous les QPV de 2015"),
        PerimeterSet("insee_2015", QPV_2015, (METROPOLE, *_FIVE_DOM), "QPV de 2015, métropole et cinq DOM"),
        PerimeterSet("metropole_2015", QPV_2015, (METROPOLE,), "QPV de 2015, métropole"),
        PerimeterSet("all_2024", QPV_2024, None, "tous les QPV de 2024"),
        PerimeterSet("dom_2024", QPV_2024, (METROPOLE, *_FIVE_DOM), "QPV de 2024, métropole et cinq DOM"),
        PerimeterSet("metropole_2024", QPV_2024, (METROPOLE,), "QPV de 2024, métropole"),
        PerimeterSet("all_2026", QPV_2026, None, "tous les QPV, 17 communes de Mayotte comprises"),
        PerimeterSet("dom_2026", QPV_2026, (METROPOLE, *_FIVE_DOM), "QPV après la loi Mayotte, métropole et cinq DOM"),
    )
}

NO_PERIMETER = "périmètre"
NO_DATE = "date"
NO_SCOPE = "champ"
NO_MEASURE = "objet"


@dataclass(frozen=True)
class Reading:
    """A date and scope under which a figure whose own are not readable can be recomputed: a conjecture, always said."""

    on: date
    scope: str
    words: str


@dataclass(frozen=True)
class OfGps:
    """What a figure about GPs counts, to be held against the practitioners of a release: a density or an age share of an area.

    ``period``: the years that its document speaks of, both included, where it prints no date.
    """

    measure: str
    level: str
    area_code: str
    period: tuple[int, int]


@dataclass(frozen=True)
class Published:
    """One printed figure.

    ``said`` is the figure as printed, ``value`` what it says, ``tolerance`` half of its last printed digit. ``on`` is the date
    it speaks of (null: not stated or not readable), compared by month; ``since`` the opening date of a difference.
    ``measure``, ``scope``, ``near`` and ``perimeter`` name the number of ours that it is held against; ``gps`` does where it is
    about practitioners.
    """

    id: str
    document: str
    words: str
    said: str
    value: float
    unit: str
    on: date | None = None
    measure: str | None = None
    scope: str = "msp_cds"
    near: str = "inside"
    perimeter: str = "all_2015"
    tolerance: float = 0.0
    since: date | None = None
    reading: Reading | None = None
    obstacle: str = NO_MEASURE
    why_not: str = ""
    note: str = ""
    second_hand: bool = False
    gps: OfGps | None = None


_MARCH_2018, _MARCH_2019, _APRIL_2020 = date(2018, 3, 31), date(2019, 3, 31), date(2020, 4, 1)
_READING = Reading(
    _APRIL_2020,
    "primary",
    "lecture supposée : avril 2020, champ « MSP et CdS pluriprofessionnels » (conjecture : le document dit « février 200 »)",
)
_FEBRUARY = "date imprimée « février 200 » : année inconnue, non devinée"
_86 = "86 % laisse 205 à 219 QPV couverts ; avril 2020 en compte 223 (85,3 % sans) : autre date ou autre champ, tenus séparés"


def _counted(  # a count of structures in QPV, near one or in France, by type
    at: str, on: date, counts: dict[tuple[str, str, str], int], *, document: str = "002", second_hand: bool = False
) -> Iterator[Published]:
    words = {
        ("n_in_qpv", "inside"): "en QPV",
        ("n_near", "declared"): "en quartier vécu (déclaré par l'ARS)",
        ("n_in_or_near", "declared"): "dans et à proximité (déclaré par l'ARS)",
        ("n_country", "inside"): "en France",
    }
    kinds = {"msp": "MSP", "cds": "CdS mono et pluri", "msp_cds": "MSP et CdS"}
    for (scope, measure, near), n in counts.items():
        what = f"{kinds[scope]} {words[measure, near]}, {at}"
        name = f"{document}-{on:%Y-%m}-{scope}-{measure}"
        yield Published(
            name, document, what, f"{n}", n, "structures", on, measure, scope, near, second_hand=second_hand
        )


_NET = "différence de deux stocks, de fin mars 2018 à fin mars 2019 : un solde net, pas un nombre de créations"
STOCKS: tuple[Published, ...] = (
    *_counted(
        "fin mars 2018",
        _MARCH_2018,
        {
            ("msp", "n_in_qpv", "inside"): 42,
            ("cds", "n_in_qpv", "inside"): 209,
            ("msp_cds", "n_in_qpv", "inside"): 251,
            ("msp", "n_country", "inside"): 1048,
            ("cds", "n_country", "inside"): 2063,
            ("msp_cds", "n_country", "inside"): 3111,
        },
    ),
    *_counted(
        "fin mars 2019",
        _MARCH_2019,
        {
            ("msp", "n_in_qpv", "inside"): 59,
            ("cds", "n_in_qpv", "inside"): 221,
            ("msp_cds", "n_in_qpv", "inside"): 280,
            ("msp", "n_near", "declared"): 68,
            ("cds", "n_near", "declared"): 342,
            ("msp", "n_in_or_near", "declared"): 127,
            ("cds", "n_in_or_near", "declared"): 563,
            ("msp_cds", "n_in_or_near", "declared"): 690,
            ("msp", "n_country", "inside"): 1251,
            ("cds", "n_country", "inside"): 2188,
            ("msp_cds", "n_country", "inside"): 3439,
        },
    ),
    *_counted(
        "avril 2020",
        _APRIL_2020,
        {
            ("msp", "n_in_qpv", "inside"): 86,
            ("cds", "n_in_qpv", "inside"): 227,
            ("msp_cds", "n_in_qpv", "inside"): 313,
        },
        document="fncs",
        second_hand=True,
    ),
)


def _net(scope: str, n: int, words: str) -> Published:
    return Published(
        f"002-net-{scope}",
        "002",
        f"{words} « créés en QPV en 2018 »",
        f"{n}",
        n,
        "structures",
        _MARCH_2019,
        "n_in_qpv",
        scope,
        since=_MARCH_2018,
        note=_NET,
    )


DERIVED: tuple[Published, ...] = (
    _net("msp", 17, "MSP"),
    _net("cds", 12, "CdS"),
    _net("msp_cds", 29, "structures"),
    Published(
        "002-2018-share",
        "002",
        "part en QPV, fin mars 2018",
        "8,07 %",
        0.0807,
        "share",
        _MARCH_2018,
        "share_in_qpv",
        tolerance=0.00005,
    ),
    Published(
        "002-2019-share",
        "002",
        "part en QPV, fin mars 2019",
        "8,14 %",
        0.0814,
        "share",
        _MARCH_2019,
        "share_in_qpv",
        tolerance=0.00005,
    ),
    Published(
        "fncs-covered",
        "fncs",
        "QPV ayant au moins une structure, avril 2020",
        "223",
        223,
        "QPV",
        _APRIL_2020,
        "qpv_covered",
        second_hand=True,
        note="la page écrit « sur les 450 quartiers » : 450 est un nombre de quartiers NPNRU, pas le dénominateur",
    ),
    Published(
        "fncs-share-covered",
        "fncs",
        "part des 1 514 QPV ayant une structure, avril 2020",
        "14,7 %",
        0.147,
        "share",
        _APRIL_2020,
        "share_qpv_covered",
        tolerance=0.0005,
        second_hand=True,
    ),
    Published(
        "fncs-per-covered",
        "fncs",
        "structures par QPV couvert, avril 2020 (313/223)",
        "1,40",
        1.40,
        "ratio",
        _APRIL_2020,
        "structures_per_covered_qpv",
        tolerance=0.005,
        second_hand=True,
    ),
)


def _conjecture(  # noqa: PLR0917 - rows of a table
    name: str, words: str, said: str, value: float, measure: str, unit: str, tolerance: float = 0.0, note: str = ""
) -> Published:
    said_of = f"{_FEBRUARY}. {note}".rstrip(". ") if note else _FEBRUARY
    return Published(
        f"001-{name}",
        "001",
        words,
        said,
        value,
        unit,
        None,
        measure,
        "primary",
        tolerance=tolerance,
        reading=_READING,
        note=said_of,
    )


_ZONINGS = Reading(
    _APRIL_2020,
    "primary",
    "lecture supposée : ZIP et ZAC ensemble (« zonings »), édition du zonage en vigueur en avril 2020 (conjecture)",
)
COVERAGE: tuple[Published, ...] = (
    _conjecture(
        "without",
        "QPV sans structure de premier recours dans leur périmètre",
        "86 % de 1 514",
        0.86,
        "share_qpv_without_any",
        "share",
        0.005,
        _86,
    ),
    _conjecture(
        "large", "dont QPV de 5 000 à 24 000 habitants, sans structure", "148", 148, "large_qpv_without_any", "QPV"
    ),
    _conjecture(
        "large-npnru",
        "dont, parmi les 148, QPV du NPNRU",
        "104",
        104,
        "large_npnru_qpv_without_any",
        "QPV",
    ),
    _conjecture("zip", "QPV en ZIP sans MSP ni CdS", "325", 325, "zip_qpv_without_any", "QPV"),
    _conjecture(
        "zip-population",
        "habitants de ces QPV en ZIP",
        "1,1 million",
        1.1e6,
        "zip_qpv_without_any_population",
        "inhabitants",
        5e4,
    ),
    *(
        Published(
            f"003-{name}",
            "003",
            words,
            said,
            value,
            unit,
            None,
            measure,
            "primary",
            tolerance=tolerance,
            reading=_ZONINGS,
            note="page de 2022, contenus plus anciens ; si les 589 étaient tous en ZIP, plus de QPV couverts que publié",
        )
        for name, words, said, value, measure, unit, tolerance in (
            ("zonings", "QPV dans les zonages de sous-densité", "589", 589.0, "zip_or_zac_qpv", "QPV", 0.0),
            (
                "zonings-population",
                "habitants de ces QPV",
                "2,3 millions",
                2.3e6,
                "zip_or_zac_qpv_population",
                "inhabitants",
                5e4,
            ),
        )
    ),
)


def _number(name: str, said: str, value: int, perimeter: str, words: str) -> Published:
    return Published(
        f"law-{name}", "law", words, said, value, "QPV", date(2024, 1, 1), "n_qpv", "qpv", perimeter=perimeter
    )


_JANUARY_2018 = date(2018, 1, 1)
PERIMETERS: tuple[Published, ...] = (
    _number("1514", "1 514", 1514, "all_2015", "QPV de 2015, tous territoires"),
    _number("1436", "1 436", 1436, "insee_2015", "QPV de 2015, métropole et cinq DOM (périmètre INSEE)"),
    _number("1296", "1 296", 1296, "metropole_2015", "QPV de 2015, métropole"),
    _number("1362", "1 362", 1362, "metropole_2024", "QPV de 2024, métropole"),
    _number("1580", "1 580", 1580, "in_force", "QPV en vigueur au 1er janvier 2024 (1 362 + 218)"),
    _number("1609", "1 609", 1609, "all_2024", "QPV de 2024 et 2025, avant la loi Mayotte"),
    _number("1584", "1 584", 1584, "all_2026", "QPV, les 17 communes de Mayotte au lieu de 42 QPV"),
    _number("1493", "1 493", 1493, "dom_2026", "QPV, métropole et cinq DOM après la loi Mayotte"),
    Published(
        "insee-population",
        "insee",
        "population municipale 2013 des 1 514 QPV",
        "5 435 060",
        5_435_060,
        "inhabitants",
        _JANUARY_2018,
        "qpv_population",
        "qpv",
    ),
    Published(
        "insee-population-1436",
        "press",
        "population des 1 436 QPV au 1er janvier 2018",
        "5,4 millions",
        5.4e6,
        "inhabitants",
        _JANUARY_2018,
        "qpv_population",
        "qpv",
        perimeter="insee_2015",
        tolerance=5e4,
        second_hand=True,
        note="tenu contre la population du fichier de la version, dont l'année est dans la colonne population_year",
    ),
    Published(
        "insee-population-1362",
        "press",
        "population des 1 362 QPV de métropole (INSEE Première 2008)",
        "5,3 millions",
        5.3e6,
        "inhabitants",
        date(2024, 1, 1),
        "qpv_population",
        "qpv",
        perimeter="metropole_2024",
        tolerance=5e4,
    ),
)

_NPNRU = "plusieurs listes circulent (448, 450, 480, 490) : nommer la liste"
_STATUS = "la lettre du code n'est pas le statut légal"
DISAGREEMENTS: tuple[Published, ...] = (
    *(
        Published(
            f"npnru-{n}",
            "press",
            f"quartiers NPNRU, {who}",
            f"{n}",
            n,
            "QPV",
            date(2018, 1, 1),
            "npnru_qpv",
            "qpv",
            note=_NPNRU,
            second_hand=True,
        )
        for n, who in ((448, "liste détenue"), (450, "FNCS, ANRU"), (480, "cahier des charges des SEC"), (490, "2016"))
    ),
    *(
        Published(
            f"letter-{letter}",
            "letters",
            f"QPV de métropole de 2024 dont le code finit par {letter}",
            f"{n}",
            n,
            "QPV",
            date(2024, 1, 1),
            f"letter_{letter}",
            "qpv",
            perimeter="metropole_2024",
            note=_STATUS,
        )
        for letter, n in (("N", 111), ("M", 957), ("I", 294))
    ),
    *(
        Published(
            f"status-{name}",
            "law",
            f"QPV de métropole {words} selon le texte",
            f"{n}",
            n,
            "QPV",
            date(2024, 1, 1),
            obstacle=NO_MEASURE,
            why_not=f"statut légal absent des contours ; {_STATUS}",
        )
        for name, words, n in (("new", "nouveaux", 111), ("modified", "modifiés", 960), ("unchanged", "inchangés", 291))
    ),
    *(
        Published(
            f"exits-{n}",
            "press",
            "QPV sortis entre 2015 et 2024",
            f"{n}",
            n,
            "QPV",
            date(2024, 1, 1),
            measure,
            "qpv",
            perimeter="metropole_2024",
            note="45 est l'identité des codes (1 296 moins 45 plus 111 = 1 362) ; 40 peut être le nombre de quartiers disparus",
            second_hand=True,
        )
        for n, measure in ((40, "fate_gone"), (45, "codes_lost"))
    ),
)

CDS_WITH_GP = "cds_gp"
"""Scope of the Baromètre's centres: pluriprofessional, with at least one GP. No extract says it."""
_OTHER_SCOPE = "CdS pluriprofessionnels ayant au moins un généraliste ; l'extrait ne dit pas qui y exerce"
_OLDER = "agrégat ou nomenclature plus anciens, périmètre non défini"
_BAROMETER: dict[str, tuple[tuple[str, date, int], ...]] = {
    "msp": tuple(
        (document, on, n)
        for document, on, n in (
            ("etalab", date(2017, 6, 30), 1034),
            ("etalab", date(2017, 12, 31), 1118),
            ("etalab", date(2018, 6, 30), 1208),
            ("etalab", date(2018, 12, 31), 1307),
            ("etalab", date(2019, 6, 30), 1415),
            ("etalab", date(2019, 12, 31), 1547),
            ("etalab", date(2020, 6, 30), 1617),
            ("etalab", date(2020, 12, 31), 1740),
            ("etalab", date(2021, 6, 30), 1889),
            ("etalab", date(2021, 12, 31), 2018),
            ("etalab", date(2022, 6, 30), 2127),
            ("etalab", date(2022, 12, 31), 2251),
            ("ditp", date(2023, 6, 1), 2395),
            ("ditp", date(2023, 12, 1), 2501),
        )
    ),
    "cds_gp": tuple(
        (document, date(year, 12, 31), n)
        for document, year, n in (
            ("etalab", 2017, 375),
            ("ditp", 2017, 374),
            ("etalab", 2018, 399),
            ("ditp", 2018, 398),
            ("etalab", 2019, 426),
            ("ditp", 2019, 425),
            ("etalab", 2020, 455),
            ("ditp", 2020, 454),
            ("etalab", 2021, 522),
            ("ditp", 2021, 522),
            ("ditp", 2022, 582),
            ("ditp", 2023, 638),
        )
    ),
}
_GAP = "ligne nationale etalab un au-dessus de la somme des départements (DITP) jusqu'en juin 2021 : écart signalé, non réparé"
SERIES: tuple[Published, ...] = (
    *(
        Published(
            f"{document}-msp-{on:%Y-%m}",
            document,
            f"MSP en France (Baromètre), {on:%m/%Y}",
            f"{n}",
            n,
            "structures",
            on,
            "n_country",
            "msp",
        )
        for document, on, n in _BAROMETER["msp"]
    ),
    *(
        Published(
            f"{document}-cds-{on:%Y-%m}",
            document,
            f"CdS pluri avec généraliste, France (Baromètre), {on:%m/%Y}",
            f"{n}",
            n,
            "structures",
            on,
            scope=CDS_WITH_GP,
            obstacle=NO_SCOPE,
            why_not=_OTHER_SCOPE,
            note=_GAP,
        )
        for document, on, n in _BAROMETER["cds_gp"]
    ),
    *(
        Published(
            f"older-{name}",
            "press",
            words,
            f"{n}",
            n,
            "structures",
            obstacle=NO_SCOPE,
            why_not=_OLDER,
            second_hand=True,
        )
        for name, words, n in (
            ("msp-2008", "MSP en 2008", 20),
            ("msp-2014", "MSP en 2014", 436),
            ("msp-2014-zus", "dont en ZUS", 22),
            ("msp-2014-zrr", "dont en ZRR", 148),
            ("msp-2017", "MSP en 2017", 910),
            ("cds-1995", "CdS en 1995", 1454),
            ("cds-2014", "CdS en mars 2014", 3047),
            ("cds-undated", "CdS, sans date (la coïncidence avec 1 609 QPV en est une)", 1609),
        )
    ),
)


def _context(  # noqa: PLR0917 - rows of a table
    name: str, said: str, value: float, unit: str, words: str, why_not: str, obstacle: str
) -> Published:
    document = name[:3]
    return Published(name, document, words, said, value, unit, obstacle=obstacle, why_not=why_not)


_TARGET = "une cible, pas une observation : voir les programmes"
_MONEY = "un montant : il n'est pas dans les structures ni les périmètres"
_NO_GPS = "les praticiens ne sont pas dans cette version"
CONTEXT: tuple[Published, ...] = tuple(
    _context(*row)
    for row in (
        ("000-target", "30", 30, "MSP", "MSP à installer dans les 215 quartiers d'ici 2011", _TARGET, NO_PERIMETER),
        ("001-budget", "24 M€", 24e6, "EUR", "budget de la première phase, deux ans", _MONEY, NO_MEASURE),
        ("001-tested", "une vingtaine", 20, "structures", "structures à tester", _TARGET, NO_MEASURE),
        (
            "001-first",
            "6",
            6,
            "structures",
            "structures admises dès l'origine",
            "liste de structures non publiée par le document (six villes nommées) : voir sec",
            NO_PERIMETER,
        ),
        ("001-patients", "1 000", 1000, "patients", "file active exigée", "un critère, pas un compte", NO_MEASURE),
        ("001-target", "60", 60, "structures", "CdS et MSP participatifs d'ici 2023/2024", _TARGET, NO_MEASURE),
        (
            "003-actions",
            "1 300",
            1300,
            "actions",
            "actions de santé par an dans les contrats de ville",
            "des actions, pas des structures",
            NO_MEASURE,
        ),
        ("003-contracts", "435", 435, "contrats", "contrats de ville", "des contrats, pas des QPV", NO_MEASURE),
        (
            "003-rural",
            "300",
            300,
            "MSP",
            "MSP en territoires ruraux depuis 2011",
            "territoires ruraux, pas des QPV",
            NO_PERIMETER,
        ),
        ("003-fnadt", "plus de 30 M€", 30e6, "EUR", "FNADT, section générale, jusqu'en 2018", _MONEY, NO_MEASURE),
        ("003-equipment", "0,9 M€", 0.9e6, "EUR", "aides à l'équipement en 2018", _MONEY, NO_MEASURE),
        ("003-cper", "3,5 M€", 3.5e6, "EUR", "projets CPER de 2018, environ 35 à 100 000 €", _MONEY, NO_MEASURE),
        (
            "003-regions",
            "11",
            11,
            "régions",
            "régions zonées « à ce stade »",
            "la date de ce décompte n'est pas dite",
            NO_DATE,
        ),
        (
            "004-poles",
            "2",
            2,
            "pôles",
            "pôles existants dans les quartiers prioritaires de Rennes",
            "quartiers d'avant les QPV (vers 2014), sans contour",
            NO_PERIMETER,
        ),
        ("004-quarters", "3", 3, "quartiers", "quartiers visés à Rennes", _TARGET, NO_PERIMETER),
        ("004-grant", "5 000 €", 5e3, "EUR", "proposé par structure", _MONEY, NO_MEASURE),
        ("004-yearly", "15 000 €", 15e3, "EUR", "budget annuel", _MONEY, NO_MEASURE),
        ("004-investment", "700 000 €", 7e5, "EUR", "investissement (bâtiment)", _MONEY, NO_MEASURE),
        (
            "004-life",
            "6 ans",
            6,
            "années",
            "écart d'espérance de vie, ouvrier et cadre",
            "une espérance de vie, pas un compte de structures",
            NO_MEASURE,
        ),
    )
)

_RENNES, _BRETAGNE, _FRANCE = ("commune", "35238"), ("region", "53"), ("country", "FR")
_ACTION_SHEET = (2012, 2015)
GPS: tuple[Published, ...] = tuple(
    Published(
        name,
        "004",
        words,
        said,
        value,
        unit,
        tolerance=half_digit,
        why_not=_NO_GPS,
        note="date non imprimée : la fiche porte sur 2012-2015",
        gps=OfGps(measure, *area, _ACTION_SHEET),
    )
    for name, said, value, half_digit, unit, measure, area, words in (
        ("004-density", "134", 134, 0.5, "GP/100k", "density", _RENNES, "généralistes pour 100 000 habitants, Rennes"),
        (
            "004-density-fr",
            "109",
            109,
            0.5,
            "GP/100k",
            "density",
            _FRANCE,
            "généralistes pour 100 000 habitants, France",
        ),
        (
            "004-over-55",
            "50 %",
            0.50,
            0.005,
            "share",
            "share_over_55",
            _RENNES,
            "généralistes de plus de 55 ans, Rennes",
        ),
        (
            "004-over-55-region",
            "45 %",
            0.45,
            0.005,
            "share",
            "share_over_55",
            _BRETAGNE,
            "généralistes de plus de 55 ans, Bretagne",
        ),
    )
)

FIGURES: tuple[Published, ...] = (*STOCKS, *DERIVED, *COVERAGE, *PERIMETERS, *DISAGREEMENTS, *SERIES, *CONTEXT, *GPS)
"""Every printed figure. None is the truth: each is right for its date, perimeter and scope."""
