"""A file of expected counts, for CI: what a release should hold, from what it was made, and why it no longer does.

TOML, one ``[[expect]]`` a figure, or CSV with the same columns. A figure is a row of ``indicators`` (``indicator``, ``scope``) or of
``yearly_counts`` (``structure_type``, ``modality``, ``situation``). ``[made_from]`` says of which release the figures were taken,
with the hash of each input: a difference then names the inputs, settings or versions that are no longer the same.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import MAXYEAR
from typing import TYPE_CHECKING, Any

import pandas as pd

from qpvhealth.errors import InputError, UsageError
from qpvhealth.facts.categories import CDS, MODALITIES, MSP, UNKNOWN
from qpvhealth.facts.generations import IN_FORCE
from qpvhealth.publish import sentences
from qpvhealth.publish.selection import titles_of
from qpvhealth.publish.sentences import Sentence, joined
from qpvhealth.settings import read_text, read_toml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from qpvhealth.publish.release import Release

DEFAULTS: dict[str, str] = {"generation": IN_FORCE, "level": "country", "area_code": "FR"}
COUNT_DEFAULTS: dict[str, str] = {"structure_type": "all", "modality": "all", "situation": "all"}
INDICATOR_KEY = ["indicator", "generation", "year", "level", "area_code", "scope"]
COUNT_KEY = ["generation", "year", "level", "area_code", "structure_type", "modality", "situation"]
KNOWN = {*INDICATOR_KEY, *COUNT_KEY, "value", "tolerance", "note"}
NUMBERS = ("year", "value", "tolerance")
LARGEST = 1e15
"""Beyond it, whole numbers are no longer told apart; no figure is as large."""
MAX_CELL = 10_000
"""Characters in a cell of the CSV form: a figure and its note are short."""
CONFORM, DIFFERS, ABSENT = "conforme", "diffère", "absent"
TITLES = titles_of("expected")


@dataclass(frozen=True)
class Expectations:
    """The figures expected, each a mapping of its key, value and tolerance; and what they were made from, if it is said."""

    rows: tuple[dict[str, Any], ...]
    made_from: dict[str, Any] = field(default_factory=dict)


def read(path: Path) -> Expectations:
    """Read a file of expectations.

    Raises InputError when it cannot be read; UsageError, all problems at once, for an unknown column, a year or value that is
    missing or no number, or a figure expected twice.
    """
    is_csv = path.suffix.lower() == ".csv"
    document = {"expect": _of_csv(path)} if is_csv else read_toml(path, InputError)
    entries: Any = document.get("expect", [])
    made_from: Any = document.get("made_from", {})
    if unknown := sorted(set(document) - {"expect", "made_from"}):
        raise UsageError(f"{path.name}: unknown section {', '.join(unknown)}; figures are written [[expect]]")
    if not isinstance(entries, list) or not entries:
        raise UsageError(f"{path.name}: no [[expect]]; write one a figure, such as indicator, year, scope, value")
    if problems := [f"{path.name}: figure {n}: {p}" for n, entry in enumerate(entries, 1) for p in _problems(entry)]:
        raise UsageError("\n".join(problems))
    if not isinstance(made_from, dict):
        raise UsageError(f"{path.name}: made_from is no table; it is written [made_from]")
    defaults = [DEFAULTS | ({"scope": "msp_cds"} if "indicator" in entry else COUNT_DEFAULTS) for entry in entries]
    rows = tuple(d | {"tolerance": 0} | entry for d, entry in zip(defaults, entries, strict=True))
    n_of_figure = Counter(name_of(row) for row in rows)
    if twice := sorted(name for name, n in n_of_figure.items() if n > 1):
        raise UsageError(f"{path.name}: expected twice: {'; '.join(twice[:5])}")
    return Expectations(rows, made_from)


def _of_csv(path: Path) -> list[dict[str, Any]]:
    """Read the CSV form; what should be a number and is none stays a text, which ``_problems`` refuses."""
    text = read_text(path, InputError)
    dialect = ";" if ";" in text.partition("\n")[0] else ","
    csv.field_size_limit(MAX_CELL)  # of the whole process: another reader may have set its own
    try:
        lines = list(csv.DictReader(io.StringIO(text), delimiter=dialect))
    except csv.Error as error:
        raise InputError(f"{path.name}: cannot be read: {error}") from error
    rows: list[dict[str, Any]] = [{k or "beyond the header": v for k, v in line.items() if v} for line in lines]
    for row in rows:
        for name in NUMBERS:
            with suppress(KeyError, ValueError):
                number = float(row[name].replace(",", "."))
                row[name] = int(number) if number.is_integer() else number
    return rows


def _problems(row: Any) -> Iterator[str]:  # noqa: ANN401
    if not isinstance(row, dict):
        yield "not a table of keys and values"
        return
    if unknown := sorted(set(row) - KNOWN):
        yield f"unknown key {', '.join(unknown)}; known: {', '.join(sorted(KNOWN))}"
    for name in NUMBERS:
        value = row.get(name)
        if name not in row:
            yield from (f"{name} is missing",) if name != "tolerance" else ()
        elif not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= LARGEST:
            yield f"{name} must be a number, not {value!r}"
        elif name == "year" and value not in range(MAXYEAR + 1):
            yield f"year must be a year, not {value!r}"
    for name in sorted(KNOWN.intersection(row) - {*NUMBERS}):
        if not isinstance(row[name], str):
            yield f"{name} must be text, not {row[name]!r}"
    if "indicator" in row and (mixed := sorted(set(row) & set(COUNT_DEFAULTS))):
        yield f"an indicator has no {', '.join(mixed)}; write scope instead"


def _key(row: Mapping[str, Any]) -> list[str]:
    return INDICATOR_KEY if "indicator" in row else COUNT_KEY


def name_of(row: Mapping[str, Any]) -> str:
    """Name a figure by its key, in words of the tables."""
    return ", ".join(str(row[k]) for k in _key(row))


def compare(expected: Expectations, release: Release) -> pd.DataFrame:
    """Compare a release with expectations: one row per figure, columns of ``TITLES``, with the cause of each difference."""
    indicators = release.table("indicators").set_index(INDICATOR_KEY)[["value", "n_unknown"]]
    counts = release.table("yearly_counts").set_index(COUNT_KEY)["n_structures"].to_frame("value")
    counted = pd.MultiIndex.from_frame(counts.reset_index()[COUNT_KEY[:4]])
    changed = list(changed_inputs(expected.made_from, release.manifest))
    rows = []
    for row in expected.rows:
        table, at = indicators if "indicator" in row else counts, tuple(row[k] for k in _key(row))
        cell = table.loc[[at]].iloc[0] if at in table.index else None
        if cell is not None:
            here = None if pd.isna(cell["value"]) else float(cell["value"])
        else:  # a count that has no row is 0 where its year, generation and area are counted, and centres have a modality
            here = 0.0 if table is counts and at[:4] in counted and not _has_no_modality(counts, row) else None
        causes = [cause for year, cause in changed if cell is None or year in (None, row["year"])]
        gap = None if here is None else here - float(row["value"])
        if gap is None:
            verdict, cause = ABSENT, joined(causes) or sentences.note("cause_absent")
        elif abs(gap) <= float(row["tolerance"]):
            verdict, cause = CONFORM, sentences.Sentence("", "")
        else:
            n_unknown = 0 if cell is None else int(cell.get("n_unknown", 0))
            unsure = [sentences.note("cause_unknown", n=n_unknown)] if n_unknown else []
            verdict, cause = DIFFERS, joined([*causes, *unsure]) or sentences.note("cause_silent")
        rows.append((name_of(row), float(row["value"]), here, gap, verdict, cause))
    frame = pd.DataFrame(rows, columns=[*TITLES])
    frame.attrs["english"] = sentences.english_of(row[-1] for row in rows)
    return frame


def _has_no_modality(counts: pd.DataFrame, row: Mapping[str, Any]) -> bool:
    """Say whether a count of one modality cannot be told: every centre of its year, generation and area is of unknown modality."""
    if row["modality"] == "all" or row["structure_type"] == MSP:
        return False
    cells = [
        tuple({**row, "structure_type": CDS, "situation": "all", "modality": m}[k] for k in COUNT_KEY)
        for m in MODALITIES
    ]
    return {m for m, cell in zip(MODALITIES, cells, strict=True) if cell in counts.index} == {UNKNOWN}


def differing(compared: pd.DataFrame) -> bool:
    """Say whether some figure is not as expected."""
    return bool((compared["verdict"] != CONFORM).any())


def changed_inputs(made_from: Mapping[str, Any], manifest: Mapping[str, Any]) -> Iterator[tuple[int | None, Sentence]]:
    """Name what is no longer as it was: inputs (with their year, null: of every year), settings, versions."""
    if not made_from:
        return
    then, now = made_from.get("inputs", {}), {i["id"]: i for i in _counted(manifest)}
    for name in sorted({*then, *now}):
        year = now.get(name, {}).get("year")
        if name not in now:
            yield None, sentences.note("cause_withdrawn", name=name)
        elif name not in then:
            yield year, sentences.note("cause_added", name=name)
        elif then[name] != now[name]["sha256"]:
            yield year, sentences.note("cause_changed", name=name)
    settings, current = made_from.get("settings", {}), _settings(manifest)
    for name in sorted({*settings, *current}):
        if settings.get(name) != current.get(name):
            yield None, sentences.note("cause_setting", name=name, before=settings.get(name), after=current.get(name))
    if made_from.get("qpvhealth_version") != manifest["qpvhealth_version"]:
        yield (
            None,
            sentences.note(
                "cause_version", before=made_from.get("qpvhealth_version"), after=manifest["qpvhealth_version"]
            ),
        )
    elif settings == current and then == {k: v["sha256"] for k, v in now.items()}:
        yield None, sentences.note("cause_code")


def _counted(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the inputs that can change a count: not the published figures that counts are compared with."""
    return [i for i in manifest["inputs"] if i.get("kind") != "published"]


