from __future__ import annotations

import pytest

from qpvhealth.errors import UsageError
from qpvhealth.ingest.corrections import Correction
from qpvhealth.ingest.kinds import programmes


def read(card, content, known=(), **options):
    return programmes.read(card("programme", content, **options), known)


def test_a_list_of_qpv(card, balanced):
    staged = read(card, "code_qp;nom\nQP075001;A\nQP075002, QP075003;B\nQP075001;A\n;C\nQP75;D\nQP075004, X;E\n")
    assert balanced(staged, 6).duplicates == 1
    assert staged.frame["qpv_code"].tolist() == ["QP075001", "QP075002", "QP075003"]
    assert set(staged.frame["generation"]) == {"qpv-2015"}
    assert set(staged.frame["programme"]) == {"NPNRU"}
    assert staged.rejects["rule"].tolist() == ["qpv-code-missing", "qpv-code-invalid", "qpv-code-invalid"]


def test_a_list_of_structures(card, balanced):
    staged = read(card, "finess\n750000018\n10780054\n12\n\n;\n", programme="SEC", generation=None)
    balanced(staged, 4)
    assert staged.frame["finess_et"].tolist() == ["750000018", "010780054"]
    assert staged.frame["generation"].isna().all()
    assert staged.rejects["rule"].tolist() == ["finess-invalid", "identifier-missing"]


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("code_qp\nQP075001\n", {"generation": None}, "needs the generation of its codes"),
        ("code_qp\nQN07511M\n", {}, 'the codes are those of qpv-2024 or qpv-2026; write generation = "qpv-2024"'),
        ("code_qp;finess\nQP075001;750000018\n", {}, "fits the layouts programme-qpv, programme-structures"),
        ("nom\nA\n", {}, "fits no layout of programme"),
    ],
)
def test_what_stops_the_run(card, content, options, message):
    with pytest.raises(UsageError, match=message):
        read(card, content, **options)


def test_a_correction(card):
    known = (Correction("c", "QP75", "qpv_code", "QP75", "QP075001", "r"),)
    assert read(card, "code_qp\nQP75\n", known).frame["qpv_code"].tolist() == ["QP075001"]


@pytest.mark.parametrize("header", ["code_qp", "finess"])
def test_a_header_alone_gives_no_row(card, balanced, header):
    balanced(read(card, f"{header}\n"), 0)
