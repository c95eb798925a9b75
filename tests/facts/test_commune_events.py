"""Events of communes: what code stands for what today."""

from datetime import date

from qpvhealth.facts import commune_events
from qpvhealth.facts.commune_events import Event

FIRST, SECOND, THIRD = date(2016, 1, 1), date(2019, 1, 1), date(2021, 1, 1)


def now(*events):
    return {code: to for code, (to, _) in commune_events.successors([Event(*e) for e in events]).items()}


def test_a_merger_is_followed_to_the_end():
    merged = [("01002", FIRST, "01001"), ("01001", SECOND, "01003")]
    assert now(*merged) == {"01002": "01003", "01001": "01003"}
    assert commune_events.successors([Event(*e) for e in merged])["01002"] == ("01003", FIRST)


def test_a_restored_commune_is_itself():
    merged, restored = ("01002", FIRST, "01001"), ("01001", SECOND, "01002")
    assert now(merged, restored, ("01001", SECOND, "01001")) == {}
    assert now(merged, restored) == {"01001": "01002"}  # the seat moves back: 01001 is no more


def test_a_commune_that_was_divided_has_no_one_successor():
    assert now(("01001", FIRST, "01002"), ("01001", FIRST, "01003")) == {}


def test_a_circle_in_a_wrong_file_ends():
    assert set(now(("01001", FIRST, "01002"), ("01002", FIRST, "01001"))) == {"01001", "01002"}


def test_the_events_of_the_package():
    successors = commune_events.successors(commune_events.shipped())
    assert successors["50602"] == ("50129", date(2016, 1, 1))  # Tourlaville
    assert successors["91182"][0] == "91228"  # Courcouronnes
    assert successors["49144"][0] == "44180"  # Freigné, of another département and merged there on one day
    assert successors["59355"][0] == "59350"  # Lomme, associated with Lille since 2000
    assert successors["27058"][0] == "27676"  # its seat moved away in 2021, and back in 2023
    assert "27676" not in successors
    assert max(e.on for e in commune_events.shipped()) == date(2024, 1, 1)
