"""Cards and small files made by hand."""

from __future__ import annotations

import pytest

from qpvhealth.ingest.card import Card

REQUIRED = {
    "structures": {"year": 2019},
    "register": {"year": 2019},
    "neighbourhoods": {"generation": "qpv-2015"},
    "populations": {"generation": "qpv-2015", "population_year": 2013},
    "declarations": {"year": 2019, "generation": "qpv-2015"},
    "zoning": {"edition": "2019"},
    "programme": {"programme": "NPNRU", "generation": "qpv-2015"},
    "boundaries": {"level": "commune", "year": 2019},
    "geocoded": {"year": 2019},
    "commune_events": {},
}


@pytest.fixture
def card(tmp_path):
    """Make a card; ``content`` is written to its file first."""

    def make(kind, content=None, *, name="file.csv", id="c", columns=None, values=None, encoding="utf-8", **options):  # noqa: A002
        path = tmp_path / name
        if isinstance(content, str):
            path.write_bytes(content.encode(encoding))
        return Card(id, kind, path, name, REQUIRED[kind] | options, columns or {}, values or {})

    return make


@pytest.fixture
def balanced():
    """Hold the account of a staged source against its frame and rejects."""

    def check(staged, rows_in):
        tally = staged.tally
        assert tally.rows_in == rows_in
        assert tally.rows_out + sum(tally.out_of_scope.values()) + tally.rejected + tally.duplicates == rows_in
        assert tally.rejected == len(staged.rejects)
        assert list(staged.rejects.columns) == ["source_id", "sheet", "row", "rule", "message", "cell", "raw"]
        return tally

    return check
