"""The tables people ask for, read from a release: the counts of the progress report, and the coverage of the QPV."""

from __future__ import annotations

import shlex
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.facts import generations
from qpvhealth.facts.causes import CAUSES
from qpvhealth.facts.generations import IN_FORCE
from qpvhealth.facts.situations import IN_QPV, SITUATIONS, VECU_DECLARED
from qpvhealth.facts.territories import NO_REGION, REGIONS, TERRITORIES
from qpvhealth.publish import areas, bounds, selection, sentences, words
from qpvhealth.publish.bounds import Bounded
from qpvhealth.publish.selection import Filters, View
from qpvhealth.rules.levels import HEADLINE, LEVELS
from qpvhealth.rules.scopes import SCOPE_OF_TYPE, SCOPES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from qpvhealth.publish.release import Release

ALL = "all"
_SITUATIONS = [*SITUATIONS, ALL]
_COVERAGE_SCOPES = {name: SCOPES[name].words_fr for name in ("msp_cds", "primary")}


def counts(release: Release, level: str | None, filters: Filters) -> View:
    """Return the table of the progress report: one row per year and area, structures in and near QPV, by type.

    The perimeters are those in force at the reference date unless a generation is asked for. "Quartier vécu" is what the ARS
    declared; it is empty, not 0, where nobody answered. Every figure has its bounds beside it (``_lower``, ``_upper``), at the levels of
    ``indicators``. ``level``: null for that of the area of the filters, else the country. Raises UsageError for an unknown level, year,
    generation or area.
    """
    level, generation, every = _counted(release, "yearly_counts", level, filters)
    rows = areas.within(release, selection.of_year(every[every["modality"] == ALL], filters.year), filters, level)
    table = rows.pivot_table(
        index=["year", "area_code"], columns=["structure_type", "situation"], values="n_structures", aggfunc="sum"
    )
    cells = table.reindex(columns=pd.MultiIndex.from_product([["MSP", "CDS", ALL], _SITUATIONS]))
    is_by_qpv = level == "qpv"
    cells = _with_every_qpv(release, cells, generation, filters) if is_by_qpv else cells.fillna(0).astype("Int64")
    is_answered = _is_answered(release, every, generation, level).reindex(cells.index).fillna(value=False).astype(bool)
    frame = pd.DataFrame(index=cells.index)
    for kind in ("MSP", "CDS", ALL):
        name = kind.lower()
        frame[f"{name}_in_qpv"] = cells[kind, IN_QPV]
        frame[f"{name}_near"] = cells[kind, VECU_DECLARED].where(is_answered)
        frame[name] = cells[kind, ALL]
    frame["all_in_or_near"] = frame["all_in_qpv"] + frame["all_near"]
    frame["share_in_qpv"] = (frame["all_in_qpv"].astype("float64") / frame["all"].astype("float64")).round(4)
    frame["undetermined"] = cells[ALL, "undetermined"]
    frame = frame.join(_net(release, every, generation, level)).join(_bounds(release, generation, level))
    frame = frame.reset_index().assign(generation=generation)
    notes = selection.notes(release, generation, filters.year)
    notes += () if level in HEADLINE else (sentences.note("no_bounds"),)
    if "other_structures" in release.tables:  # a reader must know that these types are not in the counts
        types = release.table("other_structures", columns=["structure_type"])["structure_type"].unique()
        notes += (sentences.note("others_apart", types=", ".join(sorted(types))),) if len(types) else ()
    return _view(release, "counts", frame, level, notes)


