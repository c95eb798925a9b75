"""Tables in the words and the numbers that people read: codes in French or English, shares as 8,1 %, people and metres whole.

What programs read (JSON, CSV, Parquet) keeps its codes and its digits. Numbers are rounded here, once, half away from zero, and every
form that people read shows the same.
"""

from __future__ import annotations

import math
import re
import tomllib
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from functools import cache, partial
from importlib import resources
from typing import TYPE_CHECKING, Any

import pandas as pd

from qpvhealth.contract.precision import Ordinal, Share
from qpvhealth.contract.rules import all_rules
from qpvhealth.contract.tables import PUBLISHED
from qpvhealth.facts.causes import CAUSES, EVIDENCE_FR
from qpvhealth.facts.perimeter_sets import PERIMETER_SETS
from qpvhealth.facts.territories import TERRITORIES
from qpvhealth.publish import bounds
from qpvhealth.publish.bounds import Bounded
from qpvhealth.publish.rendering import plain
from qpvhealth.publish.sentences import Sentence, in_language, note, with_signs
from qpvhealth.rules.scopes import SCOPES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from qpvhealth.publish.selection import View
    from qpvhealth.publish.sentences import Language

_FILE: dict[str, Any] = tomllib.loads(resources.files(__package__).joinpath("words.toml").read_text(encoding="utf-8"))
FREE_TEXT = frozenset(
    ("name", "label", "words", "note", "message", "raw", "address", "city", "document", "because", "source", "obstacle")
)
"""Columns of texts, in which a word that is also a code is a word."""
OF_LOGS = frozenset(("message",))
"""Columns of texts for logs, in English: views in French leave them out."""
GENERATIONS = frozenset(("perimeter", "perimeters"))
"""Columns, beside those named after it, in which a generation of perimeters stands."""
ORDINALS = frozenset(("source_row", "row", "header_row"))
"""Columns of numbers that name a row of a file."""
RATES = frozenset(("share_of_way", "national_growth"))
"""Columns of shares that may be under 0 or over 1."""
ONE_DECIMAL = frozenset(("density", "gp_density", "pace_needed", "pace_observed"))
"""Columns of computed numbers whose further digits say nothing."""
ONE_DECIMAL_IN = frozenset((("trend", "expected"), ("trend", "specific")))
SHARE_DECIMALS, OTHER_DECIMALS, DEGREE_DECIMALS = 3, 3, 6
"""Of a share as a fraction (8,1 %), of any other number, of degrees."""
LISTS: dict[str, Mapping[str, Sequence[str]]] = {
    "causes": CAUSES,
    "unknown": _FILE["criteria"],
    "missing": _FILE["words"]["asked"],
    "because": _FILE["words"]["because"],
}
"""Columns whose cells list several entries, with the words of each."""
_ROUNDED_METRES = re.compile(r"_m$|^metres$")
_RULE = re.compile(r"(within|beyond)-([\d.]+)-m")
_WITHIN = re.compile(r"within_(\d+)")
_GENERATION = re.compile(r"^qpv-(\d{4})$")
_MORE = re.compile(re.escape(note("check_more", n="#")).replace(r"\#", r"(\d+)"))
_AREA = re.compile(r"(region|department|commune|epci|qpv|territory):(\S+)")


@cache
def words_of(language: Language) -> dict[str, str]:
    """Return the words of every code in a language."""
    at = 0 if language == "fr" else 1
    groups = [_FILE["words"], *(g for g in _FILE["words"].values() if isinstance(g, dict))]
    words = {s.name: s.words if language == "fr" else s.words_en for s in PERIMETER_SETS.values()}
    words |= EVIDENCE_FR if language == "fr" else {}
    words |= {code: pair[at] for code, pair in CAUSES.items()}
    words |= {s.name: s.words_fr if language == "fr" else s.words_en for s in SCOPES.values()}
    words |= {t.name: t.label_fr if language == "fr" else t.label_en for t in TERRITORIES.values()}
    return words | {code: pair[at] for group in groups for code, pair in group.items() if isinstance(pair, list)}


def word(value: Any, language: Language = "fr") -> Any:  # noqa: ANN401
    """Return a value in words where it is a code, as it is otherwise."""
    if isinstance(value, bool):
        return words_of(language)["yes" if value else "no"]
    if not isinstance(value, str):
        return value
    if (metres := _WITHIN.fullmatch(value)) is not None:
        return f"dans ou à {metres[1]} m au plus" if language == "fr" else f"inside or within {metres[1]} m"
    if (rule := _RULE.fullmatch(value)) is not None:
        return words_of(language)[f"{rule[1]}-m"].format(metres=with_signs(rule[2], language))
    if (area := _AREA.fullmatch(value)) is not None:
        return f"{word(area[1], language)} {word(area[2], language)}"
    return words_of(language).get(value, value)


