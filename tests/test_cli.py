"""The command line through files, streams and exit codes."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
import zipfile
from typing import TYPE_CHECKING

import pytest

from qpvhealth.publish.release import open_release
from tests.commands import COMMAND, run, run_alone

if TYPE_CHECKING:
    from pathlib import Path

CARDS = """
[[source]]
id = "s"
kind = "structures"
path = "s.csv"
layout = "dgos-mapped"
year = 2020
reference_date = 2020-04-01
[[source]]
id = "q"
kind = "neighbourhoods"
path = "q.geojson"
generation = "qpv-2015"
"""
SQUARE = [[[2.30, 48.90], [2.31, 48.90], [2.31, 48.91], [2.30, 48.91], [2.30, 48.90]]]


def answer(*arguments, code=0, cwd=None):
    """Run a command that ends with this code; return what it printed."""
    done = run(*arguments, cwd=cwd)
    assert done.returncode == code, done.stderr
    return done.stdout


def document(*arguments, **options):
    return json.loads(answer(*arguments, "--json", **options))


def tiny(folder: Path, *, rows="0X0000001,MSP,93901,2.305,48.905\n", cards=CARDS) -> Path:
    """Write a raw folder of one square QPV and a few structures."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sources.toml").write_text(cards, encoding="utf-8")
    (folder / "s.csv").write_text("finess_et,structure_type,commune_code,longitude,latitude\n" + rows, encoding="utf-8")
    feature = {"type": "Feature", "properties": {"code_qp": "QP093901", "nom_qp": "Carré"}}
    feature["geometry"] = {"type": "Polygon", "coordinates": SQUARE}
    document = {"type": "FeatureCollection", "features": [feature]}
    (folder / "q.geojson").write_text(json.dumps(document), encoding="utf-8")
    return folder


def test_help_and_version_answer_without_loading_a_frame_library():
    for option in ("--help", "--version"):
        loaded = "import sys; print([m for m in ('pandas', 'geopandas', 'pyarrow', 'shapely', 'rich', 'qpvhealth.facts') if m in sys.modules])"
        code = f"import qpvhealth.cli as c\ntry: c.main(['{option}'])\nexcept SystemExit: pass\n{loaded}"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "[]"


def test_a_build_says_what_it_made_and_that_the_data_are_invented(released):
    shown = answer("counts", "--out", released)
    assert "DONNÉES INVENTÉES" in shown
    lines = {line.split()[0]: line for line in shown.splitlines() if re.match(r"\s+20\d\d ", line)}
    assert lines["2019"].split("en vigueur")[1].split(maxsplit=12)[:4] == ["59", "(59", "à", "70)"]
    assert re.findall(r"(\d+)(?: \(|  )", lines["2019"])[2:8] == ["59", "68", "1251", "221", "342", "2188"]


def test_an_unchanged_build_says_so(released, sample_folder):
    assert "Nothing has changed" in answer("build", "--raw", sample_folder, "--out", released)
    assert len(list((released / "releases").iterdir())) == 1


def test_a_dry_run_writes_nothing(sample_folder, tmp_path):
    plan = document("build", "--raw", sample_folder, "--out", tmp_path / "out", "--dry-run")
    assert plan["up_to_date"] is False
    assert {i["kind"] for i in plan["inputs"]} >= {"structures", "neighbourhoods", "zoning"}
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["uncovered", "fragile", "disagreements", "others", "rejects"])
def test_every_list_says_that_it_is_invented(released, name):
    assert "invent" in answer("list", name, "--out", released, "--format", "csv").casefold()
    assert document("list", name, "--out", released)["schema_version"] == 1


def test_a_list_goes_into_a_workbook(released, tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    answer("list", "uncovered", "--out", released, "--year", 2020, "--to", tmp_path / "liste.xlsx")
    book = openpyxl.load_workbook(tmp_path / "liste.xlsx")
    rows = list(book[book.sheetnames[0]].iter_rows(values_only=True))
    header = next(i for i, r in enumerate(rows) if "Code QPV" in r)
    assert len([r for r in rows[header + 1 :] if r[0]]) == 1291


def test_counts_by_region_add_up_to_the_country(released):
    tables = {
        level: document("counts", "--out", released, "--level", level) for level in ("country", "region", "department")
    }
    totals = {level: sum(r["all_in_qpv"] for r in t["rows"] if r["year"] == 2020) for level, t in tables.items()}
    assert totals == {"country": 313, "region": 313, "department": 313}


def test_check_and_verify_hold_and_find_a_flipped_bit(released, tmp_path):
    for command in ("check", "verify"):
        answer(command, "--out", released)
    copy = tmp_path / "copy"
    shutil.copytree(released, copy, symlinks=True)
    target = next((copy / "releases").glob("*/indicators.parquet"))
    data = bytearray(target.read_bytes())
    data[len(data) // 2] ^= 1
    target.write_bytes(data)
    for command in ("verify", "check"):
        assert "indicators" in " ".join(document(command, "--out", copy, code=5)["problems"])


def test_sources_are_listed_and_verified(sample_folder):
    cards = document("sources", "list", "--raw", sample_folder)["sources"]
    hashes = document("sources", "verify", "--raw", sample_folder)["sources"]
    assert [c["id"] for c in cards] == [h["id"] for h in hashes]
    assert all(h["stated"] for h in hashes)


def test_inspect_tells_the_layout_and_what_would_be_rejected(sample_folder):
    fit = document("inspect", sample_folder / "structures" / "2018-cs1100507.csv")["sheets"][0]["fits"][0]
    assert fit["layout"] == "finess-legacy"
    assert fit["account"]["rejected"] == len(fit["rejected"]) == 3


def test_the_data_dictionary_is_printed():
    assert "## `structures`" in run("schema").stdout
    assert "yearly_counts" in json.loads(run("schema", "--format", "json").stdout)["tables"]


def test_doctor_shows_versions_and_settings(tmp_path):
    (tmp_path / "qpvhealth.toml").write_text("vecu_distance_m = 500\n", encoding="utf-8")
    report = document("doctor", cwd=tmp_path)
    assert report["settings"]["vecu_distance_m"] == 500
    assert "shapely" in report["versions"]


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({"cards": CARDS.replace("year = 2020\n", "")}, 2, "year is missing"),
        ({"cards": CARDS.replace('"dgos-mapped"', '"excel"')}, 2, "unknown layout"),
        ({"cards": CARDS + "surprise = 1\n"}, 2, "unknown key"),
        ({"cards": CARDS + "sha256 = '00'\n"}, 3, "its bytes are not those of the card"),
        ({"cards": CARDS.replace("s.csv", "nothing.csv")}, 3, "nothing.csv"),
        ({"cards": CARDS.replace('"s.csv"', '"https://example.org/s.csv"')}, 3, "address"),
        ({"rows": "0X0000001,MPS,93901,2.305,48.905\n"}, 2, "source.values.structure_type"),
        ({"rows": "0X0000001,MSP,93901,2.3,48.9\n0X0000001,CDS,93901,2.3,48.9\n"}, 3, "structure_type"),
        ({"cards": CARDS.replace("[[source]]", "[[source]]\ninvented = true", 1)}, 2, "never mix"),
    ],
)
def test_bad_input_has_its_exit_code_and_publishes_nothing(tmp_path, change, code, said):
    raw = tiny(tmp_path / "raw", **change)
    done = run("build", "--raw", raw, "--out", tmp_path / "out")
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "out").glob("releases/*"))


