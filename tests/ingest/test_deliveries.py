"""Deliveries with one mistake each, beside the same delivery without it, of which nothing may be said."""

import dataclasses
import shutil

import numpy as np
import pandas as pd
import pytest

import qpvhealth
from qpvhealth.contract.rules import ERROR, STRICT, Finding, all_rules
from qpvhealth.errors import InputError, UsageError
from qpvhealth.ingest import cards as card_files, delivered_points, delivered_populations, deliveries, signatures
from qpvhealth.ingest.sources import Sources, Vintage
from qpvhealth.settings import Settings
from tests import false_alarms

LIMITS = Settings().delivery
DAYS = {2020: pd.Timestamp("2020-03-31").date(), 2021: pd.Timestamp("2021-03-31").date()}


def extract(n=60, *, department="31", start=0, prefix="31"):
    """Make the rows of an extract: two MSP for one centre, opened over ten years, a kilometre apart."""
    at = np.arange(start, start + n)
    return pd.DataFrame(
        {
            "finess_et": [f"{prefix}{i:07d}" for i in at],
            "structure_type": np.where(at % 3 == 2, "CDS", "MSP"),
            "department_code": department,
            "opened_on": pd.Timestamp("2020-03-01") - pd.to_timedelta(at % 60 * 60, unit="D"),
            "closed_on": pd.NaT,
            "authorised_on": pd.NaT,
            "name": [f"name {i}" for i in at],
            "address": "1 rue",
            "commune_code": "31555",
            "modality": "unknown",
            "x": 570_000.0 + at * 1000,
            "y": 6_270_000.0,
            "crs": "EPSG:2154",
            "source_id": "s",
        }
    ).astype({"closed_on": "datetime64[s]", "authorised_on": "datetime64[s]"})


def correct():
    """Two years of two départements: eight open, one leaves, cells change."""
    before = pd.concat([extract(), extract(40, department="81", prefix="81")], ignore_index=True)
    new = extract(8, start=90).assign(opened_on=pd.Timestamp("2020-09-01"))
    after = pd.concat([before.drop(index=[3]), new], ignore_index=True)
    after.loc[after["department_code"] == "81", "name"] = "renamed"
    return {2020: before, 2021: after}


def sources(frames, *, departments=frozenset({"31", "81"}), days=DAYS, **more):
    vintages = {y: Vintage(y, days[y], departments, None, (f"s{y}",)) for y in frames}
    points = {y: f[["finess_et", "source_id", "x", "y", "crs"]] for y, f in frames.items()}
    none = {
        "neighbourhoods": pd.DataFrame(columns=["generation", "qpv_code", "source_id"], dtype="str"),
        "editions": pd.DataFrame(columns=["edition", "generation"], dtype="str"),
        "links": pd.DataFrame(columns=["finess_et_from"], dtype="str"),
        "out_of_scope": pd.DataFrame(columns=["finess_et", "year"]),
        "declarations": pd.DataFrame(columns=["finess_et", "year"]),
        "populations_read": pd.DataFrame(
            columns=["generation", "qpv_code", "population_year", "population", "source_id"], dtype="str"
        ),
    }
    return dataclasses.replace(Sources(vintages=vintages, structures=frames, points=points), **(none | more))


def said(frames, cards=(), **more):
    return [(f.rule, f.area, f.value) for f in deliveries.of_sources(sources(frames, **more), cards, LIMITS)]


def test_a_correct_year_says_nothing():
    assert said(correct()) == []


def changed(change):
    frames = correct()
    return {2020: frames[2020], 2021: change(frames[2021]).reset_index(drop=True)}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda f: f[f["department_code"] != "81"], ("delivery-area-empty", "department:81", "0")),
        (lambda f: f.iloc[: len(f) // 2], ("delivery-stock", "FR", "-32")),
        (
            lambda f: f[~((f["department_code"] == "31") & (f["structure_type"] == "MSP") & (f.index < 12))],
            ("delivery-stock", "department:31", "-3"),
        ),
        (lambda f: f.assign(finess_et="99" + f["finess_et"].str[2:]), ("delivery-left", "FR", "100")),
        (lambda f: pd.concat([f, f.assign(finess_et="99" + f["finess_et"].str[2:])]), ("delivery-stock", "FR", "77")),
        (lambda f: f.assign(opened_on=f["opened_on"] + pd.Timedelta(days=600)), ("delivery-date", "FR", "15")),
        (lambda f: f.assign(opened_on=f["opened_on"] - pd.Timedelta(days=400)), ("delivery-date", "FR", "2019-07-29")),
    ],
    ids=["a département", "half", "under the threshold", "other numbers", "twice", "dated too early", "dated too late"],
)
def test_a_mistake_is_said(change, expected):
    found = said(changed(change))
    wanted = expected in found
    small = expected[2] == "-3"
    assert wanted is not small, found


