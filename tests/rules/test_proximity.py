"""One rule of proximity for every user: the case of the method worked by hand, and random structures against a loop over places.

The loop knows nothing of Kleene: it lists the places where each structure may stand, tells each as the law would, and what all of
them give is sure.
"""

from itertools import pairwise, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings, strategies as st

from qpvhealth.facts.perimeter_sets import PerimeterSet
from qpvhealth.indicators import changes, coverage, headline, matrix, prescreen, situations, vecu_support
from qpvhealth.indicators.accounts import Interval
from qpvhealth.rules.proximity import Proximity

RULES = ("declared", "proxy", "declared_or_proxy")
QPV = ("A", "B")
FIGURES = ("n_in_qpv", "n_vecu_declared", "n_within_proxy", "n_in_or_near")


def row(d, *, precision="street", error=150.0, answer="unknown", status="located", qpv="A", **over):
    """Write one structure ``d`` metres from the limit of a QPV (negative inside; null without a point)."""
    inside = d is not None and d <= 0
    base = {
        "location_status": status,
        "location_precision": precision,
        "location_error_m": error,
        "qpv_code": qpv if inside else None,
        "border_distance_m": d,
        "distance_m": None if d is None else max(d, 0.0),
        "nearest_qpv_code": qpv,
        "vecu_declared": answer,
        "other_qpv_code": None,
        "other_area_code": None,
        "source_says_in_qpv": "unknown",
        "has_perimeters": True,
        "is_surely_elsewhere": False,
        "structure_type": "MSP",
        "modality": "unknown",
        "commune_code": "35238",
    }
    return base | over


def country(rows, distance_m):
    """Return the stock of these structures as a build makes it, and the pairs with the QPV around."""
    frame = pd.DataFrame(
        [{"finess_et": f"{n}", "pairs": {r["nearest_qpv_code"]: r["distance_m"]}} | r for n, r in enumerate(rows)]
    )
    texts = ("qpv_code", "nearest_qpv_code", "commune_code")
    frame = frame.astype(dict.fromkeys(texts, "str") | dict.fromkeys(("border_distance_m", "distance_m"), "float64"))
    frame = frame.assign(
        year=2020, generation="g", territory="metropole", region_code="53", department_code="35", epci_code=None
    )
    where = situations.resolve(frame, vecu_distance_m=distance_m)
    stock = frame.drop(columns="qpv_code").join(where)
    pairs = [
        (s["finess_et"], code, metres, s["vecu_declared"] == "yes" and code == s["nearest_qpv_code"])
        for s in frame.to_dict("records")
        for code, metres in s["pairs"].items()
        if s["location_status"] == "located" or s["vecu_declared"] == "yes"
    ]
    near = pd.DataFrame(pairs, columns=["finess_et", "qpv_code", "distance_m", "is_declared"])
    kinds = {"finess_et": "str", "qpv_code": "str", "distance_m": "float64", "is_declared": "bool"}
    return stock.drop(columns=["pairs", "is_surely_elsewhere"]), near.astype(kinds).assign(year=2020, generation="g")


def covered(stock, pairs, rule, distance_m, *, is_answered=False):
    places = pd.DataFrame({"qpv_code": QPV}).assign(
        generation="g",
        year=2020,
        territory="metropole",
        region_code="53",
        commune_codes="35238",
        department_code="35",
        is_assessed=True,
        is_answered=is_answered,
    )
    rows = coverage.cover(places, stock, pairs, near_rule=rule, vecu_distance_m=distance_m)
    more = {"population": 1000, "zone_class": "ZIP", "zoning_edition": "2019", "is_npnru": True, "is_large": True}
    return (
        places.drop(columns="department_code")
        .join(rows.drop(columns=["qpv_code", "generation", "year"]))
        .assign(**more)
    )


def figures(stock, rule, distance_m):
    made = headline.structures(stock, near_rule=rule, vecu_distance_m=distance_m)
    cells = made[(made["scope"] == "msp_cds") & (made["level"] == "country")].set_index("indicator")
    return {n: tuple(None if pd.isna(v) else v for v in cells.loc[n, ["value", "lower", "upper"]]) for n in FIGURES}


def figure(stock, rule, distance_m, name):
    return figures(stock, rule, distance_m)[name]


