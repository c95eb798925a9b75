"""The progress report: what its sections say of a release, read from published tables only."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from qpvhealth.publish import sentences, visas
from qpvhealth.publish.report.content import Note, single_line
from qpvhealth.studies.report import bare, commune, headline, limits, live_map, maps, movements, nearby, quarter
from qpvhealth.studies.report.headline import near_words
from qpvhealth.studies.report.subject import COMMUNE, COUNTRY, QPV, Subject

if TYPE_CHECKING:
    from collections.abc import Callable

    from qpvhealth.publish.release import Release
    from qpvhealth.publish.report.content import Section
    from qpvhealth.publish.visas import Visa

__all__ = ["Subject", "note"]
_END = (limits.revisions, limits.sources)
SECTIONS: tuple[Callable[[Subject], Section], ...] = (
    headline.headline,
    maps.maps,
    movements.movements,
    nearby.nearby,
    bare.bare,
    bare.zoning,
    limits.limits,
    *_END,
    limits.annexes,
)
LOCAL: dict[str, tuple[Callable[[Subject], Section], ...]] = {
    COMMUNE: (
        headline.headline,
        maps.maps,
        movements.movements,
        commune.quarters,
        bare.zoning,
        commune.practitioners,
        commune.projects,
        limits.limits,
        *_END,
        limits.annexes,
    ),
    QPV: (
        quarter.headline,
        maps.maps,
        quarter.coverage,
        quarter.structures,
        quarter.zoning,
        quarter.fates,
        commune.practitioners,
        commune.projects,
        *_END,
    ),
}
"""The sheets of an area in which most of the report has no meaning: no rate, no share, no cause of a handful of structures."""


def note(subject: Subject) -> Note:
    """Return the progress report of a release for a year and an area (see ``Subject.of``): what is missing is said, never filled in."""
    day = subject.day
    first = subject.say("title.first", day="1") if day.day == 1 else str(day.day)
    month = sentences.month(day, subject.language)
    title = subject.say("title.title", on=subject.say("title.day", day=first, month=month, year=str(day.year)))
    area = (
        subject.say("title.country")
        if subject.level == COUNTRY
        else subject.say("title.area", name=subject.name, code=subject.code)
    )
    sections = tuple(section(subject) for section in LOCAL.get(subject.level, SECTIONS))
    own = subject.audience, subject.language, partial(live_map.live_map, subject)
    return Note(title, area, _banner(subject), sections, _warnings(subject), *own)


def _banner(subject: Subject) -> tuple[tuple[str, str], ...]:
    release: Release = subject.release
    visa, later = visas.of_release(release)
    inputs = {i["year"]: i for i in release.manifest["inputs"] if i["kind"] == "structures" and "year" in i}
    extracts = release.table("extracts").set_index("year")
    dates = []
    for year in subject.years:
        received, status = inputs.get(year, {}).get("received_on"), extracts.loc[year, "status"]
        words = (
            subject.say("banner.received", day=date.fromisoformat(str(received)))
            if received
            else subject.say("banner.not_received")
        )
        state = subject.say(f"banner.{status}") if isinstance(status, str) else subject.say("banner.no_status")
        dates.append(subject.say("banner.extract", on=subject.on(year), received=words, status=state))
    version = subject.say("banner.version", release=release.id, hash=release.manifest["fingerprint"][:12])
    values = {
        "state": _state(subject, visa, later),
        "release": version,
        "extracts": subject.say("where.list").join(dates),
        "perimeters": subject.dated_perimeters,
        "near": subject.say("banner.rule", near=near_words(subject)),
        "names": _names(subject, visa),
        "audience": subject.say(f"banner.{subject.audience}"),
        "nature": subject.say("banner.statistics"),
    }
    return tuple((subject.say(f"labels.{key}"), value) for key, value in values.items())


def _state(subject: Subject, visa: Visa | None, later: Visa | None) -> str:
    """Say whether the release is signed, what its visa replaces, and what replaces it."""
    if visa is None:
        return subject.say("banner.state")
    words = subject.say("banner.signed", day=subject.text(visa.on), number=visa.number)
    words += subject.say("banner.replaces", number=visa.replaces) if visa.replaces else ""
    return words + (subject.say("banner.replaced", number=later.number) if later else "")


def _names(subject: Subject, visa: Visa | None) -> str:
    if visa is None:
        return subject.say("banner.visa")
    if subject.is_public:
        return subject.say("banner.names_public")
    names = {"author": visa.author, "by": visa.by, "note": visa.note}
    return single_line(subject.say("banner.names_note" if visa.note else "banner.names", **names))


def _warnings(subject: Subject) -> tuple[str, ...]:
    lines = [subject.say("title.invented")] if subject.release.invented else []
    part = [(year, covered) for year in subject.years if (covered := subject.covered(year)) is not True]
    lines += [
        subject.say("title.part" if covered is None else "title.none", on=subject.on(year)) for year, covered in part
    ]
    placeless = [(year, n) for year in subject.years if (n := subject.n_placeless(year))]
    words = "title.placeless_local" if subject.is_local else "title.placeless"
    lines += [subject.say(words, n=n, on=subject.on(year)) for year, n in placeless]
    return tuple(lines)
