"""A point is held against the commune that its structure declares, and communes have a history."""

import json

import pandas as pd
import pytest

import qpvhealth
from qpvhealth.studies import counted, figures
from tests.conftest import published

CARDS = """
[[source]]
id = "q"
kind = "neighbourhoods"
path = "q.geojson"
generation = "qpv-2024"
[[source]]
id = "s"
kind = "structures"
path = "s.csv"
layout = "dgos-mapped"
year = 2024
reference_date = 2024-06-30
"""
OUTLINES = '[[source]]\nid = "b"\nkind = "boundaries"\npath = "b.geojson"\nlevel = "commune"\nyear = 2024\n'
DEGREE_M = 76_700  # of longitude, at 46.505 degrees north
SOUTH = {"71": 46.5, "13": 43.3, "50": 49.2}
"""By département: where its QPV begin."""


def square(x, y, side=0.01):
    ring = [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]
    return {"type": "Polygon", "coordinates": [ring]}


def layer(path, rows):
    features = [{"type": "Feature", "properties": names, "geometry": shape} for names, shape in rows]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")


@pytest.fixture
def build(tmp_path):
    """Build structures (number, commune, longitude or none) among QPV (code, commune, longitude)."""

    def built(structures, qpv, communes=(), north=0.005):
        names = [({"code_qp": c, "lib_qp": c, "insee_com": com}, square(x, SOUTH[com[:2]])) for c, com, x in qpv]
        layer(tmp_path / "q.geojson", names)
        header = "finess_et,structure_type,commune_code,longitude,latitude\n"
        rows = [
            f"{n},MSP,{commune},{x or ''},{round(SOUTH[commune[:2]] + north, 6) if x else ''}\n"
            for n, commune, x in structures
        ]
        (tmp_path / "s.csv").write_text(header + "".join(rows), encoding="utf-8")
        if communes:
            layer(
                tmp_path / "b.geojson",
                [({"code": c, "nom": c}, square(x, SOUTH[c[:2]] - 0.1, 0.2)) for c, x in communes],
            )
        (tmp_path / "sources.toml").write_text(CARDS + (OUTLINES if communes else ""), encoding="utf-8")
        return qpvhealth.build(tmp_path)

    return built


def in_qpv(built):
    rows = built["indicators"].query(
        "indicator == 'n_in_qpv' and generation == 'in_force' and level == 'country' and scope == 'msp'"
    )
    return tuple(rows[["value", "lower", "upper"]].to_numpy()[0])


def covered(built):
    rows = built["neighbourhood_coverage"].set_index("qpv_code")["is_covered_in"]
    return {code: None if pd.isna(v) else bool(v) for code, v in rows.items()}


def test_a_point_on_a_street_may_be_in_the_qpv_beside_it_whatever_its_commune(build):
    qpv = [("QN07101M", "71001", 4.0005), ("QN07102M", "71002", 4.05), ("QN07103M", "71003", 4.0115)]
    built = build(
        [("710000018", "71002", 4.011)], qpv
    )  # three decimals: within 67 m, 38 m from two QPV of other communes
    (row,) = built["structure_locations"].to_dict("records")
    assert (row["situation"], row["possible_qpv_codes"]) == ("undetermined", "QN07101M,QN07103M")
    assert covered(built) == {"QN07101M": None, "QN07102M": False, "QN07103M": None}
    assert in_qpv(built) == (0, 0, 1)


def found(built, rule):
    return [f.message for f in built.findings if f.rule == rule]


def test_a_point_in_a_qpv_of_another_commune_is_named_and_in_the_bounds(build):
    qpv = [("QN07101I", "71076", 4.0), ("QN07102I", "71289", 4.5)]
    built = build([("710000001", "71289", 4.005)], qpv)
    assert built["structure_locations"]["situation"].tolist() == ["in_qpv"]  # lists exclude nothing
    assert in_qpv(built) == (1, 0, 1)
    assert covered(built) == {"QN07101I": True, "QN07102I": None}  # it may stand in the commune that it declares
    (message,) = found(built, "commune-disputed")
    assert message.endswith("710000001 declares 71289, its point is in QN07101I")


