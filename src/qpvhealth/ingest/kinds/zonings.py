"""GP zonings: a commune list, a TVS list with its composition, a QPV list, or the national workbook of three sheets.

Sources of the shapes and words: domain texts of 2017, 2021 and 2025, the national workbook Zonage_medecin_20191231.xlsx and
the public lists named in ``facts.zonings``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.contract.rules import Finding
from qpvhealth.errors import InputError, UsageError
from qpvhealth.facts.zonings import CLASSES, REJECTED_VALUES, VOCABULARIES
from qpvhealth.ingest import cleaning, corrections as correction_rules, layouts
from qpvhealth.ingest.kind import Kind
from qpvhealth.ingest.readers import tables, workbook
from qpvhealth.ingest.staging import Card, Correction, Sieve, Staged, merged, stage

if TYPE_CHECKING:
    from qpvhealth.ingest.readers.raw import RawTable

QPV, TVS, COMMUNE = "qpv", "tvs", "commune"


KIND = Kind(
    "zoning",
    "zonings",
    lambda raw, layout: raw.geometry is None and {"zone_class"} < layouts.mapped_columns(raw, layout),
)
_CODE = {QPV: "qpv_code", COMMUNE: "commune_code", TVS: "tvs_code"}
"""The column of each level, the finest level first."""
TVS_PADDING = "_"


def read(card: Card, corrections: tuple[Correction, ...] = ()) -> Staged:
    """Read one zoning, every level that its file gives, one row per (level, code).

    ``zone_class`` is null where the source says that there is none, ``raw_label`` the word of the source, ``tvs_code`` the TVS
    of a commune. Raises UsageError for a word that no vocabulary knows, InputError when a code has two classes.
    """
    raws, findings = _sheets(card)
    headers = {h for raw in raws for h in raw.frame.columns}
    if len(raws) > 1 and (lost := [theirs for theirs in card.columns.values() if theirs not in headers]):
        raise UsageError(f"{card.path.name}: card {card.id}: no sheet has the header {', '.join(lost)}")
    parts: list[Staged] = []
    applied: list[Correction] = []
    for raw in raws:
        own = _card_of_sheet(raw, card) if len(raws) > 1 else card
        layout = replace(KIND.layouts[0], key=_CODE[_level(raw, own)])
        codes = raw.frame[layouts.columns(raw, own, layout)[layout.key]].astype("str")
        of_sheet = correction_rules.naming(corrections, card.id, codes, raw.sheet)
        parts.append(stage(own, of_sheet, KIND, _clean, layouts=(layout,), compare_by="code", raw=raw))
        applied += of_sheet
    if stale := [c.place for c in corrections if c.source == card.id and c not in applied]:
        raise UsageError(f"corrections.toml: {card.id} {', '.join(stale)}: no row has this code in any sheet")
    staged = merged(parts, findings)
    refuse_conflicts(staged.frame[staged.frame["raw_label"].notna()], card.path.name)
    return staged


def combine(frames: list[pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the classes of the lists of all cards, one row per edition, level and code, and the communes of each TVS.

    Classes: ``edition``, ``level``, ``code``, ``zone_class``, ``raw_label``, ``source_id``; composition: ``edition``,
    ``commune_code``, ``tvs_code``. Raises InputError when a code of one edition has two classes.
    """
    whole = pd.concat(frames, ignore_index=True)
    columns = ["edition", "level", "code", "zone_class", "raw_label", "source_id"]
    classes = whole.loc[whole["raw_label"].notna(), columns]
    refuse_conflicts(classes, "zoning")
    communes = whole[(whole["level"] == COMMUNE) & whole["tvs_code"].notna()]
    composition = communes[["edition", "code", "tvs_code"]].rename(columns={"code": "commune_code"})
    return classes.drop_duplicates(columns[:3], ignore_index=True), composition.drop_duplicates(ignore_index=True)


def editions(cards: list[Card]) -> pd.DataFrame:
    """Return ``edition``, ``in_force_from`` and ``generation``, one row per edition, the earliest first.

    A card whose lists name no QPV need not say the generation that another card of its edition says. Raises UsageError where the
    cards of an edition differ.
    """
    stated = pd.DataFrame(
        {key: [card.get(key) for card in cards] for key in ("edition", "in_force_from", "generation")}
    )
    for edition, own in stated.groupby("edition"):
        if any(len(own[key].dropna().unique()) > 1 for key in ("in_force_from", "generation")):
            ids = ", ".join(cards[i].id for i in own.index)
            raise UsageError(
                f"zoning edition {edition}: its cards ({ids}) differ in in_force_from or generation; one edition has one"
            )
    first = stated.groupby("edition", as_index=False).first()
    return first.sort_values(["in_force_from", "edition"], ignore_index=True)


