import csv
import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from qpvhealth.errors import InputError, UsageError
from qpvhealth.ingest.readers.delimited import MAX_RAW, read_delimited, read_records

DATA = Path(__file__).parents[4] / "shared" / "data"


@pytest.fixture
def write(tmp_path):
    def put(content):
        path = tmp_path / "a.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return put


def cells(table):
    return [[None if pd.isna(v) else v for v in row] for row in table.frame.to_numpy().tolist()]


def test_text_stays_text_and_empty_is_null(write):
    table = read_delimited(write("code;name;n\n01001; NA \u00a0;\nnull;;1.0\n"))
    assert cells(table) == [["01001", "NA", None], ["null", None, "1.0"]]
    assert [str(t) for t in table.frame.dtypes] == ["str"] * 3
    assert table.rows.tolist() == [2, 3]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_the_encoding_is_found(write, encoding):
    table = read_delimited(write("nom\nCœur d'été\n".encode(encoding)))
    assert cells(table) == [["Cœur d'été"]]
    assert table.notes[0].startswith(f"encoding {encoding} ")


def test_an_encoding_can_be_asked_for(write):
    assert cells(read_delimited(write("nom\nété\n".encode("cp850")), encoding="cp850")) == [["été"]]
    with pytest.raises(UsageError):
        read_delimited(write("nom\nx\n"), encoding="klingon")
    with pytest.raises(InputError):
        read_delimited(write(b"\xff\xfea\x00\n\x00\x00\xd8"))


def test_a_few_damaged_bytes_break_their_lines_only(write):
    content = "nom;ville\n" + "é;Évry\n" * 10
    table = read_delimited(write(content.encode() + b"\xe9;x\n" + "è;y\n".encode()))
    assert [(b.row, b.rule, b.raw) for b in table.broken] == [(12, "undecodable", "\\udce9;x")]
    assert cells(table)[-1] == ["è", "y"]


@pytest.mark.parametrize(
    ("header", "separator"), [("a;b", ";"), ("a,b", ","), ("a\tb", "\t"), ("a|b", "|"), ('"a;x",b', ",")]
)
def test_the_separator_is_that_of_the_header(write, header, separator):
    table = read_delimited(write(f"{header}\n1{separator}2\n"))
    assert cells(table) == [["1", "2"]]


def test_a_separator_can_be_asked_for(write):
    assert list(read_delimited(write("a;b,c\n1,2\n"), separator=",").frame.columns) == ["a;b", "c"]
    with pytest.raises(UsageError):
        read_delimited(write("a\n1\n"), separator="::")


def test_a_stray_pair_of_quotes_loses_only_its_own_line(write):
    table = read_delimited(write('a;b;c\n1;"x;y\n2;x;y\n3;x;y\n4;x";y\n5;x;y\n'))
    assert [(b.row, b.rule, b.raw) for b in table.broken] == [(2, "unclosed-quote", '1;"x;y')]
    assert cells(table) == [["2", "x", "y"], ["3", "x", "y"], ["4", 'x"', "y"], ["5", "x", "y"]]
    assert table.rows.tolist() == [3, 4, 5, 6]


def test_a_quote_that_never_closes_breaks_one_line(write):
    table = read_delimited(write('a;b\n1;"x\n' + "2;y\n" * 500))
    assert [b.row for b in table.broken] == [2]
    assert len(table.frame) == 500


def test_line_breaks_within_a_cell_are_kept(write):
    table = read_delimited(write('a;b;c\r\n1;"x\r\ny; z\r\nt";2\r\n3;4;5\r\n'))
    assert cells(table) == [["1", "x\ny; z\nt", "2"], ["3", "4", "5"]]
    assert table.rows.tolist() == [2, 5]
    assert not table.broken


def test_text_after_a_closing_quote_stays_in_its_cell(write):
    table = read_delimited(write('a;b\n"Le Parc" annexe;1\n"x";"y" \n"open;1\n'))
    assert cells(table) == [["Le Parc annexe", "1"], ["x", "y"]]
    assert [b.row for b in table.broken] == [4]
    assert "2 rows with text after a closing quote" in table.notes