@pytest.mark.no_cover
def test_a_tiny_folder_builds_and_strict_finds_rejects(tmp_path):
    raw = tiny(tmp_path / "raw", rows="0X0000001,MSP,93901,2.305,48.905\nbad,CDS,93901,2.305,48.905\n")
    assert document("build", "--raw", raw, "--out", tmp_path / "out")["tables"]["rejects"] == 1
    out = tmp_path / "strict"
    refused = json.loads(answer("build", "--raw", raw, "--out", out, "--strict", "--json", code=1))
    assert (refused["release"], any("finess-invalid: card s: row 3" in line for line in refused["refused"])) == (
        None,
        True,
    )
    assert not list(out.glob("releases/*"))


def test_a_build_that_stops_says_the_account_of_what_it_read(tmp_path):
    raw = tiny(tmp_path / "raw", rows="bad,MSP,93901,2.305,48.905\nbad,CDS,93901,2.305,48.905\n")
    stopped = run("-q", "build", "--raw", raw, "--out", tmp_path / "out")
    assert stopped.returncode == 3
    accounts = {line.split()[0]: line.split()[1:] for line in stopped.stderr.splitlines() if line.strip()}
    assert accounts["card"][:4] == ["in", "used", "scope", "rejected"]
    assert accounts["s"] == ["2", "0", "0", "2", "0", "0"]
    assert accounts["q"][:2] == ["1", "1"]
    built = run("build", "--raw", tiny(tmp_path / "right"), "--out", tmp_path / "out")
    cards = [line.split()[0] for line in built.stderr.splitlines() if line.strip()]
    assert {"q", "s"} <= {*cards}
    assert "none of its 2 rows can be used" in stopped.stderr


def test_what_is_mended_and_signed_passes_strict(tmp_path):
    covered = CARDS.replace('kind = "structures"\n', 'kind = "structures"\ncovers = { departments = ["93", "94"] }\n')
    raw = tiny(tmp_path / "raw", cards=covered, rows="0X0000001,MSP,93901,2.305,48.905\nbad,CDS,93901,2.305,48.905\n")
    row = '[[correction]]\nsource = "s"\nrow = 3\ncolumn = "finess_et"\nexpect = "bad"\nvalue = "0X0000002"\nreason = "FINESS"\n'
    (raw / "corrections.toml").write_text(row, encoding="utf-8")
    words = ("build", "--raw", raw, "--out", tmp_path / "out", "--strict", "--json")
    refused = json.loads(answer(*words, code=1))["refused"]
    assert ["delivery-area-empty" in line and 'area "department:94", value "0"' in line for line in refused] == [True]
    sha256 = hashlib.sha256((raw / "s.csv").read_bytes()).hexdigest()
    signed = f'sha256 = "{sha256}"\naccept = [{{ rule = "delivery-area-empty", area = "department:94", value = "0",'
    signed += ' by = "A. Martin", on = 2020-05-04, reason = "none there" }]\n'
    (raw / "sources.toml").write_text(covered.replace("covers =", signed + "covers ="), encoding="utf-8")
    release = json.loads(answer(*words))["release"]
    manifest = tmp_path / "out" / "releases" / release / "manifest.json"
    warnings = json.loads(manifest.read_text(encoding="utf-8"))["warnings"]
    assert [w["signed"]["by"] for w in warnings if w["rule"] == "delivery-area-empty"] == ["A. Martin"]
    (raw / "sources.toml").write_text(
        covered.replace("covers =", signed.replace("94", "92") + "covers ="), encoding="utf-8"
    )
    assert "meet no finding" in run(*words).stderr


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("counts --year 1999", 2, 'no year "1999" in this release'),
        ("counts --format xlsx", 2, "name a file with --to"),
        ("counts --release ffff", 2, "releases here"),
        ("counts --generation qpv-1999", 2, "no generation"),
        ("simulate", 2, "name either --add FILE or --best N"),
        ("priorities --weight size", 2, "--weight takes criterion=number"),
        ("practitioners --within commune:99999", 2, "99999"),
        ("sec --within nowhere", 2, "nowhere"),
        *((f"{question} --within epci:1", 2, 'no epci "1"') for question in ("priorities", "sec", "projects")),
        ("diff 2018 2017", 2, "no vintage 2017"),
        ("diff 2018 2019 --year 2019", 2, "--year is for two releases"),
        ("diff 2018 2019 --exit-code", 1, ""),
        ("diff current current --exit-code", 0, ""),
        ("list rejects --year 2019", 2, "list them without a filter"),
        ("list uncovered --type MSP", 2, "QPV have no type"),
        ("list fragile --type MPS", 2, "near: msp"),
        ("list fragile --department 2C", 2, 'no department "2C" in this release; near: 2'),
        ("counts --region Bretagn", 2, 'no region "Bretagn" in this release; near: 53 (Bretagne)'),
        ("counts --level country --region 53", 2, "level country has no part in a region"),
        ("coverage --region 53 --department 75", 2, "department 75 is not in region 53"),
        ("counts --year 2024 --department 978", 2, "nothing is counted at level department in department 978"),
        ("priorities --within region:99", 2, 'no region "99"'),
        ("diff 2018 2019 --situation in_qvp", 2, "near: in_qpv"),
        ("diff 2018 2019 --cause oppened", 2, "near: opened"),
        ("diff 2018 2019 --area 53", 2, 'area "53" could be a region or a department'),
        ("diff 2018 2019 --area Bretagne", 2, "near: region:53 (Bretagne)"),
        ("diff 2018 2019 --level region", 2, "which region? Name its code with --area"),
        ("diff 2018 2019 --level region --area 00", 2, 'no region "00"'),
    ],
)
def test_a_question_has_its_exit_code(released, words, code, message):
    done = run(*words.split(), "--out", released)
    assert done.returncode == code
    assert message in done.stderr


