"""GP density and age: the figures of Rennes, and masks by hand."""

import pandas as pd
import pytest

from qpvhealth.indicators import density

COLUMNS = ["level", "area_code", "n_gp", "n_over_55", "population", "density"]


def practitioners(*rows):
    return pd.DataFrame(rows, columns=COLUMNS).assign(year=2024, mask_under=0.0)


def areas(*rows):
    columns = ["level", "area_code", "parent_code", "n_gp", "n_over_55", "population", "density"]
    return pd.DataFrame(rows, columns=columns).assign(mask_under=0.0)


def test_density_given_or_computed():
    told = density.by_area(
        practitioners(("commune", "35238", 290, 145, 216_418, None), ("country", "FR", None, None, None, 109.0))
    ).set_index("area_code")
    assert round(told.loc["35238", "density"]) == 134
    assert told.loc["FR", "density"] == 109
    assert density.with_shares(told.reset_index()).set_index("area_code").loc["35238", "share_over_55"] == 0.5


def test_points_are_summed_to_their_commune():
    told = density.by_area(practitioners(*[("point", "35238", 1, over, None, None) for over in (1, 0, None)]))
    assert told[["n_gp", "n_over_55"]].to_numpy().tolist() == [[3, 1]]
    assert told["density"].isna().all()


def test_quarters_by_distance():
    pairs = pd.DataFrame({"point": [0, 1, 1], "qpv_code": ["A", "A", "B"]})
    points = practitioners(("point", None, 1, 1, None, None), ("point", None, 1, 0, None, None))
    quarters = pd.DataFrame({"qpv_code": [*"ABCD"], "population": [1000, None, 500, 500], "parent_code": "c"})
    quarters["is_told"] = [True, True, True, False]
    told = density.by_quarter(pairs, points, quarters).set_index("area_code")
    assert told["n_gp"].to_dict() == {"A": 2, "B": 1, "C": 0, "D": pytest.approx(float("nan"), nan_ok=True)}
    assert pd.isna(told.loc["D", "density"])  # no point there, and nobody says that there is no GP
    assert told.loc["A", "density"] == 200
    assert pd.isna(told.loc["B", "density"])
    assert told.loc["C", "density"] == 0  # the absence of GPs is never hidden


def test_fewer_than_five_are_masked_and_densities_are_not():
    told = density.with_shares(areas(("commune", "c", "", 4, 4, 1000, 400.0), ("commune", "d", "", 5, 1, 1000, 500.0)))
    assert told["share_over_55"].isna().tolist() == [True, False]
    assert told["n_over_55"].isna().tolist() == [True, False]
    assert told["n_gp"].tolist() == [4, 5]
    assert told["density"].tolist() == [400.0, 500.0]
    assert told["masked"].fillna("").tolist() == ["fewer_than_5", ""]


def test_a_part_whose_complement_is_small_is_masked():
    told = density.with_shares(areas(("commune", "c", "", 10, 5, 1, 1.0), ("qpv", "A", "c", 7, 3, 1, 1.0))).set_index(
        "area_code"
    )
    assert told.loc["A", "masked"] == density.COMPLEMENT.format(5)  # 10 - 7 = 3 would be read
    assert pd.isna(told.loc["c", "masked"])


def test_one_masked_part_masks_another():
    told = density.with_shares(
        areas(
            *(("commune", "c", "", 30, 9, 1, 1.0), ("qpv", "A", "c", 3, 3, 1, 1.0)),
            *(("qpv", "B", "c", 12, 3, 1, 1.0), ("qpv", "C", "c", 15, 3, 1, 1.0)),
        )
    ).set_index("area_code")
    assert told["masked"].fillna("").to_dict() == {
        "c": "",
        "A": density.FEW.format(5),
        "B": density.COMPLEMENT.format(5),
        "C": "",
    }


def test_the_stricter_of_five_and_the_threshold_of_the_source_masks():
    rows = areas(("commune", "c", "", 8, 4, 1000, 800.0), ("commune", "d", "", 11, 1, 1000, 1100.0))
    told = density.with_shares(rows.assign(mask_under=11.0))
    assert told["masked"].fillna("").tolist() == ["fewer_than_11", ""]
    assert density.with_shares(rows.assign(mask_under=3.0))["masked"].isna().all()


def test_two_distances_do_not_reveal_the_few_between_them():
    sizes = {100.0: 5, 200.0: 5, 300.0: 8, 500.0: 10, 1000.0: 11}
    rings = [areas(("qpv", "A", "c", n, 2, 1000, 1.0)).assign(distance_m=d) for d, n in sizes.items()]
    shown = density.apart(density.with_shares(pd.concat(rings, ignore_index=True))).set_index("distance_m")
    why = density.COMPLEMENT.format(5)
    assert shown["masked"].fillna("").to_dict() == {
        100: "",
        200: "",
        300: why,
        500: "",
        1000: why,
    }  # 8 - 5 and 11 - 10 are few
    assert shown["n_over_55"].isna().tolist() == [False, False, True, False, True]
    assert shown["n_gp"].tolist() == [*sizes.values()]


def test_of_an_area_the_last_vintage_is_shown():
    two = pd.concat([areas(("commune", "c", "", 9, 4, 1, 1.0)).assign(year=year) for year in (2023, 2024)])
    other = areas(("commune", "d", "", 9, 4, 1, 1.0)).assign(year=2023)
    assert density.latest(pd.concat([two, other]))[["area_code", "year"]].to_numpy().tolist() == [
        ["c", 2024],
        ["d", 2023],
    ]


def test_no_gp_is_no_mask():
    told = density.with_shares(areas(("commune", "c", "", 0, 0, 1000, 0.0))).iloc[0]
    assert (pd.isna(told["masked"]), told["density"]) == (True, 0.0)
    assert pd.isna(told["share_over_55"])


def test_no_practitioners_no_rows():
    nothing = density.with_shares(density.by_area(practitioners()))
    assert nothing.empty
    assert {"share_over_55", "masked"} <= set(nothing.columns)
