"""What is true of each structure in each extract: one row per structure and year, before any dirt."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from typing import Any

import pandas as pd

from qpvhealth.facts.territories import DEPARTMENT_REGION, METROPOLE
from qpvhealth.sample.cohorts import INSIDE, OUT_OF_STOCK, REFERENCE_DATES, YEARS, Cohort
from qpvhealth.sample.hosts import Member, members
from qpvhealth.sample.neighbourhoods import group_of
from qpvhealth.sample.places import Spot, all_spots, spot

Record = dict[Any, Any]
"""One row of a frame, column by column."""

CATEGORIES = {"MSP": "603", "CDS": "124"}
PLACEHOLDERS = (date(1900, 1, 1), date(1904, 4, 4))
NOT_ANSWERING = ("94", "02")
WITHOUT_NUMBER = 2
"""How many structures of 2019 are known to the ministry only by its own identifier."""


@cache
def states() -> pd.DataFrame:
    """Tell every structure of every extract: what it is, where it is, when it opened, whether it is in the stock.

    ``x`` and ``y`` are in the metres of the territory, null where nobody knows the place; ``location_status`` is what a
    reader of that extract can know (located, centroid, missing, contradictory).
    """
    rows = [_state(m, s, year) for year in YEARS for m, s in all_spots(year)]
    frame = pd.DataFrame(rows).astype({"host": "object", "qpv_2015": "object"})
    frame = frame.assign(host=frame["host"].where(frame["host"].notna(), None))
    return frame.assign(vecu=_declared(frame))


@cache
def states_of(year: int) -> pd.DataFrame:
    """Tell the structures of one extract, in the order of their numbers."""
    frame = states()
    return frame[frame["year"] == year].reset_index(drop=True)


def _state(member: Member, spot: Spot, year: int) -> dict[str, Any]:
    cohort, word = member.cohort, member.cohort.places[year]
    kind = "CDS" if cohort.change == "type" and year < (cohort.change_year or 0) else cohort.type
    host = member.host
    return {
        "uid": member.uid,
        "year": year,
        "place": spot.word,
        "in_stock": word not in OUT_OF_STOCK,
        "finess_et": _number(member, year),
        "own_id": f"OBS-{member.uid:05d}",
        "structure_type": kind,
        "modality": _modality(member, kind, year),
        "is_nursing": cohort.change == "scope",
        "name": _name(member, kind),
        "address": _address(member, spot),
        "commune": spot.commune.code,
        "commune_name": spot.commune.name,
        "department": spot.commune.department,
        "region": DEPARTMENT_REGION[spot.commune.department],
        "territory": spot.commune.territory,
        "x": None if spot.point is None else spot.point[0],
        "y": None if spot.point is None else spot.point[1],
        "location_status": _status(member, spot, year),
        "host": None if host is None else host.code,
        "qpv_2015": host.code if host is not None and spot.word in INSIDE else None,
        "opened_on": _opened_on(member, year),
        "closed_on": _closed_on(word, year, member.uid),
        "says_in_qpv": _says_in_qpv(member, spot),
    }


def _number(member: Member, year: int) -> str:
    cohort = member.cohort
    renumbered = cohort.change == "number" and year >= (cohort.change_year or 0)
    return f"0X{9_000_000 + member.uid:07d}" if renumbered else f"0X{member.uid:07d}"


def _modality(member: Member, kind: str, year: int) -> str:
    cohort = member.cohort
    if kind == "MSP" or cohort.type == "MSP":
        return "pluri"
    if cohort.change == "modality":
        return "mono" if year < (cohort.change_year or 0) else "pluri"
    return cohort.modality or ("mono", "pluri", "mono", "unknown", "mono", "pluri")[member.uid % 6]


def _name(member: Member, kind: str) -> str:
    what = "MAISON DE SANTE" if kind == "MSP" else "CENTRE DE SANTE"
    special = " L\u2019\u0152UVRE" if member.uid % 50 == 0 else ""
    return f"{what} INVENTE{'E' if kind == 'MSP' else ''}{special} {member.uid}"


def _address(member: Member, spot: Spot) -> str:
    return f"{1 + member.uid % 199} RUE {'INVENTEE' if spot.is_home else 'IMAGINAIRE'}"


def _status(member: Member, spot: Spot, year: int) -> str:
    if spot.point is not None:
        return "located"
    flaw = ("centroid", "missing", "contradictory")[member.rank % (3 if spot.word == "vague" else 2)]
    return "missing" if flaw == "centroid" and year not in (2018, 2019) else flaw


def _opened_on(member: Member, year: int) -> date | None:
    cohort, uid = member.cohort, member.uid
    if cohort.places[year] == "soon" or "soon" in cohort.story:
        return REFERENCE_DATES[_year_of(cohort, "soon")] + timedelta(days=30 + uid % 60)
    if cohort.opened == "none" or (cohort.opened == "old" and uid % 40 == 0):
        return None
    if cohort.opened == "placeholder" or (cohort.opened == "old" and uid % 90 == 1):
        return PLACEHOLDERS[uid % 2]
    if cohort.opened == "old":
        return date(2009, 1, 1) + timedelta(days=uid * 389 % 3_000)
    return _dated_by_first_extract(cohort, uid)


def _dated_by_first_extract(cohort: Cohort, uid: int) -> date:
    first = next(i for i, y in enumerate(YEARS) if cohort.places[y] != ".")
    before, after = REFERENCE_DATES[YEARS[first - 1]], REFERENCE_DATES[YEARS[first]]
    if cohort.opened == "late":
        return before - timedelta(days=10 + uid % 300)
    return before + timedelta(days=1 + uid * 61 % (after - before).days)


def _year_of(cohort: Cohort, word: str) -> int:
    return next(y for y, w in cohort.places.items() if w == word)


def _closed_on(word: str, year: int, uid: int) -> date | None:
    if word not in ("shut", "early"):
        return None
    before = REFERENCE_DATES[YEARS[YEARS.index(year) - 1]]
    return before + timedelta(days=20 + uid % 300) if word == "shut" else before - timedelta(days=5 + uid % 60)


def _says_in_qpv(member: Member, spot: Spot) -> str:
    """Write the flag of the ministry's extract: mostly right, wrong for a few, blank for one in 17."""
    uid, is_inside = member.uid, spot.word in INSIDE
    if uid % 17 == 0:
        return "unknown"
    wrong = uid % 29 == 0 if is_inside else spot.word in ("lip", "near") and uid % 13 == 0
    return "yes" if is_inside != wrong else "no"


