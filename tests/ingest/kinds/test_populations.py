from __future__ import annotations

import pandas as pd
import pytest

from qpvhealth.errors import InputError, UsageError
from qpvhealth.ingest.corrections import Correction
from qpvhealth.ingest.kinds import populations


def read(card, content, known=(), **options):
    return populations.read(card("populations", content, **options), known)


@pytest.mark.parametrize(
    ("header", "name", "encoding"),
    [
        ("qp;population_municipale_2013", "f.csv", "utf-8"),
        ("CODGEO;POP_MUN", "f.csv", "utf-8-sig"),
        ("codeQPV,popMuniQPV", "f.csv", "cp1252"),
        ("CODE_QP\tpop", "f.tsv", "utf-16"),
        ("code_qp;population", "f.txt", "utf-8"),
    ],
)
def test_headers_encodings_and_separators(card, header, name, encoding):
    separator = next(s for s in ";,\t" if s in header)
    frame = read(card, f"{header}\nQP075001{separator}1234\n", name=name, encoding=encoding).frame
    columns = ["qpv_code", "generation", "population", "population_year"]
    assert frame[columns].to_numpy().tolist() == [["QP075001", "qpv-2015", 1234, 2013]]


@pytest.mark.parametrize(("cell", "people"), [("5\u202f019", 5019), ("1 234,0", 1234), ("0", 0), ("1e3", 1000)])
def test_numbers_of_people(card, cell, people):
    assert read(card, f"qp;pop\nQP075001;{cell}\n").frame["population"].tolist() == [people]


@pytest.mark.parametrize("cell", ["", "nd", "NS", "s", "_U", "N/A - résultat non disponible"])
def test_what_is_suppressed_or_empty_is_unknown_never_zero(card, cell, balanced):
    staged = read(card, f"qp;pop\nQP075001;{cell}\nQP075002;5\n")
    balanced(staged, 2)
    assert pd.isna(staged.frame["population"][0])
    assert staged.frame["population"].dtype == "Int64"
    assert "number-suppressed" in [f.rule for f in staged.findings]


TOO_BIG = ("1e400", "9" * 400, "1e19", "1000000000")


@pytest.mark.parametrize("cell", ["12,5", "10.5", "-3", "beaucoup", "?", "nan", "\u00bd", *TOO_BIG])
def test_what_is_no_number_of_people_is_rejected(card, cell, balanced):
    staged = read(card, f"qp;pop\nQP075001;{cell}\n")
    balanced(staged, 1)
    assert staged.rejects["rule"].tolist() == ["value-unreadable"]
    assert f'population "{cell}" (a whole number expected)' in staged.rejects["message"][0]


def test_rows_by_commune_count_once_and_a_total_is_left_out(card, balanced):
    content = "CODGEO;POP_MUN;LIB_COM\nEnsemble;30;\nQP075001;10;A\nQP075001;10;B\nQP075002;20;\n;5;\nQP7;1;\n"
    staged = read(card, content)
    tally = balanced(staged, 6)
    assert (tally.duplicates, tally.out_of_scope) == (1, {"total row": 1})
    assert staged.frame["population"].sum() == 30
    assert staged.rejects["rule"].tolist() == ["qpv-code-missing", "qpv-code-invalid"]


def test_two_populations_are_refused_and_a_correction_chooses(card):
    content = "qp;pop\nQP075001;10\nQP075001;11\n"
    with pytest.raises(InputError, match="two populations for QP075001"):
        read(card, content)
    assert len(read(card, content, (Correction("c", "QP075001", "population", "11", "10", "typo"),)).frame) == 1


def test_codes_of_another_generation_stop_the_run(card):
    with pytest.raises(UsageError, match='write generation = "qpv-2024"'):
        read(card, "qp;pop\nQN07511M;10\n")


def test_two_columns_of_people_are_refused(card):
    with pytest.raises(UsageError, match="two headers for population"):
        read(card, "qp;POP_MUN;population_municipale_2018\nQP075001;1;2\n")


def test_a_header_alone_gives_no_row(card, balanced):
    balanced(read(card, "qp;pop\n"), 0)


@pytest.mark.parametrize(
    ("cells", "people"),
    [
        (["12,000", "1,234", "95"], [12000, 1234, 95]),
        (["12.000", "1.234.567", "95"], [12000, 1234567, 95]),
        (["950,000", "1234,000"], [950, 1234]),
        (["95,0", "120,000"], [95, 120]),
    ],
)
def test_people_are_whole(card, cells, people):
    rows = "".join(f"QP00100{i};{cell}\n" for i, cell in enumerate(cells))
    staged = populations.read(card("populations", "code_qp;pop\n" + rows))
    assert staged.frame["population"].tolist() == people
