"""What is true of each structure in each extract: one row per structure and year, before any dirt."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from typing import Any

import pandas as pd

from qpvhealth.facts.territories import DEPARTMENT_REGION, METROPOLE
from qpvhealth.sample.cohorts import INSIDE, OUT_OF_STOCK, REFERENCE_DATES, YEARS, Cohort
from qpvhealth.sample.places import Member, Spot, all_spots, members, spot
from qpvhealth.sample.resources import cards, lists

Record = dict[Any, Any]
"""One row of a frame, column by column."""

CATEGORIES = {"MSP": "603", "CDS": "124"}
PLACEHOLDERS = (date(1900, 1, 1), date(1904, 4, 4))
WITHOUT_NUMBER = 2
"""How many structures of 2019 have no identifier but the ministry's own."""

MODALITIES = ("mono", "pluri", "mono", "unknown", "mono", "pluri")


@cache
def states() -> pd.DataFrame:
    """Return every structure of every extract: what it is, where it is, when it opened, whether it is in the stock.

    ``x`` and ``y`` are in the metres of the territory, null where nobody knows the place; ``location_status`` is what a
    reader of that extract can learn (located, centroid, missing, contradictory); ``vecu`` is the answer of the ARS in 2019.
    """
    frame = pd.DataFrame([_state(m, s, year) for year in YEARS for m, s in all_spots(year)])
    frame = frame.astype({"host": "object", "qpv_2015": "object"})
    frame = frame.assign(host=frame["host"].where(frame["host"].notna(), None))
    answered = cards()["declarations-2019"]["answered"]["regions"]
    has_answer = (frame["year"] == 2019) & frame["in_stock"] & frame["region"].isin(answered)  # noqa: PLR2004
    frame["vecu"] = pd.Series("unknown", index=frame.index).mask(has_answer, "no")
    for kind, plan in lists("figures.toml")["declared"].items():
        for place, n in plan.items():
            fits = has_answer & (frame["structure_type"] == kind) & (frame["place"] == place)
            fits &= frame["qpv_2015"].isna() == (place != "in")
            frame.loc[frame.index[fits][:n], "vecu"] = "yes"
    return frame


@cache
def states_of(year: int) -> pd.DataFrame:
    """Return the structures of one extract, in the order of their numbers."""
    frame = states()
    return frame[frame["year"] == year].reset_index(drop=True)


def _state(member: Member, spot: Spot, year: int) -> dict[str, Any]:
    cohort, uid, host, word = member.cohort, member.uid, member.host, member.cohort.places[year]
    kind, is_inside = cohort.type_in(year), spot.word in INSIDE
    modality = cohort.modality or MODALITIES[uid % 6]
    if kind == "MSP" or cohort.type == "MSP":
        modality = "pluri"
    elif cohort.change == "modality":
        modality = "mono" if year < cohort.change_year else "pluri"
    status = "located"
    if spot.point is None:
        status = ("centroid", "missing", "contradictory")[member.rank % (3 if spot.word == "vague" else 2)]
        status = "missing" if status == "centroid" and year not in (2018, 2019) else status
    previous = REFERENCE_DATES[YEARS[max(YEARS.index(year) - 1, 0)]]
    closed_on = {"shut": previous + timedelta(20 + uid % 300), "early": previous - timedelta(5 + uid % 60)}.get(word)
    # The flag of the ministry's extract: mostly right, wrong for a few, blank for one in 17.
    is_wrong = uid % 29 == 0 if is_inside else spot.word in ("lip", "near") and uid % 13 == 0
    return {
        "uid": uid,
        "year": year,
        "place": spot.word,
        "in_stock": word not in OUT_OF_STOCK,
        "finess_et": _number(member, year),
        "own_id": f"OBS-{uid:05d}",
        "structure_type": kind,
        "modality": modality,
        "is_nursing": cohort.change == "scope",
        "name": ("MAISON DE SANTE INVENTEE" if kind == "MSP" else "CENTRE DE SANTE INVENTE")
        + (f" L\u2019\u0152UVRE {uid}" if uid % 50 == 0 else f" {uid}"),
        "address": f"{1 + uid % 199} RUE {'IMAGINAIRE' if spot.word in ('far', 'lost') else 'INVENTEE'}",
        "commune": spot.commune.code,
        "commune_name": spot.commune.name,
        "department": spot.commune.department,
        "region": DEPARTMENT_REGION[spot.commune.department],
        "territory": spot.commune.territory,
        "x": None if spot.point is None else spot.point[0],
        "y": None if spot.point is None else spot.point[1],
        "location_status": status,
        "host": None if host is None else host.code,
        "qpv_2015": host.code if host is not None and is_inside else None,
        "opened_on": _opened_on(cohort, uid, word),
        "closed_on": closed_on,
        "says_in_qpv": "unknown" if uid % 17 == 0 else "yes" if is_inside != is_wrong else "no",
    }


