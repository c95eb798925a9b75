"""The stock counted back from a later extract, and the series that never fall: by hand, and against one loop over everything."""

from datetime import date, timedelta
from itertools import pairwise

import pandas as pd
from hypothesis import given, strategies as st

from qpvhealth.facts.dates import PLACEHOLDERS
from qpvhealth.facts.territories import NO_REGION
from qpvhealth.indicators import backcast

DAYS = st.dates(date(2014, 1, 1), date(2024, 12, 31)) | st.just(min(PLACEHOLDERS)) | st.none()
STRUCTURES = st.lists(
    st.tuples(st.sampled_from(["31", "974", None]), st.sampled_from(["MSP", "CDS"]), DAYS, DAYS), min_size=1
)
YEARS = {2016: date(2016, 3, 31), 2019: date(2019, 3, 31), 2020: date(2020, 2, 29)}


def extract(rows):
    """One row per structure: département, type, opening and closing days."""
    frame = pd.DataFrame(rows, columns=["department_code", "structure_type", "opened_on", "closed_on"])
    days = {c: pd.to_datetime(frame[c]).astype("datetime64[s]") for c in ("opened_on", "closed_on")}
    return frame.astype({"department_code": "str", "structure_type": "str"}).assign(**days)


def areas(rows):
    return {(department or NO_REGION, kind) for department, kind, *_ in rows}


def open_at(rows, area, day):
    """How many structures of an area are open on a day, and how many may be, by one look at each."""
    own = [(opened, closed) for department, kind, opened, closed in rows if (department or NO_REGION, kind) == area]
    left = [opened for opened, closed in own if closed is None or closed > day]
    dated = [opened for opened in left if opened is not None and opened not in PLACEHOLDERS]
    return sum(opened <= day for opened in dated), len(left) - len(dated)


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
    then = backcast.known_then(extract.assign(year=2024))
    found = backcast.then_and_now(then, extract, {2024: date(2024, 2, 29)}).set_index("year").sort_index()
    assert found.index.tolist() == list(range(2014, 2025))
    assert found["n_now"].tolist() == [1] * 8 + [2, 3, 3]
    assert found["n_then"].isna().tolist() == [True] * 10 + [False]
    assert str(found["date"][2023].date()) == "2023-02-28"
    assert found["difference"].dropna().tolist() == [0]


def test_a_structure_is_there_from_the_day_it_opens_to_the_day_before_it_closes():
    days = pd.to_datetime(["2015-02-01", "2015-02-02", "2010-01-01", "2010-01-01"]).astype("datetime64[s]")
    closed = pd.to_datetime([None, None, "2015-02-01", "2015-02-02"]).astype("datetime64[s]")
    extract = pd.DataFrame(
        {"department_code": ["75", "76", "77", "78"], "structure_type": "MSP", "opened_on": days, "closed_on": closed}
    ).astype({"department_code": "str", "structure_type": "str"})
    found = backcast.back_cast(extract, {2015: date(2015, 2, 1)}).set_index("department_code")
    assert found["n_structures"].to_dict() == {"75": 1, "76": 0, "77": 0, "78": 1}
    assert found["n_undated"].sum() == 0


@given(STRUCTURES)
def test_a_back_cast_is_what_one_look_at_each_structure_gives(rows):
    found = backcast.back_cast(extract(rows), YEARS)
    cells = zip(found["year"], found["department_code"], found["structure_type"], strict=True)
    told = dict(zip(cells, zip(found["n_structures"], found["n_undated"], strict=True), strict=True))
    assert told == {(y, *area): open_at(rows, area, day) for y, day in YEARS.items() for area in areas(rows)}
    assert len(found) == len(told)
    assert found.index.equals(pd.RangeIndex(len(found)))


@given(STRUCTURES, STRUCTURES, st.data())
def test_then_and_now_are_two_counts_side_by_side(old, new, data):
    """Then: the stock of the extract of the year; now: the last extract, counted back. Areas that one of them has, in each year it has."""
    stocks = {2019: old, 2020: new}
    flags = {y: data.draw(st.lists(st.booleans(), min_size=len(r), max_size=len(r))) for y, r in stocks.items()}
    extracts = [extract(r).assign(year=y, is_in_stock=flags[y]) for y, r in stocks.items()]
    then = backcast.known_then(pd.concat(extracts, ignore_index=True))
    assert pd.concat([backcast.known_then(one) for one in extracts], ignore_index=True).equals(then)
    found = backcast.then_and_now(then, extracts[1], {2019: YEARS[2019], 2020: YEARS[2020]})
    past = {y: date(y, 2, 28 + (y % 4 == 0)) for y in range(2010, 2020)} | {2019: YEARS[2019], 2020: YEARS[2020]}
    expected = {(y, *area): [0, *open_at(new, area, past[y])] for y in past for area in areas(new)}
    for year, rows in stocks.items():
        for row, is_open in zip(rows, flags[year], strict=True):
            if is_open:
                expected.setdefault((year, row[0] or NO_REGION, row[1]), [0, 0, 0])[0] += 1
    expected = {(y, *area): [then if y in stocks else None, *now] for (y, *area), (then, *now) in expected.items()}
    columns = (
        found[["n_then", "n_now", "n_undated"]]
        .astype(object)
        .where(found[["n_then", "n_now", "n_undated"]].notna(), None)
    )
    keys = zip(found["year"], found["department_code"], found["structure_type"], strict=True)
    assert dict(zip(keys, columns.to_numpy().tolist(), strict=True)) == expected
    assert found["date"].dt.date.tolist() == [past[y] for y in found["year"]]
    assert set(found["known_in"]) == {2020}
    differences = [None if then is None else now - then for then, now, _ in columns.to_numpy().tolist()]
    assert found["difference"].astype(object).where(found["difference"].notna(), None).tolist() == differences


