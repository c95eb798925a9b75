"""The accounts of a build: the stocks of consecutive extracts paired, their changes named, summed and held against the counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth.contract.rules import Finding
from qpvhealth.facts.causes import NOT_ATTRIBUTABLE
from qpvhealth.facts.generations import IN_FORCE
from qpvhealth.facts.situations import NO, UNDETERMINED, UNKNOWN, YES
from qpvhealth.facts.territories import METROPOLE, TERRITORIES
from qpvhealth.indicators import backcast, change_summary, changes as change_rules, identity, pairing
from qpvhealth.indicators.accounts import Interval
from qpvhealth.rules.proximity import Proximity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qpvhealth.build.perimeters import Basis
    from qpvhealth.build.placing import Placed
    from qpvhealth.ingest.sources import Vintage

Rule = Mapping[str, str | None]
InForce = Mapping[int, Rule]
OfYear = Callable[[int], pd.DataFrame]
"""Gives the rows of a year."""


@dataclass(frozen=True)
class Extract:
    """One extract as the accounting reads it: its structures, and by generation their ``qpv_code``, ``place`` and ``answer``."""

    structures: pd.DataFrame
    by_generation: Mapping[str, pd.DataFrame]

    @cached_property
    def territory(self) -> pd.Categorical:
        """The territory of each structure; the metropolitan one where it is not known."""
        return pd.Categorical(self.structures["territory"].fillna(METROPOLE))


def extracts(
    structures: OfYear, located: OfYear, out_of_scope: pd.DataFrame, vecu_distance_m: float
) -> Callable[[int], Extract]:
    """Give the extract of a year from its structures and their locations (with ``situation_by_place``); the last two are kept.

    What an extract lists ``out_of_scope`` joins it, out of the stock and without a type: it says why a structure is not there.
    A year without any gives an empty extract.
    """

    @lru_cache(maxsize=2)
    def of_year(year: int) -> Extract:
        """Put together the extract of one year."""
        own, aside = structures(year)[STRUCTURE_COLUMNS], out_of_scope[out_of_scope["year"] == year]
        if len(aside):
            listed = aside.reindex(columns=list(own.columns)).assign(is_in_stock=False).astype(own.dtypes.to_dict())
            own = pd.concat([own, listed])
        own = own.reset_index(drop=True)
        places = located(year).groupby("generation")
        return Extract(own, {str(g): _aligned(rows, own, vecu_distance_m) for g, rows in places})

    return of_year


def by_year(frame: pd.DataFrame) -> OfYear:
    """Give the rows of one year after another out of a frame; none of a year that it does not hold."""
    rows = frame.groupby("year").indices
    return lambda year: frame.iloc[np.asarray(rows.get(year, ()), dtype=int)]


STRUCTURE_COLUMNS = [*pairing.RECORD_COLUMNS, "location_precision", "location_error_m"]
LOCATED_COLUMNS = ["finess_et", "generation", "situation_by_place", "vecu_declared", "qpv_code", "border_distance_m"]
"""What an extract is made of."""


def _aligned(located: pd.DataFrame, structures: pd.DataFrame, vecu_distance_m: float) -> pd.DataFrame:
    """Put the places of one generation in the order of the structures; undetermined and unknown where one has none."""
    number = structures["finess_et"]
    if located["finess_et"].reset_index(drop=True).equals(number):
        rows = located.reset_index(drop=True)
    else:
        rows = located.set_index("finess_et").reindex(number).reset_index(drop=True)
    place, answer = rows["situation_by_place"].fillna(UNDETERMINED), rows["vecu_declared"].fillna(UNKNOWN)
    points = structures[["location_status", "location_precision", "location_error_m"]]
    within = Proximity.of(rows[LOCATED_COLUMNS[2:]].join(points)).inside_or_within(vecu_distance_m)
    around = pd.Series(np.select([within.yes, within.no], [YES, NO], UNKNOWN), dtype="str")
    return pd.DataFrame({"qpv_code": rows["qpv_code"], "place": place, "around": around, "answer": answer})


def between(
    extract_of: Callable[[int], Extract],
    interval: Interval,
    links: pd.DataFrame,
    in_force: InForce,
    *,
    near_rule: str,
) -> pd.DataFrame:
    """Account for the changes between two extracts, in every generation and in the one in force."""
    if interval.is_backward:
        return change_rules.swapped_sides(between(extract_of, interval.reversed, links, in_force, near_rule=near_rule))
    return change_rules.attributed(_changeable_pairs(extract_of, interval, links, in_force), near_rule=near_rule)


def _changeable_pairs(
    extract_of: Callable[[int], Extract], interval: Interval, links: pd.DataFrame, in_force: InForce
) -> pd.DataFrame:
    """Pair two extracts and keep what may have changed, in every generation and in the one in force."""
    first, last = extract_of(interval.from_year), extract_of(interval.to_year)
    chosen: dict[str, tuple[Rule, Rule]] = {}
    for generation in sorted({*first.by_generation, *last.by_generation}):
        alone: Rule = dict.fromkeys(TERRITORIES, generation)
        chosen[generation] = (alone, alone)
    chosen[IN_FORCE] = (in_force[interval.from_year], in_force[interval.to_year])
    placed = {name: (_placed(first, old, new), _placed(last, new, old)) for name, (old, new) in chosen.items()}
    return change_rules.possible(first.structures, last.structures, interval, links, placed)


def view(extract: Extract, own: Rule, other: Rule) -> pd.DataFrame:
    """Look at an extract under the generations of its own date and of the other's, by territory."""
    return extract.structures.assign(**_placed(extract, own, other))


