"""Published figures that the raw folder adds to those of the package: ``published.toml``, beside the cards. Stdlib only."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from qpvhealth.errors import UsageError
from qpvhealth.facts import lists, published
from qpvhealth.ingest.readers import guard
from qpvhealth.settings import read_toml

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME = "published.toml"
KIND = "published"
_FIGURE = f"{FILE_NAME}: figure"


def load(folder: Path) -> list[dict[str, Any]]:
    """Return the input that ``published.toml`` is in the manifest: its hash and its ``figures``; nothing where there is no file.

    Raises UsageError, all problems at once, for what ``facts.published.read`` refuses, and for another section than ``[[figure]]``.
    """
    path = folder / FILE_NAME
    if not os.path.lexists(path):  # a pipe, a folder or a link to nothing is refused below, not passed over
        return []
    document = read_toml(path)
    if unknown := sorted(set(document) - {"figure"}):
        raise UsageError(f"{FILE_NAME}: unknown section {', '.join(unknown)}; write [[figure]]")
    blocks = document.get("figure", [])
    published.read(blocks, _FIGURE, published.FIGURES)
    figures = lists.expand(blocks, _FIGURE)
    return [{"id": FILE_NAME, "kind": KIND, "path": FILE_NAME, "sha256": guard.sha256_of(path), "figures": figures}]