@pytest.mark.parametrize(
    ("short", "whole"),
    [
        ("counts --region 53", "counts --region 53 --level region"),
        ("counts --department 35 --year 2019", "counts --department 35 --year 2019 --level department"),
        ("coverage --region 53", "coverage --region 53 --level region"),
    ],
)
def test_a_filter_shows_its_own_level(released, short, whole):
    rows = document(*short.split(), "--out", released)["rows"]
    assert rows == document(*whole.split(), "--out", released)["rows"]
    assert {row["area_code"] for row in rows} == {short.split()[2]}


@pytest.mark.parametrize("level", ["department", "epci", "commune", "qpv"])
def test_parts_of_a_region_add_up_to_it(released, level):
    whole, parts = (
        document(*f"counts --year 2020 --region 53{more}".split(), "--out", released)["rows"]
        for more in ("", f" --level {level}")
    )
    counted = "all_in_qpv" if level == "qpv" else "all"
    total = sum(row[counted] for row in parts)
    assert total == whole[0][counted] or (level == "epci" and total > whole[0][counted])  # some lie in two regions
    assert 0 < total < document("counts", "--year", 2020, "--out", released)["rows"][0][counted]


def test_what_has_no_region_is_an_area(released):
    rows = document("counts", "--region", "none", "--level", "department", "--year", 2020, "--out", released)["rows"]
    assert {"978", "987"} <= {row["area_code"] for row in rows}
    listed = document("list", "uncovered", "--region", "none", "--year", 2020, "--out", released)["rows"]
    assert {row["department_code"] for row in listed} <= {"978", "987", "977", "975"}
    assert listed


def test_diff_names_an_area_by_its_code_alone(released):
    alone = document("diff", 2018, 2019, "--area", "martinique", "--out", released)
    assert alone == document("diff", 2018, 2019, "--level", "territory", "--area", "martinique", "--out", released)


def test_settings_that_make_no_sense_exit_2(tmp_path, sample_folder):
    (tmp_path / "s.toml").write_text("vecu_rule = 'maybe'\nring = 3\n", encoding="utf-8")
    done = run("build", "--raw", sample_folder, "--settings", tmp_path / "s.toml")
    assert (done.returncode, 'unknown setting "ring"' in done.stderr) == (2, True)


def test_a_second_build_at_once_is_refused(released, sample_folder):
    from qpvhealth.publish.store import Store

    with Store(released).lock():
        done = run("build", "--raw", sample_folder, "--out", released, "--force")
    assert done.returncode == 4
    assert "another build" in done.stderr


def test_a_bug_keeps_its_traceback_and_exits_70(tmp_path):
    code = (
        "import qpvhealth.cli as c, qpvhealth.ingest.cards as k\n"
        "def broken(_): raise ZeroDivisionError('a bug')\n"
        "k.load = broken\n"
        f"c.main(['sources', 'list', '--raw', {str(tmp_path)!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 70
    assert "ZeroDivisionError" in done.stderr


def test_talk_goes_to_stderr_as_json_when_asked(tmp_path):
    raw = tiny(tmp_path / "raw")
    done = run("--log-format", "json", "--log-file", tmp_path / "log", "build", "--raw", raw, "--out", tmp_path / "out")
    assert all(json.loads(line)["level"] for line in done.stderr.splitlines())
    assert (tmp_path / "log").read_text(encoding="utf-8")
    assert run("-q", "build", "--raw", raw, "--out", tmp_path / "out2").stderr == ""


@pytest.mark.skipif(sys.platform != "linux", reason="a pseudo-terminal")
def test_steps_and_rows_are_shown_on_a_terminal():
    code = """
        from qpvhealth.cli.output import logger, row_bar, step_line
        logger().setLevel("INFO")
        with step_line() as name_step:
            name_step("counting")
        with row_bar() as show_rows:
            show_rows(10, 20)
    """
    screen, terminal = os.openpty()
    environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], stderr=terminal, env=environment, check=True)
    os.close(terminal)
    shown = os.read(screen, 10_000)
    assert b"counting" in shown
    assert b"50%" in shown
    os.close(screen)


def test_releases_are_listed_rolled_back_and_pruned(tmp_path):
    raw, out = tiny(tmp_path / "raw"), tmp_path / "out"
    ids = []
    for row in ("0X0000001,MSP,93901,2.305,48.905\n", "0X0000002,CDS,93901,2.305,48.905\n"):
        tiny(raw, rows=row)
        ids.append(document("build", "--raw", raw, "--out", out)["release"])
    rows = document("releases", "list", "--out", out)["releases"]
    assert {r["release"]: r["current"] for r in rows} == {ids[0]: False, ids[1]: True}
    answer("releases", "rollback", ids[0][:8], "--out", out)
    assert (out / "current").resolve().name == ids[0]
    assert "would remove" not in run("releases", "prune", "--keep", 2, "--out", out).stdout
    prune = ("releases", "prune", "--keep", 1, "--yes", "--out", out)
    assert answer(*prune) == ""
    assert (out / "current").resolve().name == ids[0]
    answer("releases", "rollback", ids[1], "--out", out)
    assert answer(*prune) == f"removed {ids[0]}\n"
    answer("verify", "--out", out)


