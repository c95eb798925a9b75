"""Two years of a release, or one year of two: the changes between them, and why a release is not as expected."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pandas as pd
import shapely

from qpvhealth.build import accounting
from qpvhealth.errors import QpvhealthError, UsageError
from qpvhealth.facts import causes
from qpvhealth.facts.categories import STRUCTURE_TYPES
from qpvhealth.facts.generations import IN_FORCE
from qpvhealth.facts.situations import IN_QPV, SITUATIONS, VECU_DECLARED
from qpvhealth.facts.territories import TERRITORIES
from qpvhealth.indicators import changes, factors
from qpvhealth.indicators.accounts import Interval
from qpvhealth.publish import diff, expectations, selection, sentences
from qpvhealth.publish.diff import Compared, Releases
from qpvhealth.publish.expectations import CONFORM, name_of
from qpvhealth.publish.release import open_release
from qpvhealth.publish.selection import View
from qpvhealth.rules.levels import HEADLINE
from qpvhealth.spatial.projection import WGS84, to_territory_metres
from qpvhealth.studies.figures import view

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date
    from pathlib import Path

    from qpvhealth.build.accounting import Extract
    from qpvhealth.publish.expectations import Expectations
    from qpvhealth.publish.release import Release

SITUATION_OF_INDICATOR = {"n_in_qpv": IN_QPV, "n_vecu_declared": VECU_DECLARED, "n_country": diff.ALL}
TYPE_OF_SCOPE = {"msp": "MSP", "cds": "CDS", "msp_cds": diff.ALL}


def years(release: Release, old: int, new: int) -> Compared:
    """Account for the changes between two vintages of a release, consecutive or not, in either order.

    Raises UsageError for a vintage that the release does not hold, or for the same one twice.
    """
    interval = interval_of(release, old, new)
    accounted = release.table("changes")
    between = accounted[(accounted["from_year"] == old) & (accounted["to_year"] == new)]
    if between.empty:
        rules = {y: selection.in_force(release, y) for y in (old, new)}
        rule = str(release.manifest["settings"].get("vecu_rule", "declared"))
        between = accounting.between(_extracts(release), interval, release.table("links"), rules, near_rule=rule)
    generations = (*sorted(release.table("neighbourhoods")["generation"].unique()), IN_FORCE)
    days = (interval.from_date, interval.to_date)
    return Compared(f"{old}", f"{new}", *days, between, _names(release), generations, invented=release.invented)


def releases(old: Release, new: Release, year: int) -> Compared:
    """Account for the changes of one vintage between two releases: data, contours, settings or code.

    Both count the same date, so that nothing opens or closes: a record that comes or goes was registered late, or left. A
    situation that changes for the same point and answer is a contour where a QPV around it, or the nearest, was edited; else a
    change of what is counted (scope): of the settings where they differ, of the code otherwise. Where a point moved too, the
    whole change is its own, and the row says that another order would differ.
    """
    interval = Interval(year, year, _dates(old, year)[0], _dates(new, year)[0])
    sides = {"from": _extracts(old)(year), "to": _extracts(new)(year)}
    in_force = {"from": selection.in_force(old, year), "to": selection.in_force(new, year)}
    generations = (*sorted(set(sides["from"].by_generation) & set(sides["to"].by_generation)), IN_FORCE)
    parts = []
    for name in generations:
        used = {s: in_force[s] if name == IN_FORCE else dict.fromkeys(TERRITORIES, name) for s in sides}
        before, after = (accounting.view(sides[s], used[s], used[s]) for s in ("from", "to"))
        # what a point that did not move gave in the first release; what one that did would have given is not known
        there = before.set_index("finess_et").reindex(after["finess_et"]).reset_index(drop=True)
        far = ((after["x"] - there["x"]) ** 2 + (after["y"] - there["y"]) ** 2) ** 0.5 > factors.SAME_POINT_M
        moved = far | (after["x"].isna() != there["x"].isna()) | (after["location_status"] != there["location_status"])
        own = moved | there["place"].isna()
        after = after.assign(**{f"{c}_other": after[c].where(own, there[c]) for c in ("place", "around")})
        parts.append(changes.account(before, after, interval, new.table("links")).assign(generation=name))
    changed = pd.concat(parts, ignore_index=True)[changes.COLUMNS]
    attributed = changed.assign(
        cause=changed["cause"].where(changed["cause"] != causes.CONTOUR, _by_polygon(changed, old, new, year))
    )
    names, days = _names(old) | _names(new), (interval.from_date, interval.to_date)
    invented = old.invented or new.invented
    return Compared(old.id, new.id, *days, attributed, names, generations, Releases(old, new), invented)


def interval_of(release: Release, old: int, new: int) -> Interval:
    """Name the interval between two vintages of a release. Raises UsageError for one it does not hold."""
    first, last = _dates(release, old, new)
    if old == new:
        raise UsageError(f"{old} twice: two different vintages are needed")
    covers = release.table("extracts").set_index("year").loc[[old, new], "covers"]
    return Interval(old, new, first, last, *(None if pd.isna(c) else frozenset(c.split(",")) for c in covers))


def _dates(release: Release, *years: int) -> list[date]:
    """Return the reference dates of vintages. Raises UsageError for those that the release does not hold."""
    days = release.table("extracts").set_index("year")["reference_date"].dt.date
    if missing := [y for y in years if y not in days.index]:
        years_there = ", ".join(map(str, days.index))
        raise UsageError(f"{release.folder.name}: no vintage {', '.join(map(str, missing))}; it holds {years_there}")
    return [days[year] for year in years]


def _names(release: Release) -> dict[str, str]:
    rows = release.table("structures", columns=["finess_et", "year", "name"]).dropna().sort_values("year")
    return dict(zip(rows["finess_et"], rows["name"], strict=True))


def _extracts(release: Release) -> Callable[[int], Extract]:
    """Read the extracts of a release back, points in the metres of their territory."""
    structures = release.table("structures")
    points = structures["geometry"].to_numpy(dtype=object)
    x, y = to_territory_metres(shapely.get_x(points), shapely.get_y(points), structures["territory"], WGS84)
    plain = pd.DataFrame(structures.drop(columns="geometry")).assign(x=x, y=y)
    rows, places = accounting.by_year(plain), accounting.by_year(release.table("structure_locations"))
    distance = release.manifest["settings"]["vecu_distance_m"]
    return accounting.extracts(rows, places, release.table("out_of_scope"), distance)


def _by_polygon(changed: pd.DataFrame, old: Release, new: Release, year: int) -> pd.Series:
    """Name a change of situation at the same point: contour where the QPV around it or nearest was edited, else scope."""
    shapes = []
    for release in (old, new):
        rows = release.table("neighbourhoods")
        keys = pd.MultiIndex.from_frame(rows[["generation", "qpv_code"]])
        shapes.append(pd.Series(shapely.to_wkb(rows["geometry"].to_numpy(dtype=object)), index=keys))
    names = shapes[0].index.union(shapes[1].index)
    before, after = (side.reindex(names) for side in shapes)
    edited = names[(before != after).to_numpy()]
    concerned = pd.Series(data=False, index=changed.index)
    for release, side in ((old, "from"), (new, "to")):
        places = release.table("structure_locations")
        places = places[places["year"] == year].set_index(["finess_et", "generation"])
        deciding = places["qpv_code"].fillna(places["nearest_qpv_code"])  # the QPV around it, else the nearest
        keys = pd.MultiIndex.from_frame(changed[[f"finess_et_{side}", f"generation_{side}"]])
        pairs = pd.MultiIndex.from_arrays([changed[f"generation_{side}"], deciding.reindex(keys)])
        concerned |= pairs.isin(edited)
    return concerned.map({True: causes.CONTOUR, False: causes.SCOPE})


def expected(release: Release, path: Path) -> tuple[View, ...]:
    """Hold a release against a file of expected counts, and take the differences apart by cause.

    ``expectations.differing`` says of the first answer whether some figure is not as expected; the second is there when one is.
    """
    figures_expected = expectations.read(path)
    compared = expectations.compare(figures_expected, release)
    shown = view(release, "expected", compared)
    if not expectations.differing(compared):
        return (shown,)
    return shown, _unexpected_causes(release, figures_expected, compared)


def _unexpected_causes(release: Release, expected: Expectations, compared: pd.DataFrame) -> View:
    """Take the counts that are not as expected apart by cause: one row per figure and cause.

    ``compared``: what ``expectations.compare`` returned for ``expected``. Between the release that the figures were made from and this
    one, for the same vintage, where it is in the same folder: the causes then sum to the difference. Else since the vintage before,
    and a note says so.
    """
    wrong = [r for r, v in zip(expected.rows, compared["verdict"], strict=True) if v != CONFORM]
    cells = {name_of(r): _cell(r) for r in wrong}
    release_id, before = expected.made_from.get("release"), None
    with suppress(QpvhealthError):  # the folder of releases may no longer hold it
        before = open_release(release.folder.parents[1], str(release_id)) if release_id else None
    if before is not None and before.id == release.id:
        before = None
    wrong_years = {int(r["year"]) for r in wrong if cells[name_of(r)] is not None}
    differences = {year: _difference(release, before, year) for year in wrong_years}
    parts = []
    for row in wrong:
        cell, between = cells[name_of(row)], differences.get(int(row["year"]))
        if cell is None or between is None or cell["generation"] not in between.generations:
            continue
        where = diff.Where(cell["generation"], cell["level"], cell["area_code"])
        table = diff.causes_table(between, where, situation=cell["situation"])
        of_type = table[table["structure_type"] == cell["structure_type"]]
        shown = of_type.assign(figure=name_of(row), between=f"{between.old} et {between.new}")
        parts.append(shown)
    titles = selection.titles_of("expected-causes")
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*titles])
    mute = [name for name, cell in cells.items() if cell is None]
    notes = [
        *([sentences.note("since_year")] if parts and before is None else []),
        *([sentences.note("not_structures", names=" ; ".join(mute))] if mute else []),
    ]
    titles |= {"data": "Données"}
    shown = frame.assign(data="inventées" if release.invented else "")[[*titles]]
    listed = selection.behind("expected-causes", shown, release)
    sides = (f"{between.old} et {between.new}" for between in differences.values() if between is not None)
    english = diff.ENGLISH | {words: words.replace(" et ", " and ") for words in sides}
    return View("expected-causes", shown, titles, tuple(notes), listed, english)


def _cell(row: Mapping[str, Any]) -> dict[str, str] | None:
    """Name the stock of structures that a figure counts; null when it counts anything else."""
    if "indicator" in row:
        situation, kind = SITUATION_OF_INDICATOR.get(row["indicator"]), TYPE_OF_SCOPE.get(row["scope"])
    else:
        situation, kind = row["situation"], row["structure_type"] if row["modality"] == diff.ALL else None
    ours = situation in (*SITUATIONS, diff.ALL) and kind in (*STRUCTURE_TYPES, diff.ALL) and row["level"] in HEADLINE
    where = {k: str(row[k]) for k in ("generation", "level", "area_code")}
    return {"situation": str(situation), "structure_type": str(kind), **where} if ours else None


def _difference(release: Release, before: Release | None, year: int) -> Compared | None:
    """Account for the changes behind the figures of a vintage; null where there is nothing to compare it with."""
    there = sorted(int(y) for y in release.table("extracts")["year"])
    if year not in there:
        return None
    if before is not None:
        return releases(before, release, year) if year in set(before.table("extracts")["year"]) else None
    at = there.index(year)
    return years(release, there[at - 1], year) if at else None
