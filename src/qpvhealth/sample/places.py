"""Where each structure stands in each extract: the word of its cohort turned into a point of the squared paper."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from qpvhealth.sample.cohorts import YEARS
from qpvhealth.sample.geography import OVERSEAS, Box, Commune, all_departments, communes_of
from qpvhealth.sample.hosts import Member, members, stable_communes
from qpvhealth.sample.neighbourhoods import Group, groups

AT_EDGE = {"edge": 0.0, "tie": 0.0, "brim": -7.0, "lip": 8.0, "rim": 10.0}


@dataclass(frozen=True)
class Spot:
    """A place in one year: the word for it, the commune, the point in metres (null when nobody knows it)."""

    word: str
    commune: Commune
    point: tuple[float, float] | None

    @property
    def is_home(self) -> bool:
        """Whether it is the structure's address in or near its neighbourhood, and not its other address elsewhere."""
        return self.word not in ("far", "lost")


def spot(member: Member, year: int) -> Spot:
    """Say where a structure is in a year; closed and future ones are where they were or will be."""
    word = effective_word(member, year)
    if word in ("far", "lost"):
        commune = _far_commune(member)
        return Spot(word, commune, None if word == "lost" else _far_point(member, commune))
    if word == "vague":
        commune = _vague_commune(member)
        return Spot(word, commune, None)
    if word == "future":
        group = future_group(member.uid)
        return Spot(word, group.communes[0], _inside(group.new[0].box, member.uid))
    if member.host is None:
        raise ValueError(member)
    return Spot(word, member.host.communes[0], _beside_or_inside(member, word))


def effective_word(member: Member, year: int) -> str:
    """Give the place of a structure, looking back for closed ones and forward for those to come."""
    places = member.cohort.places
    at = YEARS.index(year)
    if places[year] in ("shut", "early"):
        return places[YEARS[at - 1]]
    if places[year] in ("soon", "aside"):
        return places[YEARS[at + 1]] if at + 1 < len(YEARS) else "far"
    return places[year]


def _beside_or_inside(member: Member, word: str) -> tuple[float, float]:
    assert member.host is not None  # noqa: S101
    _, south, east, north = box = member.host.box
    middle = (south + north) / 2
    if word == "in":
        return _inside(box, member.neighbour_uid or member.uid)
    if word in AT_EDGE:
        return east + AT_EDGE[word], middle
    uid = member.uid
    out = 60 + uid * 29 % 221 if word == "near" else 320 + uid * 31 % 631
    return east + out, middle + uid * 17 % 81 - 40


def _inside(box: Box, uid: int) -> tuple[float, float]:
    """Give a point in the western half of a rectangle, at least 60 m from any border of either generation."""
    west, south, east, north = box
    return round(west + (east - west) / 4 + uid * 37 % 41 - 20 + uid % 10 / 10, 1), round(
        (south + north) / 2 + uid * 53 % 121 - 60, 1
    )


def _key(member: Member) -> int:
    """Give the number that decides a far place: one structure in 25 shares the place of the one before it."""
    together = member.uid % 25 == 0 and member.rank > 0
    return member.uid - 1 if together else member.uid


@cache
def _usual_departments() -> tuple[str, ...]:
    metropolitan = [d for d in all_departments() if d not in OVERSEAS]
    return tuple(metropolitan * 4 + ["971", "972", "973", "974", "974", "976"] * 2)


def _far_department(member: Member) -> str:
    if member.host is not None:
        return member.host.department
    if where := member.cohort.where:
        return where[member.rank % len(where)]
    return _usual_departments()[_key(member) * 7 % len(_usual_departments())]


def _far_commune(member: Member) -> Commune:
    communes = communes_of(_far_department(member))
    key = _key(member)
    rural = [c for c in communes if not c.is_urban] or communes
    wanted = communes if key % 5 == 0 and "lost" not in member.cohort.story else rural
    return wanted[key // 5 % len(wanted)]


def _far_point(member: Member, commune: Commune) -> tuple[float, float]:
    key = _key(member)
    if commune.department in OVERSEAS:
        east = 3_000 * (1 + key % 2) + key * 13 % 301 - 150
        north = 2_250 * (1 + key // 2 % 3) + key * 17 % 301 - 150
        return commune.at(east + key % 10 / 10, north)
    spread = 3_000 if commune.is_urban else 11_000
    centre = commune.centre
    return (
        round(centre[0] + key * 7919 % (2 * spread) - spread + key % 10 / 10, 1),
        round(centre[1] + key * 6007 % (2 * spread) - spread, 1),
    )


def _vague_commune(member: Member) -> Commune:
    if member.host is not None:
        return member.host.communes[0]
    if where := member.cohort.where:
        return next(c for c in stable_communes() if c.department == where[member.rank % len(where)])
    mainland = [c for c in stable_communes() if c.department not in (*OVERSEAS, "2A", "2B")]
    return mainland[member.uid % len(mainland)]


def future_group(uid: int) -> Group:
    """Give the place, without neighbourhood in 2015, where a structure of ``future`` stands."""
    return _future_groups()[uid % len(_future_groups())]


@cache
def _future_groups() -> tuple[Group, ...]:
    return tuple(
        g for g in groups() if g.fate == "new" and g.new[0].fault is None and g.communes[0].department not in OVERSEAS
    )


def all_spots(year: int) -> list[tuple[Member, Spot]]:
    """List the structures that have a row in the extract of a year, with their place."""
    return [(m, spot(m, year)) for m in members() if m.cohort.places[year] != "."]
