"""The outlines of the invented France, drawn and written: neighbourhoods, départements, communes."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely
from shapely import MultiPolygon, Polygon, box
from shapely.geometry import mapping

from qpvhealth.facts.territories import DEPARTMENT_REGION, METROPOLE, TERRITORIES
from qpvhealth.sample.geography import Box, all_communes, all_departments, communes_of, department_box
from qpvhealth.sample.neighbourhoods import Qpv, epsg_of, neighbourhoods
from qpvhealth.spatial.projection import transform_geometries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

DEGREE_DECIMALS = 8
EDGE_STEP_M = 10_000
DBF_DATE = bytes((118, 1, 10))
"""Year since 1900, month, day: what the header of every dbf says, so that two runs give the same bytes."""

FILES_2015: dict[str, tuple[tuple[str, ...], int]] = {
    "QP_METROPOLE_LB93": ((), 2154),
    "QP_GUADELOUPE_WGS84_UTM20N": (("971",), 32620),
    "QP_MARTINIQUE_WGS84_UTM20N": (("972",), 32620),
    "QP_STMARTIN_WGS84_UTM20N": (("978",), 32620),
    "QP_GUYANE_RGF95_UTM22N": (("973",), 2972),
    "QP_LAREUNION_RGR92_UTM40S": (("974",), 2975),
    "QP_MAYOTTE_RGM04_UTM38S": (("976",), 4470),
    "QP_POLYNESIEFRANCAISE_WGS84_EPSG4326": (("987",), 4326),
}
REPEATED_2015 = 40
"""Rank, in the metropolitan file of 2015, of the neighbourhood that is there twice."""

WRONG_COMMUNE_RANK = 5
"""Rank, among the overseas ones of 2024, of the neighbourhood whose file gives another commune's code."""


def drawing(qpv: Qpv) -> shapely.Geometry:
    """Draw a neighbourhood in the metres of its territory, with its fault if it has one."""
    if qpv.fault:
        return Polygon(_faulty_ring(qpv.fault, qpv.box))
    west, south, east, north = qpv.box
    if qpv.shape == "cut":
        return Polygon([(west, south), (east, south), (east, north - 60), (east - 60, north), (west, north)])
    x, y = (west + east) / 2, (south + north) / 2
    if qpv.shape == "hole":
        hx, hy = x + (east - west) / 4, y + (north - south) / 4
        return box(*qpv.box).difference(box(hx - 30, hy - 30, hx + 30, hy + 30))
    if qpv.shape == "parts":
        return MultiPolygon([box(*qpv.box), box(x - 40, south - 180, x + 40, south - 100)])
    return box(*qpv.box)


def _faulty_ring(fault: str, bounds: Box) -> list[tuple[float, float]]:
    west, south, east, north = bounds
    x, y = (west + east) / 2, (south + north) / 2
    return {
        "bowtie": [(west, south), (east, north), (east, south), (west, north), (west, south)],
        "spike": [
            (west, south),
            (east, south),
            (east, north),
            (west, north),
            (west - 300, north),
            (west, north),
            (west, south),
        ],
        "pinched": [
            (west, south),
            (east, south),
            (east, north),
            (x, north),
            (x - 50, y),
            (x + 50, y),
            (x, north),
            (west, north),
            (west, south),
        ],
        "collapsed": [(x, y), (x, y), (x, y), (x, y)],
    }[fault]


def write_2015(folder: Path, edited: Callable[[Qpv], Qpv]) -> list[str]:
    """Write the neighbourhoods of 2015 as edited, one file per territory as published; return the file names."""
    names = []
    for name, (departments, epsg) in FILES_2015.items():
        there = [edited(q) for q in neighbourhoods("qpv-2015") if _is_in(q, departments)]
        if name == "QP_METROPOLE_LB93":
            there = [*there[::-1], there[REPEATED_2015]]
        fields = [{"CODE_QP": q.code, "NOM_QP": q.name, "COMMUNE_QP": _commune_names(q)} for q in there]
        geometries = _projected(there, epsg)
        if epsg == 4326:  # noqa: PLR2004
            names.append(_write_geojson(folder / f"{name}.geojson", fields, geometries))
        else:
            names.append(_write_shapefile(folder / f"{name}.shp", fields, geometries, epsg, "cp1252"))
    return names


def write_2024(folder: Path) -> list[str]:
    """Write the neighbourhoods of 2024: a metropolitan shapefile in Lambert-93, one GeoJSON in degrees for overseas."""
    metropolitan = [q for q in neighbourhoods("qpv-2024") if q.territory == METROPOLE]
    overseas = [q for q in neighbourhoods("qpv-2024") if q.territory != METROPOLE]
    fields = [_fields_2024(q) for q in overseas]
    fields[WRONG_COMMUNE_RANK]["insee_com"] = wrong_commune()[1]
    return [
        _write_shapefile(
            folder / "QP2024_France_hexagonale_LB93.shp",
            [_fields_2024(q) for q in metropolitan],
            _projected(metropolitan, 2154),
            2154,
            "utf-8",
        ),
        _write_geojson(folder / "QP2024_Outre_Mer_WGS84.geojson", fields, _projected(overseas, 4326)),
    ]


