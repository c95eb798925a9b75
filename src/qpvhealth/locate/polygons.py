"""The polygons that points are placed among: read from one file, repaired, in the metres of their territories."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from qpvhealth.contract.schema import refuse_object_texts
from qpvhealth.errors import InputError, QpvhealthError
from qpvhealth.ingest import systems
from qpvhealth.ingest.card import Card
from qpvhealth.ingest.kinds import neighbourhoods
from qpvhealth.locate.choices import NO_CHOICES
from qpvhealth.spatial import datums, perimeters as perimeter_rules
from qpvhealth.spatial.repair import COLLAPSED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from qpvhealth.locate.choices import Choices
    from qpvhealth.spatial.proximity import Perimeters

GIVEN = "given"
WORDS = {
    COLLAPSED: "without area once repaired: no point can be inside or near",
    perimeter_rules.MISPLACED: "outside the territory of their code: left out",
}


_IN_CARD = r"(?:the card|card \S+)"
_OPTIONS = (
    (r"write in the card layer = one of:", "name one with --layer:"),
    (r'write encoding = "([^"]+)" in the card', r"give --encoding \1"),
    (rf'(?i)write crs = "EPSG:…" in {_IN_CARD}', "give --neighbourhoods-crs EPSG:…"),
    (
        r" Where the header is not the first line, write header_row.*",
        " Name the column of the codes with --code-column",
    ),
    (r"name (it|one) under \[source\.columns\]", r"name \1 with --code-column"),
    (r"; keep one file, or name in `codes` of a card which QPV it should give|\nkeep one file, or name in .*", ""),
    (r"(?:the )?card neighbourhoods(?:: |, )?", ""),
)
"""What readers tell whoever writes a card, in the options of a command that has none."""


def read(path: Path, choices: Choices = NO_CHOICES) -> tuple[dict[str, Perimeters], list[str]]:
    """Return the usable polygons of a file by territory, and a sentence for each kind that cannot be used, or is not exact to the metre.

    Raises InputError for a file that is unsafe or damaged, or of which no polygon can be used; UsageError for a choice that is not
    there, or that has to be made, and where pandas reads texts as objects.
    """
    refuse_object_texts()
    keys = {"layer": choices.layer, "encoding": choices.encoding}
    if choices.crs is not None:
        keys["crs"] = systems.of_option(choices.crs)
    options = {"generation": GIVEN} | {key: value for key, value in keys.items() if value is not None}
    columns = {} if choices.code_column is None else {"qpv_code": choices.code_column}
    card = Card("neighbourhoods", "neighbourhoods", path, str(path), options, columns)
    with _in_options():
        prepared = perimeter_rules.prepare(neighbourhoods.read(card).frame)
    usable = perimeter_rules.usable(prepared, GIVEN)
    if not usable:
        raise InputError(f"{path.name}: no polygon of it can be used; check what was sent")
    counted = {why: prepared.loc[prepared["repair"] == why, "qpv_code"].tolist() for why in WORDS}
    shifts = {str(crs): datums.shift(str(crs)) for crs in prepared["crs"].unique()}
    return usable, [
        *(
            f"{len(codes)} QPV {WORDS[why]} ({', '.join(map(str, codes[:5]))})"
            for why, codes in counted.items()
            if codes
        ),
        *(f"polygons in {crs}: {shift.words()}" for crs, shift in shifts.items() if shift is not None),
    ]


@contextmanager
def _in_options() -> Iterator[None]:
    """Word an error of a reader, which speaks to whoever writes a card, for a command."""
    try:
        yield
    except QpvhealthError as error:
        words = str(error)
        for of_card, of_command in _OPTIONS:
            words = re.sub(of_card, of_command, words, flags=re.DOTALL)
        raise type(error)(words) from error
