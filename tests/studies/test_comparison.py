"""Two years, two releases, and the true causes of the invented France."""

import shutil
from itertools import pairwise

import pandas as pd
import pytest

import qpvhealth
from qpvhealth import sample
from qpvhealth.errors import UsageError
from qpvhealth.facts import causes
from qpvhealth.indicators import change_summary
from qpvhealth.publish import diff, release, views
from qpvhealth.settings import Settings
from qpvhealth.studies import comparison
from tests.conftest import published
from tests.sample import selection, truth


def of_2018(folder, to):
    """Write the cards of 2018 and of the contours of 2015: a raw folder that is built in a second."""
    to.mkdir()
    text = selection.cards(folder, lambda c: c.get("year") == 2018 or c["id"].startswith("qpv-2015"))
    (to / "sources.toml").write_text(text, encoding="utf-8")
    return to


@pytest.fixture(scope="module")
def linked(sample_folder, tmp_path_factory):
    """Build the invented France with its identities confirmed."""
    folder = tmp_path_factory.mktemp("linked") / "raw"
    shutil.copytree(sample_folder, folder)
    true = truth.renumbered()
    named = (
        true[~true["is_confirmed"]]
        .drop(columns="is_confirmed")
        .rename(columns={"finess_from": "finess_et_from", "finess_to": "finess_et_to"})
    )
    named.assign(reason="confirmée par l'ARS").drop(columns="uid").to_csv(folder / "links.csv", index=False)
    card = '\n[[source]]\nid = "other-links"\nkind = "links"\npath = "links.csv"\ninvented = true\n'
    (folder / "sources.toml").write_text((folder / "sources.toml").read_text(encoding="utf-8") + card, encoding="utf-8")
    return qpvhealth.build(folder)


@pytest.fixture(scope="module")
def shown(linked, tmp_path_factory):
    return published(linked, tmp_path_factory.mktemp("release"))


def test_every_true_cause_is_found_and_no_other(linked):
    true = truth.changes()
    number = true["finess_to"].fillna(true["finess_from"])
    found = linked["changes"]
    found = found[found["generation"] == "in_force"]
    ours = set(zip(found["from_year"].astype(int), found["finess_et"], found["cause"], strict=True))
    theirs = set(zip(true["from_year"].astype(int), number, true["cause"], strict=True))
    assert ours == theirs


def test_the_accounts_of_the_release_balance_when_added_up_again(linked):
    counts = linked["yearly_counts"]
    years = sorted(linked["extracts"]["year"])
    pairs = pd.DataFrame(list(pairwise(years)), columns=["from_year", "to_year"])
    found = change_summary.residuals(counts[counts["modality"] == "all"], linked["change_summary"], pairs)
    assert len(found) > 1_000
    assert (found["residual"] == 0).all()


def test_the_twenty_nine_have_their_causes(shown):
    compared = comparison.years(shown, 2018, 2019)
    rows = diff.causes_table(compared)
    everything = rows[rows["structure_type"] == "all"]
    assert everything["n"].sum() == 29
    assert everything.set_index("cause")["n"]["opened"] == 28
    cell = {"generation": "in_force", "level": "country", "area": "FR"}
    stocks = tuple(views.in_qpv(shown, year, **cell)["MSP"] for year in (2018, 2019))
    net = views.net_in_qpv(shown, 2018, 2019, **cell)["CDS"]
    sentence = diff.sentence(compared, stocks, structure_type="MSP")
    assert sentence.endswith("soit un solde net de +17, 42 (42 à 53) → 59 (59 à 70)")
    assert (net.value, net.lower, net.upper) == (12, 11, 12)
    assert views.net_in_qpv(shown, 2018, 2020, **cell) == {}  # its bounds are published of a year and the one before
    assert diff.structures_table(compared, cause="closed")["effect_in_qpv"].tolist() == [-1, -1, -1]


def test_any_pair_of_years_is_accounted_for_in_either_order(shown):
    there, back = (comparison.years(shown, *pair) for pair in ((2018, 2024), (2024, 2018)))
    forward, backward = (diff.causes_table(c).set_index(["structure_type", "cause"])["n"] for c in (there, back))
    assert forward.to_dict() == {k: -n for k, n in backward.to_dict().items()}
    assert diff.parts_table(there).set_index("part")["effect_in_qpv"]["geography"] > 0
    steps = back.changes.groupby(["finess_et", "generation"])["step"].agg(["min", "max", "size"])
    assert (steps["min"] == 1).all()
    assert (steps["max"] == steps["size"]).all()


def test_a_pair_computed_again_from_the_release_is_the_one_published(shown, monkeypatch):
    told = comparison.years(shown, 2019, 2020)
    whole = shown.table("changes")
    monkeypatch.setattr(
        type(shown), "table", lambda self, name, **k: whole.iloc[:0] if name == "changes" else _read(self, name, **k)
    )
    again = comparison.years(shown, 2019, 2020)
    keys = ["generation", "finess_et", "step", "cause", "situation_from", "situation_to"]
    first, second = (c.changes[keys].sort_values(keys).reset_index(drop=True).astype("str") for c in (told, again))
    pd.testing.assert_frame_equal(first, second)


_read = release.Release.table


