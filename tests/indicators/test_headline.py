import numpy as np
import pandas as pd
import pytest

from qpvhealth.indicators import figures, headline
from qpvhealth.indicators.declarations import QPV, STRUCTURES
from qpvhealth.rules.scopes import SCOPES
from tests.indicators.conftest import make

INSIDE = {"situation": "in_qpv", "qpv_code": "A", "distance_m": 0.0}
DECLARED = {"situation": "vecu_declared", "vecu_declared": "yes", "distance_m": 900.0}
CLOSE = {"situation": "vecu_proxy", "distance_m": 300.0}
REFUSED = {"situation": "elsewhere", "vecu_declared": "no", "distance_m": 10.0}
LOST = {"situation": "undetermined", "is_placed": False}
CENTRE = {"structure_type": "CDS", "modality": "mono"}
VAGUE = {"structure_type": "CDS", "modality": "unknown"}


def cell(frame, indicator, scope="msp_cds", level="country", area="FR"):
    at = (frame["indicator"] == indicator) & (frame["scope"] == scope)
    rows = frame[at & (frame["level"] == level) & (frame["area_code"] == area)]
    assert len(rows) == 1
    row = rows.iloc[0]
    return tuple(None if pd.isna(row[c]) else row[c] for c in ("value", "n_unknown", "lower", "upper"))


def of_structures(frame, rule="declared"):
    return headline.structures(frame, near_rule=rule, vecu_distance_m=300)


def test_counts_and_their_bounds(stock):
    got = of_structures(stock(INSIDE, INSIDE | CENTRE, DECLARED, REFUSED, LOST | CENTRE, {"vecu_declared": "no"}))
    assert cell(got, "n_country") == (6, 0, 6, 6)
    assert cell(got, "n_in_qpv") == (2, 1, 2, 3)
    assert cell(got, "n_in_qpv", "msp") == (1, 0, 1, 1)
    assert cell(got, "n_vecu_declared") == (1, 1, 1, 2)
    assert cell(got, "n_in_or_near") == (3, 1, 3, 4)
    assert cell(got, "share_in_qpv") == (2 / 6, 1, 2 / 6, 3 / 6)
    row = got[(got["indicator"] == "share_in_qpv") & (got["scope"] == "msp_cds") & (got["level"] == "country")].iloc[0]
    assert (row["numerator"], row["denominator"], row["unit"]) == (2, 6, "share")


def test_where_nobody_answered_declared_is_null_and_not_zero(stock):
    got = of_structures(stock(INSIDE, CLOSE, {}))
    assert cell(got, "n_vecu_declared") == (None, 2, 0, 2)
    assert cell(got, "n_in_or_near") == (None, 2, 1, 3)
    assert cell(got, "n_within_proxy") == (1, 0, 1, 1)
    assert cell(of_structures(stock(INSIDE)), "n_vecu_declared") == (0, 0, 0, 0)  # nothing outside to be declared


@pytest.mark.parametrize(("rule", "n"), [("declared", 2), ("proxy", 3), ("declared_or_proxy", 3)])
def test_near_adds_up_by_the_rule_of_the_settings(stock, rule, n):
    frame = stock(INSIDE, DECLARED, CLOSE, REFUSED)
    got = of_structures(frame, rule)
    assert cell(got, "n_in_or_near")[0] == n
    words = got[got["indicator"] == "n_in_or_near"]["rule"].iloc[0]
    assert {"declared": "declared by the ARS", "proxy": "within 300 m"}.get(rule, "with no answer") in words


def test_a_point_that_cannot_decide_is_within_no_distance(stock):
    got = of_structures(
        stock(CLOSE | {"is_placed": False, "situation": "vecu_declared", "vecu_declared": "yes"}), "proxy"
    )
    assert cell(got, "n_within_proxy") == (0, 1, 0, 1)
    assert cell(got, "n_in_qpv") == (0, 0, 0, 0)  # the ARS says that it is outside


def test_the_scope_that_needs_the_modality_gives_bounds(stock):
    got = of_structures(stock(INSIDE, INSIDE | VAGUE, VAGUE | {"vecu_declared": "no"}, INSIDE | CENTRE, REFUSED))
    assert cell(got, "n_country", "primary") == (2, 2, 2, 4)
    assert cell(got, "n_in_qpv", "primary") == (1, 1, 1, 2)
    assert cell(got, "n_country", "cds") == (3, 0, 3, 3)
    assert cell(got, "share_in_qpv", "primary") == (1 / 2, 1, 1 / 4, 1)


