"""What goes to the field and comes back: workbooks for the ARS, their answers, and the pre-screen of participatory structures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.errors import InputError, UsageError
from qpvhealth.facts.programmes import SEC, SEC_FIRST_COMMUNES
from qpvhealth.facts.territories import ARRONDISSEMENTS
from qpvhealth.indicators import prescreen, vecu_support as support
from qpvhealth.ingest import cards, returns as returned
from qpvhealth.ingest.cleaning import YES_NO
from qpvhealth.ingest.readers import tables
from qpvhealth.publish import areas, returns as templates, selection, sentences, words
from qpvhealth.publish.rendering import without_formula
from qpvhealth.publish.store import write_file
from qpvhealth.rules.proximity import Proximity
from qpvhealth.studies import figures
from qpvhealth.studies.quarters import COUNTRY, quarters as quarters_in_force, year_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from qpvhealth.publish.release import Release
    from qpvhealth.publish.selection import View
    from qpvhealth.studies.quarters import Area

LEVELS = ("region", "department")


def structures(release: Release, year: int | None = None) -> pd.DataFrame:
    """Return the structures open at the date of an extract (default: the last), in the perimeters in force in their territory."""
    chosen, rows = year_of(release, year), figures.stock(release)
    current = rows["territory"].fillna("metropole").map(selection.in_force(release, chosen))
    return rows[(rows["year"] == chosen) & (rows["generation"] == current)].reset_index(drop=True)


def sec(release: Release, *, answers: Path | None = None, year: int | None = None, area: Area = COUNTRY) -> View:
    """Pre-screen MSP and CdS against the nine criteria, by the release's rule of proximity.

    ``answers``: a table with finess_et and any of the criteria that no extract gives (oui, non), and ``patients``. Raises UsageError
    for an unknown area.
    """
    settings = release.manifest["settings"]
    rows = structures(release, year)
    if area != COUNTRY:
        areas.refuse_unknown(release, area.level, area.code)
        rows = rows[rows[f"{area.level}_code"] == area.code]
    supplied = pd.DataFrame({"finess_et": pd.Series(dtype="str")}) if answers is None else _supplied(answers)
    rule, metres = settings["vecu_rule"], settings["vecu_distance_m"]
    screened = prescreen.screen(rows, supplied, near_rule=rule, vecu_distance_m=metres)
    members = release.table("programme_members")
    listed = members.loc[members["programme"].str.casefold() == SEC, "finess_et"].dropna()
    towns = {a: n for c, n in SEC_FIRST_COMMUNES.items() for a in (c, *ARRONDISSEMENTS.get(c, ()))}
    order = {prescreen.ELIGIBLE: 0, prescreen.TO_COMPLETE: 1, prescreen.NOT_ELIGIBLE: 2}
    screened = screened.assign(
        first=prescreen.first_ones(screened, listed, towns), order=screened["verdict"].map(order)
    ).sort_values(["order", "finess_et"])
    criteria = {
        c.name: sentences.note(
            "criterion_second_hand" if c.second_hand else "criterion",
            n=c.number,
            label=sentences.Sentence(c.label_fr, words.word(c.label_fr, "en")),
        )
        for c in prescreen.CRITERIA
    }
    titles = {
        **selection.titles_of("sec"),
        **criteria,
        "verdict": "Verdict",
        "missing": "Manque",
        "first": "Déjà admise",
    }
    tally = screened["verdict"].value_counts()
    verdicts = (sentences.joined((words.of_code(v), f"{tally.get(v, 0)}"), (" : ", ": ")) for v in order)
    summary = sentences.note("sec_tally", verdicts=sentences.joined(verdicts), of=len(screened))
    by_rule = sentences.note("sec_rule", rule=words.of_code(rule), metres=f"{metres:g}")
    return figures.view(release, "sec", screened, summary, by_rule, sentences.note("sec_six"), titles=titles)


def _supplied(path: Path) -> pd.DataFrame:
    """Read answers to the criteria: yes and no in either language, anything else unknown; an unknown column is refused."""
    frame = tables.read(cards.Card("answers", "structures", path, path.name)).frame
    columns = {"finess_et", "patients", *prescreen.SUPPLIED}
    if "finess_et" not in frame.columns or (unknown := sorted(set(frame.columns) - columns)):
        wrong = ", ".join(unknown) if "finess_et" in frame.columns else "finess_et is missing"
        raise InputError(f"{path.name}: {wrong}; columns: {', '.join(sorted(columns))}")
    words = {c: frame[c].str.strip().str.casefold().map(YES_NO) for c in prescreen.SUPPLIED if c in frame.columns}
    people = {"patients": pd.to_numeric(frame["patients"], errors="coerce")} if "patients" in frame.columns else {}
    return frame[["finess_et"]].assign(**words, **people)


def returns_template(
    release: Release,
    folder: Path,
    *,
    level: str = "region",
    deadline: date,
    year: int | None = None,
    ring_m: float = 1000,
) -> list[Path]:
    """Write one workbook per region or département: its QPV, the structures outside them within ``ring_m`` or declared, cells to fill."""
    if level not in LEVELS:
        raise UsageError(f'level "{level}": {", ".join(LEVELS)}')
    rows, quarters = structures(release, year), quarters_in_force(release, year)
    where = Proximity.of(rows)
    around = where.has_point & where.inside_or_within(ring_m).possible
    near = rows[~where.inside.yes & (around | where.answer.yes)]
    column = f"{level}_code"
    written = []
    for code, part in quarters.groupby(column):
        mine = near[near[column] == code].sort_values(["nearest_qpv_code", "distance_m", "finess_et"])
        generation, year_of_part = ", ".join(sorted(part["generation"].unique())), str(part["year"].iloc[0])
        form = {"Zone": f"{level}:{code}", "Millésime": year_of_part, "Génération": generation, "Version": release.id}
        path = folder / f"retour-{level}-{code}.xlsx"
        workbook = templates.template(mine, part.sort_values("qpv_code"), form, deadline, invented=release.invented)
        write_file(path, workbook)
        written.append(path)
    return written


def returns_read(
    release: Release,
    paths: Sequence[Path],
    *,
    deadline: date,
    level: str = "region",
    year: int | None = None,
    to: Path | None = None,
) -> tuple[View, View]:
    """Read the workbooks that came back: who answered and when, and every cell refused. ``to``: write the declarations there."""
    rows, quarters = structures(release, year), quarters_in_force(release, year)
    zones = {f"{level}:{code}" for code in quarters[f"{level}_code"].dropna().unique()}
    answers = returned.read(
        paths, structures=set(rows["finess_et"]), quarters=set(quarters["qpv_code"]), expected=zones, deadline=deadline
    )
    declared = answers.declarations
    if to is not None:
        comment = declared["comment"].map(without_formula, na_action="ignore")
        write_file(to, returned.declarations_csv(declared.assign(comment=comment)))
    notes = (sentences.note("deadline", day=deadline), sentences.note("declarations_read", n=len(declared)))
    senders = figures.view(release, "returns", answers.senders, *notes)
    return senders, figures.view(release, "returns-problems", answers.problems, *notes)


def vecu_support(release: Release, *, year: int | None = None) -> tuple[View, View]:
    """List, per ARS, declarations without geometric support and structures near but not declared; and the distance they imply."""
    rows = structures(release, year)
    settings = release.manifest["settings"]
    near, far = settings["vecu_distance_m"], max(settings["rings_m"])
    listed, implied = support.unsupported(rows, near_m=near, far_m=far), support.implied_distance(rows)
    notes = (
        sentences.note("far_and_near", far=f"{far:g}", near=f"{near:g}"),
        sentences.note("no_definition"),
    )
    shown = figures.view(release, "vecu-support", listed, *notes)
    return shown, figures.view(release, "vecu-implied", implied, *notes)