def test_points_are_located_in_their_order(tmp_path):
    raw = tiny(tmp_path / "raw")
    (tmp_path / "points.csv").write_text(
        "id,lon,lat\na,2.305,48.905\nb,2.3,48.9\nc,2.2995,48.905\nd,,\ne,2.2,48.9\n", encoding="utf-8"
    )
    arguments = ["locate", tmp_path / "points.csv", "--neighbourhoods", raw / "q.geojson", "--distance", 300]
    summary = document(*arguments, "--out", tmp_path / "out.csv", "--with-distance", "--no-cache")
    assert summary["counts"] == {"n_rows": 5, "n_without_point": 1, "n_inside": 2, "n_near": 1}
    lines = list(csv.reader((tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()))
    assert [row[0] for row in lines] == ["id", "a", "b", "c", "d", "e"]
    assert [row[3] for row in lines[1:]] == ["QP093901", "QP093901", "", "", ""]
    assert [row[4] for row in lines[1:]] == ["", "", "QP093901", "", ""]
    answer("locate", tmp_path / "missing.csv", *arguments[2:], "--out", tmp_path / "o.csv", code=3)


def test_diff_tells_what_moved_and_nothing_is_left_over(released, tmp_path):
    moves = document("diff", 2018, 2019, "--out", released, "--csv", tmp_path / "moves.csv")
    net = {kind: sum(c["n"] for c in moves["causes"] if c["structure_type"] == kind) for kind in ("MSP", "CDS", "all")}
    assert net == {"MSP": 17, "CDS": 12, "all": 29}
    assert (moves["from"], moves["to"]) == ("2018-03-31", "2019-03-31")
    assert sum(row["effect_in_qpv"] for row in moves["structures"]) == 29
    assert moves["invented"] is True
    rows = list(csv.DictReader((tmp_path / "moves.csv").read_text(encoding="utf-8-sig").splitlines(), delimiter=";"))
    assert [r["Code de la cause"] for r in rows] == [s["cause"] for s in moves["structures"]]
    assert {r["données inventées"] for r in rows} == {"oui"}
    assert not [title for title in rows[0] if "_" in title]


def test_diff_says_gross_beside_net_between_two_dates(released):
    shown = run("diff", 2018, 2019, "--out", released).stdout
    assert "de fin mars 2018 à fin mars 2019" in shown
    assert "solde net de +29 (+28 à +29), 251 (251 à 278) → 280 (280 à 306)" in shown
    assert "créée" not in shown


COUNTED = ("msp_in_qpv", "msp_near", "cds", "all_in_qpv", "all_near", "all_in_or_near", "share_in_qpv", "net_in_qpv")


@pytest.mark.parametrize("level", ["country", "region"])
def test_counts_have_the_bounds_of_the_indicators_beside_every_figure(released, level):
    release = open_release(released)
    rows = release.table("indicators")
    rows = rows[(rows["generation"] == "in_force") & (rows["level"] == level)]
    cells = rows.set_index(["year", "area_code", "indicator", "scope"])[["lower", "upper"]]
    counted = document("counts", "--level", level, "--out", released)["rows"]
    assert {f"{c}_{side}" for c in COUNTED for side in ("lower", "upper")} <= set(counted[0])
    for row in counted:
        for column, key in (("msp_in_qpv", ("n_in_qpv", "msp")), ("all_in_or_near", ("n_in_or_near", "msp_cds"))):
            lower, upper = cells.loc[(row["year"], row.get("area_code", "FR"), *key)]
            assert (row[f"{column}_lower"], row[f"{column}_upper"]) == (lower, upper)
            assert row[column] is None or lower <= row[column] <= upper
    of_qpv = document("counts", "--level", "qpv", "--year", 2019, "--department", "93", "--out", released)
    assert {row["all_in_qpv_upper"] for row in of_qpv["rows"]} == {None}
    assert any("un compte en QPV y est un minimum" in note for note in of_qpv["notes"])


def test_matrix_and_programmes_read_a_figure_with_its_bounds(released):
    shown = answer("matrix", "--measure", "n_in_qpv", "--year", 2019, "--out", released, "--format", "md")
    assert "| 59 (59 à 70) |" in shown
    shown = answer("programmes", "--out", released, "--format", "md")
    assert "| 280 (280 à 306) |" in shown
    assert re.search(r"11,6.% \(11,6.% à 21,9.%\)", shown)
    row = next(r for r in document("programmes", "--out", released)["rows"] if r["value"] == 280)
    assert (row["lower"], row["upper"], round(row["share_of_way_upper"], 3)) == (280, 306, 0.219)


def test_a_count_that_nobody_answered_for_is_unknown(released):
    words = ("list", "counted", "--situation", "vecu_declared", "--year", 2018, "--out", released)
    assert "publié inconnu (au plus 2863) ; lignes : 0" in answer(*words)
    commune = next(r for r in document("counts", "--level", "commune", "--year", 2018, "--out", released)["rows"])
    assert "publié inconnu ; lignes : 0" in answer(*words, "--within", f"commune:{commune['area_code']}")
    of_2019 = answer("list", "counted", "--situation", "vecu_declared", "--year", 2019, "--out", released)
    assert "publié 410 (410 à 495) ; lignes : 410" in of_2019
    uncovered = answer("list", "counted", "--year", 2024, "--department", "987", "--out", released)
    assert "publié inconnu ; lignes : 0" in uncovered
    english = answer("list", "counted", "--year", 2019, "--indicator", "net_in_qpv", "--lang", "en", "--out", released)
    assert "net change inside QPV: entries less exits" in english
    assert "published 29 (28 to 29); rows: 53" in english


def test_counts_carry_the_change_and_its_causes(released):
    rows = {r["year"]: r for r in document("counts", "--out", released)["rows"]}
    assert rows[2019]["net_in_qpv"] == 29
    assert "ouverture" in rows[2019]["causes"]
    assert rows[2018]["net_in_qpv"] is None


@pytest.mark.parametrize(
    "words",
    [
        "programmes",
        "matrix --year 2020",
        "priorities --limit 5 --within region:53",
        "projects --show effect",
        "simulate --best 2 --within region:53",
        "sec --within department:93",
        "declarations --year 2019",
    ],
)
def test_questions_are_answered_as_one_document(released, words):
    pytest.importorskip("scipy")
    shown = answer(*words.split(), "--out", released, "--json")
    assert json.loads(shown)["schema_version"] == 1
    assert "invent" in shown.casefold()


def test_published_and_expected_figures_are_compared_with_the_release(released, tmp_path):
    assert answer("check", "--published", "--out", released, "--json", code=1).count('"reproduit"') >= 40
    path = tmp_path / "expected.toml"
    answer("check", "--write-expect", path, "--out", released)
    answer("check", "--expect", path, "--out", released)
    wrong = re.sub(r"^value = \d+$", "value = 999999", path.read_text("utf-8"), count=1, flags=re.MULTILINE)
    path.write_text(wrong, encoding="utf-8")
    answer("check", "--expect", path, "--out", released, code=1)


PUBLISHED = """
[[figure]]
document = "Bilan 2020"
on = 2020-04-01
unit = "structures"
measure = "n_in_qpv"
scope = "msp"
rows = [
  { id = "bilan", words = "MSP en QPV", said = "1", value = 1 },
  { id = "presse", words = "MSP en QPV", said = "3", value = 3, second_hand = true },
]
"""


def test_published_figures_of_the_raw_folder_go_with_the_release(tmp_path):
    raw, out = tiny(tmp_path / "raw"), tmp_path / "out"
    (raw / "published.toml").write_text(PUBLISHED, encoding="utf-8")
    answer("build", "--raw", raw, "--out", out)
    tables = document("check", "--published", "--out", out, code=1)["tables"]
    verdicts = {row["id"]: (row["verdict"], row["difference"]) for row in tables["published"]["rows"]}
    assert (verdicts["bilan"], verdicts["presse"]) == (("reproduit", 0), ("diffère", -2))
    assert '"n_in_qpv"' in run("matrix", "--said", "bilan", "--out", out, "--json").stdout
    (first,) = (out / "releases").iterdir()
    (raw / "published.toml").write_text(PUBLISHED.replace('"3"', '"4"'), encoding="utf-8")
    assert "Nothing has changed" not in run("build", "--raw", raw, "--out", out).stdout
    assert "published.toml" in run("diff", first.name, "current", "--out", out).stdout
    answer("check", "--out", out)


@pytest.mark.parametrize(("right", "wrong"), [("measure =", "measures ="), ('"msp"', '"m"'), ("bilan", "001-zip")])
def test_a_wrong_published_figure_stops_a_build_with_its_place(tmp_path, right, wrong):
    raw = tiny(tmp_path / "raw")
    (raw / "published.toml").write_text(PUBLISHED.replace(right, wrong), encoding="utf-8")
    for more in ((), ("--dry-run",)):
        done = run("build", "--raw", raw, "--out", tmp_path / "out", *more)
        assert done.returncode == 2
        assert 'published.toml: figure no. 1 ("' in done.stderr
    assert not (tmp_path / "out" / "releases").exists()


def test_returns_go_out_and_come_back(released, tmp_path):
    folder = tmp_path / "retours"
    options = ("--deadline", "2019-05-31", "--year", 2019, "--out", released)
    answer("returns", "template", folder, *options)
    books = sorted(folder.glob("*.xlsx"))
    assert len(books) > 15
    assert set(document("returns", "read", *books[:3], *options)["tables"]) == {"returns", "returns-problems"}


def test_sources_without_address_are_told_when_fetched(tmp_path):
    raw = tiny(tmp_path / "raw")
    assert [s["outcome"] for s in document("sources", "fetch", "--raw", raw)["sources"]] == ["no url", "no url"]
    (raw / "sources.toml").write_text(CARDS + 'url = "http://127.0.0.1:9/q.geojson"\n', encoding="utf-8")
    assert run("sources", "fetch", "--raw", raw).returncode in (2, 3)


@pytest.mark.parametrize(
    ("code", "ring", "rule"),
    [
        ("QP093902", [[2.32, 48.90], [2.33, 48.91], [2.32, 48.90]], "polygon-collapsed"),
        ("QP974001", SQUARE[0], "polygon-misplaced"),
    ],
)
@pytest.mark.no_cover
def test_strict_publishes_no_polygon_without_area_or_out_of_place(tmp_path, code, ring, rule):
    raw, out = tiny(tmp_path / "raw"), tmp_path / "out"
    document = json.loads((raw / "q.geojson").read_text(encoding="utf-8"))
    doubtful = {"type": "Polygon", "coordinates": [ring]}
    document["features"].append(
        {"type": "Feature", "properties": {"code_qp": code, "nom_qp": "Douteux"}, "geometry": doubtful}
    )
    (raw / "q.geojson").write_text(json.dumps(document), encoding="utf-8")
    refused = run("build", "--strict", "--raw", raw, "--out", out)
    assert (refused.returncode, rule in refused.stderr, code in refused.stderr) == (1, True, True), refused.stderr
    assert not list(out.glob("releases/*"))
    allowed = run("build", "--raw", raw, "--out", out)
    assert (allowed.returncode, rule in allowed.stderr) == (0, True)
    again = run("build", "--strict", "--raw", raw, "--out", out)
    assert again.returncode == 1
    assert len(list(out.glob("releases/*"))) == 1


NO_UTF8 = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.no_cover
def test_names_with_accents_are_read_and_written_in_any_locale(tmp_path):
    raw, out = tiny(tmp_path / "données"), tmp_path / "sortie é"
    done = run_alone("build", "--raw", raw, "--out", out, **NO_UTF8)
    assert done.returncode == 0, done.stderr
    assert run("counts", "--out", out).stdout.isascii() is False
    assert run_alone("counts", "--out", out, **NO_UTF8).stdout


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere such names cannot be made")
def test_names_that_are_not_in_utf8_are_refused_clearly(tmp_path):
    raw, odd = tiny(tmp_path / "raw"), os.fsdecode(b"\xe9")
    shutil.copytree(raw, tmp_path / odd)
    for words, code in ((["--raw", raw, "--out", tmp_path / odd / "out"], 4), (["--raw", tmp_path / odd], 3)):
        done = run("build", *words, cwd=tmp_path)
        assert (done.returncode, "not in UTF-8" in done.stderr) == (code, True), done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="a device of Linux")
