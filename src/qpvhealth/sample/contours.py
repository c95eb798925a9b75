"""The outlines of the invented France, drawn and written: neighbourhoods, départements, communes."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely
from shapely import MultiPolygon, Polygon, box
from shapely.geometry import mapping

from qpvhealth.facts.territories import METROPOLE, TERRITORIES
from qpvhealth.sample.geography import all_communes, all_departments, communes_of, department_box
from qpvhealth.sample.neighbourhoods import Qpv, neighbourhoods
from qpvhealth.sample.places import members
from qpvhealth.sample.resources import lists
from qpvhealth.sample.tables import region_of
from qpvhealth.spatial.projection import transform_geometries

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

WGS84 = 4326
EDGE_STEP_M = 10_000
DBF_DATE = bytes((118, 1, 10))
"""Year since 1900, month, day: what the header of every dbf says, so that two runs give the same bytes."""

REPEATED_2015 = 40
"""Rank, in the metropolitan file of 2015, of the neighbourhood that is there twice."""

SHIFTS_M = {"lip": 20.0, "brim": -15.0, "near": 300.0}
"""How far the eastern border of an edited neighbourhood moves, by the word for where a structure stands next to it or inside."""

WRONG_COMMUNE_RANK = 5
"""Rank, among the overseas ones of 2024, of the neighbourhood whose file gives another commune's code."""


def _drawing(qpv: Qpv) -> shapely.Geometry:
    """Draw a neighbourhood in the metres of its territory, with its fault if it has one."""
    west, south, east, north = qpv.box
    x, y = (west + east) / 2, (south + north) / 2
    start, corners = (west, south), [(west, south), (east, south), (east, north)]
    rings = {
        "bowtie": [start, (east, north), (east, south), (west, north), start],
        "spike": [*corners, (west, north), (west - 300, north), (west, north), start],
        "pinched": [*corners, (x, north), (x - 50, y), (x + 50, y), (x, north), (west, north), start],
        "collapsed": [(x, y)] * 4,
        "cut": [start, (east, south), (east, north - 60), (east - 60, north), (west, north)],
    }
    if ring := rings.get(qpv.fault or qpv.shape):
        return Polygon(ring)
    if qpv.shape == "hole":
        hx, hy = x + (east - west) / 4, y + (north - south) / 4
        return box(*qpv.box).difference(box(hx - 30, hy - 30, hx + 30, hy + 30))
    if qpv.shape == "parts":
        return MultiPolygon([box(*qpv.box), box(x - 40, south - 180, x + 40, south - 100)])
    return box(*qpv.box)


def write_2015(folder: Path, *, revised: bool) -> None:
    """Write the neighbourhoods of 2015, one file per territory as published; ``revised``: as edited for the second delivery."""
    for name, layout in lists("layouts.toml")["contours_2015"].items():
        departments, epsg = layout["departments"], layout["epsg"]
        every = [q for q in neighbourhoods("qpv-2015") if q.department in departments]
        every = every or [q for q in neighbourhoods("qpv-2015") if q.territory == METROPOLE]
        there = [edited(q) if revised else q for q in every]
        if not departments:
            there = [*there[::-1], there[REPEATED_2015]]
        fields = [{"CODE_QP": q.code, "NOM_QP": q.name, "COMMUNE_QP": _commune_names(q)} for q in there]
        if epsg == WGS84:
            _write_geojson(folder / f"{name}.geojson", fields, _projected(there, epsg))
        else:
            _write_shapefile(folder / f"{name}.shp", fields, _projected(there, epsg), epsg, "cp1252")


def write_2024(folder: Path) -> None:
    """Write the neighbourhoods of 2024: a metropolitan shapefile in Lambert-93, one GeoJSON in degrees for overseas."""
    qpv_wrong, commune_wrong, _ = wrong_commune()
    metropolitan: list[tuple[dict[str, Any], Qpv]] = []
    overseas: list[tuple[dict[str, Any], Qpv]] = []
    for qpv in neighbourhoods("qpv-2024"):
        fields = {
            "code_qp": qpv.code,
            "lib_qp": qpv.name,
            "insee_reg": region_of(qpv.department) or None,
            "insee_dep": qpv.department,
            "insee_com": commune_wrong if qpv.code == qpv_wrong else ", ".join(c.code for c in qpv.communes),
            "lib_com": _commune_names(qpv),
            "siren_epci": ", ".join(sorted({c.epci or "NA" for c in qpv.communes})),
        }
        (metropolitan if qpv.territory == METROPOLE else overseas).append((fields, qpv))
    fields_of, there = zip(*metropolitan, strict=True)
    path = folder / "QP2024_France_hexagonale_LB93.shp"
    _write_shapefile(path, fields_of, _projected(there, 2154), 2154, "utf-8")
    fields_of, there = zip(*overseas, strict=True)
    _write_geojson(folder / "QP2024_Outre_Mer_WGS84.geojson", fields_of, _projected(there, WGS84))