def _with_every_qpv(release: Release, cells: pd.DataFrame, generation: str, filters: Filters) -> pd.DataFrame:
    """Add the QPV without any structure to counts by year and QPV: 0 of each, null where the extract cannot tell of the QPV."""
    covered = release.table("neighbourhood_coverage")
    parts = [
        selection.current(release, rows, int(str(year)), generation)
        for year, rows in selection.of_year(covered, filters.year).groupby("year")
    ]
    if not parts:
        return cells.fillna(0).astype("Int64")
    every = areas.within(release, pd.concat(parts).rename(columns={"qpv_code": "area_code"}), filters, "qpv")
    n_in = every.set_index(["year", "area_code"])["n_msp_in"]
    counted = cells.reindex(n_in.index.union(cells.index)).astype("Int64")
    is_told = n_in.notna().reindex(counted.index, fill_value=True)
    return counted.mask(counted.isna() & is_told.to_numpy()[:, None], 0)


def other_counts(release: Release, level: str | None, filters: Filters) -> View:
    """Return the counts of the types beyond MSP and CdS by situation: one row per year, area and type, never added to the others.

    Raises UsageError for an unknown level, year, generation or area.
    """
    level, generation, rows = _counted(release, "other_yearly_counts", level, filters)
    rows = rows[rows["modality"] == ALL]
    rows = rows if rows.empty else areas.within(release, selection.of_year(rows, filters.year), filters, level)
    cells = rows.pivot_table(
        index=["year", "area_code", "structure_type"], columns="situation", values="n_structures", fill_value=0
    )
    frame = cells.reindex(columns=_SITUATIONS, fill_value=0).astype("Int64").reset_index()
    notes = selection.notes(release, generation, filters.year)
    apart = sentences.note("other_types")
    return _view(release, "other-counts", frame.assign(generation=generation), level, (*notes, apart))


def coverage(release: Release, level: str | None, filters: Filters, titles: Mapping[str, tuple[str, str]]) -> View:
    """Return the headline of coverage: QPV without any structure, how many live there, of which large, in the NPNRU, in ZIP or ZAC.

    ``titles``: the indicators to show, in order, in French and in English. One row per year, area and figure, under both meanings of
    first-line care: any MSP or centre, and MSP and pluriprofessional centres only. Each with its denominator, unknowns and bounds. Raises
    UsageError for an unknown level, year, generation or area.
    """
    level, generation = areas.level_of(level, filters), selection.generation(release, filters)
    rows = release.table("indicators")
    selection.refuse_unknown(level, sorted(rows["level"].unique()), "level")
    rows = _at(rows, generation, level)
    rows = rows[rows["indicator"].isin(list(titles)) & rows["scope"].isin(_COVERAGE_SCOPES)]
    rows = areas.within(release, selection.of_year(rows, filters.year), filters, level)
    order = {name: k for k, name in enumerate((*_COVERAGE_SCOPES, *titles))}
    ranked = rows.assign(
        scope_rank=rows["scope"].map(order),
        rank=rows["indicator"].map(order),
        words=rows["indicator"].map({name: fr for name, (fr, _) in titles.items()}),
        scope=rows["scope"].map(_COVERAGE_SCOPES),
        data="inventées" if release.invented else "",
    )
    shown = ranked.sort_values(["year", "area_code", "scope_rank", "rank"])
    large = sentences.note("large", n=f"{release.manifest['settings']['large_population']:g}")
    lacking = missing_qpv(release, generation, filters.year)
    notes = (*selection.notes(release, generation, filters.year), large, *lacking)
    notes += tuple(_zonings(release, generation, filters.year))
    english = dict(titles.values()) | {s.words_fr: s.words_en for s in SCOPES.values()}
    view = _view(release, "coverage", shown, level, notes)
    return replace(view, english={**view.english, **english})


