"""The areas of a release: which it knows at each level, and the rows of a table that lie in one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.errors import UsageError
from qpvhealth.facts.territories import (
    DEPARTMENT_REGION,
    DEPARTMENT_TERRITORY,
    NO_REGION,
    REGIONS,
    department_of_commune,
    department_of_qpv,
)
from qpvhealth.publish import selection
from qpvhealth.rules.levels import COUNTRY, HEADLINE, LEVELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from qpvhealth.publish.release import Release
    from qpvhealth.publish.selection import Filters

_PARTS = {
    "region": ("region", "department", "epci", "commune", "qpv"),
    "department": ("department", "epci", "commune", "qpv"),
}
"""The levels whose areas lie in a region or département."""


def labels(release: Release, level: str) -> dict[str, str]:
    """Return the areas that a release knows at a level, by code, with the name of each where it has one.

    Known: what it counts or names, and what its QPV lie in.
    """
    rows = release.table("areas")
    names = rows[rows["level"] == level].set_index("area_code")["label"].to_dict()
    return {code: str(names.get(code) or "") for code in sorted({*map(str, names), *_codes(release, level)})}


def _codes(release: Release, level: str) -> Iterator[str]:
    counted = release.table("yearly_counts", columns=["level", "area_code"])
    yield from counted.loc[counted["level"] == level, "area_code"].unique()
    quarters, column = release.table("neighbourhoods", geometry=False), LEVELS[level]
    if f"{level}_codes" in quarters.columns:
        yield from quarters[f"{level}_codes"].dropna().str.split(",").explode().unique()
    elif column is not None:
        yield from quarters[column].dropna().unique()


def refuse_unknown(release: Release, level: str, code: str) -> None:
    """Raise UsageError, with the codes and names that are near, for an area that nothing in the release names."""
    selection.refuse_unknown(code, labels(release, level), level)


def named(releases: Iterable[Release], level: str | None, code: str | None) -> tuple[str, str]:
    """Return the level and code of an area of some releases, named in whole or by its code alone; the country by default.

    Raises UsageError for a code that none of them knows, that is one of several levels (11 is a region and a département), or is lacking.
    """
    by_level = {
        name: {code: label for release in releases for code, label in labels(release, name).items()}
        for name in HEADLINE
    }
    if code is None:
        if level not in (None, "country"):
            raise UsageError(f"which {level}? Name its code with --area: {', '.join(by_level[str(level)])}")
        return "country", COUNTRY
    if level is not None:
        selection.refuse_unknown(code, by_level[level], level)
        return level, code
    levels = [name for name, there in by_level.items() if code in there]
    if len(levels) > 1:
        raise UsageError(f'area "{code}" could be a {" or a ".join(levels)}: name which with --level')
    if not levels:
        every = {f"{name}:{c}": label for name, there in by_level.items() for c, label in there.items()}
        selection.refuse_unknown(code, every, "area")
    return levels[0], code


def departments(release: Release, level: str, code: str) -> list[str]:
    """Return the départements of an area; of a QPV that the release does not have, the one that its code names."""
    if level == "country":
        return [*DEPARTMENT_TERRITORY]
    if level == "territory":
        return [d for d, territory in DEPARTMENT_TERRITORY.items() if territory == code]
    if level == "region":
        return (
            [*REGIONS[code][1]] if code in REGIONS else [d for d in DEPARTMENT_TERRITORY if d not in DEPARTMENT_REGION]
        )
    if level in ("epci", "qpv"):
        rows = release.table("structures" if level == "epci" else "neighbourhoods", geometry=False)
        there = rows.loc[rows[LEVELS[level]] == code, "department_code"].dropna().unique()
        return [*there] or ([department_of_qpv(code)] if level == "qpv" else [])
    return [code if level == "department" else department_of_commune(code)]


def covered(release: Release, year: int, level: str, code: str) -> bool | None:
    """Say whether the extract of a year covers an area: yes, no, or null for a part of it."""
    extracts = release.table("extracts")
    covers = extracts.loc[extracts["year"] == year, "covers"].iloc[0]
    if not isinstance(covers, str):
        return True
    own = set(departments(release, level, code))
    inside = own & set(covers.split(","))
    return None if inside and inside != own else bool(inside)


def level_of(level: str | None, filters: Filters) -> str:
    """Return the level to show: the one asked for, else that of the area, else the country.

    Raises UsageError for a level that no region or département can limit.
    """
    area = "department" if filters.department else "region" if filters.region else "country"
    levels = _PARTS.get(area, LEVELS)
    if level is not None and level not in levels:
        raise UsageError(f"level {level} has no part in a {area}: leave --level out, or name {', '.join(levels)}")
    return level or area


def within(release: Release, rows: pd.DataFrame, filters: Filters, level: str | None = None) -> pd.DataFrame:
    """Select the rows of a region or département.

    ``level``: of rows that count areas of a level (``area_code``), those that lie in it, at least in part; null: of structures or QPV.
    Raises UsageError for an area that the release does not know, for two that exclude each other, and where nothing is counted in it.
    """
    region, department = filters.region, filters.department
    for name, code in (("region", region), ("department", department)):
        if code is not None:
            refuse_unknown(release, name, code)
    if region is not None and department is not None and DEPARTMENT_REGION.get(department) != region:
        raise UsageError(f"department {department} is not in region {region}: name one of the two")
    chosen = {"region_code": region, "department_code": department}
    for column, code in chosen.items():
        if code is None:
            continue
        if level is None:
            rows = rows[rows[column].fillna(NO_REGION) == code]
        else:
            rows = rows[rows["area_code"].isin(_parts(release, level, column, code))]
    if level is not None and rows.empty and (region or department):
        place = f"department {department}" if department else f"region {region}"
        raise UsageError(f"nothing is counted at level {level} in {place}: no structure there, or no QPV")
    return rows


def _parts(release: Release, level: str, column: str, code: str) -> set[str]:
    """Return the areas of a level that lie in a region or département, at least in part."""
    own = LEVELS[level]
    if own == column:
        return {code}
    if level == "qpv":
        tables = ["neighbourhoods"]
    else:
        tables = [name for name in ("structures", "other_structures") if name in release.tables]
    read = [release.table(name, columns=[column, str(own)]) for name in tables]
    placed = pd.concat(read)
    return set(placed.loc[placed[column].fillna(NO_REGION) == code, own].dropna())
