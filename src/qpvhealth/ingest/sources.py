"""Every source of a raw folder, staged: what the pipeline starts from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import pandas as pd

from qpvhealth.contract.keys import among
from qpvhealth.contract.rules import Finding
from qpvhealth.errors import InputError, QpvhealthError, UsageError
from qpvhealth.facts.categories import CDS, STRUCTURE_TYPES, UNKNOWN as UNKNOWN_MODALITY
from qpvhealth.facts.generations import KNOWN
from qpvhealth.ingest import communes
from qpvhealth.ingest.card import of_kind
from qpvhealth.ingest.commune_history import CommuneHistory
from qpvhealth.ingest.kinds import (
    declarations,
    links,
    neighbourhoods,
    populations,
    practitioners,
    programmes,
    projects,
    quarter_indicators,
    series,
    structures,
    targets,
    zonings,
)
from qpvhealth.ingest.kinds.registry import MODULES
from qpvhealth.ingest.staging import PROVENANCE, Staged, no_rejects

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from qpvhealth.facts.generations import Dates
    from qpvhealth.ingest.card import Card
    from qpvhealth.ingest.corrections import Correction

COMPLETED = (
    *("name", "category", "siret", "legal_entity", "address", "postcode", "city", "commune_code", "department_code"),
    *("opened_on", "closed_on"),
)
SHOWN = 3
ANSWERED = ["year", "generation", "department_code", "structure_type"]
EXTRACT_RANK, REGISTER_RANK, GEOCODED_RANK = 0, 1, 2
_AREA_COLUMNS = ["level", "area_code", "label", "epci_code", "epci_label"]


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
    """Staged frames by kind.

    ``structures``, ``unread`` and ``points``: one frame per year, one row per structure, per rejected row that may be one, and per place
    offered. ``answered``: one row per ``year``, ``generation``, ``department_code`` and ``structure_type`` of which an ARS lists every
    structure near a QPV. ``own_sets``: the perimeters that are not official, with the dates on which their cards say they are in force.
    ``commune_people``: inhabitants by commune, of the boundaries or, where they do not say, of the GP counts.
    ``populations_read``: those of every file, with their rows; ``populations``: the latest of each QPV.
    """

    vintages: dict[int, Vintage] = field(default_factory=dict)
    structures: dict[int, pd.DataFrame] = field(default_factory=dict)
    unread: dict[int, pd.DataFrame] = field(default_factory=dict)
    out_of_scope: pd.DataFrame = field(default_factory=pd.DataFrame)
    points: dict[int, pd.DataFrame] = field(default_factory=dict)
    neighbourhoods: pd.DataFrame = field(default_factory=pd.DataFrame)
    own_sets: dict[str, Dates] = field(default_factory=dict)
    populations: pd.DataFrame = field(default_factory=pd.DataFrame)
    populations_read: pd.DataFrame = field(default_factory=pd.DataFrame)
    declarations: pd.DataFrame = field(default_factory=pd.DataFrame)
    answered: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=ANSWERED).astype({"year": "int64"}))
    zoning_classes: pd.DataFrame = field(default_factory=pd.DataFrame)
    zoning_composition: pd.DataFrame = field(default_factory=pd.DataFrame)
    editions: pd.DataFrame = field(default_factory=pd.DataFrame)
    programmes: pd.DataFrame = field(default_factory=pd.DataFrame)
    links: pd.DataFrame = field(default_factory=pd.DataFrame)
    series: pd.DataFrame = field(default_factory=pd.DataFrame)
    outlines: dict[str, pd.DataFrame] = field(default_factory=dict)
    communes: pd.DataFrame = field(default_factory=pd.DataFrame)
    areas: pd.DataFrame = field(default_factory=pd.DataFrame)
    commune_people: pd.Series = field(default_factory=lambda: pd.Series(dtype="float64"))
    rejects: pd.DataFrame = field(default_factory=no_rejects)
    supplements: dict[str, pd.DataFrame] = field(default_factory=dict)
    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    history: CommuneHistory = field(default_factory=CommuneHistory)

    def record(self, staged: Staged) -> pd.DataFrame:
        """Keep the account, the rejects and the findings of one staged source; return its frame, its communes carried to one date."""
        sections = {name: tally.as_dict() for name, tally in staged.sections.items()}
        self.accounts[staged.source_id] = {**staged.tally.as_dict(), "sections": sections}
        if len(staged.rejects):
            self.rejects = pd.concat([self.rejects, staged.rejects], ignore_index=True)
            first = staged.rejects.head(SHOWN)
            rows = "; ".join(
                f"row {row}: {message}" for row, message in zip(first["row"], first["message"], strict=True)
            )
            words = f"card {staged.source_id}: {rows}{'; …' if len(staged.rejects) > SHOWN else ''}"
            self.findings.append(Finding("rows-rejected", len(staged.rejects), words, staged.tally.rows_in))
        frame, carried = self.history.carry(staged.source_id, staged.frame)
        self.findings.extend((*staged.findings, *carried))
        return frame

    def refuse_unusable(self, source_id: str) -> None:
        """Raise InputError where a source has rows and none can be used."""
        account = self.accounts[source_id]
        if account["rejected"] and not account["rows_out"]:
            first = self.rejects[self.rejects["source_id"] == source_id].iloc[0]
            raise InputError(
                f"card {source_id}: none of its {account['rows_in']} rows can be used;"
                f" row {first['row']}: {first['message']}. Check the columns of the card with qpvhealth inspect"
            )

    def unmatched(self, source_id: str, n: int) -> None:
        """Note in the account how many rows of a source speak of something that no other source has."""
        self.accounts[source_id]["unmatched"] = n

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

    def warn(self, rule: str, codes: pd.Series, message: str, of: int) -> None:
        """Record a finding about structures, with the first of them; none where there is no structure."""
        if len(codes):
            examples = ", ".join(codes.head(SHOWN)) + (", …" if len(codes) > SHOWN else "")
            self.findings.append(Finding(rule, len(codes), f"{message} ({examples})", of))


def read_all(cards: list[Card], corrections: tuple[Correction, ...], progress: Callable[[str], None]) -> Sources:
    """Read every card, kind by kind. Raises what the readers raise, with the accounts of what was read; nothing is written.

    Accounts, findings and errors stand in the order of the kinds, polygons first.
    """
    sources = Sources()
    try:
        _read_kinds(sources, cards, corrections, progress)
    except QpvhealthError as error:
        error.accounts = sources.accounts
        raise
    return sources


def _read_kinds(
    sources: Sources, cards: list[Card], corrections: tuple[Correction, ...], progress: Callable[[str], None]
) -> None:
    """Put what every card gives into its place in the sources."""

    def read(kind: str) -> tuple[list[Card], list[pd.DataFrame]]:
        """Return the cards of a kind and what they gave, in their order."""
        progress(f"reading {kind}")
        own = of_kind(cards, kind)
        return own, [sources.record(MODULES[kind].read(card, corrections)) for card in own]

    sources.history = CommuneHistory.of(read("commune_events")[1])
    _put_neighbourhoods(sources, *read("neighbourhoods"))
    progress("reading structures")
    _read_structures(sources, of_kind(cards, "structures"), corrections)
    progress("reading register")
    for card in of_kind(cards, "register"):
        _read_register(sources, card, corrections)
    _put_geocoded(sources, *read("geocoded"))
    _put_declarations(sources, *read("declarations"))
    of_populations = read("populations")[1]
    none = populations.KIND.together([]).assign(source_id=pd.Series(dtype="str"), source_row=pd.Series(dtype="int64"))
    sources.populations_read = pd.concat(of_populations or [none], ignore_index=True)
    sources.populations = populations.combine(of_populations)
    zoning_cards, zoning_frames = read("zoning")
    if zoning_cards:
        sources.zoning_classes, sources.zoning_composition = zonings.combine(zoning_frames)
        sources.editions = zonings.editions(zoning_cards, sources.zoning_classes)
    sources.programmes = programmes.KIND.together(read("programme")[1])
    sources.links = links.KIND.together(read("links")[1])
    sources.series = series.combine(read("series")[1])
    _put_boundaries(sources, read("boundaries")[1])
    _name_communes(sources)
    for vintage in sources.vintages.values():
        _warn_stock(sources, vintage)
    figures, points, planned, goals = (
        read(kind)[1] for kind in ("neighbourhood_indicators", "practitioners", "projects", "targets")
    )
    listed, funding = projects.combine(planned)
    sources.supplements = {
        "neighbourhood_figures": quarter_indicators.combine(figures),
        "practitioners": practitioners.KIND.together(points),
        "projects": listed,
        "project_funding": funding,
        "programme_targets": targets.combine(goals),
    }
    _count_people(sources, sources.supplements["practitioners"])


def _put_neighbourhoods(sources: Sources, cards: list[Card], frames: list[pd.DataFrame]) -> None:
    """Take the polygons. Raises UsageError where no card gives any, InputError for conflicts between cards."""
    if not cards:
        raise UsageError("sources.toml: no card of kind neighbourhoods; without QPV polygons nothing can be placed")
    for card in cards:
        sources.refuse_unusable(card.id)
    sources.neighbourhoods, duplicates, replaced = neighbourhoods.combine(frames)
    sources.repeated(duplicates)
    for source_id, n in replaced.items():
        sources.left_out(source_id, n, "no area, taken from another card")
    for card in cards:
        dates = (card.get("in_force_from"), card.get("in_force_to"))
        if card["generation"] not in KNOWN and any(dates):
            sources.own_sets[card["generation"]] = dates


def _read_structures(sources: Sources, cards: list[Card], corrections: tuple[Correction, ...]) -> None:
    """Read the extracts, and put those of a year together."""
    aside: list[pd.DataFrame] = []
    by_year: dict[int, list[tuple[Card, pd.DataFrame]]] = {}
    rejected: dict[int, list[tuple[Card, Staged]]] = {}
    for card in cards:
        staged = structures.read(card, corrections)
        by_year.setdefault(card["year"], []).append((card, sources.record(staged)))
        sources.refuse_unusable(card.id)
        rejected.setdefault(card["year"], []).append((card, staged))
        aside.append(staged.left_out.assign(year=card["year"]))
    for year, extracts in sorted(by_year.items()):
        frame, duplicates = structures.combine([frame for _, frame in extracts])
        sources.repeated(duplicates)
        sources.vintages[year] = _vintage(year, extracts)
        sources.structures[year] = frame.assign(year=year)
        sources.points[year] = structures.points(frame).assign(rank=EXTRACT_RANK, commune_found=None)
        apart = replace(sources.history, carried=[])  # rows that are not used are in no list of what was carried
        unread = [structures.unread(staged, frame, card, apart) for card, staged in rejected[year]]
        sources.unread[year] = pd.concat(unread, ignore_index=True).assign(year=year)
    # of what extracts list out of scope: what another year counts, and no card of its own year does
    sources.out_of_scope = pd.DataFrame(columns=["finess_et", "year", structures.AS_WRITTEN, *PROVENANCE])
    if aside:
        listed = pd.concat(aside, ignore_index=True).drop_duplicates(["finess_et", "year"])
        counted = pd.concat([e[["finess_et", "year"]] for e in sources.structures.values()], ignore_index=True)
        listed = listed[among(listed["finess_et"], counted["finess_et"])]
        same = listed.merge(counted, on=["finess_et", "year"], how="left", indicator=True)
        sources.out_of_scope = same[same["_merge"] == "left_only"].drop(columns="_merge").reset_index(drop=True)


def _vintage(year: int, extracts: list[tuple[Card, pd.DataFrame]]) -> Vintage:
    """Say what the cards of a year cover together. A card of other types alone says nothing of MSP and CdS anywhere."""
    cards = [card for card, _ in extracts]
    counting = [
        card
        for card, frame in extracts
        if not card.get("other_types") or frame["structure_type"].isin(STRUCTURE_TYPES).any()
    ]
    covers = []
    for part in (counting, [card for card in cards if card.get("other_types")]):
        departments = [card.departments() for card in part]
        covers.append(None if None in departments else frozenset().union(*filter(None, departments)))
    statuses = sorted({c.get("status") for c in cards if c.get("status")})
    ids = tuple(c.id for c in cards)
    return Vintage(year, cards[0]["reference_date"], covers[0], ", ".join(statuses) or None, ids, covers[1])


def _warn_stock(sources: Sources, vintage: Vintage) -> None:
    """Report what in the extract of a year is not in its stock, or cannot be attributed."""
    frame, day = sources.structures[vintage.year], pd.Timestamp(vintage.reference_date)
    counted = frame["structure_type"].isin(STRUCTURE_TYPES)
    outside = pd.Series(data=False, index=frame.index)
    for of_type, departments in ((counted, vintage.departments), (~counted, vintage.other_departments)):
        if departments is not None:
            outside |= of_type & ~frame["department_code"].isin(departments)
    vague = (frame["structure_type"] == CDS) & (frame["modality"] == UNKNOWN_MODALITY)
    for rule, mask, words in (
        ("opening-in-future", frame["opened_on"] > day, f"open after {vintage.reference_date}, out of the stock"),
        ("closed-before", frame["closed_on"] <= day, f"closed on or before {vintage.reference_date}, out of the stock"),
        ("extract-outside-cover", outside, "lie outside what the extract covers"),
        ("department-unknown", frame["department_code"].isna(), "have no known département"),
        ("modality-unknown", vague, "are centres without known modality"),
    ):
        sources.warn(rule, frame["finess_et"][mask], f"{vintage.year}: structures that {words}", len(frame))


def _read_register(sources: Sources, card: Card, corrections: tuple[Correction, ...]) -> None:
    """Fill what the extract of a year does not say from its register; a value that is there is never replaced.

    Rejected rows that the register knows to be closed, of another category or counted already change nothing.
    """
    year, extract = card["year"], sources.structures.get(card["year"])
    if extract is None:
        sources.record(structures.read(card, corrections, wanted=frozenset()))
        _warn_unused(sources, card)
        return
    unread, wanted = sources.unread[year], frozenset(extract["finess_et"])
    register = sources.record(structures.read(card, corrections, wanted=wanted, marks=structures.marks(unread)))
    if len(unread):
        day = sources.vintages[year].reference_date
        sources.unread[year] = structures.still_unread(unread, register, extract, day)
        of_extract = among(register["finess_et"], wanted)
        sources.left_out(card.id, int((~of_extract).sum()), structures.NOT_IN_EXTRACT)
        register = register[of_extract].reset_index(drop=True)
    aligned = register.set_index("finess_et").reindex(extract["finess_et"]).reset_index(drop=True)
    for column in ("structure_type", "commune_code", "opened_on"):
        ours, theirs = extract[column], aligned[column]
        differ = ours.notna() & theirs.notna() & (ours != theirs)
        message = f"card {card.id}: {column} differs from the extract's, kept"
        sources.warn("register-conflict", extract.loc[differ, "finess_et"], message, len(register))
    absent = extract.loc[~among(extract["finess_et"], register["finess_et"]), "finess_et"]
    message = f"card {card.id}: does not hold structures of the extract"
    sources.warn("register-unmatched", absent, message, len(extract))
    sources.structures[year] = extract.assign(**{c: extract[c].fillna(aligned[c]) for c in COMPLETED})
    offered = structures.points(register).assign(rank=REGISTER_RANK, commune_found=None)
    sources.points[year] = pd.concat([sources.points[year], offered], ignore_index=True)


def _put_geocoded(sources: Sources, cards: list[Card], frames: list[pd.DataFrame]) -> None:
    for card, frame in zip(cards, frames, strict=True):
        year = card["year"]
        if year not in sources.structures:
            _warn_unused(sources, card)
            continue
        offered = frame[among(frame["finess_et"], sources.structures[year]["finess_et"])]
        points = structures.points(offered).assign(rank=GEOCODED_RANK, commune_found=offered["commune_found"])
        sources.points[year] = pd.concat([sources.points[year], points], ignore_index=True)
        sources.left_out(card.id, len(frame) - len(offered), structures.NOT_IN_EXTRACT)
        sources.unmatched(card.id, len(frame) - len(offered))


def _warn_unused(sources: Sources, card: Card) -> None:
    sources.findings.append(Finding("source-unused", 1, f"card {card.id}: no extract of {card['year']} to complete"))


def _put_declarations(sources: Sources, cards: list[Card], frames: list[pd.DataFrame]) -> None:
    sources.declarations = declarations.KIND.together(frames)
    declarations.refuse_both(sources.declarations, "declarations")
    for card, frame in zip(cards, frames, strict=True):
        if card.get("answered", {}).get("exhaustive", True):
            about = product(card.departments() or (), card.get("answered", {}).get("types", STRUCTURE_TYPES))
            who = [(card["year"], card["generation"], *cell) for cell in about]
            sources.answered = pd.concat([sources.answered, pd.DataFrame(who, columns=ANSWERED)]).drop_duplicates()
        extract = sources.structures.get(card["year"], sources.declarations[:0])
        orphan = frame.loc[~among(frame["finess_et"], extract["finess_et"]), "finess_et"]
        sources.unmatched(card.id, len(orphan))
        message = f"card {card.id}: structures that no extract of its year holds"
        sources.warn("declaration-orphan", orphan, message, len(frame))


def _put_boundaries(sources: Sources, frames: list[pd.DataFrame]) -> None:
    """Part outlines, by level, from tables of communes; without outlines points are compared with boxes."""
    none = pd.DataFrame(columns=_AREA_COLUMNS, dtype="str")
    outlines = [f for f in frames if "geometry" in f.columns]
    tables = [f for f in frames if "geometry" not in f.columns]
    whole = pd.concat([none[["level"]], *outlines], ignore_index=True)
    sources.outlines = {str(level): part.reset_index(drop=True) for level, part in whole.groupby("level", sort=False)}
    sources.communes = pd.concat([none, *tables], ignore_index=True)[_AREA_COLUMNS]
    sources.commune_people = _people([*tables, *outlines])
    sources.areas = pd.concat([none, *tables, *outlines], ignore_index=True)[_AREA_COLUMNS[:3]]
    if whole.empty:
        sources.findings.append(
            Finding("outlines-missing", 1, "no outlines among the boundaries: points are held against boxes only")
        )


def _people(frames: list[pd.DataFrame]) -> pd.Series:
    """Sum the inhabitants of each commune in each frame (communes that merged are several rows); the first frame that has it counts."""
    parts = [
        rows.groupby("area_code")["population"].sum(min_count=1).dropna()
        for rows in (frame[frame["level"] == "commune"] for frame in frames)
        if len(rows)
    ]
    every: pd.Series[float] = pd.concat([pd.Series(dtype="float64"), *parts])
    return every[~every.index.duplicated()]


def _count_people(sources: Sources, practitioners_read: pd.DataFrame) -> None:
    """Take the inhabitants of communes from the GP counts, the last vintage, where the boundaries do not say them."""
    latest = practitioners_read[practitioners_read["year"] == practitioners_read["year"].max()]
    sources.commune_people = sources.commune_people.combine_first(_people([latest]))


def _name_communes(sources: Sources) -> None:
    """Give QPV whose file names their communes without code the codes of the table of communes, where all names match."""
    table = sources.communes[sources.communes["level"] == "commune"]
    qpv = sources.neighbourhoods
    rows = qpv[qpv["commune_codes"].isna() & qpv["commune_names"].notna()]
    if table.empty or rows.empty:
        return
    codes = communes.codes(rows["qpv_code"], rows["commune_names"], table, sources.history.names)
    sources.neighbourhoods = qpv.assign(commune_codes=qpv["commune_codes"].fillna(codes))
    lost = rows.loc[codes.isna(), "commune_names"]
    if len(lost):
        message = f"QPV whose commune names match no code: {', '.join(lost.drop_duplicates().head(5))}"
        sources.findings.append(Finding("commune-unnamed", len(lost), message, len(rows)))
