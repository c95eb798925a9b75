"""Every change has one cause and nothing is left over, for any history; and each cause on a case worked by hand."""

import json
from datetime import date
from pathlib import Path
from random import Random

import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from qpvhealth.errors import ContractError
from qpvhealth.indicators import accounts, change_summary, changes, pairing

FIRST, LAST = date(2018, 3, 31), date(2019, 3, 31)
INTERVAL = accounts.Interval(2018, 2019, FIRST, LAST)
NO_LINKS = pd.DataFrame({"finess_et_from": [], "finess_et_to": [], "from_year": [], "to_year": []}, dtype="str").astype(
    {"from_year": "Int64", "to_year": "Int64"}
)
DEFAULTS = {
    "finess_et": "A",
    "is_in_stock": True,
    "structure_type": "MSP",
    "type_as_written": "603",
    "modality": "pluri",
    "address": "1 RUE A",
    "postcode": "75001",
    "commune_code": "75101",
    "department_code": "75",
    "region_code": "11",
    "territory": "metropole",
    "opened_on": None,
    "closed_on": None,
    "location_status": "located",
    "x": 0.0,
    "y": 0.0,
    "qpv_code": None,
    "place": "elsewhere",
    "place_other": None,
    "around": None,
    "answer": "unknown",
    "generation": "qpv-2015",
}


OF_POINT = ("place", "place_other")
AROUND = {"in_qpv": "yes", "vecu_proxy": "yes", "elsewhere": "no", "undetermined": "unknown"}
"""Whether a point is in a QPV or within the distance, as its situation alone says."""


def extract(*rows):
    told = [DEFAULTS | row for row in rows]
    filled = [row | {"place_other": row["place_other"] or row["place"]} for row in told]
    filled = [row | {c.replace("place", "around"): row["around"] or AROUND[row[c]] for c in OF_POINT} for row in filled]
    frame = pd.DataFrame(filled, columns=list(pairing.STOCK_COLUMNS))
    days = {c: pd.to_datetime(frame[c]).astype("datetime64[s]") for c in ("opened_on", "closed_on")}
    texts = [c for c in frame if c not in ("is_in_stock", "x", "y", *days)]
    kinds = dict.fromkeys(texts, "str") | {"x": "float64", "y": "float64", "is_in_stock": "bool"}
    return frame.assign(**days).astype(kinds)


def links(*pairs):
    rows = [{"finess_et_from": a, "finess_et_to": b, "from_year": None, "to_year": None} for a, b in pairs]
    return pd.DataFrame(rows, columns=list(NO_LINKS)).astype(NO_LINKS.dtypes)


def account(before, after, interval=INTERVAL, known=NO_LINKS, **options):
    return changes.account(extract(*before), extract(*after), interval, known, **options)


def causes(before, after, interval=INTERVAL, known=NO_LINKS, **options):
    return account(before, after, interval, known, **options)["cause"].tolist()


CAUSES, EVIDENCE = (
    json.loads(Path(__file__).with_name(f"{name}.json").read_text(encoding="utf-8")) for name in ("causes", "evidence")
)
"""Two extracts and the causes between them; two extracts, what each covers and the links where they matter, and the evidence."""


@pytest.mark.parametrize("case", CAUSES, ids=lambda case: ",".join(case["causes"]) or "nothing")
@pytest.mark.no_cover
def test_what_enters_leaves_or_stays_has_its_causes_one_factor_at_a_time(case):
    """An entry is named by its opening date, an exit by its closing date."""
    assert causes(case["before"], case["after"]) == case["causes"]


OUT_OF_SCOPE = {"is_in_stock": False, "structure_type": None}


@pytest.mark.parametrize(
    ("written", "cause"),
    [("603", "scope"), ("604", "reclassified"), ("CPTS", "not_attributable"), (None, "not_attributable")],
)
def test_what_an_extract_lists_out_of_scope_was_redefined_or_reclassified(written, cause):
    """Another structure of the second extract is a 604 that counts: the two extracts use the same words."""
    aside, other = OUT_OF_SCOPE | {"type_as_written": written}, {"finess_et": "B", "type_as_written": "604"}
    assert causes([{}, other], [aside, other]) == [cause]
    assert causes([aside | {"opened_on": None}, other], [{"opened_on": "2009-05-01"}, other]) == [cause]


