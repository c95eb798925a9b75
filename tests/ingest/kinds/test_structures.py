from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from qpvhealth.errors import InputError, UsageError
from qpvhealth.ingest import coordinates
from qpvhealth.ingest.corrections import Correction
from qpvhealth.ingest.kinds import structures

DAY = date(2019, 3, 31)
HEADER = "nofinesset;categetab;rs;code_insee;coordxet;coordyet;dateouv\n"
ROW = "750000018;124;Centre;75101;652000.5;6862000;2010-05-01\n"
TITLES = ("N°", "Id", "Type", "Mode", "En QPV")
MAPPED = dict(zip(("finess_et", "own_id", "structure_type", "modality", "source_says_in_qpv"), TITLES, strict=True))


def placed(column):
    """Map the columns of an extract with points, and one more column."""
    return dict(zip(("finess_et", column, "structure_type", "longitude", "latitude"), TITLES, strict=True))


def legacy(*lines, points=()):
    """Write a legacy extract: ``lines`` are (finess, category, extra fields by position), ``points`` whole lines."""
    return "finess;etalab;98;2019-03-31\n" + "".join(f"{line}\n" for line in (*lines, *points))


def line(finess="750000018", category="124", department="75", commune="101", width=32, **fields):
    cells = [""] * width
    own = {"f0": "structureet", "f1": finess, "f3": "X", "f12": commune, "f13": department, "f18": category}
    for position, value in (own | fields).items():
        cells[int(position[1:])] = value
    return ";".join(cells)


def point(finess="750000018", x="652000.5", y="6862000", source="1,ATLASANTE,96,BAN,EPSG:2154 RGF93 / Lambert-93"):
    return f"geolocalisation;{finess};{x};{y};{source};2019-01-01"


def read(card, content, **options):
    known = options.pop("known", ())
    return structures.read(card("structures", content, reference_date=DAY, **options), known)


def one(card, content, **options):
    (row,) = read(card, content, **options).frame.to_dict("records")
    return row


# The legacy extract


def test_lines_made_as_wide_as_the_widest_by_a_spreadsheet_are_read(card, balanced):
    padded = legacy(line() + ";;", points=[point("750000018") + ";" * 26])
    staged = read(card, padded)
    balanced(staged, 1)
    assert staged.frame["location_status"].tolist() == ["located"]
    assert read(card, legacy(line(), points=[point("750000018")])).frame["x"].tolist() == staged.frame["x"].tolist()


def test_a_legacy_extract_that_lost_its_first_line_is_named(card):
    with pytest.raises(
        InputError, match=r"row 1: not a legacy FINESS extract: .* write that line as the source has it"
    ):
        read(card, "\n".join([line(), point("750000018")]) + "\n")


@pytest.mark.parametrize("width", [31, 32])
def test_both_widths_of_the_legacy_extract_are_read(card, width):
    written = line(width=width, f9="RUE X", f7="12", f10="B", f15="75001 PARIS", f28="2010-05-01")
    row = one(card, legacy(written, points=[point()]))
    expected = {"finess_et": "750000018", "structure_type": "CDS", "modality": "unknown", "category": "124"}
    expected |= {"commune_code": "75101", "department_code": "75", "postcode": "75001", "city": "PARIS"}
    expected |= {
        "x": 652000.5,
        "y": 6862000.0,
        "crs": "EPSG:2154",
        "location_score": 0.96,
        "location_status": "located",
    }
    expected |= {"address": "12 B RUE X", "opened_on": pd.Timestamp("2010-05-01"), "source_row": 2}
    assert expected.items() <= row.items()


def test_another_width_is_rejected_and_a_file_of_them_refused(card, balanced):
    staged = read(card, legacy(line(), line(width=30), "other;1"))
    tally = balanced(staged, 3)
    assert tally.rejected == 2
    assert staged.rejects["rule"].unique().tolist() == ["row-broken"]
    assert staged.rejects["message"][0].startswith("field-count: 30 fields: structureet has 31 or 32")
    assert staged.rejects["row"].tolist() == [3, 4]
    assert staged.rejects["raw"][1] == "other;1"
    with pytest.raises(InputError, match="no structureet line of 31 or 32 fields"):
        read(card, legacy(line(width=30)))


def test_the_first_line_must_be_that_of_the_format(card):
    with pytest.raises(InputError, match="not a legacy FINESS extract"):
        read(card, line(), layout="finess-legacy")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_encodings_of_the_legacy_extract(card, encoding):
    row = one(card, legacy(line(f3="Santé à l\u2019Hôpital")), encoding=encoding)
    assert row["name"] == "Santé à l\u2019Hôpital"