def test_an_answer_that_cannot_be_written_is_no_bug(tmp_path):
    raw = tiny(tmp_path / "raw")
    words = [*COMMAND, "sources", "list", "--raw", raw]
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123 -- Path is imported for types only
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 4
    assert done.stderr.startswith("Error: the answer cannot be written: No space left")


def test_python_m_qpvhealth_is_the_program():
    ran = subprocess.run([sys.executable, "-m", "qpvhealth", "--version"], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == ["qpvhealth 0.1.0"]


@pytest.fixture
def capitals(tmp_path):
    """A raw folder whose QPV, two squares side by side, are a shapefile with a name in capitals."""
    import geopandas
    import shapely

    raw = tiny(tmp_path / "raw", cards=CARDS.replace("q.geojson", "Q.SHP"))
    squares = [shapely.box(2.30, 48.90, 2.31, 48.91), shapely.box(2.32, 48.90, 2.33, 48.91)]
    codes = {"code_qp": ["QP093901", "QP093902"]}
    geopandas.GeoDataFrame(codes, geometry=squares, crs=4326).to_file(raw / "q.shp", encoding="utf-8")
    for suffix in (".shp", ".dbf", ".shx", ".prj", ".cpg"):
        (raw / f"q{suffix}").rename(raw / f"Q{suffix.upper()}")
    return raw


def test_codes_exchanged_in_a_table_with_a_name_in_capitals_are_seen(tmp_path, capitals):
    build = ("build", "--raw", capitals, "--out", tmp_path / "out")
    answer(*build)
    assert document(*build, "--dry-run")["up_to_date"]
    table = (capitals / "Q.DBF").read_bytes()
    (capitals / "Q.DBF").write_bytes(
        table.replace(b"QP093901", b"x").replace(b"QP093902", b"QP093901").replace(b"x", b"QP093902")
    )
    assert not document(*build, "--dry-run")["up_to_date"]

    verify, sha256 = ("sources", "verify", "--raw", capitals), hashlib.sha256(table).hexdigest()
    (found,) = [s for s in document(*verify)["sources"] if s["id"] == "q"]
    assert list(found["sidecars"]) == [".dbf", ".shx", ".prj", ".cpg"]
    assert found["sidecars"][".dbf"] != sha256
    with (capitals / "sources.toml").open("a", encoding="utf-8") as cards:
        cards.write(f"sidecars = {{ '.dbf' = '{sha256}' }}\n")
    for command in (verify, build):
        done = run(*command)
        assert (done.returncode, "the .dbf of Q.SHP: its bytes are not those" in done.stderr) == (3, True)
    (capitals / "Q.DBF").write_bytes(table)
    assert [line[66:] for line in run(*verify).stdout.splitlines()] == [
        *("q  (no sha256 in its card)", "q .dbf", "q .shx  (not in the sidecars of its card)"),
        *("q .prj  (not in the sidecars of its card)", "q .cpg  (not in the sidecars of its card)"),
        "s  (no sha256 in its card)",
    ]


def test_two_tables_whose_names_differ_in_case_are_refused_by_every_command(tmp_path, capitals):
    shutil.copy(capitals / "Q.DBF", capitals / "q.dbf")
    (tmp_path / "p.csv").write_text("lon,lat\n2.305,48.905\n", encoding="utf-8")
    place = ("--neighbourhoods", capitals / "Q.SHP", "--distance", "300", "--out", tmp_path / "o.csv")
    for command in (
        ("build", "--raw", capitals, "--out", tmp_path / "out"),
        ("sources", "verify", "--raw", capitals),
        ("inspect", capitals / "Q.SHP"),
        ("locate", tmp_path / "p.csv", *place),
    ):
        done = run(*command)
        assert (done.returncode, "Q.DBF and q.dbf could both be its .dbf" in done.stderr) == (3, True), done.stderr


def test_no_cache_is_accepted_and_does_nothing(tmp_path):
    raw = tiny(tmp_path / "raw")
    first = run("build", "--raw", raw, "--out", tmp_path / "one", "--json")
    second = run("build", "--raw", raw, "--out", tmp_path / "two", "--json", "--no-cache")
    assert json.loads(first.stdout)["release"] == json.loads(second.stdout)["release"]
    lines = [line for line in second.stderr.splitlines() if "--no-cache" in line]
    assert lines == ["--no-cache does nothing: a build has no cache."]
    assert "--no-cache" not in first.stderr


TABLES = [
    ("counts",),
    ("counts", "--level", "region", "--year", 2019, "--generation", "qpv-2015"),
    ("counts", "--level", "qpv", "--year", 2019),
    ("coverage", "--year", 2020),
    ("coverage", "--level", "department", "--department", "93"),
    ("matrix", "--year", 2020),
    ("programmes",),
    ("projects", "--show", "funding"),
    ("declarations", "--year", 2019),
    ("check", "--published"),
    ("practitioners", "--within", "commune:69901"),
    ("priorities", "--limit", 3),
    ("sec", "--within", "department:93"),
    ("history",),
    ("history", "--region", "53"),
    ("perimeters", "--department", "93", "--year", 2020),
    ("audit", "--year", 2020),
    *(("list", name) for name in ("uncovered", "fragile", "disagreements")),
]


@pytest.mark.parametrize("words", TABLES, ids=lambda words: " ".join(map(str, words)))
@pytest.mark.no_cover
def test_every_table_says_how_to_list_its_rows(released, words):
    shown = run(*words, "--out", released).stdout
    feet = re.findall(r"^(?:Lignes|Détail d'un cas) : qpvhealth (.*)$", shown, re.MULTILINE)
    assert feet, shown[-400:]
    for foot in feet:
        assert answer(*shlex.split(foot))
    assert "qpvhealth list" not in run(*words, "--out", released, "--json").stdout


@pytest.mark.no_cover
def test_the_rows_of_a_count_are_listed_from_the_command_line(released):
    listed = document("list", "counted", "--year", 2019, "--type", "msp", "--out", released)
    assert listed["n_rows"] == 59
    assert {"file", "sheet", "source_row"} <= {c["name"] for c in listed["columns"]}
    regions = document("counts", "--level", "region", "--year", 2019, "--out", released)["rows"]
    for row in regions:
        rows = document("list", "counted", "--year", 2019, "--region", row["area_code"], "--out", released)
        assert rows["n_rows"] == row["all_in_qpv"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["uncovered", "--scope", "msp"], "only `list counted` takes this"),
        (["counted", "--region", "11", "--department", "93"], "one area a figure"),
        (["counted", "--indicator", "n_in_qpv", "--type", "MSP"], "use --scope"),
        (["counted", "--within", "planet:mars"], 'no level "planet"'),
    ],
)
def test_a_list_refuses_what_it_cannot_answer(released, words, message):
    done = run("list", *words, "--out", released)
    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.parametrize("words", TABLES, ids=lambda words: " ".join(map(str, words)))