def test_a_dated_event_comes_before_a_change_of_scope_and_says_so():
    found = account([{"closed_on": "2018-12-31"}], [OUT_OF_SCOPE])
    assert found[["cause", "other_order_differs"]].to_numpy().tolist() == [["closed", True]]


def test_a_closing_date_that_the_first_extract_announced_is_evidence():
    assert causes([{"closed_on": "2018-12-31"}], []) == ["closed"]


def test_an_area_that_one_extract_does_not_cover_is_neither_opening_nor_closure():
    partial = accounts.Interval(2018, 2019, FIRST, LAST, None, {"13"})
    assert causes([{}], [], partial) == ["coverage_of_extract"]
    assert causes([{"department_code": "13"}], [], partial) == ["left_extract"]
    assert causes([], [{"opened_on": "2010-01-01"}], partial.reversed) == ["coverage_of_extract"]


def test_an_opening_in_an_area_newly_covered_says_that_another_order_differs():
    partial = accounts.Interval(2018, 2019, FIRST, LAST, {"13"}, None)
    found = changes.account(extract().iloc[:0], extract({"opened_on": "2018-09-01"}), partial, NO_LINKS)
    assert found[["cause", "other_order_differs"]].to_numpy().tolist() == [["opened", True]]


B = {"finess_et": "B"}


@pytest.mark.parametrize("case", EVIDENCE, ids=lambda case: case["evidence"])
@pytest.mark.no_cover
def test_the_evidence_says_which_test_held(case):
    covers = [c and set(c) for c in case.get("covers", (None, None))]
    interval, known = accounts.Interval(2018, 2019, FIRST, LAST, *covers), links(*case.get("links", []))
    assert case["evidence"] in account(case["before"], case["after"], interval, known)["evidence"].tolist()


@pytest.mark.parametrize(
    ("old", "new", "fields"),
    [
        ({}, {"answer": "yes"}, "answer"),
        (
            {"closed_on": "2030-01-01"},
            {"answer": "yes", "address": "9 RUE B", "postcode": None, "opened_on": "2001-01-01"},
            "address,postcode,answer,opened_on,closed_on",
        ),
        ({"modality": "mono", "structure_type": "CDS"}, {"location_status": "centroid"}, None),
        ({}, {"x": 40.0}, "nothing"),
    ],
)
def test_the_fields_that_differ_are_listed(old, new, fields):
    """Of the last case only the point differs, which is no field of the record."""
    found = account([old], [new])
    expected = {None: "structure_type,modality,location_status", "nothing": None}.get(fields, fields)
    assert {None if pd.isna(c) else c for c in found["changed"]} == {expected}


def test_what_enters_or_leaves_has_no_field_that_differs():
    found = account([{}, B | {"is_in_stock": False, "answer": "yes"}], [B])
    assert set(found["finess_et"]) == {"A", "B"}
    assert found["changed"].isna().all()


VALUES = pd.Series(["a", "a", None, "a", None], dtype="str"), pd.Series(["a", "b", "b", None, None], dtype="str")


@pytest.mark.parametrize(
    ("compare", "told"),
    [
        (accounts.differ, [False, True, False, False, False]),
        (accounts.unlike, [False, True, True, True, False]),
        (accounts.same, [True, False, False, False, False]),
    ],
)
def test_a_null_is_neither_like_nor_unlike_unless_said(compare, told):
    assert compare(*VALUES).tolist() == told


def test_effects_are_null_where_near_is_unknown():
    found = account([{"place": "vecu_proxy"}], [{"place": "in_qpv", "x": 300.0}])
    assert found["effect_in_qpv"].tolist() == [1]
    assert found["effect_in_or_near"].isna().all()
    by_distance = account([{"place": "elsewhere"}], [{"place": "vecu_proxy", "x": 9.0}], near_rule="proxy")
    assert by_distance["effect_in_or_near"].tolist() == [1]


