"""The box of each département: what a point can be held against where no outline is given. It outlines nothing."""

from __future__ import annotations

from qpvhealth.facts.territories import METROPOLE, METROPOLITAN_DEPARTMENTS, TERRITORIES, Box

DEPARTMENT_BOXES: dict[str, Box] = {d.code: d.box for d in METROPOLITAN_DEPARTMENTS} | {
    d: t.box for t in TERRITORIES.values() if t.name != METROPOLE for d in t.departments
}
"""By département: west, south, east, north, in degrees; overseas, the box of the territory."""
