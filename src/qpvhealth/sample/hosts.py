"""Which neighbourhood each structure stands in or beside."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, partial
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from qpvhealth.facts.territories import METROPOLE
from qpvhealth.sample.cohorts import FAR_SEAS, Cohort, all_cohorts
from qpvhealth.sample.geography import Commune, all_departments, communes_of
from qpvhealth.sample.neighbourhoods import SEED, Group, Qpv, group_of, groups, neighbourhoods

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

N_STABLE = 60
STABLE_FIRST = ("2A", "2B", "971", "972")
HOSTING_FATES = ("unchanged", "modified", "merged-2", "merged-3", "split-2", "mixed", "gone")
HARMLESS_FAULTS = (None, "spike")
BESIDE = frozenset({"near", "wide", "lip", "rim", "edge", "brim"})


@dataclass(frozen=True)
class Member:
    """One structure of a cohort, with its number and the neighbourhood that it stands in or beside, if any."""

    uid: int
    cohort: Cohort
    rank: int
    host: Qpv | None
    neighbour_uid: int | None = None


@dataclass
class _Ledger:
    """Neighbourhoods not yet given away, and who lives where among the covered ones."""

    free: list[Qpv]
    owners: list[tuple[int, Qpv]] = field(default_factory=list)

    def take(self, fits: Callable[[Qpv], bool]) -> Qpv:
        """Give away the first free neighbourhood that fits."""
        found = next(q for q in self.free if fits(q))
        self.free.remove(found)
        return found


def can_host(qpv: Qpv) -> bool:
    """Say whether structures may stand inside: a sound polygon, and the first part of its group."""
    group = group_of(qpv.code)
    return group.fate in HOSTING_FATES and qpv.code == group.old[0].code and qpv.fault in HARMLESS_FAULTS


@cache
def stable_communes() -> tuple[Commune, ...]:
    """List communes to be covered in full at every date, so that an undetermined structure there decides nothing."""
    overseas_first = [next(c for c in communes_of(d) if _can_be_full(c)) for d in STABLE_FIRST]
    others = [c for d in all_departments()[::5] if d not in STABLE_FIRST for c in communes_of(d) if _can_be_full(c)]
    chosen, n = [], 0
    for commune in (*overseas_first, *others[::2]):
        size = len(old_in(commune))
        if n + size <= N_STABLE and commune.department not in FAR_SEAS:
            chosen.append(commune)
            n += size
    return tuple(chosen)


@cache
def _old_by_commune() -> dict[str, list[Qpv]]:
    found: dict[str, list[Qpv]] = {}
    for qpv in neighbourhoods("qpv-2015"):
        for commune in qpv.communes:
            found.setdefault(commune.code, []).append(qpv)
    return found


def old_in(commune: Commune) -> list[Qpv]:
    """List the 2015 neighbourhoods of a commune, those that straddle its limit included."""
    return _old_by_commune().get(commune.code, [])


def _can_be_full(commune: Commune) -> bool:
    there = old_in(commune)
    return bool(there) and all(can_host(q) and len(q.communes) == 1 and group_of(q.code).fate != "gone" for q in there)


@cache
def members() -> tuple[Member, ...]:
    """Give every structure of every cohort its number and its neighbourhood."""
    stable = [q for c in stable_communes() for q in old_in(c)]
    kept = {q.code for q in stable}
    ledger = _Ledger([q for q in _shuffled_hosts() if q.code not in kept])
    demanding = sorted(range(len(all_cohorts())), key=lambda i: (not _is_demanding(all_cohorts()[i]), i))
    hosts = {
        i: _hosts(all_cohorts()[i], ledger, stable)
        for i in demanding
        if all_cohorts()[i].host not in ("shared", "plain")
    }
    beside = _beside(ledger)
    covered = [q for i, qs in hosts.items() if all_cohorts()[i].host in ("own", "stable") for q in qs if q is not None]
    sharing = cycle([q for q in dict.fromkeys(covered) if q.department not in FAR_SEAS])
    given = [
        (c, q) for i, c in enumerate(all_cohorts()) for q in enumerate(hosts.get(i) or _reused(c, sharing, beside))
    ]
    return _numbered(given)


def _numbered(given: list[tuple[Cohort, tuple[int, Qpv | None]]]) -> tuple[Member, ...]:
    """Give numbers from 1; one in six of those that share a neighbourhood shares the point of who lives there."""
    owners: dict[str, int] = {}
    found = []
    for uid, (cohort, (rank, host)) in enumerate(given, 1):
        code = host.code if host is not None else ""
        if cohort.host in ("own", "stable"):
            owners.setdefault(code, uid)
        is_together = cohort.host == "shared" and uid % 6 == 0
        found.append(Member(uid, cohort, rank, host, owners.get(code) if is_together else None))
    return tuple(found)


def _is_demanding(cohort: Cohort) -> bool:
    return bool(cohort.where) or bool(BESIDE & set(cohort.places.values())) or "tie" in cohort.story


def _shuffled_hosts() -> list[Qpv]:
    hosts = [q for q in neighbourhoods("qpv-2015") if can_host(q)]
    order = np.random.default_rng(SEED + 1).permutation(len(hosts))
    return [hosts[i] for i in order]


def _hosts(cohort: Cohort, ledger: _Ledger, stable: Sequence[Qpv]) -> Sequence[Qpv | None]:
    if cohort.host == "none":
        return [None] * cohort.n
    if cohort.host == "stable":
        return [q for q in stable if not cohort.where or q.department in cohort.where][: cohort.n]
    return [ledger.take(partial(_suits, cohort, k)) for k in range(cohort.n)]


def _suits(cohort: Cohort, rank: int, qpv: Qpv) -> bool:
    group = group_of(qpv.code)
    if cohort.where and qpv.department != cohort.where[rank % len(cohort.where)]:
        return False
    if not cohort.where and qpv.department in FAR_SEAS:
        return False
    if "tie" in cohort.story:
        return group.fate == "merged-2"
    if BESIDE & set(cohort.places.values()):
        return group.is_plain and qpv.territory == METROPOLE
    return True


def _beside(ledger: _Ledger) -> dict[str, Iterator[Qpv]]:
    """Give, per département group, neighbourhoods to stand beside, those that nobody lives in first."""
    free = [q for q in ledger.free if group_of(q.code).is_plain]
    known = {q.code for q in free}
    taken = [g.old[0] for g in groups() if _is_open_air(g) and g.old[0].code not in known]
    listed = [*free, *taken]
    usual = cycle([q for q in listed if q.department not in FAR_SEAS])
    areas: dict[str, Iterator[Qpv]] = {d: cycle([q for q in listed if q.department == d]) for d in FAR_SEAS}
    return {"": usual, **areas}


def _is_open_air(group: Group) -> bool:
    return group.is_plain and group.old[0].fault is None


def _reused(cohort: Cohort, sharing: Iterator[Qpv], beside: dict[str, Iterator[Qpv]]) -> list[Qpv | None]:
    if cohort.host == "shared":
        return [next(sharing) for _ in range(cohort.n)]
    areas = cohort.where or ("",)
    return [next(beside[areas[k % len(areas)]]) for k in range(cohort.n)]
