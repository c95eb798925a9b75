"""The invented France, built: every published figure, structure by structure what its construction says, and every dirt."""

import pandas as pd
import pytest
import shapely

from qpvhealth.contract.tables import PUBLISHED
from qpvhealth.facts.generations import DENOMINATORS
from qpvhealth.facts.ground import outlines
from qpvhealth.facts.territories import DEPARTMENT_TERRITORY
from tests.sample import truth


def counted(built, year, generation="in_force", level="country", area="FR", **cell):
    frame = built["yearly_counts"]
    wanted = {"year": year, "generation": generation, "level": level, "area_code": area, "modality": "all"} | cell
    for column, value in wanted.items():
        frame = frame[frame[column] == value]
    assert len(frame) <= 1
    return int(frame["n_structures"].sum())


def indicator(built, name, scope, year=2020, generation="in_force", *, column="value"):
    frame = built["indicators"]
    at = (frame["indicator"] == name) & (frame["scope"] == scope) & (frame["year"] == year)
    rows = frame[at & (frame["generation"] == generation) & (frame["level"] == "country")]
    assert len(rows) == 1
    return rows.iloc[0][column]


PUBLISHED_COUNTS = {
    (2018, "MSP"): {"in_qpv": 42, "all": 1048},
    (2018, "CDS"): {"in_qpv": 209, "all": 2063},
    (2018, "all"): {"in_qpv": 251, "all": 3111},
    (2019, "MSP"): {"in_qpv": 59, "vecu_declared": 68, "all": 1251},
    (2019, "CDS"): {"in_qpv": 221, "vecu_declared": 342, "all": 2188},
    (2019, "all"): {"in_qpv": 280, "all": 3439},
    (2020, "MSP"): {"in_qpv": 86},
    (2020, "CDS"): {"in_qpv": 227},
    (2020, "all"): {"in_qpv": 313},
}


@pytest.mark.parametrize(("year", "kind"), PUBLISHED_COUNTS)
def test_published_counts(built, year, kind):
    expected = PUBLISHED_COUNTS[year, kind]
    assert {s: counted(built, year, structure_type=kind, situation=s) for s in expected} == expected


def test_sums_of_the_progress_note(built):
    assert indicator(built, "n_in_or_near", "msp_cds", 2019) == 690
    assert round(indicator(built, "share_in_qpv", "msp_cds", 2018), 4) == 0.0807
    assert round(indicator(built, "share_in_qpv", "msp_cds", 2019), 4) == 0.0814


@pytest.mark.parametrize("year", [2018, 2020])
def test_without_declarations_near_is_unknown_and_not_zero(built, year):
    assert pd.isna(indicator(built, "n_vecu_declared", "msp_cds", year))
    assert pd.isna(indicator(built, "n_in_or_near", "msp_cds", year))
    assert counted(built, year, structure_type="all", situation="vecu_declared") == 0
    assert not built["neighbourhood_coverage"].query("year == @year")["n_msp_near"].notna().any()


@pytest.mark.parametrize(
    ("name", "scope", "value"),
    [
        ("qpv_total", "primary", 1514),
        ("qpv_without_any", "primary", 1302),
        ("qpv_without_any", "msp_cds", 1514 - 223),
        ("large_qpv", "primary", 253),
        ("large_qpv_without_any", "primary", 148),
        ("large_npnru_qpv_without_any", "primary", 104),
        ("zip_qpv", "primary", 375),
        ("zip_qpv_without_any", "primary", 325),
        ("zip_qpv_without_any_population", "primary", 1_100_000),
        ("zip_or_zac_qpv", "primary", 589),
        ("zip_or_zac_qpv_population", "primary", 2_300_000),
        ("zip_or_zac_qpv_without_any", "primary", 325 + 174),
    ],
)
def test_published_figures_about_neighbourhoods(built, name, scope, value):
    got = indicator(built, name, scope)
    assert got == (pytest.approx(value, rel=1e-3) if value > 1e5 else value)


def test_86_percent_without_any(built):
    assert round(indicator(built, "share_qpv_without_any", "primary"), 3) == 0.860
    assert round(indicator(built, "share_qpv_without_any", "msp_cds"), 3) == 0.853
    assert indicator(built, "qpv_without_any", "primary", column="n_unknown") == 0