def _number(member: Member, year: int) -> str:
    is_renumbered = member.cohort.change == "number" and year >= member.cohort.change_year
    return f"0X{9_000_000 + member.uid if is_renumbered else member.uid:07d}"


def _opened_on(cohort: Cohort, uid: int, word: str) -> date | None:
    """Return the opening date that files give, by the cohort's ``opened``; a few old ones have none or a placeholder."""
    words = cohort.story.split()
    if word == "soon" or "soon" in cohort.story:
        return REFERENCE_DATES[YEARS[words.index("soon")]] + timedelta(days=30 + uid % 60)
    if cohort.opened == "none" or (cohort.opened == "old" and uid % 40 == 0):
        return None
    if cohort.opened == "placeholder" or (cohort.opened == "old" and uid % 90 == 1):
        return PLACEHOLDERS[uid % 2]
    if cohort.opened == "old":
        return date(2009, 1, 1) + timedelta(days=uid * 389 % 3_000)
    first = next(i for i, w in enumerate(words) if w != ".")
    before, after = REFERENCE_DATES[YEARS[first - 1]], REFERENCE_DATES[YEARS[first]]
    if cohort.opened == "late":
        return before - timedelta(days=10 + uid % 300)
    return before + timedelta(days=1 + uid * 61 % (after - before).days)


@cache
def without_number() -> tuple[int, ...]:
    """Return the numbers of the structures that the extract of 2019 identifies only by the ministry's own identifier."""
    frame = states_of(2019)
    is_plain = (frame["place"] == "far") & frame["opened_on"].notna() & frame["in_stock"] & (frame["uid"] % 7 == 0)
    return tuple(frame.loc[is_plain, "uid"].iloc[-WITHOUT_NUMBER:].tolist())


def identifier(row: Record) -> str:
    """Return the identifier that a reader of the extract sees."""
    has_none = row["year"] == 2019 and row["uid"] in without_number()  # noqa: PLR2004
    return f"structures-2019:{row['own_id']}" if has_none else str(row["finess_et"])


def combined() -> pd.DataFrame:
    """Return the records that end in another's, or come out of another's: all of them in the file of links.

    The other record is a centre of the same département that is listed, far from any neighbourhood, in every extract.
    """
    homes = [m for m in members() if m.cohort.story == "far far far far" and not m.cohort.change]
    rows = []
    for part in (m for m in members() if m.cohort.change in ("merged", "split")):
        year, change = part.cohort.change_year, part.cohort.change
        before = YEARS[YEARS.index(year) - 1]
        department = spot(part, before if change == "merged" else year).commune.department
        centres = (h for h in homes if h.cohort.type == part.cohort.type)
        home = next(h for h in centres if spot(h, year).commune.department == department)
        homes.remove(home)
        ends = (_number(part, year), _number(home, year))
        rows.append((*(ends if change == "merged" else ends[::-1]), before, year, change))
    return pd.DataFrame(rows, columns=["finess_from", "finess_to", "from_year", "to_year", "kind"])


def renumbered() -> pd.DataFrame:
    """Return the structures whose identifier changes from one extract to the next; some of them ``is_confirmed``.

    The confirmed ones, every second and those overseas, are in the file of links, the others are left to be proposed.
    """
    rows = [(r["uid"], r["year"], identifier(r), r["territory"] != METROPOLE) for r in states().to_dict("records")]
    frame = pd.DataFrame(rows, columns=["uid", "to_year", "finess_to", "is_overseas"])
    frame[["finess_from", "from_year"]] = frame.groupby("uid")[["finess_to", "to_year"]].shift()
    changed = frame[frame["finess_from"].notna() & (frame["finess_from"] != frame["finess_to"])].reset_index(drop=True)
    pairs = changed[["uid", "from_year", "to_year", "finess_from", "finess_to"]].astype({"from_year": "int64"})
    return pairs.assign(is_confirmed=(pairs.index % 2 == 0) | changed["is_overseas"])
