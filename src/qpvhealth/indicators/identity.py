"""Identities to confirm: records that left an extract and records that entered the next, and look like one structure.

Nothing here changes an account. A pair is proposed from its name, address, legal entity, SIRET, opening date and place, with
each piece of evidence beside it; a person confirms it in a file of links. Kinds follow the typology of Eurostat and OECD for
business registers (KS-RA-07-010): renumbered 1→1, merged n→1, split 1→n.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from qpvhealth.contract.keys import among
from qpvhealth.facts import causes
from qpvhealth.facts.situations import LOCATED
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
_READ = ["finess_et", "name", "siret", "legal_entity", "address", "commune_code", "opened_on", "structure_type"]
READ = (*_READ, "location_status", "x", "y")
"""What is read of a structure to propose identities."""

_GONE = (causes.CLOSED, causes.LATE_DEREGISTRATION, causes.LEFT_EXTRACT, causes.IDENTITY, causes.NOT_ATTRIBUTABLE)
_COME = (causes.OPENED, causes.LATE_REGISTRATION, causes.IDENTITY, causes.NOT_ATTRIBUTABLE)


def candidates(before: pd.DataFrame, after: pd.DataFrame, changes: pd.DataFrame) -> pd.DataFrame:
    """Propose identities between two extracts.

    ``before``, ``after``: the structures of two extracts, with ``READ``. ``changes``: those of the pair, in one generation.
    Pairs share a commune, a SIRET, a legal entity or a name; what left or entered because an area is not covered is no record
    of its own. Returns ``COLUMNS``, best first; ``is_confirmed`` where a link has already made it an identity.
    """
    left = changes[changes["situation_to"].isna() & changes["cause"].isin(_GONE)]["finess_et_from"]
    came = changes[changes["situation_from"].isna() & changes["cause"].isin(_COME)]["finess_et_to"]
    known = changes[
        (changes["cause"] == causes.IDENTITY) & changes["situation_from"].notna() & changes["situation_to"].notna()
    ]
    left, came = (pd.concat([a, known[c]]) for a, c in ((left, "finess_et_from"), (came, "finess_et_to")))
    old, new = _described(before), _described(after)
    is_gone, is_new = among(old["finess_et"], left), among(new["finess_et"], came)
    stays = among(old["finess_et"], new["finess_et"]) & ~is_gone
    kept = new[among(new["finess_et"], old.loc[stays, "finess_et"])]
    told = [
        _scored(old[is_gone], new[is_new], MINIMUM_SCORE),
        _scored(old[is_gone], kept, STRICT_SCORE),
        _scored(old[stays], new[is_new], STRICT_SCORE),
    ]
    pairs = pd.concat(told, ignore_index=True)
    return _kinds(pairs, known).assign(from_year=_year(changes, "from_year"), to_year=_year(changes, "to_year"))[
        COLUMNS
    ]


def _year(changes: pd.DataFrame, column: str) -> int | None:
    return int(changes[column].iloc[0]) if len(changes) else None


def _described(extract: pd.DataFrame) -> pd.DataFrame:
    """Write what is compared one way: keys of address, name and commune; the point only where it decides."""
    located = extract["location_status"] == LOCATED
    keys = {
        "street": street_key(extract["address"]),
        "name_words": name_key(extract["name"]),
        "commune": commune_key(extract["commune_code"]),
        "east": extract["x"].where(located),
        "north": extract["y"].where(located),
    }
    return extract[_READ].assign(**keys)


def _scored(old: pd.DataFrame, new: pd.DataFrame, minimum: float) -> pd.DataFrame:
    """Compare every pair that shares something, and keep those whose score is high enough."""
    pairs = _blocked(old, new)
    frame = pairs.merge(old.add_suffix("_from"), on="finess_et_from").merge(new.add_suffix("_to"), on="finess_et_to")
    evidence = _evidence(frame)
    score, weight = _score(evidence)
    kept = (score >= minimum) & (weight >= MINIMUM_WEIGHT) & _is_telling(evidence)
    return frame[["finess_et_from", "finess_et_to", "name_from", "name_to"]].assign(**evidence, score=score)[kept]


def _is_telling(evidence: dict[str, pd.Series]) -> pd.Series:
    """Ask for one thing that neighbours rarely share: the address, the SIRET, the point or the whole name."""
    named = [evidence[name].fillna(value=False).astype(bool) for name in ("same_address", "same_siret", "is_near")]
    return named[0] | named[1] | named[2] | (evidence["name_similarity"] == 1)


def _blocked(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Pair what shares a commune, a SIRET, a legal entity or a name."""
    parts = []
    for key in ("commune", "siret", "legal_entity", "name_words"):
        left, right = (
            side[["finess_et", key]].dropna().rename(columns={"finess_et": f"finess_et_{end}"})
            for side, end in ((old, "from"), (new, "to"))
        )
        parts.append(left.merge(right, on=key)[["finess_et_from", "finess_et_to"]])
    pairs = pd.concat(parts, ignore_index=True).drop_duplicates()
    return pairs[pairs["finess_et_from"] != pairs["finess_et_to"]]


def _evidence(frame: pd.DataFrame) -> dict[str, pd.Series]:
    """Hold each pair's records against each other; null where either says nothing."""
    distance = ((frame["east_to"] - frame["east_from"]) ** 2 + (frame["north_to"] - frame["north_from"]) ** 2) ** 0.5
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
