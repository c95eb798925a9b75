"""GP zonings: a commune list, a TVS list with its composition, a QPV list, or the national workbook of three sheets.

Sources of the shapes and words: domain texts of 2017, 2021 and 2025, the national workbook Zonage_medecin_20191231.xlsx and
the public lists named in ``facts.zonings``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from qpvhealth.errors import InputError, UsageError
from qpvhealth.facts.zonings import CLASSES, REJECTED_VALUES, VOCABULARIES, Vocabulary
from qpvhealth.ingest import cleaning, corrections, layouts, tables, workbook
from qpvhealth.ingest.layouts import Field, Layout
from qpvhealth.ingest.neighbourhoods import other_generation
from qpvhealth.ingest.staged import Sieve, Staged

if TYPE_CHECKING:
    from qpvhealth.ingest.cards import Card
    from qpvhealth.ingest.corrections import Correction
    from qpvhealth.ingest.raw import RawTable

QPV, TVS, COMMUNE = "qpv", "tvs", "commune"
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
    sheets = _sheets(card)
    read_sheets = [_read_sheet(tables.read(card, sheet=sheet), card, known) for sheet in sheets]
    classes = pd.concat([s.classes for s in read_sheets], ignore_index=True)
    composition = pd.concat([s.composition for s in read_sheets], ignore_index=True).drop_duplicates(ignore_index=True)
    _refuse_conflicts(classes, card)
    staged = [s for part in read_sheets for s in part.staged]
    return StagedZoning(staged, classes.drop_duplicates(["level", "code"], ignore_index=True), composition)


def _sheets(card: Card) -> list[str | None]:
    """Return the sheets to read: the card's one, else every sheet of a workbook that looks like a zoning."""
    if card.path.suffix.lower() not in tables.WORKBOOK or card.get("sheet"):
        return [None]
    names = [n for n in workbook.sheet_names(card.path) if _is_zoning(tables.read(card, sheet=n))]
    if not names:
        raise UsageError(
            f"{card.path.name}: no sheet with a QPV, TVS or commune code; name its columns in card {card.id}"
        )
    return list(names)


def _is_zoning(raw: RawTable) -> bool:
    found = LAYOUT.mapping(list(raw.frame.columns))
    return any(found[c] for c in _CODE.values())


def _read_sheet(raw: RawTable, card: Card, known: tuple[Correction, ...]) -> StagedZoning:
    sieve = Sieve(raw, card.id)
    text, n = corrections.apply(layouts.renamed(raw, card, LAYOUT), known, card.id, _CODE[_level(raw, card)])
    sieve.warn("correction-applied", n, "values corrected by corrections.toml")
    level = _level(raw, card)
    codes = _codes(text, level, sieve)
    if level == QPV and card.get("generation") is None:
        raise UsageError(f"{raw.place()}: it names QPV; write the generation of their codes in card {card.id}")
    if level == QPV and (other := other_generation(codes, card["generation"])) is not None:
        raise UsageError(f'{raw.place()}: it names QPV of {other}; write generation = "{other}" in card {card.id}')
    sieve.reject(codes.isna(), "value-missing", f"no usable {level} code")
    words = text["zone_class"].str.strip()
    for value, meaning in REJECTED_VALUES.items():
        sieve.reject((words == value).fillna(value=False), "zoning-error-value", f"{value}: {meaning}")
    frame = pd.DataFrame({"edition": card["edition"], "level": level, "code": codes, "raw_label": words})
    frame["zone_class"] = _classes(words, raw, card, sieve) if words.notna().any() else None
    repeated = sieve.keep & frame.duplicated().to_numpy()
    staged = sieve.staged(frame.assign(tvs_code=_tvs(text["tvs_code"])), repeated)
    columns = ["edition", "level", "code", "zone_class", "raw_label", "source_id"]
    classes = staged.frame[staged.frame["raw_label"].notna()][columns]
    return StagedZoning([staged], classes, _composition(staged.frame, level))


