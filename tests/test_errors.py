from __future__ import annotations

import pytest

from qpvhealth import errors


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UsageError, 2),
        (errors.InputError, 3),
        (errors.PublishError, 4),
        (errors.ContractError, 5),
        (errors.QpvhealthError, 70),
    ],
)
def test_each_kind_of_error_has_its_exit_code(error, code):
    assert error.exit_code == code
    assert issubclass(error, errors.QpvhealthError)


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (errors.Place("f.csv"), "f.csv"),
        (errors.Place("f.csv", row=17), "f.csv:row 17"),
        (errors.Place("f.xlsx", "Feuil1", 17, "Type"), 'f.xlsx:Feuil1!row 17, column "Type"'),
        (errors.Place("f.xlsx", "Feuil1"), "f.xlsx:Feuil1"),
    ],
)
def test_a_place_reads_as_a_person_would_say_it(place, text):
    assert str(place) == text


def test_a_long_list_is_cut_and_says_how_much_is_left():
    assert errors.listed(["a", "b"]) == "a\nb"
    assert errors.listed([str(n) for n in range(23)]).splitlines()[-2:] == ["19", "+3 more"]