@pytest.mark.parametrize(
    ("cells", "place"),
    [
        ("652000;5;6862000;25", (652000.5, 6862000.25)),
        ("652000;5;6862000", (652000.5, 6862000)),
        ("652000;6862000;5", (652000, 6862000.5)),
        ("652000.5;6862000.5", (652000.5, 6862000.5)),
    ],
)
@pytest.mark.parametrize("end", [";2019-01-01", ";", ";2019-01-01;;;;", ""])
def test_a_point_that_a_spreadsheet_cut_at_its_commas_is_put_together(card, balanced, cells, place, end):
    cut = f"geolocalisation;750000018;{cells};1;ATLASANTE;96;BAN;EPSG:2154 RGF93 / Lambert-93{end}"
    staged = read(card, legacy(line(), points=[cut]))
    balanced(staged, 1)
    (row,) = staged.frame.to_dict("records")
    assert (row["x"], row["y"], row["crs"], row["location_score"]) == (*place, "EPSG:2154", 0.96)
    assert any("1 geolocalisation lines cut at their commas" in f.message for f in staged.findings)


@pytest.mark.parametrize("cells", ["652000;6862000", "652000;5;6862000;25", "652000.5;6862000.5"])
@pytest.mark.parametrize("end", [";2019-01-01", ""])
def test_a_source_of_seven_parts_cut_at_its_commas_is_put_together(card, balanced, cells, end):
    source = "1,ATLASANTE,100,IGN,BD_ADRESSE,V2.2,LAMBERT_93"
    x, y = (cells.split(";")[k] for k in (0, -1 if cells.count(";") < 3 else 2))
    whole = read(card, legacy(line(), points=[f"geolocalisation;750000018;{x};{y};{source};2019-01-01"])).frame
    staged = read(card, legacy(line(), points=[f"geolocalisation;750000018;{cells};{source.replace(',', ';')}{end}"]))
    balanced(staged, 1)
    assert staged.frame["crs"].tolist() == whole["crs"].tolist() == ["EPSG:2154"]
    assert staged.frame["location_score"].tolist() == whole["location_score"].tolist()
    assert (staged.frame["x"] - whole["x"].astype(float)).abs().max() < 1


def test_a_point_cut_in_another_way_is_rejected(card, balanced):
    cut = "geolocalisation;750000018;652000;5;x;6862000;1;ATLASANTE;96;BAN;EPSG:2154;2019-01-01"
    staged = read(card, legacy(line(), points=[cut]))
    assert balanced(staged, 2).rejected == 1


def test_an_orphan_point_is_rejected_at_its_line(card, balanced):
    staged = read(card, legacy(line(), points=[point(), point("999999999"), point()]))
    balanced(staged, 2)
    assert staged.rejects[["row", "rule"]].to_numpy().tolist() == [[4, "geolocation-orphan"]]
    section = staged.sections["geolocalisation"]
    assert (section.rows_in, section.rows_out, section.duplicates) == (2, 1, 1)


def test_two_points_stop_the_run_only_for_what_counts(card):
    lines = (line(), line("750000026", "620"))
    with pytest.raises(InputError, match="two different points for 750000018"):
        read(card, legacy(*lines, points=[point(), point(x="1")]))
    staged = read(card, legacy(*lines, points=[point("750000026"), point("750000026", x="1")]))
    assert sum(staged.sections["geolocalisation"].out_of_scope.values()) == 1