def test_a_year_that_is_the_last_one_again_is_said():
    before = correct()[2020]
    again = before.assign(name="renamed", address="2 rue")
    assert said({2020: before, 2021: again}) == [
        ("delivery-date", "FR", "2020-03-01"),
        ("delivery-no-movement", "FR", "100"),
    ]
    part = changed(lambda f: pd.concat([f[f["department_code"] == "31"], before[before["department_code"] == "81"]]))
    assert said(part) == [("delivery-no-movement", "department:81", "40")]
    assert said({y: f[f["department_code"] == "81"].head(20) for y, f in part.items()}, departments={"81"}) == []


def test_a_date_before_the_last_one_is_said():
    assert said(correct(), days={2020: DAYS[2021], 2021: DAYS[2020]})[-1] == ("delivery-date", "FR", "2020-03-31")


def shifted(column, *, department=None):
    def change(frame):
        at = frame["department_code"].isin([department] if department else ["31", "81"])
        values = frame[column].to_numpy(dtype=object)
        values[at] = np.roll(values[at], 1)
        return frame.assign(**{column: values})

    return change


def varied(frames):
    """Give the structures communes and modalities, the same in both years."""
    number = {y: f["finess_et"].str[2:].astype(int) for y, f in frames.items()}
    return {
        y: f.assign(
            commune_code="31" + (number[y] % 7).map("{:03d}".format), modality=np.where(number[y] % 5, "pluri", "mono")
        )
        for y, f in frames.items()
    }


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (shifted("structure_type"), ("FR", "structure_type 66")),
        (shifted("structure_type", department="81"), ("FR", "structure_type 26")),
        (shifted("modality"), ("FR", "modality 40")),
        (shifted("commune_code", department="81"), ("FR", "commune_code 40")),
        (lambda f: f.assign(modality="unknown"), None),
        (lambda f: f.assign(structure_type=f["structure_type"].where(f.index > 1, "CDS")), None),
    ],
)
def test_a_column_of_other_rows_is_said(change, expected):
    frames = varied(correct())
    found = said({2020: frames[2020], 2021: change(frames[2021])})
    assert [f[1:] for f in found if " " in f[2]] == ([expected] if expected else [])


def test_dates_that_contradict_the_year_before_are_said():
    frames = correct()
    closed = frames[2020]["closed_on"].mask(frames[2020].index < 22, pd.Timestamp("2020-01-31"))
    then = frames[2020].assign(closed_on=closed)
    assert ("delivery-date", "FR", "21") in said({2020: then, 2021: frames[2021]})  # one has left
    assert ("delivery-date", "FR", "22") not in said({2020: then, 2021: then})
    late = frames[2021].assign(
        opened_on=frames[2021]["opened_on"].mask(frames[2021].index < 30, pd.Timestamp("2021-01-01"))
    )
    assert ("delivery-date", "FR", "30") in said({2020: frames[2020], 2021: late})


def test_where_no_department_is_written_no_area_is_said_to_be_empty():
    frame = correct()[2020].assign(department_code=None)
    assert said({2020: frame}, departments=None) == []


def test_without_covers_a_regional_file_is_said():
    found = said({2020: correct()[2020]}, departments=None)
    assert {rule for rule, _, _ in found} == {"delivery-area-empty"}
    areas = {area for _, area, _ in found}
    assert {"region:11", "department:34"} <= areas
    assert not areas & {"region:76", "department:31", "department:987"}


