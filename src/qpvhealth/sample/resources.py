"""The data files of the invented France, beside these modules: cohorts, figures, layouts, cards and texts."""

from __future__ import annotations

import csv
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


def text(name: str) -> str:
    """Read a data file of this folder."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def records(name: str, delimiter: str = ",") -> list[dict[str, str]]:
    """Read a CSV file of this folder: one dictionary a row."""
    return list(csv.DictReader(text(name).splitlines(), delimiter=delimiter))


@cache
def lists(name: str) -> dict[str, Any]:
    """Read a TOML file of this folder."""
    return tomllib.loads(text(name))


@cache
def cards() -> dict[str, dict[str, Any]]:
    """Return the cards of the invented raw folder by their id."""
    return {card["id"]: card for card in lists("sources.toml")["source"]}
