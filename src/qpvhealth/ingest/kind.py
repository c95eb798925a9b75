"""What a kind of card is, declared in a TOML file beside the module of the kind.

The checks of cards, their messages, ``inspect`` and the documentation read these declarations; each file is read when one asks
for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from qpvhealth.errors import UsageError
from qpvhealth.facts import lists
from qpvhealth.ingest.layouts import Field, Layout
from qpvhealth.ingest.vocabulary import SHARED
from qpvhealth.settings import read_toml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from qpvhealth.ingest.readers.raw import RawTable

_FOLDER = Path(__file__).with_name("kinds")
_YEARS = range(2006, 2041)


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
class _CodedEntry:
    """``words``: by meaning; ``meanings``: where they are more than those of the words."""

    words: dict[str, tuple[str, ...]] = field(default_factory=dict)
    meanings: tuple[str, ...] = ()
    replace: bool = False


@dataclass(frozen=True)
class _LayoutEntry:
    """``columns``: those of the kind where they are not given, else those that have aliases; ``aliases``: headers by column of ours."""

    name: str
    required: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    aliases: dict[str, tuple[str, ...]] = field(default_factory=dict)
    key: str = ""


@dataclass(frozen=True)
class Declaration:
    """The file of a kind.

    ``fr`` and ``en`` say what its files hold; ``example``: a card, in TOML; ``keys``: those of its own, with the type of each;
    ``required``: those it cannot do without; ``choices``: the words that a key may take; ``coded``: the columns whose words a card
    may map under [source.values]; ``words``: words that no card maps, by column and meaning; ``hints``: by which words ``inspect``
    guesses a column or a meaning; ``layout``: of its files, with ``columns`` and ``aliases`` that they share; ``lists``: what these name
    with a star; ``frame``: columns and types of the table of all its files; ``like``: another kind whose layouts, columns and coded words
    are its own too.
    """

    fr: str
    en: str
    example: str
    required: tuple[str, ...] = ()
    like: str = ""
    keys: dict[str, str] = field(default_factory=dict)
    choices: dict[str, tuple[str, ...]] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    aliases: dict[str, tuple[str, ...]] = field(default_factory=dict)
    lists: dict[str, tuple[str, ...]] = field(default_factory=dict)
    words: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    hints: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    coded: dict[str, _CodedEntry] = field(default_factory=dict)
    layout: tuple[_LayoutEntry, ...] = ()
    frame: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Kind:
    """A kind of card: its name, its declaration in ``kinds/<file>.toml``, and what tells its files.

    ``recognises``: whether a table that has the columns of a layout is likely to be of this kind; null where its header alone does
    not tell.
    """

    name: str
    file: str
    recognises: Callable[[RawTable, Layout], bool] | None = None

    @cached_property
    def declaration(self) -> Declaration:
        """The file of the kind. Raises UsageError, all problems at once, for a key that is missing, unknown or of another type."""
        name = f"{self.file}.toml"
        (declaration,) = lists.records(Declaration, [read_toml(_FOLDER / name)], name)
        return declaration

    @cached_property
    def _source(self) -> Declaration:
        other = self.declaration.like
        return Kind(other, other).declaration if other else self.declaration

    def expanded(self, entries: Iterable[str]) -> Iterator[str]:
        """Write out ``*name``, a list of this kind or of all, and ``{year}``. Raises UsageError for a list that does not exist."""
        for entry in entries:
            if entry.startswith("*"):
                items = self._source.lists.get(entry[1:]) or SHARED["lists"].get(entry[1:])
                if items is None:
                    raise UsageError(f'{self.file}.toml: no list "{entry[1:]}"')
                yield from self.expanded(items)
            elif "{year}" in entry:
                yield from (entry.format(year=year) for year in _YEARS)
            else:
                yield entry

    def inverted(self, words: Mapping[str, Sequence[str]]) -> dict[str, str]:
        """Return the meaning of each word."""
        return {word: meaning for meaning, listed in words.items() for word in self.expanded(listed)}

    @cached_property
    def layouts(self) -> tuple[Layout, ...]:
        """The layouts of the files, in the order of the declaration."""
        shared, layouts = self._source, []
        for entry in shared.layout:
            aliases = shared.aliases | entry.aliases
            columns = self.expanded(entry.columns or shared.columns or entry.aliases)
            fields = [Field(c, tuple(self.expanded(aliases.get(c, ()))), required=c in entry.required) for c in columns]
            if lost := {*entry.required, *entry.aliases} - {f.name for f in fields}:
                raise UsageError(f"{self.file}.toml: layout {entry.name}: no column {', '.join(sorted(lost))}")
            layouts.append(Layout(entry.name, tuple(fields), entry.key))
        return tuple(layouts)

    @property
    def columns(self) -> tuple[str, ...]:
        """Our columns, those of all layouts, in order."""
        return tuple(dict.fromkeys(f.name for layout in self.layouts for f in layout.fields))

    @cached_property
    def coded(self) -> dict[str, Coded]:
        """The coded columns that a card may map."""
        return {
            column: Coded(entry.meanings or tuple(entry.words), self.inverted(entry.words), entry.replace)
            for column, entry in self._source.coded.items()
        }

    def words(self, column: str) -> dict[str, str]:
        """Return the meaning of each word of a column that no card maps."""
        return self.inverted(self.declaration.words[column])

    def together(self, frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
        """Put the frames of all files of this kind together: the columns of ``frame``, with its types where there is no file."""
        types = self.declaration.frame
        if not frames:
            return pd.DataFrame({column: pd.Series(dtype=dtype) for column, dtype in types.items()})
        return pd.concat(frames, ignore_index=True).reindex(columns=[*types])