def missing_qpv(release: Release, generation: str, year: int | None) -> Iterator[str]:
    """Say of each year how many QPV the law has where the release has fewer, or more: those are not in any figure."""
    if generation not in (IN_FORCE, *generations.KNOWN):
        return
    covered = release.table("neighbourhood_coverage", columns=["generation", "territory", "year"])
    extracts = release.table("extracts")
    for of_year, day in zip(extracts["year"], extracts["reference_date"], strict=True):
        if year not in (None, of_year):
            continue
        current = selection.in_force(release, int(of_year))
        rows = covered[covered["year"] == of_year]
        of_law = {
            t: generations.in_force(t, day.date(), generations.KNOWN) if generation == IN_FORCE else generation
            for t in TERRITORIES
        }
        law = {t: generations.expected_count(name, t) or 0 if name else 0 for t, name in of_law.items()}
        names = rows["territory"].map(current) if generation == IN_FORCE else generation
        here = rows.loc[rows["generation"] == names, "territory"].value_counts()
        lacking = [
            sentences.note(
                "of_law",
                territory=sentences.Sentence(TERRITORIES[t].label_fr, TERRITORIES[t].label_en),
                n=here.get(t, 0),
                law=n,
            )
            for t, n in law.items()
            if here.get(t, 0) != n
        ]
        if lacking:
            where = sentences.Sentence(", ".join(lacking), ", ".join(s.english for s in lacking))
            facts = {"year": of_year, "n": here.sum(), "law": sum(law.values()), "where": where}
            yield sentences.note("missing_qpv", **facts)


def has_answers(release: Release, year: int, *, generation: str, level: str, area: str) -> bool:
    """Say whether an ARS answered about some structure of an area at the date of a year."""
    columns = ["indicator", "generation", "year", "level", "area_code", "scope", "value"]
    rows = _at(release.table("indicators", columns=columns), generation, level)
    rows = rows[(rows["area_code"] == area) & (rows["year"] == year) & (rows["scope"] == "msp_cds")]
    return bool(rows.loc[rows["indicator"] == "n_vecu_declared", "value"].notna().any())


def _zonings(release: Release, generation: str, year: int | None) -> Iterator[str]:
    """Say of each year which edition classes the QPV of which regions, and of how many QPV those in a ZIP or ZAC are.

    A release made before zonings went by region says nothing.
    """
    if "zoning_regions" not in release.tables:
        return
    rows = release.table("zoning_regions")
    rows = selection.of_year(rows[rows["generation"] == generation], year)
    for of_year, zoned in rows.groupby("year"):
        is_absent = zoned["zoning_edition"] == "none"
        decided, absent = zoned[~is_absent], zoned.loc[is_absent, "region_code"]
        regions = decided["region_code"].drop_duplicates()
        editions = [
            sentences.note("edition", edition=edition, day=day, regions=_regions(part["region_code"]))
            for (edition, day), part in decided.groupby(["zoning_edition", "in_force_from"])
        ] or [sentences.note("zonings_none")]
        counts = {"n": decided["n_zip_or_zac"].sum(), "of": decided["n_qpv"].sum()}
        yield sentences.note(
            "zonings",
            year=of_year,
            regions=(regions != NO_REGION).sum(),
            beyond=sentences.note("zonings_beyond") if NO_REGION in set(regions) else "",
            editions=sentences.Sentence("; ".join(editions), "; ".join(e.english for e in editions)),
            absent=sentences.note("zoning_absent", regions=_regions(absent)) if len(absent) else "",
            **counts,
        )


def _regions(codes: pd.Series) -> sentences.Sentence:
    """Write regions by name; nearly all of them by what is lacking."""
    none = sentences.note("no_region")
    names = [
        {code: name for code, (name, _) in REGIONS.items()} | {NO_REGION: one} for one in (str(none), none.english)
    ]
    lacking = sorted(set(names[0]) - set(codes))
    is_most = len(lacking) < len(names[0]) / 4
    listed = sentences.Sentence(
        *(", ".join(own[c] for c in (lacking if is_most else sorted(set(codes)))) for own in names)
    )
    return sentences.note("all_regions_but" if lacking else "all_regions", names=listed) if is_most else listed


