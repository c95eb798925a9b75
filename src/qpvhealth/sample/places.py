"""Where each structure stands in each extract: the word of its cohort turned into a point of the squared paper."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from qpvhealth.sample.cohorts import YEARS
from qpvhealth.sample.geography import OVERSEAS, Commune, all_departments, communes_of
from qpvhealth.sample.hosts import Member, members, stable_communes
from qpvhealth.sample.neighbourhoods import Group, groups

FROM_BORDER_M = {"edge": 0.0, "tie": 0.0, "brim": -7.0, "lip": 8.0, "rim": 10.0}


@dataclass(frozen=True)
class Spot:
    """A place in one year: the word for it, the commune, the point in metres (null when nobody knows it)."""

    word: str
    commune: Commune
    point: tuple[float, float] | None


def spot(member: Member, year: int) -> Spot:
    """Return where a structure is in a year; closed and future ones are where they were or will be."""
    places, at, uid = member.cohort.places, YEARS.index(year), member.uid
    word = places[year]
    if word in ("shut", "early"):
        word = places[YEARS[at - 1]]
    elif word in ("soon", "aside"):
        word = places[YEARS[at + 1]] if at + 1 < len(YEARS) else "far"
    if word in ("far", "lost"):
        commune, point = _far_place(member)
        return Spot(word, commune, None if word == "lost" else point)
    if word == "vague":
        return Spot(word, _vague_commune(member), None)
    if word == "future":
        host = future_group(uid).new[0]
    elif member.host is None:
        raise ValueError(member)
    else:
        host = member.host
    west, south, east, north = host.box
    middle = (south + north) / 2
    if word in ("in", "future"):
        # In the western half of the rectangle, at least 60 m from any border of either generation.
        key = member.address_uid if word == "in" else uid
        x = round(west + (east - west) / 4 + key * 37 % 41 - 20 + key % 10 / 10, 1)
        return Spot(word, host.communes[0], (x, round(middle + key * 53 % 121 - 60, 1)))
    if word in FROM_BORDER_M:
        return Spot(word, host.communes[0], (east + FROM_BORDER_M[word], middle))
    outside = 60 + uid * 29 % 221 if word == "near" else 320 + uid * 31 % 631
    return Spot(word, host.communes[0], (east + outside, middle + uid * 17 % 81 - 40))


def _far_place(member: Member) -> tuple[Commune, tuple[float, float]]:
    """Return a place far from any neighbourhood; one structure in 25 shares that of the one before it."""
    key = member.uid - 1 if member.uid % 25 == 0 and member.rank > 0 else member.uid
    where = member.cohort.where
    if member.host is not None:
        department = member.host.department
    elif where:
        department = where[member.rank % len(where)]
    else:
        department = _usual_departments()[key * 7 % len(_usual_departments())]
    communes = communes_of(department)
    if key % 5 != 0 or "lost" in member.cohort.story:
        communes = tuple(c for c in communes if not c.is_urban) or communes
    commune = communes[key // 5 % len(communes)]
    if department in OVERSEAS:
        east = 3_000 * (1 + key % 2) + key * 13 % 301 - 150
        north = 2_250 * (1 + key // 2 % 3) + key * 17 % 301 - 150
        return commune, commune.at(east + key % 10 / 10, north)
    spread = 3_000 if commune.is_urban else 11_000
    x = round(commune.centre[0] + key * 7919 % (2 * spread) - spread + key % 10 / 10, 1)
    return commune, (x, round(commune.centre[1] + key * 6007 % (2 * spread) - spread, 1))


@cache
def _usual_departments() -> tuple[str, ...]:
    metropolitan = [d for d in all_departments() if d not in OVERSEAS]
    return tuple(metropolitan * 4 + ["971", "972", "973", "974", "974", "976"] * 2)


def _vague_commune(member: Member) -> Commune:
    if member.host is not None:
        return member.host.communes[0]
    if where := member.cohort.where:
        return next(c for c in stable_communes() if c.department == where[member.rank % len(where)])
    mainland = [c for c in stable_communes() if c.department not in (*OVERSEAS, "2A", "2B")]
    return mainland[member.uid % len(mainland)]


@cache
def future_group(uid: int) -> Group:
    """Return the place, without neighbourhood in 2015, where a structure of ``future`` stands."""
    new = [g for g in groups() if g.fate == "new" and g.new[0].fault is None]
    metropolitan = [g for g in new if g.communes[0].department not in OVERSEAS]
    return metropolitan[uid % len(metropolitan)]


def all_spots(year: int) -> list[tuple[Member, Spot]]:
    """List the structures that have a row in the extract of a year, with their place."""
    return [(m, spot(m, year)) for m in members() if m.cohort.places[year] != "."]