def without_any(built, unit="qpv_without_any"):
    rows = built["indicators"].query(
        f"indicator == '{unit}' and generation == 'in_force' and level == 'country' and scope == 'msp_cds'"
    )
    return tuple(rows[["value", "n_unknown", "lower", "upper"]].to_numpy(dtype=float, na_value=-1)[0])


@pytest.mark.no_cover
def test_a_qpv_that_holds_nothing_but_a_structure_of_another_commune_may_be_without_any(build):
    qpv = [("QN07101I", "71076", 4.0), ("QN07102I", "71289", 4.5), ("QN07103I", "71076", 5.0)]
    built = build([("710000001", "71289", 4.005)], qpv)
    assert without_any(built) == (2, 2, 2, 3)  # one structure: in the first, in the second, or in no QPV
    both = build([("710000001", "71289", 4.005), ("710000002", "71076", 4.006)], qpv)
    assert without_any(both)[2:] == (1, 2)  # the first holds another structure, which nobody disputes
    agreed = build([("710000001", "71076", 4.005)], qpv)
    assert without_any(agreed) == (2, 0, 2, 2)
    share = without_any(built, "share_qpv_without_any")
    assert share[0] <= share[3] == 1


def test_a_point_outside_every_qpv_and_far_from_its_commune_is_named_and_in_the_bounds(build):
    qpv = [("QN07101I", "71076", 4.0), ("QN07102I", "71289", 4.5)]
    near, far = [build([("710000001", "71289", x)], qpv) for x in (4.52, 4.25)]
    for built, bounds, rows in (
        (near, (0, 0, 0), []),
        (far, (0, 0, 1), ["710000001 declares 71289, its point is in or near 71"]),
    ):
        assert built["structure_locations"]["situation"].tolist() == ["elsewhere"]
        assert in_qpv(built) == bounds
        assert [message.rsplit(": ", 1)[1] for message in found(built, "commune-disputed")] == rows
    assert covered(near) == {"QN07101I": False, "QN07102I": False}
    assert covered(far) == {"QN07101I": False, "QN07102I": None}  # it may stand in the commune that it declares
    assert without_any(far)[2:] == (1, 2)
    assert far["structure_locations"]["other_area_code"].tolist() == ["71"]
    assert without_any(build([("710000001", "71076", 4.25)], qpv[1:]))[2:] == (1, 1)  # nothing is known of its commune


def test_a_point_in_another_department_is_named_by_the_ground(build):
    qpv = [("QN05001I", "50129", -1.6)]
    agreed, off = (build([("500000001", "50502", x)], qpv) for x in (-1.1, -0.76))
    assert not found(agreed, "commune-disputed")
    (message,) = found(off, "commune-disputed")
    assert message.endswith("500000001 declares 50502, its point is in or near 14")
    assert (in_qpv(agreed), in_qpv(off)) == ((0, 0, 0), (0, 0, 1))
    beyond = build([("500000001", "50502", 0.5)], qpv)  # outside the box of its département too
    (message,) = found(beyond, "location-contradictory")
    assert message.endswith("500000001 declares 50502, its point is in or near 27")
    assert not found(beyond, "commune-disputed")
    assert in_qpv(beyond) == (0, 0, 1)


def test_an_arrondissement_and_a_merged_commune_agree(build):
    qpv = [("QN01301I", "13055", 5.4), ("QN05001I", "50129", -1.3)]
    built = build([("130000001", "13213", 5.405), ("500000001", "50602", -1.295)], qpv)
    assert in_qpv(built) == (2, 2, 2)
    assert not found(built, "commune-disputed")
    assert built["structures"]["commune_code"].tolist() == ["13213", "50129"]
    assert found(built, "commune-carried") == ["card s: 50602 → 50129 (2016-01-01)"]


def test_a_structure_without_point_may_stand_where_its_commune_is_now(build):
    built = build([("500000001", "50602", None)], [("QN05001I", "50129", -1.3), ("QN05002I", "50025", -1.0)])
    assert covered(built) == {"QN05001I": None, "QN05002I": False}
    assert built["carried_communes"]["code_to"].tolist() == ["50129"]


