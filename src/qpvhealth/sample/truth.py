"""What a correct pipeline must find in the invented France, counted on its construction and not on its files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import pandas as pd

from qpvhealth.facts.territories import METROPOLE
from qpvhealth.sample import contours, extracts, tables, workbooks
from qpvhealth.sample.census import census
from qpvhealth.sample.cohorts import REFERENCE_DATES, YEARS
from qpvhealth.sample.coordinates import is_geocoded
from qpvhealth.sample.hosts import members
from qpvhealth.sample.neighbourhoods import (
    FAULTS,
    METROPOLITAN_FATES,
    OVERSEAS_FATES,
    counts,
    group_of,
    groups,
    neighbourhoods,
)
from qpvhealth.sample.places import future_group
from qpvhealth.sample.regional import UNKNOWN_DEPARTMENT, template
from qpvhealth.sample.stories import (
    NOT_ANSWERING,
    PLACEHOLDERS,
    Record,
    identifier,
    rectangle_distance,
    renumbered,
    states,
    states_of,
    without_number,
)
from qpvhealth.sample.zonings import level_of

PROXY_M = 300


@dataclass(frozen=True)
class Truth:
    """The expected results.

    ``stock``: one row per structure in the stock and year, with its situation under the generation in force and its
    declaration. ``counts``: structures by year, type and situation, totals included (``all``). ``neighbourhoods_2015``: class
    label, level, people, NPNRU, covered at April 2020 in the scope "primary". ``crosses``: the six cells of April 2020 and
    the figures about large neighbourhoods. ``fates``: groups per fate, metropolitan and overseas. ``changes``: one row per
    structure, pair of years and true cause. ``renumbered``: the true pairs of identifiers. ``dirt``: how many of each fault.
    """

    stock: pd.DataFrame
    counts: pd.DataFrame
    qpv_counts: dict[str, dict[str, int]]
    neighbourhoods_2015: pd.DataFrame
    crosses: dict[str, Any]
    fates: dict[str, dict[str, int]]
    changes: pd.DataFrame
    renumbered: pd.DataFrame
    dirt: dict[str, int]


@cache
def truth() -> Truth:
    """Count everything once."""
    stock = _stock()
    changes = _changes()
    return Truth(
        stock=stock,
        counts=_counts(stock),
        qpv_counts={g: counts(g) for g in ("qpv-2015", "qpv-2024")},
        neighbourhoods_2015=census().assign(level=[level_of(c) for c in census()["qpv_code"]]),
        crosses=_crosses(),
        fates={METROPOLE: dict(METROPOLITAN_FATES), **OVERSEAS_FATES},
        changes=changes,
        renumbered=renumbered(),
        dirt=_dirt(),
    )


def _stock() -> pd.DataFrame:
    frame = pd.concat([states(), pd.DataFrame([_of_unknown_department()])], ignore_index=True)
    frame = frame[frame["in_stock"].astype(bool)].reset_index(drop=True)
    pairs = [_position(r) for r in frame.to_dict("records")]
    frame = frame.assign(is_inside=[inside for inside, _ in pairs], is_within_proxy=[near for _, near in pairs])
    return frame.assign(situation=_situations(frame))


def _of_unknown_department() -> Record:
    """Tell the structure of 2024 whose département does not exist: in the stock of the country, in no area below it."""
    number, _ = UNKNOWN_DEPARTMENT
    nowhere = {"commune": None, "commune_name": None, "department": None, "region": None}
    return template(states_of(YEARS[-1])) | nowhere | {"uid": int(number[2:]), "finess_et": number}


def _position(row: Record) -> tuple[bool, bool]:
    """Say whether a structure is inside a neighbourhood in force, and whether it is within 300 m of one."""
    if row["place"] in ("far", "vague", "lost"):
        return False, False
    if row["year"] == YEARS[-1] and row["territory"] == METROPOLE:
        code = future_group(row["uid"]).new[0].code if row["place"] == "future" else row["host"]
        distance = rectangle_distance(row["x"], row["y"], code)
        return distance == 0, distance <= PROXY_M
    return isinstance(row["qpv_2015"], str), row["place"] in ("near", "lip", "rim")


def _situations(frame: pd.DataFrame) -> pd.Series:
    """Apply the rule: inside wins; then the answer; then unknown places; then the proxy."""
    situation = pd.Series("elsewhere", index=frame.index)
    situation = situation.mask(frame["is_within_proxy"], "vecu_proxy").mask(frame["place"] == "vague", "undetermined")
    situation = situation.mask(frame["vecu"] == "no", "elsewhere").mask(frame["vecu"] == "yes", "vecu_declared")
    return situation.mask(frame["is_inside"], "in_qpv")


def _counts(stock: pd.DataFrame) -> pd.DataFrame:
    by_situation = stock.groupby(["year", "structure_type", "situation"]).size().rename("n_structures").reset_index()
    totals = (
        stock.groupby(["year", "structure_type"]).size().rename("n_structures").reset_index().assign(situation="all")
    )
    return pd.concat([by_situation, totals], ignore_index=True)[["year", "structure_type", "situation", "n_structures"]]


def _crosses() -> dict[str, Any]:
    frame = census()
    is_large = frame["population"] >= 5_000  # noqa: PLR2004
    cells = {
        (bool(covered), str(zone)): (len(part), int(part["population"].sum()))
        for (covered, zone), part in frame.groupby(["is_covered", "zone"])
    }
    return {
        "cells": cells,
        "population": int(frame["population"].sum()),
        "covered_primary": int(frame["is_covered"].sum()),
        "covered_any": int((frame["is_covered"] | frame["is_mono_only"]).sum()),
        "large": int(is_large.sum()),
        "large_npnru": int((is_large & frame["is_npnru"]).sum()),
        "above_24000": int((frame["population"] > 24_000).sum()),  # noqa: PLR2004
        "large_uncovered": int((is_large & ~frame["is_covered"]).sum()),
        "large_uncovered_npnru": int((is_large & ~frame["is_covered"] & frame["is_npnru"]).sum()),
        "npnru": int(frame["is_npnru"].sum()),
    }


def _changes() -> pd.DataFrame:
    """List the true cause of each change between two extracts of a structure, whatever its situation.

    Structures move (address and point), are relocated (point only, also when it becomes known), change number, type or
    known modality; they enter and leave for the reasons that their dates give. ``generation``: inside under one and outside
    under the other, the place unchanged. ``declaration``: any change of the answer, ``unknown`` included: 2018 and 2020 have
    none. ``scope``: a nursing centre, which the extract of 2019 does not count. ``identity`` is also the record that another
    absorbs, or that comes out of another. ``coverage_of_extract`` is the extract of 2024, which holds neither Saint-Pierre-et-Miquelon, Saint-Barthélemy, Saint-Martin nor Polynésie.
    """
    found = []
    for before, after in pairwise(YEARS):
        first = {r["uid"]: r for r in states_of(before).to_dict("records")}
        second = {r["uid"]: r for r in states_of(after).to_dict("records")}
        for uid in sorted(first.keys() | second.keys()):
            causes = _causes(first.get(uid), second.get(uid), before)
            row = _change(uid, first.get(uid), second.get(uid))
            found += [row | {"from_year": before, "to_year": after, "cause": cause} for cause in causes]
    stranger, before = _of_unknown_department(), YEARS[-2]
    entry = {"from_year": before, "to_year": YEARS[-1], "cause": _entry(stranger, None, before)}
    return pd.DataFrame([*found, _change(stranger["uid"], None, stranger) | entry])


def _change(uid: int, old: Record | None, new: Record | None) -> Record:
    return {
        "uid": uid,
        "finess_from": identifier(old) if old else None,
        "finess_to": identifier(new) if new else None,
    }


def _causes(old: Record | None, new: Record | None, before: int) -> list[str]:
    was_there, is_there = bool(old and old["in_stock"]), bool(new and new["in_stock"])
    if not was_there and not is_there:
        return []
    if is_there and not was_there:
        return [_entry(new or {}, old, before)]
    if was_there and not is_there:
        return [_exit(old or {}, new, before)]
    return _alterations(old or {}, new or {})


def _entry(new: Record, old: Record | None, before: int) -> str:
    if new["uid"] in _combined(before):
        return "identity"
    if old is not None and _is_out_of_scope(old):
        return "scope"
    if pd.isna(new["opened_on"]) or new["opened_on"] in PLACEHOLDERS:
        return "not_attributable"
    return "opened" if new["opened_on"] > REFERENCE_DATES[before] else "late_registration"


def _is_out_of_scope(row: Record) -> bool:
    return bool(row["is_nursing"] and not row["in_stock"])


@cache
def _combined(before: int) -> frozenset[int]:
    """List the records that a merger ends, or a split begins, between an extract and the next."""
    changes = {m.uid: m.cohort for m in members() if m.cohort.change in ("merged", "split")}
    return frozenset(uid for uid, c in changes.items() if YEARS[YEARS.index(c.change_year or 0) - 1] == before)


def _exit(old: Record, new: Record | None, before: int) -> str:
    if old["uid"] in _combined(before):
        return "identity"
    if new is not None and not pd.isna(new["closed_on"]):
        return "closed" if new["closed_on"] > REFERENCE_DATES[before] else "late_deregistration"
    is_uncovered = before == YEARS[-2] and old["department"] in ("975", "977", "978", "987")
    return "coverage_of_extract" if is_uncovered else "left_extract"


def _alterations(old: Record, new: Record) -> list[str]:
    is_known = old["year"] in (2019, 2020) and new["year"] in (2019, 2020)
    checks = {
        "identity": identifier(old) != identifier(new),
        "reclassified": old["structure_type"] != new["structure_type"]
        or (is_known and old["modality"] != new["modality"]),
        "moved": old["address"] != new["address"],
        "relocated": old["address"] == new["address"] and old["place"] != new["place"],
        "declaration": old["vecu"] != new["vecu"],
        "generation": new["year"] == YEARS[-1]
        and old["place"] == new["place"]
        and _position(old)[0] != _position(new)[0],
    }
    return [cause for cause, holds in checks.items() if holds]


def _dirt() -> dict[str, int]:
    frame = states()
    contradictory = frame["location_status"] == "contradictory"
    aside = frame["is_nursing"] & ~frame["in_stock"]
    waiting = frame.loc[~frame["in_stock"] & ~aside, "year"]
    faults = {
        f"{f}_{g[-4:]}": sum(q.fault == f for q in neighbourhoods(g))
        for f in (*sorted(set(FAULTS)), "collapsed")
        for g in ("qpv-2015", "qpv-2024")
    }
    return faults | {
        "straddling_2015": sum(len(q.communes) > 1 for q in neighbourhoods("qpv-2015")),
        "repeated_neighbourhoods_2015": 1,
        "wrong_commune_2024": len(contours.wrong_commune()[:1]),
        "wrong_commune_2020": len(workbooks.wrong_commune()[:1]),
        **{f"repeated_structures_{y}": n for y, n in extracts.REPEATED.items()},
        "out_of_scope_2018": sum(extracts.OUT_OF_SCOPE.values()),
        "rejected_2018": len(extracts.BROKEN_2018),
        "rejected_2019": 2,
        "rejected_2020": 1,
        "rejected_2024": 1,
        "unknown_department_2024": 1,
        "without_number_2019": len(without_number()),
        "register_only_2019": extracts.REGISTER_ONLY,
        "geocoded_2019": int((is_geocoded(states_of(2019), without_number()) & states_of(2019)["in_stock"]).sum()),
        "geocoded_unusable_2019": len(tables.UNUSABLE),
        "regions_not_answering_2019": len(NOT_ANSWERING),
        **{f"contradictory_{y}": int((contradictory & (frame["year"] == y)).sum()) for y in YEARS},
        "out_of_scope_2019": int(aside.sum()),
        **{f"out_of_stock_{y}": int(waiting[waiting == y].size) for y in YEARS},
        "hosts_gone_2024": sum(
            1 for g in groups() if g.fate == "gone" and g.old[0].code in set(frame["qpv_2015"].dropna())
        ),
        "groups": len({group_of(q.code).rank for q in neighbourhoods("qpv-2015")}),
    }
