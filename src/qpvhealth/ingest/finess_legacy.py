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
from qpvhealth.ingest import delimited
from qpvhealth.ingest.raw import BrokenRow, RawTable
from qpvhealth.ingest.staged import Tally

if TYPE_CHECKING:
    from pathlib import Path

    from qpvhealth.ingest.cards import Card
    from qpvhealth.ingest.delimited import Records

LAYOUT = "finess-legacy"
FIRST_LINE = b"finess;etalab"
SECTION, GEOLOCATION = "structureet", "geolocalisation"
_COLUMNS = (
    *("section", "finess_et", "legal_entity", "name", "long_name", "complement", "distribution", "street_number"),
    *("street_type", "street", "street_suffix", "place_name", "commune_digits", "department_code", "department_name"),
    *("postal_line", "telephone", "fax", "category", "category_name", "aggregate", "aggregate_name", "siret", "ape"),
    *("mft", "mft_name", "sph", "sph_name", "opened_on", "authorised_on", "updated_on", "uai"),
)
_LENGTHS = (len(_COLUMNS) - 1, len(_COLUMNS))
_POINT = ("section", "finess_et", "x", "y", "coordinate_source", "point_updated_on")

CRS_NAMES: dict[str, str] = {
    "LAMBERT_93": "EPSG:2154",
    "UTM_N20": "EPSG:4559",
    "UTM_N21": "EPSG:4467",
    "UTM_N22": "EPSG:2972",
    "UTM_S38": "EPSG:4471",
    "UTM_S40": "EPSG:2975",
    "WGS84/UTM ZONE 21N": "EPSG:32621",
    "ZONE 21N": "EPSG:32621",
    "ZONE 1S": "EPSG:32701",
}
"""Systems that ``sourcecoordet`` writes without an EPSG number. The last (Wallis-et-Futuna) is an inference."""
CENTROID_GEOCODER = "ADMIN-EXPRESS"
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

    Raises InputError when the first line or the sections are not those of the format.
    """
    records = delimited.read_records(card.path, encoding=card.get("encoding"), separator=";")
    name = card.path.name
    if not records.fields or [f.casefold() for f in records.fields[0][:2]] != ["finess", "etalab"]:
        raise InputError(f"{name}:row 1: not a legacy FINESS extract: it begins with finess;etalab;<number>;<date>")
    kinds = np.array([fields[0].strip() if fields else "" for fields in records.fields])
    lengths = np.array([len(fields) for fields in records.fields])
    is_structure = (kinds == SECTION) & np.isin(lengths, _LENGTHS)
    is_point = (kinds == GEOLOCATION) & (lengths == len(_POINT))
    if not is_structure.any():
        raise InputError(
            f"{name}: no {SECTION} line of {' or '.join(map(str, _LENGTHS))} fields; is it another extract?"
        )
    other = ~is_structure & ~is_point
    other[0] = False
    structures = _frame(records, np.flatnonzero(is_structure), _COLUMNS)
    located = _frame(records, np.flatnonzero(is_point), _POINT)
    joined, tally = _joined(structures, located, name)
    broken = (*_broken(records, np.flatnonzero(other)), *records.broken)
    rows = np.array(records.lines)[is_structure]
    raw = RawTable(name, joined, rows, broken=broken, notes=records.notes)
    return raw, {GEOLOCATION: tally}


def coordinate_source(text: pd.Series) -> pd.DataFrame:
    """Split ``sourcecoordet`` (``1,ATLASANTE,96,BAN,EPSG:2154 RGF93 …``) into system, score in [0, 1] and centroid flag.

    A geocoder of the ADMIN-EXPRESS family gives commune centroids, which never decide.
    """
    parts = text.str.split(",", n=4, expand=True).reindex(columns=range(5)).astype("str")
    epsg = parts[4].str.extract(r"EPSG:\s*(\d{4,5})")[0]
    named = pd.Series(None, index=text.index, dtype="str")
    for word, crs in CRS_NAMES.items():
        at = parts[4].str.upper().str.contains(word, regex=False).fillna(value=False).astype(bool) & named.isna()
        named = named.where(~at, crs)
    score = pd.to_numeric(
        parts[2].where(parts[2].str.fullmatch(r"\s*\d+([.]\d+)?\s*").fillna(value=False).astype(bool))
    )
    is_centroid = parts[3].str.strip().str.upper().str.startswith(CENTROID_GEOCODER).fillna(value=False).astype(bool)
    crs = ("EPSG:" + epsg).fillna(named).astype("str")
    return pd.DataFrame({"crs": crs, "score": score.astype("float64") / SCORE_SCALE, "is_centroid": is_centroid})


def _frame(records: Records, at: np.ndarray, columns: tuple[str, ...]) -> pd.DataFrame:
    width = len(columns)
    cells = [(*records.fields[i], "")[:width] for i in at]
    frame = pd.DataFrame(cells, columns=list(columns), dtype="str")
    stripped = frame.apply(lambda column: column.str.strip())
    return stripped.where(stripped != "")


def _joined(structures: pd.DataFrame, located: pd.DataFrame, name: str) -> tuple[pd.DataFrame, Tally]:
    """Give each establishment its point. Two different points for one number stop the run."""
    content = list(_POINT[1:5])
    repeated = located.duplicated(content)
    points = located[~repeated]
    twice = points["finess_et"][points["finess_et"].duplicated()]
    if not twice.empty:
        raise InputError(
            f"{name}: two different points for {', '.join(twice.head(5))}; ask the producer, none was chosen"
        )
    orphan = ~points["finess_et"].isin(structures["finess_et"])
    tally = Tally(len(located), int((~orphan).sum()), 0, int(repeated.sum()), _counted("no establishment", orphan))
    joined = structures.merge(points[content], on="finess_et", how="left", validate="many_to_one")
    return joined.drop(columns="section"), tally.asserted(f"{name}: {GEOLOCATION}")


def _counted(reason: str, mask: pd.Series) -> dict[str, int]:
    return {reason: int(mask.sum())} if mask.any() else {}


def _broken(records: Records, at: np.ndarray) -> list[BrokenRow]:
    expected = f"{SECTION} of {' or '.join(map(str, _LENGTHS))} fields, or {GEOLOCATION} of {len(_POINT)}"
    return [
        BrokenRow(
            records.lines[i], "row-broken", f"{len(records.fields[i])} fields ({expected})", ";".join(records.fields[i])
        )
        for i in at
    ]