@pytest.mark.parametrize(
    ("beyond_m", "status", "rule"),
    [(50, "located", None), (500, "located", "commune-distance"), (1500, "contradictory", "location-contradictory")],
)
@pytest.mark.no_cover
def test_an_outline_says_how_far_the_point_is(build, beyond_m, status, rule):
    limit = 4.2  # the commune 71289 ends there, the QPV of 71076 begins
    qpv = [("QN07101I", "71076", limit), ("QN07102I", "71289", 4.05)]
    x = round(limit + beyond_m / DEGREE_M, 6)
    built = build(
        [("710000001", "71289", x)],
        [(c, com, at) if c == "QN07102I" else (c, com, x - 0.002) for c, com, at in qpv],
        [("71289", 4.0), ("71076", limit)],
    )
    row = built["structures"].iloc[0]
    assert row["location_status"] == status
    assert row["commune_distance_m"] == pytest.approx(beyond_m, rel=0.02)
    rules = {f.rule for f in built.findings} & {"commune-distance", "commune-disputed", "location-contradictory"}
    assert rules - {"commune-disputed"} == ({rule} if rule else set())
    if status == "contradictory":  # in the QPV of its point, or in that of its commune
        assert built["structure_locations"]["situation"].tolist() == ["undetermined"]
        assert covered(built) == {"QN07101I": None, "QN07102I": None}
        assert in_qpv(built) == (0, 0, 1)
    else:
        assert in_qpv(built) == (1, 1, 1)


def test_a_rounded_point_far_from_its_commune_is_no_sure_no(build):
    qpv = [("QN07101I", "71076", 4.0), ("QN07102I", "71289", 4.5)]
    far = build([("710000001", "71289", 4.25)], qpv, north=0.02)  # two decimals: 700 m
    assert far["structures"]["location_status"].tolist() == ["centroid"]
    assert far["structure_locations"]["situation"].tolist() == ["undetermined"]
    assert in_qpv(far) == (0, 0, 1)
    assert covered(far) == {"QN07101I": False, "QN07102I": None}  # it may stand in the commune that it declares
    assert found(far, "location-undetermined")[0].endswith("710000001 declares 71289, its point is in or near 71")
    near = build([("710000001", "71289", 4.53)], qpv, north=0.02)
    assert near["structure_locations"]["situation"].tolist() == ["elsewhere"]
    assert covered(near) == {"QN07101I": False, "QN07102I": False}


def test_the_matrix_has_both_readings_of_a_disputed_point_as_the_indicators_have(build, tmp_path):
    qpv = [("QN07101I", "71076", 4.0), ("QN07102I", "71289", 4.5), ("QN07103I", "71076", 5.0)]
    for x in (4.005, 4.25):  # in a QPV of another commune; in none, and far from its own
        release = published(build([("710000001", "71289", x)], qpv), tmp_path / str(x))
        cells = figures.cells(release).query("perimeter == 'in_force' and near == 'inside' and scope == 'msp'")
        cells = cells.set_index("measure")[["value", "lower", "upper"]]
        rows = release.table("indicators").query(
            "generation == 'in_force' and level == 'country' and scope == 'msp' and year == 2024"
        )
        n_unknown = rows.set_index("indicator")["n_unknown"]
        rows = rows.set_index("indicator")[["value", "lower", "upper"]].astype(float)
        for name in ("n_in_qpv", "share_in_qpv", "qpv_without_any", "share_qpv_without_any"):
            assert cells.loc[name].tolist() == rows.loc[name].tolist(), (x, name)
        unsure = counted.of_figure(release, counted.Figure(2024, indicator="qpv_without_any", scope="msp"), "unknown")
        assert len(unsure) == n_unknown["qpv_without_any"]
        assert rows.loc["n_in_qpv", "lower"] < rows.loc["n_in_qpv", "upper"]


def test_a_commune_of_a_collectivity_is_not_missed_in_a_table_without_any(build, tmp_path):
    build(
        [("710000001", "71076", 4.005), ("710000002", "71999", None), ("980000003", "98735", None)],
        [("QN07101I", "71076", 4.0)],
    )
    (tmp_path / "c.csv").write_text("TYPECOM,COM,REG,DEP,LIBELLE\nCOM,71076,27,71,Chalon\n", encoding="utf-8")
    (tmp_path / "sources.toml").write_text(CARDS + OUTLINES.replace("b.geojson", "c.csv"), encoding="utf-8")
    assert found(qpvhealth.build(tmp_path), "commune-unknown") == ["not in the table of communes: 71999"]
