"""Every source of a raw folder, staged: what the pipeline starts from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from qpvhealth.contract.keys import among, positions
from qpvhealth.contract.rules import Finding
from qpvhealth.errors import InputError, UsageError
from qpvhealth.facts.categories import CDS, STRUCTURE_TYPES, UNKNOWN as UNKNOWN_MODALITY
from qpvhealth.facts.generations import KNOWN
from qpvhealth.ingest import (
    boundaries,
    communes,
    declarations,
    geocoded,
    links,
    neighbourhoods,
    populations,
    programmes,
    series,
    structures,
    supplements,
    zonings,
)
from qpvhealth.ingest.areas import departments_of
from qpvhealth.ingest.cards import of_kind
from qpvhealth.ingest.staged import PROVENANCE, Staged, no_rejects

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from qpvhealth.facts.generations import Dates
    from qpvhealth.ingest.cards import Card
    from qpvhealth.ingest.corrections import Correction
    from qpvhealth.ingest.structures import StagedStructures

COMPLETED = (
    *("name", "category", "siret", "legal_entity", "address", "postcode", "city", "commune_code", "department_code"),
    *("opened_on", "closed_on"),
)
CORRECTABLE = (
    "structures",
    "register",
    "neighbourhoods",
    "populations",
    "declarations",
    "zoning",
    "programme",
    "geocoded",
    "links",
    "series",
    *supplements.KINDS,
)
SHOWN = 3
EXTRACT_RANK, REGISTER_RANK, GEOCODED_RANK = 0, 1, 2


@dataclass(frozen=True)
class Vintage:
    """What is said of the extract of one year: its reference date, what it covers, its status and its cards.

    ``departments``: covered for MSP and CdS; ``other_departments``: for the types beyond them. Null: everything.
    """

    year: int
    reference_date: date
    departments: frozenset[str] | None
    status: str | None
    source_ids: tuple[str, ...]
    other_departments: frozenset[str] | None = frozenset()


@dataclass
class Sources:
    """Staged frames by kind. ``points`` offers places for structures; ``answered`` holds, by year, who answered.

    ``structures`` and ``points``: one frame per year, one row per structure and per place offered.
    ``own_sets``: the perimeters that are not official, with the dates on which their cards say they are in force.
    """

    vintages: dict[int, Vintage] = field(default_factory=dict)
    structures: dict[int, pd.DataFrame] = field(default_factory=dict)
    out_of_scope: pd.DataFrame = field(default_factory=pd.DataFrame)
    points: dict[int, pd.DataFrame] = field(default_factory=dict)
    neighbourhoods: pd.DataFrame = field(default_factory=pd.DataFrame)
    own_sets: dict[str, Dates] = field(default_factory=dict)
    populations: pd.DataFrame = field(default_factory=pd.DataFrame)
    declarations: pd.DataFrame = field(default_factory=pd.DataFrame)
    answered: dict[int, frozenset[str]] = field(default_factory=dict)
    zoning_classes: pd.DataFrame = field(default_factory=pd.DataFrame)
    zoning_composition: pd.DataFrame = field(default_factory=pd.DataFrame)
    editions: pd.DataFrame = field(default_factory=pd.DataFrame)
    programmes: pd.DataFrame = field(default_factory=pd.DataFrame)
    links: pd.DataFrame = field(default_factory=links.none)
    series: pd.DataFrame = field(default_factory=series.none)
    outlines: dict[str, pd.DataFrame] = field(default_factory=dict)
    communes: pd.DataFrame = field(default_factory=pd.DataFrame)
    areas: pd.DataFrame = field(default_factory=pd.DataFrame)
    rejects: pd.DataFrame = field(default_factory=no_rejects)
    supplements: dict[str, pd.DataFrame] = field(default_factory=dict)
    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def record(self, staged: Staged) -> pd.DataFrame:
        """Keep the account, the rejects and the findings of one staged source; return its frame."""
        account = staged.tally.as_dict() | {"sections": {k: t.as_dict() for k, t in staged.sections.items()}}
        known = self.accounts.get(staged.source_id)
        self.accounts[staged.source_id] = _added(known, account) if known else account
        if len(staged.rejects):
            self.rejects = pd.concat([self.rejects, staged.rejects], ignore_index=True)
        self.findings.extend(staged.findings)
        return staged.frame

    def repeated(self, duplicates: dict[str, int]) -> None:
        """Move repeats across cards from the rows out of a source to its duplicates."""
        for source_id, n in duplicates.items():
            self.accounts[source_id]["rows_out"] -= n
            self.accounts[source_id]["duplicates"] += n
            self.findings.append(Finding("duplicates", n, f"card {source_id}: identical rows of another card"))

    def left_out(self, source_id: str, n: int, reason: str) -> None:
        """Move rows of a source that another source makes idle from its rows out to its out of scope."""
        if n:
            account = self.accounts[source_id]
            account["rows_out"] -= n
            account["out_of_scope"] += n
            reasons = account["out_of_scope_by_reason"]
            account["out_of_scope_by_reason"] = reasons | {reason: reasons.get(reason, 0) + n}


def read_all(cards: list[Card], known: tuple[Correction, ...], progress: Callable[[str], None]) -> Sources:
    """Read every card, kind by kind. Raises what the readers raise; nothing is written.

    Accounts, findings and errors stand in the order of the kinds, polygons first.
    """
    _refuse_uncorrectable(cards, known)
    sources = Sources(own_sets=_own_sets(cards))
    for kind, read in (
        ("neighbourhoods", _neighbourhoods),
        ("structures", _structures),
        ("register", _registers),
        ("geocoded", _geocoded),
        ("declarations", _declarations),
        ("populations", _populations),
        ("zoning", _zonings),
        ("programme", _programmes),
        ("links", _links),
        ("series", _series),
        ("boundaries", _boundaries),
    ):
        progress(f"reading {kind}")
        read(sources, of_kind(cards, kind), known)
    _name_communes(sources)
    for year, vintage in sources.vintages.items():
        _warn_stock(sources, sources.structures[year], vintage)
    sources.supplements = supplements.read_all(cards, known, sources.record)
    return sources


def _neighbourhoods(sources: Sources, cards: list[Card], known: tuple[Correction, ...]) -> None:
    """Read the polygons. Raises UsageError where no card gives any, InputError for conflicts between cards."""
    if not cards:
        raise UsageError("sources.toml: no card of kind neighbourhoods; without QPV polygons nothing can be placed")
    frames = [neighbourhoods.read(card, known) for card in cards]
    for staged in frames:
        sources.record(staged)
    sources.neighbourhoods, duplicates, replaced = neighbourhoods.combine(frames)
    sources.repeated(duplicates)
    for source_id, n in replaced.items():
        sources.left_out(source_id, n, "no area, taken from another card")


def _structures(sources: Sources, cards: list[Card], known: tuple[Correction, ...]) -> None:
    """Read the extracts, and put those of a year together."""
    by_year: dict[int, list[tuple[Card, StagedStructures]]] = {}
    for card in cards:
        staged = structures.read(card, known)
        sources.record(staged.staged)
        by_year.setdefault(card["year"], []).append((card, staged))
    for year, extracts in sorted(by_year.items()):
        frame, duplicates = structures.combine([staged for _, staged in extracts])
        sources.repeated(duplicates)
        sources.vintages[year] = _vintage(year, extracts)
        sources.structures[year] = frame.assign(year=year)
        sources.points[year] = structures.points(frame).assign(rank=EXTRACT_RANK, commune_found=None)
    listed = [s.out_of_scope.assign(year=card["year"]) for cs in by_year.values() for card, s in cs]
    sources.out_of_scope = _counted_elsewhere(listed, sources.structures)


def _counted_elsewhere(listed: list[pd.DataFrame], extracts: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """Keep, of what extracts list out of scope, what another year holds and no card of its own year does."""
    if not listed:
        return pd.DataFrame(columns=["finess_et", "year", structures.AS_WRITTEN, *PROVENANCE])
    counted = pd.concat([extract[["finess_et", "year"]] for extract in extracts.values()], ignore_index=True)
    aside = pd.concat(listed, ignore_index=True)
    aside = aside[among(aside["finess_et"], counted["finess_et"])].drop_duplicates(["finess_et", "year"])
    same_year = positions(["finess_et", "year"], aside, counted) >= 0
    return aside[~same_year].reset_index(drop=True)


def _vintage(year: int, extracts: list[tuple[Card, StagedStructures]]) -> Vintage:
    """Say what the cards of a year cover together. A card of other types alone says nothing of MSP and CdS anywhere."""
    cards = [card for card, _ in extracts]
    counting = [card for card, staged in extracts if not card.get("other_types") or _counts_some(staged)]
    beside = [card for card in cards if card.get("other_types")]
    statuses = sorted({c.get("status") for c in cards if c.get("status")})
    return Vintage(
        year,
        cards[0]["reference_date"],
        _covered_together(counting),
        ", ".join(statuses) or None,
        tuple(c.id for c in cards),
        _covered_together(beside),
    )


def _counts_some(staged: StagedStructures) -> bool:
    return bool(staged.staged.frame["structure_type"].isin(STRUCTURE_TYPES).any())


def _covered_together(cards: list[Card]) -> frozenset[str] | None:
    covers = [departments_of(c.area, c.id) for c in cards]
    return None if any(d is None for d in covers) else frozenset().union(*(d for d in covers if d is not None))


def _warn_stock(sources: Sources, frame: pd.DataFrame, vintage: Vintage) -> None:
    day = pd.Timestamp(vintage.reference_date)
    future, closed = frame["opened_on"] > day, frame["closed_on"] <= day
    counted = frame["structure_type"].isin(STRUCTURE_TYPES)
    covers = {True: vintage.departments, False: vintage.other_departments}
    outside = pd.Series(data=False, index=frame.index)
    for is_counted, departments in covers.items():
        if departments is not None:
            outside |= (counted == is_counted) & ~frame["department_code"].isin(departments)
    vague = (frame["structure_type"] == CDS) & (frame["modality"] == UNKNOWN_MODALITY)
    codes = frame["finess_et"]
    for rule, at, words in (
        ("opening-in-future", future, f"open after {vintage.reference_date}, out of the stock"),
        ("closed-before", closed, f"closed on or before {vintage.reference_date}, out of the stock"),
        ("extract-outside-cover", outside, "lie outside what the extract covers"),
        ("department-unknown", frame["department_code"].isna(), "have no known département"),
        ("modality-unknown", vague, "are centres without known modality"),
    ):
        _warn(sources, rule, codes[at], f"{vintage.year}: structures that {words}", len(frame))


def _registers(sources: Sources, cards: list[Card], known: tuple[Correction, ...]) -> None:
    for card in cards:
        year = card["year"]
        extract = sources.structures.get(year)
        wanted = frozenset() if extract is None else frozenset(extract["finess_et"])
        staged = structures.read(card, known, wanted=wanted)
        frame = sources.record(staged.staged)
        if extract is None:
            _warn_unused(sources, card)
            continue
        _warn_register(sources, extract, frame, card)
        sources.structures[year] = _completed(extract, frame)
        _offer(sources, year, staged.points.assign(rank=REGISTER_RANK, commune_found=None))


def _offer(sources: Sources, year: int, points: pd.DataFrame) -> None:
    """Offer further places for the structures of a year."""
    sources.points[year] = pd.concat([sources.points[year], points], ignore_index=True)


def _warn_unused(sources: Sources, card: Card) -> None:
    sources.findings.append(Finding("source-unused", 1, f"card {card.id}: no extract of {card['year']} to complete"))


def _completed(extract: pd.DataFrame, register: pd.DataFrame) -> pd.DataFrame:
    """Fill what the extract does not say from the register; a value that is there is never replaced."""
    aligned = register.set_index("finess_et").reindex(extract["finess_et"]).reset_index(drop=True)
    out = extract.reset_index(drop=True).copy()
    for column in COMPLETED:
        out[column] = out[column].fillna(aligned[column])
    return out


def _warn_register(sources: Sources, extract: pd.DataFrame, register: pd.DataFrame, card: Card) -> None:
    both = extract.merge(register, on="finess_et", suffixes=("", "_register"))
    for column in ("structure_type", "commune_code", "opened_on"):
        ours, theirs = both[column], both[f"{column}_register"]
        differ = ours.notna() & theirs.notna() & (ours != theirs)
        _warn(
            sources,
            "register-conflict",
            both.loc[differ, "finess_et"],
            f"card {card.id}: {column} differs from the extract's, kept",
            len(both),
        )
    absent = extract.loc[~among(extract["finess_et"], register["finess_et"]), "finess_et"]
    _warn(
        sources, "register-unmatched", absent, f"card {card.id}: does not hold structures of the extract", len(extract)
    )


def _geocoded(sources: Sources, cards: list[Card], known: tuple[Correction, ...]) -> None:
    for card in cards:
        frame = sources.record(geocoded.read(card, known))
        year = card["year"]
        extract = sources.structures.get(year)
        if extract is None:
            _warn_unused(sources, card)
            continue
        offered = frame[among(frame["finess_et"], extract["finess_et"])]
        columns = [*structures.points(offered).columns, "commune_found"]
        _offer(sources, year, offered[columns].assign(rank=GEOCODED_RANK))
        sources.left_out(card.id, len(frame) - len(offered), "not in the extract of its year")


def _own_sets(cards: list[Card]) -> dict[str, Dates]:
    """Return the generations that are not official and the dates that their cards say."""
    given = [c for c in of_kind(cards, "neighbourhoods") if c["generation"] not in KNOWN]
    dates = ((c["generation"], (c.get("in_force_from"), c.get("in_force_to"))) for c in given)
    return {generation: dated for generation, dated in dates if any(dated)}


def _declarations(sources: Sources, cards: list[Card], known: tuple[Correction, ...]) -> None:
    frames = [sources.record(declarations.read(card, known)) for card in cards]
    sources.declarations = pd.concat(frames, ignore_index=True) if frames else _no_declarations()
    declarations.refuse_both(sources.declarations, "declarations")
    for card in cards:
        stated = departments_of(card.area, card.id) if card.get("answered") is not None else frozenset()
        sources.answered[card["year"]] = sources.answered.get(card["year"], frozenset()) | (stated or frozenset())
        extract = sources.structures.get(card["year"])
        named = sources.declarations[sources.declarations["source_id"] == card.id]
        orphan = named if extract is None else named[~among(named["finess_et"], extract["finess_et"])]
        _warn(
            sources,
            "declaration-orphan",
            orphan["finess_et"],
            f"card {card.id}: structures that no extract of its year holds",
            len(named),
        )


def _links(sources: Sources, cards: list[Card], known: tuple[Correction, ...]) -> None:
    frames = [sources.record(links.read(card, known))[links.COLUMNS] for card in cards]
    sources.links = pd.concat(frames, ignore_index=True) if frames else links.none()


def _series(sources: Sources, cards: list[Card], known: tuple[Correction, ...]) -> None:
    sources.series = series.combine([sources.record(series.read(card, known)) for card in cards])


def _no_declarations() -> pd.DataFrame:
    columns = ("year", "generation", "finess_et", "vecu_declared", "qpv_code", "source_id")
    return pd.DataFrame({c: pd.Series(dtype="int64" if c == "year" else "str") for c in columns})


def _populations(sources: Sources, cards: list[Card], known: tuple[Correction, ...]) -> None:
    frames = [sources.record(populations.read(card, known)) for card in cards]
    empty = pd.DataFrame({"qpv_code": [], "generation": [], "population": [], "population_year": []})
    frame = pd.concat(frames, ignore_index=True) if frames else empty
    latest = frame.sort_values("population_year", kind="stable")
    twice = frame[frame.duplicated(["qpv_code", "generation", "population_year"])]
    if not twice.empty:
        raise InputError(
            f"populations: two files give the same year for {', '.join(twice['qpv_code'].head(5))}; keep one"
        )
    sources.populations = latest.drop_duplicates(["qpv_code", "generation"], keep="last", ignore_index=True)


def _zonings(sources: Sources, cards: list[Card], known: tuple[Correction, ...]) -> None:
    classes, composition, editions = [], [], []
    for card in cards:
        zoning = zonings.read(card, known)
        for staged in zoning.staged:
            sources.record(staged)
        classes.append(zoning.classes)
        composition.append(zoning.composition)
        editions.append({k: card.get(k) for k in ("edition", "in_force_from", "generation")} | {"source_id": card.id})
    if not cards:
        return
    sources.zoning_classes = pd.concat(classes, ignore_index=True)
    sources.zoning_composition = pd.concat(composition, ignore_index=True)
    sources.editions = _editions(pd.DataFrame(editions))
    if len(cards) > 1:  # within one, each code stands once
        zonings.refuse_conflicts(sources.zoning_classes, "zoning")
        key = ["edition", "level", "code"]
        sources.zoning_classes = sources.zoning_classes.drop_duplicates(key, ignore_index=True)


def _editions(stated: pd.DataFrame) -> pd.DataFrame:
    """Return one row per edition. A card whose lists name no QPV need not say the generation that another says."""
    rows = []
    for edition, cards in stated.groupby("edition"):
        known = {k: cards[k].dropna().unique() for k in ("in_force_from", "generation")}
        if any(len(values) > 1 for values in known.values()):
            raise UsageError(
                f"zoning edition {edition}: its cards ({', '.join(cards['source_id'])}) differ in in_force_from or"
                " generation; one edition has one"
            )
        rows.append({"edition": edition} | {k: v[0] if len(v) else None for k, v in known.items()})
    return pd.DataFrame(rows).sort_values(["in_force_from", "edition"], ignore_index=True)


def _programmes(sources: Sources, cards: list[Card], known: tuple[Correction, ...]) -> None:
    frames = [sources.record(programmes.read(card, known)) for card in cards]
    columns = ["programme", "generation", "qpv_code"]
    given = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns, dtype="str")
    sources.programmes = given.reindex(columns=[*columns, "finess_et", "source_id"])


def _name_communes(sources: Sources) -> None:
    """Give QPV whose file names their communes without code the codes of the table of communes, where all names match."""
    table = sources.communes[sources.communes["level"] == "commune"]
    qpv = sources.neighbourhoods
    rows = qpv[qpv["commune_codes"].isna() & qpv["commune_names"].notna()]
    if table.empty or rows.empty:
        return
    found = communes.codes(rows["qpv_code"], rows["commune_names"], table)
    sources.neighbourhoods = qpv.assign(commune_codes=qpv["commune_codes"].fillna(found))
    lost = rows.loc[found.isna(), "commune_names"]
    if len(lost):
        shown = ", ".join(lost.drop_duplicates().head(5))
        sources.findings.append(
            Finding("commune-unnamed", len(lost), f"QPV whose commune names match no code: {shown}", len(rows))
        )


def _boundaries(sources: Sources, cards: list[Card], _: tuple[Correction, ...]) -> None:
    frames = [sources.record(boundaries.read(card)) for card in cards]
    outlines = [f for f in frames if "geometry" in f.columns]
    tables = [f for f in frames if "geometry" not in f.columns]
    for frame in outlines:
        level = str(frame["level"].iloc[0]) if len(frame) else ""
        known = sources.outlines.get(level)
        sources.outlines[level] = frame if known is None else pd.concat([known, frame], ignore_index=True)
    columns = ["level", "area_code", "label", "epci_code", "epci_label"]
    sources.communes = (
        pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns, dtype="str")
    )
    labels = [f[["level", "area_code", "label"]] for f in (*tables, *outlines)]
    sources.areas = pd.concat(labels, ignore_index=True) if labels else pd.DataFrame(columns=columns[:3], dtype="str")
    if not any(len(f) for f in outlines):
        sources.findings.append(
            Finding("outlines-missing", 1, "no outlines among the boundaries: points are held against boxes only")
        )


def _refuse_uncorrectable(cards: list[Card], known: tuple[Correction, ...]) -> None:
    kinds = {c.id: c.kind for c in cards}
    wrong = sorted({c.source for c in known if kinds[c.source] not in CORRECTABLE})
    if wrong:
        raise UsageError(f"corrections.toml: {', '.join(wrong)}: only {', '.join(CORRECTABLE)} can be corrected")


def _warn(sources: Sources, rule: str, codes: pd.Series, message: str, of: int) -> None:
    if len(codes):
        examples = ", ".join(codes.head(SHOWN)) + (", …" if len(codes) > SHOWN else "")
        sources.findings.append(Finding(rule, len(codes), f"{message} ({examples})", of))


def _added(known: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Add the accounts of two sheets of one file."""
    numbers = {k: known[k] + more[k] for k in ("rows_in", "rows_out", "out_of_scope", "rejected", "duplicates")}
    reasons = dict(known["out_of_scope_by_reason"])
    for reason, n in more["out_of_scope_by_reason"].items():
        reasons[reason] = reasons.get(reason, 0) + n
    return numbers | {"out_of_scope_by_reason": reasons, "sections": known["sections"] | more["sections"]}
