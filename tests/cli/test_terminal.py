"""A table on a terminal: figures with their bounds under them, a change and its causes as lines."""

import pandas as pd

from qpvhealth.cli import terminal
from qpvhealth.publish import selection, words
from qpvhealth.publish.selection import View

FRAME = pd.DataFrame(
    {
        "year": [2018, 2019],
        "msp_in_qpv": [42, 59],
        "msp_in_qpv_lower": [42, 59],
        "msp_in_qpv_upper": [42, 70],
        "all": [3111, 3439],
        "all_lower": [3111, 3439],
        "all_upper": [3114, 3439],
        "net_in_qpv": [None, 29],
        "net_in_qpv_lower": [None, 28],
        "net_in_qpv_upper": [None, 29],
        "causes": [None, "ouverture +28, moved +1"],
    }
)


def shown(width, language="fr"):
    titles = {"year": "Millésime"} | selection.titles_of("counts", FRAME.columns)
    view = View("counts", FRAME, {c: title for c, title in titles.items() if c in FRAME})
    view = words.with_bounds(words.in_words(view, language))
    return terminal.fitted(view, view.notes, width, invented=False, language=language).splitlines()


def test_bounds_stand_under_their_figure_and_are_parted_where_they_are_long():
    lines = shown(80)
    at = next(n for n, line in enumerate(lines) if line.split()[:2] == ["2018", "42"])
    assert lines[at].split() == ["2018", "42", "3111"]
    assert lines[at + 1].split() == ["(3111", "à"]
    assert lines[at + 2].split() == ["3114)"]
    assert lines[at + 3].split()[:3] == ["2019", "59", "3439"]
    assert lines[at + 4].split()[:3] == ["(59", "à", "70)"]
    assert all(len(line) <= 80 for line in lines)


def test_a_change_is_read_with_its_bounds_and_its_causes():
    assert "2019 : solde net en QPV 29 (28 à 29) : ouverture +28, déménagement +1" in shown(80)
    english = " ".join(line.strip() for line in shown(80, "en"))
    assert "2019: net change inside QPV 29 (28 to 29): opening date between the two reference dates +28" in english
    assert not any(line.startswith("2018 :") for line in shown(80))