def _settings(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Write settings as texts: what matters is whether they are the same."""
    return {k: str(v) for k, v in manifest["settings"].items() if k != "in_force"}


def text(release: Release) -> str:
    """Write every count of the headline of a release, for the country and what is in force, as a file of expectations."""
    rows = release.table("indicators")
    rows = rows[
        ~rows["indicator"].str.startswith("share_") & (rows["level"] == "country") & (rows["generation"] == IN_FORCE)
    ]
    figures = [
        f'[[expect]]\nindicator = "{row["indicator"]}"\nyear = {row["year"]}\nscope = "{row["scope"]}"\n'
        f"value = {row['value']:.10g}\n"
        for row in rows[rows["value"].notna()].to_dict("records")
    ]
    inputs = "".join(f'"{i["id"]}" = "{i["sha256"]}"\n' for i in _counted(release.manifest))
    settings = "".join(f"{k} = {json.dumps(v, ensure_ascii=False)}\n" for k, v in _settings(release.manifest).items())
    head = f'release = "{release.id}"\nqpvhealth_version = "{release.manifest["qpvhealth_version"]}"\n'
    made_from = f"[made_from]\n{head}\n[made_from.inputs]\n{inputs}\n[made_from.settings]\n{settings}"
    return "\n".join([made_from, *figures])