def flag(value):
    return None if pd.isna(value) else bool(value)


@pytest.mark.parametrize(
    ("d", "distance_m", "near", "is_covered", "place"),
    [(100.0, 300.0, (1, 1, 1), True, "yes"), (90.0, 100.0, (None, 0, 1), None, "unknown")],
)
def test_the_street_of_the_method(d, distance_m, near, is_covered, place):
    stock, pairs = country([row(d)], distance_m)
    assert stock["situation"].tolist() == ["undetermined"]
    assert figure(stock, "proxy", distance_m, "n_in_qpv") == (0, 0, 1)
    assert figure(stock, "proxy", distance_m, "n_within_proxy") == (0, 0, 1)
    assert figure(stock, "proxy", distance_m, "n_in_or_near") == near
    one = covered(stock, pairs, "proxy", distance_m).iloc[0]
    assert (flag(one["n_msp_near"]), flag(one["is_covered_near"]), flag(one["is_covered_in"])) == (
        None,
        is_covered,
        None,
    )
    screened = prescreen.screen(stock, pd.DataFrame({"finess_et": []}), near_rule="proxy", vecu_distance_m=distance_m)
    assert screened["place"].tolist() == [place]


def test_near_two_qpv_a_street_may_be_inside_the_other():
    both = {"pairs": {"A": 100.0, "B": 100.0}}
    apart = {"pairs": {"A": 100.0, "B": 200.0}}
    for pairs_of, expected in ((both, [None, None]), (apart, [True, None])):
        stock, pairs = country([row(100.0, **pairs_of)], 300.0)
        assert [flag(v) for v in covered(stock, pairs, "proxy", 300.0)["is_covered_near"]] == expected


def test_an_error_that_just_reaches_the_limit_decides_nothing():
    reach = Proximity.of(
        pd.DataFrame([row(d) for d in (150.0, 150.000001, -150.0, -150.000001)]).astype({"qpv_code": "str"})
    )
    assert reach.inside.unknown.tolist() == [True, False, True, False]


def test_a_sum_of_floats_does_not_decide():
    stock, _ = country([row(0.1, error=0.2)], 0.3)
    assert Proximity.of(stock).inside_or_within(0.3).yes.tolist() == [True]  # 0.1 + 0.2 > 0.3 in binary


def worlds(d, *, precision, error, answer, status, surely):
    """List the signed distances at which a structure may stand: the ends of its interval and both sides of the limit."""
    if d is None or status != "located":
        return [np.inf] if surely else [1.0, 150.0, 1e9] if answer == "yes" else [-1.0, 1.0, 150.0, 1e9]
    if precision != "street" or abs(d) > error:
        return [d]
    ends = sorted({round(v, 6) for v in (d - error, -1e-6, 0.0, 1e-6, 299.999999, 300.0, 300.000001, d + error)})
    inside_is_out = [v for v in ends if d - error <= v <= d + error]
    return [v for v in inside_is_out if answer != "yes" or v > 0]


def truth(v, answer, rule, distance_m):
    """Tell one place as the law would: inside, declared, within, near, inside or near; null where only the ARS could say."""
    inside = v <= 0
    said = {"yes": True, "no": False, "unknown": None}[answer]
    by_distance = v <= distance_m
    either = said if rule == "declared" else by_distance if rule == "proxy" or said is None else said
    near = False if inside else either
    return {
        "n_in_qpv": inside,
        "n_vecu_declared": False if inside else said,
        "n_within_proxy": not inside and by_distance,
        "n_in_or_near": True if inside else near,
    }


def merged(values):
    return values[0] if len(set(values)) == 1 else None


STRUCTURES = st.builds(
    lambda d, precision, error, answer, status, surely: {
        "d": None if surely and status != "located" else d,
        "precision": precision,
        "error": error,
        "answer": answer,
        "status": status,
        "surely": surely and status != "located",
    },
    st.one_of(
        st.integers(-400, 700).map(float), st.sampled_from([0.0, 149.9, 150.0, 150.1, -149.9, 300.0, 300.1, 450.0])
    ),
    st.sampled_from(["street", "housenumber", "unknown"]),
    st.sampled_from([20.0, 150.0]),
    st.sampled_from(["yes", "no", "unknown"]),
    st.sampled_from(["located", "located", "located", "centroid", "missing", "contradictory"]),
    st.booleans(),
)


