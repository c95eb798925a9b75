"""No row is lost: generated files, whose records and true lines are known because they were written one by one.

A file is made of records, each of a kind that says what must become of it. The reader never sees the kinds: what it gives back
is held against them, line by line. Workbooks are counted again by another reader (openpyxl).
"""

from __future__ import annotations

import datetime as dt
import random
import time
from dataclasses import dataclass, field

import openpyxl
import pytest

from qpvhealth.ingest.cards import Card
from qpvhealth.ingest.kinds import populations, structures
from qpvhealth.ingest.readers import delimited

OUT, SCOPE, REJECTED, REPEAT, BROKEN = "out", "out of scope", "rejected", "duplicate", "broken"
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252")
ENDS = ("\n", "\r\n", "\r")
NAMES = ("Le Parc", "Santé d'été", "L'Ourcq", "NA", "null", "007", " espace ", "a''b", "=1+1", "1e5", "-", "É")
HEADER = ["finess_et", "structure_type", "name", "commune_code"]


@dataclass
class File:
    """What is written, and what must become of it: by kind, the physical lines where the records start."""

    lines: list[str] = field(default_factory=list)
    fates: dict[str, list[int]] = field(default_factory=dict)

    def add(self, fate, *lines):
        self.fates.setdefault(fate, []).append(len(self.lines) + 1)
        self.lines += lines

    def n(self, *fates):
        return sum(len(self.fates.get(f, ())) for f in fates)


def cell(text, separator):
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if set(text) & {separator, '"', "\n"} else text


def generated(spread, separator, *, raw_bytes):  # noqa: C901, PLR0912 -- one branch a kind of record
    """Make one file of up to thirty records."""
    made, known = File(), []
    for _ in range(spread.randrange(3)):
        made.lines.append(spread.choice(["", "  "]))
    made.lines.append(separator.join(HEADER))
    multiline = spread.random() < 0.5
    for i in range(spread.randrange(1, 30)):
        name = spread.choice(NAMES)
        row = [f"93{i:07d}", spread.choice(["MSP", "CDS", "Centre de santé"]), name, "93901"]
        kind = spread.randrange(14)
        plain = separator.join(cell(c, separator) for c in row)
        if kind == 0:
            made.lines.append(spread.choice(["", " \t "[: 1 + spread.randrange(2)]]) if separator != "\t" else "")
        elif kind == 1:
            made.add(REJECTED, separator.join(["x", *row[1:]]))
        elif kind == 2:
            made.add(SCOPE, separator.join([row[0], "out_of_scope", *row[2:]]))
        elif kind == 3 and known:
            made.add(REPEAT, spread.choice(known))
        elif kind == 4:
            made.add(BROKEN, separator.join(row[: spread.randrange(1, 4)]))
        elif kind == 5:
            made.add(BROKEN, plain + separator + "more")
        elif kind == 6:
            made.add(OUT, plain + separator * spread.randrange(1, 4))
        elif kind == 7 and multiline:
            made.add(OUT, separator.join([row[0], row[1], '"first']), separator.join(['second"', row[3]]))
        elif kind == 8 and not multiline:
            made.add(BROKEN, separator.join([row[0], row[1], f'"{name}', row[3]]))
        elif kind == 9:
            made.add(BROKEN, separator.join([row[0], row[1], "a\0b", row[3]]))
        elif kind == 10 and raw_bytes:
            made.add(BROKEN, separator.join([row[0], row[1], "a\udc81b", row[3]]))
        elif kind == 11:
            made.add(OUT, separator.join([row[0], row[1], f'"{name}" annexe', row[3]]))
        elif kind == 12:
            made.add(OUT, separator.join([row[0], row[1], cell(f'{name} {separator} "x"', separator), row[3]]))
        else:
            made.add(OUT, plain)
            known.append(plain)
    return made


def write(path, spread):
    """Write a generated file in some encoding, with some line ends; return it with the options of its card."""
    separator, encoding = spread.choice(delimited.SEPARATORS), spread.choice(ENCODINGS)
    made = generated(spread, separator, raw_bytes=encoding == "cp1252")
    text = spread.choice(ENDS).join(made.lines) + spread.choice(["", "\n"])
    path.write_bytes(text.encode(encoding, "surrogateescape"))
    return made, {"encoding": "cp1252"} if encoding == "cp1252" else {}


def of_records(made, path, options):
    """Hold the records of the reader against the lines that were written."""
    table = delimited.read_delimited(path, **options)
    assert sorted(b.row for b in table.broken) == made.fates.get(BROKEN, [])
    wanted = sorted(line for fate, lines in made.fates.items() if fate != BROKEN for line in lines)
    assert table.rows.tolist() == wanted
    assert table.n_records == made.n(OUT, SCOPE, REJECTED, REPEAT, BROKEN)