def _placed(extract: Extract, own: Rule, other: Rule) -> pd.DataFrame:
    """Say where each structure of an extract is (``pairing.PLACE_COLUMNS``) under its own perimeters and under the other's."""
    here = _picked(extract, own)
    there = here if other == own else _picked(extract, other)
    return here.assign(place_other=there["place"], around_other=there["around"])


def _picked(extract: Extract, rule: Rule) -> pd.DataFrame:
    """Pick for each structure its place in the generation that a rule chooses in its territory, and that ``generation``."""
    chosen = pd.Series([rule.get(t) for t in extract.territory.categories], dtype="str")
    generation = chosen.take(extract.territory.codes).reset_index(drop=True)
    frames = [extract.by_generation.get(name) for name in chosen.unique()]
    if len(frames) == 1 and frames[0] is not None:
        return frames[0].assign(generation=generation)
    nowhere = {"qpv_code": None, "place": UNDETERMINED, "around": UNKNOWN, "answer": UNKNOWN}
    places = pd.DataFrame(nowhere, index=generation.index, dtype="str")
    for name, frame in zip(chosen.unique(), frames, strict=True):
        if frame is not None:
            places = places.where(generation != name, frame)
    return places.assign(generation=generation)


def interval(first: Vintage, last: Vintage) -> Interval:
    """Name the interval between two extracts."""
    return Interval(
        first.year, last.year, first.reference_date, last.reference_date, first.departments, last.departments
    )


def consecutive(vintages: Mapping[int, Vintage]) -> list[tuple[int, int]]:
    """Return the consecutive years, in the order of their reference dates."""
    return list(pairwise(sorted(vintages, key=lambda year: vintages[year].reference_date)))


def intervals(vintages: Mapping[int, Vintage]) -> pd.DataFrame:
    """Return the consecutive years as a frame: one row per interval, ``from_year`` and ``to_year``."""
    return pd.DataFrame(consecutive(vintages), columns=["from_year", "to_year"], dtype="int64")


def changes(
    placed: Placed, vintages: Mapping[int, Vintage], basis: Basis, *, out_of_scope: pd.DataFrame
) -> pd.DataFrame:
    """Account for the changes between consecutive extracts: one row per structure, generation, interval and step.

    ``vintages`` say what each extract covers of these structures. No count is needed.
    """
    years = consecutive(vintages)
    if placed.structures.empty or not years:
        return change_rules.none()
    rows = by_year(placed.structures[[*STRUCTURE_COLUMNS, "year"]]), by_year(placed.located[[*LOCATED_COLUMNS, "year"]])
    extract_of = extracts(*rows, out_of_scope, basis.settings.vecu_distance_m)
    links = basis.sources.links
    pairs = [_changeable_pairs(extract_of, interval(vintages[a], vintages[b]), links, basis.in_force) for a, b in years]
    return change_rules.attributed(pd.concat(pairs, ignore_index=True), near_rule=basis.settings.vecu_rule)


