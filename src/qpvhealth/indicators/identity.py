"""Identities to confirm: records that left an extract and records that entered the next, and look like one structure.

Nothing here changes an account. A pair is proposed from its name, address, legal entity, SIRET, opening date and place, with
each piece of evidence beside it; a person confirms it in a file of links. Kinds follow the typology of Eurostat and OECD for
business registers (KS-RA-07-010): renumbered 1→1, merged n→1, split 1→n.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from qpvhealth.contract.keys import among, positions
from qpvhealth.contract.precision import rounded_m
from qpvhealth.facts import causes
from qpvhealth.facts.situations import LOCATED
from qpvhealth.indicators.accounts import SIDES
from qpvhealth.rules.addresses import commune_key, name_key, same_street, street_key

NEAR_M = 100.0
MINIMUM_SCORE = 0.6
STRICT_SCORE = 0.9
"""Asked of a record that would merge into, or split from, one that is in both extracts: neighbours often look alike."""

WEIGHTS = {
    "same_siret": 4.0,
    "same_address": 2.0,
    "name_similarity": 3.0,
    "same_legal_entity": 2.0,
    "is_near": 2.0,
    "same_opening": 1.0,
}
MINIMUM_WEIGHT = 4.0
"""How much evidence both records must give before they can be proposed: a bare commune is none."""

RENUMBERED, MERGED, SPLIT = "renumbered", "merged", "split"
COLUMNS = [
    *(
        "from_year",
        "to_year",
        "finess_et_from",
        "finess_et_to",
        "kind",
        "score",
        "is_confirmed",
        "name_from",
        "name_to",
    ),
    *("name_similarity", "same_address", "same_siret", "same_legal_entity", "same_opening", "distance_m"),
    "n_different_characters",
]
READ = (
    *("finess_et", "name", "siret", "legal_entity", "address", "commune_code", "opened_on"),
    *("location_status", "x", "y"),
)
"""What is read of a structure to propose identities."""

_GONE = (causes.CLOSED, causes.LATE_DEREGISTRATION, causes.LEFT_EXTRACT, causes.IDENTITY, causes.NOT_ATTRIBUTABLE)
_COME = (causes.OPENED, causes.LATE_REGISTRATION, causes.IDENTITY, causes.NOT_ATTRIBUTABLE)
CAUSES = frozenset({*_GONE, *_COME})
"""The causes of changes that identities are proposed from; the others are no use to ``candidates``."""


def candidates(before: pd.DataFrame, after: pd.DataFrame, changes: pd.DataFrame) -> pd.DataFrame:
    """Propose identities between two extracts.

    ``before``, ``after``: the structures of two extracts, with ``READ``. ``changes``: those of the pair, in one generation.
    Pairs share a commune, a SIRET, a legal entity or a name; what left or entered because an area is not covered is no record
    of its own. Returns ``COLUMNS``, best first; ``is_confirmed`` where a link has already made it an identity.
    """
    leaves, enters = changes["situation_to"].isna(), changes["situation_from"].isna()
    linked = changes[(changes["cause"] == causes.IDENTITY) & ~leaves & ~enters]
    left = pd.concat([changes.loc[leaves & changes["cause"].isin(_GONE), "finess_et_from"], linked["finess_et_from"]])
    came = pd.concat([changes.loc[enters & changes["cause"].isin(_COME), "finess_et_to"], linked["finess_et_to"]])
    if left.empty and came.empty:
        return pd.DataFrame(columns=COLUMNS)
    old, new = (
        side[list(READ)]
        .assign(name_words=name_key(side["name"]), commune=commune_key(side["commune_code"]))
        .reset_index(drop=True)
        for side in (before, after)
    )
    is_gone, is_new = among(old["finess_et"], left).to_numpy(), among(new["finess_et"], came).to_numpy()
    stays = among(old["finess_et"], new["finess_et"]).to_numpy() & ~is_gone
    stayed = among(new["finess_et"], old.loc[stays, "finess_et"]).to_numpy()
    blocks = [_blocked(old, new, is_gone, is_new | stayed), _blocked(old, new, stays, is_new)]
    at_from, at_to = pd.concat(blocks, ignore_index=True).to_numpy().T
    pairs = _side_by_side(old, new, at_from, at_to)
    evidence = _evidence(pairs)
    agree = pd.DataFrame({name: evidence[name].astype("Float64") for name in WEIGHTS})
    weights = agree.notna() * pd.Series(WEIGHTS)
    weight = weights.sum(axis=1)
    score = ((agree.fillna(0) * weights).sum(axis=1) / weight.where(weight > 0)).astype("float64").fillna(0.0)
    minimum = np.where(is_gone[at_from] & is_new[at_to], MINIMUM_SCORE, STRICT_SCORE)
    rarely_shared = agree[["same_address", "same_siret", "is_near"]].eq(1).any(axis=1) | agree["name_similarity"].eq(1)
    mask = (score >= minimum) & (weight >= MINIMUM_WEIGHT) & rarely_shared.fillna(value=False).astype(bool)
    names = pairs[["finess_et_from", "finess_et_to", "name_from", "name_to"]]
    best = names.assign(**evidence, score=score)[mask].sort_values(
        ["score", "finess_et_from", "finess_et_to"], ascending=[False, True, True], ignore_index=True
    )
    n_old = best.groupby("finess_et_to")["finess_et_from"].transform("nunique")
    n_new = best.groupby("finess_et_from")["finess_et_to"].transform("nunique")
    kind = np.select([(n_old == 1) & (n_new == 1), n_old > 1], [RENUMBERED, MERGED], SPLIT)
    confirmed = (
        positions(["finess_et_from", "finess_et_to"], best, linked.drop_duplicates(["finess_et_from", "finess_et_to"]))
        >= 0
    )
    years = {c: changes[c].iloc[0] for c in ("from_year", "to_year")}
    return best.assign(kind=kind, is_confirmed=confirmed, **years)[COLUMNS]


def _blocked(old: pd.DataFrame, new: pd.DataFrame, of_old: np.ndarray, of_new: np.ndarray) -> pd.DataFrame:
    """Pair, by position, the records asked for that share a commune, a SIRET, a legal entity or a name."""
    at = (np.flatnonzero(of_old), np.flatnonzero(of_new))
    parts = [pd.DataFrame({"at_from": at[0][:0], "at_to": at[1][:0]})]
    for key in ("commune", "siret", "legal_entity", "name_words"):
        if len(at[0]) and len(at[1]):
            codes, _ = pd.factorize(pd.concat([old[key].iloc[at[0]], new[key].iloc[at[1]]]))
            left, right = np.split(codes, [len(at[0])])
            sides = [
                pd.DataFrame({"key": c, f"at_{s}": i})[c >= 0] for c, i, s in zip((left, right), at, SIDES, strict=True)
            ]
            parts.append(sides[0].merge(sides[1], on="key")[["at_from", "at_to"]])
    pairs = pd.concat(parts, ignore_index=True).drop_duplicates()
    numbers = [side["finess_et"].array.take(pairs[c]) for side, c in ((old, "at_from"), (new, "at_to"))]
    return pairs[np.asarray(numbers[0] != numbers[1], dtype=bool)]


def _side_by_side(old: pd.DataFrame, new: pd.DataFrame, at_from: np.ndarray, at_to: np.ndarray) -> pd.DataFrame:
    """Put the two records of each pair side by side: the street written one way, the point only where it decides."""
    sides = []
    for frame, at, side in ((old, at_from, "from"), (new, at_to, "to")):
        rows = frame.take(at).reset_index(drop=True)
        point = rows[["x", "y"]].where(rows["location_status"] == LOCATED)
        rows = rows.assign(street=street_key(rows["address"]), east=point["x"], north=point["y"])
        sides.append(rows.add_suffix(f"_{side}"))
    return pd.concat(sides, axis=1)


def _evidence(frame: pd.DataFrame) -> dict[str, pd.Series]:
    """Hold each pair's records against each other; null where either says nothing."""
    east, north = (frame[f"{axis}_to"] - frame[f"{axis}_from"] for axis in ("east", "north"))
    distance = pd.Series(rounded_m((east * east + north * north) ** 0.5), index=frame.index)
    street = same_street(frame["street_from"], frame["street_to"]) & _equal(frame, "commune").fillna(value=False)
    both_given = frame["street_from"].notna() & frame["street_to"].notna()
    return {
        "name_similarity": _similarity(frame["name_words_from"], frame["name_words_to"]),
        "same_address": street.astype("boolean").where(both_given),
        "same_siret": _equal(frame, "siret"),
        "same_legal_entity": _equal(frame, "legal_entity"),
        "same_opening": _equal(frame, "opened_on"),
        "is_near": (distance <= NEAR_M).astype("boolean").where(distance.notna()),
        "distance_m": distance,
        "n_different_characters": _different_characters(frame["finess_et_from"], frame["finess_et_to"]),
    }


def _equal(frame: pd.DataFrame, column: str) -> pd.Series:
    old, new = frame[f"{column}_from"], frame[f"{column}_to"]
    return (old == new).astype("boolean").where(old.notna() & new.notna())


def _similarity(old: pd.Series, new: pd.Series) -> pd.Series:
    """Return the share of words in common (Jaccard) of two names; null where either is unknown."""
    words = [[set() if pd.isna(name) else set(name.split()) for name in side] for side in (old, new)]
    shares = [len(a & b) / len(a | b) if a and b else np.nan for a, b in zip(*words, strict=True)]
    return pd.Series(shares, index=old.index, dtype="float64")


def _different_characters(old: pd.Series, new: pd.Series) -> pd.Series:
    """Count the places at which two numbers of the same length differ; null otherwise."""
    n = [
        sum(x != y for x, y in zip(a, b, strict=True)) if len(a) == len(b) else None
        for a, b in zip(old, new, strict=True)
    ]
    return pd.Series(n, index=old.index, dtype="Int64")
