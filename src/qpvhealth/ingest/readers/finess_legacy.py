"""The legacy FINESS extract (cs1100507 with coordinates, cs1100502 without): two kinds of lines, no header.

First line ``finess;etalab;<n>;<date>``, then every ``structureet`` line (31 or 32 fields), then every ``geolocalisation``
line (6 fields), joined on the FINESS number. Source: notice of the extract, as in GuillaumePressiat/finess_etalab; the file
was frozen on 4 May 2026.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth.errors import InputError
from qpvhealth.facts.categories import COUNTED
from qpvhealth.ingest import cleaning, extracts, systems
from qpvhealth.ingest.readers import delimited
from qpvhealth.ingest.readers.raw import BrokenRow, RawTable
from qpvhealth.ingest.staging import Tally

if TYPE_CHECKING:
    from pathlib import Path

    from qpvhealth.ingest.cards import Card
    from qpvhealth.ingest.readers.delimited import Records

LAYOUT = extracts.LEGACY
FIRST_LINE = b"finess;etalab"
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
_POINT = ("section", "finess_et", "x", "y", "coordinate_source", "point_updated_on")

CENTROID_GEOCODER = r"ADMIN[-_ ]?EXPRESS"
SCORE_SCALE = 100


def recognises(path: Path) -> bool:
    """Say whether a file begins like a legacy extract, whatever its name or byte order mark."""
    try:
        with path.open("rb") as file:
            return FIRST_LINE in file.read(64).lower()[:32]
    except OSError:
        return False


def read(card: Card) -> tuple[RawTable, dict[str, Tally]]:
    """Read the establishments with their point, as text under our names; also the account of the geolocalisation lines.

    A line of neither kind, or a point whose establishment is not in the file, is a broken row of the table. Raises InputError
    when the first line or the sections are not those of the format, or an establishment that counts has two points.
    """
    structures, located, rows, broken, notes = _parted(card)
    name = card.path.name
    joined, tally = _joined(structures, located, name)
    return RawTable(name, joined, rows, broken=broken, notes=notes), {GEOLOCATION: tally}


def _parted(card: Card) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray, tuple[BrokenRow, ...], tuple[str, ...]]:
    """Return the establishments, the points of those that are there, the lines of the first, and what is neither.

    A national extract is large: its fields are let go as soon as they are in columns.
    """
    records = delimited.read_records(card.path, encoding=card.get("encoding"), separator=";")
    name = card.path.name
    if not records.fields or [f.strip().casefold() for f in records.fields[0][:2]] != ["finess", "etalab"]:
        raise InputError(f"{name}:row 1: not a legacy FINESS extract: it begins with finess;etalab;<number>;<date>")
    is_structure, is_point = _sections(records)
    if not is_structure.any():
        raise InputError(
            f"{name}: no {SECTION} line of {' or '.join(map(str, _LENGTHS))} fields; is it another extract?"
        )
    other = ~is_structure & ~is_point
    other[0] = False
    broken = _broken(records, np.flatnonzero(other), "field-count", _EXPECTED)
    located = _frame(records, np.flatnonzero(is_point), _POINT)
    structures = _frame(records, np.flatnonzero(is_structure), _COLUMNS)
    orphan = ~located["finess_et"].isin(structures["finess_et"]).to_numpy()
    lost = _broken(records, np.flatnonzero(is_point)[orphan], ORPHAN, "no establishment of this number in the file")
    rows = np.array(records.lines)[is_structure]
    return structures, located[~orphan], rows, (*broken, *lost, *records.broken), records.notes


def _sections(records: Records) -> tuple[np.ndarray, np.ndarray]:
    """Say which records are establishments and which are points."""
    kinds = np.array([fields[0].strip() for fields in records.fields])
    lengths = np.array([len(fields) for fields in records.fields])
    return (kinds == SECTION) & np.isin(lengths, _LENGTHS), (kinds == GEOLOCATION) & (lengths == len(_POINT))


def coordinate_source(text: pd.Series) -> pd.DataFrame:
    """Split ``sourcecoordet`` (``1,ATLASANTE,96,BAN,EPSG:2154 RGF93 …``).

    Returns ``crs`` (null where none is known), ``names_crs`` (whether it writes one at all), ``score`` in [0, 1] (null for
    ``.``) and ``is_poor``: a commune centroid (geocoder of the ADMIN-EXPRESS family) or a point without score never decides.
    """
    if text.isna().all():
        blank = pd.DataFrame(
            {"crs": pd.Series(None, index=text.index, dtype="str"), "names_crs": False, "score": np.nan}
        )
        return blank.assign(is_centroid=False, is_poor=False)
    parts = text.str.split(",", n=4, expand=True).reindex(columns=range(5)).astype("str")
    given = parts[2].str.extract(r"^\s*(\d+(?:[.]\d+)?)\s*$")[0]
    score = pd.to_numeric(given).astype("float64") / SCORE_SCALE
    tool = parts[3].str.upper().fillna("") + " " + parts[4].str.upper().fillna("")
    is_centroid = tool.str.contains(CENTROID_GEOCODER, regex=True)
    is_poor = text.notna() & (is_centroid | score.isna())
    names_crs = parts[4].str.strip().fillna("") != ""
    return pd.DataFrame(
        {
            "crs": cleaning.translated(parts[4], systems.named),
            "names_crs": names_crs,
            "score": score,
            "is_centroid": is_centroid,
        }
    ).assign(is_poor=is_poor)


def _frame(records: Records, at: np.ndarray, columns: tuple[str, ...]) -> pd.DataFrame:
    """Return the fields of these records under names, stripped, empty ones null; a field that is not there is empty."""
    rows = [records.fields[i] for i in at]
    named = {
        c: pd.Series([(f[j].strip() or None) if j < len(f) else None for f in rows], dtype="str")
        for j, c in enumerate(columns)
    }
    return pd.DataFrame(named)


def _joined(structures: pd.DataFrame, located: pd.DataFrame, name: str) -> tuple[pd.DataFrame, Tally]:
    """Give each establishment its point. Two different points for one that counts stop the run."""
    content = list(_POINT[1:5])
    repeated = located.duplicated(content)
    points = located[~repeated]
    second = points["finess_et"].duplicated()
    counted = structures.loc[structures["category"].isin(COUNTED), "finess_et"]
    twice = points["finess_et"][second & points["finess_et"].isin(counted)]
    if not twice.empty:
        raise InputError(
            f"{name}: two different points for {', '.join(twice.head(5))}; ask the producer, none was chosen"
        )
    left_out = {"second point of an establishment that is not counted": int(second.sum())} if second.any() else {}
    tally = Tally(len(located), int((~repeated).sum() - second.sum()), 0, int(repeated.sum()), left_out)
    first = points.loc[~second, content]
    joined = structures.merge(first, on="finess_et", how="left", validate="many_to_one")
    return joined.drop(columns="section"), tally.asserted(f"{name}: {GEOLOCATION}")


def _broken(records: Records, at: np.ndarray, rule: str, message: str) -> list[BrokenRow]:
    return [
        BrokenRow(records.lines[i], rule, f"{len(records.fields[i])} fields: {message}", records.raw[i]) for i in at
    ]
