"""Where each structure stands: its neighbourhood, then the word of its cohort turned into a point of the squared paper."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from qpvhealth.facts.territories import METROPOLE
from qpvhealth.sample.cohorts import FAR_SEAS, YEARS, Cohort, all_cohorts
from qpvhealth.sample.geography import OVERSEAS, Commune, all_departments, communes_of
from qpvhealth.sample.neighbourhoods import SEED, Group, Qpv, groups, groups_by_code, neighbourhoods, old_by_commune

if TYPE_CHECKING:
    from collections.abc import Sequence

N_STABLE = 60
STABLE_FIRST = ("2A", "2B", "971", "972")
HOSTING_FATES = ("unchanged", "modified", "merged-2", "merged-3", "split-2", "mixed", "gone")
NEXT_TO = frozenset({"near", "wide", "lip", "rim", "edge", "brim"})
FROM_BORDER_M = {"edge": 0.0, "tie": 0.0, "brim": -7.0, "lip": 8.0, "rim": 10.0}


@dataclass(frozen=True)
class Member:
    """One structure of a cohort, with its number and the neighbourhood that it stands in or next to, if any.

    ``address_uid`` is the number of the structure whose point it has: its own, or that of another in the neighbourhood.
    """

    uid: int
    cohort: Cohort
    rank: int
    host: Qpv | None
    address_uid: int


def _can_host(qpv: Qpv) -> bool:
    """Return whether structures may stand inside: a sound polygon, and the first part of its group."""
    group = groups_by_code()[qpv.code]
    return group.fate in HOSTING_FATES and qpv == group.old[0] and qpv.fault in (None, "spike")


def _can_be_stable(commune: Commune) -> bool:
    """Return whether a commune has neighbourhoods, and all of them can be covered and last."""
    there = old_by_commune().get(commune, [])
    lasting = [_can_host(q) and len(q.communes) == 1 and groups_by_code()[q.code].fate != "gone" for q in there]
    return bool(there) and all(lasting)


@cache
def stable_communes() -> tuple[Commune, ...]:
    """List communes to be covered in full at every date, so that an undetermined structure there decides nothing."""
    first = [next(filter(_can_be_stable, communes_of(d))) for d in STABLE_FIRST]
    departments = [d for d in all_departments()[::5] if d not in STABLE_FIRST]
    others = [c for d in departments for c in communes_of(d) if _can_be_stable(c)]
    chosen, n = [], 0
    for commune in (*first, *others[::2]):
        size = len(old_by_commune()[commune])
        if n + size <= N_STABLE and commune.department not in FAR_SEAS:
            chosen.append(commune)
            n += size
    return tuple(chosen)


@cache
def members() -> tuple[Member, ...]:
    """Return every structure of every cohort with its number, from 1, and its neighbourhood.

    One in six of those that share a neighbourhood has the point of the structure that was there first.
    """
    first_in: dict[Qpv | None, int] = {}
    numbered: list[Member] = []
    for cohort, hosts in zip(all_cohorts(), _hosts(), strict=True):
        for rank, host in enumerate(hosts):
            uid = len(numbered) + 1
            if cohort.host in ("own", "stable"):
                first_in.setdefault(host, uid)
            has_shared_point = cohort.host == "shared" and uid % 6 == 0
            numbered.append(Member(uid, cohort, rank, host, first_in.get(host, uid) if has_shared_point else uid))
    return tuple(numbered)


def _hosts() -> list[Sequence[Qpv | None]]:
    """Return the neighbourhoods of the structures of each cohort.

    Cohorts that need neighbourhoods of their own choose first, the demanding ones before the others. The others share those
    already covered, or stand next to plain ones, those without any structure first.
    """
    cohorts = all_cohorts()
    hosts: list[Sequence[Qpv | None]] = [[None] * cohort.n for cohort in cohorts]
    stable = [q for c in stable_communes() for q in old_by_commune()[c]]
    stable_codes = {q.code for q in stable}
    sound = [q for q in neighbourhoods("qpv-2015") if _can_host(q)]
    order = np.random.default_rng(SEED + 1).permutation(len(sound))
    free = [sound[i] for i in order if sound[i].code not in stable_codes]
    covered: dict[Qpv, None] = {}
    demanding = [bool(c.where) or _is_next_to(c) or "tie" in c.story for c in cohorts]
    for i in sorted(range(len(cohorts)), key=lambda i: (not demanding[i], i)):
        cohort = cohorts[i]
        if cohort.host == "stable":
            chosen = [q for q in stable if not cohort.where or q.department in cohort.where][: cohort.n]
        elif cohort.host in ("own", "mono", "left"):
            chosen = []
            for rank in range(cohort.n):
                chosen.append(next(q for q in free if _suits(q, cohort, rank)))
                free.remove(chosen[-1])
        else:
            continue
        hosts[i] = chosen
        if cohort.host in ("own", "stable"):
            covered |= dict.fromkeys(chosen)
    plain = [q for q in free if groups_by_code()[q.code].is_plain]
    plain_codes = {q.code for q in plain}
    occupied = [g.old[0] for g in groups() if g.is_plain and g.old[0].code not in plain_codes]
    plain += [q for q in occupied if q.fault is None]
    sharing = cycle([q for q in covered if q.department not in FAR_SEAS])
    next_to = {d: cycle([q for q in plain if q.department == d]) for d in FAR_SEAS}
    next_to[""] = cycle([q for q in plain if q.department not in FAR_SEAS])
    for i, cohort in enumerate(cohorts):
        areas = cohort.where or ("",)
        if cohort.host == "shared":
            hosts[i] = [next(sharing) for _ in range(cohort.n)]
        elif cohort.host == "plain":
            hosts[i] = [next(next_to[areas[rank % len(areas)]]) for rank in range(cohort.n)]
    return hosts


def _is_next_to(cohort: Cohort) -> bool:
    return not NEXT_TO.isdisjoint(cohort.places.values())


def _suits(qpv: Qpv, cohort: Cohort, rank: int) -> bool:
    """Return whether a structure of a cohort can stand in a neighbourhood, as its story wants."""
    if cohort.where and qpv.department != cohort.where[rank % len(cohort.where)]:
        return False
    if not cohort.where and qpv.department in FAR_SEAS:
        return False
    group = groups_by_code()[qpv.code]
    if "tie" in cohort.story:
        return group.fate == "merged-2"
    return not _is_next_to(cohort) or (group.is_plain and qpv.territory == METROPOLE)


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
    spread = 1_500 if commune.is_urban else 6_000
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
