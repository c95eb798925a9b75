"""The progress report of the invented France, held against its published tables, and of releases in which things are missing."""

import io
import json
import re
from dataclasses import replace
from datetime import date

import openpyxl
import pytest

from qpvhealth.errors import UsageError
from qpvhealth.facts.generations import IN_FORCE
from qpvhealth.publish import release as releases, views, visas
from qpvhealth.publish.bounds import Bounded
from qpvhealth.publish.report import files, html, markdown, odt, sheets
from qpvhealth.publish.report.content import NOT_SHOWN, Figure, Table
from qpvhealth.publish.store import Store
from qpvhealth.settings import Settings
from qpvhealth.studies.report import Subject, bare, headline, movements, nearby, note, quarter
from tests.commands import run
from tests.conftest import published

SQUARE = [[[2.30, 48.90], [2.31, 48.90], [2.31, 48.91], [2.30, 48.91], [2.30, 48.90]]]
EXTRACT = """
[[source]]
id = "s{year}"
kind = "structures"
path = "s{year}.csv"
layout = "dgos-mapped"
year = {year}
reference_date = {year}-04-01
"""
QPV = '[[source]]\nid = "q"\nkind = "neighbourhoods"\npath = "q.geojson"\ngeneration = "qpv-2015"\n'
ANSWER = """
[[source]]
id = "d{year}"
kind = "declarations"
path = "d{year}.csv"
year = {year}
generation = "qpv-2015"
answered = {{ regions = ["11"] }}
"""
HEADER = "finess_et,structure_type,commune_code,longitude,latitude\n"
HOSTILE = "<script>alert(1)</script>|=1+1\u202e"


