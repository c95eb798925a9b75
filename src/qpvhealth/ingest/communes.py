"""Names of communes to their codes: what a file of QPV writes in words, held against a table of communes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.facts.territories import DEPARTMENT_REGION, department_of_commune, department_of_qpv
from qpvhealth.ingest.layouts import key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ARRONDISSEMENT = re.compile(r"(?:(paris|lyon|marseille) )?(\d{1,2})(?:e|eme|er|ere)?(?: arrondissements?)?")
_BETWEEN = re.compile(r",|;| et ")


def codes(qpv_code: pd.Series, names: pd.Series, table: pd.DataFrame) -> pd.Series:
    """Return the commune codes of each QPV, comma-separated; null where one of its names has no code.

    ``table`` has ``area_code`` and ``label``. Names are compared without case, accents or punctuation, within the département
    of the QPV. A QPV may lie across a border: once one of its communes is known, another may be the only one of that name in
    the region.
    """
    communes = table.dropna(subset=["label"]).drop_duplicates("area_code")
    name, department = (
        communes["label"].map(lambda label: next(_names([label]), "")),
        communes["area_code"].map(department_of_commune),
    )
    places: dict[tuple[str, str], str] = {}
    for area in ("region " + department.map(DEPARTMENT_REGION).astype("str"), department):
        only = ~pd.DataFrame({"area": area, "name": name}).duplicated(keep=False)
        places |= zip(zip(area[only], name[only], strict=True), communes.loc[only, "area_code"], strict=True)
    listed = []
    for code, cell in zip(qpv_code, names, strict=True):
        own = department_of_qpv(code)
        labels = list(_names(_BETWEEN.split(cell)))
        inside = [places.get((own, label)) for label in labels]
        region = f"region {DEPARTMENT_REGION.get(own, '')}"
        listed.append([c or places.get((region, label)) for c, label in zip(inside, labels, strict=True)])
        if None in listed[-1] or not any(inside):
            listed[-1] = []
    return pd.Series([",".join(map(str, cs)) or None for cs in listed], index=qpv_code.index, dtype="str")


def _names(parts: Iterable[str]) -> Iterator[str]:
    """Name the parts of a cell; ``Marseille 13ème et 12ème arrondissements`` names two arrondissements of Marseille."""
    city = ""
    for part in parts:
        name = key(part).replace("_", " ")
        if (match := _ARRONDISSEMENT.fullmatch(name)) and (city := match[1] or city):
            yield f"{city} {int(match[2])}"
        elif name:
            yield re.sub(r"\b(s)(te?)\b", r"\1ain\2", name)
