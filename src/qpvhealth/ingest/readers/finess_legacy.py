"""The legacy FINESS extract (cs1100507 with coordinates, cs1100502 without): two kinds of lines, no header.

First line ``finess;etalab;<n>;<date>``, then every ``structureet`` line (31 or 32 fields), then every ``geolocalisation``
line (6 fields), joined on the FINESS number. Source: notice of the extract, as in GuillaumePressiat/finess_etalab; the file
was frozen on 4 May 2026.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth.errors import InputError
from qpvhealth.facts.categories import COUNTED
from qpvhealth.ingest.readers import delimited
from qpvhealth.ingest.readers.raw import BrokenRow, RawTable
from qpvhealth.ingest.tally import Tally

if TYPE_CHECKING:
    from pathlib import Path

    from qpvhealth.ingest.card import Card

_BEGINNING = re.compile(rb"(\xef\xbb\xbf)?\"?(finess\W{1,3}etalab|structureet\W|geolocalisation\W)")
SECTION, GEOLOCATION = "structureet", "geolocalisation"
ORPHAN = "geolocation-orphan"
_COLUMNS = (
    *("section", "finess_et", "legal_entity", "name", "long_name", "complement", "distribution", "street_number"),
    *("street_type", "street", "street_suffix", "place_name", "commune_digits", "department_code", "department_name"),
    *("postal_line", "telephone", "fax", "category", "category_name", "aggregate", "aggregate_name", "siret", "ape"),
    *("mft", "mft_name", "sph", "sph_name", "opened_on", "authorised_on", "updated_on", "uai"),
)
_LENGTHS = (len(_COLUMNS) - 1, len(_COLUMNS))
_EXPECTED = f"{SECTION} has 31 or 32, {GEOLOCATION} 6"
_SPLIT_POINT = re.compile(
    r"(-?\d{4,}(?:;\d{1,3}|[.,]\d+)?);(-?\d{4,}(?:;\d{1,3}|[.,]\d+)?);([^;]*;[^;\d][^;]*(?:;[^;]*){3}(?:;[^;\d][^;]*){0,2})(?:;([^;]*))?;*"
)
"""The cells of a point after its number, where a spreadsheet has cut them at commas too: decimals and the parts of its source (five, or seven)."""
_POINT = ("section", "finess_et", "x", "y", "coordinate_source", "point_updated_on")


def recognises(path: Path) -> bool:
    """Say whether a file begins like a legacy extract, whatever its name or byte order mark, even where its first line is lost."""
    try:
        with path.open("rb") as file:
            return _BEGINNING.match(file.read(64).lower()) is not None
    except OSError:
        return False


def read(card: Card) -> RawTable:
    """Read the establishments with their point, as text under our names; ``sections`` accounts for the geolocalisation lines.

    A point that a spreadsheet has cut at its commas (``574000;1;6279000;2;1;ATLASANTE;96;BAN;…``) is put together. A line of neither
    kind, or a point whose establishment is not in the file, is a broken row of the table. Raises InputError when the first line or the
    sections are not those of the format, or an establishment that counts has two points.
    """
    read, name = delimited.read_records(card.path, encoding=card.get("encoding"), separator=";"), card.path.name
    fields = [record.fields for record in read.records]
    if not fields or [f.strip().casefold() for f in fields[0][:2]] != ["finess", "etalab"]:
        raise InputError(
            f"{name}:row 1: not a legacy FINESS extract: it begins with finess;etalab;<number>;<date>; write that line as the source has it"
        )
    _without_padding(fields)
    n_split = _put_together(fields)
    sections = np.array([cells[0].strip() for cells in fields])
    lengths = np.array([len(cells) for cells in fields])
    is_structure = (sections == SECTION) & np.isin(lengths, _LENGTHS)
    is_point = (sections == GEOLOCATION) & (lengths == len(_POINT))
    if not is_structure.any():
        raise InputError(
            f"{name}: no {SECTION} line of {' or '.join(map(str, _LENGTHS))} fields; is it another extract?"
        )
    other = np.flatnonzero(~is_structure & ~is_point)[1:]  # the first line is the header
    structures, points = _frame(fields, is_structure, _COLUMNS), _frame(fields, is_point, _POINT)
    orphan = ~points["finess_et"].isin(structures["finess_et"]).to_numpy()
    broken = [
        BrokenRow(read.records[i].line, rule, f"{lengths[i]} fields: {message}", read.text(i))
        for rule, message, rows in (
            ("field-count", _EXPECTED, other),
            (ORPHAN, "no establishment of this number in the file", np.flatnonzero(is_point)[orphan]),
        )
        for i in rows
    ]
    joined, tally = _joined(structures, points[~orphan], name)
    return RawTable(
        name,
        joined,
        np.array([record.line for record in read.records])[is_structure],
        broken=(*broken, *read.broken),
        notes=(*read.notes, *([f"{n_split} {GEOLOCATION} lines cut at their commas, put together"] if n_split else [])),
        sections={GEOLOCATION: tally.asserted(f"{name}: {GEOLOCATION}")},
    )


def _without_padding(fields: list[list[str]]) -> None:
    """Take off, in place, the empty cells by which a spreadsheet makes all lines as wide as the widest."""
    for cells in fields:
        width = len(_POINT) if cells[0].strip() == GEOLOCATION else len(_COLUMNS)
        while len(cells) > width and not cells[-1].strip():
            cells.pop()


def _put_together(fields: list[list[str]]) -> int:
    """Put the lines of points that were cut at their commas together, in place; return how many."""
    n = 0
    for cells in fields:
        if cells[0] != GEOLOCATION or len(cells) <= len(_POINT):
            continue
        if match := _SPLIT_POINT.fullmatch(";".join(cells[2:])):
            x, y, source, day = (match[i] or "" for i in range(1, 5))
            cells[2:] = x.replace(";", "."), y.replace(";", "."), source.replace(";", ","), day
            n += 1
    return n


def _frame(fields: list[list[str]], mask: np.ndarray, columns: tuple[str, ...]) -> pd.DataFrame:
    """Return the fields of some records under names, stripped, empty ones null; a field that is not there is empty."""
    rows = [fields[i] for i in np.flatnonzero(mask)]
    cells = {
        c: pd.Series([(f[j].strip() or None) if j < len(f) else None for f in rows], dtype="str")
        for j, c in enumerate(columns)
    }
    return pd.DataFrame(cells).drop(columns="section")


def _joined(structures: pd.DataFrame, points: pd.DataFrame, name: str) -> tuple[pd.DataFrame, Tally]:
    """Give each establishment its point. Two different points for one that counts stop the run."""
    content = list(_POINT[1:5])
    repeated = points.duplicated(content)
    distinct = points.loc[~repeated, content]
    second = distinct["finess_et"].duplicated()
    counted = structures.loc[structures["category"].isin(COUNTED), "finess_et"]
    twice = distinct["finess_et"][second & distinct["finess_et"].isin(counted)]
    if not twice.empty:
        raise InputError(
            f"{name}: two different points for {', '.join(twice.head(5))}; ask the producer, none was chosen"
        )
    left_out = {"second point of an establishment that is not counted": int(second.sum())} if second.any() else {}
    tally = Tally(len(points), int((~second).sum()), 0, int(repeated.sum()), left_out)
    return structures.merge(distinct[~second], on="finess_et", how="left", validate="many_to_one"), tally
