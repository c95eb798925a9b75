"""Two years, two releases, and the true causes of the invented France."""

import shutil
from itertools import pairwise

import pandas as pd
import pytest

import qpvhealth
from qpvhealth import comparison, sample
from qpvhealth.contract.tables import PUBLISHED
from qpvhealth.errors import UsageError
from qpvhealth.indicators import change_summary
from qpvhealth.publish import diff, release
from qpvhealth.publish.manifest import Facts
from qpvhealth.publish.store import Store
from qpvhealth.settings import Settings


@pytest.fixture(scope="module")
def linked(sample_folder, tmp_path_factory):
    """Build the invented France with its identities confirmed."""
    folder = tmp_path_factory.mktemp("linked") / "raw"
    shutil.copytree(sample_folder, folder)
    true = sample.truth().renumbered
    named = (
        true[~true["is_confirmed"]]
        .drop(columns="is_confirmed")
        .rename(columns={"finess_from": "finess_et_from", "finess_to": "finess_et_to"})
    )
    named.assign(reason="confirmée par l'ARS").drop(columns="uid").to_csv(folder / "links.csv", index=False)
    card = '\n[[source]]\nid = "other-links"\nkind = "links"\npath = "links.csv"\ninvented = true\n'
    (folder / "sources.toml").write_text((folder / "sources.toml").read_text(encoding="utf-8") + card, encoding="utf-8")
    return qpvhealth.build(folder)


def published(built, folder, settings=None):
    chosen = settings or Settings()
    facts = Facts(
        fingerprint=str(chosen),
        invented=built.invented,
        inputs=built.inputs,
        settings=chosen.as_dict() | {"in_force": built.in_force},
    )
    return release.open_release(release.write(Store(folder), dict(built), PUBLISHED, facts))


@pytest.fixture(scope="module")
def shown(linked, tmp_path_factory):
    return published(linked, tmp_path_factory.mktemp("release"))


def test_every_true_cause_is_found_and_no_other(linked):
    """One reading differs from the construction, by rule: a placeholder is no date, so it is no late registration."""
    true = sample.truth().changes
    number = true["finess_to"].fillna(true["finess_from"])
    found = linked["changes"]
    found = found[found["generation"] == "in_force"]
    ours = set(zip(found["from_year"].astype(int), found["finess_et"], found["cause"], strict=True))
    theirs = set(zip(true["from_year"].astype(int), number, true["cause"], strict=True))
    undated = found[(found["cause"] == "not_attributable") & (found["evidence"] == "opened_on is a placeholder")]
    placeholders = set(zip(undated["from_year"].astype(int), undated["finess_et"], strict=True))
    assert {(y, n) for y, n, _ in ours ^ theirs} <= placeholders
    assert {c for *_, c in theirs - ours} <= {"late_registration"}


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
    told = diff.sentence(compared, 42, structure_type="MSP")
    assert told.endswith("soit un solde net de +17 (42 → 59)")
    assert diff.structures_table(compared, cause="closed")["effect_in_qpv"].tolist() == [-1, -1, -1]


def test_any_pair_of_years_is_accounted_for_in_either_order(shown):
    there, back = (comparison.years(shown, *pair) for pair in ((2018, 2024), (2024, 2018)))
    forward, backward = (diff.causes_table(c).set_index(["structure_type", "cause"])["n"] for c in (there, back))
    assert forward.to_dict() == {k: -n for k, n in backward.to_dict().items()}
    assert diff.parts_table(there).set_index("part")["effect_in_qpv"]["geography"] > 0


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
    assert comparison.releases(shown, shown, 2019).is_same


def test_another_setting_changes_what_is_counted_and_nothing_else(shown, sample_folder, tmp_path):
    wider = Settings(vecu_distance_m=500)
    other = published(qpvhealth.build(sample_folder, wider), tmp_path, wider)
    compared = comparison.releases(shown, other, 2018)
    assert set(compared.changes["cause"]) == {"scope"}
    parts = diff.parts_table(compared).set_index("part")
    assert parts["n_changes"].to_dict()["settings"] == parts["n_changes"].sum() > 0
    assert parts["differs"]["settings"] == "vecu_distance_m"
    assert compared.releases.inputs()["id"].tolist() == ["other-links"]
