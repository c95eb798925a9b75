"""The progress report: what its sections say of a release, read from published tables only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qpvhealth.publish import sentences, visas
from qpvhealth.publish.report.content import Note
from qpvhealth.publish.report.words import say
from qpvhealth.studies.report import bare, headline, limits, live_map, maps, movements, nearby
from qpvhealth.studies.report.headline import near_words, on
from qpvhealth.studies.report.subject import COUNTRY, Subject

if TYPE_CHECKING:
    from qpvhealth.publish.release import Release
    from qpvhealth.publish.visas import Visa

__all__ = ["Subject", "note"]
SECTIONS = (
    headline.headline,
    maps.maps,
    movements.movements,
    nearby.nearby,
    bare.bare,
    bare.zoning,
    limits.limits,
    limits.revisions,
    limits.sources,
    limits.annexes,
)


def note(subject: Subject) -> Note:
    """Return the progress report of a release for a year and an area (see ``Subject.of``): what is missing is said, never filled in."""
    day = subject.day
    title = say(
        "title.title",
        on=say(
            "title.day", day="1er" if day.day == 1 else str(day.day), month=sentences.month(day), year=str(day.year)
        ),
    )
    area = say("title.country") if subject.level == COUNTRY else say("title.area", name=subject.name, code=subject.code)
    sections = tuple(section(subject) for section in SECTIONS)
    return Note(title, area, _banner(subject), sections, _warnings(subject), live=live_map.live_map(subject))


def _banner(subject: Subject) -> tuple[tuple[str, str], ...]:
    release: Release = subject.release
    visa, later = visas.of_release(release)
    inputs = {i["year"]: i for i in release.manifest["inputs"] if i["kind"] == "structures" and "year" in i}
    extracts = release.table("extracts").set_index("year")
    dates = []
    for year in subject.years:
        received, status = inputs.get(year, {}).get("received_on"), extracts.loc[year, "status"]
        words = say("banner.received", day=str(received)) if received else say("banner.not_received")
        state = status if isinstance(status, str) else say("banner.no_status")
        dates.append(say("banner.extract", on=on(subject, year), received=words, status=state))
    return (
        ("État", _state(visa, later)),
        ("Version", f"{release.id} (empreinte {release.manifest['fingerprint'][:12]})"),
        ("Extraits", " ; ".join(dates)),
        ("Périmètres", " ; ".join(f"{subject.perimeters(y)} ({on(subject, y)})" for y in subject.years)),
        ("Proximité", say("banner.rule", near=near_words(subject))),
        ("Auteur, visa, contact", _names(visa)),
        ("Nature", say("banner.statistics")),
    )


def _state(visa: Visa | None, later: Visa | None) -> str:
    """Say whether the release is signed, what its visa replaces, and what replaces it."""
    if visa is None:
        return say("banner.state")
    words = say("banner.signed", day=visa.day, number=visa.number)
    words += say("banner.replaces", number=visa.replaces) if visa.replaces else ""
    return words + (say("banner.replaced", number=later.number) if later else "")


def _names(visa: Visa | None) -> str:
    if visa is None:
        return say("banner.visa")
    return say("banner.names_note" if visa.note else "banner.names", author=visa.author, by=visa.by, note=visa.note)


def _warnings(subject: Subject) -> tuple[str, ...]:
    lines = [say("title.invented")] if subject.release.invented else []
    part = [(year, covered) for year in subject.years if (covered := subject.covered(year)) is not True]
    lines += [say("title.part" if covered is None else "title.none", on=on(subject, year)) for year, covered in part]
    return tuple(lines)
