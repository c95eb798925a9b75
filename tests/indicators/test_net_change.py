"""The change of the headline, by hand and on the invented France."""

import pandas as pd
import pytest
from hypothesis import given, strategies as st

from qpvhealth.indicators import change_summary, figures
from qpvhealth.indicators.net_change import net_change

IN, OUT, MAYBE = "in_qpv", "elsewhere", "undetermined"
PAIR = pd.DataFrame({"from_year": [2018], "to_year": [2019]})
_UNDETERMINED = [
    "finess_et",
    "year",
    "generation",
    "structure_type",
    "perimeter",
    "territory",
    "region_code",
    "department_code",
]
NONE = pd.DataFrame(columns=_UNDETERMINED).astype({"year": "int64"})
COLUMNS = ("situation", "structure_type", "territory", "region", "department")


def stock(year):
    key = {"indicator": "n_in_qpv", "generation": "g", "year": year, "level": "country", "area_code": "FR"}
    rows = [key | {"scope": scope} for scope in ("msp", "cds", "msp_cds", "primary")]
    return pd.DataFrame(rows).reindex(columns=figures.COLUMNS)


def summary(*rows):
    columns = ["structure_type", "situation", "cause", "n_in", "n_out"]
    frame = pd.DataFrame(rows, columns=columns).assign(generation="g", from_year=2018, to_year=2019, level="country")
    return frame.assign(area_code="FR", n=frame["n_in"] - frame["n_out"])


def change(cause, before, after, kinds=("MSP", "MSP"), *, number="A", step=1):
    """Make one step of a structure of the département 31 between two situations; null: not in the stock."""
    row = {"finess_et": number, "generation": "g", "from_year": 2018, "to_year": 2019, "step": step, "cause": cause}
    for side, situation, kind in zip(("from", "to"), (before, after), kinds, strict=True):
        state = (situation, kind, "metropole", "76", "31") if situation else (None,) * 5
        row |= {f"{c}_{side}": v for c, v in zip(COLUMNS, state, strict=True)}
    return row


def moved(*rows):
    texts = [f"{c}_{side}" for c in COLUMNS for side in ("from", "to")]
    frame = pd.DataFrame(rows, columns=list(change("opened", IN, IN))).astype(dict.fromkeys(texts, "str"))
    return frame.assign(modality_from="pluri", modality_to="pluri")


def of_changes(*rows, outside=None):
    """Return value, lower and upper of the net of each scope, and of openings and closures of both types."""
    frame = moved(*rows)
    found = net_change(
        pd.concat([stock(2018), stock(2019)], ignore_index=True),
        change_summary.summarise(frame),
        frame,
        pairs=PAIR,
        stock=NONE,
        outside=NONE if outside is None else outside,
    )
    keys = zip(found["indicator"], found["scope"], strict=True)
    return dict(zip(keys, found[["value", "lower", "upper", "n_unknown"]].astype(int).agg(tuple, axis=1), strict=True))


def values(found):
    return {(i, s): v for i, s, v in zip(found["indicator"], found["scope"], found["value"], strict=True)}


def test_the_net_is_every_cause_and_only_dated_events_are_openings_and_closures():
    given = summary(
        ("MSP", "in_qpv", "opened", 3, 0),
        ("MSP", "in_qpv", "closed", 0, 1),
        ("MSP", "in_qpv", "not_attributable", 2, 1),
        ("MSP", "all", "opened", 9, 0),
    )
    found = net_change(
        pd.concat([stock(2018), stock(2019)], ignore_index=True), given, moved(), pairs=PAIR, stock=NONE, outside=NONE
    )
    told = values(found)
    assert set(found["year"]) == {2019}
    assert told["net_in_qpv", "msp"] == 3
    assert (told["opened_in_qpv", "msp"], told["closed_in_qpv", "msp"]) == (3, 1)
    assert told["net_in_qpv", "cds"] == 0
    net = found[(found["indicator"] == "net_in_qpv") & (found["scope"] == "msp")].iloc[0]
    assert net["rule"].endswith("since the extract of 2018: opened +3, closed -1, not_attributable +1")


def test_a_year_in_which_nothing_crosses_a_qpv_names_the_extract_before_it_too():
    given = summary(("MSP", "elsewhere", "opened", 1, 0))
    found = net_change(
        pd.concat([stock(2018), stock(2019)], ignore_index=True), given, moved(), pairs=PAIR, stock=NONE, outside=NONE
    )
    net = found[(found["indicator"] == "net_in_qpv") & (found["scope"] == "msp")].iloc[0]
    assert net["value"] == 0
    assert net["rule"].endswith("since the extract of 2018")


def test_one_extract_has_no_change():
    assert net_change(stock(2018), summary(), moved(), pairs=PAIR.iloc[:0], stock=NONE, outside=NONE).empty


