"""Which neighbourhood each structure stands in or next to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from qpvhealth.facts.territories import METROPOLE
from qpvhealth.sample.cohorts import FAR_SEAS, Cohort, all_cohorts
from qpvhealth.sample.geography import Commune, all_departments, communes_of
from qpvhealth.sample.neighbourhoods import SEED, Qpv, groups, groups_by_code, neighbourhoods, old_by_commune

if TYPE_CHECKING:
    from collections.abc import Sequence

N_STABLE = 60
STABLE_FIRST = ("2A", "2B", "971", "972")
HOSTING_FATES = ("unchanged", "modified", "merged-2", "merged-3", "split-2", "mixed", "gone")
NEXT_TO = frozenset({"near", "wide", "lip", "rim", "edge", "brim"})


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
    for i in sorted(range(len(cohorts)), key=lambda i: (not _is_demanding(cohorts[i]), i)):
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


def _is_demanding(cohort: Cohort) -> bool:
    return bool(cohort.where) or _is_next_to(cohort) or "tie" in cohort.story


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
