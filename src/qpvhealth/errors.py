"""What can go wrong for a user, each kind with its exit code. Anything else that is raised is a bug (exit 70)."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_EXAMPLES = 20


class QpvhealthError(Exception):
    """Base of every error that is the user's to mend: the message says where, which rule, what was expected, what to do.

    ``accounts``: those of the cards that a build had read when it stopped, by id; empty elsewhere.
    """

    exit_code = 70
    accounts: Mapping[str, Mapping[str, Any]] = MappingProxyType({})


class UsageError(QpvhealthError):
    """A setting, a card, a mapping, a correction or a code given by the user is wrong (exit 2)."""

    exit_code = 2


class InputError(QpvhealthError):
    """A raw file is missing, unreadable, unsafe, or not what its card says (exit 3)."""

    exit_code = 3


class PublishError(QpvhealthError):
    """A release could not be written: disk, permission, or another build is running (exit 4)."""

    exit_code = 4


class ContractError(QpvhealthError):
    """A table breaks its contract, or an accounting identity does not hold (exit 5)."""

    exit_code = 5


class Place(NamedTuple):
    """Where in a raw file something was seen. ``row`` counts from 1 as a person reading the file would."""

    file: str
    sheet: str | None = None
    row: int | None = None
    column: str | None = None

    def __str__(self) -> str:
        """Write the place as ``file.xlsx:Sheet!row 17, column "Type"``."""
        sheet = f":{self.sheet}" if self.sheet else ""
        row = f"{'!' if self.sheet else ':'}row {self.row}" if self.row is not None else ""
        column = f', column "{self.column}"' if self.column else ""
        return f"{self.file}{sheet}{row}{column}"


def listed(items: list[str], limit: int = MAX_EXAMPLES) -> str:
    """Join messages one a line, at most ``limit`` of them, and say how many more there are."""
    more = [f"+{len(items) - limit} more"] if len(items) > limit else []
    return "\n".join(items[:limit] + more)
