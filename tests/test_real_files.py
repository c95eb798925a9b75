"""The public files beside the project, built, and every figure computed again with plain geopandas. Skipped without them."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import qpvhealth
from qpvhealth.contract.tables import PUBLISHED
from qpvhealth.ingest import deliveries
from qpvhealth.settings import Settings
from tests import false_alarms

YEAR, DAY = 2026, "2026-01-15"
OCCITANIE = ["09", "11", "12", "30", "31", "32", "34", "46", "48", "65", "66", "81", "82"]
RINGS = (0, 100, 200, 300, 500, 1000)
METRES = {"971": 5490, "972": 5490, "973": 2972, "974": 2975, "976": 4471, "978": 5490, "987": 3297}
NATIONAL = "neighbourhoods/qpv-2015/QP_METROPOLEOUTREMER_WGS84_EPSG4326.shp"


def card(data, name, kind, path, **keys):
    lines = [f'id = "{name}"', f'kind = "{kind}"', f'path = "{(data / path).as_posix()}"']
    return "\n".join(["[[source]]", *lines, *(f"{k} = {v}" for k, v in keys.items())])


def structures(data):
    covers = '{ regions = ["76"] }'
    return card(
        data,
        "finess",
        "structures",
        "structures/finess-occitanie-2026-01.csv",
        year=YEAR,
        reference_date=DAY,
        covers=covers,
    )


def others(data):
    return [
        card(
            data,
            "pop-2015",
            "populations",
            "population/qpv-2015-population-2013.csv",
            generation='"qpv-2015"',
            population_year=2013,
        ),
        card(
            data,
            "pop-2024",
            "populations",
            "indicators/qpv-2024-indicators.csv",
            generation='"qpv-2024"',
            population_year=2020,
        ),
        card(data, "npnru", "programme", "programmes/npnru-qpv-2015.csv", programme='"NPNRU"', generation='"qpv-2015"'),
        card(
            data, "zoning", "zoning", "zoning/gp-zoning-2025-communes.csv", edition='"2025"', in_force_from="2025-05-09"
        ),
        card(data, "communes", "boundaries", "boundaries/communes.csv", level='"commune"', year=2024),
        card(
            data, "departements", "boundaries", "boundaries/departements-2018.geojson", level='"department"', year=2018
        ),
        card(data, "regions", "boundaries", "boundaries/regions-2018-simplified.geojson", level='"region"', year=2018),
    ]


def old_contours(data, path=NATIONAL, name="qpv-2015"):
    return card(data, name, "neighbourhoods", path, generation='"qpv-2015"', encoding='"cp1252"')


def new_contours(data, path="neighbourhoods/qpv-2024/qpv-2024-simplified-1609.geojson", generation="qpv-2024"):
    return card(data, "qpv-new", "neighbourhoods", path, generation=f'"{generation}"')


def build(folder, cards):
    folder.mkdir(exist_ok=True)
    (folder / "sources.toml").write_text("\n\n".join(cards), encoding="utf-8")
    return qpvhealth.build(folder)


@pytest.fixture(scope="module")
def real(real_data, tmp_path_factory):
    cards = [structures(real_data), old_contours(real_data), new_contours(real_data), *others(real_data)]
    return build(tmp_path_factory.mktemp("real"), cards)


# the second computation: nothing below comes from the project


@pytest.fixture(scope="module")
def finess(real_data):
    frame = pd.read_csv(real_data / "structures/finess-occitanie-2026-01.csv", sep=";", dtype=str)
    frame = frame[frame["categetab"].isin(["603", "124"])].reset_index(drop=True)
    frame["kind"] = frame["categetab"].map({"603": "MSP", "124": "CDS"})
    points = gpd.points_from_xy(frame["coordxet"].astype(float), frame["coordyet"].astype(float), crs=2154)
    return gpd.GeoDataFrame(frame, geometry=points).rename(columns={"numero_finess_etablissement": "finess_et"})


def polygons(frame, code):
    frame = frame.rename(columns={code: "qpv_code"})[["qpv_code", "geometry"]]
    mainland = frame[~frame["qpv_code"].str[2:5].isin(METRES)].to_crs(2154)
    valid = shapely.make_valid(mainland.geometry.to_numpy())
    parts = gpd.GeoDataFrame({"qpv_code": mainland["qpv_code"].to_numpy()}, geometry=valid, crs=2154).explode()
    return parts[parts.geom_type == "Polygon"].dissolve("qpv_code").reset_index()


@pytest.fixture(scope="module")
def contours(real_data):
    old = gpd.read_file(real_data / NATIONAL, encoding="cp1252")
    new = gpd.read_file(real_data / "neighbourhoods/qpv-2024/qpv-2024-simplified-1609.geojson")
    return {"qpv-2015": polygons(old, "CODE_QP"), "qpv-2024": polygons(new, "code_qp")}


@pytest.fixture(scope="module")
def pairs(finess, contours):
    """Every structure and QPV of 2015 or 2024 within a kilometre, with its distance: a plain double loop over Occitanie."""
    out = {}
    for generation, frame in contours.items():
        near = frame[frame["qpv_code"].str[3:5].isin(OCCITANIE) | (frame.distance(finess.union_all()) <= 1000)]
        distance = {row.qpv_code: finess.distance(row.geometry) for row in near.itertuples()}
        wide = pd.DataFrame(distance).assign(finess_et=finess["finess_et"], kind=finess["kind"])
        long = wide.melt(["finess_et", "kind"], var_name="qpv_code", value_name="distance")
        out[generation] = long[long["distance"] <= 1000]
    return out


def country(real, generation, **cell):
    frame = real["yearly_counts"]
    wanted = {"generation": generation, "level": "country", "modality": "all"} | cell
    for column, value in wanted.items():
        frame = frame[frame[column] == value]
    return int(frame["n_structures"].sum())


def indicator(real, name, generation="qpv-2015", *, scope="msp_cds", level="country", area="FR"):
    frame = real["indicators"]
    where = (frame["indicator"] == name) & (frame["generation"] == generation) & (frame["scope"] == scope)
    return frame[where & (frame["level"] == level) & (frame["area_code"] == area)].iloc[0]


@pytest.mark.parametrize(("generation", "msp", "cds"), [("qpv-2015", 18, 26), ("qpv-2024", 22, 27)])
def test_inside_by_type(real, pairs, generation, msp, cds):
    got = {k: country(real, generation, structure_type=k, situation="in_qpv") for k in ("MSP", "CDS")}
    again = pairs[generation].query("distance == 0").groupby("kind")["finess_et"].nunique().to_dict()
    assert got == again == {"MSP": msp, "CDS": cds}


FULL = {"MSP": (18, 31, 38, 45, 51, 72), "CDS": (26, 48, 59, 68, 86, 111), "QPV": (28, 46, None, 60, 65, 91)}


@pytest.mark.parametrize("kind", ["MSP", "CDS"])
def test_every_ring(real, pairs, kind):
    located = real["structure_locations"].query("generation == 'qpv-2015'").merge(real["structures"], on="finess_et")
    distance = located.loc[located["structure_type"] == kind, "distance_m"]
    again = pairs["qpv-2015"].query("kind == @kind").groupby("finess_et")["distance"].min()
    assert tuple((distance <= r).sum() for r in RINGS) == tuple((again <= r).sum() for r in RINGS) == FULL[kind]


def test_pairs_and_neighbourhoods_with_a_structure(real, pairs):
    got, again = real["structure_neighbourhoods"].query("generation == 'qpv-2015'"), pairs["qpv-2015"]
    for ring, n_pairs, n_structures in ((300, 116, 113), (1000, 273, 183)):
        ours, theirs = got[got["distance_m"] <= ring], again[again["distance"] <= ring]
        assert len(ours) == len(theirs) == n_pairs
        assert ours["finess_et"].nunique() == theirs["finess_et"].nunique() == n_structures
    for ring, expected in zip(RINGS, FULL["QPV"], strict=True):
        found = got.loc[got["distance_m"] <= ring, "qpv_code"].nunique()
        assert found == again.loc[again["distance"] <= ring, "qpv_code"].nunique()
        assert expected in (None, found)


@pytest.mark.parametrize("generation", ["qpv-2015", "qpv-2024"])
def test_each_pair_and_distance(real, pairs, generation):
    got = real["structure_neighbourhoods"].query("generation == @generation").set_index(["finess_et", "qpv_code"])
    again = pairs[generation].set_index(["finess_et", "qpv_code"])
    assert sorted(got.index) == sorted(again.index)
    micrometres = (again["distance"].reindex(got.index) * 1e6).round()
    millimetres = np.ceil(micrometres / 1e3) / 1e3  # away from zero: what is published decides as what was measured
    assert np.allclose(got["distance_m"], millimetres, rtol=0, atol=1e-9)


def test_the_generation_effect(real, pairs):
    inside = {g: set(p.loc[p["distance"] == 0, "finess_et"]) for g, p in pairs.items()}
    kind = real["structures"].set_index("finess_et")["structure_type"]
    got = real["structure_locations"].query("situation == 'in_qpv'").groupby("generation")["finess_et"].agg(set)
    came, went = got["qpv-2024"] - got["qpv-2015"], got["qpv-2015"] - got["qpv-2024"]
    assert (came, went) == (inside["qpv-2024"] - inside["qpv-2015"], inside["qpv-2015"] - inside["qpv-2024"])
    assert kind[list(came)].value_counts().to_dict() == {"MSP": 4, "CDS": 2}
    assert kind[list(went)].value_counts().to_dict() == {"CDS": 1}


def test_the_stock(real, finess):
    assert finess["kind"].value_counts().to_dict() == {"MSP": 372, "CDS": 280}
    assert len(real["structures"]) == 652
    assert country(real, "in_force", structure_type="all", situation="all") == 652
    assert set(real["structures"].query("structure_type == 'CDS'")["modality"]) == {"unknown"}


@pytest.mark.parametrize("level", ["country", "territory", "region", "department", "commune", "qpv"])
def test_each_level_of_the_yearly_counts(real, finess, pairs, level):
    inside = pairs["qpv-2015"].query("distance == 0").set_index("finess_et")["qpv_code"]
    frame = pd.DataFrame({"kind": finess["kind"], "qpv": finess["finess_et"].map(inside)})
    near = pairs["qpv-2015"].groupby("finess_et")["distance"].min()
    close = finess["finess_et"].map(near) <= 300
    frame["situation"] = np.where(frame["qpv"].notna(), "in_qpv", np.where(close, "vecu_proxy", "elsewhere"))
    area = {"department": finess["departement"], "commune": finess["code_insee"], "qpv": frame["qpv"]}
    fixed = {"country": "FR", "territory": "metropole", "region": "76"}
    frame["area"] = area[level] if level in area else fixed[level]
    again = frame.dropna(subset="area").groupby(["area", "kind", "situation"]).size()
    got = real["yearly_counts"].query("level == @level and generation == 'qpv-2015'")
    whole = got.query("structure_type != 'all' and modality != 'all' and situation != 'all'")
    assert whole.set_index(["area_code", "structure_type", "situation"])["n_structures"].to_dict() == again.to_dict()
    total = got.query("structure_type == 'all' and modality == 'all' and situation == 'all'")
    assert total.set_index("area_code")["n_structures"].to_dict() == frame["area"].value_counts().to_dict()


def test_how_many_neighbourhoods(real):
    by = real["neighbourhoods"].groupby(["generation", "territory"]).size()
    assert by["qpv-2015"].sum() == indicator(real, "qpv_total")["value"] == 1514
    assert by["qpv-2024"].sum() == indicator(real, "qpv_total", "qpv-2024")["value"] == 1609
    assert (by["qpv-2015", "metropole"], by["qpv-2024", "metropole"]) == (1296, 1362)
    assert indicator(real, "qpv_total", "in_force")["value"] == 1609 - 42  # no perimeter of Mayotte of 2026 was given


def test_populations(real, real_data):
    got = real["neighbourhoods"].groupby("generation")["population"].agg(["sum", "count"])
    old = pd.read_csv(real_data / "population/qpv-2015-population-2013.csv", sep=";", dtype=str)
    assert (
        got.loc["qpv-2015"].tolist() == [old["population_municipale_2013"].astype(int).sum(), 1514] == [5_435_060, 1514]
    )
    new = pd.read_csv(real_data / "indicators/qpv-2024-indicators.csv", dtype=str).drop_duplicates("codeQPV")
    assert got.loc["qpv-2024"].tolist() == [new["popMuniQPV"].astype(float).sum(), 1518] == [5_931_940, 1518]


def test_what_occitanie_covers_and_what_it_does_not(real, real_data, pairs):
    people = pd.read_csv(real_data / "population/qpv-2015-population-2013.csv", sep=";", dtype=str).set_index("qp")
    people = people["population_municipale_2013"].astype(int)
    listed = set(pd.read_csv(real_data / "programmes/npnru-qpv-2015.csv", dtype=str)["code_qp"])
    own = people[people.index.str[3:5].isin(OCCITANIE) & (people.index.str[2] == "0")]
    bare = own[~own.index.isin(pairs["qpv-2015"].query("distance == 0")["qpv_code"])]
    large = bare[bare >= 5000]
    for level, area in (("region", "76"), ("country", "FR")):
        where = {"level": level, "area": area}
        assert indicator(real, "qpv_without_any", **where)["value"] == len(bare) == 105 - 28
        assert indicator(real, "population_without_any", **where)["value"] == bare.sum()
        assert indicator(real, "large_qpv_without_any", **where)["value"] == len(large)
        assert indicator(real, "large_npnru_qpv_without_any", **where)["value"] == large.index.isin(listed).sum()
    assert indicator(real, "qpv_without_any")["n_unknown"] == 1514 - 105
    assert pd.isna(indicator(real, "qpv_without_any", level="region", area="11")["value"])
    assert indicator(real, "share_qpv_without_any", level="region", area="76")["value"] == pytest.approx(
        len(bare) / 105
    )
    covered = real["neighbourhood_coverage"].query("generation == 'qpv-2015'")
    assert covered["is_npnru"].sum() == 448
    assert covered["is_covered_in"].notna().sum() == 105


def test_the_zoning(real, real_data):
    zoning = pd.read_csv(real_data / "zoning/gp-zoning-2025-communes.csv", dtype=str).dropna(subset="insee")
    classes = zoning["Zonage"].map({"1_ZIP": "ZIP", "2_ZAC": "ZAC", "3_HZ": "HZ", "4_ZAR": "ZAR"})
    known = dict(zip(zoning["insee"], classes, strict=True))
    frame = gpd.read_file(real_data / "neighbourhoods/qpv-2024/qpv-2024-simplified-1609.geojson", ignore_geometry=True)
    told = {}
    for code, cell in zip(frame["code_qp"], frame["insee_com"], strict=True):
        found = [known.get(c) for c in cell.split(", ")]
        some = {c for c in found if isinstance(c, str)}
        missing = any(not isinstance(c, str) for c in found)
        told[code] = (
            some.pop() if len(some) == 1 and not missing else ("none", "partly", "straddling")[min(len(some), 2)]
        )
    got = real["neighbourhood_zoning"].query("generation == 'qpv-2024'").set_index("qpv_code")
    reasons = {"straddling": "straddling", "partly_unknown": "partly", "not_in_zoning": "none", "class_unknown": "none"}
    assert got["zone_class"].fillna(got["reason"].map(reasons)).to_dict() == told
    assert got["zone_class"].notna().sum() == 1337
    assert got["reason"].value_counts()[["straddling", "partly_unknown"]].tolist() == [46, 4]
    assert got["reason"].isin(["not_in_zoning", "class_unknown"]).sum() == 222
    by_class = pd.Series(told).value_counts()
    assert indicator(real, "zip_qpv", "qpv-2024")["value"] == by_class["ZIP"]
    assert indicator(real, "zip_or_zac_qpv", "qpv-2024")["value"] == by_class["ZIP"] + by_class["ZAC"]


def test_polygons_repaired_collapsed_and_overlapping(real):
    frame = real["neighbourhoods"]
    assert frame.query("generation == 'qpv-2015'")["repair"].value_counts().to_dict() == {"repaired": 34}
    new = frame.query("generation == 'qpv-2024'").set_index("qpv_code")["repair"]
    assert sorted(new[new == "collapsed"].index) == ["QN09105I", "QN09113I", "QN09503I"]
    assert new.notna().sum() == 85
    overlapping = {f.message.split(":")[0]: f.n for f in real.findings if f.rule == "qpv-overlap"}
    assert overlapping["qpv-2015"] >= 5
    assert overlapping["qpv-2024"] >= 13


def test_areas(real, real_data):
    frame = gpd.read_file(real_data / NATIONAL, encoding="cp1252")
    mainland = frame[~frame["CODE_QP"].str[2:5].isin(METRES)].to_crs(2154)
    got = real["neighbourhoods"].query("generation == 'qpv-2015' and territory == 'metropole'")["area_km2"]
    assert (
        got.sum() == pytest.approx(mainland.make_valid().area.sum() / 1e6, rel=1e-5) == pytest.approx(386.3, abs=0.05)
    )


def test_the_contracts_hold(real):
    for name, table in PUBLISHED.items():
        table.check(real[name], real)


def test_fragility(real):
    inside = real["structure_locations"].query("generation == 'qpv-2015'")["border_distance_m"]
    assert [((inside <= 0) & (inside >= -m)).sum() for m in (20, 50)] == [12, 19]


def test_mayotte_of_2026(real_data, tmp_path):
    contours = new_contours(real_data, "neighbourhoods/qpv-2024/qpv-2026-rounded-1584.geojson", "qpv-2026")
    built = build(tmp_path, [structures(real_data), contours])
    by = built["neighbourhoods"].groupby("territory").size()
    assert (by["mayotte"], by["metropole"], by.sum()) == (17, 1362, 1584)
    assert indicator(built, "qpv_total", "in_force")["value"] == 1584
    located = built["structure_locations"].merge(built["structures"], on="finess_et").query("situation == 'in_qpv'")
    assert located["structure_type"].value_counts().to_dict() == {
        "CDS": 27,
        "MSP": 22,
    }  # rounded or simplified: the same


@pytest.mark.no_cover
def test_local_files_give_the_same_counts_as_the_national_one(real, real_data, tmp_path):
    files = sorted(
        p
        for p in (real_data / "neighbourhoods/qpv-2015").glob("*.shp")
        if p.name != NATIONAL.rsplit("/", maxsplit=1)[-1]
    )
    names = [p.relative_to(real_data).as_posix() for p in files]
    built = build(
        tmp_path, [structures(real_data), *(old_contours(real_data, n, f"q{i}") for i, n in enumerate(names))]
    )
    assert len(built["neighbourhoods"]) == 1514
    for name in ("structure_locations", "structure_neighbourhoods"):
        ours, theirs = (b[name].query("generation == 'qpv-2015'").reset_index(drop=True) for b in (built, real))
        keys = [c for c in ("finess_et", "qpv_code", "situation", "nearest_qpv_code") if c in ours]
        pd.testing.assert_frame_equal(ours[keys], theirs[keys])
        assert np.allclose(ours["distance_m"], theirs["distance_m"], atol=0.01)
    a, b = (x["neighbourhoods"].query("generation == 'qpv-2015'")["area_km2"] for x in (built, real))
    assert np.allclose(a, b, rtol=1e-3)


# what is said of deliveries: nothing, of files that are right


def test_the_public_files_raise_no_false_alarm(real):
    assert false_alarms.counted(real.findings) == false_alarms.documented("public files")
    assert not [f.message for f in real.findings if f.rule == "commune-disputed"]


def test_two_years_with_lists_alone_raise_no_false_alarm(real_data, tmp_path):
    rows = pd.read_csv(real_data / "structures/finess-occitanie-2026-01.csv", sep=";", dtype=str)
    rows[rows["dateouv"].fillna("") <= "2025-01-15"].to_csv(tmp_path / "2025.csv", sep=";", index=False)
    earlier = card(tmp_path, "before", "structures", "2025.csv", year=2025, reference_date="2025-01-15")
    of_lists = [c for c in others(real_data) if ".geojson" not in c]
    cards = [structures(real_data), f'{earlier}\ncovers = {{ regions = ["76"] }}', *of_lists]
    built = build(tmp_path, [*cards, old_contours(real_data), new_contours(real_data)])
    assert false_alarms.counted(built.findings) == false_alarms.documented("two years, lists alone")
    assert not [f.message for f in built.findings if f.rule in ("commune-disputed", "location-contradictory")]
    assert built["extracts"]["year"].tolist() == [2025, 2026]


def test_the_published_series_raise_no_false_alarm(real_data):
    series = pd.read_csv(real_data / "series/etalab_2023-01_departements_msp_cds.csv", dtype=str)
    series["n"] = series["valeur"].astype(float)
    limits, n_intervals, alarms = Settings().delivery, 0, 0
    for kind, fall in (("nb-maisons-sante", limits["msp_fall"]), ("nb-centres-sante", limits["cds_fall"])):
        of_kind = series[series["id_indicateur"] == kind]
        stocks = of_kind.pivot_table(index="date", columns="code_departement", values="n").dropna(axis=1).astype(int)
        for step in (1, 2):
            for first, last in zip(stocks.index, stocks.index[step:], strict=False):
                years = max(1.0, (pd.Timestamp(last) - pd.Timestamp(first)).days / 365.25)
                then, now = (stocks.loc[day].to_dict() for day in (first, last))
                alarms += len(list(deliveries.stock_changes(then, now, fall, years, limits)))
                n_intervals += 1
    assert (n_intervals, {"delivery-stock": alarms}) == (30, false_alarms.documented("published series"))
