"""Whole structure files with random dirt: the account balances, nothing is lost, nothing but an error of ours is raised."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from qpvhealth.errors import InputError, QpvhealthError, UsageError
from qpvhealth.facts.situations import LOCATION_STATUSES
from qpvhealth.ingest import geocoded, populations, structures, zonings
from qpvhealth.ingest.cards import Card

SETTINGS = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
DIRT = st.text(st.characters(codec="utf-8", exclude_characters="\n\r\0"), max_size=12)
FINESS = st.one_of(
    st.from_regex(r"[0-9]{8,9}", fullmatch=True), st.sampled_from(["750000018", "2A0000154", "10780054"]), DIRT
)
CATEGORY = st.one_of(st.sampled_from(["124", "603", "620", "347", "125"]), DIRT)
NUMBER = st.one_of(st.floats(width=32).map(str), st.sampled_from(["nd", "652000,5", "1\u202f000"]), DIRT)
CODE = st.one_of(st.sampled_from(["75101", "1004", "9F611", "2A004"]), DIRT)
DAY = st.one_of(st.dates().map(str), DIRT)
ROW = st.tuples(FINESS, CATEGORY, DIRT, CODE, NUMBER, NUMBER, DAY)
HEADER = "nofinesset;categetab;rs;code_insee;coordxet;coordyet;dateouv"


def accounted(tally):
    return tally.rows_out + sum(tally.out_of_scope.values()) + tally.rejected + tally.duplicates


def make(folder, kind, text, name="f.csv", **options):
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return Card("c", kind, path, name, options)


@SETTINGS
@given(rows=st.lists(ROW, max_size=12), junk=st.lists(DIRT, max_size=2))
def test_a_structure_file_is_conserved(tmp_path, rows, junk):
    lines = [";".join(cells) for cells in rows] + junk
    card = make(tmp_path, "structures", "\n".join([HEADER, *lines]) + "\n", year=2019, reference_date=date(2019, 3, 31))
    try:
        staged = structures.read(card).staged
    except InputError as error:
        assert "stands on rows" in str(error) or "quote" in str(error) or "header" in str(error)  # noqa: PT017
        return
    assert accounted(staged.tally) == staged.tally.rows_in
    assert len(staged.frame) == staged.tally.rows_out
    assert staged.frame["finess_et"].is_unique
    assert not staged.frame[["finess_et", "structure_type", "modality", "location_status"]].isna().any(axis=None)
    assert set(staged.frame["location_status"]) <= set(LOCATION_STATUSES)
    assert staged.rejects[["rule", "message", "raw"]].notna().all(axis=None)
    places = [*staged.frame["source_row"], *staged.rejects["row"]]
    assert len(set(places)) == len(places)
    assert (staged.frame["location_status"] == "missing").equals(staged.frame["x"].isna())


LEGACY_LINE = st.one_of(
    st.builds(
        lambda number, category, commune, extra: ";".join(
            ["structureet", number, "", "X", *[""] * 8, commune, "75", *[""] * 4, category, *[""] * (12 + extra)]
        ),
        *(st.sampled_from(["750000018", "750000026", "1"]), st.sampled_from(["124", "603", "620", ""])),
        *(st.sampled_from(["101", "1", "x"]), st.integers(-1, 2)),
    ),
    st.builds(
        lambda number, x, source: f"geolocalisation;{number};{x};6862000;{source};",
        *(st.sampled_from(["750000018", "750000026", "9"]), st.sampled_from(["652000", "nd", ""])),
        st.sampled_from(["1,ATLASANTE,96,BAN,EPSG:2154", "6,A,.,ADMIN-EXPRESS-2023,", "x", ""]),
    ),
    st.sampled_from(["", "geolocalisation;1", "autre;2;3"]),
)


@SETTINGS
@given(lines=st.lists(LEGACY_LINE, max_size=10))
def test_a_legacy_extract_is_conserved_line_by_line(tmp_path, lines):
    text = "\n".join(["finess;etalab;98;2019-03-31", *lines]) + "\n"
    card = make(tmp_path, "structures", text, year=2019, reference_date=date(2019, 3, 31))
    try:
        staged = structures.read(card).staged
    except InputError:
        return
    section = staged.sections["geolocalisation"]
    assert accounted(staged.tally) == staged.tally.rows_in
    assert accounted(section) == section.rows_in
    assert staged.tally.rows_in + section.rows_in == sum(bool(line) for line in lines)


READERS = [
    (populations.read, "populations", "qp;pop", {"generation": "qpv-2015", "population_year": 2013}),
    (zonings.read, "zoning", "insee;Zonage", {"edition": "2019", "in_force_from": date(2019, 1, 1)}),
    (geocoded.read, "geocoded", "finess;longitude;latitude;result_score;result_type", {"year": 2019}),
]
CELL = st.one_of(st.sampled_from(["QP075001", "75101", "ZIP", "12", "750000018", "street", "nd", ""]), DIRT)


@pytest.mark.parametrize(("read", "kind", "header", "options"), READERS, ids=[r[1] for r in READERS])
@settings(SETTINGS, max_examples=15)
@given(data=st.data())
def test_other_kinds_are_conserved(tmp_path, data, read, kind, header, options):  # noqa: PLR0917
    rows = data.draw(
        st.lists(st.lists(CELL, min_size=header.count(";") + 1, max_size=header.count(";") + 1), max_size=8)
    )
    card = make(tmp_path, kind, "\n".join([header, *(";".join(r) for r in rows)]) + "\n", **options)
    try:
        found = read(card)
    except (InputError, UsageError):
        return
    (staged,) = found.staged if kind == "zoning" else (found,)
    assert accounted(staged.tally) == staged.tally.rows_in
    assert len(staged.rejects) == staged.tally.rejected


@settings(SETTINGS, max_examples=10)
@given(order=st.permutations(range(7)), names=st.sampled_from([str.upper, str.lower, str.title]))
def test_neither_the_order_nor_the_case_of_columns_matters(tmp_path, order, names):
    rows = [HEADER.split(";"), ["750000018", "124", "Santé", "75101", "652000.5", "6862000", "2010-05-01"]]

    def read(columns, write):
        text = "\n".join(";".join(write(row[i]) if n == 0 else row[i] for i in columns) for n, row in enumerate(rows))
        card = make(tmp_path, "structures", text + "\n", year=2019, reference_date=date(2019, 3, 31))
        return structures.read(card).staged.frame

    pd.testing.assert_frame_equal(read(order, names), read(range(7), str))


@SETTINGS
@given(content=st.binary(max_size=200), suffix=st.sampled_from([".csv", ".txt", ".tsv", ".json", ".geojson"]))
def test_any_bytes_cost_a_message_and_no_traceback(tmp_path, content, suffix):
    path = tmp_path / f"f{suffix}"
    path.write_bytes(content)
    for kind, read in (("structures", structures.read), ("zoning", zonings.read), ("populations", populations.read)):
        options = {
            "generation": "qpv-2015",
            "population_year": 1,
            "edition": "e",
            "year": 1,
            "reference_date": date(2019, 1, 1),
        }
        try:
            read(Card("c", kind, path, path.name, options))
        except QpvhealthError as error:
            assert str(error)  # noqa: PT017
