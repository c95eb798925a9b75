"""What moved between two years of a release, or between two releases, and why: frames for tables, lists and exit codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from qpvhealth.facts.causes import CAUSES, CLOSED, CONTOUR, EVIDENCE_FR, GENERATION, OPENED, SCOPE
from qpvhealth.facts.generations import IN_FORCE
from qpvhealth.facts.situations import IN_QPV, LABELS_FR as SITUATIONS_FR
from qpvhealth.facts.territories import NO_REGION
from qpvhealth.publish import selection, sentences
from qpvhealth.rules.levels import HEADLINE

if TYPE_CHECKING:
    from datetime import date

    from qpvhealth.publish.bounds import Bounded
    from qpvhealth.publish.release import Release

ALL, COUNTRY = "all", "FR"
DATA, GEOGRAPHY, SETTINGS, CODE = "data", "geography", "settings", "code"
PARTS = (DATA, GEOGRAPHY, SETTINGS, CODE)
PARTS_FR = {DATA: "données", GEOGRAPHY: "géographie", SETTINGS: "choix", CODE: "programme"}
READ_OTHERWISE = "read otherwise"
_CAUSES_FR = {cause: fr for cause, (fr, _) in CAUSES.items()}
ENGLISH = dict(CAUSES.values())
"""The English of the French causes of ``causes_table``."""
_CAUSE_ORDER = {cause: i for i, cause in enumerate(CAUSES)}
_GEOGRAPHIC = ("neighbourhoods", "boundaries")
_BYTES = ("sha256", "sidecars")
_READING = ("reading", "layout", "year", "generation", "edition", "reference_date")


@dataclass(frozen=True)
class Releases:
    """Two releases, compared by what they were made from."""

    old: Release
    new: Release

    def inputs(self) -> pd.DataFrame:
        """List the inputs that differ: ``id``, ``kind``, ``part`` (data or geography) and ``what``.

        ``what``: added, removed, other bytes, or read otherwise (the same file, another card).
        """
        before, after = ({i["id"]: i for i in r.manifest["inputs"]} for r in (self.old, self.new))
        rows = []
        for name in sorted(before.keys() | after.keys()):
            old, new = before.get(name, {}), after.get(name, {})
            kind = str((new or old)["kind"])
            if not old or not new:
                what = "removed" if old else "added"
            elif any(old.get(k) != new.get(k) for k in _BYTES):
                what = "other bytes"
            elif any(old.get(k) != new.get(k) for k in _READING):
                what = READ_OTHERWISE
            else:
                continue
            rows.append({"id": name, "kind": kind, "part": GEOGRAPHY if kind in _GEOGRAPHIC else DATA, "what": what})
        return pd.DataFrame(rows, columns=["id", "kind", "part", "what"])

    @property
    def chooses_otherwise(self) -> bool:
        """Whether a choice of the analyst differs: a setting, or how the card of an extract has it read."""
        inputs = self.inputs()
        cards = (inputs["kind"] == "structures") & (inputs["what"] == READ_OTHERWISE)
        return bool(self.settings() or cards.any())

    def settings(self) -> list[str]:
        """Name the settings that differ."""
        old, new = ({k: v for k, v in r.manifest["settings"].items() if k != IN_FORCE} for r in (self.old, self.new))
        return _differing(old, new)

    def versions(self) -> list[str]:
        """Name the program and the libraries that differ."""
        sides = [{"qpvhealth": r.manifest["qpvhealth_version"], **r.manifest["versions"]} for r in (self.old, self.new)]
        return _differing(*sides)


def _differing(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    return sorted(k for k in old.keys() | new.keys() if old.get(k) != new.get(k))


@dataclass(frozen=True)
class Compared:
    """The changes between two states of the figures, and what they were read from."""

    old: str
    new: str
    from_date: date
    to_date: date
    changes: pd.DataFrame
    names: dict[str, str]
    generations: tuple[str, ...]
    releases: Releases | None = None

    invented: bool = False


@dataclass(frozen=True)
class Where:
    """The perimeters that structures are counted with, and the area: a level and a code."""

    generation: str = IN_FORCE
    level: str = "country"
    area: str = COUNTRY


EVERYWHERE = Where()


def chosen(compared: Compared, where: Where = EVERYWHERE) -> pd.DataFrame:
    """Select the changes of one generation that concern an area, with the ``part`` of each.

    A structure that goes from one area to another concerns both. ``part``: what is counted was redefined by a choice where one
    differs, by the code otherwise; within one release the code is the same, and only the cards of the extracts can count otherwise.
    Raises UsageError for an unknown generation or level.
    """
    selection.refuse_unknown(where.generation, compared.generations, "generation")
    selection.refuse_unknown(where.level, HEADLINE, "level")
    rows = compared.changes[compared.changes["generation"] == where.generation]
    if where.level != "country":
        rows = rows[_is_in(rows, "from", ALL, where) | _is_in(rows, "to", ALL, where)]
    by_choice = compared.releases is None or compared.releases.chooses_otherwise
    parts = {CONTOUR: GEOGRAPHY, GENERATION: GEOGRAPHY, SCOPE: SETTINGS if by_choice else CODE}
    return rows.assign(part=rows["cause"].map(parts).fillna(DATA).astype("str"))


def _is_in(rows: pd.DataFrame, side: str, situation: str, where: Where) -> pd.Series:
    """Say which structures are in a situation (``all``: any) and an area, before (``from``) or after (``to``)."""
    mask = rows[f"situation_{side}"].notna() if situation == ALL else rows[f"situation_{side}"] == situation
    if where.level == "country":
        return mask
    return mask & (rows[f"{where.level}_{side}"].fillna(NO_REGION) == where.area)


def causes_table(compared: Compared, where: Where = EVERYWHERE, *, situation: str = IN_QPV) -> pd.DataFrame:
    """Sum the changes of a situation by type and cause: ``structure_type``, ``cause``, ``label_fr``, ``part``, ``n``, ``n_in``, ``n_out``.

    ``situation`` may be ``all``, the whole stock. One row per type and cause that something crosses, ``all`` types last, in the
    order of the causes. The sum of ``n`` is the difference of the stocks. Raises UsageError for an unknown situation.
    """
    selection.refuse_unknown(situation, (*SITUATIONS_FR, ALL), "situation")
    rows = chosen(compared, where)
    before, after = (_is_in(rows, side, situation, where) for side in ("from", "to"))
    same_type = rows["structure_type_from"] == rows["structure_type_to"]
    crossings = []
    for structure_type, stays in ((None, before & after & same_type), (ALL, before & after)):
        for side, is_in, n_in in (("from", before, 0), ("to", after, 1)):
            types = rows[f"structure_type_{side}"] if structure_type is None else structure_type
            crossing = rows.assign(structure_type=types, n_in=n_in, n_out=1 - n_in)
            crossings.append(crossing.loc[is_in & ~stays, ["structure_type", "cause", "part", "n_in", "n_out"]])
    keys = ["structure_type", "cause", "part"]
    sums = pd.concat(crossings).groupby(keys, as_index=False)[["n_in", "n_out"]].sum()
    table = sums.assign(
        n=sums["n_in"] - sums["n_out"],
        label_fr=sums["cause"].map(_CAUSES_FR),
        last=sums["structure_type"] == ALL,
        order=sums["cause"].map(_CAUSE_ORDER),
    ).sort_values(["last", "structure_type", "order"], ignore_index=True)
    return table[["structure_type", "cause", "label_fr", "part", "n", "n_in", "n_out"]]


def structures_table(
    compared: Compared, where: Where = EVERYWHERE, *, cause: str | None = None, only_in_qpv: bool = True
) -> pd.DataFrame:
    """List the structures behind the causes, with their evidence, in the order of causes then numbers.

    ``only_in_qpv``: those that change the stock in QPV; otherwise every change. Raises UsageError for an unknown cause.
    """
    if cause is not None:
        selection.refuse_unknown(cause, _CAUSES_FR, "cause")
    rows = chosen(compared, where)
    rows = rows[rows["effect_in_qpv"] != 0] if only_in_qpv else rows
    rows = rows if cause is None else rows[rows["cause"] == cause]
    order = rows["cause"].map(_CAUSE_ORDER)
    names = rows["finess_et"].map(compared.names).fillna(rows["finess_et_from"].map(compared.names))
    listed = rows.assign(name=names.astype("str"), order=order).sort_values(["order", "finess_et", "step"])
    columns = [
        *("cause", "finess_et", "name", "structure_type", "department_from", "department_to", "situation_from"),
        *("situation_to", "qpv_code_from", "qpv_code_to", "effect_in_qpv", "effect_in_or_near", "step", "evidence"),
        *("changed", "opened_on", "closed_on", "moved_m", "finess_et_from", "other_order_differs", "part"),
    ]
    return listed[columns].reset_index(drop=True)


def in_french(frame: pd.DataFrame) -> pd.DataFrame:
    """Write the coded words of a table of this module in French, for people; what has no French word stays as it is."""
    words: dict[str, dict[str, str]] = {
        "cause": _CAUSES_FR,
        "evidence": EVIDENCE_FR,
        "part": PARTS_FR,
        "structure_type": {ALL: "Ensemble", "CDS": "CdS"},
        **dict.fromkeys(("situation_from", "situation_to"), SITUATIONS_FR),
    }
    return frame.assign(**{c: frame[c].replace(words[c]) for c in frame.columns.intersection(list(words))})


def parts_table(compared: Compared, where: Where = EVERYWHERE) -> pd.DataFrame:
    """Say what part comes from the data, the geography, the settings and the code.

    Returns ``part``, ``n_changes``, ``n_structures``, ``effect_in_qpv`` and ``differs``: the inputs, settings or versions that differ
    between two releases; null within one.
    """
    rows = chosen(compared, where)
    sums = rows.groupby("part").agg(
        n_changes=("cause", "size"), n_structures=("finess_et", "nunique"), effect_in_qpv=("effect_in_qpv", "sum")
    )
    differs: dict[str, list[str]] = {}
    if compared.releases is not None:
        inputs = compared.releases.inputs()
        differs = {part: list(inputs.loc[inputs["part"] == part, "id"]) for part in (DATA, GEOGRAPHY)}
        differs |= {SETTINGS: compared.releases.settings(), CODE: compared.releases.versions()}
    frame = sums.reindex(list(PARTS)).fillna(0).astype("int64").rename_axis("part").reset_index()
    return frame.assign(differs=pd.Series([", ".join(differs.get(p, [])) or None for p in PARTS], dtype="str"))


def sentence(
    compared: Compared,
    stocks: sentences.Stocks,
    where: Where = EVERYWHERE,
    *,
    structure_type: str = ALL,
    language: sentences.Language = "fr",
    change: Bounded | None = None,
) -> str:
    """Say the change in QPV of a type in one sentence: gross where openings and closures are dated, beside the net.

    ``stocks``: at both dates, with their bounds; ``change``: the net change with its own, where they are published.
    """
    rows = causes_table(compared, where)
    by_cause = rows[rows["structure_type"] == structure_type].set_index("cause")
    opened, closed = int(by_cause["n_in"].get(OPENED, 0)), int(by_cause["n_out"].get(CLOSED, 0))
    kind = "Structures" if structure_type == ALL else structure_type.replace("CDS", "CdS")
    what = f"{kind} {'en' if language == 'fr' else 'in'} QPV"
    days = (compared.from_date, compared.to_date)
    if opened or closed:
        return sentences.gross(what, stocks, days, language, opened=opened, closed=closed, change=change)
    moved = bool((by_cause["n_in"] + by_cause["n_out"]).sum())
    return sentences.net(what, stocks, days, language, moved=moved, change=change)
