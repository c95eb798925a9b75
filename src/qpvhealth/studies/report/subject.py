"""What a report is about: a release, a year and the one before, an area; and the figures of the published tables there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from qpvhealth.errors import UsageError
from qpvhealth.facts.generations import IN_FORCE
from qpvhealth.facts.situations import IN_QPV, LOCATED, UNKNOWN
from qpvhealth.facts.territories import (
    DEPARTMENT_REGION,
    DEPARTMENT_TERRITORY,
    METROPOLE,
    NO_REGION,
    REGIONS,
)
from qpvhealth.publish import areas, bounds, selection, sentences
from qpvhealth.publish.bounds import Bounded
from qpvhealth.publish.report import words
from qpvhealth.publish.report.content import (
    AUDIENCES,
    INTERNAL,
    MIN_SHARE_BASE,
    NOT_SHOWN,
    PUBLIC,
    Column,
    single_line,
    text,
)
from qpvhealth.studies.report import local

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from qpvhealth.publish.release import Release
    from qpvhealth.publish.report.content import Audience, Unit
    from qpvhealth.publish.sentences import Language

ALL, COUNTRY = "all", "country"
REGION, DEPARTMENT, COMMUNE, QPV = "region", "department", "commune", "qpv"
LEVELS = (COUNTRY, REGION, DEPARTMENT)
"""The levels whose figures are published; those of a commune or a QPV are summed from their rows."""
STRUCTURE = ["finess_et", "year", "name", "structure_type", "modality", "city", "commune_code", "department_code"]
STRUCTURE += ["region_code", "territory", "is_in_stock", "source_id", "source_row"]
LOCATION = ["finess_et", "year", "generation", "situation", "qpv_code", "nearest_qpv_code", "distance_m"]
LOCATION += ["vecu_declared", "is_fragile"]
PLACE = ("department_code", "commune_code")
Area = tuple[str, str]
"""An area: its level and code."""


@dataclass(frozen=True)
class Subject:
    """One release, one year with the extract before it (null where there is none), one area; counts in the QPV in force.

    ``language``: of the document; ``audience``: who reads it, by which undecided projects, free text and names of persons are in it.
    """

    release: Release
    year: int
    before: int | None
    level: str = COUNTRY
    code: str = "FR"
    language: Language = "fr"
    audience: Audience = INTERNAL

    @classmethod
    def of(
        cls,
        release: Release,
        *,
        year: int | None = None,
        language: Language = "fr",
        audience: Audience = INTERNAL,
        **named: str | None,
    ) -> Subject:
        """Choose the last year unless one is named, and the area named by its level: ``region="53"``, ``commune="35238"``.

        Raises UsageError for an unknown year or area, or for two areas at once.
        """
        years = sorted(int(y) for y in release.table("extracts")["year"])
        if not years:
            raise UsageError("this release has no extract of structures: there is nothing to report")
        chosen = years[-1] if year is None else year
        selection.refuse_unknown(chosen, years, "year")
        selection.refuse_unknown(audience, AUDIENCES, "audience")
        areas_named = {level: code for level, code in named.items() if code is not None}
        if len(areas_named) > 1:
            raise UsageError(f"a report is of one area: {' or '.join(f'--{level}' for level in areas_named)}, not both")
        level, code = next(iter(areas_named.items()), (COUNTRY, "FR"))
        codes = {REGION: [*REGIONS], DEPARTMENT: [*DEPARTMENT_TERRITORY]}
        if level in codes:
            selection.refuse_unknown(code, codes[level], level)
        elif level != COUNTRY:
            areas.refuse_unknown(release, level, code)
        before = max((y for y in years if y < chosen), default=None)
        return cls(release, chosen, before, level, code, language, audience)

    def say(self, key: str, **facts: Any) -> str:  # noqa: ANN401
        """Write a sentence in the language of the document (see ``words.say``)."""
        return words.say(key, self.language, **facts)

    def text(self, value: Any, unit: Unit = "count") -> str:  # noqa: ANN401
        """Write a value in the language of the document (see ``content.text``)."""
        return text(value, unit, self.language)

    def column(self, key: str, unit: Unit = "count", rows: str = "", **facts: Any) -> Column:  # noqa: ANN401
        """Return a column under its title."""
        return Column(self.say(f"columns.{key}", **{name: str(fact) for name, fact in facts.items()}), unit, rows)

    def beside(self, figure: Bounded, unit: Unit = "count") -> str:
        """Write the bounds of a figure after it, a space before them; nothing where it is exact."""
        words = bounds.beside(figure, lambda side: self.text(side, unit), self.language)
        return f" {words}" if words else ""

    def both(self, texts: Iterable[str]) -> str:
        """Join texts by « et », each once."""
        return self.say("where.and").join(dict.fromkeys(texts))

    @property
    def is_public(self) -> bool:
        """Whether the document is for everybody."""
        return self.audience == PUBLIC

    @property
    def is_local(self) -> bool:
        """Whether the area is smaller than those whose figures are published."""
        return self.level not in LEVELS

    @property
    def has_own_answers(self) -> bool:
        """Whether the ARS answer for the area itself, and zonings are published for it: the country, a région."""
        return self.level in (COUNTRY, REGION)

    def rows_by(self, command: str) -> tuple[str, ...]:
        """Write under a table the command that lists the rows of its figures; an indicator of a commune has its rows in the annex."""
        is_listed = not (self.is_local and "--indicator" in command)
        return (self.say("page.rows", command=self.command(command)),) if is_listed else ()

    def rows_by_region(self, command: str) -> tuple[str, ...]:
        """Write the command that lists the rows of figures that are of the région of the area, or of the area where it has its own."""
        if self.has_own_answers or not self.regions:
            return self.rows_by(command)
        whole = f"qpvhealth {command} --region {self.regions[0]} --release {self.release.id}"
        return (self.say("page.rows", command=whole),)

    def command(self, words_of_it: str) -> str:
        """Write a command on this release and area: ``qpvhealth list counted --year 2019 --region 53 --release …``."""
        area = {REGION: f" --region {self.code}", DEPARTMENT: f" --department {self.code}"}
        within = area.get(self.level, f" --within {self.level}:{self.code}" if self.is_local else "")
        return f"qpvhealth {words_of_it}{within} --release {self.release.id}"

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
        if self.before is None:
            return ""
        return sentences.interval(self.days[self.before], self.day, self.language)

    def on(self, year: int | None = None) -> str:
        """Name the date of a year in a sentence."""
        return sentences.moment(self.days[self.year if year is None else year], self.language)

    @cached_property
    def name(self) -> str:
        """The name of the area, on one line; empty where the release has none."""
        table = self.release.table("areas")
        rows = table[(table["level"] == self.level) & (table["area_code"] == self.code)]["label"].dropna()
        own = {REGION: REGIONS.get(self.code, ("",))[0], COUNTRY: "France"}
        if self.level == QPV:
            rows = self.own_quarters["name"].dropna()
        elif self.level == COMMUNE and rows.empty:
            cities = self.release.table("structures", columns=["commune_code", "year", "city"]).sort_values("year")
            rows = cities.loc[cities["commune_code"] == self.code, "city"].dropna()
        return single_line(str(rows.iloc[-1])) if len(rows) else own.get(self.level, "")

    @property
    def where(self) -> str:
        """The area in a sentence: « en France », « en région Bretagne (53) »; of a part of it where the extract covers no more."""
        where = self.say(
            f"where.{self.level if self.name else f'unnamed_{self.level}'}", name=self.name, code=self.code
        )
        return where if self.covered(self.year) is not None else self.say("where.part", where=where)

    @property
    def where_it_answers(self) -> str:
        """The area that answers of ARS and zonings are of: that of the report, or the région around it."""
        if self.has_own_answers or not self.regions:
            return self.where
        (region,) = self.regions
        return self.say("where.region", name=REGIONS[region][0], code=region)

    @cached_property
    def own_quarters(self) -> pd.DataFrame:
        """The QPV of every generation that lie in the area, at least in part: code, generation, name, communes and départements."""
        columns = ["qpv_code", "generation", "name", "territory", "commune_codes", "department_code", "region_code"]
        rows = self.release.table("neighbourhoods", columns=columns)
        if self.level == QPV:
            return rows[rows["qpv_code"] == self.code]
        if self.level == COMMUNE:
            return rows[rows["commune_codes"].fillna("").str.split(",").map(lambda codes: self.code in codes)]
        return self.within(rows)

    @property
    def regions(self) -> list[str]:
        """The regions whose ARS answer for the area."""
        if self.level == COUNTRY:
            return sorted(REGIONS)
        region = self.code if self.level == REGION else DEPARTMENT_REGION.get(self.departments[0])
        return [region] if region in REGIONS else []

    @cached_property
    def departments(self) -> list[str]:
        """The départements of the area; of a QPV that its code names."""
        return areas.departments(self.release, self.level, self.code)

    @property
    def departments_with_rows(self) -> list[str]:
        """The départements of the area in which the release has a structure or a QPV, by code."""
        columns = ["department_code"]
        rows = [self.release.table(name, columns=columns) for name in ("structures", "neighbourhoods")]
        return sorted(set(pd.concat(rows)["department_code"]) & set(self.departments))

    def perimeters(self, year: int) -> str:
        """Name the generations of QPV in force in the area at the date of a year."""
        rule = selection.in_force(self.release, year)
        names = sorted({g for d in self.departments if (g := rule.get(DEPARTMENT_TERRITORY.get(d, ""))) is not None})
        return self.both(map(perimeter, names)) or self.say("where.no_qpv")

    @property
    def dated_perimeters(self) -> str:
        """The generations of QPV in force, each with its date."""
        return self.say("where.list").join(f"{self.perimeters(y)} ({self.on(y)})" for y in self.years)

    @property
    def all_perimeters(self) -> str:
        """The generations of QPV in force at both dates, in their order."""
        return self.say("where.then").join(dict.fromkeys(self.perimeters(y) for y in self.years))

    def covers_all(self, year: int) -> bool:
        """Say whether the extract of a year covers the whole country."""
        extracts = self.release.table("extracts")
        return not isinstance(extracts.loc[extracts["year"] == year, "covers"].iloc[0], str)

    def n_placeless(self, year: int) -> int:
        """Count the structures of a date that no area smaller than the country can count: of no département, or of no commune.

        A QPV counts by the point: those of no commune and no point.
        """
        if self.level == COUNTRY:
            return 0
        rows = self.release.table("structures", columns=["finess_et", "year", "is_in_stock", "location_status", *PLACE])
        rows = rows[(rows["year"] == year) & rows["is_in_stock"].fillna(value=False).astype(bool)]
        rows = rows[rows["location_status"] != LOCATED] if self.level == QPV else rows
        return int(rows[PLACE[self.is_local]].isna().sum())

    def covered(self, year: int) -> bool | None:
        """Say whether the extract of a year covers the area: yes, no, or null for a part of it."""
        return areas.covered(self.release, year, self.level, self.code)

    def figure(
        self, indicator: str, scope: str = "msp_cds", year: int | None = None, area: Area | None = None
    ) -> Bounded:
        """Return an indicator of the area, or of a région or département, with its bounds; null where the release does not know it.

        Bounds that meet are the figure: among no structures, none is of any modality.
        """
        row = self.indicator(indicator, scope, year, area)
        value, lower, upper = (None if row is None else _plain(row[side]) for side in ("value", "lower", "upper"))
        return Bounded(lower if value is None and lower == upper else value, lower, upper)

    def indicator(
        self, indicator: str, scope: str = "msp_cds", year: int | None = None, area: Area | None = None
    ) -> dict[str, Any] | None:
        """Return the row of an indicator of the area, or of a région or département; null where the release has none."""
        level, code = area or (self.level, self.code)
        return self._indicators.get((indicator, self.year if year is None else year, level, code, scope))

    def stock_figure(self, indicator: str, scope: str, year: int, area: Area | None = None) -> Bounded:
        """Return an indicator that counts structures; 0 where the extract covers the area and lists none of them."""
        if self.indicator(indicator, scope, year, area) is None and self.covers(year, area):
            return Bounded(0, 0, 0)
        return self.figure(indicator, scope, year, area)

    def share_in_qpv(self, scope: str, year: int, area: Area | None = None) -> Bounded | str:
        """Return the share of the structures of an area that stand in a QPV; a dash on a base under thirty."""
        every = self.stock_figure("n_country", scope, year, area)
        base = every.upper if every.value is None else every.value
        small = not base or base < MIN_SHARE_BASE
        return NOT_SHOWN if small else self.stock_figure("share_in_qpv", scope, year, area)

    def covers(self, year: int, area: Area | None = None) -> bool:
        """Say whether the extract of a year covers the area, or another, at least in part."""
        level, code = area or (self.level, self.code)
        if code == NO_REGION or (level == DEPARTMENT and code not in DEPARTMENT_TERRITORY):
            return True
        return areas.covered(self.release, year, level, code) is not False

    @cached_property
    def _indicators(self) -> dict[tuple[str, int, str, str, str], dict[str, Any]]:
        rows = self.release.table("indicators")
        rows = rows[(rows["generation"] == IN_FORCE) & rows["year"].isin(self.years) & rows["level"].isin(LEVELS)]
        at_level = (rows["level"] == self.level) & (rows["area_code"] == self.code)
        rows = rows[at_level | rows["level"].isin((REGION, DEPARTMENT))]
        if self.level == COMMUNE:
            own = local.indicators(self.release, self.years, self.code, self.own_quarters)
            rows = pd.concat([rows, own], ignore_index=True)
        rows = pd.concat([rows, local.by_modality(self.release, self.years, self.level, self.code)], ignore_index=True)
        keys = zip(*(rows[c] for c in ("indicator", "year", "level", "area_code", "scope")), strict=True)
        records: list[Any] = rows[["value", "lower", "upper", "denominator"]].to_dict("records")
        return {(i, int(y), lv, a, s): record for (i, y, lv, a, s), record in zip(keys, records, strict=True)}

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
        levels = {*LEVELS, self.level}
        rows = rows[(rows["generation"] == IN_FORCE) & rows["year"].isin(self.years) & rows["level"].isin(levels)]
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

    @cached_property
    def moves(self) -> pd.DataFrame:
        """The steps between both dates that enter or leave the QPV of the area, or change type in them, with their ``effect``."""
        rows = self.release.table("changes")
        rows = rows[
            (rows["generation"] == IN_FORCE) & (rows["from_year"] == self.before) & (rows["to_year"] == self.year)
        ]
        before, after = (rows[f"situation_{side}"].eq(IN_QPV) & self._is_here(rows, side) for side in ("from", "to"))
        retyped = before & after & (rows["structure_type_from"] != rows["structure_type_to"])
        moved = rows.assign(effect=after.astype("int64") - before.astype("int64"))[(before != after) | retyped]
        return moved.sort_values(["cause", "finess_et", "step"], ignore_index=True)

    def _is_here(self, rows: pd.DataFrame, side: str) -> pd.Series:
        """Say which changes are of the area before (``from``) or after (``to``)."""
        if self.level == QPV:
            return rows[f"qpv_code_{side}"] == self.code
        if self.level == COMMUNE:
            year = self.before if side == "from" else self.year
            places = self.release.table("structures", columns=["finess_et", "year", "commune_code"])
            places = places[(places["year"] == year) & (places["commune_code"] == self.code)]
            return rows[f"finess_et_{side}"].isin(set(places["finess_et"]))
        if self.level == COUNTRY:
            return pd.Series(data=True, index=rows.index)
        return rows[f"{self.level}_{side}"].fillna(NO_REGION) == self.code

    def within(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Select the rows of the area: structures by their commune, département or region, or the QPV they are in; QPV by themselves."""
        if self.level == COUNTRY:
            return rows
        if self.level == QPV or (self.level == COMMUNE and "commune_code" not in rows):
            return rows[rows["qpv_code"].isin(set(self.own_quarters["qpv_code"]))]
        return rows[rows[f"{self.level}_code"] == self.code]


def _plain(value: float) -> float | None:
    return None if pd.isna(value) else float(value)


def perimeter(generation: str) -> str:
    """Write a generation of perimeters as a report names it: QPV 2015."""
    return f"QPV {generation.removeprefix('qpv-')}" if generation.startswith("qpv-") else generation