def in_qpv(release: Release, year: int, *, generation: str, level: str, area: str) -> dict[str, Bounded]:
    """Return the stock in QPV of an area by type, ``all`` included, with its bounds; 0 where the area has none."""
    rows = _at(release.table("yearly_counts"), generation, level)
    rows = rows[(rows["area_code"] == area) & (rows["year"] == year)]
    rows = rows[(rows["modality"] == ALL) & (rows["situation"] == IN_QPV)]
    stock = rows.set_index("structure_type")["n_structures"]
    around = _of_indicator(release, "n_in_qpv", year, generation=generation, level=level, area=area)
    return {kind: replace(around[kind], value=int(stock.get(kind, 0))) for kind in SCOPE_OF_TYPE}


def net_in_qpv(release: Release, first: int, last: int, **area: str) -> dict[str, Bounded]:
    """Return the net change in QPV between two years by type, with its bounds: of a year and the one before, none of others."""
    years = sorted(release.table("extracts")["year"])
    is_next = (first, last) in set(pairwise(years))
    return _of_indicator(release, "net_in_qpv", last, **area) if is_next else {}


def _of_indicator(
    release: Release, indicator: str, year: int, *, generation: str, level: str, area: str
) -> dict[str, Bounded]:
    """Return an indicator of an area by type, with its bounds; nothing known of a scope that it does not have."""
    rows = _at(release.table("indicators"), generation, level)
    rows = rows[(rows["indicator"] == indicator) & (rows["year"] == year) & (rows["area_code"] == area)]
    sides = rows.set_index("scope")[["value", *bounds.SIDES]].astype("Float64")
    cells = {scope: Bounded(*(None if pd.isna(v) else float(v) for v in row)) for scope, *row in sides.itertuples()}
    return {kind: cells.get(scope, Bounded(None, None, None)) for kind, scope in SCOPE_OF_TYPE.items()}


def _counted(release: Release, table: str, level: str | None, filters: Filters) -> tuple[str, str, pd.DataFrame]:
    """Return the level to show, the generation asked for, and its counts at that level."""
    shown = areas.level_of(level, filters)
    selection.refuse_unknown(shown, LEVELS, "level")
    generation = selection.generation(release, filters)
    return shown, generation, _at(release.table(table), generation, shown)


def _at(rows: pd.DataFrame, generation: str, level: str) -> pd.DataFrame:
    return rows[(rows["generation"] == generation) & (rows["level"] == level)]


def _net(release: Release, counts: pd.DataFrame, generation: str, level: str) -> pd.DataFrame:
    """Return, by year and area, the net change in QPV since the vintage before, and its causes in words; empty for the first."""
    rows = _at(release.table("change_summary"), generation, level)
    rows = rows[(rows["structure_type"] == ALL) & (rows["situation"] == IN_QPV)].rename(columns={"to_year": "year"})
    order = rows["cause"].map({cause: i for i, cause in enumerate(CAUSES)})
    rows = rows.assign(order=order).sort_values(["year", "area_code", "order"])
    keys = ["year", "area_code"]
    net = rows.groupby(keys)["n"].sum().astype("Int64")
    sign = rows["n"].map(lambda n: f"{n:+d}").astype("str")
    of_cause = rows.assign(words=rows["cause"].map({cause: fr for cause, (fr, _) in CAUSES.items()}) + " " + sign)
    causes = of_cause[of_cause["n"] != 0].groupby(keys)["words"].agg(", ".join).astype("str")
    counted = counts[counts["year"].isin(rows["year"])]
    index = pd.MultiIndex.from_frame(counted[keys].drop_duplicates())
    return pd.DataFrame({"net_in_qpv": net.reindex(index).fillna(0), "causes": causes.reindex(index)})


