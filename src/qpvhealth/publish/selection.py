"""What every view of a release shares: what is asked for, what is shown, and the lines without which it would mislead."""

from __future__ import annotations

import difflib
import shlex
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Any

from qpvhealth.contract.tables import PUBLISHED
from qpvhealth.errors import UsageError
from qpvhealth.facts.generations import IN_FORCE
from qpvhealth.facts.territories import DEPARTMENT_TERRITORY, REGIONS
from qpvhealth.publish import bounds, sentences

if TYPE_CHECKING:
    import pandas as pd

    from qpvhealth.publish.release import Release

MAX_LISTED = 20
"""How many values a message lists."""
_TITLES: dict[str, dict[str, Any]] = tomllib.loads(
    resources.files(__package__).joinpath("titles.toml").read_text(encoding="utf-8")
)


@dataclass(frozen=True)
class Filters:
    """What to show: a year, a generation, an area, a type. Null shows the default or everything."""

    year: int | None = None
    generation: str | None = None
    region: str | None = None
    department: str | None = None
    structure_type: str | None = None


@dataclass(frozen=True)
class View:
    """A frame ready to be shown: rows, French column titles, and the lines without which it would mislead.

    ``behind``: the command that lists the rows behind its figures, without the name of the program; empty where its rows are the source.
    ``english``: the English of texts of its cells that no code stands for.
    """

    name: str
    frame: pd.DataFrame
    titles: dict[str, str]
    notes: tuple[str, ...] = field(default=())
    behind: str = ""
    english: Mapping[str, str] = field(default_factory=dict)


def in_force(release: Release, year: int) -> dict[str, str]:
    """Return the generation in force in each territory for a year, as the manifest of the release records it."""
    return dict(release.manifest["settings"]["in_force"].get(str(year), {}))


def current(release: Release, rows: pd.DataFrame, year: int, generation: str | None) -> pd.DataFrame:
    """Select the rows of the generation asked for, else of the one in force in each territory that year."""
    if generation and generation != IN_FORCE:
        refuse_unknown(generation, sorted(rows["generation"].unique()), "generation")
        return rows[rows["generation"] == generation]
    return rows[rows["generation"] == rows["territory"].fillna("metropole").map(in_force(release, year))]


def of_year(rows: pd.DataFrame, year: int | None) -> pd.DataFrame:
    """Select the rows of a year, all where none is asked for. Raises UsageError for a year the release does not have."""
    if year is None:
        return rows
    refuse_unknown(year, sorted(rows["year"].unique()), "year")
    return rows[rows["year"] == year]


def generation(release: Release, filters: Filters) -> str:
    """Return the generation asked for, the ones in force by default. Raises UsageError for one that was not computed."""
    generation = filters.generation or IN_FORCE
    computed = release.table("yearly_counts", columns=["generation"])["generation"].unique()
    refuse_unknown(generation, sorted(computed), "generation")
    return generation


def refuse_unknown(value: object, values: Iterable[object], what: str) -> None:
    """Raise UsageError for a value that the release does not have, with those that are near in spelling and, of a few, all.

    ``values`` may be a mapping to names: a name that is near counts as its value does.
    """
    names: Mapping[Any, str] = values if isinstance(values, Mapping) else dict.fromkeys(values, "")
    if value in names:
        return
    wanted = str(value).casefold()
    words = {word.casefold(): key for key, name in names.items() for word in (str(key), name) if word}
    alike = difflib.get_close_matches(wanted, words, n=len(words) + 1, cutoff=0.5)
    alike.sort(key=lambda w: (-difflib.SequenceMatcher(None, w, wanted).ratio(), w[:1] != wanted[:1], w))
    near = list(dict.fromkeys(words[word] for word in alike))[:5]
    shown = [f"{key} ({names[key]})" if names[key] else str(key) for key in near]
    parts = [f"near: {', '.join(shown)}"] if shown else []
    if len(names) <= MAX_LISTED or not shown:
        more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
        parts.append(f"there are: {', '.join(list(map(str, names))[:MAX_LISTED])}{more}")
    raise UsageError(f'no {what} "{value}" in this release; {"; ".join(parts)}')


def titles_of(view: str, columns: Iterable[str] = ()) -> dict[str, str]:
    """Return the French title of each column of a view that is no published table, in the order in which it shows them.

    ``columns``: those of its frame; a figure that has bounds among them is followed by theirs.
    """
    pairs, titles = bounds.of_columns(columns), dict[str, str]()
    for column, title in _TITLES[view].items():
        own = {name: words for name, words in bounds.titled(column, title).items() if name not in _TITLES[view]}
        titles |= {column: title} | (own if column in pairs else {})
    return titles


def behind(view: str, frame: pd.DataFrame, release: Release) -> str:
    """Return the command that lists the rows behind a view, filled in for its first row: ``list counted --year 2019``.

    Its line in ``[behind]`` of ``titles.toml`` names columns of the view; ``year`` is that of the last row, else of the release.
    Empty for a view without rows.
    """
    if frame.empty:
        return ""
    years = frame["year"] if "year" in frame else release.table("extracts")["year"]
    first = {str(c): shlex.quote(str(cell)) for c, cell in frame.astype("object").bfill().iloc[0].items()}
    return str(_TITLES["behind"][view]).format(**first | {"year": years.dropna().max()})


def main_columns(view: str) -> list[str]:
    """Return the columns of a view that a terminal shows first; none where all are alike."""
    return [*_TITLES["main"].get(view, ())]


def titles(table: str, columns: list[str]) -> dict[str, str]:
    """Return the labels of columns of a table, French with their English."""
    return {c.name: sentences.Sentence(c.fr, c.en) for c in PUBLISHED[table].columns if c.name in columns}


def header(release: Release, year: int | None = None) -> tuple[str, ...]:
    """Return the lines that go with any answer: the release, and the date, status and cover of each extract, or of one."""
    extracts = release.table("extracts")
    extracts = extracts if year is None else extracts[extracts["year"] == year]
    dates = [
        sentences.note("extract", year=y, day=d, status=f" ({s})" if isinstance(s, str) else "")
        for y, d, s in zip(extracts["year"], extracts["reference_date"], extracts["status"], strict=True)
    ]
    covers = [
        sentences.note("covers", year=y, where=_cover(c))
        for y, c in zip(extracts["year"], extracts["covers"], strict=True)
        if isinstance(c, str)
    ]
    return (sentences.note("release", id=release.id), *dates, *covers)


def _cover(departments: str) -> str:
    """Write a list of départements by whole regions where it can be, or by what it lacks when it lacks little."""
    codes = {d for d in departments.split(",") if d}
    if not codes:
        return sentences.note("covers_other_types")
    lacking = sorted(set(DEPARTMENT_TERRITORY) - codes)
    if len(lacking) < len(codes) / 4:
        return sentences.note("covers_but", codes=", ".join(lacking))
    whole = [(name, members) for name, members in REGIONS.values() if set(members) <= codes]
    rest = sorted(codes - {d for _, members in whole for d in members})
    return ", ".join([*(name for name, _ in whole), *rest])


def notes(release: Release, generation: str | None, year: int | None = None) -> tuple[str, ...]:
    """Return the lines that go with any figure: those of any answer, the perimeters, the rule of proximity."""
    lines = header(release, year)
    if not generation:
        return lines
    perimeters = sentences.note("in_force" if generation == IN_FORCE else "generation", generation=generation)
    settings = release.manifest["settings"]
    near = sentences.note(f"near_{settings['vecu_rule']}", metres=f"{settings['vecu_distance_m']:g}")
    return (*lines, perimeters, near)
