"""QPV polygons of one generation: any vector file, column names of both generations in any case, to one staged table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from qpvhealth.errors import InputError, UsageError
from qpvhealth.facts.generations import CODE_PATTERNS
from qpvhealth.ingest import cleaning, corrections, layouts, tables
from qpvhealth.ingest.layouts import Field, Layout
from qpvhealth.ingest.staged import PROVENANCE, Sieve, Staged

if TYPE_CHECKING:
    from qpvhealth.ingest.cards import Card
    from qpvhealth.ingest.corrections import Correction
    from qpvhealth.ingest.raw import RawTable

QPV_CODE_ALIASES = (
    *("code_qp", "Code_du_quartier", "Code du quartier prioritaire", "code", "codeQPV", "qp", "code_qpv", "CODGEO"),
    *("code_quartier", "codequartier", "QP", "num_qpv"),
)
LAYOUT = Layout(
    "qpv-contours",
    (
        Field("qpv_code", QPV_CODE_ALIASES, required=True),
        Field("name", ("nom_qp", "lib_qp", "Nom_du_quartier", "label", "libQPV", "nom", "libelle_qp", "nom_qpv")),
        Field("commune_codes", ("insee_com", "insee", "COG", "listeDepCom", "code_insee", "codes_insee")),
        Field("commune_names", ("commune_qp", "lib_com", "liste_des_communes", "listeLibDepCom", "communes")),
        Field("epci_codes", ("siren_epci", "epci1", "listeEPCI2022", "epci")),
    ),
)


def read(card: Card, known: tuple[Correction, ...] = ()) -> Staged:
    """Read the polygons of one file: code, name, communes, geometry as read and its coordinate system.

    Raises InputError without a coordinate system, without geometry, or when one code has two different polygons; UsageError
    when the codes are those of another generation.
    """
    raw = tables.read_vector(card)
    if raw.geometry is None:
        raise InputError(f"{raw.place()}: no geometry; a neighbourhoods file holds polygons")
    sieve = Sieve(raw, card.id)
    text, n = corrections.apply(_text(raw, card), known, card.id, "qpv_code")
    sieve.warn("correction-applied", n, "values corrected by corrections.toml")
    frame = _typed(text, raw, card)
    _sift(frame, raw, card, sieve)
    staged = sieve.staged(frame, _identical_repeats(frame, sieve))
    refuse_conflicts(staged.frame, raw.file)
    return staged


def pattern(card: Card) -> str:
    """Return the pattern of the codes of a card's generation; any code where the set is not official and none is given."""
    return (
        str(card.get("code_pattern") or CODE_PATTERNS.get(card["generation"], r".+"))
        .removeprefix("^")
        .removesuffix("$")
    )


def other_generation(codes: pd.Series, generation: str) -> str | None:
    """Name the official generation that most of the codes match, when it is not the one stated."""
    matches = {g: codes.str.fullmatch(p).fillna(value=False).mean() for g, p in CODE_PATTERNS.items()}
    own = CODE_PATTERNS.get(generation)
    return next((g for g, share in matches.items() if share > 1 / 2 and own and CODE_PATTERNS[g] != own), None)


def refuse_conflicts(frame: pd.DataFrame, where: str) -> None:
    """Raise InputError when a code stands for two polygons that are not identical."""
    several = frame[frame.duplicated(["qpv_code", "generation"], keep=False)]
    if several.empty:
        return
    told = [
        f"{where}: {code} has two different polygons or names, rows {', '.join(map(str, rows['source_row']))}"
        for (code, _), rows in list(several.groupby(["qpv_code", "generation"]))[:20]
    ]
    raise InputError("\n".join([*told, "keep one file, or name in `codes` of a card which QPV it should give"]))


def _text(raw: RawTable, card: Card) -> pd.DataFrame:
    layouts.choose(raw, card, (LAYOUT,))
    return layouts.renamed(raw, card, LAYOUT)


