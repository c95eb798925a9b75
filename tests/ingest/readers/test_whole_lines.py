"""Lines cut all at once, held against the careful reader: the two agree on every cell, row, broken line and note."""

from __future__ import annotations

from contextlib import nullcontext
from unittest import mock

import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from qpvhealth.ingest.readers import delimited, whole_lines

SPACES = [chr(c) for c in range(0x3001) if chr(c).isspace() and chr(c) not in "\r\n"]
OTHERS = ["a", "é", " ", "\u00a0", "\ufeff", "\0", "\r", "01", "''"]
PIECES = st.sampled_from([*[";", "\n"] * 4, '"', '"', '"a"', '"b;"', '""', *OTHERS])


def cut(lines, *, width=2, longest=20, separator=";"):
    arrays = whole_lines.cut(lines, separator, width=width, longest=longest)
    return None if arrays is None else [a.to_pylist() for a in arrays]


def test_cells_are_stripped_and_empty_ones_null():
    assert cut(["a; b \n", "\n", "NA;\u00a0\n", ";é"]) == [["a", "NA", None], ["b", None, "é"]]


@pytest.mark.parametrize("space", SPACES)
def test_every_space_of_unicode_is_stripped(space):
    assert cut([f"{space}a{space}b{space};{space}\n"]) == [[f"a{space}b"], [None]]


@pytest.mark.parametrize(
    "lines",
    [
        *(['a;"b\n'], ['a;"b\n', 'c";d\n'], ['"a" b;c\n'], ['"a";b;c\n'], ["a;b\0\n"], ["a;\udce9\n"]),
        *(["\ufeffa;b\n"], ["a;b;c\n"], ["a;b\n", "a\n"], ["a;" + "b" * 20 + "\n"]),
    ],
)
def test_lines_that_need_care_are_left_to_the_careful_reader(lines):
    assert cut(lines) is None
    assert cut(["a§b\n"], separator="§") is None  # a separator beyond ASCII
    assert cut(["a;b\n"]) == [["a"], ["b"]]


def test_quotes_that_close_on_their_line_are_taken_off():
    lines = ['"a;x";" b "\n', "\n", " \n", '"";"say ""no"""\n', "c;d"]
    assert cut(lines) == [["a;x", None, "c"], ["b", 'say "no"', "d"]]


def test_a_blank_line_is_no_record_of_one_cell():
    assert cut(["a\n", "\n", "b\n"], width=1) == [["a", "b"]]
    assert cut(["a\n", " \n", "b\n"], width=1) is None


def read(path, batch, *, carefully):
    careful = mock.patch.object(whole_lines, "cut", return_value=None) if carefully else nullcontext()
    with mock.patch.object(delimited, "BATCH", batch), careful:
        return delimited.read_delimited(path, encoding="utf-8", separator=";")


@given(st.lists(PIECES, max_size=60), st.integers(1, 3), st.integers(1, 7))
@settings(max_examples=150, deadline=None)
def test_both_readers_agree(tmp_path_factory, pieces, width, batch):
    path = tmp_path_factory.mktemp("both") / "a.csv"
    header = ";".join("xyz"[:width])
    path.write_text("\n".join([header, "".join(pieces), *[header] * 3]), encoding="utf-8", newline="")
    quick, careful = (read(path, batch, carefully=c) for c in (False, True))
    pd.testing.assert_frame_equal(quick.frame, careful.frame)
    assert quick.rows.tolist() == careful.rows.tolist()
    assert (quick.broken, quick.notes) == (careful.broken, careful.notes)


def test_a_batch_that_needs_care_leaves_the_next_one_whole(tmp_path):
    lines = [f"{i};x" for i in range(40)]
    lines[9:12] = ['9;"x', 'y"', '"11";x']
    (tmp_path / "a.csv").write_text("\n".join(["a;b", *lines]), encoding="utf-8")
    with mock.patch.object(whole_lines, "cut", wraps=whole_lines.cut) as spy, mock.patch.object(delimited, "BATCH", 10):
        table = delimited.read_delimited(tmp_path / "a.csv")
    assert [c.args[0][0] for c in spy.call_args_list] == ["0;x\n", '"11";x\n', "21;x\n", "31;x\n"]
    assert (table.n_records, table.broken) == (39, ())
    assert table.rows.tolist()[8:12] == [10, 11, 13, 14]
