"""What planners are given in the invented France, found again through the pipeline."""

import pytest

from qpvhealth.indicators.declarations import QPV
from qpvhealth.publish import selection, views
from qpvhealth.sample.geography import communes_of
from qpvhealth.studies import planning, practices
from qpvhealth.studies.quarters import Area
from tests.sample import truth

WORDS = {i.name: (i.words_fr, i.words_en) for i in QPV if i.in_table}


@pytest.fixture(scope="module")
def release(built_release):
    return built_release


def test_the_amounts_are_found_again(built, release):
    amounts, n_without = truth.amounts(), truth.dirt()["n_without_amount"]
    assert built["project_funding"].groupby("funder")["amount"].sum().to_dict() == amounts
    assert built["projects"]["amount"].isna().sum() == n_without
    shown = planning.projects(release, show="funding", by="country").frame.set_index("funder")
    assert shown.loc["all", ["amount", "n_unknown"]].tolist() == [sum(amounts.values()), n_without]


def test_every_figure_that_is_not_given_has_its_reason(built):
    figures, dirt = built["neighbourhood_figures"], truth.dirt()
    assert figures["reason"].value_counts().to_dict() == {"suppressed": dirt["n_suppressed"], "empty": dirt["n_empty"]}
    assert figures["value"].isna().sum() == dirt["n_suppressed"] + dirt["n_empty"]


def test_a_neighbourhood_without_gp_has_none_and_the_rest_of_the_country_is_unknown(release):
    told = practices.practitioners(release, Area("department", "35"), within_m=0).frame
    quarters = told[told["level"] == "qpv"]
    assert (quarters["n_gp"] == 0).sum() == truth.n_qpv_without_gp()
    assert quarters["n_gp"].sum() == truth.dirt()["n_gp_points"]
    elsewhere = practices.practitioners(release, Area("region", "93")).frame
    assert elsewhere.query("level == 'qpv'")["n_gp"].isna().all()


def test_no_point_of_a_practitioner_leaves(built):
    areas, near = built["practitioners"], built["neighbourhood_practitioners"]
    assert {"longitude", "latitude", "source_row"}.isdisjoint({*areas.columns, *near.columns})
    assert set(areas["level"]) == {"commune", "region", "country"}
    for rows in (areas, near):
        few = (rows["n_gp"] > 0) & (rows["n_gp"] < 5)
        assert few.any()
        assert rows.loc[few, "n_over_55"].isna().all()
    assert near.groupby("distance_m")["n_gp"].sum().is_monotonic_increasing
    inside = near[(near["distance_m"] == 0) & (near["generation"] == "qpv-2024")]
    assert inside["n_gp"].sum() == truth.dirt()["n_gp_points"]


def test_the_densities_of_document_004(release):
    town = communes_of("35")[0].code
    told = practices.practitioners(release, Area("commune", town)).frame.set_index("area_code")
    assert (round(told.loc[town, "density"]), told.loc[town, "share_over_55"]) == (134, 0.5)
    assert told.loc["FR", "density"] == 109
    assert told.loc["53", "share_over_55"] == pytest.approx(0.45)


def test_the_headline_of_coverage_in_april_2020(release):
    told = views.coverage(release, "country", selection.Filters(year=2020), WORDS).frame
    primary = told[told["scope"] == "MSP et CdS pluriprofessionnels"].set_index("words")
    assert round(primary.loc["Part des QPV sans structure, parmi ceux dont l'extrait peut juger", "value"], 2) == 0.86
    assert primary.loc["Grands QPV sans structure", "value"] == 148
    assert primary.loc["Grands QPV du NPNRU sans structure", "value"] == 104
    assert primary.loc["QPV en ZIP sans structure", ["value", "n_unknown"]].tolist() == [
        325,
        5,
    ]  # five whose class is not known
    assert primary.loc["QPV en ZIP ou en ZAC", "value"] == 589
    assert set(told["data"]) == {"inventées"}
    wide = told[told["scope"] == "MSP et CdS mono et pluriprofessionnels"].set_index("words")
    assert (
        wide.loc["QPV sans structure dans leur périmètre", "value"] == 1291
    )  # 223 have one, 212 in the narrower sense
    brittany = views.coverage(release, "region", selection.Filters(year=2020, region="53"), WORDS).frame
    assert set(brittany["area_code"]) == {"53"}


def test_projects_by_type_and_place(release):
    listed = planning.projects(release).frame.set_index("project_id")
    assert listed.loc[["P01", "P02"], "position"].tolist() == ["in_qpv", "in_qpv"]
    assert listed.loc["P04", "position"] == "undetermined"
    assert listed.loc["P05", "structure_type"] == "Pôle de santé"
    assert set(listed["department_code"]) == {"22", "29", "35", "56"}