@cache
def wrong_commune() -> tuple[str, str, str]:
    """Name the overseas neighbourhood of 2024 with a wrong commune: its code, the wrong commune, the right one."""
    qpv = [q for q in neighbourhoods("qpv-2024") if q.territory != METROPOLE][WRONG_COMMUNE_RANK]
    right = qpv.communes[0].code
    wrong = next(c.code for c in communes_of(qpv.department)[::-1] if c.code != right)
    return qpv.code, wrong, right


def _is_in(qpv: Qpv, departments: tuple[str, ...]) -> bool:
    return qpv.department in departments if departments else qpv.territory == METROPOLE


def _commune_names(qpv: Qpv) -> str:
    return ", ".join(c.name for c in qpv.communes)


def _fields_2024(qpv: Qpv) -> dict[str, str | None]:
    region = DEPARTMENT_REGION[qpv.department]
    return {
        "code_qp": qpv.code,
        "lib_qp": qpv.name,
        "insee_reg": None if region == "none" else region,
        "insee_dep": qpv.department,
        "insee_com": ", ".join(c.code for c in qpv.communes),
        "lib_com": _commune_names(qpv),
        "siren_epci": ", ".join(sorted({c.epci or "NA" for c in qpv.communes})),
    }


def _projected(there: list[Qpv], epsg: int) -> np.ndarray:
    out = np.empty(len(there), dtype=object)
    sources = np.array([epsg_of(q) for q in there])
    drawn = np.array([drawing(q) for q in there], dtype=object)
    for source in np.unique(sources):
        at = sources == source
        out[at] = transform_geometries(drawn[at], int(source), epsg)
    return out


def write_outlines(folder: Path) -> list[str]:
    """Write the outlines of the départements and of the communes, in degrees; return the file names."""
    departments = [
        ({"code": d, "nom": f"Département {d}"}, department_box(d), communes_of(d)[0].territory)
        for d in all_departments()
    ]
    communes = [({"code": c.code, "nom": c.name}, c.box, c.territory) for c in all_communes()]
    return [
        _write_outlines(folder / "departements.geojson", departments),
        _write_outlines(folder / "communes.geojson", communes),
    ]


def _write_outlines(path: Path, outlines: list[tuple[dict[str, str], Box, str]]) -> str:
    geometries = np.empty(len(outlines), dtype=object)
    territories = np.array([t for _, _, t in outlines])
    for territory in np.unique(territories):
        at = np.flatnonzero(territories == territory)
        squares = shapely.segmentize(shapely.box(*np.array([outlines[i][1] for i in at]).T), EDGE_STEP_M)
        geometries[at] = transform_geometries(squares, TERRITORIES[str(territory)].epsg, 4326)
    return _write_geojson(path, [fields for fields, _, _ in outlines], geometries, decimals=6)


def _write_geojson(
    path: Path, fields: Iterable[dict[str, Any]], geometries: np.ndarray, *, decimals: int = DEGREE_DECIMALS
) -> str:
    rounded = shapely.transform(geometries, lambda xy: np.round(xy, decimals))
    features = [
        {"type": "Feature", "properties": f, "geometry": mapping(g)} for f, g in zip(fields, rounded, strict=True)
    ]
    lines = ",\n".join(json.dumps(f, ensure_ascii=False) for f in features)
    path.write_text(
        f'{{"type": "FeatureCollection", "name": "{path.stem}", "features": [\n{lines}\n]}}\n', encoding="utf-8"
    )
    return path.name


def _write_shapefile(path: Path, fields: list[dict[str, Any]], geometries: np.ndarray, epsg: int, encoding: str) -> str:
    """Write a shapefile; in cp1252 it says nothing of its encoding, as those published."""
    frame = gpd.GeoDataFrame(fields, geometry=geometries, crs=epsg)
    frame.to_file(path, driver="ESRI Shapefile", engine="pyogrio", encoding=encoding)
    if encoding == "cp1252":
        path.with_suffix(".cpg").unlink(missing_ok=True)
    _blank_dbf_header(path.with_suffix(".dbf"), keeps_language=encoding != "cp1252")
    return path.name


def _blank_dbf_header(path: Path, *, keeps_language: bool) -> None:
    data = bytearray(path.read_bytes())
    data[1:4] = DBF_DATE
    data[29] = data[29] if keeps_language else 0
    path.write_bytes(bytes(data))
