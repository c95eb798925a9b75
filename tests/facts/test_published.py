"""The published figures as data: what they must have, and the sums that the documents themselves imply."""

from __future__ import annotations

from datetime import date

import pytest

from qpvhealth.errors import UsageError
from qpvhealth.facts import generations, published, territories
from qpvhealth.facts.perimeter_sets import PERIMETER_SETS
from qpvhealth.facts.published import DOCUMENTS, FIGURES

BY_ID = {f.id: f for f in FIGURES}
IN, NEAR, BOTH, COUNTRY = "n_in_qpv", "n_near", "n_in_or_near", "n_country"


def value(document, month, scope, measure):
    return BY_ID[f"{document}-{month}-{scope}-{measure}"].value


def test_documents_perimeters_and_dates_are_there():
    assert len(BY_ID) == len(FIGURES)
    assert all(f.document in DOCUMENTS for f in FIGURES)
    assert {s.generation for s in PERIMETER_SETS.values()} == {*generations.KNOWN, generations.IN_FORCE}
    assert all(set(s.territories or ()) <= set(territories.TERRITORIES) for s in PERIMETER_SETS.values())
    assert published.ALLOWED["obstacle"] == ("objet", "date", "champ", "périmètre")


def test_what_is_written_about_a_figure_has_its_own_english():
    for figure in FIGURES:
        for name in ("words", "note", "why_not"):
            french, english = getattr(figure, name), getattr(figure, f"{name}_en")
            assert bool(english) == bool(french), (figure.id, name)
    assert all(fr and en for fr, en in DOCUMENTS.values())


@pytest.mark.parametrize(
    ("month", "measure", "msp", "cds", "both"),
    [
        ("2018-03", IN, 42, 209, 251),
        ("2019-03", IN, 59, 221, 280),
        ("2019-03", BOTH, 127, 563, 690),
        ("2018-03", COUNTRY, 1048, 2063, 3111),
        ("2019-03", COUNTRY, 1251, 2188, 3439),
    ],
)
def test_msp_and_cds_add_up(month, measure, msp, cds, both):
    assert [value("002", month, s, measure) for s in ("msp", "cds", "msp_cds")] == [msp, cds, both]
    assert msp + cds == both


def test_the_stocks_of_april_2020_add_up():
    assert [value("fncs", "2020-04", s, IN) for s in ("msp", "cds", "msp_cds")] == [86, 227, 86 + 227]


@pytest.mark.parametrize(("scope", "inside", "near", "both"), [("msp", 59, 68, 127), ("cds", 221, 342, 563)])
def test_inside_and_near_add_up(scope, inside, near, both):
    assert [value("002", "2019-03", scope, m) for m in (IN, NEAR, BOTH)] == [inside, near, both]
    assert inside + near == both


@pytest.mark.parametrize(("scope", "net"), [("msp", 59 - 42), ("cds", 221 - 209), ("msp_cds", 17 + 12)])
def test_what_is_printed_as_created_is_a_difference_of_stocks(scope, net):
    figure = BY_ID[f"002-net-{scope}"]
    assert figure.value == net == value("002", "2019-03", scope, IN) - value("002", "2018-03", scope, IN)
    assert (figure.since, figure.on) == (date(2018, 3, 31), date(2019, 3, 31))


@pytest.mark.parametrize(
    ("name", "ratio"),
    [
        ("002-2018-share", 251 / 3111),
        ("002-2019-share", 280 / 3439),
        ("fncs-share-covered", 223 / 1514),
        ("fncs-per-covered", 313 / 223),
    ],
)
def test_derived_figures_follow_from_the_printed_ones(name, ratio):
    assert abs(BY_ID[name].value - ratio) <= BY_ID[name].tolerance


def test_a_rounded_86_percent_leaves_205_to_219_covered():
    without = BY_ID["001-without"]
    assert (without.value, without.tolerance) == (0.86, 0.005)
    assert 204 < (1 - 0.865) * 1514 < 205
    assert 219 < (1 - 0.855) * 1514 < 220


@pytest.mark.parametrize("name", [n for n in generations.DENOMINATORS if n != "in_force_2024_01_01"])
def test_numbers_of_qpv_are_those_of_the_generations(name):
    (figure,) = [f for f in FIGURES if f.measure == "n_qpv" and f.perimeter == name]
    assert figure.value == generations.DENOMINATORS[name][0]


def test_no_figure_in_near_before_2019():
    assert {f.on.year for f in FIGURES if f.near == "declared"} == {2019}


GOOD = {
    "id": "mine",
    "document": "Bilan 2020, page 3",
    "words": "MSP en QPV",
    "said": "86",
    "value": 86,
    "unit": "structures",
    "on": date(2020, 4, 1),
    "measure": "n_in_qpv",
}


def test_a_figure_is_added_beside_the_others():
    (figure,) = published.read([GOOD | {"near": "within_250"}], "f", FIGURES)
    assert (figure.scope, figure.perimeter, figure.value) == ("msp_cds", "all_2015", 86.0)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"id": "001-zip"}, 'f no. 1 ("001-zip"): another figure has this id'),
        ({"measure": "luck"}, 'f no. 1 ("mine"): unknown measure "luck"; there are: n_qpv, '),
        ({"scope": "msps"}, 'unknown scope "msps"; there are: msp_cds, '),
        ({"near": "within_"}, 'unknown near "within_"'),
        ({"perimeter": "all"}, 'unknown perimeter "all"; there are: in_force, all_2015, '),
        ({"reading": {"on": date(2020, 4, 1), "scope": "x", "words": "w"}}, 'unknown reading.scope "x"'),
        ({"measure": None, "why_not": "w", "obstacle": "x"}, 'unknown obstacle "x"'),
        ({"gps": {"measure": "x", "level": "y", "area_code": "z", "period": [1, 2]}}, 'unknown gps.level "y"'),
        ({"document": " "}, "document must not be empty"),
        ({"document": None}, "document is missing"),
        ({"value": float("nan")}, "value must be a number"),
        ({"tolerance": -1}, "tolerance one that is not negative"),
        ({"why_not": "w"}, "write measure, or why_not"),
        ({"measure": None}, "write measure, or why_not"),
        ({"on": None}, "write on, the date"),
        ({"source": "s"}, 'unknown key "source"'),
    ],
)
def test_a_wrong_figure_is_refused_with_its_place(changed, message):
    block = {key: value for key, value in (GOOD | changed).items() if value is not None}
    with pytest.raises(UsageError) as caught:
        published.read([block], "f", FIGURES, ("n_qpv", "n_in_qpv"))
    assert message in str(caught.value)


def test_an_id_is_used_once_in_a_file():
    with pytest.raises(UsageError, match="another figure has this id"):
        published.read([GOOD, GOOD], "f")