def summary(changes: pd.DataFrame, counts: pd.DataFrame, vintages: Mapping[int, Vintage]) -> pd.DataFrame:
    """Sum the changes by area, type, situation and cause, and hold the sums against the counts.

    Raises ContractError unless opening stock and causes give the closing stock for every type, situation and area.
    """
    summed = change_summary.summarise(changes)
    totals = counts[counts["modality"] == change_summary.ALL]
    change_summary.assert_balance(totals, summed, intervals(vintages))
    return summed


def candidates(placed: Placed, changes: pd.DataFrame, years: list[tuple[int, int]]) -> pd.DataFrame:
    """Propose identities between the years of every interval, from the changes under the perimeters in force."""
    telling = changes[(changes["generation"] == IN_FORCE) & changes["cause"].isin(identity.CAUSES)]
    records, parts = by_year(placed.structures[[*identity.READ, "year"]]), []
    for first, last in sorted(years):
        rows = telling[(telling["from_year"] == first) & (telling["to_year"] == last)]
        if len(rows) and len(proposed := identity.candidates(records(first), records(last), rows)):
            parts.append(proposed)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=identity.COLUMNS)


def then_and_now(placed: Placed, vintages: Mapping[int, Vintage]) -> pd.DataFrame:
    """Put the stock that each extract gave beside what the last extract gives for the same date."""
    dates = {year: vintage.reference_date for year, vintage in vintages.items()}
    last = placed.structures[placed.structures["year"] == max(dates)]
    return backcast.then_and_now(backcast.known_then(placed.structures), last, dates)


def findings(tables: Mapping[str, pd.DataFrame]) -> Iterator[Finding]:
    """Say what a reader of the changes must know: what has no cause, what depends on the order, what is to be confirmed.

    ``tables``: the published tables ``changes``, ``link_candidates`` and ``series_audit``.
    """
    current = tables["changes"][tables["changes"]["generation"] == IN_FORCE]
    for (first, last), rows in current.groupby(["from_year", "to_year"]):
        between_years, n = f"{first} to {last}", len(rows)
        for rule, at, words in (
            ("not-attributable", rows["cause"] == NOT_ATTRIBUTABLE, "changes without evidence of a cause"),
            (
                "order-matters",
                rows["other_order_differs"],
                "changes that another order of causes would split otherwise",
            ),
        ):
            yield from _some(rule, rows["finess_et"][at], f"{between_years}: {words}", n)
    waiting = tables["link_candidates"]
    for (first, last), rows in waiting[~waiting["is_confirmed"].astype(bool)].groupby(["from_year", "to_year"]):
        words = f"{first} to {last}: identities to confirm or dismiss"
        yield from _some("link-candidate", rows["finess_et_from"], words, None)
    for check, rows in tables["series_audit"].groupby("check"):
        yield Finding("series-inconsistent", len(rows), f"{check}: see the table series_audit")


def rebuilt(series: pd.DataFrame) -> Iterator[Finding]:
    """Flag the series, as known then and as known now, that never fall in any département over four intervals or more."""
    keys = ["structure_type"]
    for column, words in (("n_then", "as known then"), ("n_now", "as known in the last extract")):
        counted = series[["structure_type", "department_code", "date", column]].dropna()
        stocks = counted.rename(columns={"department_code": "area_code", column: "value"})
        falls = backcast.never_falls(backcast.rises_and_falls(stocks, keys), keys)
        for kind in falls.loc[falls["is_suspect"], "structure_type"]:
            yield Finding(
                "rebuilt-from-survivors", 1, f"{kind} {words}: no fall in any département since the first extract"
            )


def _some(rule: str, numbers: pd.Series, words: str, of: int | None) -> Iterator[Finding]:
    if len(numbers):
        yield Finding(rule, len(numbers), f"{words}: {', '.join(numbers.head(3))}", of)
