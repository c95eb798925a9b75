"""The published figures as data: the sums that the documents themselves imply."""

from qpvhealth.facts.published import DOCUMENTS, FIGURES, PERIMETER_SETS

BY_ID = {f.id: f for f in FIGURES}


def value(document, date, scope, measure):
    return BY_ID[f"{document}-{date}-{scope}-{measure}"].value


def test_identifiers_are_unique_and_sources_known():
    assert len(BY_ID) == len(FIGURES)
    assert all(f.document in DOCUMENTS and f.perimeter in PERIMETER_SETS for f in FIGURES)


def test_a_figure_is_either_measured_or_said_not_to_be():
    assert all((f.measure is None) == bool(f.why_not) for f in FIGURES)
    assert all(f.on is not None or f.reading is not None for f in FIGURES if f.measure)


def test_sums():
    at18 = {s: value("002", "2018-03", s, "n_in_qpv") for s in ("msp", "cds", "msp_cds")}
    at19 = {s: value("002", "2019-03", s, "n_in_qpv") for s in ("msp", "cds", "msp_cds")}
    assert at18["msp"] + at18["cds"] == at18["msp_cds"] == 251
    assert at19["msp"] + at19["cds"] == at19["msp_cds"] == 280
    assert {s: at19[s] - at18[s] for s in at18} == {s: BY_ID[f"002-net-{s}"].value for s in at18}
    assert BY_ID["002-net-msp"].value + BY_ID["002-net-cds"].value == BY_ID["002-net-msp_cds"].value == 29
    near = {s: value("002", "2019-03", s, "n_in_or_near") for s in ("msp", "cds", "msp_cds")}
    assert near["msp"] == 59 + 68 == 127
    assert near["cds"] == 221 + 342 == 563
    assert near["msp"] + near["cds"] == near["msp_cds"] == 690
    assert 1048 + 2063 == value("002", "2018-03", "msp_cds", "n_country") == 3111
    assert 1251 + 2188 == value("002", "2019-03", "msp_cds", "n_country") == 3439
    assert value("fncs", "2020-04", "msp", "n_in_qpv") + 227 == value("fncs", "2020-04", "msp_cds", "n_in_qpv") == 313


def test_derived_figures_follow_from_the_printed_ones():
    for name, ratio in (
        ("002-2018-share", 251 / 3111),
        ("002-2019-share", 280 / 3439),
        ("fncs-share-covered", 223 / 1514),
        ("fncs-per-covered", 313 / 223),
    ):
        assert abs(BY_ID[name].value - ratio) <= BY_ID[name].tolerance
    assert 205 <= (1 - 0.86 - 0.005) * 1514 + 1 <= 219  # what a rounded 86 % leaves


def test_no_figure_in_near_before_2019():
    assert not [f for f in FIGURES if f.near == "declared" and f.on and f.on.year != 2019]
