"""GP zonings: a commune list, a TVS list with its composition, a QPV list, or the national workbook of three sheets.

Sources of the shapes and words: domain texts of 2017, 2021 and 2025, the national workbook Zonage_medecin_20191231.xlsx and
the public lists named in ``facts.zonings``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from qpvhealth.contract.rules import Finding
from qpvhealth.errors import InputError, UsageError
from qpvhealth.facts.zonings import CLASSES, REJECTED_VALUES, VOCABULARIES
from qpvhealth.ingest import cleaning, corrections, layouts
from qpvhealth.ingest.kinds.neighbourhoods import qpv_codes, refuse_other_generation, reject_codes
from qpvhealth.ingest.layouts import Field, Layout
from qpvhealth.ingest.readers import tables, workbook
from qpvhealth.ingest.staging import Sieve, Staged

if TYPE_CHECKING:
    from qpvhealth.ingest.cards import Card
    from qpvhealth.ingest.corrections import Correction
    from qpvhealth.ingest.readers.raw import RawTable

QPV, TVS, COMMUNE = "qpv", "tvs", "commune"
_DATED = tuple(f"Zonage {year}" for year in range(2012, 2041))
"""Annexes of regional arrêtés carry the year of the zoning in the header of the class (Provence-Alpes-Côte d'Azur: Zonage 2025)."""
LAYOUT = Layout(
    "zoning",
    (
        Field(
            "qpv_code", ("Code du quartier prioritaire", "code_qp", "codeQPV", "code_qpv", "cod_qpv", "qp", "num_qpv")
        ),
        Field("tvs_code", ("Code_TVS", "tv", "tvs", "agr", "code_territoire_de_vie_sante", "code_tvs")),
        Field(
            "commune_code", ("INSEE_COM", "insee", "depcom", "codgeo", "code_insee", "com", "code_commune", "cod_com")
        ),
        Field(
            "zone_class",
            (
                *("Zonage", "zone", "classe", "zonage_medecin", "classification", "picked_zonage", "zonage_tvs"),
                *(
                    "Qualification attribuée au QPV par l'arrêté régional",
                    "qualification",
                    "zonage_qpv",
                    "zonage_commune",
                ),
                *_DATED,
                *("Qualification attribuée au TVS par l'arrêté régional", "Qualification de la commune"),
                *("Qualification attribuée à la commune par l'arrêté régional", "zonage_arrete", "statut"),
            ),
        ),
    ),
)
_CODE = {QPV: "qpv_code", TVS: "tvs_code", COMMUNE: "commune_code"}
TVS_PADDING = "_"


class StagedZoning(NamedTuple):
    """A zoning: its accounts, one row per (level, code) with a class, and which TVS each commune belongs to."""

    staged: list[Staged]
    classes: pd.DataFrame
    composition: pd.DataFrame


def read(card: Card, known: tuple[Correction, ...] = ()) -> StagedZoning:
    """Read one zoning, every level that its file gives.

    ``classes``: edition, level, code, zone_class (null where the source says that there is none), raw_label. Raises UsageError
    for a word that no vocabulary knows, InputError when a code has two classes.
    """
    raws, findings = _sheets(card)
    _refuse_unused(raws, card, known)
    parts = [_read_sheet(raw, _card_of(raw, card, alone=len(raws) == 1), known) for raw in raws]
    staged = [s for part in parts for s in part.staged]
    staged[0] = replace(staged[0], findings=(*findings, *staged[0].findings))
    classes = pd.concat([s.classes for s in parts], ignore_index=True)
    composition = pd.concat([s.composition for s in parts], ignore_index=True).drop_duplicates(ignore_index=True)
    refuse_conflicts(classes, card.path.name)
    return StagedZoning(staged, classes.drop_duplicates(["level", "code"], ignore_index=True), composition)


def _sheets(card: Card) -> tuple[list[RawTable], list[Finding]]:
    """Read the sheet of the card, else every sheet of a workbook that looks like a zoning; the others are named."""
    if card.path.suffix.lower() not in tables.WORKBOOK or card.get("sheet"):
        return [tables.read(card)], []
    found, findings = [], []
    for name in workbook.sheet_names(card.path):
        try:
            raw = tables.read(card, sheet=name)
        except (InputError, UsageError) as error:
            findings.append(Finding("sheet-unread", 1, str(error)))
            continue
        found += [raw] if _is_zoning(raw, card) else []
    if not found:
        told = "".join(f"\n{f.message}" for f in findings)
        raise UsageError(
            f"{card.path.name}: no sheet with a QPV, TVS or commune code; name its columns in card {card.id}{told}"
        )
    return found, findings


def _is_zoning(raw: RawTable, card: Card) -> bool:
    found = layouts.columns(raw, _card_of(raw, card, alone=False), LAYOUT)
    return any(c in found for c in _CODE.values()) and len(found) > 1


def _card_of(raw: RawTable, card: Card, *, alone: bool) -> Card:
    """Return the card for one sheet of several: a header that it names may be that of another sheet."""
    if alone:
        return card
    there = set(raw.frame.columns)
    return replace(card, columns={ours: theirs for ours, theirs in card.columns.items() if theirs in there})


def _refuse_unused(raws: list[RawTable], card: Card, known: tuple[Correction, ...]) -> None:
    """Refuse a header of the card, or a correction, that none of several sheets has."""
    headers = {h for raw in raws for h in raw.frame.columns}
    lost = [theirs for theirs in card.columns.values() if theirs not in headers]
    if lost and len(raws) > 1:
        raise UsageError(f"{card.path.name}: card {card.id}: no sheet has the header {', '.join(lost)}")
    if not any(c.source == card.id for c in known):
        return
    keys = pd.concat([_text(raw, _card_of(raw, card, alone=len(raws) == 1))[1] for raw in raws])
    named = corrections.naming(known, card.id, keys)
    if stale := [c.key for c in known if c.source == card.id and c not in named]:
        raise UsageError(f"corrections.toml: {card.id} {', '.join(stale)}: no row has this code in any sheet")


def _text(raw: RawTable, card: Card) -> tuple[pd.DataFrame, pd.Series]:
    """Return the text of a sheet under our names, and the column of its codes."""
    text = layouts.renamed(raw, card, LAYOUT)
    return text, text[_CODE[_level(raw, card)]]


def _read_sheet(raw: RawTable, card: Card, known: tuple[Correction, ...]) -> StagedZoning:
    sieve, level = Sieve(raw, card.id), _level(raw, card)
    text, keys = _text(raw, card)
    text, n = corrections.apply(text, corrections.naming(known, card.id, keys), card.id, _CODE[level])
    sieve.warn("correction-applied", n, "values corrected by corrections.toml")
    codes = _codes(text, level, card, sieve)
    words = text["zone_class"].str.strip()
    read = cleaning.translated(words, cleaning.word)
    for value, meaning in REJECTED_VALUES.items():
        sieve.reject(read == cleaning.word(value), "zoning-error-value", f"{value}: {meaning}")
    frame = pd.DataFrame({"edition": card["edition"], "level": level, "code": codes, "raw_label": words})
    frame["zone_class"] = _classes(words, raw, card, sieve)
    frame["tvs_code"] = _tvs(text["tvs_code"])
    staged = sieve.staged(frame, sieve.repeats(frame, "code"))
    columns = ["edition", "level", "code", "zone_class", "raw_label", "source_id"]
    classes = staged.frame.loc[staged.frame["raw_label"].notna(), columns]
    return StagedZoning([staged], classes, _composition(staged.frame, level))


def _level(raw: RawTable, card: Card) -> str:
    """Return the level of a sheet: the card's, else that of the finest code it has. Raises UsageError without code or class."""
    found = layouts.columns(raw, card, LAYOUT)
    stated = card.get("level")
    level = next((lv for lv in ((stated,) if stated else (QPV, COMMUNE, TVS)) if _CODE[lv] in found), None)
    if level is None:
        raise UsageError(
            f"{raw.place()}: no {stated or 'QPV, TVS or commune'} code among {', '.join(raw.frame.columns)};"
            f" name it in card {card.id} under [source.columns] as qpv_code, tvs_code or commune_code"
        )
    if "zone_class" not in found and (level != COMMUNE or "tvs_code" not in found):
        raise UsageError(
            f"{raw.place()}: no class column; name it in card {card.id} under [source.columns] as zone_class"
        )
    return level


def _codes(text: pd.DataFrame, level: str, card: Card, sieve: Sieve) -> pd.Series:
    if level == QPV:
        return _qpv_codes(text["qpv_code"], card, sieve)
    given = text[_CODE[level]]
    codes = cleaning.communes(given) if level == COMMUNE else None
    if codes is not None:
        sieve.warn_at("commune-zeros-restored", codes.repaired, given, "four digits read as five")
    typed = _tvs(given) if codes is None else codes.typed
    sieve.reject(typed.isna(), "value-missing", f'no usable {level} code: "{{}}"', given)
    return typed


def _qpv_codes(text: pd.Series, card: Card, sieve: Sieve) -> pd.Series:
    where = str(sieve.raw.place())
    if card.get("generation") is None:
        raise UsageError(f"{where}: it names QPV; write the generation of their codes in card {card.id}")
    codes = qpv_codes(text)
    refuse_other_generation(codes, where, card)
    reject_codes(codes, card, sieve)
    return codes


def _tvs(codes: pd.Series) -> pd.Series:
    """Return TVS codes without their right padding of ``_``, so that padded and bare lists join."""
    return codes.str.strip().str.rstrip(TVS_PADDING)


def _classes(words: pd.Series, raw: RawTable, card: Card, sieve: Sieve) -> pd.Series:
    own = card.words("zone_class")
    if own is not None and (wrong := sorted(set(own.values()) - {*CLASSES, ""})):
        raise UsageError(
            f"card {card.id}: zone_class maps to {', '.join(wrong)}; known: {', '.join(CLASSES)}, or empty for none"
        )
    known = own if own is not None else _vocabulary(words[sieve.keep], raw, card)
    mapping = {label: zone or "" for label, zone in known.items()}
    where = f"{raw.place()}: card {card.id}"
    mapped = cleaning.coded(words.where(sieve.keep), mapping, column="zone_class", where=where)
    return mapped.where(mapped != "")


def _vocabulary(words: pd.Series, raw: RawTable, card: Card) -> dict[str, str | None]:
    """Return the words of the first vocabulary that knows every word of a file, compared whole."""
    used = {cleaning.word(w): w for w in words.dropna().unique()}
    lacking = {v.name: set(used) - {cleaning.word(k) for k in v.classes} for v in VOCABULARIES}
    if fitting := [v for v in VOCABULARIES if not lacking[v.name]]:
        return fitting[0].classes
    closest = min(lacking, key=lambda name: len(lacking[name]))
    unknown = ", ".join(f'"{used[w]}"' for w in sorted(lacking[closest])[:10])
    raise UsageError(
        f"{raw.place()}: no vocabulary knows all its classes; the closest, {closest}, lacks {unknown}."
        f" Write what each means in card {card.id} under [source.values.zone_class]; classes: {', '.join(CLASSES)}"
    )


def _composition(frame: pd.DataFrame, level: str) -> pd.DataFrame:
    if level != COMMUNE:
        return pd.DataFrame({c: pd.Series(dtype="str") for c in ("edition", "commune_code", "tvs_code")})
    given = frame[frame["tvs_code"].notna()]
    return given[["edition", "code", "tvs_code"]].rename(columns={"code": "commune_code"}).reset_index(drop=True)


def refuse_conflicts(classes: pd.DataFrame, where: str) -> None:
    """Raise InputError when a code of one edition has two classes."""
    key = ["edition", "level", "code"]
    distinct = classes[classes.duplicated(key, keep=False)].drop_duplicates([*key, "zone_class"])
    twice = distinct[distinct.duplicated(key, keep=False)]
    if not twice.empty:
        told = [
            f"{level} {code}: {' and '.join(g['raw_label'])}" for (_, level, code), g in list(twice.groupby(key))[:10]
        ]
        raise InputError(f"{where}: two classes for one place: {'; '.join(told)}; correct one in corrections.toml")
