"""Questions asked of a release: its tables are read, an indicator computed, and the answer titled for the reader.

Where indicators and publication meet once a release is written, as ``build`` is where they meet before.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth.contract.tables import PUBLISHED
from qpvhealth.errors import UsageError
from qpvhealth.facts.generations import IN_FORCE
from qpvhealth.facts.perimeter_sets import PERIMETER_SETS, PerimeterSet
from qpvhealth.facts.programmes import LIST, PROGRAMMES, Programme
from qpvhealth.facts.published import (
    CDS_WITH_GP,
    FIGURES,
    PUBLISHERS,
    read as read_figures,
)
from qpvhealth.indicators import attainment, matrix as matrices
from qpvhealth.indicators.declarations import QPV, STRUCTURES
from qpvhealth.publish import published_check, selection, sentences, words
from qpvhealth.publish.selection import View
from qpvhealth.rules.scopes import SCOPES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from qpvhealth.facts.published import Published
    from qpvhealth.publish.release import Release
    from qpvhealth.publish.sentences import Language

EXACT = 1e-9
LISTED = frozenset((*(i.name for i in STRUCTURES if i.in_table), *(i.name for i in QPV if i.in_table)))
"""The measures whose rows can be listed: the indicators of a release."""
DEFAULT_MEASURE = "share_qpv_without_any"
_OBSERVED = ["programme", "measure", "scope", "near", "perimeter"]
_SEEN = ["programme", "on", "value", "lower", "upper", "n_unknown", "origin"]
_WITH_REJECTED = {"": True, "rejected_": False}
"""Prefixes of the tables of structures, and of those of rejected rows that may be one; whether they were read."""
_CHANCE = sentences.note("chance")


def published(release: Release) -> View:
    """Compare every published figure, of the facts and of the raw folder, with a release (see ``published_check.differing``)."""
    printed, extracts = printed_figures(release), release.table("extracts")
    here = cells(release, {f.measure for f in printed if f.measure is not None})
    checked = published_check.check(printed, here, extracts, release.table("practitioners"))
    return view(release, "published", checked, _CHANCE)


def printed_figures(release: Release) -> tuple[Published, ...]:
    """Return the published figures of the facts, and those that the raw folder of a release added in ``published.toml``.

    Raises UsageError where a figure of the release has the id of one that the facts have gained since.
    """
    added = [block for source in release.manifest["inputs"] for block in source.get("figures", [])]
    return (*FIGURES, *read_figures(added, f"release {release.id}: published.toml: figure", FIGURES, matrices.MEASURES))


def published_series(release: Release) -> View:
    """Hold the published series of the raw folder against a release; empty where there are none."""
    tables = (release.table(name) for name in ("published_series", "yearly_counts", "extracts"))
    return view(release, "published-series", published_check.check_series(*tables))


def programmes(release: Release) -> View:
    """Hold every programme, of the facts and of the raw folder, against what was computed and what was published."""
    rows = release.table("programme_targets").drop(columns=["source_id", "source_row"])
    given = rows.astype("object").where(rows.notna(), None).to_dict("records")
    targets = [*PROGRAMMES, *(Programme(**{str(k): v for k, v in row.items()}) for row in given)]
    printed = [
        (
            p.id,
            pd.Timestamp(f.on),
            f.value,
            math.nan,
            math.nan,
            0,
            f"{attainment.PUBLISHED} ({PUBLISHERS.get(f.document, f.document)})",
        )
        for p in targets
        for f in printed_figures(release)
        if f.on and f.since is None and _same_number(p, f)
    ]
    seen = pd.concat([_computed(release, targets), pd.DataFrame(printed, columns=_SEEN)], ignore_index=True)
    rows = attainment.attain(targets, seen)
    rows.attrs["english"] = dict(_english(targets))
    return view(release, "programmes", rows)


def _english(targets: Sequence[Programme]) -> Iterator[tuple[str, str]]:
    """Return the English of the texts of programmes, by their French; of those of the raw folder there is none."""
    for p in targets:
        yield from ((p.label, p.label_en), (p.note, p.note_en), (p.no_base, p.no_base_en))
        yield attainment.NO_RATE.format(p.no_base), f"no rate: {p.no_base_en}"
    publishers = {*PUBLISHERS.values(), *(f.document for f in FIGURES)}
    yield from ((f"{attainment.PUBLISHED} ({name})", f"published ({name})") for name in publishers)


def _same_number(programme: Programme, figure: Published) -> bool:
    """Say whether a published figure has the measure, scope, rule and perimeter of a programme."""
    if programme.scope == CDS_WITH_GP:
        return figure.scope == CDS_WITH_GP and figure.document == "ditp"
    same = (programme.measure, programme.scope, programme.near) == (figure.measure, figure.scope, figure.near)
    everywhere = programme.measure == "n_country"
    return same and (everywhere or programme.perimeter == figure.perimeter)


def _computed(release: Release, targets: list[Programme]) -> pd.DataFrame:
    """Observe each programme in the matrix, at the reference date of each extract that covers the country; lists by name."""
    rows, extracts = cells(release, {p.measure for p in targets}), release.table("extracts")
    days = extracts[extracts["covers"].isna()].set_index("year")["reference_date"]
    wanted = pd.DataFrame([(p.id, p.measure, p.scope, p.near, p.perimeter) for p in targets], columns=_OBSERVED)
    alone = rows[(rows["counted"] == matrices.ONE_BY_ONE) & rows["year"].isin(days.index)]
    parts = [alone.merge(wanted, on=_OBSERVED[1:])]
    structures = release.table("structures", columns=["finess_et", "year", "is_in_stock"])
    members = release.table("programme_members").dropna(subset="finess_et")
    for programme in [p.id for p in targets if p.measure == LIST]:  # what is open of a list, where one was given
        listed = members.loc[members["programme"] == programme, "finess_et"]
        years: list[int] = sorted({*days.index} & {*structures["year"]}) if len(listed) else []
        n = structures[structures["is_in_stock"] & structures["finess_et"].isin(listed)].groupby("year").size()
        counts = n.reindex(years, fill_value=0).rename("value").rename_axis("year").reset_index()
        parts.append(counts.assign(programme=programme, n_unknown=0, lower=counts["value"], upper=counts["value"]))
    seen = pd.concat(parts, ignore_index=True)
    on = days.reindex(seen["year"].astype("int64")).to_numpy()
    return seen.assign(on=on, origin=attainment.COMPUTED)[_SEEN]


def matrix(release: Release, *, measure: str | None = None, year: int | None = None, said: str | None = None) -> View:
    """Return one headline under every choice of QPV set, scope, rule of proximity, counting unit and date.

    ``said``: a printed number, such as "86 %" or "0,86", or the id of a published figure (of the facts or of ``published.toml``);
    only the cells are kept that it is compatible with (within half of its last digit), or that could take it if some unknown units
    counted. ``measure``: without, that of the published figure, else the share of the QPV without any structure. Raises UsageError
    for an unknown measure or year, or where ``said`` is neither a number nor a figure that has a measure.
    """
    number = None
    if said is not None:
        stocks = {f.id: f for f in printed_figures(release) if f.measure is not None and f.since is None}
        if said in stocks:
            measure = measure or stocks[said].measure
            number = (stocks[said].value, stocks[said].tolerance + EXACT)
        else:
            number = _printed_number(said)
    measure = measure or DEFAULT_MEASURE
    if (rows := cells(release, {measure})).empty:
        selection.refuse_unknown(measure, sorted(cells(release)["measure"].unique()), "measure")
    if year is not None:
        selection.refuse_unknown(year, sorted(rows["year"].dropna().unique()), "year")
        rows = rows[rows["year"] == year]
    titles = selection.titles_of("matrix")
    if number is not None:
        wanted, half_digit = number
        agrees = (rows["value"] - wanted).abs() <= half_digit
        could = (rows["lower"] <= wanted + half_digit) & (rows["upper"] >= wanted - half_digit)
        rows = rows.assign(placed=np.where(agrees, "compatible", "dans les bornes"))[agrees | could]
        rows, titles = rows.sort_values("placed", kind="stable"), titles | {"placed": "Ce nombre"}
    french, english = _in_words(release, rows, "fr"), _in_words(release, rows, "en")
    shown = view(release, "matrix", rows.assign(words=french), _CHANCE, titles=titles)
    listed = shown.behind if measure in LISTED else ""
    return replace(shown, english=dict(zip(french, english, strict=True)), behind=listed)


def _printed_number(said: str) -> tuple[float, float]:
    """Read a number as printed, and half of its last digit: "86 %" is 0.86 within 0.005. A count is exact. Raises UsageError."""
    plain = re.sub(r"\s", "", said).replace(",", ".")
    match = re.fullmatch(r"(\d+)(?:\.(\d+))?(%?)", plain)
    if match is None:
        raise UsageError(
            f'no number "{said}"; write it as printed: 148, 0,86 or "86 %", or the id of a published figure'
        )
    decimals, unit = len(match[2] or ""), 100 if match[3] else 1
    half = 0.5 * 10**-decimals / unit if decimals or match[3] else 0.0
    return float(plain.rstrip("%")) / unit, half + EXACT


def cells(release: Release, measures: Collection[str] = matrices.MEASURES) -> pd.DataFrame:
    """Compute the matrix of a release, or some measures of it (see ``indicators.matrix``)."""
    neighbourhoods = release.table("neighbourhoods", geometry=False)
    pairs = [release.table(f"{prefix}structure_neighbourhoods") for prefix in _WITH_REJECTED]
    computed = matrices.matrix(
        possible(release, matrices.STOCK_COLUMNS),
        pd.concat(pairs, ignore_index=True),
        release.table("neighbourhood_coverage"),
        neighbourhoods,
        sets=perimeter_sets(sorted(neighbourhoods["generation"].unique())),
        in_force={int(y): selection.in_force(release, int(y)) for y in release.table("extracts")["year"]},
        rings_m=release.manifest["settings"]["rings_m"],
        proxy_m=release.manifest["settings"]["vecu_distance_m"],
        measures=measures,
    )
    of_fates = matrices.of_fates(release.table("neighbourhood_fates"))
    return pd.concat([computed, of_fates[of_fates["measure"].isin(measures)]], ignore_index=True)


def stock(release: Release, columns: Collection[str] | None = None, *, prefix: str = "") -> pd.DataFrame:
    """Return the structures open at each reference date, once per generation, with their location facts and situation.

    ``columns``: those of both tables to read, keys included; every one by default, but the shape of the points. ``prefix``: that of
    the tables, ``other_`` for the types beyond MSP and CdS, ``rejected_`` for rejected rows that may be structures.
    """
    tables = {}
    for name in ("structures", "structure_locations"):
        own = [c for c in PUBLISHED[name].names if c != "geometry"]
        wanted = own if columns is None else [c for c in own if c in {*columns, "is_in_stock"}]
        tables[name] = release.table(f"{prefix}{name}", columns=wanted)
    structures, located = tables.values()
    return structures[structures["is_in_stock"]].merge(located, on=["finess_et", "year"], validate="one_to_many")


def possible(release: Release, columns: Collection[str] | None = None) -> pd.DataFrame:
    """Return the stock of MSP and CdS with the rejected rows that may be of it, whose ``is_read`` is false; as ``stock`` does."""
    sides = [stock(release, columns, prefix=p).assign(is_read=is_read) for p, is_read in _WITH_REJECTED.items()]
    return pd.concat(sides, ignore_index=True)


def perimeter_sets(generations: list[str]) -> list[PerimeterSet]:
    """Return the QPV sets of the facts that these generations allow, and one for each generation that the facts do not know."""
    of_facts = [s for s in PERIMETER_SETS.values() if s.generation in (*generations, IN_FORCE)]
    of_a_set = {s.generation for s in PERIMETER_SETS.values()}
    others = [
        PerimeterSet(f"all_{g}", g, None, f"tous les périmètres {g}", f"all perimeters {g}")
        for g in generations
        if g not in of_a_set
    ]
    return [*of_facts, *others]


def _in_words(release: Release, rows: pd.DataFrame, language: Language) -> pd.Series:
    """Say the choices of each cell in words: the QPV, the centres counted, the proximity, the date, and over what a share is."""
    say = sentences.lines_of("matrix", language)
    dates = release.table("extracts").set_index("year")["reference_date"]
    days = dates.map(lambda day: sentences.numeric_day(day, language))
    names = {n: s.words if language == "fr" else s.words_en for n, s in PERIMETER_SETS.items()}
    sets = rows["perimeter"].map(names).fillna(rows["perimeter"])
    near = rows["near"].map(lambda code: words.word(code, language))
    kinds = rows["scope"].map({s: words.word(s, language) for s in SCOPES}).fillna("QPV")
    dated = rows["year"].map(days).fillna(say["undated"])
    unit = rows["measure"].str.startswith("share_qpv").map({True: say["qpv"], False: say["structures"]})
    n = rows["denominator"].map("{:.0f}".format, na_action="ignore").astype("str")
    is_share = rows["measure"].str.startswith("share_") & rows["denominator"].notna()
    over = (f", {say['over']} " + n + " " + unit).where(is_share, "")
    return sets + ", " + kinds + ", " + near + ", " + dated + over


def view(release: Release, name: str, rows: pd.DataFrame, *notes: str, titles: Mapping[str, str] | None = None) -> View:
    """Return rows to show: the titled columns, whether the data are invented, and the notes after those of any answer.

    ``titles``: by default those of ``name`` in ``publish/titles.toml``.
    """
    shown = rows.assign(data="inventées" if release.invented else "").reset_index(drop=True)
    with_data = {**(titles or selection.titles_of(name, shown.columns)), "data": "Données"}
    listed = selection.behind(name, shown, release) if name != "returns-problems" else ""
    english = shown.attrs.get("english", {})
    return View(name, shown[[*with_data]], with_data, (*selection.header(release), *notes), listed, english)