def test_a_year_that_is_not_there_is_named(shown):
    with pytest.raises(UsageError, match="no vintage 2017"):
        comparison.years(shown, 2017, 2019)
    with pytest.raises(UsageError, match="twice"):
        comparison.years(shown, 2019, 2019)


def test_the_same_release_twice_has_no_change(shown):
    assert comparison.releases(shown, shown, 2019).changes.empty


@pytest.fixture(scope="module")
def small(sample_folder, tmp_path_factory):
    """Publish the first delivery of 2018."""
    folder = tmp_path_factory.mktemp("small")
    return published(qpvhealth.build(of_2018(sample_folder, folder / "raw")), folder / "out")


def test_another_setting_changes_what_is_counted_and_nothing_else(small, sample_folder, tmp_path):
    raw, wider = of_2018(sample_folder, tmp_path / "raw"), Settings(vecu_distance_m=500)
    with (raw / "sources.toml").open("a", encoding="utf-8") as cards:
        cards.write(selection.cards(sample_folder, lambda card: card["id"] == "populations-2013"))
    other = published(qpvhealth.build(raw, wider), tmp_path / "out", wider)
    compared = comparison.releases(small, other, 2018)
    assert set(compared.changes["cause"]) == {"scope"}
    parts = diff.parts_table(compared).set_index("part")
    assert parts["n_changes"].to_dict()["settings"] == parts["n_changes"].sum() > 0
    assert parts["differs"]["settings"] == "vecu_distance_m"
    assert compared.releases.inputs()["id"].tolist() == ["populations-2013"]


@pytest.fixture(scope="module")
def revised_folder(tmp_path_factory):
    """Write the second delivery, three contours of which are edited, and count the nursing centres of 2019 too."""
    folder = tmp_path_factory.mktemp("revised") / "raw"
    sample.write(folder, revised=True)
    cards = (folder / "sources.toml").read_text(encoding="utf-8")
    counted = cards.replace('"Centre de soins infirmiers" = "out_of_scope"', '"Centre de soins infirmiers" = "CDS"')
    assert counted != cards
    (folder / "sources.toml").write_text(counted, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def second_delivery(revised_folder, tmp_path_factory):
    return published(qpvhealth.build(revised_folder), tmp_path_factory.mktemp("second"))


@pytest.fixture(scope="module")
def first_delivery(built_release):
    return built_release


@pytest.mark.no_cover
def test_edited_contours_are_the_only_cause_between_two_deliveries(first_delivery, second_delivery):
    compared = comparison.releases(first_delivery, second_delivery, 2018)
    assert set(compared.changes["cause"]) == {"contour"}
    rows = diff.structures_table(compared, diff.Where("qpv-2015"))
    true = truth.contour_changes().query("year == 2018")
    assert dict(zip(rows["finess_et"], rows["effect_in_qpv"], strict=True)) == dict(
        zip(true["finess_et"], true["effect_in_qpv"], strict=True)
    )
    assert "974" in set(rows["department_from"])
    parts = diff.parts_table(compared, diff.Where("qpv-2015")).set_index("part")
    assert parts["n_changes"]["geography"] == parts["n_changes"].sum() > 0
    assert "qpv-2015-metropole" in parts["differs"]["geography"]


def test_a_type_counted_by_another_card_is_a_scope_chosen_by_the_analyst(first_delivery, second_delivery):
    compared = comparison.releases(first_delivery, second_delivery, 2019)
    rows = compared.changes[compared.changes["generation"] == "in_force"].set_index("finess_et")
    assert set(rows["cause"]) == {"contour", "scope"}
    entered = rows[rows["cause"] == "scope"]
    assert entered["evidence"].unique().tolist() == ["the first extract lists it out of scope, under the same type"]
    assert len(entered) == truth.dirt()["out_of_scope_2019"]
    parts = diff.parts_table(compared).set_index("part")["n_changes"]
    assert parts[["settings", "code", "data"]].tolist() == [len(entered), 0, 0]
    assert "structures-2019" in set(compared.releases.inputs().query("what == 'read otherwise'")["id"])


@pytest.mark.no_cover
def test_edited_contours_and_another_distance_are_told_apart(small, revised_folder, tmp_path):
    wider = Settings(vecu_distance_m=500)
    both = published(qpvhealth.build(of_2018(revised_folder, tmp_path / "raw"), wider), tmp_path / "out", wider)
    found = comparison.releases(small, both, 2018).changes
    scope, contour = (found[found["cause"] == cause] for cause in ("scope", "contour"))
    assert set(contour["finess_et"]) >= set(truth.contour_changes()["finess_et"])
    assert (contour["finess_et"].nunique() < 30) & (len(scope) > 50)
    assert set(scope["situation_from"].fillna("")) == {"elsewhere"}


def test_every_cause_and_evidence_has_its_french_words(shown, first_delivery, second_delivery):
    compared = [comparison.years(shown, *pair) for pair in pairwise((2018, 2019, 2020, 2024))]
    compared.append(comparison.releases(first_delivery, second_delivery, 2019))
    found = pd.concat([c.changes for c in compared])
    assert set(found["evidence"]) <= set(causes.EVIDENCE_FR)
    listed = diff.in_french(diff.structures_table(compared[0]))
    assert not set(listed["cause"]) & set(causes.CAUSES)
