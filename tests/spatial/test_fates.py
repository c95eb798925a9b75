"""Fates on squares worked by hand, on a random partition, and on the real contours."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely

from qpvhealth.errors import ContractError
from qpvhealth.sample.neighbourhoods import FATES
from qpvhealth.spatial import fates


def squares(generation, boxes):
    rows = [{"qpv_code": c, "metres": shapely.box(*b) if len(b) == 4 else shapely.Point(b)} for c, b in boxes.items()]
    return pd.DataFrame(rows).assign(generation=generation, territory="metropole")


def fate_of(old, new):
    found = fates.fates(squares("old", old), squares("new", new))
    pairs = zip(found["qpv_code_from"].fillna("-"), found["qpv_code_to"].fillna("-"), found["fate"], strict=True)
    return sorted(pairs)


SQUARES = json.loads(Path(__file__).with_name("fates.json").read_text(encoding="utf-8"))
"""QPV of two generations as west, south, east, north (or a point), and what became of each."""


@pytest.mark.parametrize("case", SQUARES, ids=lambda case: case["fates"][-1][-1])
def test_fates_of_squares(case):
    assert fate_of(case["old"], case["new"]) == [tuple(pair) for pair in case["fates"]]


@pytest.mark.parametrize(("west", "fates_of"), [(95.0, ["modified"]), (95.0001, ["gone", "new"])])
def test_the_twentieth_that_links_two_is_a_rounded_share(west, fates_of):
    x, y = 652_381.7, 6_862_305.3
    old = {"A": (x, y, x + 100, y + 100)}
    new = {"QN00101M": (x + west, y, x + west + 1e-9 + 100, y + 100)}
    assert [fate for *_, fate in fate_of(old, new)] == sorted(fates_of, reverse=True)


def test_what_collapsed_is_where_its_corners_are_and_what_has_no_place_is_left_out():
    box, flat = shapely.box(0, 0, 9, 9), shapely.Polygon([(3, 4), (5, 6), (3, 4)])
    prepared = pd.DataFrame(
        {
            "qpv_code": ["A", "B", "C", "D", "E"],
            "territory": ["metropole"] * 4 + [None],
            "repair": pd.Series([None, "collapsed", "misplaced", "collapsed", None], dtype="str"),
            "geometry": [box, flat, box, flat, box],
            "metres": [box, None, box, flat, box],
        }
    ).assign(generation="g", crs="EPSG:2154")
    found = fates.shapes(prepared)
    assert list(found.columns) == ["qpv_code", "generation", "territory", "metres"]
    assert found["qpv_code"].tolist() == ["A", "B", "D"]
    assert found["metres"][0] == box
    for corners in found["metres"][1:]:
        assert set(map(tuple, shapely.get_coordinates(corners))) == {(3, 4), (5, 6)}


def test_shares_and_groups():
    old = squares("old", {"A": (0, 0, 10, 10), "B": (50, 0, 60, 10), "C": (100, 0, 200, 100)})
    found = fates.fates(old, squares("new", {"D": (0, 0, 10, 5), "E": (196, 0, 296, 100)}))
    rows = found.set_index(["qpv_code_from", "qpv_code_to"])
    shares = ["share_of_from", "share_of_to", "overlap_m2"]
    assert rows.loc[("A", "D"), shares].tolist() == [0.5, 1, 50]
    alone = found[found["qpv_code_to"].isna()].set_index("qpv_code_from")["share_of_from"]
    assert alone.to_dict() == {"B": 0, "C": 0.04}
    assert found["group"].nunique() == 4


def test_a_territory_of_one_generation_only_is_not_compared():
    old = squares("old", {"A": (0, 0, 9, 9)})
    assert fates.fates(old, squares("new", {"B": (0, 0, 9, 9)}).assign(territory="mayotte")).empty


def test_components_are_those_of_a_search():
    random = np.random.default_rng(3)
    for n_edges in (0, 5, 30, 80):
        left, right = random.integers(0, 40, n_edges), random.integers(0, 30, n_edges)
        label = fates.components(left, right, 40, 30)
        near = {i: set() for i in range(70)}
        for a, b in zip(left.tolist(), (right + 40).tolist(), strict=True):
            near[a].add(b)
            near[b].add(a)
        for start in range(70):
            seen, todo = {start}, [start]
            while todo:
                todo += [n for n in near[todo.pop()] if n not in seen and not seen.add(n)]
            assert set(np.flatnonzero(label == label[start]).tolist()) == seen


def test_the_identity_of_a_territory_is_asserted():
    old, new = squares("old", {"A": (0, 0, 9, 9)}), squares("new", {"B": (0, 0, 9, 9), "C": (20, 0, 29, 9)})
    found = fates.fates(old, new)
    counted = fates.identity(found).loc["metropole"]
    assert counted[["n_from", "one_to_one", "new", "n_to", "expected"]].tolist() == [1, 1, 1, 2, 2]
    with pytest.raises(ContractError, match="neighbourhood_fates"):
        fates.assert_balance(found[found["fate"] != "new"], old, new)


def test_the_fates_of_the_invented_france_are_those_it_was_drawn_with(built):
    counted = fates.identity(built["neighbourhood_fates"])
    drawn = FATES["metropole"]
    metropole = counted.loc["metropole"]
    assert {f: int(metropole[f]) for f in ("unchanged", "modified", "gone", "new")} == {
        f: drawn[f] for f in ("unchanged", "modified", "gone", "new")
    }
    assert metropole[["merged_in", "merged_out", "split_in", "split_out"]].tolist() == [38, 18, 10, 24]


def test_the_real_fates_are_those_of_the_domain_reference(real_data):
    import geopandas as gpd

    def read(path, generation, code, **options):
        frame = gpd.read_file(real_data / "neighbourhoods" / path, **options).to_crs(2154)
        metres = shapely.make_valid(frame.geometry.to_numpy(), method="structure", keep_collapsed=False)
        return pd.DataFrame(
            {"qpv_code": frame[code], "generation": generation, "territory": "metropole", "metres": metres}
        )

    old = read("qpv-2015/QP_METROPOLE_LB93.shp", "qpv-2015", "CODE_QP", encoding="cp1252")
    new = read("qpv-2024/qpv-2026-rounded-1584.geojson", "qpv-2026", "code")
    new = new[~new["qpv_code"].str.match("QN9[78]")]
    n = fates.identity(fates.fates(old, new)).loc["metropole"]
    shown = ["one_to_one", "merged_in", "merged_out", "split_in", "split_out", "mixed_in", "mixed_out", "gone", "new"]
    assert n[shown].tolist() == [1201, 38, 18, 10, 24, 8, 8, 39, 111]
    assert (n["n_from"], n["n_to"], n["unchanged"]) == (1296, 1362, 294)


@pytest.mark.parametrize("others", [[], [shapely.Polygon([(2, 48), (2.1, 48), (2, 48)])]])
def test_a_qpv_without_any_shape_has_no_fate(others):
    shapes = np.array([*others, None], dtype=object)
    codes = [f"QP07500{n}" for n in range(len(shapes))]
    frame = pd.DataFrame({"qpv_code": codes, "generation": "qpv-2015", "territory": "metropole", "crs": "EPSG:4326"})
    prepared = frame.assign(metres=np.full(len(shapes), None, dtype=object), geometry=shapes, repair="collapsed")
    assert fates.shapes(prepared)["qpv_code"].tolist() == codes[:-1]