def test_a_table_fits_a_terminal_of_80_columns(released, words, monkeypatch):
    from qpvhealth.cli import output

    wide = run(*words, "--out", released).stdout
    monkeypatch.setattr(output, "is_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    for language in ("fr", "en"):
        lines = run(*words, "--lang", language, "--out", released).stdout.splitlines()
        assert not [line for line in lines if len(line) > 80]
        assert len(lines) < 600
    assert run(*words, "--out", released, "--wide").stdout == wide


def test_a_terminal_shows_the_counts_their_causes_as_lines_and_how_to_see_the_rest(released, monkeypatch):
    from qpvhealth.cli import output

    monkeypatch.setattr(output, "is_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    shown = answer("counts", "--out", released)
    assert re.search(r"^ +2019 +59 +221 +280 +410 +3439 +8,1 %", shown, re.MULTILINE)
    assert re.search(r"^ +\(59 à 70\) +\(221 à 236\) +\(280 à 306\) +\(410 à 495\) ", shown, re.MULTILINE)
    assert re.search(r"^ +2018 +42 +209 +251 +inconnu ", shown, re.MULTILINE)
    assert "2019 : solde net en QPV 29 (28 à 29) : ouverture +28, fermeture -3" in shown
    assert "toutes : --wide" in shown
    listed = answer("list", "uncovered", "--year", 2020, "--out", released)
    assert "… et 1251 autres lignes" in listed


def test_help_groups_the_commands_each_in_one_whole_line():
    from qpvhealth.cli import main_group
    from qpvhealth.cli.group import SECTIONS

    shown = answer("--help")
    listed = shown[shown.index("Every day:") :]
    for section in SECTIONS:
        assert f"\n{section}:\n" in shown
    for name in main_group.commands:
        (line,) = [row for row in listed.splitlines() if row.startswith(f"  {name} ")]
        assert len(line) <= 80
        assert line.endswith(".")
    assert "Others" not in shown
    assert "..." not in listed


@pytest.mark.no_cover
def test_words_are_french_or_english_and_files_for_programs_keep_the_codes(released):
    words = ("list", "counted", "--situation", "vecu_proxy", "--year", 2018, "--region", "76", "--out", released)
    shown = {lang: answer(*words, "--lang", lang) for lang in ("fr", "en")}
    assert "à proximité (distance, non déclaré)" in shown["fr"]
    assert "near by distance, not declared" in shown["en"]
    assert "FINESS establishment number" in shown["en"]
    for form in ("json", "csv"):
        texts = [answer(*words, "--lang", lang, "--format", form) for lang in ("fr", "en")]
        assert texts[0] == texts[1]
        assert "vecu_proxy" in texts[0]
    assert "Part des QPV" in answer("coverage", "--year", 2020, "--out", released)
    english = answer("coverage", "--year", 2020, "--out", released, "--lang", "en")
    assert "QPV without any structure inside" in english
    assert "sans structure" not in english
    english = answer("explain", "share_in_qpv", "--year", 2019, "--out", released, "--lang", "en")
    assert english.splitlines()[0] == "INVENTED DATA"
    english = answer("programmes", "--out", released, "--lang", "en", "--format", "md")
    assert "| computed |" in english
    assert "no date: a single observation" in english
    english = answer("matrix", "--year", 2020, "--out", released, "--lang", "en", "--format", "md")
    assert "all QPV of 2015, MSP, inside the perimeter, 2020-04-01, of " in english


@pytest.mark.parametrize("words", [w for w in TABLES if w[0] != "check"], ids=lambda words: " ".join(map(str, words)))
@pytest.mark.no_cover
def test_an_english_table_has_english_numbers_and_days(released, words):
    """The same rows in French have theirs: what is looked for can be there. (`check` repeats numbers as they were printed.)"""
    french_form = re.compile(r"\d[\u202f ]%|\b\d\d/\d\d/\d{4}\b|\| -?\d+,\d{1,2} \||\| -?\d{1,3}( \d{3})+ \|")
    english, french = (run(*words, "--lang", lang, "--format", "md", "--out", released).stdout for lang in ("en", "fr"))
    assert not french_form.findall(english)
    assert bool(french_form.findall(french)) >= bool(re.findall(r"\d%|\| \d{4}-\d\d-\d\d \|", english))


ENGLISH_WORDS = re.compile(r"\b(the|of|and|with|unknown|inside|none|became|source \w+ changed)\b")
FRENCH_WORDS = re.compile(r"\b(aucune?s?|dans|est|sont|sans|pas|inconnue?s?|avec|selon|moins|conforme|Millésime)\b")
CODES = re.compile(r"\| (in_qpv|in_force|FR|qpv-20\d\d|department|n_in_qpv|msp_cds|not_in_zoning) \|")


@pytest.mark.parametrize("words", TABLES, ids=lambda words: " ".join(map(str, words)))
def test_a_table_is_in_one_language_and_in_words(released, words):
    for language, others in (("fr", ENGLISH_WORDS), ("en", FRENCH_WORDS)):
        shown = run(*words, "--lang", language, "--format", "md", "--out", released).stdout
        lines = [line for line in shown.splitlines() if " qpvhealth " not in line]
        assert not [line for line in lines if others.search(re.sub(r"\\?\"[^\"]*\"|«[^»]*»", "", line))]
        assert not [line for line in lines if CODES.search(line)]


@pytest.mark.parametrize("words", TABLES, ids=lambda words: " ".join(map(str, words)))
@pytest.mark.no_cover
def test_a_workbook_has_no_noise_no_code_and_no_guarded_text_of_our_own(released, words, tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    run(*words, "--out", released, "--to", tmp_path / "t.xlsx")
    for path in tmp_path.glob("*.xlsx"):
        book = openpyxl.load_workbook(path)
        for row in book["Données"].iter_rows(min_row=2):
            for cell in row:
                value = cell.value
                if isinstance(value, float):
                    assert value == round(value, 6), cell
                assert not (isinstance(value, str) and re.match(r"'|[=+\-@]", value)), value
                assert value not in ("in_qpv", "vecu_proxy", "in_force", "unknown", "share", "inhabitants", "none"), (
                    cell
                )


def test_shares_are_percent_and_rows_are_not_grouped(released, tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    answer("counts", "--out", released, "--to", tmp_path / "c.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "c.xlsx")["Données"]
    titles = [cell.value for cell in sheet[1]]
    share = sheet.cell(3, titles.index("Part en QPV") + 1)
    assert (share.value, share.number_format) == (0.081, "0.0%")
    assert sheet.cell(3, titles.index("Causes du solde (entrées - sorties)") + 1).value.startswith("ouverture +28")
    assert "8,1 %" in answer("counts", "--out", released)
    assert "1 100 000" in answer("coverage", "--year", 2020, "--out", released)


def test_counts_by_qpv_have_names_and_the_qpv_without_any(released):
    rows = document("counts", "--level", "qpv", "--year", 2019, "--out", released)["rows"]
    assert len(rows) == 1514
    assert sum(r["all_in_qpv"] for r in rows) == 280
    assert sum(r["all_in_qpv"] == 0 for r in rows) > 1000
    assert all(r["label"] for r in rows)
    unread = [
        r
        for r in document("counts", "--level", "qpv", "--year", 2024, "--out", released)["rows"]
        if r["all_in_qpv"] is None
    ]
    assert {"978", "987"} <= {r["area_code"][2:5] for r in unread}  # what the extract does not cover
    assert len(unread) < 100


def test_nobody_asked_is_no_change(released):
    shown = answer("diff", 2018, 2019, "--situation", "vecu_declared", "--out", released)
    assert "Aucune réponse d'ARS au 31/03/2018 : l'évolution des déclarées n'est pas définie" in shown
    assert "Aucune réponse" not in answer("diff", 2018, 2019, "--out", released)
    english = answer("diff", 2018, 2019, "--situation", "vecu_declared", "--lang", "en", "--out", released)
    assert "the change of what is declared is not defined" in english


def test_a_rank_is_national_where_the_extract_covers_the_country_only(released):
    def title(year):
        columns = document("priorities", "--limit", 1, "--year", year, "--out", released)["columns"]
        return next(c["title"] for c in columns if c["name"] == "rank")

    assert title(2020) == "Rang national"
    assert title(2024) == "Rang parmi les QPV que l'extrait couvre"


def test_sec_says_how_many(released):
    shown = answer("sec", "--year", 2020, "--out", released)
    assert re.search(r"éligible : \d+ ; à compléter : \d+ ; non éligible : \d+ ; sur 3714 structures", shown)


def test_explain_answers_from_the_command_line(released, sample_folder, tmp_path):
    words = ("explain", "0X0000030", "--out", released, "--raw", sample_folder)
    shown = answer(*words, "--map", tmp_path / "s.svg")
    assert "ligne 35" in shown
    assert "Type = Maison de santé" in shown
    assert (tmp_path / "s.svg").read_text(encoding="utf-8").startswith("<svg ")
    explained = document(*words, "--year", 2019)
    assert explained["years"][0]["source"]["raw"]["Type"] == "Maison de santé"
    assert "indisponible" in answer("explain", "0X0000030", "--out", released, "--raw", tmp_path)
    figure = document("explain", "n_in_qpv", "--within", "region:76", "--year", 2019, "--out", released)
    assert len(figure["rows"]["numerator"]) == figure["figure"]["value"]
    assert run("explain", "0X9", "--out", released).returncode == 2
    assert run("explain", "0X0000030", "--within", "region:76", "--out", released).returncode == 2
    assert run("explain", "n_in_qpv", "--map", tmp_path / "x.svg", "--out", released).returncode == 2


def test_names_on_a_terminal_are_text_and_never_markup_or_orders():
    import pandas as pd

    from qpvhealth.cli import terminal
    from qpvhealth.publish.selection import View

    names = ["[bold red]x[/]", "a\x1b[31mb", ":smile:", "\u202eevil", "https://example.org/" + "y" * 100]
    frame = pd.DataFrame({"name": pd.Series(names, dtype="object"), "n": pd.Series(range(5), dtype="object")})
    shown = terminal.fitted(View("v", frame, {"name": "Nom", "n": "N"}), ("note " * 40,), 60, invented=True)
    assert "[bold red]x[/]" in shown
    assert ":smile:" in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert max(map(len, shown.splitlines())) <= 60
    assert "DONNÉES INVENTÉES" in shown


def test_report_writes_the_formats_asked_for(tmp_path):
    raw = tiny(tmp_path / "raw")
    out = ("--out", tmp_path / "out")
    answer("-q", "build", "--raw", raw, *out)
    done = run("report", *out, "--to", tmp_path / "note", "--pdf")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    names = ["report.html", "report.md", "report.odt", "report.pdf", "report.xlsx"]
    assert sorted(path.name for path in (tmp_path / "note").iterdir()) == names
    answer("report", *out, "--to", tmp_path / "one", "--format", "md", "--department", "93", "--year", "2020")
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["report.md"]
    assert "Carré" in (tmp_path / "note" / "report.html").read_text(encoding="utf-8")
    answer("report", *out, "--region", "99", code=2)
    answer("report", *out, "--year", "1999", code=2)


def test_report_writes_sheets_for_their_readers_and_every_department_or_none(tmp_path, monkeypatch):
    raw = tiny(tmp_path / "raw")
    out = ("--out", tmp_path / "out")
    answer("-q", "build", "--raw", raw, *out)
    answer("report", *out, "--to", tmp_path / "city", "--commune", "93901", "--format", "html", "--format", "odt")
    assert "publique\u00a0:" in (tmp_path / "city" / "report.html").read_text(encoding="utf-8")
    with zipfile.ZipFile(tmp_path / "city" / "report.odt") as archive:
        assert "interne" in archive.read("content.xml").decode()
    answer("report", *out, "--to", tmp_path / "own", "--qpv", "QP093901", "--format", "html", "--audience", "internal")
    page = (tmp_path / "own" / "report.html").read_text(encoding="utf-8")
    assert "interne" in page
    assert "dans le QPV Carré (QP093901)" in page
    answer("report", *out, "--all-departments", tmp_path / "all", "--format", "md")
    assert [p.relative_to(tmp_path / "all").as_posix() for p in (tmp_path / "all").rglob("*.md")] == ["93/report.md"]
    answer("report", *out, "--all-departments", tmp_path / "all", code=2)
    answer("report", *out, "--all-departments", tmp_path / "other", "--department", "93", code=2)

    from qpvhealth.publish.report import files

    def fail(_note):
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(files.RENDERERS, "md", fail)
    answer("report", *out, "--all-departments", tmp_path / "half", "--format", "md", code=4)
    assert not [path for path in tmp_path.iterdir() if "half" in path.name or path.name.startswith(".staging")]


def test_what_a_build_and_an_explanation_say_fits_a_terminal_of_80_columns(released, sample_folder, monkeypatch):
    from qpvhealth.cli import folding, output

    monkeypatch.setattr(output, "is_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    for words in (
        ("explain", "0X0000188", "--year", 2019, "--out", released, "--raw", sample_folder),
        ("build", "--dry-run", "--raw", sample_folder, "--out", released),
        ("doctor",),
        ("diff", 2018, 2019, "--out", released),
        ("counts", "--lang", "en", "--out", released),
    ):
        lines = answer(*words).splitlines()
        assert not [line for line in lines if len(line) > 80 and " " in line.strip()]
    assert any(line.startswith("2019: net change inside QPV 29 (28 to 29): opening date between") for line in lines)
    at = next(n for n, line in enumerate(lines) if ": qpvhealth list counted " in line)
    assert lines[at].endswith(" \\")  # a command to copy goes on as a shell reads it
    assert re.fullmatch(r"  (--out )?\S+", lines[at + 1])
    assert list(folding.folded(["  a bc " + "d" * 90], 20)) == ["  a bc", "    " + "d" * 90]  # a word is copied whole


def test_several_tables_in_one_document_say_that_the_data_are_invented(released):
    tables = document("practitioners", "--within", "commune:69901", "--out", released)
    assert tables["invented"]
    several = document("history", "--out", released)["tables"]
    assert len(several) > 1
    assert all(table["invented"] for table in several.values())