def test_ragged_rows_break_at_their_line(write):
    table = read_delimited(write("a;b\n\n1\n1;2;3\n1;2;;\n \n5;6\n"))
    assert [(b.row, b.rule) for b in table.broken] == [(3, "too-few-cells"), (4, "too-many-cells")]
    assert table.rows.tolist() == [5, 7]
    assert "1 rows with empty cells beyond the header" in table.notes


def test_null_characters_break_their_line(write):
    table = read_delimited(write(b'a;b\n1;\x002\n3;"4\n\x00";5\n6;7\n'))
    rules = ["null-character", "unclosed-quote", "null-character"]
    assert [(b.row, b.rule) for b in table.broken] == list(zip((2, 3, 4), rules, strict=True))
    assert cells(table) == [["6", "7"]]


def test_a_giant_cell_breaks_its_line_and_is_cut(write):
    table = read_delimited(write("a;b\n1;" + "x" * 1_000_000 + "\n2;3\n"))
    assert table.broken[0].rule == "cell-too-long"
    assert len(table.broken[0].raw) < MAX_RAW + 100
    assert cells(table) == [["2", "3"]]


def test_unnamed_columns(write):
    table = read_delimited(write("a;;b;;\n1;2;3;;\n4;;5;;\n7;8;9\n"))
    assert list(table.frame.columns) == ["a", "column 2", "b"]
    assert "2 empty columns without a name left out" in table.notes
    assert not table.broken


def test_two_columns_of_one_name_are_refused(write):
    with pytest.raises(InputError, match='"code"'):
        read_delimited(write("code; code ;x\n1;2;3\n"))


def test_the_header_may_be_further_down(write):
    path = write("Titre\n\na;b\n1;2\n")
    table = read_delimited(path, header_row=3)
    assert cells(table) == [["1", "2"]]
    assert table.rows.tolist() == [4]
    with pytest.raises(InputError, match="blank"):
        read_delimited(path, header_row=2)
    with pytest.raises(UsageError, match="1 to 4"):
        read_delimited(path, header_row=9)


@pytest.mark.parametrize("content", [b"\n \n", b'"a;b\n1;2\n', b";;\n1;2;3\n", b"a\x00;b\n1;2\n"])
def test_no_header_no_table(write, content):
    with pytest.raises(InputError):
        read_delimited(write(content))


def test_records_of_several_widths(write):
    content = 'finess;etalab\nstructure;1;"a\nb"\ngeo;1;2;3\nstructure;"2;c\nstructure;3";d\nstructure;4;e\n'
    found = read_records(write(content))
    assert [r.fields for r in found.records] == [
        ["finess", "etalab"],
        ["structure", "1", "a\nb"],
        ["geo", "1", "2", "3"],
        ["structure", '3"', "d"],
        ["structure", "4", "e"],
    ]
    assert [r.line for r in found.records] == [1, 2, 4, 6, 7]
    assert found.text(1) == 'structure;1;"a\nb"'
    assert [b.row for b in found.broken] == [5]


LINES = st.lists(st.text(alphabet='ab;"é\0 ', max_size=8), min_size=1, max_size=12)


@given(lines=LINES, end=st.sampled_from(["\n", "\r\n"]))
@settings(deadline=None, max_examples=300)
def test_every_line_is_in_exactly_one_record(tmp_path_factory, lines, end):
    path = tmp_path_factory.mktemp("lines") / "a.csv"
    path.write_bytes(end.join(["h1;h2;h3", *lines]).encode())
    found = read_records(path)
    spans = [range(r.line, r.line + found.text(i).count("\n") + 1) for i, r in enumerate(found.records)]
    claimed = [line for span in spans for line in span] + [b.row for b in found.broken]
    full = [1, *(i for i, line in enumerate(lines, start=2) if line.strip())]
    assert len(claimed) == len(set(claimed))
    assert set(full) <= set(claimed)


@given(lines=LINES, end=st.sampled_from(["\n", "\r\n"]))
@settings(deadline=None, max_examples=300)
def test_a_whole_line_without_quotes_is_never_swallowed(tmp_path_factory, lines, end):
    path = tmp_path_factory.mktemp("lines") / "a.csv"
    path.write_bytes(end.join(["h1;h2;h3", *lines]).encode())
    table = read_delimited(path)
    whole = [i for i, line in enumerate(lines, start=2) if line.count(";") == 2 and not set(line) & set('"\0')]
    starts = [*table.rows.tolist(), *(b.row for b in table.broken)]
    assert set(whole) <= set(table.rows.tolist())
    assert len(starts) == len(set(starts)) == table.n_records


