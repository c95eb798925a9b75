"""From text to values. Each function takes a text column and returns typed values and a mask of what could not be read.

Cells that are right as they stand, nearly all of them in most files, are only looked at; the others are mended.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from qpvhealth.errors import UsageError
from qpvhealth.facts.situations import NO, YES
from qpvhealth.facts.territories import FINESS_OVERSEAS, FORMER_COMMUNES
from qpvhealth.ingest.vocabulary import SHARED

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

FINESS = r"[0-9][0-9A-Z][0-9]{7}"
OWN_IDENTIFIER = r"[^:]+:.+"
FINESS_LENGTH, COMMUNE_LENGTH, DEPARTMENT_LENGTH = 9, 5, 2
COMMUNE = r"(?:\d{2}|2[AB])\d{3}"
DEPARTMENT = r"\d{2}|2[AB]|9[78]\d"
SIRET = r"\d{14}"
NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
LIST_SEPARATOR = r"[,;|/\s\[\]\"']+"
"""Between the codes of one cell; a list of JSON has brackets and quotes too."""
SPACES = "[\\s\u00a0\u202f\u2009'\u2019]"
SENTINELS = frozenset(SHARED["lists"]["sentinels"])
"""Words that neighbouring public sources write for a suppressed or absent number: null with a reason, never 0."""
SENTINEL_START = "n/a "
TOTAL_ROWS = frozenset(SHARED["lists"]["total_rows"])
"""Words that stand where a QPV code would, in the row of a total."""
YES_NO: dict[str, str] = {
    **dict.fromkeys(SHARED["lists"]["yes"], YES),
    **dict.fromkeys(SHARED["lists"]["no"], NO),
}
"""What people write for yes and no, in either language; compared whole, without case."""


class Cleaned(NamedTuple):
    """Typed values aligned on the text, a mask of what is there but unreadable, and a mask of what was repaired."""

    typed: pd.Series
    bad: pd.Series
    repaired: pd.Series


def _nowhere(text: pd.Series) -> pd.Series:
    return pd.Series(data=False, index=text.index)


def is_blank(text: pd.Series) -> bool:
    """Say whether every cell is empty: most columns that a layout knows are absent from most files."""
    return bool(text.array.isna().all())


def matches(text: pd.Series, pattern: str) -> pd.Series:
    """Say which cells match a pattern as a whole; an empty cell does not."""
    if is_blank(text):
        return _nowhere(text)
    return text.str.fullmatch(pattern, na=False).astype(bool)


def translated(text: pd.Series, rule: Callable[[str], str | None]) -> pd.Series:
    """Write each cell as a rule says, asked once for each distinct text; an empty cell stays null."""
    if is_blank(text):
        return text.astype("str")
    codes, cells = text.factorize()
    words = pd.array([*(rule(cell) for cell in cells), None], dtype="str")
    return pd.Series(words.take(codes), index=text.index, name=text.name)  # no text has code -1: the last word, null


def _codes(
    text: pd.Series,
    pattern: str,
    length: int = 0,
    rewrite: Callable[[pd.Series], pd.Series] | None = None,
    outdated: Collection[str] = (),
) -> Cleaned:
    """Keep the codes that are right as they stand; read the others, outdated ones too, in capitals, rewritten, without spaces.

    Digits that are one short of ``length`` have lost their leading zero and get it back.
    """
    typed, bad, repaired = text.copy(), _nowhere(text), _nowhere(text)
    at = (text.notna() & (~matches(text, pattern) | text.isin(outdated))).to_numpy()
    if at.any():
        plain = whole(_without_spaces(text[at])).str.upper()
        plain = rewrite(plain) if rewrite else plain
        short = matches(plain, rf"\d{{{length - 1}}}") if length else _nowhere(plain)
        plain = plain.where(~short, "0" + plain)
        valid = matches(plain, pattern)
        typed[at], bad[at], repaired[at] = plain.where(valid).to_numpy(), ~valid.to_numpy(), (short & valid).to_numpy()
    return Cleaned(typed, bad, repaired)


def garbled(text: pd.Series) -> pd.Series:
    """Say which cells are UTF-8 read as cp1252 (``CitÃ©`` for Cité): written back in cp1252 they are UTF-8, which no word is."""
    if is_blank(text):
        return _nowhere(text)

    def is_garbled(cell: str) -> bool:
        """Say whether a cell, written back in cp1252, is UTF-8 of another text."""
        try:
            return not _LEADS.isdisjoint(cell) and cell.encode("cp1252").decode("utf-8") != cell
        except UnicodeError:
            return False

    beyond_ascii = pc.invert(pc.string_is_ascii(pa.array(text, type=pa.large_string()))).fill_null(False)
    at = np.flatnonzero(beyond_ascii)
    mask = np.zeros(len(text), dtype=bool)
    mask[at] = [is_garbled(cell) for cell in text.iloc[at]]
    return pd.Series(mask, index=text.index)


_LEADS = frozenset("ÂÃÅâ")
"""What the first byte of a letter beyond ASCII, or of a typographic sign, is in cp1252."""


def whole(text: pd.Series) -> pd.Series:
    """Strip each cell, and write a code that was kept as a number with decimals (``124.0``) as the code."""
    return text if is_blank(text) else text.str.replace(r"^\s*(\d+)[.,]0+\s*$", r"\1", regex=True).str.strip()


def dates(text: pd.Series) -> Cleaned:
    """Read dates as days: ISO, day/month/year, or eight digits, a time of day left out. Anything else there is bad."""
    out = pd.Series(pd.NaT, index=text.index, dtype="datetime64[s]")
    if is_blank(text):
        return Cleaned(out, _nowhere(text), _nowhere(text))
    for pattern, fmt in SHARED["dates"].items():
        if not (text.notna() & out.isna()).any():
            break
        day = text.str.extract(pattern)[0]
        if day.notna().any():
            out = out.fillna(pd.to_datetime(day, format=fmt, errors="coerce").dt.as_unit("s"))
    return Cleaned(out, text.notna() & out.isna(), _nowhere(text))


def numbers(text: pd.Series) -> tuple[Cleaned, pd.Series]:
    """Read numbers with any thousands space and a decimal comma or point; also return where a sentinel stands.

    Infinity and "nan" are not numbers here.
    """
    if is_blank(text):
        return Cleaned(pd.Series(np.nan, index=text.index), _nowhere(text), _nowhere(text)), _nowhere(text)
    plain, suppressed = text.copy(), _nowhere(text)
    at = (text.notna() & ~matches(text, NUMBER)).to_numpy()
    if at.any():
        unusual = text[at]
        word = unusual.str.strip().str.casefold()
        suppressed[at] = (word.isin(SENTINELS) | word.str.startswith(SENTINEL_START)).to_numpy()
        written = _without_spaces(unusual).str.replace(",", ".", regex=False)
        plain[at] = written.where(matches(written, NUMBER) & ~suppressed[at]).to_numpy()
    values = pd.to_numeric(plain, errors="coerce").astype("float64")
    values = values.where(np.isfinite(values))
    return Cleaned(values, text.notna() & values.isna() & ~suppressed, _nowhere(text)), suppressed


def finess(text: pd.Series) -> Cleaned:
    """Read FINESS numbers: nine characters, as text. A number of eight digits lost its zero and gets it back."""
    return _codes(text, FINESS, FINESS_LENGTH)


def communes(text: pd.Series) -> Cleaned:
    """Read INSEE commune codes: five characters. Four digits lost their zero and get it back.

    A list of JSON that holds one code is that code. ``9F611``, the département of FINESS before the three digits, is 97611, and ``9J613``
    is 98613; the codes that Saint-Martin and Saint-Barthélemy
    had as communes of Guadeloupe are those that they have since.
    """

    def rewritten(plain: pd.Series) -> pd.Series:
        """Take a code out of a list of one, and write the overseas départements of FINESS as INSEE does."""
        plain = plain.str.replace(r'^\["?(\w+)"?\]$', r"\1", regex=True)  # a list of one
        start = plain.str[:2].map(FINESS_OVERSEAS).str[:2]
        return (start + plain.str[2:]).fillna(plain).replace(FORMER_COMMUNES)

    return _codes(text, COMMUNE, COMMUNE_LENGTH, rewritten, FORMER_COMMUNES)


def _without_spaces(text: pd.Series) -> pd.Series:
    return text.str.replace(SPACES, "", regex=True)


def postcodes(text: pd.Series) -> pd.Series:
    """Return postal codes as written, with the zero that four digits have lost."""
    if is_blank(text):
        return text
    plain = whole(text)
    return plain.where(~matches(plain, r"\d{4}"), "0" + plain)


def departments(text: pd.Series) -> pd.Series:
    """Read INSEE département codes, the overseas codes of FINESS included; null for anything else."""
    return _codes(text, DEPARTMENT, DEPARTMENT_LENGTH, lambda plain: plain.replace(FINESS_OVERSEAS)).typed


def composed_communes(department: pd.Series, commune: pd.Series) -> pd.Series:
    """Put a commune code together from the département and the three digits that FINESS gives.

    Overseas the code is ``97``, or ``98`` where the département begins so, and the three digits (``9F`` and ``611`` are 97611
    Mamoudzou); elsewhere the département and the three digits.
    """
    if is_blank(department) or is_blank(commune):
        return pd.Series(None, index=commune.index, dtype="str")
    plain = whole(department).str.upper()
    insee = plain.replace(FINESS_OVERSEAS)
    start = insee.str.zfill(2).where(~matches(insee, r"9[78]\d"), insee.str[:2])
    digits = whole(commune)
    return communes((start + digits.str.zfill(3)).where(matches(digits, r"\d{1,3}"))).typed


def sirets(text: pd.Series) -> Cleaned:
    """Read SIRET numbers: 14 digits, spaces allowed."""
    return _codes(text, SIRET)


def code_lists(text: pd.Series) -> pd.Series:
    """Split cells that hold several codes (``97120, 97101``, ``97120;97101``) into lists; an empty list for an empty cell."""
    return text.fillna("").map(listed)


def listed(cell: str) -> list[str]:
    """Split one cell that may hold several codes."""
    return [c for c in re.split(LIST_SEPARATOR, cell.strip()) if c]


def coded(text: pd.Series, mapping: Mapping[str, str], *, column: str, where: str) -> pd.Series:
    """Replace coded values by ours, whole values compared without case or outer spaces; an empty cell stays null.

    ``mapping`` may map the empty text. Raises UsageError for a value that it does not hold, and says what to write.
    """
    words = {word(k): v for k, v in mapping.items()}
    if is_blank(text):
        return pd.Series(words.get(""), index=text.index, name=text.name, dtype="str")
    unknown = sorted(cell for cell in text.dropna().unique() if word(cell) not in words)
    if unknown:
        shown = ", ".join(f'"{u}"' for u in unknown[:10])
        meanings = ", ".join(sorted({v for v in mapping.values() if v}))
        raise UsageError(
            f"{where}: {column} has values that are not known: {shown}."
            f" Write each in the card under [source.values.{column}]; known: {meanings}"
        )
    ours = translated(text, lambda cell: words[word(cell)])
    return ours.fillna(words[""]) if "" in words else ours


def word(text: str) -> str:
    """Write a coded value without case or outer spaces, its accents in one form."""
    return " ".join(unicodedata.normalize("NFC", text).split()).casefold()