def _level(raw: RawTable, card: Card) -> str:
    if (stated := card.get("level")) in _CODE:
        return str(stated)
    found = layouts.columns(raw, card, LAYOUT)
    level = next((lv for lv in (QPV, COMMUNE, TVS) if _CODE[lv] in found), None)
    if level is None:
        raise UsageError(
            f"{raw.place()}: no QPV, TVS or commune code among {', '.join(raw.frame.columns)};"
            f" name it in card {card.id} under [source.columns] as qpv_code, tvs_code or commune_code"
        )
    if "zone_class" not in found and (level != COMMUNE or "tvs_code" not in found):
        raise UsageError(
            f"{raw.place()}: no class column; name it in card {card.id} under [source.columns] as zone_class"
        )
    return level


def _codes(text: pd.DataFrame, level: str, sieve: Sieve) -> pd.Series:
    if level == COMMUNE:
        codes = cleaning.communes(text["commune_code"])
        sieve.warn_at(
            "commune-zeros-restored",
            codes.repaired & codes.values.notna(),
            text["commune_code"],
            "four digits read as five",
        )
        return codes.values
    return _tvs(text["tvs_code"]) if level == TVS else text["qpv_code"].str.strip().str.upper()


def _tvs(codes: pd.Series) -> pd.Series:
    """Return TVS codes without their right padding of ``_``, so that padded and bare lists join."""
    return codes.str.strip().str.rstrip(TVS_PADDING)


def _classes(words: pd.Series, raw: RawTable, card: Card, sieve: Sieve) -> pd.Series:
    own = card.values.get("zone_class")
    if own is not None:
        wrong = sorted(set(own.values()) - {*CLASSES, ""})
        if wrong:
            raise UsageError(
                f"card {card.id}: zone_class maps to {', '.join(wrong)}; known: {', '.join(CLASSES)}, or empty for none"
            )
        vocabulary = Vocabulary("card", card.id, {k: v or None for k, v in own.items()})
    else:
        vocabulary = _vocabulary(words[sieve.keep], raw, card)
    mapped = cleaning.coded(
        words.where(sieve.keep),
        {k: v or "" for k, v in vocabulary.classes.items()},
        column="zone_class",
        where=f"{raw.place()}: card {card.id}",
    )
    return mapped.where(mapped != "")


def _vocabulary(words: pd.Series, raw: RawTable, card: Card) -> Vocabulary:
    """Return the first vocabulary that knows every word of a file, compared whole."""
    used = {" ".join(w.split()).casefold() for w in words.dropna().unique()}
    knows = {v.name: {k.casefold() for k in v.classes} for v in VOCABULARIES}
    fitting = [v for v in VOCABULARIES if used <= knows[v.name]]
    if fitting:
        return fitting[0]
    closest = max(VOCABULARIES, key=lambda v: len(used & knows[v.name]))
    unknown = ", ".join(f'"{w}"' for w in sorted(used - knows[closest.name])[:10])
    raise UsageError(
        f"{raw.place()}: no vocabulary knows all its classes; the closest, {closest.name}, lacks {unknown}."
        f" Write what each means in card {card.id} under [source.values.zone_class]; classes: {', '.join(CLASSES)}"
    )


def _composition(frame: pd.DataFrame, level: str) -> pd.DataFrame:
    if level != COMMUNE:
        return pd.DataFrame({c: pd.Series(dtype="str") for c in ("edition", "commune_code", "tvs_code")})
    given = frame[frame["tvs_code"].notna()]
    return given[["edition", "code", "tvs_code"]].rename(columns={"code": "commune_code"}).reset_index(drop=True)


def _refuse_conflicts(classes: pd.DataFrame, card: Card) -> None:
    distinct = classes.drop_duplicates(["level", "code", "zone_class"])
    twice = distinct[distinct.duplicated(["level", "code"], keep=False)]
    if not twice.empty:
        told = [
            f"{level} {code}: {' and '.join(g['raw_label'])}"
            for (level, code), g in list(twice.groupby(["level", "code"]))[:10]
        ]
        raise InputError(
            f"{card.path.name}: two classes for one place: {'; '.join(told)}; correct one in corrections.toml"
        )
