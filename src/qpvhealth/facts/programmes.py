"""Programmes: a perimeter, a scope, a baseline, a target, a deadline and a source each.

No base, no rate: where the documents give none, it is null and ``no_base`` says why. More programmes may come from the raw
folder (a card of kind ``targets``).
"""

from dataclasses import dataclass
from datetime import date

from qpvhealth.facts import lists

LIST = "programme_list"
"""Measure of a programme that names its structures: how many of those are open."""
SEC = "sec-participatives"


@dataclass(frozen=True)
class Programme:
    """One target. ``measure``, ``scope``, ``near`` and ``perimeter`` name the number of ours that it is held against.

    ``target``: NaN where no number is printed. ``deadline`` is the last day of what ``deadline_said`` prints; null where no date is
    printed.
    """

    id: str
    label: str
    measure: str
    scope: str
    near: str
    perimeter: str
    baseline: float | None
    baseline_on: date | None
    target: float
    deadline: date | None
    deadline_said: str
    source: str
    no_base: str = ""
    note: str = ""
    second_hand: bool = False
    label_en: str = ""
    no_base_en: str = ""
    note_en: str = ""


_LIST = lists.load("programmes", ("programme", "sec_first_communes"))
PROGRAMMES = lists.records(Programme, _LIST["programme"], "programmes.toml: programme")
SEC_FIRST_COMMUNES: dict[str, str] = _LIST["sec_first_communes"]
"""Communes of the six structures admitted to the SEC experiment from the start, by INSEE code."""
