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
}


def make(*rows):
    """Make a stock from rows that say only what differs from an MSP of Toulouse that stands elsewhere."""
    full = [{"finess_et": str(n)} | DEFAULTS | row for n, row in enumerate(rows)]
    return pd.DataFrame(full, columns=["finess_et", *DEFAULTS]).astype(dict.fromkeys(TEXTS, "str"))


@pytest.fixture(scope="session")
def stock():
    return make
