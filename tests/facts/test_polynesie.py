import geopandas as gpd
import pytest

from qpvhealth.facts.polynesie import COMMUNE_BOXES
from qpvhealth.facts.territories import TERRITORIES

ZONE = 6  # degrees of longitude in a zone of UTM


def test_each_of_the_48_communes_has_a_box_narrower_than_a_zone_in_that_of_the_territory():
    assert sorted(COMMUNE_BOXES) == [f"987{n}" for n in range(11, 59)]
    around = TERRITORIES["polynesie"].box
    for west, south, east, north in COMMUNE_BOXES.values():
        assert around[0] <= west < east <= around[2]
        assert around[1] <= south < north <= around[3]
        assert east - west < ZONE


@pytest.mark.parametrize(
    ("commune", "lon", "lat"),
    [("98731", -140.1, -8.9), ("98719", -134.97, -23.12), ("98741", -144.33, -27.6), ("98714", -151.74, -16.5)],
    ids=["Taiohae", "Rikitea", "Rapa", "Bora-Bora"],
)
def test_places_lie_in_the_box_of_their_commune(commune, lon, lat):
    west, south, east, north = COMMUNE_BOXES[commune]
    assert west < lon < east
    assert south < lat < north


def test_the_neighbourhoods_lie_in_the_box_of_their_commune(real_data):
    layer = gpd.read_file(real_data / "neighbourhoods" / "qpv-2024" / "qpv-2024-simplified-1609.geojson")
    here = layer[layer["insee_dep"] == "987"]
    assert len(here) == 88
    for code, (west, south, east, north) in zip(here["insee_com"], here.geometry.bounds.to_numpy(), strict=True):
        box = COMMUNE_BOXES[code]
        assert box[0] < west <= east < box[2]
        assert box[1] < south <= north < box[3]
