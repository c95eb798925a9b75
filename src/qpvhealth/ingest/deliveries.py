"""A delivery compared with the one before and with what is known of the country: what a correct year does not do is a finding.

Extracts and lists are compared here, once read; ``delivered_points`` and ``delivered_populations`` follow later in a build. Thresholds
are those of ``Settings.delivery``, set on the published series and the public files so that a correct year says nothing (docs/method.md).
Each finding names its area and value: what a card signs where it is surprising and true.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth.contract.keys import among, unlike
from qpvhealth.contract.rules import Finding
from qpvhealth.errors import InputError
from qpvhealth.facts.categories import CDS, MSP, STRUCTURE_TYPES, UNKNOWN
from qpvhealth.facts.generations import KNOWN, PERIMETERS, expected_count
from qpvhealth.facts.territories import (
    DEPARTMENT_TERRITORY,
    REGIONS,
    SMALL_COLLECTIVITIES,
    TERRITORIES,
    department_of_qpv,
)
from qpvhealth.ingest.card import of_kind
from qpvhealth.ingest.systems import WGS84
from qpvhealth.rules.stock import is_in_stock

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from qpvhealth.ingest.card import Card
    from qpvhealth.ingest.inputs import Input
    from qpvhealth.ingest.sources import Sources, Vintage

    Limits = Mapping[str, float]

COUNTRY = "FR"
SAME_BYTES = "delivery-same-bytes"
DATED_KINDS = (
    *("structures", "declarations", "populations", "neighbourhoods", "zoning", "neighbourhood_indicators"),
    "practitioners",
)
VINTAGE_KEYS = ("year", "generation", "edition", "population_year", "reference_year")
PART_KEYS = ("sheet", "layer", "header_row", "codes")
"""A workbook may hold two years: another part of the same file is another delivery."""
CELLS = ("name", "address", "commune_code", "structure_type", "modality", "opened_on", "closed_on", "x", "y")
JUDGED_ROWS, JUDGED_POINTS, JUDGED_CODES, JUDGED_RISE = 100, 30, 20, 20
"""How many dated rows, points, codes in common, or structures more in a year, there must be before they say anything."""
RATE_DAYS, EXPECTED = 1095, 20
JUDGED_CHANGES = 5
CHANGED_SHARE = {"structure_type": 0.02, "modality": 0.1, "commune_code": 0.1}
"""Of the structures of two years, how many may be of another type, modality or commune (our choices: next to none change)."""
MINUTES = "delivery-points-minutes"
SIXTY, FEW_DECIMALS = 0.6, 0.05
FEW_ORPHANS, ORPHAN_SHARE = 3, 0.1


def finding(
    rule: str, n: int, words: str, area: str, value: object, *, ids: Iterable[object], of: int | None = None
) -> Finding:
    """Make a finding that a card may sign: its message ends with what to write. ``ids``: of the cards that it is about."""
    words = f'{words} (area "{area}", value "{value}")'
    return Finding(rule, n, words, of, area, str(value), tuple(map(str, ids)))


def refuse_same_bytes(inputs: Sequence[Input], accounts: Mapping[str, Mapping[str, int]]) -> None:
    """Refuse the same bytes under two years, generations or editions, all files at once. One row may be the same: many are not.

    ``accounts``: ``rows_in`` by card. Raises InputError.
    """
    seen: dict[tuple[str, ...], list[Card]] = {}
    for hashed in inputs:
        card = hashed.card
        if card.kind in DATED_KINDS and accounts[card.id]["rows_in"] > 1:
            part = (card.kind, hashed.sha256, *(str(card.get(key)) for key in PART_KEYS), str(card.columns))
            seen.setdefault(part, []).append(card)
    problems = []
    for cards in seen.values():
        differing = [key for key in VINTAGE_KEYS if len({str(card.get(key)) for card in cards}) > 1]
        if differing:
            words = "; ".join(f"card {c.id}: {', '.join(f'{k} {c.get(k)}' for k in differing)}" for c in cards)
            problems.append(f"{SAME_BYTES}: one file under two names: {words}; ask for the file that is missing")
    if problems:
        raise InputError("\n".join(problems))


def of_sources(sources: Sources, cards: Sequence[Card], limits: Limits) -> list[Finding]:
    """Compare what was read: each extract with what its cards cover and with the one before, lists with their generation."""
    findings = [f for year in sorted(sources.vintages) for f in _of_extract(sources, sources.vintages[year], limits)]
    for first, last in pairwise(sorted(sources.vintages)):
        findings += _between(sources, sources.vintages[first], sources.vintages[last], limits)
    return [*findings, *_of_answers(sources, cards), *_of_generations(sources, cards), *_of_contents(sources)]


def _of_extract(sources: Sources, vintage: Vintage, limits: Limits) -> Iterator[Finding]:
    """Find areas without a row, and a reference date that does not go with the dates in the rows.

    Half of the gap is much where an earlier year is there, and as many dates a day as in the three years before would be ``EXPECTED``.
    """
    frame, day = sources.structures[vintage.year], pd.Timestamp(vintage.reference_date)
    named = vintage.departments
    covered = named or {d for d in DEPARTMENT_TERRITORY if d not in SMALL_COLLECTIVITIES}
    silent = covered - {*frame["department_code"].unique()}
    silent = silent if frame["department_code"].notna().mean() > 1 / 2 else set()  # which are empty is not known
    for area in _areas(silent, named or frozenset(DEPARTMENT_TERRITORY)):
        words = (
            f"{vintage.year}: covered and without a row; ask for the rest of the file, or state `covers` in its card"
        )
        yield finding("delivery-area-empty", 1, words, area, 0, ids=vintage.source_ids)
    dates = pd.concat([frame[column].dropna() for column in ("opened_on", "closed_on", "authorised_on")])
    latest, n_after = dates[dates <= day].max(), int((frame["opened_on"] > day).sum())
    gap = (day - latest).days if len(dates) >= JUDGED_ROWS else 0
    recent = (dates > latest - pd.Timedelta(days=RATE_DAYS)) & (dates <= latest)
    is_late = gap > limits["date_gap_days"] / 2 and recent.sum() * gap > EXPECTED * RATE_DAYS
    if gap > limits["date_gap_days"] or (is_late and vintage.year > min(sources.vintages)):
        words = f"{vintage.year}: the last date in the rows is {gap} days before the reference date {day.date()}"
        yield finding("delivery-date", 1, words, COUNTRY, latest.date(), ids=vintage.source_ids)
    if n_after > max(FEW_ORPHANS, limits["dates_after_share"] * len(frame)):
        words = f"{vintage.year}: structures that open after the reference date {day.date()}"
        yield finding("delivery-date", n_after, words, COUNTRY, n_after, ids=vintage.source_ids, of=len(frame))
    yield from _minutes(sources.points[vintage.year], vintage)


def _areas(silent: Iterable[str], covered: Iterable[str]) -> Iterator[str]:
    """Name silent départements, a region where all that is covered of it is silent."""
    rest, covered = set(silent), set(covered)
    for code, (_, members) in sorted(REGIONS.items()):
        own = covered.intersection(members)
        if own and own <= rest:
            yield f"region:{code}"
            rest -= own
    yield from (f"department:{code}" for code in sorted(rest))


def _minutes(points: pd.DataFrame, vintage: Vintage) -> Iterator[Finding]:
    """Find degrees and minutes read as decimals: over more than a degree, hardly a point has a fraction that reaches 0.6."""
    for source_id, rows in points[points["crs"] == WGS84].groupby("source_id"):
        xy = rows[["x", "y"]].drop_duplicates().abs()
        xy = xy[(xy["x"] <= 180) & (xy["y"] <= 90)]  # noqa: PLR2004 -- degrees
        wide = (xy.quantile(0.9) - xy.quantile(0.1) > 1).any()
        if len(xy) >= JUDGED_POINTS and wide and (xy % 1 >= SIXTY).any(axis=1).mean() <= FEW_DECIMALS:
            words = f"{vintage.year}, card {source_id}: degrees and minutes, read as decimals: 48.30 for 48°30'"
            yield finding(MINUTES, len(rows), words, COUNTRY, len(rows), ids=[source_id])


def _between(sources: Sources, first: Vintage, last: Vintage, limits: Limits) -> Iterator[Finding]:
    days, ids = (last.reference_date - first.reference_date).days, last.source_ids
    if days <= 0:
        words = f"{last.year}: the reference date is not after that of {first.year}, {first.reference_date}"
        yield finding("delivery-date", 1, words, COUNTRY, last.reference_date, ids=ids)
        return
    years, step = max(1.0, days / 365.25), f"{first.year} to {last.year}"
    everywhere = frozenset(DEPARTMENT_TERRITORY)
    shared = (first.departments or everywhere) & (last.departments or everywhere)
    before, after = (_stock(sources, vintage, shared) for vintage in (first, last))
    listed, links = sources.structures[last.year], sources.links
    there = {*listed["department_code"].unique()}  # where no row is left, that is said
    for name, limit in ((MSP, limits["msp_fall"]), (CDS, limits["cds_fall"])):
        then, now = (_by_department(stock[stock["structure_type"] == name]) for stock in (before, after))
        now = dict.fromkeys(there, 0) | now
        for area, n, change in stock_changes(then, now, limit, years, limits):
            words = f"{step}: {name} {'fell' if change < 0 else 'rose'} from {n} to {n + change}"
            yield finding("delivery-stock", abs(change), words, area, change, ids=ids, of=n)
    aside = sources.out_of_scope.loc[sources.out_of_scope["year"] == last.year, "finess_et"]
    now_elsewhere = pd.concat([listed["finess_et"], aside, links["finess_et_from"]]).astype("str")
    gone = before["finess_et"][~among(before["finess_et"], now_elsewhere)]
    if len(gone) > max(JUDGED_CODES, limits["left_share"] * years * len(before)):
        words = f"{step}: structures that left without a closing date ({', '.join(gone.head(3))}, …)"
        yield finding("delivery-left", len(gone), words, COUNTRY, len(gone), ids=ids, of=len(before))
    yield from _contradicted(before, sources.structures[first.year], listed, (first, last))
    for area, n in _still(before, after, limits["still_stock"]):
        words = f"{step}: nothing has moved: is it the file of {first.year}?"
        yield finding("delivery-no-movement", n, words, area, n, ids=ids)


def _contradicted(
    before: pd.DataFrame, listed_before: pd.DataFrame, listed: pd.DataFrame, vintages: tuple[Vintage, Vintage]
) -> Iterator[Finding]:
    """Find columns that say another thing of the same structures: what they are and where, in many, or in most of a département; when, in many.

    Of dates: an opening after an extract that lists the structure as open, no closing where one was listed.
    """
    (first, last), ids = vintages, vintages[1].source_ids
    step, day = f"{first.year} to {last.year}", pd.Timestamp(first.reference_date)
    there = listed.drop_duplicates("finess_et").set_index("finess_et")
    both = before[among(before["finess_et"], there.index)].reset_index(drop=True)
    now = there.reindex(both["finess_et"]).reset_index()
    for column, share in CHANGED_SHARE.items():
        sides = [side[column].mask(side[column] == UNKNOWN) for side in (both, now)]
        known = sides[0].notna() & sides[1].notna()
        changed = both[known & (sides[0] != sides[1])]
        areas, of = [(COUNTRY, len(changed))], _by_department(both[known])
        if len(changed) <= max(JUDGED_CODES, share * known.sum()):
            counts = _by_department(changed).items()
            areas = [(f"department:{d}", n) for d, n in counts if n >= JUDGED_CHANGES and 2 * n > of[d]]
        for area, n in areas:
            words = f"{step}: structures whose {column} is another: is the column that of other rows?"
            yield finding("delivery-stock", n, words, area, f"{column} {n}", ids=ids, of=int(known.sum()))
    closed = listed_before.loc[listed_before["closed_on"] <= day, "finess_et"]
    again = there[among(there.index.to_series(), closed) & ~(there["closed_on"] <= day)]
    for n, words in (
        (
            int((now["opened_on"] > day).sum()),
            f"structures that open after {first.reference_date}, when they were listed as open",
        ),
        (len(again), f"structures that were closed on {first.reference_date}, and are not any more"),
    ):
        if n > JUDGED_CODES:
            yield finding("delivery-date", n, f"{step}: {words}", COUNTRY, n, ids=ids, of=len(listed))


def stock_changes(
    then: Mapping[str, int], now: Mapping[str, int], fall: float, years: float, limits: Limits
) -> Iterator[tuple[str, int, int]]:
    """Yield the areas whose stock fell, or rose, by more than a correct year's does: area, stock before, change.

    The country alone where most départements do too. Of one that has no row left that is said.
    """
    sizes = [(f"department:{code}", fall, n, now[code]) for code, n in then.items() if code in now]
    n_all = sum(then.values())
    sizes.append((COUNTRY, max(fall, limits["national_fall"] * n_all), n_all, sum(now.values())))
    areas = [
        (area, n, after - n)
        for area, limit, n, after in sizes
        if n - after >= limit or after - n > years * max(JUDGED_RISE, limits["rise_share"] * n)
    ]
    is_everywhere = len(areas) > max(FEW_ORPHANS, len(sizes) / 2) and areas[-1][0] == COUNTRY
    yield from areas[-1:] if is_everywhere else areas


def _by_department(rows: pd.DataFrame) -> dict[str, int]:
    return {str(code): int(n) for code, n in rows["department_code"].value_counts().sort_index().items()}


def _stock(sources: Sources, vintage: Vintage, departments: frozenset[str]) -> pd.DataFrame:
    frame = sources.structures[vintage.year]
    opened = is_in_stock(frame["opened_on"], frame["closed_on"], pd.Timestamp(vintage.reference_date))
    counted = frame["structure_type"].isin(STRUCTURE_TYPES) & frame["department_code"].isin(departments)
    stock: pd.DataFrame = frame.loc[opened & counted, ["finess_et", "department_code", *CELLS]]
    return stock


def _still(before: pd.DataFrame, after: pd.DataFrame, limit: float) -> Iterator[tuple[str, int]]:
    """Yield where nobody came or left: several départements; else each in which no cell of any row has changed either."""
    is_wide = len({*before["department_code"]}) > 1
    if is_wide and len(before) > limit and set(before["finess_et"]) == set(after["finess_et"]):
        yield COUNTRY, len(before)
        return
    was, is_now = (_by_department(rows) for rows in (before, after))
    level = [code for code, n in was.items() if limit < n == is_now.get(code)]
    sides = [rows[rows["department_code"].isin(level)] for rows in (before, after)]
    both = sides[0].merge(sides[1], on=["finess_et", "department_code"], suffixes=("", "_after"))
    differs = [unlike(both[cell], both[f"{cell}_after"]) for cell in CELLS]
    unchanged = _by_department(both[~np.logical_or.reduce(differs)])
    yield from ((f"department:{code}", was[code]) for code in level if unchanged.get(code) == was[code])


def _of_answers(sources: Sources, cards: Sequence[Card]) -> Iterator[Finding]:
    """Find the regions that a card says have answered, and of which it has no row: all of them would be read as no."""
    for card in of_kind(cards, "declarations"):
        answered, extract = card.departments(), sources.structures.get(card["year"])
        if answered is None or extract is None or not card["answered"].get("exhaustive", True):
            continue
        named = sources.declarations.loc[sources.declarations["year"] == card["year"], "finess_et"]
        there = extract.loc[extract["finess_et"].isin(named), "department_code"]
        for area in [a for a in _areas(answered - set(there), answered) if a.startswith("region")]:
            words = f"card {card.id}: has answered, and no row is of there: every structure would be read as no"
            yield finding("delivery-area-empty", 1, words, area, 0, ids=[card.id])


def _of_generations(sources: Sources, cards: Sequence[Card]) -> Iterator[Finding]:
    """Find files of another generation: outlines counted as its law does, codes without outline, dates at which it was not in force."""
    polygons = sources.neighbourhoods[["generation", "qpv_code", "source_id"]]
    polygons = polygons.assign(territory=_territory(polygons["qpv_code"]))
    whole = set()
    for (generation, territory), rows in _parts(polygons, "generation", "territory"):
        n, expected = len(rows), expected_count(generation, territory)
        whole |= {(generation, territory)} if n == expected else set()
        others = [g for g in KNOWN if g != generation and expected is not None and n == expected_count(g, territory)]
        if others and n != expected:
            words = f"{generation}: {n} outlines, the number of {' or '.join(others)}; the law has {expected}"
            yield finding("delivery-generation", n, words, _area(territory), n, ids=rows["source_id"].unique())
    listed = sources.zoning_classes.reindex(columns=["edition", "level", "code", "source_id"])
    listed = listed[listed["level"] == "qpv"].rename(columns={"code": "qpv_code"})
    of_edition = dict(sources.editions.reindex(columns=["edition", "generation"]).to_numpy().tolist())
    listed["generation"] = listed["edition"].map(of_edition)
    codes = pd.concat([sources.populations_read, listed], ignore_index=True)
    codes = codes.assign(territory=_territory(codes["qpv_code"]))
    codes["lost"] = ~pd.MultiIndex.from_frame(codes[["generation", "qpv_code"]]).isin(
        pd.MultiIndex.from_frame(polygons[["generation", "qpv_code"]])
    )
    for (source_id, generation, territory), rows in _parts(codes, "source_id", "generation", "territory"):
        n = int(rows["lost"].sum())
        if (generation, territory) in whole and n >= max(FEW_ORPHANS, ORPHAN_SHARE * len(rows)):
            words = f"card {source_id}: codes that are not of {generation} ({', '.join(rows['qpv_code'][rows['lost']].head(3))}, …)"
            yield finding("delivery-generation", n, words, _area(territory), n, ids=[source_id], of=len(rows))
    for card in of_kind(cards, "zoning", "declarations"):
        vintage = sources.vintages.get(card.get("year"))
        day = card.get("in_force_from") or (vintage.reference_date if vintage else None)
        law = [p for p in PERIMETERS if p.generation == card.get("generation")]
        if day and law and not any(p.start.year <= day.year and (p.end is None or day <= p.end) for p in law):
            words = f"card {card.id}: {card['generation']} was not in force anywhere at {day}"
            yield finding("delivery-generation", 1, words, COUNTRY, card["generation"], ids=[card.id])


def _parts(frame: pd.DataFrame, *columns: str) -> Iterator[tuple[tuple[str, ...], pd.DataFrame]]:
    yield from ((tuple(map(str, key)), rows) for key, rows in frame.groupby(list(columns)) if isinstance(key, tuple))


def _territory(codes: pd.Series) -> pd.Series:
    return codes.dropna().map(department_of_qpv).map(DEPARTMENT_TERRITORY).reindex(codes.index)


def _area(territory: str) -> str:
    departments = TERRITORIES[territory].departments
    return f"department:{departments[0]}" if len(departments) == 1 else f"territory:{territory}"


def _of_contents(sources: Sources) -> Iterator[Finding]:
    """Find populations of two years, or classes of two editions, that are the same: one content under two dates."""
    for frame, keys, version, value in (
        (sources.populations_read, ["generation", "qpv_code"], "population_year", "population"),
        (sources.zoning_classes, ["level", "code"], "edition", "raw_label"),
    ):
        columns = [*keys, version, value, "source_id"]
        versions = [rows[columns] for _, rows in frame.reindex(columns=columns).groupby(version)]
        for first, last in pairwise(versions):
            both = first.merge(last, on=keys, suffixes=("", "_last")).dropna()
            if len(both) >= JUDGED_CODES and (both[value] == both[f"{value}_last"]).all():
                ids = both["source_id_last"].unique()
                words = f"card {', '.join(ids)}: {version} {last[version].iloc[0]} has the values of {first[version].iloc[0]}"
                yield finding("delivery-generation", len(both), words, COUNTRY, len(both), ids=ids)