@pytest.mark.parametrize(
    ("source", "status", "crs", "precision", "score"),
    [
        ("1,ATLASANTE,96,BAN,EPSG:2154 RGF93 / Lambert-93 (Métropole)", "located", "EPSG:2154", "unknown", 0.96),
        ("2,ATLASANTE,79.5,BDADRESSE,EPSG:2975", "located", "EPSG:2975", "unknown", 0.795),
        ("1,ATLASANTE,100,IGN,BD_ADRESSE,V2.1,LAMBERT_93", "located", "EPSG:2154", "unknown", 1.0),
        ("1,ATLASANTE,96,MAPS,UTM_S38", "located", "EPSG:4471", "unknown", 0.96),
        ("1,ATLASANTE,96,BAN,WGS84/UTM zone 21N", "located", "EPSG:32621", "unknown", 0.96),
        ("1,ATLASANTE,96,BAN,", "located", "EPSG:2154", "unknown", 0.96),
        ("1,ATLASANTE,96,BAN,LAMBERT_2_ETENDU", "missing", None, "unknown", 0.96),
        ("6,ATLASANTE,.,ADMIN-EXPRESS-2023,EPSG:2154", "centroid", "EPSG:2154", "municipality", None),
        ("6,ATLASANTE,90,ADMIN-EXPRESS-2023,EPSG:2154", "centroid", "EPSG:2154", "municipality", 0.9),
        ("1,ATLASANTE,.,BAN,EPSG:2154", "centroid", "EPSG:2154", "unknown", None),
        ("1,ATLASANTE,,BAN,EPSG:2154", "centroid", "EPSG:2154", "unknown", None),
        ("", "located", "EPSG:2154", "unknown", None),
    ],
)
def test_the_source_of_a_point_says_its_system_and_quality(card, source, status, crs, precision, score):  # noqa: PLR0917
    row = one(card, legacy(line(), points=[point(source=source)]))
    assert (row["location_status"], row["location_precision"]) == (status, precision)
    assert row["crs"] == crs if crs else pd.isna(row["crs"])
    assert row["location_score"] == score if score else pd.isna(row["location_score"])
    assert pd.isna(row["x"]) == (status == "missing")


@pytest.mark.parametrize(
    ("department", "commune", "code", "insee"),
    [
        *(("9A", "105", "97105", "971"), ("9B", "209", "97209", "972"), ("9C", "302", "97302", "973")),
        *(("9D", "411", "97411", "974"), ("9E", "502", "97502", "975"), ("9F", "611", "97611", "976")),
        *(("2A", "004", "2A004", "2A"), ("01", "004", "01004", "01"), ("9A", "127", "97801", "978")),
        ("9J", "613", "98613", "986"),
    ],
)
def test_overseas_codes_of_finess_become_insee_codes(card, department, commune, code, insee):
    row = one(card, legacy(line(department=department, commune=commune)))
    assert [None if pd.isna(row[c]) else row[c] for c in ("commune_code", "department_code")] == [code, insee]


def test_an_overseas_point_without_system_is_not_taken_for_lambert(card):
    found = read(card, legacy(line(department="9D", commune="411"), points=[point(source="")]))
    assert found.frame["location_status"].tolist() == ["missing"]
    assert "crs-unknown" in [f.rule for f in found.findings]
    assert found.frame["x"].isna().all()


# Categories


@pytest.mark.parametrize(
    ("category", "kind"),
    [("603", "MSP"), ("124", "CDS"), ("125", None), ("130", None), ("620", None), ("347", None), ("604", None)],
)
def test_the_category_decides_the_type(card, balanced, category, kind):
    staged = read(card, legacy(line(category=category)))
    balanced(staged, 1)
    assert staged.frame["structure_type"].tolist() == ([kind] if kind else [])


@pytest.mark.parametrize("category", ["125", "130", "289", "439"])
def test_old_categories_count_until_they_were_closed(card, category):
    def found(day):
        return structures.read(card("structures", legacy(line(category=category)), reference_date=day)).frame

    assert found(date(2013, 12, 19))["structure_type"].tolist() == ["CDS"]
    assert found(date(2013, 12, 20)).empty


def test_out_of_scope_is_counted_by_category_and_reasoned(card):
    staged = read(card, legacy(line(), line("1", "347"), line("2", "620"), line("3", "620")))
    assert staged.tally.out_of_scope == {"excluded category 347": 1, "category 620": 2}


@pytest.mark.parametrize(
    ("category", "rule"), [("", "value-missing"), ("12", "value-unreadable"), ("CdS", "value-unreadable")]
)
def test_a_category_that_cannot_be_read_is_rejected(card, category, rule):
    assert read(card, legacy(line(category=category))).rejects["rule"].tolist() == [rule]


# Layouts: named columns

TABS = "\tcategetab\traison_sociale\tCode INSEE\tcoordxet\tcoordyet\t"


