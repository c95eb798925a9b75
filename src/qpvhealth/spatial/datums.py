"""The way from any coordinate system to the longitudes and latitudes used here, the same on every machine, and how far it may be off.

Realisations of the terrestrial reference that ``facts.datums`` lists are one system. From any other datum the way is the registry's
best by its stated accuracy among those that need no grid: straight to the system of the territory that the datum is made for, or to
WGS 84. So the way depends on the system alone, never on the target, nor on the grids of a machine or a network.
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from pyproj import CRS, Transformer
from pyproj.aoi import AreaOfInterest
from pyproj.transformer import TransformerGroup

from qpvhealth.facts.datums import REALISATIONS, REPORTED_FROM_M
from qpvhealth.facts.territories import PROJECTIONS, SYSTEMS, TERRITORIES, Territory

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyproj._crs import AreaOfUse

WGS84 = "EPSG:4326"
ONE_SYSTEM = "used as it is"
_FROM_DEGREES = "proj=pipeline step proj=unitconvert xy_in=deg xy_out=rad step proj="
_MEMBER = re.compile(r"\s*(\(.*\)|ensemble)$")
"""What follows the name of a datum of several realisations: "World Geodetic System 1984 (G2139)", "... ensemble"."""
_TO_WGS84_M = {3297: 0.5}
"""How far WGS 84 is from the system of a territory, in metres, as the registry states it: 1 where nothing stands here."""


class Shift(NamedTuple):
    """How coordinates of another datum were moved: by which operation, accurate to how many metres (null: not stated)."""

    operation: str
    accuracy_m: float | None

    def words(self) -> str:
        """Write the operation and its accuracy."""
        return f"{self.operation}, accurate to " + (
            "an unknown distance" if self.accuracy_m is None else f"{self.accuracy_m:g} m"
        )


class Way(NamedTuple):
    """Steps from a system to degrees, each taken forward or backward; and the shift that is reported, null for none."""

    steps: tuple[tuple[Transformer, bool], ...]
    shift: Shift | None


@lru_cache(maxsize=64)
def way(crs: str) -> Way:
    """Return the way from a coordinate system to degrees (longitude first)."""
    if crs in SYSTEMS:
        return Way(() if crs == WGS84 else ((_from_degrees(int(crs.removeprefix("EPSG:"))), False),), None)
    system = _horizontal(CRS.from_user_input(crs))
    geographic = system.geodetic_crs
    difference_m = None if system.is_bound or geographic is None else _difference_m(geographic)
    if geographic is None or difference_m is None:
        return _moved(system)
    shift = Shift(f"{geographic.name} {ONE_SYSTEM}", difference_m) if difference_m >= REPORTED_FROM_M else None
    if system.is_geographic and is_degrees(system):
        return Way((), shift)
    plain = geographic if geographic.is_geographic else CRS.from_user_input(WGS84)
    return Way(((Transformer.from_crs(system, plain, always_xy=True), True),), shift)


def shift(crs: str) -> Shift | None:
    """Return how coordinates of a system were moved where that is accurate to half a metre or worse; null where nothing is to be reported."""
    return way(crs).shift


def is_degrees(system: CRS) -> bool:
    """Say whether a geographic system counts degrees from Greenwich."""
    meridian = system.prime_meridian
    return all(a.unit_name == "degree" for a in system.axis_info[:2]) and (meridian is None or not meridian.longitude)


def is_one_system(crs: str) -> bool:
    """Say whether coordinates of a system are the longitudes and latitudes used here, as they are."""
    return not way(crs).steps


def _from_degrees(epsg: int) -> Transformer:
    return Transformer.from_pipeline(_FROM_DEGREES + PROJECTIONS[epsg])


def _horizontal(system: CRS) -> CRS:
    """Leave out heights: the first part of a compound system, the plane of one in three dimensions."""
    return system.sub_crs_list[0] if system.is_compound else system if system.is_bound else system.to_2d()


def _difference_m(geographic: CRS) -> float | None:
    """Return how far a realisation is from the official one of its territory; null for another datum."""
    return REALISATIONS.get(_MEMBER.sub("", geographic.datum.name)) if geographic.datum is not None else None


def _moved(system: CRS) -> Way:
    """Return the best way from another datum: straight to the system of its territory, or through WGS 84."""
    territory = _territory(system.area_of_use)
    epsg = territory.epsg
    beyond_m = _TO_WGS84_M.get(epsg, 1.0)
    through = _best(system, WGS84, territory)
    straight = _best(system, f"EPSG:{epsg}", territory)
    through_m, straight_m = _accuracy_m(through), _accuracy_m(straight)
    accuracy_m = None if through_m is None else through_m + beyond_m
    if straight is not None and straight_m is not None and (through_m is None or straight_m <= through_m + beyond_m):
        steps: tuple[tuple[Transformer, bool], ...] = ((straight, True), (_from_degrees(epsg), False))
        chosen, accuracy_m = straight, straight_m
    else:
        chosen = through or Transformer.from_crs(system, WGS84, always_xy=True)
        steps = ((chosen, True),)
    if accuracy_m is not None and accuracy_m < REPORTED_FROM_M:
        return Way(steps, None)
    return Way(steps, Shift(_operation(chosen, system), accuracy_m))


def _territory(area: AreaOfUse | None) -> Territory:
    """Return the territory of which the area of use of a system covers the largest part; the first without an area."""
    if area is None:
        return next(iter(TERRITORIES.values()))

    def covered(territory: Territory) -> float:
        """Return the share of the box of a territory that the area covers."""
        west, south, east, north = territory.box
        width = min(east, area.east) - max(west, area.west)
        height = min(north, area.north) - max(south, area.south)
        return float(max(width, 0.0) * max(height, 0.0) / ((east - west) * (north - south)))

    return max(TERRITORIES.values(), key=covered)


def _best(system: CRS, target: str, territory: Territory) -> Transformer | None:
    """Return the first operation of the registry, over a territory, whose accuracy is stated and that needs no grid; else the first without grid."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a grid is missing: none is wanted
        group = TransformerGroup(
            system,
            target,
            always_xy=True,
            area_of_interest=AreaOfInterest(*territory.box),  # type: ignore[arg-type] # of the same name
        )
    without = [t for t in group.transformers if not _needs_grid(t.operations or ())]
    return next((t for t in without if t.accuracy >= 0), without[0] if without else None)


def _needs_grid(operations: Iterable[object]) -> bool:
    return any(getattr(o, "grids", ()) or _needs_grid(getattr(o, "operations", ())) for o in operations)


def _accuracy_m(operation: Transformer | None) -> float | None:
    return None if operation is None or operation.accuracy < 0 else float(operation.accuracy)


def _operation(chosen: Transformer, system: CRS) -> str:
    """Name the operations that change the datum; without one, coordinates are used as they are."""
    names = [o.name for o in chosen.operations or () if " to " in o.name and "axis order" not in o.name]
    return " + ".join(names) or f"{system.name} {ONE_SYSTEM}"