def test_a_street_that_is_inside_or_near_whichever_it_is_has_an_effect():
    near = {"place": "undetermined", "around": "yes"}
    for rule, effect in (("proxy", [1]), ("declared_or_proxy", [1]), ("declared", [pd.NA])):
        found = account([{}], [near | {"x": 90.0}], near_rule=rule)
        assert found["effect_in_or_near"].tolist() == effect
    unsure = near | {"around": "unknown", "x": 90.0}
    found = account([{}], [unsure], near_rule="proxy")
    assert found["effect_in_or_near"].isna().all()


def test_another_order_differs_where_a_move_and_an_answer_meet():
    old = {"place": "elsewhere"}
    new = {"place": "vecu_proxy", "x": 900.0, "address": "9 RUE B", "answer": "yes"}
    found = account([old], [new])
    assert found["cause"].tolist() == ["moved", "declaration"]
    assert found["situation_to"].tolist() == ["vecu_proxy", "vecu_declared"]
    assert found["other_order_differs"].all()


def test_a_renumbering_is_one_exit_and_one_entry_until_it_is_confirmed():
    before, after = [{}], [{"finess_et": "B", "opened_on": "2009-01-01", "place": "in_qpv", "x": 9.0}]
    assert sorted(causes(before, after)) == ["late_registration", "left_extract"]
    assert causes(before, after, known=links(("A", "B"))) == ["identity", "relocated"]


def test_the_closed_row_of_an_old_number_does_not_hide_a_renumbering():
    after = [{"is_in_stock": False, "closed_on": "2018-06-30"}, {"finess_et": "B", "opened_on": "2018-07-01"}]
    assert causes([{}], after, known=links(("A", "B"))) == ["identity"]


def test_mergers_and_splits_leave_one_identity_each():
    merged = changes.account(
        extract({}, {"finess_et": "B"}), extract({"finess_et": "C"}), INTERVAL, links(("A", "C"), ("B", "C"))
    )
    assert merged["cause"].tolist() == ["identity", "identity"]
    assert merged["situation_to"].isna().tolist().count(True) == 1
    split = changes.account(extract({}), extract({}, {"finess_et": "B"}), INTERVAL, links(("A", "B")))
    assert split[["finess_et", "cause"]].to_numpy().tolist() == [["B", "identity"]]


def test_chains_of_links_are_followed():
    assert causes([{}], [{"finess_et": "C"}], known=links(("A", "B"), ("B", "C"))) == ["identity"]


def test_a_link_of_other_years_changes_nothing():
    later = links(("A", "B")).assign(from_year=2020, to_year=2021).astype(NO_LINKS.dtypes)
    earlier = links(("A", "B")).assign(from_year=2010, to_year=2011).astype(NO_LINKS.dtypes)
    assert "identity" not in causes([{}], [{"finess_et": "B"}], known=earlier)
    assert "identity" not in causes([{}], [{"finess_et": "B"}], known=later)


PLACES = st.sampled_from(["in_qpv", "vecu_proxy", "elsewhere", "undetermined"])
AREAS = st.sampled_from(
    [("75", "11", "metropole"), ("13", "93", "metropole"), ("84", "93", "metropole"), (None, "none", None)]
)


@st.composite
def states(draw, number):
    department, region, territory = draw(AREAS)
    day = st.sampled_from([None, "1900-01-01", "2010-01-01", "2018-06-01", "2019-01-01", "2019-09-01"])
    place, kind = draw(PLACES), draw(st.sampled_from(["MSP", "CDS", None]))
    return DEFAULTS | {
        "finess_et": number,
        "is_in_stock": kind is not None and draw(st.booleans()),
        "structure_type": kind,
        "type_as_written": draw(st.sampled_from([None, "603", "124", "CPTS"])),
        "modality": draw(st.sampled_from(["mono", "pluri", "unknown"])),
        "address": draw(st.sampled_from([None, "1 RUE A", "2 RUE B"])),
        "department_code": department,
        "region_code": region,
        "territory": territory,
        "opened_on": draw(day),
        "closed_on": draw(day),
        "location_status": draw(st.sampled_from(["located", "missing"])),
        "x": draw(st.sampled_from([0.0, 0.4, 900.0])),
        "place": place,
        "place_other": draw(st.one_of(st.just(place), PLACES)),
        "answer": draw(st.sampled_from(["yes", "no", "unknown"])),
        "generation": draw(st.sampled_from(["qpv-2015", "qpv-2024"])),
    }


