"""Names of communes to their codes: what a file of QPV writes in words, held against a table of communes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.facts.territories import DEPARTMENT_REGION, department_of_commune, department_of_qpv
from qpvhealth.ingest.layouts import key

if TYPE_CHECKING:
    from collections.abc import Iterator

_ARRONDISSEMENT = re.compile(r"(?:(paris|lyon|marseille) )?(\d{1,2})(?:e|eme|er|ere)?(?: arrondissements?)?")
_BETWEEN = re.compile(r",|;| et ")


def codes(qpv_code: pd.Series, names: pd.Series, table: pd.DataFrame) -> pd.Series:
    """Return the commune codes of each QPV, comma-separated; null where one of its names has no code.

    ``table`` has ``area_code`` and ``label``. Names are compared without case, accents or punctuation, within the département
    of the QPV. A QPV may lie across a border: once one of its communes is known, another may be the only one of that name in
    the region.
    """
    known = table.dropna(subset=["label"]).drop_duplicates("area_code")
    name, department = known["label"].map(_key), known["area_code"].map(department_of_commune)
    near = _only(department, name, known["area_code"])
    around = _only(department.map(DEPARTMENT_REGION), name, known["area_code"])
    found = [
        _codes(_names(cell), department_of_qpv(code), near, around) for code, cell in zip(qpv_code, names, strict=True)
    ]
    return pd.Series([",".join(cs) or None for cs in found], index=qpv_code.index, dtype="str")


Places = dict[tuple[str, str], str]


def _only(area: pd.Series, name: pd.Series, code: pd.Series) -> Places:
    """Return the code of each (area, name) that only one commune has."""
    only = ~pd.DataFrame({"area": area, "name": name}).duplicated(keep=False)
    return dict(zip(zip(area[only], name[only], strict=True), code[only], strict=True))


def _codes(names: Iterator[str], department: str, near: Places, around: Places) -> list[str]:
    """Return the code of every name, none at all where one is lost."""
    listed = list(names)
    inside = [near.get((department, name)) for name in listed]
    region = DEPARTMENT_REGION.get(department, "")
    found = [code or around.get((region, name)) for code, name in zip(inside, listed, strict=True)]
    told = [code for code in found if code]
    return told if any(inside) and len(told) == len(listed) else []


def _names(cell: str) -> Iterator[str]:
    """Split a cell into names; ``Marseille 13ème et 12ème arrondissements`` names two arrondissements of Marseille."""
    city = ""
    for part in _BETWEEN.split(cell):
        name = key(part).replace("_", " ")
        if (found := _ARRONDISSEMENT.fullmatch(name)) and (city := found[1] or city):
            yield _arrondissement(city, found[2])
        elif name:
            yield _key(part)


def _key(label: str) -> str:
    name = key(label).replace("_", " ")
    found = _ARRONDISSEMENT.fullmatch(name)
    return _arrondissement(found[1], found[2]) if found and found[1] else re.sub(r"\b(s)(te?)\b", r"\1ain\2", name)


def _arrondissement(city: str, number: str) -> str:
    return f"{city} {int(number)}"