def test_the_twenty_nine_are_the_net_of_their_causes(built):
    rows = built["indicators"].query("generation == 'in_force' and level == 'country' and year == 2019")
    told = values(rows)
    assert [told["net_in_qpv", s] for s in ("msp", "cds", "msp_cds")] == [17, 12, 29]
    assert (told["opened_in_qpv", "msp_cds"], told["closed_in_qpv", "msp_cds"]) == (28, 3)


@pytest.mark.parametrize(
    ("cause", "before", "after", "net"),
    [
        ("location_learnt", MAYBE, IN, (1, 0, 1, 1)),
        ("location_lost", IN, MAYBE, (-1, -1, 0, 1)),
        ("location_learnt", MAYBE, OUT, (0, -1, 0, 1)),
        ("opened", None, MAYBE, (0, 0, 1, 1)),
        ("left_extract", MAYBE, None, (0, -1, 0, 1)),
        ("moved", MAYBE, MAYBE, (0, -1, 1, 2)),
        ("generation", MAYBE, MAYBE, (0, -1, 1, 2)),
        ("declaration", MAYBE, MAYBE, (0, 0, 0, 0)),
        ("moved", OUT, IN, (1, 1, 1, 0)),
    ],
)
def test_a_net_has_the_bounds_of_its_structures(cause, before, after, net):
    assert of_changes(change(cause, before, after))["net_in_qpv", "msp"] == net


@pytest.mark.parametrize(("cause", "before", "after"), [("opened", None, MAYBE), ("left_extract", MAYBE, None)])
def test_what_has_no_place_in_a_commune_without_qpv_moves_no_bound(cause, before, after):
    row = change(cause, before, after)
    nowhere = pd.DataFrame({"finess_et": row["finess_et"], "generation": "g", "year": [2018, 2019]})
    found = of_changes(row, outside=nowhere)
    assert found["net_in_qpv", "msp"] == found["opened_in_qpv", "msp"] == (0, 0, 0, 0)


def test_what_stays_undetermined_and_changes_type_moves_between_scopes_and_not_in_their_union():
    found = of_changes(change("reclassified", MAYBE, MAYBE, ("MSP", "CDS")))
    assert [found["net_in_qpv", s][1:3] for s in ("msp", "cds", "msp_cds")] == [(-1, 0), (0, 1), (0, 0)]


def test_openings_and_closures_may_be_movements_without_evidence_or_without_a_place():
    found = of_changes(
        change("opened", None, IN),
        change("opened", None, MAYBE, number="B"),
        change("not_attributable", None, IN, number="C"),
        change("not_attributable", OUT, IN, number="D"),
        change("closed", MAYBE, None, number="E"),
    )
    assert found["opened_in_qpv", "msp"] == (1, 1, 3, 2)
    assert found["closed_in_qpv", "msp"] == (0, 0, 1, 1)


PLACES = st.sampled_from([None, IN, OUT, MAYBE])


@given(st.lists(st.tuples(PLACES, PLACES, st.booleans()), min_size=1, max_size=6))
def test_the_bounds_are_those_of_every_world(structures):
    rows, least, most = [], 0, 0
    for n, (before, after, moves) in enumerate(structures):
        truths = [(False,) if s in (None, OUT) else (True,) if s == IN else (False, True) for s in (before, after)]
        put = before == after == MAYBE and not moves
        nets = [0] if put else [int(b) - int(a) for a in truths[0] for b in truths[1]]
        least, most = least + min(nets), most + max(nets)
        if before or after:
            rows.append(change("moved" if moves else "declaration", before, after, number=str(n)))
    if rows:
        assert of_changes(*rows)["net_in_qpv", "msp"][1:3] == (least, most)


@pytest.mark.parametrize(("perimeter", "net"), [("qpv-2024", (0, -1, 1)), ("qpv-2015", (0, 0, 0))])
def test_what_stays_undetermined_under_other_perimeters_may_have_entered_or_left(perimeter, net):
    one = {"finess_et": "A", "generation": "g", "structure_type": "MSP", "territory": "metropole"}
    area = {"region_code": "76", "department_code": "31"}
    rows = [one | area | {"year": 2018, "perimeter": "qpv-2015"}, one | area | {"year": 2019, "perimeter": perimeter}]
    undetermined = pd.DataFrame(rows, columns=_UNDETERMINED)
    both_years = pd.concat([stock(2018), stock(2019)], ignore_index=True)
    found = net_change(both_years, summary(), moved(), pairs=PAIR, stock=undetermined, outside=NONE)
    nets = found[found["indicator"] == "net_in_qpv"].set_index("scope").loc["msp", ["value", "lower", "upper"]]
    assert tuple(nets) == net
    before = undetermined[:1]  # its commune holds a QPV under the second perimeters alone
    found = net_change(both_years, summary(), moved(), pairs=PAIR, stock=undetermined, outside=before)
    nets = found[found["indicator"] == "net_in_qpv"].set_index("scope").loc["msp", ["value", "lower", "upper"]]
    assert tuple(nets) == (0, 0, 1 if net[2] else 0)