_INDICATORS = {
    **{f"{kind.lower()}_in_qpv": ("n_in_qpv", scope) for kind, scope in SCOPE_OF_TYPE.items()},
    **{f"{kind.lower()}_near": ("n_vecu_declared", scope) for kind, scope in SCOPE_OF_TYPE.items()},
    **{kind.lower(): ("n_country", scope) for kind, scope in SCOPE_OF_TYPE.items()},
    **{
        name: (indicator, "msp_cds")
        for name, indicator in (
            ("all_in_or_near", "n_in_or_near"),
            ("share_in_qpv", "share_in_qpv"),
            ("net_in_qpv", "net_in_qpv"),
        )
    },
}
"""The indicator, in a scope, that has the bounds of a column of ``counts``."""


def _bounds(release: Release, generation: str, level: str) -> pd.DataFrame:
    """Return, by year and area, the bounds of what is counted; null at the levels that ``indicators`` does not have."""
    columns = ["indicator", "generation", "year", "level", "area_code", "scope", *bounds.SIDES]
    rows = _at(release.table("indicators", columns=columns), generation, level)
    cells = rows.set_index(["year", "area_code"])
    shown = {}
    for name, (indicator, scope) in _INDICATORS.items():
        of_figure = cells[(cells["indicator"] == indicator) & (cells["scope"] == scope)]
        for side, column in zip(bounds.SIDES, bounds.names_of(name), strict=True):
            values = of_figure[side].astype("float64")
            shown[column] = values.round(4) if name.startswith("share_") else values.astype("Int64")
    return pd.DataFrame(shown)


def _is_answered(release: Release, counts: pd.DataFrame, generation: str, level: str) -> pd.Series:
    """Say for which year and area the ARS's answers are known for some structure outside a QPV.

    At a level without indicators: where some structure is declared.
    """
    columns = ["indicator", "generation", "year", "level", "area_code", "scope", "value"]
    rows = _at(release.table("indicators", columns=columns), generation, level)
    rows = rows[(rows["indicator"] == "n_vecu_declared") & (rows["scope"] == "msp_cds")]
    if len(rows):
        return rows.set_index(["year", "area_code"])["value"].notna()
    declared = counts["situation"] == VECU_DECLARED
    return declared.groupby([counts["year"], counts["area_code"]]).any()


def _behind(release: Release, name: str, shown: pd.DataFrame, level: str) -> str:
    """Return the command that lists the rows behind the last row of a table by year and area."""
    if shown.empty:
        return ""
    last = shown.iloc[-1]
    command = f"list counted --year {last['year']} --situation in_qpv"
    if name != "counts":
        command = selection.behind(name, shown, release)
    if last.get("generation", IN_FORCE) != IN_FORCE:
        command += f" --generation {shlex.quote(last['generation'])}"
    area = shlex.quote(f"{level}:{last['area_code']}") if level != "country" else ""
    return f"{command} --within {area}" if area else command


def _view(release: Release, name: str, frame: pd.DataFrame, level: str, notes: tuple[str, ...]) -> View:
    """Return the view of rows by year and area, with the date of each year and the name of each area; the country needs no name."""
    outside = sentences.note("outside", level=words.of_code(level))
    labels = areas.labels(release, level) | {NO_REGION: str(outside)}
    if level == "qpv":
        quarters = release.table("neighbourhoods", columns=["qpv_code", "name"]).dropna()
        labelled_qpv = quarters.drop_duplicates("qpv_code", keep="last")
        labels = dict(zip(labelled_qpv["qpv_code"], labelled_qpv["name"], strict=True))
    dates = release.table("extracts").set_index("year")["reference_date"]
    labelled = frame.assign(
        label=frame["area_code"].map(labels).replace("", None), reference_date=frame["year"].map(dates)
    )
    shown = labelled.sort_values(["year", "area_code"], ignore_index=True, kind="stable")
    titles = selection.titles_of("area") | selection.titles_of(name, shown.columns)
    if level == "country":
        titles = {column: title for column, title in titles.items() if column not in ("area_code", "label")}
    english = {str(outside): outside.english, **{t.label_fr: t.label_en for t in TERRITORIES.values()}}
    return View(name, shown[list(titles)], titles, notes, _behind(release, name, shown, level), english)
