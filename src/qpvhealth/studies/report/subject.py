"""What a report is about: a release, a year and the one before, an area; and the figures of the published tables there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.errors import UsageError
from qpvhealth.facts.generations import IN_FORCE
from qpvhealth.facts.situations import UNKNOWN
from qpvhealth.facts.territories import DEPARTMENT_REGION, DEPARTMENT_TERRITORY, METROPOLE, REGIONS
from qpvhealth.publish import selection, sentences
from qpvhealth.publish.report.content import Bounded
from qpvhealth.publish.report.words import say

if TYPE_CHECKING:
    from datetime import date

    from qpvhealth.publish.release import Release

ALL, COUNTRY = "all", "country"
LEVELS = (COUNTRY, "region", "department")
STRUCTURE = ["finess_et", "year", "name", "structure_type", "modality", "city", "commune_code", "department_code"]
STRUCTURE += ["region_code", "territory", "is_in_stock"]
LOCATION = ["finess_et", "year", "generation", "situation", "qpv_code", "nearest_qpv_code", "distance_m"]
LOCATION += ["vecu_declared", "is_fragile"]


@dataclass(frozen=True)
class Subject:
    """One release, one year with the extract before it (null where there is none), one area; counts in the QPV in force."""

    release: Release
    year: int
    before: int | None
    level: str = COUNTRY
    code: str = "FR"

    @classmethod
    def of(
        cls, release: Release, *, year: int | None = None, region: str | None = None, department: str | None = None
    ) -> Subject:
        """Choose the last year unless one is named. Raises UsageError for an unknown year or area, or for two areas at once."""
        years = sorted(int(y) for y in release.table("extracts")["year"])
        if not years:
            raise UsageError("this release has no extract of structures: there is nothing to report")
        chosen = years[-1] if year is None else year
        selection.refuse_unknown(chosen, years, "year")
        if region is not None and department is not None:
            raise UsageError("a report is of one area: --region or --department, not both")
        if region is not None:
            selection.refuse_unknown(region, [*REGIONS], "region")
        if department is not None:
            selection.refuse_unknown(department, [*DEPARTMENT_TERRITORY], "département")
        level = "region" if region else "department" if department else COUNTRY
        before = max((y for y in years if y < chosen), default=None)
        return cls(release, chosen, before, level, region or department or "FR")

    @cached_property
    def days(self) -> dict[int, date]:
        """The reference date of each year."""
        extracts = self.release.table("extracts")
        return {int(y): d for y, d in zip(extracts["year"], extracts["reference_date"].dt.date, strict=True)}

    @property
    def day(self) -> date:
        """The reference date of the year."""
        return self.days[self.year]

    @property
    def years(self) -> tuple[int, ...]:
        """The year before where there is one, and the year."""
        return (self.year,) if self.before is None else (self.before, self.year)

    @property
    def interval(self) -> str:
        """The interval since the extract before, by its two dates."""
        return sentences.interval(self.days[self.before], self.day) if self.before is not None else ""

    @cached_property
    def name(self) -> str:
        """The name of the area."""
        areas = self.release.table("areas")
        rows = areas[(areas["level"] == self.level) & (areas["area_code"] == self.code)]["label"]
        names = {"region": REGIONS.get(self.code, (self.code,))[0], COUNTRY: "France"}
        return str(rows.iloc[0]) if len(rows) else names.get(self.level, f"Département {self.code}")

    @property
    def where(self) -> str:
        """The area in a sentence: « en France », « en région Bretagne (53) »; of a part of it where the extract covers no more."""
        words = "unnamed" if self.name == f"Département {self.code}" else self.level
        where = say(f"where.{words}", name=self.name, code=self.code)
        return where if self.covered(self.year) is not None else say("where.part", where=where)

    @property
    def regions(self) -> list[str]:
        """The regions whose ARS answer for the area."""
        if self.level == COUNTRY:
            return sorted(REGIONS)
        region = self.code if self.level == "region" else DEPARTMENT_REGION[self.code]
        return [region] if region in REGIONS else []

    @cached_property
    def departments(self) -> list[str]:
        """The départements of the area."""
        members = {COUNTRY: list(DEPARTMENT_TERRITORY), "department": [self.code]}
        return members.get(self.level) or list(REGIONS[self.code][1])

    def perimeters(self, year: int) -> str:
        """Name the generations of QPV in force in the area at the date of a year."""
        rule = selection.in_force(self.release, year)
        names = sorted({g for d in self.departments if (g := rule.get(DEPARTMENT_TERRITORY[d])) is not None})
        return " et ".join(f"QPV {n.removeprefix('qpv-')}" for n in names) or "aucun QPV"

    def covered(self, year: int) -> bool | None:
        """Say whether the extract of a year covers the area: yes, no, or null for a part of it."""
        extracts = self.release.table("extracts")
        covers = extracts.loc[extracts["year"] == year, "covers"].iloc[0]
        if not isinstance(covers, str):
            return True
        inside = set(self.departments) & set(covers.split(","))
        return None if inside and inside != set(self.departments) else bool(inside)

    def figure(
        self, indicator: str, scope: str = "msp_cds", year: int | None = None, region: str | None = None
    ) -> Bounded:
        """Return an indicator of the area, or of a region, with its bounds; null where the release has none or does not know it."""
        row = self.indicator(indicator, scope, year, region)
        return Bounded(None, None, None) if row is None else Bounded(*map(_plain, row[["value", "lower", "upper"]]))

    def indicator(
        self, indicator: str, scope: str = "msp_cds", year: int | None = None, region: str | None = None
    ) -> pd.Series | None:
        """Return the row of an indicator of the area, or of a region; null where the release has none."""
        level, code = (self.level, self.code) if region is None else ("region", region)
        return self._indicators.get((indicator, self.year if year is None else year, level, code, scope))

    @cached_property
    def _indicators(self) -> dict[tuple[str, int, str, str, str], pd.Series]:
        rows = self.release.table("indicators")
        rows = rows[(rows["generation"] == IN_FORCE) & rows["year"].isin(self.years) & rows["level"].isin(LEVELS)]
        rows = rows[((rows["level"] == self.level) & (rows["area_code"] == self.code)) | (rows["level"] == "region")]
        keys = zip(*(rows[c] for c in ("indicator", "year", "level", "area_code", "scope")), strict=True)
        return {(i, int(y), lv, a, s): rows.iloc[k] for k, (i, y, lv, a, s) in enumerate(keys)}

    def stock(self, situation: str, kind: str = ALL, modality: str = ALL, year: int | None = None) -> int | None:
        """Return a count of structures of the area; null where the extract does not cover it, 0 where it counts none."""
        at = self.year if year is None else year
        return (
            self.count(self.level, self.code, situation, kind, modality, at) if self.covered(at) is not False else None
        )

    def count(self, level: str, code: str, situation: str, kind: str, modality: str, year: int) -> int:  # noqa: PLR0917
        """Return a cell of ``yearly_counts`` in the QPV in force; 0 where it has no row."""
        return self._counts.get((year, level, code, kind, modality, situation), 0)

    @cached_property
    def _counts(self) -> dict[tuple[int, str, str, str, str, str], int]:
        rows = self.release.table("yearly_counts")
        rows = rows[(rows["generation"] == IN_FORCE) & rows["year"].isin(self.years) & rows["level"].isin(LEVELS)]
        columns = ("year", "level", "area_code", "structure_type", "modality", "situation", "n_structures")
        return {(int(y), *key): int(n) for y, *key, n in zip(*(rows[c] for c in columns), strict=True)}

    @cached_property
    def answers(self) -> frozenset[tuple[int, str, str]]:
        """The answers of the ARS: year, region and structure type where one said yes or no of some structure."""
        places = self.release.table("structure_locations", columns=["finess_et", "year", "vecu_declared"])
        places = places[places["year"].isin(self.years) & (places["vecu_declared"] != UNKNOWN)]
        kinds = self.release.table("structures", columns=["finess_et", "year", "structure_type", "region_code"])
        rows = places.merge(kinds, on=["finess_et", "year"]).dropna(subset="region_code")
        rows = rows[["year", "region_code", "structure_type"]].drop_duplicates()
        return frozenset((int(y), r, k) for y, r, k in zip(*(rows[c] for c in rows.columns), strict=True))

    def structures(self, year: int) -> pd.DataFrame:
        """Return the stock of the area with where each structure is in the QPV in force; one row a structure, by number."""
        rows = self.release.table("structures", columns=STRUCTURE)
        rows = rows[(rows["year"] == year) & rows["is_in_stock"].fillna(value=False).astype(bool)]
        places = self.release.table("structure_locations", columns=LOCATION)
        places = places[places["year"] == year]
        generation = rows["territory"].fillna(METROPOLE).map(selection.in_force(self.release, year))
        joined = rows.assign(generation=generation).merge(places, on=["finess_et", "year", "generation"], how="left")
        return self.within(joined).sort_values("finess_et", ignore_index=True)

    def quarters(self, year: int) -> pd.DataFrame:
        """Return the coverage of the QPV in force in the area, by code, with ``n_structures`` inside (null where unknown)."""
        rows = self.release.table("neighbourhood_coverage")
        rows = rows[rows["year"] == year]
        rows = self.within(rows[rows["generation"] == rows["territory"].map(selection.in_force(self.release, year))])
        counted = rows["n_msp_in"] + rows["n_cds_in"]
        known = rows["is_covered_in"].notna()
        return rows.assign(n_structures=counted.where(known)).sort_values("qpv_code", ignore_index=True)

    def within(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Select the rows of the area, by ``region_code`` or ``department_code``."""
        return rows if self.level == COUNTRY else rows[rows[f"{self.level}_code"] == self.code]


def _plain(value: float) -> float | None:
    return None if pd.isna(value) else float(value)
