"""An explanation as lines of text: the document of ``studies.explanations``, in words, in the order in which a question is followed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qpvhealth.publish import sentences, words
from qpvhealth.publish.rendering import readable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from qpvhealth.publish.sentences import Language

    Document = Mapping[str, Any]

UNITS = {"_m": " m", "_m2": " m²", "_km2": " km²"}
"""The unit of a number, by the end of its name."""
SHOWN_ROWS = 20
"""Rows of an indicator shown in text; all of them are in the document."""


def lines(document: Document, language: Language = "fr") -> Iterator[str]:
    """Write an explanation as lines: of a structure, of a QPV or of an indicator."""
    say = sentences.lines_of("explained", language)
    name = f" · {document['name']}" if document.get("name") else ""
    yield f"{document['code']}{name} · {say[document['kind']]}"
    write = {"structure": _structure, "neighbourhood": _neighbourhood, "indicator": _indicator, "rejected": _rejected}[
        document["kind"]
    ]
    yield from write(document, say, language)


def value(name: str, cell: Any, language: Language) -> str:  # noqa: ANN401
    """Write a value as people read it: a code in words, metres whole, a share in percent, a day in their order."""
    (text,) = words.shown(name, [cell], None, language)
    unit = next((unit for end, unit in UNITS.items() if name.endswith(end)), "")
    return readable(text, language) + (unit if cell is not None else "")


def _pairs(facts: Document, language: Language, *, leave_out: Iterable[str] = ()) -> Iterator[str]:
    colon = " : " if language == "fr" else ": "
    for name, cell in facts.items():
        if name not in leave_out and not isinstance(cell, list | dict):
            yield f"{words.title(name, language)}{colon}{value(name, cell, language)}"


def _records(rows: list[Document], language: Language, leave_out: Iterable[str] = ()) -> Iterator[str]:
    for row in rows:
        between = " ; " if language == "fr" else "; "
        yield "    - " + between.join(_pairs(row, language, leave_out=leave_out))


def _source(source: Document, say: Mapping[str, str]) -> Iterator[str]:
    sheet = say["sheet"].format(sheet=source["sheet"]) if "sheet" in source else ""
    yield "  " + say["source"].format(**{**source, "sheet": sheet})
    if "raw" not in source:
        yield "  " + say[f"missing_{source['raw_is_missing']}"]
        return
    yield "  " + say["raw"]
    yield from (f"    {header} = {text}" for header, text in source["raw"].items())
    yield from (f"    {say['correction'].format(**correction)}" for correction in source.get("corrections", []))


def flip(facts: Document, language: Language = "fr") -> str:
    """Say in one sentence what would change the answer about a structure (see ``studies.explanations.flips``)."""
    number = words.rounded(float(facts.get("metres", 0.0)), 1)
    named = {k: value(k, v, language) for k, v in facts.items()} | {"metres": readable(number, language)}
    return sentences.lines_of("flips", language)[facts["what"]].format_map(_Unknown(named))


class _Unknown(dict[str, Any]):
    """What a sentence names and a document lacks is a question mark."""

    def __missing__(self, key: str) -> str:
        return "?"


def _structure(document: Document, say: Mapping[str, str], language: Language) -> Iterator[str]:
    for year in document["years"]:
        yield ""
        yield say["extract"].format(year=year["year"], day=value("on", year["reference_date"], language))
        yield from _source(year["source"], say)
        yield "  " + say["facts"]
        yield from (f"    {pair}" for pair in _pairs(year["facts"], language))
        for verdict in year["verdicts"]:
            in_force = say["in_force"] if verdict["is_in_force"] else ""
            situation, rule = (words.word(verdict[c], language) for c in ("situation", "rule"))
            named = {
                "generation": value("generation", verdict["generation"], language),
                "in_force": in_force,
                "situation": situation,
                "rule": rule,
            }
            yield "  " + say["verdict"].format(**named)
            left = ("generation", "situation", "rule", "is_in_force")
            yield from (f"    {pair}" for pair in _pairs(verdict, language, leave_out=left))
            yield "    " + say["flips"]
            yield from (f"    - {flip(facts, language)}" for facts in verdict["flips"])
            if verdict["around"]:
                yield "    " + say["around"]
                yield from _records(verdict["around"], language)
    yield ""
    yield say["changes"]
    yield from _records(document["changes"], language)
    if not document["changes"]:
        yield "    " + say["none"]
    if "out_of_scope" in document:
        yield ""
        yield say["out_of_scope"]
        yield from _records(document["out_of_scope"], language)
    if "rejected" in document:
        yield from _rejected(document, say, language)


def _rejected(document: Document, say: Mapping[str, str], language: Language) -> Iterator[str]:
    yield ""
    yield say["rejected_rows"]
    yield from _records(document["rejected"], language, words.OF_LOGS if language == "fr" else ())


def _neighbourhood(document: Document, say: Mapping[str, str], language: Language) -> Iterator[str]:
    for generation in document["generations"]:
        yield ""
        yield say["perimeters"].format(generation=value("generation", generation["generation"], language))
        yield from _source(generation["source"], say)
        yield from (f"    {pair}" for pair in _pairs(generation["facts"], language))
        yield "  " + say["zoning"]
        yield from _records(generation["zoning"], language)
        for year in generation["years"]:
            in_force = say["in_force"] if year["is_in_force"] else ""
            yield "  " + say["year"].format(year=year["year"], in_force=in_force)
            yield from (f"    {pair}" for pair in _pairs(year, language, leave_out=("year", "is_in_force")))
            if year["structures"]:
                yield "    " + say["structures"]
                yield from _records(year["structures"], language)
    yield ""
    yield say["fates"]
    yield from _records(document["fates"], language)


def _indicator(document: Document, say: Mapping[str, str], language: Language) -> Iterator[str]:
    figure = document["figure"]
    if words_of_it := document["words"].get(language):
        yield words_of_it
    yield say["figure"]
    names = [name for name in figure if name in ("value", "lower", "upper")]
    numbers = dict(
        zip(
            names,
            words.shown("value", [figure[n] for n in names], [figure.get("unit")] * len(names), language),
            strict=True,
        )
    )
    yield from (f"    {pair}" for pair in _pairs({**figure, **numbers}, language, leave_out=("rule",)))
    for part, rows in document["rows"].items():
        yield say[part].format(n=len(rows))
        yield from _records(rows[:SHOWN_ROWS], language, leave_out=("generation",))
        if len(rows) > SHOWN_ROWS:
            yield "    " + say["more"].format(n=len(rows) - SHOWN_ROWS)
    yield ""
    yield from (sentences.in_language(note, language) for note in document["notes"])
