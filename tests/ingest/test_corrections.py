from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest

from qpvhealth.errors import UsageError
from qpvhealth.ingest import corrections
from qpvhealth.ingest.corrections import Correction

ENTRY = "[[correction]]\nsource='c'\nkey='010780054'\ncolumn='siret'\nexpect='1'\nvalue='2'\nreason='typo'\n"


def load(folder, card, text):
    (folder / "corrections.toml").write_text(text, encoding="utf-8")
    return corrections.load(folder, [card("structures")])


def table(**columns):
    return pd.DataFrame({k: pd.Series(v, dtype="str") for k, v in columns.items()})


def test_without_a_file_nothing_is_corrected(tmp_path, card):
    assert corrections.load(tmp_path, [card("structures")]) == ()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("gone")])
def test_what_stands_in_the_place_of_corrections_is_not_passed_over(tmp_path, card, make):
    make(tmp_path / "corrections.toml")
    with pytest.raises(UsageError, match="not a file"):
        corrections.load(tmp_path, [card("structures")])


def test_corrections_are_read(tmp_path, card):
    (found,) = load(tmp_path, card, ENTRY)
    assert found == Correction("c", "010780054", "siret", "1", "2", "typo")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ENTRY.replace("reason='typo'\n", ""), "correction no. 1: reason is missing"),
        (ENTRY + "why='x'\n", 'unknown key "why"'),
        (ENTRY.replace("source='c'", "source='d'"), 'no card is called "d"'),
        (ENTRY + "[[correct]]\n", 'unknown section "correct"'),
        ("[correction]\nsource='c'\n", "two brackets"),
        ("correction = ['a']", "two brackets"),
        ("[[correction]", "cannot be read"),
        (ENTRY + ENTRY, "two corrections of one value: c 010780054 siret; keep one"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, card, text, message):
    with pytest.raises(UsageError) as caught:
        load(tmp_path, card, text)
    assert message in str(caught.value)


@pytest.mark.parametrize("key", ["010780054", "10780054", "010 780 054"])
def test_a_row_is_named_with_or_without_its_zeros(key):
    text = table(finess_et=["010780054", "20780054"], siret=["1", "1"])
    out, n = corrections.apply(text, (Correction("c", key, "siret", "1", "2", "r"),), "c", "finess_et")
    assert (out["siret"].tolist(), n) == (["2", "1"], 1)
    assert text["siret"].tolist() == ["1", "1"]


@pytest.mark.parametrize(
    ("text", "known", "cells"),
    [
        (table(finess_et=["a", "b"], x=[None, "5"]), [("a", "", "7"), ("b", "5", "")], ["7", None]),
        (table(finess_et=[None], own_id=["12 "], x=["5"]), [("c:12", "5", "6")], ["6"]),
    ],
    ids=["an empty text is an empty cell", "named by its own identifier"],
)
def test_cells_are_corrected(text, known, cells):
    made = tuple(Correction("c", key, "x", expect, value, "r") for key, expect, value in known)
    out, n = corrections.apply(text, made, "c", "finess_et")
    assert ([None if pd.isna(v) else v for v in out["x"]], n) == (cells, len(cells))


@pytest.mark.parametrize(
    ("correction", "message"),
    [
        (("z", "x", "5"), "no row has this finess_et"),
        (("a", "y", "5"), 'no column "y"; there are: finess_et, x'),
        (("a", "x", "6"), "x is '5', not \"6\": the source has changed, look again"),
    ],
)
def test_a_correction_that_no_longer_applies_stops_the_run(correction, message):
    key, column, expect = correction
    text = table(finess_et=["a"], x=["5"])
    with pytest.raises(UsageError) as caught:
        corrections.apply(text, (Correction("c", key, column, expect, "9", "r"),), "c", "finess_et")
    assert message in str(caught.value)


def test_corrections_of_other_sources_are_left_alone():
    text = table(finess_et=["a"])
    out, n = corrections.apply(text, (Correction("d", "z", "x", "1", "2", "r"),), "c", "finess_et")
    assert out is text
    assert n == 0


def test_a_row_is_named_by_its_number(tmp_path, card):
    entry = ENTRY.replace("key='010780054'", "row=12").replace("column='siret'", "column='finess_et'")
    (known,) = load(tmp_path, card, entry)
    text, numbers = table(finess_et=["1", "1"]), np.array([11, 12])
    out, n = corrections.apply(text, (known,), "c", "finess_et", numbers=numbers)
    assert (out["finess_et"].tolist(), n) == (["1", "2"], 1)
    with pytest.raises(UsageError, match="c row 12: no row has this number"):
        corrections.apply(text, (known,), "c", "finess_et", numbers=numbers + 5)
    for wrong in (ENTRY.replace("key='010780054'\n", ""), ENTRY + "row=3\n"):
        with pytest.raises(UsageError, match="by its key, or by its number"):
            load(tmp_path, card, wrong)
