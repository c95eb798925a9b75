"""The build: a raw folder in, the tables of a release out. The method is one page, ``stages``; behind it, one module a stage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from qpvhealth.build.stages import Built
    from qpvhealth.settings import Settings

__all__ = ["build"]


def build(raw: str | Path, settings: Settings | None = None, *, progress: Callable[[str], None] | None = None) -> Built:
    """Build every table of a release from a raw folder, in memory.

    ``raw`` holds ``sources.toml``. ``progress`` is called with the name of each step as it begins. Returns the tables of
    ``contract.tables.PUBLISHED`` by name. Raises UsageError for a wrong card, mapping or setting, and where pandas reads texts as
    objects; InputError for a file that is missing, changed or unreadable; ContractError when an account does not balance or levels do
    not add up. Nothing is written.
    """
    from qpvhealth import settings as choices  # noqa: PLC0415 -- nothing is loaded before a build begins
    from qpvhealth.build import stages  # noqa: PLC0415
    from qpvhealth.ingest import cards, inputs  # noqa: PLC0415

    resolved = inputs.resolve(cards.load(Path(raw)))
    return stages.run(Path(raw), resolved, settings or choices.Settings(), progress or stages.silent)
