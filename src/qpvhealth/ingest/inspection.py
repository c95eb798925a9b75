"""What a file is, before any card names it: its layout, how its columns map, and what would be rejected. Writes nothing."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from qpvhealth.errors import QpvhealthError, UsageError
from qpvhealth.facts.generations import CODE_PATTERNS, expected_count
from qpvhealth.facts.territories import DEPARTMENT_TERRITORY, department_of_qpv
from qpvhealth.ingest import cleaning, layouts, systems
from qpvhealth.ingest.card import Card
from qpvhealth.ingest.kinds import neighbourhoods, structures
from qpvhealth.ingest.kinds.registry import KINDS
from qpvhealth.ingest.readers import companions, finess_legacy, guard, layers, tables, workbook
from qpvhealth.ingest.vocabulary import SHARED

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

    from qpvhealth.ingest.kind import Kind
    from qpvhealth.ingest.layouts import Layout
    from qpvhealth.ingest.readers.raw import RawTable
    from qpvhealth.ingest.staging import Staged

SAMPLE_ROWS = 3
MAX_VALUES = 12
SHORT_WORD = 4


@dataclass(frozen=True)
class Inspection:
    """What was found: one entry per sheet, and the kinds of card that fit. ``sidecars``: the hashes of its companions by suffix."""

    path: str
    sha256: str
    sidecars: dict[str, str]
    sheets: list[dict[str, Any]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {k: v for k, v in asdict(self).items() if v or k != "sidecars"}


def inspect(path: Path, *, encoding: str | None = None) -> Inspection:
    """Look at a file as every kind of card would read it. Raises InputError for a file that is missing, unsafe or unreadable."""
    checked = guard.checked_path(path)
    card = Card("inspected", "structures", checked, path.name, {"encoding": encoding} if encoding else {})
    if finess_legacy.recognises(checked):
        raw, layout = finess_legacy.read(card), structures.FINESS_LEGACY
        sheet = {"layout": layout, "rows": raw.n_records, "notes": list(raw.notes), "broken": _broken(raw)}
        sections = {name: tally.as_dict() for name, tally in raw.sections.items()}
        sheets = [sheet | {"fits": [_as_structures(card, layout)], "sections": sections}]
    else:
        is_workbook = checked.suffix.lower() in tables.WORKBOOK
        names: list[str | None] = [*workbook.sheet_names(checked)] if is_workbook else [None]
        of_layers = [replace(card, options=card.options | {"layer": name}) for name in layers.several(checked)]
        sheets = [_sheet(c, name) for c in of_layers or [card] for name in names]
    sidecars = {suffix: guard.sha256_of(p) for suffix, p in companions.of(checked).items()}
    return Inspection(path.name, guard.sha256_of(checked), sidecars, sheets)


def _sheet(card: Card, name: str | None) -> dict[str, Any]:
    try:
        raw = tables.read(card, sheet=name)
    except QpvhealthError as error:
        if name is None:
            raise
        return {"sheet": name, "unreadable": str(error)}
    header, truncated = list(raw.frame.columns), raw.geometry is not None
    complete = [(k, la) for k in KINDS.values() for la in k.layouts if not la.missing(header, truncated=truncated)]
    # but for those that would fit nearly any table
    telling = [(k, la) for k, la in complete if k.recognises is not None and k.recognises(raw, la)]
    fits = [_fit(raw, card, kind, layout) for kind, layout in telling]
    sheet: dict[str, Any] = {
        "sheet": raw.sheet,
        **({"layer": layer} if (layer := card.get("layer")) else {}),
        "rows": raw.n_records,
        "first_row": int(raw.rows[0]) if len(raw.rows) else None,
        "columns": header,
        "examples": raw.frame.head(SAMPLE_ROWS).fillna("").to_dict("records"),
        "crs": raw.crs,
        "broken": _broken(raw),
        "notes": [*raw.notes, *(f"{f.n} {f.message}" for f in raw.findings)],
        "fits": fits,
    }
    proposed = None if fits else proposed_card(raw, card.path, card.get("layer"))
    return sheet if proposed is None else sheet | {"proposed_card": proposed}


def _broken(raw: RawTable) -> list[str]:
    return [f"row {b.row}: {b.message}" for b in raw.broken[:10]]


def _fit(raw: RawTable, card: Card, kind: Kind, layout: Layout) -> dict[str, Any]:
    header = list(raw.frame.columns)
    mapping = {c: hs for c, hs in layout.mapping(header, truncated=raw.geometry is not None).items() if hs}
    doubtful = {c: hs for c, hs in mapping.items() if len(hs) > 1}
    taken = {h for hs in mapping.values() for h in hs}
    fit: dict[str, Any] = {
        "kind": kind.name,
        "layout": layout.name,
        "mapping": {c: hs[0] for c, hs in mapping.items() if len(hs) == 1},
        **({"two_headers": doubtful} if doubtful else {}),
        "unmapped": [h for h in header if h not in taken],
    }
    if kind is structures.KIND and not doubtful:
        return fit | _as_structures(card, layout.name)
    if kind is neighbourhoods.KIND and not doubtful:
        return fit | _as_neighbourhoods(card)
    return fit


def _as_structures(card: Card, layout: str) -> dict[str, Any]:
    """Stage the file as an extract of today, to tell what would be counted, left out and rejected."""
    options = card.options | {"layout": layout, "year": 0, "reference_date": date.max}
    trial = Card(card.id, "structures", card.path, card.given_path, options)
    try:
        account = _account(structures.read(trial))
    except QpvhealthError as error:
        account = {"refused": str(error)}
    return {"kind": "structures", "layout": layout} | account


def _as_neighbourhoods(card: Card) -> dict[str, Any]:
    """Stage the file as the perimeters of the official generation that its codes are of: the first, or the one with its number of QPV."""
    for generation in CODE_PATTERNS:
        options = card.options | {"generation": generation}
        trial = Card(card.id, "neighbourhoods", card.path, card.given_path, options)
        try:
            staged = neighbourhoods.read(trial)
        except UsageError:
            continue
        except QpvhealthError as error:
            return {"refused": str(error)}
        territories = staged.frame["qpv_code"].map(department_of_qpv).map(DEPARTMENT_TERRITORY).value_counts()
        same = [g for g, pattern in CODE_PATTERNS.items() if pattern == CODE_PATTERNS[generation]]
        whole = [g for g in same if all(expected_count(g, str(t)) == n for t, n in territories.items())]
        return {"generation": (whole or same)[0]} | _account(staged)
    return {"generation": "a name of your own, with code_pattern"}


def _account(staged: Staged) -> dict[str, Any]:
    first = staged.rejects.head(10)
    rejected = list("row " + first["row"].astype("str") + ": " + first["rule"] + ": " + first["message"])
    warnings = [f"{f.rule}: {f.n}: {f.message}" for f in staged.findings if f.rule != "reading-choice"]
    return {"account": staged.tally.as_dict(), "rejected": rejected, "warnings": warnings}


def proposed_card(raw: RawTable, path: Path, layer: str | None = None) -> str | None:
    """Write the card of a mapped extract for a table that no layout fits, to be read and mended before use.

    The type is the column whose cells say MSP or centre most often; another column is one whose header says what it is, and whose cells
    can be that. Null where no column looks like the number or the type of a structure. What cannot be guessed is ``…``, which no card
    may keep.
    """
    free, mapping = list(raw.frame.columns), {}
    hints = structures.KIND.declaration.hints
    shares = {str(header): _share_typed(cells) for header, cells in raw.frame.items()}
    if any(shares.values()):
        mapping["structure_type"] = max(shares, key=shares.__getitem__)
        free.remove(mapping["structure_type"])
    for ours, words in hints["headers"].items():
        named = (h for w in words for exact in (True, False) for h in free if _mentions(layouts.key(h), w, exact=exact))
        theirs = next((h for h in named if _can_be(ours, raw.frame[h])), None)
        if theirs is not None and ours not in mapping:
            mapping[ours] = theirs
            free.remove(theirs)
    if mapping.keys().isdisjoint({"finess_et", "structure_type"}):
        return None
    lines = ["[[source]]", 'id = "structures-…"', 'kind = "structures"', f"path = {_quoted(str(path))}"]
    lines += ['layout = "dgos-mapped"', *([f"sheet = {_quoted(raw.sheet)}"] if raw.sheet else [])]
    lines += [f"layer = {_quoted(layer)}"] if layer else []
    lines += [f"header_row = {raw.header_row}"] if raw.header_row else []
    lines += [f'crs = "{_system_of_header(mapping["x"]) or "…"}"'] if "x" in mapping and "crs" not in mapping else []
    lines += ["year = …", "reference_date = …", "[source.columns]"]
    lines += [f"{ours} = {_quoted(theirs)}" for ours, theirs in mapping.items()]
    if "structure_type" not in mapping:
        lines.append(
            'structure_type = "…"  # missing: which column says maison or centre de santé? Nothing is counted without'
        )
    for ours in ("structure_type", "modality"):
        cells = sorted(raw.frame[mapping[ours]].dropna().unique())[:MAX_VALUES] if ours in mapping else []
        lines += [f"[source.values.{ours}]"] if cells else []
        lines += [f'{_quoted(cell)} = "{_meaning(ours, cell) or "…"}"' for cell in cells]
    return "\n".join([*lines, *(f"# not used: {h}" for h in free)])


def _meaning(column: str, cell: str) -> str | None:
    """Return what a coded cell means by the hints of its column; null where they do not say."""
    patterns = ((m, p) for m, listed in structures.KIND.declaration.hints[column].items() for p in listed)
    return next((meaning for meaning, pattern in patterns if re.fullmatch(pattern, layouts.key(cell))), None)


def _share_typed(cells: pd.Series) -> float:
    """Return the share of the cells that say the type of a structure; 0 for a column of many words, such as names."""
    counts = cells.value_counts()
    if counts.empty or len(counts) > structures.MAX_STATES:
        return 0.0
    typed = counts[[_meaning("structure_type", str(cell)) is not None for cell in counts.index]]
    return float(typed.sum() / len(cells))


def _can_be(column: str, cells: pd.Series) -> bool:
    """Say whether at least half of the cells that hold something can be read as a column of ours; any can be a text."""
    cells = cells.dropna()
    readers: dict[str, Callable[[pd.Series], pd.Series]] = {
        **dict.fromkeys(("finess_et", "legal_entity"), lambda c: cleaning.finess(c).bad),
        **dict.fromkeys(("opened_on", "closed_on"), lambda c: cleaning.dates(c).bad),
        **dict.fromkeys(("x", "y", "longitude", "latitude"), lambda c: cleaning.numbers(c)[0].bad),
        **dict.fromkeys(("source_says_in_qpv", "vecu_declared"), lambda c: ~c.map(cleaning.word).isin(_ANSWERS)),
        "source_qpv_code": lambda c: ~cleaning.matches(c, "|".join(CODE_PATTERNS.values())),
        "commune_code": lambda c: cleaning.communes(c).bad,
        "crs": lambda c: cleaning.translated(c, systems.by_name).isna(),
    }
    return column not in readers or 2 * int(readers[column](cells).sum()) <= len(cells)


_ANSWERS = frozenset(cleaning.YES_NO) | frozenset(SHARED["lists"]["unknown"])


def _system_of_header(header: str) -> str | None:
    """Return the system that the header of an easting names after its first word, or between brackets; null for none."""
    _, _, after = re.sub(r"[()\[\]]", " ", header).replace("_", " ").strip().partition(" ")
    return systems.by_name(header) or systems.by_name(after)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _mentions(header: str, word: str, *, exact: bool) -> bool:
    """Say whether a header is a word or, unless ``exact``, speaks of it; a short word is one of its own there."""
    return header == word if exact else (len(word) > SHORT_WORD and word in header) or word in header.split("_")
