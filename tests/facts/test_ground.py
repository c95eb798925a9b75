"""The outlines that ship: every département of the files once, in its place, and small."""

import geopandas as gpd
import shapely

from qpvhealth.facts import ground
from qpvhealth.facts.departments import DEPARTMENT_BOXES
from qpvhealth.facts.territories import METROPOLITAN_DEPARTMENTS
from qpvhealth.publish.report.maps import CITIES

OVERSEAS = {"guadeloupe": "971", "martinique": "972", "guyane": "973", "la_reunion": "974", "mayotte": "976"}
TOLERANCE = {"metropole": 0.03, "guyane": 0.02, **dict.fromkeys(CITIES, 0.003)}
ROUNDING = 0.008


def shapes():
    return {(o.frame, o.code): shapely.MultiPolygon([(r, []) for r in o.rings]) for o in ground.outlines()}


def test_every_departement_has_its_outline_in_its_own_box():
    drawn = shapes()
    assert {code for frame, code in drawn if frame == "metropole"} == {d.code for d in METROPOLITAN_DEPARTMENTS}
    assert {f: c for f, c in drawn if f in OVERSEAS} == OVERSEAS
    assert {f for f, _ in drawn} == {"metropole", *OVERSEAS, *CITIES}
    for (frame, code), shape in drawn.items():
        west, south, east, north = shape.bounds
        box = CITIES[frame] if frame in CITIES else DEPARTMENT_BOXES[code]
        assert box[0] - 0.001 <= west < east <= box[2] + 0.001, (frame, code)
        assert box[1] - 0.001 <= south < north <= box[3] + 0.001, (frame, code)


def test_outlines_are_within_their_tolerance_of_the_file_they_come_from(real_data):
    layer = gpd.read_file(real_data / "boundaries" / "departements-2018.geojson").set_index("code").geometry
    for (frame, code), shape in shapes().items():
        original = layer[code]
        if frame in CITIES:
            original = shapely.clip_by_rect(original, *CITIES[frame])
        largest = max(shapely.get_parts(shape), key=lambda part: part.area)
        vertices = shapely.points(largest.exterior.coords)
        tolerance = TOLERANCE.get(frame, 0.005) + ROUNDING
        assert max(shapely.distance(vertices, original.boundary)) <= tolerance, (frame, code)
        assert shapely.make_valid(shape).intersection(original).area >= 0.75 * original.area, (frame, code)
