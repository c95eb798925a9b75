"""What the files of the kinds share: keys of any card, lists of headers and words, names of systems. Needs no frame library."""

from __future__ import annotations

from pathlib import Path

from qpvhealth.settings import read_toml

SHARED = read_toml(Path(__file__).with_name("kinds") / "shared.toml")
"""``keys`` and ``choices`` of any card; ``lists`` that the files of the kinds name (``*qpv_code``); ``dates``; ``systems``."""
