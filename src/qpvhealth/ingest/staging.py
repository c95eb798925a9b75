"""What leaves ingestion: a typed frame, the rows that could not be used, and an account in which no row is lost."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth.contract.rules import RULES, Finding
from qpvhealth.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qpvhealth.ingest.readers.raw import RawTable

REJECT_COLUMNS = ["source_id", "sheet", "row", "rule", "message", "raw"]
BROKEN = "row-broken"
PROVENANCE = ["source_id", "sheet", "source_row"]


@dataclass(frozen=True)
class Tally:
    """The account of one file: rows in = rows out + out of scope + rejected + duplicates."""

    rows_in: int
    rows_out: int
    rejected: int
    duplicates: int = 0
    out_of_scope: dict[str, int] = field(default_factory=dict)

    def asserted(self, name: str) -> Tally:
        """Return the account itself, after checking that no row is lost. Raises ContractError."""
        accounted = self.rows_out + sum(self.out_of_scope.values()) + self.rejected + self.duplicates
        if accounted != self.rows_in:
            raise ContractError(f"{name}: {self.rows_in} rows in, {accounted} accounted for: {self}")
        return self

    def as_dict(self) -> dict[str, object]:
        """Return plain values for the manifest."""
        return {
            "rows_in": self.rows_in,
            "rows_out": self.rows_out,
            "out_of_scope": sum(self.out_of_scope.values()),
            "out_of_scope_by_reason": dict(sorted(self.out_of_scope.items())),
            "rejected": self.rejected,
            "duplicates": self.duplicates,
        }


@dataclass(frozen=True)
class Staged:
    """One source, staged. ``frame`` carries ``source_id``, ``sheet`` and ``source_row``; ``sections`` are further accounts."""

    source_id: str
    frame: pd.DataFrame
    rejects: pd.DataFrame
    tally: Tally
    findings: tuple[Finding, ...] = ()
    sections: dict[str, Tally] = field(default_factory=dict)


class Sieve:
    """The rows of one raw table on their way to a staged frame.

    It starts with every row kept; rows leave it rejected (with a rule) or out of scope (with a reason). Nothing else
    removes a row, so the account always holds.
    """

    def __init__(self, raw: RawTable, source_id: str) -> None:
        """Keep every row of the raw table."""
        self.raw, self.source_id = raw, source_id
        self.n_records = raw.n_records
        self.keep = np.ones(len(raw.frame), dtype=bool)
        self.left_out = np.zeros(len(raw.frame), dtype=bool)
        self.out_of_scope: dict[str, int] = {}
        self.findings: list[Finding] = [Finding("reading-choice", 1, f"{raw.place()}: {note}") for note in raw.notes]
        self._rejects: list[pd.DataFrame] = [self._broken()] if raw.broken else []

    def reject(self, bad: pd.Series | np.ndarray, rule: str, message: str, cells: pd.Series | None = None) -> None:
        """Reject the kept rows of a mask; the first ``{}`` of the message stands for the row's own cell, where one is given."""
        at = np.flatnonzero(np.asarray(bad, dtype=bool) & self.keep)
        if not len(at):
            return
        own = [""] * len(at) if cells is None else cells.iloc[at].fillna("").tolist()
        said = [message.replace("{}", cell, 1) for cell in own]
        rows = {"row": self.raw.rows[at], "rule": rule, "message": said, "raw": self.raw.raw_text(at)}
        self._rejects.append(pd.DataFrame({"source_id": self.source_id, "sheet": self.raw.sheet} | rows))
        self.keep[at] = False

    def leave_out(self, out: pd.Series | np.ndarray, reasons: pd.Series | str) -> None:
        """Put the kept rows of a mask out of scope, counted by reason."""
        mask = np.asarray(out, dtype=bool) & self.keep
        if not mask.any():
            return
        named = (
            pd.Series(reasons, index=range(len(mask))) if isinstance(reasons, str) else reasons.reset_index(drop=True)
        )
        for reason, n in named[mask].fillna("unknown").value_counts().items():
            self.out_of_scope[str(reason)] = self.out_of_scope.get(str(reason), 0) + int(n)
        self.keep &= ~mask
        self.left_out |= mask

    def warn(self, rule: str, n: int, message: str) -> None:
        """Record a finding, unless it happened no time."""
        if n:
            self.findings.append(Finding(rule, int(n), f"{self.raw.place()}: {message}", self.n_records))

    def warn_at(self, rule: str, at: pd.Series | np.ndarray, values: pd.Series, message: str) -> None:
        """Record a finding about the kept rows of a mask, with the first values and their rows."""
        mask = np.asarray(at, dtype=bool) & self.keep
        if not mask.any():
            return
        seen = ", ".join(f'"{v}" (row {r})' for v, r in zip(values[mask].head(3), self.raw.rows[mask][:3], strict=True))
        self.warn(rule, int(mask.sum()), f"{message}: {seen}")

    def repeats(self, frame: pd.DataFrame, by: str, *, beside: Sequence[str] = ()) -> np.ndarray:
        """Mark the kept rows whose values an earlier kept row has, all of them but those of the columns ``beside``.

        Only rows that share ``by`` are compared.
        """
        repeated = np.zeros(len(frame), dtype=bool)
        at = np.flatnonzero(self.keep)
        at = at[frame[by].iloc[at].duplicated(keep=False)]
        if len(at):
            repeated[at] = frame.iloc[at].drop(columns=list(beside)).duplicated()
        return repeated

    def staged(self, frame: pd.DataFrame, duplicate: np.ndarray | None = None) -> Staged:
        """Close the account: ``frame`` has all the rows of the raw table; ``duplicate`` marks repeats among the kept ones."""
        repeated = self.keep & duplicate if duplicate is not None else np.zeros(len(self.keep), dtype=bool)
        at = self.keep & ~repeated
        out = pd.concat([self.provenance(at), frame[at].reset_index(drop=True)], axis=1)
        rejects = self.rejects()
        self.warn("duplicates", int(repeated.sum()), "identical repeats, counted once")
        tally = Tally(self.n_records, len(out), len(rejects), int(repeated.sum()), self.out_of_scope)
        return Staged(self.source_id, out, rejects, tally.asserted(str(self.raw.place())), tuple(self.findings))

    def narrowed(self) -> Sieve:
        """Return a sieve over the kept rows only, with the same account: what has left is not looked at again."""
        raw, at = self.raw, self.keep
        if at.all():
            return self
        geometry = None if raw.geometry is None else raw.geometry[at]
        frame = raw.frame[at].reset_index(drop=True)
        kept = replace(raw, frame=frame, rows=raw.rows[at], geometry=geometry, broken=(), notes=())
        smaller = Sieve(kept, self.source_id)
        smaller.n_records, smaller.out_of_scope = self.n_records, self.out_of_scope
        smaller.findings, smaller._rejects = self.findings, self._rejects
        return smaller

    def provenance(self, at: np.ndarray) -> pd.DataFrame:
        """Return the source, sheet and row of the records of a mask."""
        rows = self.raw.rows[at]
        everywhere = np.zeros(len(rows), dtype=np.int64)
        source, sheet = (pd.array([v], dtype="str").take(everywhere) for v in (self.source_id, self.raw.sheet))
        return pd.DataFrame({"source_id": source, "sheet": sheet, "source_row": rows})

    def rejects(self) -> pd.DataFrame:
        """Return the rejected rows, in the order of the file."""
        if not self._rejects:
            return no_rejects()
        return pd.concat(self._rejects, ignore_index=True)[REJECT_COLUMNS].sort_values(
            "row", kind="stable", ignore_index=True
        )

    def _broken(self) -> pd.DataFrame:
        """Reject the reader's broken rows; what broke them, when it is no rule of ours, stays in the message."""
        rows = [
            (b.row, b.rule, b.message, b.raw) if b.rule in RULES else (b.row, BROKEN, f"{b.rule}: {b.message}", b.raw)
            for b in self.raw.broken
        ]
        frame = pd.DataFrame(rows, columns=["row", "rule", "message", "raw"])
        return frame.assign(source_id=self.source_id, sheet=self.raw.sheet)


def no_rejects() -> pd.DataFrame:
    """Return an empty frame of rejects."""
    return _NO_REJECTS.copy()


_NO_REJECTS = pd.DataFrame({c: pd.Series(dtype="int64" if c == "row" else "str") for c in REJECT_COLUMNS})
