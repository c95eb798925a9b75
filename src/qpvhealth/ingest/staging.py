"""The one way from the file of a card to a typed frame: read, map, correct, clean, reject, account. No row is lost on it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from qpvhealth.contract.rules import Finding, all_rules
from qpvhealth.errors import InputError, UsageError
from qpvhealth.facts.generations import CODE_PATTERNS
from qpvhealth.ingest import cleaning, corrections as correction_rules, layouts as layout_rules, systems
from qpvhealth.ingest.card import Card
from qpvhealth.ingest.corrections import Correction
from qpvhealth.ingest.readers import tables
from qpvhealth.ingest.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from qpvhealth.ingest.kind import Kind
    from qpvhealth.ingest.layouts import Layout
    from qpvhealth.ingest.readers.raw import RawTable

__all__ = ["PROVENANCE", "Card", "Correction", "Sieve", "Staged", "merged", "no_rejects", "stage"]

REJECT_COLUMNS = ["source_id", "sheet", "row", "rule", "message", "cell", "raw"]
BROKEN = "row-broken"
SHOWN = 5
"""Rows that a finding names."""
PROVENANCE = ["source_id", "sheet", "source_row"]


def stage(
    card: Card,
    corrections: tuple[Correction, ...],
    kind: Kind,
    clean: Callable[[Sieve], pd.DataFrame],
    *,
    compare_by: str | None = None,
    ignore: Sequence[str] = (),
    raw: RawTable | None = None,
    layouts: tuple[Layout, ...] = (),
) -> Staged:
    """Read the file of a card, map its columns, correct its values, clean them, reject what cannot be used, and account.

    ``clean`` types the text of the rows (``sieve.text``, one column for each of the layout) and takes rows out with the methods of
    the sieve; it returns one row per row of the text. ``compare_by``: rows that share this column and agree in all others, but
    those to ``ignore``, count once; null: repeats are rows of their own. ``raw``: the table, where the kind reads it itself;
    ``layouts``: those of the kind that come into question, where not all do.

    Raises InputError for a file that cannot be read, UsageError for a layout, mapping or correction that does not apply,
    ContractError where a row is lost.
    """
    raw = tables.read(card) if raw is None else raw
    layout = layout_rules.choose(raw, card, layouts or kind.layouts)
    sieve = Sieve(raw, card, layout, kind)
    key = layout.key or layout.fields[0].name
    sieve.text, n_corrected = correction_rules.apply(
        sieve.text, corrections, card.id, key, numbers=raw.rows, sheet=raw.sheet
    )
    sieve.warn("correction-applied", n_corrected, "values corrected by corrections.toml")
    for column in sieve.mapped:
        cells = sieve.text[column]
        message = f"{column} read in another encoding than written; encoding in the card mends it"
        sieve.warn_at("text-garbled", cleaning.garbled(cells), cells, message)
    return sieve.staged(clean(sieve), compare_by, ignore)


@dataclass(frozen=True)
class Staged:
    """One source, staged.

    ``frame`` carries ``source_id``, ``sheet`` and ``source_row``; ``sections`` are further accounts; ``left_out`` describes rows
    out of scope, where the kind has a use for them; ``unread`` holds the rejected rows, what could be read of each in the columns of
    ``frame``.
    """

    source_id: str
    frame: pd.DataFrame
    rejects: pd.DataFrame
    tally: Tally
    findings: tuple[Finding, ...] = ()
    sections: dict[str, Tally] = field(default_factory=dict)
    left_out: pd.DataFrame = field(default_factory=pd.DataFrame)
    unread: pd.DataFrame = field(default_factory=pd.DataFrame)


class Sieve:
    """The rows of one raw table on their way to a staged frame.

    It starts with every row kept; rows leave it rejected (with a rule) or out of scope (with a reason). Nothing else
    removes a row, so the account always holds. ``text`` has the columns of the layout, ``mapped`` the headers of those that the
    file has; ``keep`` and ``out_of_scope`` are masks over the rows of ``text``.
    """

    def __init__(self, raw: RawTable, card: Card, layout: Layout, kind: Kind) -> None:
        """Keep every row of the raw table; reject the records that its reader could not place."""
        self.raw, self.card, self.layout, self.kind = raw, card, layout, kind
        self.mapped = layout_rules.columns(raw, card, layout)
        self.text = layout_rules.renamed(raw, card, layout)
        self.where = f"{raw.place()}: card {card.id}"
        self.n_records = raw.n_records
        self.keep = np.ones(len(raw.frame), dtype=bool)
        self.out_of_scope = np.zeros(len(raw.frame), dtype=bool)
        self.reasons: dict[str, int] = {}
        self.left_out = pd.DataFrame()
        self.findings: list[Finding] = [Finding("reading-choice", 1, f"{raw.place()}: {note}") for note in raw.notes]
        self.findings += [replace(f, message=f"{raw.place()}: {f.message}", of=raw.n_records) for f in raw.findings]
        for column, header in self.mapped.items():
            if rows := raw.uncalculated.get(header):
                shown = f"rows {', '.join(map(str, rows[:SHOWN]))}{', …' if len(rows) > SHOWN else ''}"
                words = f'column "{header}", {shown}: {column} is unknown there, formulas that nobody calculated'
                message = f"{raw.place()}: {words}"
                self.findings.append(Finding("formula-uncalculated", len(rows), message, raw.n_records))
        broken = [
            (b.row, b.rule, b.message, b.raw)
            if b.rule in all_rules()
            else (b.row, BROKEN, f"{b.rule}: {b.message}", b.raw)
            for b in raw.broken
        ]
        frame = pd.DataFrame(broken, columns=["row", "rule", "message", "raw"])
        self._rejects = [frame.assign(source_id=card.id, sheet=raw.sheet, cell=None)] if broken else []

    def reject(self, bad: pd.Series | np.ndarray, rule: str, message: str, cells: pd.Series | None = None) -> None:
        """Reject the kept rows of a mask; the first ``{}`` of the message stands for the row's own cell, where one is given."""
        at = np.flatnonzero(np.asarray(bad, dtype=bool) & self.keep)
        if not len(at):
            return
        own = pd.Series([None] * len(at), dtype="str") if cells is None else cells.iloc[at].astype("str")
        messages = [message.replace("{}", cell, 1) for cell in own.fillna("")]
        columns = {"row": self.raw.rows[at], "rule": rule, "message": messages, "cell": own.array}
        columns["raw"] = self.raw.raw_text(at)
        self._rejects.append(pd.DataFrame({"source_id": self.card.id, "sheet": self.raw.sheet} | columns))
        self.keep[at] = False

    def leave_out(self, mask: pd.Series | np.ndarray, reasons: pd.Series | str) -> None:
        """Put the kept rows of a mask out of scope, counted by reason."""
        at = np.asarray(mask, dtype=bool) & self.keep
        if not at.any():
            return
        by_row = reasons.to_numpy()[at] if isinstance(reasons, pd.Series) else [reasons] * int(at.sum())
        for reason, n in pd.Series(by_row, dtype="str").fillna("unknown").value_counts().items():
            self.reasons[str(reason)] = self.reasons.get(str(reason), 0) + int(n)
        self.keep &= ~at
        self.out_of_scope |= at

    def warn(self, rule: str, n: int, message: str) -> None:
        """Record a finding, unless it happened no time."""
        if n:
            self.findings.append(Finding(rule, int(n), f"{self.raw.place()}: {message}", self.n_records))

    def warn_at(self, rule: str, mask: pd.Series | np.ndarray, cells: pd.Series, message: str) -> None:
        """Record a finding about the kept rows of a mask, with the first cells and their rows."""
        at = np.asarray(mask, dtype=bool) & self.keep
        if not at.any():
            return
        seen = ", ".join(f'"{v}" (row {r})' for v, r in zip(cells[at].head(3), self.raw.rows[at][:3], strict=True))
        self.warn(rule, int(at.sum()), f"{message}: {seen}")

    def numbers(self, column: str, text: pd.Series | None = None) -> pd.Series:
        """Read a column of numbers; what cannot be read, and sentinels of suppression, are null and reported."""
        cells = self.text[column] if text is None else text
        (numbers, bad, _), suppressed = cleaning.numbers(cells)
        self.warn_at("number-unreadable", bad, cells, f"{column} taken as unknown")
        self.warn_at("number-suppressed", suppressed, cells, f"{column} taken as unknown")
        return numbers

    def dates(self, column: str, text: pd.Series | None = None) -> pd.Series:
        """Read a column of days; what cannot be read is null and reported."""
        days, bad, _ = cleaning.dates(self.text[column] if text is None else text)
        self.warn_at("date-unreadable", bad, self.text[column], f"{column} taken as unknown")
        return days

    def communes(self, column: str = "commune_code") -> pd.Series:
        """Read a column of commune codes; a lost zero is restored, what cannot be a code is null, both reported."""
        codes, bad, repaired = cleaning.communes(self.text[column])
        self.warn_at("commune-zeros-restored", repaired, self.text[column], "four digits read as five")
        self.warn_at("commune-invalid", bad, self.text[column], "commune code taken as unknown")
        return codes

    def structures(self, column: str = "finess_et") -> pd.Series:
        """Read a column of structures: a FINESS number, or an extract's own identifier after its source (``source:7``).

        Anything else is rejected.
        """
        cells = self.text[column]
        numbers, bad, repaired = cleaning.finess(cells)
        own = cells.where(cleaning.matches(cells, cleaning.OWN_IDENTIFIER))
        self.reject(cells.isna(), "identifier-missing", f"no {column}")
        unreadable = 'structure "{}" (a FINESS number of nine characters, or source:identifier)'
        self.reject(bad & own.isna(), "finess-invalid", unreadable, cells)
        self.warn_at("finess-zeros-restored", repaired, cells, "eight digits read as nine")
        return numbers.fillna(own).astype("str")

    def qpv_codes(self, *, total_rows: frozenset[str] = frozenset()) -> pd.Series:
        """Read a column of QPV codes of the generation of the card; a missing or other code is rejected.

        ``total_rows``: words, without case, that stand for a total where a code would; such rows are out of scope. Raises
        UsageError when most codes are those of another official generation.
        """
        codes = self.text["qpv_code"].str.strip().str.upper()
        refuse_other_generation(codes, str(self.raw.place()), self.card)
        self.leave_out(codes.str.casefold().isin(total_rows), "total row")
        self.reject(codes.isna(), "qpv-code-missing", "no QPV code")
        expected = code_pattern(self.card)
        self.reject(
            ~cleaning.matches(codes, expected), "qpv-code-invalid", f'QPV code "{{}}" ({expected} expected)', codes
        )
        return codes

    def qpv_code_lists(self, mask: pd.Series | None = None) -> pd.Series:
        """Read a column whose cells hold several QPV codes: lists; a row with a code of another form is rejected.

        ``mask``: the rows that may name any; the cells of others are read as empty. Raises UsageError as ``qpv_codes`` does.
        """
        cells = self.text["qpv_code"].str.upper()
        codes = cleaning.code_lists(cells if mask is None else cells.where(mask))
        refuse_other_generation(codes.explode().astype("str").dropna(), self.where, self.card)
        expected = code_pattern(self.card)
        each = codes.explode().astype("str")
        bad = each[each.notna() & ~cleaning.matches(each, expected)].groupby(level=0).first().reindex(codes.index)
        self.reject(bad.notna(), "qpv-code-invalid", f'QPV code "{{}}" ({expected} expected)', bad)
        return codes

    def crs(self) -> str:
        """Return the coordinate system of a layer: the card's, else the file's. Raises InputError when neither says one.

        A card may correct a file, which is then reported; the name of a file is never taken for a system.
        """
        stated, of_file = systems.of_card(self.card), self.raw.crs
        if stated is None and of_file is None:
            why = self.raw.crs_doubt or "no .prj"
            raise InputError(
                f"{self.raw.place()}: no coordinate system ({why}); the name of a file is not one."
                f' Ask the producer, then write crs = "EPSG:…" in card {self.card.id}'
            )
        if stated is not None and of_file not in (None, stated):
            message = f"the file says {of_file}, card {self.card.id} says {stated}, which is used"
            self.warn("crs-overridden", 1, message)
        return str(stated or of_file)

    def coded(self, column: str, words: Mapping[str, str] | None = None) -> pd.Series:
        """Translate a coded column with the words of the card and of the kind, or ``words``. Rows that have left are not read.

        A type of structure that the card itself names (``other_types``) is known by its own name. Raises UsageError for a word
        that is not known, or where the card maps one to a value that the column does not take.
        """
        coded = self.kind.coded[column]
        own = {t: t for t in self.card.get("other_types", ())} if column == "structure_type" else {}
        of_card, meanings = self.card.words(column), (*coded.meanings, *own)
        if of_card is not None and (wrong := sorted(set(of_card.values()) - set(meanings))):
            more = ', or a type of its own that the card names, such as other_types = ["pôle de santé"]'
            raise UsageError(
                f"card {self.card.id}: [source.values.{column}] maps to {', '.join(wrong)};"
                f" known: {', '.join(v or 'empty for none' for v in meanings)}"
                + (more if column == "structure_type" else "")
            )
        ours = {} if coded.replace and of_card is not None else words or coded.words
        cells = self.text[column] if self.keep.all() else self.text[column].where(self.keep)
        return cleaning.coded(cells, {**own, **ours, **(of_card or {})}, column=column, where=self.where)

    def narrow(self) -> None:
        """Forget the rows out of scope, whose account stays: they are not looked at again. Rejected rows stay, to be described."""
        at = ~self.out_of_scope
        geometry = None if self.raw.geometry is None else self.raw.geometry[at]
        frame = self.raw.frame[at].reset_index(drop=True)
        self.raw = replace(self.raw, frame=frame, rows=self.raw.rows[at], geometry=geometry)
        self.text = self.text[at].reset_index(drop=True)
        self.keep, self.out_of_scope = self.keep[at], self.out_of_scope[at]

    def repeats(self, frame: pd.DataFrame, by: str, ignore: Sequence[str] = ()) -> np.ndarray:
        """Mark the kept rows whose values an earlier kept row has, all but those of the columns to ``ignore``.

        Only rows that share ``by`` are compared; geometries by their bytes, lists by their text.
        """
        repeated = np.zeros(len(frame), dtype=bool)
        at = np.flatnonzero(self.keep)
        at = at[frame[by].iloc[at].astype("str").duplicated(keep=False)]
        if not len(at):
            return repeated
        compared = frame.iloc[at].drop(columns=list(ignore))
        if "geometry" in compared:
            compared = compared.assign(geometry=shapely.to_wkb(compared["geometry"].to_numpy(dtype=object)))
        objects = [c for c in compared if compared[c].dtype == object]
        lists = [c for c in objects if any(isinstance(cell, list) for cell in compared[c])]
        repeated[at] = compared.astype(dict.fromkeys(lists, "str")).duplicated()
        return repeated

    def staged(self, frame: pd.DataFrame, compare_by: str | None = None, ignore: Sequence[str] = ()) -> Staged:
        """Close the account: ``frame`` has one row per row of the text; repeats are counted once (see ``stage``)."""
        repeated = self.keep & self.repeats(frame, compare_by, ignore) if compare_by else self.keep & False
        at = self.keep & ~repeated
        typed = pd.concat([self.provenance(at), frame[at].reset_index(drop=True)], axis=1)
        self.warn("duplicates", int(repeated.sum()), "identical repeats, counted once")
        rejects = no_rejects()
        if self._rejects:
            rejects = pd.concat(self._rejects, ignore_index=True)[REJECT_COLUMNS]
            rejects = rejects.sort_values("row", kind="stable", ignore_index=True)
        tally = Tally(self.n_records, len(typed), len(rejects), int(repeated.sum()), self.reasons)
        tally = tally.asserted(str(self.raw.place()))
        rejected = ~self.keep & ~self.out_of_scope
        unread = pd.concat([self.provenance(rejected), frame[rejected].reset_index(drop=True)], axis=1)
        return Staged(
            self.card.id, typed, rejects, tally, tuple(self.findings), self.raw.sections, self.left_out, unread
        )

    def provenance(self, at: np.ndarray) -> pd.DataFrame:
        """Return the source, sheet and row of the records of a mask."""
        rows = self.raw.rows[at]
        same = {"source_id": self.card.id, "sheet": self.raw.sheet}
        texts = {c: pd.array([text], dtype="str").take(np.zeros(len(rows), dtype="int64")) for c, text in same.items()}
        return pd.DataFrame({"source_row": rows, **texts})[PROVENANCE]


