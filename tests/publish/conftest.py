"""A release small enough to be read by eye: two tables, one of which refers to the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
import pytest
import shapely

from qpvhealth.contract.schema import Column, Reference, Table
from qpvhealth.publish import release
from qpvhealth.publish.manifest import Facts

if TYPE_CHECKING:
    from pathlib import Path

QUARTERS = Table(
    "quarters",
    "Quartiers",
    "quarter",
    ("code",),
    (
        Column("code", "string", "Code", "Code", pattern=r"QP\d{3}"),
        Column("population", "int", "Population", "Population", nullable=True, minimum=0),
        Column("geometry", "geometry", "Contour", "Outline"),
    ),
)
CENTRES = Table(
    "centres",
    "Centres",
    "centre",
    ("id",),
    (
        Column("id", "string", "Identifiant", "Identifier"),
        Column("code", "string", "Quartier", "Quarter", nullable=True),
        Column("is_open", "bool", "Ouvert", "Open", nullable=True),
        Column("opened_on", "date", "Ouverture", "Opening", nullable=True),
        Column("distance_m", "float", "Distance", "Distance", unit="m", nullable=True),
        Column("geometry", "geometry", "Point", "Point", nullable=True),
    ),
    references=(Reference(("code",), "quarters", ("code",)),),
)


@dataclass(frozen=True)
class Country:
    declarations: dict[str, Table]
    tables: dict[str, pd.DataFrame]

    def publish(self, root: Path, name: str = "one") -> Path:
        return release.write(root, self.tables, self.declarations, Facts(name, invented=True))


@pytest.fixture(scope="session")
def country():
    quarters = pd.DataFrame(
        {
            "geometry": [shapely.box(3, 48, 4, 49), shapely.box(2, 48, 3, 49)],
            "code": ["QP002", "QP001"],
            "population": [None, 1500],
        }
    )
    centres = pd.DataFrame(
        {
            "id": ["c", "a", "b"],
            "code": ["QP001", None, "QP002"],
            "is_open": [True, None, False],
            "opened_on": ["2019-01-31", None, "2020-02-29"],
            "distance_m": [0, None, 12.5],
            "geometry": [shapely.Point(2.5, 48.5), None, shapely.Point(-61.5, 16.2)],
        }
    )
    return Country({"quarters": QUARTERS, "centres": CENTRES}, {"quarters": quarters, "centres": centres})