def _declared(frame: pd.DataFrame) -> pd.Series:
    """Choose which structures the ARS of 2019 declare: 68 and 342 outside, a few inside, the rest of their regions no."""
    asked = (frame["year"] == 2019) & frame["in_stock"]  # noqa: PLR2004
    answered = asked & ~frame["region"].isin([*NOT_ANSWERING, "none"])
    vecu = pd.Series("unknown", index=frame.index).mask(answered, "no")
    chosen = [
        i
        for kind, plan in DECLARED.items()
        for place, n in plan.items()
        for i in _first(frame, answered, kind, place, n)
    ]
    vecu.loc[chosen] = "yes"
    return vecu


DECLARED = {
    "MSP": {"near": 56, "wide": 9, "far": 2, "vague": 1, "in": 1},
    "CDS": {"near": 276, "wide": 58, "far": 7, "vague": 1, "in": 2},
}


def _first(frame: pd.DataFrame, among: pd.Series, kind: str, place: str, n: int) -> list[int]:
    fits = (
        among
        & (frame["structure_type"] == kind)
        & (frame["place"] == place)
        & frame["qpv_2015"].isna().eq(place != "in")
    )
    return [int(i) for i in frame.index[fits][:n]]


@cache
def without_number() -> tuple[int, ...]:
    """Give the numbers of the structures that the extract of 2019 knows only by the ministry's own identifier."""
    frame = states_of(2019)
    plain = frame[
        (frame["place"] == "far") & (frame["opened_on"].notna()) & frame["in_stock"] & (frame["uid"] % 7 == 0)
    ]
    return tuple(int(u) for u in plain["uid"].iloc[-WITHOUT_NUMBER:])


def rectangle_distance(x: float, y: float, code: str) -> float:
    """Measure how far a point is from the nearest 2024 rectangle of the group of a 2015 or 2024 neighbourhood (0 inside)."""
    boxes = [q.box for q in group_of(code).new]
    gaps = [(max(b[0] - x, 0, x - b[2]), max(b[1] - y, 0, y - b[3])) for b in boxes]
    return min(((dx * dx + dy * dy) ** 0.5 for dx, dy in gaps), default=float("inf"))


def identifier(row: Record) -> str:
    """Give the identifier that a reader of the extract sees."""
    has_none = row["year"] == 2019 and row["uid"] in without_number()  # noqa: PLR2004
    return f"structures-2019:{row['own_id']}" if has_none else str(row["finess_et"])


def combined() -> pd.DataFrame:
    """Return the records that end in another's, or come out of another's: all of them in the file of links.

    The other record is a centre of the same département that is listed, far from any neighbourhood, in every extract.
    """
    homes = [m for m in members() if m.cohort.story == "far far far far" and m.cohort.change is None]
    rows = []
    for part in (m for m in members() if m.cohort.change in ("merged", "split")):
        home = next(h for h in homes if _is_beside(h, part))
        homes.remove(home)
        rows.append(_combination(part, home))
    return pd.DataFrame(rows, columns=["finess_from", "finess_to", "from_year", "to_year", "kind"])


def _is_beside(home: Member, part: Member) -> bool:
    departments = {spot(m, 2018 if m.cohort.change != "split" else 2019).commune.department for m in (home, part)}
    return home.cohort.type == part.cohort.type and len(departments) == 1


def _combination(part: Member, home: Member) -> tuple[str, str, int, int, str]:
    year = part.cohort.change_year or 0
    own, other = _number(part, year), _number(home, year)
    ends = (own, other) if part.cohort.change == "merged" else (other, own)
    return (*ends, YEARS[YEARS.index(year) - 1], year, part.cohort.change or "")


def renumbered() -> pd.DataFrame:
    """Return the structures whose identifier changes from one extract to the next; some of them ``is_confirmed``.

    The confirmed ones, every second and those overseas, are in the file of links, the others are left to be proposed.
    """
    rows = [(r["uid"], r["year"], identifier(r), r["territory"] != METROPOLE) for r in states().to_dict("records")]
    frame = pd.DataFrame(rows, columns=["uid", "year", "identifier", "is_overseas"])
    frame["previous"] = frame.groupby("uid")["identifier"].shift()
    frame["from_year"] = frame.groupby("uid")["year"].shift()
    changed = frame[frame["previous"].notna() & (frame["previous"] != frame["identifier"])]
    renamed = changed.rename(columns={"identifier": "finess_to", "previous": "finess_from", "year": "to_year"})
    columns = ["uid", "from_year", "to_year", "finess_from", "finess_to", "is_overseas"]
    pairs = renamed.astype({"from_year": "int64"})[columns].reset_index(drop=True)
    return pairs.assign(is_confirmed=(pairs.index % 2 == 0) | pairs["is_overseas"]).drop(columns="is_overseas")
