"""Options that several commands share, and the decorator of every command that shows what a release answers."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qpvhealth.cli.output import OUT, Shown, open_release, show

if TYPE_CHECKING:
    from collections.abc import Callable

    from qpvhealth.publish.selection import View

    Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

FORMATS = ("text", "md", "csv", "json", "xlsx")
FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)


def in_order(*options: Decorator) -> Decorator:
    """Make one decorator of several options, which help lists in this order."""
    return lambda command: functools.reduce(lambda decorated, option: option(decorated), reversed(options), command)


raw_option = click.option(
    "--raw", type=FOLDER, default=Path("data/raw"), show_default=True, help="Folder of sources.toml."
)
out_option = click.option("--out", type=FOLDER, default=OUT, show_default=True, help="Where releases are.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
year_option = click.option("--year", type=int, help="Vintage. Default: the last.")
only_year_option = click.option("--year", type=int, help="Only this vintage.")
settings_option = click.option("--settings", "settings_file", type=FILE, help="Default: the nearest qpvhealth.toml.")
release_options = in_order(
    click.option(
        "--release",
        "release_name",
        metavar="R",
        help="Id of a release, the start of one, or its folder. Default: current.",
    ),
    out_option,
)
lang_option = click.option(
    "--lang",
    "language",
    type=click.Choice(["fr", "en"]),
    default="fr",
    show_default=True,
    help="Language of headers and values; JSON and CSV keep the codes.",
)
show_options = in_order(
    json_option,
    click.option("--format", "fmt", type=click.Choice(FORMATS), help="Default: text, or what --to ends with."),
    click.option("--to", type=FILE, help="Write there instead of printing."),
    lang_option,
    click.option("--wide", is_flag=True, help="Print every column, however wide the terminal."),
)
filter_options = in_order(
    only_year_option,
    click.option("--generation", metavar="G", help="Perimeters to use. Default: those in force at the reference date."),
    click.option("--region", metavar="CODE", help="Only this region (INSEE code)."),
    click.option("--department", metavar="CODE", help="Only this département (INSEE code)."),
)


def shows_views(answer: Callable[..., View | tuple[View, ...]]) -> Callable[..., None]:
    """Make a command of a function from a release and its own options to views: the views are shown in the form asked for.

    Adds --json, --format, --to, --release and --out. See ``output.show`` for one view and for several.
    """

    @show_options
    @release_options
    @functools.wraps(answer)
    def command(*, release_name: str | None, out: Path, **options: Any) -> None:
        """Open the release, answer from it, and show the answer."""
        how = shown_as(options)
        release = open_release(out, release_name)
        show(release, answer(release, **options), how)

    return command


def shown_as(options: dict[str, Any]) -> Shown:
    """Take the options of ``show_options`` out of those of a command."""
    names = {"fmt": "fmt", "to": "to", "as_json": "as_json", "language": "language", "wide": "is_wide"}
    return Shown(**{field: options.pop(name) for name, field in names.items()})
