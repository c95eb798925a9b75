"""Dates that registers write where they know none."""

from __future__ import annotations

from datetime import date

PLACEHOLDERS: tuple[date, ...] = (date(1900, 1, 1), date(1904, 4, 4))
"""Opening dates that stand for "unknown": they are no evidence of anything.

Measured on the FINESS extract of Occitanie (about January 2026): 11 rows of 1900-01-01 and 314 of 1904-04-04, 4 of them
centres; no other day comes near these numbers. That they are placeholders is an (inference).
"""