@pytest.mark.parametrize(
    ("rows", "pluri", "mono"),
    [
        ((INSIDE | VAGUE, VAGUE), (None, 1, 0, 1), (None, 1, 0, 1)),  # 0 of each would say that there is none
        ((INSIDE | VAGUE, VAGUE, INSIDE | CENTRE), (0, 1, 0, 1), (1, 1, 1, 2)),
        ((INSIDE,), (0, 0, 0, 0), (0, 0, 0, 0)),  # no centre at all
    ],
)
def test_of_centres_of_unknown_modality_none_is_mono_nor_pluri(stock, rows, pluri, mono):
    scopes = [SCOPES["cds_pluri"], SCOPES["cds_mono"]]
    got = headline.structures(stock(*rows), near_rule="declared", vecu_distance_m=300, scopes=scopes)
    assert cell(got, "n_in_qpv", "cds_pluri") == pluri
    assert cell(got, "n_in_qpv", "cds_mono") == mono
    primary = of_structures(stock({}, *rows))
    assert cell(primary, "n_in_qpv", "primary")[0] is not None  # an MSP is sure: the figure is a minimum


def test_every_area_has_every_scope(stock):
    got = of_structures(stock(INSIDE, CENTRE | {"department_code": "81"}))
    assert cell(got, "n_in_qpv", "msp", "department", "81") == (0, 0, 0, 0)
    assert cell(got, "share_in_qpv", "msp", "department", "81")[0] is None
    assert cell(got, "n_country", "cds", "region", "76") == (1, 0, 1, 1)


def qpv(**over):
    base = {
        "generation": "qpv-2015",
        "year": 2019,
        "territory": "metropole",
        "region_code": "76",
        "department_code": "31",
    }
    known = {
        "n_msp_in": 0,
        "n_cds_in": 0,
        "n_cds_pluri_in": 0,
        "n_cds_unknown_in": 0,
        "n_msp_near": 0,
        "n_cds_near": 0,
        "n_undetermined": 0,
        "commune_codes": "31555",
    }
    more = {"is_covered_near": False, "population": 6000, "zone_class": "ZIP", "zoning_edition": "2019"}
    return base | known | more | {"is_npnru": True, "is_large": True} | over


def of_neighbourhoods(*rows, lost=()):
    """Compute the figures of QPV named by their place in the list; ``lost``: communes of structures without a place."""
    frame = pd.DataFrame(rows)
    frame = frame.assign(
        qpv_code=[f"Q{n}" for n in range(len(rows))], commune_codes=frame["commune_codes"].astype("str")
    )
    counts = dict.fromkeys((*COUNTS, "population"), "Int64")
    flags = dict.fromkeys(("is_covered_near", "is_npnru", "is_large"), "boolean")
    nowhere = [LOST | {"commune_code": commune, "generation": "qpv-2015"} for commune in lost]
    stock = make(*nowhere, {"generation": "other"})
    return headline.neighbourhoods(frame.astype(counts | flags | {"zone_class": "str", "zoning_edition": "str"}), stock)


COUNTS = ("n_msp_in", "n_cds_in", "n_cds_pluri_in", "n_cds_unknown_in", "n_msp_near", "n_cds_near")
COVERED = {"n_msp_in": 1, "is_covered_near": True}
BEYOND = dict.fromkeys((*COUNTS, "is_covered_near"), None)
MAYBE = {"n_undetermined": 1, "is_covered_near": None}


def test_qpv_without_any_show_none_and_what_has_no_place_lowers_them_by_as_many():
    got = of_neighbourhoods(qpv(), qpv(**COVERED), qpv(**MAYBE), qpv(**BEYOND), lost=["31555"])
    assert cell(got, "qpv_total") == (4, 0, 4, 4)
    assert cell(got, "qpv_without_any") == (2, 2, 1, 3)
    assert cell(got, "population_without_any") == (12000, 2, 6000, 18000)
    assert cell(got, "share_qpv_without_any") == (2 / 3, 2, 1 / 4, 3 / 4)
    assert cell(got, "qpv_without_any", "cds") == (3, 2, 3, 4)  # the one without a place is an MSP


