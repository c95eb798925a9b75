"""The denominator and scope matrix: a country of three QPV and five structures, counted by hand; the invented France."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from qpvhealth.facts.perimeter_sets import PERIMETER_SETS, PerimeterSet
from qpvhealth.indicators import matrix as matrices

SET = PerimeterSet("g", "g", None, "all", "all")
IN_FORCE = {2020: {"metropole": "g"}}


def stock():
    """A: MSP in Q1. B: mono centre in Q2. C: centre of unknown modality in Q3. D: MSP 50 m from Q3. E: MSP, lost."""
    rows = [
        ("A", "MSP", "pluri", "in_qpv", "Q1", 0.0, "yes"),
        ("B", "CDS", "mono", "in_qpv", "Q2", 0.0, "no"),
        ("C", "CDS", "unknown", "in_qpv", "Q3", 0.0, "no"),
        ("D", "MSP", "pluri", "vecu_proxy", None, 50.0, "unknown"),
        ("E", "MSP", "pluri", "undetermined", None, np.nan, "unknown"),
    ]
    columns = [
        "finess_et",
        "structure_type",
        "modality",
        "situation_by_place",
        "qpv_code",
        "distance_m",
        "vecu_declared",
    ]
    frame = pd.DataFrame(rows, columns=columns).assign(location_error_m=20.0, location_precision="housenumber")
    frame = frame.assign(location_status=["located"] * 4 + ["centroid"], border_distance_m=frame["distance_m"])
    frame = frame.assign(year=2020, generation="g", territory="metropole", department_code="93", commune_code="93001")
    return frame.assign(other_qpv_code=None, other_area_code=None)


def pairs():
    rows = [("A", "Q1", 0.0), ("A", "Q2", 80.0), ("B", "Q2", 0.0), ("C", "Q3", 0.0), ("D", "Q3", 50.0)]
    frame = pd.DataFrame(rows, columns=["finess_et", "qpv_code", "distance_m"])
    return frame.assign(year=2020, generation="g", is_declared=False)


def coverage():
    rows = [("Q1", 1, 1000, "ZIP", True, 0), ("Q2", 0, 500, None, False, 0), ("Q3", 0, 200, "HZ", False, 1)]
    frame = pd.DataFrame(
        rows, columns=["qpv_code", "n_msp_in", "population", "zone_class", "is_large", "n_undetermined"]
    )
    return frame.assign(
        year=2020, generation="g", territory="metropole", department_code="93", is_npnru=None, zoning_edition="2019"
    )


def neighbourhoods():
    return coverage().drop(columns="year").assign(commune_codes=["93002", "93003", "93001"])


def computed(structures=None, qpv=None, quarters=None, sets=(SET,)):
    rows = stock() if structures is None else structures, pairs(), coverage() if qpv is None else qpv
    quarters = neighbourhoods() if quarters is None else quarters
    return matrices.matrix(*rows, quarters, sets=list(sets), in_force=IN_FORCE, rings_m=(100,), proxy_m=300)


def value(rows, measure, scope, near="inside", counted="structures", *, column="value"):
    found = rows[(rows["measure"] == measure) & (rows["scope"] == scope)]
    return found[(found["near"] == near) & (found["counted"] == counted)][column].item()


def test_counts_inside():
    rows = computed()
    assert value(rows, "n_in_qpv", "msp") == 1
    assert value(rows, "n_in_qpv", "msp", column="n_unknown") == 1  # E could be anywhere
    assert value(rows, "n_in_qpv", "msp_cds") == 3
    assert value(rows, "n_in_qpv", "primary") == 1
    assert value(rows, "n_in_qpv", "primary", column="n_unknown") == 2  # C and E
    assert value(rows, "share_in_qpv", "msp_cds") == pytest.approx(3 / 5)


def test_a_qpv_without_any_shows_none_and_may_hold_what_has_no_place():
    rows = computed()
    assert value(rows, "qpv_without_any", "msp") == 2  # Q2, and Q3 where E could stand
    assert bounds(rows, "qpv_without_any", "msp") == (1, 2)
    assert value(rows, "share_qpv_without_any", "msp") == pytest.approx(2 / 3)
    assert value(rows, "qpv_without_any", "primary") == 1  # Q2 holds a mono centre; Q3 is unknown
    assert value(rows, "share_qpv_without_any", "primary") == pytest.approx(1 / 2)
    assert value(rows, "share_qpv_without_any", "primary", column="n_unknown") == 1
    assert value(rows, "qpv_without_any_population", "primary") == 500


def test_structures_and_pairs_differ():
    rows = computed()
    assert value(rows, "n_near", "msp", "within_100") == 1
    assert value(rows, "n_near", "msp", "within_100", "pairs") == 2  # A is near Q2 though inside Q1
    assert value(rows, "qpv_covered", "msp", "within_100") == 2
    assert value(rows, "qpv_covered", "msp", "within_100", "pairs") == 3
    assert bounds(rows, "n_near", "msp", "within_100", "pairs") == (2, 3)  # E could be near one
    assert value(rows, "n_in_or_near", "msp", "within_100", "pairs", column="numerator") == 3
    assert value(rows, "structures_per_covered_qpv", "msp_cds") == 1
    assert np.isnan(value(rows, "structures_per_covered_qpv", "cds_pluri"))  # none is covered
    assert rows["year"].tolist()[-1] == 2020
    assert rows.index.tolist() == list(range(len(rows)))


def test_what_nobody_answered_is_null():
    rows = computed()
    assert np.isnan(value(rows, "share_qpv_without_any", "msp_cds", "declared"))
    unanswered = stock().assign(vecu_declared="unknown")
    told = computed(unanswered)
    assert np.isnan(value(told, "n_near", "msp_cds", "declared"))


def test_a_class_that_nobody_gave_is_null():
    blind = coverage().assign(zone_class=None)
    rows = computed(qpv=blind)
    assert np.isnan(value(rows, "zip_qpv", "msp"))
    assert np.isnan(value(rows, "large_npnru_qpv", "msp"))
    assert value(rows, "large_qpv", "msp") == 1


def bounds(rows, *cell):
    return tuple(value(rows, *cell, column=c) for c in ("lower", "upper"))


def test_the_unknown_widen_the_bounds_and_nothing_else():
    rows = computed()
    assert bounds(rows, "n_in_qpv", "msp") == (1, 2)  # E could be inside
    assert bounds(rows, "n_in_qpv", "primary") == (1, 3)  # and C be pluriprofessional
    assert bounds(rows, "n_in_qpv", "cds_mono") == (1, 2)
    assert bounds(rows, "share_qpv_without_any", "primary") == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert bounds(rows, "qpv_without_any_population", "primary") == (500, 700)
    assert bounds(rows, "share_in_qpv", "primary") == (pytest.approx(1 / 4), 1)
    unanswered = stock().assign(vecu_declared="unknown")
    told = computed(unanswered)
    assert bounds(told, "n_near", "msp_cds", "declared") == (0, 2)  # nobody answered about D and E: unknown, not 0


def test_a_point_in_a_qpv_of_another_commune_has_both_readings_in_the_bounds():
    """A lies in Q1 and declares the commune of Q3: it is counted in Q1; it may stand in Q3, or in no QPV."""
    sure = stock()[lambda rows: rows["finess_et"] != "E"]
    sure.loc[sure["finess_et"] == "A", "vecu_declared"] = "unknown"  # a yes would place it outside
    disputed = sure.assign(other_qpv_code=["Q1", None, None, None])
    quarters = coverage().assign(n_undetermined=0, n_cds_in=[0, 1, 1], n_cds_pluri_in=0, n_cds_unknown_in=[0, 0, 1])
    quarters = quarters.assign(is_covered_near=True)
    plain = computed(sure, quarters)
    assert bounds(plain, "n_in_qpv", "msp") == bounds(plain, "qpv_covered", "msp") == (1, 1)
    both = computed(disputed, quarters.assign(n_undetermined=[0, 0, 1]))  # as a build counts its second place
    assert (value(both, "n_in_qpv", "msp"), bounds(both, "n_in_qpv", "msp")) == (1, (0, 1))
    assert (value(both, "qpv_covered", "msp"), bounds(both, "qpv_covered", "msp")) == (1, (0, 1))
    assert (value(both, "qpv_without_any", "msp"), bounds(both, "qpv_without_any", "msp")) == (2, (2, 3))
    assert value(both, "n_in_qpv", "msp", column="n_unknown") == 1
    assert bounds(both, "n_in_qpv", "cds_mono") == bounds(plain, "n_in_qpv", "cds_mono")


def test_people_of_a_qpv_without_population_have_no_upper_bound():
    blind = coverage().assign(population=[1000, 500, None])
    rows = computed(qpv=blind)
    assert value(rows, "qpv_without_any_population", "primary") == 500
    assert np.isnan(value(rows, "qpv_without_any_population", "primary", column="upper"))
    none = computed(qpv=coverage().assign(population=[np.nan] * 3))
    assert np.isnan(value(none, "qpv_without_any_population", "primary"))  # nobody knows how many: not 0
    assert value(none, "qpv_without_any_population", "primary", column="n_unknown") == 2


def test_facts_of_a_set_of_qpv():
    rows = computed().set_index("measure")
    assert rows.loc["n_qpv", ["value", "lower", "upper", "n_unknown", "year"]].tolist()[:4] == [3, 3, 3, 0]
    assert rows.loc["qpv_population", "value"] == 1700
    assert "npnru_qpv" not in rows.index  # nobody said which
    assert (rows.loc["n_qpv", "numerator"], pd.isna(rows.loc["n_qpv", "year"])) == (3, True)
    lost = computed(quarters=neighbourhoods().assign(population=[1000, None, 200])).set_index("measure")
    assert lost.loc["qpv_population", ["value", "n_unknown"]].tolist() == [1200, 1]
    assert np.isnan(lost.loc["qpv_population", "upper"])  # nobody knows how many


def test_what_is_in_force_is_of_the_generation_of_the_territory():
    both = pd.concat([neighbourhoods(), neighbourhoods().assign(generation="h")], ignore_index=True)
    rows = computed(quarters=both, sets=[PERIMETER_SETS["in_force"]])
    (facts,) = rows[rows["measure"] == "n_qpv"].to_dict("records")
    assert (facts["value"], facts["year"]) == (3, 2020)
    assert value(rows, "qpv_total", "msp") == 3


def test_gone_and_lost_of_the_fates():
    """One goes on under another code, one is gone, two merge, one is new; overseas and other generations do not count."""
    pairs_of_codes = [("QP1", "QN1"), ("QP2", None), ("QP3", "QN3"), ("QP4", "QN3"), (None, "QN5"), ("QP971", None)]
    fates = pd.DataFrame(pairs_of_codes, columns=["qpv_code_from", "qpv_code_to"]).astype("str")
    fates = fates.replace({"QP": "QP07500", "QN": "QN07500"}, regex=True).replace("QP07500971", "QP971001")
    fates = fates.assign(generation_from="qpv-2015", generation_to="qpv-2024", fate="")
    found = matrices.of_fates(fates).set_index("measure")
    assert found["value"].to_dict() == {"fate_gone": 1, "codes_lost": 2}  # four of 2015, two of 2024 that are not new
    assert found["near"].unique().tolist() == ["inside"]
    assert found["year"].isna().all()
    nothing = matrices.of_fates(fates.assign(generation_to="qpv-2026"))
    assert (len(nothing), list(nothing.columns)) == (0, matrices.COLUMNS)


def test_every_value_lies_within_its_bounds(invented):
    known = invented.dropna(subset=["value", "lower", "upper"])
    slack = 1e-9 * known["value"].abs()
    assert (known["lower"] <= known["value"] + slack).all()
    assert (known["value"] <= known["upper"] + slack).all()
    assert (known["upper"] > known["value"] + slack).any()


@pytest.fixture(scope="module")
def compute(built):
    parts = []
    for prefix, is_read in (("", True), ("rejected_", False)):
        structures = built[f"{prefix}structures"]
        located = built[f"{prefix}structure_locations"]
        parts.append(
            structures[structures["is_in_stock"]].merge(located, on=["finess_et", "year"]).assign(is_read=is_read)
        )
    return partial(
        matrices.matrix,
        pd.concat(parts, ignore_index=True),
        pd.concat([built[f"{prefix}structure_neighbourhoods"] for prefix in ("", "rejected_")], ignore_index=True),
        built["neighbourhood_coverage"],
        built["neighbourhoods"],
        sets=[s for s in PERIMETER_SETS.values() if s.generation != "qpv-2026"],
        in_force=built.in_force,
        rings_m=(100, 300),
        proxy_m=300,
    )


@pytest.fixture(scope="module")
def invented(compute):
    return compute()


@pytest.mark.parametrize(
    "measures",
    [
        {"share_qpv_without_any"},
        {"structures_per_covered_qpv", "letter_I"},
        {"n_near", "share_in_or_near", "qpv_covered"},
        {"qpv_population"},
    ],
    ids=min,
)
def test_some_measures_are_the_rows_of_all(compute, invented, measures):
    rows = invented[invented["measure"].isin(measures)].reset_index(drop=True)
    pd.testing.assert_frame_equal(compute(measures=measures), rows)


@pytest.mark.parametrize(
    ("measure", "indicator"),
    [
        ("n_in_qpv", "n_in_qpv"),
        ("share_in_qpv", "share_in_qpv"),
        ("share_qpv_without_any", "share_qpv_without_any"),
        ("qpv_without_any", "qpv_without_any"),
        ("qpv_without_any_population", "population_without_any"),
        ("large_qpv_without_any", "large_qpv_without_any"),
        ("large_npnru_qpv_without_any", "large_npnru_qpv_without_any"),
        ("zip_qpv_without_any", "zip_qpv_without_any"),
        ("zip_or_zac_qpv_population", "zip_or_zac_qpv_population"),
    ],
)
def test_two_roads_to_one_number(invented, built, measure, indicator):
    told = built["indicators"]
    told = told[(told["indicator"] == indicator) & (told["level"] == "country")]
    numbers = ["value", "lower", "upper", "n_unknown"]
    told = told[told["generation"] == "in_force"].set_index(["year", "scope"])[numbers]
    mine = invented[(invented["measure"] == measure) & (invented["perimeter"] == "in_force")]
    mine = mine[(mine["near"] == "inside") & mine["scope"].isin(["msp", "cds", "msp_cds", "primary"])]
    ours = mine.set_index(["year", "scope"])[numbers]
    assert len(ours) == 16
    pd.testing.assert_frame_equal(ours.sort_index(), told.reindex(ours.index).sort_index(), check_dtype=False)


def test_the_headline_of_the_invented_france(invented):
    cell = invented[(invented["measure"] == "share_qpv_without_any") & (invented["perimeter"] == "all_2015")]
    cell = cell[(cell["near"] == "inside") & (cell["year"] == 2020)].set_index("scope")["value"]
    assert round(cell["primary"], 4) == 0.86
    assert round(cell["msp_cds"], 4) == 0.8527
