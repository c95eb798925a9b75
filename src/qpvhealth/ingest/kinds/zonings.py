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
from qpvhealth.facts.territories import DEPARTMENT_TERRITORY
from qpvhealth.facts.zonings import CLASSES, REJECTED_VALUES, VOCABULARIES
from qpvhealth.ingest import cleaning, corrections as correction_rules, layouts
from qpvhealth.ingest.commune_history import CODE_AS_WRITTEN
from qpvhealth.ingest.kind import Kind
from qpvhealth.ingest.readers import tables, workbook
from qpvhealth.ingest.staging import Card, Correction, Sieve, Staged, merged, stage
from qpvhealth.ingest.vocabulary import SHARED

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
PROFESSIONS = frozenset(SHARED["lists"]["professions"])
"""Beginnings of the names of professions that have zonings of their own, as ``layouts.key`` writes them."""


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
    """Return the classes of the lists of all cards, one row per card, level and code, and the communes of each TVS.

    Classes: ``edition``, ``level``, ``code_as_written``, ``code`` (carried to the communes of now: those that merged may differ in
    class), ``zone_class``, ``raw_label``, ``source_id``; composition: ``edition``,
    ``commune_code``, ``tvs_code``, ``source_id``.
    """
    whole = pd.concat(frames, ignore_index=True)
    if CODE_AS_WRITTEN not in whole:
        whole[CODE_AS_WRITTEN] = whole["code"]
    whole[CODE_AS_WRITTEN] = whole[CODE_AS_WRITTEN].fillna(whole["code"])
    columns = ["edition", "level", CODE_AS_WRITTEN, "code", "zone_class", "raw_label", "source_id"]
    communes = whole[(whole["level"] == COMMUNE) & whole["tvs_code"].notna()]
    composition = communes[["edition", "code", "tvs_code", "source_id"]].rename(columns={"code": "commune_code"})
    classes = whole.loc[whole["raw_label"].notna(), columns]
    return classes.drop_duplicates([*columns[:3], "source_id"], ignore_index=True), composition.drop_duplicates(
        ignore_index=True
    )


def editions(cards: list[Card], classes: pd.DataFrame) -> pd.DataFrame:
    """Return one row per edition and part of the country in which the same cards give it, the earliest first.

    Columns: ``edition``, ``in_force_from``, ``generation``, ``departments`` (a frozenset: what the part is), ``source_ids`` (a tuple:
    its cards). A card covers what its ``covers`` names, everything without it; one whose lists name no QPV need not say the generation
    that another of its part says. ``classes``: as ``combine`` returns them. Raises UsageError where the cards of a part differ in date
    or generation, InputError where they give one code two classes.
    """
    covered = {card.id: card.departments() or frozenset(DEPARTMENT_TERRITORY) for card in cards}
    parts: dict[tuple[str, ...], set[str]] = {}
    for edition in dict.fromkeys(card["edition"] for card in cards):
        own = [card.id for card in cards if card["edition"] == edition]
        for department in DEPARTMENT_TERRITORY:
            if ids := tuple(i for i in own if department in covered[i]):
                parts.setdefault(ids, set()).add(department)
    rows = []
    for ids, departments in parts.items():
        own_cards = [card for card in cards if card.id in ids]
        edition = own_cards[0]["edition"]
        row = {"edition": edition, "departments": frozenset(departments), "source_ids": ids}
        for key in ("in_force_from", "generation"):
            stated = {card.get(key) for card in own_cards} - {None}
            if len(stated) > 1:
                raise UsageError(
                    f"zoning edition {edition}: its cards ({', '.join(ids)}) differ in {key} where both apply; one arrêté has one"
                )
            row[key] = next(iter(stated), None)
        refuse_conflicts(classes[classes["source_id"].isin(ids)], "zoning")
        rows.append(row)
    order = ["in_force_from", "edition"]
    return pd.DataFrame(rows).sort_values(order, ignore_index=True, kind="stable")


def refuse_conflicts(classes: pd.DataFrame, where: str) -> None:
    """Raise InputError when a code of one edition, as the list writes it, has two classes."""
    key = ["edition", "level", CODE_AS_WRITTEN if CODE_AS_WRITTEN in classes else "code"]
    distinct = classes[classes.duplicated(key, keep=False)].drop_duplicates([*key, "zone_class"])
    twice = distinct[distinct.duplicated(key, keep=False)]
    if not twice.empty:
        lines = [
            f"{level} {code}: {' and '.join(g['raw_label'])}" for (_, level, code), g in list(twice.groupby(key))[:10]
        ]
        raise InputError(f"{where}: two classes for one place: {'; '.join(lines)}; correct one in corrections.toml")


def _sheets(card: Card) -> tuple[list[RawTable], list[Finding]]:
    """Read the sheet of the card, else every sheet of a workbook that looks like a zoning; the others are named.

    A sheet whose name or columns are of another profession is not of this zoning.
    """
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
        title = " ".join(map(layouts.key, (name, mapped.get("zone_class", ""))))
        if other := next((word for word in PROFESSIONS if word in title), None):
            message = f'{raw.place()}: left out, it seems of another profession ("{other}…"); sheet = "{name}" in the card reads it'
            findings.append(Finding("sheet-unread", 1, message))
            continue
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
    tvs = cleaning.whole(sieve.text["tvs_code"]).str.rstrip(TVS_PADDING)  # padded and bare lists join
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
        + ('; if the sheet is of another profession, name the right one: sheet = "…"' if sieve.raw.sheet else "")
    )