VALUES = st.dictionaries(
    st.tuples(st.sampled_from("ab"), st.sampled_from(["01", "02", "2A"]), st.integers(0, 4)),
    st.integers(0, 9).map(float) | st.none(),
    min_size=1,
)


def by_area(values):
    rows = [(name, area, pd.Timestamp(2015 + year, 12, 31), value) for (name, area, year), value in values.items()]
    frame = pd.DataFrame(rows, columns=["indicator", "area_code", "date", "value"])
    return frame.astype({"indicator": "str", "area_code": "str", "date": "datetime64[s]", "value": "float64"})


@given(VALUES)
def test_rises_and_falls_add_up_area_by_area_and_nothing_is_a_fall_to_zero(values):
    expected = {}
    for name in {name for name, _, _ in values}:
        own = {(area, year): value or 0 for (of, area, year), value in values.items() if of == name}
        years = sorted({year for _, year in own})
        for first, last in pairwise(years):
            steps = [own.get((a, last), 0) - own.get((a, first), 0) for a in {area for area, _ in own}]
            falls = [s for s in steps if s < 0]
            expected[name, 2015 + first, 2015 + last] = (
                sum(s for s in steps if s > 0),
                sum(falls),
                sum(steps),
                len(falls),
            )
    found = backcast.rises_and_falls(by_area(values), ["indicator"])
    keys = zip(found["indicator"], found["from_date"].dt.year, found["to_date"].dt.year, strict=True)
    told = zip(*(found[c] for c in ("rises", "falls", "net", "n_falling")), strict=True)
    assert dict(zip(keys, told, strict=True)) == expected
    assert found.index.equals(pd.RangeIndex(len(expected)))
    assert list(found) == ["indicator", "from_date", "to_date", "rises", "falls", "net", "n_falling"]


def test_no_series_gives_no_interval_and_the_same_columns():
    none, some = ({("a", "01", year): 1.0 for year in range(n)} for n in (0, 2))
    assert backcast.rises_and_falls(by_area(none), ["indicator"]).empty
    assert list(backcast.rises_and_falls(by_area(none), ["indicator"])) == list(
        backcast.rises_and_falls(by_area(some), ["indicator"])
    )


def test_a_value_without_area_or_date_is_left_out():
    series = by_area({("a", "01", 0): 1.0, ("a", "01", 1): 2.0})
    lost = by_area({("a", "02", 0): 5.0, ("a", "02", 1): 5.0}).assign(
        area_code=pd.Series([None, "02"], dtype="str"), date=[series["date"][0], pd.NaT]
    )
    found = backcast.rises_and_falls(pd.concat([series, lost], ignore_index=True), ["indicator"])
    assert found[["rises", "falls"]].to_numpy().tolist() == [[1, 0]]


def test_a_series_that_never_falls_over_four_intervals_is_suspect():
    rising = {("msp", "01", year): 10.0 + year for year in range(5)}
    for series, without_fall, is_suspect in ((rising, 4, True), (rising | {("msp", "01", 2): 1.0}, 1, False)):
        found = backcast.never_falls(backcast.rises_and_falls(by_area(series), ["indicator"]), ["indicator"])
        assert found[["n_intervals", "n_without_fall", "is_suspect"]].to_numpy().tolist() == [
            [4, without_fall, is_suspect]
        ]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 2)), min_size=1), st.integers(1, 4))
def test_a_series_never_falls_until_its_first_fall(steps, minimum):
    """Intervals come in any order; those after the first fall are not counted."""
    frame = pd.DataFrame(steps, columns=["indicator", "n_falling"])
    day = frame.groupby("indicator").cumcount().map(lambda k: pd.Timestamp(2015, 12, 31) + timedelta(days=365 * k))
    shuffled = frame.assign(to_date=day.astype("datetime64[s]")).iloc[::-1]
    found = backcast.never_falls(shuffled, ["indicator"], minimum=minimum).set_index("indicator")
    for name, rows in frame.assign(to_date=day).groupby("indicator"):
        falls = rows["n_falling"].tolist()
        before = next((k for k, n in enumerate(falls) if n), len(falls))
        told = found.loc[name]
        assert (told["n_intervals"], told["n_without_fall"]) == (len(falls), before)
        assert told["is_suspect"] == (before >= minimum)
        assert pd.isna(told["until"]) if not before else told["until"] == rows["to_date"].iloc[before - 1]