@pytest.mark.parametrize(
    ("header", "name", "encoding"),
    [
        ("NOFINESSET;CATEGETAB;RS;CODE_INSEE;COORDXET;COORDYET;DATEOUV", "a.csv", "utf-8"),
        ("nofinesset,categetab,rs,code_insee,coordxet,coordyet,dateouv", "a.csv", "cp1252"),
        (f"numero_finess_etablissement{TABS}date_ouverture", "a.tsv", "utf-16"),
        ("N° FINESS ET;Code catégorie;Raison sociale;Insee;Coord X;Coord Y;Date d'ouverture", "a.txt", "utf-8-sig"),
        ("numero_fin;categetab;raison_soc;code_insee;coordxet;coordyet;date_ouver", "a.csv", "cp1252"),
    ],
)
def test_other_headers_encodings_and_separators(card, header, name, encoding):
    separator = next(s for s in ";,\t" if s in header)
    titles = header.replace("Date d'ouverture", "date ouverture")
    cells = ["750000018", "124", "Santé", "75101", "652000.5", "6862000", "2010-05-01"]
    row = one(card, f"{titles}\n{separator.join(cells)}\n", name=name, encoding=encoding)
    assert (row["finess_et"], row["name"], row["commune_code"]) == ("750000018", "Santé", "75101")
    assert (row["x"], row["y"], row["crs"]) == (652000.5, 6862000.0, "EPSG:2154")
    assert row["opened_on"] == pd.Timestamp("2010-05-01")


def test_columns_come_in_any_order(card):
    given = HEADER + ROW
    turned = "\n".join(";".join(row.split(";")[::-1]) for row in given.splitlines())
    assert_frame_equal(read(card, given).frame, read(card, turned).frame)


def test_parquet_gives_the_same_rows(card, tmp_path):
    frame = pd.DataFrame([ROW.strip().split(";")], columns=HEADER.strip().split(";"))
    frame = frame.astype({"coordxet": float, "coordyet": float}).assign(dateouv=pd.Timestamp("2010-05-01"))
    frame.to_parquet(tmp_path / "file.parquet")
    theirs, ours = read(card, None, name="file.parquet").frame, read(card, HEADER + ROW).frame
    assert_frame_equal(theirs.drop(columns="source_row"), ours.drop(columns="source_row"))


def test_points_of_a_geometry_file_are_taken(card):
    content = (
        '{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"nofinesset":"750000018","categetab":"124"},'
        '"geometry":{"type":"Point","coordinates":[2.35,48.85]}},{"type":"Feature","properties":{"nofinesset":"750000026",'
        '"categetab":"124"},"geometry":null}]}'
    )
    frame = read(card, content, name="a.geojson").frame
    assert (frame["x"][0], frame["crs"][0]) == (2.35, "EPSG:4326")
    assert frame["location_status"].tolist() == ["located", "missing"]


def test_longitude_and_latitude_serve_where_no_system_is_known(card):
    content = "nofinesset;categetab;code_insee;coordxet;coordyet;longitude;latitude\n974000018;124;97411;323086.6;7679599.8;55.3;-20.9\n"
    row = one(card, content)
    assert (row["x"], row["y"], row["crs"], row["location_status"]) == (55.3, -20.9, "EPSG:4326", "located")
    row = one(card, content, crs="EPSG:2975")
    assert (row["x"], row["y"], row["crs"]) == (323086.6, 7679599.8, "EPSG:2975")
    with pytest.raises(UsageError, match="no coordinate system"):
        read(card, HEADER + ROW, crs="EPSG:1")


def test_both_coordinates_in_a_cell_are_latitude_then_longitude(card):
    """As the portals of Opendatasoft export them; columns of the row's own decide, and what is no pair is reported."""
    content = (
        "nofinesset;categetab;code_insee;longitude;latitude;geo_point_2d\n750000018;124;75101;;;48.85, 2.35\n"
        "750000026;124;75101;2.3;48.8;48.85, 2.35\n750000034;124;75101;;;Paris\n750000042;124;75101;;;\n"
    )
    staged = read(card, content)
    assert staged.frame["x"].iloc[:2].tolist() == [2.35, 2.3]
    assert staged.frame["y"].iloc[:2].tolist() == [48.85, 48.8]
    assert staged.frame["crs"].iloc[0] == "EPSG:4326"
    assert staged.frame["location_status"].tolist() == ["located", "located", "missing", "missing"]
    (finding,) = [f for f in staged.findings if f.rule == "number-unreadable"]
    assert "Paris" in finding.message


def test_lost_zeros_come_back_and_are_told(card):
    found = read(card, HEADER + "10780054;124;X;1004;;;\n")
    assert found.frame[["finess_et", "commune_code"]].to_numpy().tolist() == [["010780054", "01004"]]
    told = {f.rule: f.message for f in found.findings}
    assert told["finess-zeros-restored"] == 'file.csv: eight digits read as nine: "10780054" (row 2)'
    assert "commune-zeros-restored" in told


