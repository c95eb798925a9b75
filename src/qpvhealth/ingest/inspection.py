"""What a file is, before any card names it: its layout, how its columns map, and what would be rejected. Writes nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from qpvhealth.errors import QpvhealthError, UsageError
from qpvhealth.ingest import (
    boundaries,
    companions,
    declarations,
    extracts,
    finess_legacy,
    geocoded,
    guard,
    layouts,
    neighbourhoods,
    populations,
    programmes,
    structures,
    tables,
    workbook,
    zonings,
)
from qpvhealth.ingest.cards import Card

if TYPE_CHECKING:
    from pathlib import Path

    from qpvhealth.ingest.layouts import Layout
    from qpvhealth.ingest.raw import RawTable
    from qpvhealth.ingest.staged import Staged

SAMPLE_ROWS = 3
MAX_VALUES = 12
SHORT_WORD = 3
INSEE_CODE = r"\d{1,5}|2[AB](\d{3})?"
_KINDS: tuple[tuple[str, tuple[Layout, ...]], ...] = (
    ("structures", extracts.LAYOUTS),
    ("neighbourhoods", (neighbourhoods.LAYOUT,)),
    ("populations", (populations.LAYOUT,)),
    ("declarations", (declarations.LAYOUT,)),
    ("geocoded", (geocoded.LAYOUT,)),
    ("boundaries", (boundaries.OUTLINES, boundaries.COMMUNES)),
    ("programme", programmes.LAYOUTS),
)


@dataclass(frozen=True)
class Inspection:
    """What was found: one entry per sheet, and the kinds of card that fit. ``sidecars``: the hashes of its companions by suffix."""

    path: str
    sha256: str
    sidecars: dict[str, str]
    sheets: list[dict[str, Any]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        sidecars = {"sidecars": self.sidecars} if self.sidecars else {}
        return {"path": self.path, "sha256": self.sha256} | sidecars | {"sheets": self.sheets}


def inspect(path: Path, *, encoding: str | None = None) -> Inspection:
    """Look at a file as every kind of card would read it. Raises InputError for a file that is missing, unsafe or unreadable."""
    checked = guard.checked_path(path)
    options = {"encoding": encoding} if encoding else {}
    card = Card("inspected", "structures", checked, path.name, options)
    sidecars = {suffix: guard.sha256_of(p) for suffix, p in companions.of(checked).items()}
    found = Inspection(path.name, guard.sha256_of(checked), sidecars)
    if finess_legacy.recognises(checked):
        found.sheets.append(_legacy(card))
        return found
    names = workbook.sheet_names(checked) if checked.suffix.lower() in tables.WORKBOOK else [None]
    for name in names:
        found.sheets.append(_sheet(card, name))
    return found


def _legacy(card: Card) -> dict[str, Any]:
    raw, sections = finess_legacy.read(card)
    told = {"layout": finess_legacy.LAYOUT, "rows": raw.n_records, "notes": list(raw.notes), "broken": len(raw.broken)}
    sections_told = {name: tally.as_dict() for name, tally in sections.items()}
    return told | {"fits": [_fit_structures(card, finess_legacy.LAYOUT)], "sections": sections_told}


def _sheet(card: Card, name: str | None) -> dict[str, Any]:
    try:
        raw = tables.read(card, sheet=name)
    except QpvhealthError as error:
        if name is None:
            raise
        return {"sheet": name, "unreadable": str(error)}
    told: dict[str, Any] = {
        "sheet": raw.sheet,
        "rows": raw.n_records,
        "first_row": int(raw.rows[0]) if len(raw.rows) else None,
        "columns": list(raw.frame.columns),
        "examples": raw.frame.head(SAMPLE_ROWS).fillna("").to_dict("records"),
        "crs": raw.crs,
        "broken": [f"row {b.row}: {b.message}" for b in raw.broken[:10]],
        "notes": list(raw.notes),
    }
    fits = [fit for kind, layout in _KINDS for fit in _fits(raw, card, kind, layout)] + _zoning(raw, card)
    return told | {"fits": fits} | ({} if fits else {"proposed_card": proposed_card(raw)})


def _fits(raw: RawTable, card: Card, kind: str, known: tuple[Layout, ...]) -> list[dict[str, Any]]:
    header = list(raw.frame.columns)
    needs_geometry = kind == "neighbourhoods"
    fitting = [la for la in known if not la.missing(header, truncated=raw.geometry is not None)]
    if (needs_geometry and raw.geometry is None) or (kind == "populations" and raw.geometry is not None):
        return []
    return [_fit(raw, card, kind, layout) for layout in fitting if _distinctive(kind, layout, raw)]


def _distinctive(kind: str, layout: Layout, raw: RawTable) -> bool:
    """Leave out what would fit nearly any table: a programme list has few columns, outlines have geometry."""
    if kind == "programme":
        return len(raw.frame.columns) <= 2 and raw.geometry is None  # noqa: PLR2004  # a code, perhaps a name
    if kind == "neighbourhoods":
        return not _are_insee(raw, layout, "qpv_code")
    if kind == "boundaries" and raw.geometry is None:
        found = layout.mapping(list(raw.frame.columns))
        return layout is boundaries.COMMUNES and any(found[c] for c in ("kind", "department_code", "epci_code"))
    if kind == "boundaries":
        return layout is boundaries.OUTLINES and _are_insee(raw, layout, "area_code")
    return True


def _are_insee(raw: RawTable, layout: Layout, column: str) -> bool:
    """Say whether the one header that matches a column of ours holds INSEE area codes only."""
    headers = layout.mapping(list(raw.frame.columns), truncated=True)[column]
    return len(headers) == 1 and bool(raw.frame[headers[0]].dropna().str.fullmatch(INSEE_CODE).all())


def _fit(raw: RawTable, card: Card, kind: str, layout: Layout) -> dict[str, Any]:
    mapping = {
        c: hs for c, hs in layout.mapping(list(raw.frame.columns), truncated=raw.geometry is not None).items() if hs
    }
    told: dict[str, Any] = {
        "kind": kind,
        "layout": layout.name,
        "mapping": {c: hs[0] for c, hs in mapping.items() if len(hs) == 1},
    }
    doubtful = {c: hs for c, hs in mapping.items() if len(hs) > 1}
    told |= {"two_headers": doubtful} if doubtful else {}
    taken = {h for hs in mapping.values() for h in hs}
    told["unmapped"] = [h for h in raw.frame.columns if h not in taken]
    if kind == "structures" and not doubtful:
        told |= _fit_structures(card, layout.name)
    if kind == "neighbourhoods" and not doubtful:
        told |= _fit_neighbourhoods(card)
    return told


def _fit_structures(card: Card, layout: str) -> dict[str, Any]:
    """Stage the file as an extract of today, to tell what would be counted, left out and rejected."""
    options = card.options | {"layout": layout, "year": 0, "reference_date": date.max}
    trial = Card(card.id, "structures", card.path, card.given_path, options)
    try:
        staged = structures.read(trial).staged
    except QpvhealthError as error:
        return {"kind": "structures", "layout": layout, "refused": str(error)}
    return {"kind": "structures", "layout": layout} | _account(staged)


def _fit_neighbourhoods(card: Card) -> dict[str, Any]:
    trials = {
        g: Card(card.id, "neighbourhoods", card.path, card.given_path, {"generation": g})
        for g in ("qpv-2015", "qpv-2024")
    }
    for generation, trial in trials.items():
        try:
            return {"generation": generation} | _account(neighbourhoods.read(trial))
        except UsageError:
            continue
        except QpvhealthError as error:
            return {"refused": str(error)}
    return {"generation": "a name of your own, with code_pattern"}


def _account(staged: Staged) -> dict[str, Any]:
    first = staged.rejects.head(10)
    rejected = list("row " + first["row"].astype("str") + ": " + first["rule"] + ": " + first["message"])
    warnings = [f"{f.rule}: {f.n}: {f.message}" for f in staged.findings if f.rule != "reading-choice"]
    return {"account": staged.tally.as_dict(), "rejected": rejected, "warnings": warnings}


def _zoning(raw: RawTable, card: Card) -> list[dict[str, Any]]:
    mapping = {c: hs[0] for c, hs in zonings.LAYOUT.mapping(list(raw.frame.columns)).items() if len(hs) == 1}
    codes = [c for c in ("qpv_code", "tvs_code", "commune_code") if c in mapping]
    if not codes or "zone_class" not in mapping or raw.geometry is not None:
        return []
    return [
        {
            "kind": "zoning",
            "layout": zonings.LAYOUT.name,
            "mapping": mapping,
            "unmapped": _left(raw, mapping),
            "card": card.given_path,
        }
    ]


def _left(raw: RawTable, mapping: dict[str, str]) -> list[str]:
    return [h for h in raw.frame.columns if h not in mapping.values()]


_HINTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("finess_et", ("finess_et", "finess_geo", "num_finess", "n_finess", "finess")),
    ("own_id", ("identifiant", "id_obs", "id_structure")),
    ("structure_type", ("type", "nature", "kind")),
    ("modality", ("exercice", "modalite", "mono", "pluri")),
    ("source_qpv_code", ("code_du_qpv", "code_qpv", "code_qp")),
    ("source_says_in_qpv", ("en_qpv", "qpv")),
    ("vecu_declared", ("vecu",)),
    ("commune_code", ("insee", "code_commune", "depcom", "codgeo")),
    ("postcode", ("code_postal", "postal", "cp")),
    ("city", ("commune", "ville")),
    ("address", ("adresse",)),
    ("opened_on", ("ouverture", "ouvert")),
    ("closed_on", ("fermeture", "ferme")),
    ("longitude", ("longitude", "lon")),
    ("latitude", ("latitude", "lat")),
    ("x", ("coord_x", "x")),
    ("y", ("coord_y", "y")),
    ("siret", ("siret",)),
    ("name", ("nom", "raison_sociale", "denomination", "libelle")),
)
"""Words by which a header of an extract without known layout is recognised, most telling first; only ever a proposal."""


def proposed_card(raw: RawTable) -> str:
    """Write the card of a mapped extract for a table that no layout fits, to be read and mended before use."""
    free, mapping = list(raw.frame.columns), {}
    for ours, words in _HINTS:
        found = next((h for word in words for h in free if _says(layouts.key(h), word)), None)
        if found is not None:
            mapping[ours] = found
            free.remove(found)
    head = [
        "[[source]]",
        'id = "structures-…"',
        'kind = "structures"',
        f'path = "{raw.file}"',
        'layout = "dgos-mapped"',
    ]
    head += [f'sheet = "{raw.sheet}"'] if raw.sheet else []
    head += [f"header_row = {int(raw.rows[0]) - 1}"] if raw.sheet and len(raw.rows) else []
    head += ["year = …", "reference_date = …", "[source.columns]"]
    lines = [*head, *(f"{ours} = {json.dumps(theirs, ensure_ascii=False)}" for ours, theirs in mapping.items())]
    return "\n".join([*lines, *_proposed_values(raw, mapping), *(f"# not used: {h}" for h in free)])


def _says(header: str, word: str) -> bool:
    return header == word or (len(word) > SHORT_WORD and word in header) or word in header.split("_")


def _proposed_values(raw: RawTable, mapping: dict[str, str]) -> list[str]:
    lines = []
    for ours in ("structure_type", "modality"):
        values = sorted(raw.frame[mapping[ours]].dropna().unique())[:MAX_VALUES] if ours in mapping else []
        if values:
            lines.append(f"[source.values.{ours}]")
            lines += [f'{json.dumps(v, ensure_ascii=False)} = "{_guess(ours, v)}"' for v in values]
    return lines


def _guess(ours: str, value: str) -> str:
    """Guess what a coded value stands for from its first letters; an ellipsis where nothing tells."""
    word = layouts.key(value)
    starts = {
        "structure_type": (("ms", "MSP"), ("maison", "MSP"), ("cds", "CDS"), ("cs", "CDS"), ("centre", "CDS")),
        "modality": (("mono", "mono"), ("pluri", "pluri"), ("poly", "pluri")),
    }
    return next((ours_value for start, ours_value in starts[ours] if word.startswith(start)), "…")