def test_k_structures_without_a_place_cover_at_most_k_qpv_in_every_subset():
    many = [qpv(**MAYBE) for _ in range(148)]
    got = of_neighbourhoods(*many, qpv(is_large=False, population=900, **MAYBE), lost=["31555"] * 3)
    assert cell(got, "qpv_without_any") == (149, 149, 146, 149)
    assert cell(got, "large_qpv_without_any") == (148, 148, 145, 148)
    assert cell(got, "zip_qpv_without_any") == (149, 149, 146, 149)
    assert cell(got, "population_without_any")[2] == 146 * 6000 - 6000 + 900


def test_what_could_stand_in_one_commune_covers_no_more_than_it_has():
    got = of_neighbourhoods(
        qpv(**MAYBE), qpv(commune_codes="31069"), qpv(commune_codes="31069", **COVERED), lost=["31555"] * 5
    )
    assert cell(got, "qpv_without_any") == (2, 1, 1, 2)


def test_a_subset_is_never_above_the_set_that_holds_it():
    small = {"is_large": False, "population": 900}
    got = of_neighbourhoods(*(qpv(is_npnru=None, **small) for _ in range(70)), *(qpv(is_npnru=True) for _ in range(8)))
    assert cell(got, "large_qpv_without_any") == (8, 0, 8, 8)
    assert cell(got, "large_npnru_qpv_without_any") == (8, 0, 8, 8)


def test_beyond_the_cover_the_value_is_null_and_not_zero():
    got = of_neighbourhoods(qpv(**BEYOND))
    assert cell(got, "qpv_without_any") == (None, 1, 0, 1)
    assert cell(got, "share_qpv_without_any")[0] is None
    assert cell(got, "qpv_total")[0] == 1


def test_crosses_need_their_mark_to_be_known():
    got = of_neighbourhoods(
        qpv(),
        qpv(is_large=False, population=900),
        qpv(is_npnru=False, zone_class="ZAC"),
        qpv(**COVERED),
        qpv(population=None, is_large=None, zone_class=None, is_npnru=None),
    )
    assert cell(got, "large_qpv") == (3, 1, 3, 4)
    assert cell(got, "large_qpv_without_any") == (2, 1, 2, 3)
    assert cell(got, "large_npnru_qpv_without_any") == (1, 1, 1, 2)
    assert cell(got, "zip_qpv") == (3, 1, 3, 4)
    assert cell(got, "zip_qpv_without_any") == (2, 1, 2, 3)
    assert cell(got, "zip_qpv_without_any_population")[:3] == (6900, 1, 6900)
    assert cell(got, "zip_or_zac_qpv") == (4, 1, 4, 5)
    assert cell(got, "zip_qpv_population")[0] == 12900


def test_qpv_in_a_zip_are_a_number_of_those_of_the_zoned_regions():
    elsewhere = {"zone_class": None, "zoning_edition": None, "population": 500}
    straddling = qpv(zone_class=None)  # of a region that has decided, though of no one class
    got = of_neighbourhoods(qpv(), qpv(zone_class="HZ"), straddling, qpv(**elsewhere))
    at = (got["scope"] == "msp_cds") & (got["level"] == "country")
    wholes = got[at].set_index("indicator")["denominator"]
    assert wholes[["zip_qpv", "zip_qpv_without_any", "zip_or_zac_qpv"]].tolist() == [3, 3, 3]
    assert wholes[["zip_qpv_population", "zip_or_zac_qpv_without_any_population"]].tolist() == [18000, 18000]
    assert wholes[["qpv_total", "large_qpv"]].isna().all()
    nowhere = of_neighbourhoods(qpv(**elsewhere))
    assert nowhere.loc[nowhere["indicator"] == "zip_qpv", "denominator"].isna().all()


def test_without_any_list_a_cross_is_null():
    got = of_neighbourhoods(qpv(is_npnru=None, zone_class=None), qpv(is_npnru=None, zone_class=None))
    for name in ("large_npnru_qpv_without_any", "zip_qpv", "zip_qpv_without_any", "zip_or_zac_qpv_population"):
        assert cell(got, name)[0] is None, name


