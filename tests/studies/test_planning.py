"""What planners ask, on the invented France with invented GPs and projects, recomputed from its tables by another road."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely

import qpvhealth
from qpvhealth.errors import InputError, UsageError
from qpvhealth.facts import published as lists
from qpvhealth.facts.published import FIGURES
from qpvhealth.indicators import matrix as matrices
from qpvhealth.indicators.matrix import MEASURES
from qpvhealth.publish import expectations
from qpvhealth.studies import comparison, figures, planning, practices, siting
from qpvhealth.studies.quarters import Area
from tests.conftest import published
from tests.sample import selection

OTHERS = ("neighbourhood_indicators", "practitioners", "projects", "links", "register", "declarations", "geocoded")
"""Kinds that these tests write themselves, in place of those of the invented France, and those of other years than 2024."""
OTHER_YEARS = ("structures-2018", "structures-2019", "structures-2020")
CARDS = Path(__file__).with_name("planning.toml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def bretagne(built):
    """Give the uncovered QPV of Bretagne in 2024, with their polygons."""
    covered = built["neighbourhood_coverage"]
    rows = covered[(covered["year"] == 2024) & (covered["generation"] == "qpv-2024") & (covered["region_code"] == "53")]
    shapes = built["neighbourhoods"][["qpv_code", "generation", "geometry", "commune_codes"]]
    joined = rows.merge(shapes, on=["qpv_code", "generation"])
    return (
        joined[~joined["is_covered_in"].fillna(value=True).astype(bool)].sort_values("qpv_code").reset_index(drop=True)
    )


def point(row):
    at = shapely.point_on_surface(row["geometry"])
    return at.x, at.y


@pytest.fixture(scope="module")
def release(sample_folder, bretagne, tmp_path_factory):
    raw = tmp_path_factory.mktemp("raw")
    text = selection.cards(sample_folder, lambda c: c["kind"] not in OTHERS and c["id"] not in OTHER_YEARS)
    (raw / "sources.toml").write_text(f"{text}\n{CARDS}", encoding="utf-8")
    first, second = bretagne.iloc[0], bretagne.iloc[1]
    (raw / "figures.csv").write_text(f"code;TP60\n{first['qpv_code']};60\n{second['qpv_code']};20\n", encoding="utf-8")
    (raw / "gps.csv").write_text(
        f"code_commune;effectif;plus_de_55_ans;population\n{second['commune_codes'].split(',')[0]};134;67;100000\n",
        encoding="utf-8",
    )
    lon, lat = point(first)
    rows = [f"{lon + 0.00001 * n};{lat};{'oui' if n < 2 else 'non'}" for n in range(3)]
    (raw / "gps-points.csv").write_text("lon;lat;plus_de_55_ans\n" + "\n".join(rows) + "\n", encoding="utf-8")
    (raw / "projects.csv").write_text(
        "projet;type;avancement;ouverture;financeur;montant;qpv;lon;lat\n"
        f"A;MSP;financé;2025;FIQCS;50000;;{lon};{lat}\nA;MSP;financé;2025;CPER;100000;;{lon};{lat}\n"
        f"B;CDS;projet;2026;;;{second['qpv_code']};;\nC;MSP;projet;2026;;;{first['qpv_code']};;\n"
        f"D;Pôle;ouvert;;;;{second['qpv_code']};;\n",
        encoding="utf-8",
    )
    made = qpvhealth.build(raw)
    return published(made, tmp_path_factory.mktemp("out"))


@pytest.fixture(scope="module")
def whole(built_release):
    """Give the release of all years; its matrix, which takes a second, is computed once."""
    cells = figures.cells(built_release)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "cells", lambda _, measures=MEASURES: cells[cells["measure"].isin(measures)])
        yield built_release


def test_areas_are_parsed():
    assert Area.parse(None) == Area("country", "FR")
    assert Area.parse("region:53") == Area("region", "53")
    for wrong in ("53", "region:", "town:1"):
        with pytest.raises(UsageError):
            Area.parse(wrong)


@pytest.mark.no_cover
def test_priorities_list_the_uncovered_of_an_area(release, bretagne):
    view = planning.priorities(release, area=Area("region", "53"))
    assert sorted(view.frame["qpv_code"]) == sorted(bretagne["qpv_code"])
    assert view.frame["rank"].is_monotonic_increasing
    assert set(view.titles) == set(view.frame.columns)
    parts = view.frame[[c for c in view.frame if c.startswith("contribution_")]].sum(axis=1)
    np.testing.assert_allclose(parts, view.frame["score"])
    assert set(view.frame["data"]) == {"inventées"}
    told = view.frame.set_index("qpv_code")
    printed = told.loc[bretagne["qpv_code"][:2], "gp_density"]
    assert printed.isna().tolist() == [True, False]  # under five GPs a density is not printed
    assert any("moins de 5 généralistes" in note for note in view.notes)
    assert told.loc[bretagne["qpv_code"][0], "poverty_rate"] == 60
    gps = told.loc[bretagne["qpv_code"][:3], ["gp_density_level", "gp_share_over_55_level"]]
    assert gps.astype("object").where(gps.notna(), None).to_numpy().tolist() == [
        ["qpv", None],  # three GPs near: the density counts in the rank, the ages are masked
        ["commune", "commune"],
        [None, None],  # no point there and no value of its commune: unknown, not 0
    ]
    assert told.loc[bretagne["qpv_code"][1], "gp_density"] == 134
    assert any("niveau utilisé" in note.casefold() for note in view.notes)
    assert "poverty_rate" in told.loc[bretagne["qpv_code"][2], "unknown"]


def test_priorities_refuse_what_they_do_not_know(release):
    for wrong in ({"weights": {"luck": 1}}, {"weights": {"zip": -1}}, {"scope": "dental"}, {"year": 1999}):
        with pytest.raises(UsageError):
            planning.priorities(release, **wrong)


def test_a_weight_replaces_its_own_and_no_other(release):
    usual, changed = (planning.priorities(release, weights=w).notes for w in (None, {"population": 4}))
    assert any("; Habitants : 2 ;" in note for note in usual)
    assert any("autre (0) : 2 ; NPNRU : 1 ; Habitants : 4 ;" in note for note in changed)
    assert any("other (0): 2; NPNRU: 1; Inhabitants: 4;" in getattr(note, "english", "") for note in changed)
    without = planning.priorities(release, weights={"population": 0}).frame
    assert "contribution_population" not in without.columns
    assert "contribution_zip" in without.columns


def test_gps_near_a_qpv_are_counted_and_their_ages_masked(release, bretagne):
    first = bretagne.iloc[0]
    commune = first["commune_codes"].split(",")[0]
    shown = practices.practitioners(release, Area("commune", commune)).frame.set_index("area_code")
    told = shown.loc[first["qpv_code"]]
    assert told["n_gp"] == 3
    assert told[["density", "share_over_55"]].isna().all()  # of three GPs their number is shown, and no more
    assert "leur nombre, sans densité" in told["note"]
    assert told["masked"] == "fewer_than_5"
    second = bretagne.iloc[1]["commune_codes"].split(",")[0]
    rennes = practices.practitioners(release, Area("commune", second)).frame.set_index("area_code").loc[second]
    assert (rennes["density"], rennes["share_over_55"], pd.isna(rennes["masked"])) == (134, 0.5, True)


def test_gps_are_counted_at_the_distances_of_the_settings_alone(release):
    with pytest.raises(UsageError, match=r"120 m: GPs are counted within 0, 100, 200, 300, 500, 1000 m"):
        practices.practitioners(release, within_m=120)


def test_projects_gain_each_qpv_once_and_open_nothing(release, bretagne, built):
    told = planning.projects(release, show="effect").frame.set_index("opens_in")
    people = bretagne["population"]
    assert told.loc[2025, ["n_projects", "qpv_gained"]].tolist() == [1, 1]
    assert told.loc[2025, "population_gained"] == people[0]
    assert told.loc[2026, ["n_projects", "n_in_qpv", "qpv_gained", "qpv_gained_so_far"]].tolist() == [2, 2, 1, 2]
    assert told.loc[2026, "population_gained_so_far"] == people[0] + people[1]
    money = planning.projects(release, show="funding").frame.set_index("funder")
    assert money.loc["FIQCS", ["area_code", "amount", "n_unknown"]].tolist() == ["53", 50_000, 3]
    assert money.loc["all", ["n_projects", "amount"]].tolist() == [1, 150_000]
    types = planning.projects(release, show="types").frame.set_index("structure_type")
    assert types.loc["Pôle", "stage"] == "open"
    counted, all_years = release.table("yearly_counts"), built["yearly_counts"]
    in_2024 = all_years[all_years["year"] == 2024].reset_index(drop=True)
    pd.testing.assert_frame_equal(counted, in_2024)  # no project in any count


def test_funding_adds_up_at_every_level(release, bretagne):
    departments = set(bretagne["department_code"][:2])
    for by, areas in (("country", {"FR"}), ("region", {"53"}), ("department", departments)):
        told = planning.projects(release, show="funding", by=by).frame
        assert set(told["area_code"]) == areas
        assert set(told["level"]) == {by}
        whole = told[told["funder"] == "all"]
        assert (whole["amount"].sum(), whole["n_unknown"].sum()) == (150_000, 3)
        assert told.loc[told["funder"] != "all", "amount"].sum() == 150_000
    for wrong in ({"by": "commune"}, {"area": Area("epci", "243500139")}):
        with pytest.raises(UsageError):
            planning.projects(release, **wrong)


def test_adding_a_structure(release, bretagne, tmp_path):
    lon, lat = point(bretagne.iloc[2])
    path = tmp_path / "new.csv"
    path.write_text(f"lon;lat;type\n{lon};{lat};MSP\n{lon};{lat};CDS\n", encoding="utf-8")
    before, gained = siting.simulate_add(release, path, area=Area("region", "53"))
    assert gained.frame["qpv_code"].tolist() == [bretagne["qpv_code"][2]]
    assert before.frame["qpv_covered"].diff().iloc[1] == 1
    assert before.frame["population_covered"].diff().iloc[1] == bretagne["population"][2]
    assert any("SIMULATION" in n for n in before.notes)


@pytest.mark.parametrize(
    ("row", "told"),
    [("0,5;48,8;pôle", "pôle.*row 2"), ("abc;48,8;MSP", "no usable point in row 2"), ("0;0;MSP", "row 2")],
)
def test_a_point_or_type_that_cannot_be_simulated_is_refused(release, tmp_path, row, told):
    path = tmp_path / "new.csv"
    path.write_text(f"lon;lat;type\n{row}\n", encoding="utf-8")
    with pytest.raises(InputError, match=told):
        siting.simulate_add(release, path)


@pytest.mark.parametrize("n", [1, 3])
def test_the_best_sites_inside_are_the_most_populated_qpv(release, bretagne, n):
    pytest.importorskip("scipy")
    chosen, _, gained = siting.simulate_best(release, n, area=Area("region", "53"))
    wanted = bretagne["population"].dropna().astype(float).nlargest(n).sum()
    assert chosen.frame["population"].sum() == wanted
    assert gained.frame["population"].sum() == wanted
    assert "écart à l'optimum 0,0\u202f% (optimum prouvé)" in chosen.notes[0]


def test_a_distance_serves_at_least_as_many(release):
    pytest.importorskip("scipy")
    inside, *_ = siting.simulate_best(release, 5, area=Area("region", "11"))
    near, *_ = siting.simulate_best(release, 5, area=Area("region", "11"), near_m=500)
    assert near.frame["population"].sum() >= inside.frame["population"].sum()


def test_published_figures_of_the_invented_france(whole):
    held = figures.published(whole).frame.set_index("id")
    counts = ("002-2018-03-msp-n_in_qpv", "002-net-msp_cds", "fncs-covered", "law-1580", "insee-population")
    coverage = ("001-without", "001-large", "001-large-npnru", "001-zip", "001-zip-population")
    for name in (*counts, *coverage, "003-zonings", "003-zonings-population"):
        assert held.loc[name, "verdict"] == "reproduit", name
    assert held.loc["etalab-msp-2017-12", "because"].startswith("date")
    assert set(held["data"]) == {"inventées"}


def added(release, **changed):
    """Add a published figure to a whole, as a build does that reads it in ``published.toml``."""
    figure = {"id": "bilan", "document": "Bilan 2020", "words": "MSP en QPV", "said": "86", "value": 86}
    figure |= {"unit": "structures", "on": "2020-04-01", "measure": "n_in_qpv", "scope": "msp"} | changed
    source = {"id": "published.toml", "kind": "published", "path": "published.toml", "sha256": "0", "figures": [figure]}
    manifest = dict(release.manifest)
    return replace(release, manifest=manifest | {"inputs": [*manifest["inputs"], source]})


@pytest.mark.parametrize(
    ("changed", "verdict", "because"),
    [
        ({}, "reproduit", ""),
        ({"value": 90}, "diffère", ""),
        ({"on": "2021-04-01"}, "non comparable", "date : aucun extrait de 04/2021"),
    ],
)
def test_a_figure_of_the_raw_folder_is_compared_beside_those_of_the_facts(whole, changed, verdict, because):
    frame = figures.published(added(whole, **changed)).frame.set_index("id")
    assert len(frame) == len(FIGURES) + 1
    assert (frame.loc["bilan", "verdict"], frame.loc["bilan", "document"]) == (verdict, "Bilan 2020")
    assert frame.loc["bilan", "because"].startswith(because)


def test_a_figure_is_placed_in_the_matrix_by_its_id(whole):
    here = added(whole, value=14.7, said="14,7 %", measure="share_qpv_covered", tolerance=0.05)
    assert set(figures.matrix(whole, said="001-large").frame["measure"]) == {"large_qpv_without_any"}
    assert set(figures.matrix(added(whole), said="bilan").frame["measure"]) == {"n_in_qpv"}
    assert figures.matrix(here, said="bilan").frame.empty
    other = figures.matrix(added(whole), said="bilan", measure="n_country").frame
    assert set(other["measure"]) <= {"n_country"}
    for name in ("002-net-msp", "001-budget"):  # a difference of stocks, and money: no cell is either
        with pytest.raises(UsageError, match="as printed"):
            figures.matrix(whole, said=name)


def test_a_published_figure_may_name_every_measure_of_the_matrix_and_no_other(whole):
    frame = figures.cells(whole)
    scopes = {*matrices.SCOPES, matrices.QPV_SCOPE}
    assert set(frame["measure"]) <= set(matrices.MEASURES)
    assert {f.measure for f in FIGURES if f.measure} <= set(matrices.MEASURES)
    assert set(matrices.MEASURES) - set(frame["measure"]) <= {"letter_C"}  # the communes of Mayotte, in 2026
    assert set(frame["scope"]) == scopes == set(lists.ALLOWED["scope"]) - {lists.CDS_WITH_GP}
    assert {n for n in frame["near"] if not n.startswith("within_")} == set(lists.ALLOWED["near"])


def test_an_id_that_the_facts_have_gained_stops_the_comparison(whole):
    with pytest.raises(UsageError, match="another figure has this id"):
        figures.published(added(whole, id="001-zip"))


def test_expectations_written_of_a_release_hold(whole, tmp_path):
    path = tmp_path / "expect.toml"
    path.write_text(expectations.text(whole), encoding="utf-8")
    assert not expectations.differing(comparison.expected(whole, path)[0].frame)


def test_programmes_and_matrix(whole):
    told = figures.programmes(whole).frame
    mine = told[(told["programme"] == "doublement-msp_cds") & (told["origin"] == "calculé")]
    assert [round(s, 3) for s in mine["share_of_way"]] == [0.0, 0.116, 0.247]
    cells = figures.matrix(whole, year=2020).frame
    assert cells["words"].str.contains("01/04/2020").all()
    with pytest.raises(UsageError):
        figures.matrix(whole, measure="luck")


def test_a_printed_number_is_placed_in_the_matrix(whole):
    found = figures.matrix(whole, said="86 %").frame
    agree = found[found["placed"] == "compatible"]
    assert agree["value"].between(0.855 - 1e-9, 0.865 + 1e-9).all()
    named = agree[(agree["year"] == 2020) & (agree["scope"] == "primary") & (agree["perimeter"] == "all_2015")]
    assert named["near"].tolist() == ["inside"]
    could = found[found["placed"] == "dans les bornes"]
    assert (~could["value"].between(0.855, 0.865) & (could["upper"] >= 0.855 - 1e-9)).all()
    assert figures.matrix(whole, measure="large_qpv_without_any", said="148").frame["value"].eq(148).any()
    with pytest.raises(UsageError, match="as printed"):
        figures.matrix(whole, said="beaucoup")