def test_degrees_and_minutes_are_no_decimals():
    rng = np.random.default_rng(1)
    lon, lat = rng.uniform(-1, 6, 60), rng.uniform(43, 49, 60)
    minutes = [np.sign(v) * (np.floor(abs(v)) + (abs(v) % 1) * 0.6) for v in (lon, lat)]
    mixed = [np.where(np.arange(60) < 2, right, read) for right, read in zip((lon + 0.7, lat), minutes, strict=True)]
    pointless = (np.round(lon, 4) * 1e4, np.round(lat, 4) * 1e4)  # a comma was lost: no degrees at all
    wrong = [("delivery-points-minutes", "FR", "60")]
    for (x, y), expected in (((lon, lat), []), (minutes, wrong), (mixed, wrong), (pointless, [])):
        frame = extract().assign(x=x, y=y, crs="EPSG:4326")
        assert said({2020: frame}, departments={"31"}) == expected


@pytest.mark.parametrize(
    ("n", "generation", "expected"),
    [(42, "qpv-2024", []), (17, "qpv-2024", ["delivery-generation"]), (42, "qpv-2026", ["delivery-generation"])],
)
def test_outlines_of_another_generation_are_said(n, generation, expected):
    outlines = pd.DataFrame(
        {"generation": generation, "qpv_code": [f"QN976{i:02d}M" for i in range(n)], "source_id": "q"}
    )
    found = said({2020: correct()[2020]}, neighbourhoods=outlines)
    assert [rule for rule, _, _ in found] == expected


def lists(people, year=2013, code="QN976{:02d}M"):
    return pd.DataFrame(
        {
            "generation": "qpv-2024",
            "qpv_code": [code.format(i) for i in range(len(people))],
            "population_year": year,
            "population": people,
            "source_id": f"p{year}",
        }
    )


def test_codes_and_values_of_another_edition_are_said():
    outlines = pd.DataFrame(
        {"generation": "qpv-2024", "qpv_code": [f"QN976{i:02d}M" for i in range(42)], "source_id": "q"}
    )
    people = list(range(1000, 1042))
    of_2026 = lists(people[:17], code="QN976{:02d}C")
    cases = (
        (lists(people), []),
        (of_2026, [("delivery-generation", "department:976", "17")]),
        (pd.concat([lists(people), lists(people, 2020)]), [("delivery-generation", "FR", "42")]),
        (pd.concat([lists(people), lists([*people[:-1], 7], 2020)]), []),
    )
    for read, expected in cases:
        assert said({2020: correct()[2020]}, neighbourhoods=outlines, populations_read=read) == expected


def test_a_list_is_not_in_force_before_its_generation(tmp_path):
    def zoning(day, generation):
        options = {"edition": "e", "in_force_from": pd.Timestamp(day).date(), "generation": generation}
        return card_files.Card("z", "zoning", tmp_path, "z.csv", options)

    for day, generation, expected in (
        ("2019-01-01", "qpv-2024", [("delivery-generation", "FR", "qpv-2024")]),
        ("2026-01-01", "qpv-2015", [("delivery-generation", "FR", "qpv-2015")]),
        ("2018-01-01", "qpv-2015", []),
        ("2024-01-01", "qpv-2024", []),
    ):
        assert said({2020: correct()[2020]}, [zoning(day, generation)]) == expected