def test_people_that_nobody_counted_are_unknown_and_not_zero():
    bare = {"population": None, "is_large": None}
    alone = of_neighbourhoods(qpv(**bare), qpv(**COVERED))
    assert cell(alone, "population_without_any") == (None, 1, 0, None)
    partly = of_neighbourhoods(qpv(**bare), qpv(population=900))
    assert cell(partly, "population_without_any") == (900, 1, 900, None)  # at least; nobody can say how many at most
    assert cell(of_neighbourhoods(qpv(**COVERED)), "population_without_any") == (0, 0, 0, 0)


def test_near_has_its_own_share():
    got = of_neighbourhoods(qpv(), qpv(n_cds_near=1, is_covered_near=True), qpv(n_msp_near=None, is_covered_near=None))
    at = got["indicator"] == "share_qpv_without_any_near"
    row = got[at & (got["level"] == "country")].iloc[0]
    assert (row["value"], row["denominator"], row["n_unknown"]) == (1 / 2, 2, 1)
    assert cell(got, "qpv_without_any") == (3, 0, 3, 3)


def test_levels_of_qpv_add_up():
    got = of_neighbourhoods(
        qpv(), qpv(department_code="81"), qpv(territory="polynesie", region_code="none", department_code="987")
    )
    for level, parts in (
        ("region", ("76", "none")),
        ("department", ("31", "81", "987")),
        ("territory", ("metropole", "polynesie")),
    ):
        assert sum(cell(got, "qpv_without_any", level=level, area=a)[0] for a in parts) == 3


def test_each_indicator_is_there_once_and_in_words(stock):
    got = pd.concat([of_structures(stock(INSIDE, CENTRE)), of_neighbourhoods(qpv())])
    assert not got.duplicated(figures.KEY).any()
    assert got["rule"].str.len().min() > 8
    names = {i.name for i in (*STRUCTURES, *QPV) if i.in_table}
    assert names >= {"qpv_total", "zip_or_zac_qpv_without_any_population", "n_in_or_near"}
    assert names == set(got["indicator"])
    value, low, high = (got[c].to_numpy(dtype=float) for c in ("value", "lower", "upper"))
    known = ~np.isnan(value) & (got["unit"] != "share").to_numpy()
    assert ((low <= value) & (value <= high))[known].all()


def test_a_qpv_is_assessed_where_both_types_are_and_covered_all_the_same():
    for one in ({"n_cds_in": None}, {"n_msp_in": None}):
        got = of_neighbourhoods(qpv(**one), qpv())
        assert cell(got, "qpv_without_any") == (1, 1, 1, 2)
    got = of_neighbourhoods(qpv(n_msp_in=1, n_cds_in=None), qpv())
    assert cell(got, "share_qpv_without_any") == (1 / 2, 0, 1 / 2, 1 / 2)


def test_centres_of_known_and_unknown_modality_are_taken_from_all_centres():
    got = of_neighbourhoods(
        qpv(n_cds_in=1, is_covered_near=True),
        qpv(n_cds_in=1, n_cds_unknown_in=1, is_covered_near=True),
        qpv(n_cds_in=1, n_cds_pluri_in=1, is_covered_near=True),
    )
    assert cell(got, "qpv_without_any", "cds") == (0, 0, 0, 0)
    assert cell(got, "qpv_without_any", "primary") == (1, 1, 1, 2)


def test_near_is_without_any_only_where_nothing_is_inside_either():
    got = of_neighbourhoods(
        qpv(),
        qpv(n_cds_near=1, is_covered_near=True),
        qpv(n_msp_in=1, is_covered_near=True),
        qpv(n_undetermined=1, is_covered_near=None),
        qpv(**BEYOND),
    )
    assert cell(got, "share_qpv_without_any_near") == (2 / 4, 2, 2 / 5, 3 / 5)


def test_each_commune_with_structures_without_a_place_lowers_its_own_qpv():
    other = {"commune_codes": "31069"}
    got = of_neighbourhoods(qpv(**MAYBE), qpv(**MAYBE), qpv(**MAYBE, **other), lost=["31555", "31069"])
    assert cell(got, "qpv_without_any") == (3, 3, 1, 3)
    assert cell(got, "population_without_any")[2] == 6000
