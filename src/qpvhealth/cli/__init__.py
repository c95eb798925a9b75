"""The command line: parse, call, show. Nothing else imports click, and nothing heavy is imported before a command runs."""

from qpvhealth.cli import (  # noqa: F401 -- their commands
    building,
    changes,
    explaining,
    exports,
    figures,
    points,
    raw,
    records,
    releases,
    reports,
    studies,
)
from qpvhealth.cli.group import main, main_group, reference

run = main
"""The entry point of the installed command."""

__all__ = ["main", "main_group", "reference", "run"]
