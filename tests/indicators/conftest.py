import numpy as np
import pandas as pd
import pytest

TEXTS = ("qpv_code", "epci_code", "region_code", "department_code", "commune_code", "territory", "source_says_in_qpv")
DEFAULTS = {
    "generation": "qpv-2015",
    "year": 2019,
    "territory": "metropole",
    "region_code": "76",
    "department_code": "31",
    "commune_code": "31555",
    "epci_code": None,
    "structure_type": "MSP",
    "modality": "pluri",
    "situation": "elsewhere",
    "qpv_code": None,
    "distance_m": np.nan,
    "vecu_declared": "unknown",
    "source_says_in_qpv": "unknown",
    "is_placed": True,
    "location_precision": "housenumber",
    "location_error_m": 20.0,
}
SOMEWHERE = {"in_qpv": 0.0, "vecu_declared": 900.0, "vecu_proxy": 200.0, "elsewhere": 5000.0}


def located(frame):
    """Add the location facts that give each row the situation it names, where it says no distance of its own."""
    inside = frame["situation"] == "in_qpv"
    placed = frame["is_placed"] & (frame["situation"] != "undetermined")
    distance = frame["distance_m"].fillna(frame["situation"].map(SOMEWHERE)).where(placed)
    by_place = np.select([inside, ~placed, distance <= 300], ["in_qpv", "undetermined", "vecu_proxy"], "elsewhere")
    return frame.assign(
        distance_m=distance,
        border_distance_m=distance.where(~inside, -50.0),
        location_status=np.where(placed, "located", "centroid"),
        situation_by_place=by_place,
        qpv_code=frame["qpv_code"].where(frame["qpv_code"].notna() | ~inside, "A"),
    )


def make(*rows):
    """Make a stock from rows that say only what differs from an MSP of Toulouse that stands elsewhere."""
    full = [{"finess_et": str(n)} | DEFAULTS | row for n, row in enumerate(rows)]
    return located(pd.DataFrame(full, columns=["finess_et", *DEFAULTS]).astype(dict.fromkeys(TEXTS, "str")))


@pytest.fixture(scope="session")
def stock():
    return make


@pytest.fixture(scope="session")
def with_location():
    return lambda frame: located(frame.assign(**{c: DEFAULTS[c] for c in DEFAULTS if c not in frame}))
