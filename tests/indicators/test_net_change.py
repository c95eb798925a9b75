"""The change of the headline, by hand and on the invented France."""

import pandas as pd

from qpvhealth.indicators import figures
from qpvhealth.indicators.net_change import net_change


def stock(year):
    key = {"indicator": "n_in_qpv", "generation": "g", "year": year, "level": "country", "area_code": "FR"}
    rows = [key | {"scope": scope} for scope in ("msp", "cds", "msp_cds", "primary")]
    return pd.DataFrame(rows).reindex(columns=figures.COLUMNS)


def summary(*rows):
    columns = ["structure_type", "situation", "cause", "n_in", "n_out"]
    frame = pd.DataFrame(rows, columns=columns).assign(generation="g", from_year=2018, to_year=2019, level="country")
    return frame.assign(area_code="FR", n=frame["n_in"] - frame["n_out"])


def values(found):
    return {(i, s): v for i, s, v in zip(found["indicator"], found["scope"], found["value"], strict=True)}


def test_the_net_is_every_cause_and_only_dated_events_are_openings_and_closures():
    given = summary(
        ("MSP", "in_qpv", "opened", 3, 0),
        ("MSP", "in_qpv", "closed", 0, 1),
        ("MSP", "in_qpv", "not_attributable", 2, 1),
        ("MSP", "all", "opened", 9, 0),
    )
    found = net_change(pd.concat([stock(2018), stock(2019)], ignore_index=True), given)
    told = values(found)
    assert set(found["year"]) == {2019}
    assert told["net_in_qpv", "msp"] == 3
    assert (told["opened_in_qpv", "msp"], told["closed_in_qpv", "msp"]) == (3, 1)
    assert told["net_in_qpv", "cds"] == 0
    net = found[(found["indicator"] == "net_in_qpv") & (found["scope"] == "msp")].iloc[0]
    assert net["n_unknown"] == 3
    assert net["rule"].endswith("since the extract of 2018: opened +3, closed -1, not_attributable +1")


def test_a_year_in_which_nothing_crosses_a_qpv_names_the_extract_before_it_too():
    given = summary(("MSP", "elsewhere", "opened", 1, 0))
    found = net_change(pd.concat([stock(2018), stock(2019)], ignore_index=True), given)
    net = found[(found["indicator"] == "net_in_qpv") & (found["scope"] == "msp")].iloc[0]
    assert net["value"] == 0
    assert net["rule"].endswith("since the extract of 2018")


def test_one_extract_has_no_change():
    assert net_change(stock(2018), summary()).empty


def test_the_twenty_nine_are_the_net_of_their_causes(built):
    rows = built["indicators"].query("generation == 'in_force' and level == 'country' and year == 2019")
    told = values(rows)
    assert [told["net_in_qpv", s] for s in ("msp", "cds", "msp_cds")] == [17, 12, 29]
    assert (told["opened_in_qpv", "msp_cds"], told["closed_in_qpv", "msp_cds"]) == (28, 3)
