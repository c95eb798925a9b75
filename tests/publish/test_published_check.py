"""Published figures held against a release: reproduced, differs by k, not comparable because."""

from datetime import date

import pandas as pd
import pytest

from qpvhealth.facts.published import FIGURES, Published, Reading
from qpvhealth.publish import published_check
from qpvhealth.publish.published_check import DIFFERS, NOT_COMPARABLE, REPRODUCED


def figure(**changed):
    told = {"on": date(2019, 3, 31), "measure": "n_in_qpv", "scope": "msp", "perimeter": "all_2015"}
    return Published("id", "002", "words", "59", 59, "structures", **(told | changed))


def cells():
    rows = [
        ("n_in_qpv", "all_2015", 2019, "msp", "inside", "structures", 57.0, 3),
        ("n_in_qpv", "metropole_2015", 2019, "msp", "inside", "structures", 59.0, 0),
        ("n_in_qpv", "all_2015", 2018, "msp", "inside", "structures", 40.0, 0),
        ("n_near", "all_2015", 2018, "msp", "declared", "structures", None, 9),
    ]
    columns = ["measure", "perimeter", "year", "scope", "near", "counted", "value", "n_unknown"]
    return pd.DataFrame(rows, columns=columns)


def extracts(covers=None):
    days = pd.to_datetime(["2018-03-31", "2019-03-31"])
    return pd.DataFrame({"year": [2018, 2019], "reference_date": days, "covers": [None, covers]})


def judged(asked, held=None):
    return published_check.judge(asked, cells(), extracts() if held is None else held)


def test_differs_and_names_what_agrees():
    found = judged(figure())
    assert (found.verdict, found.difference, found.n_unknown) == (DIFFERS, -2, 3)
    assert found.compatible_with == "2019, metropole_2015, msp, inside, structures"
    assert "3 inconnus" in found.because


def test_reproduced_within_the_last_printed_digit():
    assert judged(figure(tolerance=2)).verdict == REPRODUCED
    assert judged(figure(perimeter="metropole_2015")).verdict == REPRODUCED


def test_a_difference_of_stocks():
    found = judged(
        Published("n", "002", "net", "17", 17, "s", date(2019, 3, 31), "n_in_qpv", "msp", since=date(2018, 3, 1))
    )
    assert (found.verdict, found.ours) == (REPRODUCED, 17)


@pytest.mark.parametrize(
    ("asked", "because"),
    [
        (figure(on=date(2020, 4, 1)), "date : aucun extrait de 04/2020"),
        (figure(perimeter="all_2026"), "périmètre : "),
        (figure(scope="cds"), "champ : "),
        (figure(on=date(2018, 3, 31), measure="n_near", near="declared"), "aucune réponse d'ARS"),
        (figure(on=None), "date"),
        (figure(measure=None, why_not="une cible"), "objet : une cible"),
    ],
)
def test_not_comparable_says_why(asked, because):
    found = judged(asked)
    assert found.verdict == NOT_COMPARABLE
    assert because in found.because


def test_an_extract_of_a_region_is_not_the_country():
    found = judged(figure(), extracts("31,34"))
    assert (found.verdict, "ne couvre pas" in found.because) == (NOT_COMPARABLE, True)


def test_a_reading_is_always_said():
    reading = Reading(date(2018, 3, 31), "msp", "conjecture")
    found = judged(Published("r", "001", "w", "40", 40, "s", None, "n_in_qpv", "primary", reading=reading))
    assert (found.verdict, found.because) == (REPRODUCED, "conjecture")


def test_every_figure_has_its_row_in_titled_columns():
    held = published_check.check(FIGURES[:3], cells(), extracts())
    assert (len(held), list(held.columns)) == (3, [*published_check.TITLES])