def test_codes_kept_as_numbers_with_decimals_are_the_codes(card, balanced):
    header = "nofinesset;categetab;code_insee;cp;departement;siret;coordxet;coordyet"
    rows = ("10000018.0;124.0;1004.0;1500.0;1.0;26010004500012.0;870262.2;6571540.8", "310000009;603,0;31555;;31;;;")
    staged = read(card, "\n".join([header, *rows, "310000017;355.0;;;;;;"]) + "\n")
    assert balanced(staged, 3).out_of_scope == {"category 355": 1}
    first, second = staged.frame.to_dict("records")
    assert (first["finess_et"], first["structure_type"], first["category"]) == ("010000018", "CDS", "124")
    assert (first["commune_code"], first["postcode"], first["siret"]) == ("01004", "01500", "26010004500012")
    assert (second["finess_et"], second["structure_type"]) == ("310000009", "MSP")
    own = mapped(card, ["75.0;7.0;Maison;;"], columns=MAPPED, values={"structure_type": {"Maison": "MSP"}})
    assert own.frame["finess_et"].tolist() == ["c:7"]


@pytest.mark.parametrize(
    ("cells", "rule", "message"),
    [
        ("75000001;124;X;;;;", None, None),
        ("7500000;124;X;;;;", "finess-invalid", 'FINESS number "7500000" (nine characters expected)'),
        (";124;X;;;;", "identifier-missing", "no FINESS number and no identifier of the extract"),
        ("750000018;124;X;;", "row-broken", "too-few-cells: 5 cells, 7 expected"),
    ],
)
def test_rejects_carry_row_rule_message_and_raw_text(card, balanced, cells, rule, message):
    staged = read(card, f"{HEADER}{ROW}\n{cells}\n")
    balanced(staged, 2)
    expected = [["c", 4, rule, message, cells.rstrip("\n")]] if rule else []
    assert staged.rejects.drop(columns=["sheet", "cell"]).to_numpy().tolist() == expected
    assert staged.rejects["cell"].dropna().tolist() == (["7500000"] if rule == "finess-invalid" else [])


def test_values_that_cannot_be_read_are_null_and_told(card):
    row = ROW.replace("2010-05-01", "mai 2010").replace("652000.5", "nd").replace("75101", "Paris")
    found = read(card, HEADER + row)
    rules = {f.rule for f in found.findings}
    assert {"date-unreadable", "number-suppressed", "commune-invalid", "commune-missing"} <= rules
    assert found.frame[["opened_on", "x", "commune_code"]].isna().all(axis=None)
    assert found.frame["location_status"].tolist() == ["missing"]


# Duplicates and conflicts


def test_identical_repeats_count_once(card, balanced):
    staged = read(card, HEADER + ROW + ROW.replace(";Centre;", "; Centre ;"))
    assert balanced(staged, 2).duplicates == 1
    assert "duplicates" in [f.rule for f in staged.findings]


def test_conflicting_repeats_stop_the_run_where_they_count(card):
    with pytest.raises(InputError, match="750000018 stands on rows 2, 3 with different name"):
        read(card, HEADER + ROW + ROW.replace("Centre", "Autre"))
    other = ROW.replace(";124;", ";620;")
    assert read(card, HEADER + other + other.replace("Centre", "Autre")).frame.empty


def test_repeats_across_cards(card):
    first = read(card, HEADER + ROW, id="a", name="a.csv")
    same = read(card, HEADER + ROW, id="b", name="b.csv")
    other = read(card, HEADER + ROW.replace("Centre", "Autre"), id="d", name="d.csv")
    frame, duplicates = structures.combine([first.frame, same.frame])
    assert (len(frame), duplicates) == (1, {"b": 1})
    with pytest.raises(InputError, match="750000018: a row 2 and d row 2 differ in name"):
        structures.combine([first.frame, other.frame])


def test_a_correction_mends_a_conflict(card):
    known = (Correction("c", "750000018", "name", "Autre", "Centre", "typo"),)
    found = read(card, HEADER + ROW + ROW.replace("Centre", "Autre"), known=known)
    assert len(found.frame) == 1
    assert "correction-applied" in [f.rule for f in found.findings]


# The mapped extract


def mapped(card, rows, header="N°;Id;Type;Mode;En QPV", columns=MAPPED, **options):
    return read(card, "\n".join([header, *rows]) + "\n", columns=columns, **options)


