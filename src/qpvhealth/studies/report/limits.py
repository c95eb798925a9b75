"""What is unknown and what it could change, what was revised, where the figures come from, and the lists behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from qpvhealth.contract.rules import RULES
from qpvhealth.facts.categories import CDS, MSP, UNKNOWN
from qpvhealth.facts.situations import IN_QPV, UNDETERMINED, VECU_DECLARED
from qpvhealth.facts.territories import DEPARTMENT_TERRITORY, NO_REGION, REGIONS
from qpvhealth.publish import visas
from qpvhealth.publish.report.content import NOT_SHOWN, Bounded, Column, Section, Table, share
from qpvhealth.publish.report.words import lines, say
from qpvhealth.studies import figures
from qpvhealth.studies.report.headline import NOBODY, on
from qpvhealth.studies.report.subject import ALL, COUNTRY, Subject

if TYPE_CHECKING:
    from qpvhealth.publish.report.content import Block

DIFFERS, REPRODUCED = "diffère", "reproduit"
HASH = 12
"""How many characters of a hash are shown."""


def limits(subject: Subject) -> Section:
    """List what is unknown: how many, the largest effect on which figure, and who can answer."""
    rows = [row for row in _unknowns(subject) if row[1]]
    title = say("limits.title")
    accepted = _accepted(subject)
    if not rows:
        return Section("inconnues", title, (say("limits.nothing"), *accepted))
    columns = (
        Column("Ce qui est inconnu", "text"),
        Column("Combien"),
        Column("Chiffre touché", "text"),
        Column("Effet au plus"),
        Column("Qui peut répondre", "text"),
    )
    caption = say("limits.caption", where=subject.where, on=on(subject))
    used = ("yearly_counts", "indicators", "structure_locations", "neighbourhood_coverage", "rejects")
    unknown = Table("inconnu", caption, columns, tuple(rows), (say("limits.note"),), used)
    return Section("inconnues", title, (unknown, *accepted))


def _accepted(subject: Subject) -> list[Block]:
    """Repeat what the cards accept as surprising and true: the finding, its area and value, who signed, when and why."""
    signed = [finding for finding in subject.release.manifest["warnings"] if finding.get("signed")]
    if not signed:
        return []
    titles = ("Constat", "Zone", "Valeur", "Accepté par", "Le", "Raison")
    rows = [
        (RULES[f["rule"]].fr, f["area"], f["value"], *(f["signed"][key] for key in ("by", "on", "reason")))
        for f in signed
    ]
    return [Table("acceptes", say("limits.accepted"), tuple(Column(t, "text") for t in titles), tuple(rows))]


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
    register, ars = "gestionnaire du registre, ARS", "ARS"
    return [
        (say("limits.unplaced"), subject.stock(UNDETERMINED) or 0, "Structures en QPV", _effect(inside), register),
        (say("limits.unanswered"), unanswered, "QPV et quartier vécu", _effect(union), ars),
        (say("limits.modality"), unknown_modality, "QPV sans MSP ni centre pluri", _effect(primary), "DGOS"),
        (say("limits.qpv"), undecided, "QPV sans structure", _effect(without), register),
        (say("limits.population"), int(quarters["population"].isna().sum()), "Habitants", NOT_SHOWN, "INSEE"),
        (
            say("limits.zone"),
            no_zone,
            "QPV en ZIP ou ZAC",
            _effect(zones) if zones.value is not None else NOT_SHOWN,
            ars,
        ),
        (say("limits.fragile"), fragile, "Structures en QPV", fragile, register),
        (say("limits.rejects"), len(subject.release.table("rejects")), "Tous", NOT_SHOWN, "producteur du fichier"),
    ]


def _effect(figure: Bounded) -> float | None:
    if figure.lower is None or figure.upper is None:
        return None
    return figure.upper - figure.lower


def _since_signed(subject: Subject) -> str:
    visa = visas.last_of(subject.release)
    if visa is None:
        return say("revisions.none")
    if visa.release == subject.release.id:
        return say("revisions.same_release", number=visa.number)
    return say("revisions.since", number=visa.number, by=visa.by, day=visa.day, release=visa.release)


def revisions(subject: Subject) -> Section:
    """Say which release was signed last, and which published figures of the date are not reproduced, and why."""
    blocks: list[Block] = [_since_signed(subject)]
    if subject.level != COUNTRY:
        return Section("revisions", say("revisions.title"), (*blocks, say("revisions.local")))
    rows = figures.published(subject.release).frame
    rows = rows[pd.to_datetime(rows["on"]).dt.date == subject.day]
    compared = rows[rows["verdict"].isin([DIFFERS, REPRODUCED])]
    differs = compared[compared["verdict"] == DIFFERS]
    if compared.empty:
        blocks.append(say("revisions.nothing"))
    elif differs.empty:
        blocks.append(say("revisions.same", n=len(compared)))
    else:
        columns = (
            Column("Document", "text"),
            Column("Ce qu'il dit", "text"),
            Column("Imprimé", "text"),
            Column("Ici", "text"),
        )
        texts = [
            tuple("" if pd.isna(v) else _plain_text(v) for v in values)
            for values in zip(*(differs[c] for c in ("document", "words", "said", "ours", "because")), strict=True)
        ]
        table = Table("ecarts", say("revisions.differ"), (*columns, Column("Pourquoi", "text")), tuple(texts))
        blocks.append(table)
    return Section("revisions", say("revisions.title"), tuple(blocks))


def _plain_text(value: Any) -> str:  # noqa: ANN401
    return f"{value:g}".replace(".", ",") if isinstance(value, float) else str(value)


def sources(subject: Subject) -> Section:
    """List the method in fifteen lines and every file behind the figures, with its producer, licence and hash."""
    rows = []
    for source in subject.release.manifest["inputs"]:
        cells = [str(source.get(k) or NOT_SHOWN) for k in ("producer", "licence")]
        counts = [source.get(k) for k in ("rows_in", "rows_out", "rejected")]
        rows.append((str(source.get("title") or source["id"]), *cells, str(source["sha256"])[:HASH], *counts))
    columns = [Column(t, "text") for t in ("Fichier", "Producteur", "Licence", "Empreinte")]
    columns += [Column(t) for t in ("Lignes lues", "utilisées", "rejetées")]
    table = Table(
        "fichiers", say("sources.caption"), tuple(columns), tuple(rows), (say("sources.note"),), ("manifest",)
    )
    return Section("sources", say("sources.title"), (*lines("sources.lines"), table))


def annexes(subject: Subject) -> Section:
    """Give the lists behind the figures: structures in QPV and in quartier vécu, QPV without any, régions, départements."""
    places = subject.structures(subject.year)
    inside, near = (places[places["situation"] == s] for s in (IN_QPV, VECU_DECLARED))
    facts = {"where": subject.where, "on": on(subject)}
    tables = [
        _structures("annexe-qpv", say("annexes.in_qpv", **facts), subject, inside, "qpv_code"),
        _structures("annexe-vecu", say("annexes.near", **facts), subject, near, "nearest_qpv_code"),
        _bare(subject),
    ]
    if subject.level == COUNTRY:
        tables.append(_areas(subject, "region", [*REGIONS, NO_REGION]))
    if subject.level != "department":
        tables.append(_areas(subject, "department", subject.departments))
    blocks = [b for t in tables for b in ((t,) if t.rows else (f"{t.caption} : {say('annexes.empty')}",))]
    return Section("annexes", say("annexes.title"), tuple(blocks))


def _structures(anchor: str, caption: str, subject: Subject, rows: pd.DataFrame, qpv: str) -> Table:
    names = subject.release.table("neighbourhoods", columns=["qpv_code", "name"]).drop_duplicates("qpv_code")
    named = rows[qpv].map(names.set_index("qpv_code")["name"])
    origin = subject.release.table("structures", columns=["finess_et", "year", "source_id", "source_row"])
    origin = origin[origin["year"] == subject.year].drop_duplicates("finess_et").set_index("finess_et")
    lists = [
        *(rows[c] for c in ("finess_et", "name", "structure_type", "city", "department_code", qpv)),
        named,
        rows["distance_m"],
        rows["finess_et"].map(origin["source_id"]) + ":" + rows["finess_et"].map(origin["source_row"]).astype("str"),
    ]
    values = tuple(tuple(_cell(v) for v in row) for row in zip(*lists, strict=True))
    titles = ("N° FINESS ET", "Nom", "Type", "Commune", "Département", "QPV", "Nom du QPV")
    columns = (*(Column(t, "text") for t in titles), Column("Distance (m)", "metres"), Column("Ligne", "text"))
    note = say("annexes.code", perimeters=subject.perimeters(subject.year))
    return Table(anchor, caption, columns, values, (note,), ("structures", "structure_locations"))


def _cell(value: Any) -> Any:  # noqa: ANN401
    if pd.isna(value):
        return None
    value = value.item() if hasattr(value, "item") else value
    return {"CDS": "CdS"}.get(value, value) if isinstance(value, str) else value


def _bare(subject: Subject) -> Table:
    """List the QPV surely without a structure: those of the area, of the country only the large ones."""
    rows = subject.quarters(subject.year)
    rows = rows[(rows["is_covered_in"] == False).fillna(value=False).astype(bool)]  # noqa: E712 -- three values
    facts: dict[str, Any] = {"where": subject.where, "on": on(subject)}
    caption = say("annexes.bare", **facts)
    if subject.level == COUNTRY and rows["is_large"].notna().any():
        rows = rows[rows["is_large"].fillna(value=False).astype(bool)]
        caption = say("annexes.bare_large", threshold=subject.release.manifest["settings"]["large_population"], **facts)
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
    values = tuple(tuple(_cell(v) for v in row) for row in zip(*(rows[c] for c in names), strict=True))
    columns = (
        *(Column(t, "text") for t in ("QPV", "Nom", "Département")),
        Column("Habitants"),
        *(Column(t, "text") for t in ("Zonage", "NPNRU")),
        *(Column(t, "metres") for t in ("MSP la plus proche (m)", "Centre le plus proche (m)")),
    )
    notes = (subject.perimeters(subject.year) + ".", say("annexes.all_bare"))
    return Table("annexe-sans-structure", caption, columns, values, notes, ("neighbourhood_coverage",))


def _areas(subject: Subject, level: str, codes: list[str]) -> Table:
    """Return the stocks in QPV of areas of one level: by date, net, share of all, and by type at the last."""
    areas = subject.release.table("areas")
    labels = areas[areas["level"] == level].set_index("area_code")["label"]
    years = subject.years
    rows = []
    for code in codes:
        covers = {y: _covered(subject, level, code, y) for y in years}
        inside = [subject.count(level, code, IN_QPV, ALL, ALL, y) if covers[y] else None for y in years]
        every = subject.count(level, code, ALL, ALL, ALL, subject.year) if covers[subject.year] else None
        if not any(inside) and not every and code not in labels.index:
            continue
        types = [
            subject.count(level, code, IN_QPV, k, ALL, subject.year) if covers[subject.year] else None
            for k in (MSP, CDS)
        ]
        net = [None if None in inside else (inside[1] or 0) - (inside[0] or 0)] if len(years) > 1 else []
        proportion = share(Bounded(inside[-1], inside[-1], inside[-1]), every) if inside[-1] is not None else None
        rows.append((f"{labels.get(code, code)} ({code})", *inside, *net, *types, every, proportion))
    columns = [Column("Zone", "text"), *(Column(f"En QPV, {y}") for y in years)]
    columns += [Column("Solde", "signed")] if len(years) > 1 else []
    columns += [Column(f"dont {t}, {subject.year}") for t in ("MSP", "centres")]
    columns += [Column(f"Recensées, {subject.year}"), Column(f"Part en QPV, {subject.year}", "share")]
    caption = say(f"annexes.{level}", dates=" et ".join(on(subject, y) for y in years))
    note = say("annexes.counts", perimeters=" puis ".join(dict.fromkeys(subject.perimeters(y) for y in years)))
    return Table(f"annexe-{level}", caption, tuple(columns), tuple(rows), (note,), ("yearly_counts",))


def _covered(subject: Subject, level: str, code: str, year: int) -> bool:
    if level == "department" and code not in DEPARTMENT_TERRITORY:
        return True
    if code == NO_REGION:
        return True
    return Subject(subject.release, year, None, level, code).covered(year) is not False
