"""Identities are proposed with their evidence, and only where something telling agrees."""

import pandas as pd

from qpvhealth.indicators import identity
from tests.sample import truth

ROW = {
    "finess_et": "750000001",
    "name": "MAISON DE SANTE DU CANAL",
    "siret": "11111111100011",
    "legal_entity": "750000099",
    "address": "3 RUE DU CANAL",
    "commune_code": "75110",
    "opened_on": "2015-02-01",
    "structure_type": "MSP",
    "location_status": "located",
    "x": 0.0,
    "y": 0.0,
}


def frame(*rows):
    told = pd.DataFrame([ROW | r for r in rows], columns=list(ROW))
    texts = dict.fromkeys([c for c in ROW if c not in ("x", "y", "opened_on")], "str")
    return told.astype(texts).assign(opened_on=pd.to_datetime(told["opened_on"]).astype("datetime64[s]"))


def proposed(before, after, gone="left_extract", entered="opened"):
    left = sorted(set(before["finess_et"]) - set(after["finess_et"]))
    came = sorted(set(after["finess_et"]) - set(before["finess_et"]))
    rows = [{"finess_et_from": n, "situation_from": "elsewhere", "cause": gone} for n in left]
    rows += [{"finess_et_to": n, "situation_to": "elsewhere", "cause": entered} for n in came]
    columns = ["finess_et_from", "finess_et_to", "situation_from", "situation_to", "cause"]
    changes = pd.DataFrame(rows, columns=columns).astype("str").assign(from_year=2018, to_year=2019)
    return identity.candidates(before, after, changes)


def test_a_mistyped_number_is_listed_with_its_evidence():
    found = proposed(frame({}), frame({"finess_et": "750000007", "siret": None}))
    assert found[["finess_et_from", "finess_et_to", "kind", "is_confirmed"]].to_numpy().tolist() == [
        ["750000001", "750000007", "renumbered", False]
    ]
    assert found["n_different_characters"].tolist() == [1]
    assert found["same_siret"].isna().all()
    assert found["score"].tolist() == [1.0]


def test_what_left_or_entered_because_an_area_is_not_covered_is_no_record_of_its_own():
    before, after = frame({}), frame({"finess_et": "750000007"})
    uncovered = "coverage_of_extract"
    assert proposed(before, after, gone=uncovered).empty
    assert proposed(before, after, entered=uncovered).empty
    assert not proposed(before, after).empty


def test_the_same_point_is_evidence_wherever_it_is_and_whatever_the_index():
    bare = {"siret": None, "legal_entity": None, "address": None, "x": 700.0, "y": 400.0}
    before = frame({"finess_et": "750000003", "name": "CENTRE DENTAIRE"}, bare).set_axis([8, 5])
    found = proposed(before, frame(bare | {"finess_et": "750000007"}).set_axis([3]))
    assert found[["finess_et_from", "distance_m"]].to_numpy().tolist() == [["750000001", 0]]


def test_two_neighbours_with_nothing_but_a_commune_in_common_are_not():
    other = {"finess_et": "750000007", "name": "CENTRE DENTAIRE", "siret": "2" * 14, "legal_entity": "7", "x": 900.0}
    assert proposed(frame({}), frame(other | {"address": "9 RUE VERTE", "opened_on": "2018-09-01"})).empty


def test_a_merger_and_a_split_are_named():
    twins = frame({}, {"finess_et": "750000002"})
    one = frame({"finess_et": "750000007"})
    assert proposed(twins, one)["kind"].tolist() == ["merged", "merged"]
    assert proposed(one, twins)["kind"].tolist() == ["split", "split"]


def test_a_record_that_merges_into_one_that_stays_is_proposed_only_on_strict_evidence():
    stays = {"finess_et": "750000002"}
    assert proposed(frame({}, stays), frame(stays))["finess_et_to"].tolist() == ["750000002"]
    alike = stays | {"name": "CENTRE DENTAIRE DU CANAL", "siret": "2" * 14}
    assert proposed(frame({}, alike), frame(alike)).empty


def test_a_record_that_was_listed_before_it_entered_is_proposed_once():
    """It is in both extracts, closed in the first: what entered, and a number that both hold."""
    closed = {"finess_et": "750000002"}
    changes = pd.DataFrame(
        {
            "finess_et_from": ["750000001", None],
            "finess_et_to": [None, "750000002"],
            "situation_from": ["elsewhere", None],
            "situation_to": [None, "elsewhere"],
            "cause": ["left_extract", "opened"],
        },
        dtype="str",
    ).assign(from_year=2018, to_year=2019)
    found = identity.candidates(frame({}, closed), frame(closed), changes)
    assert found[["finess_et_from", "finess_et_to"]].to_numpy().tolist() == [["750000001", "750000002"]]


def test_where_nothing_left_or_entered_nothing_is_proposed():
    found = proposed(frame({}), frame({}))
    assert found.empty
    assert list(found) == identity.COLUMNS


def test_the_renumberings_of_the_invented_france_are_all_proposed_and_nothing_else(built):
    true = truth.renumbered()
    found = built["link_candidates"]
    columns = ["finess_et_from", "finess_et_to", "is_confirmed"]
    assert set(map(tuple, found[columns].to_numpy())) == set(
        zip(true["finess_from"], true["finess_to"], true["is_confirmed"], strict=True)
    )


def test_a_point_at_exactly_the_distance_is_near():
    moved = [{"finess_et": f"75000000{i}", "siret": None, "address": None, "x": x} for i, x in ((7, 100.0), (8, 100.1))]
    found = proposed(frame({}), frame(*moved)).set_index("finess_et_to")
    assert identity.NEAR_M == 100
    assert found["score"]["750000007"] == 1
    assert found["score"]["750000008"] < 1


def test_the_whole_name_tells_where_nothing_else_that_neighbours_rarely_share_does():
    silent = {"finess_et": "750000007", "siret": None, "address": None, "x": 5_000.0}
    assert len(proposed(frame({}), frame(silent))) == 1
    assert proposed(frame({}), frame(silent | {"name": "MAISON DE SANTE DU MARAIS"})).empty
