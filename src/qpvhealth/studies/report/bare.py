"""The QPV without a structure, by size and people, and the zonings that class them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from qpvhealth.contract.tables import VALUES
from qpvhealth.facts.generations import IN_FORCE
from qpvhealth.facts.territories import DEPARTMENT_REGION, NO_REGION, REGIONS
from qpvhealth.publish.report.content import MIN_SHARE_BASE, NOT_SHOWN, Bounded, Column, Section, Table, text
from qpvhealth.publish.report.words import say
from qpvhealth.studies.report.headline import on
from qpvhealth.studies.report.subject import COUNTRY, Subject

if TYPE_CHECKING:
    from qpvhealth.publish.report.content import Block

BANDS_FR = {
    "under 1000": "Moins de 1 000 habitants",
    "1000 to 2499": "1 000 à 2 499",
    "2500 to 4999": "2 500 à 4 999",
    "5000 to 24000": "5 000 à 24 000",
    "above 24000": "Plus de 24 000",
}
NO_POPULATION = "Population inconnue"
NAMED = 20
"""How many QPV a sentence names at most."""
INSIDE = ("0", "1", "2", "3 ou plus", "inconnu")


def bare(subject: Subject) -> Section:
    """Write how many QPV have no structure, who lives there, which stand on one and which lost their last."""
    title = say("bare.title")
    quarters = subject.quarters(subject.year)
    if quarters.empty:
        return Section("sans-structure", title, (say("bare.none"),))
    blocks: list[Block] = [*_sentences(subject), say("bare.meaning")]
    blocks.append(say("bare.single", n=int((quarters["n_structures"] == 1).sum())))
    blocks += [*_lost(subject, quarters), by_size(subject, quarters)]
    return Section("sans-structure", title, tuple(blocks))


def bounds(figure: Bounded) -> str:
    """Write the bounds of a figure beside it; nothing where it is exact."""
    if figure.is_exact or figure.lower is None:
        return ""
    if figure.upper is None:
        return say("bare.at_least")
    return say("bare.bounds", lower=figure.lower, upper=figure.upper)


def _sentences(subject: Subject) -> list[str]:
    n, proportion = subject.figure("qpv_without_any"), subject.indicator("share_qpv_without_any")
    facts: dict[str, Any] = {"perimeters": subject.perimeters(subject.year), "on": on(subject)}
    if n.value is None or proportion is None or pd.isna(proportion["value"]):
        return [say("bare.unknown", on=facts["on"])]
    of = float(proportion["denominator"])
    if not n.value and n.is_exact:
        return [say("bare.zero", of=of, **facts)]
    if of >= MIN_SHARE_BASE:
        value = Bounded(*(float(proportion[c]) for c in ("value", "lower", "upper")))
        lines = [say("bare.share", share=text(value, "share"), n=n.value, bounds=bounds(n), of=of, **facts)]
    else:
        lines = [say("bare.count", n=n.value, bounds=bounds(n), of=of, **facts)]
    people, large = subject.figure("population_without_any"), subject.figure("large_qpv_without_any")
    if people.value is None:
        lines.append(say("bare.no_population"))
    else:
        lines.append(say("bare.people", n=people.value, bounds=bounds(people)))
        npnru = subject.figure("large_npnru_qpv_without_any").value
        in_npnru = "" if npnru is None else say("bare.large_npnru", n=npnru)
        threshold = subject.release.manifest["settings"]["large_population"]
        if large.value is not None:
            lines.append(say("bare.large", n=large.value, threshold=threshold, bounds=bounds(large), npnru=in_npnru))
    primary = subject.figure("qpv_without_any", "primary")
    if primary.value is not None:
        lines.append(say("bare.primary", n=primary.value, bounds=bounds(primary)))
    return lines


def _lost(subject: Subject, quarters: pd.DataFrame) -> list[str]:
    """Name the QPV that had a structure at the date before and surely have none now, in the same perimeters."""
    if subject.before is None:
        return []
    before = subject.quarters(subject.before)
    both = before.merge(quarters, on=["qpv_code", "generation"], suffixes=("_then", ""))
    if both.empty and len(before):
        return [say("bare.lost_perimeters", interval=subject.interval)]
    had, has = (
        both[c].astype("boolean").fillna(value=v) for c, v in (("is_covered_in_then", False), ("is_covered_in", True))
    )
    lost = both[(had & ~has).astype(bool)]
    same = say("bare.lost_among", n=len(both)) if len(both) < len(quarters) else ""
    if lost.empty:
        return [say("bare.lost_none", interval=subject.interval, same=same)]
    named = [f"{n} ({c})" for n, c in zip(lost["name"], lost["qpv_code"], strict=True)]
    more = say("bare.lost_more", n=len(named) - NAMED) if len(named) > NAMED else ""
    names = ", ".join(named[:NAMED]) + more
    return [say("bare.lost", n=len(lost), interval=subject.interval, names=names, same=same)]


def by_size(subject: Subject, quarters: pd.DataFrame) -> Table:
    """Return QPV and inhabitants by number of structures inside (columns) and by size (rows); all QPV are in it once."""
    n = quarters["n_structures"].astype("Float64")
    inside = n.clip(upper=3).map({0: INSIDE[0], 1: INSIDE[1], 2: INSIDE[2], 3: INSIDE[3]}).fillna(INSIDE[4])
    bands = quarters["size_band"].map(BANDS_FR).fillna(NO_POPULATION)
    columns, rows = [Column("Taille du QPV", "text")], []
    labels = [label for label in INSIDE if label != INSIDE[4] or (inside == label).any()]
    words_of = dict(
        zip(INSIDE, ("0 structure", "1 structure", "2 structures", "3 structures ou plus", "inconnu"), strict=True)
    )
    for label in (*labels, "ensemble"):
        words = words_of.get(label, label)
        columns += [Column(f"QPV, {words}"), Column(f"Habitants, {words}")]
    for band in (*(BANDS_FR[b] for b in VALUES["SIZE_BANDS"]), NO_POPULATION, "Ensemble"):
        chosen = pd.Series(data=True, index=quarters.index) if band == "Ensemble" else bands == band
        if not chosen.any():
            continue
        line: list[Any] = [band]
        for label in (*labels, "ensemble"):
            cell = quarters[chosen & (inside == label)] if label != "ensemble" else quarters[chosen]
            line += [len(cell), _people(cell)]
        rows.append(tuple(line))
    years = sorted({int(y) for y in quarters["population_year"].dropna()})
    words = ", ".join(map(str, years)) or say("bare.no_year")
    note = say("bare.note", perimeters=subject.perimeters(subject.year), years=words)
    caption = say("bare.caption", where=subject.where, on=on(subject))
    return Table("taille", caption, tuple(columns), tuple(rows), (note,), ("neighbourhood_coverage",), has_total=True)


def _people(quarters: pd.DataFrame) -> Any:  # noqa: ANN401
    """Add up inhabitants; at least so many where some population is unknown, null where all are."""
    known = quarters["population"].dropna()
    if len(quarters) and known.empty:
        return None
    total = int(known.sum())
    return total if len(known) == len(quarters) else f"{text(total)} au moins"


def zoning(subject: Subject) -> Section:
    """Write how many QPV are in priority zones, of how many in how many zoned régions, and the editions by région."""
    title = say("zoning.title")
    if "zoning_regions" not in subject.release.tables:
        return Section("zonage", title, (say("zoning.none"),))
    rows = subject.release.table("zoning_regions")
    rows = rows[(rows["generation"] == IN_FORCE) & (rows["year"] == subject.year)]
    if subject.level != COUNTRY:
        here = subject.code if subject.level == "region" else DEPARTMENT_REGION[subject.code]
        rows = rows[rows["region_code"] == here]
    zoned = rows[rows["in_force_from"].notna()]
    if zoned.empty:
        return Section("zonage", title, (say("zoning.none"),))
    blocks: list[Block] = []
    without, people = subject.figure("zip_qpv_without_any"), subject.figure("zip_qpv_without_any_population")
    if without.value is not None:
        home = "" if people.value is None else say("zoning.people", n=people.value)
        blocks.append(say("zoning.zip", n=without.value, people=home, bounds=bounds(without)))
    priority = subject.figure("zip_or_zac_qpv")
    if priority.value is not None:
        words = {"n": priority.value, "bounds": bounds(priority)}
        if subject.level != COUNTRY:
            blocks.append(say("zoning.priority_here", of=subject.figure("qpv_total").value, **words))
        else:
            regions = zoned.loc[zoned["region_code"] != NO_REGION, "region_code"].nunique()
            beyond = say("zoning.beyond") if NO_REGION in set(zoned["region_code"]) else ""
            of = int(zoned["n_qpv"].sum())
            blocks.append(say("zoning.priority", of=of, regions=regions, beyond=beyond, **words))
    return Section("zonage", title, (*blocks, editions(subject, rows)))


def editions(subject: Subject, rows: pd.DataFrame) -> Table:
    """Return the edition in force by région: since when, QPV, those with a class, in a ZIP, in a ZIP or ZAC."""
    lines = []
    ordered = rows.sort_values(["region_code", "zoning_edition"])
    names = {code: name for code, (name, _) in REGIONS.items()} | {NO_REGION: "Sans région"}
    for row in ordered.to_dict("records"):
        published = not pd.isna(row["in_force_from"])
        label = names.get(row["region_code"], row["region_code"])
        counts = [int(row[c]) if published else None for c in ("n_classed", "n_zip", "n_zip_or_zac")]
        edition = str(row["zoning_edition"]) if published else say("zoning.unpublished")
        since = row["in_force_from"].date() if published else NOT_SHOWN
        lines.append((label, edition, since, int(row["n_qpv"]), *counts))
    columns = (
        Column("Région", "text"),
        Column("Édition", "text"),
        Column("En vigueur depuis", "date"),
        *(Column(t) for t in ("QPV", "QPV classés", "QPV en ZIP", "QPV en ZIP ou ZAC")),
    )
    caption = say("zoning.caption", where=subject.where, on=on(subject))
    note = say("zoning.note", perimeters=subject.perimeters(subject.year))
    return Table("zonages", caption, columns, tuple(lines), (note,), ("zoning_regions",))
