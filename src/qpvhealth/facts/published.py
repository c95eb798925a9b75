"""Published figures, as printed, to hold a release against: each with its date, perimeter, scope, source and known trouble.

Those of ``published.toml`` beside this module, and those that a raw folder adds in a file of the same form. A figure with no
``measure`` cannot be computed from structures and perimeters; ``why_not`` says why.
"""

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from qpvhealth.errors import UsageError
from qpvhealth.facts import lists
from qpvhealth.facts.perimeter_sets import PERIMETER_SETS

CDS_WITH_GP = "cds_gp"
"""Scope of the Baromètre's centres: pluriprofessional, with at least one GP. No extract says it."""
NO_PERIMETER, NO_DATE, NO_SCOPE, NO_MEASURE = "périmètre", "date", "champ", "objet"
"""What stands in the way of a comparison."""


@dataclass(frozen=True)
class Reading:
    """A date and scope under which a figure whose own are not readable can be recomputed: a conjecture, always said."""

    on: date
    scope: str
    words: str
    words_en: str = ""


@dataclass(frozen=True)
class OfGps:
    """What a figure about GPs counts, to be held against the practitioners of a release: a density or an age share of an area.

    ``period``: the years that its document speaks of, both included, where it prints no date.
    """

    measure: str
    level: str
    area_code: str
    period: tuple[int, int]


@dataclass(frozen=True)
class Published:
    """One printed figure.

    ``document``: where it is printed, a key of ``DOCUMENTS`` or words. ``said`` is the figure as printed, ``value`` what it says,
    ``tolerance`` half of its last printed digit. ``on`` is the date it speaks of (null: not stated or not readable), compared by
    month; ``since`` the opening date of a difference. ``measure``, ``scope``, ``near`` and ``perimeter`` name the number of ours
    that it is held against; ``gps`` does where it is about practitioners. What has no English is written in French in both languages.
    ``second_hand``: known from the press, a page that repeats it or someone's code.
    """

    id: str
    document: str
    words: str
    said: str
    value: float
    unit: str
    on: date | None = None
    measure: str | None = None
    scope: str = "msp_cds"
    near: str = "inside"
    perimeter: str = "all_2015"
    tolerance: float = 0.0
    since: date | None = None
    reading: Reading | None = None
    obstacle: str = NO_MEASURE
    why_not: str = ""
    note: str = ""
    second_hand: bool = False
    gps: OfGps | None = None
    words_en: str = ""
    why_not_en: str = ""
    note_en: str = ""


_LIST = lists.load("published", ("documents", "publishers", "series_types", "allowed", "figure"))
DOCUMENTS: dict[str, tuple[str, str]] = {key: (fr, en) for key, (fr, en) in _LIST["documents"].items()}
"""Where the figures of this package are printed, in both languages. None of 000 to 004 gives a list of structures, a code or a coordinate."""
PUBLISHERS: dict[str, str] = _LIST["publishers"]
"""Who counted the figures of a document, where several documents repeat one publisher."""
SERIES_TYPES: dict[str, str] = _LIST["series_types"]
"""By indicator of a published series, the type of structures that it counts as ``yearly_counts`` does."""
ALLOWED: dict[str, tuple[str, ...]] = {key: tuple(values) for key, values in _LIST["allowed"].items()}
"""The values that a figure may have for ``scope`` and others; ``near`` may also be ``within_<metres>``."""


def read(
    blocks: object, where: str, others: Iterable[Published] = (), measures: Collection[str] | None = None
) -> tuple[Published, ...]:
    """Read ``[[figure]]`` blocks, beside ``others``.

    ``measures``: those that a release computes; null where they need not be checked.

    Raises UsageError, all problems at once, each with its place: an unknown key, measure, scope, rule of proximity or perimeter; no
    document; an id that another figure has; a figure with neither a measure nor a reason why it has none.
    """
    figures = lists.records(Published, blocks, where)
    n_of_id = Counter(f.id for f in (*others, *figures))
    problems = []
    for number, figure in enumerate(figures, 1):
        place = lists.place(where, number, {"id": figure.id})
        problems += [f"{place}: {problem}" for problem in _problems(figure, measures)]
        if n_of_id[figure.id] > 1:
            problems.append(f"{place}: another figure has this id")
    if problems:
        raise UsageError("\n".join(problems))
    return figures


def _problems(figure: Published, measures: Collection[str] | None) -> Iterator[str]:
    chosen = {
        "measure": figure.measure if measures is not None else None,
        "scope": figure.scope,
        "near": None if re.fullmatch(r"within_\d+", figure.near) else figure.near,
        "perimeter": figure.perimeter,
        "obstacle": figure.obstacle,
        "reading.scope": figure.reading.scope if figure.reading else None,
        "gps.measure": figure.gps.measure if figure.gps else None,
        "gps.level": figure.gps.level if figure.gps else None,
    }
    allowed = ALLOWED | {
        "perimeter": tuple(PERIMETER_SETS),
        "reading.scope": ALLOWED["scope"],
        "measure": tuple(measures or ()),
    }
    for key, value in chosen.items():
        if value is not None and value not in allowed[key]:
            yield f'unknown {key} "{value}"; there are: {", ".join(allowed[key])}'
    if not figure.id.strip() or not figure.document.strip():
        yield "id and document must not be empty: document says where the figure is printed"
    if not math.isfinite(figure.value) or not 0 <= figure.tolerance < math.inf:
        yield "value must be a number, and tolerance one that is not negative"
    if (figure.measure is None) != bool(figure.why_not):
        yield "write measure, or why_not: why structures and perimeters cannot give this figure"
    if figure.measure is not None and figure.on is None and figure.reading is None:
        yield "write on, the date that the figure speaks of, or reading"


FIGURES = read(_LIST["figure"], "published.toml: figure")
"""Every printed figure of this package. None is the truth: each is right for its date, perimeter and scope."""
