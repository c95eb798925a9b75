from __future__ import annotations

import re
from datetime import date

import pytest

from qpvhealth.facts import generations as facts
from qpvhealth.facts.territories import DEPARTMENT_TERRITORY, TERRITORIES, department_of_qpv

ALL = facts.KNOWN


def in_force_total(on, available=ALL):
    chosen = {t: facts.in_force(t, on, available) for t in TERRITORIES}
    return sum(facts.expected_count(g, t) or 0 for t, g in chosen.items() if g), chosen


@pytest.mark.parametrize(("generation", "total"), [("qpv-2015", 1514), ("qpv-2024", 1609), ("qpv-2026", 1584)])
def test_perimeters_add_up_to_the_number_of_the_generation(generation, total):
    assert sum(p.count for p in facts.PERIMETERS if p.generation == generation) == total


def test_denominators_are_sums_of_perimeters():
    def of(generation, *territories):
        return sum(facts.expected_count(generation, t) for t in territories or TERRITORIES)

    dom = ("guadeloupe", "martinique", "guyane", "la_reunion", "mayotte")
    sums = {
        "all_2015": of("qpv-2015"),
        "insee_2015": of("qpv-2015", "metropole", *dom),
        "metropole_2015": of("qpv-2015", "metropole"),
        "metropole_2024": of("qpv-2024", "metropole"),
        "in_force_2024_01_01": in_force_total(date(2024, 1, 1))[0],
        "all_2024": of("qpv-2024"),
        "all_2026": of("qpv-2026"),
        "dom_2026": of("qpv-2026", "metropole", *dom),
    }
    assert sums == {name: n for name, (n, _) in facts.DENOMINATORS.items()}


@pytest.mark.parametrize(
    ("on", "metropole", "overseas", "mayotte", "total"),
    [
        (date(2014, 12, 31), None, None, None, 0),
        (date(2015, 1, 1), "qpv-2015", "qpv-2015", "qpv-2015", 1514),
        (date(2023, 12, 31), "qpv-2015", "qpv-2015", "qpv-2015", 1514),
        (date(2024, 6, 1), "qpv-2024", "qpv-2015", "qpv-2015", 1580),
        (date(2024, 12, 31), "qpv-2024", "qpv-2015", "qpv-2015", 1580),
        (date(2025, 1, 1), "qpv-2024", "qpv-2024", "qpv-2024", 1609),
        (date(2025, 12, 31), "qpv-2024", "qpv-2024", "qpv-2024", 1609),
        (date(2026, 1, 1), "qpv-2024", "qpv-2024", "qpv-2026", 1584),
    ],
)
def test_the_generation_in_force_goes_by_territory_and_day(on, metropole, overseas, mayotte, total):
    n, chosen = in_force_total(on)
    assert (chosen["metropole"], chosen["la_reunion"], chosen["mayotte"]) == (metropole, overseas, mayotte)
    assert n == total


def test_qpv_2026_stands_for_qpv_2024_where_it_is_the_only_one_given():
    assert facts.in_force("metropole", date(2026, 6, 1), ("qpv-2026",)) == "qpv-2026"
    assert facts.in_force("mayotte", date(2025, 6, 1), ("qpv-2026",)) is None
    assert facts.in_force("metropole", date(2020, 6, 1), ("qpv-2024", "qpv-2026")) is None


def test_perimeters_that_begin_later_replace_those_without_end(monkeypatch):
    later = facts.Perimeter("qpv-2030", "metropole", 2, date(2030, 1, 1))
    monkeypatch.setattr(facts, "PERIMETERS", (*facts.PERIMETERS, later))
    available = (*ALL, "qpv-2030")
    assert facts.in_force("metropole", date(2029, 12, 31), available) == "qpv-2024"
    assert facts.in_force("metropole", date(2030, 1, 1), available) == "qpv-2030"
    assert facts.in_force("metropole", date(2030, 1, 1), ALL) is None
    assert facts.in_force("martinique", date(2030, 1, 1), available) == "qpv-2024"
    assert facts.in_force("saint_barthelemy", date(2030, 1, 1), available) == "qpv-2030"


def test_a_territory_without_qpv_follows_metropolitan_france():
    assert facts.in_force("saint_barthelemy", date(2024, 6, 1), ALL) == "qpv-2024"
    assert facts.expected_count("qpv-2024", "saint_barthelemy") == 0
    assert facts.expected_count("qpv-2015", "saint_barthelemy") == 0
    assert facts.expected_count("cucs-2008", "metropole") is None


def test_perimeters_of_a_territory_never_overlap_in_time():
    for territory in TERRITORIES:
        for on in (date(2015, 1, 1), date(2023, 12, 31), date(2024, 1, 1), date(2025, 1, 1), date(2026, 1, 1)):
            texts = {(p.generation, p.count) for p in facts.PERIMETERS if p.territory == territory and p.in_force(on)}
            counts = {n for generation, n in texts if generation != "qpv-2026" or territory == "mayotte"}
            assert len(counts) <= 1


@pytest.mark.parametrize(
    ("code", "generation"),
    [
        *(("QP075001", "qpv-2015"), ("QP02A001", "qpv-2015"), ("QP974001", "qpv-2015")),
        *(("QN07511M", "qpv-2024"), ("QN97102I", "qpv-2024"), ("QN97651C", "qpv-2026"), ("QN02B01N", "qpv-2024")),
    ],
)
def test_codes_match_the_pattern_of_their_generation(code, generation):
    assert re.fullmatch(facts.CODE_PATTERNS[generation], code)
    assert department_of_qpv(code) in DEPARTMENT_TERRITORY
    if code.startswith("QN"):
        assert code[-1] in facts.STATUS_LETTERS


@pytest.mark.parametrize("code", ["QN075033", "QP75001", "QP0750011", "QN07511X", "qp075001", "QP20A001", ""])
def test_what_is_no_code_matches_no_pattern(code):
    assert not any(re.fullmatch(p, code) for p in facts.CODE_PATTERNS.values())