@cache
def edits() -> dict[str, float]:
    """Return the three neighbourhoods of 2015 that are edited, one of them overseas, and the shift of their eastern border."""
    chosen = {}
    for word, shift in SHIFTS_M.items():
        hosts = [m.host for m in members() if m.host is not None and set(m.cohort.story.split()) - {"."} == {word}]
        fits = (q for q in hosts if q.fault is None and (q.territory == METROPOLE) == (word != "near"))
        chosen[next(q.code for q in fits)] = shift
    return chosen


def edited(qpv: Qpv) -> Qpv:
    """Move the eastern border of a neighbourhood, if it is one of those edited."""
    west, south, east, north = qpv.box
    return replace(qpv, box=(west, south, east + edits().get(qpv.code, 0.0), north))


@cache
def wrong_commune() -> tuple[str, str, str]:
    """Return the overseas neighbourhood of 2024 with a wrong commune: its code, the wrong commune, the right one."""
    qpv = [q for q in neighbourhoods("qpv-2024") if q.territory != METROPOLE][WRONG_COMMUNE_RANK]
    right = qpv.communes[0].code
    return qpv.code, next(c.code for c in communes_of(qpv.department)[::-1] if c.code != right), right


def _commune_names(qpv: Qpv) -> str:
    return ", ".join(c.name for c in qpv.communes)


def _projected(there: Sequence[Qpv], epsg: int) -> np.ndarray:
    geometries = np.array([_drawing(q) for q in there], dtype=object)
    sources = np.array([q.epsg for q in there])
    for source in np.unique(sources):
        geometries[sources == source] = transform_geometries(geometries[sources == source], int(source), epsg)
    return geometries


def write_outlines(folder: Path) -> None:
    """Write the outlines of the départements and of the communes, in degrees."""
    outlines = {
        "departements": [
            ({"code": d, "nom": f"Département {d}"}, department_box(d), communes_of(d)[0].territory)
            for d in all_departments()
        ],
        "communes": [({"code": c.code, "nom": c.name}, c.box, c.territory) for c in all_communes()],
    }
    for name, areas in outlines.items():
        fields, boxes, territories = zip(*areas, strict=True)
        geometries = shapely.segmentize(shapely.box(*np.array(boxes).T), EDGE_STEP_M)
        for territory in set(territories):
            at = np.array(territories) == territory
            geometries[at] = transform_geometries(geometries[at], TERRITORIES[territory].epsg, WGS84)
        _write_geojson(folder / f"{name}.geojson", fields, geometries, decimals=6)


def _write_geojson(path: Path, fields: Iterable[dict[str, Any]], geometries: np.ndarray, *, decimals: int = 8) -> None:
    rounded = shapely.transform(geometries, lambda xy: np.round(xy, decimals))
    features = [
        {"type": "Feature", "properties": f, "geometry": mapping(g)} for f, g in zip(fields, rounded, strict=True)
    ]
    lines = ",\n".join(json.dumps(f, ensure_ascii=False) for f in features)
    head = f'{{"type": "FeatureCollection", "name": "{path.stem}", "features": [\n'
    path.write_text(f"{head}{lines}\n]}}\n", encoding="utf-8")


def _write_shapefile(
    path: Path, fields: Sequence[dict[str, Any]], geometries: np.ndarray, epsg: int, encoding: str
) -> None:
    """Write a shapefile; in cp1252 it says nothing of its encoding, as those published."""
    frame = gpd.GeoDataFrame(list(fields), geometry=geometries, crs=epsg)
    frame.to_file(path, driver="ESRI Shapefile", engine="pyogrio", encoding=encoding)
    header = bytearray(path.with_suffix(".dbf").read_bytes())
    header[1:4] = DBF_DATE
    if encoding == "cp1252":
        path.with_suffix(".cpg").unlink(missing_ok=True)
        header[29] = 0
    path.with_suffix(".dbf").write_bytes(bytes(header))
