from __future__ import annotations

import pandas as pd
import pytest

from qpvhealth.errors import UsageError
from qpvhealth.ingest.kinds import geocoded

HEADER = "finess_et;adresse;longitude;latitude;result_score;result_type;result_status;result_citycode\n"


def read(card, *rows, header=HEADER):
    return geocoded.read(card("geocoded", header + "".join(f"{r}\n" for r in rows)))


def row(finess="750000018", lon="2.3", lat="48.8", score="0.95", kind="housenumber", status="ok", city="75101"):  # noqa: PLR0917
    return f"{finess};rue;{lon};{lat};{score};{kind};{status};{city}"


@pytest.mark.parametrize(
    ("changes", "status", "precision"),
    [
        *(({}, "located", "housenumber"), ({"kind": "street"}, "located", "street")),
        *(({"kind": k}, "centroid", k) for k in ("locality", "municipality")),
        *(({"kind": k}, "centroid", "unknown") for k in ("poi", "")),
        *((changes, "located", "housenumber") for changes in ({"kind": "Housenumber", "status": "OK"}, {"status": ""})),
        ({"score": ""}, "centroid", "housenumber"),
        *(({"status": status}, "missing", "housenumber") for status in ("not-found", "error")),
        *(({"lon": lon}, "missing", "housenumber") for lon in ("", "?")),
    ],
)
def test_what_an_answer_is_worth(card, changes, status, precision):
    frame = read(card, row(**changes)).frame
    assert frame[["location_status", "location_precision"]].to_numpy().tolist() == [[status, precision]]
    assert frame["x"].isna().tolist() == [status == "missing"]
    assert frame["crs"].isna().tolist() == [status == "missing"]
    assert frame["commune_found"].tolist() == ["75101"]


def test_rows_go_by_identifier_never_by_position(card):
    rows = [row("750000026", lon="3"), row("750000018", lon="4"), row("c:12", lon="5")]
    frame = read(card, *rows).frame
    assert dict(zip(frame["finess_et"], frame["x"], strict=True)) == {"750000026": 3, "750000018": 4, "c:12": 5}


def test_columns_go_by_name(card):
    header = "result_type;latitude;finess;result_score;longitude\n"
    frame = read(card, "street;48.8;750000018;0.5;2.3", header=header).frame
    assert frame[["x", "y", "location_score"]].to_numpy().tolist() == [[2.3, 48.8, 0.5]]
    assert pd.isna(frame["commune_found"][0])


def test_repeats_and_rows_without_identifier(card, balanced):
    rows = [row(), row(), row("750000026"), row("750000026", lon="9"), row(""), row("12"), row("10780054")]
    staged = read(card, *rows)
    assert balanced(staged, 7).duplicates == 1
    assert staged.frame["finess_et"].tolist() == ["750000018", "010780054"]
    assert staged.rejects["row"].tolist() == [4, 5, 6, 7]
    assert set(staged.rejects["rule"]) == {"geocoder-answer-unusable"}


def test_an_answer_without_score_column_is_refused(card):
    with pytest.raises(UsageError, match="geocoder-answer lacks result_score"):
        read(card, "750000018;2;48;street", header="finess;longitude;latitude;result_type\n")


def test_a_header_alone_gives_no_row(card, balanced):
    balanced(read(card), 0)