def of_code(code: str) -> Sentence:
    """Return the words of a code in both languages."""
    return Sentence(str(word(code, "fr")), str(word(code, "en")))


def of_figure(texts: tuple[str, str], scope: str, settings: Mapping[str, Any]) -> Sentence:
    """Fill in what an indicator counts, in French and in English: its scope, and the rule of proximity of the settings."""
    own, near = of_code(scope), of_code(f"near-{settings['vecu_rule']}")
    metres = with_signs(f"{settings['vecu_distance_m']:g}")
    facts = ({"scope": s, "near": n.format(metres=metres)} for s, n in ((own, near), (own.english, near.english)))
    distance = settings["vecu_distance_m"]
    return Sentence(*(text.format(**f, distance=distance) for text, f in zip(texts, facts, strict=True)))


def in_words(view: View, language: Language = "fr") -> View:
    """Return a view as people read it: coded values in words, numbers rounded by what they measure, titles in the language.

    The frame has one object column per column of the view: texts, whole numbers, ``Share`` for a share, other numbers rounded.
    """
    if language == "fr":
        titles = {c: title for c, title in view.titles.items() if c not in OF_LOGS}
        view = replace(view, frame=view.frame.drop(columns=[*view.titles.keys() - titles.keys()]), titles=titles)
    units = plain(view.frame["unit"]) if "unit" in view.frame else _units_of_measures(view.frame)
    columns = []
    for at, name in enumerate(view.frame.columns):
        values = plain(view.frame.iloc[:, at])
        if (view.name, name) in ONE_DECIMAL_IN:
            values = [rounded(v, 1) for v in values]
        texts = shown(str(name), values, units, language)
        if language == "en":
            texts = [_translated(text, view.english) if isinstance(text, str) else text for text in texts]
        columns.append(pd.Series(texts, dtype="object", name=name))
    frame = pd.concat(columns, axis=1) if columns else view.frame
    titles = {c: str(t) if language == "fr" else _title_en(view.name, c, t) for c, t in view.titles.items()}
    notes = tuple(in_language(note, language) for note in view.notes)
    return replace(view, frame=frame, titles=titles, notes=notes)


def _translated(text: str, english: Mapping[str, str]) -> str:
    """Return the English of a text, or of each part of a list."""
    return english.get(text) or "; ".join(english.get(part, part) for part in text.split(" ; "))


def masked(code: str) -> Sentence:
    """Return why ages are masked (``density.FEW`` or ``COMPLEMENT`` of a number of GPs) in both languages; another text as it is."""
    kind, _, n = code.rpartition("_")
    return note(f"masked_{kind}", n=n) if n.isdecimal() else Sentence(code, code)


def with_bounds(view: View) -> View:
    """Return a view in words with the bounds of each figure in its own cell, as ``Bounded``, and no more in columns of theirs."""
    frame, pairs = view.frame, bounds.of_columns(map(str, view.frame.columns))
    cells = {
        column: [Bounded(*sides) for sides in zip(*(plain(frame[c]) for c in (column, *pair)), strict=True)]
        for column, pair in pairs.items()
    }
    taken = {name for pair in pairs.values() for name in pair}
    shown = frame.assign(**{c: pd.Series(v, index=frame.index, dtype="object") for c, v in cells.items()})
    titles = {c: title for c, title in view.titles.items() if c not in taken}
    return replace(view, frame=shown.drop(columns=[*taken]), titles=titles)


def _units_of_measures(frame: pd.DataFrame) -> list[Any] | None:
    """Return the unit of each row of a view whose rows measure different things by name, as the matrix does."""
    if "measure" not in frame:
        return None
    return ["share" if str(name).startswith("share_") else None for name in frame["measure"]]


