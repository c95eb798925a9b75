"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

FORMATS = ("text", "md", "csv", "json", "xlsx")
FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)


def raw_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--raw``."""
    return click.option(
        "--raw", type=FOLDER, default=Path("data/raw"), show_default=True, help="Folder of sources.toml."
    )(command)


def out_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--out``."""
    return click.option(
        "--out", type=FOLDER, default=Path("data/processed"), show_default=True, help="Where releases are."
    )(command)


def release_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of every command that reads a release."""
    command = out_option(command)
    return click.option(
        "--release",
        "release_name",
        metavar="R",
        help="Id of a release, the start of one, or its folder. Default: current.",
    )(command)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(command)


def show_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of every command that shows a table."""
    command = click.option(
        "--to", type=click.Path(dir_okay=False, path_type=Path), help="Write there instead of printing."
    )(command)
    command = click.option(
        "--format", "fmt", type=click.Choice(FORMATS), help="Default: text, or what --to ends with."
    )(command)
    return json_option(command)


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that choose rows."""
    command = click.option("--department", metavar="CODE", help="Only this département (INSEE code).")(command)
    command = click.option("--region", metavar="CODE", help="Only this region (INSEE code).")(command)
    command = click.option(
        "--generation", metavar="G", help="Perimeters to use. Default: those in force at the reference date."
    )(command)
    return click.option("--year", type=int, help="Only this vintage.")(command)