def placed(dx=0.0, dy=0.0, *, n=40, share=1.0, **more):
    at = np.arange(n)
    moved = at < share * n
    columns = {
        "finess_et": [f"{i:09d}" for i in at],
        "territory": "metropole",
        "department_code": np.where(at < n // 2, "31", "81"),
    }
    facts = {"location_status": "located", "location_note": None, "location_error_m": 20.0, "location_source_id": "s"}
    facts |= {"source_id": "s", "n_location_sources": 1, "location_conflict_m": np.nan} | more
    years = [(2020, 0.0, 0.0), (2021, dx, dy)]
    frames = [
        pd.DataFrame(columns | facts).assign(year=y, x=at * 1000.0 + moved * a, y=at * 500.0 + moved * b)
        for y, a, b in years
    ]
    return pd.concat(frames, ignore_index=True)


@pytest.mark.parametrize(
    ("structures", "expected"),
    [
        (placed(), []),
        (placed(400, 0, share=0.1), []),
        (placed(3, 3), []),
        (placed(300, 0), [("delivery-points-moved", "FR", "300 m east and 0 m north")]),
        (placed(40, -30), [("delivery-points-moved", "FR", "40 m east and -30 m north")]),
        (placed(200, 200, n=120, share=0.08), []),
        (
            placed(200, 0, share=0.45, n=50).assign(
                department_code=lambda f: np.where(f["finess_et"] < "000000025", "31", "81")
            ),
            [("delivery-points-moved", "FR", "200 m east")],
        ),
        (
            placed(location_note="rounded coordinates", location_error_m=690.0).query("year == 2021"),
            [("delivery-points-rounded", "FR", "up to 690 m")],
        ),
        (placed(location_conflict_m=1500.0).query("year == 2021"), [("delivery-points-disagree", "FR", "100 m apart")]),
        (placed(location_conflict_m=1500.0, n_location_sources=2), []),
    ],
)
def test_points_that_moved_or_are_coarse_or_disagree(structures, expected):
    found = delivered_points.of_points(structures, LIMITS, "rounded coordinates")
    assert [(f.rule, f.area) for f in found] == [(rule, area) for rule, area, _ in expected]
    for finding, (_, _, words) in zip(found, expected, strict=True):
        assert words in finding.message


RNG = np.random.default_rng(7)
AREA = RNG.uniform(0.1, 2.0, 60)
PEOPLE = np.round(AREA * RNG.uniform(8_000, 12_000, 60))
CODES = [f"QP031{i:03d}" for i in range(60)]


def populations(people, *, before=None):
    def one(name, year, values):
        frame = pd.DataFrame(
            {"generation": "qpv-2015", "qpv_code": CODES, "population": pd.array(values, dtype="Int64")}
        )
        return frame.assign(population_year=year, source_id=name, source_row=range(2, 62))

    files = [one("p", 2020, people.astype(int))] + ([] if before is None else [one("old", 2013, before.astype(int))])
    area = pd.DataFrame({"generation": "qpv-2015", "qpv_code": CODES, "area_km2": AREA})
    ends = ["generation_from", "qpv_code_from", "generation_to", "qpv_code_to"]
    fates = pd.DataFrame(columns=ends, dtype="str")
    found = delivered_populations.of_populations(pd.concat(files, ignore_index=True), area, fates, LIMITS)
    return [(f.source_ids, f.value) for f in found]


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        (PEOPLE, []),
        (np.round(PEOPLE * 1.4), []),
        (np.where(np.arange(60) == 5, 0, PEOPLE), [(("p",), "1")]),
        (PEOPLE * 10, [(("p",), "factor 10")]),
        (PEOPLE // 1000, [(("p",), "factor 0.001")]),
        (np.roll(PEOPLE, 1), [(("p",), "shift -1")]),
        (np.roll(PEOPLE, -1), [(("p",), "shift 1")]),
    ],
    ids=["right", "grown", "zero", "times ten", "by a thousand", "a row below", "a row above"],
)
def test_populations_that_cannot_be(people, expected):
    assert populations(people, before=PEOPLE) == expected


def test_a_region_one_row_off_and_a_column_of_others_are_said():
    area = RNG.uniform(0.1, 2.0, 120)
    people = np.round(area * RNG.uniform(8_000, 12_000, 120))
    codes = [f"QP{'031' if i < 80 else '035'}{i:03d}" for i in range(120)]
    outlines = pd.DataFrame({"generation": "qpv-2015", "qpv_code": codes, "area_km2": area})
    fates = pd.DataFrame(columns=["generation_from", "qpv_code_from", "generation_to", "qpv_code_to"], dtype="str")

    def found(values, *others):
        parts = [(f"p{n}", v) for n, v in enumerate((values, *others))]
        read = [outlines.assign(population=pd.array(v, dtype="Int64"), source_id=name) for name, v in parts]
        read = pd.concat([one.assign(source_row=range(2, 122)) for one in read], ignore_index=True)
        findings = delivered_populations.of_populations(read, outlines, fates, LIMITS)
        return [(f.area, f.n, f.value) for f in findings if f.source_ids == ("p0",)]

    assert found(people) == []
    assert found(np.append(people[:80], np.roll(people[80:], 1))) == [("region:53", 40, "shift -1")]
    shuffled = RNG.permutation(people)
    for others in ((shuffled, people), (np.full(120, 2_000),), (np.arange(1, 121) * 50,)):
        assert found(*others) == [("FR", 120, "unrelated")]
    assert found(people, shuffled) == []
    order = np.argsort(people)  # rows in the order of their people are right
    outlines = outlines.iloc[order]
    assert found(people[order]) == []


