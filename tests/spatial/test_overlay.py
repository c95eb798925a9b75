import pandas as pd
import pytest
import shapely

from qpvhealth.spatial import overlay

SHAPE = shapely.box(0, 0, 100, 100)


def qpv(*rows):
    frame = pd.DataFrame(rows, columns=["qpv_code", "commune_codes"])
    return frame.assign(generation="qpv-2015", territory="metropole", metres=SHAPE).astype({"commune_codes": "str"})


def classes(*rows):
    frame = pd.DataFrame(rows, columns=["level", "code", "zone_class"])
    return frame.assign(raw_label=frame["zone_class"].fillna("0")).astype("str")


def composition(*rows):
    return pd.DataFrame(rows, columns=["commune_code", "tvs_code"]).astype("str")


def zoned(neighbourhoods, listed, members=(), outlines=None):
    return overlay.zone(neighbourhoods, listed, composition(*members), outlines).set_index("qpv_code")


def values(frame, column):
    return frame[column].astype("object").where(frame[column].notna(), None).tolist()


def test_the_qpv_list_then_the_tvs_then_the_commune():
    listed = classes(
        ("qpv", "Q1", "ZIP"), ("tvs", "T1__", "ZAC"), ("commune", "01001", "HZ"), ("commune", "01002", "ZV")
    )
    places = qpv(("Q1", "01001"), ("Q2", "01001"), ("Q3", "01002"), ("Q4", "01003"), ("Q5", None))
    got = zoned(places, listed, [("01001", "T1__")])
    assert values(got, "zone_class") == ["ZIP", "ZAC", "ZV", None, None]
    assert values(got, "level_used") == ["qpv", "tvs", "commune", None, None]
    assert values(got, "reason") == [None, None, None, "not_in_zoning", "no_commune"]
    assert values(got, "differs_from_territory") == [True, None, None, None, None]
    assert values(got, "share_in_zip") == [1, 0, 0, None, None]


def test_the_padding_of_a_tvs_is_kept_for_the_join():
    listed = classes(("tvs", "T1__", "ZIP"), ("tvs", "T1", "ZAC"))
    assert values(zoned(qpv(("Q", "01001")), listed, [("01001", "T1__")]), "zone_class") == ["ZIP"]


def test_a_class_that_the_list_leaves_open_is_not_taken_from_below():
    listed = classes(("qpv", "Q", None), ("commune", "01001", "ZIP"))
    row = zoned(qpv(("Q", "01001")), listed).iloc[0]
    assert pd.isna(row["zone_class"])
    assert (row["level_used"], row["reason"]) == ("qpv", "class_unknown")


def test_differs_from_territory_needs_both():
    listed = classes(
        ("qpv", "Q1", "ZIP"),
        ("qpv", "Q2", "ZIP"),
        ("qpv", "Q3", "ZIP"),
        ("commune", "01001", "ZIP"),
        ("commune", "01002", "HZ"),
    )
    got = zoned(qpv(("Q1", "01001"), ("Q2", "01002"), ("Q3", "01003")), listed)
    assert values(got, "differs_from_territory") == [False, True, None]


def test_straddling_is_not_averaged():
    listed = classes(("commune", "01001", "ZIP"), ("commune", "01002", "ZAC"), ("commune", "01003", "ZIP"))
    places = qpv(("Q1", "01001,01002"), ("Q2", "01001,01003"), ("Q3", "01001,01009"), ("Q4", "01008,01009"))
    got = zoned(places, listed)
    assert values(got, "zone_class") == [None, "ZIP", None, None]
    assert values(got, "classes") == ["ZAC,ZIP", "ZIP", "ZIP", None]
    assert values(got, "reason") == ["straddling", None, "partly_unknown", "not_in_zoning"]
    assert values(got, "level_used") == ["commune", "commune", "commune", None]


def outlines(*rows):
    return pd.DataFrame(rows, columns=["area_code", "metres"]).assign(territory="metropole")


@pytest.mark.parametrize(
    ("edge", "whole", "share"),
    [(25, 100, 0.25), (100, 100, 1.0), (25, 98, None), (25, 99.5, 25 / 99.5)],
)
def test_the_share_in_zip_is_by_area_where_zones_cover_the_qpv(edge, whole, share):
    listed = classes(("commune", "01001", "ZIP"), ("commune", "01002", "ZAC"))
    shapes = outlines(("01001", shapely.box(0, 0, edge, 100)), ("01002", shapely.box(edge, 0, whole, 100)))
    got = zoned(qpv(("Q", "01001,01002"), ("Q2", "01001")), listed, outlines=shapes)
    assert values(got, "share_in_zip") == [pytest.approx(share) if share is not None else None, 1]


def test_a_partly_unknown_qpv_has_no_share_unless_its_zones_cover_it():
    listed = classes(("commune", "01001", "ZIP"))
    shapes = outlines(("01001", shapely.box(0, 0, 50, 100)), ("01009", shapely.box(50, 0, 100, 100)))
    assert values(zoned(qpv(("Q", "01001,01009")), listed, outlines=shapes), "share_in_zip") == [None]


def test_two_tvs_of_different_classes_straddle():
    listed = classes(("tvs", "T1", "ZIP"), ("tvs", "T2", "ZAC"))
    row = zoned(qpv(("Q", "01001,01002")), listed, [("01001", "T1"), ("01002", "T2")]).iloc[0]
    assert (row["reason"], row["level_used"], row["classes"]) == ("straddling", "tvs", "ZAC,ZIP")


def test_an_empty_zoning_gives_no_class():
    got = zoned(qpv(("Q", "01001")), classes())
    assert values(got, "reason") == ["not_in_zoning"]
