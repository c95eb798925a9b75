"""Datums: which realisations of the terrestrial reference are one system here, and how far apart they are."""

from __future__ import annotations

from dataclasses import dataclass

from qpvhealth.facts import lists


@dataclass(frozen=True)
class Realisation:
    """A datum by its name in the EPSG registry, and the metres it is away from the official system of its territory, at most."""

    datum: str
    difference_m: float


REALISATIONS: dict[str, float] = {
    r.datum: r.difference_m
    for r in lists.records(
        Realisation, lists.load("datums", ("realisation",))["realisation"], "datums.toml: realisation"
    )
}
"""Metres by name of datum."""

REPORTED_FROM_M = 0.5
"""A shift of a datum is reported, and counts in the error of a point, from so many metres on (our choice)."""