def of_structures(made, path, options):
    """Hold the account of a staged extract against the records that were written."""
    card = Card("s", "structures", path, path.name, options | {"year": 2020, "reference_date": dt.date(2020, 4, 1)})
    staged = structures.read(Card(**{**vars(card), "options": card.options | {"layout": "dgos-mapped"}}))
    tally = staged.tally
    assert tally.rows_in == made.n(OUT, SCOPE, REJECTED, REPEAT, BROKEN)
    assert staged.frame["source_row"].tolist() == made.fates.get(OUT, [])
    assert staged.rejects["row"].tolist() == sorted(made.fates.get(REJECTED, []) + made.fates.get(BROKEN, []))
    assert sum(tally.out_of_scope.values()) == made.n(SCOPE)
    assert tally.duplicates == made.n(REPEAT)


def all_hold(folder, hold, *, n, seconds, seed):
    """Generate and hold up to ``n`` files within so many seconds of processor; return how many."""
    path, ends = folder / "s.csv", time.process_time() + seconds
    for i in range(n):
        spread = random.Random(f"{seed}-{i}")  # noqa: S311 -- shapes, not secrets
        made, options = write(path, spread)
        if not any(line.strip() for line in made.lines[1:]):
            continue
        try:
            hold(made, path, options)
        except Exception as error:
            raise AssertionError(f"file {seed}-{i}: {options} {made} {path.read_bytes()!r}") from error
        if time.process_time() > ends:
            return i + 1
    return n


@pytest.mark.parametrize("seed", range(2))
def test_a_hundred_thousand_files_lose_no_record(tmp_path, is_whole, seed):
    n, seconds = (50_000, 600) if is_whole else (10_000, 25)
    assert all_hold(tmp_path, of_records, n=n, seconds=seconds, seed=seed) >= n // 10


def test_thousands_of_extracts_lose_no_row(tmp_path, is_whole):
    seconds = 200 if is_whole else 12
    assert all_hold(tmp_path, of_structures, n=10_000, seconds=seconds, seed="structures") >= 100


def book(path, spread):  # noqa: C901, PLR0912 -- one branch a kind of row
    """Write a workbook of populations; return how many rows of each kind, by their number in Excel."""
    made = openpyxl.Workbook()
    sheet = made.active
    if spread.random() < 0.3:
        made.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    if spread.random() < 0.3:
        hidden = made.create_sheet("caché")
        hidden.append(["code_qp", "pop"])
        hidden.sheet_state = "hidden"
    top = spread.randrange(4)
    if top:
        sheet["A1"] = "Un titre"
        sheet.merge_cells("A1:C1")
    at = top + 1
    for column, name in enumerate(("code_qp", "pop", "nom_qp", "le"), start=1):
        sheet.cell(at, column, name)
    fates, people = {OUT: [], REJECTED: [], REPEAT: [], SCOPE: []}, {}
    for i in range(spread.randrange(1, 25)):
        at += 1 + (spread.random() < 0.15)
        kind, code = spread.randrange(9), f"QP{93000 + i:06d}"
        values = [code, spread.choice([100, 100.0, "1 234", None, "ND"]), "Nom", dt.date(2019, 3, 31)]
        if kind == 0:
            values[0], fate = "XX", REJECTED
        elif kind == 1:
            values[0], fate = None, REJECTED
        elif kind == 2:
            values[1], fate = "beaucoup", REJECTED
        elif kind == 3:
            values[0], fate = "Ensemble", SCOPE
        elif kind == 4 and people:
            code = spread.choice(sorted(people))
            values, fate = [code, people[code], "Nom", None], REPEAT
        elif kind == 5:
            values[1], fate = "=1+1", OUT
        elif kind == 6:
            values[3], fate = 12, OUT
        else:
            fate = OUT
        if fate == OUT and values[1] != "=1+1":
            people[code] = values[1]
        for column, value in enumerate(values, start=1):
            sheet.cell(at, column, value)
        fates[fate].append(at)
    made.save(path)
    return fates, top + 1


def counted_again(path, header):
    """Count the rows that hold something below the header, with openpyxl."""
    sheet = openpyxl.load_workbook(path).worksheets[0]
    rows = sheet.iter_rows(min_row=header + 1, values_only=True)
    return sum(any(c is not None and str(c).strip() for c in row) for row in rows)


def test_workbooks_lose_no_row(tmp_path, is_whole):
    path, ends = tmp_path / "p.xlsx", time.monotonic() + (40 if is_whole else 15)
    for i in range(400):
        fates, header = book(path, random.Random(i))  # noqa: S311 -- shapes, not secrets
        options = {"generation": "qpv-2015", "population_year": 2013, "header_row": header}
        staged = populations.read(Card("p", "populations", path, path.name, options))
        tally = staged.tally
        assert tally.rows_in == counted_again(path, header) == sum(map(len, fates.values())), i
        assert staged.frame["source_row"].tolist() == fates[OUT], i
        assert staged.rejects["row"].tolist() == fates[REJECTED], i
        assert (tally.duplicates, sum(tally.out_of_scope.values())) == (len(fates[REPEAT]), len(fates[SCOPE])), i
        if time.monotonic() > ends and i >= 20:
            break
