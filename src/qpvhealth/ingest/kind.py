"""What a kind of card is: one declaration that the checks of cards, the messages, ``inspect`` and the documentation read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qpvhealth.ingest.layouts import Layout
    from qpvhealth.ingest.readers.raw import RawTable


@dataclass(frozen=True)
class Coded:
    """A column whose words are translated: the ``meanings`` that it takes, and the words that we know for them.

    ``words`` is empty where each file has its own vocabulary. The words that a card gives are added to ours, or stand alone
    where they ``replace`` them.
    """

    meanings: tuple[str, ...]
    words: Mapping[str, str] = field(default_factory=dict)
    replace: bool = False


@dataclass(frozen=True)
class Kind:
    """A kind of card.

    ``fr`` and ``en`` say what its files hold; ``layouts``: of its files; ``example``: a card, in TOML; ``keys``: those of its
    own, with the type of each; ``required``: those it cannot do without; ``choices``: the words that a key may take;
    ``coded``: the columns whose words a card may map under [source.values]; ``recognises``: whether a table that has the columns
    of a layout is likely to be of this kind; null where its header alone does not tell.
    """

    name: str
    fr: str
    en: str
    layouts: tuple[Layout, ...]
    example: str
    keys: Mapping[str, type] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    coded: Mapping[str, Coded] = field(default_factory=dict)
    recognises: Callable[[RawTable, Layout], bool] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Our columns, those of all layouts, in order."""
        return tuple(dict.fromkeys(f.name for layout in self.layouts for f in layout.fields))


STATUSES = ("provisional", "validated", "published")
COMMON_KEYS: dict[str, type] = {
    **dict.fromkeys(("id", "kind", "path", "layout", "sheet"), str),
    "header_row": int,
    **dict.fromkeys(("encoding", "separator", "layer", "status", "sha256", "title", "producer", "url", "licence"), str),
    **dict.fromkeys(("retrieved_on", "received_on"), date),
    "invented": bool,
    **dict.fromkeys(("sidecars", "columns", "values"), dict),
    "note": str,
}
"""What any card may say."""
