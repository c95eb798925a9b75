"""The worked example of the domain reference, to the decimal."""

import pandas as pd
import pytest

from qpvhealth.indicators import trend
from qpvhealth.indicators.trend import shift_share

STOCKS = pd.DataFrame(
    {
        "structure_type": ["MSP", "CDS"],
        "base": [42, 209],
        "current": [59, 221],
        "national_from": [1048, 2063],
        "national_to": [1251, 2188],
    }
)


def test_twenty_nine_is_twenty_point_eight_of_trend_and_eight_point_two_of_place():
    found = shift_share(STOCKS).set_index("structure_type")
    assert found["observed"].to_dict() == {"MSP": 17, "CDS": 12, "all": 29, "pooled": 29}
    assert found["expected"].round(1).to_dict() == {"MSP": 8.1, "CDS": 12.7, "all": 20.8, "pooled": 26.5}
    assert found["specific"].round(1).to_dict() == {"MSP": 8.9, "CDS": -0.7, "all": 8.2, "pooled": 2.5}
    assert found["mix_effect"].round(2).dropna().tolist() == [5.66, 5.66]


def test_a_category_that_did_not_exist_has_no_trend():
    found = shift_share(STOCKS.assign(national_from=[0, 2063])).set_index("structure_type")
    assert pd.isna(found.loc["MSP", "expected"])


def test_groups_do_not_mix():
    twice = pd.concat([STOCKS.assign(area_code="A"), STOCKS.assign(area_code="B", base=0)], ignore_index=True)
    found = shift_share(twice)
    whole = found[found["structure_type"] == "all"].set_index("area_code")["expected"]
    assert whole.round(1).to_dict() == {"A": 20.8, "B": 0.0}


def test_yearly_counts_give_the_split_of_each_area():
    """Of all modalities, in QPV, against the country; a year without any counts 0, and other rows count for nothing."""
    rows = [
        ("country", "FR", "MSP", "all", "all", 10, 20),
        ("country", "FR", "MSP", "in_qpv", "all", 4, 6),
        ("region", "11", "MSP", "in_qpv", "all", None, 3),
        *(("country", "FR", "MSP", "elsewhere", "all", 6, 14), ("country", "FR", "all", "in_qpv", "all", 9, 9)),
        *(("country", "FR", "MSP", "in_qpv", "mono", 1, 2), ("qpv", "QP1", "MSP", "in_qpv", "all", 1, 1)),
        ("region", "11", "MSP", "all", "all", 5, 7),
    ]
    keys = ["level", "area_code", "structure_type", "situation", "modality"]
    wide = pd.DataFrame(rows, columns=[*keys, 2018, 2019]).assign(generation="g")
    counts = wide.melt([*keys, "generation"], var_name="year", value_name="n_structures").dropna()
    counts = counts.astype({"year": "int64", "n_structures": "int64"})
    found = trend.trend(counts, pd.DataFrame({"from_year": [2018], "to_year": [2019]}))
    assert list(found.columns) == trend.COLUMNS
    assert found.index.tolist() == list(range(6))
    own = found[found["structure_type"] == "MSP"].set_index("area_code")
    shown = own[["base", "current", "national_from", "national_to", "observed", "expected", "specific"]]
    assert shown.loc["FR"].tolist() == [4, 6, 10, 20, 2, 4, -2]
    assert shown.loc["11"].tolist() == [0, 3, 10, 20, 3, 0, 3]
    assert sorted(found["structure_type"]) == ["MSP", "MSP", "all", "all", "pooled", "pooled"]


def test_the_build_gives_the_same_split_of_the_invented_france(built):
    rows = built["trend"]
    rows = rows[(rows["generation"] == "in_force") & (rows["from_year"] == 2018) & (rows["level"] == "country")]
    assert rows.set_index("structure_type")["specific"].to_dict() == pytest.approx(
        {"MSP": 8.8645, "CDS": -0.6636, "all": 8.2009, "pooled": 2.5365}, abs=1e-3
    )
