"""How QGIS draws an exported layer: the table in which a GeoPackage keeps styles, and the style of each table in QML."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

if TYPE_CHECKING:
    import pandas as pd

TABLE = """
CREATE TABLE layer_styles (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT, f_table_schema TEXT, f_table_name TEXT,
  f_geometry_column TEXT, styleName TEXT, styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN, description TEXT, owner TEXT, ui TEXT,
  update_time DATETIME DEFAULT '2000-01-01T00:00:00.000Z');
INSERT INTO gpkg_contents (table_name, data_type, identifier, last_change)
  VALUES ('layer_styles', 'attributes', 'layer_styles', '2000-01-01T00:00:00.000Z');
"""
INSERT = """
INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, styleQML, styleSLD, useAsDefault,
  description, owner) VALUES ('', '', ?, ?, ?, ?, '', 1, ?, '')
"""
GREY = "150,150,150,255"
COLOURS = {
    "situation": {
        "in_qpv": ("dans un QPV", "213,94,0,255"),
        "vecu_declared": ("quartier vécu déclaré", "0,114,178,255"),
        "vecu_proxy": ("à proximité", "86,180,233,255"),
        "elsewhere": ("ailleurs", GREY),
        "undetermined": ("indéterminée", "240,228,66,255"),
    },
    "is_covered_in": {
        "true": ("au moins une structure", "0,158,115,255"),
        "false": ("aucune structure repérée", "213,94,0,255"),
    },
    "structure_type": {"MSP": ("MSP", "0,114,178,255"), "CDS": ("centre de santé", "230,159,0,255")},
    "is_npnru": {"true": ("en NPNRU", "204,121,167,255"), "false": ("hors NPNRU", "86,180,233,255")},
}
"""Columns that colour a layer, the first that it has; values with their labels, in colours that the colour-blind tell apart."""
OTHERS = "autre, ou inconnu"


def qml(frame: pd.DataFrame, *, is_polygonal: bool) -> str:
    """Return the style of a layer: one colour a value of its first column of ``COLOURS``, another for the rest; else one colour."""
    column = next((name for name in COLOURS if name in frame), None)
    entries = [*COLOURS[column].items()] if column is not None else []
    symbols = [_symbol(str(i), colour, is_polygonal=is_polygonal) for i, (_, (_, colour)) in enumerate(entries)]
    symbols.append(_symbol(str(len(entries)), GREY, is_polygonal=is_polygonal))
    if column is None:
        return _document(f'<renderer-v2 type="singleSymbol"><symbols>{"".join(symbols)}</symbols></renderer-v2>')
    listed = [*((value, label) for value, (label, _) in entries), ("", OTHERS)]
    categories = "".join(
        f'<category value={quoteattr(value)} label={quoteattr(label)} symbol="{i}" render="true"/>'
        for i, (value, label) in enumerate(listed)
    )
    return _document(
        f'<renderer-v2 type="categorizedSymbol" attr={quoteattr(column)}><categories>{categories}</categories>'
        f"<symbols>{''.join(symbols)}</symbols></renderer-v2>"
    )


def _document(renderer: str) -> str:
    return f"<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n<qgis version=\"3.22\" styleCategories=\"Symbology\">{renderer}</qgis>"


def _symbol(name: str, colour: str, *, is_polygonal: bool) -> str:
    kind, layer = ("fill", "SimpleFill") if is_polygonal else ("marker", "SimpleMarker")
    own = {"style": "solid"} if is_polygonal else {"name": "circle", "size": "2.4", "size_unit": "MM"}
    options = {
        "color": colour,
        "outline_color": "60,60,60,255",
        "outline_width": "0.2",
        "outline_width_unit": "MM",
        **own,
    }
    words = "".join(f'<Option name="{k}" type="QString" value="{v}"/>' for k, v in options.items())
    old = "".join(f'<prop k="{k}" v="{v}"/>' for k, v in options.items())
    alpha = "0.6" if is_polygonal else "1"
    return (
        f'<symbol type="{kind}" name="{name}" alpha="{alpha}"><layer class="{layer}" enabled="1" pass="0" locked="0">'
        f'<Option type="Map">{words}</Option>{old}</layer></symbol>'
    )
