"""The populations of a delivery, compared with the areas of the QPV and with every other population of the same QPV."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qpvhealth.facts.territories import DEPARTMENT_REGION, department_of_qpv
from qpvhealth.ingest.deliveries import COUNTRY, finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qpvhealth.contract.rules import Finding
    from qpvhealth.ingest.deliveries import Limits

JUDGED_QPV, JUDGED_ROWS = 3, 30
"""How many QPV a département, and a file, must have in common with another one."""
TYPICAL_DENSITY, TYPICAL_PEOPLE = 10_000.0, 2_200.0
"""People per km² and people, about the medians of the QPV of both generations (public files: 11,788 and 10,647; 2,027 and 2,325)."""
OFF_SCALE = 0.65
"""Powers of ten, mean of both: where the medians of a file, or of a département, are farther from the typical ones the column has another
unit. The départements of the public files stay below 0.53, whole files below 0.05."""
RATIO_OF_ONE = 8.0
"""One QPV may grow or shrink more than a département does: its outline changes. The public files stay below 7."""
SHIFT_GAIN, SHIFT_LEVEL = 0.3, 0.4
UNRELATED, IN_ORDER, JUDGED_WHOLE = 0.3, 0.95, 100
"""Rank correlations, the last ones for so many QPV. Public populations have 0.6 with areas (0.4 to 0.9 in the regions of 50 QPV and more) and 0.9
with the generation before, and less than 0.2 one row off."""


def of_populations(
    read: pd.DataFrame, neighbourhoods: pd.DataFrame, fates: pd.DataFrame, limits: Limits
) -> list[Finding]:
    """Compare populations with the areas of the QPV and with every other population of the same, or of what it was before.

    ``read``: ``Sources.populations_read``. ``neighbourhoods``: ``area_km2`` by ``generation`` and ``qpv_code``. ``fates``: of
    ``neighbourhood_fates``; a QPV that comes of one alone is the same.
    """
    area = neighbourhoods.set_index(_KEY)["area_km2"]
    people = read.dropna(subset=["population"]).astype({"population": "float64"})
    findings = []
    for source_id, rows in people.groupby("source_id"):
        rows = rows.sort_values("source_row", ignore_index=True)  # noqa: PLW2901
        others = people[(people["source_id"] != source_id) & (people["population"] > 0)]
        others_by_qpv = others.drop_duplicates(_KEY).set_index(_KEY)["population"]
        same, successor = _at(others_by_qpv, rows[_KEY]), _at(others_by_qpv, _counterparts(rows[_KEY], fates))
        rows["reference"], rows["area_km2"] = same.fillna(successor), _at(area, rows[_KEY])
        ids, of = [source_id], len(rows)
        shifts, unrelated, scaled = list(_shifts(rows)), _is_unrelated(rows), list(_out_of_scale(rows))
        for area_code, n, shift in shifts:
            words = f"card {source_id}: populations stand one row {'below' if shift < 0 else 'above'} their QPV"
            findings.append(finding("delivery-populations", n, words, area_code, f"shift {shift}", ids=ids, of=of))
        if unrelated and not shifts:
            words = f"card {source_id}: populations are those of other rows, or none: they do not go with another file, are in the order of the codes, or one number"
            findings.append(finding("delivery-populations", of, words, COUNTRY, "unrelated", ids=ids, of=of))
            continue
        for area_code, n, factor in scaled:
            words = f"card {source_id}: all are out of scale, about {factor:g} times the people that QPV have"
            findings.append(finding("delivery-populations", n, words, area_code, f"factor {factor:g}", ids=ids, of=of))
        odd = _odd(rows, limits)
        if not shifts and not scaled and (n := int(odd.sum())):
            first = (rows["qpv_code"] + " " + rows["population"].astype("int64").astype("str"))[odd].head(3)
            words = f"card {source_id}: out of proportion with the area or another file: {', '.join(first)}"
            findings.append(finding("delivery-populations", n, words, COUNTRY, n, ids=ids, of=of))
    return findings


_KEY = ["generation", "qpv_code"]


def _at(values: pd.Series, keys: pd.DataFrame) -> pd.Series:
    return pd.Series(values.reindex(pd.MultiIndex.from_frame(keys)).to_numpy(dtype=float), index=keys.index)


def _counterparts(codes: pd.DataFrame, fates: pd.DataFrame) -> pd.DataFrame:
    """Return the one QPV of another generation that each comes of, or becomes; null where there is none, or several."""
    sides = [[f"generation_{side}", f"qpv_code_{side}"] for side in ("from", "to")]
    once = fates.dropna(subset=[*sides[0], *sides[1]])
    for own, other in (sides, sides[::-1]):
        once = once[~once.duplicated([*own, other[0]], keep=False)]
    ends = pd.concat([once[[*own, *other]].set_axis([*_KEY, "a", "b"], axis=1) for own, other in (sides, sides[::-1])])
    return codes.merge(ends.drop_duplicates(_KEY), how="left", on=_KEY)[["a", "b"]].set_axis(_KEY, axis=1)


def _out_of_scale(rows: pd.DataFrame) -> Iterator[tuple[str, int, float]]:
    """Yield, of a file else of its départements, where the medians of people and of density are off: area, QPV, and the power of ten."""
    people = rows["population"].where(rows["population"] > 0)
    scales = {TYPICAL_PEOPLE: people, TYPICAL_DENSITY: people / rows["area_km2"].where(rows["area_km2"] > 0)}
    for key in (pd.Series(COUNTRY, index=rows.index), "department:" + rows["qpv_code"].map(department_of_qpv)):
        medians = [np.log10(values.groupby(key).median() / typical) for typical, values in scales.items()]
        off = pd.concat(medians, axis=1).mean(axis=1)
        sizes = key.value_counts()
        wrong = off[(off.abs() > OFF_SCALE) & (sizes.reindex(off.index) >= JUDGED_QPV)]
        yield from ((str(area), int(sizes[area]), 10.0 ** round(power)) for area, power in wrong.items())
        if len(wrong):
            return


def _odd(rows: pd.DataFrame, limits: Limits) -> pd.Series:
    """Mark populations of 0, of a density or a change that no QPV has, and those of a département that changed as no other does.

    Of two files that disagree, the one whose densities are farther from that of most QPV is marked; both, where areas are not known.
    """
    people, area = rows["population"], rows["area_km2"].where(rows["area_km2"] > 0)
    ratio, density = people / rows["reference"], people / area
    own, other = (np.abs(np.log((n.where(n > 0) / area) / TYPICAL_DENSITY)) for n in (people, rows["reference"]))
    by_department = ratio.groupby(rows["qpv_code"].map(department_of_qpv))
    middle = by_department.transform("median").where(by_department.transform("count") >= JUDGED_QPV)
    odd = _outside(ratio, RATIO_OF_ONE) | _outside(middle, limits["population_ratio"])
    low, high = limits["density_low"], limits["density_high"]
    if own[odd].median() < other[odd].median():
        odd &= False
    impossible: pd.Series = (people == 0) | odd | (density < low) | (density > high)
    return impossible


def _outside(ratio: pd.Series, limit: float) -> pd.Series:
    return (ratio < 1 / limit) | (ratio > limit)


def _shifts(rows: pd.DataFrame) -> Iterator[tuple[str, int, int]]:
    """Yield where populations must move by a row to go with the areas, else with another file: of the whole, else by region."""
    region = "region:" + rows["qpv_code"].map(department_of_qpv).map(DEPARTMENT_REGION)
    for key in (pd.Series(COUNTRY, index=rows.index), region):
        shifts = [(str(area), len(own), _shift(own)) for area, own in rows.groupby(key)]
        yield from (found := [one for one in shifts if one[2]])
        if found:
            return


def _shift(rows: pd.DataFrame) -> int:
    """Return by how many rows the populations must move to go with the areas, else with another file; 0 where they do."""
    for other in ("area_km2", "reference"):
        if rows[other].notna().sum() >= JUDGED_ROWS:
            ranks = rows[other].rank()
            fits = {shift: rows["population"].shift(shift).rank().corr(ranks) for shift in (0, -1, 1)}
            best = max(fits, key=lambda shift: fits[shift])
            if fits[best] > SHIFT_LEVEL:
                return best if fits[best] > fits[0] + SHIFT_GAIN else 0
    return 0


def _is_unrelated(rows: pd.DataFrame) -> bool:
    """Say whether the populations of many QPV are those of other rows, or none at all.

    They have next to nothing to do with another file's, whose fit with the areas is no worse; or they are in the order of the codes, or
    most are one number.
    """
    ranks = rows[["population", "reference", "area_km2"]].rank()
    both = rows["reference"].notna().sum() >= JUDGED_WHOLE and ranks["population"].corr(ranks["reference"]) < UNRELATED
    own, other = (ranks[column].corr(ranks["area_km2"]) for column in ("population", "reference"))
    in_order = abs(ranks["population"].corr(rows["qpv_code"].rank())) > IN_ORDER
    one_number = rows["population"].value_counts(normalize=True).max() > 1 / 2
    return len(rows) >= JUDGED_WHOLE and bool((both and not own > other + UNRELATED) or in_order or one_number)