CELLS = st.text(alphabet=st.characters(exclude_characters="\r\0", exclude_categories=["Cs"]), max_size=5)


@given(rows=st.lists(st.tuples(*[CELLS] * 5), max_size=8))
@settings(deadline=None)
def test_what_a_csv_writer_writes_is_read_back_or_named(tmp_path_factory, rows):
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([("a", "b", "c", "d", "e"), *rows])
    path = tmp_path_factory.mktemp("rows") / "a.csv"
    path.write_bytes(buffer.getvalue().encode())
    table = read_delimited(path)
    if not table.broken:
        assert cells(table) == [[c.strip() or None for c in row] for row in rows]
    else:
        assert any("\n" in c for row in rows for c in row)


@pytest.mark.skipif(not DATA.is_dir(), reason="the real files are not beside the project")
@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("structures/finess-occitanie-2026-01.csv", (10_007, 27)),
        ("indicators/insee-qpv-2015-DEMO_2018.csv", (1_346, 33)),
        ("indicators/insee-qpv-2015-REVN_2018.csv", (1_346, 30)),
        ("indicators/qpv-2024-indicators.csv", (1_713, 29)),
        ("population/qpv-2015-population-2013.csv", (1_514, 8)),
        ("programmes/npnru-qpv-2015.csv", (448, 1)),
        ("zoning/gp-zoning-2025-communes.csv", (38_907, 5)),
        ("boundaries/communes.csv", (37_544, 12)),
        ("boundaries/mouvements-communes.csv", (13_284, 14)),
    ],
)
def test_real_files_have_the_rows_that_were_counted(name, shape):
    table = read_delimited(DATA / name)
    assert table.frame.shape == shape
    assert table.broken == ()


@given(st.lists(st.text(st.sampled_from("ab ;é\u00a0'"), max_size=8), max_size=12))
@settings(max_examples=200, deadline=None)
def test_lines_without_quotes_are_those_of_the_csv_reader(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("lines") / "a.csv"
    path.write_text("\n".join(["x;y", *lines]), encoding="utf-8")
    found = read_records(path, separator=";")
    there = [line for line in ["x;y", *lines] if line.strip()]
    assert [r.fields for r in found.records] == list(csv.reader(there, delimiter=";"))
    assert [found.text(i) for i in range(len(there))] == there


@pytest.mark.parametrize(
    ("above", "separator"),
    [
        (["Extrait FINESS, région Occitanie, au 1er janvier", ""], ";"),
        (["Titre;;;", "Source : ARS, DGOS, ANCT;;;", ";;;"], ";"),
        (["Titre"], "\t"),
        (['"Titre ; avec un point-virgule"'], ";"),
    ],
)
def test_notes_above_the_header_are_left_out_and_noted(write, above, separator):
    rows = [separator.join(cells) for cells in (["code", "nom", "x", "y"], ["1", "a", "2,5", ""], ["2", "b", "", "3"])]
    table = read_delimited(write("\n".join([*above, *rows]) + "\n"))
    assert list(table.frame.columns) == ["code", "nom", "x", "y"]
    assert cells(table) == [["1", "a", "2,5", None], ["2", "b", None, "3"]]
    n_above = len(above)
    assert table.rows.tolist() == [n_above + 2, n_above + 3]
    assert any("lines of notes above the header left out" in note for note in table.notes)


@pytest.mark.parametrize(
    "content", ["code;\n1;a\n", "code\n1\n2\n", "a;b;c;d\n1;;;\n2;;;\n", "a;b\n1;2\nx\n", '"a\nb";c;d;e\n1;2;3;4\n']
)
def test_a_header_on_the_first_line_stays_one(write, content):
    table = read_delimited(write(content))
    assert "header at line 1" in table.notes
    assert not any("above" in note for note in table.notes)


@pytest.mark.parametrize("line", ["sep=,", '"sep=,"', "SEP=,"])
def test_a_first_line_may_name_the_separator(write, line):
    table = read_delimited(write(f"{line}\ncode,nom;suite\n1,a;b\n"))
    assert (list(table.frame.columns), cells(table)) == (["code", "nom;suite"], [["1", "a;b"]])
    assert table.rows.tolist() == [3]