def test_columns_named_for_our_type_make_a_mapped_extract(card):
    frame = mapped(card, ["750000018;1;MSP;;Oui", ";2;Centre de santé;Mono;non", "750000026;3;CDS;pluri;"]).frame
    assert frame["finess_et"].tolist() == ["750000018", "c:2", "750000026"]
    assert frame["structure_type"].tolist() == ["MSP", "CDS", "CDS"]
    assert frame["modality"].tolist() == ["pluri", "mono", "pluri"]
    assert frame["source_says_in_qpv"].tolist() == ["yes", "no", "unknown"]
    assert frame["vecu_declared"].tolist() == ["unknown"] * 3
    found = mapped(card, ["12;7;MSP;;"])  # a bad number gives way to the extract's own identifier
    assert found.frame["finess_et"].tolist() == ["c:7"]
    assert "finess-replaced" in [f.rule for f in found.findings]


def test_words_of_the_card(card):
    values = {"structure_type": {"Maison": "MSP", "Pôle": "out_of_scope"}, "source_says_in_qpv": {"Dans": "yes"}}
    found = mapped(card, ["750000018;1;maison;;DANS", "750000026;2;Pôle;;Oui"], values=values)
    assert found.frame["source_says_in_qpv"].tolist() == ["yes"]
    assert found.tally.out_of_scope == {"type Pôle": 1}


@pytest.mark.parametrize(
    ("row", "values", "message"),
    [
        ("750000018;1;Pôle;;", {}, 'structure_type has values that are not known: "Pôle"'),
        ("750000018;1;MSP;;", {"structure_type": {"CDS": "CDS"}}, 'not known: "MSP"'),
        ("750000018;1;MSP;x;", {}, 'modality has values that are not known: "x"'),
        ("750000018;1;MSP;;peut-être", {}, "Write each in the card under [source.values.source_says_in_qpv]"),
        ("750000018;1;M;;", {"structure_type": {"M": "maison"}}, "[source.values.structure_type] maps to maison"),
    ],
)
def test_unknown_words_stop_the_run(card, row, values, message):
    with pytest.raises(UsageError) as caught:
        mapped(card, [row], values=values)
    assert message in str(caught.value)


def test_a_mapped_extract_needs_an_identifier_and_a_system(card):
    with pytest.raises(UsageError, match="no identifier; name finess_et or own_id"):
        mapped(card, ["a;b;MSP;;"], columns={"structure_type": "Type"})
    columns = {"finess_et": "N°", "structure_type": "Type", "x": "Mode", "y": "En QPV"}
    with pytest.raises(UsageError, match="x and y in which system"):
        mapped(card, ["750000018;1;MSP;2;3"], columns=columns)
    with pytest.raises(UsageError, match='no header "Nature"; there are: N°, Id'):
        mapped(card, ["750000018;1;MSP;;"], columns=MAPPED | {"structure_type": "Nature"})


def test_type_and_category_may_disagree_the_type_is_kept(card):
    columns = {"finess_et": "N°", "category": "Id", "structure_type": "Type"}
    rows = ["750000018;124;MSP;;", "750000026;603;;;", "750000034;620;;;", "750000042;;;;"]
    found = mapped(card, rows, columns=columns)
    assert found.frame["structure_type"].tolist() == ["MSP", "MSP"]
    assert {"type-conflict"} <= {f.rule for f in found.findings}
    assert found.tally.out_of_scope == {"category 620": 1}
    assert found.rejects["rule"].tolist() == ["value-missing"]


@pytest.mark.parametrize(
    ("scores", "expected", "statuses"),
    [
        (("96", "50"), [0.96, 0.5], ["located", "located"]),
        (("0.96", ""), [0.96, None], ["located", "centroid"]),
        (("", ""), [None, None], ["located", "located"]),
    ],
)
def test_scores_of_a_column(card, scores, expected, statuses):
    rows = [f"75000001{n};{s};CDS;2.3;48.8" for n, s in enumerate(scores)]
    frame = mapped(card, rows, columns=placed("location_score")).frame
    assert [None if pd.isna(s) else s for s in frame["location_score"]] == expected
    assert frame["location_status"].tolist() == statuses


@pytest.mark.parametrize(
    ("precision", "status"), [("street", "located"), ("locality", "centroid"), ("municipality", "centroid")]
)
def test_precision_of_a_column(card, precision, status):
    frame = mapped(card, [f"750000018;{precision};CDS;2.3;48.8"], columns=placed("location_precision")).frame
    assert frame[["location_precision", "location_status"]].to_numpy().tolist() == [[precision, status]]


# Registers


T_FINESS = (
    "source,finess,etat,type,rs,ej_finess,categ_code,com_code,date_ouverture,geoloc_4326_long,geoloc_4326_lat,"
    "geoloc_legal_projection\n"
)