def shown(name: str, values: Sequence[Any], units: Sequence[Any] | None, language: Language) -> list[Any]:
    """Return the values of a column as people read them; ``units``: of each row, for what ``value`` and its bounds measure."""
    if name in _TEXTS:
        return [_TEXTS[name](v, language) if v and isinstance(v, str) else v for v in values]
    if name in FREE_TEXT:
        return list(values)
    if name in ("value", "lower", "upper") and units is not None:
        return [rounded(v, Share if unit == "share" else None) for v, unit in zip(values, units, strict=True)]
    if name in ORDINALS:
        return [Ordinal(v) if isinstance(v, int) else v for v in values]
    kind = kind_of(name, values)
    texts = [word(rounded(v, kind), language) for v in values]
    if name in GENERATIONS or name.startswith("generation"):
        return [_GENERATION.sub(r"QPV \1", text) if isinstance(text, str) else text for text in texts]
    return texts


def _key(key: str, language: Language) -> str:
    """Write a key of several codes in words; of how many more there are, the number stays."""
    if (more := _MORE.fullmatch(key)) is not None:
        return str(in_language(note("check_more", n=more[1]), language))
    return ", ".join(str(word(part, language)) for part in key.split(", "))


def _each(text: str, language: Language, pairs: Mapping[str, Sequence[str]]) -> str:
    """Write each entry of a list: its words are those of its code, or its French ones, before a sum or the next entry."""
    for code, (fr, en) in pairs.items():
        text = re.sub(
            rf"(^|, | ; )(?:{re.escape(code)}|{re.escape(fr)})(?=$|, | ; | [+-])",
            rf"\g<1>{fr if language == 'fr' else en}",
            text,
        )
    return text


_TEXTS: dict[str, Callable[[str, Language], str]] = {
    "changed": lambda names, language: ", ".join(str(word(title(n, language), language)) for n in names.split(",")),
    "compatible_with": lambda cells, language: " | ".join(_key(cell, language) for cell in cells.split(" | ")),
    "figure": _key,
    "masked": lambda code, language: str(in_language(masked(code), language)),
    **{name: partial(_each, pairs=pairs) for name, pairs in LISTS.items()},
    "rule": lambda rule, language: str(
        getattr(all_rules()[rule], language) if rule in all_rules() else word(rule, language)
    ),
}
"""Columns of texts that are made of codes."""


def kind_of(name: str, values: Sequence[Any] = ()) -> type | int | None:
    """Say how the numbers of a column are shown: ``Share``, a number of decimals, or null for whole numbers and what is left."""
    name = (bounds.figure_of(name) or (name,))[0]
    if name in RATES or (name.startswith("share_") and all(v is None or 0 <= v <= 1 for v in values)):
        return Share
    if name in ONE_DECIMAL:
        return 1
    if _ROUNDED_METRES.search(name):
        return 0
    return DEGREE_DECIMALS if name in ("longitude", "latitude") else OTHER_DECIMALS


def rounded(value: Any, kind: Callable[[float], float] | int | None) -> Any:  # noqa: ANN401
    """Round a number half away from zero: a share to 0,1 %, else to so many decimals; a whole number loses its ``.0``."""
    if isinstance(value, bool | Share) or not isinstance(value, float) or not math.isfinite(value):
        return value
    decimals = kind if isinstance(kind, int) else SHARE_DECIMALS if kind is Share else OTHER_DECIMALS
    exact = Decimal(repr(value)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    if kind is Share:
        return Share(exact)
    return int(exact) if exact == exact.to_integral_value() else float(exact)


def criterion(name: str) -> Sentence:
    """Return the title of a criterion of ``priorities`` in both languages."""
    return Sentence(*_FILE["criteria"][name])


def _title_en(view: str, column: str, french: str) -> str:
    """Return the title of a column of a view: its own, that of the column in any view, that of the dictionary; or that of its bound."""
    if isinstance(french, Sentence):
        return french.english
    titles = _FILE["titles_en"]
    own = _FILE["views_en"].get(view, {}).get(column) or titles.get(column) or _dictionary_en().get(column)
    bound = bounds.figure_of(column)
    if own is None and bound is not None and bound[0] in titles:
        return bounds.TITLES["en"][bound[1]].format(titles[bound[0]])
    return own or french


@cache
def _dictionary_en() -> dict[str, str]:
    return {c.name: c.en for table in PUBLISHED.values() for c in table.columns}


@cache
def _dictionary_fr() -> dict[str, str]:
    return {c.name: c.fr for table in PUBLISHED.values() for c in table.columns}


def title(column: str, language: Language = "fr") -> str:
    """Return the title of a column of any published table, its own name where it is in none."""
    titles = _dictionary_fr() if language == "fr" else _dictionary_en()
    return titles.get(column) or (_FILE["titles_en"].get(column) if language == "en" else None) or column
