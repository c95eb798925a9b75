from __future__ import annotations

import json
import os

import pytest

from qpvhealth import settings
from qpvhealth.errors import InputError, UsageError


def test_without_a_file_the_defaults_hold():
    chosen = settings.load(None)
    assert chosen.vecu_distance_m == 300
    assert chosen.vecu_rule == "declared"
    assert chosen.rings_m == (100, 200, 300, 500, 1000)
    assert chosen.largest_ring_m == 1000
    assert chosen.large_population == 5000


def test_a_file_changes_what_it_names(tmp_path):
    path = tmp_path / "qpvhealth.toml"
    path.write_text(
        "\ufeffrings_m = [50, 250.5]\nvecu_distance_m = 400\nvecu_rule = 'declared_or_proxy'\ngenerations = ['qpv-2015']\n"
        "[headline_generation]\n2024 = 'qpv-2015'\n[location_error_m]\nstreet = 99\n",
        encoding="utf-8",
    )
    chosen = settings.load(path)
    assert chosen.rings_m == (50, 250.5)
    assert chosen.largest_ring_m == 400
    assert chosen.headline_generation == {2024: "qpv-2015"}
    assert chosen.location_error_m == {"housenumber": 20.0, "street": 99, "unknown": 20.0}
    assert json.loads(json.dumps(chosen.as_dict()))["headline_generation"] == {"2024": "qpv-2015"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ring = 3", 'unknown setting "ring"; known: commune_agrees_m'),
        ("rings_m = []", "rings_m: at least one"),
        ("rings_m = 300", "rings_m: a list"),
        ("rings_m = [-1]", "rings_m: at least one"),
        ("rings_m = ['300']", "rings_m: at least one"),
        ("generations = 'qpv-2015'", "generations: a list of names"),
        ("vecu_distance_m = 0", "vecu_distance_m: a positive"),
        ("vecu_distance_m = inf", "vecu_distance_m: a positive"),
        ("vecu_distance_m = true", "vecu_distance_m: a positive"),
        ("vecu_rule = 'near'", "vecu_rule: one of declared, proxy"),
        ("vecu_rule = ['near']", "vecu_rule: one of declared, proxy"),
        ("geocoder_score = 80", "geocoder_score: between 0 and 1"),
        ("[headline_generation]\nabc = 'qpv-2015'", "headline_generation: a generation for a year"),
        ("headline_generation = 3", "headline_generation: a generation for a year"),
        ("[location_error_m]\nstreets = 3", "location_error_m: metres by name"),
        ("[location_error_m]\nstreet = 'far'", "positive metres"),
        ("outline_tolerance_m = 3", "outline_tolerance_m: metres by name"),
        ("rings_m = [", "cannot be read"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(tmp_path, text, message):
    path = tmp_path / "qpvhealth.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"qpvhealth\.toml: ") as caught:
        settings.load(path)
    assert message in str(caught.value)


def test_all_problems_are_told_at_once():
    with pytest.raises(UsageError) as caught:
        settings.from_mapping({"geocoder_score": 2, "vecu_rule": "x", "rings_m": [0]})
    assert len(str(caught.value).splitlines()) == 3


def test_the_nearest_file_above_is_found(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert settings.nearest(tmp_path / "a" / "b") is None
    (tmp_path / "qpvhealth.toml").write_text("", encoding="utf-8")
    assert settings.nearest(tmp_path / "a" / "b") == (tmp_path / "qpvhealth.toml").resolve()


def test_a_missing_file_is_a_wrong_setting(tmp_path):
    with pytest.raises(UsageError, match="not found"):
        settings.load(tmp_path / "none.toml")


HOSTILE = {
    "deep": b"a = " + b"[" * 100_000,
    "long": b"a = " + b"9" * 10_000,
    "big": b"#" * (settings.MAX_BYTES + 1),
    "bytes": b"a = '\xff'",
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("refused", [UsageError, InputError])
def test_a_hostile_file_is_refused(tmp_path, name, refused):
    path = tmp_path / "x.toml"
    path.write_bytes(HOSTILE[name])
    with pytest.raises(refused, match=r"x\.toml"):
        settings.read_toml(path, refused)


def test_what_is_no_file_is_refused_without_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe.toml")
    for path in (tmp_path / "pipe.toml", tmp_path, tmp_path / "none.toml"):
        with pytest.raises(UsageError, match="not found, or not a file"):
            settings.read_toml(path)