def test_without_another_file_areas_say_it():
    assert populations(np.roll(PEOPLE, 1)) == [(("p",), "shift -1")]
    for factor in (10, 1000, 0.1, 0.001):
        assert populations(PEOPLE * factor) == [(("p",), f"factor {factor:g}")]
    for factor in (0.5, 2):  # a year, or a region, that differs
        assert populations(PEOPLE * factor) == []


# signatures

CARD = """[[source]]
id = "s"
kind = "structures"
path = "s.csv"
year = 2020
reference_date = 2020-03-31
sha256 = "00"
[[source.accept]]
rule = "delivery-stock"
value = "-6"
area = "department:31"
by = "A. Martin"
on = 2020-05-04
reason = "six MSP merged"
"""


def loaded(tmp_path, text=CARD):
    (tmp_path / "sources.toml").write_text(text, encoding="utf-8")
    return card_files.load(tmp_path)


def fall(value="-6", *, ids=("s",)):
    return Finding("delivery-stock", 6, "fell", 40, "department:31", value, ids)


def test_what_is_signed_is_accepted_by_name_date_and_reason(tmp_path):
    (signed,) = signatures.sign([fall()], loaded(tmp_path))
    who = {"source_id": "s", "by": "A. Martin", "on": "2020-05-04", "reason": "six MSP merged"}
    assert (signed.is_refused, signed.as_dict()["signed"]) == (False, who)
    assert fall().is_refused


@pytest.mark.parametrize("finding", [fall("-7"), fall(ids=("other",)), Finding("duplicates", 1, "m")])
def test_a_signature_that_meets_no_finding_stops_the_run(tmp_path, finding):
    with pytest.raises(UsageError, match="meet no finding"):
        signatures.sign([finding], loaded(tmp_path))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('sha256 = "00"\n', ""), "write its sha256"),
        (('by = "A. Martin"\n', ""), "accept no. 1: by is missing"),
        (("on = 2020-05-04", 'on = "May"'), "on must be a date"),
        (("delivery-stock", "delivery-same-bytes"), "nobody can sign"),
        (("delivery-stock", "finess-invalid"), "nobody can sign"),
        (("delivery-stock", "delivery"), 'no rule is called "delivery"'),
        (("reason =", "why ="), 'unknown key "why"'),
    ],
)
def test_a_wrong_signature_is_refused(tmp_path, change, message):
    with pytest.raises(UsageError, match=message):
        loaded(tmp_path, CARD.replace(*change))


def test_at_most_twelve_rules_and_one_error():
    rules = [r for r in all_rules().values() if r.id.startswith("delivery-")]
    assert len(rules) <= 12
    assert {r.id for r in rules if r.level == ERROR} == {"delivery-same-bytes"}
    assert {r.id for r in rules if r.level not in (ERROR, STRICT)} == {"delivery-points-rounded"}


# whole builds: nothing is said of the invented France, nor of a second year of the public files


def test_nothing_is_said_of_the_invented_france(built):
    assert false_alarms.counted(built.findings) == false_alarms.documented("invented France")


def test_one_file_under_two_years_is_refused(sample_folder, tmp_path):
    raw = tmp_path / "raw"
    shutil.copytree(sample_folder, raw)
    text = (raw / "sources.toml").read_text(encoding="utf-8")
    copied = text.replace('path = "structures/2018-cs1100507.csv"', 'path = "structures/2019-cs1100507.csv"')
    lines = [line for line in copied.splitlines() if not line.startswith("sha256")]
    twice = "\n".join(lines).replace('kind = "register"', 'kind = "structures"\nreference_date = 2019-03-31')
    keep = [b for b in twice.split("[[source]]") if 'id = "structures-2019"' not in b and "2020" not in b]
    (raw / "sources.toml").write_text("[[source]]".join(keep), encoding="utf-8")
    (raw / "corrections.toml").unlink()
    with pytest.raises(
        InputError, match=r"delivery-same-bytes.*register-2019: year 2019; card structures-2018: year 2018"
    ):
        qpvhealth.build(raw)