def tiny(folder, extracts, name="Carré", declared=None):
    """Publish a release of one square QPV of 93, these rows by year, and the numbers that the ARS of 11 declares by year."""
    folder.mkdir(parents=True, exist_ok=True)
    answers = "".join(ANSWER.format(year=year) for year in declared or {})
    for year, numbers in (declared or {}).items():
        lines = "".join(f"{number};oui\n" for number in numbers)
        (folder / f"d{year}.csv").write_text("finess;vecu\n" + lines, encoding="utf-8")
    (folder / "sources.toml").write_text(
        "".join(EXTRACT.format(year=y) for y in extracts) + QPV + answers, encoding="utf-8"
    )
    for year, rows in extracts.items():
        (folder / f"s{year}.csv").write_text(HEADER + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    feature = {"type": "Feature", "properties": {"code_qp": "QP093901", "nom_qp": name}}
    feature["geometry"] = {"type": "Polygon", "coordinates": SQUARE}
    (folder / "q.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8"
    )
    done = run("-q", "build", "--raw", folder, "--out", folder / "out")
    assert done.returncode == 0, done.stderr
    return releases.open_release(folder / "out")


@pytest.fixture(scope="module")
def of_2019(noted):
    return noted(year=2019)


ALL_IN = {"year": 2019, "structure_type": "all", "modality": "all", "situation": "in_qpv"}


def table(written, anchor):
    return next(t for t in written.tables if t.anchor == anchor)


def words(written, anchor):
    return " ".join(b for s in written.sections if s.anchor == anchor for b in s.blocks if isinstance(b, str))


def plain(text):
    return text.replace("\u202f", " ")


def counts(release, **at):
    rows = release.table("yearly_counts")
    for column, value in ({"generation": IN_FORCE, "level": "country", "area_code": "FR"} | at).items():
        rows = rows[rows[column] == value]
    return int(rows["n_structures"].sum())


def indicator(release, name, scope, *, year=2019, level="country", area="FR"):
    rows = release.table("indicators")
    at = {"indicator": name, "scope": scope, "year": year, "level": level, "area_code": area, "generation": IN_FORCE}
    for column, value in at.items():
        rows = rows[rows[column] == value]
    return tuple(rows.iloc[0][["value", "lower", "upper"]])


def test_the_essential_says_what_was_published_for_march_2019(of_2019):
    essential = plain(words(of_2019, "essentiel"))
    assert "Fin mars 2019, 280 structures (280 à 306) sont implantées dans un QPV en France (QPV 2015)" in essential
    assert (
        "8,1 % (8,1 % à 8,9 %) des structures recensées, comme fin mars 2018 : 251 (251 à 278) sur 3 111 (3 111 à 3 114)."
        in essential
    )
    assert (
        "Le solde net est de +29 (+28 à +29) de fin mars 2018 à fin mars 2019 : +17 MSP et +12 (+11 à +12) centres."
        in essential
    )
    assert (
        "410 structures en quartier vécu (410 à 495), hors QPV : 68 (68 à 105) MSP et 342 (342 à 390) centres, soit 690"
        in essential
    )
    assert "16 ARS sur 18 ont répondu ; ce total est un minimum (au plus 796)" in essential
    assert "réalisé à 11,6 % (11,6 % à 21,9 %) après 12 mois sur 57" in essential
    assert "59 structures de plus par an ; 29 par an" in essential
    assert "Aucune déclaration fin mars 2018 : l'évolution en quartier vécu n'est pas définie" in essential


def test_the_sentences_of_the_documents_of_2020_are_in_the_note(built_release):
    """Documents 001, 003 and fncs: 86 % of the QPV, 148 of them large and 104 in the NPNRU, 325 in a ZIP, 589 zoned, 223 covered."""
    subject = Subject.of(built_release, year=2020)
    written = plain(
        " ".join(b for s in (bare.bare(subject), bare.zoning(subject)) for b in s.blocks if isinstance(b, str))
    )
    assert (
        "223 QPV ont au moins une structure, soit 1,4 structure par QPV couvert (QPV 2015, au 1er avril 2020)"
        in written
    )
    assert (
        "En ne comptant que les MSP et les centres pluriprofessionnels : 1 302 QPV sans structure, soit 86 % des 1 514 ; "
        "148 d'entre eux comptent 5 000 habitants ou plus, dont 104 en NPNRU" in written
    )
    assert (
        "325 QPV en ZIP (325 à 330) sont sans structure (QPV 2015, au 1er avril 2020) : 1 100 000 habitants" in written
    )
    assert (
        "ZIP ou ZAC (589 à 595) (QPV 2015, au 1er avril 2020) : 2 300 000 habitants (2 300 000 à 2 317 105)" in written
    )


def test_a_share_of_the_qpv_that_can_be_judged_has_no_bound_of_others(built_release):
    subject = Subject.of(built_release, year=2024)
    without = subject.figure("qpv_without_any")
    share, beyond, covered, *_ = map(plain, bare.sentences_of(subject))
    judged = subject.indicator("share_qpv_without_any")["denominator"]
    assert judged < len(subject.quarters(2024)) == 1580
    assert share.startswith(f"{100 * without.value / judged:.1f} % des 1 501 QPV".replace(".", ","))
    assert share.endswith(": 1 114.")
    assert beyond == "Des 1 580 QPV que cette version y connaît, 1 109 au moins et 1 193 au plus sont sans structure."
    assert covered.startswith(
        "387 QPV (387 à 471) ont au moins une structure (QPV"
    )  # no mean: their number is in doubt
    assert "dont 102 au plus en NPNRU" in plain(" ".join(bare.sentences_of(subject)))
    essential = plain(" ".join(b for b in headline.headline(subject).blocks if isinstance(b, str)))
    assert "le total en QPV de la partie couverte est compris entre 468 et 495" in essential


def said(section):
    return plain(" ".join(b for b in section.blocks if isinstance(b, str)))


def test_what_is_not_there_is_none_and_not_a_zero(built_release):
    subject = Subject.of(built_release, year=2024, commune="35901")
    assert "Fin mars 2024, aucune structure n'est implantée dans un QPV" in said(headline.headline(subject))
    nets = {row[0]: row[3] for row in headline.stocks(subject).rows}
    assert {k: getattr(v, "value", v) for k, v in nets.items()} == dict.fromkeys(nets, 0) | {
        "dont modalité inconnue": NOT_SHOWN
    }
    bounds = " ".join(bare.sentences_of(subject))
    assert "0 QPV" not in bounds
    assert "aucun ne compte 5" in bounds
    assert "Aucun QPV n'est à la fois en ZIP et sans structure" in said(bare.zoning(subject))


def test_the_sheet_of_a_qpv_takes_no_silence_for_a_no(built_release):
    """No ARS answered in 2024; a structure of no commune is counted in a QPV by its point, and in no commune."""
    subject = Subject.of(built_release, year=2024, qpv="QP974930")
    written = said(quarter.headline(subject))
    assert "commune : Ville" in written
    assert "Aucune structure n'est dans le périmètre fin mars 2024 (QPV 2015)." in written
    (listed,) = quarter.structures(subject).tables
    assert {row[7] for row in listed.rows} == {None}
    assert {row[7] for row in quarter.structures(replace(subject, year=2019)).tables[0].rows} == {True}
    structures = built_release.table("structures", geometry=False)
    placeless = structures[(structures["year"] == 2024) & structures["is_in_stock"] & structures["commune_code"].isna()]
    assert len(placeless)
    assert subject.n_placeless(2024) == (placeless["location_status"] != "located").sum()
    inside = said(quarter.headline(Subject.of(built_release, year=2019, qpv="QP016914")))
    assert "MSP la plus proche fin mars 2019 : 0X0000001, dans le périmètre." in inside


def test_a_sentence_is_of_the_area_and_the_answers_that_it_names(built_release):
    subject = Subject.of(built_release, year=2024, department="93")
    near = nearby.nearby(subject)
    assert "Aucune ARS n'a répondu fin mars 2024" in said(near)
    assert "La pratique des ARS diffère" not in said(near)
    captions = [near.tables[0].caption, bare.zoning(subject).tables[0].caption]
    assert all("en région Île-de-France (11)" in caption for caption in captions)
    country = Subject.of(built_release, year=2024)
    assert "il est de +97 et +58, changement de périmètres compris." in said(movements.movements(country))
    assert "changement de périmètres" not in said(movements.movements(replace(country, year=2019, before=2018)))


def test_only_the_page_makes_the_map_that_can_be_moved(of_2019, tmp_path):
    def refuse():
        raise AssertionError("no other format asks for the map")

    written = replace(of_2019, live=refuse)
    assert len(files.write(lambda _: written, tmp_path / "note", ["md", "xlsx", "odt"])) == 3
    with pytest.raises(AssertionError, match="no other format"):
        files.write(lambda _: written, tmp_path / "page", ["html"])


def test_every_number_of_table_1_is_published(of_2019, built_release):
    rows = table(of_2019, "tableau-1").rows
    kinds = {
        "MSP": ("MSP", "all", "msp"),
        "Centres de santé": ("CDS", "all", "cds"),
        "Ensemble": ("all", "all", "msp_cds"),
    }
    kinds |= {
        f"dont {m}": ("CDS", k, None) for m, k in {"monoprofessionnels": "mono", "pluriprofessionnels": "pluri"}.items()
    }
    for label, *values in rows:
        if label not in kinds:
            continue
        kind, modality, scope = kinds[label]
        at = {"structure_type": kind, "modality": modality}
        inside = [counts(built_release, year=y, situation="in_qpv", **at) for y in (2018, 2019)]
        every = [counts(built_release, year=y, situation="all", **at) for y in (2018, 2019)]
        by_modality = [n or None for n in every] if scope is None else every  # all of unknown modality: unknown, not 0
        assert [v.value for v in values[:2]] == [
            n if t is not None else None for n, t in zip(inside, by_modality, strict=True)
        ]
        assert [getattr(v, "value", v) for v in values[7:9]] == by_modality
        assert values[9] == counts(built_release, year=2019, situation="undetermined", **at)
        if scope is None:  # centres of unknown modality could be of this one
            assert values[2] is None
            assert values[1].upper > values[1].value
            continue
        for at_column, name in ((1, "n_in_qpv"), (2, "net_in_qpv"), (5, "n_vecu_declared"), (6, "n_in_or_near")):
            figure = values[at_column]
            assert (figure.value, figure.lower, figure.upper) == indicator(built_release, name, scope)
        share = indicator(built_release, "share_in_qpv", scope)
        assert (values[4].value, values[4].lower, values[4].upper) == pytest.approx(share)


def test_areas_of_the_annexes_have_the_bounds_of_the_indicators(of_2019, built_release):
    for level in ("region", "department"):
        annex = table(of_2019, f"annexe-{level}")
        codes = [row[0].rpartition("(")[2][:-1] for row in annex.rows]
        assert len(set(codes)) == len(codes) > 10
        for code, row in zip(codes, annex.rows, strict=True):
            at = {"level": level, "area_code": code if code.isalnum() and len(code) < 4 else "none"}
            for cell, name, year, scope in (
                (row[1], "n_in_qpv", 2018, "msp_cds"),
                (row[2], "n_in_qpv", 2019, "msp_cds"),
                (row[3], "net_in_qpv", 2019, "msp_cds"),
                (row[4], "n_in_qpv", 2019, "msp"),
                (row[6], "n_country", 2019, "msp_cds"),
            ):
                figures = built_release.table("indicators")
                figures = figures[(figures["indicator"] == name) & (figures["generation"] == IN_FORCE)]
                for column, value in {**at, "year": year, "scope": scope}.items():
                    figures = figures[figures[column] == value]
                expected = figures[["value", "lower", "upper"]].to_numpy().tolist() or [[0, 0, 0]]
                assert [[cell.value, cell.lower, cell.upper]] == expected, (code, name)
            assert (row[7] == NOT_SHOWN) == (row[6].value < 30)


def naive_of_modality(release, year, modality, counted, possible="False"):
    """Count centres of a modality row by row: those that count, and those that may, be it for their place, answer or modality."""
    rows = release.table("structures").merge(release.table("structure_locations"), on=["finess_et", "year"])
    current = (
        {"metropole": "qpv-2024", "": "qpv-2015"} if year == 2024 else dict.fromkeys(("metropole", ""), "qpv-2015")
    )
    in_force = rows["territory"].astype("str").map(lambda t: current["metropole" if t == "metropole" else ""])
    rows = rows[(rows["year"] == year) & (rows["generation"] == in_force) & rows["is_in_stock"]]
    rows = rows[(rows["structure_type"] == "CDS") & rows["modality"].isin([modality, "unknown"])]
    sure = rows.query(counted)
    return (sure["modality"] == modality).sum(), len(rows.query(f"({counted}) or ({possible})"))


def test_the_row_of_a_modality_has_the_bounds_of_its_centres_and_of_those_of_unknown_modality(of_2019, built_release):
    unanswered = "situation != 'in_qpv' and vecu_declared == 'unknown'"
    for row in table(of_2019, "tableau-1").rows[2:4]:
        modality = {"dont monoprofessionnels": "mono", "dont pluriprofessionnels": "pluri"}[row[0]]
        for cell, counted, possible in (
            (row[2], "situation == 'in_qpv'", "situation == 'undetermined'"),
            (row[6], "situation == 'vecu_declared'", unanswered),
            (row[7], "situation in ['in_qpv', 'vecu_declared']", f"situation == 'undetermined' or ({unanswered})"),
            (row[9], "finess_et == finess_et", "False"),
        ):
            n, most = naive_of_modality(built_release, 2019, modality, counted, possible)
            assert (cell.value, cell.lower, cell.upper) == (n, n, most)
        assert (row[3], row[5].value) == (None, None)  # the quotient, or difference, of two minima is no figure
        assert row[5].lower < row[5].upper


def test_causes_add_up_to_the_net_change(of_2019, built_release):
    causes = table(of_2019, "causes")
    total = causes.rows[-1]
    assert total[3::3] == tuple(int(indicator(built_release, "net_in_qpv", s)[0]) for s in ("msp", "cds", "msp_cds"))
    summary = built_release.table("change_summary")
    at = (summary["to_year"] == 2019) & (summary["level"] == "country") & (summary["generation"] == IN_FORCE)
    at &= (summary["situation"] == "in_qpv") & (summary["structure_type"] == "all")
    assert total[7:] == tuple(int(n) for n in summary.loc[at, ["n_in", "n_out", "n"]].sum())
    openings = table(of_2019, "ouvertures")
    assert openings.rows[-1][1:] == causes.rows[0][1::3]


def test_qpv_by_size_hold_every_qpv_and_inhabitant_once(of_2019, built_release):
    rows = table(of_2019, "taille").rows
    total = rows[-1]
    assert total[1] == indicator(built_release, "qpv_without_any", "msp_cds")[0]
    assert total[2] == indicator(built_release, "population_without_any", "msp_cds")[0]
    assert total[-2:] == (1514, 5_435_060)
    for column in range(1, len(total)):
        assert sum(row[column] for row in rows[:-1]) == total[column]


def test_answers_of_ars_are_the_indicators_of_their_regions(of_2019, built_release):
    rows = {row[0]: row for row in table(of_2019, "ars").rows}
    assert len(rows) == 18 + 1
    assert rows["Sans région, ou région inconnue"][2].value == counts(
        built_release, level="region", area_code="none", **ALL_IN
    )
    martinique = rows["Martinique (02)"]
    assert martinique[1] == "sans réponse"
    assert martinique[3].value is None
    normandie = rows["Normandie (28)"]
    assert normandie[3].value == indicator(built_release, "n_vecu_declared", "msp_cds", level="region", area="28")[0]
    for _, _, inside, near, ratio, _ in rows.values():
        if ratio != NOT_SHOWN and ratio is not None:
            assert inside.value >= 20
            assert ratio == near.value / inside.value


def test_no_share_stands_on_a_base_under_thirty(of_2019):
    for written in of_2019.tables:
        for at, column in enumerate(written.columns):
            if column.unit == "share" and written.anchor.startswith("annexe"):
                bases = {row[at]: row[at - 1] for row in written.rows}
                assert NOT_SHOWN in bases
                assert all(base.value >= 30 for share, base in bases.items() if share not in (NOT_SHOWN, None))


def test_no_table_is_without_date_perimeter_and_source(of_2019, built_release):
    assert of_2019.tables
    for written in of_2019.tables:
        if written.anchor in ("fichiers", "ecarts"):
            continue
        assert "mars" in written.caption, written.anchor
        assert written.anchor == "inconnu" or any("QPV 2015" in line for line in written.notes), written.anchor
        assert set(written.source) <= {*built_release.tables, "manifest"}
        assert written.source


def test_every_structure_of_a_map_is_drawn_once(noted, of_2019):
    figures = [b for s in of_2019.sections for b in s.blocks if isinstance(b, Figure)]
    assert [f.anchor for f in figures] == ["carte-msp", "carte-cds"]
    for figure, n in zip(figures, (59 + 68, 221 + 342), strict=True):
        outside = re.search(r"(\d+) hors des cadres", figure.caption)
        missing = re.search(r"(\d+) structures? non située", figure.caption)
        hidden = sum(int(m[1]) for m in (outside, missing) if m)
        legend = 2
        assert figure.svg.count("<circle") - legend == n - hidden
        assert "<title" in figure.svg
        assert "<desc" in figure.svg
    assert "59, ●" in figures[0].caption
    assert "ARS sans réponse" in figures[0].svg
    assert "QPV (encarts)" in figures[0].svg
    of_2018 = noted(year=2018)
    caption = next(b.caption for s in of_2018.sections for b in s.blocks if isinstance(b, Figure))
    assert "○" not in caption
    assert "Aucune ARS n'a répondu" in caption


@pytest.mark.no_cover
def test_the_same_release_gives_the_same_bytes(of_2019, built_release):
    again = note(Subject.of(built_release, year=2019))
    for render in (html.render, markdown.render, sheets.render, odt.render):
        assert render(of_2019) == render(again)


def test_the_first_year_has_no_evolution(noted):
    written = noted(year=2018)
    assert words(written, "changements") == "Une seule date est disponible : il n'y a pas d'évolution à expliquer."
    assert "aucun solde n'est calculé" in words(written, "essentiel")
    assert "Solde" not in [c.title for c in table(written, "tableau-1").columns]


def test_a_region_has_its_own_figures_and_no_national_target(noted, built_release):
    written = noted(year=2019, region="53")
    total = table(written, "tableau-1").rows[-1]
    at = {"level": "region", "area_code": "53", "structure_type": "all", "modality": "all"}
    assert [v.value for v in total[1:3]] == [
        counts(built_release, year=y, situation="in_qpv", **at) for y in (2018, 2019)
    ]
    assert "en région Bretagne (53)" in words(written, "essentiel")
    assert "objectif de doublement est national" in words(written, "essentiel")
    assert [row[0] for row in table(written, "ars").rows] == ["Bretagne (53)"]
    assert "annexe-region" not in [t.anchor for t in written.tables]
    assert {row[2] for row in table(written, "annexe-sans-structure").rows} <= {"22", "29", "35", "56"}


def test_an_area_that_the_extract_does_not_cover_is_unknown_and_not_zero(noted):
    written = noted(year=2024, department="987")
    assert "le nombre de structures en QPV est inconnu" in words(written, "essentiel")
    total = table(written, "tableau-1").rows[-1]
    assert total[2] == Bounded(None, None, None)
    mono = table(written, "tableau-1").rows[2]
    assert (mono[9], mono[-1]) == (Bounded(None, None, None), None)
    assert any("ne couvre pas la zone" in line for line in written.warnings)
    assert "inconnu" in html.render(written)


def test_wrong_years_and_areas_are_refused(built_release):
    for options in ({"year": 1999}, {"region": "99"}, {"department": "00"}, {"region": "53", "department": "35"}):
        with pytest.raises(UsageError):
            Subject.of(built_release, **options)


@pytest.mark.parametrize(
    "extracts",
    [
        {2020: ["0X0000001,MSP,93901,2.305,48.905"]},
        {2020: ["0X0000001,MSP,93901,2.405,48.905"]},
        {2019: ["0X0000001,MSP,93901,2.305,48.905"], 2020: ["0X0000001,MSP,93901,2.305,48.905"]},
    ],
    ids=["one structure in it", "none in it", "two years, nothing moved"],
)
@pytest.mark.no_cover
def test_one_qpv_without_population_zoning_or_answer_is_reported(tmp_path, extracts):
    release = tiny(tmp_path, extracts)
    written = note(Subject.of(release, department="93"))
    inside = "2.305" in extracts[2020][0]
    essential = plain(words(written, "essentiel"))
    said_of = "1 structure est implantée" if inside else "aucune structure n'est implantée"
    assert f"Au 1er avril 2020, {said_of} dans un QPV" in essential
    assert "aucune part n'est calculée" in essential
    assert "aucune ARS n'a répondu" in essential
    if len(extracts) > 1:
        assert "Aucun mouvement en QPV" in essential
        assert "Aucun mouvement en QPV du" in words(written, "changements")
    bare = words(written, "sans-structure")
    if inside:
        assert "ont tous au moins une structure" in bare
    else:
        assert "La base compte moins de trente QPV" in bare
        assert "Aucune population n'est connue" in bare
    assert table(written, "taille").rows[0][0] == "Population inconnue"
    assert "Aucun zonage n'est publié" in words(written, "zonage")
    for written_too in (written, note(Subject.of(release))):
        assert all(render(written_too) for render in (html.render, markdown.render, sheets.render, odt.render))


@pytest.mark.no_cover
def test_an_extract_without_any_structure_is_reported(tmp_path):
    release = tiny(tmp_path, {2020: []})
    written = note(Subject.of(release))
    assert "aucune structure n'est implantée" in words(written, "essentiel")
    assert html.render(written)


def test_names_of_the_data_are_texts_in_every_format(tmp_path):
    release = tiny(tmp_path, {2020: ["0X0000001,MSP,93901,2.405,48.905"]}, name=HOSTILE)
    written = note(Subject.of(release))
    names = [row[1] for row in table(written, "annexe-sans-structure").rows]
    assert any("<script>" in name for name in names)
    page = html.render(written)
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
    assert "\u202e" not in page
    assert b"<script" not in odt.render(written)
    assert isinstance(table(written, "annexe-sans-structure"), Table)
    for area in ({"commune": "93901"}, {"qpv": "QP093901"}):
        local = note(Subject.of(release, audience="public", language="en", **area))
        page = html.render(local)
        assert "<script>alert" not in page
        assert "\u202e" not in page
        assert all(render(local) for render in (markdown.render, sheets.render, odt.render))
    drawn = [b.svg for s in local.sections for b in s.blocks if isinstance(b, Figure)]
    assert len(drawn) == 2
    assert not [svg for svg in drawn if "IGN" in svg or "<script" in svg]
    assert not [svg for svg in drawn if "insets)" in svg]  # QPV are drawn on the one map there is


@pytest.mark.no_cover
def test_other_perimeters_are_said_wherever_they_matter(noted):
    written = noted(year=2024)
    essential, bare = words(written, "essentiel"), plain(words(written, "sans-structure"))
    assert "Les périmètres ne sont pas les mêmes aux deux dates (QPV 2015, puis QPV 2015 et QPV 2024)" in essential
    assert "on ne peut conclure" in essential
    assert "QPV dont le périmètre est le même et que les extraits décrivent aux deux dates" in bare
    assert any("qu'une partie de la zone" in line for line in written.warnings)
    assert "dans la seule partie que couvre l'extrait" in table(written, "tableau-1").caption
    assert "changement de génération" in [row[0] for row in table(written, "causes").rows]


def test_a_rule_of_distance_is_named_and_never_added_to_what_is_declared(built, tmp_path):
    release = published(built, tmp_path, Settings(vecu_rule="proxy"))
    written = note(Subject.of(release, year=2019))
    essential = plain(words(written, "essentiel"))
    assert "selon la règle de cette version (à 300 m au plus d'un QPV" in essential
    assert "soit 690" not in essential
    mono = next(row for row in table(written, "tableau-1").rows if row[0] == "dont monoprofessionnels")
    assert (
        mono[7].value
        == naive_of_modality(release, 2019, "mono", "situation != 'undetermined' and distance_m <= 300")[0]
    )


def test_quartier_vecu_is_compared_among_the_ars_that_answered_both_dates(tmp_path):
    rows = [f"0X000000{n},MSP,93901,2.31{n},48.905" for n in (1, 2, 3)]
    both = tiny(
        tmp_path / "both",
        {2019: rows, 2020: rows[::-1]},
        declared={2019: ["0X0000001"], 2020: ["0X0000002", "0X0000003"]},
    )
    written = note(Subject.of(both, region="11"))
    changed = words(written, "changements")
    assert (
        "parmi l'ARS qui a répondu aux deux dates : 1 structure en quartier vécu au 1er avril 2019, 2 au 1er avril 2020"
        in changed
    )
    assert "ne se lit qu'à champ constant" in words(written, "essentiel")
    assert "L'ARS déclare en outre 2 structures en quartier vécu, hors QPV : 2 MSP et 0 centre, soit 2" in words(
        written, "essentiel"
    )
    assert table(written, "ars").rows[0][1] == "MSP seules, complète"
    local = note(Subject.of(both, department="93"))
    assert "se lit dans la note de la région" in words(local, "changements")
    once = tiny(tmp_path / "once", {2019: rows, 2020: rows[::-1]}, declared={2020: ["0X0000002"]})
    written = note(Subject.of(once, region="11"))
    assert "aucune ARS n'a répondu aux deux dates" in words(written, "changements")
    assert "Aucune déclaration au 1er avril 2019" in words(written, "essentiel")


@pytest.mark.no_cover
def test_what_a_card_accepts_is_repeated(noted, built_release):
    signed = {
        "rule": "delivery-stock",
        "area": "department:31",
        "value": "-6",
        "signed": {"source_id": "s", "by": "A. Martin", "on": "2020-05-04", "reason": "six MSP réunies"},
    }
    manifest = built_release.manifest | {"warnings": [*built_release.manifest["warnings"], signed]}
    written = note(Subject.of(replace(built_release, manifest=manifest), year=2019))
    row = table(written, "acceptes").rows[-1]
    assert row[1:] == ("department:31", "-6", "A. Martin", "2020-05-04", "six MSP réunies")
    of_sample = noted(year=2019)
    n_signed = sum("signed" in w for w in built_release.manifest["warnings"])
    assert len([b for s in of_sample.sections for b in s.blocks if getattr(b, "anchor", "") == "acceptes"]) == (
        1 if n_signed else 0
    )


@pytest.mark.no_cover
def test_the_sheet_of_a_commune_has_its_own_counts_with_bounds_and_compares_nothing(noted, built_release):
    """The densest commune of 2019: counts and bounds are those of its rows of the published tables."""
    rows = built_release.table("yearly_counts")
    rows = rows[(rows["level"] == "commune") & (rows["year"] == 2019) & (rows["generation"] == IN_FORCE)]
    rows = rows[(rows["structure_type"] == "all") & (rows["modality"] == "all") & (rows["situation"] == "in_qpv")]
    code = rows.sort_values(["n_structures", "area_code"]).iloc[-1]["area_code"]
    written = noted(year=2019, commune=code)
    total = table(written, "tableau-1").rows[-1]
    at = {"level": "commune", "area_code": code, "structure_type": "all", "modality": "all"}
    n, unplaced = (counts(built_release, year=2019, situation=s, **at) for s in ("in_qpv", "undetermined"))
    assert (total[2].value, total[2].upper) == (n, n + unplaced)  # no row of the file was rejected there
    assert total[3].value == n - counts(built_release, year=2018, situation="in_qpv", **at)
    assert {s.anchor for s in written.sections} >= {"quartiers", "generalistes", "projets", "annexes"}
    assert not {"proximite", "sans-structure"} & {s.anchor for s in written.sections}
    assert "rythme national" not in words(written, "changements")
    assert "objectif de doublement est national" in words(written, "essentiel")
    every = table(written, "annexe-structures-2019")
    assert len(every.rows) == counts(built_release, year=2019, situation="all", **at)
    assert not {"annexe-region", "annexe-department", "ars"} & {t.anchor for t in written.tables}
    quarters = built_release.table("neighbourhoods")
    own = quarters[(quarters["commune_codes"] == code) & (quarters["generation"] == "qpv-2015")]
    assert {row[1] for row in table(written, "annexe-quartiers").rows} == set(own["qpv_code"])


def test_the_qpv_of_a_commune_are_ranked_with_those_surely_without_a_structure_first(noted):
    written = noted(commune="29901")
    rows = table(written, "annexe-quartiers").rows
    assert [row[0] for row in rows] == list(range(1, len(rows) + 1))
    states = [{"non": 0, "inconnu": 1, "oui": 2}[row[4] if isinstance(row[4], str) else "inconnu"] for row in rows]
    assert states == sorted(states)
    bare = [row[13] for row in rows if row[4] == "non"]
    assert bare == sorted(bare)
    gps = {row[0]: row for row in table(written, "generalistes-table").rows}
    assert next(iter(gps)).startswith("QPV")
    small = [row for row in gps.values() if row[2] is not None and row[2] < 30 and row[3] is not None]
    assert small
    assert all(row[5] == NOT_SHOWN for row in small)


def test_the_sheet_of_a_qpv_has_its_structures_zoning_fate_and_coverage_at_every_date(noted, built_release):
    pairs = built_release.table("structure_neighbourhoods")
    pairs = pairs[(pairs["year"] == 2019) & (pairs["generation"] == "qpv-2015")]
    code = pairs["qpv_code"].value_counts().sort_index().sort_values(kind="stable").index[-1]
    written = noted(year=2019, qpv=code)
    covered = built_release.table("neighbourhood_coverage")
    own = covered[covered["qpv_code"] == code].sort_values(["year", "generation"])
    shown = table(written, "couverture").rows
    assert [row[3] for row in shown] == [int(n) for n in own["n_msp_in"]]
    assert {row[1] for row in shown} == {"QPV 2015"}
    stock = built_release.table("structures")
    stock = set(stock.loc[(stock["year"] == 2019) & stock["is_in_stock"], "finess_et"])
    listed = [row[0] for row in table(written, "annexe-structures").rows]
    assert set(listed) == set(pairs.loc[pairs["qpv_code"] == code, "finess_et"]) & stock
    metres = [row[6] for row in table(written, "annexe-structures").rows if row[6] is not None]
    assert metres == sorted(metres)
    assert table(written, "devenirs").rows
    assert {row[1] for row in table(written, "zonages").rows}
    assert "habitants" in words(written, "essentiel")
    assert all(render(written) for render in (html.render, markdown.render, sheets.render, odt.render))


def test_a_qpv_that_is_not_in_force_is_said_to_be_so(noted):
    written = noted(year=2019, qpv="QN02998I")
    assert "n'est pas en vigueur fin mars 2019" in words(written, "essentiel")
    assert html.render(written)


def test_an_unknown_commune_or_qpv_is_refused_with_what_is_near(built_release):
    for options in ({"commune": "00000"}, {"qpv": "QP0"}, {"commune": "29901", "region": "53"}):
        with pytest.raises(UsageError):
            Subject.of(built_release, **options)


def test_the_public_version_has_no_undecided_project_free_text_or_name_of_a_person(built_release):
    signed = {
        "rule": "delivery-stock",
        "area": "department:31",
        "value": "-6",
        "signed": {"source_id": "s", "by": "A. Martin", "on": "2020-05-04", "reason": "six MSP réunies"},
    }
    manifest = built_release.manifest | {"warnings": [signed]}
    release = replace(built_release, manifest=manifest)
    inside, outside = (note(Subject.of(release, commune="35902", audience=a)) for a in ("internal", "public"))
    assert [row[3] for row in table(inside, "projets-table").rows] == ["à l'étude"]
    for text in (" P03 ", "foncier", "A. Martin", "six MSP réunies"):
        assert text in cell_texts(inside)
        assert text not in cell_texts(outside)
    assert dict(outside.banner)["Diffusion"].startswith("publique")


def cell_texts(written):
    return " ".join(" ".join(row) for t in written.tables for row in t.texts()) + str(written.banner)


FRENCH = re.compile(r"\b(aucune?s?|dans|des|les|est|sont|sans|pas|inconnue?s?|soit|au plus|une)\b", re.IGNORECASE)


@pytest.mark.parametrize(
    "area", [{"year": 2019}, {"commune": "29901"}, {"qpv": "QN02998I"}, {"year": 2024, "department": "93"}]
)
def test_the_english_report_has_no_french_sentence(noted, area):
    written = noted(language="en", **area)
    texts = [*written.warnings, written.title, *(v for pair in written.banner for v in pair)]
    for section in written.sections:
        texts.append(section.title)
        for block in section.blocks:
            if isinstance(block, Table):
                texts += [block.caption, *block.notes, *(c.title for c in block.columns)]
            elif isinstance(block, Figure):
                texts += [block.title, block.caption, block.description]
            elif "lost their last" not in block:  # which names QPV
                texts.append(block)
    assert len(texts) > 60
    names = re.compile(r"territoire de vie-santé|qpvhealth list .*")
    assert not [t for t in texts if FRENCH.search(names.sub("", t))]
    page = html.render(written)
    assert '<html lang="en">' in page
    assert "Skip to the content" in page
    assert all(render(written) for render in (markdown.render, sheets.render, odt.render))


LISTS = ("annexe-", "fichiers", "acceptes", "ecarts")
"""Tables whose rows are the source, or a document."""


@pytest.mark.parametrize(
    "area", [{}, {"region": "53"}, {"department": "93"}, {"commune": "29901"}, {"qpv": "QN02998I"}]
)
@pytest.mark.no_cover
def test_every_table_of_figures_names_the_command_that_lists_its_rows_and_it_works(noted, built_release, area):
    year = {} if "qpv" in area else {"year": 2019}
    written = noted(**year, **area)
    commands = set()
    for one in written.tables:
        named = [line.removeprefix("Lignes : ").split(" (")[0] for line in one.notes if line.startswith("Lignes : ")]
        rows_in_the_note = one.anchor.startswith(LISTS) or {c.rows for c in one.columns} & written.lists
        assert named or rows_in_the_note or one.anchor in ("zonages", "devenirs", "programmes"), one.anchor
        commands.update(named)
    assert commands
    for command in commands:
        done = run(*command.split()[1:], "--out", built_release.folder.parent.parent)
        assert done.returncode == 0, (command, done.stderr)


@pytest.mark.no_cover
def test_figures_of_the_workbook_lead_to_sheets_that_hold_their_rows(of_2019):
    book = openpyxl.load_workbook(io.BytesIO(sheets.render(of_2019)))
    first = book["Tableau 1"]
    headers = [cell.value for cell in first[1]]
    total = dict(zip(headers, first[first.max_row], strict=True))
    for title, sheet_name in (
        ("En QPV, 2019", "En QPV"),
        ("Recensées, 2018", "Structures 2018"),
        ("Recensées, 2019", "Structures 2019"),
    ):
        cell = total[title]
        assert cell.hyperlink.location == f"'{sheet_name}'!A1"
        assert book[sheet_name].max_row - 1 == cell.value
    movements = book["Mouvements"]
    effect = [cell.value for cell in movements[1]].index("Effet en QPV")
    assert sum(row[effect].value for row in movements.iter_rows(min_row=2)) == total["Solde"].value
    assert not [c for one in book for row in one for c in row if c.hyperlink and c.hyperlink.target]


@pytest.mark.no_cover
def test_the_document_has_no_list_that_is_too_long_for_it(of_2019):
    assert "annexe-structures-2019" not in of_2019.lists
    assert "annexe-mouvements" in of_2019.lists
    page = html.render(of_2019)
    assert 'href="#annexe-mouvements"' in page
    assert 'href="#annexe-structures-2019"' not in page


def test_revisions_since_the_last_signed_note_are_a_table_by_cause(tmp_path):
    rows = ["0X0000001,MSP,93901,2.305,48.905", "0X0000002,CDS,93901,2.405,48.905"]
    first = tiny(tmp_path, {2020: rows})
    assert "Aucune note visée" in words(note(Subject.of(first)), "revisions")
    visas.sign(Store(tmp_path / "out"), first.id, author="A. Martin", by="B. Durand", on=date(2020, 5, 4))
    assert "celle du dernier visa" in words(note(Subject.of(first)), "revisions")
    second = tiny(tmp_path, {2020: [rows[0], "0X0000002,CDS,93901,2.306,48.905"]})
    assert second.id != first.id
    written = note(Subject.of(second))
    revised = table(written, "revisions-table")
    assert revised.rows[-1] == ("Ensemble", 0, 0, 0, 1, 0, 1, 1, 0, 1)
    assert "B. Durand, 04/05/2020" in words(written, "revisions")
    public = note(Subject.of(second, audience="public"))
    assert "Durand" not in words(public, "revisions") + str(public.banner)
    assert "se lisent dans la note du département" in words(note(Subject.of(second, commune="93901")), "revisions")
    third = tiny(tmp_path, {2020: rows, 2021: rows[::-1]})
    assert "ne peuvent être données" in words(note(Subject.of(third)), "revisions")


@pytest.mark.no_cover
def test_what_cannot_be_known_of_an_area_is_not_called_nothing(noted, tmp_path):
    """No extract of 2024 covers Polynésie; in the other release, no structure says where it is."""
    written = noted(year=2024, department="987")
    assert "ce qui a changé du 1er avril 2020 à fin mars 2024 est inconnu" in words(written, "changements")
    assert "dernière structure" in words(written, "sans-structure")
    assert "sont inconnus" in words(written, "sans-structure")
    assert "Aucun QPV n'a perdu" not in words(written, "sans-structure")
    release = tiny(tmp_path, {2020: ["0X0000001,MSP,,2.305,48.905", "0X0000002,MSP,93901,2.405,48.905"]})
    local = note(Subject.of(release, commune="93901"))
    assert any("1 structure de l'extrait n'a pas de commune" in line for line in local.warnings)
    assert "le total en QPV est exact" not in words(local, "essentiel")
    assert not any("pas de commune" in line for line in note(Subject.of(release)).warnings)


@pytest.mark.no_cover
def test_quarters_of_the_law_that_the_release_lacks_are_named(tmp_path):
    release = tiny(tmp_path, {2020: ["0X0000001,MSP,93901,2.305,48.905"]})
    assert "1 QPV dans cette version, 1514 selon les décrets" in words(note(Subject.of(release)), "sans-structure")
    (lacking,) = list(views.missing_qpv(release, "in_force", 2020))[:1]
    assert "France métropolitaine 1 sur 1296" in lacking
    assert "Metropolitan France 1 of 1296" in lacking.english


@pytest.mark.parametrize("area", [{"year": 2019}, {"year": 2024, "region": "53"}, {"commune": "29901"}])
def test_a_sentence_with_a_figure_names_its_date(noted, area):
    written = noted(**area)
    sections = ("essentiel", "changements", "sans-structure", "quartiers", "zonage")
    lines = [b for s in written.sections if s.anchor in sections for b in s.blocks if isinstance(b, str)]
    dated = re.compile(
        r"(mars|avril) (20)\d\d|objectif de doublement|plus par an|^Soit|ont répondu|certitude|a répondu|tardive|Localisation|preuve"
    )
    assert len(lines) > 8
    assert not [line for line in lines if re.search(r"\d", line) and not dated.search(line)]
