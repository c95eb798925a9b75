"""What a correct build must find in the invented France, counted on its construction and not on its files."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.facts.territories import METROPOLE
from qpvhealth.sample.cohorts import REFERENCE_DATES, YEARS
from qpvhealth.sample.contours import edited, edits
from qpvhealth.sample.extracts import UNKNOWN_DEPARTMENT, template
from qpvhealth.sample.folder import dirt
from qpvhealth.sample.neighbourhoods import groups_by_code, neighbourhoods
from qpvhealth.sample.places import future_group, members
from qpvhealth.sample.resources import cards, records
from qpvhealth.sample.stories import PLACEHOLDERS, identifier, renumbered, states, states_of, without_number

if TYPE_CHECKING:
    from qpvhealth.sample.stories import Record

__all__ = [
    "amounts",
    "changes",
    "contour_changes",
    "counts",
    "dirt",
    "n_qpv_without_gp",
    "qpv_counts",
    "renumbered",
    "stock",
    "without_number",
]

PROXY_M = 300


@cache
def stock() -> pd.DataFrame:
    """Return one row per structure in the stock and year, with its situation under the generation in force.

    The situation: inside wins; then a yes of the ARS; then unknown places; then its no; then the proxy.
    """
    frame = pd.concat([states(), pd.DataFrame([_of_unknown_department()])], ignore_index=True)
    frame = frame[frame["in_stock"].astype(bool)].reset_index(drop=True)
    is_inside, is_within_proxy = zip(*(_position(r) for r in frame.to_dict("records")), strict=True)
    situation = pd.Series("elsewhere", index=frame.index).mask(list(is_within_proxy), "vecu_proxy")
    situation = situation.mask(frame["vecu"] == "no", "elsewhere").mask(frame["place"] == "vague", "undetermined")
    situation = situation.mask(frame["vecu"] == "yes", "vecu_declared").mask(list(is_inside), "in_qpv")
    return frame.assign(situation=situation)


def _of_unknown_department() -> Record:
    """Return the structure of 2024 whose département does not exist: in the stock of the country, in no area below it."""
    number, _ = UNKNOWN_DEPARTMENT
    nowhere = {"commune": None, "commune_name": None, "department": None, "region": None}
    return template(states_of(YEARS[-1])) | nowhere | {"uid": int(number[2:]), "finess_et": number}


def _position(row: Record) -> tuple[bool, bool]:
    """Return whether a structure is inside a neighbourhood in force, and whether it is within 300 m of one."""
    if row["place"] in ("far", "vague", "lost"):
        return False, False
    if row["year"] == YEARS[-1] and row["territory"] == METROPOLE:
        group = future_group(row["uid"]) if row["place"] == "future" else groups_by_code()[row["host"]]
        x, y = row["x"], row["y"]
        boxes = [q.box for q in group.new]
        gaps = [(max(west - x, 0, x - east), max(south - y, 0, y - north)) for west, south, east, north in boxes]
        distance = min(((dx * dx + dy * dy) ** 0.5 for dx, dy in gaps), default=float("inf"))
        return distance == 0, distance <= PROXY_M
    return isinstance(row["qpv_2015"], str), row["place"] in ("near", "lip", "rim")


@cache
def counts() -> pd.DataFrame:
    """Return the structures by year, type and situation, totals included (``all``)."""
    frame = pd.concat([stock(), stock().assign(situation="all")])
    return frame.groupby(["year", "structure_type", "situation"]).size().rename("n_structures").reset_index()


def qpv_counts(generation: str) -> dict[str, int]:
    """Return the neighbourhoods in metropolitan France, then in each overseas département."""
    areas = [METROPOLE if q.territory == METROPOLE else q.department for q in neighbourhoods(generation)]
    return pd.Series(areas).value_counts().to_dict()


@cache
def changes() -> pd.DataFrame:
    """List the true cause of each change between two extracts of a structure, whatever its situation.

    Structures move (address and point), are relocated (point only), are located or lost, change number, type or
    known modality; they enter and leave for the reasons that their dates give. ``generation``: inside under one and outside
    under the other, the place unchanged. ``declaration``: any change of the answer, ``unknown`` included: 2018 and 2020 have
    none. ``scope``: a nursing centre, which the extract of 2019 does not count. ``identity`` is also the record that another
    absorbs, or that comes out of another. ``coverage_of_extract`` is the extract of 2024, which covers neither
    Saint-Pierre-et-Miquelon, Saint-Barthélemy, Saint-Martin nor Polynésie.
    """
    rows = []
    for before, after in pairwise(YEARS):
        first, second = ({r["uid"]: r for r in states_of(y).to_dict("records")} for y in (before, after))
        if after == YEARS[-1]:
            second |= {r["uid"]: r for r in [_of_unknown_department()]}
        for uid in sorted(first.keys() | second.keys()):
            old, new = first.get(uid), second.get(uid)
            numbers = (old and identifier(old), new and identifier(new))
            rows += [(uid, *numbers, before, after, cause) for cause in _causes(old, new, before)]
    return pd.DataFrame(rows, columns=["uid", "finess_from", "finess_to", "from_year", "to_year", "cause"])


def _causes(old: Record | None, new: Record | None, before: int) -> list[str]:
    was_there, is_there = bool(old and old["in_stock"]), bool(new and new["in_stock"])
    if not was_there and not is_there:
        return []
    if not was_there:
        return [_entry(new, old, before)]
    if not is_there:
        return [_exit(old, new, before)]
    has_modality = {old["year"], new["year"]} <= {2019, 2020}
    is_same_place, is_same_address = old["place"] == new["place"], old["address"] == new["address"]
    was_vague, is_vague = (state["place"] == "vague" for state in (old, new))
    checks = {
        "identity": identifier(old) != identifier(new),
        "reclassified": old["structure_type"] != new["structure_type"]
        or (has_modality and old["modality"] != new["modality"]),
        "location_learnt": was_vague and not is_vague,
        "location_lost": is_vague and not was_vague,
        "moved": not is_same_address and was_vague == is_vague,
        "relocated": is_same_address and not is_same_place and was_vague == is_vague,
        "declaration": old["vecu"] != new["vecu"],
        "generation": new["year"] == YEARS[-1] and is_same_place and _position(old)[0] != _position(new)[0],
    }
    return [cause for cause, is_true in checks.items() if is_true]


def _entry(new: Record, old: Record | None, before: int) -> str:
    if new["uid"] in _combined(before):
        return "identity"
    if old is not None and old["is_nursing"]:
        return "scope"
    if pd.isna(new["opened_on"]) or new["opened_on"] in PLACEHOLDERS:
        return "not_attributable"
    return "opened" if new["opened_on"] > REFERENCE_DATES[before] else "late_registration"


def _exit(old: Record, new: Record | None, before: int) -> str:
    if old["uid"] in _combined(before):
        return "identity"
    if new is not None and not pd.isna(new["closed_on"]):
        return "closed" if new["closed_on"] > REFERENCE_DATES[before] else "late_deregistration"
    is_covered = before != YEARS[-2] or old["department"] in cards()["structures-2024"]["covers"]["departments"]
    return "left_extract" if is_covered else "coverage_of_extract"


@cache
def _combined(before: int) -> frozenset[int]:
    """Return the records that a merger ends, or a split begins, between an extract and the next."""
    combined = {m.uid: m.cohort.change_year for m in members() if m.cohort.change in ("merged", "split")}
    return frozenset(uid for uid, year in combined.items() if YEARS[YEARS.index(year) - 1] == before)


def contour_changes() -> pd.DataFrame:
    """Return what the edited contours change: ``year``, ``finess_et``, ``effect_in_qpv`` under the neighbourhoods of 2015."""
    boxes = {q.code: (q.box, edited(q).box) for q in neighbourhoods("qpv-2015") if q.code in edits()}
    frame = states()
    there = frame[frame["in_stock"] & frame["host"].isin(list(boxes)) & frame["x"].notna()]
    rows = []
    for row in there.to_dict("records"):
        was, now = (
            west <= row["x"] <= east and south <= row["y"] <= north for west, south, east, north in boxes[row["host"]]
        )
        rows.append((row["year"], identifier(row), int(now) - int(was)))
    effects = pd.DataFrame(rows, columns=["year", "finess_et", "effect_in_qpv"])
    return effects[effects["effect_in_qpv"] != 0].reset_index(drop=True)


def amounts() -> dict[str, int]:
    """Return the funding of the projects by funder."""
    projects = pd.DataFrame(records("files/projects/2024.csv", ";")).query("montant != ''")
    return projects.astype({"montant": "int64"}).groupby("financeur")["montant"].sum().to_dict()


def n_qpv_without_gp() -> int:
    """Count the neighbourhoods without a GP, one in four, in the département whose every GP has a point."""
    return len([q for q in neighbourhoods("qpv-2024") if q.department == "35"][::4])
