"""One way to write a figure with its bounds, wherever it stands."""

import pandas as pd
import pytest

from qpvhealth.publish import bounds, selection, words
from qpvhealth.publish.bounds import Bounded
from qpvhealth.publish.rendering import readable
from qpvhealth.publish.selection import View


@pytest.mark.parametrize(
    ("figure", "french", "english"),
    [
        ((59, 59, 70), "59 (59 à 70)", "59 (59 to 70)"),
        ((148, 140, 148), "148 (140 à 148)", "148 (140 to 148)"),
        ((59, 59, 59), "59", "59"),
        ((59, None, None), "59", "59"),
        ((59, 59, None), "59 (ou plus)", "59 (or more)"),
        ((59, 50, None), "59 (au moins 50)", "59 (at least 50)"),
        ((59, None, 70), "59 (au plus 70)", "59 (at most 70)"),
        ((None, 251, 3114), "inconnu (251 à 3114)", "unknown (251 to 3114)"),
        ((None, 0, 2863), "inconnu (au plus 2863)", "unknown (at most 2863)"),
        ((None, None, None), "inconnu", "unknown"),
        ((None, 0, None), "inconnu", "unknown"),
    ],
)
def test_a_figure_has_its_bounds_beside_it(figure, french, english):
    texts = [bounds.written(Bounded(*figure), lambda n: f"{n:.0f}", language) for language in ("fr", "en")]
    assert texts == [french, english]


def test_bounds_that_read_alike_once_rounded_are_not_written():
    assert bounds.written(Bounded(0.081, 0.0812, 0.0813), lambda n: f"{n:.1%}") == "8.1%"


def test_a_figure_is_parted_from_its_bounds():
    assert bounds.parted("59 (59 à 70)") == ("59", "(59 à 70)")
    assert bounds.parted("59") == ("59", "")


def test_the_bounds_of_a_column_are_found_by_their_names():
    assert bounds.of_columns(["value", "lower", "upper", "n", "n_lower", "n_upper", "m_lower"]) == {
        "value": ("lower", "upper"),
        "n": ("n_lower", "n_upper"),
    }
    assert [bounds.figure_of(c) for c in ("n_upper", "lower", "name")] == [("n", "upper"), ("value", "lower"), None]


def test_a_view_of_figures_reads_each_with_its_bounds_and_keeps_them_apart_for_a_workbook():
    frame = pd.DataFrame(
        {
            "all_in_qpv": [280, 251],
            "all_in_qpv_lower": [280, 251],
            "all_in_qpv_upper": [306, 251],
            "share_in_qpv": [0.0814, None],
            "share_in_qpv_lower": [0.0814, None],
            "share_in_qpv_upper": [0.08898, None],
        }
    )
    titles = selection.titles_of("counts", frame.columns)
    shown = {c: title for c, title in titles.items() if c in frame}
    assert shown["all_in_qpv_upper"] == "Total en QPV, au plus"
    view = words.in_words(View("counts", frame, shown), "en")
    assert view.titles["share_in_qpv_lower"] == "Share inside QPV, at least"
    folded = words.with_bounds(view)
    assert list(folded.frame.columns) == ["all_in_qpv", "share_in_qpv"] == list(folded.titles)
    assert [readable(v, "en") for v in folded.frame["all_in_qpv"]] == ["280 (280 to 306)", "251"]
    assert [readable(v, "en") for v in folded.frame["share_in_qpv"]] == ["8.1% (8.1% to 8.9%)", ""]
