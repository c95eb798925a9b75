"""Published series: what the real one shows, and each check on two releases written by hand."""

from datetime import date

import pandas as pd

from qpvhealth.indicators import backcast, series_audit
from qpvhealth.ingest import series
from qpvhealth.ingest.cards import Card


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


def test_a_series_that_never_falls_over_four_intervals_is_suspect():
    rows = [("department", "01", f"{y}-12-31", y - 2000) for y in range(2010, 2015)]
    keys = ["indicator"]
    assert backcast.never_falls(backcast.rises_and_falls(table(rows), keys), keys)["is_suspect"].tolist() == [True]
    falling = [*rows[:2], ("department", "01", "2012-12-31", 1), *rows[3:]]
    found = backcast.never_falls(backcast.rises_and_falls(table(falling), keys), keys)
    assert found[["n_without_fall", "is_suspect"]].to_numpy().tolist() == [[1, False]]


def test_a_back_cast_counts_survivors_and_says_what_is_undated():
    days = pd.to_datetime(pd.Series(["2010-01-01", "2019-01-01", None, "1904-04-04", "2010-01-01"])).astype(
        "datetime64[s]"
    )
    closed = pd.to_datetime(pd.Series([None, None, None, None, "2018-01-01"])).astype("datetime64[s]")
    extract = pd.DataFrame({"opened_on": days, "closed_on": closed, "structure_type": "MSP", "department_code": "01"})
    found = backcast.back_cast(extract, {2018: date(2018, 3, 31), 2019: date(2019, 3, 31)})
    assert found[["year", "n_structures", "n_undated"]].to_numpy().tolist() == [[2018, 1, 2], [2019, 2, 2]]


def test_one_extract_is_counted_back_over_ten_years_where_no_other_is_known():
    days = pd.to_datetime(pd.Series(["2010-01-01", "2021-06-30", "2023-01-01"])).astype("datetime64[s]")
    nothing = pd.to_datetime(pd.Series([None] * 3)).astype("datetime64[s]")
    extract = pd.DataFrame(
        {"opened_on": days, "closed_on": nothing, "structure_type": "CDS", "department_code": "31", "is_in_stock": True}
    )
    found = backcast.then_and_now(extract.assign(year=2024), {2024: date(2024, 2, 29)}).set_index("year").sort_index()
    assert found.index.tolist() == list(range(2014, 2025))
    assert found["n_now"].tolist() == [1] * 8 + [2, 3, 3]
    assert found["n_then"].isna().tolist() == [True] * 10 + [False]
    assert str(found["date"][2023].date()) == "2023-02-28"
    assert found["difference"].dropna().tolist() == [0]


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


def test_a_structure_is_there_from_the_day_it_opens_to_the_day_before_it_closes():
    days = pd.to_datetime(["2015-02-01", "2015-02-02", "2010-01-01", "2010-01-01"]).astype("datetime64[s]")
    closed = pd.to_datetime([None, None, "2015-02-01", "2015-02-02"]).astype("datetime64[s]")
    extract = pd.DataFrame(
        {"department_code": ["75", "76", "77", "78"], "structure_type": "MSP", "opened_on": days, "closed_on": closed}
    ).astype({"department_code": "str", "structure_type": "str"})
    found = backcast.back_cast(extract, {2015: date(2015, 2, 1)}).set_index("department_code")
    assert found["n_structures"].to_dict() == {"75": 1, "76": 0, "77": 0, "78": 1}
    assert found["n_undated"].sum() == 0