@st.composite
def histories(draw):
    """Two extracts of up to eight structures, whatever happened between them, and links between any numbers."""
    numbers = "ABCDEFGH"
    sides = [draw(st.lists(st.sampled_from(numbers), unique=True, min_size=1)) for _ in range(2)]
    rows = [[draw(states(n)) for n in side] for side in sides]
    pairs = draw(st.lists(st.tuples(st.sampled_from(numbers), st.sampled_from(numbers)), max_size=4, unique=True))
    covers = st.sampled_from([None, frozenset({"75"}), frozenset({"13", "84"})])
    interval = accounts.Interval(2018, 2019, FIRST, LAST, draw(covers), draw(covers))
    return extract(*rows[0]), extract(*rows[1]), interval, links(*[p for p in pairs if p[0] != p[1]])


def naive_stock(frame):
    """Count the cells of a stock one structure at a time."""
    cells = {}
    for row in frame[frame["is_in_stock"]].to_dict("records"):
        place, answer = row["place"], row["answer"]
        situation = place
        if place != "in_qpv" and (answer == "yes" or (answer == "no" and place != "undetermined")):
            situation = {"yes": "vecu_declared", "no": "elsewhere"}[answer]
        areas = {
            "country": "FR",
            "territory": row["territory"],
            "region": row["region_code"],
            "department": row["department_code"],
        }
        for level, area in areas.items():
            for kind in (row["structure_type"], "all"):
                for where in (situation, "all"):
                    cell = (level, "none" if pd.isna(area) else area, kind, where)
                    cells[cell] = cells.get(cell, 0) + 1
    return cells


def summed(found):
    summary = change_summary.summarise(found.assign(generation="in_force"))
    return summary, summary.groupby(change_summary.CELL)["n"].sum().to_dict()


def assert_balances(before, after, found):
    _, causes_of = summed(found)
    opening, closing = naive_stock(before), naive_stock(after)
    for cell in opening.keys() | closing.keys() | causes_of.keys():
        assert opening.get(cell, 0) + causes_of.get(cell, 0) == closing.get(cell, 0), cell
    inside = ("country", "FR", "all", "in_qpv")
    assert found["effect_in_qpv"].sum() == closing.get(inside, 0) - opening.get(inside, 0)


def assert_steps_follow(found):
    assert not found.duplicated(["finess_et", "step"]).any()
    for _, rows in found.sort_values("step").groupby("finess_et"):
        assert rows["step"].tolist() == list(range(1, len(rows) + 1))
        for column in ("situation", "structure_type", "department"):
            ends, starts = rows[f"{column}_to"].tolist()[:-1], rows[f"{column}_from"].tolist()[1:]
            assert [None if pd.isna(e) else e for e in ends] == [None if pd.isna(s) else s for s in starts]


def assert_levels_add(summary):
    keys = ["structure_type", "situation", "cause"]
    country = summary[summary["level"] == "country"].groupby(keys)["n"].sum()
    for level in ("territory", "region", "department"):
        below = summary[summary["level"] == level].groupby(keys)["n"].sum()
        assert (country.sub(below, fill_value=0) == 0).all()


@settings(max_examples=12, deadline=None)
@given(histories())
def test_any_history_balances_and_is_the_negative_of_its_reverse(history):
    """Step by step and area by area, there and back."""
    before, after, interval, known = history
    found = changes.account(*history)
    assert_balances(before, after, found)
    assert_steps_follow(found)
    forward, _ = summed(found)
    assert_levels_add(forward)
    backward, _ = summed(changes.account(after, before, interval.reversed, known))
    keys = [*change_summary.CELL, "cause"]
    there, back = (f.set_index(keys)["n"].sort_index() for f in (forward, backward))
    assert there.to_dict() == {k: -n for k, n in back.to_dict().items()}
    assert forward["n_in"].sum() == backward["n_out"].sum()


