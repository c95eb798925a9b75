"""Identities to confirm: records that left an extract and records that entered the next, and look like one structure.

Nothing here changes an account. A pair is proposed from its name, address, legal entity, SIRET, opening date and place, with
each piece of evidence beside it; a person confirms it in a file of links. Kinds follow the typology of Eurostat and OECD for
business registers (KS-RA-07-010): renumbered 1→1, merged n→1, split 1→n.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from qpvhealth.contract.keys import among
from qpvhealth.contract.precision import rounded_m
from qpvhealth.facts import causes
from qpvhealth.facts.situations import LOCATED
from qpvhealth.indicators.accounts import SIDES
from qpvhealth.indicators.addresses import commune_key, name_key, same_street, street_key

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
    left, came, known = _alone(changes)
    if left.empty and came.empty:
        return pd.DataFrame(columns=COLUMNS)
    old, new = _described(before), _described(after)
    is_gone, is_new = among(old["finess_et"], left).to_numpy(), among(new["finess_et"], came).to_numpy()
    stays = among(old["finess_et"], new["finess_et"]).to_numpy() & ~is_gone
    kept = among(new["finess_et"], old.loc[stays, "finess_et"]).to_numpy()
    told = [_blocked(old, new, is_gone, is_new | kept), _blocked(old, new, stays, is_new)]
    at_from, at_to = pd.concat(told, ignore_index=True).to_numpy().T
    minimum = np.where(is_gone[at_from] & is_new[at_to], MINIMUM_SCORE, STRICT_SCORE)
    pairs = _scored(_side_by_side(old, new, at_from, at_to), minimum)
    return _kinds(pairs, known).assign(from_year=changes["from_year"].iloc[0], to_year=changes["to_year"].iloc[0])[
        COLUMNS
    ]


def _alone(changes: pd.DataFrame) -> tuple[pd.Series, pd.Series, pd.DataFrame]:
    """Return the numbers that left and those that entered for a cause that another record could explain, and the known identities."""
    leaves, enters = changes["situation_to"].isna(), changes["situation_from"].isna()
    known = changes[(changes["cause"] == causes.IDENTITY) & ~leaves & ~enters]
    left = changes.loc[leaves & changes["cause"].isin(_GONE), "finess_et_from"]
    came = changes.loc[enters & changes["cause"].isin(_COME), "finess_et_to"]
    return pd.concat([left, known["finess_et_from"]]), pd.concat([came, known["finess_et_to"]]), known


def _described(extract: pd.DataFrame) -> pd.DataFrame:
    """Write one way what may bring two records together: keys of name and commune."""
    keys = {"name_words": name_key(extract["name"]), "commune": commune_key(extract["commune_code"])}
    return extract[list(READ)].assign(**keys).reset_index(drop=True)


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
        located = rows["location_status"] == LOCATED
        told = {
            "street": street_key(rows["address"]),
            "east": rows["x"].where(located),
            "north": rows["y"].where(located),
        }
        sides.append(rows.assign(**told).add_suffix(f"_{side}"))
    return pd.concat(sides, axis=1)


def _scored(frame: pd.DataFrame, minimum: np.ndarray) -> pd.DataFrame:
    """Hold the records of each pair against each other and keep those whose score is high enough."""
    evidence = _evidence(frame)
    score, weight = _score(evidence)
    kept = (score >= minimum) & (weight >= MINIMUM_WEIGHT) & _is_telling(evidence)
    return frame[["finess_et_from", "finess_et_to", "name_from", "name_to"]].assign(**evidence, score=score)[kept]


def _is_telling(evidence: dict[str, pd.Series]) -> pd.Series:
    """Ask for one thing that neighbours rarely share: the address, the SIRET, the point or the whole name."""
    named = [evidence[name].fillna(value=False).astype(bool) for name in ("same_address", "same_siret", "is_near")]
    return named[0] | named[1] | named[2] | (evidence["name_similarity"] == 1)


def _evidence(frame: pd.DataFrame) -> dict[str, pd.Series]:
    """Hold each pair's records against each other; null where either says nothing."""
    east, north = (frame[f"{axis}_to"] - frame[f"{axis}_from"] for axis in ("east", "north"))
    distance = pd.Series(rounded_m((east * east + north * north) ** 0.5), index=frame.index)
    street = same_street(frame["street_from"], frame["street_to"]) & _equal(frame, "commune").fillna(value=False)
    known = frame["street_from"].notna() & frame["street_to"].notna()
    return {
        "name_similarity": _similarity(frame["name_words_from"], frame["name_words_to"]),
        "same_address": street.astype("boolean").where(known),
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
    shares = [
        np.nan
        if pd.isna(a) or pd.isna(b)
        else len(set(a.split()) & set(b.split())) / len(set(a.split()) | set(b.split()))
        for a, b in zip(old, new, strict=True)
    ]
    return pd.Series(shares, index=old.index, dtype="float64")


def _different_characters(old: pd.Series, new: pd.Series) -> pd.Series:
    """Count the places at which two numbers of the same length differ; null otherwise."""
    n = [
        sum(x != y for x, y in zip(a, b, strict=True)) if len(a) == len(b) else None
        for a, b in zip(old, new, strict=True)
    ]
    return pd.Series(n, index=old.index, dtype="Int64")


def _score(evidence: dict[str, pd.Series]) -> tuple[pd.Series, pd.Series]:
    """Return the weighted share of the known evidence that agrees, and how much evidence is known."""
    agree = pd.DataFrame({name: evidence[name].astype("Float64") for name in WEIGHTS})
    weights = agree.notna() * pd.Series(WEIGHTS)
    total = weights.sum(axis=1)
    score = (agree.fillna(0) * weights).sum(axis=1) / total.where(total > 0)
    return score.astype("float64").fillna(0.0), total


def _kinds(pairs: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Name each pair by how many records it gathers on either side, and say which a link has confirmed."""
    best = pairs.sort_values(["score", "finess_et_from", "finess_et_to"], ascending=[False, True, True])
    n_old = best.groupby("finess_et_to")["finess_et_from"].transform("nunique")
    n_new = best.groupby("finess_et_from")["finess_et_to"].transform("nunique")
    kind = np.select([(n_old == 1) & (n_new == 1), n_old > 1], [RENUMBERED, MERGED], SPLIT)
    made = pd.MultiIndex.from_frame(known[["finess_et_from", "finess_et_to"]])
    confirmed = pd.MultiIndex.from_frame(best[["finess_et_from", "finess_et_to"]]).isin(made)
    return best.assign(kind=kind, is_confirmed=confirmed).reset_index(drop=True)
