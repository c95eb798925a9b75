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
    assert found["note"].tolist() == ["the national line is not the sum of the level"]


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


def test_a_value_that_a_later_release_lacks_is_told_apart_from_another_value():
    areas = ("01", "02", "03")
    old = table([("department", area, "2017-12-31", 1) for area in areas])
    new = table([("department", "01", "2017-12-31", 2), ("department", "02", "2017-12-31", 1)], "r2")
    found = series_audit.restatements(old, new).set_index("area_code")
    assert found["note"].to_dict() == {
        "01": "another value in the later release",
        "03": "no longer in the later release",
    }
    assert found["other_release"].tolist() == ["r2"] * 2


def test_what_never_falls_is_looked_for_at_the_finest_level():
    days = [f"20{year}-12-31" for year in range(12, 19)]
    rising = [("region", "11", day, n) for n, day in enumerate(days)]
    falling = [("department", "75", day, n if n < 6 else 0) for n, day in enumerate(days)]
    (regions,) = series_audit.rebuilt(table(rising)).to_dict("records")
    assert (regions["level"], regions["value"], regions["other_value"]) == ("region", 6, 6)
    assert regions["note"] == "no area falls up to this date: a register that lives has falls"
    (departments,) = series_audit.rebuilt(table(rising + falling)).to_dict("records")
    assert (departments["level"], departments["value"], departments["other_value"]) == ("department", 5, 6)


def test_an_extract_is_held_against_the_last_national_value_of_its_indicator():
    values = [
        ("country", "FR", "2017-12-31", 10),
        ("country", "FR", "2017-06-30", 8),
        ("region", "11", "2018-03-31", 1),
    ]
    other = table([("country", "FR", "2018-01-31", 90)]).assign(indicator="cds")
    asked = {"indicator": ["msp", "msp"], "value": [12.0, 7.0]}
    dates = pd.to_datetime(["2018-03-31", "2017-07-31"]).astype("datetime64[s]")
    found = series_audit.against_snapshots(
        pd.concat([table(values), other], ignore_index=True), pd.DataFrame(asked).assign(date=dates)
    )
    assert found["difference"].tolist() == [-1, 2]
    assert found["series_date"].dt.month.tolist() == [6, 12]


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
