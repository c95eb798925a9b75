from __future__ import annotations

import pandas as pd
import pytest

from qpvhealth.errors import InputError, UsageError
from qpvhealth.ingest.corrections import Correction
from qpvhealth.ingest.kinds import declarations

HEADER = "N° FINESS ET;Quartier vécu;Code QPV\n"


def read(card, rows, known=(), **options):
    return declarations.read(card("declarations", HEADER + "".join(f"{r}\n" for r in rows), **options), known)


def told(staged):
    columns = ["finess_et", "vecu_declared", "qpv_code"]
    return [[None if pd.isna(v) else v for v in row] for row in staged.frame[columns].to_numpy().tolist()]


def test_answers_are_yes_no_or_unknown(card, balanced):
    staged = read(card, ["750000018;Oui;QP075001", "750000026;non;", "750000034;;", "750000042;inconnu;"])
    balanced(staged, 4)
    assert told(staged) == [
        ["750000018", "yes", "QP075001"],
        ["750000026", "no", None],
        ["750000034", "unknown", None],
        ["750000042", "unknown", None],
    ]
    assert staged.frame["year"].tolist() == [2019] * 4
    assert staged.frame["generation"].tolist() == ["qpv-2015"] * 4


def test_several_qpv_in_one_cell_or_on_several_rows(card, balanced):
    staged = read(card, ["750000018;oui;QP075001, qp075002", "750000018;oui;QP075003", "750000018;oui;"])
    balanced(staged, 3)
    assert [row[2] for row in told(staged)] == ["QP075001", "QP075002", "QP075003"]


def test_only_a_yes_names_qpv_and_need_not(card):
    staged = read(card, ["750000018;non;à voir", "c:12;oui;QP075001", "750000026;oui;"])
    assert told(staged) == [["750000018", "no", None], ["c:12", "yes", "QP075001"], ["750000026", "yes", None]]


def test_yes_and_no_are_refused(card):
    with pytest.raises(InputError, match=r"yes and no for 750000018; correct one in corrections.toml"):
        read(card, ["750000018;oui;QP075001", "750000018;non;"])
    known = (Correction("c", "750000018", "vecu_declared", "non", "oui", "r"),)
    assert len(told(read(card, ["750000018;oui;QP075001", "750000018;non;"], known))) == 1


def test_rows_that_cannot_be_used(card, balanced):
    staged = read(card, ["10780054;oui;", "12;oui;", ";oui;", "750000018;oui;QP9", "750000026;oui;", "750000026;oui;"])
    assert balanced(staged, 6).duplicates == 1
    rules = ["finess-invalid", "identifier-missing", "qpv-code-invalid"]
    assert dict(zip(staged.rejects["row"], staged.rejects["rule"], strict=True)) == dict(
        zip((3, 4, 5), rules, strict=True)
    )
    assert staged.frame["finess_et"].tolist() == ["010780054", "750000026"]
    assert "finess-zeros-restored" in [f.rule for f in staged.findings]


@pytest.mark.parametrize(
    ("rows", "values", "message"),
    [
        (["750000018;peut-être;"], {}, 'vecu_declared has values that are not known: "peut-être"'),
        (["750000018;oui;QN07511M"], {}, 'write generation = "qpv-2024"'),
    ],
)
def test_what_stops_the_run(card, rows, values, message):
    with pytest.raises(UsageError, match=message):
        read(card, rows, values=values)


def test_the_card_may_give_the_words(card):
    assert told(read(card, ["750000018;À proximité;"], values={"vecu_declared": {"à proximité": "yes"}}))[0][1] == "yes"


def test_a_header_alone_gives_no_row(card, balanced):
    balanced(read(card, []), 0)