def as_row(s):
    d = s["d"] if s["status"] == "located" else None
    over = {"is_surely_elsewhere": s["surely"]}
    return row(d, precision=s["precision"], error=s["error"], answer=s["answer"], status=s["status"], **over)


@settings(max_examples=12, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(st.lists(STRUCTURES, min_size=1, max_size=5), st.sampled_from(RULES), st.sampled_from([100.0, 300.0]))
def test_every_user_of_the_rule_agrees_with_a_loop_over_places(structures, rule, distance_m):
    rows = [as_row(s) for s in structures]
    stock, pairs = country(rows, distance_m)
    told = []
    for s, r in zip(structures, rows, strict=True):
        places = worlds(
            r["border_distance_m"], **{k: s[k] for k in ("precision", "error", "answer", "status", "surely")}
        )
        every = [truth(v, s["answer"], rule, distance_m) for v in places]
        told.append({name: merged([one[name] for one in every]) for name in every[0]})
    made = figures(stock, rule, distance_m)
    for name in FIGURES:
        sure, possible = (sum(t[name] in among for t in told) for among in ((True,), (True, None)))
        assert made[name][1:] == (sure, possible), name
    for t, situation in zip(told, stock["situation"], strict=True):
        assert (situation == "in_qpv") == (t["n_in_qpv"] is True)
        assert (situation == "undetermined") == (t["n_in_qpv"] is None)
    union = [{True: "yes", False: "no", None: "unknown"}[t["n_in_or_near"]] for t in told]
    nobody = pd.DataFrame({"finess_et": []})
    assert prescreen.screen(stock, nobody, near_rule=rule, vecu_distance_m=distance_m)["place"].tolist() == union
    assert _effects(stock, rule, distance_m) == [{"yes": 1, "no": 0, "unknown": None}[u] for u in union]
    cells = _cells(stock, pairs, rule, distance_m)
    sure, possible = union.count("yes"), len(union) - union.count("no")
    assert (cells["lower"].item(), cells["upper"].item()) == (sure, possible)
    answered = not (stock["vecu_declared"] == "unknown").any()
    one = covered(stock, pairs, rule, distance_m, is_answered=answered).iloc[0]
    placed = [u for u, s in zip(union, structures, strict=True) if s["status"] == "located" or s["answer"] == "yes"]
    if "yes" in placed:
        assert flag(one["is_covered_near"]) is True
    elif "unknown" in union:
        assert flag(one["is_covered_near"]) is None
    else:
        assert flag(one["is_covered_near"]) is (False if rule != "declared" or answered else None)
    listed = vecu_support.unsupported(stock, near_m=distance_m, far_m=1000.0)
    assert set(listed.loc[listed["case"] == vecu_support.UNANSWERED, "vecu_declared"]) <= {"unknown"}


def _cells(stock, pairs, rule, distance_m):
    near = "within_" + f"{distance_m:g}" if rule == "proxy" else rule
    quarters = covered(stock, pairs, rule, distance_m)
    made = matrix.matrix(
        stock,
        pairs,
        quarters.drop(columns="commune_codes"),
        quarters.drop(columns="year"),
        sets=[PerimeterSet("g", "g", None, "all", "all")],
        in_force={2020: {"metropole": "g"}},
        rings_m=(distance_m,),
        proxy_m=distance_m,
    )
    at = (made["measure"] == "n_in_or_near") & (made["scope"] == "msp_cds") & (made["counted"] == "structures")
    return made[at & (made["near"] == near)]


def _effects(stock, rule, distance_m):
    """Return the effect of the entry of each structure in a stock that had none of them."""
    within = Proximity.of(stock).inside_or_within(distance_m)
    around = np.select([within.yes, within.no], ["yes", "no"], "unknown")
    dates = dict.fromkeys(("opened_on", "closed_on"), pd.NaT)
    rows = stock.assign(
        **dict.fromkeys(("type_as_written", "address", "postcode"), "x"),
        **dates,
        **dict.fromkeys(("place", "place_other"), stock["situation_by_place"]),
        **dict.fromkeys(("around", "around_other"), around),
        answer=stock["vecu_declared"],
        x=0.0,
        y=0.0,
        is_in_stock=True,
    )
    days = pd.Timestamp("2019-01-01").date(), pd.Timestamp("2020-01-01").date()
    links = pd.DataFrame({c: [] for c in ("finess_et_from", "finess_et_to", "from_year", "to_year")})
    entered = changes.account(rows.head(0), rows, Interval(2019, 2020, *days), links, near_rule=rule)
    effects = entered.set_index("finess_et")["effect_in_or_near"].reindex(stock["finess_et"])
    return [None if pd.isna(v) else int(v) for v in effects]


def test_published_columns_say_the_same_as_those_of_a_build():
    rows = [row(None, status="centroid", is_surely_elsewhere=True, answer=a) for a in ("yes", "no", "unknown")]
    rows += [row(d, precision=p) for d, p in product((-200.0, 40.0, 900.0), ("street", "housenumber"))]
    stock, _ = country(rows, 300.0)
    frame = pd.DataFrame(rows).astype({"qpv_code": "str", "border_distance_m": "float64"})
    built, published = Proximity.of(frame), Proximity.of(stock)
    for one, other in ((built.inside, published.inside), (built.within(300), published.within(300))):
        assert (one.yes.tolist(), one.no.tolist()) == (other.yes.tolist(), other.no.tolist())


def test_rings_grow_one_in_the_other():
    stock, _ = country([row(float(d)) for d in range(-300, 700, 7)], 300.0)
    reach = Proximity.of(stock)
    for near, far in pairwise((100, 200, 300, 500, 1000)):
        assert not (reach.inside_or_within(near).yes & ~reach.inside_or_within(far).yes).any()
        assert not (reach.inside_or_within(far).no & ~reach.inside_or_within(near).no).any()


def test_a_no_of_the_ars_excludes_near_and_places_nothing():
    lost = [row(None, status="centroid", answer=a) for a in ("yes", "no")]
    stock, _ = country(lost, 300.0)
    assert stock["situation"].tolist() == ["vecu_declared", "undetermined"]
    assert Proximity.of(stock).in_or_near("declared", 300).unknown.tolist() == [False, True]
    assert figure(stock, "declared", 300.0, "n_in_qpv") == (0, 0, 1)


def test_points_that_decide_alone():
    where = Proximity.of_points(np.array([np.nan, np.nan, 5.0, 0.0]), np.array([True, False, False, True]))
    assert where.inside.yes.tolist() == [True, False, False, True]
    assert where.inside.no.tolist() == [False, False, True, False]
    assert where.inside_or_within(5.0).yes.tolist() == [False, False, True, True]


def test_pairs_are_measured_from_the_depth_of_the_only_qpv_that_covers():
    """A street 100 m deep in A, give or take 150 m, is at most 50 m from it, and at most 250 m from what lies 100 m away."""
    one = Proximity.of(pd.DataFrame([row(-100.0)]))
    pairs = {"is_declared": np.array([False, False]), "is_inside": np.array([True, False])}
    towards = one.of_pairs(np.array([0, 0]), np.array([0.0, 100.0]), **pairs)
    assert (towards.low.tolist(), towards.high.tolist()) == ([-250, -50], [50, 250])
    both = one.of_pairs(np.array([0, 0]), np.array([0.0, 0.0]), **pairs)
    assert both.high.tolist() == [150, 150]  # of which of the two the depth is, nobody says


def test_one_by_one_each_qpv_that_covers_a_point_holds_it():
    one = Proximity.of(pd.DataFrame([row(-10.0, precision="housenumber", error=0.0)]))
    at, metres = np.array([0, 0, 0]), np.array([0.0, 0.0, 40.0])
    pairs = one.of_pairs(at, metres, is_declared=np.zeros(3, dtype=bool), is_inside=np.array([True, False, False]))
    assert pairs.holds.yes.tolist() == [True, False, False]  # the one assigned
    assert pairs.near("proxy", 50).yes.tolist() == [False, False, False]  # what is inside another is near none
    each = pairs.each(metres == 0)
    assert each.holds.yes.tolist() == [True, True, False]
    assert each.holds.no.tolist() == [False, False, True]
    assert each.near("proxy", 50).yes.tolist() == [False, False, True]