@pytest.mark.no_cover
def test_a_large_random_history_balances_and_names_as_a_loop_would():
    random = Random(7)  # noqa: S311
    before, after = (extract(*(random_row(random, n) for n in random.sample(range(2_000), 1_500))) for _ in range(2))
    pairs = [(f"N{random.randrange(2_000)}", f"N{random.randrange(2_000)}") for _ in range(200)]
    found = changes.account(before, after, INTERVAL, links(*[p for p in pairs if p[0] != p[1]]))
    assert_balances(before, after, found)
    assert_steps_follow(found)
    plain = changes.account(before, after, INTERVAL, NO_LINKS)
    assert entries_and_exits(plain) == naive_causes(before, after)


def random_row(random, n):
    day = lambda: random.choice([None, "1900-01-01", "2010-01-01", "2018-06-01", "2019-01-01", "2019-09-01"])  # noqa: E731
    department, region, territory = random.choice(
        [("75", "11", "metropole"), ("13", "93", "metropole"), (None, "none", None)]
    )
    return {
        "finess_et": f"N{n}",
        "is_in_stock": random.random() < 0.8,
        "structure_type": random.choice(["MSP", "CDS"]),
        "modality": random.choice(["mono", "pluri", "unknown"]),
        "address": random.choice([None, "1 RUE A", "2 RUE B"]),
        "department_code": department,
        "region_code": region,
        "territory": territory,
        "opened_on": day(),
        "closed_on": day(),
        "location_status": random.choice(["located", "missing"]),
        "x": random.choice([0.0, 0.4, 900.0]),
        "place": random.choice(["in_qpv", "vecu_proxy", "elsewhere", "undetermined"]),
        "place_other": random.choice(["in_qpv", "vecu_proxy", "elsewhere", "undetermined"]),
        "answer": random.choice(["yes", "no", "unknown"]),
    }


def entries_and_exits(found):
    alone = found[found["situation_from"].isna() | found["situation_to"].isna()]
    return dict(zip(alone["finess_et"], alone["cause"], strict=True))


def naive_causes(before, after):
    """Name entries and exits by a second reading of the rules, one structure at a time."""
    sides = [{row["finess_et"]: row for row in frame.to_dict("records")} for frame in (before, after)]
    told = {}
    for number in sides[0].keys() | sides[1].keys():
        old, new = (side.get(number) for side in sides)
        was, is_there = (bool(row and row["is_in_stock"]) for row in (old, new))
        if is_there and not was:
            day = first_day(new, old, "opened_on")
            told[number] = "opened" if day is not None and FIRST < day <= LAST else "late_registration"
            if day is None or day > LAST or (day <= FIRST and old is not None):
                told[number] = "not_attributable"
        if was and not is_there:
            day = first_day(new, old, "closed_on")
            told[number] = "left_extract" if new is None else "not_attributable"
            if day is not None and day <= LAST:
                told[number] = "closed" if day > FIRST else "late_deregistration"
    return told


def first_day(new, old, column):
    for row in (new, old):
        if row is not None and not pd.isna(row[column]) and row[column].year != 1900:
            return row[column].date()
    return None


def test_a_summary_that_does_not_balance_is_refused():
    found = account([{}], [{}, {"finess_et": "B"}])
    summary = change_summary.summarise(found.assign(generation="g"))
    cell = {"generation": "g", "level": "country", "area_code": "FR", "structure_type": "all", "situation": "all"}
    counts = pd.DataFrame([cell | {"year": 2018, "n_structures": 1}, cell | {"year": 2019, "n_structures": 2}])
    pairs = pd.DataFrame({"from_year": [2018], "to_year": [2019]})
    only = summary[
        (summary["level"] == "country") & (summary["structure_type"] == "all") & (summary["situation"] == "all")
    ]
    change_summary.assert_balance(counts, only, pairs)
    with pytest.raises(ContractError, match="do not balance"):
        change_summary.assert_balance(counts, only.assign(n=5), pairs)


def test_nothing_changes_between_an_extract_and_itself():
    frame = extract({}, {"finess_et": "B", "place": "in_qpv"})
    assert changes.account(frame, frame, INTERVAL, NO_LINKS).empty
