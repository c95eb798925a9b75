"""The rows behind a figure are as many as it says: for every indicator and every count of the invented France."""

import re
from itertools import product

import numpy as np
import pandas as pd
import pytest

from qpvhealth.errors import UsageError
from qpvhealth.indicators.counts import area_codes
from qpvhealth.indicators.declarations import OfQpv
from qpvhealth.indicators.net_change import DATED, NET
from qpvhealth.publish.release import open_release
from qpvhealth.rules.levels import HEADLINE, LEVELS
from qpvhealth.rules.scopes import SCOPES
from qpvhealth.studies import counted
from qpvhealth.studies.counted import Figure


@pytest.fixture(scope="module")
def release(released):
    """Give the release; the stocks that a thousand figures are lists of are made once each."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name in ((counted, "stock"), (counted, "coverage_of")):
            patch.setattr(module, name, once_a_stock(getattr(module, name)))
        yield open_release(released)


def once_a_stock(make):
    made = {}

    def stock(release, figure, **choices):
        is_other = figure.scope_name not in (*SCOPES, "msp_cds")
        key = (figure.year, figure.generation, is_other, *choices.values())
        if key not in made:
            made[key] = make(release, figure, **choices)
        return made[key]

    return stock


def areas_of(rows, levels):
    """Return the area of each row at each level, as categories."""
    return pd.DataFrame({level: area_codes(rows, level).astype("category") for level in levels})


def by_area(areas, people=None):
    """Count the rows of each area of each level, or add their people up."""
    weights = None if people is None else people.to_numpy(dtype=float, na_value=0.0)
    parts = {
        level: pd.Series(np.bincount(area.cat.codes, weights, len(area.cat.categories)), index=area.cat.categories)
        for level, area in areas.items()
    }
    return pd.concat(parts, names=["level", "area_code"]).astype(float)


def gap(cells, n):
    """Return the cells of which the published number is not the number of rows; an area without rows has none."""
    keyed = cells.set_index(["level", "area_code"])
    assert not n.index.difference(keyed.index).size or n[n.index.difference(keyed.index)].eq(0).all()
    return keyed[keyed["value"].notna() & (keyed["value"] != n.reindex(keyed.index).fillna(0.0))]


@pytest.mark.parametrize("name", [n for n, i in counted.INDICATORS.items() if i is not None])
@pytest.mark.no_cover
def test_every_row_of_the_indicators_is_the_number_of_its_rows(release, name):
    declared = counted.INDICATORS[name]
    every = release.table("indicators")
    every = every[every["indicator"] == name]
    compared = 0
    for (year, generation, scope), cells in every.groupby(["year", "generation", "scope"]):
        figure = Figure(int(year), generation, indicator=name, scope=scope)
        rows = counted.of_figure(release, figure)
        is_people = isinstance(declared, OfQpv) and declared.unit == "inhabitants"
        n = by_area(areas_of(rows, HEADLINE), rows["population"] if is_people else None)
        wrong = gap(cells.assign(value=cells["numerator"]), n)
        assert wrong.empty, (figure, wrong.head())
        compared += int(cells["numerator"].notna().sum())
        if counted.has_whole(figure):
            every_one = counted.of_figure(release, figure, "denominator")
            whole = by_area(areas_of(every_one, HEADLINE), every_one["population"] if is_people else None)
            assert gap(cells.assign(value=cells["denominator"]), whole).empty, figure
    assert compared > 200


@pytest.mark.parametrize("name", [NET, *DATED])
def test_every_change_is_the_sum_of_its_movements(release, name):
    every = release.table("indicators")
    every = every[(every["indicator"] == name) & (every["level"] != "territory")]
    sampled = pd.concat([every[every["level"] == "country"], every.sample(60, random_state=7)])
    for row in sampled.to_dict("records"):
        figure = Figure(int(row["year"]), row["generation"], row["level"], row["area_code"], name, row["scope"])
        rows = counted.of_figure(release, figure)
        assert (rows["effect"].sum() if name == NET else len(rows)) == row["value"], figure
        assert rows[["file", "source_row"]].notna().all().all()


@pytest.mark.no_cover
def test_every_row_of_the_counts_is_the_number_of_its_rows(release):
    counts = release.table("yearly_counts").rename(columns={"n_structures": "value"})
    keys = ["structure_type", "modality", "situation"]
    for (year, generation), cells in counts.groupby(["year", "generation"]):
        rows = counted.of_figure(release, Figure(int(year), generation, situation="all"))
        of_kind = {tuple(values): part for values, part in cells.groupby(keys)}
        areas, inside = areas_of(rows, LEVELS), rows["qpv_code"].notna()
        for wanted in product(("MSP", "CDS", "all"), ("pluri", "mono", "unknown", "all"), (*_SITUATIONS, "all")):
            mask = np.logical_and.reduce([(rows[c] == v) | (v == "all") for c, v in zip(keys, wanted, strict=True)])
            part = of_kind.get(wanted)
            if part is None:
                assert not mask.any(), (year, generation, wanted)
                continue
            n = by_area(areas[mask].drop(columns="qpv"))
            assert gap(part[part["level"] != "qpv"], n).empty, (year, generation, wanted)
            assert gap(part[part["level"] == "qpv"], by_area(areas.loc[mask & inside, ["qpv"]])).empty


_SITUATIONS = ("in_qpv", "vecu_declared", "vecu_proxy", "elsewhere", "undetermined")


@pytest.mark.no_cover
def test_cells_of_counts_drawn_at_random_are_the_number_of_their_rows(release):
    for row in release.table("yearly_counts").sample(60, random_state=11).to_dict("records"):
        area = {c: row[c] for c in ("level", "area_code", "situation", "structure_type", "modality")}
        figure = Figure(int(row["year"]), row["generation"], **area)
        view = counted.counted(release, figure)
        assert len(view.frame) == row["n_structures"], figure
        assert view.frame[["file", "source_row"]].notna().all().all()
        n = row["n_structures"]
        assert re.search(rf"publié {n}(?: \({n} à \d+\))? ; lignes : {n}$", view.notes[0]), view.notes[0]


def test_the_figures_of_the_note_are_listed_with_their_rows(release):
    signed = counted.counted(release, Figure(2019, structure_type="MSP"))
    assert len(signed.frame) == 59
    assert set(signed.frame["sheet"]) == {"Structures"}
    bare = counted.counted(release, Figure(2020, indicator="large_qpv_without_any", scope="primary"))
    assert len(bare.frame) == 148
    assert bare.frame["is_large"].all()
    assert (bare.frame["file"].str.contains("qpv-2015")).all()


@pytest.mark.parametrize("name", ["n_in_qpv", "n_in_or_near", "n_country", "share_in_qpv"])
@pytest.mark.no_cover
def test_what_is_unknown_is_listed_rejected_rows_and_second_places_with_it(release, name):
    every = release.table("indicators")
    cells = every[(every["indicator"] == name) & every["level"].isin(["country", "department"])]
    seen = 0
    for (year, generation, scope), rows in cells.groupby(["year", "generation", "scope"]):
        if scope not in ("msp", "cds", "msp_cds", "primary"):
            continue
        listed = counted.of_figure(release, Figure(int(year), generation, indicator=name, scope=scope), "unknown")
        assert gap(rows.assign(value=rows["n_unknown"]), by_area(areas_of(listed, ["country", "department"]))).empty, (
            year,
            scope,
        )
        seen += len(listed)
    assert seen > 0


@pytest.mark.parametrize(
    ("choice", "part", "words"),
    [
        ({"year": 1999}, "numerator", 'no year "1999"'),
        ({"generation": "qpv-1996"}, "numerator", "no generation"),
        ({"indicator": "n_nothing"}, "numerator", "no indicator"),
        ({"indicator": "net_in_qpv", "scope": "primary"}, "numerator", "no scope of net_in_qpv"),
        ({"indicator": "n_in_qpv", "level": "commune", "area_code": "93901"}, "numerator", "no level of n_in_qpv"),
        ({"level": "region", "area_code": "99"}, "numerator", 'no region "99"'),
        ({"situation": "near"}, "numerator", "no situation"),
        ({"structure_type": "MDPH"}, "numerator", "no type"),
        ({"indicator": "n_in_qpv"}, "denominator", "n_in_qpv has no denominator"),
        ({}, "unknown", "name it with --indicator"),
    ],
)
def test_what_the_release_does_not_have_is_refused_by_name(release, choice, part, words):
    with pytest.raises(UsageError, match=words):
        counted.counted(release, Figure(**{"year": 2019} | choice), part)
