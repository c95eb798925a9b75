"""Tables that a release holds, shown by what they answer: the same figures, limited to a year and an area."""

import pandas as pd
import pytest

from qpvhealth.errors import UsageError
from qpvhealth.publish import records
from qpvhealth.publish.selection import Filters


@pytest.fixture(scope="module")
def published(built_release):
    return built_release


def test_history_shows_the_trend_and_each_stock_as_it_was_known(published):
    trend, then = records.history(published, None, Filters())
    table = published.table("trend")
    of_country = table[(table["generation"] == "in_force") & (table["level"] == "country")]
    assert len(trend.frame) == len(of_country) > 0
    assert trend.frame["current"].tolist() == of_country["current"].tolist()
    known = published.table("then_and_now")
    for row in then.frame.to_dict("records"):
        own = known[(known["year"] == row["year"]) & (known["structure_type"] == row["structure_type"])]
        sums = [own[c].sum(min_count=1) for c in ("n_then", "n_now")]
        assert [row["n_then"], row["n_now"]] == [None if pd.isna(n) else n for n in sums]
        if row["n_then"] is not None:  # nobody knew a stock before the first extract
            assert row["difference"] == row["n_now"] - row["n_then"]
    assert then.frame["n_then"].notna().any()
    one = records.history(published, None, Filters(department="93", year=2019))[1].frame
    assert set(one["department_code"]) == {"93"}
    assert set(one["year"]) == {2019}


def test_perimeters_shows_the_effect_and_the_fates_of_an_area(published):
    effect, fates = records.perimeters(published, None, Filters(region="76", year=2019))
    assert set(effect.frame["area_code"]) == {"76"}
    assert (effect.frame["n_from"] + effect.frame["n_gained"] - effect.frame["n_lost"] == effect.frame["n_to"]).all()
    every = records.perimeters(published, None, Filters())[1].frame
    assert len(every) == len(published.table("neighbourhood_fates"))
    assert 0 < len(fates.frame) < len(every)


def test_audit_shows_what_does_not_agree(published):
    flags, series, links = records.audit(published, None, Filters(year=2019))
    assert set(flags.frame["year"]) == {2019}
    assert flags.frame["n"].sum() > 0
    assert len(series.frame) == len(published.table("series_audit"))
    assert set(links.frame["to_year"]) <= {2019}
    with pytest.raises(UsageError, match="1999"):
        records.audit(published, None, Filters(year=1999))
