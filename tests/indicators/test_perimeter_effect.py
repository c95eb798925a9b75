"""The same structures in two generations: by hand, and as measured on the real Occitanie."""

import pandas as pd
import pytest
import shapely

from qpvhealth.indicators.perimeter_effect import COLUMNS, effect


def stock(rows):
    columns = ["finess_et", "generation", "situation", "structure_type"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(year=2019, territory="metropole", region_code="11", department_code="75")


def test_gains_and_losses_are_counted_apart():
    rows = [("A", "g1", "in_qpv", "MSP"), ("A", "g2", "elsewhere", "MSP"), ("B", "g1", "elsewhere", "CDS")]
    rows += [("B", "g2", "in_qpv", "CDS"), ("C", "g1", "undetermined", "CDS"), ("C", "g2", "undetermined", "CDS")]
    found = effect(stock(rows)).query("level == 'country'").set_index("structure_type")
    measured = ["n_from", "n_gained", "n_lost", "n_to", "net", "n_unknown"]
    assert found.loc["all", measured].tolist() == [1, 1, 1, 1, 0, 1]
    assert found.loc["MSP", measured].tolist() == [1, 0, 1, 0, -1, 0]
    assert found.loc["CDS", measured].tolist() == [0, 1, 0, 1, 1, 1]


def test_one_generation_alone_has_no_effect():
    found = effect(stock([("A", "g1", "in_qpv", "MSP")]))
    assert found.empty
    assert list(found.columns) == COLUMNS


def test_every_two_generations_are_compared_in_rows_of_their_own():
    found = effect(stock([("A", name, "in_qpv", "MSP") for name in ("g1", "g2", "g3")]))
    assert found.index.tolist() == list(range(len(found)))
    pairs = found[["generation_from", "generation_to"]].drop_duplicates().to_numpy().tolist()
    assert pairs == [["g1", "g2"], ["g1", "g3"], ["g2", "g3"]]
    assert found.groupby(["level", "structure_type"]).size().eq(3).all()


@pytest.mark.parametrize("polygons", ["qpv-2026-rounded-1584.geojson", "qpv-2024-simplified-1609.geojson"])
def test_the_real_occitanie_gains_six_and_loses_one(real_data, polygons):
    import geopandas as gpd

    text = pd.read_csv(real_data / "structures" / "finess-occitanie-2026-01.csv", sep=";", dtype="str")
    text = text[text["categetab"].isin(["603", "124"])]
    points = shapely.points(text["coordxet"].astype(float), text["coordyet"].astype(float))
    generations = {
        "qpv-2015": gpd.read_file(real_data / "neighbourhoods/qpv-2015/QP_METROPOLE_LB93.shp", encoding="cp1252"),
        "qpv-2024": gpd.read_file(real_data / "neighbourhoods/qpv-2024" / polygons).to_crs(2154),
    }
    parts = []
    for name, frame in generations.items():
        shapes = shapely.make_valid(frame.geometry.to_numpy(), method="structure", keep_collapsed=False)
        inside = shapely.STRtree(shapes).query(points, predicate="covered_by")[0]
        situation = pd.Series("elsewhere", index=range(len(text)))
        situation[inside] = "in_qpv"
        told = {"finess_et": text["numero_finess_etablissement"].to_numpy(), "situation": situation.to_numpy()}
        kind = text["categetab"].map({"603": "MSP", "124": "CDS"}).to_numpy()
        parts.append(pd.DataFrame(told).assign(generation=name, structure_type=kind, year=2026))
    areas = {"territory": "metropole", "region_code": "76", "department_code": "31"}
    found = effect(pd.concat(parts, ignore_index=True).assign(**areas)).query("level == 'region'")
    counted = found.set_index("structure_type")[["n_from", "n_gained", "n_lost", "n_to"]]
    assert counted.loc["MSP"].tolist() == [18, 4, 0, 22]
    assert counted.loc["CDS"].tolist() == [26, 2, 1, 27]
