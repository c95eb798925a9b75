"""From text to values. Each function takes a text column and returns typed values and a mask of what could not be read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from qpvhealth.errors import UsageError
from qpvhealth.facts.territories import FINESS_OVERSEAS

if TYPE_CHECKING:
    from collections.abc import Mapping

FINESS = r"[0-9][0-9A-Z][0-9]{7}"
FINESS_LENGTH, COMMUNE_LENGTH = 9, 5
COMMUNE = r"(?:\d{2}|2[AB])\d{3}"
DEPARTMENT = r"\d{2}|2[AB]|9[78]\d"
SIRET = r"\d{14}"
LIST_SEPARATOR = r"[,;|/\s]+"
SPACES = r"[\s\u00a0\u202f\u2009']"
SENTINELS = frozenset({"nd", "n.d.", "s", "ns", "_u", "_z", "hz", "csz", "na", "n/a", "-", "secret", "c"})
"""Words that neighbouring public sources write for a suppressed or absent number: null with a reason, never 0."""

_DATE_FORMATS = (
    (r"\d{4}-\d{2}-\d{2}", "%Y-%m-%d"),
    (r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}", "ISO8601"),
    (r"\d{2}/\d{2}/\d{4}", "%d/%m/%Y"),
    (r"\d{4}/\d{2}/\d{2}", "%Y/%m/%d"),
    (r"\d{8}", "%Y%m%d"),
)


class Cleaned(NamedTuple):
    """Typed values aligned on the text, a mask of what is there but unreadable, and a mask of what was repaired."""

    values: pd.Series
    bad: pd.Series
    repaired: pd.Series


def _cleaned(values: pd.Series, bad: pd.Series, repaired: pd.Series | None = None) -> Cleaned:
    return Cleaned(values, bad, repaired if repaired is not None else pd.Series(data=False, index=bad.index))


def dates(text: pd.Series) -> Cleaned:
    """Read dates as days: ISO, day/month/year, or eight digits. Anything else that is not empty is bad."""
    out = pd.Series(pd.NaT, index=text.index, dtype="datetime64[s]")
    for pattern, fmt in _DATE_FORMATS:
        at = text.str.fullmatch(pattern).fillna(value=False).astype(bool)
        if at.any():
            out[at] = pd.to_datetime(text[at], format=fmt, errors="coerce").dt.as_unit("s").dt.normalize()
    return _cleaned(out, text.notna() & out.isna())


def numbers(text: pd.Series) -> tuple[Cleaned, pd.Series]:
    """Read numbers with any thousands space and a decimal comma or point; also return where a sentinel stands.

    Infinity and "nan" are not numbers here.
    """
    plain = text.str.replace(SPACES, "", regex=True).str.replace(",", ".", regex=False)
    suppressed = text.str.strip().str.casefold().isin(SENTINELS)
    shaped = plain.str.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?").fillna(value=False).astype(bool)
    values = pd.to_numeric(plain.where(shaped & ~suppressed), errors="coerce").astype("float64")
    values = values.where(np.isfinite(values))
    return _cleaned(values, text.notna() & values.isna() & ~suppressed), suppressed


def finess(text: pd.Series) -> Cleaned:
    """Read FINESS numbers: nine characters, as text. A number of eight digits lost its zero and gets it back."""
    plain = text.str.replace(SPACES, "", regex=True).str.upper()
    short = plain.str.fullmatch(r"\d{8}").fillna(value=False).astype(bool)
    padded = plain.where(~short, plain.str.zfill(FINESS_LENGTH))
    valid = padded.str.fullmatch(FINESS).fillna(value=False).astype(bool)
    return _cleaned(padded.where(valid), padded.notna() & ~valid, short)


def communes(text: pd.Series) -> Cleaned:
    """Read INSEE commune codes: five characters. Four digits lost their zero and get it back."""
    plain = text.str.replace(SPACES, "", regex=True).str.upper()
    short = plain.str.fullmatch(r"\d{4}").fillna(value=False).astype(bool)
    padded = plain.where(~short, plain.str.zfill(COMMUNE_LENGTH))
    valid = padded.str.fullmatch(COMMUNE).fillna(value=False).astype(bool)
    return _cleaned(padded.where(valid), padded.notna() & ~valid, short)


def departments(text: pd.Series) -> pd.Series:
    """Read INSEE département codes, the overseas codes of FINESS included; null for anything else."""
    plain = text.str.replace(SPACES, "", regex=True).str.upper()
    plain = plain.where(~plain.str.fullmatch(r"\d").fillna(value=False).astype(bool), plain.str.zfill(2))
    plain = plain.replace(FINESS_OVERSEAS)
    return plain.where(plain.str.fullmatch(DEPARTMENT).fillna(value=False).astype(bool))


def composed_communes(department: pd.Series, commune: pd.Series) -> pd.Series:
    """Put a commune code together from the département and the three digits that FINESS gives.

    Overseas the code is ``97`` and the three digits (``9F`` and ``611`` are 97611 Mamoudzou); elsewhere the département and
    the three digits.
    """
    plain = department.str.strip().str.upper()
    overseas = plain.isin(FINESS_OVERSEAS) | plain.str.fullmatch(r"97\d").fillna(value=False).astype(bool)
    start = plain.str.zfill(2).where(~overseas, "97")
    joined = start + commune.str.strip().str.zfill(3)
    return joined.where(joined.str.fullmatch(COMMUNE).fillna(value=False).astype(bool))


def sirets(text: pd.Series) -> Cleaned:
    """Read SIRET numbers: 14 digits, spaces allowed."""
    plain = text.str.replace(SPACES, "", regex=True)
    valid = plain.str.fullmatch(SIRET).fillna(value=False).astype(bool)
    return _cleaned(plain.where(valid), plain.notna() & ~valid)


def code_lists(text: pd.Series) -> pd.Series:
    """Split cells that hold several codes (``97120, 97101``, ``97120;97101``) into lists; an empty list for an empty cell."""
    return text.fillna("").map(lambda cell: [c for c in re.split(LIST_SEPARATOR, cell.strip()) if c])


def coded(text: pd.Series, mapping: Mapping[str, str], *, column: str, where: str) -> pd.Series:
    """Replace coded values by ours, whole values compared without case or outer spaces; an empty cell stays null.

    ``mapping`` may map the empty text. Raises UsageError for a value that it does not hold, and says what to write.
    """
    words = {_word(k): v for k, v in mapping.items()}
    keys = text.map(_word, na_action="ignore").astype("str")
    if "" in words:
        keys = keys.fillna("")
    unknown = sorted(set(text[keys.notna() & ~keys.isin(words)]))
    if unknown:
        shown = ", ".join(f'"{u}"' for u in unknown[:10])
        raise UsageError(
            f"{where}: {column} has values that are not known: {shown}."
            f" Write each in the card under [source.values.{column}]; known: {', '.join(sorted(set(mapping.values())))}"
        )
    return keys.map(words).astype("str")


def _word(text: str) -> str:
    return " ".join(text.split()).casefold()