def test_a_column_that_calls_some_open_and_some_closed_is_one_of_state(card):
    rows = "750000018;124;ACTUEL\n750000026;603;PROVISOIRE\n750000034;603;ANCIEN\n"
    with pytest.raises(UsageError, match='column "statut" says which structures are open or closed'):
        read(card, "nofinesset;categetab;statut\n" + rows)
    many = "".join(f"76000{n:04};124;x{n}\n" for n in range(50))
    assert len(read(card, "nofinesset;categetab;observation\n" + rows + many).frame) == 53


def t_finess(finess, state="ACTUEL", entity="ET", category="603"):
    return (
        f"Finess,{finess},{state},{entity},MSP,010780054,{category},01451,2015-01-01,5.20918,46.22229,L93_METROPOLE\n"
    )


def test_rows_of_t_finess_that_are_past_or_legal_entities_are_out_of_scope(card, balanced):
    content = T_FINESS + t_finess("010000024") + t_finess("010000032", state="FERME") + t_finess("010000040", "PURGE")
    content += t_finess("010780054", entity="EJ", category="") + t_finess("010000057", category="620")
    staged = read(card, content)
    assert balanced(staged, 5).out_of_scope == {
        "state FERME": 1,
        "state PURGE": 1,
        "legal entity": 1,
        "category 620": 1,
    }
    (row,) = staged.frame.to_dict("records")
    assert (row["finess_et"], row["structure_type"], row["commune_code"]) == ("010000024", "MSP", "01451")
    assert (row["x"], row["y"], row["crs"], row["location_status"]) == (5.20918, 46.22229, "EPSG:4326", "located")
    assert staged.left_out["finess_et"].tolist() == ["010000057"]  # a closed one has not changed its type


@pytest.mark.parametrize(
    ("cell", "precision", "status"),
    [
        ("Numéro", "housenumber", "located"),
        ("RUE", "street", "located"),
        ("lieu-dit", "locality", "centroid"),
        ("Centroïde de la commune", "municipality", "centroid"),
        ("", "unknown", "located"),
    ],
)
def test_the_precision_that_t_finess_gives_decides_what_a_point_can(card, cell, precision, status):
    content = T_FINESS.replace("\n", ",geoloc_precision\n") + t_finess("010000024").replace("\n", f",{cell}\n")
    (row,) = read(card, content).frame.to_dict("records")
    assert (row["location_precision"], row["location_status"]) == (precision, status)


def test_a_precision_that_nobody_maps_is_asked_for(card):
    content = T_FINESS.replace("\n", ",geoloc_precision\n") + t_finess("010000024").replace("\n", ",7\n")
    with pytest.raises(
        UsageError, match=r'not known: "7"\. Write each in the card under \[source\.values\.location_precision'
    ):
        read(card, content)


STATE = "nofinesset;categetab;etat;date_fermeture\n"


def test_what_a_column_of_state_says_is_closed_is_out_of_scope(card, balanced):
    rows = "750000018;124;Ouvert;\n750000026;603;FERMÉ;\n750000034;603;fermée;2031-01-01\n750000042;603;;\n"
    staged = read(card, STATE + rows)
    assert balanced(staged, 4).out_of_scope == {"state FERMÉ": 1}
    assert staged.frame["finess_et"].tolist() == [
        "750000018",
        "750000034",
        "750000042",
    ]  # the day decides where it is there
    with pytest.raises(UsageError, match=r'state has values that are not known: "Suspendu".*source.values.state'):
        read(card, STATE + "750000018;124;Suspendu;\n")
    words = {"state": {"Suspendu": "closed"}}
    assert read(card, STATE + "750000018;124;Suspendu;\n", values=words).frame.empty


@pytest.mark.parametrize(
    ("header", "cells", "stops"),
    [
        *(("Etat", ["a", "b"], True), ("État de la structure", ["Ouverte", "Fermée"], True)),
        *(("Situation", ["ACTIF", "inactif"], True), ("Situation", ["Ouvert", "Ouvert"], False)),
        *(("Ouvert", ["oui", "non"], True), ("En activité", ["O", "N"], True), ("Fermé", ["lundi", "mardi"], False)),
        *(
            ("Statut", ["Associatif", "Municipal"], False),
            ("Statut", ["", ""], False),
            ("Suite", ["fermé", "x"], False),
            ("Suite", ["actuel", "ancien"], True),
            ("Code état ET", ["O", "F"], True),
            ("État du bâtiment", ["bon", "moyen"], False),
        ),
    ],
)
def test_a_column_of_state_that_is_not_mapped_stops_the_run(card, header, cells, stops):
    rows = [f"75000001{n};;CDS;;;{cell}" for n, cell in enumerate(cells)]
    titles = f"N°;Id;Type;Mode;En QPV;{header}"
    if not stops:
        assert len(mapped(card, rows, header=titles).frame) == 2
        return
    with pytest.raises(
        UsageError, match=rf'column "{header}" says which structures are open or closed.*source.values.state'
    ):
        mapped(card, rows, header=titles)
    columns = MAPPED | {"state": header}
    words = dict(zip(cells, ("open", "closed"), strict=True))
    staged = mapped(card, rows, header=titles, columns=columns, values={"state": words})
    assert staged.frame["finess_et"].tolist() == ["750000010"]


