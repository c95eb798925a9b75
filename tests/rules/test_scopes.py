import pandas as pd
import pytest

from qpvhealth.indicators.counts import area_codes
from qpvhealth.rules import scopes

KINDS = pd.DataFrame(
    {
        "structure_type": ["MSP", "CDS", "CDS", "CDS", "POLE"],
        "modality": ["pluri", "pluri", "mono", "unknown", "unknown"],
    }
)


@pytest.mark.parametrize(
    ("scope", "members"),
    [
        ("msp", "ynnnn"),
        ("cds", "nyyyn"),
        ("cds_pluri", "nyn?n"),
        ("cds_mono", "nny?n"),
        ("msp_cds", "yyyyn"),
        ("primary", "yyn?n"),
    ],
)
def test_who_counts_in_a_scope(scope, members):
    state = scopes.SCOPES[scope].members(KINDS)
    assert "".join("y" if y else "n" if n else "?" for y, n in zip(state.yes, state.no, strict=True)) == members


def test_a_type_beyond_msp_and_cds_is_its_own_scope():
    assert scopes.of_type("POLE").members(KINDS).yes.tolist() == [False, False, False, False, True]


def test_every_scope_has_words_of_its_own_in_both_languages():
    for language in ("words_fr", "words_en"):
        assert len({getattr(s, language) for s in scopes.SCOPES.values()}) == len(scopes.SCOPES)
    assert {s.name for s in scopes.HEADLINE} == {"msp", "cds", "msp_cds", "primary"}


def test_an_area_without_code_is_none_and_the_country_is_one():
    rows = pd.DataFrame({"region_code": ["53", None]})
    assert area_codes(rows, "region").tolist() == ["53", "none"]
    assert area_codes(rows, "country").tolist() == ["FR", "FR"]
