"""The rows behind a figure: of any count or indicator of a release, the structures, QPV or movements that it adds up.

As many rows as the figure says; inhabitants and the net change are the sum of a column of theirs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from qpvhealth.build import assembly
from qpvhealth.errors import UsageError
from qpvhealth.facts.categories import CDS, UNKNOWN
from qpvhealth.facts.generations import IN_FORCE
from qpvhealth.facts.situations import IN_QPV, SITUATIONS, UNKNOWN as NOBODY, VECU_DECLARED
from qpvhealth.facts.territories import NO_REGION
from qpvhealth.indicators import change_summary, figures as engine, headline, readings
from qpvhealth.indicators.counts import ALL, area_codes
from qpvhealth.indicators.declarations import ANY, BARE, QPV, STRUCTURES, OfQpv, OfStructures
from qpvhealth.indicators.net_change import DATED, NET
from qpvhealth.publish import areas, selection, sentences, words
from qpvhealth.publish.bounds import SIDES, Bounded
from qpvhealth.publish.rendering import in_both, plain
from qpvhealth.publish.selection import View
from qpvhealth.publish.sentences import Sentence, joined
from qpvhealth.rules.levels import COUNTRY, LEVELS
from qpvhealth.rules.proximity import Proximity
from qpvhealth.rules.scopes import HEADLINE, SCOPE_OF_TYPE, SCOPES, Scope, of_type
from qpvhealth.rules.stock import is_read
from qpvhealth.studies import figures

if TYPE_CHECKING:
    import pandas as pd

    from qpvhealth.publish.release import Release

NUMERATOR, DENOMINATOR, UNSURE = PARTS = ("numerator", "denominator", "unknown")
"""What is listed of an indicator: what it counts, its whole, or what could count and is not known to."""
INDICATORS: dict[str, OfStructures | OfQpv | None] = {
    **{i.name: i for i in STRUCTURES if i.in_table},
    **{i.name: i for i in QPV if i.in_table},
    **dict.fromkeys((NET, *DATED)),
}
"""The indicators of a release; a movement has no declaration."""


@dataclass(frozen=True)
class Figure:
    """A figure of a release: a cell of ``yearly_counts`` where ``indicator`` is null, else of ``indicators``.

    ``scope`` narrows a count too; ``situation``, ``structure_type`` and ``modality`` are those of a count.
    """

    year: int
    generation: str = IN_FORCE
    level: str = "country"
    area_code: str = COUNTRY
    indicator: str | None = None
    scope: str | None = None
    situation: str = IN_QPV
    structure_type: str = ALL
    modality: str = ALL

    @property
    def scope_name(self) -> str:
        """The scope of an indicator, both types by default."""
        return self.scope or headline.BOTH


def counted(release: Release, figure: Figure, part: str = NUMERATOR) -> View:
    """List the rows behind a figure, each with its file, sheet and row; the notes say the figure and how many rows it has.

    Raises UsageError for what the release does not have: a year, generation, area, indicator, scope, type or situation.
    """
    _refuse_unknown(release, figure, part)
    listed_rows = of_figure(release, figure, part)
    columns = [c for c in selection.titles_of("counted") if c in listed_rows.columns]
    order = [c for c in ("department_code", "structure_type", "qpv_code", "finess_et") if c in columns]
    shown = listed_rows.sort_values(order, kind="stable", ignore_index=True)[columns]
    titles = {c: title for c, title in selection.titles_of("counted").items() if c in columns}
    notes = selection.notes(release, figure.generation, figure.year)
    code = shown.rename(columns={"finess_et" if "finess_et" in columns else "qpv_code": "code"})
    listed = selection.behind("counted", code, release)
    return View("counted", shown, titles, (_words(release, figure, listed_rows, part), *notes), listed)


def of_figure(release: Release, figure: Figure, part: str = NUMERATOR) -> pd.DataFrame:
    """Return the rows of a part of a figure: structures, QPV, or movements between two extracts.

    ``is_sure``, of QPV: no structure without a place could change it. ``effect``, of movements: +1 enters, -1 leaves.
    """
    declared = INDICATORS.get(figure.indicator or "")
    if figure.indicator is None:
        rows = _counts(release, figure)
    elif declared is None:
        rows = _movements(release, figure)
    elif isinstance(declared, OfStructures):
        rows = _structures(release, declared, figure, part)
    else:
        rows = _neighbourhoods(release, declared, figure, part)
    return with_source(release, rows)


def stock(release: Release, figure: Figure, *, with_rejected: bool = False) -> pd.DataFrame:
    """Return the structures open at the date of a figure, in its perimeters; those in force keep one row a structure.

    ``with_rejected``: and the rejected rows that may be one of them, as ``figures.possible`` gives them.
    """
    kind = figure.structure_type if figure.indicator is None else figure.scope_name
    is_counted = kind in (ALL, *_COUNTED)
    if with_rejected and is_counted:
        rows = figures.possible(release)
    else:
        rows = figures.stock(release, prefix="" if is_counted else "other_")
    rows = rows[rows["year"] == figure.year]
    if figure.generation == IN_FORCE:
        return assembly.in_force_rows(rows, {figure.year: selection.in_force(release, figure.year)})
    return rows[rows["generation"] == figure.generation]


_COUNTED = ("MSP", "CDS", *SCOPES)


def _counts(release: Release, figure: Figure) -> pd.DataFrame:
    rows = stock(release, figure)
    mask = _is_in_area(rows, figure)
    for column in ("structure_type", "modality", "situation"):
        wanted = getattr(figure, column)
        mask &= (rows[column] == wanted) | (wanted == ALL)
    if figure.scope is not None:
        mask &= _scope(figure.scope).members(rows).yes
    return rows[mask]


def _structures(release: Release, declared: OfStructures, figure: Figure, part: str) -> pd.DataFrame:
    rows, settings = stock(release, figure, with_rejected=part == UNSURE), release.manifest["settings"]
    members, rule = _scope(figure.scope_name).members(rows), (settings["vecu_rule"], settings["vecu_distance_m"])
    marks = declared.marks(Proximity.of(rows), *rule) & members
    if part == UNSURE:
        second = declared.marks(Proximity.of(readings.without_place(rows)), *rule) & members
        chosen = marks.unknown | second.unknown | (marks.possible & ~is_read(rows))
    else:
        chosen = marks.yes if part == NUMERATOR else members.yes
    listed: pd.DataFrame = rows[chosen & _is_in_area(rows, figure)]
    return listed


def _neighbourhoods(release: Release, declared: OfQpv, figure: Figure, part: str) -> pd.DataFrame:
    rows = coverage_of(release, figure)
    without_disputed = readings.without_disputed(rows, figures.possible(release)) if part == UNSURE else rows
    inside, around = headline.verdicts(without_disputed)
    scopes = [s.name for s in HEADLINE]
    at = 0 if declared.or_near else scopes.index(figure.scope_name)
    seen = around if declared.or_near else inside
    mark = declared.marks(rows)
    marks = engine.counted_qpv(declared, mark, seen)
    own = marks.take(0 if declared.coverage == ANY else at)
    doubt = seen.none_seen[at] & ~seen.covered.no[at] & (declared.coverage != ANY)
    can_tell = seen.can_tell[at] if declared.unit == "share" else True
    chosen = {
        NUMERATOR: own.yes & can_tell,
        DENOMINATOR: mark.yes & can_tell if declared.among is None else rows[declared.among].notna().to_numpy(),
        UNSURE: own.unknown | (doubt & (mark.yes if declared.coverage == BARE else mark.possible)),
    }[part]
    listed: pd.DataFrame = rows.assign(is_sure=own.decided & ~doubt)[chosen & _is_in_area(rows, figure)]
    return listed


def coverage_of(release: Release, figure: Figure) -> pd.DataFrame:
    """Return the coverage of the QPV of a figure, with the row of each and the centres inside whose modality is unknown."""
    rows = release.table("neighbourhood_coverage")
    rows = rows[rows["year"] == figure.year]
    if figure.generation == IN_FORCE:
        rows = assembly.in_force_neighbourhoods(rows, {figure.year: selection.in_force(release, figure.year)})
    else:
        rows = rows[rows["generation"] == figure.generation]
    key = ["qpv_code", "generation"]
    places = release.table("neighbourhoods", columns=[*key, "commune_codes", "source_id", "source_row"])
    every = figures.stock(release)
    vague = (every["year"] == figure.year) & (every["structure_type"] == CDS) & (every["modality"] == UNKNOWN)
    inside = every[vague & Proximity.of(every).inside.yes].groupby(key).size().rename("n_cds_unknown_in")
    joined: pd.DataFrame = rows.merge(places, on=key, validate="one_to_one").join(inside, on=key)
    return joined.assign(n_cds_unknown_in=joined["n_cds_unknown_in"].fillna(0))


def _movements(release: Release, figure: Figure) -> pd.DataFrame:
    """Return the steps that enter or leave the stock in QPV of an area and scope since the vintage before."""
    rows = release.table("changes")
    rows = rows[(rows["generation"] == figure.generation) & (rows["to_year"] == figure.year)]
    before, after = (_is_inside(rows, side, figure) for side in ("from", "to"))
    rows = rows.assign(effect=after.astype(int) - before.astype(int))[before != after]
    if figure.indicator in DATED:
        rows = rows[rows["cause"] == DATED[str(figure.indicator)][0]]
    labels = release.table("structures", columns=["finess_et", "year", "name", "source_id", "sheet", "source_row"])
    is_there = rows["situation_to"].notna()  # the row of the extract in which it is: of the last that has it
    keys = {
        "of_year": np.where(is_there, rows["to_year"], rows["from_year"]),
        "of_code": np.where(is_there, rows["finess_et_to"], rows["finess_et_from"]),
    }
    labels = labels.rename(columns={"year": "of_year", "finess_et": "of_code"})
    joined: pd.DataFrame = rows.assign(**keys).merge(labels, on=["of_year", "of_code"], how="left")
    return joined.rename(columns={"of_year": "year"})


def _is_inside(rows: pd.DataFrame, side: str, figure: Figure) -> pd.Series:
    mask = rows[f"situation_{side}"].eq(IN_QPV) & rows[f"structure_type_{side}"].isin(SCOPES[figure.scope_name].types)
    column = change_summary.LEVELS[figure.level]
    return mask if column is None else mask & (rows[f"{column}_{side}"].fillna(NO_REGION) == figure.area_code)


def _is_in_area(rows: pd.DataFrame, figure: Figure) -> pd.Series:
    return area_codes(rows, figure.level) == figure.area_code


def _scope(name: str) -> Scope:
    return SCOPES.get(name) or of_type(name)


def with_source(release: Release, rows: pd.DataFrame) -> pd.DataFrame:
    """Add the file of each row, ``file``, from its card; where there is no sheet, an empty one."""
    paths = {i["id"]: i.get("path") for i in release.manifest["inputs"]}
    return rows.assign(file=rows["source_id"].map(paths).astype("str"), sheet=rows.get("sheet"))


def published(release: Release, figure: Figure) -> dict[str, Any] | None:
    """Return the row of a figure in ``indicators``, or of a count in ``yearly_counts`` with the bounds of its indicator.

    Null where the release publishes no such figure. A count without a row is 0, and null (``value``) where the extract does not
    cover the area, or no ARS answered about what it would count.
    """
    if figure.indicator is not None:
        return _row(release, "indicators", figure, indicator=figure.indicator, scope=figure.scope_name)
    if figure.scope is not None:
        return None
    prefix = "" if figure.structure_type in (ALL, *_COUNTED) else "other_"
    cell = {c: getattr(figure, c) for c in ("structure_type", "modality", "situation")}
    row = _row(release, f"{prefix}yearly_counts", figure, **cell)
    value = row["n_structures"] if row else None if _is_unknown(release, figure) else 0
    indicator, scope = _INDICATOR_OF.get(figure.situation), SCOPE_OF_TYPE.get(figure.structure_type)
    around = None
    if indicator and scope and figure.modality == ALL:
        around = _row(release, "indicators", figure, indicator=indicator, scope=scope)
    return {**(around or {}), "value": value, "unit": "structures"}


_INDICATOR_OF = {IN_QPV: "n_in_qpv", VECU_DECLARED: "n_vecu_declared", ALL: "n_country"}
"""The indicator that has the bounds of a count."""


def _row(release: Release, table: str, figure: Figure, **cell: str) -> dict[str, Any] | None:
    rows = release.table(table)
    wanted = cell | {c: getattr(figure, c) for c in ("year", "generation", "level", "area_code")}
    mask = np.logical_and.reduce([(rows[c] == value).to_numpy(dtype=bool) for c, value in wanted.items()])
    at = np.flatnonzero(mask)
    if not at.size:
        return None
    row = rows.iloc[[at[0]]]
    return {str(c): plain(row[c])[0] for c in row.columns}


def _is_unknown(release: Release, figure: Figure) -> bool:
    """Say whether a count that has no row is unknown, and not 0."""
    if areas.covered(release, figure.year, figure.level, figure.area_code) is False:
        return True
    if figure.situation != VECU_DECLARED:
        return False
    outside = _counts(release, replace(figure, situation=ALL))
    outside = outside[outside["situation"] != IN_QPV]
    return bool(len(outside)) and bool((outside["vecu_declared"] == NOBODY).all())


def has_whole(figure: Figure) -> bool:
    """Say whether a figure has a denominator: a share, or a number of the QPV of some regions."""
    declared = INDICATORS.get(figure.indicator or "")
    return declared is not None and (declared.unit == "share" or getattr(declared, "among", None) is not None)


def named(release: Release, figure: Figure) -> Sentence:
    """Say what an indicator counts, in both languages."""
    declared = INDICATORS[str(figure.indicator)]
    if declared is None:
        return joined((words.of_code(str(figure.indicator)), words.of_code(figure.scope_name)), (", ", ", "))
    settings, texts = release.manifest["settings"], (declared.words_fr, declared.words_en)
    filled = words.of_figure(texts, figure.scope_name, settings)
    return (
        filled if "{scope}" in declared.words_fr else joined((filled, words.of_code(figure.scope_name)), (", ", ", "))
    )


def _words(release: Release, figure: Figure, rows: pd.DataFrame, part: str) -> Sentence:
    """Say which figure the rows are of, what the release publishes for it, and how many rows there are."""
    row, declared = published(release, figure), INDICATORS.get(figure.indicator or "")
    kinds = [figure.structure_type, *([figure.modality] if figure.modality != ALL else []), figure.situation]
    kinds += [figure.scope] if figure.scope else []
    of_count = joined(map(words.of_code, kinds), (", ", ", "))
    area = words.of_code(f"{figure.level}:{figure.area_code}") if figure.level != "country" else ""
    what = joined((named(release, figure) if figure.indicator else of_count, area), (", ", ", "))
    shown: str = ""
    if part == NUMERATOR and (figure.indicator or not figure.scope):
        sides = [row.get(side) if row else None for side in ("value", *SIDES)]
        text = in_both(Bounded(*words.shown("value", sides, [row.get("unit") if row else None] * len(sides), "fr")))
        shown = sentences.note("counted_published", value=text) if text else sentences.note("counted_unknown")
    sums: str = ""
    if isinstance(declared, OfQpv) and declared.unit == "inhabitants" and part == NUMERATOR:
        sums = sentences.note("counted_people", n=in_both(int(rows["population"].sum())))
    if figure.indicator == NET:
        flows = {"n_in": int((rows["effect"] > 0).sum()), "n_out": int((rows["effect"] < 0).sum())}
        sums = sentences.note("counted_flows", **flows)
    facts = {"what": what, "year": figure.year, "part": sentences.note(f"part_{part}"), "shown": shown, "sums": sums}
    return sentences.note("counted", n=in_both(len(rows)), **facts)


def _refuse_unknown(release: Release, figure: Figure, part: str) -> None:
    """Raise UsageError, with what there is, for a choice that the release does not have, or that says nothing of such a figure."""
    years = sorted(int(y) for y in release.table("extracts")["year"])
    selection.refuse_unknown(figure.year, years, "year")
    selection.generation(release, selection.Filters(generation=figure.generation))
    selection.refuse_unknown(part, [*PARTS], "part")
    selection.refuse_unknown(figure.situation, [*SITUATIONS, ALL], "situation")
    others = sorted(release.table("other_structures", columns=["structure_type"])["structure_type"].unique())
    selection.refuse_unknown(figure.structure_type, [ALL, "MSP", "CDS", *others], "type")
    if figure.scope is not None:
        selection.refuse_unknown(figure.scope, [*SCOPES, *others], "scope")
    if figure.indicator is None:
        if part != NUMERATOR:
            raise UsageError(f"--part {part} is of an indicator: name it with --indicator")
    else:
        selection.refuse_unknown(figure.indicator, [*INDICATORS], "indicator")
        cells = release.table("indicators", columns=["indicator", "scope", "level"])
        cells = cells[cells["indicator"] == figure.indicator]
        selection.refuse_unknown(figure.scope_name, [*cells["scope"].unique()], f"scope of {figure.indicator}")
        selection.refuse_unknown(figure.level, [*cells["level"].unique()], f"level of {figure.indicator}")
        if (part == DENOMINATOR and not has_whole(figure)) or (part == UNSURE and INDICATORS[figure.indicator] is None):
            raise UsageError(f"{figure.indicator} has no {part} to list")
    selection.refuse_unknown(figure.level, [*LEVELS], "level")
    areas.refuse_unknown(release, figure.level, figure.area_code)