def test_the_consistent_reading_cell_by_cell(built):
    frame = built["neighbourhood_coverage"].query("year == 2020 and generation == 'qpv-2015'")
    zone = frame["zone_class"].where(frame["zone_class"].isin(["ZIP", "ZAC"]), "other")
    cells = frame.groupby([frame["is_covered_primary"], zone])["population"].agg(["size", "sum"])
    expected = {(True, "ZIP"): (50, 411), (True, "ZAC"): (40, 316), (True, "other"): (122, 1026)}
    expected |= {(False, "ZIP"): (325, 1100), (False, "ZAC"): (174, 473), (False, "other"): (803, 2109)}
    assert {k: (int(r["size"]), int(r["sum"]) // 1000) for k, r in cells.iterrows()} == expected
    assert frame["population"].sum() == 5_435_060
    assert set(frame.loc[frame["is_large"].astype(bool), "size_band"]) == {"5000 to 24000", "above 24000"}
    large = frame[frame["is_large"]]
    assert (len(large), large["is_npnru"].sum()) == (253, 190)
    giants = frame[frame["population"] > 24_000]
    assert (len(giants), giants["is_covered_primary"].all()) == (15, True)
    assert frame["is_covered_in"].sum() == 223


def test_the_truth_structure_by_structure(built):
    in_force = built["structure_locations"].merge(
        built["structures"], on=["finess_et", "year"], suffixes=("", "_given")
    )
    wanted = in_force["territory"].fillna("metropole").eq("metropole") & in_force["year"].eq(2024)
    in_force = in_force[
        in_force["is_in_stock"] & (in_force["generation"] == wanted.map({True: "qpv-2024", False: "qpv-2015"}))
    ]
    stock = truth.stock()
    numbered = ~((stock["year"] == 2019) & stock["uid"].isin(truth.without_number()))
    own = "structures-2019:" + stock["own_id"].astype("str")
    expected = stock.assign(finess_et=stock["finess_et"].where(numbered, own))
    both = expected.merge(in_force, on=["finess_et", "year"], how="outer", suffixes=("_true", ""), indicator=True)
    assert (both["_merge"] == "both").all()
    assert (both["situation_true"] == both["situation"]).all()
    assert (both["structure_type_true"] == both["structure_type"]).all()
    assert (both["vecu"] == both["vecu_declared"]).all()
    old = both[both["generation"] == "qpv-2015"]
    host = old["qpv_2015"].where(old["situation"] == "in_qpv")
    assert (host.dropna() == old.loc[host.notna(), "qpv_code"]).all()


def test_the_truth_in_numbers(built):
    for row in truth.counts().to_dict("records"):
        cell = {k: row[k] for k in ("structure_type", "situation")}
        assert counted(built, row["year"], **cell) == row["n_structures"], row


def test_the_structure_of_an_unknown_departement_is_in_the_stock_and_in_no_area(built):
    row = built["structures"].query("finess_et == '0X6000001'").iloc[0]
    assert pd.isna(row["department_code"])
    assert (row["region_code"], row["is_in_stock"]) == ("none", True)
    where = {"structure_type": "all", "situation": "all"}
    assert counted(built, 2024, level="department", area="none", **where) == 1
    assert "99" not in set(built["yearly_counts"].query("level == 'department'")["area_code"])
    assert any(f.rule == "department-unknown" and "99" in f.message for f in built.findings)


def test_each_date_has_its_perimeters(built):
    assert indicator(built, "qpv_total", "msp_cds", 2019) == DENOMINATORS["all_2015"][0]
    assert indicator(built, "qpv_total", "msp_cds", 2024) == DENOMINATORS["in_force_2024_01_01"][0] == 1580
    assert indicator(built, "qpv_total", "msp_cds", 2024, "qpv-2024") == DENOMINATORS["all_2024"][0]
    words = indicator(built, "qpv_total", "msp_cds", 2024, column="rule")
    assert "at 2024-03-31, perimeters in force (qpv-2015, qpv-2024)" in words
    frame = built["neighbourhoods"].groupby(["generation", "territory"]).size()
    for generation in ("qpv-2015", "qpv-2024"):
        expected = truth.qpv_counts(generation)
        by_territory = {DEPARTMENT_TERRITORY.get(code, code): n for code, n in expected.items()}
        assert frame[generation].to_dict() == by_territory


def test_the_contracts_hold(built):
    for name, table in PUBLISHED.items():
        table.check(built[name], built)


def test_the_accounts_balance(built):
    for account in built.inputs:
        gone = account["out_of_scope"] + account["rejected"] + account["duplicates"]
        assert account["rows_in"] == account["rows_out"] + gone, account["id"]
    assert sum(a["rejected"] for a in built.inputs) == len(built["rejects"])


def accounts(built):
    return {a["id"]: a for a in built.inputs}


def test_the_dirt_is_found(built):
    dirt, frame, found = truth.dirt(), built["structures"], accounts(built)
    for year in (2018, 2019, 2020, 2024):
        of_year = frame[frame["year"] == year]
        contradictory = of_year[of_year["location_status"] == "contradictory"]
        by_geocoder = contradictory["location_note"] == "the geocoder found another commune"
        assert (~by_geocoder).sum() == dirt[f"contradictory_{year}"]
        assert (~of_year["is_in_stock"]).sum() == dirt[f"out_of_stock_{year}"]
        assert found[f"structures-{year}"]["duplicates"] >= dirt[f"repeated_structures_{year}"]
        assert found[f"structures-{year}"]["rejected"] == dirt[f"rejected_{year}"]
    assert found["structures-2018"]["out_of_scope"] == dirt["out_of_scope_2018"]
    own = frame[(frame["year"] == 2019) & frame["finess_et"].str.startswith("structures-2019:")]
    assert len(own) == dirt["without_number_2019"]
    used = frame[
        (frame["year"] == 2019) & frame["is_in_stock"] & frame["location_source_id"].fillna("").str.contains("geocod")
    ]
    usable = (used["location_status"] == "located") & (used["location_precision"] == "housenumber")
    assert usable.sum() == dirt["geocoded_2019"]


def test_the_polygons_are_repaired_and_named(built):
    frame, dirt = built["neighbourhoods"], truth.dirt()
    for generation in ("qpv-2015", "qpv-2024"):
        own, year = frame[frame["generation"] == generation], generation[-4:]
        faults = sum(dirt.get(f"{kind}_{year}", 0) for kind in ("bowtie", "spike", "pinched"))
        assert (own["repair"] == "repaired").sum() == faults
        assert (own["repair"] == "collapsed").sum() == dirt[f"collapsed_{year}"]
    collapsed = frame.loc[frame["repair"] == "collapsed", "qpv_code"].iloc[0]
    covered = built["neighbourhood_coverage"]
    row = covered[(covered["qpv_code"] == collapsed) & (covered["year"] == 2024)].iloc[0]
    assert pd.isna(row["n_msp_in"])
    assert pd.isna(row["is_covered_in"])
    assert {"polygon-collapsed", "polygon-repaired"} <= {f.rule for f in built.findings}


def test_ties_and_borders_are_settled_and_counted(built):
    located = built["structure_locations"]
    tied = located[located["n_qpv_inside"] > 1]
    assert len(tied)
    assert (tied["situation"] == "in_qpv").all()
    assert (located["border_distance_m"] == 0).any()
    assert {"tie", "near-border", "fragile", "flag-disagreement"} <= {f.rule for f in built.findings}


def test_pairs_are_complete_and_structures_are_not_counted_twice(built):
    pairs, located = built["structure_neighbourhoods"], built["structure_locations"]
    keys = ["finess_et", "year", "generation"]
    near = located[(located["distance_m"] <= 1000)]
    nearest = near.merge(
        pairs, left_on=[*keys, "nearest_qpv_code"], right_on=[*keys, "qpv_code"], suffixes=("", "_pair")
    )
    assert len(nearest) == len(near)
    assert (nearest["distance_m"] == nearest["distance_m_pair"]).all()
    assert (pairs.loc[~pairs["is_declared"], "distance_m"] <= 1000).all()
    assert pairs["is_declared"].any()


def test_flag_agreement_counts_every_structure_once(built):
    frame = built["flag_agreement"].query("level == 'country' and structure_type == 'all'")
    for (year, generation), rows in frame.groupby(["year", "generation"]):
        assert rows["n"].sum() == counted(built, year, generation, structure_type="all", situation="all")
    assert frame.query("source_says_in_qpv == 'yes' and situation == 'elsewhere' and year == 2019")["n"].sum() > 0


def test_everything_is_said_to_be_invented(built):
    assert built.invented
    assert built["extracts"]["is_invented"].all()


def test_the_invented_france_stands_on_the_ground_of_the_maps(built):
    ground = shapely.union_all([shapely.make_valid(shapely.Polygon(r)) for o in outlines() for r in o.rings])
    structures = built["structures"].dropna(subset="geometry")
    quarters = built["neighbourhoods"].dropna(subset="geometry")
    for rows, least in ((structures, 0.99), (quarters, 1)):
        home = rows[rows["territory"] == "metropole"]
        assert shapely.intersects(ground, home["geometry"].to_numpy()).mean() >= least  # a few points are planted dirt
