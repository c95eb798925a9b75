"""QPV polygons of one generation: any vector file, column names of both generations in any case, to one staged table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from qpvhealth.errors import InputError, UsageError
from qpvhealth.facts.generations import CODE_PATTERNS
from qpvhealth.ingest import cleaning, corrections, layouts, systems, tables
from qpvhealth.ingest.layouts import Field, Layout
from qpvhealth.ingest.staged import PROVENANCE, Sieve, Staged

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qpvhealth.ingest.cards import Card
    from qpvhealth.ingest.corrections import Correction
    from qpvhealth.ingest.raw import RawTable

NO_COMMUNE = frozenset({"NA", "N/A", "ND"})
_POLYGONAL = [
    int(t)
    for t in (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON, shapely.GeometryType.GEOMETRYCOLLECTION)
]
QPV_CODE_ALIASES = (
    *("code_qp", "Code_du_quartier", "Code du quartier prioritaire", "code", "codeQPV", "qp", "code_qpv", "CODGEO"),
    *("code_quartier", "codequartier", "num_qpv"),
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
    when the codes are those of another generation, or the card asks for codes that are not there.
    """
    raw = tables.read_vector(card)
    if raw.geometry is None:
        raise InputError(f"{raw.place()}: no geometry; a neighbourhoods file holds polygons")
    sieve = Sieve(raw, card.id)
    text, n = corrections.apply(_text(raw, card), known, card.id, "qpv_code")
    sieve.warn("correction-applied", n, "values corrected by corrections.toml")
    frame = _typed(text, raw, card, sieve)
    _sift(frame, raw, card, sieve)
    staged = sieve.staged(frame, sieve.repeats(_comparable(frame), "qpv_code"))
    refuse_conflicts(staged.frame, raw.file)
    return staged


def pattern(card: Card) -> str:
    """Return the pattern of the codes of a card's generation; any code where the set is not official and none is given."""
    return (
        str(card.get("code_pattern") or CODE_PATTERNS.get(card["generation"], r".+"))
        .removeprefix("^")
        .removesuffix("$")
    )


def refuse_other_generation(codes: pd.Series, where: str, card: Card) -> None:
    """Raise UsageError when most of the codes are those of another official generation than the card says."""
    own = CODE_PATTERNS.get(card["generation"])
    shares = {g: cleaning.matches(codes, p).mean() for g, p in CODE_PATTERNS.items() if own not in (None, p)}
    if other := [g for g, share in shares.items() if share > 1 / 2]:
        raise UsageError(
            f'{where}: the codes are those of {" or ".join(other)}; write generation = "{other[0]}" in card {card.id}'
        )


def qpv_codes(text: pd.Series) -> pd.Series:
    """Return QPV codes as written, without outer spaces, in capitals."""
    return text.str.strip().str.upper()


_CODE = ["qpv_code", "generation"]


def refuse_conflicts(frame: pd.DataFrame, where: str) -> None:
    """Raise InputError when a code stands for two polygons that are not identical."""
    several = frame[frame.duplicated(_CODE, keep=False)]
    if several.empty:
        return
    told = [
        f"{where}: {code} has two different polygons or names, rows {', '.join(map(str, rows['source_row']))}"
        for (code, _), rows in list(several.groupby(_CODE))[:20]
    ]
    raise InputError("\n".join([*told, "keep one file, or name in `codes` of a card which QPV it should give"]))


def _text(raw: RawTable, card: Card) -> pd.DataFrame:
    layouts.choose(raw, card, (LAYOUT,))
    return layouts.renamed(raw, card, LAYOUT)


def _typed(text: pd.DataFrame, raw: RawTable, card: Card, sieve: Sieve) -> pd.DataFrame:
    codes = qpv_codes(text["qpv_code"])
    frame = pd.DataFrame(
        {"qpv_code": codes, "generation": pd.Series(card["generation"], index=codes.index, dtype="str")}
    )
    frame["name"] = text["name"]
    frame["commune_codes"] = _communes(text["commune_codes"], sieve)
    frame["commune_names"] = text["commune_names"]
    frame["epci_codes"] = cleaning.translated(text["epci_codes"], _epcis)
    frame["crs"] = pd.Series(systems.of_layer(raw, card, sieve), index=codes.index, dtype="str")
    frame["geometry"] = raw.geometry
    return frame