def _typed(text: pd.DataFrame, raw: RawTable, card: Card) -> pd.DataFrame:
    codes = text["qpv_code"].str.strip().str.upper()
    frame = pd.DataFrame(
        {"qpv_code": codes, "generation": pd.Series(card["generation"], index=codes.index, dtype="str")}
    )
    frame["name"] = text["name"]
    frame["commune_codes"] = text["commune_codes"].map(_communes, na_action="ignore").astype("str")
    frame["commune_names"] = text["commune_names"]
    frame["epci_codes"] = text["epci_codes"].map(_epcis, na_action="ignore").astype("str")
    frame["crs"] = pd.Series(_crs(raw, card), index=codes.index, dtype="str")
    frame["geometry"] = raw.geometry
    return frame


def _sift(frame: pd.DataFrame, raw: RawTable, card: Card, sieve: Sieve) -> None:
    codes = frame["qpv_code"]
    if (other := other_generation(codes, card["generation"])) is not None:
        raise UsageError(
            f'{raw.place()}: the codes are those of {other}; write generation = "{other}" in card {card.id}'
        )
    if card.get("codes") is not None:
        sieve.leave_out(~codes.isin([str(c) for c in card["codes"]]), "not among the codes of the card")
    sieve.reject(codes.isna(), "qpv-code-missing", "no QPV code")
    expected = pattern(card)
    bad = ~codes.str.fullmatch(expected).fillna(value=False).astype(bool)
    sieve.reject(bad, "qpv-code-invalid", 'QPV code "' + codes.fillna("") + f'" ({expected} expected)')
    absent = pd.Series([g is None or g.is_empty for g in frame["geometry"]], index=frame.index)
    sieve.reject(absent, "geometry-missing", "no polygon")


def _crs(raw: RawTable, card: Card) -> str:
    crs = card.get("crs") or raw.crs
    if crs is None:
        raise InputError(
            f"{raw.place()}: no coordinate system (no .prj); the name of a file is not one."
            f' Ask the producer, then write crs = "EPSG:…" in card {card.id}'
        )
    return str(crs)


def _communes(cell: str) -> str | None:
    codes = [c.zfill(cleaning.COMMUNE_LENGTH) for c in re.split(cleaning.LIST_SEPARATOR, cell.strip()) if c]
    valid = [c for c in codes if re.fullmatch(cleaning.COMMUNE, c)]
    return ",".join(valid) or None


def _epcis(cell: str) -> str | None:
    return ",".join(c for c in re.split(cleaning.LIST_SEPARATOR, cell.strip()) if c.isdigit()) or None


def _identical_repeats(frame: pd.DataFrame, sieve: Sieve) -> np.ndarray:
    kept = frame[sieve.keep]
    content = kept.assign(geometry=shapely.to_wkb(kept["geometry"].to_numpy(dtype=object)))
    repeated = np.zeros(len(frame), dtype=bool)
    repeated[np.flatnonzero(sieve.keep)] = content.duplicated().to_numpy()
    return repeated


def combine(staged: list[Staged]) -> tuple[pd.DataFrame, dict[str, int]]:
    """Put the files of all generations together; identical polygons in two files count once.

    Returns the frame and the number of duplicates per source. A collapsed polygon gives way to a usable one of another card.
    Raises InputError when two files give one code two different polygons.
    """
    frame = pd.concat([s.frame for s in staged], ignore_index=True)
    wkb = shapely.to_wkb(frame["geometry"].to_numpy(dtype=object))
    content = [c for c in frame.columns if c not in (*PROVENANCE, "geometry", "crs")]
    repeated = frame.assign(wkb=wkb).duplicated([*content, "wkb", "crs"])
    key = ["qpv_code", "generation"]
    area = pd.Series(shapely.area(frame["geometry"].to_numpy(dtype=object)), index=frame.index)
    replaced = (area == 0) & (area.groupby([frame[k] for k in key]).transform("max") > 0)
    dropped = repeated | replaced
    kept = frame[~dropped].reset_index(drop=True)
    refuse_conflicts(kept, "neighbourhoods")
    return kept, frame.loc[dropped, "source_id"].value_counts().to_dict()