def refuse_conflicts(classes: pd.DataFrame, where: str) -> None:
    """Raise InputError when a code of one edition has two classes."""
    key = ["edition", "level", "code"]
    distinct = classes[classes.duplicated(key, keep=False)].drop_duplicates([*key, "zone_class"])
    twice = distinct[distinct.duplicated(key, keep=False)]
    if not twice.empty:
        lines = [
            f"{level} {code}: {' and '.join(g['raw_label'])}" for (_, level, code), g in list(twice.groupby(key))[:10]
        ]
        raise InputError(f"{where}: two classes for one place: {'; '.join(lines)}; correct one in corrections.toml")


def _sheets(card: Card) -> tuple[list[RawTable], list[Finding]]:
    """Read the sheet of the card, else every sheet of a workbook that looks like a zoning; the others are named."""
    if card.path.suffix.lower() not in tables.WORKBOOK or card.get("sheet"):
        return [tables.read(card)], []
    sheets, findings = [], []
    for name in workbook.sheet_names(card.path):
        try:
            raw = tables.read(card, sheet=name)
        except (InputError, UsageError) as error:
            findings.append(Finding("sheet-unread", 1, str(error)))
            continue
        mapped = layouts.columns(raw, _card_of_sheet(raw, card), KIND.layouts[0])
        if len(mapped) > 1 and not mapped.keys().isdisjoint(_CODE.values()):
            sheets.append(raw)
    if not sheets:
        unread = "".join(f"\n{f.message}" for f in findings)
        raise UsageError(
            f"{card.path.name}: no sheet with a QPV, TVS or commune code; name its columns in card {card.id}{unread}"
        )
    return sheets, findings


def _card_of_sheet(raw: RawTable, card: Card) -> Card:
    """Return the card for one sheet of several: a header that it names may be that of another sheet."""
    return replace(card, columns={ours: theirs for ours, theirs in card.columns.items() if theirs in raw.frame})


def _level(raw: RawTable, card: Card) -> str:
    """Return the level of a sheet: the card's, else that of the finest code it has. Raises UsageError without code or class."""
    mapped, stated = layouts.columns(raw, card, KIND.layouts[0]), card.get("level")
    levels = [level for level in ([stated] if stated else _CODE) if _CODE[level] in mapped]
    if not levels:
        raise UsageError(
            f"{raw.place()}: no {stated or 'QPV, TVS or commune'} code among {', '.join(raw.frame.columns)};"
            f" name it in card {card.id} under [source.columns] as qpv_code, tvs_code or commune_code"
        )
    if "zone_class" not in mapped and (levels[0] != COMMUNE or "tvs_code" not in mapped):
        raise UsageError(
            f"{raw.place()}: no class column; name it in card {card.id} under [source.columns] as zone_class"
        )
    return levels[0]


def _clean(sieve: Sieve) -> pd.DataFrame:
    card, column = sieve.card, sieve.layout.key
    level = next(level for level, code in _CODE.items() if code == column)
    tvs = sieve.text["tvs_code"].str.strip().str.rstrip(TVS_PADDING)  # padded and bare lists join
    if level == QPV:
        if card.get("generation") is None:
            raise UsageError(f"{sieve.where}: it names QPV; write the generation of their codes in the card")
        codes = sieve.qpv_codes()
    else:
        codes = sieve.communes(column) if level == COMMUNE else tvs
        sieve.reject(codes.isna(), "value-missing", f'no usable {level} code: "{{}}"', sieve.text[column])
    labels = sieve.text["zone_class"].str.strip()
    words = cleaning.translated(labels, cleaning.word)
    for error, meaning in REJECTED_VALUES.items():
        sieve.reject(words == cleaning.word(error), "zoning-error-value", f"{error}: {meaning}")
    known = _vocabulary(labels[sieve.keep], sieve) if card.words("zone_class") is None else None
    classes = sieve.coded("zone_class", known)
    frame = pd.DataFrame({"edition": card["edition"], "level": level, "code": codes, "raw_label": labels})
    return frame.assign(zone_class=classes.where(classes != ""), tvs_code=tvs)


def _vocabulary(labels: pd.Series, sieve: Sieve) -> dict[str, str]:
    """Return the words of the first vocabulary that knows every word of a file, compared whole."""
    used = {cleaning.word(w): w for w in labels.dropna().unique()}
    lacking = {v.name: set(used) - {cleaning.word(k) for k in v.classes} for v in VOCABULARIES}
    for vocabulary in VOCABULARIES:
        if not lacking[vocabulary.name]:
            return {label: zone or "" for label, zone in vocabulary.classes.items()}
    closest = min(lacking, key=lambda name: len(lacking[name]))
    unknown = ", ".join(f'"{used[w]}"' for w in sorted(lacking[closest])[:10])
    raise UsageError(
        f"{sieve.raw.place()}: no vocabulary knows all its classes; the closest, {closest}, lacks {unknown}."
        f" Write what each means in card {sieve.card.id} under [source.values.zone_class]; classes: {', '.join(CLASSES)}"
    )
