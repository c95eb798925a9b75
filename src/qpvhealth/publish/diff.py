"""What moved between two years of a release, or between two releases, and why: frames for tables, lists and exit codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from qpvhealth.errors import UsageError
from qpvhealth.facts.causes import CAUSES, CLOSED, CONTOUR, EVIDENCE_FR, GENERATION, OPENED, SCOPE
from qpvhealth.facts.generations import IN_FORCE
from qpvhealth.facts.situations import IN_QPV, LABELS_FR as SITUATIONS_FR
from qpvhealth.facts.territories import NO_REGION
from qpvhealth.publish import sentences

if TYPE_CHECKING:
    from datetime import date

    from qpvhealth.publish.release import Release

ALL, COUNTRY = "all", "FR"
DATA, GEOGRAPHY, SETTINGS, CODE = "data", "geography", "settings", "code"
PARTS = (DATA, GEOGRAPHY, SETTINGS, CODE)
PARTS_FR = {DATA: "données", GEOGRAPHY: "géographie", SETTINGS: "choix", CODE: "programme"}
LEVELS = {"territory": "territory", "region": "region", "department": "department"}
READ_OTHERWISE = "read otherwise"
_GEOGRAPHIC = ("neighbourhoods", "boundaries")
_BYTES = ("sha256", "sidecars")
_READING = ("reading", "layout", "year", "generation", "edition", "reference_date")


@dataclass(frozen=True)
class Releases:
    """Two releases, held against each other by what they were made from."""

    old: Release
    new: Release

    def inputs(self) -> pd.DataFrame:
        """List the inputs that differ: ``id``, ``kind``, ``part`` (data or geography) and ``what``.

        ``what``: added, removed, other bytes, or read otherwise (the same file, another card).
        """
        sides = [{i["id"]: i for i in r.manifest["inputs"]} for r in (self.old, self.new)]
        rows = [
            _input(name, sides[0].get(name), sides[1].get(name)) for name in sorted(sides[0].keys() | sides[1].keys())
        ]
        return pd.DataFrame([r for r in rows if r["what"]], columns=["id", "kind", "part", "what"])

    @property
    def chooses_otherwise(self) -> bool:
        """Whether a choice of the analyst differs: a setting, or how the card of an extract has it read."""
        inputs = self.inputs()
        cards = (inputs["kind"] == "structures") & (inputs["what"] == READ_OTHERWISE)
        return bool(len(self.settings()) or cards.any())

    def settings(self) -> pd.DataFrame:
        """List the settings that differ: ``setting``, ``old``, ``new``."""
        old, new = (dict(r.manifest["settings"]) for r in (self.old, self.new))
        names = sorted(k for k in old.keys() | new.keys() if old.get(k) != new.get(k) and k != IN_FORCE)
        rows = [{"setting": k, "old": str(old.get(k)), "new": str(new.get(k))} for k in names]
        return pd.DataFrame(rows, columns=["setting", "old", "new"])

    def versions(self) -> pd.DataFrame:
        """List the program and the libraries that differ: ``name``, ``old``, ``new``."""
        sides = [{"qpvhealth": r.manifest["qpvhealth_version"], **r.manifest["versions"]} for r in (self.old, self.new)]
        names = sorted(k for k in sides[0].keys() | sides[1].keys() if sides[0].get(k) != sides[1].get(k))
        rows = [{"name": k, "old": sides[0].get(k), "new": sides[1].get(k)} for k in names]
        return pd.DataFrame(rows, columns=["name", "old", "new"])


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

    @property
    def is_same(self) -> bool:
        """Whether nothing moved: no change of any structure, in any generation."""
        return self.changes.empty


def _input(name: str, old: dict[str, Any] | None, new: dict[str, Any] | None) -> dict[str, Any]:
    kind = str((new or old or {}).get("kind"))
    what: str | None
    if old is None or new is None:
        what = "added" if old is None else "removed"
    elif any(old.get(k) != new.get(k) for k in _BYTES):
        what = "other bytes"
    else:
        what = READ_OTHERWISE if any(old.get(k) != new.get(k) for k in _READING) else None
    return {"id": name, "kind": kind, "part": GEOGRAPHY if kind in _GEOGRAPHIC else DATA, "what": what}


def chosen(
    compared: Compared, *, generation: str = IN_FORCE, level: str = "country", area: str = COUNTRY
) -> pd.DataFrame:
    """Select the changes of one generation that concern an area, with the ``part`` of each.

    A structure that goes from one area to another concerns both. Raises UsageError for an unknown generation or level.
    """
    frame = compared.changes
    if generation not in compared.generations:
        raise UsageError(f'unknown generation "{generation}"; known: {", ".join(compared.generations)}')
    if level not in ("country", *LEVELS):
        raise UsageError(f'unknown level "{level}"; known: country, {", ".join(LEVELS)}')
    rows = frame[frame["generation"] == generation]
    if level != "country":
        sides = [
            rows[f"{LEVELS[level]}_{s}"].fillna(NO_REGION).where(rows[f"situation_{s}"].notna()) for s in ("from", "to")
        ]
        rows = rows[(sides[0] == area) | (sides[1] == area)]
    return rows.assign(part=_part(rows["cause"], compared.releases))


def _part(cause: pd.Series, releases: Releases | None) -> pd.Series:
    """Say what part a cause belongs to; what is counted was redefined by a choice where one differs, by the code otherwise.

    Within one release the code is the same: only the cards of the extracts can count otherwise.
    """
    by_choice = SETTINGS if releases is None or releases.chooses_otherwise else CODE
    named = cause.map({CONTOUR: GEOGRAPHY, GENERATION: GEOGRAPHY, SCOPE: by_choice})
    return named.fillna(DATA).astype("str")


def causes_table(
    compared: Compared,
    *,
    situation: str = IN_QPV,
    generation: str = IN_FORCE,
    level: str = "country",
    area: str = COUNTRY,
) -> pd.DataFrame:
    """Sum the changes of a situation by type and cause: ``structure_type``, ``cause``, ``label_fr``, ``part``, ``n``, ``n_in``, ``n_out``.

    ``situation`` may be ``all``, the whole stock. One row per type and cause that something crosses, ``all`` types last, in the
    order of the causes. The sum of ``n`` is the difference of the stocks.
    """
    rows = chosen(compared, generation=generation, level=level, area=area)
    sides = {side: _is_in(rows, side, situation, level, area) for side in ("from", "to")}
    parts = []
    for name, by in ((None, "structure_type"), (ALL, None)):
        kinds = {s: (rows[f"structure_type_{s}"] if by else pd.Series(ALL, index=rows.index)) for s in sides}
        stays = sides["from"] & sides["to"] & (kinds["from"] == kinds["to"])
        for side, into in (("from", 0), ("to", 1)):
            at = sides[side] & ~stays
            told = rows.loc[at, ["cause", "part"]].assign(structure_type=kinds[side][at] if name is None else ALL)
            parts.append(told.assign(n_in=into, n_out=1 - into))
    keys = ["structure_type", "cause", "part"]
    summed = pd.concat(parts).groupby(keys, as_index=False)[["n_in", "n_out"]].sum()
    labels = summed["cause"].map({c: fr for c, (fr, _) in CAUSES.items()})
    told = summed.assign(n=summed["n_in"] - summed["n_out"], label_fr=labels)
    order = told["cause"].map({c: i for i, c in enumerate(CAUSES)})
    ranked = told.assign(last=told["structure_type"] == ALL, order=order).sort_values(
        ["last", "structure_type", "order"]
    )
    return ranked[["structure_type", "cause", "label_fr", "part", "n", "n_in", "n_out"]].reset_index(drop=True)


def _is_in(rows: pd.DataFrame, side: str, situation: str, level: str, area: str) -> pd.Series:
    held = rows[f"situation_{side}"].notna() if situation == ALL else rows[f"situation_{side}"] == situation
    if level == "country":
        return held
    return held & (rows[f"{LEVELS[level]}_{side}"].fillna(NO_REGION) == area)


def structures_table(
    compared: Compared,
    *,
    cause: str | None = None,
    generation: str = IN_FORCE,
    level: str = "country",
    area: str = COUNTRY,
    only_in_qpv: bool = True,
) -> pd.DataFrame:
    """List the structures behind the causes, with their evidence, in the order of causes then numbers.

    ``only_in_qpv``: those that change the stock in QPV; otherwise every change. Raises UsageError for an unknown cause.
    """
    if cause is not None and cause not in CAUSES:
        raise UsageError(f'unknown cause "{cause}"; known: {", ".join(CAUSES)}')
    rows = chosen(compared, generation=generation, level=level, area=area)
    rows = rows[rows["effect_in_qpv"] != 0] if only_in_qpv else rows
    rows = rows if cause is None else rows[rows["cause"] == cause]
    order = rows["cause"].map({c: i for i, c in enumerate(CAUSES)})
    named = rows["finess_et"].map(compared.names).fillna(rows["finess_et_from"].map(compared.names))
    shown = rows.assign(name=named.astype("str"), order=order).sort_values(["order", "finess_et", "step"])
    columns = [
        *("cause", "finess_et", "name", "structure_type", "department_from", "department_to", "situation_from"),
        *("situation_to", "qpv_code_from", "qpv_code_to", "effect_in_qpv", "effect_in_or_near", "step", "evidence"),
        *("changed", "opened_on", "closed_on", "moved_m", "finess_et_from", "other_order_differs", "part"),
    ]
    return shown[columns].reset_index(drop=True)


def in_french(frame: pd.DataFrame) -> pd.DataFrame:
    """Write the coded words of a table of this module in French, for people; what has no French word stays as it is."""
    words: dict[str, dict[str, str]] = {
        "cause": {code: fr for code, (fr, _) in CAUSES.items()},
        "evidence": EVIDENCE_FR,
        "part": PARTS_FR,
        "structure_type": {ALL: "Ensemble", "CDS": "CdS"},
        **dict.fromkeys(("situation_from", "situation_to"), SITUATIONS_FR),
    }
    return frame.assign(**{c: frame[c].replace(words[c]) for c in frame.columns.intersection(list(words))})


def parts_table(
    compared: Compared, *, generation: str = IN_FORCE, level: str = "country", area: str = COUNTRY
) -> pd.DataFrame:
    """Say what part comes from the data, the geography, the settings and the code.

    Returns ``part``, ``n_changes``, ``n_structures``, ``effect_in_qpv`` and ``differs``: the inputs, settings or versions that differ
    between two releases; null within one.
    """
    rows = chosen(compared, generation=generation, level=level, area=area)
    told = rows.groupby("part").agg(
        n_changes=("cause", "size"), n_structures=("finess_et", "nunique"), effect_in_qpv=("effect_in_qpv", "sum")
    )
    frame = told.reindex(list(PARTS)).fillna(0).astype("int64").rename_axis("part").reset_index()
    return frame.assign(differs=pd.Series([_differs(compared.releases, part) for part in PARTS], dtype="str"))


def _differs(releases: Releases | None, part: str) -> str | None:
    if releases is None:
        return None
    inputs = releases.inputs()
    named = {
        DATA: inputs.loc[inputs["part"] == DATA, "id"],
        GEOGRAPHY: inputs.loc[inputs["part"] == GEOGRAPHY, "id"],
        SETTINGS: releases.settings()["setting"],
        CODE: releases.versions()["name"],
    }[part]
    return ", ".join(named) or None


def sentence(
    compared: Compared, opening: int, *, structure_type: str = ALL, language: sentences.Language = "fr", **where: str
) -> str:
    """Say the change in QPV of a type in one sentence: gross where openings and closures are dated, beside the net."""
    rows = causes_table(compared, **where)
    n = rows[rows["structure_type"] == structure_type].set_index("cause")[["n", "n_in", "n_out"]]
    opened = int(n["n_in"].get(OPENED, 0)) if len(n) else 0
    closed = int(n["n_out"].get(CLOSED, 0)) if len(n) else 0
    total = int(n["n"].sum())
    words = {"fr": "Structures en QPV", "en": "Structures in QPV"}[language]
    what = words if structure_type == ALL else words.replace("Structures", structure_type.replace("CDS", "CdS"))
    days = (compared.from_date, compared.to_date)
    if opened or closed:
        return sentences.gross(what, opening, sentences.Flow(opened, closed, total - opened + closed), days, language)
    return sentences.net(what, opening, opening + total, days, language)