def merged(parts: list[Staged], findings: Sequence[Finding] = ()) -> Staged:
    """Put the sheets of one source together, further findings first."""
    tally = parts[0].tally
    for part in parts[1:]:
        tally += part.tally
    return Staged(
        parts[0].source_id,
        pd.concat([p.frame for p in parts], ignore_index=True),
        pd.concat([p.rejects for p in parts], ignore_index=True),
        tally,
        (*findings, *(f for p in parts for f in p.findings)),
    )


def code_pattern(card: Card) -> str:
    """Return the pattern of the QPV codes of a card's generation; any code where the set is not official and none is given."""
    pattern = str(card.get("code_pattern") or CODE_PATTERNS.get(card["generation"], r".+"))
    return pattern.removeprefix("^").removesuffix("$")


def refuse_other_generation(codes: pd.Series, where: str, card: Card) -> None:
    """Raise UsageError when most of the codes are those of another official generation than the card says."""
    own = CODE_PATTERNS.get(card["generation"])
    shares = {g: cleaning.matches(codes, p).mean() for g, p in CODE_PATTERNS.items() if own not in (None, p)}
    if other := [g for g, share in shares.items() if share > 1 / 2]:
        raise UsageError(
            f'{where}: the codes are those of {" or ".join(other)}; write generation = "{other[0]}" in card {card.id}'
        )


def no_rejects() -> pd.DataFrame:
    """Return an empty frame of rejects."""
    return pd.DataFrame({c: pd.Series(dtype="int64" if c == "row" else "str") for c in REJECT_COLUMNS})