def _sift(frame: pd.DataFrame, raw: RawTable, card: Card, sieve: Sieve) -> None:
    codes = frame["qpv_code"]
    refuse_other_generation(codes, str(raw.place()), card)
    if (asked := card.get("codes")) is not None:
        _refuse_absent(codes, asked, raw, card)
        sieve.leave_out(~codes.isin(asked), "not among the codes of the card")
    reject_codes(codes, card, sieve)
    kind = shapely.get_type_id(frame["geometry"].to_numpy(dtype=object))
    sieve.reject(
        (kind < 0) | shapely.is_empty(frame["geometry"].to_numpy(dtype=object)), "geometry-missing", "no polygon"
    )
    sieve.reject(~np.isin(kind, _POLYGONAL), "geometry-missing", "a point or a line, not a polygon")


def reject_codes(codes: pd.Series, card: Card, sieve: Sieve) -> None:
    """Reject the rows without QPV code, or whose code is not one of the generation of the card."""
    sieve.reject(codes.isna(), "qpv-code-missing", "no QPV code")
    expected = pattern(card)
    unlike = f'QPV code "{{}}" ({expected} expected)'
    sieve.reject(~cleaning.matches(codes, expected), "qpv-code-invalid", unlike, codes)


def _refuse_absent(codes: pd.Series, asked: list[str], raw: RawTable, card: Card) -> None:
    if absent := sorted(set(asked) - set(codes.dropna())):
        raise UsageError(f"{raw.place()}: no QPV {', '.join(absent[:10])}; correct codes in card {card.id}")


def _epcis(cell: str) -> str | None:
    return _joined(code for code in cleaning.listed(cell) if code.isascii() and code.isdigit())


def _communes(text: pd.Series, sieve: Sieve) -> pd.Series:
    """Return the commune codes of each cell, comma-separated; what cannot be a code is left out and reported."""
    listed = {
        cell: [c for c in cleaning.listed(cell) if c.upper() not in NO_COMMUNE] for cell in text.dropna().unique()
    }
    written = pd.Series([*dict.fromkeys(code for codes in listed.values() for code in codes)], dtype="str")
    typed, bad, repaired = cleaning.communes(written)
    for rule, at, words in (
        ("commune-zeros-restored", repaired, "four digits read as five"),
        ("commune-invalid", bad, "commune code left out"),
    ):
        there = set(written[at])
        concerned = {cell for cell, codes in listed.items() if there.intersection(codes)}
        sieve.warn_at(rule, text.isin(concerned), text, words)
    known = dict(zip(written[~bad], typed[~bad], strict=True))
    return cleaning.translated(text, lambda cell: _joined(known[c] for c in listed[cell] if c in known))


def _joined(codes: Iterable[str]) -> str | None:
    """Join codes, once each, in their order; null where there is none."""
    return ",".join(dict.fromkeys(codes)) or None


def _comparable(frame: pd.DataFrame) -> pd.DataFrame:
    """Return polygons in a form that can be compared, where a code is written twice."""
    twice = frame["qpv_code"].duplicated(keep=False).to_numpy()
    wkb = np.full(len(frame), None, dtype=object)
    wkb[twice] = shapely.to_wkb(frame["geometry"].to_numpy(dtype=object)[twice])
    return frame.assign(geometry=wkb)


def combine(staged: list[Staged]) -> tuple[pd.DataFrame, dict[str, int], dict[str, int]]:
    """Put the files of all generations together; identical polygons in two files count once.

    Returns the frame, the number of duplicates per source, and of polygons without area that gave way to a usable one of
    another card. Raises InputError when two files give one code two different polygons.
    """
    frame = pd.concat([s.frame for s in staged], ignore_index=True)
    twice = frame[frame.duplicated(_CODE, keep=False)]
    area = pd.Series(shapely.area(twice["geometry"].to_numpy(dtype=object)), index=twice.index)
    largest = area.groupby([twice[c] for c in _CODE]).transform("max")
    again = _comparable(twice).drop(columns=PROVENANCE).duplicated()
    gives_way = ~again & (area == 0) & (largest > 0)
    repeated, replaced = (rows.reindex(frame.index, fill_value=False) for rows in (again, gives_way))
    kept = frame[~repeated & ~replaced].reset_index(drop=True)
    refuse_conflicts(kept, "neighbourhoods")
    return kept, _by_source(frame[repeated]), _by_source(frame[replaced])


def _by_source(rows: pd.DataFrame) -> dict[str, int]:
    return {str(source): int(n) for source, n in rows["source_id"].value_counts().items()}
