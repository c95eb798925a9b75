"""What structures without a sure place could cover, against every world: each of them in one of its places, or in no QPV."""

from itertools import product

import pandas as pd
from hypothesis import given, strategies as st

from qpvhealth.indicators import coverage, headline, readings
from tests.indicators.conftest import make

OWN = {"A": ["31555"], "B": ["31069"], "C": ["31555", "31069"], "D": ["31001"], "E": [None]}
"""The communes of each QPV; nobody knows those of E."""
PEOPLE = {"A": 7000, "B": 900, "C": 5000, "D": 6000, "E": 800}
IN_31, NPNRU = set("ABCE"), set("ACD")
INSIDE = {"situation": "in_qpv", "distance_m": 0.0}
LOST = {"situation": "undetermined", "is_placed": False}
STREET = {"distance_m": 100.0, "location_precision": "street", "location_error_m": 150.0}
EXTRA = ("other_qpv_code", "other_area_code", "possible_qpv_codes")
QPV, COMMUNES = st.sampled_from(sorted(OWN)), st.sampled_from(["31555", "31069", "31001", None])


def reach(commune):
    """Which QPV what is lost in a commune of the 31 could stand in."""
    if commune is None:
        return IN_31
    return {q for q, own in OWN.items() if commune in own or own == [None]}


def structure(kind, qpv, commune):
    """Describe a structure, its places beside "in no QPV", and the QPV in which it counts."""
    if kind in ("inside", "unread"):
        row, is_read = INSIDE | {"qpv_code": qpv, "commune_code": OWN[qpv][0]}, kind == "inside"
        return row | {"is_read": is_read}, {qpv} if is_read else {qpv, None}, qpv if is_read else None
    if kind == "street":  # in the QPV within its error, or in none, whatever the commune
        near = {qpv} | ({"E"} if commune is None else {"D"})
        return STREET | {"possible_qpv_codes": ",".join(sorted(near)), "commune_code": commune}, near | {None}, None
    if kind == "lost" or commune is None or commune in OWN[qpv] or OWN[qpv] == [None]:
        return LOST | {"commune_code": commune}, reach(commune) | {None}, None
    if kind == "disputed":  # its point decides, in a QPV of another commune
        row = INSIDE | {"qpv_code": qpv, "other_qpv_code": qpv, "commune_code": commune}
        return row, {qpv, None} | reach(commune), qpv
    if kind == "contradictory":
        row = LOST | {"other_qpv_code": qpv, "commune_code": commune}
        return row, {None} | reach(commune) | reach(OWN[qpv][0]), None
    row = {"other_area_code": "31001", "commune_code": commune}  # its point decides, outside every QPV
    return row, {None} | reach(commune), None


def figures_of(rows):
    """Compute the figures of QPV by both readings, as a build does."""
    frame = pd.DataFrame(
        {"qpv_code": [*OWN], "commune_codes": [",".join(c or "" for c in own) or None for own in OWN.values()]}
    )
    frame = frame.assign(generation="qpv-2015", year=2019, territory="metropole", region_code="76", zone_class="ZIP")
    frame = frame.assign(
        department_code=["31" if q in IN_31 else "81" for q in OWN],
        population=pd.array([*PEOPLE.values()], "Int64"),
        is_large=pd.array([n > 4000 for n in PEOPLE.values()], "boolean"),
        is_npnru=pd.array([q in NPNRU for q in OWN], "boolean"),
        zoning_edition="2019",
    )
    extra = {c: pd.Series([row.get(c) for row in rows], dtype="str") for c in EXTRA}
    read = [row.get("is_read", True) for row in rows]
    plain = [{k: v for k, v in row.items() if k not in (*extra, "is_read")} for row in rows]
    stock = readings.with_second_places(make(*plain).assign(is_read=read, **extra), frame)
    pairs = pd.DataFrame(columns=["finess_et", "generation", "year", "qpv_code", "distance_m", "is_declared"])
    known = frame.assign(is_assessed=True, is_answered=True)
    covered = coverage.cover(known, stock, pairs, near_rule="proxy", vecu_distance_m=300)
    quarters = frame.merge(covered.drop(columns="department_code"), on=["qpv_code", "generation", "year"])
    first, second = (headline.neighbourhoods(q, stock) for q in (quarters, readings.without_disputed(quarters, stock)))
    return covered, readings.widened(first, second, of_qpv=True)


KINDS = st.sampled_from(["inside", "unread", "street", "lost", "disputed", "contradictory", "far"])


@given(st.lists(st.tuples(KINDS, QPV, COMMUNES), min_size=1, max_size=4))
def test_the_bounds_are_the_least_and_the_most_of_every_world_in_every_subset(described):
    rows, places, counted = zip(*(structure(*one) for one in described), strict=True)
    covered, got = figures_of(rows)
    worlds = [set(OWN) - set(world) for world in product(*places)]
    seen = set(OWN) - set(counted)
    got = got[got["scope"] == "msp_cds"].set_index(["indicator", "level", "area_code"])
    for level, area, within in (("country", "FR", set(OWN)), ("department", "31", IN_31), ("department", "81", {"D"})):
        for name, among, weight in (
            ("qpv_without_any", set(OWN), dict.fromkeys(OWN, 1)),
            ("population_without_any", set(OWN), PEOPLE),
            ("large_qpv_without_any", {q for q in OWN if PEOPLE[q] > 4000}, dict.fromkeys(OWN, 1)),
            ("large_npnru_qpv_without_any", {q for q in NPNRU if PEOPLE[q] > 4000}, dict.fromkeys(OWN, 1)),
            ("zip_qpv_without_any_population", set(OWN), PEOPLE),
        ):
            totals = [sum(weight[q] for q in bare & among & within) for bare in (seen, *worlds)]
            row = got.loc[(name, level, area)]
            assert tuple(row[["value", "lower", "upper"]]) == (totals[0], min(totals[1:]), max(totals[1:])), (
                name,
                area,
            )
    others = [{q for q in own if q is not None and q != home} for own, home in zip(places, counted, strict=True)]
    could = {q: sum(q in own for own in others) for q in OWN}
    assert dict(zip(covered["qpv_code"], covered["n_undetermined"], strict=True)) == could
    sure = covered["is_covered_in"].fillna(value=False).tolist()
    assert sure == [q in counted for q in OWN]
    not_sure = [q not in counted and could[q] > 0 for q in OWN]
    assert covered["is_covered_in"].isna().tolist() == not_sure
