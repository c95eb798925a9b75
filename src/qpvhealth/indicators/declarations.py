"""The headline indicators: one declaration each, from which the tables, the matrix, the checks and the dictionary follow.

To add one: an entry of ``STRUCTURES`` or ``QPV``, with the function that marks what it counts where none of those here does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from qpvhealth.facts.situations import DECLARED, DECLARED_OR_PROXY, PROXY
from qpvhealth.facts.zonings import ZAC, ZIP
from qpvhealth.rules.scopes import SCOPES
from qpvhealth.rules.tristate import Tristate

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from qpvhealth.rules.proximity import Proximity

NEAR_WORDS = {
    DECLARED: "declared by the ARS",
    PROXY: "within {distance:g} m of a QPV",
    DECLARED_OR_PROXY: "declared by the ARS or, with no answer, within {distance:g} m of a QPV",
}
ANY, COVERED, BARE = "any", "covered", "bare"
"""QPV counted whatever stands in them, with a structure of the scope, or surely without any."""


def everywhere(where: Proximity, rule: str, distance_m: float) -> Tristate:  # noqa: ARG001
    """Mark every structure of the stock."""
    return Tristate.exact(np.ones(len(where.low), dtype=bool))


def in_qpv(where: Proximity, rule: str, distance_m: float) -> Tristate:  # noqa: ARG001
    """Mark the structures inside a QPV, border included."""
    return where.inside


def declared(where: Proximity, rule: str, distance_m: float) -> Tristate:  # noqa: ARG001
    """Mark the structures outside that the ARS declares near (quartier vécu)."""
    return where.declared


def within(where: Proximity, rule: str, distance_m: float) -> Tristate:  # noqa: ARG001
    """Mark the structures outside and at most so many metres from a QPV."""
    return where.within(distance_m)


def near(where: Proximity, rule: str, distance_m: float) -> Tristate:
    """Mark the structures outside and near by the rule."""
    return where.near(rule, distance_m)


def in_or_near(where: Proximity, rule: str, distance_m: float) -> Tristate:
    """Mark the structures inside a QPV or near by the rule: the bounds are those of the union."""
    return where.in_or_near(rule, distance_m)


@dataclass(frozen=True)
class OfStructures:
    """A number of structures, or their share of those of the area: what it marks (yes, no, unknown) and its words.

    ``words_en``, ``words_fr``: ``{scope}``, ``{near}`` (the rule in words) and ``{distance}`` are filled in. ``needs_outside``: null
    where nothing is known of any structure outside. ``in_table``: in ``indicators``, by the rule of the settings. ``in_matrix``:
    with what is inside (``inside``), or under each rule of proximity (``near``).
    """

    name: str
    marks: Callable[[Proximity, str, float], Tristate]
    words_en: str
    words_fr: str
    is_share: bool = False
    needs_outside: bool = False
    in_table: bool = True
    in_matrix: str | None = "inside"

    @property
    def unit(self) -> str:
        """The unit of the figure."""
        return "share" if self.is_share else "structures"

    @property
    def rule_en(self) -> str:
        """The rule in words, as the table of indicators gives it."""
        return self.words_en


_OF_ALL_EN, _OF_ALL_FR = ", of all those of the area", ", parmi toutes celles de la zone"
_INSIDE_EN, _INSIDE_FR = "{scope} inside a QPV, border included", "{scope} dans un QPV, limite comprise"
_UNION_EN, _UNION_FR = "{scope} inside a QPV, or near: {near}", "{scope} dans un QPV ou à proximité : {near}"
STRUCTURES: tuple[OfStructures, ...] = (
    OfStructures("n_in_qpv", in_qpv, _INSIDE_EN, _INSIDE_FR),
    OfStructures(
        "n_vecu_declared",
        declared,
        "{scope} declared by the ARS, outside",
        "{scope} hors QPV, déclarées par l'ARS",
        needs_outside=True,
        in_matrix=None,
    ),
    OfStructures(
        "n_within_proxy",
        within,
        "{scope} outside, within {distance:g} m of a QPV",
        "{scope} hors QPV, à {distance:g} m au plus",
        in_matrix=None,
    ),
    OfStructures(
        "n_near",
        near,
        "{scope} outside, near: {near}",
        "{scope} hors QPV, à proximité : {near}",
        needs_outside=True,
        in_table=False,
        in_matrix="near",
    ),
    OfStructures("n_in_or_near", in_or_near, _UNION_EN, _UNION_FR, needs_outside=True, in_matrix="near"),
    OfStructures(
        "n_country", everywhere, "{scope} of the area, wherever they stand", "{scope} de la zone, où qu'elles soient"
    ),
    OfStructures("share_in_qpv", in_qpv, _INSIDE_EN + _OF_ALL_EN, _INSIDE_FR + _OF_ALL_FR, is_share=True),
    OfStructures(
        "share_in_or_near",
        in_or_near,
        _UNION_EN + _OF_ALL_EN,
        _UNION_FR + _OF_ALL_FR,
        is_share=True,
        needs_outside=True,
        in_matrix="near",
    ),
)


def all_qpv(qpv: pd.DataFrame) -> Tristate:
    """Mark every QPV."""
    return Tristate.exact(np.ones(len(qpv), dtype=bool))


def large(qpv: pd.DataFrame) -> Tristate:
    """Mark the QPV of at least ``large_population`` inhabitants; unknown without a population."""
    return Tristate.of(qpv["is_large"])


def large_npnru(qpv: pd.DataFrame) -> Tristate:
    """Mark the large QPV of the NPNRU: no as soon as the size or the list says no, whatever the other."""
    return Tristate.of(qpv["is_large"]) & Tristate.of(qpv["is_npnru"])


def in_zip(qpv: pd.DataFrame) -> Tristate:
    """Mark the QPV whose class of the zoning in force is ZIP; unknown without a class."""
    return _classed(qpv, [ZIP])


def in_zip_or_zac(qpv: pd.DataFrame) -> Tristate:
    """Mark the QPV whose class of the zoning in force is ZIP or ZAC; unknown without a class."""
    return _classed(qpv, [ZIP, ZAC])


def _classed(qpv: pd.DataFrame, classes: list[str]) -> Tristate:
    zone = qpv["zone_class"]
    return Tristate.of(zone.isin(classes).astype("boolean").where(zone.notna()))


@dataclass(frozen=True)
class OfQpv:
    """A number of QPV (or of their inhabitants), or a share of them: the QPV that it marks, and what must stand in them.

    ``coverage``: ``ANY``, ``COVERED`` or ``BARE``. A share is of the marked QPV that the extract can tell of. ``or_near``: what stands
    near counts too, by the rule of the settings, for MSP and CdS alike. ``in_matrix``: its measure there, ``""`` for its own name,
    null for none. ``needs``: a column that some QPV of an area must have for its value to be known. ``among``: a column that the QPV
    of the denominator have, where the figure is a number of some of them; null for a number without one.
    """

    name: str
    unit: str
    marks: Callable[[pd.DataFrame], Tristate]
    coverage: str
    words_en: str
    words_fr: str
    or_near: bool = False
    in_table: bool = True
    in_matrix: str | None = ""
    needs: str | None = None
    among: str | None = None

    @property
    def rule_en(self) -> str:
        """The rule in words, as the table of indicators gives it."""
        return self.words_en + " ({scope})"


_QPV, _PEOPLE, _SHARE = "QPV", "inhabitants", "share"


def _crossed(
    name: str, marks: Callable[[pd.DataFrame], Tristate], words: tuple[str, str, str], tables: tuple[bool, bool]
) -> tuple[OfQpv, ...]:
    """Declare the QPV of a mark, all and bare, and the inhabitants of either.

    ``words``: the QPV in English and in French, and how the bare ones are put. ``tables``: whether ``indicators`` has all of them, and
    every figure but the number of the bare ones.
    """
    en, fr, bare = words
    of_all, people = tables
    capital = fr[0].upper() + fr[1:]
    home_en, home_fr = f"inhabitants of {en}", f"Habitants des {fr}"
    return (
        OfQpv(name, _QPV, marks, ANY, en, capital, in_table=of_all),
        OfQpv(f"{name}_population", _PEOPLE, marks, ANY, home_en, home_fr, in_table=people),
        OfQpv(f"{name}_without_any", _QPV, marks, BARE, f"{en} {bare}", f"{capital} sans structure"),
        OfQpv(
            f"{name}_without_any_population",
            _PEOPLE,
            marks,
            BARE,
            f"{home_en} without any",
            f"{home_fr} sans structure",
            in_table=people,
        ),
    )


_BARE_EN = "QPV without any structure inside"
_TOLD_EN, _TOLD_FR = ", of the QPV that the extract can tell of", ", parmi ceux dont l'extrait peut juger"
QPV: tuple[OfQpv, ...] = (
    OfQpv("qpv_total", _QPV, all_qpv, ANY, "QPV", "QPV"),
    OfQpv("qpv_covered", _QPV, all_qpv, COVERED, "QPV with a structure", "QPV avec une structure", in_table=False),
    OfQpv("qpv_without_any", _QPV, all_qpv, BARE, _BARE_EN, "QPV sans structure dans leur périmètre"),
    OfQpv(
        "share_qpv_covered",
        _SHARE,
        all_qpv,
        COVERED,
        "QPV with a structure" + _TOLD_EN,
        "Part des QPV avec une structure" + _TOLD_FR,
        in_table=False,
    ),
    OfQpv(
        "share_qpv_without_any", _SHARE, all_qpv, BARE, _BARE_EN + _TOLD_EN, "Part des QPV sans structure" + _TOLD_FR
    ),
    OfQpv(
        "share_qpv_without_any_near",
        _SHARE,
        all_qpv,
        BARE,
        "QPV without any structure inside or near, of the QPV of which that can be told",
        "Part des QPV sans structure ni dedans ni à proximité, parmi ceux dont on peut juger",
        or_near=True,
        in_matrix=None,
    ),
    OfQpv(
        "population_without_any",
        _PEOPLE,
        all_qpv,
        BARE,
        "inhabitants of " + _BARE_EN,
        "Habitants des QPV sans structure",
        in_matrix="qpv_without_any_population",
    ),
    *_crossed("large_qpv", large, ("large QPV", "grands QPV", "without any structure inside"), (True, False)),
    *(
        replace(indicator, needs="is_npnru")
        for indicator in _crossed(
            "large_npnru_qpv",
            large_npnru,
            ("large NPNRU QPV", "grands QPV du NPNRU", "without any structure inside"),
            (False, False),
        )
    ),
    *(
        replace(indicator, among="zoning_edition")
        for name, marks, words in (
            ("zip_qpv", in_zip, ("QPV in a ZIP", "QPV en ZIP", "without any structure inside")),
            ("zip_or_zac_qpv", in_zip_or_zac, ("QPV in a ZIP or ZAC", "QPV en ZIP ou en ZAC", "without any")),
        )
        for indicator in _crossed(name, marks, words, (True, True))
    ),
)


def markdown() -> str:
    """Describe every indicator and scope in Markdown, as the data dictionary does the tables."""
    lines = [
        "## Indicators",
        "",
        "| indicator | unit | in English | en français | found in |",
        "| --- | --- | --- | --- | --- |",
    ]
    declared: tuple[OfStructures | OfQpv, ...] = (*STRUCTURES, *QPV)
    for indicator in declared:
        places = ["`indicators`"] * indicator.in_table + ["`qpvhealth matrix`"] * (indicator.in_matrix is not None)
        words = f"{indicator.words_en} | {indicator.words_fr}"
        lines.append(f"| `{indicator.name}` | {indicator.unit} | {words} | {', '.join(places)} |")
    lines += ["", "| scope | in English | en français |", "| --- | --- | --- |"]
    lines += [f"| `{s.name}` | {s.words_en} | {s.words_fr} |" for s in SCOPES.values()]
    return "\n".join(lines)
