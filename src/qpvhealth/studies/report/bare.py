"""The QPV without a structure, by size and people, and the zonings that class them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from qpvhealth.contract.tables import VALUES
from qpvhealth.facts.generations import IN_FORCE
from qpvhealth.facts.territories import NO_REGION, REGIONS
from qpvhealth.publish import views
from qpvhealth.publish.bounds import Bounded
from qpvhealth.publish.report.content import MIN_SHARE_BASE, NOT_SHOWN, Section, Table, ratio
from qpvhealth.publish.sentences import in_language
from qpvhealth.studies.report.subject import COUNTRY, Subject

if TYPE_CHECKING:
    from qpvhealth.publish.report.content import Block

NAMED = 20
"""How many QPV a sentence names at most."""
INSIDE = ("0", "1", "2", "3", "unknown")
"""Structures inside a QPV, three or more together."""
TOTAL = "total"


def bare(subject: Subject) -> Section:
    """Write how many QPV have no structure, who lives there, which stand on one and which lost their last."""
    title = subject.say("bare.title")
    quarters = subject.quarters(subject.year)
    if quarters.empty:
        return Section("sans-structure", title, (subject.say("bare.none"),))
    lacking = [] if subject.level != COUNTRY else views.missing_qpv(subject.release, IN_FORCE, subject.year)
    blocks: list[Block] = [in_language(line, subject.language) + "." for line in lacking]
    blocks += [*sentences_of(subject), subject.say("bare.meaning")]
    can_tell = quarters["n_structures"].notna()
    single = {"n": int((quarters["n_structures"] == 1).sum()), "of": int(can_tell.sum())}
    at = {"perimeters": subject.perimeters(subject.year), "on": subject.on()}
    if single["of"]:
        blocks.append(subject.say("bare.single" if single["n"] else "bare.single_none", **single, **at))
    blocks += [*_lost(subject, quarters), by_size(subject, quarters)]
    return Section("sans-structure", title, tuple(blocks))


def sentences_of(subject: Subject) -> list[str]:
    """Say how many QPV have no structure, of how many, how many have one, how many are large, and who lives there."""
    n, proportion = subject.figure("qpv_without_any"), subject.indicator("share_qpv_without_any")
    facts: dict[str, Any] = {"perimeters": subject.perimeters(subject.year), "on": subject.on()}
    if n.value is None or proportion is None or pd.isna(proportion["value"]):
        return [subject.say("bare.unknown", on=facts["on"])]
    of, total = float(proportion["denominator"]), len(subject.quarters(subject.year))
    if not n.value and n.is_exact:
        return [subject.say("bare.zero", of=of, **facts)]
    counted = {"n": n.value, "of": of, "bounds": subject.beside(n) if of == total else ""}
    value = Bounded(*(float(proportion[c]) for c in ("value", "lower", "upper")))
    words = {"share": subject.text(value if of == total else value.value, "share")} if of >= MIN_SHARE_BASE else {}
    lines = [subject.say("bare.share" if words else "bare.count", **words, **counted, **facts)]
    if (
        of != total and n.lower is not None and n.upper is not None
    ):  # bounds are of every QPV, the share of those that can be judged
        lines.append(subject.say("bare.beyond", total=total, lower=n.lower, upper=n.upper))
    lines += _covered(subject, n, of, facts)
    people = subject.figure("population_without_any")
    if people.value is None:
        lines.append(subject.say("bare.no_population"))
    else:
        lines += [_large_line(subject, large, facts) for large in _large(subject, "msp_cds")]
        lines.append(subject.say("bare.people", n=people.value, bounds=subject.beside(people), **facts))
    primary = subject.figure("qpv_without_any", "primary")
    if primary.value is not None:
        lines.append(_primary(subject, primary, facts))
    return lines


def _covered(subject: Subject, without: Bounded, of: float, facts: dict[str, Any]) -> list[str]:
    """Say how many QPV have a structure if any has, and how many structures each has: no mean on a small base, or where either is in doubt."""
    total = len(subject.quarters(subject.year))
    sides = [None if side is None else total - side for side in (without.upper, without.lower)]
    covered = Bounded(of - (without.value or 0), *sides)
    if not covered.value and covered.is_exact:
        return []
    mean = ratio(subject.figure("n_in_qpv").value, covered.value) if covered.is_exact else None
    words = subject.say("bare.mean", mean=subject.text(mean, "ratio")) if isinstance(mean, float) else ""
    return [subject.say("bare.covered", n=covered.value, bounds=subject.beside(covered), mean=words, **facts)]


def _large(subject: Subject, scope: str) -> list[dict[str, Any]]:
    """Give what is said of the large QPV without a structure of a scope: how many, their threshold, how many in the NPNRU."""
    large, npnru = (subject.figure(f"large_{of}qpv_without_any", scope) for of in ("", "npnru_"))
    if large.value is None:
        return []
    words = ""
    if npnru.value == 0 and npnru.upper:  # their list names other perimeters
        words = subject.say("bare.large_npnru_most", n=npnru.upper)
    elif npnru.value is not None:
        words = subject.say("bare.large_npnru", n=npnru.value, bounds=subject.beside(npnru))
    threshold = subject.release.manifest["settings"]["large_population"]
    return [
        {"n": large.value, "most": large.upper, "bounds": subject.beside(large), "threshold": threshold, "npnru": words}
    ]


def _large_line(subject: Subject, large: dict[str, Any], facts: dict[str, Any]) -> str:
    if large["n"]:
        return subject.say("bare.large", **large, **facts)
    return subject.say("bare.large_most" if large["most"] else "bare.large_none", **large, **facts)


def _primary(subject: Subject, without: Bounded, facts: dict[str, Any]) -> str:
    """Say the same of MSP and pluriprofessional centres alone, in which document 001 counts.

    A share is of all QPV or of none: those of which it is unknown have a centre, so the others are no sample of them.
    """
    proportion, share = subject.indicator("share_qpv_without_any", "primary"), ""
    total = len(subject.quarters(subject.year))
    if proportion is not None and proportion["denominator"] == total >= MIN_SHARE_BASE:
        share = subject.say("bare.primary_share", share=subject.text(proportion["value"], "share"), of=total)
    large = "".join(subject.say("bare.primary_large", **words) for words in _large(subject, "primary") if words["n"])
    bounds = subject.beside(without)
    return subject.say("bare.primary", n=without.value, bounds=bounds, share=share, large=large, **facts)


def _lost(subject: Subject, quarters: pd.DataFrame) -> list[str]:
    """Name the QPV that had a structure at the date before and surely have none now, in the same perimeters."""
    if subject.before is None:
        return []
    before = subject.quarters(subject.before)
    both = before.merge(quarters, on=["qpv_code", "generation"], suffixes=("_then", ""))
    if both.empty and len(before):
        return [subject.say("bare.lost_perimeters", interval=subject.interval)]
    both = both[both["is_covered_in_then"].notna() & both["is_covered_in"].notna()]
    if both.empty and len(before):
        return [subject.say("bare.lost_unknown", interval=subject.interval)]
    lost = both[both["is_covered_in_then"].astype(bool) & ~both["is_covered_in"].astype(bool)]
    same = subject.say("bare.lost_among", n=len(both)) if len(both) < len(quarters) else ""
    if lost.empty:
        return [subject.say("bare.lost_none", interval=subject.interval, same=same)]
    labels = [f"{n} ({c})" for n, c in zip(lost["name"], lost["qpv_code"], strict=True)]
    more = subject.say("bare.lost_more", n=len(labels) - NAMED) if len(labels) > NAMED else ""
    names = ", ".join(labels[:NAMED]) + more
    return [subject.say("bare.lost", n=len(lost), interval=subject.interval, names=names, same=same)]


def by_size(subject: Subject, quarters: pd.DataFrame) -> Table:
    """Return QPV and inhabitants by number of structures inside (columns) and by size (rows); all QPV are in it once."""
    n = quarters["n_structures"].astype("Float64")
    inside = n.clip(upper=3).map({k: INSIDE[k] for k in range(4)}).fillna(INSIDE[4])
    bands = quarters["size_band"].astype("object").fillna("unknown")
    columns, rows = [subject.column("size", "text")], []
    labels = [*(label for label in INSIDE if label != INSIDE[4] or (inside == label).any()), TOTAL]
    for label in labels:
        behind = "annexe-sans-structure" if label == INSIDE[0] and subject.level != COUNTRY else "annexe-quartiers"
        columns += [subject.column(f"{unit}_with_{label}", rows=behind) for unit in ("qpv", "people")]
    for band in (*VALUES["SIZE_BANDS"], "unknown", TOTAL):
        chosen = pd.Series(data=True, index=quarters.index) if band == TOTAL else bands == band
        if not chosen.any():
            continue
        line: list[Any] = [subject.say(f"rows.{band}")]
        for label in labels:
            cell = quarters[chosen & ((inside == label) | (label == TOTAL))]
            line += [len(cell), _people(subject, cell)]
        rows.append(tuple(line))
    years = sorted({int(y) for y in quarters["population_year"].dropna()})
    words = ", ".join(map(str, years)) or subject.say("bare.no_year")
    note = subject.say("bare.note", perimeters=subject.perimeters(subject.year), years=words)
    notes = (note, *subject.rows_by(f"list counted --year {subject.year} --indicator qpv_without_any"))
    caption = subject.say("bare.caption", where=subject.where, on=subject.on())
    return Table("taille", caption, tuple(columns), tuple(rows), notes, ("neighbourhood_coverage",), has_total=True)


def _people(subject: Subject, quarters: pd.DataFrame) -> Any:  # noqa: ANN401
    """Add up inhabitants; at least so many where some population is unknown, null where all are."""
    people = quarters["population"].dropna()
    if len(quarters) and people.empty:
        return None
    total = int(people.sum())
    return total if len(people) == len(quarters) else subject.say("where.n_at_least", n=total)


def zoning(subject: Subject) -> Section:
    """Write how many QPV are in priority zones, of how many in how many zoned régions, and the editions by région."""
    title = subject.say("zoning.title")
    if "zoning_regions" not in subject.release.tables:
        return Section("zonage", title, (subject.say("zoning.none"),))
    rows = subject.release.table("zoning_regions")
    rows = rows[(rows["generation"] == IN_FORCE) & (rows["year"] == subject.year)]
    if subject.level != COUNTRY:
        rows = rows[rows["region_code"].isin(subject.regions or [NO_REGION])]
    zoned = rows[rows["in_force_from"].notna()]
    if zoned.empty:
        return Section("zonage", title, (subject.say("zoning.none"),))
    blocks: list[Block] = []
    at = {"perimeters": subject.perimeters(subject.year), "on": subject.on()}
    without, people = subject.figure("zip_qpv_without_any"), subject.figure("zip_qpv_without_any_population")
    if without.value is not None:
        home = _home(subject, people)
        words = "zoning.zip_none" if not without.value and without.is_exact else "zoning.zip"
        blocks.append(subject.say(words, n=without.value, people=home, bounds=subject.beside(without), **at))
    priority = subject.figure("zip_or_zac_qpv")
    if priority.value is not None:
        home = _home(subject, subject.figure("zip_or_zac_qpv_population"))
        of_priority = {"n": priority.value, "bounds": subject.beside(priority), "people": home, **at}
        if subject.level != COUNTRY:
            blocks.append(subject.say("zoning.priority_here", of=subject.figure("qpv_total").value, **of_priority))
        else:
            regions = zoned.loc[zoned["region_code"] != NO_REGION, "region_code"].nunique()
            beyond = subject.say("zoning.beyond") if NO_REGION in set(zoned["region_code"]) else ""
            of = int(zoned["n_qpv"].sum())
            blocks.append(subject.say("zoning.priority", of=of, regions=regions, beyond=beyond, **of_priority))
    return Section("zonage", title, (*blocks, editions(subject, rows)))


def _home(subject: Subject, people: Bounded) -> str:
    """Write how many live in the QPV of a sentence; nothing where nobody knows."""
    return "" if people.value is None else subject.say("zoning.people", n=people.value, bounds=subject.beside(people))


def editions(subject: Subject, rows: pd.DataFrame) -> Table:
    """Return the edition in force by région: since when, QPV, those with a class, in a ZIP, in a ZIP or ZAC."""
    lines, behind = [], "annexe-quartiers" if subject.has_own_answers else ""
    ordered = rows.sort_values(["region_code", "zoning_edition"])
    names = {code: name for code, (name, _) in REGIONS.items()} | {NO_REGION: subject.say("rows.no_region")}
    for row in ordered.to_dict("records"):
        published = not pd.isna(row["in_force_from"])
        label = names.get(row["region_code"], row["region_code"])
        counts = [int(row[c]) if published else None for c in ("n_classed", "n_zip", "n_zip_or_zac")]
        edition = str(row["zoning_edition"]) if published else subject.say("zoning.unpublished")
        since = row["in_force_from"].date() if published else NOT_SHOWN
        lines.append((label, edition, since, int(row["n_qpv"]), *counts))
    columns = (
        subject.column("region", "text"),
        subject.column("edition", "text"),
        subject.column("since", "date"),
        *(subject.column(t, rows=behind) for t in ("qpv", "classed", "zip", "zip_or_zac")),
    )
    caption = subject.say("zoning.caption", where=subject.where_it_answers, on=subject.on())
    note = subject.say("zoning.note", perimeters=subject.perimeters(subject.year))
    listed = subject.rows_by_region(f"list counted --year {subject.year} --indicator zip_or_zac_qpv")
    return Table("zonages", caption, columns, tuple(lines), (note, *listed), ("zoning_regions",))
