"""The command line: parse, call, show. Nothing else imports click, and nothing heavy is imported before a command runs."""

from qpvhealth.cli import building, changes, figures, points, raw, releases, returns, studies
from qpvhealth.cli.group import main, main_group, reference

run = main
"""The entry point of the installed command."""

__all__ = [
    "building",
    "changes",
    "figures",
    "main",
    "main_group",
    "points",
    "raw",
    "reference",
    "releases",
    "returns",
    "run",
    "studies",
]
