"""What is unknown and what it could change, what was revised, where the figures come from, and the lists behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from qpvhealth.contract.rules import all_rules
from qpvhealth.errors import QpvhealthError
from qpvhealth.facts.categories import CDS, UNKNOWN
from qpvhealth.facts.generations import IN_FORCE
from qpvhealth.facts.situations import IN_QPV, UNDETERMINED, VECU_DECLARED
from qpvhealth.facts.territories import NO_REGION, REGIONS
from qpvhealth.indicators.headline import BOTH
from qpvhealth.publish import diff, visas
from qpvhealth.publish.bounds import Bounded
from qpvhealth.publish.release import open_release
from qpvhealth.publish.rendering import readable
from qpvhealth.publish.report.content import NOT_SHOWN, Section, Table, single_line
from qpvhealth.publish.report.words import lines
from qpvhealth.studies import comparison, figures
from qpvhealth.studies.report import movements
from qpvhealth.studies.report.headline import NOBODY
from qpvhealth.studies.report.rows import cells, origins, plain_cell
from qpvhealth.studies.report.subject import ALL, COUNTRY, REGION, Area, Subject

if TYPE_CHECKING:
    from qpvhealth.publish.report.content import Block

DIFFERS, REPRODUCED = "diffère", "reproduit"
HASH = 12
LONG = 300
"""Rows of the longest list that a document holds beside those of QPV and quartier vécu."""
"""How many characters of a hash are shown."""


def limits(subject: Subject) -> Section:
    """List what is unknown: how many, the largest effect on which figure, and who can answer."""
    rows = [row for row in _unknowns(subject) if row[1]]
    title = subject.say("limits.title")
    accepted = _accepted(subject)
    if not rows:
        return Section("inconnues", title, (subject.say("limits.nothing"), *accepted))
    columns = (
        subject.column("unknown", "text"),
        subject.column("how_many"),
        subject.column("figure", "text"),
        subject.column("effect"),
        subject.column("who", "text"),
    )
    caption = subject.say("limits.caption", where=subject.where, on=subject.on())
    used = ("yearly_counts", "indicators", "structure_locations", "neighbourhood_coverage", "rejects")
    listed = subject.rows_by(f"list counted --year {subject.year} --situation undetermined")
    unknown = Table("inconnu", caption, columns, tuple(rows), (subject.say("limits.note"), *listed), used)
    return Section("inconnues", title, (unknown, *accepted))


def _accepted(subject: Subject) -> list[Block]:
    """Repeat what the cards accept as surprising and true: the finding, its area and value, who signed, when and why."""
    signed = [finding for finding in subject.release.manifest["warnings"] if finding.get("signed")]
    if not signed:
        return []
    signature = ("on",) if subject.is_public else ("by", "on", "reason")
    rows = [
        (
            getattr(all_rules()[f["rule"]], subject.language),
            *(single_line(str(f[key])) for key in ("area", "value")),
            *(single_line(str(f["signed"][key])) for key in signature),
        )
        for f in signed
    ]
    columns = tuple(subject.column(f"accepted_{key}", "text") for key in ("finding", "area", "value", *signature))
    return [Table("acceptes", subject.say("limits.accepted"), columns, tuple(rows))]


def _unknowns(subject: Subject) -> list[tuple[Any, ...]]:
    places, quarters = subject.structures(subject.year), subject.quarters(subject.year)
    outside = places[places["situation"] != IN_QPV]
    inside, union = subject.figure("n_in_qpv"), subject.figure("n_in_or_near")
    without, zones = subject.figure("qpv_without_any"), subject.figure("zip_or_zac_qpv")
    no_zone = int(quarters["zone_class"].isna().sum())
    fragile = int(places["is_fragile"].fillna(value=False).astype(bool).sum())
    unknown_modality = subject.stock(ALL, CDS, UNKNOWN) or 0
    undecided = int(quarters["is_covered_in"].isna().sum())
    unanswered = int((outside["vecu_declared"] == NOBODY).sum())
    primary = subject.figure("qpv_without_any", "primary")
    at_stake = {
        "unplaced": (subject.stock(UNDETERMINED) or 0, _effect(inside)),
        "unanswered": (unanswered, _effect(union)),
        "modality": (unknown_modality, _effect(primary)),
        "qpv": (undecided, _effect(without)),
        "population": (int(quarters["population"].isna().sum()), NOT_SHOWN),
        "zone": (no_zone, _effect(zones) if zones.value is not None else NOT_SHOWN),
        "fragile": (fragile, fragile),
        "rejects": (len(subject.release.table("rejects")), NOT_SHOWN),
    }
    words = {key: [subject.say(f"{part}.{key}") for part in ("limits", "touched", "answerer")] for key in at_stake}
    return [(words[key][0], n, words[key][1], effect, words[key][2]) for key, (n, effect) in at_stake.items()]


def _effect(figure: Bounded) -> float | None:
    if figure.lower is None or figure.upper is None:
        return None
    return figure.upper - figure.lower


def _since_signed(subject: Subject) -> list[Block]:
    """Say which release was signed last, and what was revised since: causes whose sum is the difference of the figures."""
    visa = visas.last_of(subject.release)
    if visa is None:
        return [subject.say("revisions.none")]
    if visa.release == subject.release.id:
        return [subject.say("revisions.same_release", number=visa.number)]
    facts = {"number": visa.number, "day": visa.on, "release": visa.release}
    signed = "" if subject.is_public else subject.say("revisions.by", by=single_line(visa.by))
    blocks: list[Block] = [subject.say("revisions.since", by=signed, **facts)]
    if subject.is_local:
        return [*blocks, subject.say("revisions.of_areas")]
    try:
        before = open_release(subject.release.folder.parent.parent, visa.release)
        compared = comparison.releases(before, subject.release, subject.year)
    except QpvhealthError:  # a release that was moved away, or has no extract of this year
        return [*blocks, subject.say("revisions.not_here", on=subject.on())]
    where = diff.Where(IN_FORCE, subject.level, subject.code)
    rows = diff.causes_table(compared, where)
    if rows.empty:
        return [*blocks, subject.say("revisions.unchanged", on=subject.on(), where=subject.where)]
    caption = subject.say("revisions.caption", where=subject.where, on=subject.on(), day=visa.on)
    perimeters = subject.perimeters(subject.year)
    notes = (
        subject.say("revisions.note", perimeters=perimeters),
        subject.say("page.rows", command="qpvhealth diff --since-signed"),
    )
    return [*blocks, movements.by_cause(subject, rows, "revisions-table", caption, notes)]


def revisions(subject: Subject) -> Section:
    """Say which release was signed last, and which published figures of the date are not reproduced, and why."""
    blocks: list[Block] = _since_signed(subject)
    if subject.level != COUNTRY:
        return Section("revisions", subject.say("revisions.title"), (*blocks, subject.say("revisions.local")))
    rows = figures.published(subject.release).frame
    rows = rows[pd.to_datetime(rows["on"]).dt.date == subject.day]
    compared = rows[rows["verdict"].isin([DIFFERS, REPRODUCED])]
    differs = compared[compared["verdict"] == DIFFERS]
    if compared.empty:
        blocks.append(subject.say("revisions.nothing"))
    elif differs.empty:
        blocks.append(subject.say("revisions.same", n=len(compared)))
    else:
        titles = ("document", "document_says", "printed", "here", "why")
        texts = [
            tuple("" if pd.isna(v) else readable(v, subject.language) for v in values)
            for values in zip(*(differs[c] for c in ("document", "words", "said", "ours", "because")), strict=True)
        ]
        columns = tuple(subject.column(t, "text") for t in titles)
        table = Table("ecarts", subject.say("revisions.differ"), columns, tuple(texts))
        blocks.append(table)
    return Section("revisions", subject.say("revisions.title"), tuple(blocks))


def sources(subject: Subject) -> Section:
    """List the method in fifteen lines and every file behind the figures, with its producer, licence and hash."""
    rows = []
    for source in subject.release.manifest["inputs"]:
        cells = [str(source.get(k) or NOT_SHOWN) for k in ("producer", "licence")]
        counts = [source.get(k) for k in ("rows_in", "rows_out", "rejected")]
        rows.append((str(source.get("title") or source["id"]), *cells, str(source["sha256"])[:HASH], *counts))
    columns = [subject.column(t, "text") for t in ("file", "producer", "licence", "hash")]
    columns += [subject.column(t) for t in ("rows_in", "rows_out", "rows_rejected")]
    table = Table(
        "fichiers",
        subject.say("sources.caption"),
        tuple(columns),
        tuple(rows),
        (subject.say("sources.note"),),
        ("manifest",),
    )
    return Section("sources", subject.say("sources.title"), (*lines("sources.lines", subject.language), table))


def annexes(subject: Subject) -> Section:
    """Give the lists behind the figures: structures in QPV and in quartier vécu, QPV without any, régions, départements.

    A list of more than ``LONG`` rows is in the workbook only; the tables it stands behind name the command that prints it.
    """
    places = subject.structures(subject.year)
    inside, near = (places[places["situation"] == s] for s in (IN_QPV, VECU_DECLARED))
    facts = {"where": subject.where, "on": subject.on()}
    tables = [
        _structures("annexe-qpv", subject.say("annexes.in_qpv", **facts), subject, inside, "qpv_code"),
        _structures("annexe-vecu", subject.say("annexes.near", **facts), subject, near, "nearest_qpv_code"),
        _bare(subject),
    ]
    if subject.level == COUNTRY:
        tables.append(_areas(subject, "region", [*REGIONS, NO_REGION]))
    if subject.level in (COUNTRY, REGION):
        tables.append(_areas(subject, "department", subject.departments))
    lists = [*movements.lists(subject), *(_every_structure(subject, year) for year in subject.years)]
    lists += [] if subject.is_local else [_every_quarter(subject)]
    tables += [t for t in lists if t.rows and len(t.rows) <= LONG]
    blocks: list[Block] = [] if subject.is_local else [subject.say("annexes.links")]
    blocks += [
        b
        for t in tables
        for b in ((t,) if t.rows else (subject.say("page.pair", label=t.caption, value=subject.say("annexes.empty")),))
    ]
    long_lists = tuple(t for t in lists if len(t.rows) > LONG)
    return Section("annexes", subject.say("annexes.title"), tuple(blocks), long_lists=long_lists)


def _every_structure(subject: Subject, year: int) -> Table:
    """List every structure open at a date, with its situation: what counts of the whole, unplaced and unanswered rest on."""
    rows = subject.structures(year)
    qpv = rows["qpv_code"].fillna(rows["nearest_qpv_code"])
    shown = rows.assign(qpv=qpv, row=origins(rows))
    columns = {
        "finess_et": subject.column("finess", "text"),
        "name": subject.column("name", "text"),
        "structure_type": subject.column("type", "text"),
        "modality": subject.column("modality", "text"),
        "city": subject.column("city", "text"),
        "department_code": subject.column("department", "text"),
        "situation": subject.column("situation", "text"),
        "vecu_declared": subject.column("ars_answer", "text"),
        "qpv": subject.column("qpv_or_nearest", "text"),
        "distance_m": subject.column("distance", "metres"),
        "row": subject.column("row", "text"),
    }
    caption = subject.say("annexes.every_structure", where=subject.where, on=subject.on(year))
    note = subject.say("annexes.code", perimeters=subject.perimeters(year))
    values = cells(subject, shown, list(columns))
    used = ("structures", "structure_locations")
    return Table(f"annexe-structures-{year}", caption, tuple(columns.values()), values, (note,), used)


def _every_quarter(subject: Subject) -> Table:
    """List every QPV in force at the date, with the structures inside, its inhabitants and its zoning."""
    rows = subject.quarters(subject.year)
    columns = {
        "qpv_code": subject.column("qpv", "text"),
        "name": subject.column("name", "text"),
        "department_code": subject.column("department", "text"),
        "population": subject.column("people"),
        "n_msp_in": subject.column("msp_in"),
        "n_cds_in": subject.column("cds_in"),
        "is_covered_in": subject.column("is_covered", "text"),
        "zone_class": subject.column("zone_class", "text"),
        "zoning_edition": subject.column("edition", "text"),
        "is_npnru": subject.column("npnru", "text"),
    }
    caption = subject.say("annexes.every_quarter", where=subject.where, on=subject.on())
    note = subject.perimeters(subject.year) + "."
    values = cells(subject, rows, list(columns))
    return Table("annexe-quartiers", caption, tuple(columns.values()), values, (note,), ("neighbourhood_coverage",))


def _structures(anchor: str, caption: str, subject: Subject, rows: pd.DataFrame, qpv: str) -> Table:
    names = subject.release.table("neighbourhoods", columns=["qpv_code", "name"]).drop_duplicates("qpv_code")
    quarter_names = rows[qpv].map(names.set_index("qpv_code")["name"])
    lists = [
        *(rows[c] for c in ("finess_et", "name", "structure_type", "city", "department_code", qpv)),
        quarter_names,
        rows["distance_m"],
        origins(rows),
    ]
    values = tuple(tuple(plain_cell(v) for v in row) for row in zip(*lists, strict=True))
    titles = ("finess", "name", "type", "city", "department", "qpv", "qpv_name")
    columns = (
        *(subject.column(t, "text") for t in titles),
        subject.column("distance", "metres"),
        subject.column("row", "text"),
    )
    note = subject.say("annexes.code", perimeters=subject.perimeters(subject.year))
    return Table(anchor, caption, columns, values, (note,), ("structures", "structure_locations"))


def _bare(subject: Subject) -> Table:
    """List the QPV surely without a structure: those of the area, of the country only the large ones."""
    rows = subject.quarters(subject.year)
    rows = rows[(rows["is_covered_in"] == False).fillna(value=False).astype(bool)]  # noqa: E712 -- three values
    facts: dict[str, Any] = {"where": subject.where, "on": subject.on()}
    caption = subject.say("annexes.bare", **facts)
    if subject.level == COUNTRY and rows["is_large"].notna().any():
        rows = rows[rows["is_large"].fillna(value=False).astype(bool)]
        caption = subject.say(
            "annexes.bare_large", threshold=subject.release.manifest["settings"]["large_population"], **facts
        )
    rows = rows.sort_values(["population", "qpv_code"], ascending=[False, True])
    names = (
        "qpv_code",
        "name",
        "department_code",
        "population",
        "zone_class",
        "is_npnru",
        "nearest_msp_m",
        "nearest_cds_m",
    )
    values = tuple(tuple(plain_cell(v) for v in row) for row in zip(*(rows[c] for c in names), strict=True))
    columns = (
        *(subject.column(t, "text") for t in ("qpv", "name", "department")),
        subject.column("people"),
        *(subject.column(t, "text") for t in ("zone_class", "npnru")),
        *(subject.column(t, "metres") for t in ("nearest_msp", "nearest_cds")),
    )
    notes = (
        subject.perimeters(subject.year) + ".",
        subject.say("annexes.all_bare", command=subject.command(f"list uncovered --year {subject.year}")),
    )
    return Table("annexe-sans-structure", caption, columns, values, notes, ("neighbourhood_coverage",))


def _areas(subject: Subject, level: str, codes: list[str]) -> Table:
    """Return the stocks in QPV of areas of one level: by date, net, share of all, and by type at the last."""
    areas = subject.release.table("areas")
    labels = areas[areas["level"] == level].set_index("area_code")["label"]
    years = subject.years
    rows = []
    for code in codes:
        area = (level, code)
        inside = [subject.stock_figure("n_in_qpv", BOTH, y, area) for y in years]
        every = subject.stock_figure("n_country", BOTH, subject.year, area)
        if not any(f.upper for f in (*inside, every)) and code not in labels.index:
            continue
        net = [_net(subject, area, inside)] if len(years) > 1 else []
        types = [subject.stock_figure("n_in_qpv", scope, subject.year, area) for scope in ("msp", "cds")]
        proportion = subject.share_in_qpv(BOTH, subject.year, area)
        name = subject.say("rows.no_region") if code == NO_REGION else f"{labels.get(code, code)} ({code})"
        rows.append((name, *inside, *net, *types, every, proportion))
    last, lists = subject.year, {y: f"annexe-structures-{y}" for y in years}
    columns = [subject.column("area", "text")]
    columns += [subject.column("in_qpv", rows="annexe-qpv" if y == last else lists[y], year=y) for y in years]
    columns += [subject.column("net", "signed", "annexe-mouvements")] if len(years) > 1 else []
    columns += [subject.column(f"of_which_{t}", rows="annexe-qpv", year=last) for t in ("msp", "cds")]
    columns += [subject.column("listed", rows=lists[last], year=last)]
    columns += [subject.column("share_in_qpv", "share", year=last)]
    caption = subject.say(f"annexes.{level}", dates=subject.both(subject.on(y) for y in years))
    note = subject.say("annexes.counts", perimeters=subject.all_perimeters)
    listed = subject.rows_by(f"list counted --year {subject.year}")
    return Table(f"annexe-{level}", caption, tuple(columns), tuple(rows), (note, *listed), ("indicators",))


def _net(subject: Subject, area: Area, inside: list[Bounded]) -> Bounded:
    """Return the net change of an area with its bounds; 0 where neither extract lists a structure of it."""
    return Bounded(0, 0, 0) if not any(f.upper for f in inside) else subject.figure("net_in_qpv", BOTH, area=area)
