"""Codes of communes carried to a common date, that of the last event: whatever is compared by commune speaks of the same ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.contract.keys import among
from qpvhealth.contract.rules import Finding
from qpvhealth.facts.commune_events import Event, shipped, successors
from qpvhealth.facts.territories import COLLECTIVITY_COMMUNES, department_of_commune
from qpvhealth.ingest.cleaning import translated

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

COLUMNS = ["source_id", "code_from", "code_to", "carried_on", "n_rows"]
CODE_AS_WRITTEN = "code_as_written"
_CODES, _LISTS, _OF_LEVEL, _LEVELS = (
    ("commune_code", "commune_found"),
    ("commune_codes",),
    ("area_code", "code"),
    ("commune", "point"),
)
SHOWN = 3


@dataclass
class CommuneHistory:
    """What became of each code that is no more, and which codes of which source were carried (``carried``: lists of ``COLUMNS``)."""

    successors: dict[str, tuple[str, date]] = field(default_factory=dict)
    names: pd.DataFrame = field(default_factory=pd.DataFrame)
    carried: list[pd.DataFrame] = field(default_factory=list)

    @classmethod
    def of(cls, frames: Iterable[pd.DataFrame]) -> CommuneHistory:
        """Put the events of cards on top of those of the package; ``names``: the former names of communes, by their code of now."""
        events = list(shipped())
        for frame in frames:
            rows = zip(*(frame[c] for c in ("code_from", "event_on", "code_to", "name_from")), strict=True)
            events += [Event(a, on.date(), b, "" if pd.isna(name) else name) for a, on, b, name in rows]
        now = successors(events)
        named = [(now.get(e.code_from, (e.code_from,))[0], e.name) for e in events if e.name]
        named += [(code, name) for name, code in COLLECTIVITY_COMMUNES.items()]
        names = pd.DataFrame(named, columns=["area_code", "label"]).drop_duplicates(ignore_index=True)
        return cls(now, names)

    def carry(self, source_id: str, frame: pd.DataFrame) -> tuple[pd.DataFrame, Sequence[Finding]]:
        """Return a staged frame with its codes of communes carried, and the finding that lists them.

        Columns: ``commune_code``, ``commune_found`` and the comma-separated ``commune_codes``; ``area_code`` or ``code`` of rows whose
        ``level`` is a commune, which also get ``code_as_written`` and stand after the rows whose code did not change.
        """
        out, moved = frame, []
        for column in [
            c for c in (*_CODES, *_LISTS, *_OF_LEVEL) if c in frame and ("level" in frame or c not in _OF_LEVEL)
        ]:
            own = frame[column] if column not in _OF_LEVEL else frame[column].where(frame["level"].isin(_LEVELS))
            listed = column in _LISTS
            if listed:
                new = translated(own, self._list)
                at = (new != own) & own.notna()
            else:
                at = among(own, self.successors)
                new = own.mask(at, own[at].map(self._one).astype("str"))
            if at.any():
                out = out.assign(**{column: out[column].mask(at, new)})
                codes = own[at].str.split(",").explode() if listed else own[at]
                moved.append(codes[codes.isin(self.successors)])
            if column in _OF_LEVEL and at.any():
                out = pd.concat([out[~at], out[at]]).assign(**{CODE_AS_WRITTEN: frame[column]}).reset_index(drop=True)
            if column == "commune_code" and "department_code" in frame and at.any():
                out = out.assign(
                    department_code=out["department_code"].mask(at, translated(new, department_of_commune))
                )
        if not moved:
            return out, ()
        counts = pd.concat(moved).value_counts().sort_index()
        rows = [(source_id, code, *self.successors[code], n) for code, n in counts.items()]
        self.carried.append(pd.DataFrame(rows, columns=COLUMNS))
        shown = ", ".join(f"{code} → {now} ({on})" for _, code, now, on, _ in rows[:SHOWN]) + (
            ", …" if len(rows) > SHOWN else ""
        )
        return out, (Finding("commune-carried", int(counts.sum()), f"card {source_id}: {shown}", len(frame)),)

    def table(self) -> pd.DataFrame:
        """Return what was carried: ``COLUMNS``, one row per source and code."""
        return pd.concat([pd.DataFrame(columns=COLUMNS), *self.carried], ignore_index=True)

    def _one(self, code: str) -> str:
        return self.successors[code][0] if code in self.successors else code

    def _list(self, codes: str) -> str:
        return ",".join(dict.fromkeys(self._one(code) for code in codes.split(",")))
