"""Every rule that can reject a row or raise a warning: a stable identifier, and what it means for the figures."""

from __future__ import annotations

from dataclasses import dataclass

REJECT, WARNING, STRICT = "reject", "warning", "strict"


@dataclass(frozen=True)
class Rule:
    """One rule. ``level``: reject (the row is not used), warning (it is), strict (an error with ``--strict``)."""

    id: str
    level: str
    meaning: str


@dataclass(frozen=True)
class Finding:
    """A rule met while building: how often, out of how many, and one line that says where and what to do."""

    rule: str
    n: int
    message: str
    of: int | None = None

    def as_dict(self) -> dict[str, object]:
        """Return plain values for the manifest."""
        share = round(self.n / self.of, 6) if self.of else None
        return {"rule": self.rule, "n": self.n, "of": self.of, "share": share, "message": self.message}


RULES: dict[str, Rule] = {
    r.id: r
    for r in (
        Rule("row-broken", REJECT, "the record has no place in the table: wrong number of fields, unclosed quote"),
        Rule("identifier-missing", REJECT, "neither a FINESS ET number nor an identifier of the extract"),
        Rule("finess-invalid", REJECT, "the FINESS ET number has not nine characters of the expected form"),
        Rule("qpv-code-invalid", REJECT, "the QPV code does not match the pattern of its generation"),
        Rule("qpv-code-missing", REJECT, "a row without QPV code"),
        Rule("value-missing", REJECT, "a value that this kind of row cannot do without is empty"),
        Rule("value-unreadable", REJECT, "a value that this kind of row cannot do without cannot be read"),
        Rule("geometry-missing", REJECT, "a perimeter without polygon"),
        Rule("geocoder-answer-unusable", REJECT, "the geocoder's row has no identifier or repeats one"),
        Rule("geolocation-orphan", REJECT, "a geolocalisation line whose establishment is not in the file"),
        Rule("zoning-error-value", REJECT, "the source itself says that this row is in error"),
        Rule("finess-zeros-restored", WARNING, "a FINESS number had lost its leading zero and got it back"),
        Rule(
            "finess-replaced",
            WARNING,
            "a FINESS number that cannot be one: the structure is known by the extract's own identifier",
        ),
        Rule("commune-zeros-restored", WARNING, "a commune code had lost its leading zero and got it back"),
        Rule("commune-invalid", WARNING, "a commune code that cannot be one is taken as unknown"),
        Rule(
            "commune-missing",
            WARNING,
            "structures without commune: their département is the one that the extract gives, or unknown",
        ),
        Rule(
            "department-unknown",
            WARNING,
            "structures without département: counted for the country, area code none below",
        ),
        Rule("date-unreadable", WARNING, "a date that cannot be read is taken as unknown"),
        Rule("number-unreadable", WARNING, "a number that cannot be read is taken as unknown"),
        Rule("number-suppressed", WARNING, "a sentinel of suppression or absence is taken as unknown, never as 0"),
        Rule("crs-unknown", WARNING, "coordinates whose system is not said or not known are not used"),
        Rule("crs-overridden", WARNING, "the card names another coordinate system than the file: the card's is used"),
        Rule("sheet-unread", WARNING, "a sheet that is no table, left unread while looking for the ones of a source"),
        Rule("siret-invalid", WARNING, "a SIRET that has not 14 digits is taken as unknown"),
        Rule("type-conflict", WARNING, "the FINESS category and the extract's own type disagree; the type is kept"),
        Rule("column-unmapped", WARNING, "columns of the file that no column of ours takes"),
        Rule("column-missing", WARNING, "columns of ours that the file does not have: unknown, never no"),
        Rule("reading-choice", WARNING, "what was chosen while reading: encoding, separator, header row"),
        Rule("duplicates", WARNING, "identical repeats, counted once"),
        Rule("opening-in-future", WARNING, "structures that open after the reference date, out of the stock"),
        Rule("closed-before", WARNING, "structures already closed at the reference date, out of the stock"),
        Rule("extract-outside-cover", WARNING, "structures outside what the card says the extract covers"),
        Rule("source-unused", WARNING, "a source that no year or generation of this build uses"),
        Rule("register-unmatched", WARNING, "structures that the register does not hold"),
        Rule("register-conflict", WARNING, "a value of the register differs from the extract's; the extract's is kept"),
        Rule(
            "location-conflict",
            WARNING,
            "two sources place a structure more than 100 m apart; the first in rank is kept",
        ),
        Rule("location-undetermined", WARNING, "structures whose location cannot decide"),
        Rule("location-contradictory", WARNING, "points far from the declared commune, département or territory"),
        Rule(
            "outlines-missing",
            WARNING,
            "no outlines: points are held against the box of their territory and of their département only",
        ),
        Rule("polygon-repaired", WARNING, "invalid polygons repaired, polygonal part kept"),
        Rule("polygon-changed", WARNING, "a repair changed the area of a polygon by more than the setting"),
        Rule(
            "polygon-collapsed", STRICT, "polygons without area: nothing can be inside them, their coverage is unknown"
        ),
        Rule("polygon-misplaced", STRICT, "polygons outside the territory of their code: wrong system or swapped axes"),
        Rule("qpv-count", WARNING, "the number of QPV of a territory is not that of the law"),
        Rule("qpv-overlap", WARNING, "pairs of QPV that overlap by more than 1 m²; points in both go to the deepest"),
        Rule("tie", WARNING, "structures inside several QPV, or at the same distance of several: stated rule applied"),
        Rule("near-border", WARNING, "structures within 1 m of a QPV limit"),
        Rule("fragile", WARNING, "structures whose situation a plausible location error would change"),
        Rule("generation-missing", WARNING, "no generation given is in force at a reference date in some territory"),
        Rule("population-missing", WARNING, "QPV without population: not in the populations concerned"),
        Rule("population-orphan", WARNING, "populations of codes that no polygon has"),
        Rule("programme-orphan", WARNING, "codes of a programme that no polygon has"),
        Rule("zoning-orphan", WARNING, "codes of a zoning that no polygon has"),
        Rule("zoning-without-class", WARNING, "QPV to which no level of the zoning gives a class"),
        Rule("zoning-none-in-force", WARNING, "no zoning edition is in force at a reference date for a generation"),
        Rule("generation-mismatch", WARNING, "a source names QPV codes of another generation than its card says"),
        Rule("declaration-orphan", WARNING, "declarations about structures that the extract does not hold"),
        Rule(
            "declaration-unlisted",
            WARNING,
            "structures of an answering region that its answer does not name: read as no",
        ),
        Rule(
            "declaration-conflict",
            WARNING,
            "the extract's own quartier vécu and the ARS's answer differ; the answer is kept",
        ),
        Rule("declaration-inside", WARNING, "structures declared near that are inside a QPV: inside wins"),
        Rule("flag-disagreement", WARNING, "geometry and the extract's own in-QPV flag disagree"),
        Rule("commune-unknown", WARNING, "commune codes that the table of communes does not hold"),
        Rule("commune-unnamed", WARNING, "QPV whose file names communes that the table of communes does not have"),
        Rule("correction-applied", WARNING, "values corrected by corrections.toml"),
        Rule("modality-unknown", WARNING, "centres of unknown modality: the primary scope is a bound"),
        Rule(
            "type-crossed",
            WARNING,
            "structures that are MSP or centre in one extract and of a type beyond them in another",
        ),
        Rule("not-attributable", WARNING, "changes that no evidence explains: shown by name and count, never spread"),
        Rule("order-matters", WARNING, "changes whose causes another order of tests would split otherwise"),
        Rule(
            "link-candidate",
            WARNING,
            "records that look like one structure under two numbers: confirm them in a links file",
        ),
        Rule(
            "rebuilt-from-survivors",
            WARNING,
            "a series that never falls in any département: it was rebuilt from survivors",
        ),
        Rule("series-inconsistent", WARNING, "published series that do not add up, or were rebuilt or restated"),
    )
}
