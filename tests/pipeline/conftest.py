"""A raw folder whose perimeters need all that can be done to perimeters."""

from __future__ import annotations

import json

import pytest

from qpvhealth.pipeline import ahead

CARDS = """
[[source]]
id = "s"
kind = "structures"
path = "s.csv"
layout = "dgos-mapped"
year = 2020
reference_date = 2020-04-01
[[source]]
id = "q"
kind = "neighbourhoods"
path = "q.geojson"
generation = "qpv-2015"
[[source]]
id = "own"
kind = "neighbourhoods"
path = "own.geojson"
generation = "civ-2008"
in_force_from = 2008-01-01
in_force_to = 2014-12-31
[[source]]
id = "communes"
kind = "boundaries"
path = "c.csv"
level = "commune"
year = 2020
"""
CORRECTION = """
[[correction]]
source = "q"
key = "QP031001"
column = "name"
expect = "Q"
value = "Le Carré"
reason = "as signed"
"""


def feature(code, x, *, shape=((0, 0), (1, 0), (1, 1), (0, 1), (0, 0)), **properties):
    ring = [[x + 0.01 * dx, 43.6 + 0.01 * dy] for dx, dy in shape]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "properties": {"code_qp": code, "lib_qp": "Q"} | properties, "geometry": geometry}


BOWTIE, LINE = ((0, 0), (1, 1), (1, 0), (0, 1), (0, 0)), ((0, 0), (1, 0), (0, 0), (0, 0))
OFFICIAL = [
    feature("QP031001", 1.4, commune_qp="Ville"),
    feature("QP031002", 1.5, shape=BOWTIE, commune_qp="Nulle part"),
    feature("QP031003", 1.6, shape=LINE),
    feature("QP031004", -61.5),
    feature("wrong", 1.7),
    feature("QP031005", 1.8) | {"geometry": None},
]


@pytest.fixture
def perimeters(tmp_path, monkeypatch):
    """A folder whose polygons are repaired, collapsed, misplaced, rejected, named by commune, corrected; kept though they are few."""
    monkeypatch.setattr(ahead, "MANY_BYTES", 0)
    folder = tmp_path / "raw"
    folder.mkdir()
    texts = {"sources.toml": CARDS, "corrections.toml": CORRECTION, "c.csv": "TYPECOM,COM,LIBELLE\nCOM,31555,Ville\n"}
    texts["s.csv"] = "finess_et,structure_type,commune_code,longitude,latitude\n310000018,MSP,31555,1.405,43.605\n"
    for name, features in (("q", OFFICIAL), ("own", [feature("Z1", 1.4)])):
        texts[f"{name}.geojson"] = json.dumps({"type": "FeatureCollection", "features": features})
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder
