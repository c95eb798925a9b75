"""Workbooks that come back from the field: read, held cell by cell, and turned into declarations.

Nothing is guessed: a cell that cannot be taken is a problem with its place, and its structure stays unanswered.
"""

from __future__ import annotations

import itertools
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from qpvhealth.errors import InputError, UsageError
from qpvhealth.facts.situations import YES
from qpvhealth.ingest import cleaning, layouts
from qpvhealth.ingest.cleaning import YES_NO
from qpvhealth.ingest.readers import workbook

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date
    from pathlib import Path

    from qpvhealth.ingest.readers.raw import RawTable

ANSWERS, FORM = "Réponses", "Formulaire"
COLUMNS = {
    "finess_et": "n_finess_et",
    "vecu": "quartier_vecu_oui_non",
    "qpv": "code_qpv_desservi",
    "comment": "commentaire",
}
WORDS = YES_NO | {"x": YES}
_FORM_COLUMNS = ("champ", "valeur")
PROBLEM_COLUMNS = ["file", "sheet", "row", "column", "value", "expected"]
SENDER_COLUMNS = ["zone", "file", "n_rows", "n_yes", "n_no", "n_problems", "answered_on", "state"]
ON_TIME, LATE, UNDATED, SILENT = "dans les délais", "en retard", "sans date de réponse", "sans réponse"


class Returned(NamedTuple):
    """``declarations``: finess_et, vecu_declared (yes, no), qpv_code, comment, zone. ``problems``: one row a cell. ``senders``: one a zone."""

    declarations: pd.DataFrame
    problems: pd.DataFrame
    senders: pd.DataFrame


def read(
    paths: Sequence[Path],
    *,
    structures: Collection[str],
    quarters: Collection[str],
    expected: Collection[str],
    deadline: date,
) -> Returned:
    """Read the workbooks of every zone.

    ``structures``: identifiers of the extract; ``quarters``: codes of the generation asked about; ``expected``: the zones asked. A zone
    counts as having answered when its workbook holds at least one answer. Columns may have been moved, sheets renamed and rows added
    above: what counts is the headers. Raises InputError for a workbook that cannot be read or lacks a column, and when two
    workbooks are of one zone.
    """
    parts, problems, senders = [], [], []
    for path in sorted(paths):
        zone, on = _form(path)
        rows, wrong = _answers(path, set(structures), set(quarters))
        parts.append(rows.assign(zone=zone))
        problems += wrong
        yes = int((rows["vecu_declared"] == "yes").sum())
        state = UNDATED if on is None else ON_TIME if on.date() <= deadline else LATE
        counts = {"n_rows": len(rows), "n_yes": yes, "n_no": len(rows) - yes, "n_problems": len(wrong)}
        sender = {"zone": zone, "file": path.name, **counts, "answered_on": on}
        senders.append(sender | {"state": state if len(rows) else SILENT})
    zones = [str(s["zone"]) for s in senders]
    if again := sorted({z for z in zones if zones.count(z) > 1}):
        raise InputError(f"two workbooks for {', '.join(again)}; keep one")
    silent = [{"zone": z, "state": SILENT} for z in sorted(set(expected) - set(zones))]
    columns = ("finess_et", "vecu_declared", "qpv_code", "comment", "zone")
    none = pd.DataFrame({c: pd.Series(dtype="str") for c in columns})
    declared = pd.concat(parts, ignore_index=True) if parts else none
    answers = declared.groupby("finess_et")["vecu_declared"].nunique()
    contested = answers.index[answers > 1]
    problems += [("", ANSWERS, None, "vecu", f, "une seule réponse par structure") for f in contested]
    clear = declared[~declared["finess_et"].isin(contested)].drop_duplicates("finess_et", ignore_index=True)
    table = pd.DataFrame([*senders, *silent], columns=SENDER_COLUMNS).astype(dict.fromkeys(_COUNTED, "Int64"))
    return Returned(clear, pd.DataFrame(problems, columns=PROBLEM_COLUMNS), table)


_COUNTED = ("n_rows", "n_yes", "n_no", "n_problems")


def _sheet(path: Path, sheet: str, columns: Collection[str]) -> RawTable:
    """Read a sheet of the form: the one of that name, else the only one that has its columns.

    Its header is in its first row, or where people left it.
    """
    tables: list[RawTable] = []
    try:
        names = workbook.sheet_names(path)
        for name, header_row in itertools.product([sheet] if sheet in names else names, (1, None)):
            with suppress(UsageError, InputError):
                raw = workbook.read_workbook(path, sheet=name, header_row=header_row)
                has_columns = {layouts.key(c) for c in raw.frame.columns}.issuperset(columns)
                if has_columns and name not in [table.sheet for table in tables]:
                    tables.append(raw)
    except UsageError as error:
        raise InputError(f"{path.name}: not a workbook of returns: {error}") from error
    if len(tables) != 1:
        why = f"{path.name}:{sheet}: " + (f"{len(tables)} sheets have" if tables else "no sheet has")
        raise InputError(f"{why} the columns {', '.join(columns)}; send back the workbook as it was written, filled")
    return tables[0]


def _form(path: Path) -> tuple[str, pd.Timestamp | None]:
    """Read the zone, and the day of the answer where it is given."""
    frame = _sheet(path, FORM, _FORM_COLUMNS).frame
    keys = {layouts.key(c): c for c in frame.columns}
    form = dict(zip(*(frame[keys[c]] for c in _FORM_COLUMNS), strict=True))
    if pd.isna(form.get("Zone")):
        raise InputError(f"{path.name}:{FORM}: no Zone; the form says of which area the answers are")
    day = cleaning.dates(pd.Series([form.get("Répondu le")], dtype="str")).typed[0]
    return str(form["Zone"]), None if pd.isna(day) else day


def _answers(path: Path, structures: set[str], quarters: set[str]) -> tuple[pd.DataFrame, list[tuple[object, ...]]]:
    """Read the answers of one workbook, and its cells that cannot be taken; a row with such a cell gives no answer."""
    raw = _sheet(path, ANSWERS, COLUMNS.values())
    keys = {layouts.key(c): c for c in raw.frame.columns}
    text = raw.frame[[keys[c] for c in COLUMNS.values()]].set_axis(list(COLUMNS), axis=1).astype("str")
    own = text["finess_et"].str.strip()
    number = cleaning.finess(text["finess_et"]).typed
    name = number.where(number.isin(structures)).fillna(own.where(own.isin(structures)))
    answer = text["vecu"].map(cleaning.word, na_action="ignore").map(WORDS).astype("str")
    codes = cleaning.code_lists(text["qpv"].str.upper())
    merged = pd.Series(raw.rows, index=text.index).isin(raw.merged_into)
    other_codes = codes.map(lambda cs: any(c not in quarters for c in cs)).astype(bool)
    problems: list[tuple[object, ...]] = []
    bad = pd.Series(data=False, index=text.index)
    for column, mask, wanted in (
        ("finess_et", name.isna() & text.notna().any(axis=1), "une structure de l'extrait"),
        ("vecu", text["vecu"].notna() & answer.isna(), "oui, non ou vide"),
        ("vecu", merged & text["vecu"].isna(), "une réponse par ligne : défaire la cellule fusionnée"),
        ("qpv", other_codes, "codes QPV de la génération demandée"),
        ("qpv", (answer == "no") & text["qpv"].notna(), "vide quand la réponse est non"),
    ):
        cells = text[column].fillna("")
        problems += [
            (raw.file, ANSWERS, int(raw.rows[at]), COLUMNS[column], cells.iloc[at], wanted)
            for at in np.flatnonzero(mask)
        ]
        bad |= mask
    columns = {"finess_et": name, "vecu_declared": answer, "qpv_code": codes.map(",".join), "comment": text["comment"]}
    return pd.DataFrame(columns)[name.notna() & answer.notna() & ~bad].reset_index(drop=True), problems


def declarations_csv(declared: pd.DataFrame) -> str:
    """Write declarations as a file that a card of kind ``declarations`` reads."""
    answers = declared["vecu_declared"].map({"yes": "oui"}).fillna("non")
    written = declared.assign(vecu_declared=answers).sort_values("finess_et")
    columns = ["finess_et", "vecu_declared", "qpv_code", "comment"]
    return str(written.to_csv(columns=columns, sep=";", index=False, lineterminator="\n"))
