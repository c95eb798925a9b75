"""Published series: what the real one shows, and each check on two releases written by hand."""

import pandas as pd

from qpvhealth.indicators import backcast, series_audit
from qpvhealth.ingest.cards import Card
from qpvhealth.ingest.kinds import series


def table(rows, release="r1"):
    columns = ["level", "area_code", "date", "value"]
    frame = pd.DataFrame(rows, columns=columns).assign(name="s", release=release, indicator="msp")
    return frame.assign(date=pd.to_datetime(frame["date"]).astype("datetime64[s]"), value=frame["value"].astype(float))


def test_levels_that_differ_are_reported_and_not_repaired():
    found = series_audit.levels(
        table(
            [
                ("country", "FR", "2017-12-31", 5),
                ("department", "01", "2017-12-31", 3),
                ("department", "02", "2017-12-31", 1),
            ]
        )
    )
    assert found[["value", "other_value", "difference"]].to_numpy().tolist() == [[5.0, 4.0, 1.0]]


def test_absent_is_not_zero():
    rows = [
        ("department", "01", "2017-12-31", 0),
        ("department", "01", "2018-12-31", 1),
        ("department", "02", "2018-12-31", 0),
    ]
    found = series_audit.absences(table(rows))
    assert found[["value", "other_value"]].to_numpy().tolist() == [[1.0, 1.0]]


def test_two_releases_are_joined_on_the_month():
    old = table([("country", "FR", "2017-06-30", 1034), ("country", "FR", "2017-12-31", 1118)])
    new = table([("country", "FR", "2017-06-01", 1034), ("country", "FR", "2017-12-01", 1120)], "r2")
    assert series_audit.stamps(old, new)[["value", "other_value"]].to_numpy().tolist() == [[30.0, 1.0], [31.0, 1.0]]
    assert series_audit.restatements(old, new)["difference"].tolist() == [2.0]
    found = series_audit.audit(pd.concat([old, new], ignore_index=True))
    assert found["check"].value_counts().to_dict() == {"date_stamps": 2, "restated": 1}


def test_the_real_series_shows_what_was_measured(real_data):
    keys = {"name": "barometre", "release": "etalab-2023-01"}
    paths = sorted((real_data / "series").glob("*.csv"))
    read = series.combine([series.read(Card(p.stem, "series", p, p.name, dict(keys))).frame for p in paths])
    found = series_audit.audit(read)
    gaps = found[(found["check"] == "levels_differ") & (found["level"] == "department")]
    assert set(gaps["indicator"]) == {"nb-centres-sante"}
    assert gaps["value"].tolist() == [375, 399, 426, 455, 499]
    assert gaps["difference"].tolist() == [1] * 5
    absent = found[(found["check"] == "absent_rows") & (found["level"] == "department")]
    assert absent["value"].tolist() == [26, 26, 26]
    assert absent["other_value"].tolist()[0] == 12
    local = read[read["level"] == "department"]
    steps = backcast.rises_and_falls(local, ["indicator"]).set_index(["indicator", "to_date"])["falls"]
    msp, cds = steps["nb-maisons-sante"], steps["nb-centres-sante"]
    assert msp.tolist() == [0, 0, 0, 0, 0, 0, 0, -1, -6, -3, -9]
    assert cds.tolist() == [0, 0, 0, 0, -35]
    rebuilt = found[found["check"] == "never_falls"].set_index("indicator")
    assert rebuilt["date"].dt.strftime("%Y-%m").to_dict() == {
        "nb-centres-sante": "2021-06",
        "nb-maisons-sante": "2020-12",
    }
    snapshots = pd.DataFrame(
        {
            "indicator": "nb-maisons-sante",
            "date": pd.to_datetime(["2018-03-31", "2019-03-31"]).astype("datetime64[s]"),
            "value": [1048.0, 1251.0],
        }
    )
    assert series_audit.against_snapshots(read, snapshots)["difference"].tolist() == [-70, -56]
