"""The command itself: its own options, its exit codes, and its reference page."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

import click

from qpvhealth import __version__
from qpvhealth.cli.options import FILE
from qpvhealth.cli.output import harmless, logger
from qpvhealth.errors import PublishError, QpvhealthError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BUG, INTERRUPTED = 70, 130
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
MAX_WIDTH = 110


SECTIONS: dict[str, dict[str, str]] = {
    "Every day": {
        "build": "Make a release of the raw files: the tables of every figure.",
        "counts": "How many structures in and near QPV, by year, type and area.",
        "coverage": "How many QPV have none, and how many people live there.",
        "list": "The rows behind a figure, uncovered QPV, rejected rows.",
        "report": "The note that is signed, with its maps, tables and lists.",
        "sign": "Record that the figures of a release are signed, and by whom.",
        "programmes": "How far each programme is: base, target, pace.",
        "priorities": "Rank the uncovered QPV by declared criteria and weights.",
        "projects": "Planned structures, what they would bring, their funding.",
        "practitioners": "GPs for the people of an area and of its QPV, and their age.",
        "simulate": "What new structures would change, or where they serve most.",
        "sec": "Pre-screen structures against the criteria of the SEC.",
        "returns": "Workbooks that the ARS fill in: write them, read them back.",
    },
    "Why, and how far": {
        "explain": "Every fact behind a structure, a QPV or an indicator.",
        "diff": "What moved between two years or two releases, and why.",
        "matrix": "A headline under every definition, to place a printed number.",
        "check": "Is a release right? Its contracts, or figures to compare with.",
        "declarations": "What the ARS declare, against the distance.",
        "history": "Figures over the years: trend, then and now.",
        "perimeters": "What a change of perimeters does, and the fates of QPV.",
        "audit": "What published series say of themselves.",
    },
    "Raw files": {
        "sample": "Write an invented France, to try everything on.",
        "sources": "The cards of a raw folder: list, check or fetch their files.",
        "inspect": "Which layout a file has, and what would be rejected.",
        "schema": "The data dictionary: tables, columns, indicators, scopes.",
        "doctor": "Versions, drivers, disk and settings, with where they come from.",
    },
    "Releases": {
        "releases": "List the releases, go back to one, remove old ones.",
        "verify": "Are the files of a release unchanged? Hash them again.",
        "export": "Tables and lists for other tools, with their geometry.",
    },
    "Points": {
        "locate": "The QPV of points by the million, and of their surroundings.",
    },
}
"""The commands as help lists them, each in a whole line of 80 columns."""


class MainGroup(click.Group):
    """The main command, whose help groups the others by what they are for."""

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections of help; a command that is in none comes last, with the first line of its own help."""
        names = self.list_commands(context)
        listed = {name for section in SECTIONS.values() for name in section}
        rest = {name: self.commands[name].get_short_help_str() for name in names if name not in listed}
        for title, lines in {**SECTIONS, "Others": rest}.items():
            rows = [(name, line) for name, line in lines.items() if name in names]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


@click.group(cls=MainGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": MAX_WIDTH})
@click.version_option(__version__, prog_name="qpvhealth", message="%(prog)s %(version)s")
@click.option("-v", "--verbose", count=True, help="Say more on stderr.")
@click.option("-q", "--quiet", is_flag=True, help="Say only what went wrong.")
@click.option(
    "--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form of what is said."
)
@click.option("--log-file", type=FILE, help="Also write what is said to this file.")
def main_group(verbose: int, quiet: bool, log_format: str, log_file: Path | None) -> None:
    """Count the primary-care structures in and near the French priority neighbourhoods (QPV).

    \b
    First result, on an invented France:
      qpvhealth sample data/raw
      qpvhealth build
      qpvhealth counts

    Data go to stdout, talk to stderr. Exit codes: 0 done, 1 findings, 2 usage or settings, 3 input, 4 publishing failed,
    5 a contract or an account is broken, 70 bug, 130 interrupted. Completion: eval "$(_QPVHEALTH_COMPLETE=bash_source qpvhealth)".
    """
    from qpvhealth.cli import log_lines

    log_lines.set_up(quiet=quiet, verbose=bool(verbose), as_json=log_format == "json", file=log_file)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with a documented code; a bug keeps its traceback."""
    if arguments is None:
        _read_names_in_utf8()
    try:
        code = main_group.main(args=arguments, prog_name="qpvhealth", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = UsageError.exit_code
    except QpvhealthError as error:
        with suppress(OSError):  # a full disk behind stderr does not change what happened
            click.echo(f"Error: {harmless(str(error))}", err=True)
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted; nothing was published.", err=True)
        code = INTERRUPTED
    except BrokenPipeError:
        _let_go_of_stdout()
        code = 0
    except Exception as error:  # noqa: BLE001 -- the last one to ask
        code = _unforeseen(error)
    sys.exit(code if isinstance(code, int) else 0)


def _unforeseen(error: Exception) -> int:
    """Say that the answer could not be written on stdout, or report a bug with its traceback; return the exit code."""
    if isinstance(error, OSError) and error.filename is None and error.errno in FULL:
        _let_go_of_stdout()
        with suppress(OSError):
            click.echo(f"Error: the answer cannot be written: {error.strerror}", err=True)
        return PublishError.exit_code
    logger().getChild("bug").error("This is a bug: please report it with this traceback.", exc_info=error)
    return BUG


def _let_go_of_stdout() -> None:
    """Send nowhere what is still to be written there, so that Python does not fail once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _read_names_in_utf8() -> None:
    """Start again in Python's UTF-8 mode where the locale (C, Latin-1) has another encoding: GDAL and Arrow name files in UTF-8.

    What goes to the terminal keeps the encoding of the terminal.
    """
    if sys.getfilesystemencoding() == "utf-8" or "utf8" in sys._xoptions:  # noqa: SLF001 -- the documented name
        return
    shown = f"{sys.stdout.encoding}:{sys.stdout.errors}"
    words = [sys.executable, "-X", "utf8", *sys.orig_argv[1:]]
    os.execve(sys.executable, words, {"PYTHONIOENCODING": shown} | os.environ)  # noqa: S606 -- this very program, no shell


def reference() -> str:
    """Describe every command in Markdown, from their own help; the terminal does not change it."""
    sections = ["# Commands\n\nGenerated by `make docs` from the help of each command; do not edit.\n"]
    names = ["-h", "--help"]
    contexts = [click.Context(main_group, info_name="qpvhealth", terminal_width=MAX_WIDTH, help_option_names=names)]
    while contexts:
        context = contexts.pop(0)
        command = context.command
        sections.append(f"## `{context.command_path}`\n\n```text\n{command.get_help(context)}\n```\n")
        if isinstance(command, click.Group):
            children = command.list_commands(context)
            contexts[:0] = [click.Context(command.commands[n], info_name=n, parent=context) for n in children]
    return "\n".join(sections).rstrip() + "\n"