def test_series_are_joined_on_the_month():
    counts = pd.DataFrame(
        {"year": 2019, "level": "region", "area_code": ["11", "53"], "structure_type": "MSP", "n_structures": [5, 7]}
    ).assign(generation="in_force", modality="all", situation="all")
    series = pd.DataFrame({"area_code": ["11", "53", "11", "11"], "value": [5.0, 8.0, 5.0, 4.0]})
    series["date"] = pd.to_datetime(["2019-03-01", "2019-03-01", "2018-12-31", "2019-03-01"])
    series["indicator"] = ["nb-maisons-sante"] * 3 + ["nb-centres-sante"]
    series = series.assign(name="barometre", release="2023-01", level="region")
    held = published_check.check_series(series, counts, extracts()).set_index(["indicator", "date"])
    march = held.loc[("nb-maisons-sante", "2019-03-01")]
    assert (march["verdict"], march["n"], march["n_equal"], march["difference"]) == (DIFFERS, 2, 1, -1)
    assert held.loc[("nb-maisons-sante", "2018-12-31"), "because"].startswith("date")
    assert held.loc[("nb-centres-sante", "2019-03-01"), "because"].startswith("champ")


@pytest.mark.parametrize(
    ("level", "areas", "expected"),
    [
        ("region", ["53", "11"], (REPRODUCED, 1, "1 zones que l'extrait ne couvre pas")),
        ("department", ["35", "75"], (REPRODUCED, 1, "1 zones")),
        ("region", ["11"], (NOT_COMPARABLE, 1, "ne couvre aucune")),
        ("country", ["FR"], (NOT_COMPARABLE, 1, "ne couvre aucune")),
    ],
)
def test_a_series_is_held_where_the_extract_covers(level, areas, expected):
    counts = pd.DataFrame({"year": 2019, "level": level, "area_code": areas, "structure_type": "MSP"})
    counts = counts.assign(n_structures=7, generation="in_force", modality="all", situation="all")
    series = pd.DataFrame({"area_code": areas, "value": [7.0, 99.0][: len(areas)], "level": level})
    series = series.assign(date=pd.Timestamp("2019-03-01"), indicator="IND-311", name="b", release="r")
    held = published_check.check_series(series, counts, extracts("22,29,35,56")).iloc[0]
    verdict, n, because = expected
    assert (held["verdict"], held["n"], because in held["because"]) == (verdict, n, True)


def gps(*rows):
    return pd.DataFrame(rows, columns=["year", "level", "area_code", "density", "share_over_55", "masked"])


@pytest.mark.parametrize(
    ("given", "verdict", "because", "ours"),
    [
        (gps((2014, "commune", "35238", 134.2, 0.5, None)), REPRODUCED, "2014", 134.2),
        (
            gps((2014, "commune", "35238", 134.2, 0.5, None), (2024, "commune", "35238", 90.0, 0.5, None)),
            REPRODUCED,
            "2014",
            134.2,
        ),
        (gps((2013, "commune", "35238", 120.0, 0.5, None)), DIFFERS, "2013", 120.0),
        (gps((2024, "commune", "35238", 134.0, 0.5, None)), NOT_COMPARABLE, "date : généralistes de 2024", 134.0),
        (gps((2014, "commune", "35238", None, None, None)), NOT_COMPARABLE, "inconnu", None),
        (gps((2014, "commune", "35047", 134.0, 0.5, None)), NOT_COMPARABLE, "aucun généraliste donné", None),
        (gps(), NOT_COMPARABLE, "objet", None),
        (None, NOT_COMPARABLE, "objet", None),
    ],
)
def test_the_gps_of_rennes_are_held_where_practitioners_are_given(given, verdict, because, ours):
    asked = next(f for f in FIGURES if f.id == "004-density")
    found = published_check.judge(asked, cells(), extracts(), given)
    assert (found.verdict, found.ours) == (verdict, ours)
    assert because in found.because


def test_a_masked_share_is_not_compared():
    asked = next(f for f in FIGURES if f.id == "004-over-55")
    found = published_check.judge(
        asked, cells(), extracts(), gps((2014, "commune", "35238", 100.0, None, "fewer_than_5"))
    )
    assert (found.verdict, "moins de 5 généralistes" in found.because) == (NOT_COMPARABLE, True)