@pytest.mark.parametrize(
    ("source", "crs", "expected"),
    [
        ("1,ATLASANTE,96,BAN,L93_METROPOLE", None, "EPSG:2154"),
        ("1,ATLASANTE,96,BAN,RGF_INCONNU", None, None),
        ("1,ATLASANTE,96,BAN,RGF_INCONNU", "EPSG:2154", "EPSG:2154"),
        ("1,ATLASANTE,96,BAN,", "EPSG:2154", "EPSG:2154"),
        ("1,ATLASANTE,96,BAN,UTM_N20", "EPSG:2154", "EPSG:4559"),
    ],
)
def test_the_crs_of_the_card_decides_where_that_of_a_row_is_unknown(card, source, crs, expected):
    row = one(card, legacy(line(), points=[point(source=source)]), **({"crs": crs} if crs else {}))
    assert row["crs"] == expected if expected else pd.isna(row["crs"])


def test_a_register_completes_whatever_its_category_and_nothing_else(card, balanced):
    content = HEADER + ROW + ROW.replace("750000018;124", "750000026;620") + ROW.replace("750000018", "750000034")
    wanted = frozenset(["750000018", "750000026"])
    found = structures.read(card("register", content), wanted=wanted)
    balanced(found, 3)
    assert found.frame["finess_et"].tolist() == ["750000018", "750000026"]
    assert found.tally.out_of_scope == {"not in the extract of its year": 1}
    assert found.frame["structure_type"].isna().tolist() == [False, True]


def test_a_file_with_a_header_only_gives_no_row(card, balanced):
    staged = read(card, HEADER)
    balanced(staged, 0)
    assert staged.frame.empty


def test_the_step_of_a_point_is_that_of_its_last_digit():
    east, north = (pd.Series(cells, dtype="str") for cells in (["2.123456"] * 30, ["48.123456"] * 30))
    department = pd.Series(["75"] * 30, dtype="str")
    lost, coarse = east.copy(), east.copy()
    lost[0], coarse[0] = "2.12345", "2.12"
    for axis, first in ((lost, 1e-6), (coarse, 1e-2)):
        cells = north.mask(north.index == 0, "48.1")
        steps = coordinates._steps(axis, cells, department, several=coordinates.SEVERAL_DIGITS)
        assert steps.round(9).tolist() == [first, *[1e-6] * 29]
    metres = coordinates._steps(
        pd.Series(["650100", "651000"]), pd.Series(["6860000", "6861200"]), department[:2], several=np.inf
    )
    assert metres.tolist() == [100.0, 100.0]


@pytest.mark.parametrize(("n", "expected"), [(5, 1000.0), (4, 0.1)])
def test_a_department_that_is_rounded_has_lost_no_zeros(n, expected):
    at = np.arange(200)
    cells = pd.Series(np.where(at < n, "651000", "651234.5"), dtype="str")
    department = pd.Series(np.where(at < 8, "29", "35"), dtype="str")
    steps = coordinates._steps(cells, cells, department, several=np.inf)
    assert steps.round(9).tolist() == [expected] * n + [0.1] * (200 - n)


def test_both_pairs_of_coordinates_are_offered():
    frame = pd.DataFrame({"finess_et": ["1", "2"], "source_id": "c", "x": 1.0, "y": 2.0, "crs": "EPSG:2154"})
    frame = frame.assign(location_status="located", location_precision="unknown", location_score=np.nan)
    offered = structures.points(frame.assign(longitude_beside=[5.0, np.nan], latitude_beside=[45.0, np.nan]))
    assert offered[["finess_et", "x", "y", "crs"]].to_numpy().tolist() == [
        ["1", 1.0, 2.0, "EPSG:2154"],
        ["2", 1.0, 2.0, "EPSG:2154"],
        ["1", 5.0, 45.0, "EPSG:4326"],
    ]
